//! Who made a change, as far as the audit log of the organisation tells.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pointer::Pointer;

/// Whether it is known who made a change, and if not, why not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Explained {
    /// An audit record names who made it.
    Audit,
    /// No audit record explains it yet; one may still come.
    Pending,
    /// No audit record explains it, and none is to be expected any more.
    None,
    /// The organisation keeps no audit records of things like it.
    NotCovered,
    /// The client may not read audit records.
    NoPermission,
}

impl Explained {
    /// Every word there is.
    pub const ALL: [Self; 5] = [Self::Audit, Self::Pending, Self::None, Self::NotCovered, Self::NoPermission];

    /// The word for it, in documents and trailers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Audit => "audit",
            Self::Pending => "pending",
            Self::None => "none",
            Self::NotCovered => "not-covered",
            Self::NoPermission => "no-permission",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.as_str() == word)
    }
}

/// A person or a program that made changes, and what its audit records say of how.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Actor {
    /// The id of the person; absent where a program acted by itself.
    pub id: Option<String>,
    /// The name of the person or program, where it is known.
    pub name: Option<String>,
    /// The mail address of the person, where it is known.
    pub email: Option<String>,
    /// The id of the OAuth client that was used, where the records name one.
    pub client_id: Option<String>,
    /// The organisation that the person belongs to, where that is another one than the one changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_org: Option<String>,
    /// Where the requests came from, in order and without repetition.
    pub remote_ip: Vec<String>,
    /// The program that the person used, as the records call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// When the last of the records was written, RFC 3339, UTC.
    pub at: String,
    /// The ids of the records, in order of time.
    pub audit_ids: Vec<String>,
}

impl Actor {
    /// What identifies the actor: the id of the person, else of the program, else the name.
    #[must_use]
    pub fn key(&self) -> &str {
        self.id.as_deref().or(self.client_id.as_deref()).or(self.name.as_deref()).unwrap_or_default()
    }

    /// Adds an actor to others in order of time, or what else is known of one who is among them, who then comes last.
    pub fn gather(actors: &mut Vec<Self>, new: Self) {
        let known = actors.iter().position(|known| known.key() == new.key()).map(|known| actors.remove(known));
        actors.push(match known {
            Some(known) => known.with(new),
            None => new,
        });
    }

    fn with(self, later: Self) -> Self {
        let all = |mut known: Vec<String>, later: Vec<String>| {
            for one in later {
                if !known.contains(&one) {
                    known.push(one);
                }
            }
            known
        };
        Self {
            id: later.id.or(self.id),
            name: later.name.or(self.name),
            email: later.email.or(self.email),
            client_id: later.client_id.or(self.client_id),
            home_org: later.home_org.or(self.home_org),
            remote_ip: all(self.remote_ip, later.remote_ip),
            application: later.application.or(self.application),
            at: later.at.max(self.at),
            audit_ids: all(self.audit_ids, later.audit_ids),
        }
    }

    /// What the actor is called: the name, else the id.
    #[must_use]
    pub fn shown(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.key())
    }
}

/// Who made a change of an entity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribution {
    /// Whether it is known; where its fields differ in that, the least that is known of any.
    pub explained: Explained,
    /// Who made it, in order of time; empty where nobody is known.
    pub actors: Vec<Actor>,
    /// Fields that are not simply by all of the actors.
    pub fields: BTreeMap<Pointer, FieldAttribution>,
}

/// Who changed a field of an entity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldAttribution {
    /// Whether it is known.
    pub explained: Explained,
    /// The keys of the actors, in order of time.
    pub actors: Vec<String>,
}

impl Default for Attribution {
    fn default() -> Self {
        Self::unknown(Explained::NotCovered)
    }
}

impl Attribution {
    /// Nobody is known, for this reason.
    #[must_use]
    pub fn unknown(explained: Explained) -> Self {
        Self { explained, actors: Vec::new(), fields: BTreeMap::new() }
    }

    /// Who changed a field.
    #[must_use]
    pub fn of_field(&self, path: &Pointer) -> FieldAttribution {
        self.fields.get(path).cloned().unwrap_or_else(|| FieldAttribution {
            explained: self.explained,
            actors: self.actors.iter().map(|actor| actor.key().to_owned()).collect(),
        })
    }
}
