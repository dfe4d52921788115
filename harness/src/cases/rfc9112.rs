//! What RFC 9112 asks of a server and of a gateway, section by section, over every transport.
//!
//! `docs/rfc-duties.md` tells which case proves which duty. The cases here are written from the RFC
//! alone; those of the other areas go deeper.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{advice, everywhere, leak, millis, one, plain, secs, sequence};
use crate::case::{Case, Context, Failure, Found};
use crate::check::{self, Then};
use crate::wire::connection::{seconds, PROMPT};
use crate::wire::response::Framing;
use crate::wire::{Connection, Request, Transport};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = grammar();
    cases.extend(transfer_encoding());
    cases.extend(body_length());
    cases.extend(persistence());
    cases.extend(bodies_and_persistence());
    cases.extend(order());
    cases.extend(failures());
    cases.extend(tear_down());
    cases.extend(half_close());
    cases
        .into_iter()
        .map(|case| match case.over {
            [Transport::Plain] => everywhere(case),
            _ => case,
        })
        .collect()
}

/// A request whose body the service reads before it answers.
pub(super) fn post() -> Request {
    Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Read-Body", "1")
}

/// Exactly the bytes given are sent; the answer is an error of this status that closes.
pub(super) fn refused(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    bytes: impl Into<Vec<u8>>,
    status: u16,
) -> Case {
    let bytes = bytes.into();
    // Where the framing is at fault nobody knows where the next request would begin.
    let unframed = id.starts_with("rfc9112.6.");
    Case::new(id, sentence, source, "proxy", move |context| {
        let bytes = context.service().asks_raw(&bytes);
        async move {
            let mut connection = context.connect().await?;
            connection.send(&bytes).await;
            check::refused(&mut connection, status, unframed).await
        }
    })
}

/// Sections 2.2 and 5.1: lines.
fn grammar() -> Vec<Case> {
    const LINES: &str = "RFC 9112 section 2.2";
    vec![
        Case::new(
            "rfc9112.2.2-empty-line-is-ignored",
            "An empty line before a request line is ignored, before the first request and the next.",
            LINES,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                for _ in 0..2 {
                    let request = plain();
                    connection
                        .send([b"\r\n".to_vec(), request.bytes()].concat())
                        .await;
                    let response = connection.response(&request).await?;
                    check::status(&response, 200)?;
                    check::says_keep_alive(&response)?;
                }
                Ok(())
            },
        ),
        refused(
            "rfc9112.2.2-bad-request-line",
            "A request line that is none is answered with 400 and the close.",
            LINES,
            "GET\r\nHost: subject.test\r\n\r\n",
            400,
        )
        .anywhere(advice::NO_REQUEST),
        refused(
            "rfc9112.2.2-bad-version",
            "A version that is none is answered with 400 and the close.",
            LINES,
            "GET / HTTP/1.x\r\nHost: subject.test\r\n\r\n",
            400,
        )
        .anywhere(advice::NO_REQUEST),
        refused(
            "rfc9112.2.2-field-without-colon",
            "A field line without a colon is answered with 400 and the close.",
            LINES,
            "GET / HTTP/1.1\r\nHost: subject.test\r\nnonsense\r\n\r\n",
            400,
        ),
        refused(
            "rfc9112.5.1-white-space-before-the-colon",
            "White space between a field's name and its colon is answered with 400 and the close.",
            "RFC 9112 section 5.1",
            "GET / HTTP/1.1\r\nHost: subject.test\r\nConnection : close\r\n\r\n",
            400,
        )
        .anywhere(advice::NO_REQUEST),
        Case::new(
            "rfc9112.2.2-bad-grammar-on-a-reused-connection",
            "Bad grammar after a request that was served is answered with 400 and the close.",
            LINES,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&context.asks(&plain())).await?;
                check::served_by(&connection, &response)?;
                if check::ends_early(&mut connection, &response).await? {
                    return Ok(());
                }
                connection.send("\x01\x02 nonsense\r\n\r\n").await;
                check::refused(&mut connection, 400, false).await
            },
        )
        .anywhere(advice::NO_REQUEST),
    ]
}

/// Section 6.1.
fn transfer_encoding() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 6.1";
    let to_http10 = |id, sentence, request: Request| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            let request = request.clone().http10().with("Connection", "keep-alive");
            async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&context.asks(&request)).await?;
                check::without(&response, "Transfer-Encoding")?;
                check::own_body(&connection, &response, "hello\n")?;
                if response.framing == Framing::CloseDelimited {
                    return check::closes(&mut connection, &response, PROMPT).await;
                }
                Then::Persists.check(&mut connection, &response).await
            }
        })
    };
    let chunks = "5\r\nhello\r\n0\r\n\r\n";
    vec![
        to_http10(
            "rfc9112.6.1-http10-gets-no-chunks",
            "A response without a length is not sent chunked to HTTP/1.0.",
            Request::local("bare"),
        )
        .anywhere(advice::MISFRAMED),
        to_http10(
            "rfc9112.6.1-http10-gets-no-chunks-of-an-origin",
            "What an origin sends chunked reaches HTTP/1.0 otherwise, and whole.",
            Request::get("/chunked"),
        ),
        Case::new(
            "rfc9112.6.1-none-on-1xx-204-304",
            "A 1xx, a 204 and a 304 carry no Transfer-Encoding.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                for (kind, status) in [("103-first", 103), ("204", 204), ("304", 304)] {
                    let request = Request::local(kind);
                    connection.send(request.bytes()).await;
                    let response = connection.next_response(&request).await?;
                    check::status(&response, status)?;
                    check::without(&response, "Transfer-Encoding")?;
                    if response.is_interim() {
                        check::status(&connection.next_response(&request).await?, 200)?;
                    }
                }
                Ok(())
            },
        ),
        Case::new(
            "rfc9112.6.1-none-on-2xx-to-connect",
            "A 2xx to CONNECT carries neither Transfer-Encoding nor Content-Length and is a tunnel.",
            "RFC 9112 section 6.1, RFC 9110 section 9.3.6, finding 27",
            "proxy-connect",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("CONNECT", "subject.test:80");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                check::without(&response, "Transfer-Encoding")?;
                check::without(&response, "Content-Length")?;
                let frame = b"GET / HTTP/1.1\r\n\r\n";
                connection.send(frame).await;
                let back = connection.raw_bytes(frame.len()).await?;
                if back != frame {
                    return Err(Failure::wrong("the same bytes back", format!("{back:?}")));
                }
                Ok(())
            },
        ),
        Case::new(
            "rfc9112.6.1-both-framings-close",
            "After Transfer-Encoding with Content-Length the connection is closed.",
            SOURCE,
            "proxy",
            move |context| async move {
                let mut connection = context.connect().await?;
                // Both say the same of where the body ends: whatever stands behind this server is not
                // left with a rest.
                let request = post()
                    .with("Transfer-Encoding", "chunked")
                    .declaring(chunks.len())
                    .raw_body(chunks);
                let response = connection.exchange(&context.asks(&request)).await?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .anywhere(advice::BODY_SMUGGLED)
        .with_body(),
        Case::new(
            "rfc9112.6.1-http10-with-transfer-encoding-closes",
            "An HTTP/1.0 request with Transfer-Encoding is faulty framing and closes.",
            SOURCE,
            "proxy",
            move |context| async move {
                let mut connection = context.connect().await?;
                let request = post()
                    .http10()
                    .with("Connection", "keep-alive")
                    .with("Transfer-Encoding", "chunked")
                    .raw_body(chunks);
                let response = connection.exchange(&context.asks(&request)).await?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .anywhere(advice::BODY_SMUGGLED)
        .with_body(),
        refused(
            "rfc9112.6.1-unknown-coding-501",
            "A transfer coding that the server does not know is answered with 501 and the close.",
            SOURCE,
            post()
                .with("Transfer-Encoding", "rot13, chunked")
                .raw_body(chunks)
                .bytes(),
            501,
        ),
    ]
}

/// Section 6.3.
fn body_length() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 6.3";
    let invalid = |id, sentence, lines: &'static [&'static str]| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            // Without a body, so that a server which reads none is not left with one.
            let request = lines.iter().fold(plain(), Request::line);
            async move {
                let mut connection = context.connect().await?;
                connection.send(context.asks(&request).bytes()).await;
                check::refused(&mut connection, 400, true).await
            }
        })
        .anywhere(advice::NO_REQUEST)
    };
    let short = |id, sentence, request: Request, proxied: bool| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            let request = request.clone();
            async move {
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                connection.finish_sending().await;
                let sent = connection.sent_at();
                connection.ends_at(sent, Duration::ZERO).await?;
                let said = String::from_utf8_lossy(&connection.unread()).into_owned();
                if said.starts_with("HTTP/1.1 2") {
                    let what = if proxied { "forwarded" } else { "taken" };
                    let expected = format!("a body that is cut short not {what} as complete");
                    return Err(Failure::wrong(expected, said));
                }
                Ok(())
            }
        })
    };
    vec![
        invalid(
            "rfc9112.6.3-final-coding-not-chunked",
            "A request whose final coding is not chunked is answered with 400 and the close.",
            &["Transfer-Encoding: chunked, gzip"],
        ),
        invalid(
            "rfc9112.6.3-length-not-a-number",
            "A Content-Length that is no number is answered with 400 and the close.",
            &["Content-Length: five"],
        ),
        invalid(
            "rfc9112.6.3-length-negative",
            "A negative Content-Length is answered with 400 and the close.",
            &["Content-Length: -5"],
        ),
        invalid(
            "rfc9112.6.3-length-signed",
            "A Content-Length with a sign is answered with 400 and the close.",
            &["Content-Length: +5"],
        ),
        invalid(
            "rfc9112.6.3-lengths-that-differ",
            "Two values of Content-Length are answered with 400 and the close.",
            &["Content-Length: 5", "Content-Length: 4"],
        ),
        short(
            "rfc9112.6.3-short-body-is-incomplete",
            "A body shorter than its length is incomplete: no success, and the close.",
            post().declaring(10).raw_body("hello"),
            false,
        ),
        short(
            "rfc9112.6.3-short-chunks-are-incomplete",
            "A chunked body without its last chunk is incomplete: no success, and the close.",
            post()
                .with("Transfer-Encoding", "chunked")
                .raw_body("5\r\nhello\r\n"),
            false,
        ),
        short(
            "rfc9112.6.3-short-body-is-incomplete-proxied",
            "A body shorter than its length is not passed on as complete.",
            Request::new("POST", "/length")
                .declaring(10)
                .raw_body("hello"),
            true,
        ),
        Case::new(
            "rfc9112.6.3-prefers-chunked",
            "A response without a length is sent chunked rather than ended by the close.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                for request in [Request::local("bare"), Request::get("/close-delimited")] {
                    let response = connection.exchange(&request).await?;
                    check::framed(&response, Framing::Chunked)?;
                    check::body(&response, "hello\n")?;
                    check::says_keep_alive(&response)?;
                }
                check::serves_another(&mut connection).await
            },
        ),
        Case::new(
            "rfc9112.6.3-no-body-stays-usable",
            "After HEAD, 103, 204 and 304, which have no body, the connection serves on.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                for request in [
                    Request::local("length").method("HEAD"),
                    Request::local("bare").method("HEAD"),
                    Request::get("/chunked").method("HEAD"),
                    Request::local("103-first"),
                    Request::local("204"),
                    Request::get("/204"),
                    Request::local("304"),
                    Request::get("/304"),
                ] {
                    let response = connection.exchange(&context.asks(&request)).await?;
                    check::served_by(&connection, &response)?;
                    if check::ends_early(&mut connection, &response).await? {
                        return Ok(());
                    }
                }
                check::serves_another(&mut connection).await
            },
        )
        .anywhere(advice::MISFRAMED)
        .sends(9),
    ]
}

/// Section 9.3.
fn persistence() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.3";
    let http10 = || plain().http10();
    vec![
        one(
            "rfc9112.9.3-http11-persists",
            "HTTP/1.1 persists without a word.",
            SOURCE,
            "proxy",
            plain(),
            Then::Persists,
        ),
        one(
            "rfc9112.9.3-close-wins",
            "close wins over keep-alive.",
            SOURCE,
            "proxy",
            plain().with("Connection", "keep-alive, close"),
            Then::Closes,
        ),
        one(
            "rfc9112.9.3-http10-closes",
            "HTTP/1.0 closes without a word.",
            SOURCE,
            "proxy",
            http10(),
            Then::Closes,
        ),
        one(
            "rfc9112.9.3-http10-with-keep-alive-persists",
            "HTTP/1.0 with keep-alive persists, and the response says so.",
            SOURCE,
            "proxy",
            http10().with("Connection", "keep-alive"),
            Then::Persists,
        ),
        sequence(
            "rfc9112.9.3-the-last-message-decides",
            "Of several messages the last decides: what earlier ones said is over.",
            SOURCE,
            "proxy",
            vec![
                plain(),
                http10().with("Connection", "keep-alive"),
                plain(),
                http10(),
            ],
            Then::Closes,
        )
        .anywhere(advice::HTTP10_STAYS)
        .sends(4),
        Case::new(
            "rfc9112.9.3-each-end-is-said",
            "Whatever the reason, a response after which the connection ends says close.",
            SOURCE,
            "proxy",
            |context| async move {
                for request in [
                    plain().with("X-Keepalive", "none"),
                    plain().with("X-Keepalive", "0"),
                    plain().with("Connection", "close"),
                    plain().http10(),
                    Request::get("/length").with("Connection", "close"),
                    Request::local("bare").with("Connection", "close"),
                    Request::local("204").with("Connection", "close"),
                    Request::local("error"),
                ] {
                    let mut connection = context.connect().await?;
                    let response = connection.exchange(&request).await?;
                    check::closes(&mut connection, &response, PROMPT).await?;
                }
                Ok(())
            },
        ),
        Case::new(
            "rfc9112.9.3-no-close-on-1xx",
            "close stands on the final response and not on the 1xx before it.",
            SOURCE,
            "proxy",
            |context| async move {
                for request in [Request::local("103-first"), Request::get("/early-hints")] {
                    let request = request.with("Connection", "close");
                    let mut connection = context.connect().await?;
                    connection.send(request.bytes()).await;
                    let interim = connection.next_response(&request).await?;
                    check::status(&interim, 103)?;
                    check::without(&interim, "Connection")?;
                    let response = connection.next_response(&request).await?;
                    check::closes(&mut connection, &response, PROMPT).await?;
                }
                Ok(())
            },
        ),
    ]
}

/// Section 9.3: a server reads the whole body or closes.
fn bodies_and_persistence() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.3";
    let chunked = |request: Request| {
        request
            .with("Transfer-Encoding", "chunked")
            .raw_body("5\r\nhello\r\n0\r\n\r\n")
    };
    vec![
        sequence(
            "rfc9112.9.3-read-body-persists",
            "A body that was read, with a length or chunked, leaves the connection persistent.",
            SOURCE,
            "proxy",
            vec![
                post().body("hello"),
                chunked(post()),
                Request::new("POST", "/length").body("hello"),
                chunked(Request::new("POST", "/length")),
            ],
            Then::Persists,
        )
        .anywhere(advice::WORD_BROKEN)
        .with_body()
        .sends(5),
        one(
            "rfc9112.9.3-unread-body-closes",
            "A body that was not read closes.",
            SOURCE,
            "proxy",
            Request::new("POST", "/")
                .with("X-Local", "length")
                .declaring(5),
            Then::Closes,
        ),
        Case::new(
            "rfc9112.9.3-unread-body-is-no-request",
            "Bytes of a body that was not read are never taken for a request.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let inner = context.asks(&plain()).bytes();
                let request = Request::new("POST", "/")
                    .with("X-Local", "length")
                    .body(&String::from_utf8_lossy(&inner));
                let response = connection.exchange(&context.asks(&request)).await?;
                match connection.response(&plain()).await {
                    Ok(second) => Err(Failure::wrong("no second response", second.to_string())),
                    // Read, and not taken for a request: others may go on.
                    Err(_) if check::is_lenient(&connection) => Ok(()),
                    Err(failure) if failure.hang => Err(failure),
                    Err(_) => check::says_close(&response),
                }
            },
        )
        .anywhere(advice::BODY_SMUGGLED)
        .with_body(),
    ]
}

/// Section 9.3.2.
fn order() -> Vec<Case> {
    let pipelined = |id, sentence, first: Request| {
        let source = "RFC 9112 section 9.3.2";
        Case::new(id, sentence, source, "proxy", move |context| {
            let first = first.clone().with("X-Pipelining", "1");
            async move {
                let mut connection = context.connect().await?;
                let requests = [
                    first,
                    Request::local("204").with("X-Pipelining", "1"),
                    Request::local("length")
                        .method("HEAD")
                        .with("X-Pipelining", "1"),
                    Request::local("304").with("X-Pipelining", "1"),
                    plain(),
                ]
                .map(|request| context.asks(&request));
                let all: Vec<_> = requests.iter().flat_map(Request::bytes).collect();
                connection.send(all).await;
                for (request, status) in requests.iter().zip([200, 204, 200, 304, 200]) {
                    let response = connection.response(request).await?;
                    if check::is_lenient(&connection) {
                        check::served_by(&connection, &response)?;
                    } else {
                        check::status(&response, status)?;
                    }
                    if check::ends_early(&mut connection, &response).await? {
                        return Ok(());
                    }
                }
                check::serves_another(&mut connection).await
            }
        })
        .needs("pipelining")
    };
    vec![
        pipelined(
            "rfc9112.9.3.2-in-order",
            "Pipelined requests are answered in their order, though the first takes longest.",
            plain().with("X-Delay-Ms", "300"),
        )
        .anywhere(advice::PIPELINED)
        .sends(6),
        pipelined(
            "rfc9112.9.3.2-in-order-behind-an-origin",
            "Pipelined requests are answered in their order, though the first asks the origin.",
            Request::get("/slow-head/300"),
        ),
    ]
}

/// Section 9.5.
fn failures() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.5";
    vec![
        one(
            "rfc9112.9.5-timeout-closes-gracefully",
            "An idle connection that times out ends with a FIN, not a reset.",
            SOURCE,
            "proxy-short",
            plain(),
            Then::Idles(2000),
        ),
        Case::new(
            "rfc9112.9.5-watches-for-the-close-of-the-client",
            "A client that vanishes while the origin works is noticed before the origin answers.",
            SOURCE,
            "proxy",
            |context| async move { noticed(&context, Request::get("/slow-head/9000")).await },
        )
        // On a Unix socket a close looks like a half-close until something is written.
        .over(&[Transport::Plain, Transport::Tls]),
        Case::new(
            "rfc9112.9.5-watches-for-the-close-mid-response",
            "A client that vanishes in the middle of a response is noticed before it goes on.",
            SOURCE,
            "proxy",
            |context| async move { noticed(&context, Request::get("/slow-body/9000")).await },
        )
        .over(&[Transport::Plain, Transport::Tls]),
        Case::new(
            "rfc9112.9.5-keeps-connections-under-load",
            "A burst of other connections does not cost an idle one its own.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut kept = context.connect().await?;
                check::served(&kept.exchange(&plain()).await?)?;
                let mut burst = Vec::new();
                for _ in 0..200 {
                    let mut connection = context.connect().await?;
                    connection.send(plain().bytes()).await;
                    burst.push(connection);
                }
                for mut connection in burst {
                    check::served(&connection.response(&plain()).await?)?;
                }
                check::serves_another(&mut kept).await
            },
        )
        // Two hundred handshakes at once would be a burst for the other cases, too.
        .over(&[Transport::Plain, Transport::Unix]),
    ]
}

/// The server lets go of a connection soon after its client has vanished.
async fn noticed(context: &Context, request: Request) -> Found {
    const BOUND: Duration = Duration::from_secs(4);
    let broken = |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
    let purpose = request.target().replace('/', "-");
    let subject = context
        .another_subject(&format!("noticed{purpose}-{}", context.over))
        .await?;
    let endpoint = subject
        .endpoint(context.shape(), context.over)
        .ok_or_else(|| Failure::wrong("the shape", "a subject without it"))?;
    let mut connection = context.open(endpoint, context.shape()).await?;
    connection.send(request.bytes()).await;
    // By then the origin has begun. What it has said so far may not have come: the proxy collects
    // small pieces.
    sleep(millis(500)).await;
    connection.reset();
    let vanished = Instant::now();
    loop {
        let open = subject.open_connections().map_err(broken)?;
        if open == 0 {
            return Ok(());
        }
        if vanished.elapsed() > BOUND {
            return Err(Failure::hang(
                format!("the connection gone within {}", seconds(BOUND)),
                format!("{open} still held"),
            ));
        }
        sleep(millis(50)).await;
    }
}

/// Section 9.6: close, and what follows it.
fn tear_down() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.6";
    let serves_no_more = |id, sentence, first: Request| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| {
            let first = first.clone();
            async move {
                let mut connection = context.connect().await?;
                let first = context.asks(&first);
                let both = [first.bytes(), context.asks(&plain()).bytes()].concat();
                connection.send(both).await;
                let response = connection.response(&first).await?;
                // The client breaks its own word here: others may refuse both requests.
                if !check::is_lenient(&connection) {
                    check::served(&response)?;
                }
                check::closes(&mut connection, &response, PROMPT).await
            }
        })
    };
    vec![
        one(
            "rfc9112.9.6-close-is-echoed",
            "A request that says close gets a response that says it too, and the close.",
            SOURCE,
            "proxy",
            plain().with("Connection", "close"),
            Then::Closes,
        ),
        serves_no_more(
            "rfc9112.9.6-nothing-after-the-close-of-the-client",
            "Nothing that follows a request that says close is served.",
            plain()
                .with("Connection", "close")
                .with("X-Pipelining", "1"),
        )
        .anywhere(advice::PIPELINED),
        serves_no_more(
            "rfc9112.9.6-nothing-after-the-close-of-the-server",
            "Nothing that follows a response that says close is served.",
            plain()
                .with("X-Keepalive", "none")
                .with("X-Pipelining", "1"),
        ),
        serves_no_more(
            "rfc9112.9.6-closes-after-the-final-response",
            "The close comes after the final response, not after the 1xx before it.",
            Request::local("103-first").with("Connection", "close"),
        ),
        Case::new(
            "rfc9112.9.6-lingers-over-what-is-in-flight",
            "A response to a request whose body is still coming arrives, and the rest of the body \
             meets no reset.",
            "RFC 9112 section 9.6, finding 24",
            "proxy",
            |context| async move {
                const PIECE: usize = 64 * 1024;
                const PIECES: usize = 64;
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/")
                    .with("X-Local", "length")
                    .declaring(PIECE * PIECES);
                connection.send(request.head()).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::says_close(&response)?;
                for _ in 0..PIECES {
                    connection.send(vec![b'x'; PIECE]).await;
                    connection.sends_unrefused()?;
                }
                connection
                    .ends_at(connection.sent_at(), Duration::ZERO)
                    .await
            },
        ),
    ]
}

/// Section 9.6: the client's half-close. While an origin works, Pingora takes it for the client's
/// end, unless `abort_on_close` is off.
fn half_close() -> Vec<Case> {
    let answered = |id, sentence, request: Request| {
        let source = "RFC 9112 section 9.6";
        Case::new(id, sentence, source, "proxy", move |context| {
            let request = request.clone();
            async move {
                let request = context.asks(&request);
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                connection.finish_sending().await;
                match connection.response(&request).await {
                    // Others may give up an exchange with a client that has closed its side.
                    Err(failure) if check::is_lenient(&connection) && !failure.hang => {}
                    response => {
                        let response = response?;
                        check::answered(&connection, &response)?;
                        check::own_body(&connection, &response, "hello\n")?;
                    }
                }
                ends_soon(&mut connection).await
            }
        })
    };
    vec![
        answered(
            "rfc9112.9.6-half-close-is-answered",
            "A request followed by the client's half-close is answered, and the connection ends.",
            plain(),
        )
        .anywhere(advice::CLIENT_GONE),
        answered(
            "rfc9112.9.6-half-close-while-the-application-works",
            "A half-close while the application works does not cost the response.",
            plain().with("X-Delay-Ms", "500"),
        ),
        answered(
            "rfc9112.9.6-half-close-while-the-origin-works",
            "A half-close while the origin works does not cost the response.",
            Request::get("/slow-head/500").with("X-Abort-On-Close", "0"),
        )
        .needs("abort-on-close"),
        answered(
            "rfc9112.9.6-half-close-mid-response",
            "A half-close in the middle of a response does not cut it short.",
            Request::local("slow-body"),
        ),
        answered(
            "rfc9112.9.6-half-close-mid-proxied-response",
            "A half-close in the middle of a proxied response does not cut it short.",
            Request::get("/slow-body/500").with("X-Abort-On-Close", "0"),
        )
        .needs("abort-on-close"),
        answered(
            "rfc9112.9.6-half-close-after-a-body",
            "A half-close after a request body does not cost the response.",
            Request::new("POST", "/slow-head/300")
                .with("X-Abort-On-Close", "0")
                .body("hello"),
        )
        .needs("abort-on-close"),
    ]
}

/// There will be no other request: the server has nothing to wait for.
async fn ends_soon(connection: &mut Connection) -> Found {
    let answered = connection.answered_at().max(connection.sent_at());
    if check::is_lenient(connection) {
        return connection.lets_go(answered, leak::LEFT).await;
    }
    // The response may have said keep-alive: it was on its way before the FIN was seen.
    connection.ends_at(answered, secs(0)).await
}
