//! The same over every shape of application: `HttpServer`, a bare `ServeHttp`, hand-written
//! accept loops, and applications that mistreat their connection.

use std::time::Duration;

use super::header::times_out;
use super::{plain, secs};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::wire::connection::{PATIENCE, PROMPT};
use crate::wire::{response::Framing, Request};

const SOURCE: &str = "design 4, finding 5";

/// What holds for every shape that serves requests in a loop.
struct Basic {
    name: &'static str,
    sentence: &'static str,
    requests: fn() -> Vec<Request>,
    then: Then,
}

const BASICS: &[Basic] = &[
    Basic {
        name: "zero-closes",
        sentence: "Some(0) closes after this response.",
        requests: || vec![plain().with("X-Keepalive", "0")],
        then: Then::Closes,
    },
    Basic {
        name: "none-closes",
        sentence: "None closes after this response.",
        requests: || vec![plain().with("X-Keepalive", "none")],
        then: Then::Closes,
    },
    Basic {
        name: "two-on-the-first-stays",
        sentence: "Some(2) set on request 1 closes 2 s after request 3.",
        requests: || vec![plain().with("X-Keepalive", "2"), plain(), plain()],
        then: Then::IdlesSaying(2000, Some("timeout=1")),
    },
    Basic {
        name: "default-is-said",
        sentence: "Without a policy the connection persists and 75 s less one are announced.",
        requests: || vec![plain()],
        then: Then::PersistsSaying(Some("timeout=74")),
    },
    Basic {
        name: "http10-closes",
        sentence: "HTTP/1.0 without keep-alive closes, whatever the application sets.",
        requests: || vec![plain().http10().with("X-Keepalive", "60")],
        then: Then::Closes,
    },
    Basic {
        name: "http10-keep-alive-persists",
        sentence: "HTTP/1.0 with keep-alive persists.",
        requests: || vec![plain().http10().with("Connection", "keep-alive, TE")],
        then: Then::Persists,
    },
    Basic {
        name: "client-close-closes",
        sentence: "The client's close on a second line closes.",
        requests: || {
            vec![plain()
                .with("Connection", "keep-alive")
                .with("Connection", "close")]
        },
        then: Then::Closes,
    },
    Basic {
        name: "wish-shortens",
        sentence: "The client's Keep-Alive: timeout shortens the idle time.",
        requests: || {
            vec![plain()
                .with("Connection", "keep-alive")
                .with("Keep-Alive", "timeout=2")]
        },
        then: Then::IdlesSaying(2000, Some("timeout=1")),
    },
    Basic {
        name: "both-framings-close",
        sentence: "Transfer-Encoding with Content-Length closes.",
        requests: || {
            vec![Request::new("POST", "/")
                .with("X-Local", "length")
                .with("X-Read-Body", "1")
                .with("X-Keepalive", "60")
                .with("Transfer-Encoding", "chunked")
                .declaring(4)
                .raw_body("5\r\nhello\r\n0\r\n\r\n")]
        },
        then: Then::Closes,
    },
    Basic {
        name: "application-close-closes",
        sentence: "The application's own Connection: close on the response closes.",
        requests: || vec![plain().with("X-App-Connection", "close")],
        then: Then::Closes,
    },
    Basic {
        name: "unread-body-closes",
        sentence: "A response before the end of the request body closes.",
        requests: || {
            vec![Request::new("POST", "/")
                .with("X-Local", "length")
                .declaring(5)]
        },
        then: Then::Closes,
    },
];

/// Shapes that hold all of [`BASICS`].
const SHAPES: [&str; 3] = ["http-server", "serve-http", "hand-written"];

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shape in SHAPES {
        cases.extend(BASICS.iter().map(|basic| basic.over(shape)));
        cases.extend(framing(shape));
    }
    cases.extend(options());
    cases.extend(by_hand());
    cases.extend(shut_down());
    cases.extend(mistreated());
    cases
}

/// Ids are made once and live as long as the program.
fn id(shape: &str, name: &str) -> &'static str {
    use std::collections::HashMap;
    use std::sync::{Mutex, PoisonError};
    static IDS: Mutex<Option<HashMap<String, &'static str>>> = Mutex::new(None);
    let id = format!("shapes.{shape}-{name}");
    let mut ids = IDS.lock().unwrap_or_else(PoisonError::into_inner);
    ids.get_or_insert_default()
        .entry(id)
        .or_insert_with_key(|id| id.clone().leak())
}

impl Basic {
    fn over(&'static self, shape: &'static str) -> Case {
        super::sequence(
            id(shape, self.name),
            self.sentence,
            SOURCE,
            shape,
            (self.requests)(),
            self.then,
        )
    }
}

fn framing(shape: &'static str) -> Vec<Case> {
    let framed = |name, sentence, kind: &'static str, framing| {
        let source = "design 4, finding 18";
        Case::new(
            id(shape, name),
            sentence,
            source,
            shape,
            move |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::local(kind)).await?;
                check::framed(&response, framing)?;
                Then::Persists.check(&mut connection, &response).await
            },
        )
    };
    vec![
        if shape == "hand-written" {
            framed(
                "without-length-is-chunked",
                "A response without a length is sent chunked and persists.",
                "bare",
                Framing::Chunked,
            )
        } else {
            framed(
                "whole-body-has-its-length",
                "A response whose body the application hands over whole says its length.",
                "bare",
                Framing::Length(6),
            )
        },
        framed(
            "known-empty-has-length-0",
            "A response known to have no body says Content-Length: 0 and persists.",
            "empty",
            Framing::Length(0),
        ),
        framed(
            "204-has-no-framing",
            "A 204 has no body and the connection persists.",
            "204",
            Framing::Without,
        ),
    ]
}

/// `HttpServer` takes the options of the proxy.
fn options() -> Vec<Case> {
    let short = "http-server-short";
    vec![
        super::sequence(
            id("http-server", "idle-time-option"),
            "keepalive_timeout closes an idle connection, also after reuse.",
            SOURCE,
            short,
            vec![plain(), plain()],
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
        Case::new(
            id("http-server", "header-time-option"),
            "header_read_timeout answers a head that pauses with 408.",
            "design 4, findings 3 and 4",
            short,
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.send("GET / HTTP/1.1\r\nHost:").await;
                times_out(&mut connection, accepted, secs(3)).await
            },
        ),
        Case::new(
            id("http-server", "silent-peer-gets-a-fin"),
            "A peer that never speaks is sent a FIN and nothing else.",
            "design 4",
            short,
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.closes_at(accepted, secs(3)).await
            },
        ),
        super::sequence(
            id("http-server", "limit-option"),
            "keepalive_request_limit of 3 closes on the third response.",
            "design 4, finding 10",
            "http-server-limit",
            vec![plain(), plain(), plain()],
            Then::Closes,
        )
        .needs("request-limit"),
    ]
}

/// Accept loops outside of Pingora's services.
fn by_hand() -> Vec<Case> {
    vec![
        Case::new(
            id("hand-written", "header-time"),
            "A head that pauses is answered with 408 in a hand-written loop as well.",
            "design 3, findings 3 and 4",
            "hand-written",
            |context| async move {
                let mut connection = context.connect().await?;
                let first = plain().with("X-Connection-Timeouts", "header=1000");
                connection.exchange(&first).await?;
                connection.send("GET / HT").await;
                let begun = connection.sent_at();
                times_out(&mut connection, begun, secs(1)).await
            },
        )
        .needs("connection-timeouts"),
        super::sequence(
            id("hand-written", "half-a-second-stays"),
            "A typed time below a second stays in a hand-written loop as well.",
            "design 3",
            "hand-written",
            vec![plain().with("X-Idle-Ms", "500"), plain()],
            Then::Idles(500),
        )
        .needs("idle-timeout"),
        super::one(
            id("hand-written", "proxied"),
            "A request that is proxied by a hand-written loop persists.",
            "design 3",
            "hand-written",
            Request::get("/length"),
            Then::Persists,
        ),
        Case::new(
            id("hand-written", "default-is-75-s"),
            "An idle connection of a hand-written loop is closed after 75 s.",
            "design 3, finding 2",
            "hand-written",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.exchange(&plain()).await?;
                connection.exchange(&plain()).await?;
                connection.idles_for(secs(75)).await
            },
        )
        .bound(secs(81)),
        Case::new(
            id("hand-written", "silent-peer-60-s"),
            "A peer of a hand-written loop that never speaks is sent a FIN after 60 s.",
            "design 3",
            "hand-written",
            |context| async move {
                let mut connection = context.connect().await?;
                let accepted = connection.sent_at();
                connection.closes_at(accepted, secs(60)).await
            },
        )
        .bound(secs(66)),
        ends_at_once(
            id("hand-written-once", "is-closed"),
            "A loop that does not feed the connection back leaves it closed, not waiting.",
            "hand-written-once",
        ),
    ]
}

/// A graceful shutdown while a connection is idle. Each has a subject process of its own to shut
/// down.
fn shut_down() -> Vec<Case> {
    const SOURCE: &str = "design 3, finding 23";
    let case = |id: &'static str, sentence: &'static str, shape: &'static str| {
        Case::new(id, sentence, SOURCE, shape, move |context| async move {
            let broken = |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
            let mut subject = context.another_subject(id).await?;
            let address = subject
                .address(shape)
                .ok_or_else(|| Failure::wrong(shape, "a subject without it"))?;
            let mut connection = context.open(address, shape).await?;
            let response = connection.exchange(&plain()).await?;
            check::served(&response)?;
            subject.shut_down().await.map_err(broken)?;
            connection.closes_within(PATIENCE).await
        })
    };
    vec![
        case(
            "shapes.proxy-shutdown-ends-idle-connections",
            "A shutdown ends the idle connections of a proxy.",
            "proxy",
        ),
        case(
            "shapes.http-server-shutdown-ends-idle-connections",
            "A shutdown ends the idle connections of an HttpServer.",
            "http-server",
        ),
        case(
            "shapes.serve-http-shutdown-ends-idle-connections",
            "A shutdown ends the idle connections of a bare ServeHttp.",
            "serve-http",
        ),
    ]
}

/// Applications that hand their connection back in ways nobody would choose.
fn mistreated() -> Vec<Case> {
    const LEASE: &str = "design 3";
    vec![
        super::sequence(
            id("bare-stream", "keeps-the-limit"),
            "An application that hands back the bare stream does not lose the request limit.",
            "design 3, finding 10",
            "bare-stream",
            vec![plain(), plain(), plain()],
            Then::Closes,
        )
        .needs("request-limit"),
        super::sequence(
            id("bare-stream", "keeps-the-policy"),
            "An application that hands back the bare stream does not lose the policy.",
            LEASE,
            "bare-stream",
            vec![plain().with("X-Keepalive", "1"), plain()],
            Then::Idles(1000),
        ),
        super::sequence(
            id("bare-stream", "keeps-the-idle-time"),
            "An application that hands back the bare stream keeps the server's idle time.",
            LEASE,
            "bare-stream",
            vec![plain(), plain()],
            Then::Idles(2000),
        ),
        ends_at_once(
            id("dropped", "is-closed"),
            "An application that drops its session leaves the connection closed, not waiting.",
            "dropped",
        ),
        Case::new(
            id("dropped", "after-zero-is-closed"),
            "A dropped session that said close is closed.",
            LEASE,
            "dropped",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection
                    .exchange(&plain().with("X-Keepalive", "0"))
                    .await?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
    ]
}

fn ends_at_once(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(id, sentence, "design 3", shape, |context| async move {
        let mut connection = context.connect().await?;
        let response = connection.exchange(&plain()).await?;
        check::status(&response, 200)?;
        check::body(&response, "hello\n")?;
        let answered = connection.answered_at();
        connection.closes_at(answered, Duration::ZERO).await
    })
}
