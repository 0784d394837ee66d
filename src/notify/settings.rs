//! How a channel is set up, and the secrets that it names.

use std::collections::BTreeMap;

use secrecy::SecretString;

/// A channel as the configuration file describes it: every value is of the form that its type asks for, and defaults are in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChannelSettings {
    /// What routes call it.
    pub name: String,
    /// Its type, by the name of a file under `schemas/channels/`.
    pub channel_type: String,
    /// Its settings by name.
    pub values: BTreeMap<String, SettingValue>,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SettingValue {
    /// A text.
    Text(String),
    /// Texts, in order.
    Texts(Vec<String>),
    /// A whole number.
    Number(usize),
    /// A secret, as the name of the environment variable that holds it.
    Variable(String),
}

/// The values of the environment variables that channels name.
#[derive(Clone, Debug, Default)]
pub struct Secrets(BTreeMap<String, SecretString>);

impl ChannelSettings {
    /// The environment variables that it names, each with the setting that names it.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        self.values.iter().filter_map(|(setting, value)| match value {
            SettingValue::Variable(variable) => Some((setting.as_str(), variable.as_str())),
            _ => None,
        })
    }
}

impl Secrets {
    /// The value of a variable.
    #[must_use]
    pub fn get(&self, variable: &str) -> Option<&SecretString> {
        self.0.get(variable)
    }
}

impl FromIterator<(String, SecretString)> for Secrets {
    fn from_iter<I: IntoIterator<Item = (String, SecretString)>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}
