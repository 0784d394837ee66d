//! `orgtrail flow-logs`

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;

use super::args::{Format, Global};
use super::print::{self, Plain, plain};
use super::watch::{above_zero, present, signals};
use super::{Exit, Exits, Failure, Ui, now, open, runtime};
use crate::config::{Connection, Environment};
use crate::execution::{Capabilities, Criteria, Problem, Window, is_plain, moment};
use crate::flowlog::{FileStore, Form, Journal, LineStore, NoStore, Store};
use crate::genesys::SystemClock;
use crate::notify::{Courier, open as open_channel};
use crate::report;
use crate::session::{
    Clear, FlowLogTask, FlowLogTools, FlowLogs, Observer, Receiver, Wish, Workspace, acknowledge_findings,
    ask_capabilities, check_question, explain, flow_key, refuse_in_trail,
};

/// Bring what flows did: query, download, check, keep, send
///
/// Asks for the runs of flows that began in a window, brings what is recorded of each and writes a line of JSON for it, to
/// standard output unless another place is named; never into the trail. A question that cannot be answered is refused before
/// anything is sent. What should have been masked and was not is reported, and masked before it is kept.
///
/// An interrupted run goes on where it stopped when it is called again with the same window, or with --resume.
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(super) struct FlowLogsArgs {
    /// Begin of the window: an instant (RFC 3339), a date, or a time ago such as -2h
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, required_unless_present_any = ["resume", "instance", "execution", "capabilities"])]
    from: Option<String>,

    /// End of the window, likewise, or now
    #[arg(long, value_name = "WHEN", allow_hyphen_values = true, default_value = "now")]
    to: String,

    /// Only runs of this flow, by its id or its name in the trail; repeat for others
    #[arg(long, value_name = "FLOW")]
    flow: Vec<String>,

    /// Only runs of flows of this type; repeat for others
    #[arg(long, value_name = "TYPE")]
    r#type: Vec<String>,

    /// Only runs of this conversation; repeat for others
    #[arg(long, value_name = "ID")]
    conversation: Vec<String>,

    /// Only runs that failed for this reason; repeat for others
    #[arg(long, value_name = "REASON")]
    error_reason: Vec<String>,

    /// Only runs that warned for this reason; repeat for others
    #[arg(long, value_name = "REASON")]
    warning_reason: Vec<String>,

    /// Only runs with an action of this type; repeat for others
    #[arg(long, value_name = "TYPE")]
    action: Vec<String>,

    /// Only runs that a file in the form of the API's query describes
    #[arg(long, value_name = "FILE")]
    criteria: Option<PathBuf>,

    /// Bring the records of single runs by their ids instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "resume", "follow", "explain"])]
    instance: Vec<String>,

    /// Bring what is known of single launched executions by their ids instead
    #[arg(long, value_name = "ID", conflicts_with_all = ["from", "resume", "follow", "explain", "instance"])]
    execution: Vec<String>,

    /// Bring what the query tells, and no recorded data
    #[arg(long)]
    index_only: bool,

    /// Leave in clear what should be masked; it is reported all the same
    #[arg(long)]
    keep_clear: bool,

    /// Append records to this file
    #[arg(long, value_name = "FILE", conflicts_with = "store_by_day")]
    store: Option<PathBuf>,

    /// Append records to a file for each day in this folder
    #[arg(long, value_name = "DIR")]
    store_by_day: Option<PathBuf>,

    /// Compress with zstd what is stored
    #[arg(long)]
    zstd: bool,

    /// Send records to this channel of orgtrail.toml; repeat for others
    #[arg(long, value_name = "CHANNEL")]
    forward: Vec<String>,

    /// Append a line for each request to this file
    #[arg(long, value_name = "FILE")]
    journal: Option<PathBuf>,

    /// Go on with what comes, until interrupted
    #[arg(long)]
    follow: bool,

    /// How often to look for what came
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = above_zero, requires = "follow")]
    every: Duration,

    /// Finish the run with this question that was interrupted
    #[arg(long, conflicts_with_all = ["from", "follow", "restart", "explain"])]
    resume: bool,

    /// Forget that a run with this question was interrupted
    #[arg(long)]
    restart: bool,

    /// Rank the changes that may have made flows fail in the window, and bring no records
    #[arg(long, conflicts_with_all = ["follow", "store", "store_by_day", "forward"])]
    explain: bool,

    /// Tell what the organisation can be asked by, and remember it
    #[arg(long, conflicts_with_all = ["from", "resume", "follow", "explain", "instance", "execution"])]
    capabilities: bool,
}

pub(super) fn run(args: &FlowLogsArgs, global: &Global, ui: &Ui) -> Result<Exits, Failure> {
    let environment = Environment::of_process();
    let workspace = open(global)?;
    let clock = Arc::new(SystemClock::new());
    let present = present(global, Arc::clone(&clock));
    let prepared = || -> Result<FlowLogTools, Failure> {
        let receivers = receivers(args, &workspace, &environment)?;
        let journal = match &args.journal {
            Some(path) => {
                refuse_in_trail(&workspace, path)?;
                Journal::open(path).map_err(|error| Failure::of(Exit::Upstream, &error))?
            }
            None => Journal::default(),
        };
        let seconds = Arc::clone(&present);
        Ok(FlowLogTools {
            clock: Arc::clone(&clock) as Arc<dyn crate::genesys::Clock>,
            present: Arc::clone(&present),
            journal,
            receivers,
            courier: Courier::new(move || seconds().timestamp()),
        })
    };
    let task = task(args, global, &workspace)?;
    if args.capabilities {
        let format = plain("flow-logs --capabilities", global)?;
        let connection = environment.connection(&workspace.config)?;
        let tools = prepared()?;
        let told = runtime()?.block_on(ask_capabilities(&workspace, connection, tools))?;
        return print_capabilities(&told, format, ui).map(|()| Exits::default());
    }
    let is_of_window = args.instance.is_empty() && args.execution.is_empty() && !args.resume;
    if is_of_window {
        check_question(&workspace, &task, now(global))?;
    }
    check_places(args, global, &workspace)?;
    let connection = environment.connection(&workspace.config)?;
    let tools = prepared()?;
    if args.explain {
        return print_explained(&workspace, connection, &task, &tools, global, ui);
    }
    retrieve(args, &workspace, connection, (task, tools), global, ui)
}

fn retrieve(
    args: &FlowLogsArgs,
    workspace: &Workspace,
    connection: Connection,
    (task, tools): (FlowLogTask, FlowLogTools),
    global: &Global,
    ui: &Ui,
) -> Result<Exits, Failure> {
    let form = if args.zstd { Form::Zstd } else { Form::Plain };
    let is_shown = args.store.is_none() && args.store_by_day.is_none() && args.forward.is_empty();
    let mut store: Box<dyn Store> = match (&args.store, &args.store_by_day) {
        (Some(path), _) => Box::new(FileStore::file(path.clone(), form)),
        (None, Some(path)) => {
            Box::new(FileStore::folder(path.clone(), form).map_err(|error| Failure::of(Exit::Upstream, &error))?)
        }
        (None, None) if is_shown => {
            Box::new(LineStore(|bytes: &[u8]| ui.data(bytes).map_err(|failure| std::io::Error::other(failure.message))))
        }
        (None, None) => Box::new(NoStore),
    };
    let store = &mut *store;
    let brought = runtime()?.block_on(async {
        let mut logs = FlowLogs::open(workspace, connection, task, tools, ui).await?;
        if args.restart {
            logs.restart(store)?;
        }
        if args.resume {
            logs.resume()?;
        }
        if !args.instance.is_empty() {
            logs.single(&args.instance, store).await?;
        } else if !args.execution.is_empty() {
            logs.launched(&args.execution, store).await?;
        } else if args.follow {
            let overlap = workspace.config.flow_logs.overlap;
            logs.follow(store, (args.every, overlap), signals()?, ui).await?;
        } else {
            logs.retrieve(store, ui).await?;
        }
        logs.finish(ui)
    })?;
    let found = acknowledge_findings(workspace, brought.findings, now(global).date_naive())?;
    ui.say(format!("{} records", brought.records));
    let mut exits = brought.exits;
    if is_shown {
        // Records are the data, so what is wrong with them is said beside them.
        for finding in found.open() {
            ui.warn(&format!("{}: {}", finding.rule, finding.message));
        }
        if print::is_too_bad(found.counts().worst(), global) {
            exits.add(Exit::Findings);
        }
    } else if print::findings(&found, global, ui)?.code() != 0 {
        exits.add(Exit::Findings);
    }
    Ok(exits)
}

/// What is asked for, read from the flags.
fn task(args: &FlowLogsArgs, global: &Global, workspace: &Workspace) -> Result<FlowLogTask, Failure> {
    let now = now(global);
    let from = args.from.as_deref().map_or(Ok(now), |text| instant("--from", text, now))?;
    let window = Window { from, to: instant("--to", &args.to, now)? }.in_milliseconds();
    let mut criteria = match &args.criteria {
        Some(path) => criteria_of(path)?,
        None => Criteria::default(),
    };
    let flows = args.flow.iter().map(|flow| flow_key(workspace, flow)).collect::<Result<Vec<_>, _>>()?;
    for (key, values) in [
        ("FlowId", &flows),
        ("FlowType", &args.r#type),
        ("ConversationId", &args.conversation),
        ("FlowErrorReason", &args.error_reason),
        ("FlowWarningReason", &args.warning_reason),
        ("FlowActionType", &args.action),
    ] {
        criteria = criteria.narrowed(key, values);
    }
    if args.explain && args.error_reason.is_empty() {
        criteria = criteria.with_any("FlowErrorReason");
    }
    let bad = args.instance.iter().chain(&args.execution).find(|id| !is_plain(id));
    if let Some(id) = bad {
        return Err(
            Failure::new(Exit::Usage, format!("{id:?} is no id of a run")).hint("ids are letters, digits and hyphens")
        );
    }
    let place = args.store.as_ref().or(args.store_by_day.as_ref());
    let place = place.map_or_else(|| "none".to_owned(), |path| crate::flowlog::whole_path(path).display().to_string());
    Ok(FlowLogTask {
        criteria,
        window,
        wish: if args.index_only { Wish::Index } else { Wish::Data },
        clear: if args.keep_clear { Clear::Keep } else { Clear::Mask },
        destination: format!("{place}\n{}\n{}\n{}", args.zstd, args.follow, args.forward.join(",")),
    })
}

fn instant(flag: &str, text: &str, now: DateTime<Utc>) -> Result<DateTime<Utc>, Failure> {
    moment(text, now).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("{flag}: {text:?} is no moment"))
            .hint("give an instant (2026-03-03T12:00:00Z), a date, `now`, or a time ago such as `-90m`, `-2h` or `-1d`")
    })
}

fn criteria_of(path: &std::path::Path) -> Result<Criteria, Failure> {
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::new(Exit::Usage, format!("could not read {name}: {error}"))
            .hint("`--criteria` takes the path of a file")
    })?;
    Criteria::of_file(&name, &text).map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(Problem::to_string).collect();
        Failure::new(Exit::Usage, lines.join("\n")).hint("docs/flow-logs.md shows the form")
    })
}

/// Refuses to write records where git would take them up.
fn check_places(args: &FlowLogsArgs, global: &Global, workspace: &Workspace) -> Result<(), Failure> {
    let is_shown = args.store.is_none() && args.store_by_day.is_none() && args.forward.is_empty() && !args.explain;
    let shown = global.output.as_ref().filter(|_| is_shown);
    for place in args.store.iter().chain(&args.store_by_day).chain(shown) {
        refuse_in_trail(workspace, place)?;
    }
    if is_shown && !matches!(global.format, Format::Text | Format::Jsonl) {
        let failure = Failure::new(Exit::Usage, "records are lines of JSON, whatever `--format` says");
        return Err(failure.hint("`--store` puts them into a file, and `--format` is for the findings then"));
    }
    if is_shown && args.zstd {
        return Err(Failure::new(Exit::Usage, "only what is stored is compressed").hint("name a file with `--store`"));
    }
    Ok(())
}

fn receivers(args: &FlowLogsArgs, workspace: &Workspace, environment: &Environment) -> Result<Vec<Receiver>, Failure> {
    let mut receivers = Vec::new();
    for name in &args.forward {
        let known = &workspace.config.channels;
        let settings = known.iter().find(|channel| channel.name == *name).ok_or_else(|| {
            let names: Vec<&str> = known.iter().map(|channel| channel.name.as_str()).collect();
            let failure = Failure::new(Exit::Usage, format!("there is no channel {name:?}"));
            failure.hint(match names.as_slice() {
                [] => "orgtrail.toml has none; docs/channels.md shows how one is set up".to_owned(),
                names => format!("orgtrail.toml has {}", names.join(", ")),
            })
        })?;
        let secrets = environment.channel_secrets([settings])?;
        receivers.push(Receiver { name: name.clone(), channel: open_channel(settings, &secrets)? });
    }
    Ok(receivers)
}

fn print_explained(
    workspace: &Workspace,
    connection: Connection,
    task: &FlowLogTask,
    tools: &FlowLogTools,
    global: &Global,
    ui: &Ui,
) -> Result<Exits, Failure> {
    let format = plain("flow-logs --explain", global)?;
    let (flows, exits) = runtime()?.block_on(explain(workspace, connection, task, tools, ui))?;
    let mut out = Vec::new();
    match format {
        Plain::Text => report::suspects::render_text(&flows, ui.style(), &mut out),
        Plain::Markdown => report::suspects::render_markdown(&flows, &mut out),
        Plain::Json => report::suspects::render_json(&flows, &mut out),
    }
    .map_err(|error| Failure::of(Exit::Internal, &error))?;
    ui.data(&out)?;
    Ok(exits)
}

fn print_capabilities(known: &Capabilities, format: Plain, ui: &Ui) -> Result<(), Failure> {
    let mut text = String::new();
    if format == Plain::Json {
        let key = |(name, key): (&str, &crate::execution::Key)| json!({ "key": name, "type": key.data_type, "operators": key.operators, "values": known.values(key) });
        let document = json!({ "schema_version": 1, "criteria": known.keys().map(key).collect::<Vec<_>>() });
        text = serde_json::to_string_pretty(&document).map_err(|error| Failure::of(Exit::Internal, &error))?;
        text.push('\n');
    } else {
        for (name, key) in known.keys() {
            let values = known.values(key).map(|values| format!(": {}", values.join(", "))).unwrap_or_default();
            let _ = writeln!(text, "{name} ({}) {}{values}", key.data_type, key.operators.join(" "));
        }
    }
    ui.data(text.as_bytes())
}
