//! One change or finding a line: `schema_version` and what an element of the list in the JSON document has.

use std::io::{self, Write};

use serde::Serialize;

use super::change_set::ChangeSet;
use super::findings::{self, Findings};
use super::json;

/// The version of the form of a line, which is that of the document whose elements the lines are.
const SCHEMA_VERSION: u32 = 1;

#[derive(Serialize)]
struct Line<T> {
    schema_version: u32,
    #[serde(flatten)]
    what: T,
}

/// Writes a line for each change, in the order of the change set.
pub fn render_changes(set: &ChangeSet, out: &mut dyn Write) -> io::Result<()> {
    set.changes.iter().try_for_each(|change| line(json::v1::Change::from(change), out))
}

/// Writes a line for each finding, acknowledged or not, in their order.
pub fn render_findings(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    findings.findings.iter().try_for_each(|finding| line(findings::v1::Finding::from(finding), out))
}

fn line(what: impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &Line { schema_version: SCHEMA_VERSION, what })?;
    writeln!(out)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use serde_json::Value;

    use super::super::sample;
    use super::*;

    fn lines(render: impl Fn(&mut dyn Write) -> io::Result<()>) -> Vec<Value> {
        let mut out = Vec::new();
        render(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.ends_with('\n'));
        let lines = text.lines().map(|line| serde_json::from_str(line).unwrap());
        lines
            .map(|mut line: Value| {
                assert_eq!(line.as_object_mut().unwrap().remove("schema_version").unwrap(), SCHEMA_VERSION);
                line
            })
            .collect()
    }

    #[test]
    fn the_lines_are_the_elements_of_the_document() {
        let mut document = Vec::new();
        json::render(&sample::change_set(), &mut document).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(Value::from(lines(|out| render_changes(&sample::change_set(), out))), document["changes"]);
        let mut document = Vec::new();
        findings::render_json(&sample::findings(), &mut document).unwrap();
        let document: Value = serde_json::from_slice(&document).unwrap();
        assert_eq!(Value::from(lines(|out| render_findings(&sample::findings(), out))), document["findings"]);
    }

    #[test]
    fn a_finding_is_a_line() {
        let mut out = Vec::new();
        render_findings(&sample::findings(), &mut out).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn a_line_keeps_all_digits_of_a_number() {
        let mut out = Vec::new();
        render_changes(&sample::change_set(), &mut out).unwrap();
        assert!(String::from_utf8(out).unwrap().contains(r#""old":123456789012345678901234567890,"new":1.5"#));
    }
}
