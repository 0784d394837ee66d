//! What is wrong with records, counted, so that a hundred thousand of them make few findings.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::redact::Leak;
use super::window::{RESULT_LIMIT, Window, written};
use crate::canonical::Digest;
use crate::catalogue::embedded_file;
use crate::model::{DomainId, EntityKey, Evidence, Finding, OwnedValue, Severity, Subject, Value};

/// What is found, as data.
const FILE: &str = "execution/findings.toml";

/// The most findings that are told apart: what comes after them is counted with one that has no flow.
const MOST_APART: usize = 2_000;

const UNMASKED: &str = "execution-data-unmasked";
const MALFORMED: &str = "execution-record-malformed";
const OUTSIDE: &str = "execution-record-outside-window";
const OLD: &str = "execution-record-beyond-retention";
const MISSING: &str = "execution-data-missing";
const INCOMPLETE: &str = "execution-window-incomplete";

/// What records have to be.
#[derive(Debug, Deserialize)]
pub struct Checks {
    domain: DomainId,
    required: Vec<String>,
    #[serde(flatten)]
    rules: BTreeMap<String, Rule>,
}

#[derive(Debug, Deserialize)]
struct Rule {
    severity: Severity,
    message: String,
    remedy: String,
}

/// What was found so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(What, Found)>", into = "Vec<(What, Found)>")]
pub struct Tally(BTreeMap<What, Found>);

/// What tells findings apart.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct What {
    rule: String,
    flow: Option<String>,
    /// What fills the placeholders.
    words: Vec<(String, String)>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Found {
    count: u64,
    first: String,
    flow_name: Option<String>,
}

impl From<Vec<(What, Found)>> for Tally {
    fn from(rows: Vec<(What, Found)>) -> Self {
        Self(rows.into_iter().collect())
    }
}

impl From<Tally> for Vec<(What, Found)> {
    fn from(tally: Tally) -> Self {
        tally.0.into_iter().collect()
    }
}

impl Tally {
    /// That an entry lacks what nothing can be done without.
    pub fn lacking(&mut self, entry: &OwnedValue, field: &str) {
        let text = |name: &str| entry.get(name).and_then(Value::as_str);
        let what = What {
            rule: MALFORMED.to_owned(),
            flow: text("flowId").map(ToOwned::to_owned),
            words: vec![("field".to_owned(), field.to_owned())],
        };
        self.add(what, text("id").unwrap_or("none"), text("flowName"));
    }

    /// That values of a record stand in clear.
    pub fn leaked(&mut self, instance: &Instance, leaks: &[Leak]) {
        let mut leaks: Vec<&Leak> = leaks.iter().collect();
        leaks.sort();
        leaks.dedup();
        for leak in leaks {
            let words = vec![("kind", leak.kind.clone()), ("place", leak.place.clone())];
            self.of(UNMASKED, instance, words);
        }
    }

    /// That the data of a record could not be had.
    pub fn without_data(&mut self, instance: &Instance, cause: &str) {
        self.of(MISSING, instance, vec![("field", cause.to_owned())]);
    }

    /// That a run that was asked for by its id could not be had.
    pub fn unavailable(&mut self, id: &str, cause: &str) {
        let words = vec![("field".to_owned(), cause.to_owned())];
        self.add(What { rule: MISSING.to_owned(), flow: None, words }, id, None);
    }

    /// That there is more in a window than an answer holds, and no smaller one to ask for.
    pub fn incomplete(&mut self, window: &Window) {
        let words = vec![("from".to_owned(), written(window.from))];
        self.add(What { rule: INCOMPLETE.to_owned(), flow: None, words }, "", None);
    }

    /// Whether something of what was asked for may not be there.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.0.keys().any(|what| matches!(what.rule.as_str(), INCOMPLETE | MISSING | MALFORMED))
    }

    fn of(&mut self, rule: &'static str, instance: &Instance, words: Vec<(&'static str, String)>) {
        let words = words.into_iter().map(|(name, word)| (name.to_owned(), word)).collect();
        let what = What { rule: rule.to_owned(), flow: instance.flow_id.clone(), words };
        self.add(what, &instance.id, instance.flow_name.as_deref());
    }

    fn add(&mut self, mut what: What, record: &str, flow_name: Option<&str>) {
        let mut flow_name = flow_name;
        if self.0.len() >= MOST_APART && !self.0.contains_key(&what) {
            let words = what.words.iter().map(|(name, _)| (name.clone(), "various".to_owned())).collect();
            what = What { rule: what.rule, flow: None, words };
            flow_name = None;
        }
        let found = self.0.entry(what).or_insert_with(|| Found {
            count: 0,
            first: record.to_owned(),
            flow_name: flow_name.map(ToOwned::to_owned),
        });
        found.count += 1;
    }
}

impl Checks {
    /// What is compiled in.
    ///
    /// # Errors
    /// What is wrong with the file, which the tests read.
    pub fn built_in() -> Result<Self, toml::de::Error> {
        toml::from_str(embedded_file(FILE).unwrap_or_default())
    }

    /// The domain of the flows that findings are about.
    #[must_use]
    pub fn domain(&self) -> &DomainId {
        &self.domain
    }

    /// Looks at what a query told of a run; whether it belongs into the window.
    pub fn look(
        &self,
        instance: &Instance,
        window: &Window,
        oldest: chrono::DateTime<chrono::Utc>,
        tally: &mut Tally,
    ) -> bool {
        let has = |name: &String| match instance.entry.get(name) {
            Some(Value::String(text)) => !text.is_empty(),
            Some(Value::Null) | None => false,
            Some(_) => true,
        };
        for name in self.required.iter().filter(|name| !has(name)) {
            tally.of(MALFORMED, instance, vec![("field", name.clone())]);
        }
        if instance.started < oldest {
            tally.of(OLD, instance, Vec::new());
        }
        let is_inside = window.holds(instance.started);
        if !is_inside {
            tally.of(OUTSIDE, instance, Vec::new());
        }
        is_inside
    }

    /// What was found, as findings.
    #[must_use]
    pub fn findings(&self, tally: &Tally) -> Vec<Finding> {
        tally.0.iter().filter_map(|(what, found)| self.finding(what, found)).collect()
    }

    fn finding(&self, what: &What, found: &Found) -> Option<Finding> {
        let rule = self.rules.get(&what.rule)?;
        let count = if what.rule == INCOMPLETE { RESULT_LIMIT.to_string() } else { found.count.to_string() };
        let words =
            what.words.iter().map(|(name, word)| (name.as_str(), word.as_str())).chain([("count", count.as_str())]);
        let message = words.fold(rule.message.clone(), |text, (name, word)| text.replace(&format!("{{{name}}}"), word));
        let subject = match &what.flow {
            Some(flow) => Subject::Entity {
                domain: self.domain.clone(),
                key: EntityKey::new(flow),
                name: found.flow_name.clone(),
                path: None,
            },
            None => Subject::Domain(self.domain.clone()),
        };
        let first = (!found.first.is_empty()).then(|| Evidence::new("first record", &found.first));
        let words: Vec<&str> = what.words.iter().map(|(_, word)| word.as_str()).collect();
        let identity = format!("{}\n{}\n{}", what.rule, what.flow.as_deref().unwrap_or_default(), words.join("\n"));
        let mut fingerprint = Digest::of(identity.as_bytes()).to_string();
        fingerprint.truncate(16);
        Some(Finding {
            rule: what.rule.clone(),
            severity: rule.severity,
            subject,
            message,
            remedy: rule.remedy.clone(),
            evidence: first.into_iter().collect(),
            actors: Vec::new(),
            place: None,
            fingerprint,
            acknowledged: None,
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;

    fn instance(id: &str, at: &str) -> Instance {
        let text = format!(r#"{{"id":"{id}","startDateTime":"{at}","flowId":"f","flowName":"Main","flowType":"bot"}}"#);
        Instance::read(read_str(&text).unwrap().into_owned()).unwrap()
    }

    #[test]
    fn records_are_counted_by_what_is_wrong_with_them() {
        let checks = Checks::built_in().unwrap();
        let window =
            Window { from: "2026-03-03T12:00:00Z".parse().unwrap(), to: "2026-03-03T13:00:00Z".parse().unwrap() };
        let oldest = "2026-03-03T11:00:00Z".parse().unwrap();
        let mut tally = Tally::default();
        let inside = instance("a", "2026-03-03T12:30:00Z");
        assert!(checks.look(&inside, &window, oldest, &mut tally));
        assert_eq!(checks.findings(&tally), []);
        assert!(!checks.look(&instance("b", "2026-03-03T13:00:00Z"), &window, oldest, &mut tally));
        assert!(!checks.look(&instance("c", "2026-03-03T10:00:00Z"), &window, oldest, &mut tally));
        assert!(!tally.is_partial());
        let leak = Leak { kind: "mail address".to_owned(), place: "/a".to_owned() };
        tally.leaked(&inside, &[leak.clone(), leak.clone()]);
        tally.leaked(&instance("d", "2026-03-03T12:30:00Z"), &[leak]);
        tally.without_data(&inside, "expired");
        tally.incomplete(&window);
        tally.lacking(&read_str(r#"{"flowId":"f"}"#).unwrap().into_owned(), "id");
        assert!(tally.is_partial());
        let told: Vec<String> =
            checks.findings(&tally).iter().map(|found| format!("{} {}", found.rule, found.message)).collect();
        assert_eq!(
            told,
            [
                "execution-data-missing The data of 1 records could not be had: expired",
                "execution-data-unmasked 2 records hold a mail address in clear at /a",
                "execution-record-beyond-retention 1 records are older than the retention",
                "execution-record-malformed 1 records lack id",
                "execution-record-outside-window 2 records began outside of the window that was asked for",
                "execution-window-incomplete More than 200 records began at 2026-03-03T12:00:00.000Z, and the query gives no more at a time",
            ]
        );
        assert!(checks.findings(&tally).iter().all(|found| found.fingerprint.len() == 16 && !found.remedy.is_empty()));
    }

    #[test]
    fn what_would_be_too_many_findings_is_counted_together() {
        let checks = Checks::built_in().unwrap();
        let mut tally = Tally::default();
        let inside = instance("a", "2026-03-03T12:30:00Z");
        for number in 0..MOST_APART + 500 {
            tally.leaked(&inside, &[Leak { kind: "phone number".to_owned(), place: format!("/{number}") }]);
        }
        let findings = checks.findings(&tally);
        assert_eq!(findings.len(), MOST_APART + 1);
        assert!(findings.iter().any(|found| found.message == "500 records hold a various in clear at various"));
    }
}
