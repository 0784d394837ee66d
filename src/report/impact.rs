//! What depends on an entity: for people, as a graph in DOT or Mermaid, and `schemas/output/impact.v1.json`.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use super::json::write_document;
use super::markdown::{cell, code};
use super::shown::{quoted, visible};
use super::style::Style;
use crate::audit::graph::Bond;
use crate::audit::impact::{Entity, Impact, Step, Via};
use crate::audit::{Direction, ReachWords};
use crate::model::DomainId;

/// Most entities of one domain that stand below one line of the tree.
const MOST_OF_A_DOMAIN: usize = 20;

/// Writes the ways up and down as trees, for people.
pub fn render_text(impact: &Impact, words: &ReachWords, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(&visible(&long_name(&impact.start))))?;
    let reach = impact.reach.in_words(words).unwrap_or_else(|| "reaches nothing that is counted".to_owned());
    writeln!(out, "A change of it {reach}")?;
    for (direction, steps) in ways(impact) {
        writeln!(out, "\n{}", style.heading(title(direction, steps)))?;
        let tree = Tree::of(steps);
        tree.write(None, 1, style, out)?;
    }
    if !impact.missing.is_empty() {
        writeln!(out, "\n{}", visible(&missing_line(impact)))?;
    }
    Ok(())
}

/// Writes the ways up and down as tables, in GitHub Flavored Markdown, with the graph for hosts that draw it.
pub fn render_markdown(impact: &Impact, words: &ReachWords, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {}\n", code(&long_name(&impact.start)))?;
    let reach = impact.reach.in_words(words).unwrap_or_else(|| "reaches nothing that is counted".to_owned());
    writeln!(out, "A change of it {reach}.")?;
    for (direction, steps) in ways(impact) {
        writeln!(out, "\n### {}", title(direction, steps))?;
        if steps.is_empty() {
            continue;
        }
        writeln!(out, "\n| Steps | Domain | Entity | By |\n|---:|---|---|---|")?;
        for step in steps {
            let name = step.entity.name.as_deref().unwrap_or(step.entity.key.as_str());
            let by = format!("{} {}", step.via.domain, step.via.path);
            writeln!(out, "| {} | {} | {} | {} |", step.depth, step.entity.domain, cell(name), cell(&by))?;
        }
    }
    if !impact.missing.is_empty() {
        writeln!(out, "\n{}", missing_line(impact))?;
    }
    writeln!(out, "\n```mermaid")?;
    render_mermaid(impact, out)?;
    writeln!(out, "```")
}

/// Writes the graph in the language of Graphviz: who refers above what is referred to.
pub fn render_dot(impact: &Impact, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "digraph impact {{\n  rankdir=LR;\n  node [shape=box];")?;
    for (place, entity) in impact.entities().into_iter().enumerate() {
        let strong = if place == 0 { ", style=bold" } else { "" };
        writeln!(out, "  n{place} [label={}{strong}];", dot(&label(entity)))?;
    }
    for edge in &impact.edges {
        writeln!(out, "  n{} -> n{} [label={}];", edge.from, edge.to, dot(&edge.via.path))?;
    }
    writeln!(out, "}}")
}

/// Writes the graph as a Mermaid flowchart.
pub fn render_mermaid(impact: &Impact, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "flowchart LR")?;
    for (place, entity) in impact.entities().into_iter().enumerate() {
        writeln!(out, "  n{place}[\"{}\"]", mermaid(&label(entity)))?;
    }
    for edge in &impact.edges {
        writeln!(out, "  n{} -->|\"{}\"| n{}", edge.from, mermaid(&edge.via.path), edge.to)?;
    }
    writeln!(out, "  style n0 stroke-width:3px")
}

/// Writes the document, indented, with a final newline.
pub fn render_json(impact: &Impact, words: &ReachWords, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::of(impact, words), out)
}

fn ways(impact: &Impact) -> impl Iterator<Item = (Direction, &[Step])> {
    let up = impact.up.as_deref().map(|steps| (Direction::Up, steps));
    let down = impact.down.as_deref().map(|steps| (Direction::Down, steps));
    up.into_iter().chain(down)
}

fn title(direction: Direction, steps: &[Step]) -> &'static str {
    match (direction, steps.is_empty()) {
        (Direction::Up, true) => "Nothing on record depends on it",
        (Direction::Up, false) => "What depends on it",
        (Direction::Down, true) => "It depends on nothing on record",
        (Direction::Down, false) => "What it depends on",
    }
}

fn missing_line(impact: &Impact) -> String {
    let told = |(domain, completeness): (&DomainId, &crate::audit::Completeness)| {
        format!("{domain} ({})", completeness.in_words())
    };
    let told: Vec<String> = impact.missing.iter().map(told).collect();
    format!("There may be more: {}", told.join(", "))
}

/// The steps of one way, by where they begin.
struct Tree<'s> {
    steps: &'s [Step],
    below: BTreeMap<Option<usize>, Vec<usize>>,
}

impl<'s> Tree<'s> {
    fn of(steps: &'s [Step]) -> Self {
        let mut below: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
        for (place, step) in steps.iter().enumerate() {
            below.entry(step.before).or_default().push(place);
        }
        Self { steps, below }
    }

    fn write(&self, before: Option<usize>, depth: usize, style: Style, out: &mut dyn Write) -> io::Result<()> {
        let indent = "  ".repeat(depth);
        let mut of_domain: BTreeMap<&DomainId, usize> = BTreeMap::new();
        for place in self.below.get(&before).into_iter().flatten() {
            let step = &self.steps[*place];
            let seen = of_domain.entry(&step.entity.domain).or_default();
            *seen += 1;
            if *seen > MOST_OF_A_DOMAIN {
                continue;
            }
            let via = style.dimmed(&format!("by {}", visible(&via_in_words(step))));
            writeln!(out, "{indent}{} {via}", visible(&long_name(&step.entity)))?;
            self.write(Some(*place), depth + 1, style, out)?;
        }
        for (domain, count) in of_domain {
            if let Some(more @ 1..) = count.checked_sub(MOST_OF_A_DOMAIN) {
                writeln!(out, "{indent}… and {more} more of {domain}, with what follows from them")?;
            }
        }
        Ok(())
    }
}

/// What leads to a step, without the domain where that is the step's own or that before it.
fn via_in_words(step: &Step) -> String {
    let Via { domain, path, bond } = &step.via;
    match bond {
        Bond::Parent => format!("{domain}, listed under"),
        Bond::Relation => domain.to_string(),
        Bond::Reference | Bond::Found => format!("{domain} {path}"),
    }
}

fn long_name(entity: &Entity) -> String {
    match &entity.name {
        Some(name) => format!("{} {} ({})", entity.domain, quoted(name), entity.key),
        None => format!("{} {}", entity.domain, entity.key),
    }
}

fn label(entity: &Entity) -> String {
    format!("{} {}", entity.domain, entity.name.as_deref().unwrap_or(entity.key.as_str()))
}

/// A quoted text of DOT, in which a backslash begins an escape and a quotation mark ends the text.
fn dot(text: &str) -> String {
    let mut quoted = "\"".to_owned();
    for c in visible(text).chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

/// A text between quotation marks of Mermaid, which knows entities by number; everything that could be markup is one.
fn mermaid(text: &str) -> String {
    let mut safe = String::new();
    for c in visible(text).chars() {
        if c.is_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | ',' | ':' | '+' | '@') {
            safe.push(c);
        } else {
            let _ = write!(safe, "#{};", u32::from(c));
        }
    }
    safe
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use crate::audit::ReachWords;
    use crate::audit::impact::{self, Impact};
    use crate::model::{DomainId, EntityKey};

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'i> {
        schema_version: u32,
        entity: Entity<'i>,
        reach: Reach<'i>,
        #[serde(skip_serializing_if = "Option::is_none")]
        up: Option<Vec<Step<'i>>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        down: Option<Vec<Step<'i>>>,
        missing: BTreeMap<&'i DomainId, String>,
    }

    #[derive(Serialize)]
    struct Entity<'i> {
        domain: &'i DomainId,
        id: &'i EntityKey,
        #[serde(skip_serializing_if = "Option::is_none")]
        name: Option<&'i str>,
    }

    #[derive(Serialize)]
    struct Reach<'i> {
        up: &'i BTreeMap<DomainId, u64>,
        down: &'i BTreeMap<DomainId, u64>,
        whole: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        words: Option<String>,
    }

    #[derive(Serialize)]
    struct Step<'i> {
        #[serde(flatten)]
        entity: Entity<'i>,
        depth: usize,
        /// The place in the same list of the one that it was found from.
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<usize>,
        by: Via<'i>,
    }

    #[derive(Serialize)]
    struct Via<'i> {
        domain: &'i DomainId,
        path: &'i str,
        bond: &'static str,
    }

    impl<'i> Document<'i> {
        pub(super) fn of(impact: &'i Impact, words: &ReachWords) -> Self {
            let steps = |steps: &'i Vec<impact::Step>| steps.iter().map(Step::from).collect();
            Self {
                schema_version: SCHEMA_VERSION,
                entity: Entity::from(&impact.start),
                reach: Reach {
                    up: &impact.reach.up,
                    down: &impact.reach.down,
                    whole: impact.reach.is_whole,
                    words: impact.reach.in_words(words),
                },
                up: impact.up.as_ref().map(steps),
                down: impact.down.as_ref().map(steps),
                missing: impact.missing.iter().map(|(domain, known)| (domain, known.in_words())).collect(),
            }
        }
    }

    impl<'i> From<&'i impact::Entity> for Entity<'i> {
        fn from(entity: &'i impact::Entity) -> Self {
            Self { domain: &entity.domain, id: &entity.key, name: entity.name.as_deref() }
        }
    }

    impl<'i> From<&'i impact::Step> for Step<'i> {
        fn from(step: &'i impact::Step) -> Self {
            let impact::Via { domain, path, bond } = &step.via;
            Self {
                entity: Entity::from(&step.entity),
                depth: step.depth,
                before: step.before,
                by: Via { domain, path, bond: bond.as_str() },
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_name_stays_a_name_in_every_graph() {
        assert_eq!(dot("a\"]; b [\\n"), r#""a\"]; b [\\n""#);
        assert_eq!(mermaid("a\"] --> b <script>"), "a#34;#93; --#62; b #60;script#62;");
        for text in [dot("a\nb\u{202e}"), mermaid("a\nb\u{202e}")] {
            assert!(!text.contains('\n') && !text.contains('\u{202e}'), "{text}");
        }
    }
}
