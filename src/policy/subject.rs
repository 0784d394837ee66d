//! An entity as rules see it: what it is called, where it belongs, and what a message may say of it.

use super::names::Names;
use crate::canonical::is_fingerprint;
use crate::catalogue::{Domain, FieldPath, Reference};
use crate::model::{EntityKey, Value};

/// An entity that a rule is about.
#[derive(Clone, Copy)]
pub(crate) struct Subject<'s> {
    pub(crate) domain: &'s Domain,
    pub(crate) key: &'s EntityKey,
    pub(crate) name: Option<&'s str>,
    /// What it says, in the newest state that has it.
    pub(crate) body: Option<&'s Value<'s>>,
    pub(crate) names: &'s Names<'s>,
}

/// Which entities are in production, beyond what their domain file says.
#[derive(Clone, Debug, Default)]
pub struct Production {
    /// Globs over the name or id of the division.
    pub divisions: Vec<globset::GlobMatcher>,
    /// Globs over the name of the entity.
    pub names: Vec<globset::GlobMatcher>,
}

impl Production {
    /// Whether an entity is in production in one of some states.
    pub(crate) fn has(&self, subject: Subject<'_>, states: &[Option<&Value<'_>>]) -> bool {
        let Self { divisions, names } = self;
        if divisions.is_empty() && names.is_empty() {
            let live = subject.domain.identity.live.as_ref();
            return states.iter().flatten().any(|body| live.is_some_and(|live| live.find(body).is_some()));
        }
        names.iter().any(|glob| subject.name.is_some_and(|name| glob.is_match(name)))
            || subject.divisions().iter().any(|division| divisions.iter().any(|glob| glob.is_match(division)))
    }
}

impl Subject<'_> {
    /// The id and the name of the entity's division.
    pub(crate) fn divisions(&self) -> Vec<String> {
        let Some(division) = self.body.and_then(|body| FieldPath::parse("division").find(body)) else {
            return Vec::new();
        };
        let id = division.get("id").unwrap_or(division).as_str().map(ToOwned::to_owned);
        let name = self.body.and_then(|body| self.names.show(self.domain, body, &FieldPath::parse("division")));
        id.into_iter().chain(name).collect()
    }

    /// What stands for a placeholder of a message.
    pub(crate) fn show(&self, placeholder: &str) -> String {
        match placeholder {
            "name" => self.name.map_or_else(|| self.domain.id.to_string(), ToOwned::to_owned),
            "domain" => self.domain.id.to_string(),
            "key" => self.key.to_string(),
            member => self.show_member(&FieldPath::parse(member)).unwrap_or_else(|| "nothing".to_owned()),
        }
    }

    /// What may be shown of a member: the name of what it refers to, else its value.
    pub(crate) fn show_member(&self, path: &FieldPath) -> Option<String> {
        let body = self.body?;
        if path.find(body).is_some_and(is_fingerprint) {
            return Some("a secret".to_owned());
        }
        self.names.show(self.domain, body, path).or_else(|| self.show_parent(body, path))
    }

    /// The name of the parent, where the entity leaves out the reference to it.
    fn show_parent(&self, body: &Value<'_>, path: &FieldPath) -> Option<String> {
        let parent = self.domain.source.parent.as_ref()?;
        let is_parent = |reference: &Reference| reference.path == *path && reference.targets.contains(parent);
        self.domain.references.iter().find(|reference| is_parent(reference))?;
        let key = self.domain.parent_of(self.key, body)?;
        self.names.of_key([parent], key.as_str()).or_else(|| Some(key.to_string()))
    }
}

/// Most characters of a value that a message shows.
const EXCERPT: usize = 80;

/// The beginning of a text that is too long for a message.
pub(super) fn excerpt(text: &str) -> String {
    match text.char_indices().nth(EXCERPT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Replaces every `{placeholder}`.
pub(crate) fn fill(template: &str, show: impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        if let Some((placeholder, behind)) = after.split_once('}') {
            filled.push_str(&show(placeholder));
            rest = behind;
        } else {
            filled.push('{');
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}
