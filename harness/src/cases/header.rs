//! Reading a request head: bounded in all, on a clock of its own, from its first byte.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{advice, everywhere, leak, millis, plain, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::subject::process::is_deferred;
use crate::timeouts::Timer;
use crate::wire::connection::{seconds, PROMPT};
use crate::wire::{Connection, Request};

/// The shape whose `header_read_timeout` is 3 s and whose `keepalive_timeout` is 2 s.
const SHAPE: &str = "proxy-short";

/// Enough to drip for longer than the bound.
const DRIPPED: &[u8] = b"GET / HTT";

/// The pause between its bytes. No byte falls together with the bound: one that comes while the
/// server closes is another matter.
fn drip(bound: Duration) -> Duration {
    bound * 2 / 15
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = deadlines();
    cases.extend(empty_lines());
    cases.into_iter().map(everywhere).collect()
}

/// 408 that says `close` comes `time` after `from`, then the close.
///
/// Elsewhere than with us the close counts: in time, with a word or without.
pub(super) async fn times_out(connection: &mut Connection, from: Instant, time: Duration) -> Found {
    if check::is_lenient(connection) {
        return connection.lets_go(from, time).await;
    }
    let response = connection.response(&plain()).await?;
    check::status(&response, 408)?;
    let took = connection.answered_at().saturating_duration_since(from);
    if took + millis(50) < time || took > time + millis(1500) {
        return Err(Failure::wrong(
            format!("408 after {}", seconds(time)),
            format!("after {}", seconds(took)),
        ));
    }
    check::says_close(&response)?;
    connection.closes().await
}

/// A silent connection that stays open is none that the server keeps where its kernel defers the
/// accept until the first byte. Of another machine's kernel only this is known: that the server
/// counts from the first byte.
pub(super) async fn unless_deferred(
    context: &Context,
    connection: &mut Connection,
    bound: Duration,
    found: Found,
) -> Found {
    let Err(failure) = found else {
        return Ok(());
    };
    let endpoint = context.endpoint()?;
    let (Some((client, server)), Some(address)) = (connection.ports(), endpoint.address()) else {
        return Err(failure);
    };
    if !check::is_lenient(connection) || !failure.hang {
        return Err(failure);
    }
    if address.ip().to_canonical().is_loopback() {
        if !is_deferred(server, client) {
            return Err(failure);
        }
        context.measured("a silent client stays with the kernel, which defers the accept");
        return Ok(());
    }
    connection.send("G").await;
    let sent = connection.sent_at();
    connection.lets_go(sent, bound).await.map_err(|_| failure)?;
    context.measured(
        "a silent client stays until it sends a byte: harmless if the server defers the accept \
         (TCP_DEFER_ACCEPT), and a leak if it does not",
    );
    Ok(())
}

fn deadlines() -> Vec<Case> {
    vec![
        Case::new(
            "header.silent-peer-gets-a-fin",
            "A peer that never speaks is sent a FIN and nothing else.",
            "design 4",
            SHAPE,
            |context| async move {
                let mut bound = context.timeout(Timer::HeaderRead)?;
                let mut connection = context.connect().await?;
                if check::is_lenient(&connection) {
                    // Some take a connection before its first request for an idle one.
                    bound = bound.max(context.timeout(Timer::Idle).unwrap_or_default());
                }
                let accepted = connection.sent_at();
                let found = connection.closes_at(accepted, bound).await;
                unless_deferred(&context, &mut connection, bound, found).await
            },
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead)
        // Twice where the accept may be deferred.
        .waits_for(Timer::HeaderRead)
        .may_wait_for(Timer::Idle)
        .may_wait_for(Timer::Idle)
        .without_response(),
        Case::new(
            "header.silent-peer-default-is-60-s",
            "Without options, a peer that never speaks is sent a FIN after 60 s.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.closes_at(accepted, secs(60)).await
            },
        )
        .bound(secs(66)),
        Case::new(
            "header.drip-gets-408",
            "A head that drips is answered with 408 when its time in all is over.",
            "design 4, findings 3 and 4",
            SHAPE,
            |context| async move {
                let bound = context.timeout(Timer::HeaderRead)?;
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.drip(DRIPPED, drip(bound)).await;
                times_out(&mut connection, accepted, bound).await
            },
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead)
        .without_response(),
        Case::new(
            "header.pause-gets-408",
            "A head that pauses half-way is answered with 408.",
            "design 4, finding 3",
            SHAPE,
            |context| async move {
                let bound = context.timeout(Timer::HeaderRead)?;
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send("GET / HTTP/1.1\r\nHost: subj").await;
                times_out(&mut connection, accepted, bound).await
            },
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead)
        .without_response(),
        Case::new(
            "header.pause-before-the-empty-line",
            "A head that lacks only its last line end is answered with 408.",
            "design 4, finding 3",
            SHAPE,
            |context| async move {
                let bound = context.timeout(Timer::HeaderRead)?;
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send("GET / HTTP/1.1\r\nHost: a\r\n").await;
                times_out(&mut connection, accepted, bound).await
            },
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead)
        .without_response(),
        reused(
            "header.drip-on-reused-connection",
            "On a reused connection the time counts from the first byte of the request.",
            plain(),
            true,
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead),
        reused(
            "header.pause-on-reused-connection",
            "On a reused connection, too, a pause half-way is answered with 408.",
            plain(),
            false,
        )
        .anywhere(advice::SLOW_HEAD)
        .waits_for(Timer::HeaderRead),
        reused(
            "header.drip-under-unlimited-idle-time",
            "An unlimited idle time leaves the time for a head bounded.",
            plain().with("X-Keepalive", "unlimited"),
            true,
        ),
        reused(
            "header.pause-under-unlimited-idle-time",
            "An unlimited idle time does not keep a head that pauses.",
            plain().with("X-Keepalive", "unlimited"),
            false,
        ),
        reused(
            "header.pause-under-a-shorter-idle-time",
            "An idle time shorter than that for a head does not cut a head that has begun.",
            plain().with("X-Keepalive", "1"),
            false,
        ),
        Case::new(
            "header.slow-but-in-time",
            "A head in pieces that is complete in time is served.",
            "design 4",
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain();
                for piece in request.head().chunks(20) {
                    connection.send(piece).await;
                    sleep(millis(300)).await;
                }
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        ),
        Case::new(
            "header.cut-by-the-client",
            "A head that ends with a FIN of the client ends the connection.",
            "RFC 9112 section 9.6",
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("GET / HTTP/1.1\r\nHo").await;
                connection.finish_sending().await;
                let sent = connection.sent_at();
                if check::is_lenient(&connection) {
                    return connection.lets_go(sent, leak::LEFT).await;
                }
                connection.ends_at(sent, Duration::ZERO).await
            },
        )
        .anywhere(advice::CLIENT_GONE)
        .without_response(),
        Case::new(
            "header.unbounded-by-option",
            "header_read_timeout None leaves a head all the time it wants.",
            "design 4",
            "proxy-unbounded",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain();
                let head = request.head();
                let (first, rest) = head.split_at(10);
                connection.send(first).await;
                connection.stays_open(millis(3800)).await?;
                connection.send(rest).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        ),
        Case::new(
            "header.bad-grammar-closes",
            "A request line that is none is answered with 400, close, and the close.",
            "RFC 9112 section 2.2",
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("\x01\x02 nonsense\r\n\r\n").await;
                let response = connection.response(&plain()).await?;
                check::status(&response, 400)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
    ]
}

/// The second request of a connection comes too slowly.
fn reused(id: &'static str, sentence: &'static str, first: Request, drips: bool) -> Case {
    let source = "design 4, findings 1, 3 and 4";
    Case::new(id, sentence, source, SHAPE, move |context| {
        let first = first.clone();
        async move {
            let bound = context.timeout(Timer::HeaderRead)?;
            let mut connection = context.connect().await?;
            let response = connection.exchange(&context.asks(&first)).await?;
            if check::ends_early(&mut connection, &response).await? {
                return Ok(());
            }
            sleep(millis(500)).await;
            connection.send("G").await;
            let begun = connection.sent_at();
            if drips {
                connection.drip(&DRIPPED[1..], drip(bound)).await;
            } else {
                connection.send("ET / HTTP/1.1\r\nHost:").await;
            }
            times_out(&mut connection, begun, bound).await
        }
    })
}

/// Empty lines before a request line (RFC 9112 section 2.2).
fn empty_lines() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 2.2, design 3";
    vec![
        Case::new(
            "header.empty-line-before-a-request",
            "An empty line before a request line is ignored.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("\r\n\r\n").await;
                let response = connection.exchange(&plain()).await?;
                check::status(&response, 200)?;
                check::says_keep_alive(&response)
            },
        ),
        Case::new(
            "header.empty-line-in-one-piece",
            "An empty line in one piece with the request is ignored.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain();
                connection
                    .send([b"\r\n".to_vec(), request.bytes()].concat())
                    .await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::says_keep_alive(&response)
            },
        ),
        Case::new(
            "header.empty-line-after-a-body",
            "An empty line after a request body does not end the connection.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/")
                    .with("X-Local", "length")
                    .with("X-Read-Body", "1")
                    .declaring(5)
                    .raw_body("hello\r\n");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                check::says_keep_alive(&response)?;
                check::serves_another(&mut connection).await
            },
        ),
        Case::new(
            "header.empty-line-after-a-proxied-body",
            "An empty line after a proxied request body does not end the connection.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/length")
                    .declaring(5)
                    .raw_body("hello\r\n");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                check::says_keep_alive(&response)?;
                check::serves_another(&mut connection).await
            },
        ),
        Case::new(
            "header.empty-line-is-no-first-byte",
            "A peer that sends only empty lines has sent no byte of a head: FIN, no 408.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                sleep(secs(1)).await;
                connection.send("\r\n").await;
                let bound = context.timeout(Timer::HeaderRead)?;
                connection.closes_at(accepted, bound).await
            },
        ),
        Case::new(
            "header.empty-line-is-no-request",
            "An empty line between requests does not end the idle time.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                connection.exchange(&plain()).await?;
                let asked = connection.sent_at();
                sleep(secs(1)).await;
                connection.send("\r\n").await;
                connection.closes_at(asked, secs(2)).await
            },
        ),
    ]
}
