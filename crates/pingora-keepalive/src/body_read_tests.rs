//! Tests of the body clock: each rule alone, then arbitrary senders on a model clock.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

fn gap(limit: Duration) -> BodyLimits {
    BodyLimits {
        read_timeout: Some(limit),
        ..BodyLimits::default()
    }
}

fn rate(rate: usize) -> BodyLimits {
    BodyLimits {
        min_recv_rate: Some(rate),
        ..BodyLimits::default()
    }
}

#[test]
fn without_limits_there_is_no_deadline() {
    let mut clock = BodyClock::default();
    let now = Instant::now();
    assert_eq!(clock.start(BodyLimits::default(), now), None);
    assert_eq!(clock.start(rate(0), now), None);
    assert_eq!(clock.start(gap(Duration::MAX), now), None);
}

#[test]
fn a_read_that_is_begun_again_goes_on_with_its_time() {
    let mut clock = BodyClock::default();
    let start = Instant::now();
    let limits = gap(10 * SECOND);
    assert_eq!(clock.start(limits, start), Some(start + 10 * SECOND));
    clock.pause(start + 4 * SECOND);
    // nobody reads for a minute
    let again = start + 64 * SECOND;
    assert_eq!(clock.start(limits, again), Some(again + 6 * SECOND));
    // begun anew without a word about the first
    let third = again + 5 * SECOND;
    assert_eq!(clock.start(limits, third), Some(third + SECOND));
}

#[test]
fn bytes_begin_the_gap_anew() {
    let mut clock = BodyClock::default();
    let start = Instant::now();
    let limits = gap(10 * SECOND);
    clock.start(limits, start);
    let came = start + 9 * SECOND;
    clock.received(1, came);
    assert_eq!(clock.start(limits, came), Some(came + 10 * SECOND));
}

#[test]
fn a_read_long_overdue_is_to_be_given_up_at_once() {
    let mut clock = BodyClock::default();
    let start = Instant::now();
    clock.start(gap(10 * SECOND), start);
    let late = start + 20 * SECOND;
    assert_eq!(clock.start(gap(10 * SECOND), late), Some(late));
}

#[test]
fn a_rate_has_its_grace_and_the_time_that_the_bytes_have_earned() {
    let mut clock = BodyClock::default();
    let start = Instant::now();
    assert_eq!(clock.start(rate(100), start), Some(start + 5 * SECOND));
    let came = start + 4 * SECOND;
    clock.received(250, came);
    // 5 s and 2.5 s, of which 4 s are over
    let deadline = came + Duration::from_millis(3_500);
    assert_eq!(clock.start(rate(100), came), Some(deadline));
}

#[test]
fn the_stricter_limit_counts() {
    let both = BodyLimits {
        read_timeout: Some(2 * SECOND),
        min_recv_rate: Some(100),
        ..BodyLimits::default()
    };
    let mut clock = BodyClock::default();
    let start = Instant::now();
    assert_eq!(clock.start(both, start), Some(start + 2 * SECOND));
    for second in 1..5 {
        clock.received(1, start + second * SECOND);
        clock.start(both, start + second * SECOND);
    }
    // each byte came in time, and all of them too slowly
    let deadline = clock.start(both, start + 4 * SECOND).unwrap();
    assert_eq!(deadline, start + 5 * SECOND + 4 * SECOND / 100);
}

#[test]
fn a_client_that_waits_for_100_has_no_deadline() {
    let limits = BodyLimits {
        awaits_continue: true,
        ..gap(SECOND)
    };
    let mut clock = BodyClock::default();
    let start = Instant::now();
    assert_eq!(clock.start(limits, start), None);
    let invited = start + 60 * SECOND;
    clock.pause(invited);
    let deadline = clock.start(gap(SECOND), invited);
    assert_eq!(deadline, Some(invited + SECOND), "its wait does not count");

    let mut clock = BodyClock::default();
    clock.start(limits, start);
    clock.received(1, start);
    let deadline = clock.start(limits, start);
    assert_eq!(deadline, Some(start + SECOND), "it did not wait");
}

#[test]
fn a_client_that_may_wait_for_100_has_its_time_from_the_head_and_anew_from_100() {
    let limits = gap(SECOND);
    let mut clock = BodyClock::default();
    let start = Instant::now();
    assert_eq!(
        clock.start_expecting(true, limits, start),
        Some(start + SECOND)
    );
    let again = start + SECOND / 2;
    assert_eq!(
        clock.start_expecting(true, limits, again),
        Some(start + SECOND)
    );
    let told = start + SECOND * 3 / 4;
    clock.pause(told);
    assert_eq!(clock.start(limits, told), Some(told + SECOND), "anew");
    let later = told + SECOND / 2;
    assert_eq!(clock.start(limits, later), Some(told + SECOND));
}

#[test]
fn the_rate_counts_from_100_or_from_the_first_byte() {
    let limits = BodyLimits {
        min_recv_rate: Some(1),
        ..Default::default()
    };
    let start = Instant::now();
    let later = start + 60 * SECOND;

    let mut clock = BodyClock::default();
    assert_eq!(clock.start_expecting(true, limits, start), None);
    clock.pause(later);
    assert_eq!(clock.start(limits, later), Some(later + RATE_GRACE));

    let mut clock = BodyClock::default();
    clock.start_expecting(true, limits, start);
    clock.received(1, later);
    let deadline = clock.start_expecting(true, limits, later);
    assert_eq!(deadline, Some(later + RATE_GRACE + SECOND));
}

/// What happens to a body, each after so many milliseconds.
#[derive(Clone, Copy, Debug)]
enum Event {
    Start,
    Pause,
    Receive(usize),
}

fn any_event() -> impl Strategy<Value = (u64, Event)> {
    let event = prop_oneof![
        Just(Event::Start),
        Just(Event::Pause),
        (0..2_000usize).prop_map(Event::Receive),
    ];
    (0..3_000u64, event)
}

fn any_limits() -> impl Strategy<Value = BodyLimits> {
    (
        proptest::option::of(1..10_000u64),
        proptest::option::of(0..2_000usize),
    )
        .prop_map(|(millis, min_recv_rate)| BodyLimits {
            read_timeout: millis.map(Duration::from_millis),
            min_recv_rate,
            awaits_continue: false,
        })
}

proptest! {
    #[test]
    fn a_deadline_never_moves_forward(
        limits in any_limits(),
        events in proptest::collection::vec(any_event(), 1..60),
    ) {
        let mut now = Instant::now();
        let mut clock = BodyClock::default();
        let mut last = None;
        for (millis, event) in events {
            now += Duration::from_millis(millis);
            match event {
                Event::Start => {
                    let deadline = clock.start(limits, now);
                    // What is overdue is over now; until then it was over before.
                    prop_assert!(last.is_none() || deadline >= last.min(Some(now)));
                    prop_assert!(deadline.is_none_or(|at| at >= now));
                    last = deadline;
                }
                Event::Pause => clock.pause(now),
                Event::Receive(bytes) => clock.received(bytes, now),
            }
        }
    }

    #[test]
    fn time_without_a_pending_read_never_counts(
        limits in any_limits(),
        events in proptest::collection::vec(any_event(), 1..60),
    ) {
        // The same reads, once with the pauses between them and once without.
        let mut now = Instant::now();
        let mut condensed = now;
        let mut pending = false;
        let (mut clock, mut model) = (BodyClock::default(), BodyClock::default());
        for (millis, event) in events {
            let step = Duration::from_millis(millis);
            now += step;
            condensed += if pending { step } else { Duration::ZERO };
            match event {
                Event::Start => {
                    let left = clock.start(limits, now).map(|at| at - now);
                    let model_left = model.start(limits, condensed).map(|at| at - condensed);
                    prop_assert_eq!(left, model_left);
                }
                Event::Pause => {
                    clock.pause(now);
                    model.pause(condensed);
                }
                Event::Receive(bytes) => {
                    clock.received(bytes, now);
                    model.received(bytes, condensed);
                }
            }
            pending = matches!(event, Event::Start);
        }
    }

    #[test]
    fn a_rate_never_cuts_who_sends_faster(
        wanted in 1..5_000usize,
        steps in proptest::collection::vec((1..4_000u64, 0..1_000usize, 0..5_000u64), 1..60),
    ) {
        let mut now = Instant::now();
        let mut clock = BodyClock::default();
        for (millis, more, pause) in steps {
            // At least as many bytes as the time asks for, after less than the grace.
            let bytes = (wanted * millis as usize).div_ceil(1_000) + more;
            let deadline = clock.start(rate(wanted), now).unwrap();
            now += Duration::from_millis(millis);
            prop_assert!(now < deadline);
            clock.received(bytes, now);
            now += Duration::from_millis(pause);
        }
    }

    #[test]
    fn a_rate_cuts_who_sends_slower(
        wanted in 10..5_000usize,
        millis in 100..1_000u64,
    ) {
        let mut now = Instant::now();
        let mut clock = BodyClock::default();
        // Half of what the time asks for: the grace is used up after twice its time.
        let bytes = wanted * millis as usize / 2_000;
        let end = now + 2 * RATE_GRACE + 2 * SECOND;
        while now < end {
            if clock.start(rate(wanted), now).unwrap() < now + Duration::from_millis(millis) {
                return Ok(());
            }
            now += Duration::from_millis(millis);
            clock.received(bytes, now);
        }
        prop_assert!(false, "never cut");
    }
}
