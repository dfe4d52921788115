//! The idle time between requests: how long, from when, and what ends it.

use tokio::time::sleep;

use super::{advice, millis, one, plain, secs, sequence};
use crate::case::Case;
use crate::check::{self, Then};
use crate::timeouts::Timer;
use crate::wire::Request;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = defaults();
    cases.extend(clock());
    cases.extend(values());
    cases
}

/// The server's default.
fn defaults() -> Vec<Case> {
    vec![
        closes_after(
            "idle.default-closes-after-the-first",
            "An idle connection is closed after keepalive_timeout, after one request.",
            "design 4, findings 2 and 5",
            1,
        )
        .anywhere(advice::IDLE_FOR_EVER)
        .waits_for(Timer::Idle),
        closes_after(
            "idle.default-closes-after-the-third",
            "An idle connection is closed after keepalive_timeout, also after reuse.",
            "design 4, findings 2 and 5",
            3,
        )
        .anywhere(advice::IDLE_FOR_EVER)
        .waits_for(Timer::Idle),
        one(
            "idle.default-closes-proxied",
            "An idle connection is closed after keepalive_timeout, after a proxied response.",
            "design 4, findings 2 and 5",
            "proxy-short",
            Request::get("/length"),
            Then::Idles(2000),
        ),
        Case::new(
            "idle.default-is-75-s",
            "An application without options has its idle connections closed after 75 s.",
            "design 4, finding 2",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.exchange(&plain()).await?;
                connection.exchange(&plain()).await?;
                connection.idles_for(secs(75)).await
            },
        )
        .bound(secs(81)),
    ]
}

/// When the time starts and what it counts.
fn clock() -> Vec<Case> {
    vec![
        Case::new(
            "idle.counts-from-the-end-of-the-response",
            "The idle time starts with the flush of the response, not with its head.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-body/1200").with("X-Keepalive", "1");
                connection.exchange(&request).await?;
                connection.idles_since_response_for(secs(1)).await
            },
        ),
        Case::new(
            "idle.each-request-starts-it-anew",
            "Requests that come before the idle time is over keep the connection.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Keepalive", "2"))
                    .await?;
                for _ in 0..3 {
                    sleep(millis(1200)).await;
                    let response = connection.exchange(&plain()).await?;
                    check::status(&response, 200)?;
                }
                connection.idles_for(secs(2)).await
            },
        ),
        Case::new(
            "idle.a-begun-request-is-not-idle",
            "A request whose head has begun is not cut by the idle time.",
            "design 4, finding 3",
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.exchange(&plain()).await?;
                let request = plain();
                let head = request.head();
                let (first, rest) = head.split_at(head.len() / 2);
                sleep(millis(1200)).await;
                connection.send(first).await;
                connection.stays_open(millis(1500)).await?;
                connection.send(rest).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        ),
        Case::new(
            "idle.a-slow-response-is-not-idle",
            "A response that takes longer than the idle time is not cut.",
            "design 3",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-head/1800").with("X-Keepalive", "1");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                connection.idles_for(secs(1)).await
            },
        ),
        Case::new(
            "idle.a-slow-body-is-not-idle",
            "A request body that takes longer than the idle time is not cut.",
            "design 3",
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/length").declaring(5);
                connection.send(request.head()).await;
                connection.drip(b"hello", millis(600)).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        ),
    ]
}

/// The values of both calls.
fn values() -> Vec<Case> {
    vec![
        one(
            "idle.one-second",
            "Some(1) closes 1 s after the response.",
            "design 4",
            "proxy",
            plain().with("X-Keepalive", "1"),
            Then::Idles(1000),
        ),
        one(
            "idle.two-seconds-proxied",
            "Some(2) closes 2 s after a proxied response.",
            "design 4",
            "proxy",
            Request::get("/chunked").with("X-Keepalive", "2"),
            Then::Idles(2000),
        ),
        one(
            "idle.half-a-second",
            "The typed form takes half a second, and announces no time below a second.",
            "design 4",
            "proxy",
            plain().with("X-Idle-Ms", "500"),
            Then::IdlesSaying(500, None),
        )
        .needs("idle-timeout"),
        one(
            "idle.three-and-a-half-seconds",
            "The typed form takes fractions, and announces whole seconds less one.",
            "design 4",
            "proxy",
            plain().with("X-Idle-Ms", "3500"),
            Then::IdlesSaying(3500, Some("timeout=2")),
        )
        .needs("idle-timeout"),
        sequence(
            "idle.half-a-second-stays",
            "A typed time below a second stays for the connection as it is.",
            "design 4",
            "proxy",
            vec![plain().with("X-Idle-Ms", "500"), plain(), plain()],
            Then::Idles(500),
        )
        .needs("idle-timeout"),
        one(
            "idle.typed-close",
            "The typed form of None closes after this response.",
            "design 4",
            "proxy",
            plain().with("X-Idle-Ms", "close"),
            Then::Closes,
        )
        .needs("idle-timeout"),
        stays_open(
            "idle.typed-unlimited",
            "The typed form of UNLIMITED outlives the default.",
            ("X-Idle-Ms", "unlimited"),
        )
        .needs("idle-timeout"),
        stays_open(
            "idle.unlimited",
            "Some(u64::MAX) outlives the default.",
            ("X-Keepalive", "unlimited"),
        ),
        stays_open(
            "idle.a-time-beyond-all-clocks",
            "A time that no clock can reach neither overflows nor closes.",
            ("X-Keepalive", "18446744073709551614"),
        ),
        Case::new(
            "idle.default-unbounded",
            "keepalive_timeout None keeps idle connections.",
            "design 4",
            "proxy-unbounded",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&plain()).await?;
                check::says_keep_alive(&response)?;
                check::advertises(&response, None)?;
                connection.stays_open(millis(3500)).await?;
                check::serves_another(&mut connection).await
            },
        ),
    ]
}

/// The keepalive timeout of the service counts after as many requests.
pub(super) fn closes_after(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    requests: usize,
) -> Case {
    Case::new(
        id,
        sentence,
        source,
        "proxy-short",
        move |context| async move {
            let time = context.timeout(Timer::Idle)?;
            let mut connection = context.connect().await?;
            for number in 1..=requests {
                let response = connection.exchange(&context.asks(&plain())).await?;
                check::served_by(&connection, &response)?;
                if check::ends_early(&mut connection, &response).await? {
                    return Ok(());
                }
                if number == requests {
                    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                    Then::Idles(millis)
                        .check(&mut connection, &response)
                        .await?;
                }
            }
            Ok(())
        },
    )
}

fn stays_open(
    id: &'static str,
    sentence: &'static str,
    field: (&'static str, &'static str),
) -> Case {
    Case::new(
        id,
        sentence,
        "design 4",
        "proxy-short",
        move |context| async move {
            let mut connection = context.connect().await?;
            let (name, value) = field;
            let response = connection.exchange(&plain().with(name, value)).await?;
            check::says_keep_alive(&response)?;
            connection.stays_open(millis(3800)).await?;
            check::serves_another(&mut connection).await
        },
    )
}
