//! What moved by itself between two reads: for people, and `schemas/output/noise.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::json::write_document;
use super::shown::{counted, visible};
use super::style::Style;
use crate::catalogue::{Catalogue, Domain};
use crate::diff::{Movement, Noise};
use crate::model::DomainId;

/// What moved in each domain, or why that could not be told.
type NoiseOf = BTreeMap<DomainId, Result<Noise, String>>;

/// Writes what moved and is not covered, with the lines that cover it; then counts.
pub fn render_text(noise: &NoiseOf, catalogue: &Catalogue, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (id, told) in noise {
        match (told, catalogue.get(id)) {
            (Ok(noise), Some(domain)) if !noise.uncovered.is_empty() => write_domain(domain, noise, style, out)?,
            (Ok(noise), _) if noise.apart > 0 => writeln!(out, "{}\n", apart(id, noise))?,
            (Err(cause), _) => writeln!(out, "{id} could not be compared: {}\n", visible(cause))?,
            _ => {}
        }
    }
    writeln!(out, "{}", summary(noise))
}

/// Writes the document, indented, with a final newline.
pub fn render_json(noise: &NoiseOf, catalogue: &Catalogue, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::of(noise, catalogue), out)
}

fn write_domain(domain: &Domain, noise: &Noise, style: Style, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", style.heading(domain.id.as_str()))?;
    for (path, moved) in &noise.uncovered {
        let what = match moved.what {
            Movement::Value => "moved",
            Movement::Order(_) => "only its order moved",
        };
        let entities = counted(moved.entities, "entity", "entities");
        let unknown = if moved.is_in_schema { "" } else { "; the schema lacks it" };
        writeln!(out, "  {}: {what} in {entities}{unknown}", visible(&path.to_string()))?;
    }
    writeln!(out, "  {} {}", style.dimmed("in"), domain.file)?;
    for line in noise.lines(domain) {
        writeln!(out, "    [{}] {}", line.table, visible(&line.text))?;
    }
    if noise.apart > 0 {
        writeln!(out, "  {}", apart(&domain.id, noise))?;
    }
    writeln!(out)
}

fn apart(id: &DomainId, noise: &Noise) -> String {
    let entities = counted(noise.apart, "entity", "entities");
    format!(
        "{entities} of {id} came in one of the two reads only: they were made or deleted meanwhile, or their key moves"
    )
}

fn summary(noise: &NoiseOf) -> String {
    let compared: Vec<&Noise> = noise.values().filter_map(|told| told.as_ref().ok()).collect();
    let entities: u64 = compared.iter().map(|noise| noise.compared).sum();
    let covered: u64 = compared.iter().map(|noise| noise.covered).sum();
    let uncovered: u64 = compared.iter().map(|noise| noise.uncovered.len() as u64).sum();
    format!(
        "{} of {} read twice: {} moved that the domain files cover, {} that they do not",
        counted(entities, "entity", "entities"),
        counted(compared.len() as u64, "domain", "domains"),
        counted(covered, "path", "paths"),
        uncovered
    )
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use super::NoiseOf;
    use crate::catalogue::{Catalogue, FieldPath};
    use crate::diff::{Line, Movement, Noise};
    use crate::model::DomainId;

    #[derive(Serialize)]
    pub(super) struct Document<'n> {
        schema_version: u32,
        domains: BTreeMap<&'n DomainId, Domain<'n>>,
    }

    #[derive(Default, Serialize)]
    struct Domain<'n> {
        compared: u64,
        apart: u64,
        covered: u64,
        moved: Vec<Moved<'n>>,
        file: Option<&'n str>,
        lines: Vec<Text>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'n str>,
    }

    #[derive(Serialize)]
    struct Moved<'n> {
        path: &'n FieldPath,
        what: &'static str,
        entities: u64,
        in_schema: bool,
    }

    #[derive(Serialize)]
    struct Text {
        table: &'static str,
        line: String,
    }

    impl<'n> Document<'n> {
        pub(super) fn of(noise: &'n NoiseOf, catalogue: &'n Catalogue) -> Self {
            let domain = |(id, told): (&'n DomainId, &'n Result<Noise, String>)| {
                let domain = match told {
                    Ok(noise) => Domain::of(id, noise, catalogue),
                    Err(cause) => Domain { cause: Some(cause), ..Domain::default() },
                };
                (id, domain)
            };
            Self { schema_version: 1, domains: noise.iter().map(domain).collect() }
        }
    }

    impl<'n> Domain<'n> {
        fn of(id: &DomainId, noise: &'n Noise, catalogue: &'n Catalogue) -> Self {
            let definition = catalogue.get(id);
            let moved = |(path, moved): (&'n FieldPath, &crate::diff::Moved)| Moved {
                path,
                what: match moved.what {
                    Movement::Value => "value",
                    Movement::Order(_) => "order",
                },
                entities: moved.entities,
                in_schema: moved.is_in_schema,
            };
            let lines = definition.map(|domain| noise.lines(domain)).unwrap_or_default();
            Self {
                compared: noise.compared,
                apart: noise.apart,
                covered: noise.covered,
                moved: noise.uncovered.iter().map(moved).collect(),
                file: definition.map(|domain| domain.file.as_str()),
                lines: lines.into_iter().map(|Line { table, text }| Text { table, line: text }).collect(),
                cause: None,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::json::assert_follows;
    use super::*;
    use crate::catalogue::{FieldPath, SetKey};
    use crate::diff::Moved;

    fn noise() -> NoiseOf {
        let moved = |what, entities, is_in_schema| Moved { entities, what, is_in_schema };
        let queues = Noise {
            compared: 120,
            apart: 1,
            covered: 5,
            uncovered: BTreeMap::from([
                (FieldPath::parse("onHold.count"), moved(Movement::Value, 120, false)),
                (FieldPath::parse("rings"), moved(Movement::Order(SetKey(vec![FieldPath::parse("id")])), 3, true)),
            ]),
        };
        let told = [
            ("routing.queues", Ok(queues)),
            ("routing.skills", Ok(Noise { compared: 7, covered: 2, ..Noise::default() })),
            ("users.users", Err("could not read /api/v2/users: \u{1b}[2J".to_owned())),
        ];
        told.into_iter().map(|(id, told)| (id.parse().unwrap(), told)).collect()
    }

    fn rendered(render: impl Fn(&Catalogue, &mut dyn Write) -> io::Result<()>) -> String {
        let mut out = Vec::new();
        render(&Catalogue::built_in().unwrap(), &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_moved_is_told_with_the_lines_that_cover_it() {
        insta::assert_snapshot!(rendered(|catalogue, out| render_text(&noise(), catalogue, Style::Plain, out)), @r#"
    routing.queues
      onHold.count: moved in 120 entities; the schema lacks it
      rings: only its order moved in 3 entities
      in routing/queues.toml
        [treat] volatile = ["joinedMemberCount", "memberCount", "selfUri", "userMemberCount", "onHold.count"]
        [treat.sets] "rings" = "id"
      1 entity of routing.queues came in one of the two reads only: they were made or deleted meanwhile, or their key moves

    users.users could not be compared: could not read /api/v2/users: \u001b[2J

    127 entities of 2 domains read twice: 7 paths moved that the domain files cover, 2 that they do not
    "#);
    }

    #[test]
    fn the_document_follows_its_schema() {
        let text = rendered(|catalogue, out| render_json(&noise(), catalogue, out));
        assert_follows("noise.v1.json", &text);
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let queues = &document["domains"]["routing.queues"];
        assert_eq!(queues["moved"][1]["what"], "order");
        assert_eq!(queues["lines"][1]["line"], r#""rings" = "id""#);
    }
}
