//! Uploads and responses that meet: neither direction waits for the other, and a request that was cut
//! short never looks complete to the origin.
//!
//! Cases that fill what is on its way begin one after the other, behind the crowd at the beginning of a
//! run: the system has only so much room for all sockets together.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{timeout, Instant};

use super::{millis, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::origin::scripted::{ScriptedOrigin, Upstream};
use crate::wire::connection::PROMPT;
use crate::wire::{Connection, Request};

const INCOMPLETE: &str = "RFC 9112 section 8, design 4";
const BOTH: &str = "RFC 9112 section 9.5, design 3";

/// More than the buffers between a client and an origin hold.
const MUCH: usize = 48 << 20;

/// The same, for what is never sent to its end.
const LARGE: usize = 64 << 20;

/// How long after a client was reset both connections may stay.
const LET_GO: Duration = Duration::from_millis(1500);

pub(super) fn cases() -> Vec<Case> {
    let mut cases = cut_short();
    cases.extend(unhindered());
    cases.extend(unread());
    cases.extend(stalled());
    cases
}

/// A request with a chunked body of which nothing is sent yet.
fn chunked(origin: &ScriptedOrigin) -> Request {
    origin.asked(Request::new("POST", "/").with("Transfer-Encoding", "chunked"))
}

/// A request with a body that does not fit into what is on its way.
fn large(origin: &ScriptedOrigin) -> Request {
    origin.asked(Request::new("POST", "/").declaring(LARGE))
}

/// Sends the head of `request` and `body`; the origin has read both.
async fn begun(
    context: &Context,
    origin: &ScriptedOrigin,
    request: &Request,
    body: &str,
) -> Result<(Connection, Upstream), Failure> {
    let mut connection = context.connect().await?;
    connection.send(request.head()).await;
    connection.send(body).await;
    let mut upstream = origin.accept().await?;
    upstream.reads_head().await?;
    if body.contains("hello") {
        upstream.reads_up_to_part(b"hello").await?;
    }
    Ok((connection, upstream))
}

/// The origin's connection ends soon, without the end of the body and without another request.
async fn ends_unfinished(upstream: &mut Upstream) -> Found {
    upstream.ends_within(LET_GO).await?;
    let received = upstream.received();
    let finished = received.windows(7).any(|bytes| bytes == b"\r\n0\r\n\r\n");
    if finished {
        let seen = String::from_utf8_lossy(received).escape_debug().to_string();
        return Err(Failure::wrong("a body without its last chunk", seen));
    }
    Ok(())
}

/// What the client does when the answer is there.
#[derive(Clone, Copy)]
enum Then {
    Finishes,
    Resets,
    Waits,
}

fn cut_short() -> Vec<Case> {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n";
    let refuses = "HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n";
    let refuses_and_closes =
        "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let empty = "HTTP/1.1 204 No Content\r\n\r\n";
    let first = "5\r\nhello\r\n";
    let case = |id, sentence, answer: &'static str, body: &'static str, then| {
        Case::new(
            id,
            sentence,
            INCOMPLETE,
            "proxy-pool",
            move |context| async move { early_answer(&context, answer, body, then).await },
        )
    };
    vec![
        case(
            "upload.early-answer-then-fin",
            "An upload that its client leaves after an early answer is not completed by the proxy.",
            ok,
            first,
            Then::Finishes,
        ),
        case(
            "upload.early-answer-then-reset",
            "The same where the client resets.",
            ok,
            first,
            Then::Resets,
        ),
        case(
            "upload.early-204-then-fin",
            "The same after a 204.",
            empty,
            first,
            Then::Finishes,
        ),
        case(
            "upload.refused",
            "A refusal ends the upload, which is not completed.",
            refuses,
            first,
            Then::Waits,
        ),
        case(
            "upload.refused-with-a-close",
            "The same where the origin says close.",
            refuses_and_closes,
            first,
            Then::Waits,
        ),
        case(
            "upload.malformed-behind-an-early-answer",
            "A chunk that is malformed behind an early answer does not complete the upload.",
            ok,
            "3\r\nfoo\r\n\r\n",
            Then::Finishes,
        ),
        Case::new(
            "upload.length-not-reached",
            "A body that is shorter than its length ends with the upstream connection.",
            INCOMPLETE,
            "proxy-pool",
            move |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = origin.asked(Request::new("POST", "/").declaring(10));
                let (mut connection, mut upstream) =
                    begun(&context, &origin, &request, "hello").await?;
                upstream.says(refuses).await?;
                let response = connection.response(&request).await?;
                check::status(&response, 413)?;
                upstream.ends_within(LET_GO).await?;
                next_goes_elsewhere(&context, &origin).await
            },
        ),
        Case::new(
            "upload.fin-without-an-answer",
            "A client's FIN within its upload ends the upstream connection without the last chunk.",
            INCOMPLETE,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = chunked(&origin);
                let (mut connection, mut upstream) =
                    begun(&context, &origin, &request, "5\r\nhello\r\n").await?;
                connection.finish_sending().await;
                ends_unfinished(&mut upstream).await
            },
        ),
    ]
}

async fn early_answer(
    context: &Context,
    answer: &'static str,
    body: &'static str,
    then: Then,
) -> Found {
    let origin = ScriptedOrigin::start().await?;
    let request = chunked(&origin);
    let (mut connection, mut upstream) = begun(context, &origin, &request, body).await?;
    upstream.says(answer).await?;
    if body.contains("hello") {
        let response = connection.response(&request).await?;
        check::says_close(&response)?;
    } else {
        // the answer and the malformed chunk race for the connection
        connection.something_comes().await?;
    }
    match then {
        Then::Waits => {}
        Then::Finishes => connection.finish_sending().await,
        Then::Resets => connection.reset(),
    }
    ends_unfinished(&mut upstream).await?;
    next_goes_elsewhere(context, &origin).await
}

/// The next request to `origin` has a connection of its own.
async fn next_goes_elsewhere(context: &Context, origin: &ScriptedOrigin) -> Found {
    let mut connection = context.connect().await?;
    let request = origin.asked(Request::get("/"));
    connection.send(request.bytes()).await;
    let mut upstream = origin.accept().await?;
    upstream.reads_head().await?;
    upstream
        .says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
        .await?;
    check::status(&connection.response(&request).await?, 200)
}

/// What is blocked stops nothing else.
fn unhindered() -> Vec<Case> {
    vec![
        Case::new(
            "upload.refused-while-it-is-blocked",
            "A refusal by an origin that reads nothing more reaches a client that still sends.",
            BOTH,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = large(&origin);
                let (mut connection, mut upstream) =
                    begun(&context, &origin, &request, "").await?;
                // until the pipe is full
                let _ = timeout(secs(1), connection.send_zeros(LARGE)).await;
                upstream
                    .says("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
                    .await?;
                let response = connection.response(&request).await?;
                check::status(&response, 413)?;
                check::says_close(&response)
            },
        )
        .after(secs(20))
        .bound(secs(20)),
        Case::new(
            "upload.answered-before-it-is-read",
            "An origin may send a large response before it reads a large request.",
            BOTH,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = origin.asked(Request::new("POST", "/").declaring(MUCH));
                let (mut connection, mut upstream) =
                    begun(&context, &origin, &request, "").await?;
                let answer = async {
                    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
                    upstream.says(head).await?;
                    upstream.says(vec![b'x'; MUCH]).await?;
                    upstream.reads_bytes(MUCH).await
                };
                let (answered, ()) = tokio::join!(answer, connection.send_zeros(MUCH));
                answered?;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        )
        .after(secs(25))
        .bound(secs(30)),
        Case::new(
            "upload.early-200-does-not-cut-it",
            "An early response that keeps the connection leaves the rest of the upload to the origin.",
            "RFC 9112 section 9.5, design 4",
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = chunked(&origin);
                let (mut connection, mut upstream) =
                    begun(&context, &origin, &request, "5\r\nhello\r\n").await?;
                upstream
                    .says("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello\n")
                    .await?;
                check::status(&connection.response(&request).await?, 200)?;
                connection.send("3\r\nfoo\r\n0\r\n\r\n").await;
                upstream.reads_up_to(b"3\r\nfoo\r\n0\r\n\r\n").await
            },
        ),
    ]
}

/// A client that reads nothing of its response, and goes on sending.
fn unread() -> Vec<Case> {
    let case = |id, sentence, switches: bool| {
        Case::new(
            id,
            sentence,
            BOTH,
            "proxy-pool",
            move |context: Context| async move { goes_on(&context, switches).await },
        )
        .after(secs(if switches { 36 } else { 32 }))
        .bound(secs(20))
    };
    vec![
        case(
            "upload.goes-on-while-nothing-is-read",
            "An upload goes on while its client takes nothing of the response.",
            false,
        ),
        case(
            "upload.tunnel-goes-on-while-nothing-is-read",
            "So does one direction of a tunnel while the other is blocked.",
            true,
        ),
    ]
}

/// How much a client sends that reads nothing: more than what waits on the way.
const UPLOAD: usize = 8 << 20;

async fn goes_on(context: &Context, switches: bool) -> Found {
    let failed = |error: std::io::Error| Failure::wrong("a connection", error.to_string());
    let origin = ScriptedOrigin::start().await?;
    let request = if switches {
        origin
            .asked(Request::get("/"))
            .with("Connection", "Upgrade")
            .with("Upgrade", "websocket")
    } else {
        origin.asked(Request::new("POST", "/").declaring(UPLOAD))
    };
    let mut client = TcpStream::connect(context.address()?)
        .await
        .map_err(failed)?;
    client.write_all(&request.head()).await.map_err(failed)?;
    let mut upstream = origin.accept().await?;
    upstream.reads_head().await?;
    upstream
        .says(if switches {
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        } else {
            "HTTP/1.1 200 OK\r\nContent-Length: 268435456\r\n\r\n"
        })
        .await?;
    upstream.floods().await;
    // the switch has reached the client before it sends what is for the tunnel
    client.readable().await.map_err(failed)?;
    let bytes = vec![b'.'; UPLOAD];
    let (sent, read) = tokio::join!(
        timeout(secs(10), client.write_all(&bytes)),
        upstream.reads_bytes(UPLOAD),
    );
    read?;
    match sent {
        Ok(sent) => sent.map_err(failed),
        Err(_) => Err(Failure::hang(
            "the upload taken",
            "a proxy that reads nothing",
        )),
    }
}

/// Clients that are reset while the origin takes nothing.
fn stalled() -> Vec<Case> {
    vec![
        Case::new(
            "upload.reset-while-it-is-blocked",
            "Clients that reset while their origin reads nothing leave no connection.",
            BOTH,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = large(&origin);
                blocked_then_reset(&context, &origin, &request).await
            },
        )
        .after(secs(20))
        .bound(secs(20)),
        Case::new(
            "upload.reset-while-its-tunnel-is-blocked",
            "The same in a tunnel.",
            BOTH,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = origin.asked(Request::get("/"));
                let request = request
                    .with("Connection", "Upgrade")
                    .with("Upgrade", "websocket");
                blocked_then_reset(&context, &origin, &request).await
            },
        )
        .after(secs(24))
        .bound(secs(20)),
        Case::new(
            "upload.its-stalled-upstream-hears-of-the-end",
            "An origin that reads nothing is told when its client is gone.",
            BOTH,
            "proxy-pool",
            |context| async move {
                let origin = ScriptedOrigin::start().await?;
                let request = large(&origin);
                let (mut connection, mut upstream) = begun(&context, &origin, &request, "").await?;
                let _ = timeout(millis(500), connection.send_zeros(LARGE)).await;
                connection.reset();
                upstream.hears_of_the_end_within(LET_GO).await
            },
        )
        .after(secs(28))
        .bound(secs(20)),
        given_up(
            "upload.stalled-upstream",
            "An upstream that takes nothing for its write timeout is given up.",
            Some("3000"),
            secs(3),
        ),
        // the real default
        given_up(
            "upload.stalled-upstream-by-default",
            "Without a write timeout of the application's it has a minute.",
            None,
            secs(60),
        )
        .bound(secs(75)),
    ]
}

/// An upload that its origin does not read is answered with 502 after `time`.
fn given_up(
    id: &'static str,
    sentence: &'static str,
    timeout_ms: Option<&'static str>,
    time: Duration,
) -> Case {
    Case::new(
        id,
        sentence,
        "design 4",
        "proxy-pool",
        move |context| async move {
            let origin = ScriptedOrigin::start().await?;
            let mut request = large(&origin);
            if let Some(ms) = timeout_ms {
                request = request.with("X-Peer-Write-Ms", ms);
            }
            let (mut connection, mut upstream) = begun(&context, &origin, &request, "").await?;
            let began = Instant::now();
            let _ = timeout(millis(500), connection.send_zeros(LARGE)).await;
            // the time counts from when nothing more was taken, some time after the beginning
            let early = (time - secs(1)).saturating_sub(began.elapsed());
            connection.stays_open(early).await?;
            let response = connection.response(&request).await?;
            check::status(&response, 502)?;
            upstream.is_let_go_within(PROMPT).await
        },
    )
    .bound(secs(20))
}

async fn blocked_then_reset(
    context: &Context,
    origin: &ScriptedOrigin,
    request: &Request,
) -> Found {
    let mut pairs = Vec::new();
    for _ in 0..4 {
        let (mut connection, mut upstream) = begun(context, origin, request, "").await?;
        if request.fields().any(|(name, _)| name == "Upgrade") {
            upstream
                .says(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\n\r\n",
                )
                .await?;
            connection.something_comes().await?;
        }
        let _ = timeout(millis(500), connection.send_zeros(LARGE)).await;
        pairs.push((connection, upstream));
    }
    for (connection, mut upstream) in pairs {
        connection.reset();
        upstream.is_let_go_within(LET_GO).await?;
    }
    Ok(())
}
