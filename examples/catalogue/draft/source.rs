//! `[source]` and `[identity]` of a draft.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::model::Model;
use super::references::Reference;
use super::{Remarks, Sources, text};
use crate::data::Hints;
use crate::table::Row;
use crate::writing::contract::Operation;

/// Where a domain comes from, as far as it is known.
#[derive(Default)]
pub(crate) struct Drafted {
    lines: Vec<String>,
    parent: Option<String>,
    bind: BTreeMap<String, String>,
    /// The name that the path has for the key of the parent.
    of_parent: Option<String>,
    detail: Option<String>,
    read_detail: bool,
    permission: String,
}

/// What tells the entities apart.
pub(crate) struct Identity {
    key: Vec<String>,
    name: Option<String>,
    natural: Vec<String>,
    random_uuid: bool,
}

impl Drafted {
    pub(crate) fn new(row: &Row, sources: &Sources<'_>, remarks: &mut Remarks) -> Result<Self, String> {
        let method = row.method.to_ascii_lowercase();
        let found = sources.contract.operation(&row.list_path, &method);
        let (path, operation) = found.ok_or_else(|| format!("the API has no {} {}", row.method, row.list_path))?;
        let mut drafted = Self::default();
        drafted.lines.push(format!("path = {path:?}\n"));
        drafted.paging(row, sources, operation, remarks);
        drafted.query(row, operation, remarks);
        drafted.parent(row, path, sources);
        if !row.detail_path.is_empty() && row.detail_path != row.list_path {
            match sources.contract.operation(&row.detail_path, "get") {
                Some((path, _)) => drafted.detail = Some(path.to_owned()),
                None => remarks.add(format!("the API has no GET {}", row.detail_path)),
            }
        }
        drafted.read_detail = row.completeness.starts_with("detail GET per entity") && drafted.detail.is_some();
        drafted.permission = permission(row, operation, remarks);
        Ok(drafted)
    }

    fn paging(&mut self, row: &Row, sources: &Sources<'_>, operation: &Operation, remarks: &mut Remarks) {
        let style = row.pagination.as_str();
        let post = style.starts_with("post-query");
        let style = style.trim_start_matches("post-query ");
        let takes = |name: &str| post || operation.parameter(name).is_some();
        let paging = match style {
            "singleton" | "singleton-per-parent" => "singleton",
            "bare-array" => "array",
            "pageNumber" if takes("pageNumber") => "page-number",
            "cursor(after)" | "cursor(cursor)" | "nextPage-token" => "cursor",
            _ => "unpaged",
        };
        if style == "pageNumber" && paging == "unpaged" {
            remarks.add("the table says pageNumber, but the API takes no such parameter");
        }
        self.lines.push(format!("paging = {paging:?}\n"));
        if paging == "page-number" || paging == "cursor" {
            let size = row.page_size_max.trim_end_matches('?');
            self.lines.push(format!("page_size = {}\n", if size.is_empty() { "100" } else { size }));
            if row.page_size_max.ends_with('?') || size.is_empty() {
                remarks.add("the largest page is assumed");
            }
            let counted =
                ["total", "pageCount"].iter().any(|name| row.page_fields.split(' ').any(|field| field == *name));
            if !counted {
                self.lines.push("counted = false\n".to_owned());
            }
        }
        if post {
            self.lines.push("body = {}\n".to_owned());
        }
        match style {
            "cursor(cursor)" => self.lines.push("cursor = \"cursor\"\nnext = \"cursors.after\"\n".to_owned()),
            "nextPage-token" => self.lines.push("cursor = \"nextPage\"\n".to_owned()),
            _ if post && paging == "cursor" => self.lines.push("next = \"after\"\n".to_owned()),
            _ => {}
        }
        if paging == "cursor" && !takes("pageSize") && takes("limit") {
            self.lines.push("size = \"limit\"\n".to_owned());
        }
        if !["", "$", "entities"].contains(&row.entities_key.as_str()) {
            self.lines.push(format!("entities = {:?}\n", row.entities_key));
        }
        if let Some(member) = sources.hints.text_items.get(&row.domain) {
            self.lines.push(format!("text_items = {member:?}\n"));
        }
    }

    /// `a=1&b=2`, `a=1 then a=2; b=3`.
    fn query(&mut self, row: &Row, operation: &Operation, remarks: &mut Remarks) {
        let known = |text: &str, remarks: &mut Remarks| -> BTreeMap<String, String> {
            let pairs = text.split('&').filter_map(|pair| pair.trim().split_once('='));
            let mut query = BTreeMap::new();
            for (name, value) in pairs.filter(|(_, value)| !value.starts_with('{')) {
                if operation.parameter(name).is_some() {
                    query.insert(name.to_owned(), value.to_owned());
                } else {
                    remarks.add(format!("the API takes no {name} (={value})"));
                }
            }
            query
        };
        let mut passes = Vec::new();
        let mut query = BTreeMap::new();
        for part in row.query.split(';') {
            if part.contains(" then ") {
                passes.extend(part.split(" then ").map(|pass| known(pass, remarks)));
            } else {
                query.extend(known(part, remarks));
            }
        }
        if !query.is_empty() {
            self.lines.push(text::inline("query", &query));
        }
        if !passes.is_empty() {
            let passes: Vec<String> = passes.iter().map(text::braces).collect();
            self.lines.push(format!("passes = [{}]\n", passes.join(", ")));
        }
        for name in row.required_query.split_whitespace().filter(|name| !row.query.contains(&format!("{name}="))) {
            remarks.add(format!("the API requires {name}"));
        }
    }

    fn parent(&mut self, row: &Row, path: &str, sources: &Sources<'_>) {
        let named = sources.hints.parents.get(&row.domain);
        self.parent = named.cloned().or_else(|| Some(row.parent_domain.clone()).filter(|parent| !parent.is_empty()));
        self.bind = sources.hints.bind.get(&row.domain).cloned().unwrap_or_default();
        self.of_parent = path.split('{').nth(1).and_then(|rest| rest.split('}').next()).map(str::to_owned);
    }

    /// As far as the model depends on it.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("[source]\n{}", self.lines.concat());
        if let Some(detail) = &self.detail {
            let _ = writeln!(text, "detail = {detail:?}\nread_detail = {}", self.read_detail);
        }
        text
    }

    /// The whole table.
    pub(crate) fn text_with(&self, identity: &Identity, row: &Row) -> String {
        let mut text = format!("[source]\n{}", self.lines.concat());
        if let Some(parent) = &self.parent {
            let _ = writeln!(text, "parent = {parent:?}");
        }
        let mut bind = self.bind.clone();
        let in_key = identity.key.iter().any(|part| part == "$parent");
        if let Some(detail) = &self.detail {
            let _ = writeln!(text, "detail = {:?}", Self::detail_by_key(detail, identity, row));
            let of_parent = self.of_parent.as_ref().filter(|name| detail.contains(&format!("{{{name}}}")));
            if let Some(name) = of_parent.filter(|_| bind.is_empty() && self.parent.is_some() && !in_key) {
                bind.insert(name.clone(), "$key".to_owned());
            }
        }
        if self.read_detail {
            text.push_str("read_detail = true\n");
        }
        text.push_str(&self.permission);
        if !bind.is_empty() {
            text.push_str("\n[source.bind]\n");
            for (name, value) in &bind {
                let _ = writeln!(text, "{name} = {value:?}");
            }
        }
        text
    }

    /// The path of one entity with the member of its key in the place that stands for the entity itself: the last one.
    fn detail_by_key(detail: &str, identity: &Identity, row: &Row) -> String {
        let own = identity.key.iter().rev().find(|part| !part.starts_with('$'));
        let shared = |placeholder: &str| row.list_path.contains(&format!("{{{placeholder}}}"));
        let last = detail.rfind('{').zip(detail.rfind('}')).filter(|(from, to)| from < to);
        match (own, last) {
            (Some(own), Some((from, to))) if !shared(&detail[from + 1..to]) => {
                format!("{}{{{own}}}{}", &detail[..from], &detail[to + 1..])
            }
            _ => detail.to_owned(),
        }
    }

    pub(crate) fn identity(
        &self,
        row: &Row,
        model: &Model<'_>,
        references: &BTreeMap<String, Reference>,
        hints: &Hints,
        remarks: &mut Remarks,
    ) -> Identity {
        let key = self.key(row, model, references, hints, remarks);
        let single = key.iter().all(|part| part.starts_with('$'));
        let names = [row.name_key.as_str(), "name"];
        let name = names.into_iter().find(|name| !name.is_empty() && model.has(name)).map(str::to_owned);
        let name = name.filter(|_| !single);
        let relation = hints.relations.contains_key(&row.domain);
        let mut natural: Vec<String> = name.iter().filter(|_| !relation).cloned().collect();
        if !natural.is_empty() && model.has("division.id") {
            natural.push("division.id".to_owned());
        }
        let first = key.first().map(String::as_str).unwrap_or_default();
        let by_name = |domain: &String| hints.named.domains.contains(domain);
        let random_uuid = match first {
            "$org" => false,
            "$parent" => !self.parent.as_ref().is_some_and(by_name),
            first => first.ends_with("id") && !by_name(&row.domain),
        };
        Identity { key, name: name.filter(|_| !relation), natural, random_uuid }
    }

    fn key(
        &self,
        row: &Row,
        model: &Model<'_>,
        references: &BTreeMap<String, Reference>,
        hints: &Hints,
        remarks: &mut Remarks,
    ) -> Vec<String> {
        let own: Vec<String> = match row.id_key.as_str() {
            "(singleton)" => return vec!["$org".to_owned()],
            "(parent id)" => return vec!["$parent".to_owned()],
            key if key.starts_with('(') => {
                remarks.add(format!("the table says of the key: {key}"));
                hints.text_items.get(&row.domain).map(|member| vec![member.clone()]).unwrap_or_default()
            }
            key => key.split('+').map(str::to_owned).collect(),
        };
        let missing: Vec<&String> = own.iter().filter(|path| !model.has(path)).collect();
        if !hints.text_items.contains_key(&row.domain) {
            remarks.list("the model lacks the key", &missing);
        }
        let Some(parent) = &self.parent else {
            return if own.is_empty() { vec!["$org".to_owned()] } else { own };
        };
        let says_parent = |(path, reference): (&String, &Reference)| {
            path != "id" && !path.contains('.') && reference.targets.contains(parent)
        };
        let tells_parent = references.iter().any(says_parent);
        if tells_parent && own == ["id"] {
            remarks.add(format!("it has an id of its own and says which of {parent} it belongs to: is the id unique?"));
            return own;
        }
        let of_parent =
            |path: &&String| references.get(path.trim_end_matches(".id")).is_some_and(|it| it.targets.contains(parent));
        let rest = own.iter().filter(|path| !of_parent(path) && *path != "promptId").cloned();
        std::iter::once("$parent".to_owned()).chain(rest).collect()
    }
}

impl Identity {
    pub(crate) fn text(&self) -> String {
        let mut text = format!("[identity]\n{}", text::list("key", &self.key));
        if let Some(name) = &self.name {
            let _ = writeln!(text, "name = {name:?}");
        }
        if !self.natural.is_empty() {
            text.push_str(&text::list("natural", &self.natural));
        }
        if self.random_uuid {
            text.push_str("random_uuid = true\n");
        }
        text
    }
}

/// More than this is an endless list of everything that shows a glimpse of the thing.
const FEW: usize = 6;

fn permission(row: &Row, operation: &Operation, remarks: &mut Remarks) -> String {
    let mut wanted: Vec<&str> = operation.permissions.iter().map(String::as_str).collect();
    let all = operation.permission_mode.as_deref() == Some("ALL") && wanted.len() > 1;
    if wanted.len() > FEW && !all {
        let name = row.domain.split('.').nth(1).unwrap_or_default().replace('-', "");
        let views: Vec<&str> = wanted.iter().copied().filter(|permission| permission.ends_with(":view")).collect();
        let entity = |permission: &str| permission.split(':').nth(1).unwrap_or_default().to_ascii_lowercase();
        let fits = |permission: &&str| name.starts_with(&entity(permission)) || entity(permission).starts_with(&name);
        let fitting: Vec<&str> = views.iter().copied().filter(fits).collect();
        if fitting.is_empty() {
            remarks.list("which of these permissions is the one", &views);
        }
        wanted = fitting;
    }
    let mut text = text::list("permission", &wanted);
    if all {
        text.push_str("permission_mode = \"all\"\n");
    }
    text
}
