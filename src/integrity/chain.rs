//! Commit after commit: whose each is, and whether the tool could have made it there.

use std::collections::HashSet;

use super::fault::Fault;
use crate::model::{Evidence, Finding, Severity, Subject};
use crate::record::{CommitKind, RunId, TOOL_NAME, trailer};

/// How far a clock may be ahead, in seconds.
const TOLERANCE: i64 = 5 * 60;

/// Trailers that the tool alone writes.
const OWN: [&str; 6] = [trailer::RUN, trailer::ORG, trailer::KIND, trailer::STEP, trailer::SEVERITY, trailer::DIGEST];

/// Most files that are named where there are many.
const NAMED_FILES: usize = 5;

/// A commit as far as it tells whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainCommit {
    /// Its full id.
    pub id: String,
    /// Its parents.
    pub parents: Vec<String>,
    /// What it was before the tool rebuilt it, and before that.
    pub former: Vec<String>,
    /// The name of who recorded it.
    pub committer: String,
    /// The mail address of who recorded it.
    pub email: String,
    /// When it was recorded, in seconds since 1970.
    pub seconds: i64,
    /// The same instant, RFC 3339.
    pub at: String,
    /// The first paragraph of its message.
    pub subject: String,
    /// Its trailers, in order.
    pub trailers: Vec<(String, String)>,
    /// Whether what is under `snapshot/` is something else than in its first parent.
    pub touches: bool,
    /// The files under `snapshot/` that are others than in its first parent.
    pub inside: Vec<String>,
    /// The files elsewhere that are others than in its first parent.
    pub outside: Vec<String>,
}

/// Whose a commit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The tool's, as far as it says itself.
    Tool,
    /// A user's, elsewhere than under `snapshot/`.
    User,
    /// Somebody's who had no business under `snapshot/`.
    Foreign,
    /// Somebody's who says that it is the tool's, and changes nothing that the tool changes.
    Forged,
}

/// What of a history is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Whether it begins with the first commit there is.
    pub is_whole: bool,
    /// Whether it ends with the tip of the branch, where no run is under way.
    pub is_to_tip: bool,
    /// The present, in seconds since 1970.
    pub now: i64,
}

impl ChainCommit {
    /// The first value of a trailer.
    #[must_use]
    pub fn trailer(&self, key: &str) -> Option<&str> {
        self.trailers.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// Whose it is.
    #[must_use]
    pub fn role(&self) -> Role {
        let says_so = self.trailers.iter().any(|(name, _)| OWN.contains(&name.as_str()));
        let is_tools = self.committer == TOOL_NAME && self.trailer(trailer::KIND).is_some() && self.parents.len() < 2;
        match (self.touches, is_tools, says_so) {
            (true, true, _) => Role::Tool,
            (true, false, _) => Role::Foreign,
            (false, _, true) => Role::Forged,
            (false, _, false) => Role::User,
        }
    }

    fn finding(&self, fault: Fault, message: String, evidence: Vec<Evidence>) -> Finding {
        fault.finding(Subject::Commit(self.id.clone()), message, evidence)
    }

    fn by(&self) -> Evidence {
        Evidence::new("committer", format!("{} <{}>", self.committer, self.email))
    }
}

/// Checks commits, oldest first, behind one that is taken as it is.
#[must_use]
pub fn check_chain(base: Option<&ChainCommit>, commits: &[ChainCommit], view: View) -> Vec<Finding> {
    let mut chain = Chain { view, known: HashSet::new(), run: None, ended: HashSet::new(), last: None, org: None };
    if let Some(base) = base {
        chain.take(base, &mut Vec::new());
    }
    let mut findings = Vec::new();
    for commit in commits {
        chain.take(commit, &mut findings);
    }
    if view.is_to_tip {
        chain.end_run(&mut findings);
    }
    findings
}

/// A run, as far as it was walked.
struct Run<'c> {
    id: &'c str,
    seconds: i64,
    last: &'c ChainCommit,
    kind: CommitKind,
    step: Option<(u64, u64)>,
    is_rebuilt: bool,
}

struct Chain<'c> {
    view: View,
    /// Every commit so far, by what it is called and was called.
    known: HashSet<&'c str>,
    run: Option<Run<'c>>,
    ended: HashSet<&'c str>,
    /// The last commit of the tool.
    last: Option<&'c ChainCommit>,
    org: Option<&'c str>,
}

impl<'c> Chain<'c> {
    fn take(&mut self, commit: &'c ChainCommit, findings: &mut Vec<Finding>) {
        self.known.extend(commit.former.iter().map(String::as_str));
        match commit.role() {
            Role::Tool => self.take_tools(commit, findings),
            Role::Foreign => {
                self.end_run(findings);
                findings.push(foreign(commit));
            }
            Role::Forged => {
                let message = format!(
                    "{:?} by {} has trailers of orgtrail and changes nothing under snapshot/",
                    commit.subject, commit.committer
                );
                findings.push(commit.finding(Fault::ForgedTrailer, message, vec![commit.by()]));
            }
            // Somebody's own commit between those of a run tears the run apart, which its next commit tells.
            Role::User => {}
        }
        if commit.role() != Role::Tool && self.run.as_ref().is_some_and(|run| !run.is_at_its_end()) {
            self.end_run(findings);
        }
        self.known.insert(&commit.id);
    }

    fn take_tools(&mut self, commit: &'c ChainCommit, findings: &mut Vec<Finding>) {
        let forged = |message: String, evidence: Vec<Evidence>| commit.finding(Fault::ForgedTrailer, message, evidence);
        self.check_time(commit, findings);
        if !commit.outside.is_empty() {
            let named = named(&commit.outside);
            let message = format!("a commit of orgtrail changes {named}, which is not under snapshot/");
            findings.push(commit.finding(Fault::OutsideSnapshot, message, files(&commit.outside)));
        }
        for name in OWN.iter().filter(|name| commit.trailers.iter().filter(|(key, _)| key == *name).count() > 1) {
            findings.push(forged(
                format!("the trailer {name} is there more than once"),
                vec![Evidence::new("trailer", *name)],
            ));
        }
        self.check_org(commit, findings);
        let (Some(run), Some(kind)) =
            (commit.trailer(trailer::RUN), commit.trailer(trailer::KIND).and_then(CommitKind::from_word))
        else {
            let kind = commit.trailer(trailer::KIND).unwrap_or_default();
            let message = format!("it does not say which run made it, or is of no kind that there is: {kind:?}");
            findings.push(forged(message, vec![Evidence::new("kind", kind)]));
            self.end_run(findings);
            return;
        };
        findings.extend(check_level(commit, kind));
        let step = match check_step(commit, kind) {
            Ok(step) => step,
            Err(finding) => {
                findings.push(*finding);
                None
            }
        };
        match &self.run {
            Some(open) if open.id == run => self.go_on(commit, (kind, step), findings),
            _ => self.begin(commit, run, (kind, step), findings),
        }
    }

    fn begin(
        &mut self,
        commit: &'c ChainCommit,
        run: &'c str,
        (kind, step): (CommitKind, Option<(u64, u64)>),
        findings: &mut Vec<Finding>,
    ) {
        self.end_run(findings);
        if self.ended.contains(run) {
            let message = format!("the run {run} goes on here, after other commits came between");
            findings.push(commit.finding(Fault::RunSplit, message, vec![Evidence::new("run", run)]));
        } else {
            findings.extend(self.check_start(commit, run));
        }
        let is_rebuilt = !commit.former.is_empty();
        if let Some((at, of)) = step.filter(|(at, _)| *at > 1)
            && !is_rebuilt
            && !self.ended.contains(run)
        {
            findings.push(missing(commit, run, &format!("the run {run} begins with step {at} of {of}"), at));
        }
        self.run = Some(Run { id: run, seconds: commit.seconds, last: commit, kind, step, is_rebuilt });
    }

    fn go_on(
        &mut self,
        commit: &'c ChainCommit,
        (kind, step): (CommitKind, Option<(u64, u64)>),
        findings: &mut Vec<Finding>,
    ) {
        let Some(run) = &mut self.run else { return };
        run.is_rebuilt |= !commit.former.is_empty();
        if commit.seconds != run.seconds {
            let message = format!("it has another time than the other commits of the run {}", run.id);
            findings.push(commit.finding(Fault::ForgedTrailer, message, vec![Evidence::new("time", &*commit.at)]));
        }
        if kind < run.kind {
            let message =
                format!("a commit of the kind {} comes behind one of the kind {}", kind.as_str(), run.kind.as_str());
            findings.push(commit.finding(Fault::RunSplit, message, vec![Evidence::new("kind", kind.as_str())]));
        }
        match (run.step, step) {
            (Some((before, total)), Some((at, of))) if of != total || at <= before => {
                let message = format!("step {at} of {of} comes behind step {before} of {total}");
                findings.push(commit.finding(
                    Fault::RunSplit,
                    message,
                    vec![Evidence::new("step", format!("{at}/{of}"))],
                ));
            }
            (before, Some((at, of))) if at > before.map_or(0, |(before, _)| before) + 1 && !run.is_rebuilt => {
                let before =
                    before.map_or_else(|| "no step".to_owned(), |(before, of)| format!("step {before} of {of}"));
                let message = format!("step {at} of {of} of the run {} comes behind {before}", run.id);
                findings.push(missing(commit, run.id, &message, at));
            }
            _ => {}
        }
        run.kind = kind;
        run.step = run.step.max(step);
        run.last = commit;
    }

    /// Closes the run that was walked last: its last step has to be there.
    fn end_run(&mut self, findings: &mut Vec<Finding>) {
        let Some(run) = self.run.take() else { return };
        self.ended.insert(run.id);
        if let Some((at, of)) = run.step.filter(|(at, of)| at < of)
            && !run.is_rebuilt
        {
            let message = format!("the run {} ends with step {at} of {of}", run.id);
            findings.push(missing(run.last, run.id, &message, at + 1));
        }
    }

    /// The id of a run is derived from the organisation, the time, and the commit that the run began from.
    fn check_start(&self, commit: &ChainCommit, run: &str) -> Option<Finding> {
        let org = commit.trailer(trailer::ORG).unwrap_or_default();
        let is_from = |start: Option<&str>| RunId::new(org, &commit.at, start).as_str() == run;
        let parent = commit.parents.first().map(String::as_str);
        // What a shallow clone has of the history says nothing of what was before.
        if is_from(parent) || (parent.is_none() && !self.view.is_whole) {
            return None;
        }
        let own_time = RunId::new(org, &commit.at, None);
        let stem = |id: &str| id.split_once('-').map(|(stem, _)| stem.to_owned());
        if stem(run) != stem(own_time.as_str()) {
            let message = format!("the id of the run, {run}, is not of the time that the commit has");
            let evidence = vec![Evidence::new("run", run), Evidence::new("time", &*commit.at)];
            return Some(commit.finding(Fault::ForgedTrailer, message, evidence));
        }
        // Rebuilt on what others pushed, a run comes behind other commits than the one that it began from.
        if !commit.former.is_empty() && (!self.view.is_whole || self.known.iter().any(|id| is_from(Some(id)))) {
            return None;
        }
        let message = format!(
            "the run {run} did not begin from the commit before it: that one was replaced, or commits were put in or taken out"
        );
        let evidence = vec![Evidence::new("run", run), Evidence::new("before", parent.unwrap_or("nothing"))];
        Some(commit.finding(Fault::HistoryRewritten, message, evidence))
    }

    fn check_org(&mut self, commit: &'c ChainCommit, findings: &mut Vec<Finding>) {
        let Some(org) = commit.trailer(trailer::ORG) else {
            let message = "it does not say of which organisation it is".to_owned();
            findings.push(commit.finding(Fault::ForgedTrailer, message, vec![Evidence::new("trailer", trailer::ORG)]));
            return;
        };
        let known = *self.org.get_or_insert(org);
        let address = format!("{TOOL_NAME}@{org}.invalid");
        if org != known {
            let message = format!("it is of the organisation {org}, those before it are of {known}");
            findings.push(commit.finding(Fault::OrgMismatch, message, vec![Evidence::new("org", org)]));
        } else if commit.email != address {
            let message = format!("it was recorded by {}, and orgtrail is {address} there", commit.email);
            findings.push(commit.finding(Fault::ForgedTrailer, message, vec![commit.by()]));
        }
    }

    fn check_time(&mut self, commit: &'c ChainCommit, findings: &mut Vec<Finding>) {
        let time = || vec![Evidence::new("time", &*commit.at)];
        if let Some(last) = self.last.filter(|last| commit.seconds < last.seconds) {
            let message = format!("it was recorded at {}, and the run before it at {}", commit.at, last.at);
            findings.push(commit.finding(Fault::ClockSkew, message, time()));
        }
        if commit.seconds > self.view.now + TOLERANCE {
            let message = format!("it was recorded at {}, which lies in the future", commit.at);
            findings.push(commit.finding(Fault::ClockSkew, message, time()));
        }
        self.last = Some(commit);
    }
}

impl Run<'_> {
    fn is_at_its_end(&self) -> bool {
        self.step.is_some_and(|(at, of)| at >= of)
    }
}

fn foreign(commit: &ChainCommit) -> Finding {
    let what = if commit.parents.len() > 1 { "a merge" } else { "a commit" };
    let changed = if commit.inside.is_empty() { "modes of files".to_owned() } else { named(&commit.inside) };
    let message = format!("{what} by {}, {:?}, changes {changed}", commit.committer, commit.subject);
    let evidence = std::iter::once(commit.by()).chain(files(&commit.inside)).collect();
    commit.finding(Fault::ForeignCommit, message, evidence)
}

fn missing(commit: &ChainCommit, run: &str, message: &str, step: u64) -> Finding {
    let evidence = vec![Evidence::new("run", run), Evidence::new("step", step.to_string())];
    commit.finding(Fault::StepMissing, message.to_owned(), evidence)
}

/// The step of an observed commit; no other kind has one.
fn check_step(commit: &ChainCommit, kind: CommitKind) -> Result<Option<(u64, u64)>, Box<Finding>> {
    let said = commit.trailer(trailer::STEP);
    let read = |text: &str| -> Option<(u64, u64)> {
        let (at, of) = text.split_once('/')?;
        let (at, of) = (at.parse().ok()?, of.parse().ok()?);
        (1 <= at && at <= of && format!("{at}/{of}") == text).then_some((at, of))
    };
    match (kind, said, said.and_then(read)) {
        (CommitKind::Observed, Some(_), Some(step)) => Ok(Some(step)),
        (CommitKind::Observed, said, _) => {
            let said = said.unwrap_or("nothing");
            let message = format!("an observed commit has to say which step of its run it is, and says {said:?}");
            Err(Box::new(commit.finding(Fault::ForgedTrailer, message, vec![Evidence::new("step", said)])))
        }
        (_, None, _) => Ok(None),
        (kind, Some(said), _) => {
            let message = format!("a commit of the kind {} is no step, and says {said:?}", kind.as_str());
            Err(Box::new(commit.finding(Fault::ForgedTrailer, message, vec![Evidence::new("step", said)])))
        }
    }
}

/// The severity of an observed commit, as it was judged then; no other kind has one.
fn check_level(commit: &ChainCommit, kind: CommitKind) -> Option<Finding> {
    let said = commit.trailer(trailer::SEVERITY)?;
    let is_word = Severity::WORST_FIRST.iter().any(|level| level.as_str() == said);
    if is_word && kind == CommitKind::Observed {
        return None;
    }
    let message = format!("a commit of the kind {} cannot be of the severity {said:?}", kind.as_str());
    Some(commit.finding(Fault::ForgedTrailer, message, vec![Evidence::new("severity", said)]))
}

/// Some files by name, and how many more.
fn named(paths: &[String]) -> String {
    let shown = paths.iter().take(NAMED_FILES).map(String::as_str).collect::<Vec<_>>().join(", ");
    match paths.len().saturating_sub(NAMED_FILES) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

fn files(paths: &[String]) -> Vec<Evidence> {
    vec![Evidence::new("files", named(paths))]
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
