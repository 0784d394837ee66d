#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::json;
use wiremock::matchers::{body_string, header, method, path};
use wiremock::{Mock, Request, ResponseTemplate};

use super::super::clock::InstantClock;
use super::super::stage::{SECRET, Stage, get, ok, raw_server};
use super::*;

fn status(status: u16) -> ResponseTemplate {
    ResponseTemplate::new(status)
}

/// Answers 401 unless the token is one of those that are taken.
fn taking(tokens: &'static [&'static str]) -> impl Fn(&Request) -> ResponseTemplate {
    |request| {
        let sent = request.headers["authorization"].to_str().unwrap();
        if tokens.iter().any(|token| sent == format!("Bearer {token}")) {
            ok()
        } else {
            status(401).set_body_json(json!({"code": "bad.credentials"}))
        }
    }
}

mod tokens {
    use super::*;

    #[tokio::test]
    async fn one_token_serves_fifty_calls_at_once() {
        let stage = Stage::bare().await;
        stage.login(86_400, 1).await;
        stage.answer("/a", 50, ok()).await;
        let client = stage.client();
        let a = get("/a");
        let answers = join_all((0..50).map(|_| client.get(&a))).await;
        assert!(answers.iter().all(Result::is_ok));
        assert_eq!(client.requests(), 51);
    }

    #[tokio::test]
    async fn the_login_gets_basic_credentials_and_the_grant_alone() {
        let stage = Stage::bare().await;
        Mock::given(method("POST"))
            .and(path("/oauth/token"))
            .and(header("authorization", "Basic Y2xpZW50LWlkOmh1c2gtdGhlLXNlY3JldA=="))
            .and(header("content-type", "application/x-www-form-urlencoded"))
            .and(body_string("grant_type=client_credentials"))
            .respond_with(status(200).set_body_json(json!({"access_token": "t"})))
            .expect(1)
            .mount(&stage.server)
            .await;
        stage.answer("/a", 1, ok()).await;
        stage.client().get(&get("/a")).await.unwrap();
    }

    #[tokio::test]
    async fn a_token_is_refreshed_before_it_ends() {
        let stage = Stage::bare().await;
        stage.login(3600, 2).await;
        stage.respond("/a", taking(&["token-1", "token-2"])).await;
        let client = stage.client();
        client.get(&get("/a")).await.unwrap();
        stage.clock.advance(Duration::from_secs(3479));
        client.get(&get("/a")).await.unwrap();
        assert_eq!(stage.requests_to("/oauth/token").await, 1);
        stage.clock.advance(Duration::from_secs(1));
        client.get(&get("/a")).await.unwrap();
        assert_eq!(stage.requests_to("/oauth/token").await, 2);
    }

    #[tokio::test]
    async fn another_client_has_the_token_of_the_first_and_counts_of_its_own() {
        let stage = Stage::bare().await;
        stage.login(86_400, 1).await;
        stage.answer("/a", 3, ok()).await;
        let client = stage.client();
        client.get(&get("/a")).await.unwrap();
        let another = client.another(Some(1));
        another.get(&get("/a")).await.unwrap();
        assert!(another.get(&get("/a")).await.is_err());
        assert_eq!((client.requests(), another.requests()), (2, 1));
    }

    #[tokio::test]
    async fn what_was_refused_in_one_run_is_tried_again_in_the_next() {
        let stage = Stage::bare().await;
        stage.login(86_400, 4).await;
        stage.respond("/a", taking(&[])).await;
        let mut client = stage.client();
        for _ in 0..2 {
            assert!(client.get(&get("/a")).await.is_err());
            assert!(client.get(&get("/a")).await.is_err());
            client = client.another(None);
        }
    }

    #[tokio::test]
    async fn a_token_that_lives_shorter_than_the_margin_is_still_used() {
        let stage = Stage::bare().await;
        stage.login(10, 1).await;
        stage.answer("/a", 2, ok()).await;
        let client = stage.client();
        client.get(&get("/a")).await.unwrap();
        client.get(&get("/a")).await.unwrap();
    }

    #[tokio::test]
    async fn a_refused_token_is_asked_for_once_more() {
        let stage = Stage::bare().await;
        stage.login(86_400, 2).await;
        stage.respond("/a", taking(&["token-2"])).await;
        let client = stage.client();
        let a = get("/a");
        let answers = join_all((0..8).map(|_| client.get(&a))).await;
        assert!(answers.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn an_api_that_refuses_every_token_costs_two_logins_in_all() {
        let stage = Stage::bare().await;
        stage.login(86_400, 2).await;
        stage.respond("/a", taking(&[])).await;
        let client = stage.client();
        for _ in 0..3 {
            let error = client.get(&get("/a")).await.unwrap_err();
            let FetchError::Unauthorised { code, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(code.as_deref(), Some("bad.credentials"));
        }
    }

    #[tokio::test]
    async fn a_refused_login_is_not_tried_again() {
        let stage = Stage::bare().await;
        Mock::given(method("POST"))
            .respond_with(status(400).set_body_json(json!({"error": "invalid_client"})))
            .expect(1)
            .mount(&stage.server)
            .await;
        let client = stage.client();
        for _ in 0..2 {
            let error = client.get(&get("/a")).await.unwrap_err();
            let FetchError::LoginRefused { status, code } = error else {
                panic!("{error}");
            };
            assert_eq!((status, code.as_deref()), (400, Some("invalid_client")));
        }
    }

    #[tokio::test]
    async fn a_login_that_is_rate_limited_by_a_400_is_waited_for() {
        let stage = Stage::bare().await;
        Mock::given(method("POST"))
            .respond_with(
                status(400)
                    .insert_header("retry-after", "3")
                    .set_body_json(json!({"description": "Rate limit exceeded"})),
            )
            .up_to_n_times(1)
            .mount(&stage.server)
            .await;
        stage.login(86_400, 1).await;
        stage.answer("/a", 1, ok()).await;
        stage.client().get(&get("/a")).await.unwrap();
        assert_eq!(stage.clock.waits(), [Duration::from_secs(3)]);
    }

    #[tokio::test]
    async fn a_login_without_a_token_is_malformed() {
        let stage = Stage::bare().await;
        Mock::given(method("POST"))
            .respond_with(status(200).set_body_json(json!({"access_token": ""})))
            .mount(&stage.server)
            .await;
        let error = stage.client().get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Malformed { what: Malformation::NoToken, .. }));
    }
}

mod retries {
    use super::*;

    #[tokio::test]
    async fn what_may_pass_is_tried_again() {
        let html = status(200).set_body_raw("<html>busy</html>", "text/html");
        let failures = [status(429), status(500), status(502), status(503), status(504), html];
        for failure in failures {
            let stage = Stage::open().await;
            stage.answer("/a", 2, failure).await;
            stage.answer("/a", 1, ok()).await;
            let client = stage.client();
            let body = client.get(&get("/a")).await.unwrap();
            assert_eq!(body.bytes, br#"{"name":"fine"}"#);
            assert_eq!(client.requests(), 4);
            assert_eq!(stage.waited(), Duration::from_micros(187_500 + 375_000));
        }
    }

    #[tokio::test]
    async fn what_will_not_pass_is_not_tried_again() {
        for code in [302, 400, 403, 404, 408, 410, 501] {
            let stage = Stage::open().await;
            stage.respond("/a", move |_| status(code)).await;
            assert!(stage.client().get(&get("/a")).await.is_err());
            assert_eq!(stage.requests_to("/a").await, 1, "{code}");
        }
    }

    #[tokio::test]
    async fn retries_end_within_the_budget() {
        let stage = Stage::open().await;
        stage.respond("/a", |_| status(503)).await;
        let error = stage.client().get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Upstream { status: 503, .. }));
        assert!(stage.waited() < Duration::from_secs(45));
        assert!(stage.waited() > Duration::from_secs(30));
    }

    #[tokio::test]
    async fn a_retry_after_is_obeyed() {
        let stage = Stage::open().await;
        stage.answer("/a", 1, status(429).insert_header("Retry-After", "44")).await;
        stage.answer("/a", 1, ok()).await;
        stage.client().get(&get("/a")).await.unwrap();
        assert_eq!(stage.clock.waits(), [Duration::from_secs(44)]);
    }

    #[tokio::test]
    async fn a_retry_after_beyond_the_budget_stops_at_once() {
        let stage = Stage::open().await;
        stage.respond("/a", |_| status(429).insert_header("Retry-After", "46")).await;
        let error = stage.client().get(&get("/a")).await.unwrap_err();
        assert!(matches!(
            error,
            FetchError::RateLimited { retry_after: Some(wait), .. } if wait == Duration::from_secs(46)
        ));
        assert!(stage.clock.waits().is_empty());
    }

    #[tokio::test]
    async fn a_connection_that_breaks_is_tried_again() {
        const WHOLE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}";
        const CUT_SHORT: &str = "HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n{\"name\":";
        let stage = Stage::open().await;
        let api = raw_server(&["", CUT_SHORT, WHOLE]);
        let client = stage.client_with(stage.options_for_api(&api));
        assert_eq!(client.get(&get("/a")).await.unwrap().bytes, b"{}");
        let error = client.get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Transport { .. }));
    }

    #[tokio::test]
    async fn an_answer_that_does_not_come_in_time_is_not_waited_for() {
        let stage = Stage::open().await;
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let api = format!("http://{}", silent.local_addr().unwrap());
        let client = stage.client_with(ClientOptions {
            answer_timeout: Duration::from_millis(20),
            listing_retry_budget: Duration::from_secs(1),
            ..stage.options_for_api(&api)
        });
        let error = client.get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Transport { source, .. } if source.is_timeout()));
    }

    #[tokio::test]
    async fn a_host_that_cannot_prove_itself_is_not_tried_again() {
        let stage = Stage::open().await;
        let api = stage.server.uri().replace("http:", "https:");
        let client = stage.client_with(stage.options_for_api(&api));
        let error = client.get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Transport { .. }));
        assert!(stage.clock.waits().is_empty());
    }

    #[tokio::test]
    async fn a_dead_host_delays_the_run_by_no_more_than_its_cap() {
        let stage = Stage::open().await;
        let client = stage.client_with(stage.options_for_api(&raw_server(&[])));
        let mut last = None;
        for _ in 0..100 {
            last = client.get(&get("/a")).await.err();
        }
        assert!(stage.clock.now() <= Duration::from_secs(60));
        assert!(client.requests() < 200);
        assert!(matches!(last, Some(FetchError::Transport { .. } | FetchError::Silent { .. })));
    }
}

mod limits {
    use super::*;

    fn limited(stage: &Stage, limit: u64) -> Client {
        stage.client_with(ClientOptions { max_requests: Some(limit), ..stage.options() })
    }

    #[tokio::test]
    async fn a_run_sends_no_request_beyond_its_limit_and_the_login_does_not_count() {
        let stage = Stage::open().await;
        stage.respond("/a", |_| ok()).await;
        let client = limited(&stage, 3);
        let a = get("/a");
        let answers = join_all((0..20).map(|_| client.get(&a))).await;
        let refused = answers.iter().filter(|answer| matches!(answer, Err(FetchError::LimitReached { limit: 3, .. })));
        assert_eq!((refused.count(), stage.requests_to("/a").await), (17, 3));
        assert_eq!((client.api_requests(), client.requests()), (3, 4));
    }

    #[tokio::test]
    async fn what_is_tried_again_counts_again() {
        let stage = Stage::open().await;
        stage.answer("/a", 2, status(503)).await;
        stage.answer("/a", 1, ok()).await;
        let client = limited(&stage, 2);
        let error = client.get(&get("/a")).await.unwrap_err();
        assert_eq!(error.to_string(), "could not read /a: the run's limit of 2 requests is used up");
        assert_eq!(stage.requests_to("/a").await, 2);
    }

    #[tokio::test]
    async fn the_rate_limit_is_known_from_the_first_answer_on() {
        let stage = Stage::open().await;
        let headers =
            [("inin-ratelimit-count", "1"), ("inin-ratelimit-allowed", "300"), ("inin-ratelimit-reset", "60")];
        let told = headers.iter().fold(ok(), |answer, (name, value)| answer.insert_header(*name, *value));
        stage.answer("/a", 1, told).await;
        let client = stage.client();
        assert_eq!(client.rate(), None);
        client.get(&get("/a")).await.unwrap();
        assert_eq!(client.rate(), Some(Rate { allowed: 300, used: 240 }));
    }
}

mod answers {
    use super::*;

    #[tokio::test]
    async fn a_forbidden_read_names_the_permission() {
        let stage = Stage::open().await;
        let body = json!({
            "code": "missing.permissions",
            "message": "Unable to perform the requested action. You are missing the following permission(s): routing:queue:view",
            "contextId": "from-the-body",
        });
        stage.answer("/a", 1, status(403).set_body_json(body)).await;
        let error = stage.client().get(&get("/a")).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "could not read /a: the login lacks routing:queue:view (correlation id from-the-body)"
        );
        assert!(matches!(
            error,
            FetchError::Forbidden { permissions, code: Some(code), .. }
                if permissions == ["routing:queue:view"] && code == "missing.permissions"
        ));
    }

    #[tokio::test]
    async fn every_error_of_an_answer_carries_its_correlation_id() {
        for code in [302, 400, 401, 403, 404, 410, 429, 500, 501] {
            let stage = Stage::open().await;
            stage.respond("/a", move |_| status(code).insert_header("ININ-Correlation-Id", "abc-123")).await;
            let error = stage.client().get(&get("/a")).await.unwrap_err();
            assert!(error.to_string().ends_with(" (correlation id abc-123)"), "{error}");
        }
    }

    #[tokio::test]
    async fn a_body_comes_with_its_correlation_id() {
        let stage = Stage::open().await;
        stage.answer("/a", 1, ok().insert_header("inin-correlation-id", "abc-123")).await;
        let body = stage.client().get(&get("/a")).await.unwrap();
        assert_eq!(body.correlation.as_deref(), Some("abc-123"));
    }

    #[tokio::test]
    async fn an_answer_without_content_is_empty_and_not_malformed() {
        let stage = Stage::open().await;
        stage.answer("/a", 1, status(204)).await;
        assert!(stage.client().get(&get("/a")).await.unwrap().bytes.is_empty());
    }

    #[tokio::test]
    async fn a_compressed_answer_is_unpacked() {
        const GZIPPED: [u8; 27] = [
            0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x03, 0xab, 0x56, 0x4a, 0x54, 0xb2, 0x32, 0xac, 0x05,
            0x00, 0xaf, 0xac, 0x1b, 0x56, 0x07, 0x00, 0x00, 0x00,
        ];
        let stage = Stage::open().await;
        let answer = status(200).insert_header("content-encoding", "gzip").set_body_raw(GZIPPED, "application/json");
        Mock::given(header("accept-encoding", "gzip"))
            .and(header("accept", "application/json"))
            .respond_with(answer)
            .mount(&stage.server)
            .await;
        assert_eq!(stage.client().get(&get("/a")).await.unwrap().bytes, br#"{"a":1}"#);
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let stage = Stage::open().await;
        let elsewhere = Stage::bare().await;
        let target = format!("{}/a", elsewhere.server.uri());
        stage.answer("/a", 1, status(302).insert_header("location", target)).await;
        let error = stage.client().get(&get("/a")).await.unwrap_err();
        assert!(matches!(error, FetchError::Rejected { status: 302, .. }));
        assert_eq!(elsewhere.requests_to("/a").await, 0);
    }

    #[tokio::test]
    async fn a_request_stays_below_the_api_url_whatever_its_path_and_query_hold() {
        let stage = Stage::open().await;
        stage.respond("/gateway/a", |_| ok()).await;
        stage.respond("/gateway/a%3Fb", |_| ok()).await;
        let base = format!("{}/gateway/", stage.server.uri());
        let client = stage.client_with(stage.options_for_api(&base));
        let query = vec![("name".to_owned(), "a&b=c d".to_owned())];
        let asked = Get { query, ..get("/a") };
        client.get(&asked).await.unwrap();
        client.get(&get("/a?b")).await.unwrap();
        let requests = stage.server.received_requests().await.unwrap();
        assert_eq!(requests[1].url.query(), Some("name=a%26b%3Dc+d"));
    }
}

mod manners {
    use super::*;

    #[tokio::test]
    async fn no_secret_is_shown() {
        let stage = Stage::open().await;
        let mut shown = Vec::new();
        for code in [400, 401, 403, 404, 429, 501, 503] {
            // A server that sends back whatever it got.
            stage
                .respond(&format!("/{code}"), move |request: &Request| {
                    let echo = request.headers["authorization"].to_str().unwrap();
                    status(code)
                        .insert_header("inin-correlation-id", echo)
                        .set_body_json(json!({"code": echo, "message": echo, "contextId": echo}))
                })
                .await;
            let asked = Get { query: vec![("key".to_owned(), "hush-query".to_owned())], ..get(&format!("/{code}")) };
            let error = stage.client().get(&asked).await.unwrap_err();
            shown.push(format!("{error} {error:?}"));
        }
        let broken = stage.client_with(stage.options_for_api(&raw_server(&[])));
        let asked = Get { query: vec![("key".to_owned(), "hush-query".to_owned())], ..get("/a") };
        shown.push(format!("{:?}", broken.get(&asked).await.unwrap_err()));
        shown.push(format!("{:?} {:?}", stage.options(), stage.client()));
        for text in shown {
            for secret in [SECRET, "hush", "token-", "Y2xpZW50"] {
                assert!(!text.contains(secret), "{text}");
            }
        }
    }

    #[tokio::test]
    async fn a_request_that_nobody_polls_keeps_no_slot() {
        let stage = Stage::open().await;
        stage.respond("/a", |_| ok()).await;
        let client = stage.client_with(ClientOptions { in_flight: 1, ..stage.options() });
        let a = get("/a");
        let mut idle = Box::pin(client.get(&a));
        assert!((&mut idle).now_or_never().is_none());
        client.get(&a).await.unwrap();
        idle.await.unwrap();
    }

    /// Counts requests in windows of a minute, as the API does, and remembers the windows that have passed.
    struct Counting {
        clock: Arc<InstantClock>,
        allowed: u64,
        windows: Mutex<Vec<u64>>,
    }

    impl Counting {
        fn answer(&self) -> ResponseTemplate {
            const WINDOW_SECONDS: u64 = 60;
            let now = self.clock.now().as_secs();
            let mut windows = self.windows.lock().unwrap();
            let index = usize::try_from(now / WINDOW_SECONDS).unwrap();
            let length = windows.len().max(index + 1);
            windows.resize(length, 0);
            windows[index] += 1;
            ok().insert_header("inin-ratelimit-count", windows[index].to_string())
                .insert_header("inin-ratelimit-allowed", self.allowed.to_string())
                .insert_header("inin-ratelimit-reset", (WINDOW_SECONDS - now % WINDOW_SECONDS).to_string())
        }
    }

    #[tokio::test]
    async fn the_pace_uses_the_share_of_each_window_and_no_more() {
        let stage = Stage::open().await;
        let counting = Arc::new(Counting { clock: Arc::clone(&stage.clock), allowed: 50, windows: Mutex::default() });
        let server = Arc::clone(&counting);
        stage.respond("/a", move |_| server.answer()).await;
        let client = stage.client();
        let a = get("/a");
        let answers = join_all((0..160).map(|_| client.get(&a))).await;
        assert!(answers.iter().all(Result::is_ok));
        let windows = counting.windows.lock().unwrap().clone();
        let used: Vec<u64> = windows.into_iter().filter(|count| *count > 0).collect();
        assert_eq!(used, [40, 40, 40, 40]);
    }

    #[tokio::test]
    async fn without_rate_headers_nothing_is_held() {
        let stage = Stage::open().await;
        let answered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&answered);
        stage
            .respond("/a", move |_| {
                counter.fetch_add(1, Ordering::Relaxed);
                ok()
            })
            .await;
        let client = stage.client();
        let a = get("/a");
        join_all((0..100).map(|_| client.get(&a))).await;
        assert_eq!(answered.load(Ordering::Relaxed), 100);
        assert!(stage.clock.waits().is_empty());
    }
}
