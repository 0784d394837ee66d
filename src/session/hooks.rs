//! What git asks before it commits, pushes or takes a push.

use std::path::{Path, PathBuf};

use super::exit::Exit;
use super::failure::Failure;
use super::own_domains::catalogue;
use super::sealing::REVEALS_REF;
use super::signing::{SIGNERS_FILE, signers};
use super::verify::{VerifyOptions, verify_alone};
use super::workspace::{CONFIG_FILE, Workspace};
use crate::canonical::Scan;
use crate::config::Config;
use crate::integrity::{AllowedSigners, Fault};
use crate::model::{Finding, Subject};
use crate::record::{LEDGER_PATH, SNAPSHOT_DIR};
use crate::trail::{CommitId, Hooks, StagedFile, Trail, trailers_of};

/// The hooks of a trail that people work in.
const CLIENT: [(&str, &str); 3] = [
    ("pre-commit", include_str!("../../hooks/pre-commit")),
    ("commit-msg", include_str!("../../hooks/commit-msg")),
    ("pre-push", include_str!("../../hooks/pre-push")),
];

/// The hooks of a repository that others push to.
const SERVER: [(&str, &str); 1] = [("pre-receive", include_str!("../../hooks/pre-receive"))];

/// Trailers that begin like this are the tool's.
const OWN_TRAILERS: [&str; 2] = ["orgtrail-", "genesys-"];

/// Files above this many bytes are not text that somebody wrote.
const LARGEST_TEXT: usize = 1 << 20;

/// Most findings that are told where there are many.
const TOLD: usize = 10;

/// How git calls a hook.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// The arguments.
    pub arguments: Vec<String>,
    /// What git writes to it.
    pub input: String,
    /// Where git has staged what it is about to commit, if not in the usual place.
    pub index: Option<PathBuf>,
    /// Where git keeps what is being pushed until it is taken.
    pub quarantine: Option<PathBuf>,
    /// The present.
    pub now: chrono::DateTime<chrono::Utc>,
}

/// One reference that somebody wants to move.
struct Push {
    reference: String,
    old: Option<CommitId>,
    new: Option<CommitId>,
}

/// Puts hooks where git looks for them: those for a server into a bare repository.
///
/// # Errors
/// [`Failure`] where they cannot be written.
pub fn install_hooks(trail: &Trail) -> Result<(Vec<&'static str>, Hooks), Failure> {
    let scripts: &[(&'static str, &'static str)] = if trail.is_bare() { &SERVER } else { &CLIENT };
    Ok((scripts.iter().map(|(name, _)| *name).collect(), trail.install_hooks(scripts)?))
}

/// Answers a hook in a folder.
///
/// # Errors
/// [`Failure`] where git must not go on, and why.
pub fn answer_hook(dir: &Path, name: &str, call: &Call) -> Result<(), Failure> {
    match name {
        "pre-commit" => in_trail(dir, |workspace| pre_commit(&workspace, call)),
        "commit-msg" => in_trail(dir, |_| commit_msg(dir, call)),
        "pre-push" => in_trail(dir, |workspace| {
            let pushes = lines(&call.input).map(|[_, local, remote, theirs]| push(remote, theirs, local));
            pushes.collect::<Result<Vec<_>, _>>()?.iter().try_for_each(|push| allow(&workspace, push, None, call))
        }),
        "pre-receive" => {
            let pushes = lines(&call.input).map(|[old, new, reference]| push(reference, old, new));
            receive(dir, &pushes.collect::<Result<Vec<_>, _>>()?, call)
        }
        "update" => {
            let [reference, old, new] = call.arguments.as_slice() else {
                return Err(Failure::new(Exit::Usage, "the hook update takes a reference and two commits"));
            };
            receive(dir, &[push(reference, old, new)?], call)
        }
        other => {
            let message = format!("there is no hook {other:?}");
            Err(Failure::new(Exit::Usage, message)
                .hint("there are pre-commit, commit-msg, pre-push, pre-receive and update"))
        }
    }
}

/// Does something in a trail; what is checked out of it before it became one, or beside it, is nobody's business.
fn in_trail(dir: &Path, check: impl FnOnce(Workspace) -> Result<(), Failure>) -> Result<(), Failure> {
    if !dir.join(CONFIG_FILE).exists() {
        return Ok(());
    }
    check(Workspace::open(dir, None)?)
}

fn pre_commit(workspace: &Workspace, call: &Call) -> Result<(), Failure> {
    let staged = workspace.trail.staged(call.index.as_deref())?;
    let (inside, outside): (Vec<StagedFile>, Vec<StagedFile>) =
        staged.into_iter().partition(|file| is_inside(&file.path));
    for file in &inside {
        if !is_made_by_tool(workspace, file)? {
            let message = format!("{} was edited by hand; only orgtrail writes under {SNAPSHOT_DIR}/", file.path);
            let hint = format!(
                "`git restore --staged --worktree {SNAPSHOT_DIR}` undoes it; the next snapshot puts changes on record"
            );
            return Err(Failure::new(Exit::Integrity, message).hint(hint));
        }
    }
    for file in &outside {
        let Some(content) = &file.content else { continue };
        let bytes = workspace.trail.blob(content)?;
        if let Some((line, rule)) = secret_in(&workspace.scan, &bytes) {
            let place = line.map(|line| format!(":{line}")).unwrap_or_default();
            let message = format!("{}{place} looks like a secret (rule {rule})", file.path);
            let hint = "take it out, as git does not forget; `git commit --no-verify` commits it where it is none";
            return Err(Failure::new(Exit::HeldBack, message).hint(hint));
        }
    }
    Ok(())
}

fn is_inside(path: &str) -> bool {
    path.strip_prefix(SNAPSHOT_DIR).is_some_and(|rest| rest.starts_with('/'))
}

/// Whether a file under `snapshot/` is one that a branch has, here or as it was last seen on a remote: which of them is the tool's
/// cannot be told where another one is checked out, and whoever takes the push knows.
fn is_made_by_tool(workspace: &Workspace, file: &StagedFile) -> Result<bool, Failure> {
    let trail = &workspace.trail;
    for tip in trail.branch_tips()? {
        if file.content.is_some() && trail.tree_entry(&tip, &file.path)? == file.content.map(Into::into) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The line of a text in which there is a secret, where it is in one, and the rule that found it.
fn secret_in(scan: &Scan, bytes: &[u8]) -> Option<(Option<usize>, &'static str)> {
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= LARGEST_TEXT)?;
    let in_line = text.lines().enumerate().find_map(|(index, line)| Some((Some(index + 1), scan.rule_in(line)?)));
    in_line.or_else(|| Some((None, scan.rule_in(text)?)))
}

fn commit_msg(dir: &Path, call: &Call) -> Result<(), Failure> {
    let Some(file) = call.arguments.first() else {
        return Err(Failure::new(Exit::Usage, "the hook commit-msg takes the file of a message"));
    };
    let path = dir.join(file);
    let text = std::fs::read(&path)
        .map_err(|error| Failure::new(Exit::Upstream, format!("could not read {}: {error}", path.display())))?;
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let is_own = |name: &str| OWN_TRAILERS.iter().any(|own| name.to_ascii_lowercase().starts_with(own));
    match trailers_of(&lines.join("\n")).into_iter().find(|(name, _)| is_own(name)) {
        None => Ok(()),
        Some((name, _)) => {
            let message = format!("the message has the trailer {name}, which only orgtrail writes");
            Err(Failure::new(Exit::Integrity, message).hint("leave it out; a copied message brings it along"))
        }
    }
}

/// Decides on all that is pushed to a bare repository, before any of it is taken.
fn receive(dir: &Path, pushes: &[Push], call: &Call) -> Result<(), Failure> {
    let trail = Trail::open(dir)?;
    let head = trail.head_branch()?;
    let is_unborn = head.as_deref().map(|head| trail.tip(head)).transpose()?.flatten().is_none();
    let quarantine: Vec<PathBuf> = call.quarantine.iter().cloned().collect();
    let workspace = if is_unborn {
        // The first push brings the settings along.
        trail.look_in(&quarantine)?;
        let first = pushes.iter().find(|push| head.as_ref().is_some_and(|head| push.reference == branch_ref(head)));
        let Some(new) = first.and_then(|push| push.new) else { return Ok(()) };
        first_workspace(trail, head.unwrap_or_default(), &new)?
    } else {
        let workspace = Workspace::open(dir, None)?;
        workspace.trail.look_in(&quarantine)?;
        Some(workspace)
    };
    let Some(workspace) = workspace else { return Ok(()) };
    // Whose keys count is said by what is here already, not by what is pushed.
    let own = branch_ref(&workspace.branch);
    let old = pushes.iter().find(|push| push.reference == own).and_then(|push| push.old.or(push.new));
    let allowed = old.map(|old| workspace.trail.file(&old, SIGNERS_FILE)).transpose()?.flatten();
    let allowed = allowed.map(|bytes| signers(&String::from_utf8_lossy(&bytes))).transpose()?;
    pushes.iter().try_for_each(|push| allow(&workspace, push, allowed.as_ref(), call))
}

/// A trail as the first commits that are pushed make it; `None` where they make none.
fn first_workspace(trail: Trail, head: String, new: &CommitId) -> Result<Option<Workspace>, Failure> {
    let Some(text) = trail.file(new, CONFIG_FILE)? else { return Ok(None) };
    let catalogue = catalogue()?;
    let config = Config::parse(CONFIG_FILE, &String::from_utf8_lossy(&text), &catalogue);
    // A pattern may name a domain of the trail's own, which are not read here.
    let config = config.unwrap_or_default();
    let scan = Scan::built_in().map_err(|error| Failure::of(Exit::Internal, &error))?;
    let branch = config.branch.clone().unwrap_or(head);
    Ok(Some(Workspace { trail, branch, catalogue, config, scan }))
}

/// Lets a reference move, or says why not. The trail's branch and the log of reveals are guarded: heartbeat and notes are replaced,
/// and other branches are the users' own.
fn allow(workspace: &Workspace, push: &Push, allowed: Option<&AllowedSigners>, call: &Call) -> Result<(), Failure> {
    let Workspace { trail, branch, .. } = workspace;
    let refuse = |message: String| Failure::new(Exit::Integrity, message);
    if push.reference == REVEALS_REF {
        let grows = match (push.old, push.new) {
            (None, _) => true,
            (Some(old), Some(new)) => trail.is_ancestor(&old, &new)?,
            (Some(_), None) => false,
        };
        let message = "the log of who opened secrets is only added to";
        return if grows { Ok(()) } else { Err(refuse(message.to_owned()).hint("fetch it first")) };
    }
    if push.reference != branch_ref(branch) {
        return Ok(());
    }
    let Some(new) = push.new else {
        return Err(refuse(format!("{branch} holds the history of the organisation and is not deleted")));
    };
    if let Some(old) = push.old {
        if !trail.has_commit(&old)? {
            let message = format!("the remote's {branch} is at {}, which is not known here", old.short());
            return Err(refuse(message).hint("fetch first"));
        }
        if !trail.is_ancestor(&old, &new)? {
            let message = format!(
                "{} does not build on {}: the history of {branch} is never rewritten",
                new.short(),
                old.short()
            );
            return Err(refuse(message).hint("bring both together with git, or drop the new commits"));
        }
    }
    let options = VerifyOptions { until: Some(new), since: push.old, max_gap: None, now: call.now };
    let findings = verify_alone(workspace, &options, allowed)?;
    let broken: Vec<&Finding> =
        findings.iter().filter(|finding| Fault::from_id(&finding.rule).is_some_and(Fault::breaks_integrity)).collect();
    if broken.is_empty() {
        return Ok(());
    }
    let line = |finding: &&Finding| {
        let about = match &finding.subject {
            Subject::Commit(commit) => format!(" {}", commit.get(..12).unwrap_or(commit)),
            _ => String::new(),
        };
        format!("{}{about}: {}", finding.rule, one_line(&finding.message))
    };
    let mut lines: Vec<String> = broken.iter().take(TOLD).map(line).collect();
    if broken.len() > TOLD {
        lines.push(format!("… and {} more", broken.len() - TOLD));
    }
    let hint = format!("only orgtrail writes under {SNAPSHOT_DIR}/, and {LEDGER_PATH} says what is there");
    Err(refuse(lines.join("\n")).hint(hint))
}

/// Names come from whoever made the commits.
fn one_line(text: &str) -> String {
    text.chars().flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] }).collect()
}

fn branch_ref(branch: &str) -> String {
    format!("refs/heads/{branch}")
}

/// Lines of so many words each; others are not git's.
fn lines<const WORDS: usize>(input: &str) -> impl Iterator<Item = [&str; WORDS]> {
    input.lines().filter_map(|line| line.split_whitespace().collect::<Vec<_>>().try_into().ok())
}

fn push(reference: &str, old: &str, new: &str) -> Result<Push, Failure> {
    // A name of zeros stands for nothing.
    let commit = |id: &str| -> Result<Option<CommitId>, Failure> {
        if id.bytes().all(|digit| digit == b'0') {
            return Ok(None);
        }
        id.parse().map(Some).map_err(|error| Failure::of(Exit::Usage, &error))
    };
    Ok(Push { reference: reference.to_owned(), old: commit(old)?, new: commit(new)? })
}
