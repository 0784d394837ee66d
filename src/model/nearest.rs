//! What was probably meant by a name that does not exist.

/// The fewest edits that are still taken for a typing error.
const FEWEST_EDITS: usize = 2;

/// Finds the candidate that a typing error would most likely have turned into `wanted`.
#[must_use]
pub fn nearest<'c>(wanted: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    let most_edits = FEWEST_EDITS.max(wanted.chars().count() / 3);
    candidates
        .into_iter()
        .map(|candidate| (strsim::osa_distance(wanted, candidate), candidate))
        .filter(|(edits, _)| *edits <= most_edits)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_closest_candidate_is_found_unless_all_are_far_away() {
        let candidates = ["share", "in_flight", "stale_after"];
        for (wanted, expected) in [
            ("sahre", Some("share")),
            ("inflight", Some("in_flight")),
            ("stale-aftre", Some("stale_after")),
            ("retries", None),
            ("", None),
        ] {
            assert_eq!(nearest(wanted, candidates), expected, "{wanted}");
        }
    }
}
