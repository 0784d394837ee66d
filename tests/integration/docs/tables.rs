//! Tables that come from the domain files and the rule files. `ORGTRAIL_PIN=1 cargo test` writes them anew.

use std::fmt::Write as _;

use orgtrail::capture::OWN_PERMISSIONS;
use orgtrail::catalogue::{Catalogue, LeastRole, Tier};
use orgtrail::config::Config;
use orgtrail::model::{ChangeKind, DomainId, Severity};
use orgtrail::notify::{ChannelKind, ChannelType, ChannelTypes, Form};
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

#[test]
fn the_page_of_domains_is_current() {
    pinned("docs/domains.md", &domains_page(&catalogue()));
}

#[test]
fn the_page_of_rules_is_current() {
    pinned("docs/rules.md", &rules_page(&catalogue()));
}

fn channels_page(types: &ChannelTypes) -> String {
    let mut page = "# Channels\n\n\
        A channel is a place that alerts go to: a section `[channels.NAME]` of `orgtrail.toml`, which routes call by its name. What\n\
        is known of a type is a file under [`schemas/channels/`](../schemas/channels), which this page is made of.\n\n\
        A secret is never written into the file, which is committed. Its setting names the environment variable that holds it,\n\
        after a dollar sign; orgtrail looks up just the variables that are named. No secret is in a payload that is shown, in a\n\
        message or in a log. A URL begins with `https://`, or leads to this machine.\n\n\
        Channels to people get one message for each route and run, those to a pager an event for each alert, and those that keep\n\
        events every alert, as well as records. What is shortened says by how much. Where a receiver says `Retry-After`, it is waited\n\
        for. Only what objects to the payload itself is a refusal, after which it is given up; with a network, a certificate or a\n\
        key that fails, it waits and is sent with a later run. No redirect is followed.\n\n\
        | Type | For | About |\n|---|---|---|\n"
        .to_owned();
    let each = || types.names().filter_map(|name| Some((name, types.get(name)?)));
    for (name, one) in each() {
        writeln!(page, "| [`{name}`](#{name}) | {} | {} |", audience(one.kind), cell(&one.about)).unwrap();
    }
    for (name, one) in each() {
        channel_section(&mut page, name, one);
    }
    page
}

fn audience(kind: ChannelKind) -> &'static str {
    match kind {
        ChannelKind::People => "people",
        ChannelKind::Pager => "a pager",
        ChannelKind::Siem => "what keeps events",
    }
}

fn channel_section(page: &mut String, name: &str, one: &ChannelType) {
    let example = one.example.trim_end();
    write!(page, "\n## {name}\n\n{}\n\n```toml\n{example}\n```\n\n", one.about).unwrap();
    page.push_str("| Setting | Is | Default | About |\n|---|---|---|---|\n");
    for rule in &one.settings {
        let form = match rule.form {
            Form::Secret => "a secret".to_owned(),
            Form::Choice => code(rule.choices.iter().map(String::as_str), " or "),
            Form::Addresses | Form::Words => "a list".to_owned(),
            Form::Port => "a port".to_owned(),
            _ => "a text".to_owned(),
        };
        let default = rule.default.as_ref().map_or_else(
            || if rule.required { "required".to_owned() } else { String::new() },
            |default| format!("`{default}`"),
        );
        writeln!(page, "| `{}` | {form} | {default} | {} |", rule.name, cell(&rule.about)).unwrap();
    }
    if !one.either.is_empty() {
        let groups = one.either.iter().map(|group| code(group.iter().map(String::as_str), " and "));
        writeln!(page, "\nIt takes either {}.", groups.collect::<Vec<_>>().join(" or ")).unwrap();
    }
    for group in &one.together {
        let group = code(group.iter().map(String::as_str), " and ");
        writeln!(page, "\n{group} go together.").unwrap();
    }
    page.push_str("\n| Limit | What | Source |\n|---|---|---|\n");
    for limit in &one.limits {
        writeln!(page, "| {} | {} | {} |", limit.value, cell(&limit.about), limit.source).unwrap();
    }
    writeln!(page, "\nWhat is sent twice: {}", one.repetition).unwrap();
    if let Some(statuses) = &one.statuses {
        let row = |ranges: &[std::ops::RangeInclusive<u16>]| {
            let range = |range: &std::ops::RangeInclusive<u16>| match (range.start(), range.end()) {
                (first, last) if first == last => first.to_string(),
                (first, last) => format!("{first} to {last}"),
            };
            ranges.iter().map(range).collect::<Vec<_>>().join(", ")
        };
        let (delivered, retry) = (row(&statuses.delivered), row(&statuses.retry));
        writeln!(
            page,
            "\nStatuses: {delivered} is delivered, {retry} is tried again, all others are refusals ({}).",
            statuses.source
        )
        .unwrap();
    }
}

#[test]
fn the_page_of_channels_is_current() {
    pinned("docs/channels.md", &channels_page(&ChannelTypes::built_in().unwrap()));
}

#[test]
fn every_example_of_a_channel_can_be_used() {
    let types = ChannelTypes::built_in().unwrap();
    for name in types.names() {
        let example = &types.get(name).unwrap().example;
        let config = Config::parse("orgtrail.toml", example, &catalogue()).unwrap_or_else(|error| panic!("{error}"));
        assert!(!config.channels.is_empty() && config.channels.iter().all(|one| one.channel_type == name), "{name}");
    }
}
