//! Sends records to receivers, at least once: what one does not take waits in its spool and is sent before anything newer.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};

use super::Present;
use crate::canonical::read_str;
use crate::execution::Kept;
use crate::flowlog::{Entry, Journal, PlaceError, Spool};
use crate::genesys::Clock;
use crate::model::Value;
use crate::notify::{Channel, Courier, Record, Verdict};
use crate::session::{Exit, Failure, Observer};

/// How often a payload is tried within a run.
const MOST_TRIES: u32 = 3;

/// The first wait before it is tried again; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest such wait, whatever the receiver asks for: the next run tries again.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// Most records of one delivery.
const BATCH: usize = 200;

/// Who gets records.
pub struct Receiver {
    /// The name of the channel.
    pub name: String,
    /// What builds what is sent.
    pub channel: Box<dyn Channel>,
}

/// The receivers of a run.
pub(super) struct Forwarding {
    lines: Vec<Line>,
    courier: Courier,
    clock: Arc<dyn Clock>,
    present: Present,
}

struct Line {
    receiver: Receiver,
    spool: Spool,
    /// Why it is not tried again before the end of the run.
    trouble: Option<String>,
}

impl Forwarding {
    pub(super) fn new(
        receivers: Vec<Receiver>,
        state: &Path,
        question: &str,
        courier: Courier,
        (clock, present): (Arc<dyn Clock>, Present),
    ) -> Result<Self, Failure> {
        let mut lines = Vec::new();
        for receiver in receivers {
            if receiver.channel.payloads_of_records(&[]).is_none() {
                let message = format!("the channel {} takes no records", receiver.name);
                return Err(Failure::new(Exit::Usage, message)
                    .hint("name a channel of a SIEM; docs/channels.md has their types"));
            }
            let spool = Spool::new(state, &format!("{question}.{}", receiver.name));
            lines.push(Line { receiver, spool, trouble: None });
        }
        Ok(Self { lines, courier, clock, present })
    }

    /// Sends what waits, oldest first.
    pub(super) async fn send_waiting(&mut self, journal: &Journal) -> Result<(), Failure> {
        for index in 0..self.lines.len() {
            self.lines[index].trouble = None;
            while let Some((lines, end)) = self.lines[index].spool.next(BATCH).map_err(unkept)? {
                let records: Vec<Record> = lines.iter().filter_map(|line| self.record_of(line)).collect();
                let left = self.deliver(index, &records, journal).await?;
                if !left.is_empty() {
                    break;
                }
                self.lines[index].spool.taken(end).map_err(unkept)?;
            }
        }
        Ok(())
    }

    /// Sends records to everybody; for whom they cannot be sent they wait.
    pub(super) async fn send(&mut self, kept: &[Kept], journal: &Journal) -> Result<(), Failure> {
        for index in 0..self.lines.len() {
            for batch in kept.chunks(BATCH) {
                let records: Vec<Record> = batch.iter().map(record).collect();
                let all = || records.iter().map(|record| record.id.clone()).collect();
                // What is newer must not overtake what waits.
                let left =
                    if self.lines[index].trouble.is_some() || !self.lines[index].spool.is_empty().map_err(unkept)? {
                        all()
                    } else {
                        self.deliver(index, &records, journal).await?
                    };
                let waiting: Vec<String> =
                    batch.iter().filter(|kept| left.contains(&kept.event_id)).map(Kept::line).collect();
                if !waiting.is_empty() {
                    self.lines[index].spool.add(waiting.iter().map(String::as_str)).map_err(unkept)?;
                }
            }
        }
        Ok(())
    }

    /// Tells who did not get everything; whether that is anybody.
    pub(super) fn tell(&self, observer: &dyn Observer) -> Result<bool, Failure> {
        let mut is_anything_left = false;
        for line in &self.lines {
            if !line.spool.is_empty().map_err(unkept)? {
                is_anything_left = true;
                let why = line.trouble.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
                observer
                    .warn(&format!("{} did not take all records, which are sent next time{why}", line.receiver.name));
            }
        }
        Ok(is_anything_left)
    }

    /// Sends records to one receiver; those that did not arrive.
    async fn deliver(
        &mut self,
        index: usize,
        records: &[Record],
        journal: &Journal,
    ) -> Result<BTreeSet<String>, Failure> {
        let mut left: BTreeSet<String> = records.iter().map(|record| record.id.clone()).collect();
        let started = self.clock.now();
        let payloads = self.lines[index].receiver.channel.payloads_of_records(records).unwrap_or_default();
        for payload in payloads {
            let mut tries = 1;
            loop {
                let answer = self.courier.send(&payload).await;
                match self.lines[index].receiver.channel.verdict(&answer) {
                    Verdict::Delivered => {
                        for id in &payload.covers {
                            left.remove(id);
                        }
                        break;
                    }
                    Verdict::Retry { after, .. } if tries < MOST_TRIES => {
                        let wait = after.unwrap_or(FIRST_WAIT * 2_u32.pow(tries - 1));
                        self.clock.sleep(wait.min(LONGEST_WAIT)).await;
                        tries += 1;
                    }
                    Verdict::Retry { reason, .. } | Verdict::Refused { reason } => {
                        self.lines[index].trouble = Some(reason);
                        break;
                    }
                }
            }
            if self.lines[index].trouble.is_some() {
                break;
            }
        }
        let outcome = if left.is_empty() { "ok" } else { "undelivered" };
        let entry = Entry {
            about: Some(self.lines[index].receiver.name.clone()),
            records: (records.len() - left.len()) as u64,
            ..Entry::new("deliver", self.clock.now().saturating_sub(started), outcome)
        };
        journal.note((self.present)(), &entry).map_err(unkept)?;
        Ok(left)
    }

    fn record_of(&self, line: &str) -> Option<Record> {
        let body = read_str(line.trim_end()).ok()?.into_owned();
        let text = |name: &str| body.get(name).and_then(Value::as_str).map(ToOwned::to_owned);
        let at = text("at").unwrap_or_else(|| written((self.present)()));
        Some(Record { id: text("event_id")?, kind: KIND, at, body })
    }
}

/// What records are of.
const KIND: &str = "flow-execution";

fn record(kept: &Kept) -> Record {
    Record { id: kept.event_id.clone(), kind: KIND, at: written(kept.at), body: kept.body.clone() }
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
pub(super) fn unkept(error: PlaceError) -> Failure {
    Failure::of(Exit::Upstream, &error).hint("check free space and permissions of the folder")
}
