//! Tests of the deadlines for writing and for tunnels: each rule alone, then arbitrary readers.

use super::*;
use crate::{ConnectionOptions, KeepAlive, Version, WriteLimit};
use proptest::prelude::*;
use rstest::rstest;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const STALL: Option<WriteLimit> = Some(WriteLimit::Stall(SECOND));
const TOTAL: Option<WriteLimit> = Some(WriteLimit::Total(SECOND));

fn in_exchange() -> (Connection, Instant) {
    with_tunnel_limit(None)
}

fn with_tunnel_limit(limit: Option<Duration>) -> (Connection, Instant) {
    let now = Instant::now();
    let mut options = Options::default();
    options.timeouts.tunnel_idle_timeout = limit;
    let mut connection = Connection::accept(options, now);
    connection.first_byte(now);
    connection.head_complete(RequestHead {
        version: Version::Http11,
        connection: ConnectionOptions::default(),
        keep_alive: KeepAlive::default(),
        ambiguous_framing: false,
        to_proxy: false,
    });
    (connection, now)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn a_write_that_never_waits_has_no_deadline() {
    let (mut connection, _) = in_exchange();
    connection.begin_write(STALL);
    connection.write_resumed();
    assert_eq!(connection.next_deadline(), None);
}

#[rstest]
#[case::stall(STALL)]
#[case::total(TOTAL)]
fn a_write_without_progress_is_cut_at_its_deadline(#[case] limit: Option<WriteLimit>) {
    let (mut connection, now) = in_exchange();
    connection.begin_write(limit);
    connection.write_pending(now, Some(100));
    let deadline = Some((Timer::Write, now + SECOND));
    assert_eq!(connection.next_deadline(), deadline);
    connection.look_at_write(now + millis(999), Some(100));
    assert!(!connection.expire_one(Timer::Write, now + millis(999)));
    assert!(connection.expire_one(Timer::Write, now + SECOND));
    assert!(connection.was_cut());
    assert_eq!(connection.gone(), Some(CloseReason::WriteTimeout));
}

#[test]
fn without_a_limit_a_write_may_wait_for_ever() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(None);
    connection.write_pending(now, Some(100));
    assert_eq!(connection.next_deadline(), None);
    assert_eq!(connection.next_look_at_write(now), None);
}

#[test]
fn a_byte_that_is_acknowledged_starts_the_time_of_a_stall_anew_and_not_a_total() {
    for (limit, deadline) in [(STALL, millis(1900)), (TOTAL, SECOND)] {
        let (mut connection, now) = in_exchange();
        connection.begin_write(limit);
        connection.write_pending(now, Some(100));
        connection.look_at_write(now + millis(900), Some(99));
        connection.write_pending(now + millis(900), Some(99));
        assert_eq!(
            connection.next_deadline(),
            Some((Timer::Write, now + deadline))
        );
    }
}

#[test]
fn what_the_stream_takes_does_not_hide_what_was_acknowledged() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    // 40 bytes acknowledged, and as many taken within a flush that is still pending
    connection.look_at_write(now + millis(500), Some(60));
    connection.write_pending(now + millis(500), Some(100));
    let deadline = Some((Timer::Write, now + millis(1500)));
    assert_eq!(connection.next_deadline(), deadline);
}

#[test]
fn accepted_bytes_start_the_time_of_a_stall_anew_and_not_a_total() {
    for (limit, deadline) in [(STALL, millis(1900)), (TOTAL, SECOND)] {
        let (mut connection, now) = in_exchange();
        connection.begin_write(limit);
        connection.write_pending(now, None);
        connection.write_resumed();
        assert_eq!(connection.next_deadline(), None, "nothing is pending");
        connection.write_pending(now + millis(900), None);
        assert_eq!(
            connection.next_deadline(),
            Some((Timer::Write, now + deadline))
        );
    }
}

#[test]
fn an_application_that_pauses_is_not_cut() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    connection.write_resumed();
    assert_eq!(connection.expire(now + 60 * SECOND), None);
    connection.begin_write(STALL);
    connection.write_pending(now + 60 * SECOND, Some(100));
    assert_eq!(connection.expire(now + 60 * SECOND), None);
}

#[test]
fn a_write_that_is_given_up_and_begun_again_does_not_end_a_stall() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    connection.begin_write(STALL);
    connection.write_pending(now + millis(900), Some(100));
    assert!(connection.expire_one(Timer::Write, now + SECOND));
}

#[test]
fn a_new_total_counts_from_its_own_first_wait() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(TOTAL);
    connection.write_pending(now, Some(100));
    connection.begin_write(TOTAL);
    assert_eq!(connection.next_deadline(), None);
    connection.write_pending(now + millis(900), Some(100));
    let deadline = Some((Timer::Write, now + millis(1900)));
    assert_eq!(connection.next_deadline(), deadline);
}

#[test]
fn a_stall_is_looked_at_ten_times() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    assert_eq!(connection.next_look_at_write(now), Some(now + millis(100)));
    let late = now + millis(950);
    assert_eq!(connection.next_look_at_write(late), Some(now + SECOND));
}

#[test]
fn where_nothing_can_be_seen_a_stall_is_looked_at_once() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, None);
    assert_eq!(connection.next_look_at_write(now), Some(now + SECOND));
}

#[test]
fn the_end_of_a_connection_is_bounded_too_and_keeps_its_reason() {
    let (mut connection, now) = in_exchange();
    connection.close(CloseReason::Application);
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    assert!(connection.expire_one(Timer::Write, now + SECOND));
    assert!(connection.was_cut());
    assert_eq!(connection.gone(), Some(CloseReason::Application));
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn a_write_that_was_abandoned_does_not_bound_the_idle_time() {
    let (mut connection, now) = in_exchange();
    connection.decide(&ResponseHead::default());
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    assert!(connection.finish(now).persists());
    assert_eq!(
        connection.next_deadline(),
        Some((Timer::Idle, now + 75 * SECOND))
    );
}

#[test]
fn the_deadline_of_a_write_is_its_own() {
    let (mut connection, now) = in_exchange();
    connection.begin_write(STALL);
    connection.write_pending(now, Some(100));
    assert!(!connection.expire_one(Timer::Tunnel, now + 60 * SECOND));
    assert_eq!(connection.phase(), Phase::Exchange);
}

// The tunnel.

fn in_tunnel(limit: Option<Duration>) -> (Connection, Instant) {
    let (mut connection, now) = with_tunnel_limit(limit);
    connection.decide(&ResponseHead {
        tunnel: true,
        ..Default::default()
    });
    connection.tunnel_moved(now);
    (connection, now)
}

#[test]
fn a_tunnel_without_a_limit_is_not_watched() {
    let (connection, _) = in_tunnel(None);
    assert!(!connection.watches_tunnel());
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn bytes_before_the_tunnel_start_no_time() {
    let (mut connection, now) = with_tunnel_limit(Some(SECOND));
    connection.tunnel_moved(now);
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn a_tunnel_through_which_nothing_passes_is_cut() {
    let (mut connection, now) = in_tunnel(Some(SECOND));
    assert!(connection.watches_tunnel());
    connection.tunnel_moved(now + millis(900));
    assert!(!connection.expire_one(Timer::Tunnel, now + millis(1899)));
    assert!(connection.expire_one(Timer::Tunnel, now + millis(1900)));
    assert!(connection.was_cut());
    assert_eq!(connection.gone(), Some(CloseReason::TunnelTimeout));
}

#[test]
fn a_tunnel_can_have_a_limit_of_its_own() {
    let (mut connection, now) = in_tunnel(Some(SECOND));
    connection.set_tunnel_idle_timeout(Some(5 * SECOND), now + millis(500));
    let deadline = Some(now + millis(5500));
    assert_eq!(connection.deadline_of(Timer::Tunnel), deadline);
    connection.tunnel_moved(now + SECOND);
    let deadline = Some(now + 6 * SECOND);
    assert_eq!(connection.deadline_of(Timer::Tunnel), deadline);

    connection.set_tunnel_idle_timeout(None, now + SECOND);
    assert!(!connection.watches_tunnel());
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn what_is_no_tunnel_gets_no_limit_as_one() {
    let (mut connection, now) = with_tunnel_limit(Some(SECOND));
    connection.set_tunnel_idle_timeout(Some(5 * SECOND), now);
    assert_eq!(connection.next_deadline(), None);
    assert_eq!(connection.timeouts().tunnel_idle_timeout, Some(SECOND));
}

#[test]
fn a_slow_reader_moves_the_tunnel() {
    let (mut connection, now) = in_tunnel(Some(SECOND));
    connection.begin_write(None);
    connection.write_pending(now, Some(100));
    connection.look_at_write(now + millis(900), Some(99));
    let deadline = Some(now + millis(1900));
    assert_eq!(connection.deadline_of(Timer::Tunnel), deadline);
}

// Arbitrary readers, against a clock that is only a number.

/// What happens to a pending write after some time.
#[derive(Clone, Copy, Debug)]
enum Reader {
    /// The client acknowledges so many bytes, and nobody is told.
    Acknowledges(usize),
    /// The stream accepts so many bytes and is then full again.
    Accepts(usize),
    /// Another task is ready: the write is asked again for nothing.
    IsPolled,
    /// The future of the write is dropped, and the write begun again.
    IsResumed,
}

fn any_reader() -> impl Strategy<Value = Vec<(u64, Reader)>> {
    let event = prop_oneof![
        (1..500usize).prop_map(Reader::Acknowledges),
        (1..500usize).prop_map(Reader::Accepts),
        Just(Reader::IsPolled),
        Just(Reader::IsResumed),
    ];
    proptest::collection::vec((0..1_500u64, event), 0..60)
}

/// How a stream asks the connection, with its alarm at the next look.
struct Model {
    connection: Connection,
    now: Instant,
    unacknowledged: usize,
    alarm: Option<Instant>,
}

impl Model {
    fn new(limit: Option<WriteLimit>) -> Self {
        let (mut connection, now) = in_exchange();
        connection.begin_write(limit);
        let mut model = Model {
            connection,
            now,
            unacknowledged: 10_000,
            alarm: None,
        };
        model.poll(0);
        model
    }

    /// Polls the stream, which takes `accepts` bytes and is then full. `true`: cut.
    fn poll(&mut self, accepts: usize) -> bool {
        let left = Some(self.unacknowledged);
        if self.connection.write_is_pending() {
            self.connection.look_at_write(self.now, left);
        }
        if accepts > 0 {
            self.unacknowledged += accepts;
            self.connection.write_resumed();
        }
        let left = Some(self.unacknowledged);
        self.connection.write_pending(self.now, left);
        self.alarm = self.connection.next_look_at_write(self.now);
        self.connection.expire_one(Timer::Write, self.now)
    }

    /// Lets time pass, with the alarms on the way. When the write was cut, if it was.
    fn pass(&mut self, time: Duration) -> Option<Instant> {
        let until = self.now + time;
        while let Some(at) = self.alarm.filter(|&at| at <= until) {
            assert!(at > self.now, "the alarm is in the future");
            self.now = at;
            if self.poll(0) {
                return Some(at);
            }
        }
        self.now = until;
        None
    }
}

proptest! {
    #[test]
    fn a_stalled_reader_is_always_cut_and_a_moving_one_never(events in any_reader()) {
        let mut model = Model::new(STALL);
        let mut progress = model.now;
        for (wait, event) in events {
            let cut = model.pass(millis(wait));
            if let Some(at) = cut {
                prop_assert!(at >= progress + SECOND, "a moving reader was cut");
                return Ok(());
            }
            // Progress that falls within a part is noticed at its end.
            prop_assert!(model.now < progress + SECOND + SECOND / 10, "a stalled reader was not");
            match event {
                Reader::Acknowledges(bytes) => {
                    let bytes = bytes.min(model.unacknowledged);
                    model.unacknowledged -= bytes;
                    if bytes > 0 {
                        progress = model.now;
                    }
                }
                Reader::Accepts(bytes) => {
                    prop_assert!(!model.poll(bytes));
                    progress = model.now;
                }
                Reader::IsPolled => prop_assert!(!model.poll(0)),
                Reader::IsResumed => {
                    model.connection.begin_write(STALL);
                    prop_assert!(!model.poll(0));
                }
            }
        }
        let at = model.pass(3 * SECOND);
        prop_assert!(at.is_some_and(|at| at >= progress + SECOND));
        prop_assert!(at.is_some_and(|at| at <= progress + SECOND + SECOND / 10));
        prop_assert_eq!(model.connection.gone(), Some(CloseReason::WriteTimeout));
    }

    #[test]
    fn a_total_is_cut_at_its_time_whatever_the_reader_does(events in any_reader()) {
        let mut model = Model::new(TOTAL);
        let began = model.now;
        let mut cut = None;
        for (wait, event) in events {
            cut = model.pass(millis(wait));
            if cut.is_some() {
                break;
            }
            match event {
                Reader::Acknowledges(bytes) => {
                    model.unacknowledged = model.unacknowledged.saturating_sub(bytes);
                }
                Reader::Accepts(bytes) => {
                    if model.poll(bytes) {
                        cut = Some(model.now);
                        break;
                    }
                }
                Reader::IsPolled | Reader::IsResumed => {
                    if model.poll(0) {
                        cut = Some(model.now);
                        break;
                    }
                }
            }
        }
        let cut = cut.or_else(|| model.pass(2 * SECOND));
        prop_assert_eq!(cut, Some(began + SECOND));
    }

    #[test]
    fn a_tunnel_is_cut_a_limit_after_its_last_byte(
        waits in proptest::collection::vec(0..1_200u64, 0..40)
    ) {
        let (mut connection, mut now) = in_tunnel(Some(SECOND));
        for wait in waits {
            let next = now + millis(wait);
            if connection.expire_one(Timer::Tunnel, next) {
                prop_assert!(wait >= 1_000);
                prop_assert_eq!(connection.gone(), Some(CloseReason::TunnelTimeout));
                return Ok(());
            }
            prop_assert!(wait < 1_000);
            now = next;
            connection.tunnel_moved(now);
        }
        prop_assert!(!connection.expire_one(Timer::Tunnel, now + millis(999)));
        prop_assert!(connection.expire_one(Timer::Tunnel, now + SECOND));
    }
}
