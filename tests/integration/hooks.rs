//! What git is told before it commits, pushes and takes a push: real commits, and real pushes to a real bare repository.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::forge::{commits, copy, rewrite};
use crate::terminal::{Terminal, Told, git_in};
use crate::textconv::{command, program};
use crate::verify::{past, signed_past, user_commit};

const SKILLS: &str = "snapshot/routing/skills.json";

/// Runs git where orgtrail is on the path.
fn git(dir: &Path, arguments: &[&str]) -> Told {
    Told::of(&command(dir, Some(&program()), arguments).output().unwrap())
}

/// The past in a trail with hooks, and a server with hooks that has it.
struct Scene {
    dir: TempDir,
    trail: PathBuf,
    server: PathBuf,
    terminal: Terminal,
}

impl Scene {
    fn of(past: &Path) -> Self {
        let terminal = Terminal::empty();
        let (dir, trail) = copy(past);
        let server = dir.path().join("server.git");
        git_in(dir.path(), &["clone", "--quiet", "--bare", "trail", "server.git"]);
        assert_eq!(terminal.run_in(&server, &["init", "--bare"]).code, 0);
        git_in(&trail, &["remote", "add", "origin", "../server.git"]);
        git_in(&trail, &["fetch", "--quiet"]);
        assert_eq!(terminal.run_in(&trail, &["init"]).code, 0);
        Self { dir, trail, server, terminal }
    }

    fn tip(&self) -> String {
        git_in(&self.server, &["rev-parse", "main"])
    }

    /// Pushes what the client lets through by itself, and what it does not.
    fn push(&self, arguments: &[&str]) -> Told {
        git(&self.trail, &[&["push", "--quiet", "origin"], arguments].concat())
    }

    /// Pushes without asking the hook of the client.
    fn force(&self, arguments: &[&str]) -> Told {
        git(&self.trail, &[&["push", "--quiet", "--no-verify", "--force", "origin"], arguments].concat())
    }
}

#[track_caller]
fn refused(told: &Told, why: &str) {
    assert_ne!(told.code, 0, "{}", told.stderr);
    assert!(told.stderr.contains(why), "{}", told.stderr);
}

#[track_caller]
fn done(told: &Told) {
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
}

fn edit(trail: &Path) {
    let text = std::fs::read_to_string(trail.join(SKILLS)).unwrap().replace("Last seen", "Never seen");
    std::fs::write(trail.join(SKILLS), text).unwrap();
}

#[test]
fn a_commit_of_a_user_holds_neither_snapshots_nor_secrets_nor_words_of_orgtrail() {
    let scene = Scene::of(past());
    let trail = &scene.trail;
    edit(trail);
    refused(&git(trail, &["commit", "--quiet", "-am", "a fix"]), &format!("error: {SKILLS} was edited by hand"));
    git_in(trail, &["rm", "--quiet", "--force", SKILLS]);
    refused(&git(trail, &["commit", "--quiet", "-m", "gone"]), "was edited by hand");
    git_in(trail, &["reset", "--quiet", "--hard"]);
    std::fs::write(trail.join("snapshot/notes.txt"), "mine\n").unwrap();
    git_in(trail, &["add", "snapshot"]);
    refused(&git(trail, &["commit", "--quiet", "-m", "notes"]), "snapshot/notes.txt was edited by hand");
    git_in(trail, &["reset", "--quiet", "--hard"]);

    let secret = ["AKIA", "Z7VRSQ5TJN2XMPLQ"].concat();
    std::fs::write(trail.join("notes.md"), format!("one\ntwo {secret}\n")).unwrap();
    let told = git(trail, &["commit", "--quiet", "-am", "notes"]);
    refused(&told, "notes.md:2 looks like a secret (rule ");
    assert!(!told.stderr.contains(&secret));
    // Part of what is staged alone is committed, and looked at.
    std::fs::write(trail.join("rules.toml"), "# fine\n").unwrap();
    done(&git(trail, &["commit", "--quiet", "-m", "rules", "rules.toml"]));
    git_in(trail, &["checkout", "--quiet", "notes.md"]);

    let message = "a word\n\nOrgtrail-Kind: observed\n";
    refused(&git(trail, &["commit", "--quiet", "--allow-empty", "-m", message]), "the trailer Orgtrail-Kind");
    refused(
        &git(trail, &["commit", "--quiet", "--allow-empty", "-m", "x\n\ngenesys-actor: me"]),
        "the trailer genesys-actor",
    );
    done(&git(trail, &["commit", "--quiet", "--allow-empty", "-m", "x\n\nReviewed-by: A\n"]));
    // What the tool made can be committed elsewhere.
    git_in(trail, &["checkout", "--quiet", "--orphan", "approved"]);
    git_in(trail, &["rm", "--quiet", "-r", "--cached", "orgtrail.toml", "rules.toml", "notes.md"]);
    done(&git(trail, &["commit", "--quiet", "-m", "approved"]));
}

#[test]
fn a_push_that_would_rewrite_or_hold_what_others_wrote_is_refused_here_and_there() {
    let scene = Scene::of(past());
    let (trail, tip) = (&scene.trail, scene.tip());
    user_commit(trail, "orgtrail.toml", "[attribution]\naudits = false\n");
    done(&scene.push(&["main"]));
    assert_ne!(scene.tip(), tip);
    let tip = scene.tip();

    edit(trail);
    git_in(trail, &["commit", "--quiet", "--no-verify", "-am", "a quick fix \u{1b}[31m"]);
    for told in [scene.push(&["main"]), scene.force(&["main"])] {
        refused(&told, "foreign-commit");
        assert!(!told.stderr.contains("\u{1b}[31m\""), "{}", told.stderr);
    }
    git_in(trail, &["reset", "--quiet", "--hard", "HEAD~2"]);
    user_commit(trail, "notes.md", "another way\n");
    for told in [scene.push(&["--force", "main"]), scene.force(&["main"])] {
        refused(&told, "the history of main is never rewritten");
    }
    for told in [scene.push(&["--delete", "main"]), scene.force(&[":main"])] {
        refused(&told, "is not deleted");
    }
    // A history that was made anew under the tool's name.
    git_in(trail, &["reset", "--quiet", "--hard", "origin/main"]);
    let mut raws = commits(trail);
    let mut copied = raws[raws.len() - 2].clone();
    copied.message.insert_str(0, "Nothing happened\n\n");
    raws.push(copied);
    rewrite(trail, &raws);
    refused(&scene.push(&["main"]), "forged-trailer");
    refused(&scene.force(&["main"]), "forged-trailer");
    assert_eq!(scene.tip(), tip);
    // What has no history is replaced, and other branches are the users'.
    git_in(trail, &["reset", "--quiet", "--hard", "origin/main"]);
    done(&scene.force(&["refs/orgtrail/*:refs/orgtrail/*", "refs/notes/*:refs/notes/*"]));
    done(&scene.push(&["main~2:refs/heads/proposal"]));
    done(&scene.force(&["main~4:refs/heads/proposal"]));
    done(&scene.push(&[":proposal"]));
    // One reference that is refused lets none through.
    let told = scene.force(&["main~3:main", "main~2:refs/heads/other"]);
    assert_ne!(told.code, 0);
    assert_eq!(git_in(&scene.server, &["branch", "--list", "other"]), "");
}

#[test]
fn a_first_push_makes_a_server_a_trail_or_leaves_it_alone() {
    let scene = Scene::of(past());
    let server = scene.dir.path().join("new.git");
    git_in(scene.dir.path(), &["init", "--quiet", "--bare", "-b", "main", "new.git"]);
    std::fs::create_dir_all(server.join("hooks")).unwrap();
    std::fs::copy(scene.server.join("hooks/pre-receive"), server.join("hooks/pre-receive")).unwrap();
    let forged = scene.dir.path().join("forged");
    git_in(scene.dir.path(), &["clone", "--quiet", "trail", "forged"]);
    edit(&forged);
    git_in(&forged, &["commit", "--quiet", "-am", "a fix"]);
    refused(&git(&forged, &["push", "--quiet", "../new.git", "main"]), "foreign-commit");
    done(&git(&scene.trail, &["push", "--quiet", "../new.git", "main"]));
    let other = scene.dir.path().join("other.git");
    git_in(scene.dir.path(), &["clone", "--quiet", "--bare", "new.git", "other.git"]);
    git_in(&other, &["update-ref", "-d", "refs/heads/main"]);
    std::fs::copy(scene.server.join("hooks/pre-receive"), other.join("hooks/pre-receive")).unwrap();
    let plain = git_in(&forged, &["commit-tree", "-m", "no trail", "HEAD~1:snapshot"]);
    done(&git(&forged, &["push", "--quiet", "../other.git", &format!("{}:refs/heads/main", plain.trim())]));
}

#[test]
fn where_signatures_are_asked_for_the_server_takes_no_other_runs() {
    let scene = Scene::of(signed_past());
    let trail = &scene.trail;
    let signed = commits(trail);
    git_in(&scene.server, &["update-ref", "refs/heads/main", &format!("{}~2", scene.tip().trim())]);
    let mut raws = signed.clone();
    raws.last_mut().unwrap().head = signed.last().unwrap().head.split("\ngpgsig ").next().unwrap().to_owned();
    rewrite(trail, &raws);
    refused(&scene.push(&["main"]), "unsigned");
    refused(&scene.force(&["main"]), "unsigned");
    rewrite(trail, &signed);
    done(&scene.push(&["main"]));
}

#[test]
fn the_hook_of_one_reference_decides_likewise() {
    let scene = Scene::of(past());
    std::fs::remove_file(scene.server.join("hooks/pre-receive")).unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks/update");
    std::fs::copy(script, scene.server.join("hooks/update")).unwrap();
    refused(&scene.force(&["main~1:main"]), "the history of main is never rewritten");
    user_commit(&scene.trail, "notes.md", "fine\n");
    done(&scene.push(&["main"]));
}

#[test]
fn without_orgtrail_a_commit_is_made_with_a_warning_and_no_push_is_taken() {
    let scene = Scene::of(past());
    let without = |dir: &Path, arguments: &[&str]| Told::of(&command(dir, None, arguments).output().unwrap());
    std::fs::write(scene.trail.join("notes.md"), "more\n").unwrap();
    let told = without(&scene.trail, &["commit", "--quiet", "-am", "notes"]);
    assert_eq!(told.code, 0);
    assert!(
        told.stderr.contains("orgtrail is not installed here: what is committed was not checked"),
        "{}",
        told.stderr
    );
    let told = without(&scene.trail, &["push", "--quiet", "origin", "main"]);
    refused(&told, "orgtrail is not installed here: nothing can be taken");
    assert!(told.stderr.contains("what is pushed was not checked"), "{}", told.stderr);
}

#[test]
fn hooks_of_the_user_stay_and_are_said() {
    let scene = Scene::of(past());
    let hook = scene.trail.join(".git/hooks/pre-commit");
    std::fs::write(&hook, "#!/bin/sh\nexit 0\n").unwrap();
    let told = scene.terminal.run_in(&scene.trail, &["init"]);
    assert!(told.stderr.contains("your own hooks stay: pre-commit; call `orgtrail hook NAME \"$@\"` from them"));
    assert_eq!(std::fs::read_to_string(hook).unwrap(), "#!/bin/sh\nexit 0\n");
    git_in(&scene.trail, &["config", "core.hooksPath", "/elsewhere"]);
    let told = scene.terminal.run_in(&scene.trail, &["init"]);
    assert!(told.stderr.contains("core.hooksPath is /elsewhere, so no hooks were installed"), "{}", told.stderr);
    assert_eq!(scene.terminal.run_in(&scene.trail, &["hook", "post-commit"]).code, 2);
    // In a folder that is no trail there is nothing to check.
    assert_eq!(scene.terminal.run_in(scene.dir.path(), &["hook", "pre-commit"]).code, 0);
}

#[test]
fn every_script_only_calls_the_program() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks");
    let names = ["commit-msg", "pre-commit", "pre-push", "pre-receive", "update"];
    let mut found: Vec<String> =
        std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    assert_eq!(found, names);
    for name in names {
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        assert!(text.starts_with("#!/bin/sh\n# Installed by orgtrail init;"), "{name}");
        assert!(text.contains(&format!("exec orgtrail hook {name} \"$@\"")), "{name}");
        assert_eq!(text.lines().count(), 7, "{name}");
    }
}
