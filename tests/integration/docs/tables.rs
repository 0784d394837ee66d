//! Tables that come from the domain files and the rule files. `ORGTRAIL_PIN=1 cargo test` writes them anew.

use std::fmt::Write as _;

use orgtrail::capture::OWN_PERMISSIONS;
use orgtrail::catalogue::{Catalogue, LeastRole, Tier};
use orgtrail::model::{ChangeKind, DomainId, Severity};
use orgtrail::policy::{LintRule, Rule, built_in_lints, built_in_rules};

use super::{document, root};
use crate::fixtures::catalogue;

/// Compares a file with what it must hold, after writing it where that is asked for.
fn pinned(path: &str, expected: &str) {
    if std::env::var_os("ORGTRAIL_PIN").is_some() {
        std::fs::write(root().join(path), expected).unwrap();
    }
    assert_eq!(document(path), expected, "`ORGTRAIL_PIN=1 cargo test` writes {path} anew");
}

/// Text for a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// Texts as code, in a row.
fn code<'t>(texts: impl IntoIterator<Item = &'t str>, between: &str) -> String {
    texts.into_iter().map(|text| format!("`{text}`")).collect::<Vec<_>>().join(between)
}

fn domains_page(catalogue: &Catalogue) -> String {
    let mut page = "# Domains\n\n\
        What a run captures, as the files under [`schemas/`](../schemas) say; `orgtrail domains explain NAME` says all that is\n\
        known of one. The default tier is `standard`; `deep` listings are made per queue, flow or user. Where the API names no\n\
        permission, what a client sees may still depend on its roles.\n\n\
        | Domain | Tier | Path | Paging | Permission | About |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for domain in catalogue.iter() {
        let (source, tier) = (&domain.source, domain.tier.as_str());
        let permission = match source.permission.as_slice() {
            [] => "none named".to_owned(),
            any => code(any.iter().map(String::as_str), " or "),
        };
        let (paging, about) = (source.paging.as_str(), cell(&domain.about));
        writeln!(page, "| `{}` | {tier} | `{}` | {paging} | {permission} | {about} |", domain.id, source.path).unwrap();
    }
    page.push_str(
        "\n## The least role\n\n\
        The permissions that the tiers `standard` and `deep` need, and what each is needed for; `orgtrail doctor --role` tells\n\
        it for the domains of a trail. Where the API takes any of several, one that is needed anyway is listed, else one that\n\
        only lets its holder view.\n\n\
        | Permission | For |\n|---|---|\n",
    );
    for (permission, need) in least_role(catalogue).permissions {
        let domains = (!need.domains.is_empty()).then(|| code(need.domains.iter().map(DomainId::as_str), ", "));
        let own = need.purpose.map(|purpose| format!("orgtrail itself: {purpose}"));
        let uses: Vec<String> = domains.into_iter().chain(own).collect();
        writeln!(page, "| `{permission}` | {} |", uses.join("; ")).unwrap();
    }
    page
}

/// The permissions that suffice for all but content.
fn least_role(catalogue: &Catalogue) -> LeastRole {
    let domains = catalogue.iter().filter(|domain| domain.tier <= Tier::Deep);
    LeastRole::of(catalogue, &domains.map(|domain| domain.id.clone()).collect(), &OWN_PERMISSIONS)
}

fn rules_page(catalogue: &Catalogue) -> String {
    let rules = built_in_rules(catalogue).unwrap();
    let mut page = "# Rules\n\n\
        How much a change matters is decided in three layers; the last layer with a match decides, within it the highest level.\n\
        The first is the `[risk]` of each domain file, whose rules are called `<family>-<domain>-<kind>`. The second are the\n\
        rules on this page, one file each under [`schemas/rules/`](../schemas/rules). The third is `rules.toml` in a trail.\n\
        `orgtrail rules list` lists all that are in force, `orgtrail rules explain ID` shows one.\n"
        .to_owned();
    for level in Severity::WORST_FIRST {
        let of_level: Vec<&Rule> = rules.iter().filter(|rule| rule.severity == level).collect();
        if !of_level.is_empty() {
            writeln!(page, "\n## {level}").unwrap();
        }
        for rule in of_level {
            rule_section(rule, &mut page);
        }
    }
    page
}

fn rule_section(rule: &Rule, page: &mut String) {
    writeln!(page, "\n### {}\n", rule.id).unwrap();
    let pattern = &rule.pattern;
    let members = [
        ("domain", pattern.domain.as_deref()),
        ("kind", pattern.kind.map(ChangeKind::as_str)),
        ("path", pattern.path.as_deref()),
        ("entity", pattern.entity.as_deref()),
        ("division", pattern.division.as_deref()),
    ];
    let matches: Vec<String> =
        members.into_iter().filter_map(|(name, value)| Some(format!("{name} `{}`", value?))).collect();
    writeln!(page, "- Level: {}\n- Matches: {}", rule.severity, matches.join(", ")).unwrap();
    writeln!(page, "- Message: `{}`\n- Remedy: {}", rule.message, rule.remedy).unwrap();
    if let Some(condition) = &rule.condition {
        writeln!(page, "\n```cel\n{}\n```", condition.source().trim()).unwrap();
    }
}

fn lint_page(catalogue: &Catalogue) -> String {
    let rules = built_in_lints(catalogue).unwrap();
    let mut page = "# Lint\n\n\
        What `orgtrail lint` finds in a state, by rules that are one file each under [`schemas/lint/`](../schemas/lint); rules of\n\
        one's own stand under `[[lint]]` in `rules.toml`, in the form that [CONTRIBUTING.md](../CONTRIBUTING.md) describes. An\n\
        entity for which the condition is true is a finding. Where the state does not hold whole what a condition asks for, it is\n\
        told that the rule could not be told.\n"
        .to_owned();
    for level in Severity::WORST_FIRST {
        let of_level: Vec<&LintRule> = rules.iter().filter(|rule| rule.severity == level).collect();
        if !of_level.is_empty() {
            writeln!(page, "\n## {level}").unwrap();
        }
        for rule in of_level {
            let others: Vec<&str> = rule.asks_of().into_iter().filter(|name| !is_own(rule, name)).collect();
            writeln!(page, "\n### {}\n\n{}\n", rule.id, rule.about).unwrap();
            writeln!(page, "- Level: {}", rule.severity).unwrap();
            writeln!(page, "- Looks at: {}", code(rule.pattern.domain.as_deref(), ", ")).unwrap();
            if !others.is_empty() {
                writeln!(page, "- Asks about: {}", code(others, ", ")).unwrap();
            }
            writeln!(page, "- Message: `{}`\n- Remedy: {}", rule.message, rule.remedy).unwrap();
            writeln!(page, "\n```cel\n{}\n```", rule.condition.source().trim()).unwrap();
        }
    }
    page
}

fn is_own(rule: &LintRule, name: &str) -> bool {
    rule.pattern.domain.as_deref() == Some(name)
}

#[test]
fn the_page_of_lint_rules_is_current() {
    pinned("docs/lint.md", &lint_page(&catalogue()));
}

#[test]
fn the_page_of_domains_is_current() {
    pinned("docs/domains.md", &domains_page(&catalogue()));
}

#[test]
fn the_page_of_rules_is_current() {
    pinned("docs/rules.md", &rules_page(&catalogue()));
}
