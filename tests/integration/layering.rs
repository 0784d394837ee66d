//! Dependencies point one way: the core names no edge and nothing that does input or output.

use std::path::Path;

const CORE: &[&str] = &[
    "alert",
    "attribution",
    "audit",
    "canonical",
    "catalogue",
    "diff",
    "estimate",
    "execution",
    "history",
    "integrity",
    "model",
    "policy",
    "record",
    "review",
    "watch",
];
const EDGES: &[&str] =
    &["config", "genesys", "capture", "flowlog", "trail", "report", "host", "notify", "seal", "sim", "session", "cli"];
const FOREIGN: &[&str] = &["reqwest", "tokio", "git2", "clap", "axum", "std::fs", "std::env", "std::net", "getrandom"];

fn sources(dir: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            found.push((path.display().to_string(), text));
        }
    }
}

fn sources_of(module: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(module), &mut found);
    assert!(!found.is_empty(), "there are no sources of {module}");
    found
}

fn refuse(module: &str, words: &[String]) {
    for (path, text) in sources_of(module) {
        for line in text.lines().filter(|line| !line.trim_start().starts_with("//")) {
            for word in words {
                assert!(!line.contains(word), "{path} names {word}: {line}");
            }
        }
    }
}

#[test]
fn every_module_is_either_core_or_edge() {
    let lib = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/lib.rs")).unwrap();
    let mut modules: Vec<&str> =
        lib.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')).collect();
    let mut known: Vec<&str> = CORE.iter().chain(EDGES).copied().collect();
    modules.sort_unstable();
    known.sort_unstable();
    assert_eq!(modules, known);
}

#[test]
fn the_core_names_no_edge_and_no_input_or_output() {
    let words = EDGES.iter().map(|edge| format!("crate::{edge}")).chain(FOREIGN.iter().map(|name| format!("{name}::")));
    let words: Vec<String> = words.collect();
    for module in CORE {
        refuse(module, &words);
    }
}

#[test]
fn edges_know_only_the_edges_they_are_built_on() {
    let allowed = |module: &str, edge: &str| {
        module == edge
            || matches!(
                (module, edge),
                ("cli", _) | ("capture" | "config" | "flowlog", "genesys") | ("config", "notify" | "seal")
            )
            || (module == "session" && !matches!(edge, "cli" | "sim"))
    };
    for module in EDGES {
        let words = EDGES.iter().filter(|edge| !allowed(module, edge)).map(|edge| format!("crate::{edge}"));
        refuse(module, &words.collect::<Vec<_>>());
    }
}

#[test]
fn only_the_trail_names_git2_and_only_what_asks_servers_names_reqwest() {
    for module in CORE.iter().chain(EDGES) {
        if *module != "trail" {
            refuse(module, &["git2::".to_owned()]);
        }
        if !matches!(*module, "genesys" | "host" | "notify" | "sim" | "trail") {
            refuse(module, &["reqwest::".to_owned()]);
        }
    }
}
