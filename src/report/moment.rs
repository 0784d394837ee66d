//! Commits, and what a history is about, as every renderer takes them.

use super::notes::short_commit;
use super::shown::{quoted, visible};
use crate::model::{Attribution, DomainId, EntityKey, Severity};
use crate::record::CommitKind;

/// A commit of the history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The commit.
    pub commit: String,
    /// When the state was observed, RFC 3339.
    pub at: String,
    /// Its kind; absent where the tool did not make it.
    pub kind: Option<CommitKind>,
    /// The run that made it.
    pub run: Option<String>,
    /// Which of the observed commits of its run it is, `2/3`.
    pub step: Option<String>,
    /// The level of its worst change, as it was judged then.
    pub level: Option<Severity>,
    /// What it says in a line.
    pub subject: String,
    /// Who made what it holds.
    pub attribution: Attribution,
}

/// What a history is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The domain.
    pub domain: DomainId,
    /// The key of the entity.
    pub key: Option<EntityKey>,
    /// What the entity is called.
    pub name: Option<String>,
}

impl Moment {
    /// Whether it holds what somebody changed, as far as is known.
    pub(super) fn is_observed(&self) -> bool {
        self.kind.is_none_or(|kind| kind == CommitKind::Observed)
    }

    /// As much of the commit's id as tells it from others.
    pub(super) fn short(&self) -> &str {
        short_commit(&self.commit)
    }
}

impl Subject {
    /// The subject in a line.
    pub(super) fn line(&self) -> String {
        let Self { domain, key, name } = self;
        match (key, name) {
            (None, _) => domain.to_string(),
            (Some(key), Some(name)) => format!("{domain} {} ({})", quoted(name), visible(key.as_str())),
            (Some(key), None) => format!("{domain} {}", visible(key.as_str())),
        }
    }
}

/// Forms of documents.
pub(super) mod v1 {
    use serde::Serialize;

    use crate::model::{Actor, DomainId, EntityKey, Explained, Severity};

    #[derive(Serialize)]
    pub(in crate::report) struct Moment<'m> {
        commit: &'m str,
        at: &'m str,
        kind: Option<&'static str>,
        run: Option<&'m str>,
        step: Option<&'m str>,
        level: Option<Severity>,
        subject: &'m str,
        explained: Option<Explained>,
        actors: &'m [Actor],
    }

    #[derive(Serialize)]
    pub(in crate::report) struct Subject<'m> {
        domain: &'m DomainId,
        id: Option<&'m EntityKey>,
        name: Option<&'m str>,
    }

    impl<'m> From<&'m super::Moment> for Moment<'m> {
        fn from(moment: &'m super::Moment) -> Self {
            Self {
                commit: &moment.commit,
                at: &moment.at,
                kind: moment.kind.map(crate::record::CommitKind::as_str),
                run: moment.run.as_deref(),
                step: moment.step.as_deref(),
                level: moment.level,
                subject: &moment.subject,
                explained: moment.is_observed().then_some(moment.attribution.explained),
                actors: &moment.attribution.actors,
            }
        }
    }

    impl<'m> From<&'m super::Subject> for Subject<'m> {
        fn from(subject: &'m super::Subject) -> Self {
            Self { domain: &subject.domain, id: subject.key.as_ref(), name: subject.name.as_deref() }
        }
    }
}
