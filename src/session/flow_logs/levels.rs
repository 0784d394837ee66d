//! Whether and how much is recorded of what flows do, as far as the trail knows.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::canonical::value_of;
use crate::catalogue::{Domain, FieldPath, embedded_file};
use crate::model::{DomainId, Value};
use crate::policy::Names;
use crate::record::{Archive, LedgerStatus};
use crate::session::workspace::CommitTree;
use crate::session::{Exit, Failure, Workspace, archive};

/// Which domains say it, as data.
const FILE: &str = "execution/levels.toml";

/// The most flows that are named.
const MOST_NAMED: usize = 10;

/// Something to know of what is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingFact {
    /// What it is.
    pub message: String,
    /// What to do about it; absent where it is as it should be.
    pub remedy: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Levels {
    switch: At,
    default: At,
    single: At,
    flows: DomainId,
    too_much: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct At {
    domain: DomainId,
    path: String,
}

impl RecordingFact {
    fn fine(message: String) -> Self {
        Self { message, remedy: None }
    }

    fn wrong(message: String, remedy: &str) -> Self {
        Self { message, remedy: Some(remedy.to_owned()) }
    }
}

/// What the last state on record says of execution data: whether it is switched on, and how much which flows record.
pub fn recording(workspace: &Workspace) -> Result<Vec<RecordingFact>, Failure> {
    let levels: Levels =
        toml::from_str(embedded_file(FILE).unwrap_or_default()).map_err(|error| Failure::of(Exit::Internal, &error))?;
    let archive = archive(workspace, workspace.tip()?)?;
    let known = Known { workspace, archive: &archive };
    let mut facts = vec![match known.values(&levels.switch)? {
        Some(values) => match values.values().next().map(String::as_str) {
            Some("true") => RecordingFact::fine("it is switched on".to_owned()),
            Some("false") => RecordingFact::wrong(
                "it is switched off, so there is nothing for `orgtrail flow-logs` to bring".to_owned(),
                "switch it on in Architect, if what flows do is to be seen",
            ),
            _ => unknown("whether it is switched on", &levels.switch.domain),
        },
        None => unknown("whether it is switched on", &levels.switch.domain),
    }];
    let (default, single) = (known.values(&levels.default)?, known.values(&levels.single)?);
    let (Some(default), Some(single)) = (default, single) else {
        facts.push(unknown("how much flows record", &levels.single.domain));
        return Ok(facts);
    };
    let default = default.values().next().cloned().unwrap_or_else(|| "none".to_owned());
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for level in single.values() {
        *counts.entry(level).or_default() += 1;
    }
    let counted: Vec<String> = counts.iter().map(|(level, count)| format!("{level} for {count}")).collect();
    let own = if counted.is_empty() { "no flow has a level of its own".to_owned() } else { counted.join(", ") };
    facts.push(RecordingFact::fine(format!("the level is {default} by default; {own}")));
    let level_of = |flow: &str| single.get(flow).unwrap_or(&default).clone();
    let loud = known.production_flows(&levels.flows, |flow| levels.too_much.contains(&level_of(flow)))?;
    match loud {
        None => facts.push(unknown("which flows are in production", &levels.flows)),
        Some(loud) if loud.is_empty() => {}
        Some(loud) => {
            let mut named: Vec<String> = loud.iter().take(MOST_NAMED).cloned().collect();
            if loud.len() > MOST_NAMED {
                named.push(format!("and {} more", loud.len() - MOST_NAMED));
            }
            let level = levels.too_much.join(" or ");
            facts.push(RecordingFact::wrong(
                format!("flows in production record at the level {level}: {}", named.join(", ")),
                "lower it once the cause is found: it records what customers say and type",
            ));
        }
    }
    Ok(facts)
}

/// What is on record.
struct Known<'k> {
    workspace: &'k Workspace,
    archive: &'k Archive<CommitTree<'k>>,
}

impl Known<'_> {
    /// The values at a place of each entity, as texts; `None` where the domain is not wholly on record.
    fn values(&self, at: &At) -> Result<Option<BTreeMap<String, String>>, Failure> {
        if !self.is_complete(&at.domain) {
            return Ok(None);
        }
        let Some(snapshot) = self.archive.domain(&at.domain)? else { return Ok(Some(BTreeMap::new())) };
        let path = FieldPath::parse(&at.path);
        let value = |value: &Value<'_>| match path.find(value)? {
            Value::String(text) => Some(text.to_string()),
            Value::Bool(flag) => Some(flag.to_string()),
            _ => None,
        };
        let entities = snapshot.entities.iter();
        Ok(Some(entities.filter_map(|(key, text)| Some((key.as_str().to_owned(), value(&value_of(text))?))).collect()))
    }

    /// The names of the flows in production that are meant; `None` where the flows are not wholly on record.
    fn production_flows(
        &self,
        flows: &DomainId,
        is_meant: impl Fn(&str) -> bool,
    ) -> Result<Option<Vec<String>>, Failure> {
        let domain = self.workspace.catalogue.get(flows).filter(|_| self.is_complete(flows));
        let Some(domain) = domain else { return Ok(None) };
        let Some(snapshot) = self.archive.domain(flows)? else { return Ok(Some(Vec::new())) };
        let names = Names::new(&self.workspace.catalogue, self.archive, self.archive);
        let mut found = Vec::new();
        for (key, text) in snapshot.entities.iter().filter(|(key, _)| is_meant(key.as_str())) {
            let body = value_of(text);
            let name = names.of_entity(domain, key, &body);
            if self.is_production(domain, &body, name.as_deref(), &names) {
                found.push(name.unwrap_or_else(|| key.to_string()));
            }
        }
        Ok(Some(found))
    }

    fn is_production(&self, domain: &Domain, body: &Value<'_>, name: Option<&str>, names: &Names<'_>) -> bool {
        let production = &self.workspace.config.production;
        if production.divisions.is_empty() && production.names.is_empty() {
            return domain.identity.live.as_ref().is_some_and(|live| live.find(body).is_some());
        }
        let division = FieldPath::parse("division");
        let id = division.find(body).and_then(|division| division.get("id").unwrap_or(division).as_str());
        let told = names.show(domain, body, &division);
        let mut divisions = id.into_iter().chain(told.as_deref());
        production.names.iter().any(|glob| name.is_some_and(|name| glob.is_match(name)))
            || divisions.any(|division| production.divisions.iter().any(|glob| glob.is_match(division)))
    }

    fn is_complete(&self, domain: &DomainId) -> bool {
        let entry = self.archive.ledger().and_then(|ledger| ledger.domains.get(domain));
        entry.is_some_and(|entry| entry.status == LedgerStatus::Complete)
    }
}

fn unknown(what: &str, domain: &DomainId) -> RecordingFact {
    RecordingFact::fine(format!("{what} is not known, as {domain} is not wholly on record"))
}
