//! `[references]` of a draft.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::fields::{Fields, is_metadata};
use super::model::{Found, Model, from_table, is_under};
use super::{Remarks, Sources};
use crate::data::Relation;
use crate::table::Row;
use crate::writing::contract::Kind;

/// A reference.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reference {
    /// What it may lead to.
    pub(crate) targets: Vec<String>,
    /// What belongs to the relation.
    pub(crate) keep: Vec<String>,
}

/// What the members of a model are at most where it only stands for another entity.
const OF_A_REFERENCE: [&str; 6] = ["id", "name", "selfUri", "division", "displayName", "type"];

/// The references that the table says, and those that the models and the names of members show.
pub(crate) fn find(
    row: &Row,
    model: &Model<'_>,
    fields: &Fields,
    sources: &Sources<'_>,
    remarks: &mut Remarks,
) -> BTreeMap<String, Reference> {
    let (mut found, supposed) = said(row, model, fields, sources, remarks);
    let mut guessed = Vec::new();
    let mut open = Vec::new();
    let known = found.clone();
    let dropped = |path: &str| fields.drops(path);
    let holds_known = |path: &str| known.keys().any(|other| is_under(other, [path]));
    let closed = |one: &Found<'_>| {
        let reference = stands_for(model, one, sources).is_some() && !holds_known(&items_of(one));
        dropped(&one.path) || is_metadata(one.name) || is_known(&known, &one.path) || reference
    };
    for one in model.walk(&closed) {
        if dropped(&one.path) || is_metadata(one.name) || is_known(&known, &one.path) {
            continue;
        }
        let Some(domain) = stands_for(model, &one, sources) else { continue };
        let path = items_of(&one);
        if holds_known(&path) {
            continue;
        }
        if let Some(likely) = supposed.get(&path) {
            found.insert(path, likely.clone());
            continue;
        }
        match domain {
            Stands::For(domain) if sources.becomes_domain(&domain) => {
                if !one.name.eq_ignore_ascii_case("division") {
                    guessed.push(format!("{path} -> {domain}"));
                }
                found.insert(path, Reference { targets: vec![domain], keep: Vec::new() });
            }
            _ => open.push(format!("{path} ({})", one.member.r#type)),
        }
    }
    for (path, likely) in supposed {
        if !is_known(&found, &path) && model.has(&path) {
            found.insert(path, likely);
        }
    }
    remarks.list("taken for references by their name or model", &guessed);
    remarks.list("these look like references; where to", &open);
    let placed = |name: &str| found.keys().any(|path| is_under(path, [name])) || fields.drops(name);
    let embedded = row.embedded_refs.split_whitespace().filter(|name| !placed(name) && !is_metadata(name));
    let embedded: Vec<&str> = embedded.collect();
    remarks.list("the table says that these copy names", &embedded);
    found
}

/// What the table says: `path->domain`, with `~` where it was guessed; those are the second.
fn said(
    row: &Row,
    model: &Model<'_>,
    fields: &Fields,
    sources: &Sources<'_>,
    remarks: &mut Remarks,
) -> (BTreeMap<String, Reference>, BTreeMap<String, Reference>) {
    let mut found: BTreeMap<String, Reference> = BTreeMap::new();
    let mut supposed: BTreeMap<String, Reference> = BTreeMap::new();
    let mut guessed = Vec::new();
    for (path, domain) in row.refs.split_whitespace().filter_map(|text| text.split_once("->")) {
        let is_guess = path.ends_with('~');
        let place = from_table(path.trim_end_matches('~'));
        let place = place.strip_suffix(".id").unwrap_or(&place).to_owned();
        if fields.drops(&place) {
            continue;
        }
        let place = match model.kind_at(&place) {
            Some(Kind::Map(_) | Kind::Array(_)) => format!("{place}.*"),
            Some(_) => place,
            None => {
                remarks.add(format!("no such reference in the model: {path} -> {domain}"));
                continue;
            }
        };
        if !sources.becomes_domain(domain) {
            remarks.add(format!("a reference without a target: {path} -> {domain}"));
            continue;
        }
        if is_guess && !place.ends_with("division") {
            guessed.push(format!("{place} -> {domain}"));
        }
        let list = if is_guess { &mut supposed } else { &mut found };
        let targets = &mut list.entry(place).or_default().targets;
        if !targets.iter().any(|target| target == domain) {
            targets.push(domain.to_owned());
            targets.sort();
        }
    }
    remarks.list("references that the table guessed", &guessed);
    let outer: Vec<String> = found.keys().cloned().collect();
    found.retain(|path, _| !outer.iter().any(|other| other != path && is_under(path, [other.as_str()])));
    (found, supposed)
}

/// What a member stands for that is another entity.
enum Stands {
    /// One of this domain.
    For(String),
    /// Nobody says of which.
    ForSomething,
}

fn stands_for(model: &Model<'_>, one: &Found<'_>, sources: &Sources<'_>) -> Option<Stands> {
    let name = one.kind.model()?;
    let members = model.members(name);
    let has = |member: &str| members.contains(&member);
    if !has("id") || !(has("selfUri") || has("name")) {
        return None;
    }
    let target = || sources.hints.target(one.name).map(str::to_owned);
    if has("selfUri") && members.iter().all(|member| OF_A_REFERENCE.contains(member)) {
        let domain = target().or_else(|| sources.domain_of_model(name));
        return Some(domain.map_or(Stands::ForSomething, Stands::For));
    }
    sources.domain_of_model(name).map(Stands::For)
}

/// Where the reference itself is: the items of arrays, the values of maps.
fn items_of(one: &Found<'_>) -> String {
    let mut path = one.path.clone();
    let mut kind = &one.kind;
    while let Kind::Array(inner) | Kind::Map(inner) = kind {
        path.push_str(".*");
        kind = inner;
    }
    path
}

fn is_known(known: &BTreeMap<String, Reference>, path: &str) -> bool {
    is_under(path, known.keys().map(String::as_str)) || known.keys().any(|other| other.strip_suffix(".*") == Some(path))
}

impl Sources<'_> {
    /// Whether the table has a domain that is not left out.
    pub(crate) fn becomes_domain(&self, domain: &str) -> bool {
        self.rows.iter().any(|row| row.domain == domain) && !self.hints.excluded.contains_key(domain)
    }

    /// The one domain of the entities of a model.
    fn domain_of_model(&self, model: &str) -> Option<String> {
        if let Some(domain) = self.hints.models.get(model) {
            return Some(domain.clone());
        }
        let of_model = |row: &&crate::table::Row| {
            row.id_key == "id"
                && row.parent_domain.is_empty()
                && [&row.entity_model, &row.detail_model].into_iter().any(|name| name == model)
        };
        let mut rows = self.rows.iter().filter(of_model);
        let first = rows.next()?;
        rows.next().is_none().then(|| first.domain.clone())
    }
}

/// A relation: everything but the id of the target and what is kept is copied.
pub(crate) fn of_a_relation(
    relation: &Relation,
    model: &Model<'_>,
    fields: &mut Fields,
    remarks: &mut Remarks,
) -> BTreeMap<String, Reference> {
    remarks.add(format!("taken for a relation to {}; what belongs to it rather than to its target?", relation.domain));
    for member in model.own_members() {
        if member != "id" && member != "selfUri" && !relation.keep.iter().any(|kept| kept == member) {
            fields.copy(member);
        }
    }
    BTreeMap::from([("id".to_owned(), Reference { targets: vec![relation.domain.clone()], keep: Vec::new() })])
}

pub(crate) fn text(references: &BTreeMap<String, Reference>) -> String {
    if references.is_empty() {
        return String::new();
    }
    let mut text = "[references]\n".to_owned();
    for (path, reference) in references {
        let domains = match reference.targets.as_slice() {
            [one] => format!("{one:?}"),
            several => format!("{several:?}"),
        };
        if reference.keep.is_empty() && reference.targets.len() == 1 {
            let _ = writeln!(text, "{path:?} = {domains}");
        } else if reference.keep.is_empty() {
            let _ = writeln!(text, "{path:?} = {{ domain = {domains} }}");
        } else {
            let _ = writeln!(text, "{path:?} = {{ domain = {domains}, keep = {:?} }}", reference.keep);
        }
    }
    text
}
