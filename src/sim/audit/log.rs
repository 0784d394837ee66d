//! The records of an org and what is asked of them, with all that can be wrong about the answers.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::super::rng::Rng;

/// The longest interval that a query may have at first; what the real limit is, nothing says.
const LONGEST_DAYS: i64 = 31;

/// How often a query is asked about before it is answered.
const POLLS: u32 = 3;

/// The records of who did what, with what goes wrong when they are asked for.
#[derive(Clone, Debug, Default)]
pub struct AuditLog {
    /// What goes wrong; can be changed at any time.
    pub faults: AuditFaults,
    records: Vec<Logged>,
    transactions: BTreeMap<String, Transaction>,
    queries: u64,
    made: u64,
}

/// What goes wrong with the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each fault is there or not, whatever the others are")]
pub struct AuditFaults {
    /// Records that are written from now on appear later.
    pub late: Option<Late>,
    /// Records that are written from now on never appear.
    pub lost: bool,
    /// Every record is answered twice; the second time some records later, so also on another page.
    pub duplicated: bool,
    /// Records are answered in any order, whatever order is asked for.
    pub shuffled: bool,
    /// A query that names no service is refused.
    pub needs_service: bool,
    /// The longest interval that a query may have, in days.
    pub longest_days: i64,
    /// How many of the next queries fail after they were accepted.
    pub failing: u32,
    /// A text that is put into all values of the records that are written from now on.
    pub planted: Option<String>,
}

/// When a late record appears.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// When it is released.
    UntilReleased,
    /// After so many further queries, or when it is released.
    AfterQueries(u32),
}

/// A record and from when it is shown.
#[derive(Clone, Debug)]
struct Logged {
    record: Json,
    /// The query from which on it is shown; `None` for never by itself.
    shown_from: Option<u64>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) struct Query {
    pub(super) from: DateTime<Utc>,
    /// The first moment that is no longer meant.
    pub(super) to: DateTime<Utc>,
    pub(super) service: Option<String>,
    /// The services that answer; all of them where it is not said.
    pub(super) services: Option<BTreeSet<String>>,
    /// What must all be so.
    pub(super) filters: Vec<(Property, String)>,
    pub(super) is_ascending: bool,
}

/// What a query can be filtered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Property {
    UserId,
    TrusteeOrganizationId,
    ClientId,
    Action,
    EntityType,
    EntityId,
}

/// A query that was accepted, and its answer.
#[derive(Clone, Debug)]
pub(super) struct Transaction {
    /// What was asked, as it is told again.
    pub(super) asked: Json,
    fails: bool,
    polls: u32,
    found: Vec<Json>,
}

impl Default for AuditFaults {
    fn default() -> Self {
        Self {
            late: None,
            lost: false,
            duplicated: false,
            shuffled: false,
            needs_service: false,
            longest_days: LONGEST_DAYS,
            failing: 0,
            planted: None,
        }
    }
}

impl AuditLog {
    /// Every record, those that are not shown yet included; lost ones are not there.
    pub fn records(&self) -> impl Iterator<Item = &Json> {
        self.records.iter().map(|logged| &logged.record)
    }

    /// Adds a record as it is, whatever it is. It is late or lost as others are.
    pub fn push(&mut self, record: Json) {
        if self.faults.lost {
            return;
        }
        let shown_from = match self.faults.late {
            None => Some(0),
            Some(Late::UntilReleased) => None,
            Some(Late::AfterQueries(queries)) => Some(self.queries + u64::from(queries)),
        };
        self.records.push(Logged { record, shown_from });
    }

    /// Shows all records that are late, and lets no more be late.
    pub fn release(&mut self) {
        self.faults.late = None;
        self.records.iter_mut().for_each(|logged| logged.shown_from = Some(0));
    }

    /// How many queries were accepted so far, realtime ones included.
    #[must_use]
    pub fn queries(&self) -> u64 {
        self.queries
    }

    /// Adds a record of an edit, and tells it as it was written; a lost one is told to nobody.
    pub(super) fn write(&mut self, mut record: Json) -> Option<Json> {
        if let Some(planted) = &self.faults.planted {
            plant(&mut record, planted);
        }
        self.push(record.clone());
        (!self.faults.lost).then_some(record)
    }

    /// A number that no other record or query has.
    pub(super) fn next_number(&mut self) -> u64 {
        self.made += 1;
        self.made
    }

    /// The last moment that a record is of.
    pub(super) fn newest(&self) -> Option<DateTime<Utc>> {
        self.records().filter_map(date_of).max()
    }

    /// Answers a query.
    pub(super) fn find(&mut self, query: &Query, seed: u64) -> Vec<Json> {
        let number = self.queries;
        self.queries += 1;
        let is_shown = |logged: &&Logged| logged.shown_from.is_some_and(|from| from <= number);
        let shown = self.records.iter().filter(is_shown).map(|logged| &logged.record);
        let mut found: Vec<Json> = shown.filter(|record| query.means(record)).cloned().collect();
        found.sort_by_key(date_of);
        if !query.is_ascending {
            found.reverse();
        }
        if self.faults.duplicated {
            found = twice(&found);
        }
        if self.faults.shuffled {
            Rng::keyed(seed, &["audits", &number.to_string()]).shuffle(&mut found);
        }
        found
    }

    /// Accepts a query that is answered later.
    pub(super) fn begin(&mut self, id: String, asked: Json, query: &Query, seed: u64) {
        let found = self.find(query, seed);
        let fails = self.faults.failing > 0;
        self.faults.failing = self.faults.failing.saturating_sub(1);
        self.transactions.insert(id, Transaction { asked, fails, polls: 0, found });
    }

    /// How far a query is; each time it is asked for it goes on.
    pub(super) fn poll(&mut self, id: &str) -> Option<(Json, &'static str)> {
        let transaction = self.transactions.get_mut(id)?;
        transaction.polls += 1;
        Some((transaction.asked.clone(), transaction.state()))
    }

    /// A query that was accepted.
    pub(super) fn transaction(&self, id: &str) -> Option<&Transaction> {
        self.transactions.get(id)
    }
}

impl Transaction {
    /// What the API calls how far it is.
    fn state(&self) -> &'static str {
        match self.polls {
            0 | 1 => "Queued",
            polls if polls < POLLS => "Running",
            _ if self.fails => "Failed",
            _ => "Succeeded",
        }
    }

    /// What was found; `None` before that is known.
    pub(super) fn found(&self) -> Option<&[Json]> {
        (self.polls >= POLLS && !self.fails).then_some(self.found.as_slice())
    }
}

impl Query {
    fn means(&self, record: &Json) -> bool {
        // What has no readable date is in every interval: somebody put it there to be answered.
        let is_in = date_of(record).is_none_or(|date| self.from <= date && date < self.to);
        let is_of = |service: &String| record["serviceName"].as_str() == Some(service);
        let fits = |(property, value): &(Property, String)| property.of(record) == Some(value);
        let answers = |services: &BTreeSet<String>| {
            record["serviceName"].as_str().is_none_or(|service| services.contains(service))
        };
        let is_told = self.service.as_ref().is_none_or(is_of) && self.services.as_ref().is_none_or(answers);
        is_in && is_told && self.filters.iter().all(fits)
    }

    /// How long the interval is.
    pub(super) fn length(&self) -> TimeDelta {
        self.to - self.from
    }
}

impl Property {
    /// What a filter calls it.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "UserId" => Self::UserId,
            "TrusteeOrganizationId" => Self::TrusteeOrganizationId,
            "ClientId" => Self::ClientId,
            "Action" => Self::Action,
            "EntityType" => Self::EntityType,
            "EntityId" => Self::EntityId,
            _ => return None,
        })
    }

    fn of(self, record: &Json) -> Option<&str> {
        let value = match self {
            Self::UserId => &record["user"]["id"],
            Self::TrusteeOrganizationId => &record["userHomeOrgId"],
            Self::ClientId => &record["client"]["id"],
            Self::Action => &record["action"],
            Self::EntityType => &record["entityType"],
            Self::EntityId => &record["entity"]["id"],
        };
        value.as_str()
    }
}

/// The moment that a record is of.
fn date_of(record: &Json) -> Option<DateTime<Utc>> {
    record["eventDate"].as_str()?.parse().ok()
}

/// Each of them a second time, one place later, so that no border of pages keeps both on one side.
fn twice(records: &[Json]) -> Vec<Json> {
    let mut all = Vec::with_capacity(records.len() * 2);
    for (index, record) in records.iter().enumerate() {
        all.push(record.clone());
        if index > 0 {
            all.push(records[index - 1].clone());
        }
    }
    all.extend(records.last().cloned());
    all
}

/// Puts a text among all values of a record; one without values gets some.
fn plant(record: &mut Json, text: &str) {
    for list in ["propertyChanges", "entityChanges"] {
        for change in record[list].as_array_mut().into_iter().flatten() {
            for values in ["oldValues", "newValues"] {
                if let Some(values) = change[values].as_array_mut() {
                    values.push(text.into());
                }
            }
        }
    }
    if let Some(changes) = record["propertyChanges"].as_array_mut().filter(|changes| changes.is_empty()) {
        changes.push(json!({ "property": "configuration", "oldValues": [text], "newValues": [text] }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: u64 = 1;

    fn record(name: &str, minute: u32) -> Json {
        json!({ "id": name, "eventDate": format!("2026-03-02T08:{minute:02}:00.000Z"), "serviceName": "Routing",
            "entity": { "id": name }, "user": { "id": "u" } })
    }

    fn log(names: &[&str]) -> AuditLog {
        let mut log = AuditLog::default();
        (0..).zip(names).for_each(|(minute, name)| log.push(record(name, minute)));
        log
    }

    fn query() -> Query {
        let at = |text: &str| text.parse().unwrap_or_default();
        let (from, to) = (at("2026-03-02T08:00:00Z"), at("2026-03-02T08:30:00Z"));
        Query { from, to, service: None, services: None, filters: Vec::new(), is_ascending: true }
    }

    fn found(log: &mut AuditLog, query: &Query) -> String {
        log.find(query, SEED).iter().filter_map(|record| record["id"].as_str()).collect()
    }

    #[test]
    fn an_interval_has_its_start_and_not_its_end() {
        let mut log = log(&["a", "b", "c"]);
        let to = query().from + TimeDelta::minutes(2);
        assert_eq!(found(&mut log, &Query { to, ..query() }), "ab");
        assert_eq!(found(&mut log, &Query { from: to, is_ascending: false, ..query() }), "c");
        assert_eq!(found(&mut log, &Query { is_ascending: false, ..query() }), "cba");
    }

    #[test]
    fn filters_must_all_fit() {
        let mut log = log(&["a", "b"]);
        let filtered = |filters: &[(Property, &str)]| Query {
            filters: filters.iter().map(|(property, value)| (*property, (*value).to_owned())).collect(),
            ..query()
        };
        assert_eq!(found(&mut log, &filtered(&[(Property::EntityId, "b"), (Property::UserId, "u")])), "b");
        assert_eq!(found(&mut log, &filtered(&[(Property::EntityId, "b"), (Property::UserId, "x")])), "");
        assert_eq!(found(&mut log, &Query { service: Some("Other".to_owned()), ..query() }), "");
    }

    #[test]
    fn a_late_record_appears_when_it_is_released_or_after_some_queries() {
        let mut log = log(&["a"]);
        log.faults.late = Some(Late::AfterQueries(2));
        log.push(record("b", 1));
        log.faults.late = Some(Late::UntilReleased);
        log.push(record("c", 2));
        let answers: Vec<String> = (0..3).map(|_| found(&mut log, &query())).collect();
        assert_eq!(answers, ["a", "a", "ab"]);
        log.release();
        log.push(record("d", 3));
        assert_eq!(found(&mut log, &query()), "abcd");
    }

    #[test]
    fn what_is_lost_never_appears() {
        let mut log = log(&["a"]);
        log.faults.lost = true;
        log.push(record("b", 1));
        log.release();
        assert_eq!((found(&mut log, &query()).as_str(), log.records().count()), ("a", 1));
    }

    #[test]
    fn records_come_twice_across_any_border_and_in_any_order() {
        let mut log = log(&["a", "b", "c", "d", "e"]);
        log.faults.duplicated = true;
        assert_eq!(found(&mut log, &query()), "abacbdcede");
        log.faults.duplicated = false;
        log.faults.shuffled = true;
        let (first, second) = (found(&mut log, &query()), found(&mut log, &query()));
        assert!(first != "abcde" && first != second);
        assert_eq!(first.len(), 5);
    }

    #[test]
    fn a_query_is_answered_after_some_polls_or_fails() {
        let mut log = log(&["a"]);
        log.faults.failing = 1;
        for last in ["Failed", "Succeeded"] {
            log.begin(last.to_owned(), Json::Null, &query(), SEED);
            let states: Vec<&str> = (0..4).filter_map(|_| Some(log.poll(last)?.1)).collect();
            assert_eq!(states, ["Queued", "Running", last, last]);
            let found = log.transaction(last).and_then(Transaction::found).map(<[Json]>::len);
            assert_eq!(found, (last == "Succeeded").then_some(1));
        }
        assert!(log.poll("unknown").is_none());
    }

    #[test]
    fn a_planted_text_is_among_the_values_of_every_record() {
        let mut log = AuditLog::default();
        log.faults.planted = Some("canary".to_owned());
        let change = json!({ "property": "p", "oldValues": ["1"], "newValues": [] });
        log.write(json!({ "propertyChanges": [change], "entityChanges": [] }));
        log.write(json!({ "propertyChanges": [], "entityChanges": [{ "oldValues": [], "newValues": [] }] }));
        let texts: Vec<usize> = log.records().map(|record| record.to_string().matches("canary").count()).collect();
        assert_eq!(texts, [2, 4]);
    }
}
