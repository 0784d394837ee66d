//! What can go wrong at the API, on request.

use crate::model::wildcard;

/// Something that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Which requests it strikes.
    pub when: When,
    /// What happens to them.
    pub effect: Effect,
    /// How often.
    pub repeat: Repeat,
}

/// Which requests a fault strikes; only those to `/api/` count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum When {
    /// The request of this number, counted from 0; a sticky fault strikes all later ones too.
    Request(u64),
    /// Requests whose path matches, `*` standing for any run of characters.
    Path(String),
    /// Any request.
    Always,
}

/// How often a fault strikes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// The first time only.
    Once,
    /// Until it is taken away.
    Sticky,
}

/// What a fault does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// 401: the token counts no more.
    Unauthorised,
    /// 403 that names the permission that the path needs.
    Forbidden,
    /// 404.
    NotFound,
    /// 410.
    Gone,
    /// 429.
    TooManyRequests {
        /// The seconds of the `Retry-After` header, where it has one.
        retry_after: Option<u64>,
        /// Whether the rate headers say that the limit is used up.
        rate_headers: RateHeaders,
    },
    /// 500.
    InternalError,
    /// 503.
    Unavailable,
    /// The connection breaks within the answer.
    Reset,
    /// 200 with the first half of the body.
    TruncatedJson,
    /// 200 with a web page in place of JSON.
    Html,
    /// The last entity of the page is left out although the total counts it.
    ShortPage,
    /// The first entity of the page comes twice, in place of the last one where there is one.
    DuplicateId,
    /// The first entity of the page lacks the first part of its key.
    EntityWithoutId,
    /// The total is one more than there is.
    ContradictingTotal,
    /// The page has no entities.
    EmptyPage,
}

/// Whether a 429 comes with rate headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RateHeaders {
    /// They say that the limit is used up.
    UsedUp,
    /// There are none.
    Missing,
}

impl Effect {
    /// Whether it needs a page of a listing to do anything.
    pub(super) fn is_of_pages(self) -> bool {
        matches!(
            self,
            Self::ShortPage | Self::DuplicateId | Self::EntityWithoutId | Self::ContradictingTotal | Self::EmptyPage
        )
    }
}

/// The faults that wait for a request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, fault: Fault) {
        self.0.push(fault);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// What happens to a request: of several faults that strike it the one added first.
    pub(super) fn strike(&mut self, request: u64, path: &str, is_listing: bool) -> Option<Effect> {
        let strikes = |fault: &Fault| {
            let is_meant = match &fault.when {
                When::Request(number) => *number == request || (*number < request && fault.repeat == Repeat::Sticky),
                When::Path(pattern) => wildcard(pattern, path),
                When::Always => true,
            };
            is_meant && (is_listing || !fault.effect.is_of_pages())
        };
        let index = self.0.iter().position(strikes)?;
        let effect = self.0[index].effect;
        if self.0[index].repeat == Repeat::Once {
            self.0.remove(index);
        }
        Some(effect)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(when: When, effect: Effect, repeat: Repeat) -> Faults {
        Faults(vec![Fault { when, effect, repeat }])
    }

    fn struck(mut faults: Faults, requests: &[(u64, &str, bool)]) -> Vec<bool> {
        requests.iter().map(|(number, path, is_listing)| faults.strike(*number, path, *is_listing).is_some()).collect()
    }

    #[test]
    fn a_fault_of_a_number_strikes_that_request_and_a_sticky_one_all_later_ones() {
        let requests = [(0, "/a", false), (1, "/b", false), (2, "/c", false)];
        let fault = |repeat| faults(When::Request(1), Effect::Gone, repeat);
        assert_eq!(struck(fault(Repeat::Once), &requests), [false, true, false]);
        assert_eq!(struck(fault(Repeat::Sticky), &requests), [false, true, true]);
    }

    #[test]
    fn a_fault_of_a_path_strikes_what_matches() {
        let requests = [(0, "/a/1", false), (1, "/b/1", false), (2, "/a/2/c", false)];
        let fault = |repeat| faults(When::Path("/a/*".to_owned()), Effect::Gone, repeat);
        assert_eq!(struck(fault(Repeat::Once), &requests), [true, false, false]);
        assert_eq!(struck(fault(Repeat::Sticky), &requests), [true, false, true]);
    }

    #[test]
    fn a_fault_of_pages_waits_for_a_page() {
        let requests = [(0, "/a/1", false), (1, "/a", true), (2, "/a", true)];
        assert_eq!(struck(faults(When::Always, Effect::ShortPage, Repeat::Once), &requests), [false, true, false]);
    }
}
