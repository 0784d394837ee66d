//! The command line: one file per verb, the terminal, errors and exit codes.
//!
//! A verb is an arguments struct, whose doc comment is its help, and a function. Data goes to stdout, everything else to
//! stderr.

mod ack;
mod approve;
mod args;
mod audit;
mod blame;
mod completions;
mod config_command;
mod demo;
mod diff;
mod doctor;
mod domains;
mod drift;
mod hook;
mod impact;
mod init;
mod lint;
mod log;
mod metrics;
mod plan;
pub mod print;
mod review;
mod rules;
mod selection;
mod show;
mod sim;
mod snapshot;
mod status;
mod textconv;
mod ui;
mod verify;
mod watch;
mod what_can;
mod who_can;

use std::ffi::OsString;

use chrono::{DateTime, Utc};
use clap::Parser;

pub use args::{Cli, Format, Global};
pub use ui::{ColourChoice, Ui, Verbosity};

use args::{Command, LogFormat};

use crate::config::Environment;
use crate::session::{Exit, Exits, Failure, Workspace};
use crate::trail::Access;

/// Runs one command line and returns the exit code of the process.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> u8 {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are answers, not errors; clap knows which stream each goes to.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.code() } else { 0 };
        }
    };
    start_log(&cli.global);
    let ui = Ui::of_process(cli.global.color, cli.global.verbosity(), cli.global.output.clone());
    let _ = rustls::crypto::ring::default_provider().install_default();
    let outcome = execute(&cli, &ui);
    ui.pause();
    match outcome {
        Ok(exits) => exits.code(),
        Err(failure) => {
            ui.fail(&failure);
            failure.exit.code()
        }
    }
}

fn execute(cli: &Cli, ui: &Ui) -> Result<Exits, Failure> {
    let global = &cli.global;
    match &cli.command {
        Command::Demo(args) => demo::run(args, global, ui),
        Command::Sim(args) => sim::run(args, global, ui),
        Command::Init(args) => init::run(args, global, ui),
        Command::Plan(args) => plan::run(args, global, ui),
        Command::Snapshot(args) => snapshot::run(args, global, ui),
        Command::Watch(args) => watch::run(args, global, ui),
        Command::Diff(args) => diff::run(args, global, ui),
        Command::Drift(args) => drift::run(args, global, ui),
        Command::Approve(args) => approve::run(args, global, ui),
        Command::Ack(args) => ack::run(args, global, ui),
        Command::Review(args) => review::run(args, global, ui),
        Command::Log(args) => log::run(args, global, ui),
        Command::Show(args) => show::run(args, global, ui),
        Command::Blame(args) => blame::run(args, global, ui),
        Command::Impact(args) => impact::run(args, global, ui),
        Command::Status(args) => status::run(args, global, ui),
        Command::Lint(args) => lint::run(args, global, ui),
        Command::Verify(args) => verify::run(args, global, ui),
        Command::Audit(args) => audit::run(args, global, ui),
        Command::WhoCan(args) => who_can::run(args, global, ui),
        Command::WhatCan(args) => what_can::run(args, global, ui),
        Command::Domains(args) => domains::run(args, global, ui),
        Command::Rules(args) => rules::run(args, global, ui),
        Command::Doctor(args) => doctor::run(args, global, ui),
        Command::Config(args) => config_command::run(args, global, ui),
        Command::Hook(args) => hook::run(args, global, ui),
        Command::Textconv(args) => textconv::run(args, global, ui),
        Command::Completions(args) => completions::run(args, ui),
    }
}

/// Logs go to stderr; what is logged is chosen with `-v` or `ORGTRAIL_LOG`.
fn start_log(global: &Global) {
    use tracing_subscriber::EnvFilter;
    let default = match global.verbose {
        0 => "off",
        1 => "orgtrail=info",
        2 => "orgtrail=debug",
        _ => "orgtrail=trace",
    };
    let filter = EnvFilter::try_from_env("ORGTRAIL_LOG").unwrap_or_else(|_| EnvFilter::new(default));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second command in one process, as in tests, keeps the first one's log.
    let _ = match global.log_format {
        LogFormat::Text => builder.without_time().try_init(),
        LogFormat::Json => builder.json().try_init(),
    };
}

/// Opens the trail that the command line names.
fn open(global: &Global) -> Result<Workspace, Failure> {
    let mut workspace = Workspace::open(&global.directory, global.config.as_deref())?;
    let environment = Environment::of_process();
    let access = Access { token: environment.git_token(), ssh_command: environment.git_ssh_command() };
    workspace.trail.set_access(access);
    Ok(workspace)
}

/// The instant that the command takes for the present: `--now`, else the clock's.
fn now(global: &Global) -> DateTime<Utc> {
    global.now.unwrap_or_else(Utc::now)
}

/// A runtime for the verbs that talk to the network.
fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("could not start the runtime: {error}")))
}
