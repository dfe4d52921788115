//! Looking for the preface of HTTP/2 on a connection without TLS.

use std::time::Duration;

use super::{header, millis, secs};
use crate::case::{Case, Failure, Found};
use crate::check::{self, Then};
use crate::wire::connection::PATIENCE;
use crate::wire::{Connection, Request, Transport};

const SOURCE: &str = "design 4, findings 9 and 26";

/// The shape whose `header_read_timeout` is 3 s.
const SHAPE: &str = "proxy-h2c";

/// RFC 9113 section 3.4.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// An empty SETTINGS frame.
pub(super) const SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";

/// `GET http://a/` on stream 1, with indexed fields of the static table and one literal.
pub(super) const HEADERS: &[u8] = b"\0\0\x06\x01\x05\0\0\0\x01\x82\x86\x84\x41\x01a";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = http1();
    cases.extend(http2());
    cases.extend(deadlines());
    cases
}

fn http1() -> Vec<Case> {
    vec![
        Case::new(
            "preface.a-short-request-is-served",
            "A request of 18 bytes, fewer than the preface has, is served.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("GET / HTTP/1.0\r\n\r\n").await;
                let response = connection.response(&Request::get("/")).await?;
                check::status(&response, 200)
            },
        )
        .over(&[Transport::Plain, Transport::Unix]),
        Case::new(
            "preface.a-short-request-to-an-http-server-is-served",
            "The same from an HttpServer.",
            SOURCE,
            "http-server-h2c",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("GET / HTTP/1.0\r\n\r\n").await;
                let response = connection.response(&Request::get("/")).await?;
                check::status(&response, 200)
            },
        ),
        Case::new(
            "preface.what-begins-like-it-is-served",
            "A request that begins like the preface is served, byte by byte.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("length").method("PRI");
                let bytes = request.bytes();
                let (first, rest) = bytes.split_at(6);
                connection.drip(first, millis(50)).await;
                connection.send(rest).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::body(&response, crate::origin::BODY)?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "preface.pipelined-behind-a-short-request",
            "What comes with the first bytes is not lost.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("length").with("X-Pipelining", "1");
                let both = [request.bytes(), request.bytes()].concat();
                connection.send(both).await;
                for _ in 0..2 {
                    let response = connection.response(&request).await?;
                    check::status(&response, 200)?;
                }
                Ok(())
            },
        )
        .needs("pipelining"),
        super::sequence(
            "preface.http1-keeps-the-idle-time",
            "A connection of HTTP/1.1 persists and idles as without HTTP/2.",
            SOURCE,
            SHAPE,
            vec![super::plain(), super::plain()],
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
    ]
}

fn http2() -> Vec<Case> {
    let case = |id, sentence, shape, whole: bool| {
        Case::new(id, sentence, SOURCE, shape, move |context| async move {
            let mut connection = context.connect().await?;
            if whole {
                connection.send([PREFACE, SETTINGS, HEADERS].concat()).await;
            } else {
                connection.drip(PREFACE, millis(20)).await;
                connection.send([SETTINGS, HEADERS].concat()).await;
            }
            answers_in_http2(&mut connection).await
        })
    };
    vec![
        case(
            "preface.http2-is-served",
            "HTTP/2 with prior knowledge is served.",
            SHAPE,
            true,
        ),
        case(
            "preface.http2-in-pieces-is-served",
            "HTTP/2 whose preface comes byte by byte is served.",
            SHAPE,
            false,
        ),
        case(
            "preface.http2-is-served-by-an-http-server",
            "HTTP/2 with prior knowledge is served by an HttpServer.",
            "http-server-h2c",
            true,
        ),
    ]
}

/// A HEADERS frame comes that begins with `:status: 200`.
pub(super) async fn answers_in_http2(connection: &mut Connection) -> Found {
    loop {
        let head = connection.raw_bytes(9).await?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let frame = connection.raw_bytes(length).await?;
        match (head[3], frame.first()) {
            (1, Some(0x88)) => return Ok(()),
            (1, _) => return Err(Failure::wrong("status 200", format!("{frame:?}"))),
            (7, _) => return Err(Failure::wrong("an answer", format!("GOAWAY {frame:?}"))),
            _ => {}
        }
    }
}

fn deadlines() -> Vec<Case> {
    const BOUND: Duration = Duration::from_secs(3);
    let late = |id, sentence, sent: &'static [u8]| {
        Case::new(id, sentence, SOURCE, SHAPE, move |context| async move {
            let mut connection = context.connect().await?;
            let accepted = connection.sent_at();
            connection.send(sent).await;
            header::times_out(&mut connection, accepted, BOUND).await
        })
    };
    let silent = |id, sentence, shape| {
        Case::new(id, sentence, SOURCE, shape, move |context| async move {
            let mut connection = context.connect().await?;
            let accepted = connection.sent_at();
            connection.closes_at(accepted, BOUND).await
        })
    };
    vec![
        late(
            "preface.three-bytes-get-408",
            "Three bytes of the preface and then nothing are a head that did not arrive.",
            b"PRI",
        ),
        late(
            "preface.all-but-a-byte-gets-408",
            "So is all of the preface but its last byte.",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r",
        ),
        late(
            "preface.a-head-that-pauses-gets-408",
            "So is a part of a request that is none of the preface.",
            b"GET / HTTP/1.1\r\nHost:",
        ),
        Case::new(
            "preface.a-drip-gets-408",
            "A preface that drips is bounded in all, from the accept.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.drip(PREFACE, millis(400)).await;
                header::times_out(&mut connection, accepted, BOUND).await
            },
        ),
        silent(
            "preface.silent-peer-gets-a-fin",
            "A peer that never speaks is sent a FIN and nothing else.",
            SHAPE,
        )
        .over(&[Transport::Plain, Transport::Unix]),
        silent(
            "preface.silent-peer-of-an-http-server-gets-a-fin",
            "The same from an HttpServer.",
            "http-server-h2c",
        ),
        Case::new(
            "preface.shutdown-ends-the-wait",
            "A shutdown ends a connection that has sent nothing.",
            SOURCE,
            SHAPE,
            |context| async move {
                let broken =
                    |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
                let mut subject = context.another_subject("preface").await?;
                let address = subject
                    .address(SHAPE)
                    .ok_or_else(|| Failure::wrong(SHAPE, "a subject without it"))?;
                let mut silent = context.open(address, SHAPE).await?;
                // The silent one was accepted before this one, which is answered.
                let mut other = context.open(address, SHAPE).await?;
                check::served(&other.exchange(&super::plain()).await?)?;
                subject.shut_down().await.map_err(broken)?;
                // well before the deadline of a head
                silent.closes_at(silent.sent_at(), secs(0)).await?;
                other.closes_within(PATIENCE).await
            },
        ),
    ]
}
