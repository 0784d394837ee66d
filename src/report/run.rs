//! The document of a run: for people, and `schemas/output/run.v1.json`.

use std::collections::BTreeSet;
use std::io::{self, Write};

use super::json::write_document;
use super::notes::short_commit;
use super::shown::{counted, grouped, summary, visible};
use super::style::Style;
use super::table::table;
use crate::record::{RunDocument, RunStatus};

/// Most domains that are named when they are captured for the first time.
const NAMED_BASELINES: usize = 5;

/// Writes what a run did: commits, what is not complete and what to do about it, findings. The changes themselves are the
/// change set's to tell; here they are counted.
pub fn render_text(run: &RunDocument, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if run.counts.total() > 0 || run.baselines.is_empty() {
        writeln!(out, "{}", style.heading(&summary(&run.counts)))?;
    }
    writeln!(out, "Run {} of {}", visible(&run.run), visible(&run.org))?;
    match run.commits.as_slice() {
        [] => writeln!(out, "Nothing to commit")?,
        commits => {
            let ids: Vec<_> = commits.iter().map(|id| visible(short_commit(id))).collect();
            writeln!(out, "Committed {}", ids.join(" "))?;
        }
    }
    if run.baselines.len() > NAMED_BASELINES {
        let domains = counted(run.baselines.len() as u64, "domain", "domains");
        let entities = counted(run.baselines.values().sum(), "entity", "entities");
        writeln!(out, "Captured for the first time: {domains} with {entities}")?;
    } else {
        for (domain, count) in &run.baselines {
            writeln!(out, "Captured for the first time: {domain}, {}", counted(*count, "entity", "entities"))?;
        }
    }
    let complete = run.domains.values().filter(|domain| domain.status == RunStatus::Complete).count();
    writeln!(
        out,
        "{} of {} complete, {} in {}",
        grouped(complete as u64),
        counted(run.domains.len() as u64, "domain", "domains"),
        counted(run.requests, "request", "requests"),
        duration(run.duration_ms),
    )?;
    write_incomplete(run, out)?;
    write_findings(run, style, out)
}

/// Writes the document, indented, with a final newline.
pub fn render_json(run: &RunDocument, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(run), out)
}

/// Writes the document as one line.
pub fn render_line(run: &RunDocument, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, &v1::Document::from(run))?;
    writeln!(out)
}

fn write_incomplete(run: &RunDocument, out: &mut dyn Write) -> io::Result<()> {
    let mut rows = Vec::new();
    let mut statuses = BTreeSet::new();
    for (id, domain) in run.domains.iter().filter(|(_, domain)| domain.status != RunStatus::Complete) {
        let entities = match domain.expected {
            Some(expected) => format!("{} of {}", grouped(domain.entities), grouped(expected)),
            None => grouped(domain.entities),
        };
        let cause = domain.cause.as_deref().map_or_else(String::new, |cause| visible(cause).into_owned());
        rows.push([id.to_string(), domain.status.as_str().to_owned(), entities, cause]);
        statuses.insert(domain.status);
    }
    if rows.is_empty() {
        return Ok(());
    }
    writeln!(out, "\n{}", table(Some(["DOMAIN", "STATUS", "ENTITIES", "CAUSE"]), &rows))?;
    let steps: Vec<_> = statuses.into_iter().filter_map(|status| Some((status, next_step(status)?))).collect();
    if !steps.is_empty() {
        writeln!(out)?;
    }
    steps.iter().try_for_each(|(status, step)| writeln!(out, "{}: {step}", status.as_str()))
}

/// What to do about the domains of a status.
fn next_step(status: RunStatus) -> Option<&'static str> {
    match status {
        RunStatus::Partial => Some("what did not come stays as it was on record; the next run goes on from here"),
        RunStatus::Forbidden => {
            Some("grant the permission (`orgtrail doctor --role` prints the role), or accept it under [coverage]")
        }
        RunStatus::Absent => Some("if the organisation does not have the product, accept it under [coverage]"),
        RunStatus::Failed => Some("the last good content stays on record; the next run tries again"),
        RunStatus::Complete | RunStatus::Skipped => None,
    }
}

fn write_findings(run: &RunDocument, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for finding in &run.findings {
        let domain = finding.domain.as_ref().map(|domain| format!(" {domain}")).unwrap_or_default();
        let rule = visible(&finding.rule);
        writeln!(out, "\n{} {rule}{domain}\n  {}", style.level(finding.severity), visible(&finding.message))?;
        writeln!(out, "  {} {}", style.dimmed("remedy:"), visible(&finding.remedy))?;
    }
    Ok(())
}

fn duration(milliseconds: u64) -> String {
    match milliseconds {
        0..1_000 => format!("{milliseconds} ms"),
        1_000..60_000 => format!("{}.{} s", milliseconds / 1_000, milliseconds % 1_000 / 100),
        _ => format!("{} min {} s", grouped(milliseconds / 60_000), milliseconds % 60_000 / 1_000),
    }
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use crate::canonical::{Digest, compact};
    use crate::model::{Actor, DomainId, EntityKey, Severity, SeverityCounts, Value};
    use crate::record::{RunDocument, RunDomain, RunFinding, RunStatus};

    #[derive(Serialize)]
    pub(super) struct Document<'r> {
        schema_version: u32,
        run: &'r str,
        org: &'r str,
        commits: &'r [String],
        changed: bool,
        #[serde(skip_serializing_if = "is_false")]
        superseded: bool,
        counts: SeverityCounts,
        baselines: &'r BTreeMap<DomainId, u64>,
        requests: u64,
        duration_ms: u64,
        exit_codes: &'r [u8],
        domains: BTreeMap<&'r DomainId, Domain<'r>>,
        findings: Vec<Finding<'r>>,
    }

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
    fn is_false(flag: &bool) -> bool {
        !flag
    }

    #[derive(Serialize)]
    struct Domain<'r> {
        status: RunStatus,
        entities: u64,
        expected: Option<u64>,
        received: u64,
        pages: u64,
        requests: u64,
        #[serde(skip_serializing_if = "is_false")]
        targeted: bool,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'r str>,
    }

    #[derive(Serialize)]
    struct Finding<'r> {
        rule: &'r str,
        severity: Severity,
        entity: Option<Entity<'r>>,
        message: &'r str,
        remedy: &'r str,
        evidence: Option<Evidence<'r>>,
        fingerprint: String,
    }

    #[derive(Serialize)]
    struct Evidence<'r> {
        domain: &'r DomainId,
        #[serde(skip_serializing_if = "Option::is_none")]
        place: Option<&'r str>,
        #[serde(skip_serializing_if = "<[Actor]>::is_empty")]
        actors: &'r [Actor],
    }

    #[derive(Serialize)]
    struct Entity<'r> {
        domain: &'r DomainId,
        id: &'r EntityKey,
    }

    impl<'r> From<&'r RunDocument> for Document<'r> {
        fn from(run: &'r RunDocument) -> Self {
            Self {
                schema_version: run.schema_version,
                run: &run.run,
                org: &run.org,
                commits: &run.commits,
                changed: run.changed,
                superseded: run.superseded,
                counts: run.counts,
                baselines: &run.baselines,
                requests: run.requests,
                duration_ms: run.duration_ms,
                exit_codes: &run.exit_codes,
                domains: run.domains.iter().map(|(id, domain)| (id, Domain::from(domain))).collect(),
                findings: run.findings.iter().map(Finding::from).collect(),
            }
        }
    }

    impl<'r> From<&'r RunDomain> for Domain<'r> {
        fn from(domain: &'r RunDomain) -> Self {
            // Whoever reads why a domain is not complete finds at least the status again.
            let status = (domain.status != RunStatus::Complete).then(|| domain.status.as_str());
            Self {
                status: domain.status,
                entities: domain.entities,
                expected: domain.expected,
                received: domain.received,
                pages: domain.pages,
                requests: domain.requests,
                targeted: domain.targeted,
                cause: domain.cause.as_deref().or(status),
            }
        }
    }

    impl<'r> From<&'r RunFinding> for Finding<'r> {
        fn from(finding: &'r RunFinding) -> Self {
            let domain = finding.domain.as_ref().map_or(Value::Null, |domain| Value::from(domain.as_str()));
            let mut found = vec![Value::from(finding.rule.as_str()), domain];
            found.extend(finding.entity.as_ref().map(|entity| Value::from(entity.as_str())));
            found.extend(finding.place.as_deref().map(Value::from));
            // What was done again at another time is another finding.
            let records = finding.actors.iter().flat_map(|actor| &actor.audit_ids);
            found.extend(records.map(|id| Value::from(id.as_str())));
            let found = Value::Array(found);
            let entity = finding.domain.as_ref().zip(finding.entity.as_ref());
            let place = finding.place.as_deref();
            Self {
                rule: &finding.rule,
                severity: finding.severity,
                entity: entity.map(|(domain, id)| Entity { domain, id }),
                message: &finding.message,
                remedy: &finding.remedy,
                evidence: finding.domain.as_ref().map(|domain| Evidence { domain, place, actors: &finding.actors }),
                fingerprint: Digest::of(compact(&found).as_bytes()).short(),
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
