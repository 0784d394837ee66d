//! The real binary in a folder of its own, as a person or a scheduled workflow calls it: no environment of the machine, and a
//! present that is an argument.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use chrono::{NaiveTime, TimeDelta};
use orgtrail::model::{Pointer, Value};
use orgtrail::session::make_trail;
use orgtrail::sim::{Action, Edit, EditAudit, EntityPick};
use orgtrail::trail::{CommitId, FileChange, NewCommit, Signature, Trail};
use tempfile::TempDir;

use crate::fixtures::catalogue;
use crate::harness::{KEY, Org, git_command, id, is_core, morning, wait_for_nothing};

/// A folder that holds a trail and all that belongs to it.
pub(crate) struct Terminal {
    root: TempDir,
    pub(crate) environment: BTreeMap<String, String>,
}

/// How a command ended.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The data of a command that has to end with a code.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> String {
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        self.stdout
    }

    #[track_caller]
    pub(crate) fn json(self, code: i32) -> serde_json::Value {
        serde_json::from_str(&self.ends_with(code)).unwrap()
    }
}

impl Terminal {
    /// A folder without a trail, and an environment without credentials.
    pub(crate) fn empty() -> Self {
        let environment = BTreeMap::from([("ORGTRAIL_SECRET_KEY".to_owned(), KEY.to_owned())]);
        Self { root: tempfile::tempdir().unwrap(), environment }
    }

    /// A trail without a snapshot, and the credentials of an organisation.
    pub(crate) fn at(org: &Org) -> Self {
        let terminal = Self { environment: org.environment(), ..Self::empty() };
        make_trail(&terminal.trail(), Some("main"), false, morning().timestamp()).unwrap();
        wait_for_nothing(&terminal.trail());
        terminal
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn trail(&self) -> PathBuf {
        self.path("trail")
    }

    /// Sets a variable of the environment.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.environment.insert(name.to_owned(), value.to_owned());
    }

    /// The binary, with the environment but without arguments.
    pub(crate) fn binary(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_orgtrail"));
        self.seal(&mut command);
        command
    }

    /// Lets a command see the environment of the terminal and nothing else.
    pub(crate) fn seal(&self, command: &mut Command) {
        command.env_clear().envs(&self.environment).env("HOME", self.path("home")).current_dir(self.root.path());
    }

    /// Runs the binary in the trail.
    pub(crate) fn run(&self, arguments: &[&str]) -> Told {
        self.run_in(&self.trail(), arguments)
    }

    /// Runs the binary in another folder.
    pub(crate) fn run_in(&self, dir: &Path, arguments: &[&str]) -> Told {
        Told::of(&self.binary().arg("-C").arg(dir).args(arguments).output().unwrap())
    }

    /// Takes a snapshot so many minutes after the first could have been.
    pub(crate) fn snapshot(&self, minutes: i64, arguments: &[&str]) -> Told {
        self.snapshot_in(&self.trail(), minutes, arguments)
    }

    /// Likewise, over the core domains.
    pub(crate) fn snapshot_core(&self, minutes: i64, arguments: &[&str]) -> Told {
        let catalogue = catalogue();
        let core = catalogue.names().filter(|domain| is_core(domain)).flat_map(|domain| ["--only", domain.as_str()]);
        self.snapshot(minutes, &core.chain(arguments.iter().copied()).collect::<Vec<_>>())
    }

    pub(crate) fn snapshot_in(&self, dir: &Path, minutes: i64, arguments: &[&str]) -> Told {
        let now = (morning() + TimeDelta::minutes(minutes)).to_rfc3339();
        let own = ["snapshot", "--tier", "content", "--now", &now];
        self.run_in(dir, &[&own, arguments].concat())
    }

    /// How a command fails: its code, and what it says, without what differs from machine to machine.
    #[track_caller]
    pub(crate) fn failure(&self, arguments: &[&str]) -> String {
        self.said(&self.run(arguments))
    }

    /// Code and words of a command that failed; a failure says nothing on stdout.
    #[track_caller]
    pub(crate) fn said(&self, told: &Told) -> String {
        assert_eq!(told.stdout, "", "{}", told.stderr);
        format!("exit {}\n{}", told.code, self.shown(&told.stderr))
    }

    /// A text without paths, ports and ids.
    pub(crate) fn shown(&self, text: &str) -> String {
        let root = self.root.path().to_string_lossy().into_owned();
        let mut text = text.replace(&root, "ROOT");
        if let Some(url) = self.environment.get("ORGTRAIL_API_URL") {
            text = text.replace(url, "API");
        }
        without_ids(&text)
    }

    /// Runs git in the trail.
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        git_in(&self.trail(), arguments)
    }

    /// Makes a commit of files under `snapshot/` on the branch of the trail, by somebody of this name.
    pub(crate) fn commit_as(&self, name: &str, files: Vec<FileChange>) -> CommitId {
        commit_in(&self.trail(), name, "By hand\n", files)
    }

    /// A file of the trail as JSON.
    pub(crate) fn read_json(&self, path: &str) -> serde_json::Value {
        serde_json::from_slice(&std::fs::read(self.trail().join(path)).unwrap()).unwrap()
    }

    /// A bare repository that the trail has as its origin.
    pub(crate) fn add_remote(&self) -> PathBuf {
        let remote = self.path("remote.git");
        std::fs::create_dir(&remote).unwrap();
        git_in(&remote, &["init", "--quiet", "--bare", "-b", "main"]);
        self.git(&["remote", "add", "origin", &remote.to_string_lossy()]);
        remote
    }

    /// A new clone of the remote.
    pub(crate) fn clone_remote(&self, name: &str) -> PathBuf {
        let dir = self.path(name);
        git_in(self.root.path(), &["clone", "--quiet", &self.path("remote.git").to_string_lossy(), name]);
        dir
    }
}

/// Runs git in a folder.
#[track_caller]
pub(crate) fn git_in(dir: &Path, arguments: &[&str]) -> String {
    let output = git_command(dir, arguments).output().unwrap();
    let told = Told::of(&output);
    assert!(output.status.success(), "git {arguments:?}: {}{}", told.stdout, told.stderr);
    told.stdout
}

/// Makes a commit of files under `snapshot/` on the branch of the trail in a folder.
pub(crate) fn commit_in(dir: &Path, name: &str, message: &str, files: Vec<FileChange>) -> CommitId {
    let trail = Trail::open(dir).unwrap();
    let tip = trail.tip("main").unwrap();
    let by = Signature {
        name: name.to_owned(),
        email: format!("{name}@example.com"),
        seconds: (morning() + TimeDelta::minutes(5)).timestamp(),
    };
    let commit = NewCommit { author: by.clone(), committer: by, message: message.to_owned(), files };
    let made = trail.commit("main", tip.as_ref(), &[commit]).unwrap()[0];
    trail.sync_worktree("main", &made, "snapshot").unwrap();
    made
}

/// Sets a member of the first entity of a domain.
pub(crate) fn set(org: &Org, domain: &str, pointer: &str, value: impl Into<Value<'static>>) {
    let edit = Edit {
        at: NaiveTime::MIN,
        by: String::new(),
        domain: id(domain),
        entity: Some(EntityPick::Index(0)),
        action: Action::Set(vec![(Pointer::from_text(pointer), value.into())]),
        audit: EditAudit::default(),
    };
    org.running.world(|world| world.apply(&edit)).unwrap();
}

/// A text in which ids of commits and entities are words.
pub(crate) fn without_ids(text: &str) -> String {
    let is_id = |c: char| c.is_ascii_hexdigit() || c == '-';
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_id) {
        let (before, from) = rest.split_at(start);
        let word = &from[..from.find(|c| !is_id(c)).unwrap_or(from.len())];
        shown.push_str(before);
        let hyphens: Vec<usize> = word.match_indices('-').map(|(at, _)| at).collect();
        shown.push_str(match (word.len(), hyphens.as_slice()) {
            (40 | 12, []) => "COMMIT",
            (36, [8, 13, 18, 23]) => "UUID",
            // What libgit2 names an unfinished pack by.
            (16, []) => "HEX",
            _ => word,
        });
        rest = &from[word.len()..];
    }
    shown.push_str(rest);
    shown
}

/// Holds a document to its schema in `schemas/output/`.
#[track_caller]
pub(crate) fn assert_follows(schema: &str, document: &serde_json::Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/output/{schema}.v1.json"));
    let schema = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{document:#}", errors.join("\n"));
}
