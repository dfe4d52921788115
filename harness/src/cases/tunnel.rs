//! What a successful CONNECT makes of a connection, and what comes early for a tunnel.

use super::{millis, plain, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check::{self, Then};
use crate::clients::tap::Tap;
use crate::clients::{curl, Client};
use crate::origin::scripted::{ScriptedOrigin, Upstream};
use crate::wire::response::Framing;
use crate::wire::{Connection, Request};
use std::time::Duration;
use tokio::time::sleep;

const SOURCE: &str = "RFC 9110 section 9.3.6, RFC 9112 section 6.3, finding 27";

/// The shape that lets CONNECT through.
const SHAPE: &str = "proxy-connect";

/// Bytes that would be a request if anyone took them for one.
const FRAME: &[u8] = b"GET / HTTP/1.1\r\nHost: a\r\nX-Local: length\r\n\r\n";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = opened();
    cases.extend(early());
    cases.extend(refused());
    cases
}

fn opened() -> Vec<Case> {
    vec![
        echoes(
            "tunnel.connect",
            "After a 2xx to CONNECT bytes go both ways as they are.",
            to("echo"),
        ),
        echoes(
            "tunnel.connect-with-a-length",
            "A length on the 2xx says nothing and does not pass on.",
            to("length"),
        ),
        echoes(
            "tunnel.connect-with-a-coding",
            "A coding on the 2xx says nothing and does not pass on.",
            to("chunked"),
        ),
        echoes(
            "tunnel.connect-204",
            "A 204 opens a tunnel, too.",
            to("204"),
        ),
        echoes(
            "tunnel.connect-of-http10",
            "An HTTP/1.0 client can have a tunnel.",
            to("echo").http10(),
        ),
        echoes(
            "tunnel.connect-with-pipelining",
            "Nothing in the tunnel is a pipelined request.",
            to("echo").with("X-Pipelining", "1"),
        ),
        Case::new(
            "tunnel.a-megabyte-both-ways",
            "A tunnel passes much at once in both directions.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = open(&context, &to("echo"), b"").await?;
                let bytes = FRAME.repeat(1024 * 1024 / FRAME.len());
                connection.send(&bytes).await;
                let back = connection.raw_bytes(bytes.len()).await?;
                if back != bytes {
                    return Err(Failure::wrong("the same bytes back", "others"));
                }
                Ok(())
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.ends-with-the-client",
            "The tunnel ends when the client ends it, whatever the application sets.",
            SOURCE,
            SHAPE,
            |context| async move {
                let request = to("echo").with("X-Keepalive", "unlimited");
                let mut connection = open(&context, &request, b"").await?;
                connection.finish_sending().await;
                connection.closes().await
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.ends-with-the-origin",
            "The tunnel ends when the origin ends it, after what it sent.",
            SOURCE,
            SHAPE,
            |context| async move {
                let request = to("talks").with("X-Keepalive", "unlimited");
                let mut connection = open(&context, &request, b"").await?;
                same(&connection.raw_bytes(6).await?, b"hello\n")?;
                connection.closes().await
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.curl-fetches-through-it",
            "A real client fetches through a tunnel.",
            SOURCE,
            SHAPE,
            |context| async move {
                let tap = Tap::open(&context).await?;
                let url = "http://http.test:80/length";
                for transfer in curl::fetch_through(&context, &tap, url, secs(4)).await? {
                    transfer.is("hello\n")?;
                }
                Ok(())
            },
        )
        .clients(&[Client::Curl])
        .needs("connect-option"),
    ]
}

/// Bytes that the client sends before it knows of the tunnel.
fn early() -> Vec<Case> {
    vec![
        Case::new(
            "tunnel.early-bytes",
            "What comes in one piece with the CONNECT goes into the tunnel.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = open(&context, &to("echo"), FRAME).await?;
                same(&connection.raw_bytes(FRAME.len()).await?, FRAME)
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.bytes-before-the-head",
            "What comes while the origin still works goes into the tunnel.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = to("slow");
                connection.send(request.bytes()).await;
                sleep(millis(150)).await;
                connection.send(FRAME).await;
                check::status(&connection.next_response(&request).await?, 200)?;
                same(&connection.raw_bytes(FRAME.len()).await?, FRAME)
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.bytes-before-a-101",
            "What comes while the origin still thinks about an upgrade goes into its tunnel.",
            "RFC 9110 section 7.8, finding 20",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/upgrade/3000")
                    .with("Connection", "Upgrade")
                    .with("Upgrade", "websocket");
                connection.send(request.bytes()).await;
                sleep(millis(150)).await;
                connection.send(FRAME).await;
                check::status(&connection.next_response(&request).await?, 101)?;
                same(&connection.raw_bytes(FRAME.len()).await?, FRAME)
            },
        ),
        Case::new(
            "tunnel.upgrade-with-a-late-body",
            "An upgrade whose body comes as its 101 does becomes a tunnel, whichever is first.",
            "RFC 9110 section 7.8",
            "proxy-pool",
            |context| async move {
                for step in 0..LATE_BODIES {
                    late_body(&context, Duration::from_micros(50) * step).await?;
                }
                Ok(())
            },
        )
        .bound(secs(30)),
    ]
}

/// How many upgrades there are whose body is late, each by a little more.
const LATE_BODIES: u32 = 60;

/// An upgrade whose body is `late`, to an origin that switches at once.
async fn late_body(context: &Context, late: Duration) -> Found {
    let origin = ScriptedOrigin::start().await?;
    let request = origin
        .asked(Request::new("POST", "/").declaring(5))
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket");
    let mut connection = context.connect().await?;
    let (upstream, ()) = tokio::join!(
        async {
            let mut upstream = origin.accept().await?;
            upstream.reads_head().await?;
            upstream
                .says(
                    "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                     Upgrade: websocket\r\n\r\n",
                )
                .await?;
            Ok(upstream)
        },
        async {
            connection.send(request.head()).await;
            sleep(late).await;
            connection.send("hello").await;
        },
    );
    let mut upstream: Upstream = upstream?;
    check::status(&connection.next_response(&request).await?, 101)?;
    connection.send(FRAME).await;
    upstream.reads_up_to(FRAME).await?;
    upstream.says(FRAME).await?;
    same(&connection.raw_bytes(FRAME.len()).await?, FRAME)
}

/// No tunnel.
fn refused() -> Vec<Case> {
    vec![
        Case::new(
            "tunnel.refused",
            "A refused CONNECT ends its connection: what may come behind it is no request.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                // Not behind what another case has left on a pooled connection to the origin.
                let request = to("refused").with("X-Pool", "403");
                let response = connection.exchange(&request).await?;
                check::status(&response, 403)?;
                check::framed(&response, Framing::Length(0))?;
                Then::Closes.check(&mut connection, &response).await
            },
        )
        .needs("connect-option"),
        optimistic(
            "tunnel.refused-by-the-origin-bytes-after",
            "What comes 50 ms behind a refused CONNECT is no request, whatever the application sets.",
            SHAPE,
            to("refused").with("X-Keepalive", "unlimited"),
            403,
        )
        .needs("connect-option"),
        optimistic(
            "tunnel.refused-by-the-application-bytes-after",
            "An application's own 407 to a CONNECT ends the connection.",
            SHAPE,
            to("echo").with("X-Local", "407").with("X-Keepalive", "unlimited"),
            407,
        )
        .needs("connect-option"),
        optimistic(
            "tunnel.not-allowed-bytes-after",
            "The framework's 405 to a CONNECT ends the connection and is not lost to a reset.",
            "proxy",
            to("echo"),
            405,
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.refused-early-bytes",
            "What was meant for a tunnel that is refused is no request, also with pipelining on.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut connection = context.connect().await?;
                let request = to("refused").with("X-Pipelining", "1");
                connection.send([&request.bytes(), FRAME].concat()).await;
                let response = connection.response(&request).await?;
                check::status(&response, 403)?;
                Then::Closes.check(&mut connection, &response).await
            },
        )
        .needs("connect-option"),
        Case::new(
            "tunnel.not-allowed",
            "Without the option a CONNECT is answered with 405 and a close.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&to("echo")).await?;
                check::status(&response, 405)?;
                Then::Closes.check(&mut connection, &response).await
            },
        )
        .needs("connect-option"),
        unasked(
            "tunnel.unasked-101",
            "An origin's 101 to a request that asked for no upgrade is answered with 502.",
            Request::get("/upgrade"),
        ),
        unasked(
            "tunnel.unasked-101-to-http10",
            "The same to an HTTP/1.0 client, whose Upgrade counts for nothing.",
            Request::get("/upgrade")
                .http10()
                .with("Connection", "Upgrade")
                .with("Upgrade", "websocket"),
        ),
        Case::new(
            "tunnel.answered-by-http-server",
            "An application that answers 200 to everything does not go on as HTTP after a CONNECT.",
            SOURCE,
            "http-server",
            |context| async move {
                let mut connection = open(&context, &to("echo"), FRAME).await?;
                same(&connection.raw_bytes(6).await?, b"hello\n")?;
                connection.closes().await
            },
        ),
        Case::new(
            "tunnel.the-service-goes-on",
            "After a tunnel the service answers others as before.",
            SOURCE,
            SHAPE,
            |context| async move {
                let mut tunnel = open(&context, &to("echo"), FRAME).await?;
                tunnel.raw_bytes(FRAME.len()).await?;
                tunnel.reset();
                let mut connection = context.connect().await?;
                for request in [Request::get("/length"), plain()] {
                    check::status(&connection.exchange(&request).await?, 200)?;
                }
                Ok(())
            },
        )
        .needs("connect-option"),
    ]
}

/// Asks for a tunnel to a host of the origin.
fn to(host: &str) -> Request {
    Request::new("CONNECT", format!("{host}.test:443")).replacing_host(&format!("{host}.test:443"))
}

/// Opens a tunnel, with `early` bytes behind the request.
async fn open(context: &Context, request: &Request, early: &[u8]) -> Result<Connection, Failure> {
    let mut connection = context.connect().await?;
    connection.send([&request.bytes(), early].concat()).await;
    let response = connection.next_response(request).await?;
    check::framed(&response, Framing::Tunnel)?;
    for name in [
        "Connection",
        "Keep-Alive",
        "Content-Length",
        "Transfer-Encoding",
    ] {
        check::without(&response, name)?;
    }
    Ok(connection)
}

fn echoes(id: &'static str, sentence: &'static str, request: Request) -> Case {
    Case::new(id, sentence, SOURCE, SHAPE, move |context: Context| {
        let request = request.clone();
        async move {
            let mut connection = open(&context, &request, b"").await?;
            for _ in 0..2 {
                connection.send(FRAME).await;
                same(&connection.raw_bytes(FRAME.len()).await?, FRAME)?;
            }
            connection.stays_open(millis(100)).await
        }
    })
    .needs("connect-option")
}

/// A case of a CONNECT that is refused while the client sends what was meant for its tunnel: at once
/// in one turn, 50 ms later in the other. It looks like a request and is none.
fn optimistic(
    id: &'static str,
    sentence: &'static str,
    shape: &'static str,
    request: Request,
    status: u16,
) -> Case {
    Case::new(id, sentence, SOURCE, shape, move |context: Context| {
        let request = request.clone();
        async move {
            for later in [false, true] {
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                if later {
                    sleep(millis(50)).await;
                }
                connection.send(plain().bytes()).await;
                let response = connection.response(&request).await?;
                check::status(&response, status)?;
                Then::Closes.check(&mut connection, &response).await?;
            }
            Ok(())
        }
    })
}

fn unasked(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let source = "RFC 9110 sections 7.8 and 15.2";
    Case::new(id, sentence, source, "proxy", move |context: Context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            connection.send(request.bytes()).await;
            let response = connection.next_response(&request).await?;
            check::status(&response, 502)?;
            Then::Closes.check(&mut connection, &response).await
        }
    })
}

fn same(seen: &[u8], expected: &[u8]) -> Found {
    if seen == expected {
        return Ok(());
    }
    let text = |bytes: &[u8]| bytes.escape_ascii().to_string();
    Err(Failure::wrong(text(expected), text(seen)))
}
