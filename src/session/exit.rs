//! Exit codes, a published contract.

/// Why a process ends the way it does; each has its own exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Exit {
    /// There are findings at or above `--fail-on`.
    Findings,
    /// The command line or the configuration is wrong.
    Usage,
    /// The credentials or the permissions do not suffice, and nothing was captured.
    Authentication,
    /// Some domains could not be captured; the others are on record.
    Partial,
    /// A secret sits where nothing can take its place: that listing is held back, the rest is on record.
    HeldBack,
    /// The network, the API, the remote or the machine failed.
    Upstream,
    /// What is on record could not be delivered to everybody that it is for.
    Delivery,
    /// The trail cannot be trusted or is not for us: wrong organisation, rewritten history, newer schema.
    Integrity,
    /// A defect of the program.
    Internal,
}

impl Exit {
    /// Worst first: of several that apply the first one is returned.
    const BY_RANK: [Self; 9] = [
        Self::Internal,
        Self::Integrity,
        Self::Usage,
        Self::Authentication,
        Self::Upstream,
        Self::HeldBack,
        Self::Partial,
        Self::Delivery,
        Self::Findings,
    ];

    /// The exit code.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Findings => 1,
            Self::Usage => 2,
            Self::Authentication => 3,
            Self::Partial => 4,
            Self::Upstream => 5,
            Self::Integrity => 6,
            Self::HeldBack => 7,
            Self::Delivery => 8,
            Self::Internal => 70,
        }
    }
}

/// Every exit that applies to a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exits(Vec<Exit>);

impl Exits {
    /// Adds one.
    pub fn add(&mut self, exit: Exit) {
        if !self.0.contains(&exit) {
            self.0.push(exit);
        }
    }

    /// Adds all of others.
    pub fn extend(&mut self, others: &Self) {
        others.0.iter().for_each(|exit| self.add(*exit));
    }

    /// The codes of all, worst first; `0` alone where none applies.
    #[must_use]
    pub fn codes(&self) -> Vec<u8> {
        if self.0.is_empty() {
            return vec![0];
        }
        Exit::BY_RANK.into_iter().filter(|exit| self.0.contains(exit)).map(Exit::code).collect()
    }

    /// The code that the process returns.
    #[must_use]
    pub fn code(&self) -> u8 {
        self.codes().first().copied().unwrap_or(0)
    }
}

impl From<Exit> for Exits {
    fn from(exit: Exit) -> Self {
        Self(vec![exit])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_exit_is_returned_and_all_are_told() {
        let mut exits = Exits::default();
        assert_eq!((exits.codes(), exits.code()), (vec![0], 0));
        for exit in [Exit::Findings, Exit::Partial, Exit::Upstream, Exit::Findings] {
            exits.add(exit);
        }
        assert_eq!((exits.codes(), exits.code()), (vec![5, 4, 1], 5));
        exits.add(Exit::Delivery);
        assert_eq!(exits.codes(), [5, 4, 8, 1]);
        exits.add(Exit::HeldBack);
        assert_eq!(exits.codes(), [5, 7, 4, 8, 1]);
        exits.add(Exit::Internal);
        assert_eq!(exits.code(), 70);
    }
}
