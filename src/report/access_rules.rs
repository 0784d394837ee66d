//! The rules of who may do what that are in force, and the permissions that matter more than others.

use std::io::{self, Write};

use super::json::write_document;
use super::markdown::{cell, code};
use super::shown::visible;
use super::table::table;
use crate::audit::rbac::Rules;

/// Writes the rules and the permissions as tables.
pub fn render_text(rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    let safe = |text: &str| visible(text).into_owned();
    let of_rules: Vec<_> =
        rules.iter().map(|rule| [safe(&rule.id), rule.level.to_string(), safe(&rule.message)]).collect();
    writeln!(out, "{}\n", table(Some(["RULE", "LEVEL", "SAYS"]), &of_rules))?;
    let of_permissions: Vec<_> = rules
        .permissions()
        .map(|one| [safe(&one.pattern), one.level.to_string(), safe(&one.sets.join(", ")), safe(&one.reason)])
        .collect();
    writeln!(out, "{}", table(Some(["PERMISSION", "LEVEL", "SETS", "WHY"]), &of_permissions))
}

/// Writes the rules and the permissions in GitHub Flavored Markdown.
pub fn render_markdown(rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "| Rule | Level | Says | Remedy |\n|---|---|---|---|")?;
    for rule in rules.iter() {
        writeln!(out, "| {} | {} | {} | {} |", code(&rule.id), rule.level, cell(&rule.message), cell(&rule.remedy))?;
    }
    writeln!(out, "\n| Permission | Level | Sets | Why |\n|---|---|---|---|")?;
    for one in rules.permissions() {
        let (pattern, sets) = (cell(&one.pattern), cell(&one.sets.join(", ")));
        writeln!(out, "| {pattern} | {} | {sets} | {} |", one.level, cell(&one.reason))?;
    }
    Ok(())
}

/// Writes `schemas/output/access-rules.v1.json`.
pub fn render_json(rules: &Rules, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Document::from(rules), out)
}

mod v1 {
    use serde::Serialize;

    use crate::audit::rbac::{Listed, Rules};
    use crate::model::Severity;

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Document<'r> {
        schema_version: u32,
        rules: Vec<Rule<'r>>,
        permissions: Vec<Permission<'r>>,
    }

    #[derive(Serialize)]
    struct Rule<'r> {
        id: &'r str,
        level: Severity,
        message: &'r str,
        remedy: &'r str,
    }

    #[derive(Serialize)]
    struct Permission<'r> {
        pattern: &'r str,
        except: &'r [String],
        sets: &'r [String],
        level: Severity,
        reason: &'r str,
        source: Option<&'r str>,
    }

    impl<'r> From<&'r Rules> for Document<'r> {
        fn from(rules: &'r Rules) -> Self {
            let rule = |rule: &'r crate::audit::rbac::Rule| Rule {
                id: &rule.id,
                level: rule.level,
                message: &rule.message,
                remedy: &rule.remedy,
            };
            let permission = |one: &'r Listed| Permission {
                pattern: &one.pattern,
                except: &one.except,
                sets: &one.sets,
                level: one.level,
                reason: &one.reason,
                source: one.source.as_deref(),
            };
            Self {
                schema_version: SCHEMA_VERSION,
                rules: rules.iter().map(rule).collect(),
                permissions: rules.permissions().map(permission).collect(),
            }
        }
    }
}
