//! A thousand connections of all kinds leave nothing behind.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt};
use tokio::time::sleep;

use super::{advice, millis, plain, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::subject::Subject;
use crate::wire::{Connection, Request, Transcript};

/// How many connections in all.
const CONNECTIONS: usize = 1000;

/// How many of them have their exchange at once.
const AT_ONCE: usize = 100;

/// How long after the last of them the last socket may go: the three seconds of a header, and the five
/// for which the server then still reads from a client that neither sends nor closes.
const SETTLE: Duration = Duration::from_secs(15);

/// How many clients leave at a time, each in the middle of something else.
const LEAVING: usize = 4;

/// How often they do.
const WAVES: usize = 8;

/// How long after a client has left its connection may stay.
pub(super) const LEFT: Duration = Duration::from_secs(5);

/// What a connection does; the client then keeps its socket until the server is done, or goes
/// away itself.
#[derive(Clone)]
struct Kind {
    shape: &'static str,
    request: Vec<u8>,
    then: Client,
}

#[derive(Clone, Copy, PartialEq)]
enum Client {
    /// Reads and waits for the server to close.
    Stays,
    /// Reads, then ends its side.
    Finishes,
    /// Resets at once, in the middle of whatever is going on.
    Vanishes,
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "leak.a-thousand-connections",
            "1,000 connections of all kinds leave no socket behind.",
            "issue 540, design 7",
            "proxy",
            |context| async move { thousand(&context, "leak", kinds()).await },
        )
        .bound(secs(25))
        .after(secs(4)),
        Case::new(
            "leak.clients-that-leave",
            "Clients that close their side, of whatever they had begun, leave no connection behind.",
            "RFC 9112 section 9.6, design 7",
            "proxy",
            |context| async move { leave(&context).await },
        )
        .anywhere(advice::CLIENT_GONE)
        .opens(LEAVING, WAVES * LEAVING)
        .sends(WAVES * LEAVING)
        .takes(secs(20)),
        Case::new(
            "leak.a-thousand-clients-that-vanish",
            "1,000 clients that vanish in the middle of something leave no socket behind.",
            "issue 540, design 7",
            "proxy",
            |context| async move { thousand(&context, "vanish", vanishing()).await },
        )
        .after(secs(6)),
    ]
}

/// Kinds whose connection the server has to end.
fn kinds() -> Vec<Kind> {
    let stays = |shape, request: Request| Kind {
        shape,
        request: request.bytes(),
        then: Client::Stays,
    };
    let finishes = |shape, request: Request| Kind {
        then: Client::Finishes,
        ..stays(shape, request)
    };
    vec![
        stays("proxy", plain().with("X-Keepalive", "0")),
        stays("proxy", Request::local("bare").with("X-Keepalive", "0")),
        stays("proxy", Request::get("/length").with("X-Keepalive", "0")),
        stays("proxy", plain().with("X-Keepalive", "none")),
        stays("proxy", plain().with("X-Keepalive", "1")),
        stays("proxy-short", plain()),
        stays("proxy-short", Request::get("/close-delimited")),
        stays("proxy", plain().with("Connection", "close")),
        stays("proxy", plain().http10()),
        stays("proxy", Request::local("nothing")),
        stays("proxy", Request::local("error")),
        stays(
            "proxy",
            Request::new("POST", "/")
                .with("X-Local", "length")
                .declaring(5),
        ),
        stays("http-server", plain().with("X-Keepalive", "0")),
        stays("http-server-short", plain()),
        stays("serve-http", plain().with("X-Keepalive", "1")),
        stays("hand-written", plain().with("X-Keepalive", "0")),
        stays("hand-written", plain().with("X-Keepalive", "1")),
        stays("hand-written-once", plain()),
        stays("bare-stream", plain()),
        stays("dropped", plain()),
        Kind {
            shape: "proxy-short",
            request: Vec::new(),
            then: Client::Stays,
        },
        Kind {
            shape: "proxy-short",
            request: b"GET / HTTP/1.1\r\nHo".to_vec(),
            then: Client::Stays,
        },
        finishes("proxy", plain()),
        finishes("proxy", Request::get("/chunked")),
    ]
}

/// Kinds whose client goes away without a word.
fn vanishing() -> Vec<Kind> {
    let vanishes = |request: Vec<u8>| Kind {
        shape: "proxy",
        request,
        then: Client::Vanishes,
    };
    vec![
        vanishes(Vec::new()),
        vanishes(b"GET / HT".to_vec()),
        vanishes(plain().bytes()),
        vanishes(Request::get("/length").bytes()),
        vanishes(Request::get("/slow-head/300").bytes()),
        vanishes(Request::get("/slow-body/300").bytes()),
        vanishes(Request::local("slow-body").bytes()),
        vanishes(Request::new("POST", "/length").declaring(50).bytes()),
    ]
}

/// Wave after wave of clients that close their side; the first wave of which some are kept ends it.
async fn leave(context: &Context) -> Found {
    let request = context.asks(&plain());
    // What a client is in the middle of when it leaves.
    let begun: [Vec<u8>; LEAVING] = [
        Vec::new(),
        b"GET / HTTP/1.1\r\nHo".to_vec(),
        request.bytes(),
        [request.bytes(), b"GET / HT".to_vec()].concat(),
    ];
    for wave in 1..=WAVES {
        let mut connections = Vec::new();
        for bytes in &begun {
            let mut connection = context.connect().await?;
            if !bytes.is_empty() {
                connection.send(bytes).await;
            }
            connection.finish_sending().await;
            connections.push(connection);
        }
        let mut kept = 0;
        for mut connection in connections {
            let sent = connection.sent_at();
            let bound = connection.service().answers_within(LEFT);
            if connection.lets_go(sent, bound).await.is_err() {
                kept += 1;
            }
        }
        if kept > 0 {
            let gone = format!("the connections of clients that left closed in wave {wave}");
            return Err(Failure::hang(
                gone,
                format!("{kept} of {LEAVING} still open"),
            ));
        }
    }
    Ok(())
}

/// Opens the connections to a subject of their own and waits until it holds none of them.
async fn thousand(context: &Context, purpose: &str, mut kinds: Vec<Kind>) -> Found {
    let broken = |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
    let subject = context.another_subject(purpose).await?;
    kinds.retain(|kind| subject.address(kind.shape).is_some());
    let before = subject.open_connections().map_err(broken)?;
    let start = Instant::now();
    let kinds = &kinds;
    let subject = &subject;
    let connections: Vec<_> = stream::iter(0..CONNECTIONS)
        .map(|number| async move { open(subject, &kinds[number % kinds.len()]).await })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let refused = connections.iter().filter(|c| c.is_err()).count();
    if refused > 0 {
        return Err(Failure::wrong(
            format!("{CONNECTIONS} connections"),
            format!("{refused} that were refused"),
        ));
    }
    context.transcript.note(format!(
        "{CONNECTIONS} connections, each with its exchange, after {:.2} s",
        start.elapsed().as_secs_f64()
    ));
    let deadline = Instant::now() + SETTLE;
    let mut wait = millis(20);
    loop {
        let open = subject.open_connections().map_err(broken)?;
        context
            .transcript
            .note(format!("the server holds {open} sockets"));
        if open <= before {
            return Ok(());
        }
        if Instant::now() >= deadline {
            return Err(Failure::hang(
                format!("no socket left behind within {SETTLE:?}"),
                format!("{open} left of {CONNECTIONS}"),
            ));
        }
        sleep(wait).await;
        wait = (wait * 2).min(millis(500));
    }
}

/// Opens one connection; gives it back where the client keeps it.
async fn open(subject: &Subject, kind: &Kind) -> std::io::Result<Option<Connection>> {
    // A thousand transcripts would help nobody: each is dropped with its connection.
    let transcript = Transcript::start();
    let address = subject
        .address(kind.shape)
        .ok_or_else(|| std::io::Error::other(kind.shape))?;
    let mut connection = Connection::open(address, kind.shape, 0, transcript).await?;
    if !kind.request.is_empty() {
        connection.send(&kind.request).await;
    }
    match kind.then {
        Client::Stays => Ok(Some(connection)),
        Client::Finishes => {
            // What is read, or that nothing is, decides nothing here.
            let _ = connection.response(&plain()).await;
            connection.finish_sending().await;
            Ok(Some(connection))
        }
        Client::Vanishes => {
            sleep(millis(20)).await;
            connection.reset();
            Ok(None)
        }
    }
}
