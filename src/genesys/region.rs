//! Where an organisation's API and login answer.
//!
//! The list of regions is data (`schemas/api/regions.toml`) and not a limit: any domain can be given in place of a name.

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::LazyLock;

use reqwest::Url;
use serde::Deserialize;

/// What the URL parser objects to.
type UrlSyntaxError = <Url as FromStr>::Err;

/// Further away than this many edits, a region is no likely meaning of a typing error.
const NEAREST_EDITS: usize = 3;

static REGIONS: LazyLock<Vec<Region>> = LazyLock::new(compiled_in);

/// A Genesys Cloud region: a domain, and its name where the list has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    name: Option<String>,
    domain: String,
    hosts: Hosts,
}

/// The two hosts that a client talks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hosts {
    api: Url,
    login: Url,
}

/// Which of the two hosts a URL is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostRole {
    /// The host of the API.
    Api,
    /// The host that issues tokens.
    Login,
}

/// A region or a host that cannot be used.
///
/// A URL is never repeated in the message, because it may carry a password.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RegionError {
    /// Neither a name of the list nor a domain.
    #[error("unknown region {given:?}")]
    UnknownRegion {
        /// What was given.
        given: String,
        /// The region that was probably meant.
        nearest: Option<String>,
    },
    /// Not a URL that can be the base of requests.
    #[error("the {role} URL is not usable")]
    InvalidUrl {
        /// The host that the URL was for.
        role: HostRole,
        /// What is wrong with it.
        #[source]
        fault: UrlFault,
    },
    /// Plain http to a host that is not this machine would show the token to the network.
    #[error("the {role} URL must be https: plain http is for loopback only, not for {host}")]
    InsecureUrl {
        /// The host that the URL was for.
        role: HostRole,
        /// The host in the URL.
        host: String,
    },
}

/// What makes a URL unusable as a base of requests.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum UrlFault {
    /// It does not parse.
    #[error("it is not a URL")]
    Syntax(#[source] UrlSyntaxError),
    /// Its scheme is neither https nor http.
    #[error("its scheme is {0}, not https")]
    Scheme(String),
    /// It carries a user name or a password.
    #[error("it carries credentials")]
    Credentials,
    /// It carries a query or a fragment.
    #[error("it carries a query or a fragment")]
    QueryOrFragment,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionList {
    region: Vec<RegionEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegionEntry {
    name: String,
    domain: String,
}

impl Region {
    /// Finds a region by its name or its domain; any other domain is taken as it is.
    pub fn parse(given: &str) -> Result<Self, RegionError> {
        let wanted = given.trim().to_ascii_lowercase();
        let listed = REGIONS.iter().find(|region| region.name.as_deref() == Some(&*wanted) || region.domain == wanted);
        if let Some(region) = listed {
            return Ok(region.clone());
        }
        Self::unlisted(&wanted)
            .ok_or_else(|| RegionError::UnknownRegion { given: given.to_owned(), nearest: nearest(&wanted) })
    }

    /// Lists the known regions, in the order of the data file.
    pub fn known() -> impl Iterator<Item = &'static Self> {
        REGIONS.iter()
    }

    /// Returns the name, unless the region was given as a domain that is not in the list.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Returns the domain that the hosts are made from.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    fn unlisted(domain: &str) -> Option<Self> {
        let is_hostname = domain.contains('.')
            && domain.split('.').all(|label| {
                !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            });
        if !is_hostname {
            return None;
        }
        let hosts = Hosts::custom(&format!("https://api.{domain}"), &format!("https://login.{domain}")).ok()?;
        Some(Self { name: None, domain: domain.to_owned(), hosts })
    }
}

impl Hosts {
    /// Returns the hosts of a region.
    #[must_use]
    pub fn of(region: &Region) -> Self {
        region.hosts.clone()
    }

    /// Takes hosts as URLs: https anywhere, plain http only to this machine.
    pub fn custom(api_url: &str, login_url: &str) -> Result<Self, RegionError> {
        Ok(Self { api: base_url(HostRole::Api, api_url)?, login: base_url(HostRole::Login, login_url)? })
    }

    /// Returns the base of API requests.
    #[must_use]
    pub fn api(&self) -> &Url {
        &self.api
    }

    /// Returns the base of token requests.
    #[must_use]
    pub fn login(&self) -> &Url {
        &self.login
    }

    /// Returns whether both hosts are this machine, which no proxy can stand before.
    pub(super) fn are_loopback(&self) -> bool {
        is_loopback(&self.api) && is_loopback(&self.login)
    }
}

impl std::fmt::Display for HostRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Api => "API",
            Self::Login => "login",
        })
    }
}

fn base_url(role: HostRole, given: &str) -> Result<Url, RegionError> {
    let invalid = |fault| RegionError::InvalidUrl { role, fault };
    let url = Url::parse(given).map_err(|source| invalid(UrlFault::Syntax(source)))?;
    if !matches!(url.scheme(), "https" | "http") {
        return Err(invalid(UrlFault::Scheme(url.scheme().to_owned())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(UrlFault::Credentials));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid(UrlFault::QueryOrFragment));
    }
    if url.scheme() == "http" && !is_loopback(&url) {
        let host = url.host_str().unwrap_or_default().to_owned();
        return Err(RegionError::InsecureUrl { role, host });
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn nearest(wanted: &str) -> Option<String> {
    REGIONS
        .iter()
        .flat_map(|region| region.name.as_deref().into_iter().chain([&*region.domain]))
        .map(|known| (strsim::osa_distance(wanted, known), known))
        .filter(|(edits, _)| *edits <= NEAREST_EDITS)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, known)| known.to_owned())
}

#[allow(clippy::expect_used, reason = "the list is compiled in and a test reads it")]
fn compiled_in() -> Vec<Region> {
    let list: RegionList =
        toml::from_str(include_str!("../../schemas/api/regions.toml")).expect("regions.toml is valid");
    list.region
        .into_iter()
        .map(|entry| Region {
            name: Some(entry.name),
            ..Region::unlisted(&entry.domain).expect("regions.toml holds domains")
        })
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn every_known_region_is_found_by_name_and_by_domain() {
        assert_eq!(Region::known().count(), 18);
        for region in Region::known() {
            assert_eq!(&Region::parse(region.name().unwrap()).unwrap(), region);
            assert_eq!(&Region::parse(region.domain()).unwrap(), region);
        }
    }

    #[test]
    fn no_name_or_domain_is_listed_twice() {
        let mut seen = std::collections::BTreeSet::new();
        for region in Region::known() {
            assert!(seen.insert(region.name().unwrap()));
            assert!(seen.insert(region.domain()));
        }
    }

    #[test]
    fn the_hosts_of_a_region_follow_its_domain() {
        let hosts = Hosts::of(&Region::parse(" EU-West-1 ").unwrap());
        assert_eq!(hosts.api().as_str(), "https://api.mypurecloud.ie/");
        assert_eq!(hosts.login().as_str(), "https://login.mypurecloud.ie/");
    }

    #[test]
    fn a_domain_that_is_not_listed_is_taken_as_it_is() {
        let region = Region::parse("new1.pure.cloud").unwrap();
        assert_eq!(region.name(), None);
        assert_eq!(Hosts::of(&region).api().as_str(), "https://api.new1.pure.cloud/");
    }

    #[test]
    fn what_is_neither_a_name_nor_a_domain_is_refused_with_the_nearest_region() {
        let cases = [
            ("eu-wst-1", Some("eu-west-1")),
            ("useast1", Some("us-east-1")),
            ("moon", None),
            ("", None),
            ("https://api.mypurecloud.ie", None),
            ("user@somewhere.example", None),
            (".pure.cloud", None),
            ("1.2", None),
        ];
        for (given, expected) in cases {
            assert_eq!(
                Region::parse(given),
                Err(RegionError::UnknownRegion { given: given.to_owned(), nearest: expected.map(str::to_owned) })
            );
        }
    }

    #[test]
    fn plain_http_is_for_loopback_only() {
        for url in [
            "http://127.0.0.1:8080",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://localhost:80",
            "https://gateway.example/genesys",
        ] {
            assert!(Hosts::custom(url, url).is_ok(), "{url}");
        }
        for url in ["http://api.mypurecloud.ie", "http://10.0.0.1", "http://127.0.0.1.evil.example"] {
            assert!(
                matches!(
                    Hosts::custom("https://x.example", url),
                    Err(RegionError::InsecureUrl { role: HostRole::Login, .. })
                ),
                "{url}"
            );
        }
    }

    #[test]
    fn an_unusable_url_is_refused_without_repeating_it() {
        for url in
            ["api.mypurecloud.ie", "ftp://x.example", "https://me:hush@x.example", "https://x.example?token=hush"]
        {
            let error = Hosts::custom(url, "https://x.example").unwrap_err();
            assert!(matches!(error, RegionError::InvalidUrl { role: HostRole::Api, .. }));
            assert!(!format!("{error:?} {error}").contains("hush"));
        }
    }
}
