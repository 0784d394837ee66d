//! Who is told what happens.

use crate::capture::DomainCapture;
use crate::model::DomainId;

/// Told of what happens during a run; every method may be left out.
pub trait Observer {
    /// So many domains are going to be captured.
    fn begins(&self, domains: usize) {
        let _ = domains;
    }

    /// A domain is done.
    fn captured(&self, domain: &DomainId, capture: &DomainCapture) {
        let _ = (domain, capture);
    }

    /// All domains are done.
    fn ends(&self) {}

    /// Something a person wants to know.
    fn note(&self, text: &str) {
        let _ = text;
    }

    /// Something that went less well than it should.
    fn warn(&self, text: &str) {
        let _ = text;
    }
}

/// Tells nobody.
pub struct Unobserved;

impl Observer for Unobserved {}
