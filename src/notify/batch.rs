//! Events in as many payloads as the receiver's limits ask for.

use crate::canonical::Digest;

/// What holds events together in a body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Framing {
    pub(super) open: &'static str,
    pub(super) between: &'static str,
    pub(super) close: &'static str,
}

/// How much a body may hold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Most {
    pub(super) events: usize,
    pub(super) bytes: usize,
}

/// An event as it is sent, with its id.
pub(super) struct Event {
    pub(super) id: String,
    pub(super) bytes: Vec<u8>,
}

/// Events that are sent together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Batch {
    pub(super) covers: Vec<String>,
    pub(super) body: Vec<u8>,
}

impl Framing {
    /// A JSON array.
    pub(super) const ARRAY: Self = Self { open: "[", between: ",", close: "]" };

    /// A line for each event.
    pub(super) const LINES: Self = Self { open: "", between: "", close: "" };
}

/// Puts events into as few bodies as the limits allow, in order. An event that is larger than a body may be is alone in one.
pub(super) fn batches(events: impl IntoIterator<Item = Event>, framing: Framing, most: Most) -> Vec<Batch> {
    let frame = framing.open.len() + framing.close.len();
    let mut batches: Vec<Batch> = Vec::new();
    for event in events {
        let room = |batch: &Batch| {
            let size = batch.body.len() + framing.between.len() + event.bytes.len() + framing.close.len();
            batch.covers.len() < most.events && size <= most.bytes
        };
        match batches.last_mut().filter(|batch| room(batch)) {
            Some(batch) => {
                batch.body.extend_from_slice(framing.between.as_bytes());
                batch.body.extend_from_slice(&event.bytes);
                batch.covers.push(event.id);
            }
            None => {
                let mut body = Vec::with_capacity(frame + event.bytes.len());
                body.extend_from_slice(framing.open.as_bytes());
                body.extend_from_slice(&event.bytes);
                batches.push(Batch { covers: vec![event.id], body });
            }
        }
    }
    for batch in &mut batches {
        batch.body.extend_from_slice(framing.close.as_bytes());
    }
    batches
}

impl Batch {
    /// An id over what is in it, in the form of a UUID: the same for the same events.
    pub(super) fn uuid(&self) -> String {
        let digits = Digest::of(self.covers.join("\n").as_bytes()).to_string();
        let part = |range: std::ops::Range<usize>| digits.get(range).unwrap_or_default().to_owned();
        [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(sizes: &[usize]) -> Vec<Event> {
        let event = |(index, size): (usize, &usize)| Event { id: index.to_string(), bytes: vec![b'x'; *size] };
        sizes.iter().enumerate().map(event).collect()
    }

    fn sizes(given: &[usize], framing: Framing, most: Most) -> Vec<(usize, usize)> {
        batches(events(given), framing, most).iter().map(|batch| (batch.covers.len(), batch.body.len())).collect()
    }

    #[test]
    fn events_fill_bodies_by_count_and_by_bytes() {
        let most = Most { events: 3, bytes: 20 };
        assert_eq!(sizes(&[4; 7], Framing::LINES, most), [(3, 12), (3, 12), (1, 4)]);
        assert_eq!(sizes(&[5, 5, 5, 5], Framing::ARRAY, most), [(3, 19), (1, 7)]);
        assert_eq!(sizes(&[6, 6, 6], Framing::ARRAY, most), [(2, 15), (1, 8)]);
        assert_eq!(sizes(&[30, 1], Framing::ARRAY, most), [(1, 32), (1, 3)]);
        assert_eq!(sizes(&[], Framing::ARRAY, most), []);
    }

    #[test]
    fn nothing_is_lost_and_the_order_stays() {
        let covers: Vec<String> = batches(events(&[7; 50]), Framing::ARRAY, Most { events: 4, bytes: 33 })
            .into_iter()
            .flat_map(|batch| batch.covers)
            .collect();
        assert_eq!(covers, (0..50).map(|index| index.to_string()).collect::<Vec<_>>());
    }
}
