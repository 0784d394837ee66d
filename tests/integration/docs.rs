//! The documents say what is so: tables are generated, commands parse, what is shown is what comes out.

mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::error::ErrorKind;
use clap::{CommandFactory, ValueEnum};
use orgtrail::catalogue::{Catalogue, Domain, UserFile, embedded_file};
use orgtrail::cli::{Cli, Format};
use orgtrail::config::Config;
use orgtrail::policy::{Acks, user_lints, user_rules};
use orgtrail::record::CommitKind;
use orgtrail::report::csv::HEADER;
use orgtrail::session::{CONFIG_FILE, Exit};
use orgtrail::sim::{Scale, World};
use tempfile::TempDir;

use crate::fixtures::catalogue;
use crate::harness::{Org, files, git_command, orgtrail};
use crate::terminal::Terminal;

/// The present of the demonstration that the README shows.
const NOW: &str = "2026-03-03T12:00:00Z";

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A fenced block of a document, with the comment `<!-- shown: … -->` or `<!-- file: … -->` before it.
struct Block {
    indent: usize,
    language: String,
    shown: Option<String>,
    file: Option<String>,
    lines: Vec<String>,
}

fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    let (mut shown, mut file) = (None, None);
    let comment = |line: &str, word: &str| {
        line.strip_prefix(&format!("<!-- {word}: ")).and_then(|rest| rest.strip_suffix(" -->")).map(str::to_owned)
    };
    for line in text.lines() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let indent = line.len() - line.trim_start().len();
                let (language, shown, file) = (language.to_owned(), shown.take(), file.take());
                open = Some(Block { indent, language, shown, file, lines: Vec::new() });
            }
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => block.lines.push(line.get(block.indent..).unwrap_or_default().to_owned()),
            (None, None) if line.is_empty() => {}
            (None, None) => {
                (shown, file) = (comment(line, "shown"), comment(line, "file"));
            }
        }
    }
    blocks
}

/// The code spans of a document, outside of fenced blocks.
fn code_spans(text: &str) -> Vec<String> {
    let mut is_fenced = false;
    let mut spans = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
        } else if !is_fenced {
            spans.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    spans
}

/// The arguments that a line of shell gives to the program; `None` where it calls something else.
fn arguments(line: &str) -> Option<Vec<String>> {
    let line = line.split(['|', '>', '#', ';']).next()?.trim();
    let rest = line.strip_prefix("cargo run --release -- ").or_else(|| line.strip_prefix("orgtrail "))?;
    Some(words(rest))
}

/// The words of a line of shell; what is between single quotes is a part of one.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut is_quoted) = (Vec::new(), String::new(), false);
    for c in line.chars().chain([' ']) {
        match c {
            '\'' => is_quoted = !is_quoted,
            ' ' if !is_quoted => words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty())),
            _ => word.push(c),
        }
    }
    words
}

fn parse(words: &[String]) -> Result<(), ErrorKind> {
    let words = ["orgtrail".to_owned()].into_iter().chain(words.iter().cloned());
    Cli::command().try_get_matches_from(words).map(drop).map_err(|error| error.kind())
}

/// The part of a document under a heading of the second level.
fn section(text: &str, heading: &str) -> String {
    let (_, rest) = text.split_once(&format!("\n## {heading}\n")).unwrap_or_else(|| panic!("no section {heading}"));
    rest.split("\n## ").next().unwrap_or_default().to_owned()
}

/// The first code span of each row of the table in a text.
fn first_column(text: &str) -> BTreeSet<String> {
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    rows.map(|cell| cell.split_whitespace().next().unwrap_or_default().to_owned()).collect()
}

/// The documents that are about the whole: what people read first.
const FRONT: [&str; 3] = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];

/// Every document there is.
fn documents() -> Vec<String> {
    let pages = std::fs::read_dir(root().join("docs")).unwrap();
    let pages = pages.map(|entry| format!("docs/{}", entry.unwrap().file_name().to_string_lossy()));
    let mut all: Vec<String> = pages.chain(FRONT.map(str::to_owned)).collect();
    all.sort();
    assert!(all.len() > 8, "{all:?}");
    all
}

#[test]
fn every_command_of_the_documents_is_one_that_the_program_takes() {
    for name in documents() {
        let text = document(&name);
        let shell = blocks(&text).into_iter().filter(|block| block.language == "sh").flat_map(|block| block.lines);
        for line in shell {
            if let Some(words) = arguments(&line) {
                assert!(matches!(parse(&words), Ok(()) | Err(ErrorKind::DisplayHelp)), "{name}: {line}");
            }
        }
        for span in code_spans(&text) {
            if let Some(mut words) = arguments(&span) {
                words.push("--help".to_owned());
                assert_eq!(parse(&words), Err(ErrorKind::DisplayHelp), "{name}: {span}");
            }
        }
    }
}

#[test]
fn the_readme_has_every_verb_and_no_other() {
    let command = Cli::command();
    let verbs: BTreeSet<String> =
        command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(|verb| verb.get_name().to_owned()).collect();
    assert_eq!(first_column(&section(&document("README.md"), "Verbs")), verbs);
}

#[test]
fn the_readme_has_every_exit_code_and_no_other() {
    let codes: BTreeSet<String> =
        Exit::WORST_FIRST.into_iter().map(Exit::code).chain([0]).map(|code| code.to_string()).collect();
    assert_eq!(first_column(&section(&document("README.md"), "Exit codes")), codes);
}

#[test]
fn the_readme_has_every_variable_that_the_help_names() {
    let is_name = |word: &&str| word.starts_with("GENESYSCLOUD_") || word.starts_with("ORGTRAIL_");
    let help = Cli::command().render_long_help().to_string();
    let named: BTreeSet<String> =
        help.split(|c: char| c != '_' && !c.is_ascii_uppercase()).filter(is_name).map(str::to_owned).collect();
    assert!(named.len() > 5);
    let listed = first_column(&section(&document("README.md"), "Environment"));
    assert_eq!(listed.into_iter().filter(|name| is_name(&name.as_str())).collect::<BTreeSet<_>>(), named);
}

#[test]
fn the_readme_has_every_kind_of_commit() {
    let kinds: BTreeSet<String> = CommitKind::IN_ORDER.iter().map(|kind| kind.as_str().to_owned()).collect();
    assert_eq!(first_column(&section(&document("README.md"), "What is in a trail")), kinds);
}

/// A demonstration that was run once, and what can be shown of it.
struct Shown {
    dir: TempDir,
    told: BTreeMap<String, String>,
}

impl Shown {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let told = orgtrail(dir.path(), &BTreeMap::new()).args(["demo", "--dir", "trail", "--now", NOW]).output();
        let told = String::from_utf8(told.unwrap().stdout).unwrap();
        Self { dir, told: BTreeMap::from([("orgtrail demo".to_owned(), told)]) }
    }

    /// What a command prints, or what a file of the trail holds.
    fn of(&mut self, source: &str) -> String {
        let trail = self.dir.path().join("trail");
        let told = self.told.entry(source.to_owned()).or_insert_with(|| {
            let words: Vec<&str> = source.split_whitespace().collect();
            let output = match words.as_slice() {
                ["git", rest @ ..] => git_command(&trail, rest).output().unwrap().stdout,
                ["orgtrail", rest @ ..] => orgtrail(&trail, &BTreeMap::new()).args(rest).output().unwrap().stdout,
                _ => std::fs::read(trail.join(source)).unwrap_or_else(|error| panic!("{source}: {error}")),
            };
            String::from_utf8(output).unwrap()
        });
        told.clone()
    }
}

/// Whether a line is as shown; `…` in what is shown stands for anything.
fn is_as_shown(line: &str, shown: &str) -> bool {
    let parts: Vec<&str> = shown.split('…').collect();
    let [first, middle @ .., last] = parts.as_slice() else { return line == shown };
    let Some(mut rest) = line.strip_prefix(first).and_then(|rest| rest.strip_suffix(last)) else { return false };
    middle.iter().all(|part| {
        let found = rest.split_once(part);
        rest = found.map_or(rest, |(_, behind)| behind);
        found.is_some()
    })
}

/// The first line of an excerpt that is not where it should be. A line `…` stands for any lines that were left out.
fn strange_line<'e>(excerpt: &'e [String], whole: &str) -> Option<&'e String> {
    let mut rest = whole.lines();
    let mut has_gap = true;
    for shown in excerpt {
        if shown.trim() == "…" {
            has_gap = true;
            continue;
        }
        let is_there = |line: &str| is_as_shown(line, shown);
        if !(if has_gap { rest.any(is_there) } else { rest.next().is_some_and(is_there) }) {
            return Some(shown);
        }
        has_gap = false;
    }
    None
}

#[test]
fn what_the_readme_shows_is_what_comes_out() {
    let text = document("README.md");
    let mut demonstration = Shown::new();
    let mut count = 0;
    for block in blocks(&text) {
        let Some(source) = block.shown else { continue };
        let whole = demonstration.of(&source);
        let strange = strange_line(&block.lines, &whole);
        assert!(strange.is_none(), "{source} does not say {strange:?} there, but:\n{whole}");
        count += 1;
    }
    assert!(count > 2 && text.contains(NOW));
}

#[test]
fn an_excerpt_is_held_to_the_order_and_to_its_gaps() {
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let whole = "one\ntwo 22 ms\n\nthree\nfour\n";
    for good in ["one\n…\nthree", "two … ms\n\nthree", "…\nfour\n…"] {
        assert_eq!(strange_line(&lines(good), whole), None, "{good}");
    }
    for (bad, line) in [("one\nthree", "three"), ("four\n…\none", "one"), ("two … ms\n\nfour", "four")] {
        assert_eq!(strange_line(&lines(bad), whole), Some(&line.to_owned()), "{bad}");
    }
}

#[test]
fn every_rule_domain_and_setting_that_a_document_shows_can_be_used() {
    let catalogue = catalogue();
    let skills = catalogue.get(&"routing.skills".parse().unwrap()).unwrap();
    let schema = embedded_file(&skills.schema_file).unwrap().replace("routing.skills", "routing.languages");
    let mut shown = [0, 0];
    for name in documents() {
        let name = name.as_str();
        let shows_toml = |block: &Block| block.language == "toml" && block.file.is_none();
        for block in blocks(&document(name)).into_iter().filter(shows_toml) {
            let text = block.lines.join("\n");
            if text.contains("[[ack]]") {
                assert!(!Acks::read(&[(name.to_owned(), text)]).unwrap().is_empty());
            } else if text.starts_with("[[lint]]") {
                assert!(!user_lints(name, &text, &catalogue).unwrap().is_empty());
            } else if text.starts_with("about = \"Why") {
                let lint = format!("[[lint]]\nid = \"shown\"\n{text}");
                assert!(!user_lints(name, &lint, &catalogue).unwrap().is_empty());
            } else if text.starts_with("[[rule]]") {
                shown[0] += user_rules(name, &text, &catalogue).unwrap().len();
            } else if text.contains("[[permission]]") || text.contains('…') {
                // What a trail can say of who may do what has a test of its own; what is left out cannot be read.
            } else if !text.starts_with("about = ") {
                Config::parse(CONFIG_FILE, &text, &catalogue).unwrap_or_else(|problems| panic!("{name}: {problems}"));
            } else {
                let id = "routing.languages".parse().unwrap();
                Domain::read(id, name, &text, "routing/languages.v1.json", &schema).unwrap();
                shown[1] += 1;
            }
        }
    }
    assert_eq!(shown, [2, 1]);
}

/// What the page about own domains says is done, word for word, in a trail of a simulated organisation.
#[test]
fn the_domain_that_a_page_adds_is_captured() {
    let blocks = blocks(&document("docs/own-domains.md"));
    let files = blocks.iter().filter_map(|block| Some((block.file.clone()?, block.lines.join("\n").into_bytes())));
    let files: Vec<UserFile> = files.map(|(path, content)| UserFile { path, content }).collect();
    assert_eq!(files.len(), 2);
    let org = Org::of(World::generate(&Arc::new(Catalogue::with(&files).unwrap()), Scale::Small, 1));
    let terminal = Terminal::at(&org);
    for file in &files {
        let path = terminal.trail().join(&file.path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &file.content).unwrap();
    }
    let mut count = 0;
    for line in blocks.iter().filter(|block| block.language == "sh").flat_map(|block| &block.lines) {
        let words = arguments(line).unwrap_or_else(|| panic!("{line} calls something else"));
        let words: Vec<&str> =
            words.iter().skip_while(|word| *word == "-C" || *word == "acme").map(String::as_str).collect();
        terminal.run(&words).ends_with(0);
        count += 1;
    }
    assert!(count > 1 && terminal.trail().join("snapshot/network/ip-ranges.json").is_file());
}

#[test]
fn the_page_of_domain_files_has_every_key_that_is_read_and_no_other() {
    let sources = ["src/catalogue/file.rs", "src/catalogue/file/source.rs"].map(document).concat();
    let calls = ["required", "optional", "section", "required_section", "paths"];
    let keys = sources.split(&['.', ' '][..]).filter_map(|call| {
        let (name, rest) = call.split_once("(\"")?;
        calls.contains(&name).then(|| rest.split('"').next()).flatten()
    });
    let keys: BTreeSet<String> = keys.map(str::to_owned).collect();
    assert!(keys.len() > 40, "{keys:?}");
    assert_eq!(first_column(&document("docs/domain-files.md")), keys);
}

#[test]
fn the_page_of_formats_has_every_format_and_no_other() {
    let page = document("docs/formats.md");
    let formats: BTreeSet<String> = Format::ALL.iter().map(|format| format.as_str().to_owned()).collect();
    let headings = page.lines().filter_map(|line| line.strip_prefix("## ")).map(ToOwned::to_owned);
    assert_eq!(headings.collect::<BTreeSet<String>>(), formats);
    assert_eq!(first_column(&page), formats);
    let columns: Vec<String> = HEADER.iter().map(|column| format!("`{column}`")).collect();
    assert!(page.replace('\n', " ").contains(&columns.join(", ")), "the columns of a table are {columns:?}");
    for format in Format::ALL {
        assert_eq!(Format::from_str(format.as_str(), false), Ok(format));
    }
}

#[test]
fn every_test_that_a_document_names_exists() {
    let sources: Vec<PathBuf> = ["src", "tests"].iter().flat_map(|folder| files(&root().join(folder))).collect();
    let is_source = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let code: String = sources.iter().filter(is_source).map(|path| std::fs::read_to_string(path).unwrap()).collect();
    let is_test =
        |span: &String| span.matches('_').count() > 2 && span.chars().all(|c| c == '_' || c.is_ascii_lowercase());
    for name in ["README.md", "CONTRIBUTING.md", "src/lib.rs"] {
        for span in code_spans(&document(name).replace("//! ", "")).iter().filter(|span| is_test(span)) {
            assert!(code.contains(&format!("fn {span}(")), "{name}: there is no test {span}");
        }
    }
}

#[test]
fn every_module_is_on_the_map() {
    let map = document("src/lib.rs");
    for module in map.lines().filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';')) {
        assert!(map.contains(&format!("//! | [`{module}`] | ")), "{module}");
    }
    let (map, tests) = (document("CONTRIBUTING.md"), document("tests/integration/main.rs"));
    for module in tests.lines().filter_map(|line| line.strip_prefix("mod ")?.strip_suffix(';')) {
        assert!(
            matches!(module, "chronicle" | "fixtures" | "forge" | "git_host" | "git_server" | "harness" | "watched")
                || map.contains(&format!("`{module}.rs`")),
            "{module}"
        );
    }
}

#[test]
fn every_link_between_documents_leads_to_a_file() {
    for name in documents() {
        let name = name.as_str();
        let text = document(name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let file = link.split('#').next().unwrap_or_default();
            if !file.is_empty() && !file.starts_with("https://") {
                let path = root().join(Path::new(name).parent().unwrap()).join(file);
                assert!(path.exists(), "{name}: {link} leads nowhere");
            }
        }
    }
}

#[test]
fn the_checks_run_the_tests_as_the_readme_does() {
    let script = document(".ci/run");
    let command = script.lines().find_map(|line| line.strip_prefix("test_command='")?.strip_suffix('\''));
    let command = command.unwrap().to_owned();
    let shell = blocks(&document("README.md")).into_iter().filter(|block| block.language == "sh");
    assert!(shell.flat_map(|block| block.lines).any(|line| line == command), "the README has no line {command}");
    assert!(document(".github/workflows/ci.yml").contains("run: .ci/run\n"));
}

#[test]
fn the_changelog_says_what_is_unreleased() {
    assert!(document("CHANGELOG.md").contains("\n## [Unreleased]\n"));
}
