//! A trail with a history of one's own making: any kind of commit, by anybody, as a run might have made it.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use orgtrail::attribution::trailer as attribution;
use orgtrail::canonical::{Digest, canonical_text, read_str};
use orgtrail::catalogue::Catalogue;
use orgtrail::model::{DomainId, DomainSnapshot, EntityKey};
use orgtrail::record::{CommitKind, LEDGER_PATH, Ledger, LedgerEntry, LedgerStatus, Width, changed_files, trailer};
use orgtrail::session::{Workspace, make_trail};
use orgtrail::trail::{CommitId, FileChange, NewCommit, Signature};

use crate::fixtures::catalogue;
use crate::harness::{id, morning};
use crate::terminal::{Terminal, Told};

/// The organisation of the tests.
const ORG: &str = "00000000-0000-4000-8000-00000000000f";

/// Somebody who makes changes: name, id, mail address.
#[derive(Clone, Copy)]
pub(crate) struct Somebody(pub(crate) &'static str, pub(crate) &'static str, pub(crate) &'static str);

pub(crate) const ANN: Somebody = Somebody("Ann Lee", "a0000000-0000-4000-8000-000000000001", "ann@example.com");
pub(crate) const BO: Somebody = Somebody("Bo Berg", "b0000000-0000-4000-8000-000000000002", "bo@example.com");

/// A trail without an organisation behind it.
pub(crate) struct Chronicle {
    pub(crate) terminal: Terminal,
    catalogue: Catalogue,
    domains: BTreeMap<DomainId, DomainSnapshot>,
    ledger: Ledger,
    tip: Option<CommitId>,
    run: u32,
}

/// A commit that is to be made.
pub(crate) struct Entry<'e> {
    pub(crate) minutes: i64,
    pub(crate) kind: CommitKind,
    pub(crate) step: &'e str,
    pub(crate) subject: &'e str,
    pub(crate) trailers: Vec<(&'static str, String)>,
    pub(crate) author: Option<Somebody>,
}

impl Default for Entry<'_> {
    fn default() -> Self {
        Self {
            minutes: 0,
            kind: CommitKind::Observed,
            step: "1/1",
            subject: "something changed",
            trailers: Vec::new(),
            author: None,
        }
    }
}

impl<'e> Entry<'e> {
    /// An observed commit by somebody, whose change was made a minute before the run.
    pub(crate) fn by(somebody: Somebody, minutes: i64, subject: &'e str) -> Self {
        let trailers = vec![
            (attribution::EXPLAINED, "audit".to_owned()),
            (attribution::ACTOR, somebody.1.to_owned()),
            (attribution::REMOTE_IP, "198.51.100.7".to_owned()),
            (attribution::AUDIT_ID, format!("audit-{minutes}")),
        ];
        Self { minutes, subject, trailers, author: Some(somebody), ..Self::default() }
    }

    /// An observed commit that nobody is known of.
    pub(crate) fn unexplained(why: &str, minutes: i64, subject: &'e str) -> Self {
        Self { minutes, subject, trailers: vec![(attribution::EXPLAINED, why.to_owned())], ..Self::default() }
    }

    /// A commit that holds no changes.
    pub(crate) fn of(kind: CommitKind, minutes: i64, subject: &'e str) -> Self {
        Self { minutes, kind, subject, ..Self::default() }
    }

    pub(crate) fn step(self, step: &'e str) -> Self {
        Self { step, ..self }
    }
}

/// A key that shards by its first digits.
pub(crate) fn key(digits: &str) -> String {
    format!("{digits:0<8}-0000-4000-8000-{digits:0>12}")
}

impl Chronicle {
    pub(crate) fn new() -> Self {
        let terminal = Terminal::empty();
        make_trail(&terminal.trail(), Some("main"), false, morning().timestamp()).unwrap();
        let workspace = Workspace::open(&terminal.trail(), None).unwrap();
        let tip = workspace.tip().unwrap();
        let ledger = Ledger::new(ORG, "key", workspace.scan.version());
        Self { terminal, catalogue: catalogue(), domains: BTreeMap::new(), ledger, tip, run: 0 }
    }

    /// Sets an entity to a JSON text, or takes it out.
    pub(crate) fn set(&mut self, domain: &str, key: &str, text: Option<&str>) {
        let domain = id(domain);
        let snapshot = self.domains.entry(domain.clone()).or_insert_with(|| DomainSnapshot::empty(domain, 1));
        match text {
            Some(text) => snapshot.entities.insert(EntityKey::new(key), canonical_text(&read_str(text).unwrap())),
            None => snapshot.entities.remove(&EntityKey::new(key)),
        };
    }

    /// Commits the state with what was set since the last commit. A domain is laid out by `widths`, else as one file.
    pub(crate) fn commit(&mut self, entry: &Entry<'_>, widths: &[(&str, u8)]) -> CommitId {
        let workspace = Workspace::open(&self.terminal.trail(), None).unwrap();
        let mut files = Vec::new();
        for (domain, after) in &self.domains {
            let definition = self.catalogue.get(domain).unwrap();
            let width = widths.iter().find(|(name, _)| *name == domain.as_str()).map_or(0, |(_, width)| *width);
            let width: Width = serde_json::from_str(&width.to_string()).unwrap();
            let archive = orgtrail::session::archive(&workspace, self.tip).unwrap();
            let before = archive.domain(domain).unwrap();
            let before = before.map_or_else(|| DomainSnapshot::empty(domain.clone(), 1), |before| (*before).clone());
            let edits = changed_files(definition, &before, after, width).unwrap();
            files.extend(edits.into_iter().map(|(path, content)| FileChange { path, content }));
            let entry = LedgerEntry {
                status: LedgerStatus::Complete,
                entities: after.entities.len() as u64,
                schema_version: 1,
                treatment: workspace.scan.treatment(definition),
                width,
                digest: Some(Digest::of_domain(after).to_string()),
                baseline_under_way: false,
                secret_key: None,
                new_fields: Vec::new(),
            };
            self.ledger.domains.insert(domain.clone(), entry);
        }
        files.push(FileChange::write(LEDGER_PATH, self.ledger.write()));
        if entry.step.starts_with("1/") {
            self.run += 1;
        }
        let mut message = format!("{}\n\n", entry.subject);
        let own = [
            (trailer::RUN, format!("run-{}", self.run)),
            (trailer::ORG, ORG.to_owned()),
            (trailer::KIND, entry.kind.as_str().to_owned()),
        ];
        let observed = [(trailer::STEP, entry.step.to_owned()), (trailer::SEVERITY, "high".to_owned())];
        let observed = observed.into_iter().filter(|_| entry.kind == CommitKind::Observed);
        for (name, value) in own.into_iter().chain(observed).chain(entry.trailers.clone()) {
            message.extend([name, ": ", &value, "\n"]);
        }
        let seconds = (morning() + TimeDelta::minutes(entry.minutes)).timestamp();
        let tool = Signature { name: "orgtrail".to_owned(), email: format!("orgtrail@{ORG}.invalid"), seconds };
        let author = entry.author.map_or_else(
            || tool.clone(),
            |Somebody(name, _, email)| Signature {
                name: name.to_owned(),
                email: email.to_owned(),
                seconds: seconds - 60,
            },
        );
        let commit = NewCommit { author, committer: tool, message, files };
        let made = workspace.trail.commit("main", self.tip.as_ref(), &[commit]).unwrap()[0];
        workspace.trail.sync_worktree("main", &made, "snapshot").unwrap();
        self.tip = Some(made);
        made
    }

    /// What a command prints, ids of commits as the number that each has from the first one.
    #[track_caller]
    pub(crate) fn shows(&self, arguments: &[&str]) -> String {
        self.told(&self.terminal.run(arguments).ends_with(0))
    }

    /// A command, its code and all that it prints.
    pub(crate) fn says(&self, arguments: &[&str]) -> String {
        let Told { code, stdout, stderr } = self.terminal.run(arguments);
        self.told(&format!("exit {code}\n{stdout}{stderr}"))
    }

    /// A text in which commits are numbers.
    pub(crate) fn told(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (number, commit) in self.terminal.git(&["rev-list", "--reverse", "main"]).lines().enumerate() {
            text = text
                .replace(commit, &format!("commit-{number}"))
                .replace(&commit[..12], &format!("commit-{number:05}"));
        }
        text
    }
}
