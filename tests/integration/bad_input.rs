//! What the program says to input that it cannot use: what, where, why and what to do, with the exit code of the contract, and
//! never anything on stdout.

use std::io::{Read, Write};
use std::net::TcpListener;

use orgtrail::sim::{Edit, Script};
use orgtrail::trail::FileChange;

use crate::harness::{Org, morning};
use crate::terminal::{Terminal, Told, git_in, set};

/// A trail whose configuration file is this text.
fn configured(text: &str) -> Terminal {
    let terminal = Terminal::at(&Org::small());
    std::fs::write(terminal.trail().join("orgtrail.toml"), text).unwrap();
    terminal
}

/// A change that any snapshot sees.
fn some_edit() -> Edit {
    Script::built_in().unwrap().edits.remove(0)
}

#[test]
fn without_credentials_every_missing_variable_is_named() {
    let org = Org::small();
    let mut terminal = Terminal::at(&org);
    terminal.environment.retain(|name, _| name == "ORGTRAIL_SECRET_KEY");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: the environment does not set GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET, GENESYSCLOUD_REGION
    hint: they come from an OAuth client with the grant `client credentials`; `orgtrail demo` needs none
    ");
    terminal.set("GENESYSCLOUD_OAUTHCLIENT_ID", "somebody");
    terminal.set("GENESYSCLOUD_REGION", "eu-west-1");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: the environment does not set GENESYSCLOUD_OAUTHCLIENT_SECRET
    hint: they come from an OAuth client with the grant `client credentials`; `orgtrail demo` needs none
    ");
    assert_eq!(org.running.requests().len(), 0);
}

#[test]
fn refused_credentials_say_which_variables_to_check() {
    let org = Org::small();
    let mut terminal = Terminal::at(&org);
    terminal.set("GENESYSCLOUD_OAUTHCLIENT_SECRET", "wrong");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 3
    error: could not log in: the login answered 401, invalid_client
    hint: check GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET and the region they belong to
    ");
}

#[test]
fn an_unknown_region_gets_the_nearest() {
    let mut terminal = Terminal::at(&Org::small());
    terminal.environment.remove("ORGTRAIL_API_URL");
    terminal.set("GENESYSCLOUD_REGION", "eu-wst-1");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r#"
    exit 2
    error: could not use GENESYSCLOUD_REGION: unknown region "eu-wst-1"
    hint: did you mean "eu-west-1"?
    "#);
    terminal.set("GENESYSCLOUD_REGION", "atlantis");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r#"
    exit 2
    error: could not use GENESYSCLOUD_REGION: unknown region "atlantis"
    hint: name a region such as "eu-west-1", or a domain such as "mypurecloud.ie"
    "#);
    terminal.environment.remove("GENESYSCLOUD_REGION");
    std::fs::write(terminal.trail().join("orgtrail.toml"), "[genesys]\nregion = \"eu-wst-1\"\n").unwrap();
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r#"
    exit 2
    error: orgtrail.toml:2: [genesys] region: unknown region "eu-wst-1"; did you mean "eu-west-1"?
    hint: `orgtrail config check` checks again
    "#);
}

#[test]
fn a_region_with_a_dot_is_taken_for_a_domain() {
    let proxy = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut terminal = Terminal::at(&Org::small());
    terminal.environment.retain(|name, _| !name.ends_with("_URL"));
    terminal.set("GENESYSCLOUD_REGION", "new.pure.example");
    terminal.set("HTTPS_PROXY", &format!("http://{}", proxy.local_addr().unwrap()));
    let asked = std::thread::spawn(move || {
        let (mut stream, _) = proxy.accept().unwrap();
        let mut request = [0; 1024];
        let length = stream.read(&mut request).unwrap();
        // Who answers a handshake like this is no host of Genesys, and is not asked again.
        stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        let _ = stream.read(&mut [0; 4096]).unwrap();
        stream.write_all(b"this is no TLS at all\r\n\r\n").unwrap();
        String::from_utf8_lossy(&request[..length]).lines().next().unwrap().to_owned()
    });
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 5
    error: could not read /oauth/token: no whole answer came: error sending request: client error (Connect): received corrupt message of type InvalidContentType
    hint: check the region, the network and the proxy settings
    ");
    assert_eq!(asked.join().unwrap(), "CONNECT login.new.pure.example:443 HTTP/1.1");
}

#[test]
fn plain_http_is_refused_before_anything_is_sent() {
    let mut terminal = Terminal::at(&Org::small());
    terminal.set("ORGTRAIL_LOGIN_URL", "http://login.example.com");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: could not use ORGTRAIL_LOGIN_URL: the login URL must be https: plain http is for loopback only, not for login.example.com
    hint: give the URL of a host such as https://api.mypurecloud.ie, without user, password or query
    ");
    terminal.set("ORGTRAIL_LOGIN_URL", "https://me:hush@login.example.com");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: could not use ORGTRAIL_LOGIN_URL: the login URL is not usable: it carries credentials
    hint: give the URL of a host such as https://api.mypurecloud.ie, without user, password or query
    ");
    terminal.set("ORGTRAIL_LOGIN_URL", "login.example.com");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: could not use ORGTRAIL_LOGIN_URL: the login URL is not usable: it is not a URL: relative URL without a base
    hint: give the URL of a host such as https://api.mypurecloud.ie, without user, password or query
    ");
}

#[test]
fn broken_toml_is_told_with_line_and_column() {
    insta::assert_snapshot!(configured("[rate]\nshare = 0.5\n\n[capture\ntier = \"deep\"\n").failure(&["snapshot"]), @r"
    exit 2
    error: orgtrail.toml:4:9: unclosed table, expected `]`
    hint: `orgtrail config check` checks again
    ");
}

#[test]
fn an_unknown_key_gets_the_nearest() {
    insta::assert_snapshot!(configured("[rate]\nsahre = 0.5\n").failure(&["snapshot"]), @r#"
    exit 2
    error: orgtrail.toml:2: unknown key "sahre" in [rate]; did you mean "share"?
    hint: `orgtrail config check` checks again
    "#);
}

#[test]
fn every_problem_of_the_configuration_is_told_at_once() {
    let terminal = configured(
        "[rate]\nin_flight = 99\nshare = \"much\"\n\n[captrue]\ntier = \"deep\"\n\n[coverage]\naccept = [\"routing.queue\", \"nothing.*\"]\n",
    );
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r#"
    exit 2
    error: orgtrail.toml:2: [rate] in_flight must be a whole number from 1 to 16, not 99
    orgtrail.toml:3: [rate] share must be a number from 0.05 to 1, not a string
    orgtrail.toml:5: unknown section "captrue"; did you mean "capture"?
    orgtrail.toml:9: [coverage] accept: "routing.queue" matches no domain; did you mean "routing.queues"?
    orgtrail.toml:9: [coverage] accept: "nothing.*" matches no domain
    hint: `orgtrail config check` checks again
    "#);
    let checked = terminal.failure(&["config", "check"]);
    assert_eq!(checked.lines().next(), Some("exit 2"));
}

#[test]
fn a_configuration_file_that_is_not_there_is_named() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--config", "other.toml"]), @r"
    exit 2
    error: could not read other.toml: No such file or directory (os error 2)
    hint: `--config` takes the path of a file, from where you are
    ");
}

#[test]
fn an_unknown_domain_gets_the_nearest() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--only", "routing.queue"]), @r#"
    exit 2
    error: --only: "routing.queue" matches no domain; did you mean "routing.queues"?
    hint: `orgtrail domains` lists all domains
    "#);
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--only", "queues", "--only", "moon.*", "--only", "users.["]), @r#"
    exit 2
    error: --only: "queues" matches no domain; did you mean "routing.queues"?
    --only: "moon.*" matches no domain
    --only: "users.[" is not a glob: unclosed character class; missing ']'
    hint: `orgtrail domains` lists all domains
    "#);
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--skip", "user.users"]), @r#"
    exit 2
    error: --skip: "user.users" matches no domain; did you mean "users.users"?
    hint: `orgtrail domains` lists all domains
    "#);
}

#[test]
fn a_selection_that_leaves_nothing_is_refused() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--only", "routing.*", "--skip", "*"]), @r"
    exit 2
    error: no domain is left to capture
    hint: see --only, --skip, and [capture] in orgtrail.toml
    ");
    assert_eq!(org.running.requests().len(), 0);
}

#[test]
fn a_folder_that_is_no_trail_is_refused_by_every_verb_that_needs_one() {
    let terminal = Terminal::empty();
    std::fs::create_dir(terminal.path("plain")).unwrap();
    for verb in ["snapshot", "diff", "doctor"] {
        let told = terminal.run_in(&terminal.path("plain"), &[verb]);
        insta::allow_duplicates! { insta::assert_snapshot!(terminal.said(&told), @r"
        exit 2
        error: could not open ROOT/plain: it is not a git repository
        hint: `orgtrail init` makes a trail; `-C DIR` names another folder
        ") };
    }
    let told = terminal.run_in(&terminal.path("nowhere"), &["snapshot"]);
    insta::assert_snapshot!(terminal.said(&told), @r"
    exit 2
    error: could not open ROOT/nowhere: there is no such folder
    hint: `orgtrail init` makes a trail; `-C DIR` names another folder
    ");
}

#[test]
fn a_git_repository_without_a_configuration_is_no_trail() {
    let terminal = Terminal::empty();
    let dir = terminal.path("code");
    std::fs::create_dir(&dir).unwrap();
    git_in(&dir, &["init", "--quiet", "-b", "main"]);
    git_in(&dir, &["commit", "--quiet", "--allow-empty", "-m", "Begin"]);
    insta::assert_snapshot!(terminal.said(&terminal.run_in(&dir, &["snapshot"])), @r"
    exit 2
    error: ROOT/code is a git repository, but no trail: it has no orgtrail.toml
    hint: `orgtrail init` makes a trail in an empty folder
    ");
    insta::assert_snapshot!(terminal.said(&terminal.run_in(&dir, &["init"])), @r"
    exit 2
    error: could not make a trail in ROOT/code: the repository has commits already
    hint: name an empty folder, or a repository without commits
    ");
}

/// What is between the first pair of backticks of a hint.
fn command_of(said: &str) -> &str {
    let hint = said.lines().find(|line| line.starts_with("hint:")).unwrap();
    hint.split('`').nth(1).unwrap()
}

#[test]
fn edits_under_snapshot_are_refused_until_the_command_that_undoes_them_was_run() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let snapshot = terminal.trail().join("snapshot");
    let queues = snapshot.join("routing/queues.json");
    let edit: [&dyn Fn(); 4] = [
        &|| std::fs::write(&queues, "{}\n").unwrap(),
        &|| {
            std::fs::create_dir_all(snapshot.join("my/own")).unwrap();
            std::fs::write(snapshot.join("my/own/notes.json"), "{}\n").unwrap();
        },
        &|| {
            std::fs::write(snapshot.join("routing/mine.json"), "{}\n").unwrap();
            std::fs::write(&queues, "{}\n").unwrap();
            terminal.git(&["add", "snapshot"]);
        },
        &|| {
            std::fs::remove_file(&queues).unwrap();
            std::fs::create_dir(&queues).unwrap();
            std::fs::write(queues.join("inside.json"), "{}\n").unwrap();
        },
    ];
    let mut told = Vec::new();
    for (minutes, edit) in (15..).step_by(15).zip(edit) {
        edit();
        let said = terminal.said(&terminal.snapshot(minutes, &[]));
        let undone = git_shell(&terminal, command_of(&said));
        assert_eq!(undone.code, 0, "{}", undone.stderr);
        terminal.snapshot(minutes, &[]).ends_with(0);
        assert_eq!(terminal.git(&["status", "--porcelain"]), "");
        told.push(said);
    }
    insta::assert_snapshot!(told.join("\n"), @r"
    exit 2
    error: snapshot/routing/queues.json was edited by hand; only orgtrail writes under snapshot/
    hint: `git restore --staged --worktree snapshot && git clean -f snapshot` undoes it

    exit 2
    error: snapshot/my/own/notes.json was edited by hand; only orgtrail writes under snapshot/
    hint: `git restore --staged --worktree snapshot && git clean -f snapshot` undoes it

    exit 2
    error: snapshot/routing/mine.json and 1 more were edited by hand; only orgtrail writes under snapshot/
    hint: `git restore --staged --worktree snapshot && git clean -f snapshot` undoes it

    exit 2
    error: snapshot/routing/queues.json/inside.json was edited by hand; only orgtrail writes under snapshot/
    hint: `git restore --staged --worktree snapshot && git clean -f snapshot` undoes it
    ");
}

/// Runs a command line that a hint gave, in the trail.
fn git_shell(terminal: &Terminal, line: &str) -> Told {
    let mut shell = std::process::Command::new("sh");
    terminal.seal(&mut shell);
    shell.args(["-c", line]).current_dir(terminal.trail());
    if let Some(path) = std::env::var_os("PATH") {
        shell.env("PATH", path);
    }
    Told::of(&shell.output().unwrap())
}

#[test]
fn an_edit_under_snapshot_does_not_keep_anybody_from_reading() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    std::fs::write(terminal.trail().join("snapshot/routing/queues.json"), "{}\n").unwrap();
    terminal.run(&["diff"]).ends_with(0);
}

#[test]
fn a_file_of_an_older_commit_is_brought_in_step() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    org.running.world(|world| world.apply(&some_edit())).unwrap();
    terminal.snapshot(15, &[]).ends_with(0);
    let changed = terminal.git(&["diff", "--name-only", "HEAD~1", "HEAD"]);
    terminal.git(&["checkout", "--quiet", "HEAD~1", "--", "snapshot"]);
    assert_eq!(terminal.git(&["diff", "--cached", "--name-only"]), changed);
    terminal.snapshot(30, &[]).ends_with(0);
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
    assert_eq!(terminal.git(&["rev-list", "--count", "HEAD"]).trim(), "3");
}

#[test]
fn own_commits_are_rebuilt_on_a_remote_that_moved_but_not_those_of_somebody_else() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let remote = terminal.add_remote();
    terminal.snapshot(0, &["--push"]).ends_with(0);
    let colleague = terminal.clone_remote("colleague");
    let push_note = |name: &str| {
        std::fs::write(colleague.join(name), "a note\n").unwrap();
        git_in(&colleague, &["pull", "--quiet", "--rebase"]);
        git_in(&colleague, &["add", name]);
        git_in(&colleague, &["commit", "--quiet", "-m", name]);
        git_in(&colleague, &["push", "--quiet"]);
    };
    push_note("one.md");
    org.running.world(|world| world.apply(&some_edit())).unwrap();
    // Not pushed, so that both have moved.
    terminal.git(&["remote", "set-url", "origin", "/nowhere"]);
    let told = terminal.snapshot(15, &[]);
    insta::assert_snapshot!(terminal.shown(&told.stderr), @"warning: could not open /nowhere: there is no such folder; going on without the remote");
    told.ends_with(0);
    terminal.git(&["remote", "set-url", "origin", &remote.to_string_lossy()]);
    terminal.snapshot(30, &["--push"]).ends_with(0);
    let subjects = git_in(&remote, &["log", "--format=%an", "main"]);
    assert_eq!(subjects.lines().collect::<Vec<_>>(), ["orgtrail", "A", "orgtrail", "orgtrail"]);

    push_note("two.md");
    terminal.git(&["commit", "--quiet", "--allow-empty", "-m", "Mine"]);
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(45, &["--push"])), @r"
    exit 6
    error: could not rebuild main on what others pushed: COMMIT, which the remote does not have, is not the tool's own
    hint: bring the branches together with git, then run again
    ");
}

#[test]
fn credentials_of_another_organisation_are_refused_before_anything_else_is_fetched() {
    let (org, other) = (Org::small(), Org::start(orgtrail::sim::Scale::Small, 2));
    let mut terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let before = terminal.git(&["rev-parse", "HEAD", "refs/orgtrail/heartbeat"]);
    terminal.environment = other.environment();
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r"
    exit 6
    error: the trail belongs to the organisation UUID, the credentials to UUID
    hint: use the credentials of the trail's organisation, or a trail of its own for the other
    ");
    let paths: Vec<String> = other.running.requests().into_iter().map(|request| request.path).collect();
    assert_eq!(paths, ["/oauth/token", "/api/v2/organizations/me"]);
    assert_eq!(terminal.git(&["rev-parse", "HEAD", "refs/orgtrail/heartbeat"]), before);
}

/// A trail with one snapshot, in which a JSON file was then changed and committed.
fn recorded(org: &Org, path: &str, change: impl FnOnce(&mut serde_json::Value)) -> Terminal {
    let terminal = Terminal::at(org);
    terminal.snapshot(0, &[]).ends_with(0);
    let mut document = terminal.read_json(path);
    change(&mut document);
    let text = serde_json::to_string_pretty(&document).unwrap() + "\n";
    terminal.commit_as("orgtrail", vec![FileChange::write(path, text)]);
    terminal
}

#[test]
fn what_a_later_version_wrote_is_refused() {
    let org = Org::small();
    let queues = "snapshot/routing/queues.json";
    let terminal = recorded(&org, "snapshot/ledger.json", |ledger| ledger["schema_version"] = 2.into());
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r"
    exit 6
    error: snapshot/ledger.json is on record with schema version 2, and this orgtrail knows up to 1
    hint: use the version of orgtrail that wrote it, or a later one
    ");
    insta::assert_snapshot!(terminal.failure(&["diff"]), @r"
    exit 6
    error: snapshot/ledger.json is on record with schema version 2, and this orgtrail knows up to 1
    hint: use the version of orgtrail that wrote it, or a later one
    ");

    let terminal = recorded(&org, "snapshot/ledger.json", |ledger| {
        ledger["domains"]["routing.queues"]["schema_version"] = 9.into();
    });
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r"
    exit 6
    error: routing.queues is on record with schema version 9, and this orgtrail knows up to 1
    hint: use the version of orgtrail that wrote it, a later one, or the domain file in orgtrail.d/ that it was written with
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "HEAD~1"]), @r"
    exit 6
    error: routing.queues is on record with schema version 9, and this orgtrail knows up to 1
    hint: use the version of orgtrail that wrote it, a later one, or the domain file in orgtrail.d/ that it was written with
    ");

    let terminal = recorded(&org, queues, |document| document["schema_version"] = 9.into());
    set(&org, "routing.queues", "/name", "Another name");
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r"
    exit 6
    error: the files of routing.queues and the ledger do not have the same schema version
    hint: `git log -- snapshot` shows who wrote there last
    ");
}

#[test]
fn files_that_were_damaged_are_named() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    terminal.commit_as("orgtrail", vec![FileChange::write("snapshot/ledger.json", "{\"schema_version\": 1,")]);
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r"
    exit 6
    error: snapshot/ledger.json is not what orgtrail wrote: EOF while parsing a value at line 1 column 21
    hint: `git log -- snapshot` shows who wrote there last
    ");
}

#[test]
fn a_remote_whose_history_was_rewritten_is_refused() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let remote = terminal.add_remote();
    terminal.snapshot(0, &["--push"]).ends_with(0);
    git_in(&remote, &["update-ref", "refs/heads/main", "main~1"]);
    let asked = org.running.requests().len();
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &["--push"])), @r#"
    exit 6
    error: could not follow main of the remote "origin": it is at COMMIT, which does not build on COMMIT any more
    hint: find out who rewrote the remote's history before anything else is pushed
    "#);
    insta::assert_snapshot!(terminal.said(&terminal.snapshot(15, &[])), @r#"
    exit 6
    error: could not follow main of the remote "origin": it is at COMMIT, which does not build on COMMIT any more
    hint: find out who rewrote the remote's history before anything else is pushed
    "#);
    assert_eq!(org.running.requests().len(), asked);
}

#[test]
fn a_push_without_a_remote_is_refused() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--push"]), @r#"
    exit 2
    error: there is no remote "origin" to push to
    hint: `git remote add origin URL` names one
    "#);
    terminal.git(&["remote", "add", "origin", "git://git.example.com/trail.git"]);
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--push"]), @r#"
    exit 5
    error: could not reach the remote "origin": git is not supported
    hint: give the remote an address with https or ssh, or a path
    "#);
    terminal.git(&["remote", "set-url", "origin", "http://ann:hush@git.example.com/trail.git"]);
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--push"]), @r#"
    exit 5
    error: could not fetch from the remote "origin": plain http is for loopback only, not for git.example.com
    hint: `git remote set-url` changes it: https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or a path
    "#);
}

#[cfg(unix)]
#[test]
fn a_disk_without_space_loses_nothing() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let before = terminal.git(&["rev-parse", "HEAD"]);
    // No file may grow beyond a block, and the signal that says so is not heard: writes fail as on a full disk.
    let line = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
    let mut shell = std::process::Command::new("/bin/sh");
    terminal.seal(&mut shell);
    let binary = env!("CARGO_BIN_EXE_orgtrail");
    shell.args(["-c", line, "sh", binary, "-C", "trail", "snapshot"]);
    insta::assert_snapshot!(terminal.said(&Told::of(&shell.output().unwrap())), @r"
    exit 5
    error: could not write objects to ROOT/trail/.git/: cannot extend packfile 'ROOT/trail/.git/objects/pack/pack_git2_HEX': File too large; class=Os (2)
    hint: check free space and permissions of the trail's folder
    ");
    assert_eq!(terminal.git(&["rev-parse", "HEAD"]), before);
    terminal.git(&["fsck", "--strict"]);
    terminal.snapshot(0, &[]).ends_with(0);
    assert_eq!(terminal.git(&["status", "--porcelain"]), "");
}

/// Gives all below a folder to a user, if one is named, and takes the right to write from everybody.
#[cfg(unix)]
fn freeze(dir: &std::path::Path, user: Option<u32>, frozen: bool) {
    use std::os::unix::fs::{PermissionsExt, chown};
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            freeze(&path, user, frozen);
        }
        chown(&path, user, user).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        let mode = if frozen { mode & !0o222 } else { mode | 0o200 };
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
    }
}

#[cfg(unix)]
#[test]
fn a_read_only_trail_can_be_read_and_nothing_else() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
    use std::os::unix::process::CommandExt;
    /// A user without any rights; root ignores the modes of files.
    const NOBODY: u32 = 65534;
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let root = terminal.path("");
    let user = (std::fs::metadata(&root).unwrap().uid() == 0).then_some(NOBODY);
    // The binary may lie where nobody may look.
    let binary = terminal.path("orgtrail");
    std::fs::copy(env!("CARGO_BIN_EXE_orgtrail"), &binary).unwrap();
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o555)).unwrap();
    chown(&root, user, user).unwrap();
    freeze(&root, user, true);
    let run = |verb: &str| {
        let mut command = std::process::Command::new(&binary);
        terminal.seal(&mut command);
        if let Some(user) = user {
            command.uid(user).gid(user);
        }
        Told::of(&command.args(["-C", "trail", verb]).output().unwrap())
    };
    let (snapshot, diff) = (run("snapshot"), run("diff"));
    freeze(&root, user, false);
    insta::assert_snapshot!(terminal.said(&snapshot), @r"
    exit 5
    error: could not open ROOT/trail/.git/orgtrail.lock: Permission denied (os error 13)
    hint: check free space and permissions of the trail's folder
    ");
    diff.ends_with(0);
}

#[test]
fn a_secrets_key_that_is_missing_or_short_is_refused() {
    let org = Org::small();
    let mut terminal = Terminal::at(&org);
    terminal.environment.remove("ORGTRAIL_SECRET_KEY");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: there is no secrets key: ORGTRAIL_SECRET_KEY is not set and ROOT/home/.config/orgtrail/secret-key does not exist
    hint: `orgtrail init` makes one for this user; elsewhere set ORGTRAIL_SECRET_KEY to the same key
    ");
    terminal.set("ORGTRAIL_SECRET_KEY", "hunter2");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: could not use ORGTRAIL_SECRET_KEY: the secrets key has 7 characters, fewer than 32
    hint: `openssl rand -hex 32` makes one that is long enough
    ");
    terminal.set("ORGTRAIL_SECRET_KEY", crate::harness::KEY);
    terminal.set("ORGTRAIL_SECRET_KEY_PREVIOUS", "hunter2");
    insta::assert_snapshot!(terminal.failure(&["snapshot"]), @r"
    exit 2
    error: could not use ORGTRAIL_SECRET_KEY_PREVIOUS: the secrets key has 7 characters, fewer than 32
    hint: `openssl rand -hex 32` makes one that is long enough
    ");
    assert_eq!(org.running.requests().len(), 0);
}

#[test]
fn a_verb_that_cannot_print_a_format_says_which_it_can() {
    let terminal = Terminal::empty();
    let verbs: [&[&str]; 10] = [
        &["blame", "routing.queues/q"],
        &["doctor"],
        &["domains"],
        &["log"],
        &["plan"],
        &["rules"],
        &["rules", "explain", "queue-routing"],
        &["show", "routing.queues"],
        &["snapshot"],
        &["watch"],
    ];
    for verb in verbs {
        let told = Told::of(&terminal.binary().args(verb).args(["--format", "sarif"]).output().unwrap());
        let expected = format!(
            "exit 2\nerror: `orgtrail {}` cannot print sarif\nhint: `--format` takes text, json or markdown here\n",
            verb[0]
        );
        assert_eq!(terminal.said(&told), expected);
    }
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot_core(0, &[]).ends_with(0);
    insta::assert_snapshot!(terminal.failure(&["diff", "--format", "json-patch", "--min-severity", "high"]), @r"
    exit 2
    error: json-patch is the whole difference, so `--min-severity` cannot be used
    hint: leave `--min-severity` out, or ask for another format
    ");
}

#[test]
fn an_unknown_verb_flag_or_format_is_refused() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["snapsot"]), @r"
    exit 2
    error: unrecognized subcommand 'snapsot'

      tip: a similar subcommand exists: 'snapshot'

    Usage: orgtrail [OPTIONS] <COMMAND>

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--pus"]), @r"
    exit 2
    error: unexpected argument '--pus' found

      tip: a similar argument exists: '--push'

    Usage: orgtrail snapshot --push

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "--format", "jsn"]), @r"
    exit 2
    error: invalid value 'jsn' for '--format <FMT>'
      [possible values: text, json, jsonl, markdown, html, csv, sarif, junit, github, json-patch]

      tip: a similar value exists: 'json'

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "--fail-on", "hihg"]), @r"
    exit 2
    error: invalid value 'hihg' for '--fail-on <LEVEL>': expected critical, high, medium or low

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "--now", "yesterday"]), @r"
    exit 2
    error: invalid value 'yesterday' for '--now <INSTANT>': expected an instant such as 2026-03-03T08:00:00Z

    For more information, try '--help'.
    ");
    insta::assert_snapshot!(terminal.failure(&["snapshot", "--push", "--dry-run"]), @r"
    exit 2
    error: the argument '--push' cannot be used with '--dry-run'

    Usage: orgtrail snapshot --push

    For more information, try '--help'.
    ");
}

#[test]
fn an_unknown_revision_is_refused() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    insta::assert_snapshot!(terminal.failure(&["diff", "HEAD~99"]), @r#"
    exit 2
    error: could not find the revision "HEAD~99"
    hint: name a commit, a branch, a date (2026-03-03) or an instant (RFC 3339)
    "#);
    insta::assert_snapshot!(terminal.failure(&["diff", "2026-02-30"]), @r#"
    exit 2
    error: could not find the revision "2026-02-30"
    hint: name a commit, a branch, a date (2026-03-03) or an instant (RFC 3339)
    "#);
    insta::assert_snapshot!(terminal.failure(&["diff", "2026-03-01"]), @r"
    exit 2
    error: there is no run at or before 2026-03-01
    hint: the first run was at 2026-03-02T08:00:00Z
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "HEAD~1", ":/a: b"]), @r#"
    exit 2
    error: could not find the revision ":/a: b"
    hint: name a commit, a branch, a date (2026-03-03) or an instant (RFC 3339)
    "#);
    assert_eq!(morning().to_rfc3339(), "2026-03-02T08:00:00+00:00");
}

#[test]
fn a_comparison_before_the_first_snapshot_is_refused() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["diff"]), @r"
    exit 2
    error: the trail has no snapshot yet
    hint: `orgtrail snapshot` takes the first one
    ");
    insta::assert_snapshot!(terminal.failure(&["diff", "2026-03-02"]), @r"
    exit 2
    error: there is no run at or before 2026-03-02
    hint: `orgtrail snapshot` makes the first run
    ");
}

#[test]
fn a_typo_in_a_rule_or_domain_gets_the_nearest() {
    let terminal = Terminal::at(&Org::small());
    insta::assert_snapshot!(terminal.failure(&["rules", "explain", "admin-permision-granted"]), @r"
    exit 2
    error: there is no rule admin-permision-granted
    hint: did you mean admin-permission-granted? `orgtrail rules list` lists all
    ");
    insta::assert_snapshot!(terminal.failure(&["rules", "explain", "zzz"]), @r"
    exit 2
    error: there is no rule zzz
    hint: `orgtrail rules list` lists all
    ");
    insta::assert_snapshot!(terminal.failure(&["domains", "explain", "routing.queue"]), @r"
    exit 2
    error: there is no domain routing.queue
    hint: did you mean routing.queues? `orgtrail domains` lists all
    ");
    insta::assert_snapshot!(terminal.failure(&["domains", "explain", "queues"]), @r"
    exit 2
    error: there is no domain queues
    hint: did you mean routing.queues? `orgtrail domains` lists all
    ");
    insta::assert_snapshot!(terminal.failure(&["domains", "explain", "zzz"]), @r"
    exit 2
    error: there is no domain zzz
    hint: `orgtrail domains` lists all
    ");
}

#[test]
fn every_problem_of_the_users_rules_is_told_at_once() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.snapshot(0, &[]).ends_with(0);
    let rules = terminal.trail().join("rules.toml");
    let text = r#"
[[rule]]
id = "My Rule"
level = "high"
match = { domain = "routing.queue" }
message = "m"
remedy = "r"

[[rule]]
id = "condition"
level = "low"
match = { domain = "routing.queues", path = "acwSettings" }
when = "old =="
message = "m"
remedy = "r"

[[rule]]
level = "low"
message = "m"
remedy = "r"

[[rule]]
id = "level"
level = "urgent"
message = "m"
remedy = "r"

[[rule]]
id = "keys"
level = "low"
match = { domains = "routing.queues" }
message = "m"
remedy = "r"

[[rule]]
id = "keys"
level = "low"
message = "{nobody} did it"
"#;
    std::fs::write(&rules, text).unwrap();
    insta::assert_snapshot!(terminal.failure(&["config", "check"]), @r#"
    exit 2
    error: rules.toml:2: rule My Rule: its id is not in kebab case
    rules.toml:2: rule My Rule: match.domain: no domain is named "routing.queue"; did you mean "routing.queues"?
    rules.toml:9: rule condition: match.path: "acwSettings" does not begin with a slash
    rules.toml:9: rule condition: when: ERROR: <input>:1:7: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
    | old ==
    | ......^
    rules.toml:17: a rule has no id
    rules.toml:22: rule level: unknown variant `urgent`, expected one of `low`, `medium`, `high`, `critical`
    rules.toml:28: rule keys: unknown field `domains`, expected one of `domain`, `kind`, `path`, `entity`, `division`
    rules.toml:35: rule keys: another rule has the same id
    rules.toml:35: rule keys: missing field `remedy`
    hint: `orgtrail config check` checks again
    "#);
    insta::assert_snapshot!(terminal.failure(&["diff"]), @r#"
    exit 2
    error: rules.toml:2: rule My Rule: its id is not in kebab case
    rules.toml:2: rule My Rule: match.domain: no domain is named "routing.queue"; did you mean "routing.queues"?
    rules.toml:9: rule condition: match.path: "acwSettings" does not begin with a slash
    rules.toml:9: rule condition: when: ERROR: <input>:1:7: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}
    | old ==
    | ......^
    rules.toml:17: a rule has no id
    rules.toml:22: rule level: unknown variant `urgent`, expected one of `low`, `medium`, `high`, `critical`
    rules.toml:28: rule keys: unknown field `domains`, expected one of `domain`, `kind`, `path`, `entity`, `division`
    rules.toml:35: rule keys: another rule has the same id
    rules.toml:35: rule keys: missing field `remedy`
    hint: `orgtrail config check` checks again
    "#);
    std::fs::write(&rules, "[[rules]]\nid = \"mine\"\n").unwrap();
    insta::assert_snapshot!(terminal.failure(&["rules"]), @r"
    exit 2
    error: rules.toml:1: unknown field `rules`, expected `rule` or `lint`
    hint: `orgtrail config check` checks again
    ");
    std::fs::write(&rules, "[[rule]\n").unwrap();
    insta::assert_snapshot!(terminal.failure(&["rules"]), @r"
    exit 2
    error: rules.toml:1: unclosed array table, expected `]`
    hint: `orgtrail config check` checks again
    ");
}

#[test]
fn broken_rules_are_refused_before_anything_is_fetched() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    std::fs::write(terminal.trail().join("rules.toml"), "[[rule]\n").unwrap();
    let said = terminal.said(&terminal.snapshot(0, &[]));
    assert_eq!(said.lines().next(), Some("exit 2"), "{said}");
    assert_eq!(org.running.requests().len(), 0);
}
