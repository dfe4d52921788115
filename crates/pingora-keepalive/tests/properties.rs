//! Arbitrary orders of events against a reference model, and arbitrary bytes against the parsers.

mod fields;
mod model;

use model::event::{
    Choice, Event, Limit, Lives, Reading, Request, Response, Setup, Which, Wish, Writing,
};
use pingora_keepalive::{Delimit, KeepAlive, ResponseFraming, Version};
use proptest::option;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;

fn any_limit() -> impl Strategy<Value = Limit> {
    prop_oneof![
        1 => Just(Limit::Never),
        1 => Just(Limit::Endless),
        1 => Just(Limit::Millis(0)),
        6 => (1..5_000u16).prop_map(Limit::Millis),
    ]
}

prop_compose! {
    fn any_lives()(
        keepalive in any_limit(),
        requests in option::weighted(0.3, 0..4u8),
        honor in prop::bool::weighted(0.8),
        (header, tunnel, age) in (any_limit(), any_limit(), any_age()),
        (linger_gap, linger_total) in (any_limit(), any_limit()),
    ) -> Lives {
        Lives { keepalive, requests, honor, header, tunnel, age, linger_gap, linger_total }
    }
}

fn any_setup() -> impl Strategy<Value = Setup> {
    prop_oneof![
        4 => any_lives().prop_map(Setup::Accept),
        1 => Just(Setup::Unconfigured),
    ]
}

fn any_choice() -> impl Strategy<Value = Choice> {
    prop_oneof![
        1 => Just(Choice::Close),
        5 => any_limit().prop_map(Choice::Within),
    ]
}

prop_compose! {
    fn any_request()(
        (http10, close, ambiguous_framing, to_proxy) in (rarely(), rarely(), rarely(), rarely()),
        keep_alive in any::<bool>(),
        timeout in option::of(0..5u8),
        max in option::of(0..4u8),
    ) -> Request {
        Request { http10, close, keep_alive, wish: Wish { timeout, max }, ambiguous_framing, to_proxy }
    }
}

prop_compose! {
    fn any_response()(
        (close, tunnel, close_delimited, request_body_unread, unexpected_data) in
            (rarely(), rarely(), rarely(), rarely(), rarely()),
    ) -> Response {
        Response {
            close, tunnel, close_delimited, request_body_unread, unexpected_data
        }
    }
}

fn rarely() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.1)
}

fn any_age() -> impl Strategy<Value = Limit> {
    prop_oneof![
        2 => Just(Limit::Never),
        1 => any_limit(),
        2 => (10_000..60_000u16).prop_map(Limit::Millis),
    ]
}

prop_compose! {
    fn any_reading()(
        timeout in any_limit(),
        rate in option::of(0..2_000u16),
        awaits_continue in rarely(),
    ) -> Reading {
        Reading { timeout, rate, awaits_continue }
    }
}

fn any_writing() -> impl Strategy<Value = Writing> {
    prop_oneof![
        any_limit().prop_map(Writing::Stall),
        any_limit().prop_map(Writing::Total),
    ]
}

fn any_timer() -> impl Strategy<Value = Which> {
    prop_oneof![
        Just(Which::Idle),
        Just(Which::HeaderRead),
        Just(Which::BodyRead),
        Just(Which::Write),
        Just(Which::Drain),
        Just(Which::Linger),
        Just(Which::Tunnel),
    ]
}

/// What happens within an exchange, in a tunnel, and behind the last response.
fn any_traffic() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => any_reading().prop_map(Event::BodyPending),
        2 => Just(Event::BodyPaused),
        3 => (0..3_000u16).prop_map(Event::BodyReceived),
        2 => any_limit().prop_map(Event::DrainBegan),
        1 => Just(Event::DrainEnded),
        2 => Just(Event::RequestComplete),
        1 => Just(Event::LeftUnread),
        2 => Just(Event::ResponseComplete),
        1 => Just(Event::ExchangeFailed),
        2 => Just(Event::ChunkedUnasked),
        2 => Just(Event::TakeLastChunk),
        1 => Just(Event::EndAsReported),
        2 => any_reading().prop_map(Event::BodyExpecting),
        3 => any_writing().prop_map(Event::BeginWrite),
        5 => option::weighted(0.8, 0..9u16).prop_map(Event::WritePending),
        4 => option::weighted(0.8, 0..9u16).prop_map(Event::LookAtWrite),
        2 => Just(Event::WriteResumed),
        4 => Just(Event::TunnelMoved),
        2 => any_timer().prop_map(Event::ExpireOne),
        1 => Just(Event::End),
        3 => Just(Event::Linger),
        3 => Just(Event::Discarded),
        1 => any::<bool>().prop_map(Event::SetJitter),
        3 => Just(Event::CheckAge),
        1 => Just(Event::ProtocolError),
    ]
}

fn any_event() -> impl Strategy<Value = Event> {
    prop_oneof![
        8 => (0..4_000u16).prop_map(Event::Wait),
        24 => any_traffic(),
        1 => any_lives().prop_map(Event::Configure),
        1 => any_choice().prop_map(Event::SetPolicy),
        1 => option::of(0..3u8).prop_map(Event::SetRemaining),
        1 => any_lives().prop_map(Event::SetTimeouts),
        1 => any::<bool>().prop_map(Event::SetPipelining),
        8 => Just(Event::FirstByte),
        8 => any_request().prop_map(Event::HeadComplete),
        8 => any_response().prop_map(Event::Decide),
        8 => Just(Event::Finish),
        1 => Just(Event::Revoke),
        1 => Just(Event::Drain),
        1 => Just(Event::ErrorClose),
        1 => Just(Event::PeerHalfClosed),
        1 => Just(Event::PeerClosed),
        1 => Just(Event::Close),
        2 => Just(Event::Expire),
        1 => Just(Event::Gone),
    ]
}

/// Events in the order of a well-behaved connection, with some that do not belong now and then.
fn exchanges() -> impl Strategy<Value = Vec<Event>> {
    let others = prop::collection::vec((any_event(), 0..5usize), 0..4);
    let exchange = (any_request(), any_response(), others, 0..1_000u16);
    let events = exchange.prop_map(|(request, response, others, wait)| {
        let mut events = vec![
            Event::FirstByte,
            Event::HeadComplete(request),
            Event::Decide(response),
            Event::Finish,
            Event::Wait(wait),
        ];
        for (other, place) in others {
            events.insert(place, other);
        }
        events
    });
    prop::collection::vec(events, 1..8).prop_map(|exchanges| exchanges.concat())
}

/// What a request's body brings, in the order in which a server reports it.
fn body_events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        6 => any_reading().prop_map(Event::BodyPending),
        3 => any_reading().prop_map(Event::BodyExpecting),
        6 => (0..1_500u16).prop_map(Event::Wait),
        4 => (0..3_000u16).prop_map(Event::BodyReceived),
        2 => Just(Event::BodyPaused),
        1 => any_limit().prop_map(Event::DrainBegan),
        2 => Just(Event::Expire),
    ];
    prop::collection::vec(one, 0..10)
}

/// What a response, or the tunnel that it opened, brings.
fn response_events() -> impl Strategy<Value = Vec<Event>> {
    let one = prop_oneof![
        2 => any_writing().prop_map(Event::BeginWrite),
        4 => option::weighted(0.9, 0..9u16).prop_map(Event::WritePending),
        4 => option::weighted(0.9, 0..9u16).prop_map(Event::LookAtWrite),
        6 => (0..1_500u16).prop_map(Event::Wait),
        2 => Just(Event::WriteResumed),
        4 => Just(Event::TunnelMoved),
        2 => Just(Event::Expire),
        1 => Just(Event::ResponseComplete),
        1 => Just(Event::ExchangeFailed),
        1 => Just(Event::ChunkedUnasked),
        1 => Just(Event::TakeLastChunk),
    ];
    prop::collection::vec(one, 0..10)
}

/// Options under which a connection lives for some exchanges.
fn long_lives() -> impl Strategy<Value = Lives> {
    (any_lives(), 1_000..6_000u16).prop_map(|(lives, millis)| Lives {
        keepalive: Limit::Never,
        requests: None,
        header: Limit::Never,
        tunnel: Limit::Millis(millis / 2),
        age: Limit::Millis(millis),
        ..lives
    })
}

/// Exchanges in which everything is waited for, then the end.
fn busy_exchanges() -> impl Strategy<Value = Vec<Event>> {
    let spread = prop::collection::vec(any::<bool>().prop_map(Event::SetJitter), 0..3);
    let exchange = (body_events(), any_response(), response_events(), 0..500u16);
    let events = exchange.prop_map(|(body, response, written, wait)| {
        let mut events = vec![Event::FirstByte, Event::HeadComplete(Request::default())];
        events.extend(body);
        events.extend([Event::CheckAge, Event::Decide(response)]);
        events.extend(written);
        events.extend([Event::Finish, Event::Wait(wait)]);
        events
    });
    let all = (spread, prop::collection::vec(events, 1..6));
    all.prop_map(|(mut events, exchanges)| {
        events.extend(exchanges.concat());
        events.extend([Event::End, Event::Linger, Event::Discarded]);
        events
    })
}

/// Lines of what the fields are made of, in any order.
fn near_misses() -> impl Strategy<Value = Vec<u8>> {
    let pieces: &[&[u8]] = &[
        b"close",
        b"keep-alive",
        b"TE",
        b"timeout",
        b"chunked",
        b";",
        b"=",
        b",",
        b"\"",
        b"\\",
        b" ",
        b"\t",
        b"5",
        b"18446744073709551615",
        b"-",
        b"\xff",
        b", close",
        b", Keep-Alive,",
        b", timeout=5",
        b",MAX=0",
        b", max = 7,",
    ];
    prop::collection::vec(prop::sample::select(pieces), 0..16).prop_map(|line| line.concat())
}

/// Failures are kept where the copy of this package for the patched crates leaves them out.
fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::Direct("proptest-regressions/properties.txt");
    ProptestConfig {
        failure_persistence: Some(Box::new(kept)),
        ..ProptestConfig::default()
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn any_events_lead_where_the_model_is(
        setup in any_setup(),
        events in prop::collection::vec(any_event(), 1..80),
    ) {
        model::check(&setup, &events);
    }

    #[test]
    fn exchange_after_exchange_leads_where_the_model_is(
        setup in any_setup(),
        events in exchanges(),
    ) {
        model::check(&setup, &events);
    }

    #[test]
    fn waiting_in_an_exchange_leads_where_the_model_is(
        lives in long_lives(),
        events in busy_exchanges(),
    ) {
        model::check(&Setup::Accept(lives), &events);
    }

    #[test]
    fn any_bytes_are_a_field(lines in prop::collection::vec(any::<Vec<u8>>(), 0..4)) {
        fields::check(&lines);
    }

    #[test]
    fn near_misses_of_a_field_are_read_as_laid_down(
        lines in prop::collection::vec(near_misses(), 0..3)
    ) {
        fields::check(&lines);
    }

    #[test]
    fn a_formatted_field_parses_to_what_it_came_from(
        timeout in any::<Option<u64>>(), max in any::<Option<u32>>()
    ) {
        let field = KeepAlive { timeout, max };
        prop_assert_eq!(KeepAlive::parse([field.to_string().as_bytes()]), field);
    }
}

#[test]
fn every_response_is_delimited_as_its_client_understands() {
    for status in 100..=599 {
        for bits in 0..64u8 {
            let bit = |n: u8| bits & (1 << n) != 0;
            let response = ResponseFraming {
                version: if bit(0) {
                    Version::Http10
                } else {
                    Version::Http11
                },
                to_head: bit(1),
                to_connect: bit(2),
                status,
                content_length: bit(3),
                transfer_encoding: bit(4),
                ends_with_head: bit(5),
            };
            let coded = match response.delimit() {
                Delimit::Uncoded => {
                    assert!(response.transfer_encoding, "{response:?}");
                    false
                }
                Delimit::Chunked => true,
                Delimit::AsIs => response.transfer_encoding,
                Delimit::Unframed => {
                    assert!(never_framed(&response), "{response:?}");
                    false
                }
                Delimit::Empty => {
                    assert!(!response.content_length, "{response:?}");
                    assert!(response.ends_with_head, "{response:?}");
                    response.transfer_encoding
                }
            };
            // RFC 9112 section 6.1: to a client that does not know it, or where there is no body.
            if response.version == Version::Http10 || never_framed(&response) {
                assert!(!coded, "{response:?}");
            }
        }
    }
}

/// RFC 9110 section 8.6, RFC 9112 section 6.1.
fn never_framed(response: &ResponseFraming) -> bool {
    let tunnel = response.to_connect && (200..=299).contains(&response.status);
    response.status < 200 || response.status == 204 || tunnel
}
