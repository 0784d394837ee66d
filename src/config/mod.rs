//! From the configuration file and the environment, as they are written, to values the program can rely on.
//!
//! The file is read as text that its caller hands in; every problem of it is found at once, each at its line
//! ([`ConfigError`]). Secrets are never in the file: they come from the [`Environment`], which is the only place besides the
//! command line that knows the process's variables, or from the user's own folder ([`Environment::secret_key`]).
//!
//! It must not know git, the network or what is done with a setting. Limits: a variable that is not Unicode counts as not set.

mod domain_globs;
mod entry;
mod environment;
mod file;
mod host;
mod person;
mod places;
mod problem;
mod secret_key;
mod settings;

use std::path::PathBuf;
use std::time::Duration;

pub use domain_globs::{DomainGlobError, DomainGlobs};
pub use entry::time;
pub use environment::{Connection, Environment, EnvironmentError};
pub use host::{HostPlace, HostPlaceError};
pub use person::PersonError;
pub use problem::{ConfigError, Problem};
pub use secret_key::{KeyOrigin, SecretKeyError};

use crate::audit::Exclusion;
use crate::canonical::Allowance;
use crate::catalogue::{Catalogue, Tier};
use crate::genesys::Region;
use crate::policy::Production;
use file::RawFile;

/// What a trail's configuration file settles, with the defaults for what it leaves open.
#[derive(Debug)]
pub struct Config {
    /// The branch that is written; absent: the one that `HEAD` names.
    pub branch: Option<String>,
    /// The remote to fetch from and push to.
    pub remote: String,
    /// The file of the private key that commits are signed with.
    pub signing_key: Option<PathBuf>,
    /// Whose commits have to be signed.
    pub require_signatures: Signatures,
    /// The region of the organisation, unless the environment names one.
    pub region: Option<Region>,
    /// The share of the allowed request rate to use.
    pub rate_share: f64,
    /// How many requests may be in flight.
    pub in_flight: usize,
    /// The deepest tier that a run captures.
    pub tier: Tier,
    /// The domains that are captured.
    pub include: DomainGlobs,
    /// The domains that are left out of those.
    pub exclude: DomainGlobs,
    /// How long a domain may go uncaptured before it is stale.
    pub stale_after: Duration,
    /// How long the deeper tiers rest after a round.
    pub deep_every: Duration,
    /// How many requests a run may spend on the deeper tiers.
    pub deep_requests: usize,
    /// Whether a run reads no more than what the audit log names, where that is known to suffice.
    pub targeted: bool,
    /// How long a domain may be followed by the audit log before it is captured whole again.
    pub full_every: Duration,
    /// How many reads a run may spend to confirm removals.
    pub confirm_reads: usize,
    /// Whether the audit log is asked who made a change.
    pub audits: bool,
    /// How long a run waits for audit records of what changed last.
    pub attribution_wait: Duration,
    /// How long audit records may be late.
    pub attribution_settle: Duration,
    /// The branch that holds what is agreed.
    pub approved: String,
    /// The branch that proposes what is observed.
    pub proposal: String,
    /// The domains that may be forbidden or absent without making a capture partial.
    pub accept: DomainGlobs,
    /// What is in production.
    pub production: Production,
    /// How long something that nothing uses has to be as it is before it is recommended for deletion.
    pub orphans_review_after: Duration,
    /// What may stay although nothing uses it.
    pub orphans_exclude: Vec<Exclusion>,
    /// Where values stay in clear although they look like secrets.
    pub allowed_secrets: Vec<Allowance>,
}

/// Whose commits have to be signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Signatures {
    /// Nobody's.
    #[default]
    None,
    /// Those of the tool.
    Tool,
}

impl Signatures {
    /// All there are.
    pub const ALL: [Self; 2] = [Self::None, Self::Tool];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Tool => "tool",
        }
    }
}

impl Config {
    /// Reads a configuration file; `file` is what its user calls it.
    ///
    /// # Errors
    /// Every problem of the file, in order of place.
    pub fn parse(file: &str, text: &str, catalogue: &Catalogue) -> Result<Self, ConfigError> {
        RawFile::read(text).validate(catalogue).map_err(|objections| ConfigError::new(file, text, objections))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            branch: None,
            remote: "origin".to_owned(),
            signing_key: None,
            require_signatures: Signatures::None,
            region: None,
            rate_share: 0.8,
            in_flight: 8,
            tier: Tier::Standard,
            include: DomainGlobs::default(),
            exclude: DomainGlobs::default(),
            stale_after: Duration::from_secs(24 * 60 * 60),
            deep_every: Duration::from_secs(24 * 60 * 60),
            deep_requests: 2000,
            targeted: false,
            full_every: Duration::from_secs(24 * 60 * 60),
            confirm_reads: 1000,
            audits: true,
            attribution_wait: Duration::from_secs(60),
            attribution_settle: Duration::from_secs(2 * 60 * 60),
            approved: "approved".to_owned(),
            proposal: "orgtrail/review".to_owned(),
            accept: DomainGlobs::default(),
            production: Production::default(),
            orphans_review_after: Duration::from_secs(90 * 24 * 60 * 60),
            orphans_exclude: Vec::new(),
            allowed_secrets: Vec::new(),
        }
    }
}

/// Returns the commented file that a new trail begins with: every key, its default, and why one would change it.
#[must_use]
pub fn template() -> &'static str {
    include_str!("orgtrail.template.toml")
}
