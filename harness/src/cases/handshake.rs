//! Handshakes that stall: of TLS, and the beginning of HTTP/2.

use std::time::Duration;

use super::preface::{answers_in_http2, HEADERS, PREFACE, SETTINGS};
use super::{advice, header, secs};
use crate::case::{Case, Context, Failure};
use crate::timeouts::Timer;
use crate::wire::{Connection, Endpoint, Transport};

const SOURCE: &str = "design 4";

/// The shape whose `handshake_timeout` is 2 s.
const SHAPE: &str = "proxy-h2c";

/// The former.
const BOUND: Duration = Duration::from_secs(2);

/// The beginning of a record with a ClientHello.
const HALF_A_HELLO: &[u8] = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03";

/// Connects to a port for TLS and speaks none.
async fn without_tls(context: &Context) -> Result<Connection, Failure> {
    let endpoint = context.endpoint()?;
    let address = endpoint
        .address()
        .ok_or_else(|| Failure::wrong("a port for TLS", format!("{endpoint:?}")))?;
    context
        .open(Endpoint::Plain(address), context.shape())
        .await
}

pub(super) fn cases() -> Vec<Case> {
    let stalls = |id, sentence, shape, sent: &'static [u8]| {
        Case::new(id, sentence, SOURCE, shape, move |context| async move {
            let bound = context.timeout(Timer::Handshake)?;
            let mut connection = without_tls(&context).await?;
            let accepted = connection.sent_at();
            if !sent.is_empty() {
                connection.send(sent).await;
            }
            let found = connection.closes_at(accepted, bound).await;
            header::unless_deferred(&context, &mut connection, bound, found).await
        })
        .needs("tls")
        .over(&[Transport::Tls])
    };
    let mut cases = vec![
        stalls(
            "handshake.silent-peer-is-closed",
            "A peer that does not begin the TLS handshake is closed.",
            SHAPE,
            b"",
        )
        .needs("handshake-timeout")
        .anywhere(advice::SLOW_HANDSHAKE)
        .waits_for(Timer::Handshake)
        // Twice where the accept may be deferred.
        .waits_for(Timer::Handshake)
        .without_response(),
        stalls(
            "handshake.half-a-client-hello-is-closed",
            "A peer that stops in the middle of its ClientHello is closed.",
            SHAPE,
            HALF_A_HELLO,
        )
        .needs("handshake-timeout")
        .anywhere(advice::SLOW_HANDSHAKE)
        .waits_for(Timer::Handshake)
        .without_response(),
        stalls(
            "handshake.stalled-offloaded-is-closed",
            "A handshake in threads of its own is closed as well.",
            "proxy-offload",
            HALF_A_HELLO,
        )
        .needs("handshake-timeout"),
        stalls(
            "handshake.default-is-60-s",
            "Without options, a handshake that stalls is closed after 60 s.",
            "proxy",
            HALF_A_HELLO,
        )
        .bound(secs(66)),
    ];
    cases.extend(http2());
    cases
}

/// SETTINGS_MAX_CONCURRENT_STREAMS is 0.
const NO_STREAMS: &[u8] = b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\0";

fn http2() -> Vec<Case> {
    vec![
        Case::new(
            "handshake.h2-preface-without-settings-is-closed",
            "A peer that sends the preface of HTTP/2 and no SETTINGS is closed.",
            "design 4, RFC 9113 section 3.4",
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send(PREFACE).await;
                connection.ends_at(accepted, BOUND).await
            },
        ),
        kept(
            "handshake.h2-with-settings-is-kept",
            "A peer that has sent its SETTINGS is none of a handshake's any more.",
            SETTINGS,
        ),
        kept(
            "handshake.h2-with-settings-that-allow-nothing-is-kept",
            "So is one whose SETTINGS let the server begin no stream.",
            NO_STREAMS,
        ),
    ]
}

fn kept(id: &'static str, sentence: &'static str, settings: &'static [u8]) -> Case {
    Case::new(
        id,
        sentence,
        "design 4, RFC 9113 section 3.4",
        SHAPE,
        move |context| async move {
            let mut connection = context.connect().await?;
            connection.send([PREFACE, settings].concat()).await;
            tokio::time::sleep(BOUND + secs(1)).await;
            connection.send(HEADERS).await;
            answers_in_http2(&mut connection).await
        },
    )
}
