//! Where a domain comes from: the listing, what it is listed under, and the read of one entity.

use std::collections::BTreeMap;

use serde::Serialize;

use super::field_path::FieldPath;
use crate::model::{DomainId, EntityKey, Object, Value};

/// How a listing is paged (API document: Pagination).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Paging {
    /// `pageNumber` and `pageSize`.
    PageNumber,
    /// A cursor and a page size; [`CursorNames`] says what they are called.
    Cursor,
    /// One envelope with all entities.
    Unpaged,
    /// One bare array.
    Array,
    /// One object, which is the entity.
    Singleton,
}

impl Paging {
    /// Every way.
    pub const ALL: [Self; 5] = [Self::PageNumber, Self::Cursor, Self::Unpaged, Self::Array, Self::Singleton];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PageNumber => "page-number",
            Self::Cursor => "cursor",
            Self::Unpaged => "unpaged",
            Self::Array => "array",
            Self::Singleton => "singleton",
        }
    }
}

/// Whether a paged reply says how much there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    /// It has `pageCount` or `total`.
    Counted,
    /// It has neither: the first empty page is the end.
    UntilEmpty,
}

/// What a listing by cursor calls its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CursorNames {
    /// The parameter that takes the cursor.
    pub parameter: String,
    /// The parameter that takes the page size.
    pub size: String,
    /// Where a reply holds the cursor of the next page; absent where it is that parameter of `nextUri`.
    pub next: Option<FieldPath>,
}

/// Whether one of several permissions suffices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum PermissionMode {
    /// One does.
    #[default]
    Any,
    /// All are needed.
    All,
}

impl PermissionMode {
    /// Both modes.
    pub const ALL: [Self; 2] = [Self::Any, Self::All];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::All => "all",
        }
    }

    /// The word that stands between the permissions.
    #[must_use]
    pub fn conjunction(self) -> &'static str {
        match self {
            Self::Any => " or ",
            Self::All => " and ",
        }
    }
}

/// What of the parent a placeholder or parameter of a per-parent listing takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Binding {
    /// Its key.
    Key,
    /// A part of its key, counted from 0.
    KeyPart(usize),
    /// What its stored form has at a path; with several values there are several listings, without one there is none.
    Field(FieldPath),
}

/// Where a domain comes from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The path of the listing.
    pub path: String,
    /// How it is paged.
    pub paging: Paging,
    /// Entities asked for on a page.
    pub page_size: Option<u32>,
    /// Whether the reply says how much there is.
    pub counting: Counting,
    /// What the parts of a listing by cursor are called.
    pub cursor: CursorNames,
    /// The parameters of every request of the listing.
    pub query: BTreeMap<String, String>,
    /// The body of the query where the listing is read by POST; absent where it is read by GET.
    pub body: Option<Object<'static>>,
    /// The listing under several queries; one empty pass where the domain file names none.
    pub passes: Vec<BTreeMap<String, String>>,
    /// The member of the envelope that holds the entities.
    pub entities: String,
    /// The member to give to entities that come as bare texts.
    pub text_items: Option<String>,
    /// The domain whose entities are the parents.
    pub parent: Option<DomainId>,
    /// What the placeholders and further parameters of a per-parent listing take of the parent.
    pub bind: BTreeMap<String, Binding>,
    /// Those of them that are stored with the entity.
    pub stamp: Vec<String>,
    /// Whether the answer for the stamped values never changes.
    pub immutable: bool,
    /// The path that reads one entity; placeholders are parts of its key or bound names.
    pub detail: Option<String>,
    /// The parameters of that read.
    pub detail_query: BTreeMap<String, String>,
    /// Whether the stored form comes from `detail` instead of the listing.
    pub read_detail: bool,
    /// Whether 404 says that there is none, rather than that the organisation lacks the listing.
    pub optional: bool,
    /// The permissions that a reader needs.
    pub permission: Vec<String>,
    /// Whether one of them suffices.
    pub permission_mode: PermissionMode,
}

/// What one listing of a per-parent domain stands under.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Under {
    /// The key of the parent.
    pub parent: EntityKey,
    /// The values of the placeholders and parameters that come from the parent.
    pub values: BTreeMap<String, String>,
}

impl Source {
    /// The listings that there are of a parent: one, except where a binding has no value or several.
    #[must_use]
    pub fn listings_under(&self, parent: &EntityKey, body: &Value<'_>) -> Vec<Under> {
        let mut listings = vec![Under { parent: parent.clone(), values: BTreeMap::new() }];
        for (name, binding) in &self.bind {
            let values = match binding {
                Binding::Key => vec![parent.as_str().to_owned()],
                Binding::KeyPart(index) => parent.parts().nth(*index).into_iter().collect(),
                Binding::Field(path) => texts_at(path, body),
            };
            listings = listings
                .iter()
                .flat_map(|listing| {
                    values.iter().map(|value| {
                        let mut listing = listing.clone();
                        listing.values.insert(name.clone(), value.clone());
                        listing
                    })
                })
                .collect();
        }
        listings
    }

    /// What a capture takes, in words: requests by entities and parents.
    #[must_use]
    pub fn cost(&self) -> String {
        let pages = match (self.page_size, self.paging) {
            (Some(size), Paging::PageNumber | Paging::Cursor) => format!("1 per {size}"),
            _ => "1".to_owned(),
        };
        let passes = if self.passes.len() > 1 { format!("{} times {pages}", self.passes.len()) } else { pages };
        let details = if self.read_detail { ", 1 per entity" } else { "" };
        match &self.parent {
            Some(parent) if self.immutable => format!("{passes} per new version of {}", parent.as_str()),
            Some(parent) => format!("{passes}{details}, for each of {}", parent.as_str()),
            None => format!("{passes}{details}"),
        }
    }

    /// The path of the listing of a parent, or of the one listing; ids in it are percent-encoded.
    #[must_use]
    pub fn listing_path(&self, under: Option<&Under>) -> String {
        fill_placeholders(&self.path, |name| under?.values.get(name).cloned()).unwrap_or_default()
    }

    /// The bound values that are parameters rather than parts of the path.
    pub fn bound_query<'u>(&self, under: Option<&'u Under>) -> impl Iterator<Item = (&'u str, &'u str)> {
        let values = under.into_iter().flat_map(|under| &under.values);
        let is_parameter = |name: &str| !self.path.contains(&format!("{{{name}}}"));
        values.filter(move |(name, _)| is_parameter(name)).map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// The members that an entity of a listing is stamped with.
    pub fn stamps<'u>(&self, under: Option<&'u Under>) -> impl Iterator<Item = (&str, &'u str)> {
        self.stamp.iter().filter_map(move |name| Some((name.as_str(), under?.values.get(name)?.as_str())))
    }
}

/// The texts and numbers at a path, each once.
fn texts_at(path: &FieldPath, body: &Value<'_>) -> Vec<String> {
    let mut texts = Vec::new();
    for value in path.find_all(body) {
        let text = match value {
            Value::String(text) if !text.is_empty() => text.clone().into_owned(),
            Value::Number(number) => number.as_str().to_owned(),
            _ => continue,
        };
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    texts
}

/// What an id in a path must not contain as it is (RFC 3986, section 2.3: all but unreserved characters).
const RESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Replaces every `{placeholder}` of a path; `None` where one has no value.
pub(super) fn fill_placeholders(path: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('{') {
        let (placeholder, behind) = after.split_once('}')?;
        filled.push_str(before);
        filled.extend(percent_encoding::utf8_percent_encode(&value(placeholder)?, RESERVED));
        rest = behind;
    }
    filled.push_str(rest);
    Some(filled)
}

/// The names of the placeholders of a path, in order.
pub(super) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::canonical::read_str;
    use crate::catalogue::Domain;

    const SCHEMA: &str = r#"{"properties":{"entities":{"additionalProperties":{"type":"object","properties":{"id":{},"base":{},"z":{}}}}}}"#;

    fn source(text: &str) -> Result<Source, String> {
        let text = format!(
            "about = \"x\"\nschema_version = 1\ntier = \"deep\"\n[source]\n{text}\n[identity]\nkey = [\"$parent\", \"id\"]\n\
             [risk]\nadded = \"low\"\nremoved = \"low\"\nmodified = \"low\"\n"
        );
        let domain = Domain::read("a.b".parse().unwrap(), "a/b.toml", &text, "a/b.v1.json", SCHEMA);
        domain.map(|domain| domain.source).map_err(|problems| format!("{problems:?}"))
    }

    #[test]
    fn a_listing_takes_key_parts_and_fields_of_its_parent() {
        let source = source(
            "path = \"/api/v2/a/{base}/b/{document}/c\"\npaging = \"unpaged\"\nparent = \"a.b\"\nstamp = [\"base\"]\n\
             bind = { base = \"base.id\", document = \"$2\", type = \"$key\" }",
        )
        .unwrap();
        let parent = EntityKey::join(&["x", "d 1"]);
        let body = read_str(r#"{"base":{"id":"b/1"}}"#).unwrap();
        let [under] = source.listings_under(&parent, &body).try_into().unwrap();
        assert_eq!(source.listing_path(Some(&under)), "/api/v2/a/b%2F1/b/d%201/c");
        assert_eq!(source.bound_query(Some(&under)).collect::<Vec<_>>(), [("type", "x:d 1")]);
        assert_eq!(source.stamps(Some(&under)).collect::<Vec<_>>(), [("base", "b/1")]);
    }

    #[test]
    fn there_are_as_many_listings_as_values() {
        let source = source(
            "path = \"/api/v2/a/{language}\"\npaging = \"singleton\"\nparent = \"a.b\"\nbind.language = \"all.*.tag\"",
        );
        let source = source.unwrap();
        let listings = |body| {
            let listings = source.listings_under(&EntityKey::new("p"), &read_str(body).unwrap());
            listings.iter().map(|under| source.listing_path(Some(under))).collect::<Vec<_>>()
        };
        assert_eq!(
            listings(r#"{"all":[{"tag":"de"},{"tag":"en"},{"tag":"de"},{}]}"#),
            ["/api/v2/a/de", "/api/v2/a/en"]
        );
        assert!(listings("{}").is_empty());
    }

    #[test]
    fn the_cost_is_told_in_requests() {
        let cost =
            |text: &str| source(&format!("path = \"/api/v2/a/{{x}}\"\nparent = \"a.b\"\n{text}")).unwrap().cost();
        assert_eq!(cost("paging = \"singleton\""), "1, for each of a.b");
        assert_eq!(cost("paging = \"page-number\"\npage_size = 100"), "1 per 100, for each of a.b");
        let passes = "passes = [{ state = \"a\" }, { state = \"b\" }]";
        assert_eq!(cost(&format!("paging = \"cursor\"\npage_size = 5\n{passes}")), "2 times 1 per 5, for each of a.b");
    }

    #[test]
    fn the_only_placeholder_is_the_key_of_the_parent() {
        let source = source("path = \"/api/v2/a/{id}/b\"\npaging = \"unpaged\"\nparent = \"a.b\"").unwrap();
        let under = source.listings_under(&EntityKey::new("p"), &read_str("{}").unwrap());
        assert_eq!(source.listing_path(under.first()), "/api/v2/a/p/b");
    }

    #[test]
    fn what_does_not_fit_together_is_refused() {
        for (text, problem) in [
            ("path = \"/api/v2/a/{x}\"\npaging = \"unpaged\"", "no parent"),
            ("path = \"/api/v2/a/{x}/{y}\"\npaging = \"unpaged\"\nparent = \"a.b\"\nbind = { x = \"$key\" }", "{y}"),
            ("path = \"/api/v2/a/{x}\"\npaging = \"unpaged\"\nparent = \"a.b\"\nstamp = [\"z\"]", "stamp"),
            ("path = \"/api/v2/a/{x}\"\npaging = \"unpaged\"\nparent = \"a.b\"\nimmutable = true", "immutable"),
            ("path = \"/api/v2/a\"\npaging = \"unpaged\"\nparent = \"a.b\"", "bind"),
            (
                "path = \"/api/v2/a/things\"\npaging = \"unpaged\"\nparent = \"a.b\"\nbind.x = \"$key\"\nbody = {}",
                "body",
            ),
            ("path = \"/api/v2/a\"\npaging = \"unpaged\"\ncursor = \"after\"", "cursor"),
        ] {
            let told = source(text).unwrap_err();
            assert!(told.contains(problem), "{text}: {told}");
        }
    }
}
