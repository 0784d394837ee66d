//! Says what a person should know, and not again and again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::WatchObserver;
use crate::capture::DomainCapture;
use crate::genesys::Clock;
use crate::model::DomainId;
use crate::session::Observer;

/// What was said is not said again for so long, unless it was otherwise in between.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// What is said while a process watches. Clones remember together.
#[derive(Clone)]
pub(super) struct Voice<'o> {
    observer: &'o dyn WatchObserver,
    clock: Arc<dyn Clock>,
    said: Arc<Mutex<BTreeMap<String, Said>>>,
}

struct Said {
    text: String,
    at: Duration,
}

impl<'o> Voice<'o> {
    pub(super) fn new(observer: &'o dyn WatchObserver, clock: Arc<dyn Clock>) -> Self {
        Self { observer, clock, said: Arc::default() }
    }

    /// Warns of something about a subject, once until it is forgotten.
    pub(super) fn warn(&self, subject: &str, text: &str) {
        if self.is_due(subject, None) {
            self.observer.warn(text);
        }
    }

    /// Says how it is with a subject, where it is not as it was.
    pub(super) fn note(&self, subject: &str, text: &str) {
        if self.is_due(subject, Some(text)) {
            self.observer.note(text);
        }
    }

    /// Takes note that there is nothing to warn of any more.
    pub(super) fn forget(&self, subject: &str) {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).remove(subject);
    }

    /// Whether something is to be said of a subject; it counts as said then. Where a text is given, another one is news.
    fn is_due(&self, subject: &str, text: Option<&str>) -> bool {
        let now = self.clock.now();
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|_, said| now.saturating_sub(said.at) < REMEMBERED);
        let is_known = said.get(subject).is_some_and(|said| text.is_none_or(|text| said.text == text));
        if !is_known {
            said.insert(subject.to_owned(), Said { text: text.unwrap_or_default().to_owned(), at: now });
        }
        !is_known
    }
}

impl Observer for Voice<'_> {
    fn begins(&self, domains: usize) {
        self.observer.begins(domains);
    }

    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        self.observer.captured(domain, capture);
    }

    fn ends(&self) {
        self.observer.ends();
    }

    fn note(&self, text: &str) {
        self.observer.note(text);
    }

    /// A run warns of the same as the one before it, mostly.
    fn warn(&self, text: &str) {
        Self::warn(self, text, text);
    }
}
