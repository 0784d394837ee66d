//! How fresh a trail is: for people, and `schemas/output/status.v1.json`.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

use serde::Serialize;

use super::json::write_document;
use super::notes::short_commit;
use super::shown::{counted, grouped, visible};
use super::style::Style;
use super::table::table;
use super::verify::{RemoteView, render_finding};
use crate::model::{DomainId, Finding};
use crate::record::{LedgerStatus, RunStatus};

/// How fresh a trail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The organisation; absent before the first run.
    pub org: Option<String>,
    /// The branch.
    pub branch: String,
    /// Its last commit, and when that was recorded.
    pub tip: Option<(String, String)>,
    /// The last run; absent before the first one.
    pub last_run: Option<LastRun>,
    /// What is known of the remote without asking it.
    pub remote: RemoteView,
    /// How many of the last commits wait for an audit record that says who it was.
    pub pending: u64,
    /// What is known of each domain.
    pub domains: BTreeMap<DomainId, StatusDomain>,
    /// What channels were not told yet, or will never take.
    pub undelivered: Vec<Undelivered>,
    /// What somebody should look at, the worst first.
    pub findings: Vec<Finding>,
}

/// A message that a channel was not told yet, or will never take.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// The channel.
    pub channel: String,
    /// The route.
    pub route: String,
    /// How many alerts it has.
    pub alerts: usize,
    /// Whether it was given up.
    pub refused: bool,
    /// Why, or when it is sent.
    pub reason: Option<String>,
}

/// The last run that is known of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastRun {
    /// Its id.
    pub run: String,
    /// When it began, RFC 3339.
    pub at: String,
    /// How long ago.
    pub age: Duration,
    /// Whether the heartbeat tells of it; else its commits do, and later runs without a change may be missing.
    pub is_from_heartbeat: bool,
}

/// What is known of a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusDomain {
    /// How well it is known.
    pub status: LedgerStatus,
    /// What became of it in the last run that looked at it.
    pub last_run: Option<RunStatus>,
    /// Whether a round over it is under way, and goes well.
    pub is_under_way: bool,
    /// Why it is not complete.
    pub cause: Option<String>,
    /// When it was last captured whole, RFC 3339.
    pub captured_at: Option<String>,
    /// Up to when what the audit log names was read again since, RFC 3339.
    pub followed_at: Option<String>,
    /// How many entities are on record.
    pub entities: u64,
    /// Whether it was captured whole at any time.
    pub was_complete: bool,
    /// Whether the configuration accepts that it is forbidden or absent.
    pub is_accepted: bool,
}

impl StatusDomain {
    /// Whether there is something to say of it.
    fn is_odd(&self) -> bool {
        let is_whole = matches!(self.last_run, None | Some(RunStatus::Complete | RunStatus::Skipped));
        !matches!(self.status, LedgerStatus::Complete | LedgerStatus::Skipped) || !is_whole
    }

    /// How well it is known, in a word; that the last run had less is said beside it.
    fn in_words(&self) -> String {
        match self.last_run {
            Some(run @ (RunStatus::Partial | RunStatus::Failed)) => {
                format!("{}, {} in its last run", self.status.as_str(), run.as_str())
            }
            _ => self.status.as_str().to_owned(),
        }
    }
}

/// Writes how fresh a trail is, for people.
pub fn render_text(status: &Status, style: Style, out: &mut dyn Write) -> io::Result<()> {
    match &status.last_run {
        Some(last) => {
            let title = format!("The last run was {} ago, at {}", age(last.age), visible(&last.at));
            let run = visible(&last.run);
            writeln!(
                out,
                "{}\nRun {run} of {}",
                style.heading(&title),
                visible(status.org.as_deref().unwrap_or("nobody"))
            )?;
            if !last.is_from_heartbeat {
                writeln!(out, "There is no heartbeat of it: runs without a change may have come after it")?;
            }
        }
        None => writeln!(out, "{}", style.heading("There was no run yet"))?,
    }
    if let Some((commit, at)) = &status.tip {
        writeln!(out, "Tip of {}: {} of {at}", visible(&status.branch), short_commit(commit))?;
    }
    writeln!(out, "Remote: {}", status.remote.sentence())?;
    if status.pending > 0 {
        let commits = counted(status.pending, "commit waits", "commits wait");
        writeln!(out, "{commits} for an audit record that says who it was")?;
    }
    for one in &status.undelivered {
        let alerts = counted(one.alerts as u64, "alert", "alerts");
        let what = if one.refused { "refused" } else { "waiting" };
        let reason = one.reason.as_ref().map(|reason| format!(": {}", visible(reason))).unwrap_or_default();
        writeln!(out, "{alerts} {what} for {} ({}){reason}", visible(&one.channel), visible(&one.route))?;
    }
    let complete = status.domains.values().filter(|domain| domain.status == LedgerStatus::Complete).count() as u64;
    let domains = counted(status.domains.len() as u64, "domain", "domains");
    writeln!(out, "{} of {domains} complete", grouped(complete))?;
    let row = |(id, domain): (&DomainId, &StatusDomain)| {
        let text = |text: &Option<String>| visible(text.as_deref().unwrap_or("")).into_owned();
        [id.to_string(), domain.in_words(), text(&domain.captured_at), text(&domain.cause)]
    };
    let rows: Vec<_> = status.domains.iter().filter(|(_, domain)| domain.is_odd()).map(row).collect();
    if !rows.is_empty() {
        writeln!(out, "\n{}", table(Some(["DOMAIN", "STATUS", "CAPTURED", "CAUSE"]), &rows))?;
    }
    status.findings.iter().try_for_each(|finding| render_finding(finding, style, out))
}

/// Writes the document, indented, with a final newline.
pub fn render_json(status: &Status, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(status), out)
}

/// A length of time in its two largest units.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => counted(seconds, "second", "seconds"),
        (0, 0, minutes) => counted(minutes, "minute", "minutes"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

mod v1 {
    use std::collections::BTreeMap;

    use serde::Serialize;

    use crate::model::DomainId;
    use crate::report::findings::v1::Finding;
    use crate::report::status;
    use crate::report::verify::RemoteView;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'s> {
        schema_version: u32,
        org: Option<&'s str>,
        branch: &'s str,
        tip: Option<Tip<'s>>,
        last_run: Option<LastRun<'s>>,
        remote: &'static str,
        unpushed: Option<u64>,
        pending: u64,
        domains: BTreeMap<&'s DomainId, Domain<'s>>,
        undelivered: &'s [status::Undelivered],
        findings: Vec<Finding<'s>>,
    }

    #[derive(Serialize)]
    struct Tip<'s> {
        commit: &'s str,
        at: &'s str,
    }

    #[derive(Serialize)]
    struct LastRun<'s> {
        run: &'s str,
        at: &'s str,
        age_seconds: u64,
        from_heartbeat: bool,
    }

    #[derive(Serialize)]
    struct Domain<'s> {
        status: &'static str,
        last_run: Option<&'static str>,
        under_way: bool,
        entities: u64,
        accepted: bool,
        captured_at: Option<&'s str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        followed_at: Option<&'s str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        cause: Option<&'s str>,
    }

    impl<'s> From<&'s status::StatusDomain> for Domain<'s> {
        fn from(domain: &'s status::StatusDomain) -> Self {
            Self {
                status: domain.status.as_str(),
                last_run: domain.last_run.map(crate::record::RunStatus::as_str),
                under_way: domain.is_under_way,
                entities: domain.entities,
                accepted: domain.is_accepted,
                captured_at: domain.captured_at.as_deref(),
                followed_at: domain.followed_at.as_deref(),
                cause: domain.cause.as_deref(),
            }
        }
    }

    impl<'s> From<&'s status::Status> for Document<'s> {
        fn from(status: &'s status::Status) -> Self {
            let last = |last: &'s status::LastRun| LastRun {
                run: &last.run,
                at: &last.at,
                age_seconds: last.age.as_secs(),
                from_heartbeat: last.is_from_heartbeat,
            };
            Self {
                schema_version: SCHEMA_VERSION,
                org: status.org.as_deref(),
                branch: &status.branch,
                tip: status.tip.as_ref().map(|(commit, at)| Tip { commit, at }),
                last_run: status.last_run.as_ref().map(last),
                remote: status.remote.word(),
                unpushed: match status.remote {
                    RemoteView::Agrees { unpushed } => Some(unpushed),
                    _ => None,
                },
                pending: status.pending,
                domains: status.domains.iter().map(|(id, domain)| (id, domain.into())).collect(),
                undelivered: &status.undelivered,
                findings: status.findings.iter().map(Into::into).collect(),
            }
        }
    }
}
