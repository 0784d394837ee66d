//! Domains of the user's own: files under `orgtrail.d/` in the trail that add a domain or stand in the place of one.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use orgtrail::catalogue::{Catalogue, Origin, USER_DIR, UserFile, embedded_file};
use orgtrail::model::{Object, OwnedValue, Value};
use orgtrail::session::{Workspace, make_trail};
use orgtrail::sim::{Scale, World};

use crate::faults::kinds;
use crate::harness::{Org, TestTrail, files, id, morning};
use crate::terminal::{Terminal, git_in, set};

const RANGES: &str = r#"about = "The addresses that Genesys Cloud calls from, and can be called at."
schema_version = 1
tier = "standard"
[source]
path = "/api/v2/ipranges"
paging = "unpaged"
[identity]
key = ["region", "service", "direction", "cidr"]
name = "cidr"
[risk]
added = "high"
removed = "high"
modified = "high"
"#;

const RANGES_SCHEMA: &str = r#"{ "properties": { "entities": { "additionalProperties": {
  "type": "object",
  "properties": {
    "cidr": { "type": "string" },
    "direction": { "type": "string" },
    "region": { "type": "string" },
    "service": { "type": "string" }
  }
} } } }
"#;

/// The files of a domain that orgtrail does not have.
fn ranges() -> [(&'static str, String); 2] {
    [("network/ip-ranges.toml", RANGES.to_owned()), ("network/ip-ranges.v1.json", RANGES_SCHEMA.to_owned())]
}

/// The file of a built-in domain, with one thing changed.
fn changed(path: &'static str, from: &str, to: &str) -> (&'static str, String) {
    let text = embedded_file(path).unwrap();
    assert!(text.contains(from), "{path}");
    (path, text.replacen(from, to, 1))
}

/// Puts files into the folder of own domains.
fn put(trail: &Path, files: impl IntoIterator<Item = (&'static str, String)>) {
    for (path, text) in files {
        let path = trail.join(USER_DIR).join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

/// An organisation that has the user's domains as well.
fn org_with(files: impl IntoIterator<Item = (&'static str, String)>) -> Org {
    let file =
        |(path, text): (&str, String)| UserFile { path: format!("{USER_DIR}/{path}"), content: text.into_bytes() };
    let own: Vec<UserFile> = files.into_iter().map(file).collect();
    Org::of(World::generate(&Arc::new(Catalogue::with(&own).unwrap()), Scale::Small, 1))
}

/// A range of addresses as the API tells it.
fn range(cidr: &str) -> OwnedValue {
    let members = [("cidr", cidr), ("direction", "inbound"), ("region", "eu-west-1"), ("service", "api")];
    Value::Object(members.into_iter().map(|(name, text)| (name.into(), Value::from(text))).collect::<Object<'static>>())
}

#[test]
fn a_path_that_is_called_volatile_leaves_in_a_migration_and_is_no_change() {
    let (org, mut trail) = (Org::small(), TestTrail::new());
    trail.snapshot(&org).unwrap();
    let queues = "snapshot/routing/queues.json";
    assert!(trail.git(&["show", &format!("HEAD:{queues}")]).contains("\"description\""));

    let file = changed("routing/queues.toml", "volatile = [", "volatile = [\"description\", ");
    put(trail.path(), [file]);
    trail.workspace = Workspace::open(trail.path(), None).unwrap();
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert_eq!((taken.exits.code(), taken.document.commits.len()), (0, 1));
    assert_eq!(kinds(&trail)[..2], ["schema-migration", "baseline"]);
    assert!(!trail.git(&["show", &format!("HEAD:{queues}")]).contains("\"description\""));
    assert!(!trail.snapshot(&org).unwrap().document.changed);

    // Without the file the built-in one counts again: what it keeps comes back, and is nobody's change either.
    std::fs::remove_dir_all(trail.path().join(USER_DIR)).unwrap();
    trail.workspace = Workspace::open(trail.path(), None).unwrap();
    let taken = trail.snapshot(&org).unwrap();
    assert!(taken.changes.changes.is_empty(), "{:#?}", taken.changes.changes);
    assert!(kinds(&trail)[..2].iter().all(|kind| kind == "schema-migration"), "{:?}", kinds(&trail));
    assert!(trail.git(&["show", &format!("HEAD:{queues}")]).contains("\"description\""));
    assert!(!trail.snapshot(&org).unwrap().document.changed);
}

#[test]
fn a_domain_that_is_added_is_captured_compared_and_judged_like_any_other() {
    let org = org_with(ranges());
    let terminal = Terminal::at(&org);
    put(&terminal.trail(), ranges());
    let ranges = id("network.ip-ranges");
    org.running.world(|world| world.insert(&ranges, None, range("10.1.0.0/16")).unwrap());

    let first = terminal.snapshot(0, &["--only", "network.*", "--format", "json"]).json(0);
    assert_eq!(first["baselines"]["network.ip-ranges"], first["domains"]["network.ip-ranges"]["entities"]);
    assert!(
        terminal.read_json("snapshot/network/ip-ranges.json")["entities"]["eu-west-1:api:inbound:10.1.0.0/16"]
            .is_object()
    );

    let gone = org.running.world(|world| {
        let gone = world.keys(&ranges).next().unwrap().clone();
        assert!(world.remove(&ranges, &gone));
        world.insert(&ranges, None, range("10.2.0.0/16")).unwrap();
        gone
    });
    let second = terminal.snapshot(15, &["--only", "network.*", "--format", "json"]).json(0);
    assert_eq!(second["counts"]["high"], 2, "{second:#}");
    let changes = terminal.run(&["diff", "--format", "json"]).json(0);
    let told: Vec<(&str, &str, &str)> = changes["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            let text = |value: &'static str| change[value].as_str().unwrap();
            (text("kind"), change["entity"]["id"].as_str().unwrap(), text("rule"))
        })
        .collect();
    assert!(told.contains(&("added", "eu-west-1:api:inbound:10.2.0.0/16", "network-ip-ranges-added")), "{told:?}");
    assert!(told.contains(&("removed", gone.as_str(), "network-ip-ranges-removed")), "{told:?}");
    assert!(!terminal.snapshot(30, &["--only", "network.*", "--format", "json"]).json(0)["changed"].as_bool().unwrap());

    // Rules and settings can name it, as long as it is there.
    std::fs::write(terminal.trail().join("orgtrail.toml"), "[capture]\ninclude = [\"network.ip-ranges\"]\n").unwrap();
    terminal.run(&["config", "check"]).ends_with(0);
    std::fs::remove_dir_all(terminal.trail().join(USER_DIR)).unwrap();
    insta::assert_snapshot!(terminal.failure(&["config", "check"]), @r#"
    exit 2
    error: orgtrail.toml:2: [capture] include: "network.ip-ranges" matches no domain
    hint: `orgtrail config check` checks again
    "#);
    std::fs::write(terminal.trail().join("orgtrail.toml"), "").unwrap();
    // Without its files the domain is no longer captured; what is on record of it stays.
    terminal.snapshot(45, &["--only", "routing.skills"]).ends_with(0);
    assert!(terminal.trail().join("snapshot/network/ip-ranges.json").is_file());
    terminal.run(&["diff"]).ends_with(0);
}

#[test]
fn own_files_are_taken_from_the_branch_of_a_bare_repository() {
    let org = org_with(ranges());
    let terminal = Terminal::at(&org);
    put(&terminal.trail(), ranges());
    terminal.git(&["add", USER_DIR]);
    terminal.git(&["commit", "--quiet", "-m", "Ranges"]);
    let bare = terminal.path("bare.git");
    git_in(&terminal.path("."), &["clone", "--quiet", "--bare", "trail", "bare.git"]);
    let listed = terminal.run_in(&bare, &["domains", "--format", "json"]).json(0);
    let added = |listed: &serde_json::Value| {
        let domains = listed["domains"].as_array().unwrap();
        domains.iter().filter(|domain| domain["origin"] == "added").count()
    };
    assert_eq!(added(&listed), 1);
    terminal.snapshot_in(&bare, 0, &["--only", "network.*"]).ends_with(0);
    assert!(git_in(&bare, &["ls-tree", "-r", "--name-only", "main"]).contains("snapshot/network/ip-ranges.json"));
    // The working tree counts where there is one, committed or not.
    std::fs::remove_dir_all(terminal.trail().join(USER_DIR)).unwrap();
    assert_eq!(added(&terminal.run(&["domains", "--format", "json"]).json(0)), 0);
}

#[test]
fn a_run_neither_writes_nor_commits_own_files_and_no_edit_of_them_stops_it() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    terminal.add_remote();
    let trail = terminal.trail();
    put(&trail, [changed("routing/skills.toml", "about = ", "# Mine.\nabout = ")]);
    terminal.git(&["add", USER_DIR]);
    terminal.git(&["commit", "--quiet", "-m", "Mine"]);
    // Changed, staged and untracked files, and what is no domain file at all.
    put(&trail, [changed("routing/skills.toml", "about = ", "# Mine, changed.\nabout = ")]);
    put(&trail, [changed("routing/queues.toml", "about = ", "# Staged.\nabout = ")]);
    terminal.git(&["add", "orgtrail.d/routing/queues.toml"]);
    put(&trail, [("notes.md", "# Why\n".to_owned()), ("routing/.skills.toml.swp", "not TOML".to_owned())]);
    let own = || -> Vec<(PathBuf, Vec<u8>)> {
        let all = files(&trail.join(USER_DIR));
        all.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
    };
    let (before, status) = (own(), terminal.git(&["status", "--porcelain"]));
    for minutes in [0, 15] {
        terminal.snapshot(minutes, &["--push", "--only", "routing.skills", "--only", "routing.queues"]).ends_with(0);
        set(&org, "routing.skills", "/name", "Another name");
        assert_eq!(own(), before);
        assert_eq!(terminal.git(&["status", "--porcelain"]), status);
    }
    let written = terminal.git(&["log", "--format=", "--name-only", "--author=orgtrail@", "HEAD~2..HEAD"]);
    assert!(written.contains("snapshot/routing/skills.json") && !written.contains(USER_DIR), "{written}");
}

#[test]
fn every_problem_of_own_files_is_told_by_every_verb_before_anything_is_asked() {
    let org = Org::small();
    let terminal = Terminal::at(&org);
    let file = changed("routing/skills.toml", "paging = \"page-number\"", "pagin = \"page-number\"");
    let (path, text) = (file.0, file.1.replacen("volatile = [", "volatile = [\"nmae\", ", 1));
    put(&terminal.trail(), [(path, text), ("skills.toml", String::new())]);
    put(&terminal.trail(), [("routing/queues.v1.json", "{ \"properties\": {} }\n".to_owned())]);
    insta::assert_snapshot!(terminal.failure(&["config", "check"]), @r#"
    exit 2
    error: orgtrail.d/routing/queues.v1.json:1: properties.entities.additionalProperties is missing, which describes an entity
    orgtrail.d/routing/skills.toml:6: source.paging is missing
    orgtrail.d/routing/skills.toml:8: unknown key "pagin" in [source]; did you mean "paging"?
    orgtrail.d/routing/skills.toml:23: treat.volatile: the schema has no nmae; did you mean "name"?
    orgtrail.d/skills.toml: a domain is orgtrail.d/<family>/<domain>.toml, and its schema orgtrail.d/<family>/<domain>.v<version>.json beside it
    hint: `orgtrail config check` checks again
    "#);
    let told = terminal.failure(&["config", "check"]);
    for verb in
        [&["snapshot"][..], &["domains"], &["domains", "explain", "users.users"], &["rules"], &["doctor"], &["diff"]]
    {
        assert_eq!(terminal.failure(verb), told, "{verb:?}");
    }
    assert_eq!(org.running.requests().len(), 0);
}

#[test]
fn the_origin_of_a_domain_is_told() {
    let terminal = Terminal::empty();
    drop(make_trail(&terminal.trail(), Some("main"), false, morning().timestamp()).unwrap());
    put(&terminal.trail(), ranges());
    put(&terminal.trail(), [changed("routing/skills.toml", "about = ", "about = ")]);
    let listed = terminal.run(&["domains"]).ends_with(0);
    let says = |name: &str, origin: &str| {
        let line = listed.lines().find(|line| line.starts_with(name)).unwrap();
        assert!(line.contains(&format!(" {origin}  ")), "{line}");
    };
    says("network.ip-ranges ", "added: orgtrail.d/network/ip-ranges.toml");
    says("routing.skills ", "overridden: orgtrail.d/routing/skills.toml");
    says("routing.queues ", "built-in");

    let document = terminal.run(&["domains", "--format", "json"]).json(0);
    let schema = serde_json::from_str(embedded_file("output/domains.v1.json").unwrap()).unwrap();
    assert!(jsonschema::is_valid(&schema, &document));
    let skills =
        document["domains"].as_array().unwrap().iter().find(|domain| domain["name"] == "routing.skills").unwrap();
    assert_eq!(skills["origin"], "overridden");
    assert_eq!(skills["files"], serde_json::json!(["orgtrail.d/routing/skills.toml", "routing/skills.v1.json"]));

    let explained = terminal.run(&["domains", "explain", "network.ip-ranges"]).ends_with(0);
    insta::assert_snapshot!(explained, @r"
    network.ip-ranges
    The addresses that Genesys Cloud calls from, and can be called at.

    tier            standard: captured by every run
    origin          added
    defined in      orgtrail.d/network/ip-ranges.toml
                    orgtrail.d/network/ip-ranges.v1.json
    schema version  1
    treatment       30d4d0827ac4a6b63d1daab01973a8cc9ec4ab27eb1f3fbf328547d01e8d40a0
    listing         GET /api/v2/ipranges
    paging          unpaged: all at once, in entities
    permission      the API names none
    removal         what two listings in a row lack is gone
    key             region, service, direction, cidr
    name            cidr
    risk            added high, removed high, modified high, recreated high
    ");
    // Outside of a trail there are the built-in domains and no others.
    std::fs::create_dir(terminal.path("elsewhere")).unwrap();
    let told = terminal.run_in(&terminal.path("elsewhere"), &["domains", "explain", "network.ip-ranges"]);
    assert_eq!(told.code, 2);
}

#[test]
fn a_template_is_the_built_in_file_and_changes_nothing_as_it_is() {
    let terminal = Terminal::at(&Org::small());
    let print = |arguments: &[&str]| terminal.run(&[&["domains", "template"], arguments].concat()).ends_with(0);
    let before = terminal.run(&["domains", "--format", "json"]).json(0);
    put(
        &terminal.trail(),
        [
            ("routing/queues.toml", print(&["routing.queues"])),
            ("routing/queues.v1.json", print(&["routing.queues", "--schema"])),
        ],
    );
    let catalogue = Workspace::open(&terminal.trail(), None).unwrap().catalogue;
    let queues = catalogue.get(&id("routing.queues")).unwrap();
    assert_eq!(queues.origin, Origin::Overridden);
    assert_eq!(queues.treatment(), Catalogue::built_in().unwrap().get(&queues.id).unwrap().treatment());
    assert_ne!(terminal.run(&["domains", "--format", "json"]).json(0), before);
    // It prints what comes with orgtrail, whatever the trail has in its place.
    assert_eq!(print(&["routing.queues"]), embedded_file("routing/queues.toml").unwrap());
    insta::assert_snapshot!(terminal.failure(&["domains", "template", "routing.queue"]), @r"
    exit 2
    error: there is no domain routing.queue
    hint: did you mean routing.queues? `orgtrail domains` lists all
    ");
}

#[test]
fn the_simulated_organisation_of_a_trail_has_its_domains() {
    let mut terminal = Terminal::empty();
    drop(make_trail(&terminal.trail(), Some("main"), false, morning().timestamp()).unwrap());
    put(&terminal.trail(), ranges());
    let mut sim = terminal
        .binary()
        .arg("-C")
        .arg(terminal.trail())
        .arg("sim")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut told = BufReader::new(sim.stdout.take().unwrap()).lines();
    for _ in 0..4 {
        let line = told.next().unwrap().unwrap();
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        terminal.set(name, value);
    }
    let taken = terminal.snapshot(0, &["--only", "network.ip-ranges", "--format", "json"]);
    sim.kill().unwrap();
    sim.wait().unwrap();
    assert!(taken.json(0)["baselines"]["network.ip-ranges"].as_u64() > Some(1));
}
