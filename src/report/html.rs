//! Changes or findings as one page that a browser shows without a network.
//!
//! The page is complete without its script, which only adds the filters. Its policy lets nothing run but that script, by its
//! digest, and nothing be fetched. Names and values are escaped by the template; what a reader could not see is written out
//! before.

mod of_changes;
mod of_findings;
mod policy;

use std::collections::BTreeSet;
use std::io::{self, Write};

use askama::Template;

use super::change_set::ChangeSet;
use super::findings::{Findings, Places};
use super::shown::visible;
use super::text_diff::Line;
use crate::model::{Place, Severity};

/// Most rows of a table, and most lines of a text, that stand unfolded.
const UNFOLDED: usize = 12;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

/// Writes the page of a change set; `places` says where its changes are written.
pub fn render_changes(set: &ChangeSet, places: &Places, out: &mut dyn Write) -> io::Result<()> {
    write(&of_changes::page(set, places), out)
}

/// Writes the page of findings.
pub fn render_findings(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    write(&of_findings::page(findings), out)
}

fn write(page: &Page, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", page.render().map_err(io::Error::other)?)
}

/// What the template shows; all texts are safe to be seen.
#[derive(Template)]
#[template(path = "html/page.html")]
struct Page {
    policy: String,
    style: &'static str,
    script: &'static str,
    title: String,
    lead: String,
    notes: Vec<String>,
    levels: Vec<Level>,
    domains: BTreeSet<String>,
    people: BTreeSet<String>,
    sections: Vec<Section>,
}

/// A level that occurs, and how many there are of it that nobody has acknowledged.
struct Level {
    name: &'static str,
    count: usize,
}

/// The items of one level, or those that somebody has acknowledged.
struct Section {
    name: &'static str,
    is_acknowledged: bool,
    items: Vec<Item>,
}

/// A change or a finding.
#[derive(Default)]
struct Item {
    anchor: String,
    level: &'static str,
    domain: String,
    people: Vec<String>,
    who: String,
    name: String,
    kind: Option<&'static str>,
    /// What it is a part of: domain, key, path.
    place_of: String,
    message: String,
    lines: Vec<String>,
    tables: Vec<Table>,
    texts: Vec<LongText>,
    more: Option<String>,
    remedy: String,
    rule: String,
    file: Option<String>,
    is_acknowledged: bool,
}

struct Table {
    head: &'static str,
    columns: Vec<&'static str>,
    rows: Vec<Row>,
    folded: Option<String>,
}

struct Row {
    /// The name, in the parts that a line may end behind.
    name: Vec<String>,
    asides: Vec<String>,
    cells: Vec<Cell>,
}

#[derive(Default)]
struct Cell {
    class: &'static str,
    text: Option<String>,
    name: Option<String>,
}

struct LongText {
    name: String,
    lines: Vec<TextLine>,
    folded: Option<String>,
}

struct TextLine {
    class: &'static str,
    text: String,
}

impl Page {
    /// A page of items, the worst first.
    fn new(title: &str, lead: &str, notes: &[String], items: Vec<Item>) -> Self {
        let domains = items.iter().map(|item| item.domain.clone()).filter(|domain| !domain.is_empty()).collect();
        let people = items.iter().flat_map(|item| item.people.iter().cloned()).collect();
        let names = Severity::WORST_FIRST.map(Severity::as_str);
        let level = |name| {
            let found: Vec<&Item> = items.iter().filter(|item| item.level == name).collect();
            let count = found.iter().filter(|item| !item.is_acknowledged).count();
            (!found.is_empty()).then_some(Level { name, count })
        };
        let levels = names.into_iter().filter_map(level).collect();
        let (acknowledged, open): (Vec<Item>, Vec<Item>) = items.into_iter().partition(|item| item.is_acknowledged);
        let mut sections: Vec<Section> = Vec::new();
        for item in open {
            match sections.last_mut() {
                Some(section) if section.name == item.level => section.items.push(item),
                _ => sections.push(Section { name: item.level, is_acknowledged: false, items: vec![item] }),
            }
        }
        if !acknowledged.is_empty() {
            sections.push(Section { name: "acknowledged", is_acknowledged: true, items: acknowledged });
        }
        Self {
            policy: policy::of(STYLE, SCRIPT),
            style: STYLE,
            script: SCRIPT,
            title: safe(title),
            lead: safe(lead),
            notes: notes.iter().map(|note| safe(note)).collect(),
            levels,
            domains,
            people,
            sections,
        }
    }
}

/// A text in which everything can be seen.
fn safe(text: &str) -> String {
    visible(text).into_owned()
}

/// A name of several parts; a line may end behind each.
fn in_parts(name: &str) -> Vec<String> {
    safe(name).split_inclusive(['.', '[', '/']).map(ToOwned::to_owned).collect()
}

/// A place as editors take it.
fn in_file(place: &Place) -> String {
    safe(&format!("{}:{}:{}", place.file, place.line, place.column))
}

fn text_line(line: &Line) -> TextLine {
    let (class, text) = match line {
        Line::Same(text) => ("", format!("  {text}")),
        Line::Removed(text) => ("old", format!("− {text}")),
        Line::Added(text) => ("new", format!("+ {text}")),
        Line::Folded(count) => {
            ("fold", format!("… {}", super::shown::counted(*count as u64, "unchanged line", "unchanged lines")))
        }
    };
    TextLine { class, text }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
