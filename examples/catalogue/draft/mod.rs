//! `draft`: a first domain file for every row of the table that has none.
//!
//! A draft says what the table and the contract say, and tells under `REVIEW` what they leave open. Somebody reads it by hand.

mod fields;
mod model;
mod references;
mod source;
mod text;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::data::{Hints, hints};
use crate::table::{self, Row};
use crate::writing::contract::Contract;
use crate::writing::domain_file::DomainFile;
use crate::{Files, say, write};

/// What drafts are made from.
pub(crate) struct Sources<'s> {
    pub(crate) contract: &'s Contract,
    pub(crate) hints: &'s Hints,
    pub(crate) rows: &'s [Row],
}

/// Writes all drafts that are missing.
pub(crate) fn run(files: &Files, table: &Path, only: &str) -> Result<ExitCode, String> {
    let (contract, hints, rows) = (files.contract()?, hints()?, table::read(table)?);
    let sources = Sources { contract: &contract, hints: &hints, rows: &rows };
    let only = globset::Glob::new(only).map_err(|error| error.to_string())?.compile_matcher();
    let mut written = 0;
    let mut problems = 0;
    for row in rows.iter().filter(|row| only.is_match(&row.domain) && !hints.excluded.contains_key(&row.domain)) {
        let (family, name) = row.domain.split_once('.').ok_or_else(|| format!("{} has no family", row.domain))?;
        let path = files.out.join(family).join(format!("{name}.toml"));
        if path.exists() {
            continue;
        }
        match draft(row, &sources) {
            Ok(text) => {
                write(&path, &text)?;
                written += 1;
            }
            Err(problem) => {
                say(&format!("{}: {problem}", row.domain));
                problems += 1;
            }
        }
    }
    say(&format!("{written} drafts written, {problems} rows passed over"));
    Ok(if problems == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Remarks for the reader of a draft, in order, each once.
#[derive(Default)]
pub(crate) struct Remarks {
    lines: Vec<String>,
    seen: BTreeSet<String>,
}

impl Remarks {
    /// Adds a remark.
    pub(crate) fn add(&mut self, line: impl Into<String>) {
        let line = line.into().replace('\n', " ");
        if self.seen.insert(line.clone()) {
            self.lines.push(line);
        }
    }

    /// Adds a remark about several things, unless there are none.
    pub(crate) fn list<T: AsRef<str>>(&mut self, about: &str, things: &[T]) {
        if !things.is_empty() {
            let things: Vec<&str> = things.iter().map(AsRef::as_ref).collect();
            self.add(format!("{about}: {}", things.join(", ")));
        }
    }
}

fn draft(row: &Row, sources: &Sources<'_>) -> Result<String, String> {
    let mut remarks = Remarks::default();
    remarks.add("`about` is to be written");
    about_the_row(row, &mut remarks);
    let source = source::Drafted::new(row, sources, &mut remarks)?;
    let header = header(row, sources.hints);
    let skeleton = format!("{header}\n{}", source.text());
    let domain = DomainFile::read(&row.domain, &skeleton)?;
    let model = model::Model::new(sources.contract, domain.entity(sources.contract)?);
    let mut fields = fields::Fields::of_the_row(row, &model, &mut remarks);
    let relation = sources.hints.relations.get(&row.domain);
    let references = match relation {
        Some(relation) => references::of_a_relation(relation, &model, &mut fields, &mut remarks),
        None => references::find(row, &model, &fields, sources, &mut remarks),
    };
    fields.add_nested(&model, &references, &mut remarks);
    fields.add_sets(row, &model, &references, &mut remarks);
    let identity = source.identity(row, &model, &references, sources.hints, &mut remarks);
    let mut text = String::new();
    for line in &remarks.lines {
        let _ = writeln!(text, "# REVIEW: {line}");
    }
    text.push_str(&header);
    for part in [
        source.text_with(&identity, row),
        fields::removal(&model),
        identity.text(),
        fields.text(),
        references::text(&references),
        risk(row, &model),
    ] {
        if !part.is_empty() {
            text.push('\n');
            text.push_str(&part);
        }
    }
    Ok(text)
}

/// What the table says in words.
fn about_the_row(row: &Row, remarks: &mut Remarks) {
    let mut say = |about: &str, text: &str| {
        if !text.is_empty() {
            remarks.add(format!("{about}: {text}"));
        }
    };
    say("note", &row.notes);
    say("completeness", &format!("{} ({})", row.completeness, row.completeness_evidence).replace(" ()", ""));
    say("children", &row.child_paths);
    say("the provider keeps the order of", &row.ordered_arrays_tf);
    say("the provider does not export", &row.tf_excluded);
    say("the provider cannot read", &row.tf_unresolvable);
    say("the provider refers by", &row.refs_tf_unmatched);
}

fn header(row: &Row, hints: &Hints) -> String {
    let tier = if hints.content.domains.contains(&row.domain) {
        "content"
    } else if hints.many.parents.contains(&row.parent_domain) {
        "deep"
    } else {
        "standard"
    };
    let terraform: Vec<String> = row
        .tf_types
        .split_whitespace()
        .filter(|name| *name != "none")
        .map(|name| if name.starts_with("genesyscloud_") { name.to_owned() } else { format!("genesyscloud_{name}") })
        .collect();
    format!("about = \"\"\nschema_version = 1\ntier = \"{tier}\"\n{}", text::list("terraform", &terraform))
}

fn risk(row: &Row, model: &model::Model<'_>) -> String {
    let mut text = format!(
        "[risk]\nadded = \"{}\"\nremoved = \"{}\"\nmodified = \"{}\"\n",
        row.risk_added, row.risk_removed, row.risk_modified
    );
    if ["high", "critical"].contains(&row.risk_modified.as_str()) {
        for member in ["description", "name"] {
            if model.has(member) {
                let _ = writeln!(text, "\"modified /{member}\" = \"medium\"");
            }
        }
    }
    text
}
