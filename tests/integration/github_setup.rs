//! The GitHub workflows that `init` adds to a trail, and what it says of them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use orgtrail::session::Exit;

use crate::terminal::{Terminal, git_in};

const ACTION: &str = "acme/orgtrail@0123456789abcdef0123456789abcdef01234567";
const WORKFLOWS: [&str; 2] = [".github/workflows/orgtrail-status.yml", ".github/workflows/orgtrail.yml"];

fn read(dir: &Path, path: &str) -> String {
    std::fs::read_to_string(dir.join(path)).unwrap()
}

/// A new trail with the workflows, and what was said of it.
fn made(terminal: &Terminal, name: &str, arguments: &[&str]) -> (PathBuf, String) {
    let dir = terminal.path(name);
    std::fs::create_dir(&dir).unwrap();
    let told = terminal.run_in(&dir, &[&["init"], arguments].concat());
    let said = told.stderr.clone();
    assert_eq!(told.ends_with(0), "", "data goes to stdout, and this is none");
    (dir, said)
}

/// The values of a key of the steps of a workflow.
fn values<'w>(workflow: &'w str, key: &str) -> Vec<&'w str> {
    let key = format!("{key}: ");
    workflow.lines().filter_map(|line| line.trim_start().trim_start_matches("- ").strip_prefix(&key)).collect()
}

#[test]
fn a_new_trail_has_the_workflows_in_its_first_commit() {
    let terminal = Terminal::empty();
    let (dir, _) = made(&terminal, "new", &["--github"]);
    assert_eq!(git_in(&dir, &["status", "--porcelain"]), "");
    assert_eq!(git_in(&dir, &["rev-list", "--count", "HEAD"]), "1\n");
    let listed = git_in(&dir, &["ls-tree", "-r", "--name-only", "HEAD", ".github"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), WORKFLOWS);
    let workflow = read(&dir, WORKFLOWS[1]);
    assert!(workflow.contains("repository: ${{ vars.ORGTRAIL_SOURCE }}"));
    let without = made(&terminal, "without", &[]).0;
    assert_eq!(git_in(&without, &["ls-tree", "-r", "--name-only", "HEAD", ".github"]), "");
}

#[test]
fn what_is_said_has_a_command_for_every_secret_and_variable_of_the_workflows() {
    let terminal = Terminal::empty();
    for (name, arguments, variables) in
        [("variables", "--github".to_owned(), true), ("action", format!("--github={ACTION}"), false)]
    {
        let (dir, said) = made(&terminal, name, &[&arguments]);
        assert_eq!(said.contains("ORGTRAIL_SOURCE"), variables, "{said}");
        for path in WORKFLOWS {
            let workflow = read(&dir, path);
            for (context, verb) in [("secrets.", "secret"), ("vars.", "variable")] {
                let is_part = |c: char| c != '_' && !c.is_ascii_uppercase();
                for name in workflow.split(context).skip(1).filter_map(|rest| rest.split(is_part).next()) {
                    assert!(said.contains(&format!("gh {verb} set {name}")), "{path} needs {name}:\n{said}");
                }
            }
        }
    }
}

#[test]
fn the_key_is_in_no_message_and_its_command_reads_it_from_where_it_is() {
    let mut terminal = Terminal::empty();
    let key = terminal.environment["ORGTRAIL_SECRET_KEY"].clone();
    let (_, said) = made(&terminal, "from-environment", &["--github"]);
    assert!(!said.contains(&key), "{said}");
    assert!(said.contains("  printenv ORGTRAIL_SECRET_KEY | gh secret set ORGTRAIL_SECRET_KEY\n"), "{said}");

    terminal.environment.clear();
    let (dir, said) = made(&terminal, "from-file", &["--github"]);
    let path = terminal.path("home/.config/orgtrail/secret-key");
    let key = std::fs::read_to_string(&path).unwrap();
    assert!(!said.contains(key.trim_end()), "{said}");
    let command = format!("  gh secret set ORGTRAIL_SECRET_KEY < '{}'\n", path.display());
    assert!(said.contains(&command), "{said}");
    for file in WORKFLOWS {
        assert!(!read(&dir, file).contains(key.trim_end()));
    }
}

#[test]
fn in_a_trail_that_is_there_the_workflows_are_left_to_be_committed() {
    let terminal = Terminal::empty();
    let (dir, _) = made(&terminal, "trail", &[]);
    let tip = git_in(&dir, &["rev-parse", "HEAD"]);
    let action = format!("--github={ACTION}");
    let told = terminal.run_in(&dir, &["init", &action]);
    for path in WORKFLOWS {
        assert!(told.stderr.contains(&format!("{path} is new, and yours to commit\n")), "{}", told.stderr);
    }
    told.ends_with(0);
    assert_eq!(git_in(&dir, &["rev-parse", "HEAD"]), tip);
    assert_eq!(git_in(&dir, &["status", "--porcelain"]), "?? .github/\n");
    assert_eq!(read(&made(&terminal, "new", &[&action]).0, WORKFLOWS[1]), read(&dir, WORKFLOWS[1]));

    let told = terminal.run_in(&dir, &["init", &action]);
    assert!(told.stderr.contains(&format!("{} is there already\n", WORKFLOWS[0])), "{}", told.stderr);
    told.ends_with(0);
}

#[test]
fn a_workflow_that_says_something_else_stays() {
    let terminal = Terminal::empty();
    let (dir, _) = made(&terminal, "trail", &["--github"]);
    std::fs::write(dir.join(WORKFLOWS[1]), "mine\n").unwrap();
    let told = terminal.run_in(&dir, &["init", "--github"]);
    assert!(
        told.stderr.contains(&format!("warning: {} says something else and stays", WORKFLOWS[1])),
        "{}",
        told.stderr
    );
    assert!(told.stderr.contains(&format!("{} is there already\n", WORKFLOWS[0])), "{}", told.stderr);
    told.ends_with(0);
    assert_eq!(read(&dir, WORKFLOWS[1]), "mine\n");
}

#[test]
fn a_bare_trail_gets_them_when_it_is_made_and_not_later() {
    let terminal = Terminal::empty();
    let (with, _) = made(&terminal, "with.git", &["--bare", "--github"]);
    let listed = git_in(&with, &["ls-tree", "-r", "--name-only", "HEAD", ".github"]);
    assert_eq!(listed.lines().collect::<Vec<_>>(), WORKFLOWS);
    let (later, _) = made(&terminal, "later.git", &["--bare"]);
    insta::assert_snapshot!(terminal.said(&terminal.run_in(&later, &["--quiet", "init", "--github"])), @r"
    exit 2
    error: could not put files into ROOT/later.git/: a bare repository has no working tree
    hint: do it in a clone, and commit and push what was put there
    ");
}

#[test]
fn what_is_no_action_is_refused_and_a_name_that_can_move_is_warned_of() {
    let terminal = Terminal::empty();
    for bad in ["acme", "acme/orgtrail", "acme/orgtrail@v1 # x", "acme/orgtrail@${{ x }}", "acme/orgtrail@a\n  run: b"]
    {
        let dir = terminal.path("bad");
        std::fs::create_dir_all(&dir).unwrap();
        let told = terminal.run_in(&dir, &["init", &format!("--github={bad}")]);
        assert!(told.stderr.contains("expected OWNER/REPOSITORY@COMMIT"), "{}", told.stderr);
        told.ends_with(2);
        assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    }
    let moving = "not named by a commit";
    assert!(!made(&terminal, "pinned", &[&format!("--github={ACTION}")]).1.contains(moving));
    assert!(made(&terminal, "moving", &["--github=acme/orgtrail@v1"]).1.contains(moving));
}

/// The action: all of it, and the names of its inputs and of its outputs.
fn the_action() -> (String, BTreeSet<String>, BTreeSet<String>) {
    let action = read(Path::new(env!("CARGO_MANIFEST_DIR")), "action.yml");
    let names = |heading: &str| {
        let (_, rest) = action.split_once(&format!("\n{heading}:\n")).unwrap();
        let part = rest.lines().take_while(|line| line.is_empty() || line.starts_with(' '));
        let name = |line: &str| line.strip_prefix("  ")?.strip_suffix(':').map(str::to_owned);
        part.filter_map(name).filter(|name| !name.starts_with(' ')).collect::<BTreeSet<_>>()
    };
    let (inputs, outputs) = (names("inputs"), names("outputs"));
    assert!(inputs.len() > 10 && outputs.len() == 5, "{inputs:?} {outputs:?}");
    (action, inputs, outputs)
}

/// What a workflow asks of the action is what the action takes, and all that comes from elsewhere is named by a commit.
#[test]
fn the_workflows_use_inputs_and_outputs_that_the_action_has() {
    let (action, inputs, outputs) = the_action();
    let terminal = Terminal::empty();
    let (dir, _) = made(&terminal, "trail", &[&format!("--github={ACTION}")]);
    let mut used = 0;
    for path in WORKFLOWS {
        let workflow = read(&dir, path);
        let step = workflow.split_once(&format!("uses: {ACTION}\n        with:\n")).unwrap().1;
        let given = step.lines().take_while(|line| line.starts_with("          "));
        for name in given.filter_map(|line| line.trim_start().split_once(':')).map(|(name, _)| name) {
            assert!(inputs.contains(name), "{path}: the action has no input {name}");
            used += 1;
        }
        for name in workflow.split("steps.orgtrail.outputs.").skip(1) {
            let name = name.split(|c: char| c != '-' && !c.is_ascii_lowercase()).next().unwrap();
            assert!(outputs.contains(name), "{path}: the action has no output {name}");
            used += 1;
        }
        for uses in values(&workflow, "uses").into_iter().chain(values(&action, "uses")) {
            let commit = uses.split_once('@').unwrap().1.split(' ').next().unwrap();
            assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{path}: {uses}");
        }
    }
    assert!(used > 6, "{used}");
    for name in inputs {
        assert!(action.contains(&format!("${{{{ inputs.{name} }}}}")), "nothing takes the input {name}");
    }
}

#[test]
fn the_page_has_every_input_and_output_of_the_action_and_no_other() {
    let (_, inputs, outputs) = the_action();
    let page = read(Path::new(env!("CARGO_MANIFEST_DIR")), "docs/github.md");
    let section = page.split_once("\n## The action\n").unwrap().1.split("\n## ").next().unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let told: Vec<String> = cells
        .flat_map(|cell| cell.trim_end_matches('`').split("`, `").map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let count = told.len();
    let told: BTreeSet<String> = told.into_iter().collect();
    assert_eq!(told, &inputs | &outputs);
    assert_eq!(count, inputs.len() + outputs.len(), "each is told of once");
}

#[test]
fn the_action_ranks_exit_codes_as_the_program_does() {
    let codes: Vec<u8> = Exit::WORST_FIRST.into_iter().map(Exit::code).collect();
    let script = read(Path::new(env!("CARGO_MANIFEST_DIR")), "action/run.sh");
    let ranked = script.lines().find_map(|line| line.strip_prefix("CODES='")?.strip_suffix('\'')).unwrap();
    let ranked: Vec<u8> = ranked.split(' ').map(|code| code.parse().unwrap()).collect();
    assert_eq!(ranked, codes);
}
