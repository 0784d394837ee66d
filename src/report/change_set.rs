//! What is different between two states, as every renderer takes it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::findings::acknowledged_line;
use super::shown::{grouped, summary};
use crate::model::{Acknowledged, ChangeKind, DomainId, Severity, SeverityCounts};
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
    /// The changes and changed fields that somebody has acknowledged, by fingerprint.
    pub acknowledged: BTreeMap<String, Acknowledged>,
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

    /// How many changes there are of each severity that nobody has acknowledged; those left out do not count.
    #[must_use]
    pub fn counts(&self) -> SeverityCounts {
        self.changes.iter().filter_map(|change| self.open_severity(change)).collect()
    }

    /// Who lets a change stay; `None` where it asks for a decision. A change whose fields are all acknowledged is.
    #[must_use]
    pub fn acknowledged(&self, change: &ClassifiedChange) -> Option<&Acknowledged> {
        let whole = self.acknowledged.get(&change.fingerprint);
        whole.or_else(|| {
            let mut fields = change.fields.iter().map(|field| self.acknowledged.get(&field.fingerprint));
            let first = fields.next()??;
            fields.all(|field| field.is_some()).then_some(first)
        })
    }

    /// How many changes somebody has acknowledged.
    #[must_use]
    pub fn acknowledged_changes(&self) -> u64 {
        let acknowledged = self.changes.iter().filter(|change| self.acknowledged(change).is_some());
        u64::try_from(acknowledged.count()).unwrap_or(u64::MAX)
    }

    /// The changes that ask for a decision.
    pub fn open(&self) -> impl Iterator<Item = &ClassifiedChange> {
        self.changes.iter().filter(|change| self.acknowledged(change).is_none())
    }

    /// What there is, in a line.
    pub(super) fn summary(&self) -> String {
        let open = summary(&self.counts());
        match self.acknowledged_changes() {
            0 => open,
            acknowledged => format!("{open}; {} acknowledged", grouped(acknowledged)),
        }
    }

    /// A line for each change that somebody has acknowledged, yet to be made safe for a format.
    pub(super) fn acknowledged_lines(&self) -> Vec<String> {
        let line = |change: &ClassifiedChange| {
            let said = acknowledged_line(self.acknowledged(change)?);
            let name = change.name.as_deref().unwrap_or(change.change.key.as_str());
            let (severity, kind, domain) =
                (change.judgement.severity, change.change.kind.as_str(), &change.change.domain);
            Some(format!("{severity} {kind} {domain} {name}: {said}"))
        };
        self.changes.iter().filter_map(line).collect()
    }

    /// How much a change matters as far as nobody has acknowledged it; `None` where somebody has.
    fn open_severity(&self, change: &ClassifiedChange) -> Option<Severity> {
        if self.acknowledged(change).is_some() {
            return None;
        }
        let open = change.fields.iter().filter(|field| !self.acknowledged.contains_key(&field.fingerprint));
        let is_by_field = change.change.kind == ChangeKind::Modified;
        let worst = open.map(|field| field.judgement.severity).max().filter(|_| is_by_field);
        Some(worst.unwrap_or(change.judgement.severity))
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
