//! The command line as clap reads it.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{Args, Parser, Subcommand, ValueEnum};

use super::ui::{ColourChoice, Verbosity};
use super::{
    ack, approve, audit, blame, completions, config_command, demo, diff, doctor, domains, drift, hook, impact, init,
    lint, log, plan, review, rules, show, sim, snapshot, status, textconv, verify, watch, what_can, who_can,
};
use crate::model::Severity;

/// Keep the configuration of a Genesys Cloud organisation as a git history
///
/// Every run reads the configuration over the public API, brings it into a canonical form and commits what changed. What
/// changed is compared field by field, judged by rules and told with names.
///
/// `orgtrail demo` shows all of it against a simulated organisation, without credentials.
#[derive(Debug, Parser)]
#[command(name = "orgtrail", version, propagate_version = true, after_help = AFTER_HELP)]
pub struct Cli {
    /// Options that every verb takes.
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

const AFTER_HELP: &str = "\
Environment:
  GENESYSCLOUD_OAUTHCLIENT_ID      id of the OAuth client (client credentials)
  GENESYSCLOUD_OAUTHCLIENT_SECRET  secret of the OAuth client
  GENESYSCLOUD_REGION              region such as eu-west-1, or its domain
  ORGTRAIL_API_URL                 host of the API, instead of the region's
  ORGTRAIL_LOGIN_URL               host of the login, instead of the region's
  ORGTRAIL_SECRET_KEY              key that secrets are fingerprinted with
  ORGTRAIL_SECRET_KEY_PREVIOUS     key before it, while it is being replaced
  ORGTRAIL_GIT_TOKEN               token for the HTTPS server of the remote
  ORGTRAIL_SIGNING_KEY             private key of SSH that commits are signed with
  ORGTRAIL_SIGNING_PASSPHRASE      passphrase of that key, if it has one
  ORGTRAIL_LOG                     what is logged, such as orgtrail=debug
  GIT_AUTHOR_NAME                  name of who approves
  GIT_AUTHOR_EMAIL                 mail address of who approves
  GITHUB_TOKEN                     token for pull requests
  GITHUB_REPOSITORY                repository of the pull requests, OWNER/NAME
  GITHUB_API_URL                   URL of the API of the host, instead of GitHub's
  GITHUB_REF                       what a job is about, such as refs/pull/42/merge

Exit codes:
  0   done
  1   findings at or above --fail-on
  2   usage or configuration
  3   authentication or permission: nothing was captured
  4   partial capture: what could be captured was committed
  5   network, API, remote or machine
  6   integrity: another organisation, rewritten history, newer schema
  7   a secret in an id or a member's name: that listing was held back
  8   committed, but a delivery failed: it is tried again next time
  70  internal error
Of several, the first of 70, 6, 2, 3, 5, 7, 4, 8, 1 is returned.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    Demo(demo::DemoArgs),
    Sim(sim::SimArgs),
    Init(init::InitArgs),
    Plan(plan::PlanArgs),
    Snapshot(snapshot::SnapshotArgs),
    Watch(watch::WatchArgs),
    Diff(diff::DiffArgs),
    Drift(drift::DriftArgs),
    Approve(approve::ApproveArgs),
    Review(review::ReviewArgs),
    Ack(ack::AckArgs),
    Log(log::LogArgs),
    Show(show::ShowArgs),
    Blame(blame::BlameArgs),
    Impact(impact::ImpactArgs),
    Status(status::StatusArgs),
    Verify(verify::VerifyArgs),
    Audit(audit::AuditArgs),
    WhoCan(who_can::WhoCanArgs),
    WhatCan(what_can::WhatCanArgs),
    Lint(lint::LintArgs),
    Domains(domains::DomainsArgs),
    Rules(rules::RulesArgs),
    Doctor(doctor::DoctorArgs),
    Config(config_command::ConfigArgs),
    Completions(completions::CompletionsArgs),
    Textconv(textconv::TextconvArgs),
    Hook(hook::HookArgs),
}

/// Options that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub struct Global {
    /// Work in this folder instead of the current one
    #[arg(short = 'C', value_name = "DIR", global = true, default_value = ".", hide_default_value = true)]
    pub directory: PathBuf,

    /// Read the configuration from this file instead of orgtrail.toml
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,

    /// Print data in this format
    #[arg(long, value_name = "FMT", global = true, default_value = "text")]
    pub format: Format,

    /// Write data to this file instead of standard output
    #[arg(long, value_name = "PATH", global = true)]
    pub output: Option<PathBuf>,

    /// Exit with 1 if there is a finding of this level or above
    #[arg(long, value_name = "LEVEL", global = true, value_parser = severity)]
    pub fail_on: Option<Severity>,

    /// Show only findings of this level or above
    #[arg(long, value_name = "LEVEL", global = true, value_parser = severity)]
    pub min_severity: Option<Severity>,

    /// Take this instant (RFC 3339) for the present
    #[arg(long, value_name = "INSTANT", global = true, value_parser = instant)]
    pub now: Option<DateTime<Utc>>,

    /// Use colour always, never, or on a terminal only
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub color: ColourChoice,

    /// Print nothing but data and problems
    #[arg(short, long, global = true)]
    pub quiet: bool,

    /// Log each step to standard error; repeat for more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,

    /// Write the log in this form
    #[arg(long, value_name = "FORM", global = true, default_value = "text")]
    pub log_format: LogFormat,
}

/// How data is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    Jsonl,
    /// Markdown, as for a pull request.
    Markdown,
    /// A page that stands for itself.
    Html,
    /// A table for a spreadsheet.
    Csv,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// The report of a test run, for build servers.
    Junit,
    /// Annotations of a GitHub workflow.
    Github,
    /// What turns the old state into the new one, by RFC 6902.
    JsonPatch,
}

impl Format {
    /// Every format there is.
    pub const ALL: [Self; 10] = [
        Self::Text,
        Self::Json,
        Self::Jsonl,
        Self::Markdown,
        Self::Html,
        Self::Csv,
        Self::Sarif,
        Self::Junit,
        Self::Github,
        Self::JsonPatch,
    ];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Markdown => "markdown",
            Self::Html => "html",
            Self::Csv => "csv",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Github => "github",
            Self::JsonPatch => "json-patch",
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Global {
    pub(super) fn verbosity(&self) -> Verbosity {
        match (self.quiet, self.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        }
    }
}

fn instant(text: &str) -> Result<DateTime<Utc>, String> {
    let read = DateTime::parse_from_rfc3339(text);
    read.map(|instant| instant.to_utc()).map_err(|_| "expected an instant such as 2026-03-03T08:00:00Z".to_owned())
}

fn severity(text: &str) -> Result<Severity, String> {
    Severity::WORST_FIRST
        .into_iter()
        .find(|severity| severity.as_str() == text)
        .ok_or_else(|| "expected critical, high, medium or low".to_owned())
}
