//! `[treat]` and `[removal]` of a draft.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::model::{Found, Model, from_table, is_under, join};
use super::references::Reference;
use super::{Remarks, text};
use crate::table::Row;
use crate::writing::contract::Kind;

/// What is done with the fields.
#[derive(Default)]
pub(crate) struct Fields {
    volatile: BTreeSet<String>,
    state: BTreeSet<String>,
    metadata: BTreeSet<String>,
    copied: BTreeSet<String>,
    secret: BTreeSet<String>,
    /// Arrays in any order, with what identifies a member.
    sets: BTreeMap<String, Vec<String>>,
}

/// Words in the names of members that tell who and when.
fn tells_who_or_when(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let done = ["created", "modified", "updated", "imported"].iter().any(|word| name.contains(word));
    done && !name.contains("version") && !name.ends_with("uri")
}

/// Members that tell nothing but who and when, wherever they are.
pub(crate) fn is_metadata(name: &str) -> bool {
    let (date, by) = (["date", "Date"], ["By", "ByApp", "ByClient", "ByUser"]);
    ["created", "modified", "updated"].iter().any(|done| {
        let is_date =
            date.iter().any(|word| name == format!("{word}{}", capital(done)) || name == format!("{done}{word}"));
        is_date || by.iter().any(|word| name == format!("{done}{word}"))
    })
}

fn capital(word: &str) -> String {
    let (first, rest) = word.split_at(1);
    first.to_ascii_uppercase() + rest
}

/// Words in the names of members that may hold a secret.
const SECRET_WORDS: [&str; 7] = ["password", "secret", "token", "credential", "passphrase", "privatekey", "apikey"];

fn may_be_secret(name: &str) -> bool {
    name == "pin" || SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Words in the names of members that may be about a person.
const PERSONAL_WORDS: [&str; 6] = ["email", "phonenumber", "address", "firstname", "lastname", "fullname"];

impl Fields {
    /// What the columns of the table say of members that the model has.
    pub(crate) fn of_the_row(row: &Row, model: &Model<'_>, remarks: &mut Remarks) -> Self {
        let mut fields = Self::default();
        for name in row.volatile.split_whitespace().chain(row.audit_metadata.split_whitespace()) {
            let path = from_table(name);
            if !model.has(&path) {
                remarks.add(format!("no such volatile member in the model: {name}"));
            } else if tells_who_or_when(path.rsplit('.').next().unwrap_or_default()) {
                fields.metadata.insert(path);
            } else {
                fields.volatile.insert(path);
            }
        }
        fields.state(row, model, remarks);
        fields.secret(row, model, remarks);
        fields
    }

    fn state(&mut self, row: &Row, model: &Model<'_>, remarks: &mut Remarks) {
        for entry in row.state_fields.split('|').map(str::trim).filter(|entry| !entry.is_empty()) {
            let name = entry.split([' ', '?']).next().unwrap_or_default();
            let path = from_table(name);
            let path = path.strip_suffix(".*.*").unwrap_or(&path).to_owned();
            if name != entry || !model.has(&path) {
                remarks.add(format!("state? {entry}"));
            }
            if (name == entry || entry.ends_with(')')) && model.has(&path) {
                self.state.insert(path);
            }
        }
    }

    /// Certificates are public material: a changed one has to be seen.
    fn secret(&mut self, row: &Row, model: &Model<'_>, remarks: &mut Remarks) {
        for name in row.secret_fields.split_whitespace() {
            let path = from_table(name);
            let last = path.trim_end_matches(".*").rsplit('.').next().unwrap_or_default();
            let text = matches!(model.kind_at(&path), Some(Kind::Scalar("string", _) | Kind::Any));
            if text && !last.to_ascii_lowercase().contains("certificate") {
                self.secret.insert(path);
            } else {
                remarks.add(format!("secret? {name}"));
            }
        }
    }

    /// Whether a path is not stored.
    pub(crate) fn drops(&self, path: &str) -> bool {
        let all = [&self.volatile, &self.state, &self.metadata, &self.copied];
        all.into_iter().any(|paths| is_under(path, paths.iter().map(String::as_str)))
    }

    /// Takes a member for copied.
    pub(crate) fn copy(&mut self, member: &str) {
        if !self.drops(member) {
            self.copied.insert(member.to_owned());
        }
    }

    /// Whether nothing below a member is to be looked at.
    fn closes(&self, references: &BTreeMap<String, Reference>, one: &Found<'_>) -> bool {
        self.drops(&one.path) || is_reference(references, &one.path)
    }

    /// What the model shows below its first level.
    pub(crate) fn add_nested(
        &mut self,
        model: &Model<'_>,
        references: &BTreeMap<String, Reference>,
        remarks: &mut Remarks,
    ) {
        let (mut nested, mut secrets, mut people, mut free) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let (mut volatile, mut metadata) = (Vec::new(), Vec::new());
        for one in model.walk(&|one| self.closes(references, one) || is_metadata(one.name)) {
            if self.closes(references, &one) {
                continue;
            }
            let lower = one.name.to_ascii_lowercase();
            let is_text = matches!(one.kind, Kind::Scalar("string", _));
            if one.name == "selfUri" {
                volatile.push(one.path);
                continue;
            }
            if is_metadata(one.name) {
                metadata.push(one.path);
                continue;
            }
            if tells_who_or_when(one.name) {
                nested.push(one.path.clone());
            }
            if is_text && may_be_secret(&lower) && !self.secret.contains(&one.path) {
                secrets.push(one.path.clone());
            }
            if is_text && PERSONAL_WORDS.iter().any(|word| lower.contains(word)) {
                people.push(one.path.clone());
            }
            if one.kind == Kind::Any || matches!(&one.kind, Kind::Map(inner) if **inner == Kind::Any) {
                free.push(one.path);
            }
        }
        self.secret.retain(|path| !is_reference(references, path));
        self.volatile.extend(volatile);
        self.metadata.extend(metadata);
        remarks.list("who and when?", &nested);
        remarks.list("secret?", &secrets);
        remarks.list("personal?", &people);
        remarks.list("free form, in which secrets may hide", &free);
    }

    /// Arrays whose order has no meaning.
    pub(crate) fn add_sets(
        &mut self,
        row: &Row,
        model: &Model<'_>,
        references: &BTreeMap<String, Reference>,
        remarks: &mut Remarks,
    ) {
        for entry in row.set_arrays_tf.split_whitespace().chain(row.set_arrays_inferred.split_whitespace()) {
            let (path, key) = entry.split_once(':').unwrap_or((entry, ""));
            let path = from_table(path.strip_suffix("[]").unwrap_or(path));
            let inside_reference = references.keys().any(|other| path != *other && is_under(&path, [other.as_str()]));
            if self.drops(&path) || inside_reference {
                continue;
            }
            let key: Vec<String> = match key {
                "value" | "canonical-json" => vec![".".to_owned()],
                key => key.split('+').map(str::to_owned).collect(),
            };
            let item = join(&path, "*");
            let fits = |key: &String| key == "." || model.has(&join(&item, key));
            if matches!(model.kind_at(&path), Some(Kind::Array(_))) && key.iter().all(fits) {
                self.sets.insert(path, key);
            } else {
                remarks.add(format!("a set? {entry}"));
            }
        }
        let ordered: Vec<String> = row.ordered_arrays_tf.split_whitespace().map(from_table).collect();
        let decided = |path: &String| self.sets.contains_key(path) || ordered.contains(&join(path, "*"));
        let arrays = model.walk(&|one| self.closes(references, one)).into_iter().filter(|one| {
            let set_of_references = references.contains_key(&join(&one.path, "*"));
            matches!(one.kind, Kind::Array(_))
                && !self.drops(&one.path)
                && (set_of_references || !self.closes(references, one))
        });
        let open: Vec<String> = arrays.map(|one| one.path).filter(|path| !decided(path)).collect();
        remarks.list("does their order mean anything", &open);
    }

    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, paths) in [
            ("volatile", &self.volatile),
            ("state", &self.state),
            ("metadata", &self.metadata),
            ("copied", &self.copied),
            ("secret", &self.secret),
        ] {
            if !paths.is_empty() {
                let paths: Vec<&String> = paths.iter().collect();
                text.push_str(&text::list(name, &paths));
            }
        }
        if !text.is_empty() {
            text.insert_str(0, "[treat]\n");
        }
        if !self.sets.is_empty() {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str("[treat.sets]\n");
            for (path, key) in &self.sets {
                let key = if let [one] = key.as_slice() { format!("{one:?}") } else { format!("{key:?}") };
                let _ = writeln!(text, "{path:?} = {key}");
            }
        }
        text
    }
}

fn is_reference(references: &BTreeMap<String, Reference>, path: &str) -> bool {
    is_under(path, references.keys().map(String::as_str)) || references.contains_key(&join(path, "*"))
}

/// The marks of a deleted entity.
pub(crate) fn removal(model: &Model<'_>) -> String {
    if model.values("state").contains(&"deleted") {
        "[removal]\ngone_when = { state = \"deleted\" }\n".to_owned()
    } else if model.own_members().contains(&"deleted") {
        "[removal]\ngone_when = { deleted = true }\n".to_owned()
    } else {
        String::new()
    }
}
