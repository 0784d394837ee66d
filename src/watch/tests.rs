//! What is promised of every sequence of events and runs, and of some in particular.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

fn pacing() -> Pacing {
    Pacing {
        every: seconds(900),
        settle: seconds(20),
        longest: seconds(60),
        gap: seconds(60),
        retry: seconds(30),
        busy: seconds(30),
    }
}

/// A run as it was made.
#[derive(Clone, Copy, Debug)]
struct Made {
    trigger: Trigger,
    began: Duration,
    ended: Duration,
    how: Ended,
    takes_events: bool,
}

/// Lets a scheduler work until a time. Runs last and end as a list says, which begins again at its end.
fn played(events: &[Duration], runs: &[(Duration, Ended)], whole_takes_events: bool, until: Duration) -> Vec<Made> {
    let mut scheduler = Scheduler::new(pacing());
    let mut events = events.to_vec();
    events.sort();
    let mut events = events.into_iter().peekable();
    let mut runs = runs.iter().cycle();
    let mut made = Vec::new();
    let mut now = Duration::ZERO;
    while now < until {
        match scheduler.next(now) {
            Next::Begin(trigger) => {
                let (lasts, how) = *runs.next().unwrap();
                let takes_events = whole_takes_events || trigger == Trigger::Event;
                scheduler.begins(trigger, now, takes_events);
                let began = now;
                now += lasts;
                while let Some(at) = events.next_if(|at| *at <= now) {
                    assert_eq!(scheduler.next(at), Next::Run, "two runs at once");
                    scheduler.event(at);
                }
                scheduler.ended(how, now);
                made.push(Made { trigger, began, ended: now, how, takes_events });
            }
            Next::WaitUntil(then) => {
                assert!(then > now);
                now = match events.next_if(|at| *at <= then) {
                    Some(at) => {
                        scheduler.event(at);
                        at.max(now)
                    }
                    None => then,
                };
            }
            Next::Run => panic!("no run is under way"),
        }
    }
    made
}

fn is_good(made: &Made) -> bool {
    matches!(made.how, Ended::Changed | Ended::Unchanged)
}

fn is_for_events(made: &Made) -> bool {
    made.trigger == Trigger::Event
}

const UNTIL: Duration = seconds(8 * 3600);
const LONGEST_RUN: u64 = 2_000;

fn events() -> impl Strategy<Value = Vec<Duration>> {
    let bursts = (0..7 * 3600u64, 0..40usize, 0..30u64);
    proptest::collection::vec(bursts, 0..8).prop_map(|bursts| {
        let burst =
            |(start, count, apart): (u64, usize, u64)| (0..count as u64).map(move |n| seconds(start + n * apart));
        bursts.into_iter().flat_map(burst).filter(|at| *at < seconds(7 * 3600)).collect()
    })
}

fn runs(ends: &'static [Ended]) -> impl Strategy<Value = Vec<(Duration, Ended)>> {
    let run = (0..LONGEST_RUN, proptest::sample::select(ends)).prop_map(|(lasts, how)| (seconds(lasts), how));
    proptest::collection::vec(run, 1..12)
}

proptest! {
    #[test]
    fn every_event_is_followed_in_time_by_a_run_that_begins_after_it(
        events in events(),
        runs in runs(&[Ended::Changed, Ended::Unchanged]),
        whole in any::<bool>(),
    ) {
        let made = played(&events, &runs, whole, UNTIL + seconds(2 * LONGEST_RUN + 900));
        // A run that is under way, one of the schedule that was due before, and the widest gap between runs for events.
        let bound = pacing().every + seconds(2 * LONGEST_RUN);
        for at in events {
            let taken = made.iter().find(|made| made.takes_events && made.began >= at);
            prop_assert!(taken.is_some_and(|made| made.began.saturating_sub(at) <= bound), "{at:?}: {taken:?}");
        }
    }

    #[test]
    fn runs_never_overlap_and_are_no_more_than_their_paces_allow(
        events in events(),
        runs in runs(&[Ended::Changed, Ended::Unchanged]),
        whole in any::<bool>(),
    ) {
        let made = played(&events, &runs, whole, UNTIL);
        prop_assert!(made.windows(2).all(|pair| pair[0].ended <= pair[1].began));
        let scheduled: Vec<&Made> = made.iter().filter(|made| !is_for_events(made)).collect();
        let for_events: Vec<&Made> = made.iter().filter(|made| is_for_events(made)).collect();
        prop_assert!(scheduled.windows(2).all(|pair| pair[1].began >= pair[0].began + pacing().every));
        prop_assert!(for_events.windows(2).all(|pair| pair[1].began >= pair[0].began + pacing().gap));
        prop_assert!(for_events.len() <= events.len());
    }

    #[test]
    fn what_a_failed_run_was_made_for_is_done_by_a_later_one(
        events in events(),
        mut runs in runs(&[Ended::Changed, Ended::Unchanged, Ended::Failed, Ended::Busy]),
        whole in any::<bool>(),
    ) {
        runs.push((seconds(5), Ended::Changed));
        let made = played(&events, &runs, whole, 20 * UNTIL);
        for at in events {
            prop_assert!(made.iter().any(|made| made.takes_events && made.began >= at && is_good(made)), "{at:?}");
        }
        // Whatever fails, the schedule is kept as soon as something succeeds.
        prop_assert!(made.iter().filter(|made| is_good(made)).any(|made| made.trigger == Trigger::Schedule));
    }
}

#[test]
fn a_thousand_events_within_a_second_make_one_run_soon() {
    let events: Vec<Duration> = (0..1000).map(|n| seconds(100) + Duration::from_millis(n)).collect();
    let made = played(&events, &[(seconds(5), Ended::Changed)], false, seconds(900));
    let began: Vec<Duration> = made.iter().filter(|made| is_for_events(made)).map(|made| made.began).collect();
    assert_eq!(began, [*events.last().unwrap() + seconds(20)]);
}

#[test]
fn events_that_do_not_end_are_taken_a_minute_after_the_first_and_then_a_gap_apart() {
    let events: Vec<Duration> = (100..300).map(seconds).collect();
    let made = played(&events, &[(seconds(5), Ended::Changed)], false, seconds(900));
    let began: Vec<u64> = made.iter().filter(|made| is_for_events(made)).map(|made| made.began.as_secs()).collect();
    assert_eq!(began, [160, 221, 282, 342]);
}

#[test]
fn an_event_during_a_run_makes_another_one() {
    let made = played(&[seconds(30)], &[(seconds(200), Ended::Changed)], true, seconds(900));
    let made: Vec<_> = made.iter().map(|made| (made.trigger, made.began.as_secs())).collect();
    assert_eq!(made, [(Trigger::Schedule, 0), (Trigger::Event, 200)]);
}

#[test]
fn events_that_come_to_nothing_are_followed_less_and_less() {
    let events: Vec<Duration> = (0..360).map(|n| seconds(n * 10)).collect();
    let made = played(&events, &[(Duration::ZERO, Ended::Unchanged)], false, seconds(3600));
    let began: Vec<u64> = made.iter().filter(|made| is_for_events(made)).map(|made| made.began.as_secs()).collect();
    let gaps: Vec<u64> = began.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [120, 240, 480, 900, 900]);
}

#[test]
fn a_run_that_takes_longer_than_the_interval_is_followed_by_the_next_at_once() {
    let made = played(&[], &[(seconds(1000), Ended::Unchanged)], true, seconds(3000));
    let made: Vec<_> = made.iter().map(|made| (made.trigger, made.began.as_secs())).collect();
    assert_eq!(made, [(Trigger::Schedule, 0), (Trigger::Schedule, 1000), (Trigger::Schedule, 2000)]);
}

#[test]
fn waits_after_failures_grow_up_to_the_interval() {
    let made = played(&[], &[(Duration::ZERO, Ended::Failed)], true, seconds(5000));
    let began: Vec<u64> = made.iter().map(|made| made.began.as_secs()).collect();
    let waits: Vec<u64> = began.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(waits[..7], [30, 60, 120, 240, 480, 900, 900]);
}

#[test]
fn a_trail_that_another_run_holds_is_tried_again_soon() {
    let runs = [(Duration::ZERO, Ended::Busy), (Duration::ZERO, Ended::Busy), (seconds(5), Ended::Changed)];
    let made = played(&[], &runs, true, seconds(900));
    let began: Vec<u64> = made.iter().map(|made| made.began.as_secs()).collect();
    assert_eq!(began, [0, 30, 60]);
}
