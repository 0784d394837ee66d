//! Findings as annotations of a GitHub workflow: a workflow command a line.
//!
//! GitHub shows only so many of them for a step, so the worst are written and the last line says how many are not. Findings
//! that somebody has acknowledged are no annotations.

use std::io::{self, Write};

use super::findings::{Findings, details, subject_line};
use super::shown::{counted, summary_of, visible};
use crate::model::{Finding, Severity, SeverityCounts};

/// Most annotations of one level that GitHub shows for a step, by docs/problem-matchers.md of actions/toolkit, "Limitations".
const MOST_OF_A_LEVEL: usize = 10;

/// Most lines that an annotation has of what shows that it is so; GitHub cuts a message of more than 64 KiB without a word.
const MOST_LINES: usize = 20;

/// The levels there are, the worst first.
const LEVELS: [&str; 3] = ["error", "warning", "notice"];

/// Writes the annotations, and what there is beyond them; nothing where nothing was found.
pub fn render(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let of_level = |level| findings.open().filter(move |finding| level_of(finding.severity) == level);
    let acknowledged = findings.acknowledged().count() as u64;
    let is_beyond = LEVELS.into_iter().any(|level| of_level(level).count() > MOST_OF_A_LEVEL);
    let says_more = is_beyond || acknowledged > 0 || findings.left_out.is_some() || !findings.untold.is_empty();
    let mut beyond = Vec::new();
    for level in LEVELS {
        // The last line is a notice too.
        let room = MOST_OF_A_LEVEL - usize::from(level == "notice" && says_more);
        for finding in of_level(level).take(room) {
            annotation(level, finding, out)?;
        }
        beyond.extend(of_level(level).skip(room).map(|finding| finding.severity));
    }
    let mut rest = Vec::new();
    if !beyond.is_empty() {
        let counts: SeverityCounts = beyond.into_iter().collect();
        rest.push(format!("… and {}", summary_of(&counts, "more finding", "more findings")));
    }
    if acknowledged > 0 {
        rest.push(counted(acknowledged, "acknowledged finding", "acknowledged findings"));
    }
    if let Some(left_out) = findings.left_out {
        rest.push(format!("{} below {}", counted(left_out.count, "finding", "findings"), left_out.below));
    }
    if !findings.untold.is_empty() {
        let count = counted(findings.untold.len() as u64, "thing", "things");
        let lines: Vec<String> = findings.untold.iter().take(MOST_LINES).map(ToString::to_string).collect();
        let more = (findings.untold.len() - lines.len()) as u64;
        let more = if more > 0 { format!("; … and {}", counted(more, "more", "more")) } else { String::new() };
        rest.push(format!("{count} that could not be told: {}{more}", lines.join("; ")));
    }
    if rest.is_empty() {
        return Ok(());
    }
    writeln!(out, "::notice title={}::{}", property(&findings.title), data(&rest.join("; ")))
}

fn level_of(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "notice",
    }
}

fn annotation(level: &str, finding: &Finding, out: &mut dyn Write) -> io::Result<()> {
    let place = finding.place.as_ref();
    let place = place.map(|at| format!("file={},line={},col={},", property(&at.file), at.line, at.column));
    let title = format!("{}: {}", finding.severity, subject_line(&finding.subject));
    let mut lines = vec![finding.message.clone()];
    let mut details = details(finding);
    let more = details.len().saturating_sub(MOST_LINES) as u64;
    details.truncate(MOST_LINES);
    lines.extend(details);
    lines.extend((more > 0).then(|| format!("… and {}", counted(more, "more line", "more lines"))));
    lines.extend([format!("rule: {}", finding.rule), format!("remedy: {}", finding.remedy)]);
    let lines: Vec<String> = lines.iter().map(|line| data(line)).collect();
    writeln!(out, "::{level} {}title={}::{}", place.unwrap_or_default(), property(&title), lines.join("%0A"))
}

/// A text as the message of a workflow command.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25")
}

/// A text as a property of a workflow command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::Evidence;

    fn rendered(findings: &Findings) -> String {
        sample::text_of(|out| render(findings, out))
    }

    #[test]
    fn each_finding_is_an_annotation_that_is_one_line() {
        insta::assert_snapshot!(rendered(&sample::findings()));
    }

    #[test]
    fn each_change_is_an_annotation_at_its_worst_field() {
        let set = sample::change_set().at_least(Severity::High);
        insta::assert_snapshot!(rendered(&Findings::of_changes(&set, &sample::places())));
    }

    #[test]
    fn no_more_of_a_level_than_are_shown_and_the_last_line_counts_the_rest() {
        let sample = sample::findings().findings;
        let many = |severity, count| vec![Finding { severity, acknowledged: None, ..sample[0].clone() }; count];
        let all = [many(Severity::High, 12), many(Severity::Medium, 10), many(Severity::Low, 10)].concat();
        let text = rendered(&Findings::arranged("Audit", None, all));
        let of = |level: &str| text.lines().filter(|line| line.starts_with(&format!("::{level} "))).count();
        assert_eq!(LEVELS.map(of), [10, 10, 10]);
        assert_eq!(text.lines().last().unwrap(), "::notice title=Audit::… and 3 more findings: 2 high, 1 low");
        let ten = rendered(&Findings::arranged("Audit", None, many(Severity::Low, 10)));
        assert_eq!((ten.lines().count(), ten.contains("more")), (10, false));
        assert_eq!(rendered(&Findings::default()), "");
    }

    #[test]
    fn a_long_annotation_says_how_many_lines_it_leaves_out() {
        let evidence = (0..MOST_LINES + 3).map(|number| Evidence::new("line", number.to_string())).collect();
        let mut findings = sample::findings().at_least(Severity::Critical);
        findings.findings[0].evidence = evidence;
        let text = rendered(&findings);
        assert!(text.contains("%0Aline: 19%0A… and 3 more lines%0Arule: "), "{text}");
    }

    #[test]
    fn a_text_stays_in_its_place() {
        assert_eq!(data("100%\n::error::x"), "100%25\\n::error::x");
        assert_eq!(property("a,b:c%"), "a%2Cb%3Ac%25");
    }
}
