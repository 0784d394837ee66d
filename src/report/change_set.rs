//! What is different between two states, as every renderer takes it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::model::{DomainId, Severity, SeverityCounts};
use crate::policy::{ClassifiedChange, Unjudged};
use crate::record::CommitKind;

/// One state of an organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The commit that holds it; absent where it is not committed.
    pub commit: Option<String>,
    /// When it was observed, RFC 3339.
    pub taken_at: String,
}

/// What a filter left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The least severity that is shown.
    pub below: Severity,
    /// How many changes or findings matter less than that.
    pub count: u64,
}

impl LeftOut {
    /// What is left out once a filter took so many more; nothing where nothing was taken.
    pub(super) fn also(already: Option<Self>, below: Severity, taken: usize) -> Option<Self> {
        if taken == 0 {
            return already;
        }
        let before = already.map_or(0, |left_out| left_out.count);
        Some(Self { below, count: before + u64::try_from(taken).unwrap_or(u64::MAX) })
    }
}

/// The changes between two states, and what else accounts for the difference between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChangeSet {
    /// The state before; absent before the first run.
    pub from: Option<Endpoint>,
    /// The state after.
    pub to: Option<Endpoint>,
    /// What somebody changed, in reading order.
    pub changes: Vec<ClassifiedChange>,
    /// Domains captured for the first time, with their number of entities.
    pub baselines: BTreeMap<DomainId, u64>,
    /// Members that the API began to give.
    pub new_fields: BTreeMap<DomainId, Vec<String>>,
    /// Domains whose stored form was changed by commits of these kinds.
    pub migrations: BTreeMap<DomainId, Vec<CommitKind>>,
    /// Domains that are known better or less well: status before and after.
    pub coverage: BTreeMap<DomainId, (String, String)>,
    /// Rules whose condition could not be told.
    pub unjudged: BTreeSet<Unjudged>,
    /// The changes that a filter took out.
    pub left_out: Option<LeftOut>,
}

impl ChangeSet {
    /// Puts changes in reading order, which all formats share: the worst first, then by domain, name and key.
    #[must_use]
    pub fn arranged(from: Option<Endpoint>, to: Option<Endpoint>, mut changes: Vec<ClassifiedChange>) -> Self {
        changes.sort_by(|left, right| reading_order(left).cmp(&reading_order(right)));
        Self { from, to, changes, ..Self::default() }
    }

    /// Takes out the changes that matter less than `least`, and remembers how many they were.
    #[must_use]
    pub fn at_least(mut self, least: Severity) -> Self {
        let before = self.changes.len();
        self.changes.retain(|change| change.judgement.severity >= least);
        self.left_out = LeftOut::also(self.left_out, least, before - self.changes.len());
        self
    }

    /// How many changes there are of each severity; those left out do not count.
    #[must_use]
    pub fn counts(&self) -> SeverityCounts {
        self.changes.iter().map(|change| change.judgement.severity).collect()
    }
}

fn reading_order(change: &ClassifiedChange) -> impl Ord {
    (Reverse(change.judgement.severity), &change.change.domain, &change.name, &change.change.key)
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    fn keys(set: &ChangeSet) -> Vec<&str> {
        set.changes.iter().map(|change| change.change.key.as_str()).collect()
    }

    #[test]
    fn the_worst_comes_first_then_domain_name_and_key() {
        let set = sample::change_set();
        assert_eq!(keys(&set), ["q1", "q2", "u9", "q1:u1", "s1"]);
        let mut twins = vec![set.changes[0].clone(); 3];
        twins[0].change.key = crate::model::EntityKey::new("z");
        twins[1].name = Some("0".to_owned());
        twins[1].change.key = crate::model::EntityKey::new("zz");
        assert_eq!(keys(&ChangeSet::arranged(None, None, twins)), ["zz", "q1", "z"]);
    }

    #[test]
    fn a_filter_remembers_how_many_changes_it_took() {
        let set = sample::change_set();
        assert_eq!(set.clone().at_least(Severity::Low).left_out, None);
        let high = set.at_least(Severity::High);
        assert_eq!(high.left_out, Some(LeftOut { below: Severity::High, count: 2 }));
        assert_eq!((high.counts().total(), high.counts().low), (3, 0));
        let critical = high.at_least(Severity::Critical);
        assert_eq!(critical.left_out, Some(LeftOut { below: Severity::Critical, count: 4 }));
    }
}
