#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Value, json};
use wiremock::matchers::{method, path as at};
use wiremock::{Mock, Request, ResponseTemplate};

use super::super::read::PostQuery;
use super::super::stage::Stage;
use super::*;

const PATH: &str = "/api/v2/things";
const COUNTED: Paging = Paging::PageNumber { size: 3, counted: true };
const UNCOUNTED: Paging = Paging::PageNumber { size: 3, counted: false };

/// Keeps the names on the pages, in order.
#[derive(Default)]
struct Names {
    names: Vec<u64>,
    indices: Vec<usize>,
}

impl PageSink for Names {
    fn page(&mut self, index: usize, body: &[u8]) -> Result<PageFacts, MalformedPage> {
        let page: Value = serde_json::from_slice(body).map_err(|error| MalformedPage { reason: error.to_string() })?;
        let number = |key: &str| page.get(key).and_then(Value::as_u64);
        let entities = page.get("entities").unwrap_or(&page).as_array();
        let names: Vec<u64> = entities.into_iter().flatten().filter_map(Value::as_u64).collect();
        self.names.extend(&names);
        self.indices.push(index);
        Ok(PageFacts {
            entities: names.len(),
            total: number("total"),
            page_count: number("pageCount"),
            page_number: number("pageNumber"),
            next_uri: page.get("nextUri").and_then(Value::as_str).map(str::to_owned),
            next_cursor: page.get("nextCursor").and_then(Value::as_str).map(str::to_owned),
        })
    }
}

fn cursor() -> Paging {
    Paging::Cursor { size: 3, names: CursorParameters::default() }
}

fn listing(paging: Paging) -> Listing {
    Listing::get(PATH.to_owned(), vec![("state".to_owned(), "active".to_owned())], paging)
}

fn parameter(request: &Request, name: &str) -> Option<String> {
    let (_, value) = request.url.query_pairs().find(|(key, _)| key == name)?;
    Some(value.into_owned())
}

fn page_number(request: &Request) -> usize {
    parameter(request, "pageNumber").unwrap().parse().unwrap()
}

fn page(body: &Value) -> ResponseTemplate {
    ResponseTemplate::new(200).set_body_json(body)
}

/// Serves pages by number; the body of each is what is given, the last one repeats.
async fn numbered_pages(pages: &[Value]) -> Stage {
    let stage = Stage::open().await;
    let pages = pages.to_vec();
    stage
        .respond(PATH, move |request| {
            assert_eq!(parameter(request, "state").as_deref(), Some("active"));
            assert_eq!(parameter(request, "pageSize").as_deref(), Some("3"));
            page(&pages[page_number(request).min(pages.len()) - 1])
        })
        .await;
    stage
}

async fn list(stage: &Stage, paging: Paging) -> (Result<ListingFacts, ListingError>, Names) {
    let mut sink = Names::default();
    let listed = stage.client().list(&listing(paging), &mut sink).await;
    (listed, sink)
}

async fn drift_of(stage: &Stage, paging: Paging) -> Drift {
    match list(stage, paging).await.0.unwrap_err() {
        ListingError::Inconsistent { drift, path, .. } => {
            assert_eq!(path, PATH);
            drift
        }
        error => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_counted_listing_gives_its_pages_in_order() {
    let stage = Stage::open().await;
    stage
        .respond(PATH, |request| {
            let number = page_number(request) as u64;
            page(&json!({"entities": [3 * number, 3 * number + 1, 3 * number + 2],
                "pageNumber": number, "pageCount": 40, "total": 120}))
        })
        .await;
    let (facts, sink) = list(&stage, COUNTED).await;
    let expected = ListingFacts { requests: 40, pages: 40, received: 120, promised: Some(120) };
    assert_eq!(facts.unwrap(), expected);
    assert_eq!(sink.names, (3..123).collect::<Vec<_>>());
    assert_eq!(sink.indices, (0..40).collect::<Vec<_>>());
}

#[tokio::test]
async fn an_empty_counted_listing_is_complete() {
    for page_count in [0, 1] {
        let stage = numbered_pages(&[json!({"entities": [], "pageCount": page_count, "total": 0})]).await;
        let facts = list(&stage, COUNTED).await.0.unwrap();
        assert_eq!((facts.requests, facts.received), (1, 0));
    }
}

#[tokio::test]
async fn an_empty_page_in_the_middle_of_a_counted_listing_is_not_its_end() {
    let stage = numbered_pages(&[
        json!({"entities": [1, 2], "pageCount": 3, "total": 3}),
        json!({"entities": [], "pageCount": 3, "total": 3}),
        json!({"entities": [3], "pageCount": 3, "total": 3}),
    ])
    .await;
    assert_eq!(list(&stage, COUNTED).await.1.names, [1, 2, 3]);
}

#[tokio::test]
async fn a_count_that_is_not_told_is_replaced_by_the_first_empty_page() {
    let stage = numbered_pages(&[json!({"entities": [1]}), json!({"entities": [2]}), json!({"entities": []})]).await;
    let (facts, sink) = list(&stage, COUNTED).await;
    assert_eq!(facts.unwrap().requests, 3);
    assert_eq!(sink.names, [1, 2]);
}

#[tokio::test]
async fn an_uncounted_listing_ends_with_an_empty_page_and_not_with_a_short_one() {
    let stage =
        numbered_pages(&[json!({"entities": [1]}), json!({"entities": [2, 3, 4]}), json!({"entities": []})]).await;
    let (facts, sink) = list(&stage, UNCOUNTED).await;
    let expected = ListingFacts { requests: 3, pages: 3, received: 4, promised: None };
    assert_eq!(facts.unwrap(), expected);
    assert_eq!(sink.names, [1, 2, 3, 4]);
}

#[tokio::test]
async fn pages_that_contradict_each_other_are_drift() {
    let table = [
        (
            vec![
                json!({"entities": [1, 2, 3], "pageCount": 2, "total": 4}),
                json!({"entities": [4], "pageCount": 2, "total": 5}),
            ],
            Drift::Total { before: 4, after: 5 },
        ),
        (
            vec![json!({"entities": [1, 2, 3], "pageCount": 2}), json!({"entities": [4], "pageCount": 3})],
            Drift::PageCount { before: 2, after: 3 },
        ),
        (
            vec![
                json!({"entities": [1, 2, 3], "pageCount": 2, "total": 5}),
                json!({"entities": [4], "pageCount": 2, "total": 5}),
            ],
            Drift::Received { promised: 5, received: 4 },
        ),
        (
            vec![json!({"entities": [1, 2, 3], "pageCount": 1, "total": 4})],
            Drift::Impossible { total: 4, page_count: 1, size: 3 },
        ),
        (
            vec![json!({"entities": [1, 2, 3, 4], "pageCount": 1, "total": 4})],
            Drift::Oversized { entities: 4, size: 3 },
        ),
        (
            vec![
                json!({"entities": [1, 2, 3], "pageNumber": 1, "pageCount": 2}),
                json!({"entities": [1, 2, 3], "pageNumber": 1, "pageCount": 2}),
            ],
            Drift::WrongPage { asked: 2, answered: 1 },
        ),
    ];
    for (pages, expected) in table {
        let stage = numbered_pages(&pages).await;
        assert_eq!(drift_of(&stage, COUNTED).await, expected);
    }
}

#[tokio::test]
async fn a_lost_page_is_not_a_shorter_listing() {
    let stage =
        numbered_pages(&[json!({"entities": [1, 2, 3], "total": 6}), json!({"entities": [], "total": 6})]).await;
    let expected = Drift::Received { promised: 6, received: 3 };
    assert_eq!(drift_of(&stage, UNCOUNTED).await, expected);
}

#[tokio::test]
async fn a_query_by_post_takes_its_page_and_its_cursor_in_the_body() {
    let path = "/api/v2/things/query";
    let stage = Stage::open().await;
    let answer = |request: &Request| {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        assert_eq!((request.method.as_str(), &body["kind"], &body["limit"]), ("POST", &json!("a"), &json!(3)));
        match body.get("from").and_then(serde_json::Value::as_str) {
            None => page(&json!({"entities": [1], "nextCursor": "x"})),
            Some("x") => page(&json!({"entities": [2]})),
            Some(other) => panic!("{other}"),
        }
    };
    Mock::given(method("POST")).and(at(path)).respond_with(answer).mount(&stage.server).await;
    let body = json!({"kind": "a"}).as_object().cloned().unwrap();
    let names = CursorParameters { cursor: "from".to_owned(), size: "limit".to_owned() };
    let read = Read::Query(PostQuery::new(path.to_owned(), body).unwrap());
    let listing = Listing { read, paging: Paging::Cursor { size: 3, names } };
    let mut sink = Names::default();
    let facts = stage.client().list(&listing, &mut sink).await.unwrap();
    assert_eq!((facts.requests, facts.received), (2, 2));
}

#[tokio::test]
async fn a_cursor_is_followed_as_it_is_until_there_is_none() {
    let stage = Stage::open().await;
    stage
        .respond(PATH, |request| {
            assert_eq!(parameter(request, "state").as_deref(), Some("active"));
            match parameter(request, "after").as_deref() {
                None => page(&json!({"entities": [1], "nextUri": "/api/v2/things?pageSize=3&after=a%2Bb%3D%3D%26c"})),
                // Another host is not followed; only the cursor is taken from it.
                Some("a+b==&c") => page(&json!({"entities": [2], "nextUri": "https://evil.example/steal?after=z"})),
                Some("z") => page(&json!({"entities": [3]})),
                Some(other) => panic!("{other}"),
            }
        })
        .await;
    let (facts, sink) = list(&stage, cursor()).await;
    assert_eq!(facts.unwrap().requests, 3);
    assert_eq!(sink.names, [1, 2, 3]);
}

#[tokio::test]
async fn a_cursor_that_comes_twice_is_drift() {
    let stage = Stage::open().await;
    stage.respond(PATH, |_| page(&json!({"entities": [1], "nextUri": "?after=same"}))).await;
    assert_eq!(drift_of(&stage, cursor()).await, Drift::CursorRepeated);
    assert_eq!(stage.requests_to(PATH).await, 2);
}

#[tokio::test]
async fn a_next_page_without_a_cursor_fails_the_listing() {
    for next_uri in ["/api/v2/things?pageNumber=2", "?after=", "http://["] {
        let stage = Stage::open().await;
        stage.respond(PATH, move |_| page(&json!({"entities": [1], "nextUri": next_uri}))).await;
        let error = list(&stage, cursor()).await.0.unwrap_err();
        assert!(matches!(
            error,
            ListingError::Failed {
                source: FetchError::Malformed { what: Malformation::NoCursor, .. },
                requests: 1,
                ..
            }
        ));
    }
}

#[tokio::test]
async fn an_unpaged_listing_is_one_request_without_paging_parameters() {
    let stage = Stage::open().await;
    stage
        .respond(PATH, |request| {
            assert_eq!(request.url.query(), Some("state=active"));
            page(&json!([1, 2, 3, 4, 5]))
        })
        .await;
    let (facts, sink) = list(&stage, Paging::Single).await;
    assert_eq!(facts.unwrap().requests, 1);
    assert_eq!(sink.names, [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn an_unpaged_listing_that_has_more_is_drift() {
    let table = [
        (json!({"entities": [1], "pageCount": 2}), Drift::FurtherPages),
        (json!({"entities": [1], "nextUri": "/x"}), Drift::FurtherPages),
        (json!({"entities": [1], "pageCount": 1, "total": 2}), Drift::Received { promised: 2, received: 1 }),
    ];
    for (body, expected) in table {
        let stage = Stage::open().await;
        stage.respond(PATH, move |_| page(&body)).await;
        assert_eq!(drift_of(&stage, Paging::Single).await, expected);
    }
}

#[tokio::test]
async fn a_listing_that_is_not_there_is_absent_and_in_the_middle_failed() {
    for status in [404, 410] {
        for (gone_from, paging) in [(1, COUNTED), (1, UNCOUNTED), (2, COUNTED), (2, UNCOUNTED)] {
            let stage = Stage::open().await;
            stage
                .respond(PATH, move |request| {
                    if page_number(request) >= gone_from {
                        ResponseTemplate::new(status).insert_header("inin-correlation-id", "abc")
                    } else {
                        page(&json!({"entities": [1, 2, 3], "pageCount": 2}))
                    }
                })
                .await;
            let error = list(&stage, paging).await.0.unwrap_err();
            assert_eq!(error.requests(), gone_from as u64);
            if gone_from == 1 {
                let expected = format!("{PATH} does not exist: the API answered {status} (correlation id abc)");
                assert!(matches!(error, ListingError::Absent { .. }));
                assert_eq!(error.to_string(), expected);
            } else {
                assert!(matches!(error, ListingError::Failed { source: FetchError::NotFound { .. }, .. }));
            }
        }
    }
}

#[tokio::test]
async fn a_forbidden_listing_says_so() {
    let stage = Stage::open().await;
    stage.respond(PATH, |_| ResponseTemplate::new(403)).await;
    assert!(matches!(
        list(&stage, COUNTED).await.0.unwrap_err(),
        ListingError::Failed { source: FetchError::Forbidden { .. }, requests: 1, .. }
    ));
}

#[tokio::test]
async fn a_page_that_fails_or_is_malformed_is_asked_for_again() {
    let failures =
        [ResponseTemplate::new(503), ResponseTemplate::new(200).set_body_raw("{\"entities\": [4", "application/json")];
    for failure in failures {
        let stage = Stage::open().await;
        let asked = AtomicU64::new(0);
        stage
            .respond(PATH, move |request| {
                let number = page_number(request);
                if number == 2 && asked.fetch_add(1, Ordering::Relaxed) < 2 {
                    return failure.clone();
                }
                page(&json!({"entities": [number], "pageCount": 9, "total": 9}))
            })
            .await;
        let (facts, sink) = list(&stage, COUNTED).await;
        assert_eq!(facts.unwrap().requests, 11);
        assert_eq!(sink.names, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(stage.clock.waits().len(), 2);
    }
}

#[tokio::test]
async fn a_page_that_stays_malformed_fails_the_listing() {
    let stage = Stage::open().await;
    stage.respond(PATH, |_| ResponseTemplate::new(200).set_body_raw("{oops", "application/json")).await;
    let (listed, sink) = list(&stage, UNCOUNTED).await;
    let error = listed.unwrap_err();
    assert!(matches!(
        &error,
        ListingError::Failed { source: FetchError::Malformed { what: Malformation::Page(_), .. }, .. }
    ));
    assert_eq!(error.requests(), stage.requests_to(PATH).await as u64);
    assert!(error.requests() > 5);
    assert!(sink.names.is_empty());
}

#[tokio::test]
async fn a_listing_without_end_is_given_up() {
    let endless = [
        (UNCOUNTED, 5),
        (cursor(), 5),
        // A count beyond the limit is not even begun.
        (COUNTED, 1),
    ];
    for (paging, requests) in endless {
        let stage = Stage::open().await;
        let served = AtomicU64::new(0);
        stage
            .respond(PATH, move |_| {
                let next = format!("?after={}", served.fetch_add(1, Ordering::Relaxed));
                page(&json!({"entities": [1], "pageCount": 6, "nextUri": next}))
            })
            .await;
        let client = stage.client();
        let mut sink = Names::default();
        let error = Walk::new(&client, &listing(paging), &mut sink, 5).run().await.unwrap_err();
        assert!(matches!(error, ListingError::Endless { pages: 5, .. }), "{error}");
        assert_eq!(error.requests(), requests);
    }
}

#[tokio::test]
async fn listings_side_by_side_do_not_stop_each_other() {
    let stage = Stage::open().await;
    let asked = AtomicU64::new(0);
    stage
        .respond(PATH, move |request| {
            let number = page_number(request);
            // Every seventh answer is one that only the sink finds malformed.
            if asked.fetch_add(1, Ordering::Relaxed) % 7 == 6 {
                return ResponseTemplate::new(200).set_body_raw("{oops", "application/json");
            }
            page(&json!({"entities": [number], "pageCount": 12, "total": 12}))
        })
        .await;
    let client = stage.client_with(super::super::ClientOptions { in_flight: 2, ..stage.options() });
    let lists = (0..6).map(|_| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut sink = Names::default();
            let listed = client.list(&listing(COUNTED), &mut sink).await;
            listed.map(|_| sink.names)
        })
    });
    for names in futures_util::future::join_all(lists).await {
        assert_eq!(names.unwrap().unwrap(), (1..=12).collect::<Vec<_>>());
    }
}
