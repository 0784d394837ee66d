//! Who may do what at a revision, what of it is a finding, and what became of it between two revisions.

use super::exit::Exit;
use super::failure::Failure;
use super::places::place_findings;
use super::revision::no_snapshot;
use super::run::endpoint;
use super::workspace::{CommitTree, Workspace, archive, settings_file};
use crate::audit::rbac::{Access, Answer, Baseline, Division, Drift, Model, Rules, Source, Sources, drift, find};
use crate::model::DomainId;
use crate::record::{Archive, roots_of};
use crate::report::Findings;
use crate::report::access::Told;
use crate::report::access_drift::AccessDrift;
use crate::trail::CommitId;

/// The user's permissions and rules of who may do what.
pub const RBAC_FILE: &str = "rbac.toml";

/// Who may do what at a commit.
///
/// # Errors
/// [`Failure`] where the state cannot be read.
pub fn access(workspace: &Workspace, at: CommitId) -> Result<Told, Failure> {
    let model = model()?;
    let access = resolve(workspace, &model, at)?;
    Ok(Told { access, at: endpoint(workspace, at)? })
}

/// What of who may do what at a commit is a finding.
///
/// # Errors
/// [`Failure`] where the state or the user's rules cannot be read.
pub fn audit_rbac(workspace: &Workspace, at: CommitId) -> Result<Findings, Failure> {
    let (model, rules) = (model()?, rbac_rules(workspace)?);
    let found = resolve(workspace, &model, at)?;
    let first = first_state(workspace, &at, model.roles_domain())?;
    let earlier = match first.filter(|first| *first != at) {
        Some(first) => Some((endpoint(workspace, first)?.taken_at, resolve(workspace, &model, first)?)),
        None => None,
    };
    let baseline = earlier.as_ref().map(|(at, access)| Baseline { access, at: format!("the state of {at}") });
    let findings = find(&found, &model, &rules, baseline.as_ref());
    let findings = place_findings(workspace, &at, findings)?;
    Ok(Findings::arranged("Who may do what", Some(endpoint(workspace, at)?), findings))
}

/// What became of who may do what between two commits. Where the domains that decide it are the same by their digests, nothing
/// else is read.
///
/// # Errors
/// [`Failure`] where a state or the user's rules cannot be read.
pub fn rbac_drift(workspace: &Workspace, from: CommitId, to: CommitId) -> Result<AccessDrift, Failure> {
    let (model, rules) = (model()?, rbac_rules(workspace)?);
    let (before, after) = (archive(workspace, Some(from))?, archive(workspace, Some(to))?);
    let found = if is_same(&model, &before, &after) {
        Drift::default()
    } else {
        let (old, new) = (sources(&model, &before)?, sources(&model, &after)?);
        drift(&model, &workspace.catalogue, &rules, (&old, &before), (&new, &after))
    };
    let findings = place_findings(workspace, &to, found.findings())?;
    Ok(AccessDrift {
        from: endpoint(workspace, from)?,
        to: endpoint(workspace, to)?,
        drift: found,
        findings,
        left_out: None,
    })
}

/// The rules of who may do what that are in force.
///
/// # Errors
/// [`Failure`] with every problem of the user's file.
pub fn rbac_rules(workspace: &Workspace) -> Result<Rules, Failure> {
    let text = settings_file(&workspace.trail, Some(&workspace.branch), None, RBAC_FILE)?;
    let Some(text) = text else {
        return Rules::built_in().map_err(|problems| Failure::new(Exit::Internal, problems.join("\n")));
    };
    Rules::with_user(RBAC_FILE, &text)
        .map_err(|problems| Failure::new(Exit::Usage, problems.join("\n")).hint("`orgtrail config check` checks again"))
}

/// The division that a command names; absent where it names none.
///
/// # Errors
/// [`Failure`] where nothing, or more than one, is called that.
pub fn asked_division(access: &Access, text: Option<&str>) -> Result<Option<Division>, Failure> {
    let Some(text) = text else { return Ok(None) };
    let found = access.division_called(text).map_err(|answer| not_one("division", text, &answer))?;
    Ok(Some(found))
}

/// The principal that a command names.
///
/// # Errors
/// [`Failure`] where nothing, or more than one, is called that.
pub fn asked_principal(access: &Access, text: &str) -> Result<usize, Failure> {
    match access.principal_called(text) {
        Answer::One(index) => Ok(index),
        answer => Err(not_one("user, group or program", text, &answer)),
    }
}

fn not_one(what: &str, text: &str, answer: &Answer) -> Failure {
    match answer {
        Answer::Several(ids) => {
            let failure = Failure::new(Exit::Usage, format!("more than one {what} is called {text:?}"));
            failure.hint(format!("name it by its id: {}", ids.join(", ")))
        }
        Answer::None(Some(nearest)) => {
            let failure = Failure::new(Exit::Usage, format!("no {what} has the name or id {text:?} in this state"));
            failure.hint(format!("did you mean {nearest:?}?"))
        }
        _ => Failure::new(Exit::Usage, format!("no {what} has the name or id {text:?} in this state"))
            .hint("`orgtrail audit rbac --access` prints all that hold a role"),
    }
}

fn model() -> Result<Model, Failure> {
    Model::built_in().map_err(|problem| Failure::new(Exit::Internal, problem))
}

fn resolve(workspace: &Workspace, model: &Model, at: CommitId) -> Result<Access, Failure> {
    let state = archive(workspace, Some(at))?;
    if state.ledger().is_none() {
        return Err(no_snapshot());
    }
    Ok(Access::resolve(model, &workspace.catalogue, &sources(model, &state)?, &state))
}

fn sources(model: &Model, state: &Archive<CommitTree<'_>>) -> Result<Sources, Failure> {
    let mut sources = Sources::new();
    for domain in model.domains() {
        let entry = state.ledger().and_then(|ledger| ledger.domains.get(&domain));
        let source = Source::of(entry, state.domain(&domain)?);
        sources.insert(domain, source);
    }
    Ok(sources)
}

/// Whether all that decides who may do what is known to be the same in two states.
fn is_same(model: &Model, before: &Archive<CommitTree<'_>>, after: &Archive<CommitTree<'_>>) -> bool {
    let entry = |state: &Archive<CommitTree<'_>>, domain: &DomainId| {
        let entry = state.ledger()?.domains.get(domain)?;
        Some((entry.digest.clone(), entry.baseline_under_way, entry.status))
    };
    model.domains().iter().all(|domain| {
        let (old, new) = (entry(before, domain), entry(after, domain));
        let is_settled = |entry: &(Option<String>, bool, _)| !entry.1 || entry.0.is_some();
        old == new && old.as_ref().is_none_or(is_settled)
    })
}

/// The first commit up to another that has a domain on record.
fn first_state(workspace: &Workspace, at: &CommitId, domain: &DomainId) -> Result<Option<CommitId>, Failure> {
    let mut walk = workspace.trail.path_walk(at)?;
    for root in roots_of(domain) {
        walk.watch(&root)?;
    }
    let mut first = None;
    while let Some(turn) = walk.next_turn(None)? {
        first = Some(turn.commit);
    }
    Ok(first)
}
