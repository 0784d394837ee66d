//! The acknowledgements of a trail, and what they are about.

use std::path::Path;

use chrono::NaiveDate;

use super::exit::Exit;
use super::failure::Failure;
use super::workspace::Workspace;
use crate::model::{DomainId, Finding, Subject};
use crate::policy::{Acks, Candidate, ClassifiedChange, Matched};
use crate::report::{ChangeSet, Findings};

/// The folder that holds them.
pub const ACKS_DIR: &str = "acks";

/// Reads the acknowledgements of a trail: those of the working tree, in a bare repository those of the branch.
///
/// # Errors
/// [`Failure`] where a file cannot be read or used, with every problem at its line.
pub fn acks(workspace: &Workspace) -> Result<Acks, Failure> {
    let files = match workspace.trail.workdir() {
        Some(dir) => in_folder(&dir.join(ACKS_DIR))?,
        None => committed(workspace)?,
    };
    Acks::read(&files).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Usage, lines.join("\n")).hint("`orgtrail ack gen` writes acknowledgements that can be used")
    })
}

/// A change set with what is acknowledged in it on a day.
///
/// # Errors
/// [`Failure`] where the acknowledgements cannot be read.
pub fn acknowledge(workspace: &Workspace, set: ChangeSet, today: NaiveDate) -> Result<ChangeSet, Failure> {
    let acks = acks(workspace)?;
    let matched = matched(&acks, &set, today);
    Ok(ChangeSet { acknowledged: matched.acknowledged, ..set })
}

/// Findings with what is acknowledged among them on a day.
///
/// # Errors
/// [`Failure`] where the acknowledgements cannot be read.
pub fn acknowledge_findings(workspace: &Workspace, found: Findings, today: NaiveDate) -> Result<Findings, Failure> {
    let matched = acks(workspace)?.matching(found.findings.iter().map(candidate), today);
    let seen =
        |finding: Finding| Finding { acknowledged: matched.acknowledged.get(&finding.fingerprint).cloned(), ..finding };
    Ok(Findings { findings: found.findings.into_iter().map(seen).collect(), ..found })
}

/// What is wrong with the acknowledgements, given the changes and the findings of checks that they are to be about.
///
/// # Errors
/// [`Failure`] where they cannot be read.
pub fn check_acks(
    workspace: &Workspace,
    set: &ChangeSet,
    findings: &[Finding],
    today: NaiveDate,
) -> Result<Findings, Failure> {
    let acks = acks(workspace)?;
    let changes = set.changes.iter().flat_map(candidates);
    let matched = acks.matching(changes.chain(findings.iter().map(candidate)), today);
    Ok(Findings::arranged("Acknowledgements", set.to.clone(), acks.findings(&matched, today)))
}

fn matched(acks: &Acks, set: &ChangeSet, today: NaiveDate) -> Matched {
    acks.matching(set.changes.iter().flat_map(candidates), today)
}

/// A change as a whole, and each of its fields.
fn candidates(classified: &ClassifiedChange) -> impl Iterator<Item = Candidate<'_>> {
    let ClassifiedChange { change, name, judgement, fields, fingerprint, .. } = classified;
    let whole = Candidate {
        fingerprint,
        rule: &judgement.rule,
        domain: Some(change.domain.as_str()),
        entity: [Some(change.key.as_str()), name.as_deref()],
        path: None,
    };
    let of_fields = fields.iter().map(move |field| Candidate {
        fingerprint: &field.fingerprint,
        rule: &field.judgement.rule,
        path: Some(&field.field.path),
        ..whole
    });
    std::iter::once(whole).chain(of_fields)
}

/// A finding of a check.
fn candidate(finding: &Finding) -> Candidate<'_> {
    let (entity, path) = match &finding.subject {
        Subject::Entity { key, name, path, .. } => ([Some(key.as_str()), name.as_deref()], path.as_ref()),
        Subject::Commit(text) | Subject::File(text) => ([Some(text.as_str()), None], None),
        Subject::Trail | Subject::Domain(_) => ([None, None], None),
    };
    let domain = finding.subject.domain().map(DomainId::as_str);
    Candidate { fingerprint: &finding.fingerprint, rule: &finding.rule, domain, entity, path }
}

fn in_folder(folder: &Path) -> Result<Vec<(String, String)>, Failure> {
    let unreadable = |path: &Path, error: &std::io::Error| {
        Failure::new(Exit::Usage, format!("could not read {}: {error}", path.display()))
    };
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| unreadable(folder, &error))?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_meant(&name) {
            let text = std::fs::read_to_string(entry.path()).map_err(|error| unreadable(&entry.path(), &error))?;
            files.push((format!("{ACKS_DIR}/{name}"), text));
        }
    }
    files.sort();
    Ok(files)
}

fn committed(workspace: &Workspace) -> Result<Vec<(String, String)>, Failure> {
    let Some(tip) = workspace.tip()? else { return Ok(Vec::new()) };
    let mut files = Vec::new();
    for (path, blob) in workspace.trail.files_under(&tip, ACKS_DIR)? {
        if path.rsplit('/').next().is_some_and(is_meant) {
            let text = String::from_utf8(workspace.trail.blob(&blob)?);
            let text = text.map_err(|_| Failure::new(Exit::Usage, format!("{path} is not UTF-8")))?;
            files.push((path, text));
        }
    }
    Ok(files)
}

fn is_meant(name: &str) -> bool {
    !name.starts_with('.') && Path::new(name).extension().is_some_and(|extension| extension == "toml")
}
