//! Time lost to faults, counted once however many requests lost it together.

use std::time::Duration;

/// A set of spans of time.
#[derive(Debug, Clone, Default)]
pub(super) struct LostTime {
    /// Disjoint, in no order.
    spans: Vec<(Duration, Duration)>,
}

impl LostTime {
    /// Adds a span.
    pub(super) fn add(&mut self, mut start: Duration, mut end: Duration) {
        if start >= end {
            return;
        }
        self.spans.retain(|&(other_start, other_end)| {
            let is_apart = other_end < start || end < other_start;
            if !is_apart {
                start = start.min(other_start);
                end = end.max(other_end);
            }
            is_apart
        });
        self.spans.push((start, end));
    }

    /// Adds every span of another set.
    pub(super) fn add_all(&mut self, other: &Self) {
        for &(start, end) in &other.spans {
            self.add(start, end);
        }
    }

    /// Returns how much time the spans cover.
    pub(super) fn total(&self) -> Duration {
        self.spans.iter().map(|(start, end)| end.saturating_sub(*start)).sum()
    }

    /// Forgets everything.
    pub(super) fn clear(&mut self) {
        self.spans.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_that_overlap_are_counted_once() {
        let table: [(&[(u64, u64)], u64); 6] = [
            (&[], 0),
            (&[(3, 3)], 0),
            (&[(0, 5), (10, 15)], 10),
            (&[(0, 5), (5, 8)], 8),
            (&[(40, 45), (0, 46)], 46),
            (&[(0, 2), (4, 6), (8, 10), (1, 9)], 10),
        ];
        for (spans, expected) in table {
            let mut lost = LostTime::default();
            for (start, end) in spans {
                lost.add(Duration::from_secs(*start), Duration::from_secs(*end));
            }
            assert_eq!(lost.total(), Duration::from_secs(expected), "{spans:?}");
        }
    }

    mod laws {
        use super::*;
        use proptest::prelude::*;

        proptest! {
            #[test]
            fn the_total_is_the_number_of_covered_seconds(
                spans in prop::collection::vec((0_u64..60, 0_u64..60), 0..20)
            ) {
                let mut lost = LostTime::default();
                for (start, end) in &spans {
                    lost.add(Duration::from_secs(*start), Duration::from_secs(*end));
                }
                let covered = (0..60)
                    .filter(|second| spans.iter().any(|(start, end)| start <= second && second < end))
                    .count();
                prop_assert_eq!(lost.total().as_secs(), covered as u64);
            }
        }
    }
}
