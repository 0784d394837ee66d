//! Changes of the simulated org as data: who changes what, and when.
//!
//! A script is a list of `[[edit]]`: `at` (time of day, UTC), `by` (name of a person), `domain`, `entity` (name, key or
//! index; none for a singleton) and one of `set` and `append` (values by JSON Pointer), `unset` (JSON Pointers), `add` (a
//! template, with the `parent` by name where the domain has one), `remove`, `recreate`. Values are templates.
//!
//! What the audit record of an edit says can be given as well: `client` (name or id of the OAuth client; without `by` a program
//! did it alone), `trustee` (id of the organisation that the person is of), `application`, `ip`; `audited = false` for none.

use chrono::NaiveTime;
use serde::Deserialize;

use crate::catalogue::embedded_file;
use crate::model::{DomainId, Number, Object, OwnedValue, Pointer, Value};

/// The seed of the small org that the built-in day is written for.
pub const DAY_SEED: u64 = 1;

/// A list of edits.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// The edits in the order in which they are made.
    #[serde(rename = "edit")]
    pub edits: Vec<Edit>,
}

/// A script that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("a script of edits cannot be read: {0}")]
pub struct ScriptError(#[from] toml::de::Error);

/// One change by one person.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawEdit")]
pub struct Edit {
    /// The time of day, UTC.
    pub at: NaiveTime,
    /// The name of the person; empty where a program did it alone.
    pub by: String,
    /// The domain of the entity.
    pub domain: DomainId,
    /// The entity; `None` for the only one of its domain and for a new one.
    pub entity: Option<EntityPick>,
    /// What is done.
    pub action: Action,
    /// What its audit record says.
    pub audit: EditAudit,
}

/// What the audit record of an edit says, and whether there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EditAudit {
    /// Whether a record is written.
    pub audited: bool,
    /// The name or id of the OAuth client that was used.
    pub client: Option<String>,
    /// The id of the other organisation that the person is of.
    pub trustee: Option<String>,
    /// The program that the person used; one of the usual ones where it is left out.
    pub application: Option<String>,
    /// Where the request came from; an address made up for the person where it is left out.
    pub ip: Option<String>,
}

impl Default for EditAudit {
    fn default() -> Self {
        Self { audited: true, client: None, trustee: None, application: None, ip: None }
    }
}

/// How an edit names an entity.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum EntityPick {
    /// By its position in the listing, from 0.
    Index(usize),
    /// By its name, else by its key.
    Name(String),
}

/// What an edit does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Gives places a value; objects on the way are made.
    Set(Vec<(Pointer, OwnedValue)>),
    /// Takes members or items out.
    Unset(Vec<Pointer>),
    /// Adds to lists, which are made where they are missing.
    Append(Vec<(Pointer, OwnedValue)>),
    /// Makes a new entity, below a parent where the domain has one.
    Add {
        /// What it looks like.
        template: OwnedValue,
        /// The name of its parent.
        parent: Option<String>,
    },
    /// Takes the entity out, and all below it.
    Remove,
    /// Takes the entity out and makes it again under a new id; what referred to it refers to the new one, what was below
    /// it is lost.
    Recreate,
}

impl Script {
    /// The day that the demonstration shows.
    ///
    /// # Errors
    /// None in a released binary: the tests read it.
    pub fn built_in() -> Result<Self, ScriptError> {
        Self::read(embedded_file("sim/day.toml").unwrap_or_default())
    }

    /// Reads a script.
    ///
    /// # Errors
    /// What is wrong with it, and where.
    pub fn read(text: &str) -> Result<Self, ScriptError> {
        Ok(toml::from_str(text)?)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEdit {
    at: String,
    #[serde(default)]
    by: String,
    domain: DomainId,
    entity: Option<EntityPick>,
    parent: Option<String>,
    set: Option<toml::Table>,
    unset: Option<Vec<String>>,
    append: Option<toml::Table>,
    add: Option<toml::Table>,
    remove: Option<Yes>,
    recreate: Option<Yes>,
    client: Option<String>,
    trustee: Option<String>,
    application: Option<String>,
    ip: Option<String>,
    audited: Option<bool>,
}

/// A flag that is only ever set.
#[derive(Deserialize)]
#[serde(try_from = "bool")]
struct Yes;

impl TryFrom<bool> for Yes {
    type Error = &'static str;

    fn try_from(flag: bool) -> Result<Self, Self::Error> {
        if flag { Ok(Self) } else { Err("leave it out instead") }
    }
}

impl TryFrom<RawEdit> for Edit {
    type Error = &'static str;

    fn try_from(raw: RawEdit) -> Result<Self, Self::Error> {
        let at = NaiveTime::parse_from_str(&raw.at, "%H:%M").map_err(|_| "`at` must be a time such as 09:14")?;
        let has_parent = raw.parent.is_some();
        let is_new = raw.add.is_some();
        let parent = raw.parent;
        let actions = [
            raw.set.map(|values| Action::Set(places(values))),
            raw.unset.map(|places| Action::Unset(places.into_iter().map(Pointer::from_text).collect())),
            raw.append.map(|values| Action::Append(places(values))),
            raw.add.map(|template| Action::Add { template: value_of(toml::Value::Table(template)), parent }),
            raw.remove.map(|_| Action::Remove),
            raw.recreate.map(|_| Action::Recreate),
        ];
        let mut actions = actions.into_iter().flatten();
        let (Some(action), None) = (actions.next(), actions.next()) else {
            return Err("an edit does one of set, unset, append, add, remove and recreate");
        };
        if (is_new && raw.entity.is_some()) || (has_parent && !is_new) {
            return Err("`entity` names what is there, `parent` where something new goes");
        }
        if raw.by.is_empty() && (raw.client.is_none() || raw.trustee.is_some()) {
            return Err("`by` names the person; only `client` can do without, and `trustee` cannot");
        }
        let audit = EditAudit {
            audited: raw.audited.unwrap_or(true),
            client: raw.client,
            trustee: raw.trustee,
            application: raw.application,
            ip: raw.ip,
        };
        Ok(Self { at, by: raw.by, domain: raw.domain, entity: raw.entity, action, audit })
    }
}

fn places(table: toml::Table) -> Vec<(Pointer, OwnedValue)> {
    table.into_iter().map(|(place, value)| (Pointer::from_text(place), value_of(value))).collect()
}

fn value_of(value: toml::Value) -> OwnedValue {
    let number =
        |literal: String| Number::parse(&literal).map_or(Value::Null, |number| Value::Number(number.into_owned()));
    match value {
        toml::Value::String(text) => Value::from(text),
        toml::Value::Integer(integer) => number(integer.to_string()),
        toml::Value::Float(float) => number(float.to_string()),
        toml::Value::Boolean(flag) => Value::from(flag),
        toml::Value::Datetime(moment) => Value::from(moment.to_string()),
        toml::Value::Array(items) => Value::Array(items.into_iter().map(value_of).collect()),
        toml::Value::Table(table) => Value::Object(
            table.into_iter().map(|(name, value)| (name.into(), value_of(value))).collect::<Object<'static>>(),
        ),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    fn read_edit(action: &str) -> Result<Edit, String> {
        let text = format!("[[edit]]\nat = \"09:14\"\nby = \"Nora\"\ndomain = \"a.b\"\n{action}\n");
        Script::read(&text).map(|mut script| script.edits.remove(0)).map_err(|error| error.to_string())
    }

    #[test]
    fn an_edit_says_who_does_what_and_when() {
        let edit = read_edit("entity = \"X\"\nset = { \"/a~1b\" = 1.5, \"/c\" = [true, {}] }").unwrap();
        assert_eq!((edit.at.to_string(), edit.by.as_str()), ("09:14:00".to_owned(), "Nora"));
        assert_eq!(edit.entity, Some(EntityPick::Name("X".to_owned())));
        let Action::Set(values) = edit.action else { panic!() };
        let read = |text: &'static str| crate::canonical::read_str(text).unwrap();
        assert_eq!(values[0], (Pointer::from_text("/a~1b"), read("1.5")));
        assert_eq!(values[1], (Pointer::from_text("/c"), read("[true,{}]")));
        assert_eq!(read_edit("entity = 2\nremove = true").unwrap().entity, Some(EntityPick::Index(2)));
    }

    #[test]
    fn an_edit_says_what_its_audit_record_says() {
        let edit = read_edit("remove = true").unwrap();
        assert_eq!(edit.audit, EditAudit::default());
        let edit = read_edit("remove = true\nclient = \"c\"\ntrustee = \"o\"\nip = \"i\"\naudited = false").unwrap();
        let text = |text: &str| Some(text.to_owned());
        let audit =
            EditAudit { audited: false, client: text("c"), trustee: text("o"), ip: text("i"), application: None };
        assert_eq!(edit.audit, audit);
        for (who, is_read) in [("client = \"c\"", true), ("client = \"c\"\ntrustee = \"o\"", false), ("", false)] {
            let text = format!("[[edit]]\nat = \"09:14\"\ndomain = \"a.b\"\nremove = true\n{who}");
            assert_eq!(Script::read(&text).is_ok(), is_read, "{who}");
        }
    }

    #[test]
    fn an_unclear_edit_is_refused_with_its_line() {
        let cases = [
            ("", "an edit does one of"),
            ("remove = true\nrecreate = true", "an edit does one of"),
            ("remove = false", "leave it out instead"),
            ("entity = \"x\"\nadd = {}", "`parent` where something new goes"),
            ("parent = \"x\"\nremove = true", "`parent` where something new goes"),
            ("what = 1", "unknown field `what`"),
        ];
        for (action, problem) in cases {
            let error = read_edit(action).unwrap_err();
            assert!(error.contains(problem) && error.contains("line"), "{action}: {error}");
        }
    }
}
