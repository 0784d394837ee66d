//! Findings as the report of a test run, in the XML that began with `JUnit` and that build servers read.
//!
//! A suite is a domain, a test case a finding: open ones are failures, acknowledged ones are skipped, and so is what could not be
//! told. Where there is none of these there is one test case, which passed.

use std::io::{self, Write};

use super::findings::{Findings, acknowledged_line, details, subject_line};
use super::shown::visible;
use crate::model::{Finding, Untold};

/// The suite of what is in no domain.
const TRAIL: &str = "trail";

/// Writes the report; suites are in the order in which their worst findings are.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let title = escaped(&findings.title);
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    let all: Vec<Case<'_>> =
        findings.findings.iter().map(Case::Found).chain(findings.untold.iter().map(Case::Untold)).collect();
    if all.is_empty() {
        writeln!(out, r#"<testsuites name="{title}" tests="1" failures="0" errors="0" skipped="0">"#)?;
        writeln!(out, r#"  <testsuite name="{TRAIL}" tests="1" failures="0" errors="0" skipped="0">"#)?;
        writeln!(out, r#"    <testcase classname="{TRAIL}" name="{title}"/>"#)?;
        return writeln!(out, "  </testsuite>\n</testsuites>");
    }
    writeln!(out, r#"<testsuites name="{title}" {}>"#, counts(&all))?;
    let mut suites: Vec<(&str, Vec<Case<'_>>)> = Vec::new();
    for case in all {
        let name = case.suite();
        match suites.iter_mut().find(|(known, _)| *known == name) {
            Some((_, cases)) => cases.push(case),
            None => suites.push((name, vec![case])),
        }
    }
    for (name, cases) in suites {
        writeln!(out, r#"  <testsuite name="{name}" {}>"#, counts(&cases))?;
        cases.into_iter().try_for_each(|one| case(name, one, out))?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

/// What is a test case.
#[derive(Clone, Copy)]
enum Case<'c> {
    Found(&'c Finding),
    Untold(&'c Untold),
}

impl<'c> Case<'c> {
    fn suite(self) -> &'c str {
        match self {
            Self::Found(finding) => finding.subject.domain().map_or(TRAIL, |domain| domain.as_str()),
            Self::Untold(untold) => untold.domain.as_str(),
        }
    }

    fn is_skipped(self) -> bool {
        match self {
            Self::Found(finding) => finding.acknowledged.is_some(),
            Self::Untold(_) => true,
        }
    }
}

fn counts(cases: &[Case<'_>]) -> String {
    let skipped = cases.iter().filter(|case| case.is_skipped()).count();
    let (tests, failures) = (cases.len(), cases.len() - skipped);
    format!(r#"tests="{tests}" failures="{failures}" errors="0" skipped="{skipped}""#)
}

fn case(suite: &str, case: Case<'_>, out: &mut dyn Write) -> io::Result<()> {
    match case {
        Case::Found(finding) => found(suite, finding, out),
        Case::Untold(untold) => {
            let (class, message) = (escaped(&untold.rule), escaped(&untold.to_string()));
            writeln!(out, r#"    <testcase classname="{suite}.{class}" name="{class}">"#)?;
            writeln!(out, r#"      <skipped message="{message}"/>"#)?;
            writeln!(out, "    </testcase>")
        }
    }
}

fn found(suite: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let name = format!("{} [{}]", subject_line(&finding.subject), finding.fingerprint);
    let place = finding.place.as_ref().map(|at| format!(r#" file="{}" line="{}""#, escaped(&at.file), at.line));
    let class = format!("{suite}.{}", escaped(&finding.rule));
    writeln!(out, r#"    <testcase classname="{class}" name="{}"{}>"#, escaped(&name), place.unwrap_or_default())?;
    match &finding.acknowledged {
        Some(acknowledged) => {
            writeln!(out, r#"      <skipped message="{}"/>"#, escaped(&acknowledged_line(acknowledged)))?;
        }
        None => failure(finding, out)?,
    }
    writeln!(out, "    </testcase>")
}

fn failure(finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let (level, message) = (finding.severity, escaped(&finding.message));
    let mut lines = details(finding);
    lines.push(format!("remedy: {}", finding.remedy));
    let lines: Vec<String> = lines.iter().map(|line| escaped(line)).collect();
    writeln!(out, r#"      <failure type="{level}" message="{level}: {message}">{}</failure>"#, lines.join("\n"))
}

/// A text that can stand in an element or an attribute.
fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in visible(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML cannot hold these two at all.
            '\u{fffe}' => safe.push_str("\\ufffe"),
            '\u{ffff}' => safe.push_str("\\uffff"),
            _ => safe.push(c),
        }
    }
    safe
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
    fn open_findings_fail_and_acknowledged_ones_are_skipped() {
        insta::assert_snapshot!(rendered(&sample::findings()));
    }

    #[test]
    fn each_change_is_a_test_case() {
        insta::assert_snapshot!(rendered(&Findings::of_changes(&sample::change_set(), &sample::places())));
    }

    #[test]
    fn a_clean_report_has_one_test_that_passed() {
        insta::assert_snapshot!(rendered(&Findings::arranged("Verified 12 <commits>", None, Vec::new())), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="Verified 12 &lt;commits&gt;" tests="1" failures="0" errors="0" skipped="0">
          <testsuite name="trail" tests="1" failures="0" errors="0" skipped="0">
            <testcase classname="trail" name="Verified 12 &lt;commits&gt;"/>
          </testsuite>
        </testsuites>
        "#);
    }

    #[test]
    fn a_text_holds_nothing_that_xml_would_read() {
        assert_eq!(escaped("<a b=\"&\">]]>\u{0}\u{ffff}\n"), "&lt;a b=&quot;&amp;&quot;&gt;]]&gt;\\u0000\\uffff\\n");
    }
}
