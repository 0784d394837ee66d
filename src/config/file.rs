//! The file as it is written: known keys with values that nobody has judged yet.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::Config;
use super::entry::Entry;
use super::problem::{Objection, ObjectionKind};
use super::settings::{SETTINGS, Setting};
use crate::catalogue::{Catalogue, kind_of};
use crate::model::nearest;

/// A configuration file that has been read but not judged.
#[derive(Default)]
pub(super) struct RawFile<'t> {
    entries: Vec<(&'static Setting, Spanned<DeValue<'t>>)>,
    objections: Vec<Objection>,
}

impl<'t> RawFile<'t> {
    /// Reads a text. Where it is not TOML, nothing else is said of it: what was meant is a guess.
    pub(super) fn read(text: &'t str) -> Self {
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut file = Self::default();
        if errors.is_empty() {
            for (name, value) in table.into_inner() {
                file.add_section(&name, value);
            }
        }
        file.objections.extend(errors.into_iter().map(|error| Objection {
            offset: error.span().map_or(text.len(), |span| span.start),
            kind: ObjectionKind::Syntax,
            message: error.message().to_owned(),
            nearest: None,
        }));
        file
    }

    /// Judges every value and puts the defaults where there is none.
    pub(super) fn validate(self, catalogue: &Catalogue) -> Result<Config, Vec<Objection>> {
        let mut config = Config::default();
        let mut objections = self.objections;
        for (setting, value) in &self.entries {
            let entry = Entry { setting, value, catalogue };
            if let Err(found) = (setting.take)(&entry, &mut config) {
                objections.extend(found);
            }
        }
        if objections.is_empty() { Ok(config) } else { Err(objections) }
    }

    fn add_section(&mut self, name: &Spanned<DeString<'t>>, value: Spanned<DeValue<'t>>) {
        let offset = name.span().start;
        let name: &str = name.get_ref();
        let sections = || SETTINGS.iter().map(|setting| setting.section);
        let is_known = sections().any(|section| section == name);
        match value.into_inner() {
            DeValue::Table(table) if is_known => {
                for (key, value) in table {
                    self.add_entry(name, &key, value);
                }
            }
            other if is_known => {
                let message = format!("[{name}] must be a table, not {}", kind_of(&other));
                self.objections.push(Objection::new(offset, message));
            }
            DeValue::Table(_) => {
                let nearest = nearest(name, sections()).map(str::to_owned);
                let message = format!("unknown section {name:?}");
                self.objections.push(Objection::new(offset, message).with_nearest(nearest));
            }
            _ => {
                let message = format!("unknown key {name:?} outside of a section");
                self.objections.push(Objection::new(offset, message).with_nearest(elsewhere(name)));
            }
        }
    }

    fn add_entry(&mut self, section: &str, key: &Spanned<DeString<'t>>, value: Spanned<DeValue<'t>>) {
        let name: &str = key.get_ref();
        let in_section = || SETTINGS.iter().filter(|setting| setting.section == section);
        if let Some(setting) = in_section().find(|setting| setting.key == name) {
            self.entries.push((setting, value));
            return;
        }
        let nearest = nearest(name, in_section().map(|setting| setting.key)).map(str::to_owned);
        let message = format!("unknown key {name:?} in [{section}]");
        let objection = Objection::new(key.span().start, message);
        self.objections.push(objection.with_nearest(nearest.or_else(|| elsewhere(name))));
    }
}

/// The setting of that very key in whatever section it belongs to.
fn elsewhere(key: &str) -> Option<String> {
    SETTINGS.iter().find(|setting| setting.key == key).map(ToString::to_string)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;
    use std::time::Duration;

    use super::super::{Signatures, template};
    use super::*;
    use crate::catalogue::Tier;

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse("orgtrail.toml", text, &Catalogue::built_in().unwrap()).map_err(|error| error.to_string())
    }

    fn settings_of(config: &Config) -> String {
        format!("{config:#?}")
    }

    /// The key of a line of the template that shows a setting.
    fn shown_key(line: &str) -> Option<&str> {
        let (key, _) = line.strip_prefix("# ")?.split_once(" = ")?;
        key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_').then_some(key)
    }

    #[test]
    fn an_empty_file_leaves_the_defaults() {
        assert_eq!(settings_of(&parse("").unwrap()), settings_of(&Config::default()));
    }

    #[test]
    fn the_template_is_the_defaults_both_as_it_comes_and_with_every_key_uncommented() {
        let uncommented: String = template()
            .lines()
            .map(|line| if shown_key(line).is_some() { &line["# ".len()..] } else { line })
            .flat_map(|line| [line, "\n"])
            .collect();
        assert_ne!(uncommented, template());
        for text in [template(), &uncommented] {
            assert_eq!(settings_of(&parse(text).unwrap()), settings_of(&Config::default()));
        }
    }

    #[test]
    fn the_template_shows_every_setting_once_under_its_section() {
        let mut section = "";
        let mut shown = Vec::new();
        for line in template().lines() {
            if let Some(header) = line.strip_prefix('[') {
                section = header.trim_end_matches(']');
            } else if let Some(key) = shown_key(line) {
                shown.push(format!("[{section}] {key}"));
            }
        }
        assert_eq!(shown, SETTINGS.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(shown.iter().collect::<BTreeSet<_>>().len(), shown.len());
    }

    #[test]
    fn every_setting_is_taken_from_the_file() {
        let config = parse(
            r#"
            trail = { branch = "state", remote = "mirror", signing_key = "/keys/trail", require_signatures = "tool" }
            genesys.region = "EU-West-1"

            [rate]
            share = 0.7_5
            in_flight = 0x1_0

            [capture]
            tier = "deep"
            include = ["routing.*", "users.users"]
            exclude = ["routing.skills"]
            stale_after = "7d"
            targeted = true
            full_every = "6h"
            confirm_reads = 0

            [attribution]
            audits = false
            wait = "0s"
            settle = "1h"

            [coverage]
            accept = ["telephony.*"]

            [[orphans.exclude]]
            entity = "routing.queues/Reserve *"
            reason = "opened in a crisis"

            [production]
            divisions = ["Home", "EMEA *"]
            names = ["*-prod"]
            "#,
        )
        .unwrap();
        assert_eq!(config.branch.as_deref(), Some("state"));
        assert_eq!(config.remote, "mirror");
        assert_eq!(config.signing_key.as_deref(), Some(Path::new("/keys/trail")));
        assert_eq!(config.require_signatures, Signatures::Tool);
        assert_eq!(config.region.unwrap().domain(), "mypurecloud.ie");
        assert!((config.rate_share - 0.75).abs() < f64::EPSILON);
        assert_eq!(config.in_flight, 16);
        assert_eq!(config.tier, Tier::Deep);
        assert_eq!(config.orphans_exclude[0].reason, "opened in a crisis");
        assert_eq!(config.include.patterns().collect::<Vec<_>>(), ["routing.*", "users.users"]);
        assert_eq!(config.exclude.patterns().collect::<Vec<_>>(), ["routing.skills"]);
        assert_eq!(config.stale_after, Duration::from_secs(7 * 24 * 60 * 60));
        assert!(config.targeted);
        assert_eq!(config.full_every.as_secs(), 6 * 60 * 60);
        assert_eq!(config.confirm_reads, 0);
        assert!(!config.audits);
        assert_eq!((config.attribution_wait.as_secs(), config.attribution_settle.as_secs()), (0, 3600));
        assert_eq!(config.accept.patterns().collect::<Vec<_>>(), ["telephony.*"]);
        assert!(config.production.divisions[1].is_match("EMEA North"));
        assert!(config.production.names[0].is_match("Main-prod"));
    }

    #[test]
    fn all_problems_are_reported_together_each_at_its_line() {
        let text = r#"tier = "deep"
[rate]
sahre = 0.5
tier = "deep"
in_flight = "many"

[captrue]
tier = "deep"

[capture]
include = [
    "routing.*",
    "routing.queue",
    "rooting.*",
    3,
]
[coverage]
accept = ["["]
[production]
names = ["ok", "{"]
colour = "red"
"#;
        let expected = r#"orgtrail.toml:1: unknown key "tier" outside of a section; did you mean "[capture] tier"?
orgtrail.toml:3: unknown key "sahre" in [rate]; did you mean "share"?
orgtrail.toml:4: unknown key "tier" in [rate]; did you mean "[capture] tier"?
orgtrail.toml:5: [rate] in_flight must be a whole number from 1 to 16, not a string
orgtrail.toml:7: unknown section "captrue"; did you mean "capture"?
orgtrail.toml:13: [capture] include: "routing.queue" matches no domain; did you mean "routing.queues"?
orgtrail.toml:14: [capture] include: "rooting.*" matches no domain
orgtrail.toml:15: [capture] include: a list of strings cannot hold an integer
orgtrail.toml:18: [coverage] accept: "[" is not a glob: unclosed character class; missing ']'
orgtrail.toml:20: [production] names: "{" is not a glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
orgtrail.toml:21: unknown key "colour" in [production]"#;
        assert_eq!(parse(text).unwrap_err(), expected);
    }

    #[test]
    fn a_value_that_cannot_be_used_says_what_is_expected() {
        let share = "[rate] share must be a number from 0.05 to 1, not";
        let stale = r#"[capture] stale_after must be a time above zero such as "90m", "24h" or "7d", not"#;
        let reads = "[capture] confirm_reads must be a whole number, 0 or more, not";
        let tier = r#"[capture] tier must be "standard", "deep" or "content", not"#;
        for (line, expected) in [
            ("rate = 1", "[rate] must be a table, not an integer".to_owned()),
            ("[[rate]]", "[rate] must be a table, not a list".to_owned()),
            ("rate.share = true", format!("{share} a boolean")),
            ("rate.share = 0.01", format!("{share} 0.01")),
            ("rate.share = 2", format!("{share} 2")),
            ("rate.share = nan", format!("{share} nan")),
            ("rate.in_flight = 17", "[rate] in_flight must be a whole number from 1 to 16, not 17".to_owned()),
            ("rate.in_flight = 1.5", "[rate] in_flight must be a whole number from 1 to 16, not a fraction".to_owned()),
            ("capture.confirm_reads = -1", format!("{reads} -1")),
            ("capture.confirm_reads = 99999999999999999999", format!("{reads} 99999999999999999999")),
            ("capture.tier = 'deeep'", format!("{tier} \"deeep\"; did you mean \"deep\"?")),
            ("capture.tier = []", format!("{tier} a list")),
            ("capture.stale_after = 24", format!("{stale} an integer")),
            ("capture.stale_after = '0h'", format!("{stale} \"0h\"")),
            ("capture.stale_after = '1 day'", format!("{stale} \"1 day\"")),
            ("capture.stale_after = '999999999999999999d'", format!("{stale} \"999999999999999999d\"")),
            ("capture.exclude = 'x'", "[capture] exclude must be a list of strings, not a string".to_owned()),
            ("attribution.audits = 'yes'", "[attribution] audits must be true or false, not a string".to_owned()),
            ("trail.remote = ''", "[trail] remote must be a text that is not empty, not \"\"".to_owned()),
            ("trail.branch = 2026-01-01", "[trail] branch must be a string, not a date".to_owned()),
            (
                "genesys.region = 'eu-wst-1'",
                "[genesys] region: unknown region \"eu-wst-1\"; did you mean \"eu-west-1\"?".to_owned(),
            ),
        ] {
            assert_eq!(parse(line).unwrap_err(), format!("orgtrail.toml:1: {expected}"), "{line}");
        }
    }

    #[test]
    fn what_is_not_toml_is_named_with_line_and_column() {
        for (text, expected) in [
            ("[rate]\nshare = \n", "2:9"),
            ("[trail]\nremote = \"é\" x\n", "2:14"),
            ("[rate]\nshare = 1\nshare = 1\n", "3:1"),
            ("[trail]\nbranch = \"main\n", "2:15"),
        ] {
            let problem = parse(text).unwrap_err();
            assert!(problem.starts_with(&format!("orgtrail.toml:{expected}: ")), "{problem}");
        }
        let two_mistakes = "[rate]\nshare 1\nin_flight 2\n[moon]\n";
        assert_eq!(parse(two_mistakes).unwrap_err().lines().count(), 2);
    }
}
