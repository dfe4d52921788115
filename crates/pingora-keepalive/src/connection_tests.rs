//! Tests of the connection: each rule alone. Arbitrary orders of events are in `tests/properties.rs`.

use super::*;
use crate::{BodyLimits, ConnectionOptions, KeepAlive, Version};
use rstest::rstest;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn request(version: Version, connection: &str, keep_alive: &str) -> RequestHead {
    RequestHead {
        version,
        connection: ConnectionOptions::parse([connection.as_bytes()]),
        keep_alive: KeepAlive::parse([keep_alive.as_bytes()]),
        ambiguous_framing: false,
        to_proxy: false,
    }
}

fn get() -> RequestHead {
    request(Version::Http11, "", "")
}

fn options(change: impl FnOnce(&mut Options)) -> Options {
    let mut options = Options::default();
    change(&mut options);
    options
}

fn in_exchange(options: Options, request: RequestHead) -> (Connection, Instant) {
    let now = Instant::now();
    let mut connection = Connection::accept(options, now);
    connection.first_byte(now);
    connection.head_complete(request);
    (connection, now)
}

fn answer(connection: &mut Connection, now: Instant) -> Outcome {
    connection.decide(&ResponseHead::default());
    connection.finish(now)
}

/// One more request on a connection that persists.
fn another(connection: &mut Connection, now: Instant, request: RequestHead) -> Outcome {
    connection.first_byte(now);
    connection.head_complete(request);
    answer(connection, now)
}

fn idle(secs: u64) -> Outcome {
    Outcome::Persist {
        idle: Some(Duration::from_secs(secs)),
        remaining: None,
    }
}

// The policy.

#[rstest]
#[case::unset(None, idle(75))]
#[case::close(Some(IdleTimeout::Close), Outcome::Close(CloseReason::Application))]
#[case::zero(
    Some(IdleTimeout::After(Duration::ZERO)),
    Outcome::Close(CloseReason::Application)
)]
#[case::after(Some(IdleTimeout::After(2 * SECOND)), idle(2))]
#[case::unlimited(
    Some(IdleTimeout::Unlimited),
    Outcome::Persist { idle: None, remaining: None }
)]
fn a_policy_decides_the_outcome(#[case] policy: Option<IdleTimeout>, #[case] expected: Outcome) {
    let (mut connection, now) = in_exchange(Options::default(), get());
    if let Some(policy) = policy {
        connection.set_policy(policy);
    }
    assert_eq!(answer(&mut connection, now), expected);
}

#[test]
fn a_policy_stays_until_set_again() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.set_policy(IdleTimeout::After(2 * SECOND));
    assert_eq!(answer(&mut connection, now), idle(2));
    assert_eq!(another(&mut connection, now, get()), idle(2));
    connection.set_policy(IdleTimeout::After(3 * SECOND));
    assert_eq!(another(&mut connection, now, get()), idle(3));
}

#[test]
fn after_the_head_a_policy_to_close_still_ends_the_connection() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.decide(&ResponseHead::default());
    connection.set_policy(IdleTimeout::Close);
    assert_eq!(
        connection.finish(now),
        Outcome::Close(CloseReason::Application)
    );
}

#[test]
fn after_the_head_another_policy_counts_from_the_next_response() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.decide(&ResponseHead::default());
    connection.set_policy(IdleTimeout::After(2 * SECOND));
    assert_eq!(connection.finish(now), idle(75));
    assert_eq!(another(&mut connection, now, get()), idle(2));
}

#[test]
fn the_server_may_allow_idling_without_limit() {
    let (mut connection, now) = in_exchange(options(|o| o.keepalive_timeout = None), get());
    assert_eq!(
        answer(&mut connection, now),
        Outcome::Persist {
            idle: None,
            remaining: None
        }
    );
    assert_eq!(connection.next_deadline(), None);
}

// The client.

#[rstest]
#[case::http11(request(Version::Http11, "", ""), true)]
#[case::http11_close(request(Version::Http11, "close", ""), false)]
#[case::both(request(Version::Http11, "keep-alive, close", ""), false)]
#[case::http10(request(Version::Http10, "", ""), false)]
#[case::http10_keep_alive(request(Version::Http10, "keep-alive", ""), true)]
fn no_policy_overrules_the_client(#[case] request: RequestHead, #[case] persists: bool) {
    let (mut connection, now) = in_exchange(Options::default(), request);
    connection.set_policy(IdleTimeout::Unlimited);
    let outcome = answer(&mut connection, now);
    assert_eq!(outcome.persists(), persists);
    if !persists {
        assert_eq!(outcome, Outcome::Close(CloseReason::ClientAsked));
    }
}

#[rstest]
#[case::shortens("keep-alive", "timeout=5", idle(5))]
#[case::never_extends("keep-alive", "timeout=750", idle(75))]
#[case::zero_closes("keep-alive", "timeout=0", Outcome::Close(CloseReason::ClientAsked))]
#[case::without_the_option("", "timeout=5", idle(75))]
#[case::max("keep-alive", "max=4", Outcome::Persist { idle: Some(75 * SECOND), remaining: Some(4) })]
#[case::no_further("keep-alive", "max=0", Outcome::Close(CloseReason::RequestLimit))]
fn a_wish_shortens(#[case] connection: &str, #[case] keep_alive: &str, #[case] expected: Outcome) {
    let wish = request(Version::Http11, connection, keep_alive);
    let (mut connection, now) = in_exchange(Options::default(), wish);
    assert_eq!(answer(&mut connection, now), expected);
}

#[test]
fn a_wish_shortens_an_unlimited_policy() {
    let wish = request(Version::Http11, "keep-alive", "timeout=5");
    let (mut connection, now) = in_exchange(Options::default(), wish);
    connection.set_policy(IdleTimeout::Unlimited);
    assert_eq!(answer(&mut connection, now), idle(5));
}

#[test]
fn a_wish_for_time_counts_for_its_exchange_alone_and_one_for_requests_for_good() {
    let wish = request(Version::Http11, "keep-alive", "timeout=5, max=2");
    let (mut connection, now) = in_exchange(Options::default(), wish);
    let persist = |secs, remaining| Outcome::Persist {
        idle: Some(Duration::from_secs(secs)),
        remaining: Some(remaining),
    };
    assert_eq!(answer(&mut connection, now), persist(5, 2));
    assert_eq!(another(&mut connection, now, get()), persist(75, 1));
    assert_eq!(
        another(&mut connection, now, get()),
        Outcome::Close(CloseReason::RequestLimit)
    );
}

#[test]
fn honoring_a_wish_can_be_switched_off() {
    let wish = request(Version::Http11, "keep-alive", "timeout=5, max=2");
    let (mut connection, now) = in_exchange(options(|o| o.honor_keep_alive = false), wish);
    assert_eq!(answer(&mut connection, now), idle(75));
}

// Strongest first.

#[rstest]
#[case::tunnel(ResponseHead { tunnel: true, ..Default::default() }, CloseReason::Upgrade)]
#[case::close_delimited(
    ResponseHead { close_delimited: true, ..Default::default() },
    CloseReason::CloseDelimited
)]
#[case::unread_body(
    ResponseHead { request_body_unread: true, ..Default::default() },
    CloseReason::UnreadBody
)]
#[case::unexpected_data(
    ResponseHead { unexpected_data: true, ..Default::default() },
    CloseReason::UnexpectedData
)]
#[case::application(
    ResponseHead { connection: ConnectionOptions::parse([&b"close"[..]]), ..Default::default() },
    CloseReason::Application
)]
fn no_policy_undoes_what_the_response_demands(
    #[case] response: ResponseHead,
    #[case] reason: CloseReason,
) {
    let (mut connection, _) = in_exchange(Options::default(), get());
    connection.set_policy(IdleTimeout::Unlimited);
    assert_eq!(connection.decide(&response), Outcome::Close(reason));
}

#[rstest]
#[case::ambiguous(RequestHead { ambiguous_framing: true, ..get() })]
#[case::http10_through_a_proxy(RequestHead {
    to_proxy: true,
    ..request(Version::Http10, "keep-alive", "")
})]
fn no_policy_undoes_what_the_request_demands(#[case] request: RequestHead) {
    let (mut connection, now) = in_exchange(Options::default(), request);
    connection.set_policy(IdleTimeout::Unlimited);
    assert_eq!(
        answer(&mut connection, now),
        Outcome::Close(CloseReason::ProtocolError)
    );
}

#[test]
fn framing_is_the_reason_before_shutdown_and_shutdown_before_the_client() {
    let (mut connection, _) = in_exchange(
        Options::default(),
        RequestHead {
            ambiguous_framing: true,
            ..request(Version::Http11, "close", "")
        },
    );
    connection.drain();
    assert_eq!(
        connection.decide(&ResponseHead::default()),
        Outcome::Close(CloseReason::ProtocolError)
    );

    let (mut connection, _) =
        in_exchange(Options::default(), request(Version::Http11, "close", ""));
    connection.drain();
    assert_eq!(
        connection.decide(&ResponseHead::default()),
        Outcome::Close(CloseReason::Shutdown)
    );
}

#[test]
fn a_response_before_a_whole_request_head_closes() {
    let now = Instant::now();
    let mut connection = Connection::accept(Options::default(), now);
    connection.first_byte(now);
    assert_eq!(
        connection.decide(&ResponseHead::default()),
        Outcome::Close(CloseReason::ProtocolError)
    );
}

#[test]
fn an_exchange_without_a_response_closes() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    assert_eq!(
        connection.finish(now),
        Outcome::Close(CloseReason::NoResponse)
    );
}

#[rstest]
#[case(Connection::drain, CloseReason::Shutdown)]
#[case(Connection::error_close, CloseReason::Failed)]
#[case(Connection::peer_half_closed, CloseReason::ClientClosed)]
fn a_later_fact_turns_persist_into_close(
    #[case] fact: fn(&mut Connection),
    #[case] reason: CloseReason,
) {
    let (mut connection, now) = in_exchange(Options::default(), get());
    assert!(connection.decide(&ResponseHead::default()).persists());
    fact(&mut connection);
    assert_eq!(connection.finish(now), Outcome::Close(reason));
}

#[test]
fn a_connection_accepted_while_the_server_goes_down_serves_its_request() {
    let now = Instant::now();
    let mut connection = Connection::accept(Options::default(), now);
    connection.drain();
    connection.first_byte(now);
    connection.head_complete(get());
    assert_eq!(
        answer(&mut connection, now),
        Outcome::Close(CloseReason::Shutdown)
    );
}

#[test]
fn an_idle_connection_ends_at_once_when_the_server_goes_down() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    answer(&mut connection, now);
    connection.drain();
    assert_eq!(connection.gone(), Some(CloseReason::Shutdown));
}

// The limit.

#[rstest]
#[case(0, 1)]
#[case(1, 1)]
#[case(3, 3)]
fn a_limit_of_n_is_n_requests(#[case] limit: u32, #[case] served: u32) {
    let limited = options(|o| o.keepalive_request_limit = Some(limit));
    let (mut connection, now) = in_exchange(limited, get());
    let mut outcome = answer(&mut connection, now);
    let mut count = 1;
    while outcome.persists() {
        outcome = another(&mut connection, now, get());
        count += 1;
    }
    assert_eq!(count, served);
    assert_eq!(outcome, Outcome::Close(CloseReason::RequestLimit));
}

// The timers.

#[test]
fn the_first_head_is_bounded_from_the_accept_and_a_later_one_from_its_first_byte() {
    let start = Instant::now();
    let mut connection = Connection::accept(Options::default(), start);
    let deadline = Some((Timer::HeaderRead, start + 60 * SECOND));
    assert_eq!(connection.next_deadline(), deadline);
    connection.first_byte(start + 10 * SECOND);
    assert_eq!(connection.next_deadline(), deadline);
    connection.head_complete(get());
    assert_eq!(connection.next_deadline(), None);

    let flushed = start + 20 * SECOND;
    answer(&mut connection, flushed);
    let deadline = Some((Timer::Idle, flushed + 75 * SECOND));
    assert_eq!(connection.next_deadline(), deadline);

    let byte = start + 70 * SECOND;
    connection.first_byte(byte);
    let deadline = Some((Timer::HeaderRead, byte + 60 * SECOND));
    assert_eq!(connection.next_deadline(), deadline);
}

#[test]
fn timeouts_set_before_the_first_request_count_from_the_accept() {
    let start = Instant::now();
    let mut connection = Connection::accept(Options::default(), start);
    connection.set_timeouts(Timeouts {
        header_read_timeout: Some(SECOND),
        ..Timeouts::default()
    });
    assert_eq!(
        connection.next_deadline(),
        Some((Timer::HeaderRead, start + SECOND))
    );
}

#[test]
fn timeouts_set_within_a_head_count_from_where_it_began() {
    let (mut connection, start) = in_exchange(Options::default(), get());
    answer(&mut connection, start);
    let byte = start + 10 * SECOND;
    connection.first_byte(byte);
    connection.set_timeouts(Timeouts {
        header_read_timeout: Some(5 * SECOND),
        ..Timeouts::default()
    });
    let deadline = Some((Timer::HeaderRead, byte + 5 * SECOND));
    assert_eq!(connection.next_deadline(), deadline);
}

#[test]
fn options_do_not_undo_timeouts_that_the_application_has_set() {
    let now = Instant::now();
    let mut connection = Connection::unconfigured(now);
    let own = Timeouts {
        header_read_timeout: Some(SECOND),
        read_timeout: None,
        ..Timeouts::default()
    };
    connection.set_timeouts(own);
    connection.configure(Options::default());
    assert_eq!(connection.timeouts(), own);
    assert_eq!(
        connection.next_deadline(),
        Some((Timer::HeaderRead, now + SECOND))
    );
}

#[test]
fn a_policy_to_close_does_not_hurry_the_first_request() {
    let now = Instant::now();
    let mut connection = Connection::accept(options(|o| o.keepalive_timeout = None), now);
    connection.set_policy(IdleTimeout::Close);
    assert_eq!(connection.expire(now + 59 * SECOND), None);
    assert_eq!(
        connection.expire(now + 60 * SECOND),
        Some(Timer::HeaderRead)
    );
    assert_eq!(connection.gone(), Some(CloseReason::HeaderTimeout));
}

#[test]
fn an_idle_connection_expires_at_its_deadline_and_not_before() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.set_policy(IdleTimeout::After(Duration::from_millis(500)));
    answer(&mut connection, now);
    assert_eq!(connection.expire(now + Duration::from_millis(499)), None);
    assert_eq!(
        connection.expire(now + Duration::from_millis(500)),
        Some(Timer::Idle)
    );
    assert_eq!(connection.gone(), Some(CloseReason::IdleTimeout));
}

#[test]
fn a_time_beyond_the_clock_is_no_deadline() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.set_policy(IdleTimeout::After(Duration::MAX));
    assert!(answer(&mut connection, now).persists());
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn options_that_come_late_change_nothing() {
    let now = Instant::now();
    let short = options(|o| o.keepalive_timeout = Some(SECOND));
    let mut connection = Connection::unconfigured(now);
    connection.configure(short);
    assert_eq!(connection.policy(), IdleTimeout::After(SECOND));
    connection.configure(Options::default());
    assert_eq!(connection.policy(), IdleTimeout::After(SECOND));

    let mut connection = Connection::unconfigured(now);
    connection.first_byte(now);
    connection.configure(short);
    assert_eq!(connection.policy(), IdleTimeout::After(75 * SECOND));
}

// The body.

const BODY_LIMITS: BodyLimits = BodyLimits {
    read_timeout: Some(SECOND),
    min_recv_rate: None,
    awaits_continue: false,
};

#[test]
fn a_body_that_stalls_is_given_up_and_its_request_answered() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.body_read_pending(BODY_LIMITS, now);
    assert_eq!(connection.body_deadline(), Some(now + SECOND));
    assert_eq!(connection.expire(now + SECOND), Some(Timer::BodyRead));
    assert_eq!(connection.expire(now + SECOND), None);
    let close = Outcome::Close(CloseReason::BodyTimeout);
    let unread = ResponseHead {
        request_body_unread: true,
        ..ResponseHead::default()
    };
    assert_eq!(connection.phase(), Phase::Exchange);
    assert_eq!(connection.decide(&unread), close);
    assert_eq!(connection.finish(now), close);
    assert_eq!(connection.gone(), Some(CloseReason::BodyTimeout));
}

#[test]
fn a_body_that_stalls_does_not_make_a_truncated_response_look_complete() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    let truncated = connection.decide(&ResponseHead {
        close_delimited: true,
        ..ResponseHead::default()
    });
    connection.body_read_pending(BODY_LIMITS, now);
    connection.expire(now + SECOND);
    assert_eq!(connection.phase(), Phase::Exchange);
    assert_eq!(connection.expected_outcome(), truncated);
    assert_eq!(connection.gone(), Some(CloseReason::BodyTimeout));
}

#[test]
fn a_late_answer_to_a_late_body_does_not_look_complete_where_it_is_cut_short() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.body_read_pending(BODY_LIMITS, now);
    connection.expire(now + SECOND);
    connection.decide(&ResponseHead {
        close_delimited: true,
        ..ResponseHead::default()
    });
    connection.exchange_failed();
    assert_eq!(connection.end(), Ending::Abort);
    assert_eq!(connection.gone(), Some(CloseReason::BodyTimeout));
}

#[test]
fn a_tunnel_has_no_body_to_wait_for() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.body_read_pending(BODY_LIMITS, now);
    connection.decide(&ResponseHead {
        tunnel: true,
        ..ResponseHead::default()
    });
    assert_eq!(connection.next_deadline(), None);
    connection.body_read_pending(BODY_LIMITS, now);
    connection.body_drain_began(Some(SECOND), now);
    assert_eq!(connection.next_deadline(), None);
}

#[test]
fn each_body_has_a_time_of_its_own() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.body_read_pending(BODY_LIMITS, now);
    let late = now + SECOND / 2;
    connection.body_read_paused(late);
    assert_eq!(connection.body_deadline(), None);
    answer(&mut connection, late);
    connection.first_byte(late);
    connection.head_complete(get());
    connection.body_read_pending(BODY_LIMITS, late);
    assert_eq!(connection.body_deadline(), Some(late + SECOND));
}

#[test]
fn reading_off_is_bounded_in_all_and_between_two_bytes() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    assert!(connection.decide(&ResponseHead::default()).persists());
    let drained = now + Duration::from_millis(2_500);
    connection.body_drain_began(Some(drained - now), now);
    for millis in [0, 800, 1_600] {
        let now = now + Duration::from_millis(millis);
        connection.body_received(1, now);
        connection.body_read_pending(BODY_LIMITS, now);
        assert_eq!(connection.body_deadline(), Some(drained.min(now + SECOND)));
        assert_eq!(connection.expire(now), None);
    }
    assert_eq!(connection.expire(drained), Some(Timer::Drain));
    assert_eq!(
        connection.finish(drained),
        Outcome::Close(CloseReason::DrainTimeout)
    );
}

#[test]
fn a_connection_that_persists_has_its_idle_time_alone() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.body_drain_began(Some(SECOND), now);
    answer(&mut connection, now);
    assert_eq!(
        connection.next_deadline(),
        Some((Timer::Idle, now + 75 * SECOND))
    );
}

// The end.

#[test]
fn an_answer_before_the_first_byte_is_not_forgotten() {
    let now = Instant::now();
    let mut connection = Connection::accept(Options::default(), now);
    let said = connection.decide(&ResponseHead::default());
    assert_eq!(said, Outcome::Close(CloseReason::ProtocolError));
    connection.first_byte(now);
    connection.head_complete(get());
    assert_eq!(connection.finish(now), said);
}

#[rstest]
#[case::before_a_request(|_: &mut Connection| {}, CloseReason::ClientClosed)]
#[case::within_a_head(|c: &mut Connection| c.first_byte(Instant::now()), CloseReason::ClientVanished)]
fn a_peer_that_closes_is_told_from_one_that_vanishes(
    #[case] before: fn(&mut Connection),
    #[case] reason: CloseReason,
) {
    let mut connection = Connection::accept(Options::default(), Instant::now());
    before(&mut connection);
    connection.peer_closed();
    assert_eq!(connection.gone(), Some(reason));
}

#[test]
fn a_tunnel_has_no_deadline_and_ends_as_an_upgrade() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    let switching = ResponseHead {
        tunnel: true,
        ..Default::default()
    };
    connection.decide(&switching);
    assert_eq!(connection.phase(), Phase::Tunnel);
    assert_eq!(connection.next_deadline(), None);
    connection.finish(now);
    assert_eq!(connection.gone(), Some(CloseReason::Upgrade));
}

#[test]
fn a_stream_dropped_within_an_exchange_is_accounted_for() {
    let (mut connection, _) = in_exchange(Options::default(), get());
    assert_eq!(connection.gone(), Some(CloseReason::Abandoned));
    assert_eq!(connection.gone(), None);
}

// The maximum age.

#[rstest]
#[case::young(89, 0, None)]
#[case::of_age(100, 0, Some(CloseReason::MaxAge))]
#[case::within_the_spread(99, 0, None)]
#[case::a_tenth_sooner(90, u32::MAX, Some(CloseReason::MaxAge))]
#[case::not_sooner_than_that(89, u32::MAX, None)]
fn the_first_response_after_the_maximum_age_closes(
    #[case] age: u32,
    #[case] jitter: u32,
    #[case] closes: Option<CloseReason>,
) {
    let options = options(|o| o.max_connection_age = Some(100 * SECOND));
    let (mut connection, now) = in_exchange(options, get());
    connection.set_age_jitter(jitter);
    connection.check_age(now + age * SECOND);
    let outcome = connection.decide(&ResponseHead::default());
    assert_eq!(outcome, closes.map_or(idle(75), Outcome::Close));
}

#[test]
fn the_maximum_age_counts_from_the_accept_and_cuts_nothing() {
    let options = options(|o| o.max_connection_age = Some(10 * SECOND));
    let (mut connection, now) = in_exchange(options, get());
    assert_eq!(answer(&mut connection, now), idle(75));
    connection.first_byte(now + 9 * SECOND);
    connection.head_complete(get());
    let late = now + 30 * SECOND;
    assert_eq!(connection.expire(late), None);
    connection.check_age(late);
    assert_eq!(
        connection.decide(&ResponseHead::default()),
        Outcome::Close(CloseReason::MaxAge)
    );
}

#[test]
fn the_longest_maximum_age_does_not_overflow() {
    let options = options(|o| o.max_connection_age = Some(Duration::MAX));
    let (mut connection, now) = in_exchange(options, get());
    connection.set_age_jitter(u32::MAX);
    connection.check_age(now);
    assert_eq!(answer(&mut connection, now), idle(75));
}

// The end of the stream.

#[test]
fn an_exchange_that_is_read_to_its_end_ends_gracefully() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.request_complete();
    connection.set_policy(IdleTimeout::Close);
    answer(&mut connection, now);
    assert_eq!(connection.end(), Ending::Graceful);
    assert_eq!(connection.gone(), Some(CloseReason::Application));
}

#[test]
fn an_idle_connection_ends_gracefully() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    answer(&mut connection, now);
    assert_eq!(connection.expire(now + 75 * SECOND), Some(Timer::Idle));
    assert_eq!(connection.end(), Ending::Graceful);
}

#[test]
fn a_client_that_may_still_send_is_lingered_for() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    let early = ResponseHead {
        request_body_unread: true,
        ..Default::default()
    };
    connection.decide(&early);
    connection.finish(now);
    assert_eq!(connection.end(), Ending::Linger);
    assert!(connection.linger(now));
    for secs in [4, 8, 12, 16, 20, 24, 28] {
        let now = now + secs * SECOND;
        assert_eq!(connection.expire(now), None);
        connection.discarded(now);
    }
    let end = now + 30 * SECOND;
    assert_eq!(connection.next_deadline(), Some((Timer::Linger, end)));
    assert_eq!(connection.expire(end), Some(Timer::Linger));
    assert_eq!(connection.next_deadline(), None);
    assert_eq!(connection.gone(), Some(CloseReason::UnreadBody));
}

#[test]
fn a_request_that_nobody_will_read_is_lingered_for() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.request_complete();
    connection.set_policy(IdleTimeout::Close);
    answer(&mut connection, now);
    connection.left_unread();
    assert_eq!(connection.end(), Ending::Linger);
}

#[test]
fn lingering_can_be_switched_off() {
    let (mut connection, now) = in_exchange(options(|o| o.linger = None), get());
    connection.error_close();
    assert_eq!(connection.end(), Ending::Linger);
    assert!(!connection.linger(now));
    assert_eq!(connection.next_deadline(), None);
}

#[rstest]
#[case::cut_short(true, false, Ending::Abort)]
#[case::let_go(false, false, Ending::Graceful)]
#[case::complete(true, true, Ending::Graceful)]
fn what_ends_with_the_connection_is_reset_only_where_it_failed(
    #[case] failed: bool,
    #[case] complete: bool,
    #[case] expected: Ending,
    #[values(false, true)] tunnel: bool,
    #[values(false, true)] failed_before_the_head: bool,
) {
    let (mut connection, _) = in_exchange(Options::default(), get());
    connection.request_complete();
    let response = ResponseHead {
        tunnel,
        close_delimited: !tunnel,
        ..Default::default()
    };
    if failed && failed_before_the_head {
        connection.exchange_failed();
    }
    connection.decide(&response);
    if failed && !failed_before_the_head {
        connection.exchange_failed();
    }
    if complete {
        connection.response_complete();
    }
    assert_eq!(connection.end_as_reported(), expected);
    assert!(!connection.take_last_chunk());
}

/// A response to which the application gave no length.
fn chunked_unasked(connection: &mut Connection) {
    connection.decide(&ResponseHead::default());
    connection.chunked_unasked();
}

#[test]
fn chunks_that_were_let_go_get_their_last_one_once() {
    let (mut connection, _) = in_exchange(Options::default(), get());
    connection.request_complete();
    assert!(!connection.take_last_chunk(), "there is no response yet");
    chunked_unasked(&mut connection);
    assert_eq!(connection.end_as_reported(), Ending::Graceful);
    assert!(connection.take_last_chunk());
    assert!(!connection.take_last_chunk());
}

#[test]
fn chunks_that_failed_get_no_last_one() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    chunked_unasked(&mut connection);
    connection.begin_write(None);
    connection.write_pending(now, None);
    // the write is dropped, and with it what is left of a chunk
    assert_ne!(connection.end_as_reported(), Ending::Abort);
    assert!(!connection.take_last_chunk());
}

#[test]
fn a_failure_is_that_of_one_exchange() {
    let (mut connection, now) = in_exchange(Options::default(), get());
    connection.exchange_failed();
    chunked_unasked(&mut connection);
    connection.response_complete();
    assert!(connection.finish(now).persists());
    connection.first_byte(now);
    connection.head_complete(get());
    chunked_unasked(&mut connection);
    assert!(connection.take_last_chunk());
}
