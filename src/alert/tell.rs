//! From a judged change or a finding to an alert.

use std::collections::BTreeSet;

use super::content::{Alert, AlertPhase, ChangedValue, event_id};
use super::privacy::{Edge, People, Persons};
use super::values::changed_values;
use crate::canonical::{Scan, value_of};
use crate::catalogue::{Catalogue, FieldPath};
use crate::model::{Actor, Change, ChangeKind, Explained, Finding, Pointer, Subject, Value};
use crate::policy::{ClassifiedChange, Names};

/// Most members of an entity that are looked through for what it refers to.
const MOST_IDS: usize = 10_000;

/// Makes alerts of what a run saw.
#[derive(Clone, Copy)]
pub struct Teller<'t> {
    /// The domains there are.
    pub catalogue: &'t Catalogue,
    /// What finds secrets in texts.
    pub scan: &'t Scan,
    /// How much is told of people.
    pub people: People,
    /// The id of the organisation.
    pub org: &'t str,
}

/// When something was seen, and where it is on record.
#[derive(Clone, Debug, Default)]
pub struct Occasion {
    /// The run that saw it.
    pub run: String,
    /// When that was, RFC 3339, UTC.
    pub at: String,
    /// The commit that holds it.
    pub commit: Option<String>,
    /// Where the commit can be looked at.
    pub link: Option<String>,
}

/// An alert, and what routes go by that it may not say itself.
#[derive(Clone, Debug)]
pub struct Told {
    /// The alert.
    pub alert: Alert,
    /// What routes go by.
    pub facts: Facts,
}

/// What routes and inhibitions go by: as it is on record, whatever the alert may tell of it.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The name and the key of the entity.
    pub entity: Vec<String>,
    /// The fields that differ.
    pub paths: Vec<Pointer>,
    /// The name and the id of the division.
    pub divisions: Vec<String>,
    /// Names, mail addresses and ids of who did it, and of the programs that were used.
    pub actors: Vec<String>,
    /// The rules that found it.
    pub rules: Vec<String>,
    /// The keys that the entity has or had.
    pub keys: Vec<String>,
    /// What the entity refers to or has in its key.
    pub ids: BTreeSet<String>,
    /// The key of the parent that took the entity with it.
    pub because: Option<String>,
}

impl Teller<'_> {
    /// The alert of a change.
    #[must_use]
    pub fn change(&self, classified: &ClassifiedChange, names: &Names<'_>, occasion: &Occasion) -> Told {
        let ClassifiedChange { change, name, judgement, fingerprint, attribution, .. } = classified;
        let persons = Persons::of_change(self.people, self.catalogue, names, change, &attribution.actors);
        let domain = self.catalogue.get(&change.domain);
        let edge = Edge { scan: self.scan, people: self.people, domain, persons };
        let (id, division) = self.division(change, names);
        let alert = Alert {
            id: event_id(self.org, &occasion.run, fingerprint, AlertPhase::Raised),
            fingerprint: fingerprint.clone(),
            phase: AlertPhase::Raised,
            rule: judgement.rule.clone(),
            severity: judgement.severity,
            subject: Subject::Entity {
                domain: change.domain.clone(),
                key: change.key.clone(),
                name: name.as_deref().map(|name| edge.text(name)),
                path: None,
            },
            kind: Some(change.kind),
            division: division.as_ref().or(id.as_ref()).map(|name| edge.text(name)),
            message: edge.text(&judgement.message),
            why: domain.map(|domain| domain.about.clone()),
            remedy: edge.text(&judgement.remedy),
            values: changed_values(classified, &edge),
            explained: Some(attribution.explained),
            actors: self.actors(&attribution.actors, &edge),
            at: occasion.at.clone(),
            reach: None,
            silences: 0,
            commit: occasion.commit.clone(),
            link: occasion.link.clone(),
        };
        let rules = classified.fields.iter().map(|field| field.judgement.rule.clone());
        let facts = Facts {
            entity: name.iter().cloned().chain([change.key.to_string()]).collect(),
            paths: classified.fields.iter().map(|field| field.field.path.clone()).collect(),
            divisions: id.into_iter().chain(division).collect(),
            actors: said_of(&attribution.actors),
            rules: std::iter::once(judgement.rule.clone()).chain(rules).collect(),
            keys: std::iter::once(&change.key).chain(&change.previous_key).map(ToString::to_string).collect(),
            ids: ids_of(change),
            because: change.because.as_ref().map(ToString::to_string),
        };
        Told { alert, facts }
    }

    /// The alert of a finding that is no change.
    #[must_use]
    pub fn finding(&self, finding: &Finding, explained: Option<Explained>, occasion: &Occasion) -> Told {
        let mut persons = Persons::of_actors(self.people, &finding.actors);
        let mut subject = finding.subject.clone();
        let mut facts =
            Facts { actors: said_of(&finding.actors), rules: vec![finding.rule.clone()], ..Facts::default() };
        if let Subject::Entity { domain, key, name, path } = &subject {
            let is_person = self.catalogue.get(domain).is_some_and(|domain| domain.identity.email.is_some());
            for name in name.iter().filter(|_| is_person) {
                persons.add(self.people, name, Some(key.as_str()));
            }
            facts.entity = name.iter().cloned().chain([key.to_string()]).collect();
            facts.keys = vec![key.to_string()];
            facts.ids = key.parts().collect();
            facts.paths = path.iter().cloned().collect();
        }
        let edge = Edge { scan: self.scan, people: self.people, domain: None, persons };
        if let Subject::Entity { name: Some(name), .. } = &mut subject {
            *name = edge.text(name);
        }
        let values = finding.evidence.iter().map(|one| ChangedValue {
            place: edge.text(&one.name),
            old: None,
            new: Some(edge.text(&one.text)),
        });
        let alert = Alert {
            id: event_id(self.org, &occasion.run, &finding.fingerprint, AlertPhase::Raised),
            fingerprint: finding.fingerprint.clone(),
            phase: AlertPhase::Raised,
            rule: finding.rule.clone(),
            severity: finding.severity,
            subject,
            kind: None,
            division: None,
            message: edge.text(&finding.message),
            why: None,
            remedy: edge.text(&finding.remedy),
            values: values.collect(),
            explained,
            actors: self.actors(&finding.actors, &edge),
            at: occasion.at.clone(),
            reach: None,
            silences: 0,
            commit: occasion.commit.clone(),
            link: occasion.link.clone(),
        };
        Told { alert, facts }
    }

    /// Actors as far as they may be told; their names come from the organisation like every other.
    fn actors(&self, actors: &[Actor], edge: &Edge<'_>) -> Vec<Actor> {
        let clean = |text: &Option<String>| text.as_ref().map(|text| super::privacy::without_secrets(edge.scan, text));
        let told = actors.iter().map(|actor| {
            let told = self.people.actor(actor);
            Actor { name: clean(&told.name), application: clean(&told.application), ..told }
        });
        told.collect()
    }

    /// The id and the name of an entity's division.
    fn division(&self, change: &Change, names: &Names<'_>) -> (Option<String>, Option<String>) {
        let newest = change.after.as_ref().or(change.before.as_ref()).map(value_of);
        let (Some(body), Some(domain)) = (newest, self.catalogue.get(&change.domain)) else { return (None, None) };
        let path = FieldPath::parse("division");
        let Some(division) = path.find(&body) else { return (None, None) };
        let id = division.get("id").unwrap_or(division).as_str().map(ToOwned::to_owned);
        let name = names.show(domain, &body, &path).filter(|name| Some(name) != id.as_ref());
        (id, name)
    }
}

/// Everything that somebody who did something can be called by.
fn said_of(actors: &[Actor]) -> Vec<String> {
    let said = actors.iter().flat_map(|actor| [&actor.name, &actor.email, &actor.id, &actor.client_id]);
    said.flatten().cloned().collect()
}

fn ids_of(change: &Change) -> BTreeSet<String> {
    let mut ids: BTreeSet<String> = change.key.parts().collect();
    ids.extend(change.because.iter().map(ToString::to_string));
    // What an entity was moved out of is in what was before.
    for text in change.before.iter().chain(change.after.iter().filter(|_| change.kind == ChangeKind::Added)) {
        gather(&value_of(text), &mut ids);
    }
    ids
}

fn gather(value: &Value<'_>, ids: &mut BTreeSet<String>) {
    if ids.len() >= MOST_IDS {
        return;
    }
    match value {
        Value::String(text) => {
            ids.insert(text.to_string());
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, ids)),
        Value::Object(object) => object.iter().for_each(|(_, member)| gather(member, ids)),
        _ => {}
    }
}
