//! Why a listing or an entity could not be had.

use crate::canonical::Misplaced;
use crate::genesys::{FetchError, ListingError};

/// The kinds of trouble that a run tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TroubleKind {
    /// The client lacks a permission.
    Forbidden,
    /// The organisation does not have it.
    Absent,
    /// The answers were refused, missing or could not be trusted.
    Failed,
    /// The credentials are refused.
    Unauthorised,
    /// A secret sits where nothing can take its place.
    Secret,
}

/// Why something could not be had, in words that hold no secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The kind.
    pub kind: TroubleKind,
    /// The words.
    pub cause: String,
}

impl Trouble {
    /// Why a listing is held back.
    pub(super) fn secret(path: &str, misplaced: &Misplaced) -> Self {
        Self { kind: TroubleKind::Secret, cause: format!("{path} is held back: {misplaced}") }
    }

    /// Puts a further trouble beside the first one: the first is told, unless a secret is found later.
    pub(super) fn beside(first: &mut Option<Self>, further: Self) {
        if further.kind == TroubleKind::Secret && first.as_ref().is_some_and(|first| first.kind != TroubleKind::Secret)
        {
            *first = None;
        }
        first.get_or_insert(further);
    }

    pub(super) fn failed(cause: impl Into<String>) -> Self {
        Self { kind: TroubleKind::Failed, cause: cause.into() }
    }
}

impl From<&FetchError> for Trouble {
    fn from(error: &FetchError) -> Self {
        let kind = match error {
            FetchError::Forbidden { .. } => TroubleKind::Forbidden,
            FetchError::NotFound { .. } => TroubleKind::Absent,
            FetchError::Unauthorised { .. } | FetchError::LoginRefused { .. } => TroubleKind::Unauthorised,
            _ => TroubleKind::Failed,
        };
        Self { kind, cause: with_causes(error) }
    }
}

impl From<&ListingError> for Trouble {
    fn from(error: &ListingError) -> Self {
        let kind = match error {
            ListingError::Absent { .. } => TroubleKind::Absent,
            ListingError::Failed { source, .. } => match Self::from(source).kind {
                // In the middle of a listing a missing page is a failure; a listing that is missing is `Absent` above.
                TroubleKind::Absent => TroubleKind::Failed,
                kind => kind,
            },
            ListingError::Inconsistent { .. } | ListingError::Endless { .. } => TroubleKind::Failed,
        };
        Self { kind, cause: with_causes(error) }
    }
}

/// An error with everything that caused it, in one line.
#[must_use]
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
