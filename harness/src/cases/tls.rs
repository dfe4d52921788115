//! TLS: every graceful end says close_notify before the FIN, and no other end does.
//!
//! RFC 9112 section 9.8: a server that closes must first exchange closure alerts where it can, and
//! a client takes what ends without one for incomplete. The connection of these cases is
//! closed gracefully only by a FIN after close_notify.

use tokio::time::sleep;

use super::{advice, header, idle, millis, one, plain, secs, sequence};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::timeouts::Timer;
use crate::wire::connection::{PATIENCE, PROMPT};
use crate::wire::{Request, Transport};

const SOURCE: &str = "RFC 9112 section 9.8, finding 22";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = graceful();
    cases.extend(errors());
    cases.extend(ends_of_applications());
    cases.extend(persistence());
    cases.extend(failures());
    cases
        .into_iter()
        .map(|case| case.over(&[Transport::Tls]))
        .collect()
}

fn graceful() -> Vec<Case> {
    vec![
        idle::closes_after(
            "tls.close-notify-on-idle-timeout",
            "The idle timeout says close_notify.",
            SOURCE,
            1,
        )
        .anywhere(advice::NO_CLOSE_NOTIFY)
        .waits_for(Timer::Idle),
        one(
            "tls.close-notify-on-idle-timeout-of-a-policy",
            "An idle timeout that the application sets says close_notify.",
            SOURCE,
            "proxy",
            plain().with("X-Keepalive", "1"),
            Then::Idles(1000),
        ),
        one(
            "tls.close-notify-after-close",
            "The end after a response that says close says close_notify.",
            SOURCE,
            "proxy",
            plain().with("Connection", "close"),
            Then::Closes,
        )
        .anywhere(advice::NO_CLOSE_NOTIFY),
        one(
            "tls.close-notify-after-close-proxied",
            "The end after a proxied response that says close says close_notify.",
            SOURCE,
            "proxy",
            Request::get("/length").with("X-Keepalive", "none"),
            Then::Closes,
        ),
        sequence(
            "tls.close-notify-on-request-limit",
            "The end after the last request of the limit says close_notify.",
            SOURCE,
            "proxy-limit",
            vec![plain(), plain(), plain()],
            Then::Closes,
        )
        .needs("request-limit"),
        one(
            "tls.close-notify-after-close-delimited",
            "A close-delimited response ends with close_notify.",
            SOURCE,
            "proxy",
            Request::local("bare").http10(),
            Then::Closes,
        )
        .anywhere(advice::NO_CLOSE_NOTIFY),
        one(
            "tls.close-notify-after-an-unread-body",
            "The end after a response to a request whose body was not read says close_notify.",
            SOURCE,
            "proxy",
            Request::new("POST", "/")
                .with("X-Local", "length")
                .declaring(5),
            Then::Closes,
        ),
        Case::new(
            "tls.close-notify-to-a-silent-peer",
            "A peer that shakes hands and never speaks is sent close_notify.",
            SOURCE,
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.closes_at(accepted, secs(3)).await
            },
        ),
        Case::new(
            "tls.close-notify-after-that-of-the-client",
            "A client that says close_notify and FIN between requests is answered with close_notify.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                check::served(&connection.exchange(&plain()).await?)?;
                connection.finish_sending().await;
                let sent = connection.sent_at().max(connection.answered_at());
                connection.closes_at(sent, secs(0)).await
            },
        ),
        Case::new(
            "tls.close-notify-on-drain",
            "A graceful shutdown says close_notify to idle connections.",
            SOURCE,
            "proxy",
            |context| async move {
                let broken =
                    |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
                let shape = context.shape();
                let mut subject = context.another_subject("tls-drain").await?;
                let endpoint = subject
                    .endpoint(shape, context.over)
                    .ok_or_else(|| Failure::wrong(shape, "a subject without it"))?;
                let mut connection = context.open(endpoint, shape).await?;
                check::served(&connection.exchange(&plain()).await?)?;
                subject.shut_down().await.map_err(broken)?;
                connection.closes_within(PATIENCE).await
            },
        ),
    ]
}

fn errors() -> Vec<Case> {
    vec![
        Case::new(
            "tls.close-notify-after-408",
            "The end after a 408 says close_notify.",
            SOURCE,
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send("GET / HTTP/1.1\r\nHost:").await;
                header::times_out(&mut connection, accepted, secs(3)).await
            },
        ),
        Case::new(
            "tls.close-notify-after-400",
            "The end after a 400 says close_notify.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("\x01\x02 nonsense\r\n\r\n").await;
                check::refused(&mut connection, 400, false).await
            },
        )
        .anywhere(advice::NO_CLOSE_NOTIFY)
        .without_response(),
        Case::new(
            "tls.close-notify-after-a-generated-error",
            "The end after a generated error says close_notify.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::local("error")).await?;
                check::status(&response, 500)?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
    ]
}

fn ends_of_applications() -> Vec<Case> {
    let shape = |id, sentence, shape| {
        let request = plain().with("X-Keepalive", "0");
        one(id, sentence, SOURCE, shape, request, Then::Closes)
    };
    vec![
        shape(
            "tls.close-notify-of-http-server",
            "HttpServer says close_notify.",
            "http-server",
        ),
        shape(
            "tls.close-notify-of-serve-http",
            "A bare ServeHttp says close_notify.",
            "serve-http",
        ),
        Case::new(
            "tls.close-notify-on-application-drop",
            "A session dropped after a whole response, said to persist, ends with close_notify.",
            SOURCE,
            "dropped",
            |context| async move {
                let mut connection = context.connect().await?;
                check::served(&connection.exchange(&plain()).await?)?;
                connection.closes().await
            },
        ),
        Case::new(
            "tls.close-notify-without-an-answer",
            "A request that is answered with nothing ends with close_notify.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send(Request::local("nothing").bytes()).await;
                connection.closes().await
            },
        ),
    ]
}

fn persistence() -> Vec<Case> {
    vec![
        sequence(
            "tls.reuse",
            "A TLS connection serves one request after the other, of all framings.",
            "RFC 9112 section 9.3",
            "proxy",
            vec![
                plain(),
                Request::local("bare"),
                Request::get("/length"),
                Request::get("/chunked"),
                Request::get("/close-delimited"),
                Request::new("POST", "/length").body("hello"),
                Request::local("204"),
            ],
            Then::Persists,
        ),
        sequence(
            "tls.keepalive-starts-anew",
            "Over TLS, too, each request starts the idle time anew.",
            "design 4, finding 2",
            "proxy-short",
            vec![plain(), plain().with("X-Delay-Ms", "1500"), plain()],
            Then::Idles(2000),
        ),
        Case::new(
            "tls.a-begun-request-is-not-idle",
            "Over TLS, too, a request that has begun is not cut by the idle time.",
            "design 4, finding 3",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let first = plain().with("X-Keepalive", "1");
                check::served(&connection.exchange(&first).await?)?;
                let request = plain();
                let head = request.head();
                let (begin, rest) = head.split_at(10);
                connection.send(begin).await;
                sleep(millis(1700)).await;
                connection.send(rest).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)
            },
        ),
    ]
}

/// A response that fails after its head must not look complete.
fn failures() -> Vec<Case> {
    const FAILS: &str = "RFC 9112 section 9.8, design 4, finding 29";
    let fails = |id, sentence, request: Request| {
        Case::new(id, sentence, FAILS, "proxy", move |context| {
            let request = request.clone();
            async move {
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                connection.aborts_within(PATIENCE).await
            }
        })
    };
    vec![
        fails(
            "tls.no-close-notify-after-a-cut-body",
            "A close-delimited response whose origin fails half-way ends without close_notify.",
            Request::get("/cut-chunked").http10(),
        ),
        fails(
            "tls.no-close-notify-after-a-reset-body",
            "A close-delimited response whose origin resets half-way ends without close_notify.",
            Request::get("/cut-close-delimited").http10(),
        ),
    ]
}
