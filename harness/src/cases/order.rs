//! The final say, strongest first: what no setting undoes.

use super::{everywhere, millis, one, plain, sequence};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::{Connection, Request, Response};

pub(super) fn cases() -> Vec<Case> {
    let mut cases = ambiguous_framing();
    cases.extend(protocol());
    cases.extend(over_read().into_iter().map(everywhere));
    cases.extend(application_and_client());
    cases
}

/// A request with `Transfer-Encoding` and `Content-Length`.
fn both(policy: &str) -> Request {
    Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Read-Body", "1")
        .with("X-Keepalive", policy)
        .with("Transfer-Encoding", "chunked")
        .declaring(4)
        .raw_body("5\r\nhello\r\n0\r\n\r\n")
}

fn ambiguous_framing() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 6.1, design 4, finding 12";
    let closes =
        |id, sentence, policy| one(id, sentence, SOURCE, "proxy", both(policy), Then::Closes);
    vec![
        closes(
            "order.both-framings-under-some-60",
            "Transfer-Encoding with Content-Length closes, though the application sets Some(60).",
            "60",
        ),
        closes(
            "order.both-framings-under-unlimited",
            "Transfer-Encoding with Content-Length closes, though the application sets UNLIMITED.",
            "unlimited",
        ),
        Case::new(
            "order.both-framings-serve-no-second",
            "After Transfer-Encoding with Content-Length no second request is served.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = both("60");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                connection.send(plain().bytes()).await;
                match connection.response(&plain()).await {
                    Ok(second) => Err(Failure::wrong("no second response", second.to_string())),
                    Err(failure) if failure.hang => Err(failure),
                    Err(_) => check::says_close(&response),
                }
            },
        ),
        one(
            "order.both-framings-proxied",
            "Transfer-Encoding with Content-Length closes after a proxied response.",
            SOURCE,
            "proxy",
            Request::new("POST", "/length")
                .with("X-Keepalive", "60")
                .with("Transfer-Encoding", "chunked")
                .declaring(4)
                .raw_body("5\r\nhello\r\n0\r\n\r\n"),
            Then::Closes,
        ),
    ]
}

fn protocol() -> Vec<Case> {
    vec![
        one(
            "order.absolute-form-http10",
            "HTTP/1.0 in absolute form closes: a proxy does not persist with it.",
            "RFC 9112 section 9.3, design 4",
            "proxy",
            Request::get("http://subject.test/")
                .http10()
                .with("X-Local", "length")
                .with("Connection", "keep-alive")
                .with("X-Keepalive", "60"),
            Then::Closes,
        ),
        one(
            "order.absolute-form-http11",
            "HTTP/1.1 in absolute form persists.",
            "RFC 9112 section 9.3",
            "proxy",
            Request::get("http://subject.test/").with("X-Local", "length"),
            Then::Persists,
        ),
        one(
            "order.unread-body-closes",
            "A response before the end of the request body closes.",
            "RFC 9112 section 9.3, design 4",
            "proxy",
            Request::new("POST", "/")
                .with("X-Local", "length")
                .with("X-Keepalive", "60")
                .declaring(5),
            Then::Closes,
        ),
        Case::new(
            "order.unread-body-drained",
            "Where the application asks for the drain, the body is read off and the connection persists.",
            "RFC 9112 section 9.3, design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = drained(&mut connection, false, None).await?;
                check::says_keep_alive(&response)?;
                check::serves_another(&mut connection).await
            },
        )
        .needs("drain-option"),
        tunnel(
            "order.upgrade-is-a-tunnel",
            "After a 101 bytes go both ways as they are.",
            0,
        ),
        tunnel(
            "order.upgrade-outlives-the-idle-time",
            "A tunnel is not idle, however long it is silent.",
            3800,
        ),
        Case::new(
            "order.upgrade-ends-with-the-client",
            "A tunnel ends when the client ends it, whatever the application sets.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                upgrade(&mut connection, "unlimited").await?;
                connection.finish_sending().await;
                connection.closes().await
            },
        ),
        one(
            "order.close-delimited-closes",
            "A close-delimited response says close, though the application sets Some(60).",
            "design 4, finding 18",
            "proxy",
            Request::local("bare")
                .http10()
                .with("Connection", "keep-alive")
                .with("X-Keepalive", "60"),
            Then::Closes,
        ),
    ]
}

/// Switches protocols; what follows the 101 goes through the tunnel.
async fn upgrade(connection: &mut Connection, policy: &str) -> Result<(), Failure> {
    let request = Request::get("/upgrade")
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket")
        .with("X-Keepalive", policy);
    connection.send(request.bytes()).await;
    let response = connection.next_response(&request).await?;
    check::status(&response, 101)?;
    check::without(&response, "Keep-Alive")?;
    if response.list("Connection") != ["upgrade"] {
        return Err(Failure::wrong("Connection: upgrade", response.to_string()));
    }
    Ok(())
}

fn tunnel(id: &'static str, sentence: &'static str, silent: u64) -> Case {
    Case::new(
        id,
        sentence,
        "design 4",
        "proxy-short",
        move |context| async move {
            let mut connection = context.connect().await?;
            upgrade(&mut connection, "1").await?;
            if silent > 0 {
                connection.stays_open(millis(silent)).await?;
            }
            let frame = b"GET / HTTP/1.1\r\n\r\n";
            connection.send(frame).await;
            let back = connection.raw_bytes(frame.len()).await?;
            if back == frame {
                return Ok(());
            }
            Err(Failure::wrong("the same bytes back", format!("{back:?}")))
        },
    )
}

/// Bytes of the next request that come with this one.
fn over_read() -> Vec<Case> {
    const SOURCE: &str = "RFC 9112 section 9.3.2, design 4, finding 19";
    vec![
        Case::new(
            "order.over-read-before-the-head",
            "With pipelining off, bytes after the request close, and the response says so.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain().with("X-Keepalive", "60");
                connection
                    .send([request.bytes(), plain().bytes()].concat())
                    .await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
        Case::new(
            "order.over-read-before-a-proxied-head",
            "With pipelining off, bytes after a request and its body close, said and done.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/length").body("hello");
                connection
                    .send([request.bytes(), plain().bytes()].concat())
                    .await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
        Case::new(
            "order.over-read-after-the-head",
            "Bytes over-read after a keep-alive head are served by the next exchange.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = drained(&mut connection, true, Some(&plain())).await?;
                check::says_keep_alive(&response)?;
                let second = connection.response(&plain()).await?;
                check::status(&second, 200)
            },
        )
        .needs("drain-option"),
        Case::new(
            "order.next-request-behind-a-late-body",
            "A request in one piece with a body that is read off after the response is served.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = drained(&mut connection, false, Some(&plain())).await?;
                check::says_keep_alive(&response)?;
                let second = connection.response(&plain()).await?;
                check::status(&second, 200)
            },
        )
        .needs("drain-option"),
        Case::new(
            "order.next-request-during-the-body",
            "A request sent while the body of the last response is on its way is served.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::local("slow-body");
                connection.send(request.bytes()).await;
                connection.something_comes().await?;
                connection.send(plain().bytes()).await;
                let first = connection.response(&request).await?;
                check::says_keep_alive(&first)?;
                let second = connection.response(&plain()).await?;
                check::status(&second, 200)
            },
        ),
        pipelined_beyond(
            "order.pipelined-after-close-is-not-served",
            "With pipelining on, no request behind a client's close is served.",
            plain()
                .with("Connection", "close")
                .with("X-Keepalive", "60"),
        ),
        pipelined_beyond(
            "order.pipelined-after-none-is-not-served",
            "With pipelining on, no request behind an application's None is served.",
            plain().with("X-Keepalive", "none"),
        ),
        pipelined_beyond(
            "order.pipelined-after-both-framings-is-not-served",
            "With pipelining on, no request behind an ambiguous framing is served.",
            both("60"),
        ),
        Case::new(
            "order.pipelining-on-serves-both",
            "With pipelining on, both requests are served in order and the connection persists.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain().with("X-Pipelining", "1");
                connection
                    .send([request.bytes(), Request::local("204").bytes()].concat())
                    .await;
                let first = connection.response(&request).await?;
                check::status(&first, 200)?;
                check::says_keep_alive(&first)?;
                let second = connection.response(&plain()).await?;
                check::status(&second, 204)?;
                Then::Persists.check(&mut connection, &second).await
            },
        )
        .needs("pipelining"),
    ]
}

/// With pipelining on, what comes in one piece behind a request that ends the connection.
fn pipelined_beyond(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let source = "RFC 9112 section 9.6, design 4";
    Case::new(id, sentence, source, "proxy", move |context| {
        let request = request.clone().with("X-Pipelining", "1");
        async move {
            let mut connection = context.connect().await?;
            connection
                .send([request.bytes(), plain().bytes()].concat())
                .await;
            let response = connection.response(&request).await?;
            check::served(&response)?;
            check::closes(&mut connection, &response, PROMPT).await
        }
    })
    .needs("pipelining")
}

/// An answer that goes out before the request body is sent, with the drain asked for; the body,
/// chunked or with a length, comes in one piece with the `next` request.
async fn drained(
    connection: &mut Connection,
    chunked: bool,
    next: Option<&Request>,
) -> Result<Response, Failure> {
    let request = Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Drain", "1");
    let (request, body) = if chunked {
        let request = request.with("Transfer-Encoding", "chunked");
        (request, "5\r\nhello\r\n0\r\n\r\n")
    } else {
        (request.declaring(5), "hello")
    };
    connection.send(request.head()).await;
    let response = connection.response(&request).await?;
    check::status(&response, 200)?;
    let next = next.map(Request::bytes).unwrap_or_default();
    connection
        .send([body.as_bytes(), next.as_slice()].concat())
        .await;
    Ok(response)
}

fn application_and_client() -> Vec<Case> {
    const CLIENT: &str = "RFC 9112 section 9.6, design 4";
    const APPLICATION: &str = "design 4";
    vec![
        one(
            "order.client-close-wins-over-some-60",
            "The client's close wins over Some(60).",
            CLIENT,
            "proxy",
            plain()
                .with("Connection", "close")
                .with("X-Keepalive", "60"),
            Then::Closes,
        ),
        one(
            "order.client-close-wins-over-unlimited",
            "The client's close wins over UNLIMITED.",
            CLIENT,
            "proxy",
            plain()
                .with("Connection", "close")
                .with("X-Keepalive", "unlimited"),
            Then::Closes,
        ),
        one(
            "order.client-close-wins-in-response-phase",
            "The client's close wins over a policy set as the head is written.",
            CLIENT,
            "proxy",
            plain()
                .with("Connection", "foo, close")
                .with("X-Keepalive", "60")
                .with("X-Keepalive-Phase", "response"),
            Then::Closes,
        ),
        one(
            "order.application-close",
            "The application's own Connection: close on the response closes.",
            APPLICATION,
            "proxy",
            plain().with("X-App-Connection", "close"),
            Then::Closes,
        ),
        one(
            "order.application-close-proxied",
            "The application's own Connection: close on a proxied response closes.",
            APPLICATION,
            "proxy",
            Request::get("/length").with("X-App-Connection", "close"),
            Then::Closes,
        ),
        one(
            "order.application-close-wins-over-some-60",
            "The application's own Connection: close wins over its Some(60).",
            APPLICATION,
            "proxy",
            plain()
                .with("X-App-Connection", "close")
                .with("X-Keepalive", "60"),
            Then::Closes,
        ),
        one(
            "order.application-keep-alive-is-no-policy",
            "The application's own Connection: keep-alive does not undo None.",
            APPLICATION,
            "proxy",
            plain()
                .with("X-App-Connection", "keep-alive")
                .with("X-Keepalive", "none"),
            Then::Closes,
        ),
        sequence(
            "order.client-close-later",
            "The client's close counts on any request.",
            CLIENT,
            "proxy",
            vec![plain(), plain(), plain().with("Connection", "close")],
            Then::Closes,
        ),
    ]
}
