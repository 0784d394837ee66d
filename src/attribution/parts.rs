//! What each actor did: the changes of an interval, taken apart by who made them.

use std::collections::{BTreeMap, BTreeSet};

use super::join::{Behind, Joined};
use super::record::AuditRecord;
use super::told::Work;
use crate::canonical::value_of;
use crate::catalogue::Catalogue;
use crate::diff::list_around;
use crate::model::{Actor, Attribution, Change, DomainId, Explained, FieldAttribution, Pointer};

/// What a person is called.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Person {
    /// The name.
    pub name: Option<String>,
    /// The mail address.
    pub email: Option<String>,
}

/// Gives people and programs their names.
pub trait People {
    /// The person of an id, where the organisation knows one.
    fn person(&self, id: &str) -> Option<Person>;

    /// The name of an OAuth client.
    fn client(&self, id: &str) -> Option<String>;
}

/// A part of the changes: what one actor did, or what is left.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Who did it; absent for what no record explains.
    pub author: Option<Actor>,
    /// Who else had a hand in it, in order of time.
    pub others: Vec<Actor>,
    /// The records behind it, in order of time.
    pub works: Vec<Work>,
    /// The changes, in order.
    pub changes: Vec<PartChange>,
    /// Why nobody is known, with the domains that it holds for; empty where an author is.
    pub unexplained: BTreeMap<Explained, BTreeSet<DomainId>>,
}

/// A change, or some fields of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartChange {
    /// Its position among the changes.
    pub change: usize,
    /// The positions of its fields; absent for the whole change.
    pub fields: Option<Vec<usize>>,
}

/// Who made the changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Who made each of the changes.
    pub attributions: Vec<Attribution>,
    /// What each actor did, in order of each one's last record; at the end what no record explains.
    pub parts: Vec<Part>,
}

/// Takes changes apart by who made them.
pub struct Parting<'p> {
    /// The domains.
    pub catalogue: &'p Catalogue,
    /// The id of the organisation.
    pub org: &'p str,
    /// The changes.
    pub changes: &'p [Change],
    /// The records that were joined with them.
    pub records: &'p [AuditRecord],
    /// The names of people and programs.
    pub people: &'p dyn People,
}

impl Parting<'_> {
    /// Takes the changes apart, given the records behind each.
    #[must_use]
    pub fn part(&self, joined: &[Joined]) -> Told {
        let joined: Vec<Joined> =
            self.changes.iter().zip(joined).map(|(change, one)| self.whole_lists(change, one)).collect();
        let mut drafts: BTreeMap<Option<String>, Draft> = BTreeMap::new();
        for (position, (change, joined)) in self.changes.iter().zip(&joined).enumerate() {
            match &joined.behind {
                Behind::Whole(records) => {
                    let draft = drafts.entry(self.author_key(records)).or_default();
                    draft.take(change, PartChange { change: position, fields: None }, records, joined.otherwise);
                }
                Behind::Fields(fields) => {
                    let mut by_author: BTreeMap<Option<String>, Vec<usize>> = BTreeMap::new();
                    for (field, records) in fields.iter().enumerate() {
                        by_author.entry(self.author_key(records)).or_default().push(field);
                    }
                    for (author, own) in by_author {
                        let records: BTreeSet<usize> = own.iter().flat_map(|field| &fields[*field]).copied().collect();
                        let records: Vec<usize> = records.into_iter().collect();
                        let draft = drafts.entry(author).or_default();
                        draft.take(
                            change,
                            PartChange { change: position, fields: Some(own) },
                            &records,
                            joined.otherwise,
                        );
                    }
                }
            }
        }
        let rest = drafts.remove(&None);
        let mut drafts: Vec<(String, Draft)> = drafts.into_iter().filter_map(|(key, one)| Some((key?, one))).collect();
        drafts.sort_by_key(|(key, draft)| self.last_of(key, &draft.records));
        let mut parts: Vec<Part> = drafts.into_iter().map(|(key, draft)| self.by_author(&key, draft)).collect();
        parts.extend(rest.map(|rest| Part { changes: rest.changes, unexplained: rest.unexplained, ..Part::default() }));
        let attributions =
            self.changes.iter().zip(&joined).map(|(change, joined)| self.attribution(change, joined)).collect();
        Told { attributions, parts }
    }

    /// Positions in an ordered list hang together, so all that changed in one is taken for the work of all who changed it.
    fn whole_lists(&self, change: &Change, joined: &Joined) -> Joined {
        let (Behind::Fields(fields), Some(domain)) = (&joined.behind, self.catalogue.get(&change.domain)) else {
            return joined.clone();
        };
        let bodies: Vec<_> = change.after.iter().chain(&change.before).map(value_of).collect();
        let list = |path: &Pointer| bodies.iter().find_map(|body| list_around(domain, body, path));
        let lists: Vec<Option<Pointer>> = change.fields.iter().map(|field| list(&field.path)).collect();
        let mut by_list: BTreeMap<&Pointer, BTreeSet<usize>> = BTreeMap::new();
        for (list, records) in lists.iter().zip(fields) {
            if let Some(list) = list {
                by_list.entry(list).or_default().extend(records);
            }
        }
        let of_field = |(list, records): (&Option<Pointer>, &Vec<usize>)| match list {
            Some(list) => by_list.get(list).into_iter().flatten().copied().collect(),
            None => records.clone(),
        };
        let fields = lists.iter().zip(fields).map(of_field).collect();
        Joined { behind: Behind::Fields(fields), otherwise: joined.otherwise }
    }

    /// Of several who did one thing the last is its author.
    fn author_key(&self, records: &[usize]) -> Option<String> {
        records.last().map(|index| actor_of(&self.records[*index]).key().to_owned())
    }

    fn last_of(&self, key: &str, records: &BTreeSet<usize>) -> usize {
        let is_theirs = |index: &&usize| actor_of(&self.records[**index]).key() == key;
        records.iter().rev().find(is_theirs).copied().unwrap_or_default()
    }

    fn by_author(&self, key: &str, draft: Draft) -> Part {
        let records: Vec<usize> = draft.records.into_iter().collect();
        let (author, others) = self.actors(&records).into_iter().partition::<Vec<_>, _>(|actor| actor.key() == key);
        let work = |(index, change): &(usize, usize)| {
            let (record, change) = (&self.records[*index], &self.changes[*change]);
            Work {
                action: if record.action.is_empty() { "Change".to_owned() } else { record.action.clone() },
                at: record.written_at(),
                audit_id: record.id.clone(),
                domain: change.domain.clone(),
                key: change.key.clone(),
            }
        };
        let works = draft.works.iter().map(work).collect();
        Part { author: author.into_iter().next(), others, works, changes: draft.changes, unexplained: BTreeMap::new() }
    }

    /// Who wrote these records, each once, in the order of each one's last.
    fn actors(&self, records: &[usize]) -> Vec<Actor> {
        let mut actors: Vec<Actor> = Vec::new();
        for record in records.iter().map(|index| &self.records[*index]) {
            Actor::gather(&mut actors, self.named(actor_of(record), record));
        }
        actors
    }

    fn named(&self, mut actor: Actor, record: &AuditRecord) -> Actor {
        if let Some(id) = &actor.id {
            let person = self.people.person(id).unwrap_or_default();
            actor.name = record.user_name.clone().or(person.name);
            actor.email = person.email;
            actor.home_org = record.home_org.clone().filter(|home| home != self.org);
        } else if let Some(client) = &actor.client_id {
            actor.name = self.people.client(client);
        }
        actor
    }

    fn attribution(&self, change: &Change, joined: &Joined) -> Attribution {
        let explained = if joined.is_explained() { Explained::Audit } else { joined.otherwise };
        let actors = self.actors(&joined.records());
        let mut attribution = Attribution { explained, actors, fields: BTreeMap::new() };
        if let Behind::Fields(fields) = &joined.behind {
            for (field, records) in change.fields.iter().zip(fields) {
                let keys = self.actors(records).iter().map(|actor| actor.key().to_owned()).collect();
                let explained = if records.is_empty() { joined.otherwise } else { Explained::Audit };
                let by = FieldAttribution { explained, actors: keys };
                if by != attribution.of_field(&field.path) {
                    attribution.fields.insert(field.path.clone(), by);
                }
            }
        }
        attribution
    }
}

/// What is gathered for one author.
#[derive(Default)]
struct Draft {
    changes: Vec<PartChange>,
    records: BTreeSet<usize>,
    /// Record and change.
    works: BTreeSet<(usize, usize)>,
    unexplained: BTreeMap<Explained, BTreeSet<DomainId>>,
}

impl Draft {
    fn take(&mut self, change: &Change, part: PartChange, records: &[usize], otherwise: Explained) {
        self.works.extend(records.iter().map(|record| (*record, part.change)));
        self.records.extend(records);
        self.changes.push(part);
        if records.is_empty() {
            self.unexplained.entry(otherwise).or_default().insert(change.domain.clone());
        }
    }
}

/// Who wrote a record, as far as it says so itself.
fn actor_of(record: &AuditRecord) -> Actor {
    let is_nobody = record.user.is_none() && record.client.is_none();
    Actor {
        id: record.user.clone(),
        // What the platform does by itself has neither a person nor a client.
        name: is_nobody.then(|| PLATFORM.to_owned()),
        email: None,
        client_id: record.client.clone(),
        home_org: None,
        remote_ip: record.remote_ip.clone(),
        application: record.application.clone(),
        at: record.written_at(),
        audit_ids: vec![record.id.clone()],
    }
}

/// What the platform is called where it changes something by itself.
const PLATFORM: &str = "Genesys Cloud";
