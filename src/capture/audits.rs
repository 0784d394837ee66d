//! Reads the audit log of the organisation (API document: Audit API).
//!
//! Two questions bring the same records: the transaction query all of them, after some waiting, the realtime query those of
//! some services, at once. Both are asked, and what comes twice counts once. Which services there are is asked, never assumed.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, json};

use super::trouble::{Trouble, TroubleKind, with_causes};
use crate::attribution::{AuditRecord, Services};
use crate::canonical::{compact, read};
use crate::genesys::{Client, FetchError, Get, PostQuery, Read};
use crate::model::{OwnedValue, Value};

const QUERY: &str = "/api/v2/audits/query";
const REALTIME: &str = "/api/v2/audits/query/realtime";
const SERVICES: &str = "/api/v2/audits/query/servicemapping";
const REALTIME_SERVICES: &str = "/api/v2/audits/query/realtime/servicemapping";

/// Most records on a page (API document: Pagination).
const PAGE_SIZE: u64 = 500;

/// Most pages of one answer; more is an answer that does not end.
const MOST_PAGES: u64 = 2_000;

/// How far back the realtime query answers: 14 days, less a day for clocks that differ.
const REALTIME_REACH: TimeDelta = TimeDelta::days(13);

/// The longest interval of one query. The API does not say what it takes; one that it refuses is halved.
const LONGEST_INTERVAL: TimeDelta = TimeDelta::days(7);

/// The shortest interval that a refused one is halved down to.
const SHORTEST_INTERVAL: TimeDelta = TimeDelta::hours(1);

/// The first wait between two questions whether a query is done; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(100);

/// The longest such wait.
const LONGEST_WAIT: Duration = Duration::from_secs(10);

/// How often is asked whether a query is done: about a minute long.
const MOST_POLLS: u32 = 13;

/// What an id in a path is written without.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What the audit log gave.
#[derive(Debug)]
pub struct AuditReading {
    /// The records, in order of time, each once.
    pub records: Vec<AuditRecord>,
    /// Why some may be missing; absent where all came.
    pub trouble: Option<Trouble>,
}

/// The audit log of an organisation.
pub struct AuditLog<'c> {
    client: &'c Client,
}

impl<'c> AuditLog<'c> {
    /// The log that a client can read.
    #[must_use]
    pub fn new(client: &'c Client) -> Self {
        Self { client }
    }

    /// The services that keep records, and the types of entities that they keep them of.
    ///
    /// # Errors
    /// [`Trouble`] where that cannot be had.
    pub async fn services(&self) -> Result<Services, Trouble> {
        self.mapping(SERVICES).await
    }

    /// The records of an interval, which begins at its start and ends before its end.
    pub async fn read(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> AuditReading {
        let mut records = Vec::new();
        let mut trouble = self.transactions(from, to, &mut records).await.err();
        // What the one query is too slow for the other may have; where the first is forbidden so is the second.
        if trouble.as_ref().is_none_or(|trouble| trouble.kind == TroubleKind::Failed)
            && let Err(error) = self.realtime(from.max(to - REALTIME_REACH), to, &mut records).await
        {
            trouble.get_or_insert(error);
        }
        AuditReading { records: AuditRecord::in_order(records), trouble }
    }

    async fn mapping(&self, path: &str) -> Result<Services, Trouble> {
        let answer = self.ask(Get { path: path.to_owned(), query: Vec::new() }.into()).await?;
        Services::read(&answer).ok_or_else(|| Trouble::failed(format!("{path} answered with something else")))
    }

    /// All services, in pieces of the interval.
    async fn transactions(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        records: &mut Vec<AuditRecord>,
    ) -> Result<(), Trouble> {
        let mut services: Option<Services> = None;
        let mut pieces = pieces(from, to);
        while let Some((from, to)) = pieces.pop() {
            if services.is_none() {
                match self.transaction(from, to, None, records).await {
                    Err(Refusal::NotSo) => services = Some(self.services().await?),
                    Err(Refusal::Trouble(trouble)) => return Err(trouble),
                    Ok(()) => continue,
                }
            }
            // Some organisations take no query over all services.
            for service in services.iter().flat_map(Services::names) {
                self.of_service(from, to, service, records).await?;
            }
        }
        Ok(())
    }

    /// One service; an interval that is refused is halved.
    async fn of_service(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        service: &str,
        records: &mut Vec<AuditRecord>,
    ) -> Result<(), Trouble> {
        let mut pieces = vec![(from, to)];
        while let Some((from, to)) = pieces.pop() {
            match self.transaction(from, to, Some(service), records).await {
                Ok(()) => {}
                Err(Refusal::NotSo) if to - from > SHORTEST_INTERVAL => {
                    let middle = from + (to - from) / 2;
                    pieces.extend([(middle, to), (from, middle)]);
                }
                Err(Refusal::NotSo) => {
                    return Err(Trouble::failed(format!("{QUERY} takes no query of the service {service}")));
                }
                Err(Refusal::Trouble(trouble)) => return Err(trouble),
            }
        }
        Ok(())
    }

    /// Has one query made, waits until it is done, and takes its pages.
    async fn transaction(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        service: Option<&str>,
        records: &mut Vec<AuditRecord>,
    ) -> Result<(), Refusal> {
        let made = self.question(query(QUERY, from, to, service)?).await?;
        let id = text(&made, "id").ok_or_else(|| Trouble::failed(format!("{QUERY} made a query without an id")))?;
        let path = format!("{QUERY}/{}", utf8_percent_encode(&id, RESERVED));
        let mut state = text(&made, "state").unwrap_or_default();
        let mut polls = 0;
        while state != "Succeeded" {
            if matches!(state.as_str(), "Failed" | "Cancelled") {
                return Err(Trouble::failed(format!("a query of the audit log ended as {state}")).into());
            }
            if polls == MOST_POLLS {
                return Err(Trouble::failed("a query of the audit log did not end").into());
            }
            self.client.clock().sleep((FIRST_WAIT * 2_u32.pow(polls)).min(LONGEST_WAIT)).await;
            polls += 1;
            let answer = self.ask(Get { path: path.clone(), query: Vec::new() }.into()).await?;
            state = text(&answer, "state").unwrap_or_default();
        }
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut parameters =
                vec![("pageSize".to_owned(), PAGE_SIZE.to_string()), ("expand".to_owned(), "user".to_owned())];
            parameters.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
            let page = self.ask(Get { path: format!("{path}/results"), query: parameters }.into()).await?;
            take(&page, records)?;
            cursor = text(&page, "cursor");
            if cursor.is_none() {
                return Ok(());
            }
        }
        Err(Trouble::failed("the results of a query of the audit log do not end").into())
    }

    /// The services that answer at once.
    async fn realtime(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        records: &mut Vec<AuditRecord>,
    ) -> Result<(), Trouble> {
        match self.at_once(from, to, None, records).await {
            Ok(()) => return Ok(()),
            Err(Refusal::Trouble(trouble)) => return Err(trouble),
            Err(Refusal::NotSo) => {}
        }
        for service in self.mapping(REALTIME_SERVICES).await?.names() {
            match self.at_once(from, to, Some(service), records).await {
                // The other query has them too, only later.
                Ok(()) | Err(Refusal::NotSo) => {}
                Err(Refusal::Trouble(trouble)) => return Err(trouble),
            }
        }
        Ok(())
    }

    async fn at_once(
        &self,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        service: Option<&str>,
        records: &mut Vec<AuditRecord>,
    ) -> Result<(), Refusal> {
        for number in 1..=MOST_PAGES {
            let mut body = body(from, to, service);
            body.insert("pageNumber".to_owned(), number.into());
            body.insert("pageSize".to_owned(), PAGE_SIZE.into());
            let question =
                PostQuery::new(REALTIME.to_owned(), body).map_err(|error| Trouble::failed(error.to_string()))?;
            let page = self.question(question.with_parameter("expand", "user")).await?;
            let received = take(&page, records)?;
            let pages = page.get("pageCount").and_then(|count| compact(count).parse().ok());
            if pages.map_or(received == 0, |pages: u64| number >= pages) {
                return Ok(());
            }
        }
        Err(Trouble::failed("the results of a realtime query of the audit log do not end").into())
    }

    async fn question(&self, question: PostQuery) -> Result<OwnedValue, Refusal> {
        match self.client.read(question.into()).await {
            Ok(body) => Ok(answer(&body.bytes)?),
            Err(FetchError::Rejected { status: 400, .. }) => Err(Refusal::NotSo),
            Err(error) => Err(Trouble::from(&error).into()),
        }
    }

    async fn ask(&self, question: Read) -> Result<OwnedValue, Trouble> {
        let body = self.client.read(question).await.map_err(|error| Trouble::from(&error))?;
        answer(&body.bytes)
    }
}

/// Why a query was not answered.
enum Refusal {
    /// The API does not take it in this form.
    NotSo,
    /// Something went wrong.
    Trouble(Trouble),
}

impl From<Trouble> for Refusal {
    fn from(trouble: Trouble) -> Self {
        Self::Trouble(trouble)
    }
}

fn answer(bytes: &[u8]) -> Result<OwnedValue, Trouble> {
    read(bytes).map(Value::into_owned).map_err(|error| Trouble::failed(with_causes(&error)))
}

fn text(value: &OwnedValue, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

/// Takes the records of a page; says how many there were.
fn take(page: &OwnedValue, records: &mut Vec<AuditRecord>) -> Result<usize, Trouble> {
    let entities = page.get("entities").and_then(Value::as_array);
    let entities = entities.ok_or_else(|| Trouble::failed("a page of audit records has no records"))?;
    let before = records.len();
    records.extend(entities.iter().filter_map(AuditRecord::read));
    if records.len() - before < entities.len() {
        return Err(Trouble::failed("an audit record has no id or no time"));
    }
    Ok(entities.len())
}

fn query(path: &str, from: DateTime<Utc>, to: DateTime<Utc>, service: Option<&str>) -> Result<PostQuery, Trouble> {
    PostQuery::new(path.to_owned(), body(from, to, service)).map_err(|error| Trouble::failed(error.to_string()))
}

fn body(from: DateTime<Utc>, to: DateTime<Utc>, service: Option<&str>) -> Map<String, serde_json::Value> {
    let at = |instant: DateTime<Utc>| instant.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut body = Map::new();
    body.insert("interval".to_owned(), format!("{}/{}", at(from), at(to)).into());
    if let Some(service) = service {
        body.insert("serviceName".to_owned(), service.into());
    }
    body.insert("sort".to_owned(), json!([{ "name": "Timestamp", "sortOrder": "ascending" }]));
    body
}

/// An interval in pieces that are not too long, the first one last.
fn pieces(from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<(DateTime<Utc>, DateTime<Utc>)> {
    let mut pieces = Vec::new();
    let mut start = from;
    while start < to {
        let end = to.min(start + LONGEST_INTERVAL);
        pieces.push((start, end));
        start = end;
    }
    pieces.reverse();
    pieces
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_an_interval_without_a_gap() {
        let from: DateTime<Utc> = "2026-03-02T08:00:00Z".parse().unwrap();
        for days in [0, 1, 7, 8, 30] {
            let to = from + TimeDelta::days(days);
            let mut at = from;
            for (start, end) in pieces(from, to).into_iter().rev() {
                assert_eq!(start, at);
                assert!(end - start <= LONGEST_INTERVAL && end > start);
                at = end;
            }
            assert_eq!(at, to);
        }
    }
}
