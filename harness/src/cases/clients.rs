//! What people's clients make of it: they obey what they are told, as far as they do, and none has
//! an error to show where a connection ends as announced.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::{plain, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::clients::fetch::{self, Session};
use crate::clients::tap::Tap;
use crate::clients::{load, Client};
use crate::wire::Request;

const SOURCE: &str = "issue 540, design 4";
const REUSE: &str = "RFC 9112 section 9.3.1, design 4";

/// How long a client may take for a page.
const PAGE: Duration = Duration::from_secs(4);

/// What is advertised is a second less than the idle time.
const IDLE: Duration = Duration::from_secs(4);
const ADVERTISED: Duration = Duration::from_secs(3);

pub(super) fn cases() -> Vec<Case> {
    let pausing = Client::that(|can| can.pause);
    let obedient: Vec<_> = Client::all()
        .filter(|client| client.obeys().is_some())
        .collect();
    let mut cases = vec![
        Case::new(
            "clients.close-is-obeyed",
            "A client that is told `close` takes another connection for its next request.",
            "RFC 9112 section 9.6",
            "proxy",
            |context| async move {
                let mut tap = Tap::open(&context).await?;
                let request = plain().with("X-Keepalive", "none");
                let requests = [request.clone(), request];
                for page in fetch::all(&context, &mut tap, &requests, PAGE, PAGE).await? {
                    page.is("hello\n")?;
                }
                connections(&tap, 2)
            },
        )
        .clients(&Client::that(|can| can.reuse)),
        Case::new(
            "clients.let-go-before-the-time",
            "A client that obeys `Keep-Alive: timeout` reuses its connection before that time, and \
             lets it go before it meets the FIN.",
            "RFC 2068 section 19.7.1.1, design 4",
            "proxy",
            lets_go,
        )
        .clients(&obedient),
        Case::new(
            "clients.answered-at-the-advertised-time",
            "A request at the time of `Keep-Alive: timeout` is answered, on the same connection \
             where the client has kept it.",
            "RFC 2068 section 19.7.1.1, design 4",
            "proxy",
            at_the_advertised_time,
        )
        .clients(&pausing),
        recovers(
            "clients.next-after-the-idle-close",
            "The next request after the idle time is answered on a new connection, without an error.",
            plain(),
        ),
        recovers(
            "clients.post-after-the-idle-close",
            "So is a POST, which no client may send twice.",
            Request::new("POST", "/length").body("hello"),
        ),
    ];
    cases.extend(under_load());
    cases
}

/// The request is one that lets the connection idle for this long.
fn idling(request: Request, idle: Duration) -> Request {
    request.with("X-Keepalive", &idle.as_secs().to_string())
}

async fn lets_go(context: Context) -> Found {
    let margin = context.client.obeys().map(|obeys| obeys.margin);
    let margin = margin.unwrap_or_default();
    let mut tap = Tap::open(&context).await?;
    let mut session = Session::open(&context, &tap)?;
    let request = idling(plain(), IDLE);
    page(&context, &mut session, &tap, &request).await?;
    tokio::time::sleep((ADVERTISED - margin) / 2).await;
    page(&context, &mut session, &tap, &request).await?;
    connections(&tap, 1)?;
    tap.client_lets_go_within(IDLE + secs(1)).await
}

async fn at_the_advertised_time(context: Context) -> Found {
    let tap = Tap::open(&context).await?;
    let mut session = Session::open(&context, &tap)?;
    let request = idling(plain(), secs(3));
    page(&context, &mut session, &tap, &request).await?;
    tokio::time::sleep(secs(2)).await;
    page(&context, &mut session, &tap, &request).await?;
    // One that obeys lets go at that time or before.
    match context.client.obeys() {
        Some(_) => Ok(()),
        None => connections(&tap, 1),
    }
}

/// A page, the idle time, and another page.
fn recovers(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let request = idling(request, secs(1));
    let steps = move |context: Context| {
        let request = request.clone();
        async move {
            let mut tap = Tap::open(&context).await?;
            let mut session = Session::open(&context, &tap)?;
            page(&context, &mut session, &tap, &request).await?;
            tap.server_closes_within(secs(2)).await?;
            // Those that do not watch for it look when they are asked for the next page.
            if context.client.can().watch {
                tap.client_follows_within(PAGE).await?;
            }
            page(&context, &mut session, &tap, &request).await?;
            connections(&tap, 2)
        }
    };
    Case::new(id, sentence, SOURCE, "proxy", steps)
        .clients(&Client::that(|can| can.pause && can.post))
}

async fn page(context: &Context, session: &mut Session, tap: &Tap, request: &Request) -> Found {
    let page = session.fetch(context, tap, request, PAGE).await?;
    page.is("hello\n")
}

fn connections(tap: &Tap, expected: u32) -> Found {
    match tap.connections() {
        seen if seen == expected => Ok(()),
        seen => Err(Failure::wrong(
            format!("{expected} connections"),
            seen.to_string(),
        )),
    }
}

/// How many requests of a load tool, and on how many connections.
const TIMES: u32 = 100;
const AT_ONCE: u32 = 4;

fn under_load() -> Vec<Case> {
    vec![
        loaded(
            "clients.load-reuses",
            "A load tool has every response whole, on as many connections as it was told.",
            plain(),
            AT_ONCE..=AT_ONCE,
        ),
        loaded(
            "clients.load-reuses-without-length",
            "So it has without a length, with HTTP/1.1.",
            Request::local("bare"),
            AT_ONCE..=AT_ONCE,
        )
        .clients(&Client::that(|can| can.load && !can.http10)),
        loaded(
            "clients.load-http10-without-length",
            "With HTTP/1.0 such a response ends with its connection, also where that was to be kept.",
            Request::local("bare"),
            TIMES..=TIMES + AT_ONCE,
        )
        .clients(&Client::that(|can| can.load && can.http10)),
        loaded(
            "clients.load-zero-closes-each",
            "With Some(0) a load tool has every response whole, on a connection each.",
            plain().with("X-Keepalive", "0"),
            // A tool that stops may have begun the next ones.
            TIMES..=TIMES + AT_ONCE,
        ),
    ]
}

fn loaded(
    id: &'static str,
    sentence: &'static str,
    request: Request,
    connections: RangeInclusive<u32>,
) -> Case {
    let steps = move |context: Context| {
        let (request, connections) = (request.clone(), connections.clone());
        async move {
            let tap = Tap::open(&context).await?;
            let count = load::run(&context, &tap, &request, TIMES, AT_ONCE, secs(8)).await?;
            let reuses = connections.end() < &TIMES;
            let expected = load::Count {
                complete: TIMES,
                failed: 0,
                body_bytes: u64::from(TIMES) * "hello\n".len() as u64,
                kept: count.kept.map(|_| if reuses { TIMES } else { 0 }),
            };
            if count != expected {
                let seen = format!("{count:?}");
                return Err(Failure::wrong(format!("{expected:?}"), seen));
            }
            match tap.connections() {
                seen if connections.contains(&seen) => Ok(()),
                seen => {
                    let expected = format!("{connections:?} connections");
                    Err(Failure::wrong(expected, seen.to_string()))
                }
            }
        }
    };
    Case::new(id, sentence, REUSE, "proxy", steps).clients(&Client::that(|can| can.load))
}
