//! Findings as a table for a spreadsheet: RFC 4180, a row for each.
//!
//! A spreadsheet takes a cell for a formula where it begins with certain characters, and names come from whoever may name a
//! queue; such a cell gets an apostrophe in front, which makes it text. So does what follows a semicolon, with which a
//! spreadsheet in many countries takes a new cell to begin. Characters that a reader could not see are written as escapes, so
//! that a row is always one line.

use std::io::{self, Write};

use csv::{Terminator, WriterBuilder};

use super::findings::{Findings, acknowledged_line};
use super::shown::visible;
use super::who::actors_line;
use crate::model::{Evidence, Finding, Pointer, Subject};

/// The columns; new ones come behind these.
pub const HEADER: [&str; 19] = [
    "severity",
    "rule",
    "domain",
    "entity",
    "name",
    "path",
    "before",
    "after",
    "evidence",
    "message",
    "remedy",
    "actors",
    "commit",
    "file",
    "line",
    "column",
    "fingerprint",
    "acknowledged",
    "about",
];

/// What a spreadsheet may take for the beginning of a formula: of plain width, or as they are typed in East Asian scripts.
const FORMULA: [char; 10] = ['=', '+', '-', '@', '\t', '\r', '＝', '＋', '－', '＠'];

/// Writes the header and a row for each finding, acknowledged or not.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
    writer.write_record(HEADER)?;
    for finding in &findings.findings {
        writer.write_record(row(finding).iter().map(|text| cell(text)))?;
    }
    writer.flush()
}

fn row(finding: &Finding) -> [String; HEADER.len()] {
    let text = |text: Option<&str>| text.unwrap_or_default().to_owned();
    let (about, key, name, path, commit, file) = match &finding.subject {
        Subject::Trail => ("trail", None, None, None, None, None),
        Subject::Domain(_) => ("domain", None, None, None, None, None),
        Subject::Entity { key, name, path, .. } => {
            ("entity", Some(key.as_str()), name.as_deref(), path.as_ref().map(Pointer::as_str), None, None)
        }
        Subject::Commit(id) => ("commit", None, None, None, Some(id.as_str()), None),
        Subject::File(path) => ("file", None, None, None, None, Some(path.as_str())),
    };
    let place = finding.place.as_ref();
    let evidence = |name: &str| finding.evidence.iter().find(|one| one.name == name).map(|one| one.text.as_str());
    let others = finding.evidence.iter().filter(|one| !matches!(one.name.as_str(), Evidence::BEFORE | Evidence::AFTER));
    let others: Vec<String> = others.map(|Evidence { name, text }| format!("{name}: {text}")).collect();
    [
        finding.severity.to_string(),
        finding.rule.clone(),
        finding.subject.domain().map(ToString::to_string).unwrap_or_default(),
        text(key),
        text(name),
        text(path),
        text(evidence(Evidence::BEFORE)),
        text(evidence(Evidence::AFTER)),
        others.join("; "),
        finding.message.clone(),
        finding.remedy.clone(),
        actors_line(&finding.actors, None),
        text(commit),
        text(place.map(|place| place.file.as_str()).or(file)),
        place.map(|place| place.line.to_string()).unwrap_or_default(),
        place.map(|place| place.column.to_string()).unwrap_or_default(),
        finding.fingerprint.clone(),
        finding.acknowledged.as_ref().map(acknowledged_line).unwrap_or_default(),
        about.to_owned(),
    ]
}

/// A text as a cell that is one line and no formula, however a spreadsheet splits it.
pub(super) fn cell(text: &str) -> String {
    let mut begins = true;
    let mut safe = String::new();
    for c in text.chars() {
        if begins && FORMULA.contains(&c) {
            safe.push('\'');
        }
        begins = c == ';' || (begins && matches!(c, ' ' | '"') && !safe.is_empty());
        safe.push(c);
    }
    visible(&safe).into_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::sample;
    use super::*;

    fn rendered(findings: &Findings) -> String {
        sample::text_of(|out| render(findings, out))
    }

    #[test]
    fn there_is_a_row_for_each_changed_field() {
        let found = Findings::of_fields(&sample::change_set(), &sample::places());
        insta::assert_snapshot!(rendered(&found).replace('\r', ""));
    }

    #[test]
    fn there_is_a_row_for_each_finding() {
        insta::assert_snapshot!(rendered(&sample::findings()).replace('\r', ""));
        assert_eq!(rendered(&Findings::default()), format!("{}\r\n", HEADER.join(",")));
    }

    #[test]
    fn a_row_is_one_line_and_reads_back_as_its_cells() {
        let found = Findings::of_fields(&sample::change_set(), &sample::places());
        let text = rendered(&found);
        assert_eq!(text.matches('\n').count(), found.findings.len() + 1);
        assert_eq!(text.matches("\r\n").count(), found.findings.len() + 1);
        for record in csv::Reader::from_reader(text.as_bytes()).records() {
            assert_eq!(record.unwrap().len(), HEADER.len());
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        for (text, expected) in [
            ("=1+1", "'=1+1"),
            ("+1", "'+1"),
            ("-1", "'-1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\\t=1"),
            ("\r=1", "'\\r=1"),
            ("＝1", "'＝1"),
            ("a=1", "a=1"),
            ("'=1", "'=1"),
            ("a;=1; \"-2", "a;'=1; \"'-2"),
            ("[1,-2] a-b", "[1,-2] a-b"),
            ("", ""),
            ("a\nb", "a\\nb"),
        ] {
            assert_eq!(cell(text), expected);
        }
    }
}
