//! The table of settings: every section and key of the file, and what each has to be.

use std::fmt;
use std::path::PathBuf;

use super::Config;
use super::entry::{Entry, Reading};

/// A key of the file.
pub(super) struct Setting {
    pub(super) section: &'static str,
    pub(super) key: &'static str,
    /// Takes its value into the configuration.
    pub(super) take: fn(&Entry<'_, '_>, &mut Config) -> Reading<()>,
}

/// Every key, section by section.
pub(super) static SETTINGS: [Setting; 27] = [
    Setting {
        section: "trail",
        key: "branch",
        take: |entry, config| entry.optional_text().map(|branch| config.branch = branch),
    },
    Setting { section: "trail", key: "remote", take: |entry, config| entry.text().map(|name| config.remote = name) },
    Setting {
        section: "trail",
        key: "signing_key",
        take: |entry, config| entry.optional_text().map(|path| config.signing_key = path.map(PathBuf::from)),
    },
    Setting {
        section: "trail",
        key: "require_signatures",
        take: |entry, config| entry.signatures().map(|whose| config.require_signatures = whose),
    },
    Setting {
        section: "genesys",
        key: "region",
        take: |entry, config| entry.region().map(|region| config.region = region),
    },
    Setting {
        section: "rate",
        key: "share",
        take: |entry, config| entry.number(0.05..=1.0).map(|share| config.rate_share = share),
    },
    Setting {
        section: "rate",
        key: "in_flight",
        take: |entry, config| entry.whole_number(1..=16).map(|requests| config.in_flight = requests),
    },
    Setting { section: "capture", key: "tier", take: |entry, config| entry.tier().map(|tier| config.tier = tier) },
    Setting {
        section: "capture",
        key: "include",
        take: |entry, config| entry.domains().map(|domains| config.include = domains),
    },
    Setting {
        section: "capture",
        key: "exclude",
        take: |entry, config| entry.domains().map(|domains| config.exclude = domains),
    },
    Setting {
        section: "capture",
        key: "deep_every",
        take: |entry, config| entry.duration().map(|every| config.deep_every = every),
    },
    Setting {
        section: "capture",
        key: "deep_requests",
        take: |entry, config| entry.whole_number(1..=usize::MAX).map(|requests| config.deep_requests = requests),
    },
    Setting {
        section: "capture",
        key: "stale_after",
        take: |entry, config| entry.duration().map(|age| config.stale_after = age),
    },
    Setting {
        section: "capture",
        key: "targeted",
        take: |entry, config| entry.flag().map(|targeted| config.targeted = targeted),
    },
    Setting {
        section: "capture",
        key: "full_every",
        take: |entry, config| entry.duration().map(|every| config.full_every = every),
    },
    Setting {
        section: "capture",
        key: "confirm_reads",
        take: |entry, config| entry.whole_number(0..=usize::MAX).map(|reads| config.confirm_reads = reads),
    },
    Setting {
        section: "attribution",
        key: "audits",
        take: |entry, config| entry.flag().map(|audits| config.audits = audits),
    },
    Setting {
        section: "attribution",
        key: "wait",
        take: |entry, config| entry.duration_or_none().map(|wait| config.attribution_wait = wait),
    },
    Setting {
        section: "attribution",
        key: "settle",
        take: |entry, config| entry.duration().map(|settle| config.attribution_settle = settle),
    },
    Setting {
        section: "review",
        key: "approved",
        take: |entry, config| entry.text().map(|branch| config.approved = branch),
    },
    Setting {
        section: "review",
        key: "proposal",
        take: |entry, config| entry.text().map(|branch| config.proposal = branch),
    },
    Setting {
        section: "coverage",
        key: "accept",
        take: |entry, config| entry.domains().map(|domains| config.accept = domains),
    },
    Setting {
        section: "production",
        key: "divisions",
        take: |entry, config| entry.globs().map(|globs| config.production.divisions = globs),
    },
    Setting {
        section: "production",
        key: "names",
        take: |entry, config| entry.globs().map(|globs| config.production.names = globs),
    },
    Setting {
        section: "orphans",
        key: "review_after",
        take: |entry, config| entry.duration().map(|age| config.orphans_review_after = age),
    },
    Setting {
        section: "orphans",
        key: "exclude",
        take: |entry, config| entry.exclusions().map(|exclusions| config.orphans_exclude = exclusions),
    },
    Setting {
        section: "secrets",
        key: "allow",
        take: |entry, config| entry.places().map(|places| config.allowed_secrets = places),
    },
];

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}] {}", self.section, self.key)
    }
}
