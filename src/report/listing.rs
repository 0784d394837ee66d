//! What the program knows: its domains and its rules, as tables, as documents, and one by one.

mod domain;

use std::io::{self, Write};

pub use domain::explain_domain;

use super::json::write_document;
use super::shown::visible;
use super::table::table;
use crate::catalogue::Domain;
use crate::policy::RuleSummary;

/// Writes a line for every domain.
pub fn domains_text<'d>(domains: impl IntoIterator<Item = &'d Domain>, out: &mut dyn Write) -> io::Result<()> {
    let row = |domain: &Domain| {
        let about = visible(&domain.about).into_owned();
        let source = &domain.source;
        let permission = visible(&source.permission.join(source.permission_mode.conjunction())).into_owned();
        let origin = match domain.own_file() {
            Some(file) => format!("{}: {}", domain.origin.as_str(), visible(file)),
            None => domain.origin.as_str().to_owned(),
        };
        [domain.id.to_string(), domain.tier.as_str().to_owned(), source.cost(), permission, origin, about]
    };
    let rows: Vec<_> = domains.into_iter().map(row).collect();
    writeln!(out, "{}", table(Some(["DOMAIN", "TIER", "REQUESTS", "PERMISSION", "ORIGIN", "ABOUT"]), &rows))
}

/// Writes `schemas/output/domains.v1.json`.
pub fn domains_json<'d>(domains: impl IntoIterator<Item = &'d Domain>, out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Domains::of(domains), out)
}

/// Writes a line for every rule.
pub fn rules_text(rules: &[RuleSummary], out: &mut dyn Write) -> io::Result<()> {
    let row = |rule: &RuleSummary| {
        let (layer, looks_at) = (rule.layer.as_str().to_owned(), rule.looks_at.as_str().to_owned());
        [rule.id.clone(), rule.level.to_string(), layer, looks_at, visible(&rule.message).into_owned()]
    };
    let rows: Vec<_> = rules.iter().map(row).collect();
    writeln!(out, "{}", table(Some(["RULE", "LEVEL", "LAYER", "LOOKS AT", "MESSAGE"]), &rows))
}

/// Writes `schemas/output/rules.v1.json`.
pub fn rules_json(rules: &[RuleSummary], out: &mut dyn Write) -> io::Result<()> {
    write_document(&v1::Rules::of(rules), out)
}

/// Writes all that is known of a rule.
pub fn explain_rule(rule: &RuleSummary, out: &mut dyn Write) -> io::Result<()> {
    let pattern = &rule.pattern;
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let facts = [
        ("level", rule.level.to_string()),
        ("layer", rule.layer.as_str().to_owned()),
        ("looks at", rule.looks_at.as_str().to_owned()),
        ("about", text(&rule.about)),
        ("domain", text(&pattern.domain)),
        ("kind", pattern.kind.map(|kind| kind.as_str().to_owned()).unwrap_or_default()),
        ("path", text(&pattern.path)),
        ("entity", text(&pattern.entity)),
        ("division", text(&pattern.division)),
        ("when", text(&rule.when).trim().to_owned()),
        ("message", rule.message.clone()),
        ("remedy", rule.remedy.clone()),
    ];
    writeln!(out, "{}\n", rule.id)?;
    write_facts(&facts, out)
}

/// Writes names and values below each other; what has no value is left out.
fn write_facts(facts: &[(&str, String)], out: &mut dyn Write) -> io::Result<()> {
    let lines = |text: &str| text.lines().map(visible).collect::<Vec<_>>().join("\n");
    let known = facts.iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<_> = known.map(|(name, value)| [(*name).to_owned(), lines(value)]).collect();
    writeln!(out, "{}", table(None, &rows))
}

mod v1 {
    use serde::Serialize;

    use crate::catalogue::{self, Origin, Paging, PermissionMode, Tier};
    use crate::model::{ChangeKind, DomainId, Severity};
    use crate::policy::{Layer, LooksAt, RuleSummary};

    const SCHEMA_VERSION: u32 = 1;

    #[derive(Serialize)]
    pub(super) struct Domains<'d> {
        schema_version: u32,
        domains: Vec<Domain<'d>>,
    }

    #[derive(Serialize)]
    struct Domain<'d> {
        name: &'d DomainId,
        family: &'d str,
        tier: Tier,
        path: &'d str,
        paging: Paging,
        parent: Option<&'d DomainId>,
        permission: &'d [String],
        permission_mode: PermissionMode,
        schema_version: u32,
        terraform_types: &'d [String],
        origin: Origin,
        files: [&'d str; 2],
    }

    #[derive(Serialize)]
    pub(super) struct Rules<'r> {
        schema_version: u32,
        rules: Vec<Rule<'r>>,
    }

    #[derive(Serialize)]
    struct Rule<'r> {
        id: &'r str,
        level: Severity,
        layer: Layer,
        looks_at: LooksAt,
        #[serde(skip_serializing_if = "Option::is_none")]
        about: Option<&'r str>,
        r#match: Match<'r>,
        when: Option<&'r str>,
        message: &'r str,
        remedy: &'r str,
    }

    #[derive(Serialize)]
    struct Match<'r> {
        #[serde(skip_serializing_if = "Option::is_none")]
        domain: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        kind: Option<ChangeKind>,
        #[serde(skip_serializing_if = "Option::is_none")]
        path: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        entity: Option<&'r str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        division: Option<&'r str>,
    }

    impl<'d> Domains<'d> {
        pub(super) fn of(domains: impl IntoIterator<Item = &'d catalogue::Domain>) -> Self {
            Self { schema_version: SCHEMA_VERSION, domains: domains.into_iter().map(Domain::from).collect() }
        }
    }

    impl<'d> From<&'d catalogue::Domain> for Domain<'d> {
        fn from(domain: &'d catalogue::Domain) -> Self {
            Self {
                name: &domain.id,
                family: domain.id.family(),
                tier: domain.tier,
                path: &domain.source.path,
                paging: domain.source.paging,
                parent: domain.source.parent.as_ref(),
                permission: &domain.source.permission,
                permission_mode: domain.source.permission_mode,
                schema_version: domain.schema_version,
                terraform_types: &domain.terraform,
                origin: domain.origin,
                files: [&domain.file, &domain.schema_file],
            }
        }
    }

    impl<'r> Rules<'r> {
        pub(super) fn of(rules: &'r [RuleSummary]) -> Self {
            Self { schema_version: SCHEMA_VERSION, rules: rules.iter().map(Rule::from).collect() }
        }
    }

    impl<'r> From<&'r RuleSummary> for Rule<'r> {
        fn from(rule: &'r RuleSummary) -> Self {
            Self {
                id: &rule.id,
                level: rule.level,
                layer: rule.layer,
                looks_at: rule.looks_at,
                about: rule.about.as_deref(),
                r#match: Match {
                    domain: rule.pattern.domain.as_deref(),
                    kind: rule.pattern.kind,
                    path: rule.pattern.path.as_deref(),
                    entity: rule.pattern.entity.as_deref(),
                    division: rule.pattern.division.as_deref(),
                },
                when: rule.when.as_deref(),
                message: &rule.message,
                remedy: &rule.remedy,
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests;
