//! Places whose values stay in clear although they look like secrets: `<glob over domains> <pattern of pointers>`.

use std::collections::BTreeSet;

use super::domain_globs::{DomainGlobError, domain_glob};
use crate::canonical::Allowance;
use crate::catalogue::{Catalogue, Domain, FieldPath, Segment};
use crate::model::{DomainId, Pointer, wildcard};

/// A place that cannot be allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PlaceError {
    /// It is not of two parts.
    #[error("{0:?} is not a glob over domains, a space and a JSON Pointer")]
    Form(String),
    /// The first part means no domain.
    #[error(transparent)]
    Domains(#[from] DomainGlobError),
    /// The second part does not begin as a pointer does.
    #[error("{0:?} is not a JSON Pointer: it begins with a slash and names at least one member")]
    Pointer(String),
    /// The second part has a `~` that stands for nothing.
    #[error("{0:?} is not a JSON Pointer: after `~` comes 0 or 1")]
    Escape(String),
    /// The domain file says that there are secrets.
    #[error("{domain} has a declared secret at {declared}, which stays hidden")]
    Declared {
        /// The domain.
        domain: DomainId,
        /// The path in its domain file.
        declared: FieldPath,
    },
}

impl PlaceError {
    /// The domain that was probably meant.
    pub(super) fn nearest(&self) -> Option<String> {
        match self {
            Self::Domains(DomainGlobError::NoDomain { nearest, .. }) => nearest.as_ref().map(ToString::to_string),
            _ => None,
        }
    }
}

/// Reads a place such as `integrations.config /properties/*/value`.
pub(super) fn allowance(text: &str, catalogue: &Catalogue) -> Result<Allowance, PlaceError> {
    let (glob, pointer) = text.split_once(' ').ok_or_else(|| PlaceError::Form(text.to_owned()))?;
    let glob = domain_glob(glob, catalogue)?;
    let pointer = pointer.trim();
    if pointer.len() < 2 || !pointer.starts_with('/') {
        return Err(PlaceError::Pointer(pointer.to_owned()));
    }
    if pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1'])) {
        return Err(PlaceError::Escape(pointer.to_owned()));
    }
    let domains: BTreeSet<DomainId> = catalogue.names().filter(|id| glob.is_match(id.as_str())).cloned().collect();
    for domain in domains.iter().filter_map(|id| catalogue.get(id)) {
        if let Some(declared) = declared_at(domain, pointer) {
            return Err(PlaceError::Declared { domain: domain.id.clone(), declared: declared.clone() });
        }
    }
    Ok(Allowance { domains, pointer: pointer.to_owned() })
}

/// The declared secret that all of a pattern lies in.
fn declared_at<'d>(domain: &'d Domain, pointer: &str) -> Option<&'d FieldPath> {
    let steps: Vec<String> = Pointer::from_text(pointer).segments().collect();
    let lies_in = |segment: &Segment, step: &String| match segment {
        Segment::Each => step != "**",
        Segment::Name(name) => name == step,
        // What matches the longer pattern matches the shorter one.
        Segment::Pattern(pattern) => step != "**" && wildcard(pattern, step),
    };
    let is_declared = |path: &&FieldPath| {
        let segments = path.segments();
        segments.len() <= steps.len() && segments.iter().zip(&steps).all(|(segment, step)| lies_in(segment, step))
    };
    domain.treat.secret.iter().find(is_declared)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        allowance(text, &Catalogue::built_in().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn a_place_is_a_glob_and_a_pointer() {
        let catalogue = Catalogue::built_in().unwrap();
        let allowed = allowance("telephony.* /properties/**/instance", &catalogue).unwrap();
        assert!(allowed.domains.contains(&"telephony.trunks".parse().unwrap()));
        assert!(!allowed.domains.contains(&"users.users".parse().unwrap()));
        assert_eq!(allowed.pointer, "/properties/**/instance");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let form = "\"routing.queues\" is not a glob over domains, a space and a JSON Pointer";
        let pointer = "is not a JSON Pointer: it begins with a slash and names at least one member";
        assert_eq!(error("routing.queues"), form);
        assert_eq!(error("routing.queues description"), format!("\"description\" {pointer}"));
        assert_eq!(error("routing.queues /"), format!("\"/\" {pointer}"));
        assert_eq!(error("routing.queues /a~b"), "\"/a~b\" is not a JSON Pointer: after `~` comes 0 or 1");
        assert_eq!(error("routing.queue /name"), "\"routing.queue\" matches no domain");
    }

    #[test]
    fn a_declared_secret_cannot_be_allowed() {
        let refused =
            "telephony.trunk-base-settings has a declared secret at properties.*password*, which stays hidden";
        for place in ["/properties/trunk_password", "/properties/*password/value", "/properties/*password*"] {
            assert_eq!(error(&format!("telephony.trunk-base-settings {place}")), refused, "{place}");
        }
        let catalogue = Catalogue::built_in().unwrap();
        for place in ["/properties/*", "/properties/**", "/**/instance", "/properties/trunk_label"] {
            assert!(allowance(&format!("telephony.trunk-base-settings {place}"), &catalogue).is_ok(), "{place}");
        }
    }
}
