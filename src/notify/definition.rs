//! The types of channels, as data from `schemas/channels/`: what each is set up with, what it takes at most, what its answers mean.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use lettre::message::Mailbox;
use serde::Deserialize;

use super::channel::ChannelKind;
use crate::catalogue::embedded_files;
use crate::model::nearest;

/// The folder of the files under `schemas/`.
const FOLDER: &str = "channels";

/// The types that there are, by name.
#[derive(Clone, Debug)]
pub struct ChannelTypes(BTreeMap<String, ChannelType>);

/// What is known of a type of channel.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChannelType {
    /// What it is, as a sentence.
    pub about: String,
    /// Who it talks to.
    pub kind: ChannelKind,
    /// Sections of `orgtrail.toml` that set such channels up.
    pub example: String,
    /// What it is set up with.
    #[serde(default, rename = "setting")]
    pub settings: Vec<SettingRule>,
    /// Groups of settings of which exactly one has to be there, whole.
    #[serde(default)]
    pub either: Vec<Vec<String>>,
    /// Groups of settings that are there all or not at all.
    #[serde(default)]
    pub together: Vec<Vec<String>>,
    /// What the receiver takes at most.
    #[serde(default, rename = "limit")]
    pub limits: Vec<Limit>,
    /// What the receiver recognises a repetition by, as a sentence.
    pub repetition: String,
    /// The codes in a body that do not object to what was sent, so that it may be taken later.
    #[serde(default)]
    pub passing: Vec<String>,
    /// What HTTP statuses mean; absent where no HTTP is spoken.
    pub statuses: Option<Statuses>,
}

/// A setting of a type.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingRule {
    /// Its key.
    pub name: String,
    /// What it is for, as a sentence.
    pub about: String,
    /// What it has to be.
    pub form: Form,
    /// Whether a channel without it is of no use.
    #[serde(default)]
    pub required: bool,
    /// What it is where nobody says.
    pub default: Option<toml::Value>,
    /// What there is to choose from.
    #[serde(default)]
    pub choices: Vec<String>,
}

/// What a value has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Form {
    /// A text without control characters.
    Text,
    /// One of the choices.
    Choice,
    /// The URL of a server that is spoken to in TLS, or on this machine.
    Url,
    /// The name or address of a machine.
    Host,
    /// A port.
    Port,
    /// A file.
    Path,
    /// A mail address, with or without a name before it.
    Address,
    /// Mail addresses.
    Addresses,
    /// Texts without control characters or commas.
    Words,
    /// A secret, as the name of an environment variable after a `$`.
    Secret,
}

/// Something that a receiver takes only so much of.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// What the code calls it.
    pub name: String,
    /// What it is about, in words.
    pub about: String,
    /// How much.
    pub value: usize,
    /// Who says so: an address, or a sentence where the limit is our own.
    pub source: String,
}

/// What HTTP statuses mean. A status that is in neither list is a refusal.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statuses {
    /// Those of a payload that arrived.
    #[serde(deserialize_with = "ranges")]
    pub delivered: Vec<RangeInclusive<u16>>,
    /// Those of a payload that may arrive later.
    #[serde(deserialize_with = "ranges")]
    pub retry: Vec<RangeInclusive<u16>>,
    /// Who says so.
    pub source: String,
}

/// A file of a type of channel that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not read schemas/{file}: {reason}")]
pub struct DefinitionError {
    /// The file, from `schemas/`.
    pub file: String,
    /// Why not.
    pub reason: String,
}

impl ChannelTypes {
    /// The types that come with the program.
    ///
    /// # Errors
    /// [`DefinitionError`] where a file of them cannot be read, which a test excludes.
    pub fn built_in() -> Result<Self, DefinitionError> {
        let files = embedded_files(FOLDER, "toml").into_iter();
        let read = files.map(|(file, text)| {
            let name = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".toml").to_owned();
            let read: Result<ChannelType, _> = toml::from_str(text);
            read.map(|one| (name, one)).map_err(|error| DefinitionError { file, reason: error.message().to_owned() })
        });
        read.collect::<Result<_, _>>().map(Self)
    }

    /// A type by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ChannelType> {
        self.0.get(name)
    }

    /// The names of all, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// The name that a word comes nearest to.
    #[must_use]
    pub fn nearest(&self, word: &str) -> Option<&str> {
        nearest(word, self.names())
    }
}

impl ChannelType {
    /// A setting by its name.
    #[must_use]
    pub fn setting(&self, name: &str) -> Option<&SettingRule> {
        self.settings.iter().find(|setting| setting.name == name)
    }
}

impl Form {
    /// What is expected, to complete "must be …".
    #[must_use]
    pub fn expected(self) -> &'static str {
        match self {
            Self::Text => "a text that is not empty and has no control characters",
            Self::Choice => "one of the words for it",
            Self::Url => "a URL that begins with https://, or with http:// on this machine, without user and password",
            Self::Host => "the name or address of a machine, without a port",
            Self::Port => "a port from 1 to 65535",
            Self::Path => "the path of a file",
            Self::Address => "a mail address such as \"orgtrail <orgtrail@example.com>\"",
            Self::Addresses => "a list of mail addresses",
            Self::Words => "a list of texts without control characters and commas",
            Self::Secret => "the name of an environment variable after a dollar sign, such as \"$SOC_KEY\"",
        }
    }

    /// Whether a text is of this form; of a list, each element is asked.
    #[must_use]
    pub fn fits(self, text: &str) -> bool {
        let is_plain = !text.is_empty() && !text.chars().any(char::is_control);
        match self {
            Self::Text | Self::Path | Self::Choice => is_plain,
            Self::Words => is_plain && !text.contains(','),
            Self::Url => is_private_url(text),
            Self::Host => is_host(text),
            Self::Port => text.parse::<u16>().is_ok_and(|port| port > 0),
            Self::Address | Self::Addresses => is_plain && text.parse::<Mailbox>().is_ok(),
            Self::Secret => variable(text).is_some(),
        }
    }
}

/// Whether a text is an address, or could be a name.
fn is_host(text: &str) -> bool {
    let is_name = |text: &str| text.chars().all(|c| c.is_ascii_alphanumeric() || ".-_".contains(c));
    let address = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    !text.is_empty() && (is_name(text) || address.parse::<std::net::IpAddr>().is_ok())
}

/// The name of the environment variable in `$NAME`.
#[must_use]
pub fn variable(text: &str) -> Option<&str> {
    let name = text.strip_prefix('$')?;
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some(name)
}

/// Whether a URL leads to a server in TLS, or to this machine: alerts and keys are sent there.
pub(super) fn is_private_url(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let has_user = !url.username().is_empty() || url.password().is_some();
    let is_private = match url.scheme() {
        "https" => url.host_str().is_some_and(|host| !host.is_empty()),
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    };
    is_private && !has_user && !text.contains(|c: char| c.is_control() || c.is_whitespace())
}

/// Whether a host is this machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

impl Statuses {
    /// Whether a payload with this status arrived.
    #[must_use]
    pub fn is_delivered(&self, status: u16) -> bool {
        self.delivered.iter().any(|range| range.contains(&status))
    }

    /// Whether a payload with this status may arrive later.
    #[must_use]
    pub fn is_for_retry(&self, status: u16) -> bool {
        self.retry.iter().any(|range| range.contains(&status))
    }
}

/// Reads statuses such as `"202"` and `"500-599"`.
fn ranges<'d, D: serde::Deserializer<'d>>(deserializer: D) -> Result<Vec<RangeInclusive<u16>>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    let range = |text: &String| {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        Some(first.parse().ok()?..=last.parse().ok()?)
    };
    let ranges: Option<Vec<_>> = texts.iter().map(range).collect();
    ranges
        .ok_or_else(|| serde::de::Error::custom("a status is a number such as \"202\", or a range such as \"500-599\""))
}
