//! Findings as a page.

use super::super::findings::{Findings, acknowledged_line, notes};
use super::super::shown::counted;
use super::super::who::actors_line;
use super::{Cell, Item, Page, Row, Table, UNFOLDED, in_file, in_parts, safe};
use crate::model::{Actor, Evidence, Finding, Subject};

pub(super) fn page(findings: &Findings) -> Page {
    let day = findings.at.as_ref().map(|at| at.taken_at.as_str());
    let items = findings.findings.iter().map(|finding| item(finding, day)).collect();
    Page::new(&findings.title, &findings.summary(), &notes(findings), items)
}

fn item(finding: &Finding, day: Option<&str>) -> Item {
    let (name, place_of) = match &finding.subject {
        Subject::Trail => ("The trail".to_owned(), String::new()),
        Subject::Domain(domain) => (domain.to_string(), String::new()),
        Subject::Entity { domain, key, name, path } => {
            let path = path.as_ref().map(|path| format!(" · {path}")).unwrap_or_default();
            match name {
                Some(name) => (name.clone(), format!("{domain} · {key}{path}")),
                None => (key.to_string(), format!("{domain}{path}")),
            }
        }
        Subject::Commit(id) => ("Commit".to_owned(), id.clone()),
        Subject::File(path) => ("File".to_owned(), path.clone()),
    };
    let people: Vec<String> = finding.actors.iter().map(Actor::shown).map(safe).collect();
    let by = (!people.is_empty()).then(|| format!("by {}", actors_line(&finding.actors, day)));
    let acknowledged = finding.acknowledged.as_ref().map(acknowledged_line);
    Item {
        anchor: finding.fingerprint.clone(),
        level: finding.severity.as_str(),
        domain: finding.subject.domain().map(ToString::to_string).unwrap_or_default(),
        who: people.join("\n"),
        people,
        name: safe(&name),
        kind: None,
        place_of: safe(&place_of),
        message: safe(&finding.message),
        lines: by.into_iter().chain(acknowledged).map(|line| safe(&line)).collect(),
        tables: evidence(&finding.evidence).into_iter().collect(),
        texts: Vec::new(),
        more: None,
        remedy: safe(&finding.remedy),
        rule: safe(&finding.rule),
        file: finding.place.as_ref().map(in_file),
        is_acknowledged: finding.acknowledged.is_some(),
    }
}

fn evidence(all: &[Evidence]) -> Option<Table> {
    let row = |Evidence { name, text }: &Evidence| Row {
        name: in_parts(name),
        asides: Vec::new(),
        cells: vec![Cell { text: Some(in_lines(text)), ..Cell::default() }],
    };
    let rows: Vec<Row> = all.iter().map(row).collect();
    let folded = (rows.len() > UNFOLDED).then(|| counted(rows.len() as u64, "line", "lines"));
    (!rows.is_empty()).then_some(Table { head: "Evidence", columns: vec!["What it says"], rows, folded })
}

/// A text whose lines stay lines.
fn in_lines(text: &str) -> String {
    text.split('\n').map(safe).collect::<Vec<_>>().join("\n")
}
