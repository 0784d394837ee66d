//! The sections `[channels.NAME]`: places that alerts go to.

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::entry::Reading;
use super::problem::Objection;
use crate::catalogue::kind_of;
use crate::model::nearest;
use crate::notify::{ChannelSettings, ChannelType, ChannelTypes, Form, SettingRule, SettingValue, variable};

/// The section that the channels are in.
pub(super) const SECTION: &str = "channels";

/// The key that says what a channel is.
const TYPE: &str = "type";

/// Most characters of the name of a channel.
const LONGEST_NAME: usize = 64;

/// Reads every channel, in order of name.
pub(super) fn read(value: &Spanned<DeValue<'_>>) -> Reading<Vec<ChannelSettings>> {
    let at = |message: String| vec![Objection::new(value.span().start, message)];
    let DeValue::Table(table) = value.get_ref() else {
        return Err(at(format!("[{SECTION}] must be a table, not {}", kind_of(value.get_ref()))));
    };
    let types = ChannelTypes::built_in().map_err(|error| at(error.to_string()))?;
    let (mut channels, mut objections) = (Vec::new(), Vec::new());
    for (name, value) in table {
        match channel(name, value, &types) {
            Ok(channel) => channels.push(channel),
            Err(found) => objections.extend(found),
        }
    }
    channels.sort_by(|left, right| left.name.cmp(&right.name));
    if objections.is_empty() { Ok(channels) } else { Err(objections) }
}

fn channel(
    name: &Spanned<DeString<'_>>,
    value: &Spanned<DeValue<'_>>,
    types: &ChannelTypes,
) -> Reading<ChannelSettings> {
    let at = name.span().start;
    let name: &str = name.get_ref();
    if !is_name(name) {
        let message = format!("{name:?} cannot name a channel: it takes lower-case letters, digits and hyphens");
        return Err(vec![Objection::new(at, message)]);
    }
    let section = format!("[{SECTION}.{name}]");
    let DeValue::Table(table) = value.get_ref() else {
        let message = format!("{section} must be a table, not {}", kind_of(value.get_ref()));
        return Err(vec![Objection::new(at, message)]);
    };
    let (channel_type, definition) = channel_type(&section, at, table, types)?;
    let mut reader = Reader { section, at, definition, values: Vec::new(), objections: Vec::new() };
    for (key, value) in table {
        if key.get_ref() != TYPE {
            reader.take(key, value);
        }
    }
    reader.judge();
    if !reader.objections.is_empty() {
        return Err(reader.objections);
    }
    let values = reader.values.into_iter().collect();
    Ok(ChannelSettings { name: name.to_owned(), channel_type: channel_type.to_owned(), values })
}

fn is_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    !name.is_empty() && name.len() <= LONGEST_NAME && !name.starts_with('-') && name.chars().all(is_plain)
}

fn channel_type<'t>(
    section: &str,
    at: usize,
    table: &'t DeTable<'_>,
    types: &'t ChannelTypes,
) -> Reading<(&'t str, &'t ChannelType)> {
    let known = || types.names().map(|name| format!("{name:?}")).collect::<Vec<_>>().join(", ");
    let Some((_, value)) = table.iter().find(|(key, _)| key.get_ref() == TYPE) else {
        return Err(vec![Objection::new(at, format!("{section} has no type; there are {}", known()))]);
    };
    let Some(word) = value.get_ref().as_str() else {
        let message = format!("{section} type must be a string, not {}", kind_of(value.get_ref()));
        return Err(vec![Objection::new(value.span().start, message)]);
    };
    types.get(word).map(|definition| (word, definition)).ok_or_else(|| {
        let message = format!("{section} type {word:?} is unknown; there are {}", known());
        vec![Objection::new(value.span().start, message).with_nearest(types.nearest(word).map(str::to_owned))]
    })
}

/// A channel while it is read.
struct Reader<'d> {
    section: String,
    at: usize,
    definition: &'d ChannelType,
    values: Vec<(String, SettingValue)>,
    objections: Vec<Objection>,
}

impl Reader<'_> {
    fn take(&mut self, key: &Spanned<DeString<'_>>, value: &Spanned<DeValue<'_>>) {
        let name: &str = key.get_ref();
        let Some(rule) = self.definition.setting(name) else {
            let nearest = nearest(name, self.definition.settings.iter().map(|rule| rule.name.as_str()));
            let message = format!("unknown key {name:?} in {}", self.section);
            let objection = Objection::new(key.span().start, message).with_nearest(nearest.map(str::to_owned));
            self.objections.push(objection);
            return;
        };
        match setting(rule, value) {
            Ok(value) => self.values.push((name.to_owned(), value)),
            Err((at, complaint)) => {
                self.objections.push(Objection::new(at, format!("{} {name} {complaint}", self.section)));
            }
        }
    }

    /// What is missing or does not go together, and the defaults of what nobody says.
    fn judge(&mut self) {
        // What could not be read is there all the same, and has been objected to.
        if !self.objections.is_empty() {
            return;
        }
        let is_there = |name: &String| self.values.iter().any(|(known, _)| known == name);
        let mut complaints = Vec::new();
        for rule in self.definition.settings.iter().filter(|rule| rule.required && !is_there(&rule.name)) {
            complaints.push(format!("{} has no {}: {}", self.section, rule.name, rule.about));
        }
        if !self.definition.either.is_empty() {
            let groups = || self.definition.either.iter();
            let whole = groups().filter(|group| group.iter().all(is_there)).count();
            let begun = groups().filter(|group| group.iter().any(is_there)).count();
            if (whole, begun) != (1, 1) {
                let groups: Vec<String> = groups().map(|group| group.join(" and ")).collect();
                complaints.push(format!("{} takes either {}", self.section, groups.join(", or ")));
            }
        }
        for group in &self.definition.together {
            if group.iter().any(is_there) && !group.iter().all(is_there) {
                complaints.push(format!("{} takes {} together or not at all", self.section, group.join(" and ")));
            }
        }
        let defaults: Vec<(String, SettingValue)> = self
            .definition
            .settings
            .iter()
            .filter(|rule| !is_there(&rule.name))
            .filter_map(|rule| Some((rule.name.clone(), of_default(rule.default.as_ref()?)?)))
            .collect();
        self.values.extend(defaults);
        self.objections.extend(complaints.into_iter().map(|complaint| Objection::new(self.at, complaint)));
    }
}

fn of_default(value: &toml::Value) -> Option<SettingValue> {
    match value {
        toml::Value::String(text) => Some(SettingValue::Text(text.clone())),
        toml::Value::Integer(number) => usize::try_from(*number).ok().map(SettingValue::Number),
        toml::Value::Array(items) => {
            Some(SettingValue::Texts(items.iter().filter_map(|item| Some(item.as_str()?.to_owned())).collect()))
        }
        _ => None,
    }
}

/// Reads one value; what is wrong with it does not repeat it, as it may be a secret.
fn setting(rule: &SettingRule, value: &Spanned<DeValue<'_>>) -> Result<SettingValue, (usize, String)> {
    let at = value.span().start;
    let unfit = |at: usize| match rule.form {
        Form::Choice => {
            let words: Vec<String> = rule.choices.iter().map(|choice| format!("{choice:?}")).collect();
            (at, format!("must be one of {}", words.join(", ")))
        }
        Form::Secret => (
            at,
            format!(
                "must be {}: the file is committed, and a secret in it would stay in its history",
                rule.form.expected()
            ),
        ),
        form => (at, format!("must be {}", form.expected())),
    };
    match (rule.form, value.get_ref()) {
        (Form::Addresses | Form::Words, DeValue::Array(items)) => {
            let mut texts = Vec::new();
            for item in &**items {
                let text = item.get_ref().as_str().filter(|text| rule.form.fits(text));
                texts.push(text.ok_or_else(|| unfit(item.span().start))?.to_owned());
            }
            if texts.is_empty() { Err(unfit(at)) } else { Ok(SettingValue::Texts(texts)) }
        }
        (Form::Addresses | Form::Words, _) => Err(unfit(at)),
        (Form::Port, DeValue::Integer(integer)) => {
            let number = usize::from_str_radix(integer.as_str(), integer.radix()).ok();
            let number = number.filter(|number| rule.form.fits(&number.to_string()));
            number.map(SettingValue::Number).ok_or_else(|| unfit(at))
        }
        (Form::Secret, DeValue::String(text)) => {
            variable(text).map(|name| SettingValue::Variable(name.to_owned())).ok_or_else(|| unfit(at))
        }
        (Form::Choice, DeValue::String(text)) => {
            let chosen = rule.choices.iter().find(|choice| *choice == text);
            chosen.map(|choice| SettingValue::Text(choice.clone())).ok_or_else(|| unfit(at))
        }
        (Form::Port, _) => Err(unfit(at)),
        (form, DeValue::String(text)) if form.fits(text) => Ok(SettingValue::Text(text.clone().into_owned())),
        _ => Err(unfit(at)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;
    use crate::catalogue::Catalogue;
    use crate::config::{Config, Environment};

    fn parse(text: &str) -> Result<Config, String> {
        Config::parse("orgtrail.toml", text, &Catalogue::built_in().unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_channel_has_its_settings_and_the_defaults_of_its_type() {
        let text = r#"
            [channels.soc]
            type = "slack"
            token = "$SOC_TOKEN"
            channel = "C1"

            [channels.audit]
            type = "email"
            host = "smtp.example.com"
            port = 465
            tls = "implicit"
            from = "Trail <trail@example.com>"
            to = ["a@example.com", "b@example.com"]
        "#;
        let config = parse(text).unwrap();
        let [audit, soc] = &config.channels[..] else { panic!("there are {}", config.channels.len()) };
        assert_eq!((audit.name.as_str(), soc.name.as_str(), soc.channel_type.as_str()), ("audit", "soc", "slack"));
        assert_eq!(audit.values["port"], SettingValue::Number(465));
        assert_eq!(audit.values["to"], SettingValue::Texts(vec!["a@example.com".into(), "b@example.com".into()]));
        assert_eq!(soc.values["api"], SettingValue::Text("https://slack.com/api/chat.postMessage".to_owned()));
        assert_eq!(soc.variables().collect::<Vec<_>>(), [("token", "SOC_TOKEN")]);
    }

    #[test]
    fn every_problem_is_told_at_its_line_and_no_secret_is_repeated() {
        let text = r#"[channels.a]
type = "slak"
[channels.b]
type = "slack"
url = "https://hooks.slack.com/services/canary"
[channels.c]
type = "webhook"
uri = "$X"
[channels.d]
type = "webhook"
url = "$X"
[channels.e]
type = "slack"
url = "$X"
token = "$Y"
[channels.f]
type = "email"
host = "smtp.example.com:25"
port = 0
tls = "ssl"
from = "nobody"
to = []
[channels.g]
type = "splunk"
url = "http://splunk.example.com"
token = 7
[channels.H]
type = "teams"
[channels.i]
url = "$X"
[channels.j]
type = "email"
host = "smtp.example.com"
user = "u"
from = "a@example.com"
to = ["b@example.com"]
[chanels.k]
"#;
        let told = parse(text).unwrap_err();
        assert!(!told.contains("canary"), "{told}");
        insta::assert_snapshot!(told);
    }

    #[test]
    fn what_is_not_a_table_is_no_channel() {
        assert_eq!(parse("channels = 3").unwrap_err(), "orgtrail.toml:1: [channels] must be a table, not an integer");
        let told = parse("channels.soc = 'slack'").unwrap_err();
        assert_eq!(told, "orgtrail.toml:1: [channels.soc] must be a table, not a string");
    }

    #[test]
    fn only_the_variables_that_are_named_are_looked_up_and_all_that_are_missing_are_told() {
        let config = parse("[channels.a]\ntype='webhook'\nurl='$A_URL'\nsecret='$A_KEY'\n").unwrap();
        let set = [("A_URL", "https://a.example/canary"), ("OTHER", "canary")];
        let environment = Environment::from_map(set.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let missing = environment.channel_secrets(&config.channels).unwrap_err();
        assert_eq!(missing.to_string(), "the environment does not set A_KEY (named by [channels.a] secret)");
        let none = Environment::from_map([("A_KEY".to_owned(), String::new())].into());
        assert_eq!(none.channel_secrets(&config.channels).unwrap_err().unset.len(), 2);
        assert!(!format!("{environment:?}").contains("canary"));
    }
}
