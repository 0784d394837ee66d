//! What a commit says of who made its changes: in author and trailers, and in a note where it was found out later.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::join::Use;
use super::parts::Part;
use crate::model::{Actor, Attribution, DomainId, EntityKey, Explained, FieldAttribution, Pointer};

/// Names of the trailers.
pub mod trailer {
    /// Whether it is known who made the changes; behind the word the domains that it holds for, or none for all of them.
    pub const EXPLAINED: &str = "Orgtrail-Explained";
    /// From when to when the changes were made, at the widest, `start/end`.
    pub const INTERVAL: &str = "Orgtrail-Interval";
    /// The id of the person.
    pub const ACTOR: &str = "Genesys-Actor";
    /// The organisation of a person who belongs to another one.
    pub const ACTOR_ORG: &str = "Genesys-Actor-Org";
    /// The id of the OAuth client.
    pub const CLIENT: &str = "Genesys-Client";
    /// Where a request came from.
    pub const REMOTE_IP: &str = "Genesys-Remote-Ip";
    /// The program that the person used.
    pub const APPLICATION: &str = "Genesys-Application";
    /// What was done: action, instant, id of the record, `domain/key` of what it changed.
    pub const ACTION: &str = "Genesys-Action";
    /// The id of an audit record.
    pub const AUDIT_ID: &str = "Genesys-Audit-Id";
    /// The id of somebody who had a part in the changes, in the order of `Co-authored-by`.
    pub const CO_ACTOR: &str = "Genesys-Co-Actor";
    /// Somebody who had a part in the changes, as git hosts know it.
    pub const CO_AUTHOR: &str = "Co-authored-by";
}

/// An audit record behind a change, as the trailer [`trailer::ACTION`] tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Work {
    /// What was done, in the word of the record.
    pub action: String,
    /// When, RFC 3339, UTC.
    pub at: String,
    /// The id of the record.
    pub audit_id: String,
    /// The domain of what it changed.
    pub domain: DomainId,
    /// The key of what it changed.
    pub key: EntityKey,
}

impl Work {
    /// The value of the trailer.
    #[must_use]
    pub fn write(&self) -> String {
        let word = |text: &str| text.split(|c: char| c.is_whitespace() || c.is_control()).collect::<Vec<_>>().join("-");
        format!("{} {} {} {}/{}", word(&self.action), word(&self.at), word(&self.audit_id), self.domain, self.key)
    }

    /// Reads the value of the trailer.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut words = text.splitn(4, ' ');
        let mut next = || words.next().filter(|word| !word.is_empty());
        let (action, at, audit_id, place) = (next()?, next()?, next()?, next()?);
        let (domain, key) = place.split_once('/')?;
        Some(Self {
            action: action.to_owned(),
            at: at.to_owned(),
            audit_id: audit_id.to_owned(),
            domain: domain.parse().ok()?,
            key: EntityKey::new(key),
        })
    }
}

/// What was found out about a commit after it was made; kept as a git note.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// The version of this form.
    pub schema_version: u32,
    /// The changes that more is known of than the commit says.
    pub changes: Vec<NoteChange>,
}

/// What was found out about a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteChange {
    /// The domain of the entity.
    pub domain: DomainId,
    /// The key of the entity, after the change.
    pub entity: EntityKey,
    /// Whether it is known who made it.
    pub explained: Explained,
    /// Who made it, in order of time.
    pub actors: Vec<Actor>,
    /// Fields that are not simply by all of the actors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<NoteField>,
}

/// What was found out about a field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoteField {
    /// Where it is.
    pub path: String,
    /// Who changed it.
    #[serde(flatten)]
    pub by: FieldAttribution,
}

impl Note {
    /// A note of changes.
    #[must_use]
    pub fn new(changes: Vec<NoteChange>) -> Self {
        Self { schema_version: 1, changes }
    }

    /// Reads a note: its last line that is a JSON object. `None` for a note that somebody else wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        text.lines().rev().find_map(|line| serde_json::from_str(line.trim()).ok())
    }

    /// The text of the note: for people a line for each change, then the same for programs.
    #[must_use]
    pub fn write(&self) -> String {
        let line = |change: &NoteChange| {
            let of = format!("{} {}", change.domain, change.entity);
            let by = |actor: &Actor| match &actor.email {
                Some(email) => format!("{} <{email}>", actor.shown()),
                None => actor.shown().to_owned(),
            };
            let one_line =
                |text: String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
            match change.actors.last() {
                Some(last) => {
                    let by: Vec<String> = change.actors.iter().map(by).collect();
                    one_line(format!("{of}: {} at {}", by.join(", "), last.at))
                }
                None => one_line(format!("{of}: no audit record explains it")),
            }
        };
        let mut text: String = self.changes.iter().map(|change| line(change) + "\n").collect();
        text.push('\n');
        text.push_str(&serde_json::to_string(self).unwrap_or_default());
        text.push('\n');
        text
    }

    /// Takes what another note says of the same changes in place of what this one says, and adds the rest.
    #[must_use]
    pub fn with(mut self, later: Self) -> Self {
        for change in later.changes {
            let is_same = |known: &&mut NoteChange| known.domain == change.domain && known.entity == change.entity;
            match self.changes.iter_mut().find(is_same) {
                Some(known) => *known = change,
                None => self.changes.push(change),
            }
        }
        self
    }
}

/// What a commit says of who made its changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommitAttribution {
    /// The author, where an audit record names one.
    author: Option<Actor>,
    /// Who else had a part.
    others: Vec<Actor>,
    works: Vec<Work>,
    /// What holds for which domains; an empty set stands for all.
    unexplained: Vec<(Explained, BTreeSet<DomainId>)>,
    note: BTreeMap<(DomainId, EntityKey), NoteChange>,
}

impl CommitAttribution {
    /// Reads what an observed commit says: its author (name, mail address, RFC 3339), its trailers, its note.
    #[must_use]
    pub fn read(author: (&str, &str, &str), trailers: &[(String, String)], note: Option<&Note>) -> Self {
        let all = |key: &str| {
            let of_key = trailers.iter().filter(|(name, _)| name == key).map(|(_, value)| value.clone());
            of_key.collect::<Vec<String>>()
        };
        let first = |key: &str| all(key).into_iter().next();
        let mut said = Self::default();
        for value in all(trailer::EXPLAINED) {
            let mut words = value.split(' ').filter(|word| !word.is_empty());
            let Some(explained) = words.next().and_then(Explained::from_word) else { continue };
            if explained == Explained::Audit {
                let (name, email, at) = author;
                said.author = Some(Actor {
                    id: first(trailer::ACTOR),
                    name: Some(name.strip_suffix(TRUSTEE).unwrap_or(name).to_owned()),
                    email: is_address(email).then(|| email.to_owned()),
                    client_id: first(trailer::CLIENT),
                    home_org: first(trailer::ACTOR_ORG),
                    remote_ip: all(trailer::REMOTE_IP),
                    application: first(trailer::APPLICATION),
                    at: at.to_owned(),
                    audit_ids: all(trailer::AUDIT_ID),
                });
            } else {
                said.unexplained.push((explained, words.filter_map(|word| word.parse().ok()).collect()));
            }
        }
        let ids = all(trailer::CO_ACTOR).into_iter().map(Some).chain(std::iter::repeat(None));
        said.others = all(trailer::CO_AUTHOR).iter().zip(ids).filter_map(|(text, id)| co_author(text, id)).collect();
        said.works = all(trailer::ACTION).iter().filter_map(|text| Work::read(text)).collect();
        let noted = note.into_iter().flat_map(|note| &note.changes);
        said.note = noted.map(|one| ((one.domain.clone(), one.entity.clone()), one.clone())).collect();
        said
    }

    /// Who made the change of an entity.
    #[must_use]
    pub fn of_change(&self, domain: &DomainId, key: &EntityKey) -> Attribution {
        if let Some(noted) = self.note.get(&(domain.clone(), key.clone())) {
            let field = |one: &NoteField| (Pointer::from_text(one.path.as_str()), one.by.clone());
            return Attribution {
                explained: noted.explained,
                actors: noted.actors.clone(),
                fields: noted.fields.iter().map(field).collect(),
            };
        }
        let Some(author) = &self.author else {
            let holds =
                |(_, domains): &&(Explained, BTreeSet<DomainId>)| domains.is_empty() || domains.contains(domain);
            let found = self.unexplained.iter().find(holds).map(|(explained, _)| *explained);
            return Attribution::unknown(found.unwrap_or(Explained::NotCovered));
        };
        let mut author = author.clone();
        let works: Vec<&Work> = self.works.iter().filter(|work| work.domain == *domain && work.key == *key).collect();
        if let Some(last) = works.iter().map(|work| &work.at).max() {
            author.at.clone_from(last);
            author.audit_ids = works.iter().map(|work| work.audit_id.clone()).collect();
        }
        let mut actors = self.others.clone();
        actors.push(author);
        Attribution { explained: Explained::Audit, actors, fields: BTreeMap::new() }
    }

    /// Who made the changes, taken together: everybody who had a part, in order of time.
    #[must_use]
    pub fn in_sum(&self) -> Attribution {
        let noted = self.note.values().flat_map(|change| &change.actors);
        let mut actors: Vec<Actor> = Vec::new();
        for actor in self.others.iter().chain(&self.author).chain(noted) {
            if actors.iter().all(|known| known.key() != actor.key() || known.shown() != actor.shown()) {
                actors.push(actor.clone());
            }
        }
        actors.sort_by(|left, right| left.at.cmp(&right.at));
        let unexplained = self.unexplained.iter().map(|(explained, _)| *explained).next();
        let explained = if actors.is_empty() { unexplained.unwrap_or(Explained::NotCovered) } else { Explained::Audit };
        Attribution { explained, actors, fields: BTreeMap::new() }
    }

    /// Whether there are changes that a record may still explain.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.unexplained.iter().any(|(explained, _)| *explained == Explained::Pending)
    }

    /// The ids of the records that the commit and its note are explained by.
    pub fn audit_ids(&self) -> impl Iterator<Item = &str> {
        let actors = self.author.iter().chain(self.note.values().flat_map(|change| &change.actors));
        actors
            .flat_map(|actor| &actor.audit_ids)
            .chain(self.works.iter().map(|work| &work.audit_id))
            .map(String::as_str)
    }

    /// The records that explain a change of an entity, each with the entity.
    pub fn uses(&self) -> impl Iterator<Item = Use> {
        let by_commit = self.works.iter().map(|work| (work.audit_id.clone(), work.domain.clone(), work.key.clone()));
        let by_note = self.note.values().flat_map(|change| {
            let ids = change.actors.iter().flat_map(|actor| &actor.audit_ids);
            ids.map(|id| (id.clone(), change.domain.clone(), change.entity.clone()))
        });
        by_commit.chain(by_note)
    }
}

/// What is behind the name of a person who belongs to another organisation.
const TRUSTEE: &str = " (trustee)";

/// Name and mail address of an actor, as the author of a commit; without an address of its own one that leads nowhere.
#[must_use]
pub fn author(actor: &Actor, org: &str) -> (String, String) {
    let address = || format!("{}@{org}.invalid", actor.key().replace(char::is_whitespace, "-"));
    let mark = if actor.home_org.is_some() { TRUSTEE } else { "" };
    (format!("{}{mark}", actor.shown()), actor.email.clone().unwrap_or_else(address))
}

/// The trailers that say who made a part of the changes of a run; `interval` is the time in which they were made.
#[must_use]
pub fn trailers(part: &Part, org: &str, interval: Option<&str>) -> Vec<(&'static str, String)> {
    let mut said: Vec<(&'static str, String)> = Vec::new();
    if part.author.is_some() {
        said.push((trailer::EXPLAINED, Explained::Audit.as_str().to_owned()));
    }
    for (explained, domains) in &part.unexplained {
        let words = std::iter::once(explained.as_str()).chain(domains.iter().map(DomainId::as_str));
        said.push((trailer::EXPLAINED, words.collect::<Vec<_>>().join(" ")));
    }
    said.extend(interval.map(|interval| (trailer::INTERVAL, interval.to_owned())));
    if let Some(actor) = &part.author {
        let mut one = |name, value: &Option<String>| said.extend(value.clone().map(|value| (name, value)));
        one(trailer::ACTOR, &actor.id);
        one(trailer::ACTOR_ORG, &actor.home_org);
        one(trailer::CLIENT, &actor.client_id);
        one(trailer::APPLICATION, &actor.application);
        said.extend(actor.remote_ip.iter().map(|ip| (trailer::REMOTE_IP, ip.clone())));
        said.extend(part.works.iter().map(|work| (trailer::ACTION, work.write())));
        let ids: Vec<&String> = part.works.iter().map(|work| &work.audit_id).collect();
        let mut told = BTreeSet::new();
        said.extend(ids.into_iter().filter(|id| told.insert(*id)).map(|id| (trailer::AUDIT_ID, id.clone())));
    }
    for actor in &part.others {
        let (name, email) = author(actor, org);
        let plain = |text: String| text.replace(['<', '>'], "");
        said.push((trailer::CO_ACTOR, actor.key().to_owned()));
        said.push((trailer::CO_AUTHOR, format!("{} <{}>", plain(name), plain(email))));
    }
    // What comes from the organisation may hold line breaks, which would forge trailers.
    let one_line = |text: String| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    said.into_iter().map(|(name, value)| (name, one_line(value))).collect()
}

/// Whether a mail address is one, and not made up for want of one.
fn is_address(email: &str) -> bool {
    email.contains('@') && !email.ends_with(".invalid")
}

fn co_author(text: &str, id: Option<String>) -> Option<Actor> {
    let (name, email) = text.strip_suffix('>')?.split_once(" <")?;
    Some(Actor {
        id,
        name: Some(name.strip_suffix(TRUSTEE).unwrap_or(name).to_owned()),
        email: is_address(email).then(|| email.to_owned()),
        ..Actor::default()
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn trailers(lines: &[(&str, &str)]) -> Vec<(String, String)> {
        lines.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    const AUTHOR: (&str, &str, &str) = ("Ann Lee", "ann@example.com", "2026-03-02T10:00:00Z");

    #[test]
    fn a_commit_by_a_person_says_who_and_by_which_records() {
        let said = trailers(&[
            (trailer::EXPLAINED, "audit"),
            (trailer::ACTOR, "u1"),
            (trailer::REMOTE_IP, "192.0.2.1"),
            (trailer::AUDIT_ID, "a1"),
            (trailer::AUDIT_ID, "a2"),
            (trailer::ACTION, "Update 2026-03-02T09:00:00Z a1 routing.queues/q 1"),
            (trailer::ACTION, "Update 2026-03-02T10:00:00Z a2 routing.queues/q2"),
            (trailer::CO_ACTOR, "u2"),
            (trailer::CO_AUTHOR, "Bo <u2@org.invalid>"),
        ]);
        let commit = CommitAttribution::read(AUTHOR, &said, None);
        let found = commit.of_change(&"routing.queues".parse().unwrap(), &EntityKey::new("q 1"));
        assert_eq!(found.explained, Explained::Audit);
        let [other, author] = found.actors.as_slice() else { panic!("{found:?}") };
        assert_eq!((other.key(), other.shown(), &other.email), ("u2", "Bo", &None));
        assert_eq!((author.key(), author.email.as_deref()), ("u1", Some("ann@example.com")));
        assert_eq!((author.at.as_str(), author.audit_ids.as_slice()), ("2026-03-02T09:00:00Z", &["a1".to_owned()][..]));
        assert_eq!(commit.audit_ids().collect::<BTreeSet<_>>(), BTreeSet::from(["a1", "a2"]));
        assert!(!commit.is_pending());
    }

    #[test]
    fn what_nobody_explains_is_told_by_domain_and_a_note_overrules_it() {
        let said = trailers(&[
            (trailer::EXPLAINED, "pending routing.queues routing.skills"),
            (trailer::EXPLAINED, "not-covered architect.flows"),
        ]);
        let (queue, skill) = (EntityKey::new("q"), EntityKey::new("s"));
        let domain = |name: &str| name.parse::<DomainId>().unwrap();
        let actor = Actor { id: Some("u1".to_owned()), at: "2026-03-02T09:00:00Z".to_owned(), ..Actor::default() };
        let note = Note::new(vec![NoteChange {
            domain: domain("routing.queues"),
            entity: queue.clone(),
            explained: Explained::None,
            actors: vec![actor],
            fields: vec![NoteField {
                path: "/a".to_owned(),
                by: FieldAttribution { explained: Explained::Audit, actors: vec!["u1".to_owned()] },
            }],
        }]);
        let text = note.write();
        assert!(text.starts_with("routing.queues q: u1 at 2026-03-02T09:00:00Z\n\n{"), "{text}");
        assert_eq!(Note::read(&text).as_ref(), Some(&note));
        assert_eq!(Note::read("by hand"), None);

        let commit = CommitAttribution::read(AUTHOR, &said, Some(&note));
        assert!(commit.is_pending());
        assert_eq!(commit.of_change(&domain("routing.skills"), &skill).explained, Explained::Pending);
        assert_eq!(commit.of_change(&domain("architect.flows"), &skill).explained, Explained::NotCovered);
        let found = commit.of_change(&domain("routing.queues"), &queue);
        assert_eq!(found.explained, Explained::None);
        assert_eq!(found.of_field(&Pointer::from_text("/a")).explained, Explained::Audit);
        assert_eq!(found.of_field(&Pointer::from_text("/b")).explained, Explained::None);
    }
}
