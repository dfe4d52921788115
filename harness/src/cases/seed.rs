//! The report this project answers: `set_keepalive(Some(0))` hangs the request.

use std::time::Duration;

use super::{advice, plain, secs, sequence};
use crate::case::{Case, Context, Failure, Found};
use crate::check::{self, Then};
use crate::clients::tap::Tap;
use crate::clients::{fetch, Client};
use crate::service::HeldTo;
use crate::wire::{Request, Transport};

/// How soon after the response the socket must be closed, and how long a client may take in all.
const AT_ONCE: Duration = Duration::from_secs(1);

/// How long a client may try before it is said to hang.
const GIVE_UP: Duration = Duration::from_secs(4);

/// Scripted, and as people use them.
fn clients() -> Vec<Client> {
    let mut clients = vec![Client::Raw];
    clients.extend(Client::that(|can| can.fetch));
    clients
}

pub(super) fn cases() -> Vec<Case> {
    let local = |kind: &'static str| Request::local(kind);
    let proxied = |path: &'static str| Request::get(path);
    vec![
        ends(
            "seed.zero-with-length",
            "With Some(0) and a length, the client is done and the socket closed within 1 s.",
            local("length").with("X-Keepalive", "0"),
        ),
        ends(
            "seed.zero-without-length",
            "With Some(0) and no length, the client is done and the socket closed within 1 s.",
            local("bare").with("X-Keepalive", "0"),
        ),
        ends(
            "seed.none-with-length",
            "With None and a length, the client is done and the socket closed within 1 s.",
            local("length").with("X-Keepalive", "none"),
        ),
        ends(
            "seed.none-without-length",
            "With None and no length, the client is done and the socket closed within 1 s.",
            local("bare").with("X-Keepalive", "none"),
        ),
        ends(
            "seed.zero-proxied-with-length",
            "With Some(0) and an origin that gives a length, the socket is closed within 1 s.",
            proxied("/length").with("X-Keepalive", "0"),
        ),
        ends(
            "seed.zero-proxied-without-length",
            "With Some(0) and an origin that gives no length, the socket is closed within 1 s.",
            proxied("/close-delimited").with("X-Keepalive", "0"),
        ),
        is_done(
            "seed.default-without-length",
            "A response ends for the client, also without a length, while the connection persists.",
            local("bare"),
        )
        .anywhere(advice::NEVER_ENDS)
        .without_response(),
        is_done(
            "seed.two-without-length",
            "With Some(2) a response without a length ends for the client at once.",
            local("bare").with("X-Keepalive", "2"),
        ),
        reuses(
            "seed.reuse-with-length",
            "Two requests of a client use one connection when nothing asks for its end.",
            local("length"),
        )
        .anywhere(advice::NOT_REUSED),
        reuses(
            "seed.reuse-without-length",
            "Two requests of a client use one connection, also without a length.",
            local("bare"),
        ),
        reuses(
            "seed.reuse-proxied-without-length",
            "Two requests of a client use one connection, also when the origin closes its own.",
            proxied("/close-delimited"),
        ),
        sequence(
            "seed.two-on-request-1-closes-after-5",
            "Some(2) set on request 1 alone closes the connection 2 s after request 5.",
            "issue 540, design 4, finding 2",
            "proxy",
            vec![
                plain().with("X-Keepalive", "2"),
                plain(),
                plain(),
                plain(),
                plain(),
            ],
            Then::Idles(2000),
        ),
        Case::new(
            "seed.two-on-request-1-is-said-on-each",
            "Some(2) set on request 1 alone is announced on each of five responses.",
            "issue 540, design 4, findings 2 and 15",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                for number in 0..5 {
                    let request = match number {
                        0 => plain().with("X-Keepalive", "2"),
                        _ => plain(),
                    };
                    let response = connection.exchange(&request).await?;
                    check::says_keep_alive(&response)?;
                    check::advertises(&response, Some("timeout=1"))?;
                }
                Ok(())
            },
        ),
    ]
}

/// The response is complete, says `close`, and the socket is closed at once.
fn ends(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let steps = move |context: Context| {
        let request = request.clone();
        async move {
            match context.client {
                Client::Raw => {
                    let mut connection = context.connect().await?;
                    let response = connection.exchange(&request).await?;
                    check::status(&response, 200)?;
                    check::body(&response, "hello\n")?;
                    check::closes(&mut connection, &response, AT_ONCE).await
                }
                _ => {
                    let mut tap = Tap::open(&context).await?;
                    pages(&context, &mut tap, &[request], AT_ONCE).await?;
                    tap.server_closes_within(AT_ONCE).await
                }
            }
        }
    };
    Case::new(
        id,
        sentence,
        "issue 540, design 4, finding 2",
        "proxy",
        steps,
    )
    .clients(&clients())
    .over(&Transport::ALL)
}

/// The client is done at once; the connection may stay.
fn is_done(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let steps = move |context: Context| {
        let request = request.clone();
        async move {
            match context.client {
                Client::Raw => {
                    let mut connection = context.connect().await?;
                    let response = connection.exchange(&context.asks(&request)).await?;
                    check::own_body(&connection, &response, "hello\n")?;
                    Then::Persists.check(&mut connection, &response).await
                }
                _ => {
                    let mut tap = Tap::open(&context).await?;
                    pages(&context, &mut tap, &[context.asks(&request)], AT_ONCE).await
                }
            }
        }
    };
    let source = "issue 540, design 4, findings 2 and 18";
    Case::new(id, sentence, source, "proxy", steps)
        .clients(&clients())
        .over(&Transport::ALL)
}

/// Two fetches of one client open one connection.
fn reuses(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let steps = move |context: Context| {
        let request = context.asks(&request);
        async move {
            if !persists(&context, &request).await? {
                return Ok(());
            }
            let mut tap = Tap::open(&context).await?;
            pages(&context, &mut tap, &[request.clone(), request], secs(2)).await?;
            match tap.connections() {
                1 => Ok(()),
                n => Err(Failure::wrong("one connection for both", format!("{n}"))),
            }
        }
    };
    Case::new(
        id,
        sentence,
        "RFC 9112 section 9.3, design 4",
        "proxy",
        steps,
    )
    .clients(&Client::that(|can| can.reuse))
    .over(&Transport::ALL)
}

/// Whether there is a connection to reuse: another service than ours may close each.
async fn persists(context: &Context, request: &Request) -> Result<bool, Failure> {
    if context.service().held_to == HeldTo::Design {
        return Ok(true);
    }
    let mut connection = context.connect().await?;
    let response = connection.exchange(request).await?;
    Ok(!check::announces_close(&response))
}

/// The real client of the case has each page, whole and within `bound`.
async fn pages(context: &Context, tap: &mut Tap, requests: &[Request], bound: Duration) -> Found {
    let service = context.service();
    let bound = service.answers_within(bound);
    for fetched in fetch::all(context, tap, requests, bound, bound.max(GIVE_UP)).await? {
        // What another service has at its path is its own.
        if service.instead.is_none() || !service.serves(fetched.status) {
            fetched.is("hello\n")?;
        }
    }
    Ok(())
}
