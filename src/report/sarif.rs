//! Findings as SARIF 2.1.0, which code scanning services read.
//!
//! Only what the format asks for and what GitHub's code scanning makes use of is written. Lines and columns are those of the
//! files of the trail, relative to its top.

use std::collections::BTreeMap;
use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;

use super::findings::{Findings, acknowledged_line, details, subject_line};
use super::json::write_document;
use super::shown::visible;
use crate::model::{Finding, Severity, Untold};
use crate::record::LEDGER_PATH;

/// Where the schema is published.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// The name of the top of the trail; GitHub takes it for the top of the repository.
const ROOT: &str = "%SRCROOT%";

/// What a path may hold in a URI as it is.
const IN_PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// Writes the log, indented, with a final newline.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    write_document(&log(findings), out)
}

#[derive(Serialize)]
struct Log<'f> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'f>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'f> {
    tool: Tool<'f>,
    original_uri_base_ids: BTreeMap<&'static str, Described<'static>>,
    column_kind: &'static str,
    results: Vec<Outcome<'f>>,
    invocations: [Invocation; 1],
    properties: RunProperties<'f>,
}

/// How the check went: what could not be told is a notification, not a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    level: &'static str,
    message: Text,
    associated_rule: RuleReference,
}

#[derive(Serialize)]
struct RuleReference {
    id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RunProperties<'f> {
    title: &'f str,
    #[serde(skip_serializing_if = "Option::is_none")]
    left_out: Option<u64>,
}

#[derive(Serialize)]
struct Tool<'f> {
    driver: Driver<'f>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'f> {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Rule<'f>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'f> {
    id: &'f str,
    short_description: Text,
    help: Text,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: [&'static str; 2],
    #[serde(rename = "security-severity")]
    security_severity: &'static str,
}

#[derive(Serialize)]
struct Text {
    text: String,
}

#[derive(Serialize)]
struct Described<'d> {
    description: TextRef<'d>,
}

#[derive(Serialize)]
struct TextRef<'d> {
    text: &'d str,
}

/// What SARIF calls a result.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Outcome<'f> {
    rule_id: &'f str,
    rule_index: usize,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints<'f>,
    suppressions: Vec<Suppression>,
    properties: OutcomeProperties,
}

#[derive(Serialize)]
struct OutcomeProperties {
    severity: Severity,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Fingerprints<'f> {
    #[serde(rename = "orgtrail/v1")]
    own: &'f str,
    /// The only one that GitHub compares.
    primary_location_line_hash: &'f str,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    status: &'static str,
    justification: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: PhysicalLocation,
    logical_locations: [LogicalLocation; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<Region>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Artifact {
    uri: String,
    uri_base_id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LogicalLocation {
    fully_qualified_name: String,
}

fn log(findings: &Findings) -> Log<'_> {
    let mut rules: Vec<Rule<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    let mut results = Vec::new();
    for finding in &findings.findings {
        // The worst comes first, so a rule has the worst level that it has in any finding.
        let index = *places.entry(&finding.rule).or_insert_with(|| {
            rules.push(rule(finding));
            rules.len() - 1
        });
        results.push(outcome(finding, index));
    }
    let run = Run {
        tool: Tool { driver: Driver { name: "orgtrail", semantic_version: env!("CARGO_PKG_VERSION"), rules } },
        original_uri_base_ids: [(ROOT, Described { description: TextRef { text: "The top of the trail." } })].into(),
        column_kind: "unicodeCodePoints",
        results,
        invocations: [invocation(findings)],
        properties: RunProperties {
            title: &findings.title,
            left_out: findings.left_out.map(|left_out| left_out.count),
        },
    };
    Log { schema: SCHEMA, version: "2.1.0", runs: [run] }
}

fn invocation(findings: &Findings) -> Invocation {
    let notification = |untold: &Untold| Notification {
        level: "note",
        message: Text { text: message(&untold.to_string()) },
        associated_rule: RuleReference { id: untold.rule.clone() },
    };
    let tool_execution_notifications = findings.untold.iter().map(notification).collect();
    Invocation { execution_successful: true, tool_execution_notifications }
}

fn rule(finding: &Finding) -> Rule<'_> {
    let (level, security_severity) = weight(finding.severity);
    Rule {
        id: &finding.rule,
        short_description: Text { text: finding.rule.replace('-', " ") },
        help: Text { text: message(&finding.remedy) },
        default_configuration: Configuration { level },
        properties: RuleProperties { tags: ["configuration", "security"], security_severity },
    }
}

fn outcome(finding: &Finding, rule_index: usize) -> Outcome<'_> {
    let mut lines = vec![finding.message.clone()];
    lines.extend(details(finding));
    let lines: Vec<String> = lines.iter().map(|line| message(line)).collect();
    Outcome {
        rule_id: &finding.rule,
        rule_index,
        level: weight(finding.severity).0,
        message: Text { text: lines.join("\n") },
        locations: [location(finding)],
        partial_fingerprints: Fingerprints {
            own: &finding.fingerprint,
            primary_location_line_hash: &finding.fingerprint,
        },
        suppressions: finding
            .acknowledged
            .iter()
            .map(|acknowledged| Suppression {
                kind: "external",
                status: "accepted",
                justification: message(&acknowledged_line(acknowledged)),
            })
            .collect(),
        properties: OutcomeProperties { severity: finding.severity },
    }
}

/// What is in no file stands in the ledger, the one file that is about all of the trail: a service refuses what stands nowhere.
fn location(finding: &Finding) -> Location {
    let place = finding.place.as_ref();
    let uri = utf8_percent_encode(place.map_or(LEDGER_PATH, |place| &place.file), IN_PATH).to_string();
    let region = place.map(|place| Region { start_line: place.line, start_column: place.column });
    let fully_qualified_name = visible(&subject_line(&finding.subject)).into_owned();
    Location {
        physical_location: PhysicalLocation { artifact_location: Artifact { uri, uri_base_id: ROOT }, region },
        logical_locations: [LogicalLocation { fully_qualified_name }],
    }
}

/// The level of SARIF, and the number by which GitHub tells critical from high.
fn weight(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("error", "9.5"),
        Severity::High => ("error", "8.0"),
        Severity::Medium => ("warning", "5.5"),
        Severity::Low => ("note", "2.0"),
    }
}

/// A text as a message: what would be a link in it has its brackets escaped.
fn message(text: &str) -> String {
    let text = visible(text);
    if !text.contains("](") {
        return text.into_owned();
    }
    text.replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
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
    fn everything_that_was_found_is_a_result() {
        let version = format!(r#""semanticVersion": "{}""#, env!("CARGO_PKG_VERSION"));
        let text = rendered(&sample::findings());
        assert!(text.contains(&version));
        insta::assert_snapshot!(text.replace(&version, r#""semanticVersion": "VERSION""#));
    }

    #[test]
    fn the_log_follows_the_official_schema() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/sarif/sarif-schema-2.1.0.json");
        // The pattern of languages, which are not written here, has a bracket that is no regular expression to a strict reader.
        let text = std::fs::read_to_string(path).unwrap().replace("{2}]?$", "{2}$");
        let schema = serde_json::from_str(&text).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let changes = sample::change_set();
        let all = [
            sample::findings(),
            sample::findings().at_least(Severity::High),
            Findings::of_fields(&changes, &sample::places()),
            Findings::of_changes(&changes, &BTreeMap::new()),
            Findings::default(),
        ];
        for findings in &all {
            let document = serde_json::from_str(&rendered(findings)).unwrap();
            let problems: Vec<String> =
                validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
            assert_eq!(problems, [""; 0]);
        }
        assert!(!validator.is_valid(&serde_json::json!({ "version": "2.1.0", "runs": [{}] })));
    }

    #[test]
    fn a_message_holds_no_link() {
        assert_eq!(message("a [b] \\c"), "a [b] \\c");
        assert_eq!(message("[x](http://e.example) \\"), "\\[x\\](http://e.example) \\\\");
    }
}
