//! Signatures of the tool's commits: there where they have to be, and by keys that count.

use chrono::DateTime;

use super::Read;
use crate::config::Signatures;
use crate::integrity::{AllowedSigners, ChainCommit, Fault, check_signature};
use crate::model::{Evidence, Finding, Subject};
use crate::report::Signed;
use crate::session::signing::SIGNERS_FILE;
use crate::session::{Exit, Failure};
use crate::trail::CommitId;

/// Checks the signatures, and says which commits they hold for.
///
/// The first commit that is signed vouches for all before it, whose ids it is derived from; those after it have to be signed
/// themselves.
pub(super) fn check(read: &Read<'_>, allowed: Option<AllowedSigners>) -> Result<(Signed, Vec<Finding>), Failure> {
    let workspace = read.workspace;
    let is_required = workspace.config.require_signatures == Signatures::Tool;
    if is_required && allowed.as_ref().is_none_or(AllowedSigners::is_empty) {
        let message = format!("[trail] require_signatures asks for signed commits, and {SIGNERS_FILE} names no key");
        return Err(Failure::new(Exit::Usage, message).hint("put the public key there; docs/integrity.md shows how"));
    }
    let (mut findings, mut first, mut signed, mut before) = (Vec::new(), None, 0, 0);
    let mut unsigned: Vec<&(CommitId, ChainCommit)> = Vec::new();
    let is_begun = is_signed_before(read)?;
    for one in read.tools() {
        let (id, commit) = one;
        let Some(found) = workspace.trail.signature(id)? else {
            unsigned.push(one);
            continue;
        };
        if first.is_none() {
            first = Some(id.to_string());
            before = unsigned.len();
            if !is_begun {
                unsigned.clear();
            }
        }
        findings.extend(range(&std::mem::take(&mut unsigned)).filter(|_| is_required));
        signed += 1;
        if let Some(allowed) = &allowed {
            let at = DateTime::from_timestamp(commit.seconds, 0).unwrap_or_default();
            if let Err(problem) = check_signature(&found.signature, &found.content, allowed, &commit.email, at) {
                let message = format!("the signature does not count: {problem}");
                let evidence = vec![Evidence::new("problem", problem.to_string())];
                findings.push(Fault::BadSignature.finding(Subject::Commit(id.to_string()), message, evidence));
            }
        }
    }
    let is_open = first.is_none() || !unsigned.is_empty();
    findings.extend(range(&unsigned).filter(|_| is_required));
    let is_bad = findings.iter().any(|finding| Fault::from_id(&finding.rule) == Some(Fault::BadSignature));
    let count = |commits: usize| u64::try_from(commits).unwrap_or(u64::MAX);
    let told = match (first, allowed) {
        (None, _) => Signed::No,
        (Some(_), None) => Signed::Unchecked { commits: signed },
        (Some(from), Some(_)) if !is_open && !is_bad && findings.is_empty() => {
            Signed::Yes { from, commits: signed, before: count(before) }
        }
        (Some(_), Some(_)) => Signed::Partly { commits: signed },
    };
    Ok((told, findings))
}

/// Whether a commit of the tool was signed before those that are looked at.
fn is_signed_before(read: &Read<'_>) -> Result<bool, Failure> {
    let trail = &read.workspace.trail;
    let base = read.base.as_ref().and_then(|base| base.id.parse::<CommitId>().ok());
    for commit in base.iter().flat_map(|base| trail.first_parents(base)) {
        // What cannot be read is told where it is looked at.
        let Ok(commit) = commit else { break };
        if crate::session::kind(&commit).is_some() && trail.signature(&commit.id)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One finding for commits of the tool that follow each other and are not signed.
fn range(unsigned: &[&(CommitId, ChainCommit)]) -> impl Iterator<Item = Finding> {
    let found = unsigned.first().zip(unsigned.last()).map(|((from, _), (to, _))| {
        let message = match unsigned.len() {
            1 => format!("the commit {} of orgtrail is not signed", to.short()),
            many => format!("{many} commits of orgtrail, from {} to {}, are not signed", from.short(), to.short()),
        };
        let evidence = vec![Evidence::new("from", from.to_string()), Evidence::new("to", to.to_string())];
        Fault::Unsigned.finding(Subject::Commit(to.to_string()), message, evidence)
    });
    found.into_iter()
}
