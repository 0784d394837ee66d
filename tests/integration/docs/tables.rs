//! Tables that come from the domain files and the rule files. `ORGTRAIL_PIN=1 cargo test` writes them anew.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use orgtrail::catalogue::{Catalogue, Domain, Tier};
use orgtrail::model::{ChangeKind, Severity};
use orgtrail::policy::{Rule, built_in_rules};

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
        The permissions that the tiers `standard` and `deep` need, and what each is needed for. Where the API takes any of\n\
        several, the one that lets its holder only view is listed.\n\n\
        | Permission | For |\n|---|---|\n",
    );
    for (permission, domains) in least_role(catalogue) {
        writeln!(page, "| `{permission}` | {} |", code(domains.iter().map(|domain| domain.id.as_str()), ", ")).unwrap();
    }
    page
}

/// The permissions that suffice, with the domains that need them.
fn least_role(catalogue: &Catalogue) -> BTreeMap<&str, Vec<&Domain>> {
    let mut role: BTreeMap<&str, Vec<&Domain>> = BTreeMap::new();
    for domain in catalogue.iter().filter(|domain| domain.tier <= Tier::Deep) {
        let mut any = domain.source.permission.iter().map(String::as_str);
        let chosen = any.clone().find(|permission| permission.ends_with(":view")).or_else(|| any.next());
        if let Some(permission) = chosen {
            role.entry(permission).or_default().push(domain);
        }
    }
    role
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

#[test]
fn the_page_of_domains_is_current() {
    pinned("docs/domains.md", &domains_page(&catalogue()));
}

#[test]
fn the_page_of_rules_is_current() {
    pinned("docs/rules.md", &rules_page(&catalogue()));
}

/// The README lists the permissions so that a role can be made from it without looking further.
#[test]
fn the_least_role_of_the_readme_is_current() {
    const BEGIN: &str = "<!-- least role -->\n```text\n";
    let readme = document("README.md");
    let (before, rest) = readme.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once("```\n").unwrap();
    let catalogue = catalogue();
    let lines: Vec<&str> = least_role(&catalogue).into_keys().collect();
    pinned("README.md", &format!("{before}{BEGIN}{}\n```\n{after}", lines.join("\n")));
}
