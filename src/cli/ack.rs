//! `orgtrail ack`

use std::io::Read;
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use clap::{Args, Subcommand};
use serde_json::Value as Json;

use super::args::Global;
use super::{Exit, Exits, Failure, Ui, now, open, print};
use crate::session::{ACKS_DIR, Agreed, audit_orphans, audit_rbac, check_acks, compare, last_run, review_set};

/// Acknowledge findings that may stay for a time
///
/// Acknowledgements are files in the folder acks/ of the trail, reviewed like everything else in it. What is acknowledged is
/// counted and told apart, and does not count for --fail-on.
#[derive(Debug, Args)]
pub(super) struct AckArgs {
    #[command(subcommand)]
    command: AckCommand,
}

#[derive(Debug, Subcommand)]
enum AckCommand {
    Gen(GenArgs),
    Check,
}

/// Write acknowledgements of all that a report in JSON tells, to be put into a file in acks/
#[derive(Debug, Args)]
struct GenArgs {
    /// Report of diff, drift or a check, as JSON; `-` for standard input
    #[arg(value_name = "REPORT")]
    report: PathBuf,

    /// Say who answers for them
    #[arg(long, value_name = "WHO")]
    owner: String,

    /// Say why they may stay
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Say where they are followed
    #[arg(long, value_name = "TICKET")]
    ticket: Option<String>,

    /// Give the last day on which they may stay
    #[arg(long, value_name = "YYYY-MM-DD")]
    expires: NaiveDate,
}

pub(super) fn run(args: &AckArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    match &args.command {
        AckCommand::Gen(args) => generate(args, ui),
        AckCommand::Check => check(global, ui),
    }
}

/// Tells which acknowledgements are past their last day and which are about nothing, given what differs from what is agreed and
/// what the checks find.
fn check(global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let workspace = open(global)?;
    let (from, to) = last_run(&workspace)?;
    let set = match Agreed::of(&workspace)? {
        Some(_) => review_set(&workspace, to, ui)?,
        None => compare(&workspace, from, to, ui)?,
    };
    let mut checked = audit_rbac(&workspace, to)?.findings;
    checked.extend(audit_orphans(&workspace, to, now(global))?.findings.findings);
    print::findings(&check_acks(&workspace, &set, &checked, now(global).date_naive())?, global, ui)
}

fn generate(args: &GenArgs, ui: &Ui) -> Result<Exits, Failure> {
    let name = args.report.display().to_string();
    let unusable = |why: String| {
        Failure::new(Exit::Usage, format!("could not read {name}: {why}"))
            .hint("it is what `orgtrail drift --format json` or another report in JSON printed")
    };
    let text = read(&args.report).map_err(|error| unusable(error.to_string()))?;
    let report: Json = serde_json::from_str(&text).map_err(|error| unusable(error.to_string()))?;
    let found = findings(&report).ok_or_else(|| unusable("it is no report of changes or findings".to_owned()))?;
    let mut out = format!("# To be put into a file in {ACKS_DIR}/.\n");
    for (finding, whole) in found {
        let text = |of: &Json, name: &str| of[name].as_str().unwrap_or_default().to_owned();
        let comment = [text(whole, "message"), text(finding, "path")].join(" ");
        let comment: String = comment.trim_end().chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        out.extend(["\n# ", &text(finding, "severity"), ": ", &comment, "\n[[ack]]\n"]);
        let mut line = |name: &str, value: &str| {
            let value = toml::Value::String(value.to_owned());
            out.extend([name, " = ", &value.to_string(), "\n"]);
        };
        line("fingerprint", &text(finding, "fingerprint"));
        line("owner", &args.owner);
        line("reason", &args.reason);
        if let Some(ticket) = &args.ticket {
            line("ticket", ticket);
        }
        out.extend(["expires = ", &args.expires.to_string(), "\n"]);
    }
    ui.data(out.as_bytes())?;
    Ok(Exits::default())
}

fn read(path: &Path) -> std::io::Result<String> {
    if path == Path::new("-") {
        let mut text = String::new();
        return std::io::stdin().read_to_string(&mut text).map(|_| text);
    }
    std::fs::read_to_string(path)
}

/// What a report tells that nobody has acknowledged, each with what it is a part of: findings, and of a modified entity each
/// field, because another field may change while this one stays.
fn findings(report: &Json) -> Option<Vec<(&Json, &Json)>> {
    let list = ["findings", "changes", "open"].into_iter().find_map(|name| report.get(name)?.as_array())?;
    let known = report["acknowledged"].as_object();
    let is_known = |one: &Json| {
        let named = one["fingerprint"].as_str().unwrap_or_default();
        one["acknowledged"].is_object() || known.is_some_and(|known| known.contains_key(named))
    };
    let mut found = Vec::new();
    for entry in list {
        let whole = entry.get("change").unwrap_or(entry);
        if is_known(whole) {
            continue;
        }
        match whole["fields"].as_array().filter(|fields| whole["kind"] == "modified" && !fields.is_empty()) {
            Some(fields) => found.extend(fields.iter().filter(|field| !is_known(field)).map(|field| (field, whole))),
            None => found.push((whole, whole)),
        }
    }
    Some(found)
}
