//! The table `[source]` of a domain file.

use std::collections::BTreeMap;

use super::section::{Entry, Placed, Reading, Section};
use crate::catalogue::FieldPath;
use crate::catalogue::problem::Objection;
use crate::catalogue::source::{Binding, Counting, CursorNames, Paging, PermissionMode, Source, placeholders};
use crate::model::{DomainId, Object};

/// What every path of the API begins with; nothing else is ever asked for.
const API: &str = "/api/v2/";

/// The paths that end so are queries that the API takes by POST and that change nothing (API document: Pagination).
const READ_QUERIES: [&str; 2] = ["/query", "/search"];

/// What the table says.
pub(in crate::catalogue) struct RawSource {
    path: Option<Placed<String>>,
    paging: Option<Placed<Paging>>,
    page_size: Option<Placed<u32>>,
    counted: Option<Placed<bool>>,
    cursor: Option<Placed<String>>,
    size: Option<Placed<String>>,
    next: Option<Placed<FieldPath>>,
    query: BTreeMap<String, String>,
    body: Option<Placed<Object<'static>>>,
    passes: Vec<BTreeMap<String, String>>,
    entities: Option<Placed<String>>,
    pub(super) text_items: Option<Placed<String>>,
    pub(in crate::catalogue) parent: Option<Placed<DomainId>>,
    pub(in crate::catalogue) bind: BTreeMap<String, Placed<Binding>>,
    pub(super) stamp: Vec<Placed<String>>,
    immutable: Option<Placed<bool>>,
    detail: Option<Placed<String>>,
    detail_query: BTreeMap<String, String>,
    read_detail: Option<Placed<bool>>,
    optional: Option<Placed<bool>>,
    permission: Vec<Placed<String>>,
    permission_mode: Option<Placed<PermissionMode>>,
    /// Whether it can be told what is taken of the parent.
    pub(super) is_bound_soundly: bool,
}

impl RawSource {
    pub(super) fn read(mut section: Section<'_>, problems: &mut Vec<Objection>) -> Self {
        let mut source = Self {
            path: section.required("path", api_path),
            paging: section.required("paging", |entry| entry.word(&Paging::ALL, Paging::as_str)),
            page_size: section.optional("page_size", Entry::count),
            counted: section.optional("counted", Entry::flag),
            cursor: section.optional("cursor", Entry::text),
            size: section.optional("size", Entry::text),
            next: section.optional("next", Entry::path),
            query: section.optional("query", Entry::parameters).unwrap_or_default(),
            body: section.optional("body", |entry| entry.object().map(|body| entry.placed(body))),
            passes: section.optional("passes", |entry| entry.list(Entry::parameters)).unwrap_or_default(),
            entities: section.optional("entities", Entry::text),
            text_items: section.optional("text_items", Entry::text),
            parent: section.optional("parent", Entry::domain),
            bind: section.optional("bind", bindings).unwrap_or_default(),
            stamp: section.optional("stamp", Entry::texts).unwrap_or_default(),
            immutable: section.optional("immutable", Entry::flag),
            detail: section.optional("detail", api_path),
            detail_query: section.optional("detail_query", Entry::parameters).unwrap_or_default(),
            read_detail: section.optional("read_detail", Entry::flag),
            optional: section.optional("optional", Entry::flag),
            permission: section.optional("permission", Entry::texts).unwrap_or_default(),
            permission_mode: section
                .optional("permission_mode", |entry| entry.word(&PermissionMode::ALL, PermissionMode::as_str)),
            is_bound_soundly: false,
        };
        source.check_paging(&mut section);
        source.is_bound_soundly = section.are_sound(&["path", "parent", "bind"]);
        if source.is_bound_soundly {
            source.check_binding(&mut section);
        }
        source.check_reads(&mut section);
        section.close(problems);
        source
    }

    fn check_paging(&self, section: &mut Section<'_>) {
        let Some(paging) = &self.paging else { return };
        let is_paged = matches!(paging.value, Paging::PageNumber | Paging::Cursor);
        match &self.page_size {
            None if is_paged && section.are_sound(&["page_size"]) => {
                section.object(paging.offset, "source.page_size is missing");
            }
            Some(size) if !is_paged => section.object(size.offset, "source.page_size has no meaning without pages"),
            _ => {}
        }
        let of_cursor = [
            ("cursor", self.cursor.as_ref().map(|name| name.offset)),
            ("size", self.size.as_ref().map(|name| name.offset)),
            ("next", self.next.as_ref().map(|path| path.offset)),
        ];
        for (key, offset) in of_cursor {
            if let Some(offset) = offset.filter(|_| paging.value != Paging::Cursor) {
                section.object(offset, format!("source.{key} has a meaning only where paging is \"cursor\""));
            }
        }
    }

    fn check_binding(&self, section: &mut Section<'_>) {
        let Some(path) = &self.path else { return };
        let named: Vec<&str> = placeholders(&path.value).collect();
        match (&self.parent, named.as_slice()) {
            (None, []) => {}
            (None, _) => section.object(path.offset, "source.path has a placeholder, but the domain has no parent"),
            (Some(parent), []) if self.bind.is_empty() => {
                let problem = "source.path has no placeholder, and source.bind names no parameter: \
                               nothing tells the listing of one parent from that of another";
                section.object(parent.offset, problem);
            }
            (Some(_), [_]) if self.bind.is_empty() => {}
            (Some(_), named) => {
                for name in named.iter().filter(|name| !self.bind.contains_key(**name)) {
                    let problem = format!("source.bind does not say what {{{name}}} takes of the parent");
                    section.object(path.offset, problem);
                }
            }
        }
        if let (None, Some(bound)) = (&self.parent, self.bind.values().next()) {
            section.object(bound.offset, "source.bind needs a parent");
        }
        for name in self.stamp.iter().filter(|name| !self.is_bound(&name.value)) {
            let problem = format!("source.stamp names {}, which nothing of the parent is bound to", name.value);
            section.object(name.offset, problem);
        }
    }

    fn check_reads(&self, section: &mut Section<'_>) {
        let is_singleton = self.paging.as_ref().is_some_and(|paging| paging.value == Paging::Singleton);
        if let Some(immutable) = self.immutable.as_ref().filter(|flag| flag.value)
            && (self.stamp.is_empty() || !is_singleton)
            && section.are_sound(&["stamp", "paging"])
        {
            let problem = "source.immutable needs a singleton and a stamp that tells one answer from the next";
            section.object(immutable.offset, problem);
        }
        if let (Some(read_detail), None) = (self.read_detail.as_ref().filter(|flag| flag.value), &self.detail)
            && section.are_sound(&["detail"])
        {
            section.object(read_detail.offset, "source.read_detail needs source.detail");
        }
        if let (Some(body), Some(path)) = (&self.body, &self.path)
            && !READ_QUERIES.iter().any(|end| path.value.ends_with(end))
        {
            let problem = "source.body makes a query by POST, which only paths that end in /query or /search are";
            section.object(body.offset, problem);
        }
    }

    /// Placeholders of the read of one entity must be fields of its key or come from the parent.
    pub(super) fn check_detail(&self, key: &[Placed<String>], problems: &mut Vec<Objection>) {
        let Some(detail) = self.detail.as_ref().filter(|_| self.is_bound_soundly) else { return };
        let is_of_key = |name: &str| key.iter().any(|part| part.value == name);
        for name in placeholders(&detail.value).filter(|name| !is_of_key(name) && !self.is_bound(name)) {
            let problem =
                format!("source.detail: {{{name}}} is neither a field of identity.key nor taken of the parent");
            problems.push(Objection::new(detail.offset, problem));
        }
    }

    /// Whether a name stands for something of the parent.
    fn is_bound(&self, name: &str) -> bool {
        let of_path = || self.path.iter().flat_map(|path| placeholders(&path.value)).any(|other| other == name);
        self.parent.is_some() && (self.bind.contains_key(name) || of_path())
    }

    pub(super) fn into_source(mut self) -> Source {
        let path = self.path.map(|path| path.value).unwrap_or_default();
        let mut bind: BTreeMap<String, Binding> =
            self.bind.into_iter().map(|(name, binding)| (name, binding.value)).collect();
        if self.parent.is_some()
            && bind.is_empty()
            && let Some(only) = placeholders(&path).next()
        {
            bind.insert(only.to_owned(), Binding::Key);
        }
        if self.passes.is_empty() {
            self.passes.push(BTreeMap::new());
        }
        let counted = is_set(self.counted.as_ref(), true);
        let text = |text: Option<Placed<String>>| text.map(|text| text.value);
        let texts = |texts: Vec<Placed<String>>| texts.into_iter().map(|text| text.value).collect();
        Source {
            path,
            paging: self.paging.map_or(Paging::Unpaged, |paging| paging.value),
            page_size: self.page_size.map(|size| size.value),
            counting: if counted { Counting::Counted } else { Counting::UntilEmpty },
            cursor: CursorNames {
                parameter: text(self.cursor).unwrap_or_else(|| "after".to_owned()),
                size: text(self.size).unwrap_or_else(|| "pageSize".to_owned()),
                next: self.next.map(|path| path.value),
            },
            query: self.query,
            body: self.body.map(|body| body.value),
            passes: self.passes,
            entities: text(self.entities).unwrap_or_else(|| "entities".to_owned()),
            text_items: text(self.text_items),
            parent: self.parent.map(|parent| parent.value),
            bind,
            stamp: texts(self.stamp),
            immutable: is_set(self.immutable.as_ref(), false),
            detail: text(self.detail),
            detail_query: self.detail_query,
            read_detail: is_set(self.read_detail.as_ref(), false),
            optional: is_set(self.optional.as_ref(), false),
            permission: texts(self.permission),
            permission_mode: self.permission_mode.map(|mode| mode.value).unwrap_or_default(),
        }
    }
}

fn is_set(flag: Option<&Placed<bool>>, otherwise: bool) -> bool {
    flag.map_or(otherwise, |flag| flag.value)
}

/// A path of the API, in which a placeholder is a whole segment: whatever a domain file says, nothing else can be asked for.
fn api_path(entry: &Entry<'_>) -> Reading<Placed<String>> {
    let path = entry.text()?;
    let Some(rest) = path.value.strip_prefix(API) else {
        return Err(entry.objection(&format!(": {:?} does not begin with {API}", path.value)));
    };
    match rest.split('/').find(|segment| !is_name(segment) && !is_placeholder(segment)) {
        None => Ok(path),
        Some(segment) => {
            let problem = format!(": {segment:?} in {:?} is neither a name nor a {{placeholder}}", path.value);
            Err(entry.objection(&problem))
        }
    }
}

fn is_name(segment: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    !segment.is_empty() && segment.bytes().all(is_plain) && segment.bytes().any(|byte| byte != b'.')
}

fn is_placeholder(segment: &str) -> bool {
    let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    name.is_some_and(|name| !name.is_empty() && !name.contains(['{', '}']))
}

fn bindings(entry: &Entry<'_>) -> Reading<BTreeMap<String, Placed<Binding>>> {
    let mut section = entry.section()?;
    let bindings = section.entries(|name, entry| {
        let text = entry.text()?;
        let binding = binding(&text.value).ok_or_else(|| {
            entry.objection(&format!(": {:?} is neither $key, a part of it such as $1, nor a path", text.value))
        })?;
        Ok((name.to_owned(), Placed { value: binding, offset: text.offset }))
    });
    section.all(bindings.into_iter().collect())
}

fn binding(text: &str) -> Option<Binding> {
    match text.strip_prefix('$') {
        Some("key") => Some(Binding::Key),
        Some(number) => Some(Binding::KeyPart(number.parse::<usize>().ok()?.checked_sub(1)?)),
        None => Some(Binding::Field(FieldPath::parse(text))),
    }
}
