//! What differs from what is agreed: open, accepted, reverted; approved whole or in part; proposed as a pull request.

use serde_json::Value as Json;

use orgtrail::model::Value;
use orgtrail::sim::Scale;

use crate::git_host::{GitHost, TOKEN};
use crate::harness::{Org, id};
use crate::terminal::{Terminal, assert_follows, git_in, set};

const BY: [&str; 4] = ["--by", "Ann Lee <ann@example.com>", "--reason", "as asked for in CHG-1"];

/// A trail whose first state is agreed to.
fn agreed(org: &Org) -> Terminal {
    let terminal = Terminal::at(org);
    terminal.snapshot_core(0, &[]).ends_with(0);
    approve(&terminal, 1, &[]).ends_with(0);
    terminal
}

fn approve(terminal: &Terminal, minutes: i64, arguments: &[&str]) -> crate::terminal::Told {
    let now = format!("2026-03-02T{:02}:{:02}:00Z", 8 + minutes / 60, minutes % 60);
    terminal.run(&[&["approve", "--now", &now], BY.as_slice(), arguments].concat())
}

fn drift(terminal: &Terminal, arguments: &[&str]) -> Json {
    let found = terminal.run(&[&["drift", "--format", "json"], arguments].concat()).json(0);
    assert_follows("drift", &found);
    found
}

/// The fingerprints of what is open.
fn open(found: &Json) -> Vec<String> {
    let fingerprint = |one: &Json| one["change"]["fingerprint"].as_str().unwrap().to_owned();
    found["open"].as_array().unwrap().iter().map(fingerprint).collect()
}

/// State and fingerprint of what is over.
fn ended(found: &Json) -> Vec<(String, String)> {
    let text = |one: &Json, name: &str| one[name].as_str().unwrap().to_owned();
    found["ended"].as_array().unwrap().iter().map(|one| (text(one, "state"), text(one, "fingerprint"))).collect()
}

/// The fingerprint of the only field of the only change.
fn field(found: &Json) -> String {
    let fields = found["open"][0]["change"]["fields"].as_array().unwrap();
    assert_eq!((found["open"].as_array().unwrap().len(), fields.len()), (1, 1), "{found:#}");
    fields[0]["fingerprint"].as_str().unwrap().to_owned()
}

#[test]
fn without_an_approval_the_way_to_one_is_told() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let first = terminal.snapshot_core(0, &[]);
    assert!(first.stderr.contains("orgtrail approve --reason"), "{}", first.stderr);
    insta::assert_snapshot!(terminal.failure(&["drift"]), @r"
    exit 2
    error: nothing is agreed yet: there is no branch approved
    hint: `orgtrail approve --reason TEXT` agrees to the last snapshot as it is
    ");
    approve(&terminal, 1, &[]).ends_with(0);
    assert_eq!(terminal.git(&["ls-tree", "--name-only", "approved"]), "snapshot\n");
    assert_eq!(terminal.git(&["rev-parse", "approved:snapshot"]), terminal.git(&["rev-parse", "main:snapshot"]));
    assert_eq!(terminal.git(&["log", "--format=%an <%ae> %cn", "approved"]), "Ann Lee <ann@example.com> orgtrail\n");
    assert!(open(&drift(&terminal, &[])).is_empty());
    assert!(!terminal.snapshot_core(15, &[]).stderr.contains("orgtrail approve"));
}

#[test]
fn a_drift_is_open_until_it_is_reverted_under_the_same_fingerprint() {
    let org = Org::small();
    let terminal = agreed(&org);
    let queues = id("routing.queues");
    let before = org.running.world(|world| {
        let key = world.keys(&queues).next().unwrap().clone();
        world.name_of(&queues, &key).unwrap().to_owned()
    });
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let seen = drift(&terminal, &[]);
    let fingerprint = field(&seen);
    assert_eq!(seen["open"][0]["first_seen"]["at"], "2026-03-02T08:15:00Z");
    // Later runs, and changes elsewhere in the entity, do not make it another one.
    set(&org, "routing.queues", "/description", "Something else");
    terminal.snapshot_core(30, &[]).ends_with(0);
    let later = drift(&terminal, &[]);
    let fields: Vec<&Json> = later["open"][0]["change"]["fields"].as_array().unwrap().iter().collect();
    assert!(fields.iter().any(|field| field["fingerprint"] == fingerprint.as_str()), "{later:#}");
    assert_eq!(later["open"][0]["first_seen"]["at"], "2026-03-02T08:15:00Z");

    set(&org, "routing.queues", "/name", before.clone());
    terminal.snapshot_core(45, &[]).ends_with(0);
    let after = drift(&terminal, &["--all"]);
    assert_eq!(ended(&after), [("reverted".to_owned(), fingerprint.clone())]);
    assert_eq!(after["ended"][0]["ended"]["at"], "2026-03-02T08:45:00Z");
    assert!(!after["open"].to_string().contains(&fingerprint));
}

#[test]
fn what_is_approved_is_accepted_and_never_comes_again() {
    let org = Org::small();
    let terminal = agreed(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let fingerprint = field(&drift(&terminal, &[]));
    approve(&terminal, 20, &[]).ends_with(0);
    for minutes in [30, 45] {
        terminal.snapshot_core(minutes, &[]).ends_with(0);
        assert!(open(&drift(&terminal, &[])).is_empty());
    }
    let all = drift(&terminal, &["--all"]);
    assert_eq!(ended(&all), [("accepted".to_owned(), fingerprint)]);
    assert_eq!(all["ended"][0]["by"], "Ann Lee");
    assert_eq!(all["ended"][0]["reason"], "as asked for in CHG-1");
    assert_eq!(all["ended"][0]["first_seen"]["at"], "2026-03-02T08:15:00Z");
    // Nothing to agree to makes no commit.
    let commits = terminal.git(&["rev-list", "--count", "approved"]);
    approve(&terminal, 50, &[]).ends_with(0);
    assert_eq!(terminal.git(&["rev-list", "--count", "approved"]), commits);
}

#[test]
fn a_part_is_approved_by_entity_or_by_fingerprint_and_the_rest_stays_open() {
    let org = Org::small();
    let terminal = agreed(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    set(&org, "routing.queues", "/description", "Described");
    set(&org, "routing.skills", "/name", "Other skill");
    set(&org, "architect.flows", "/description", "Other flow");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let seen = drift(&terminal, &[]);
    assert_eq!(open(&seen).len(), 3);

    approve(&terminal, 20, &["--entity", "routing.skills/Other skill"]).ends_with(0);
    let left = drift(&terminal, &[]);
    assert_eq!(open(&left).len(), 2);
    assert!(!left.to_string().contains("Other skill"));
    let queue =
        left["open"].as_array().unwrap().iter().find(|one| one["change"]["domain"] == "routing.queues").unwrap();
    let fields = queue["change"]["fields"].as_array().unwrap();
    let name = fields.iter().find(|field| field["path"] == "/name").unwrap()["fingerprint"].as_str().unwrap();
    let description = fields.iter().find(|field| field["path"] == "/description").unwrap()["fingerprint"].clone();

    approve(&terminal, 25, &["--change", name]).ends_with(0);
    let left = drift(&terminal, &["--all"]);
    assert_eq!(ended(&left), [("accepted".to_owned(), name.to_owned())]);
    let queue =
        left["open"].as_array().unwrap().iter().find(|one| one["change"]["domain"] == "routing.queues").unwrap();
    assert_eq!(queue["change"]["fields"].as_array().unwrap().len(), 1);
    assert_eq!(queue["change"]["fields"][0]["fingerprint"], description);
    // Since when the rest is open, and who did it, is still known.
    assert!(left["open"].as_array().unwrap().iter().all(|one| one["first_seen"]["at"] == "2026-03-02T08:15:00Z"));
    // The rest, and then nothing is left, and what is agreed is what is observed to the byte.
    approve(&terminal, 30, &[]).ends_with(0);
    assert!(open(&drift(&terminal, &[])).is_empty());
    assert_eq!(terminal.git(&["rev-parse", "approved:snapshot"]), terminal.git(&["rev-parse", "main:snapshot"]));
    terminal.git(&["fsck", "--strict"]);
}

#[test]
fn a_choice_that_names_nothing_is_refused() {
    let org = Org::small();
    let terminal = agreed(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let refused = |arguments: &[&str]| terminal.said(&approve(&terminal, 20, arguments));
    insta::assert_snapshot!(refused(&["--change", "0123456789abcdef"]), @r"
    exit 2
    error: no drift has the fingerprint HEX
    hint: `orgtrail drift` lists what differs, with fingerprints
    ");
    insta::assert_snapshot!(refused(&["--entity", "routing.queues/Nobody"]), @r"
    exit 2
    error: routing.queues/Nobody does not differ from what is agreed
    hint: `orgtrail drift` lists what differs, with fingerprints
    ");
    insta::assert_snapshot!(refused(&["--entity", "Renamed"]), @r"
    exit 2
    error: Renamed is no entity
    hint: name one as DOMAIN/KEY or DOMAIN/NAME, as in routing.queues/Support
    ");
    insta::assert_snapshot!(terminal.failure(&["approve", "--reason", " ", "--by", "Ann Lee <ann@example.com>"]), @r"
    exit 2
    error: an approval has to say why
    hint: `--reason` takes a sentence or the number of a request
    ");
    insta::assert_snapshot!(terminal.failure(&["approve", "--reason", "because"]), @r#"
    exit 2
    error: nothing says who agrees
    hint: `--by "NAME <EMAIL>"` says it, or `git config user.name` and `user.email`
    "#);
}

#[test]
fn the_organisation_as_it_is_now_is_compared_without_a_trace() {
    let org = Org::small();
    let terminal = agreed(&org);
    let state = || (terminal.git(&["for-each-ref"]), terminal.git(&["count-objects"]));
    set(&org, "routing.queues", "/name", "Renamed");
    let before = state();
    let core = orgtrail::session::catalogue().unwrap();
    let mut arguments = vec!["--live", "--now", "2026-03-02T08:20:00Z"];
    for domain in core.names().filter(|domain| crate::harness::is_core(domain)) {
        arguments.extend(["--only", domain.as_str()]);
    }
    let live = drift(&terminal, &arguments);
    assert_eq!(state(), before);
    let fingerprint = field(&live);
    assert_eq!(live["observed"]["commit"], Json::Null);
    terminal.snapshot_core(30, &[]).ends_with(0);
    assert_eq!(field(&drift(&terminal, &[])), fingerprint);
}

/// A trail with a remote and a host, agreed to on both.
fn hosted(org: &Org) -> (Terminal, GitHost) {
    let host = GitHost::start();
    let mut terminal = Terminal::at(org);
    let remote = terminal.add_remote();
    git_in(&remote, &["config", "receive.denyDeletes", "true"]);
    for (name, value) in
        [("GITHUB_TOKEN", TOKEN), ("GITHUB_REPOSITORY", "acme/trail"), ("GITHUB_API_URL", host.url.as_str())]
    {
        terminal.set(name, value);
    }
    terminal.snapshot_core(0, &["--push"]).ends_with(0);
    approve(&terminal, 1, &["--push"]).ends_with(0);
    assert_eq!(git_in(&remote, &["ls-tree", "--name-only", "approved"]), "snapshot\n");
    (terminal, host)
}

fn open_pr(terminal: &Terminal, minutes: i64, arguments: &[&str]) -> String {
    let now = format!("2026-03-02T{:02}:{:02}:00Z", 8 + minutes / 60, minutes % 60);
    let told = terminal.run(&[&["review", "--open-pr", "--now", &now], arguments].concat());
    assert!(!format!("{}{}", told.stdout, told.stderr).contains(TOKEN));
    assert_eq!(told.code, 0, "{}", told.stderr);
    let number = told.stderr.lines().find_map(|line| line.split_once("pull request ")?.1.split(' ').next());
    assert_eq!(number.is_some(), told.stdout.starts_with("## "), "{}", told.stdout);
    number.unwrap_or_default().to_owned()
}

#[test]
fn the_pull_request_proposes_what_is_observed_and_later_runs_leave_it_alone() {
    let org = Org::start(Scale::Small, 7);
    let (terminal, host) = hosted(&org);
    let remote = terminal.path("remote.git");
    assert_eq!(open_pr(&terminal, 2, &[]), "");
    assert_eq!(host.writes(), Vec::<String>::new());

    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &["--push"]).ends_with(0);
    let number = open_pr(&terminal, 16, &[]);
    assert_eq!(host.writes(), ["POST /repos/acme/trail/pulls"]);
    let pull = |number: &str| host.with(|hosted| hosted.pulls[&number.parse::<u64>().unwrap()].clone());
    let opened = pull(&number);
    assert_eq!((opened.head.as_str(), opened.base.as_str()), ("orgtrail/review", "approved"));
    assert!(opened.body.contains("Renamed"), "{}", opened.body);
    // One commit on top of what is agreed, with the state of the named run.
    assert_eq!(git_in(&remote, &["rev-parse", "orgtrail/review^"]), git_in(&remote, &["rev-parse", "approved"]));
    assert_eq!(
        git_in(&remote, &["rev-parse", "orgtrail/review:snapshot"]),
        git_in(&remote, &["rev-parse", "main:snapshot"])
    );
    let proposed = git_in(&remote, &["rev-parse", "orgtrail/review"]);

    // Nothing new: nothing is said again. A later run: it is told of, and the branch stays.
    open_pr(&terminal, 17, &[]);
    assert_eq!(host.writes(), Vec::<String>::new());
    set(&org, "routing.skills", "/name", "Other skill");
    terminal.snapshot_core(30, &["--push"]).ends_with(0);
    assert_eq!(open_pr(&terminal, 31, &[]), number);
    assert_eq!(host.writes(), [format!("PATCH /repos/acme/trail/pulls/{number}")]);
    assert!(pull(&number).body.contains("1 more change was seen since then"), "{}", pull(&number).body);
    assert!(!pull(&number).body.contains("Other skill"));
    assert_eq!(git_in(&remote, &["rev-parse", "orgtrail/review"]), proposed);

    // Asked to, it takes in what is observed now.
    open_pr(&terminal, 32, &["--refresh"]);
    assert!(pull(&number).body.contains("Other skill"));
    assert_eq!(
        git_in(&remote, &["rev-parse", "orgtrail/review:snapshot"]),
        git_in(&remote, &["rev-parse", "main:snapshot"])
    );
    assert_eq!(host.with(|hosted| hosted.pulls.len()), 1);
}

#[test]
fn a_merge_a_squash_and_a_rebase_of_the_pull_request_agree_to_it() {
    for how in ["merge", "squash", "rebase"] {
        let org = Org::start(Scale::Small, 7);
        let (terminal, host) = hosted(&org);
        set(&org, "routing.queues", "/name", "Renamed");
        terminal.snapshot_core(15, &["--push"]).ends_with(0);
        let number: u64 = open_pr(&terminal, 16, &[]).parse().unwrap();
        let fingerprint = field(&drift(&terminal, &[]));

        let clone = terminal.clone_remote(how);
        git_in(&clone, &["checkout", "--quiet", "approved"]);
        match how {
            "merge" => {
                git_in(&clone, &["merge", "--quiet", "--no-ff", "-m", "Merge pull request", "origin/orgtrail/review"])
            }
            "squash" => {
                git_in(&clone, &["merge", "--quiet", "--squash", "origin/orgtrail/review"]);
                git_in(&clone, &["commit", "--quiet", "-m", "Agreed (#1)"])
            }
            _ => git_in(&clone, &["cherry-pick", "origin/orgtrail/review"]),
        };
        git_in(&clone, &["push", "--quiet", "origin", "approved"]);
        host.with(|hosted| hosted.pulls.get_mut(&number).unwrap().is_open = false);
        host.writes();

        // The next run learns of it from the remote; what was agreed to is no drift, and what comes then is.
        set(&org, "routing.skills", "/name", "Other skill");
        terminal.snapshot_core(30, &["--push"]).ends_with(0);
        let all = drift(&terminal, &["--all"]);
        assert_eq!(ended(&all), [("accepted".to_owned(), fingerprint)], "{how}");
        assert_eq!(open(&all).len(), 1, "{how}");
        assert!(all["open"].to_string().contains("Other skill"), "{how}");
        open_pr(&terminal, 31, &[]);
        assert_eq!(host.writes(), ["POST /repos/acme/trail/pulls"], "{how}");
    }
}

#[test]
fn there_is_one_comment_however_often_it_is_posted() {
    let org = Org::start(Scale::Small, 7);
    let (mut terminal, host) = hosted(&org);
    terminal.set("GITHUB_REF", "refs/pull/42/merge");
    let post = |terminal: &Terminal| terminal.run(&["review", "--post"]).ends_with(0);
    // Nothing differs: nothing is posted.
    post(&terminal);
    assert_eq!(host.writes(), Vec::<String>::new());
    // Somebody else's comment with the same marker is not ours; ours stands behind many others.
    host.with(|hosted| {
        for id in 1000..1250 {
            let text = if id == 1000 { "<!-- orgtrail review -->\nmine" } else { "hello" };
            hosted.comments.insert(id, (42, "mallory".to_owned(), text.to_owned()));
        }
    });
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    post(&terminal);
    assert_eq!(host.writes(), ["POST /repos/acme/trail/issues/42/comments"]);
    post(&terminal);
    assert_eq!(host.writes(), Vec::<String>::new());
    set(&org, "routing.queues", "/name", "Renamed again");
    terminal.snapshot_core(30, &[]).ends_with(0);
    post(&terminal);
    let ours = |hosted: &mut crate::git_host::Hosted| {
        let ours: Vec<String> =
            hosted.comments.values().filter(|one| one.1 != "mallory").map(|one| one.2.clone()).collect();
        ours
    };
    assert_eq!(host.writes().len(), 1);
    let comments = host.with(ours);
    assert_eq!(comments.len(), 1);
    assert!(comments[0].contains("Renamed again"), "{}", comments[0]);
    assert!(host.with(|hosted| hosted.comments[&1000].2.contains("mine")));
}

#[test]
fn a_host_that_refuses_is_told_with_what_is_missing_and_without_the_token() {
    let org = Org::start(Scale::Small, 7);
    let (mut terminal, host) = hosted(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &["--push"]).ends_with(0);
    host.with(|hosted| hosted.refuses = Some(403));
    let told = terminal.run(&["review", "--post", "--pull-request", "42"]);
    let said = terminal.said(&told).replace(&host.url["http://".len()..], "HOST");
    assert!(!said.contains(TOKEN));
    insta::assert_snapshot!(said, @r"
    exit 3
    error: HOST would not take POST issues/42/comments: 403 Resource not accessible by integration
    hint: the token has to be of this repository, with `pull-requests: write`; for --open-pr the repository has to allow GitHub Actions to create pull requests (Settings, Actions, General)
    ");
    terminal.set("GITHUB_TOKEN", "wrong-canary-1");
    let told = terminal.run(&["review", "--open-pr", "--now", "2026-03-02T08:20:00Z"]);
    let said = terminal.said(&told).replace(&host.url["http://".len()..], "HOST");
    assert!(!said.contains("wrong-canary"));
    insta::assert_snapshot!(said, @r"
    exit 3
    error: HOST would not answer GET /repos/acme/trail/pulls: 401 Bad credentials
    hint: check GITHUB_TOKEN
    ");
    terminal.environment.remove("GITHUB_TOKEN");
    insta::assert_snapshot!(terminal.failure(&["review", "--post"]), @r"
    exit 2
    error: the environment does not set GITHUB_TOKEN
    hint: a job of GitHub Actions has all of them but the token: `env: GITHUB_TOKEN: ${{ github.token }}`
    ");
}

#[test]
fn what_is_acknowledged_is_told_apart_until_its_last_day() {
    let org = Org::small();
    let terminal = agreed(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let report = terminal.path("drift.json");
    terminal.run(&["drift", "--format", "json", "--output", report.to_str().unwrap()]).ends_with(0);
    let generate = ["ack", "gen", report.to_str().unwrap(), "--owner", "ann@example.com", "--reason", "CHG-\"1\""];
    let text = terminal.run(&[&generate[..], &["--expires", "2026-06-30"]].concat()).ends_with(0);
    std::fs::create_dir(terminal.trail().join("acks")).unwrap();
    std::fs::write(terminal.trail().join("acks/queues.toml"), &text).unwrap();

    let at = |day: &str, arguments: &[&str]| {
        let now = format!("{day}T12:00:00Z");
        terminal.run(&[arguments, &["--now", &now, "--fail-on", "low"]].concat())
    };
    let found = at("2026-06-30", &["drift", "--format", "json"]).json(0);
    assert_follows("drift", &found);
    assert_eq!((&found["counts"]["high"], open(&found).len()), (&Json::from(0), 1));
    assert_eq!(found["acknowledged"].as_object().unwrap().len(), 1);
    let said = at("2026-06-30", &["drift"]).ends_with(0);
    assert!(said.starts_with("No changes; 1 acknowledged\n"), "{said}");
    assert!(said.contains("acknowledged by ann@example.com until 2026-06-30: CHG-\"1\""), "{said}");
    assert!(at("2026-06-30", &["review"]).ends_with(0).contains("<summary>1 change acknowledged</summary>"));
    assert_eq!(at("2026-06-30", &["ack", "check", "--format", "json"]).json(0)["findings"], serde_json::json!([]));
    // Generated anew there is nothing left to acknowledge.
    std::fs::write(&report, found.to_string()).unwrap();
    let again = terminal.run(&[&generate[..], &["--expires", "2026-06-30"]].concat()).ends_with(0);
    assert!(!again.contains("[[ack]]"), "{again}");

    // A day later it is open again, and the acknowledgement itself is a finding.
    assert_eq!(at("2026-07-01", &["drift", "--format", "json"]).code, 1);
    let expired = at("2026-07-01", &["ack", "check", "--format", "json"]).json(1);
    assert_follows("findings", &expired);
    assert_eq!(expired["findings"][0]["rule"], "ack-expired");
    assert_eq!(
        (&expired["findings"][0]["place"]["file"], &expired["findings"][0]["place"]["line"]),
        (&Json::from("acks/queues.toml"), &Json::from(4))
    );
    // Once it is agreed to, the acknowledgement is about nothing.
    approve(&terminal, 30, &[]).ends_with(0);
    assert_eq!(at("2026-06-30", &["ack", "check", "--format", "json"]).json(1)["findings"][0]["rule"], "ack-unused");
}

#[test]
fn an_acknowledgement_that_cannot_be_used_stops_what_would_need_it() {
    let org = Org::small();
    let terminal = agreed(&org);
    std::fs::create_dir(terminal.trail().join("acks")).unwrap();
    std::fs::write(terminal.trail().join("acks/a.toml"), "[[ack]]\nrule = \"r\"\n").unwrap();
    insta::assert_snapshot!(terminal.failure(&["drift"]), @r"
    exit 2
    error: acks/a.toml:1: missing field `owner`
    hint: `orgtrail ack gen` writes acknowledgements that can be used
    ");
    insta::assert_snapshot!(terminal.failure(&["ack", "gen", "orgtrail.toml", "--owner", "a", "--reason", "b", "--expires", "2026-06-30"]), @r"
    exit 2
    error: could not read orgtrail.toml: No such file or directory (os error 2)
    hint: it is what `orgtrail drift --format json` or another report in JSON printed
    ");
}

#[test]
fn two_people_who_agree_to_parts_build_on_each_other() {
    let org = Org::start(Scale::Small, 7);
    let (terminal, _host) = hosted(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    set(&org, "routing.skills", "/name", "Other skill");
    terminal.snapshot_core(15, &["--push"]).ends_with(0);
    let clone = terminal.clone_remote("clone");
    approve(&terminal, 16, &["--entity", "routing.queues/Renamed", "--push"]).ends_with(0);
    let arguments = ["approve", "--now", "2026-03-02T08:17:00Z", "--push", "--entity", "routing.skills/Other skill"];
    terminal.run_in(&clone, &[arguments.as_slice(), BY.as_slice()].concat()).ends_with(0);
    let remote = terminal.path("remote.git");
    assert_eq!(git_in(&remote, &["rev-list", "--count", "approved"]), "3\n");
    assert_eq!(git_in(&remote, &["rev-parse", "approved:snapshot"]), git_in(&remote, &["rev-parse", "main:snapshot"]));
    let reasons = git_in(&remote, &["log", "-1", "--format=%(trailers:key=Orgtrail-Reason,valueonly)", "approved"]);
    assert_eq!(reasons.trim(), "as asked for in CHG-1");
    // The proposal goes with what is agreed.
    assert_eq!(open_pr(&terminal, 18, &[]), "");
}

#[test]
fn a_fingerprint_is_that_of_the_content_whatever_it_is_called_and_wherever_it_stands() {
    let org = Org::small();
    let terminal = agreed(&org);
    set(&org, "routing.queues", "/name", "Renamed");
    terminal.snapshot_core(15, &[]).ends_with(0);
    let fingerprint = field(&drift(&terminal, &[]));
    let sarif = |terminal: &Terminal| -> (Json, Json) {
        let found = terminal.run(&["drift", "--format", "sarif"]).json(0);
        let results = found["runs"][0]["results"].as_array().unwrap().clone();
        let ours = |one: &&Json| one["partialFingerprints"].to_string().contains(&fingerprint);
        let one = results.iter().find(ours).unwrap();
        (one["message"]["text"].clone(), one["locations"][0]["physicalLocation"]["region"]["startLine"].clone())
    };
    let (message, line) = sarif(&terminal);
    // Another rule judges it in other words, and entities before it move its line.
    let rule = "[[rule]]\nid = \"renamed\"\nlevel = \"low\"\nmatch = { domain = \"routing.queues\", path = \"/name\" }\n\
                message = \"It has another name\"\nremedy = \"None.\"\n";
    std::fs::write(terminal.trail().join("rules.toml"), rule).unwrap();
    org.running.world(|world| {
        let queues = id("routing.queues");
        let key = world.keys(&queues).next().unwrap().clone();
        let Value::Object(mut twin) = world.entity(&queues, &key).unwrap().clone() else {
            panic!("a queue is an object")
        };
        twin.insert("id", Value::from("00000000-0000-4000-8000-000000000001".to_owned()));
        twin.insert("name", Value::from("First".to_owned()));
        world.insert(&queues, None, Value::Object(twin)).unwrap();
    });
    terminal.snapshot_core(30, &[]).ends_with(0);
    let found = drift(&terminal, &[]);
    assert_eq!(open(&found).len(), 2);
    assert!(found.to_string().contains(&fingerprint));
    let (now_said, now_at) = sarif(&terminal);
    assert_ne!((&now_said, &now_at), (&message, &line));
    assert!(now_said.as_str().unwrap().starts_with("It has another name"), "{now_said}");
    assert!(now_at.as_u64() > line.as_u64());
}
