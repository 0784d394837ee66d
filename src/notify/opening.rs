//! What a channel is made from: its settings, the secrets that they name, and what is known of its type.

use std::collections::BTreeMap;
use std::path::PathBuf;

use secrecy::{ExposeSecret, SecretString};

use super::definition::{ChannelType, DefinitionError, Form, Statuses};
use super::settings::{ChannelSettings, Secrets, SettingValue};

/// A channel that cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// There is no such type.
    #[error("could not open the channel {channel}: there is no type {channel_type:?}")]
    NoType {
        /// The channel.
        channel: String,
        /// What it says its type is.
        channel_type: String,
    },
    /// A setting that it needs is not there.
    #[error("could not open the channel {channel}: it has no {setting}")]
    Missing {
        /// The channel.
        channel: String,
        /// The setting.
        setting: String,
    },
    /// The environment does not set a variable that it names.
    #[error("could not open the channel {channel}: the environment does not set {variable}, which its {setting} names")]
    Unset {
        /// The channel.
        channel: String,
        /// The setting.
        setting: String,
        /// The variable.
        variable: String,
    },
    /// A value is not what it has to be; it is not shown, as it may be a secret.
    #[error("could not open the channel {channel}: {setting} does not hold {expected}")]
    Unfit {
        /// The channel.
        channel: String,
        /// The setting, with the variable that it names where it is a secret.
        setting: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// The data of its type lack something, which a test excludes.
    #[error("could not open the channel {channel}: the data of its type have no {what}")]
    NoData {
        /// The channel.
        channel: String,
        /// What is not there.
        what: &'static str,
    },
    /// The data of the types cannot be read, which a test excludes.
    #[error(transparent)]
    Definition(#[from] DefinitionError),
}

/// A channel that is being opened.
pub(super) struct Opening<'o> {
    pub(super) settings: &'o ChannelSettings,
    pub(super) secrets: &'o Secrets,
    pub(super) definition: &'o ChannelType,
}

impl Opening<'_> {
    fn channel(&self) -> String {
        self.settings.name.clone()
    }

    fn value(&self, setting: &str) -> Option<&SettingValue> {
        self.settings.values.get(setting)
    }

    fn missing(&self, setting: &str) -> OpenError {
        OpenError::Missing { channel: self.channel(), setting: setting.to_owned() }
    }

    /// An objection to a value, which does not show it.
    pub(super) fn unfit(&self, setting: &str, expected: &'static str) -> OpenError {
        let setting = match self.value(setting) {
            Some(SettingValue::Variable(variable)) => format!("${variable}"),
            _ => setting.to_owned(),
        };
        OpenError::Unfit { channel: self.channel(), setting, expected }
    }

    pub(super) fn optional_text(&self, setting: &str) -> Option<String> {
        match self.value(setting) {
            Some(SettingValue::Text(text)) => Some(text.clone()),
            _ => None,
        }
    }

    pub(super) fn text(&self, setting: &str) -> Result<String, OpenError> {
        self.optional_text(setting).ok_or_else(|| self.missing(setting))
    }

    pub(super) fn texts(&self, setting: &str) -> Vec<String> {
        match self.value(setting) {
            Some(SettingValue::Texts(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn port(&self, setting: &str) -> Result<u16, OpenError> {
        match self.value(setting) {
            Some(SettingValue::Number(number)) => {
                u16::try_from(*number).map_err(|_| self.unfit(setting, Form::Port.expected()))
            }
            _ => Err(self.missing(setting)),
        }
    }

    pub(super) fn ca_file(&self) -> Option<PathBuf> {
        self.optional_text("ca_file").map(PathBuf::from)
    }

    pub(super) fn optional_secret(&self, setting: &str) -> Result<Option<SecretString>, OpenError> {
        let Some(SettingValue::Variable(variable)) = self.value(setting) else { return Ok(None) };
        let unset =
            || OpenError::Unset { channel: self.channel(), setting: setting.to_owned(), variable: variable.clone() };
        self.secrets.get(variable).cloned().map(Some).ok_or_else(unset)
    }

    pub(super) fn secret(&self, setting: &str) -> Result<SecretString, OpenError> {
        self.optional_secret(setting)?.ok_or_else(|| self.missing(setting))
    }

    /// A secret that goes into a header behind a prefix.
    pub(super) fn header(&self, setting: &str, prefix: &str) -> Result<SecretString, OpenError> {
        let secret = self.secret(setting)?;
        let value = secret.expose_secret().trim();
        if value.is_empty() || !value.chars().all(|c| c.is_ascii_graphic()) {
            return Err(self.unfit(setting, "a key of visible ASCII characters"));
        }
        Ok(format!("{prefix}{value}").into())
    }

    /// The URL that a setting gives, or the variable that it names.
    pub(super) fn url(&self, setting: &str) -> Result<SecretString, OpenError> {
        let url = match self.value(setting) {
            Some(SettingValue::Text(text)) => text.trim_end_matches('/').to_owned(),
            _ => self.secret(setting)?.expose_secret().trim().to_owned(),
        };
        if Form::Url.fits(&url) { Ok(url.into()) } else { Err(self.unfit(setting, Form::Url.expected())) }
    }

    /// What the receiver takes at most.
    pub(super) fn limit(&self, name: &'static str) -> Result<usize, OpenError> {
        let limits: BTreeMap<&str, usize> =
            self.definition.limits.iter().map(|limit| (limit.name.as_str(), limit.value)).collect();
        limits.get(name).copied().ok_or_else(|| OpenError::NoData { channel: self.channel(), what: name })
    }

    /// What the statuses of the receiver mean.
    pub(super) fn statuses(&self) -> Result<Statuses, OpenError> {
        let statuses = self.definition.statuses.clone();
        statuses.ok_or_else(|| OpenError::NoData { channel: self.channel(), what: "statuses" })
    }
}
