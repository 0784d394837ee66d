//! What a process that watches counts, and where Prometheus reads it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use chrono::{DateTime, Utc};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::{Registry, Unit};

use super::{Exit, Failure};
use crate::model::Severity;
use crate::session::{Outcome, Present, WatchedRun};

/// How the answer is written.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

type Fraction = Gauge<f64, AtomicU64>;

/// What is counted.
pub(super) struct Metrics {
    registry: Registry,
    runs: Family<RunLabels, Counter>,
    duration: Fraction,
    succeeded: Fraction,
    changes: Family<ChangeLabels, Counter>,
    requests: Counter,
    events: Family<EventLabels, Counter>,
    reconnects: Counter,
    connected: Gauge,
    watermark_age: Fraction,
    /// Up to when the audit log was read, in milliseconds since 1970; negative where it never was.
    watermark: AtomicI64,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RunLabels {
    outcome: &'static str,
    trigger: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChangeLabels {
    severity: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct EventLabels {
    source: &'static str,
}

impl Metrics {
    /// Begins with zeros.
    pub(super) fn new() -> Self {
        let mut registry = Registry::with_prefix("orgtrail");
        let metrics = Self {
            runs: Family::default(),
            duration: Gauge::default(),
            succeeded: Gauge::default(),
            changes: Family::default(),
            requests: Counter::default(),
            events: Family::default(),
            reconnects: Counter::default(),
            connected: Gauge::default(),
            watermark_age: Gauge::default(),
            watermark: AtomicI64::new(-1),
            registry: Registry::default(),
        };
        metrics.watermark_age.set(f64::NAN);
        registry.register("runs", "Runs that ended, by outcome and by what they were made for", metrics.runs.clone());
        let help = "How long the last run took";
        registry.register_with_unit("last_run_duration", help, Unit::Seconds, metrics.duration.clone());
        let help = "When the last run began that was not in vain, in seconds since 1970";
        registry.register_with_unit("last_success_timestamp", help, Unit::Seconds, metrics.succeeded.clone());
        registry.register("changes", "Changes that runs saw, by level", metrics.changes.clone());
        let help = "Requests to the API and the login by runs and by asking the audit log";
        registry.register("requests", help, metrics.requests.clone());
        registry.register("events", "Events that a run had to look at, by source", metrics.events.clone());
        registry.register(
            "reconnects",
            "How often notifications came again after they had stopped",
            metrics.reconnects.clone(),
        );
        registry.register("socket_connected", "Whether notifications come", metrics.connected.clone());
        let help = "How long ago the audit log was asked for events with success";
        registry.register_with_unit("audit_watermark_age", help, Unit::Seconds, metrics.watermark_age.clone());
        Self { registry, ..metrics }
    }

    /// Counts a run.
    pub(super) fn ran(&self, trigger: &'static str, outcome: &'static str, run: &WatchedRun) {
        self.runs.get_or_create(&RunLabels { outcome, trigger }).inc();
        self.duration.set(run.lasted.as_secs_f64());
        let Outcome::Taken(taken) = &run.outcome else { return };
        let document = &taken.document;
        self.requests.inc_by(document.requests);
        if outcome != "failed" {
            self.succeeded.set(seconds(run.at.timestamp_millis()));
        }
        let counts = &document.counts;
        let by_level = [
            (Severity::Critical, counts.critical),
            (Severity::High, counts.high),
            (Severity::Medium, counts.medium),
            (Severity::Low, counts.low),
        ];
        for (severity, count) in by_level {
            self.changes.get_or_create(&ChangeLabels { severity: severity.as_str() }).inc_by(count);
        }
    }

    /// Counts events.
    pub(super) fn happened(&self, source: &'static str, events: usize) {
        self.events.get_or_create(&EventLabels { source }).inc_by(u64::try_from(events).unwrap_or(u64::MAX));
    }

    /// Takes note whether notifications come, and whether that is so once more.
    pub(super) fn connected(&self, is_connected: bool, is_again: bool) {
        self.connected.set(i64::from(is_connected));
        self.reconnects.inc_by(u64::from(is_again));
    }

    /// Takes note that the audit log was asked.
    pub(super) fn polled(&self, requests: u64, up_to: Option<DateTime<Utc>>) {
        self.requests.inc_by(requests);
        if let Some(up_to) = up_to {
            self.watermark.store(up_to.timestamp_millis(), Ordering::Relaxed);
        }
    }

    /// All of it as text, at an instant.
    pub(super) fn text(&self, now: DateTime<Utc>) -> String {
        let watermark = self.watermark.load(Ordering::Relaxed);
        if watermark >= 0 {
            self.watermark_age.set(seconds(now.timestamp_millis() - watermark));
        }
        let mut text = String::new();
        // Writing to a text does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    /// Serves it on an address until the process ends, and tells the address, whose port may have been left open.
    pub(super) async fn serve(self: &Arc<Self>, address: SocketAddr, present: Present) -> Result<SocketAddr, Failure> {
        let cannot = |error: std::io::Error| {
            let failure = Failure::new(Exit::Upstream, format!("could not serve metrics at {address}: {error}"));
            failure.hint("`--metrics` takes an address of this machine whose port is free")
        };
        let listener = tokio::net::TcpListener::bind(address).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        let metrics = Arc::clone(self);
        let answer = move || async move { ([(CONTENT_TYPE, OPEN_METRICS)], metrics.text(present())) };
        let router = Router::new().route("/metrics", get(answer));
        // It serves until the runtime ends; a server that fails leaves the runs as they are.
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }
}

/// Seconds of milliseconds.
#[allow(clippy::cast_precision_loss, reason = "a double holds the milliseconds of some 100,000 years")]
fn seconds(milliseconds: i64) -> f64 {
    milliseconds as f64 / 1000.0
}
