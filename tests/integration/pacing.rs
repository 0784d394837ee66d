//! The pace of a long capture, against a server that counts and a clock that nobody waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use orgtrail::genesys::{Clock, InstantClock};
use orgtrail::record::RunStatus;
use orgtrail::sim::{LoggedRequest, Scale, ServerOptions, World};

use crate::fixtures::catalogue;
use crate::harness::{Org, TestTrail, id};

/// What the token may send in a minute, and the share of it that a run uses.
const ALLOWED: u32 = 300;
const SHARE: usize = 240;

/// How long a window of the rate limit is.
const WINDOW: Duration = Duration::from_secs(60);

/// Queues beyond those of a small org; the members of each are a listing of their own, made twice by a first capture.
const QUEUES: usize = 700;

/// A small org with many queues.
fn wide() -> World {
    let mut world = World::generate(&Arc::new(catalogue()), Scale::Small, 1);
    let queues = id("routing.queues");
    let key = world.keys(&queues).next().unwrap().clone();
    let mut queue = world.entity(&queues, &key).unwrap().clone();
    if let orgtrail::model::Value::Object(members) = &mut queue {
        members.remove("id");
    }
    for _ in 0..QUEUES {
        world.insert(&queues, None, queue.clone()).unwrap();
    }
    world
}

/// An org whose clock moves a little with every request that comes, in turn by each of some milliseconds.
fn ticking(clock: &Arc<InstantClock>, steps: &'static [u64]) -> Org {
    let (clock, turn) = (Arc::clone(clock), AtomicU64::new(0));
    let now = move || {
        let turn = turn.fetch_add(1, Ordering::Relaxed);
        clock.advance(Duration::from_millis(steps[usize::try_from(turn).unwrap() % steps.len()]));
        clock.now()
    };
    Org::serving(
        wide(),
        ServerOptions { allowed_per_minute: Some(ALLOWED), now: Arc::new(now), ..ServerOptions::default() },
    )
}

/// How many requests came in each window; one begins with the first request after the end of the last.
fn windows(log: &[LoggedRequest]) -> Vec<usize> {
    let mut times: Vec<Duration> =
        log.iter().filter(|request| request.path.starts_with("/api/")).map(|request| request.at).collect();
    times.sort();
    let mut windows: Vec<(Duration, usize)> = Vec::new();
    for at in times {
        match windows.last_mut() {
            Some((begin, count)) if at < *begin + WINDOW => *count += 1,
            _ => windows.push((at, 1)),
        }
    }
    windows.into_iter().map(|(_, count)| count).collect()
}

/// Captures the wide org and returns what came in each window.
fn capture(steps: &'static [u64]) -> Vec<usize> {
    let clock = Arc::new(InstantClock::new());
    let org = ticking(&clock, steps);
    let taken = TestTrail::new().snapshot_with(&org, |options| options.clock = clock.clone()).unwrap();
    assert!(taken.document.domains.values().all(|domain| domain.status == RunStatus::Complete));
    let log = org.running.requests();
    assert!(log.iter().all(|request| request.status == Some(200)), "the limit was passed");
    windows(&log)
}

fn check(steps: &'static [u64]) {
    let windows = capture(steps);
    let (_, full) = windows.split_last().unwrap();
    assert!(full.len() >= 5, "{windows:?}");
    assert!(windows.iter().all(|count| *count <= SHARE), "{windows:?}");
    assert!(full.iter().all(|count| count * 10 >= SHARE * 9), "{windows:?}");
}

#[test]
fn answers_at_once_use_the_share_of_every_window_and_no_more() {
    check(&[0]);
}

#[test]
fn slow_answers_use_the_share_of_every_window_and_no_more() {
    check(&[180]);
}

#[test]
fn uneven_answers_use_the_share_of_every_window_and_no_more() {
    check(&[1, 0, 0, 950, 3, 40, 0, 600, 7, 2]);
}
