//! `orgtrail doctor`

use std::collections::BTreeMap;
use std::sync::Arc;

use clap::Args;
use serde::Serialize;

use super::args::{Format, Global};
use super::ui::Ui;
use super::{Exit, Exits, Failure, open};
use crate::capture::org_of;
use crate::catalogue::{Domain, Paging};
use crate::config::Environment;
use crate::genesys::{Client, FetchError, Get, SystemClock};
use crate::session::Workspace;
use crate::session::{client, profile};

/// Check credentials, organisation, permissions, secrets key and remote
///
/// Sends one small request per domain that has a listing of its own, and writes nothing. Names each missing permission with the
/// domains that it costs, and the line of orgtrail.toml that accepts the loss.
#[derive(Debug, Args)]
pub(super) struct DoctorArgs {}

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

pub(super) fn run(_args: &DoctorArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let mut exits = Exits::default();
    let checks = super::runtime()?.block_on(examine(&workspace, &mut exits, ui))?;
    ui.pause();
    let mut out = Vec::new();
    match global.format {
        Format::Json => {
            let document = Document { schema_version: 1, checks };
            out = serde_json::to_vec_pretty(&document).map_err(|error| Failure::of(Exit::Internal, &error))?;
            out.push(b'\n');
        }
        Format::Text | Format::Markdown => {
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

async fn examine(workspace: &Workspace, exits: &mut Exits, ui: &Ui) -> Result<Vec<Check>, Failure> {
    let environment = Environment::of_process();
    let mut checks = vec![secrets_key(&environment, exits), remote(workspace)?];
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
    match org_of(&client).await {
        Ok(org) => {
            checks.push(ok("credentials", "the login accepts them".to_owned()));
            checks.push(organisation(workspace, &org, exits)?);
        }
        Err(error) => {
            let failure = Failure::from(error);
            exits.add(failure.exit);
            checks.push(failed("credentials", failure.message, failure.hint));
            return Ok(checks);
        }
    }
    checks.extend(permissions(workspace, &client, exits, ui).await);
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

fn remote(workspace: &Workspace) -> Result<Check, Failure> {
    let name = &workspace.config.remote;
    Ok(if workspace.trail.has_remote(name)? {
        ok("remote", format!("{name:?} is set up"))
    } else {
        Check {
            name: "remote".to_owned(),
            status: Status::Warning,
            message: format!("there is no remote {name:?}: the history is on this machine alone"),
            hint: Some(format!("`git remote add {name} URL` names one")),
        }
    })
}

fn organisation(workspace: &Workspace, org: &str, exits: &mut Exits) -> Result<Check, Failure> {
    let archive = crate::session::archive(workspace, workspace.tip()?)?;
    Ok(match archive.ledger() {
        Some(ledger) if ledger.org != org => {
            exits.add(Exit::Integrity);
            let message = format!("the trail belongs to {}, the credentials to {org}", ledger.org);
            failed("organisation", message, Some("use one trail for each organisation".to_owned()))
        }
        Some(_) => ok("organisation", format!("{org}, the one of the trail")),
        None => ok("organisation", format!("{org}; the first snapshot ties the trail to it")),
    })
}

/// Asks for the smallest page of each domain that needs no parent.
async fn permissions(workspace: &Workspace, client: &Client, exits: &mut Exits, ui: &Ui) -> Vec<Check> {
    let wanted = profile(workspace, None);
    let domains: Vec<&Domain> = workspace.catalogue.iter().filter(|domain| wanted.contains(&domain.id)).collect();
    ui.begin(domains.len(), "asking");
    let mut checks = Vec::new();
    let mut missing: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for domain in domains {
        ui.step(domain.id.as_str());
        if domain.source.parent.is_some() {
            continue;
        }
        let answer = client.get(&smallest_page(domain)).await;
        let accepted = workspace.config.accept.is_match(&domain.id);
        match answer {
            Ok(_) => {}
            Err(FetchError::Forbidden { permissions, .. }) => {
                let needed = if permissions.is_empty() { domain.source.permission.clone() } else { permissions };
                missing.entry(needed.join(" or ")).or_default().push(domain.id.to_string());
                if !accepted {
                    exits.add(Exit::Partial);
                }
            }
            Err(error) => {
                let absent = matches!(error, FetchError::NotFound { .. });
                if !accepted {
                    exits.add(Exit::Partial);
                }
                checks.push(Check {
                    name: domain.id.to_string(),
                    status: if absent { Status::Warning } else { Status::Failed },
                    message: if absent {
                        "the organisation does not have it".to_owned()
                    } else {
                        crate::capture::with_causes(&error)
                    },
                    hint: absent.then(|| accept_line([domain.id.as_str()])),
                });
            }
        }
    }
    if missing.is_empty() {
        checks.insert(0, ok("permissions", "every domain of the profile can be read".to_owned()));
    }
    for (permission, domains) in missing {
        let message = format!("{permission} is missing; it costs {}", domains.join(", "));
        let hint =
            format!("grant it to a role of the OAuth client, or {}", accept_line(domains.iter().map(String::as_str)));
        checks.push(failed("permissions", message, Some(hint)));
    }
    checks
}

/// The line of orgtrail.toml that accepts the loss of domains.
fn accept_line<'d>(domains: impl IntoIterator<Item = &'d str>) -> String {
    let names: Vec<String> = domains.into_iter().map(|domain| format!("{domain:?}")).collect();
    format!("accept it with `accept = [{}]` under [coverage]", names.join(", "))
}

fn smallest_page(domain: &Domain) -> Get {
    let source = &domain.source;
    let pass = source.passes.first().into_iter().flatten();
    let mut query: Vec<(String, String)> =
        source.query.iter().chain(pass).map(|(name, value)| (name.clone(), value.clone())).collect();
    if matches!(source.paging, Paging::PageNumber | Paging::Cursor) {
        query.push(("pageSize".to_owned(), "1".to_owned()));
    }
    Get { path: source.path.clone(), query }
}

fn ok(name: &str, message: String) -> Check {
    Check { name: name.to_owned(), status: Status::Ok, message, hint: None }
}

fn failed(name: &str, message: String, hint: Option<String>) -> Check {
    Check { name: name.to_owned(), status: Status::Failed, message, hint }
}
