//! Whether a history can be trusted: for people, and `schemas/output/verify.v1.json`.

use std::io::{self, Write};

use super::json::write_document;
use super::notes::short_commit;
use super::shown::{counted, visible};
use super::style::Style;
use crate::model::{Finding, Subject};

/// What was found out about a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The branch.
    pub branch: String,
    /// Its last commit.
    pub commit: String,
    /// The commit that was taken as it is, and those before it with it; absent where everything was looked at.
    pub since: Option<String>,
    /// Whether everything was looked at.
    pub is_whole: bool,
    /// How many commits were looked at.
    pub commits: u64,
    /// How many of them are the tool's.
    pub own_commits: u64,
    /// Whether nothing was found that breaks the integrity of the history.
    pub is_sound: bool,
    /// Which commits are signed.
    pub signed: Signed,
    /// What is known of the remote.
    pub remote: RemoteView,
    /// What was found, the worst first.
    pub findings: Vec<Finding>,
}

/// Which commits of the tool are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signed {
    /// None.
    No,
    /// Some, and the trail names no keys that would count.
    Unchecked {
        /// How many.
        commits: u64,
    },
    /// Some, or some by keys that do not count.
    Partly {
        /// How many.
        commits: u64,
    },
    /// All from one on, which vouches for those before it.
    Yes {
        /// The first one.
        from: String,
        /// How many.
        commits: u64,
        /// How many there are before the first one.
        before: u64,
    },
}

/// What is known of the remote without asking it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemoteView {
    /// There is none.
    None,
    /// Its branch was never fetched.
    NeverSeen,
    /// What was looked at is not the tip of the branch.
    NotAsked,
    /// The way there leads through what cannot be read.
    CouldNotTell,
    /// Its branch is part of this history.
    Agrees {
        /// How many commits it does not have.
        unpushed: u64,
    },
    /// Its branch has all of this history, and more.
    Ahead,
    /// Its branch and this one have each what the other has not, as after a push by somebody else.
    Beside,
    /// Its branch has commits that were part of this history or should be.
    Contradicts,
}

impl Signed {
    fn word(&self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Unchecked { .. } => "unchecked",
            Self::Partly { .. } => "partly",
            Self::Yes { .. } => "yes",
        }
    }

    fn sentence(&self) -> String {
        let commits = |count: u64| counted(count, "commit", "commits");
        match self {
            Self::No => "no commit of orgtrail is signed".to_owned(),
            Self::Unchecked { commits: count } => {
                format!(
                    "{} of orgtrail, but the trail has no allowed_signers that says whose keys count",
                    commits(*count)
                )
            }
            Self::Partly { commits: count } => {
                format!("{} of orgtrail, not all of them or not all by keys that count", commits(*count))
            }
            Self::Yes { from, commits: count, before: 0 } => {
                format!("all {} of orgtrail, from {} on", commits(*count), short_commit(from))
            }
            Self::Yes { from, commits: count, before } => format!(
                "{} of orgtrail, all from {} on, which vouches for the {before} before it",
                commits(*count),
                short_commit(from)
            ),
        }
    }
}

impl RemoteView {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::NeverSeen => "never-seen",
            Self::NotAsked => "not-asked",
            Self::CouldNotTell => "could-not-tell",
            Self::Agrees { .. } => "agrees",
            Self::Ahead => "ahead",
            Self::Beside => "beside",
            Self::Contradicts => "contradicts",
        }
    }

    pub(super) fn sentence(self) -> String {
        match self {
            Self::None => "there is none, so nothing outside of this repository vouches for the history".to_owned(),
            Self::NeverSeen => "its branch was never fetched".to_owned(),
            Self::NotAsked => "not compared, as this is not the tip of the branch".to_owned(),
            Self::CouldNotTell => "could not tell, as something of the history cannot be read".to_owned(),
            Self::Agrees { unpushed: 0 } => "its branch, as last seen, is this history".to_owned(),
            Self::Agrees { unpushed } => {
                format!("its branch, as last seen, is part of this history; it lacks {}", counted(unpushed, "commit", "commits"))
            }
            Self::Ahead => "its branch, as last seen, has all of this history, and more".to_owned(),
            Self::Beside => {
                "its branch, as last seen, has commits of others; the next snapshot rebuilds on them what was not pushed".to_owned()
            }
            Self::Contradicts => "its branch, as last seen, has commits that this history lacks".to_owned(),
        }
    }
}

/// Writes what was found out, for people.
pub fn render_text(verified: &Verified, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let verdict = match (verified.is_sound, verified.findings.len()) {
        (true, 0) => "Nothing found that speaks against this history".to_owned(),
        (true, _) => "Nothing found that breaks this history".to_owned(),
        (false, _) => "This history is not what orgtrail wrote".to_owned(),
    };
    writeln!(out, "{}", style.heading(&verdict))?;
    let reach = match &verified.since {
        None if verified.is_whole => "from the first one".to_owned(),
        None => "as far as they can be read".to_owned(),
        Some(since) => format!("after {}", visible(short_commit(since))),
    };
    writeln!(
        out,
        "{} of {} to {}, {reach}; {} of orgtrail",
        counted(verified.commits, "commit", "commits"),
        visible(&verified.branch),
        visible(short_commit(&verified.commit)),
        verified.own_commits
    )?;
    writeln!(out, "Signed: {}", verified.signed.sentence())?;
    writeln!(out, "Remote: {}", verified.remote.sentence())?;
    writeln!(out, "Protected by the remote: could not tell, as that takes the network")?;
    verified.findings.iter().try_for_each(|finding| render_finding(finding, style, out))
}

/// Writes the document, indented, with a final newline.
pub fn render_json(verified: &Verified, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(verified), out)
}

/// Writes a finding: what, about what, what shows it, what to do.
pub(super) fn render_finding(finding: &Finding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let about = match &finding.subject {
        Subject::Trail => String::new(),
        Subject::Domain(domain) => format!(" {domain}"),
        Subject::Entity { domain, key, .. } => format!(" {domain}/{key}"),
        Subject::Commit(commit) => format!(" {}", short_commit(commit)),
        Subject::File(path) => format!(" {path}"),
    };
    writeln!(out, "\n{} {}{}", style.level(finding.severity), finding.rule, visible(&about))?;
    writeln!(out, "  {}", visible(&finding.message))?;
    for one in &finding.evidence {
        writeln!(out, "  {}: {}", visible(&one.name), visible(&one.text))?;
    }
    writeln!(out, "  remedy: {}", visible(&finding.remedy))
}

mod v1 {
    use serde::Serialize;

    use crate::report::findings::v1::Finding;
    use crate::report::verify;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'v> {
        schema_version: u32,
        branch: &'v str,
        commit: &'v str,
        since: Option<&'v str>,
        whole: bool,
        commits: u64,
        own_commits: u64,
        sound: bool,
        signed: &'static str,
        remote: &'static str,
        findings: Vec<Finding<'v>>,
    }

    impl<'v> From<&'v verify::Verified> for Document<'v> {
        fn from(verified: &'v verify::Verified) -> Self {
            Self {
                schema_version: SCHEMA_VERSION,
                branch: &verified.branch,
                commit: &verified.commit,
                since: verified.since.as_deref(),
                whole: verified.is_whole,
                commits: verified.commits,
                own_commits: verified.own_commits,
                sound: verified.is_sound,
                signed: verified.signed.word(),
                remote: verified.remote.word(),
                findings: verified.findings.iter().map(Into::into).collect(),
            }
        }
    }
}
