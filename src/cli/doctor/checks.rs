//! What stands between this machine and a complete snapshot, checked one by one.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::super::print::Plain;
use super::super::ui::Ui;
use super::super::{Exit, Exits, Failure, runtime};
use crate::canonical::value_of;
use crate::capture::{AuditLog, Refused, Selection, TroubleKind, org_of, probe};
use crate::catalogue::{Domain, Under};
use crate::config::Environment;
use crate::genesys::{Client, SystemClock};
use crate::record::Archive;
use crate::session::{CommitTree, RecordingFact, Workspace, archive, client, recording};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warning,
    Failed,
}

#[derive(Debug, Serialize)]
struct Check {
    #[serde(rename = "check")]
    name: String,
    status: Status,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

#[derive(Serialize)]
struct Document {
    schema_version: u32,
    checks: Vec<Check>,
}

pub(super) fn run(selection: &Selection, format: Plain, workspace: &Workspace, ui: &Ui) -> Result<Exits, Failure> {
    let mut exits = Exits::default();
    let checks = runtime()?.block_on(examine(workspace, selection, &mut exits, ui))?;
    ui.pause();
    let mut out = Vec::new();
    match format {
        Plain::Json => {
            let document = Document { schema_version: 1, checks };
            out = serde_json::to_vec_pretty(&document).map_err(|error| Failure::of(Exit::Internal, &error))?;
            out.push(b'\n');
        }
        Plain::Text | Plain::Markdown => {
            for check in &checks {
                let tag = match check.status {
                    Status::Ok => "ok      ",
                    Status::Warning => "warning ",
                    Status::Failed => "failed  ",
                };
                out.extend_from_slice(format!("{tag} {}: {}\n", check.name, check.message).as_bytes());
                if let Some(hint) = &check.hint {
                    out.extend_from_slice(format!("         {hint}\n").as_bytes());
                }
            }
        }
    }
    ui.data(&out)?;
    Ok(exits)
}

async fn examine(
    workspace: &Workspace,
    selection: &Selection,
    exits: &mut Exits,
    ui: &Ui,
) -> Result<Vec<Check>, Failure> {
    let environment = Environment::of_process();
    let mut checks = vec![secrets_key(&environment, exits), remote(workspace, exits)?];
    let connection = match environment.connection(&workspace.config) {
        Ok(connection) => connection,
        Err(error) => {
            let failure = Failure::from(error);
            exits.add(failure.exit);
            checks.push(failed("credentials", failure.message, failure.hint));
            return Ok(checks);
        }
    };
    checks.push(ok("hosts", format!("{} and {}", connection.hosts.api(), connection.hosts.login())));
    let client = client(workspace, connection, Arc::new(SystemClock::new()), None)?;
    let archive = archive(workspace, workspace.tip()?)?;
    match org_of(&client).await {
        Ok(org) => {
            checks.push(ok("credentials", "the login accepts them".to_owned()));
            checks.push(organisation(&archive, &org, exits));
            checks.push(rate(&client));
        }
        Err(error) => {
            let failure = Failure::from(error);
            exits.add(failure.exit);
            checks.push(failed("credentials", failure.message, failure.hint));
            return Ok(checks);
        }
    }
    checks.push(audits(workspace, &client).await);
    checks.extend(execution_data(workspace)?);
    checks.extend(permissions(workspace, selection, &client, &archive, exits, ui).await);
    Ok(checks)
}

fn secrets_key(environment: &Environment, exits: &mut Exits) -> Check {
    match environment.secret_key() {
        Ok(key) => ok("secrets key", format!("its id is {}", key.id())),
        Err(error) => {
            let failure = Failure::from(error);
            exits.add(failure.exit);
            failed("secrets key", failure.message, failure.hint)
        }
    }
}

fn remote(workspace: &Workspace, exits: &mut Exits) -> Result<Check, Failure> {
    let name = &workspace.config.remote;
    if !workspace.trail.has_remote(name)? {
        return Ok(Check {
            name: "remote".to_owned(),
            status: Status::Warning,
            message: format!("there is no remote {name:?}: the history is on this machine alone"),
            hint: Some(format!("`git remote add {name} URL` names one")),
        });
    }
    Ok(match workspace.trail.try_remote(name) {
        Ok(()) => ok("remote", format!("{name:?} can be reached")),
        Err(error) => {
            let failure = Failure::from(error);
            exits.add(failure.exit);
            failed("remote", failure.message, failure.hint)
        }
    })
}

fn organisation(archive: &Archive<CommitTree<'_>>, org: &str, exits: &mut Exits) -> Check {
    match archive.ledger() {
        Some(ledger) if ledger.org != org => {
            exits.add(Exit::Integrity);
            let message = format!("the trail belongs to {}, the credentials to {org}", ledger.org);
            failed("organisation", message, Some("use one trail for each organisation".to_owned()))
        }
        Some(_) => ok("organisation", format!("{org}, the one of the trail")),
        None => ok("organisation", format!("{org}; the first snapshot ties the trail to it")),
    }
}

fn rate(client: &Client) -> Check {
    let message = match client.rate() {
        Some(rate) => format!("{} requests a minute are allowed, of which a run uses {}", rate.allowed, rate.used),
        None => "the API told none".to_owned(),
    };
    ok("rate limit", message)
}

/// Whether a run can tell who made a change.
async fn audits(workspace: &Workspace, client: &Client) -> Check {
    if !workspace.config.audits {
        return ok("audit log", "it is not asked: `audits = false` under [attribution]".to_owned());
    }
    match AuditLog::new(client).services().await {
        Ok(services) => {
            let covered = workspace.catalogue.iter().filter(|domain| services.cover(domain)).count();
            let services = services.names().count();
            ok("audit log", format!("it tells who made a change: {services} services, {covered} domains"))
        }
        Err(trouble) => Check {
            name: "audit log".to_owned(),
            status: Status::Warning,
            message: format!("nobody will be named behind a change: {}", trouble.cause),
            hint: Some(
                "grant audits:audit:view to a role of the OAuth client, or set `audits = false` under [attribution]"
                    .to_owned(),
            ),
        },
    }
}

/// Whether and how much is recorded of what flows do.
fn execution_data(workspace: &Workspace) -> Result<Vec<Check>, Failure> {
    let check = |RecordingFact { message, remedy }: RecordingFact| Check {
        name: "execution data".to_owned(),
        status: if remedy.is_some() { Status::Warning } else { Status::Ok },
        message,
        hint: remedy,
    };
    Ok(recording(workspace)?.into_iter().map(check).collect())
}

/// Asks for the smallest page of each domain, under one parent on record where it is listed per parent.
async fn permissions(
    workspace: &Workspace,
    selection: &Selection,
    client: &Client,
    archive: &Archive<CommitTree<'_>>,
    exits: &mut Exits,
    ui: &Ui,
) -> Vec<Check> {
    let domains: Vec<&Domain> = selection.0.iter().filter_map(|id| workspace.catalogue.get(id)).collect();
    ui.begin(domains.len(), "asking");
    let mut checks = Vec::new();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut unasked: Vec<&str> = Vec::new();
    for domain in domains {
        ui.step(domain.id.as_str());
        let under = under(domain, archive);
        if domain.source.parent.is_some() && under.is_none() {
            unasked.push(domain.id.as_str());
            continue;
        }
        let Some(pass) = domain.source.passes.first() else { continue };
        let Err(refused) = probe(client, domain, under.as_ref(), pass, 1).await else { continue };
        let is_gone = under.is_some() && refused.trouble.kind == TroubleKind::Absent;
        if is_gone {
            // The parent on record may have been deleted since; that says nothing of the domain.
            continue;
        }
        if !workspace.config.accept.is_match(&domain.id) {
            exits.add(Exit::Partial);
        }
        match refused.trouble.kind {
            TroubleKind::Forbidden => missing.entry(needed(domain, refused)).or_default().push(domain.id.to_string()),
            kind => checks.push(unread(domain, kind, refused.trouble.cause)),
        }
    }
    if !unasked.is_empty() {
        let message = format!("not asked, as no parent of theirs is on record: {}", unasked.join(", "));
        checks.insert(0, ok("permissions", message));
    }
    if missing.is_empty() {
        checks.insert(0, ok("permissions", "every domain that was asked for can be read".to_owned()));
    }
    for (permission, domains) in missing {
        let message = format!("{permission} is missing; it costs {}", domains.join(", "));
        let hint =
            format!("grant it to a role of the OAuth client, or {}", accept_line(domains.iter().map(String::as_str)));
        checks.push(failed("permissions", message, Some(hint)));
    }
    checks
}

/// The first listing that there is under a parent on record.
fn under(domain: &Domain, archive: &Archive<CommitTree<'_>>) -> Option<Under> {
    let parents = archive.domain(domain.source.parent.as_ref()?).ok()??;
    let mut listings =
        parents.entities.iter().flat_map(|(key, text)| domain.source.listings_under(key, &value_of(text)));
    listings.next()
}

fn needed(domain: &Domain, refused: Refused) -> String {
    let source = &domain.source;
    let permissions = if refused.permissions.is_empty() { source.permission.clone() } else { refused.permissions };
    match permissions.as_slice() {
        [] => "a permission that the API does not name".to_owned(),
        permissions => permissions.join(source.permission_mode.conjunction()),
    }
}

fn unread(domain: &Domain, kind: TroubleKind, cause: String) -> Check {
    let is_absent = kind == TroubleKind::Absent;
    Check {
        name: domain.id.to_string(),
        status: if is_absent { Status::Warning } else { Status::Failed },
        message: if is_absent { "the organisation does not have it".to_owned() } else { cause },
        hint: is_absent.then(|| accept_line([domain.id.as_str()])),
    }
}

/// The line of orgtrail.toml that accepts the loss of domains.
fn accept_line<'d>(domains: impl IntoIterator<Item = &'d str>) -> String {
    let names: Vec<String> = domains.into_iter().map(|domain| format!("{domain:?}")).collect();
    format!("accept it with `accept = [{}]` under [coverage]", names.join(", "))
}

fn ok(name: &str, message: String) -> Check {
    Check { name: name.to_owned(), status: Status::Ok, message, hint: None }
}

fn failed(name: &str, message: String, hint: Option<String>) -> Check {
    Check { name: name.to_owned(), status: Status::Failed, message, hint }
}
