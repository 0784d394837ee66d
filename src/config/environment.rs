//! The process's environment, as far as the program listens to it.

use std::collections::BTreeMap;
use std::fmt;

use secrecy::{ExposeSecret, SecretString};

use super::Config;
use crate::genesys::{HostRole, Hosts, Region, RegionError};
use crate::notify::{ChannelSettings, Secrets};

const CLIENT_ID: &str = "GENESYSCLOUD_OAUTHCLIENT_ID";
const CLIENT_SECRET: &str = "GENESYSCLOUD_OAUTHCLIENT_SECRET";
const REGION: &str = "GENESYSCLOUD_REGION";
const API_URL: &str = "ORGTRAIL_API_URL";
const LOGIN_URL: &str = "ORGTRAIL_LOGIN_URL";
pub(super) const SECRET_KEY: &str = "ORGTRAIL_SECRET_KEY";
pub(super) const PREVIOUS_SECRET_KEY: &str = "ORGTRAIL_SECRET_KEY_PREVIOUS";
pub(super) const AUTHOR_NAME: &str = "GIT_AUTHOR_NAME";
pub(super) const AUTHOR_EMAIL: &str = "GIT_AUTHOR_EMAIL";
pub(super) const HOST_TOKEN: &str = "GITHUB_TOKEN";
pub(super) const HOST_URL: &str = "GITHUB_API_URL";
pub(super) const HOST_REPOSITORY: &str = "GITHUB_REPOSITORY";
pub(super) const HOST_REF: &str = "GITHUB_REF";
const GIT_TOKEN: &str = "ORGTRAIL_GIT_TOKEN";
const GIT_SSH_COMMAND: &str = "GIT_SSH_COMMAND";
const SIGNING_KEY: &str = "ORGTRAIL_SIGNING_KEY";
const SIGNING_PASSPHRASE: &str = "ORGTRAIL_SIGNING_PASSPHRASE";
pub(super) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
pub(super) const HOME: &str = "HOME";
pub(super) const APPDATA: &str = "APPDATA";

/// The variables that are listened to; no other is ever looked at.
const NAMES: [&str; 20] = [
    CLIENT_ID,
    CLIENT_SECRET,
    REGION,
    API_URL,
    LOGIN_URL,
    SECRET_KEY,
    PREVIOUS_SECRET_KEY,
    AUTHOR_NAME,
    AUTHOR_EMAIL,
    HOST_TOKEN,
    HOST_URL,
    HOST_REPOSITORY,
    HOST_REF,
    GIT_TOKEN,
    GIT_SSH_COMMAND,
    SIGNING_KEY,
    SIGNING_PASSPHRASE,
    XDG_CONFIG_HOME,
    HOME,
    APPDATA,
];

/// The environment variables that the program listens to, as they were when it was made; an empty one is not set.
///
/// Those that hold the secrets of channels have names of the user's own: each is looked up when a channel names it.
#[derive(Clone, Debug)]
pub struct Environment {
    variables: BTreeMap<&'static str, SecretString>,
    named: Named,
}

/// Where variables are looked up whose names the user chooses.
#[derive(Clone)]
enum Named {
    Process,
    Given(BTreeMap<String, SecretString>),
}

/// Secrets of channels that the environment does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the environment does not set {}", unset.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))]
pub struct ChannelSecretsError {
    /// The variables; at least one.
    pub unset: Vec<UnsetSecret>,
}

/// A variable that a channel names and nobody sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnsetSecret {
    /// The variable.
    pub variable: String,
    /// The channel.
    pub channel: String,
    /// The setting that names it.
    pub setting: String,
}

impl fmt::Display for UnsetSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (named by [channels.{}] {})", self.variable, self.channel, self.setting)
    }
}

/// How to reach an organisation, and as whom.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Where the API and the login answer.
    pub hosts: Hosts,
    /// The id of the OAuth client.
    pub client_id: String,
    /// The secret of the OAuth client.
    pub client_secret: SecretString,
}

/// An environment that does not say how to reach an organisation.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvironmentError {
    /// Variables that are needed and not set.
    #[error("the environment does not set {}", variables.join(", "))]
    Missing {
        /// Their names.
        variables: Vec<&'static str>,
    },
    /// A variable that does not name a region or a host.
    #[error("could not use {variable}")]
    Unusable {
        /// Its name.
        variable: &'static str,
        /// What is wrong with its value.
        source: RegionError,
    },
}

impl Environment {
    /// Takes the variables of this process.
    #[must_use]
    pub fn of_process() -> Self {
        let set = NAMES.into_iter().filter_map(|name| Some((name.to_owned(), std::env::var(name).ok()?))).collect();
        Self { named: Named::Process, ..Self::from_map(set) }
    }

    /// Takes variables by name.
    #[must_use]
    pub fn from_map(mut variables: BTreeMap<String, String>) -> Self {
        let set: Vec<_> = NAMES.into_iter().filter_map(|name| Some((name, variables.remove(name)?))).collect();
        let set = set.into_iter();
        let listened = set.filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name, value.into())).collect();
        let named = variables.into_iter().filter(|(_, value)| !value.is_empty());
        let named = named.map(|(name, value)| (name, value.into())).collect();
        Self { variables: listened, named: Named::Given(named) }
    }

    /// The secrets that channels name.
    ///
    /// # Errors
    /// Every variable that is named and not set.
    pub fn channel_secrets<'c>(
        &self,
        channels: impl IntoIterator<Item = &'c ChannelSettings>,
    ) -> Result<Secrets, ChannelSecretsError> {
        let (mut secrets, mut unset) = (Vec::new(), Vec::new());
        for channel in channels {
            for (setting, variable) in channel.variables() {
                match self.named(variable) {
                    Some(secret) => secrets.push((variable.to_owned(), secret)),
                    None => unset.push(UnsetSecret {
                        variable: variable.to_owned(),
                        channel: channel.name.clone(),
                        setting: setting.to_owned(),
                    }),
                }
            }
        }
        if unset.is_empty() { Ok(secrets.into_iter().collect()) } else { Err(ChannelSecretsError { unset }) }
    }

    fn named(&self, variable: &str) -> Option<SecretString> {
        if let Some(known) = self.variables.get(variable) {
            return Some(known.clone());
        }
        match &self.named {
            Named::Process => std::env::var(variable).ok().filter(|value| !value.is_empty()).map(SecretString::from),
            Named::Given(given) => given.get(variable).cloned(),
        }
    }

    /// Settles how to reach the organisation; the environment wins over the configuration file.
    ///
    /// # Errors
    /// Everything that is missing, or the variable that cannot be used.
    pub fn connection(&self, config: &Config) -> Result<Connection, EnvironmentError> {
        match (self.get(CLIENT_ID), self.variables.get(CLIENT_SECRET), self.hosts(config)?) {
            (Some(client_id), Some(client_secret), Some(hosts)) => {
                Ok(Connection { hosts, client_id: client_id.to_owned(), client_secret: client_secret.clone() })
            }
            (client_id, client_secret, hosts) => {
                let needs = [
                    (CLIENT_ID, client_id.is_some()),
                    (CLIENT_SECRET, client_secret.is_some()),
                    (REGION, hosts.is_some()),
                ];
                let variables = needs.into_iter().filter(|(_, is_met)| !is_met).map(|(name, _)| name).collect();
                Err(EnvironmentError::Missing { variables })
            }
        }
    }

    /// The value of a variable that is set, still wrapped.
    pub(super) fn secret(&self, name: &str) -> Option<&SecretString> {
        self.variables.get(name)
    }

    /// The token for the server of the trail's remote.
    #[must_use]
    pub fn git_token(&self) -> Option<SecretString> {
        self.variables.get(GIT_TOKEN).cloned()
    }

    /// The command that git is to run in place of `ssh`.
    #[must_use]
    pub fn git_ssh_command(&self) -> Option<String> {
        self.get(GIT_SSH_COMMAND).map(ToOwned::to_owned)
    }

    /// The private key that commits are signed with.
    #[must_use]
    pub fn signing_key(&self) -> Option<&SecretString> {
        self.variables.get(SIGNING_KEY)
    }

    /// What the private key is encrypted with.
    #[must_use]
    pub fn signing_passphrase(&self) -> Option<&SecretString> {
        self.variables.get(SIGNING_PASSPHRASE)
    }

    /// The value of a variable that is set.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(ExposeSecret::expose_secret)
    }

    /// The hosts: each from its URL, else from the region. `None` where a region is needed and none is named.
    fn hosts(&self, config: &Config) -> Result<Option<Hosts>, EnvironmentError> {
        let (api, login) = (self.get(API_URL), self.get(LOGIN_URL));
        if let (Some(api), Some(login)) = (api, login) {
            return Ok(Some(Hosts::custom(api, login)?));
        }
        let named = self.get(REGION).map(Region::parse).transpose()?;
        let Some(region) = named.or_else(|| config.region.clone()) else { return Ok(None) };
        let hosts = Hosts::of(&region);
        let (api, login) = (api.unwrap_or(hosts.api().as_str()), login.unwrap_or(hosts.login().as_str()));
        Ok(Some(Hosts::custom(api, login)?))
    }
}

impl fmt::Debug for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("..")
    }
}

impl From<RegionError> for EnvironmentError {
    /// Names the variable that the value came from: the region of the configuration file is known to be usable.
    fn from(source: RegionError) -> Self {
        let variable = match &source {
            RegionError::UnknownRegion { .. } => REGION,
            RegionError::InvalidUrl { role, .. } | RegionError::InsecureUrl { role, .. } => match role {
                HostRole::Api => API_URL,
                HostRole::Login => LOGIN_URL,
            },
        };
        Self::Unusable { variable, source }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    const CREDENTIALS: [(&str, &str); 2] = [(CLIENT_ID, "client"), (CLIENT_SECRET, "hush")];

    fn environment(variables: &[(&str, &str)]) -> Environment {
        Environment::from_map(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    fn with_credentials(variables: &[(&str, &str)]) -> Environment {
        environment(&[&CREDENTIALS, variables].concat())
    }

    fn in_ireland() -> Config {
        Config { region: Some(Region::parse("eu-west-1").unwrap()), ..Config::default() }
    }

    fn hosts(environment: &Environment, config: &Config) -> (String, String) {
        let hosts = environment.connection(config).unwrap().hosts;
        (hosts.api().to_string(), hosts.login().to_string())
    }

    fn missing(environment: &Environment) -> Vec<&'static str> {
        match environment.connection(&Config::default()) {
            Err(EnvironmentError::Missing { variables }) => variables,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn credentials_come_from_the_environment_and_the_region_from_the_file() {
        let connection = with_credentials(&[]).connection(&in_ireland()).unwrap();
        assert_eq!(connection.client_id, "client");
        assert_eq!(connection.client_secret.expose_secret(), "hush");
        assert_eq!(connection.hosts, Hosts::of(&Region::parse("eu-west-1").unwrap()));
    }

    #[test]
    fn the_region_of_the_environment_wins_over_the_file() {
        let environment = with_credentials(&[(REGION, "us-east-1")]);
        assert_eq!(
            hosts(&environment, &in_ireland()),
            ("https://api.mypurecloud.com/".to_owned(), "https://login.mypurecloud.com/".to_owned())
        );
    }

    #[test]
    fn a_url_replaces_one_host_and_two_need_no_region() {
        let local = "http://127.0.0.1:8080/";
        let one = with_credentials(&[(API_URL, local)]);
        assert_eq!(hosts(&one, &in_ireland()), (local.to_owned(), "https://login.mypurecloud.ie/".to_owned()));
        assert_eq!(missing(&one), [REGION]);
        let both = with_credentials(&[(API_URL, local), (LOGIN_URL, local), (REGION, "nowhere")]);
        assert_eq!(hosts(&both, &Config::default()), (local.to_owned(), local.to_owned()));
    }

    #[test]
    fn everything_that_is_missing_is_named_at_once_and_empty_is_missing() {
        assert_eq!(missing(&environment(&[])), [CLIENT_ID, CLIENT_SECRET, REGION]);
        assert_eq!(
            missing(&environment(&[(CLIENT_ID, "client"), (CLIENT_SECRET, ""), (REGION, "")])),
            [CLIENT_SECRET, REGION]
        );
        assert_eq!(
            environment(&[(REGION, "us-east-1")]).connection(&Config::default()).unwrap_err().to_string(),
            "the environment does not set GENESYSCLOUD_OAUTHCLIENT_ID, GENESYSCLOUD_OAUTHCLIENT_SECRET"
        );
    }

    #[test]
    fn a_value_that_cannot_be_used_is_blamed_on_its_variable() {
        for (variable, value) in
            [(REGION, "nowhere"), (API_URL, "http://api.mypurecloud.ie"), (LOGIN_URL, "https://me:hush@x.example")]
        {
            let error = with_credentials(&[(variable, value)]).connection(&in_ireland()).unwrap_err();
            assert_eq!(error.to_string(), format!("could not use {variable}"));
            assert!(!format!("{error:?}").contains("hush"));
        }
    }

    #[test]
    fn what_is_debugged_shows_no_value() {
        let environment = with_credentials(&[(SECRET_KEY, "hush"), ("PATH", "hush")]);
        let connection = environment.connection(&in_ireland()).unwrap();
        assert!(!format!("{environment:?} {connection:?}").contains("hush"));
        assert!(!format!("{environment:?}").contains("PATH"));
    }
}
