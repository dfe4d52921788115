//! Connections to upstreams: how long they wait in the pool, and how often they are used again.
//!
//! Each case has an origin of its own, so that no other finds its connections.

use futures_util::future::try_join_all;
use tokio::time::sleep;

use super::{millis, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::origin::limited::{Between, LimitedOrigin, Limits, Seen};
use crate::wire::{Connection, Request};

const SOURCE: &str = "design 4, finding 16";

/// The shape that no other case's connections push out of the pool.
const SHAPE: &str = "proxy-pool";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = counted();
    cases.extend(timed());
    cases.extend(unannounced());
    cases.push(
        Case::new(
            "pool.a-thousand-requests",
            "1,000 requests to an origin that gives connections up when it said so are all answered, \
             and connections are reused.",
            SOURCE,
            SHAPE,
            |context| async move { thousand(&context).await },
        )
        .after(secs(2))
        .bound(secs(60)),
    );
    cases
}

/// A request to `origin`, not to the harness's.
fn to(origin: &LimitedOrigin) -> Request {
    Request::get("/length").with("X-Origin", &origin.address().to_string())
}

/// Sends as many requests, one after the other; what the origin has seen then.
async fn ask(context: &Context, origin: &LimitedOrigin, times: usize) -> Result<Seen, Failure> {
    let mut connection = context.connect().await?;
    for _ in 0..times {
        let response = connection.exchange(&to(origin)).await?;
        check::status(&response, 200)?;
    }
    Ok(origin.seen())
}

fn connections(seen: &Seen, expected: usize) -> Found {
    if seen.connections == expected {
        return Ok(());
    }
    Err(Failure::wrong(
        format!(
            "{expected} upstream connections for {} requests",
            seen.requests
        ),
        seen.connections.to_string(),
    ))
}

/// How many connections a number of requests takes, whatever time it takes.
fn counted() -> Vec<Case> {
    let case = |id, sentence, limits: Limits, requests, expected| {
        Case::new(id, sentence, SOURCE, SHAPE, move |context| {
            let limits = limits.clone();
            async move {
                let origin = LimitedOrigin::start(limits).await?;
                let seen = ask(&context, &origin, requests).await?;
                connections(&seen, expected)
            }
        })
    };
    let only_first = Limits {
        first: "Keep-Alive: max=1\r\n".to_owned(),
        ..Limits::default()
    };
    vec![
        case(
            "pool.without-the-field-is-pooled",
            "A connection of whose end the origin says nothing is reused.",
            Limits::default(),
            5,
            1,
        ),
        case(
            "pool.a-long-time-is-pooled",
            "A connection that the origin keeps for long is reused.",
            Limits::saying("Connection: keep-alive\r\nKeep-Alive: timeout=60, max=100\r\n"),
            5,
            1,
        ),
        case(
            "pool.timeout-0-is-not-pooled",
            "timeout=0 is no time, not no limit.",
            Limits::saying("Connection: keep-alive\r\nKeep-Alive: timeout=0\r\n"),
            3,
            3,
        ),
        case(
            "pool.timeout-1-is-not-pooled",
            "A time that the margin takes up leaves none in the pool.",
            Limits::saying("Keep-Alive: timeout=1\r\n"),
            3,
            3,
        ),
        case(
            "pool.max-bounds-reuse",
            "max=2 allows two further requests, however often it is said.",
            Limits::saying("Connection: keep-alive\r\nKeep-Alive: timeout=60, max=2\r\n"),
            6,
            2,
        ),
        case(
            "pool.max-0-is-not-pooled",
            "max=0 allows no further request.",
            Limits::saying("Keep-Alive: max=0\r\n"),
            3,
            3,
        ),
        case(
            "pool.max-counts-where-it-is-left-out",
            "A max counts down with each request, also where later responses leave it out.",
            only_first,
            4,
            2,
        ),
        case(
            "pool.a-second-line-counts",
            "Every Keep-Alive line of a response is read.",
            Limits::saying("Keep-Alive: timeout=60\r\nKeep-Alive: max=0\r\n"),
            3,
            3,
        ),
    ]
}

/// How long connections stay.
fn timed() -> Vec<Case> {
    /// The connection is closed `time` after the response.
    async fn leaves_after(
        context: &Context,
        limits: Limits,
        request: fn(&LimitedOrigin) -> Request,
        time: std::time::Duration,
    ) -> Found {
        let origin = LimitedOrigin::start(limits).await?;
        let mut connection = context.connect().await?;
        let response = connection.exchange(&request(&origin)).await?;
        check::status(&response, 200)?;
        let left = origin.left(1).await?.left[0];
        if left + millis(50) < time || left > time + millis(900) {
            return Err(Failure::wrong(
                format!("the upstream connection closed after {time:?}"),
                format!("after {left:?}"),
            ));
        }
        Ok(())
    }
    vec![
        Case::new(
            "pool.timeout-leaves-a-margin",
            "A connection with timeout=3 leaves the pool after two seconds.",
            SOURCE,
            SHAPE,
            |context| async move {
                let limits = Limits::saying("Keep-Alive: timeout=3\r\n");
                leaves_after(&context, limits, to, secs(2)).await
            },
        ),
        Case::new(
            "pool.the-peers-idle-time-is-an-upper-bound",
            "The application's idle time for the peer counts where it is shorter.",
            "design 4",
            SHAPE,
            |context| async move {
                let limits = Limits::saying("Keep-Alive: timeout=60\r\n");
                let request = |origin: &_| to(origin).with("X-Peer-Idle-Ms", "700");
                leaves_after(&context, limits, request, millis(700)).await
            },
        ),
        Case::new(
            "pool.a-slow-downstream-uses-up-the-time",
            "The time in the pool counts from the last byte of the origin, not of the client.",
            "design 4, finding 32",
            SHAPE,
            |context| async move {
                let limits = Limits::saying("Keep-Alive: timeout=3\r\n");
                let origin = LimitedOrigin::start(limits).await?;
                let mut connection = context.connect().await?;
                let slow = to(&origin).with("X-Body-Delay-Ms", "2300");
                let response = connection.exchange(&slow).await?;
                check::status(&response, 200)?;
                let response = connection.exchange(&to(&origin)).await?;
                check::status(&response, 200)?;
                connections(&origin.seen(), 2)
            },
        ),
    ]
}

/// What origins do without a word.
fn unannounced() -> Vec<Case> {
    let case = |id, sentence, between| {
        Case::new(id, sentence, "design 4", SHAPE, move |context| async move {
            let limits = Limits {
                between,
                ..Limits::default()
            };
            let origin = LimitedOrigin::start(limits).await?;
            let mut connection = context.connect().await?;
            for sent in 1..=3 {
                let response = connection.exchange(&to(&origin)).await?;
                check::status(&response, 200)?;
                check::body(&response, crate::origin::BODY)?;
                connections(&origin.seen(), sent)?;
                if between == Between::Closes {
                    // nobody can say when the service has heard of a FIN
                    sleep(millis(200)).await;
                } else {
                    origin.left(sent).await?;
                }
            }
            Ok(())
        })
    };
    vec![
        case(
            "pool.closed-by-the-origin-is-not-reused",
            "A connection that the origin has closed is not used again.",
            Between::Closes,
        ),
        case(
            "pool.stray-bytes-are-no-response",
            "A connection with bytes that nobody asked for is not used again.",
            Between::StraysLater,
        ),
        case(
            "pool.stray-bytes-behind-a-response",
            "Neither is one on which they came with the response.",
            Between::Strays,
        ),
    ]
}

/// How many clients ask, each with a pool of its own.
const CLIENTS: usize = 125;

/// How long each waits before its next request. The origin gives connections up after two seconds,
/// and the service hears of it half a second later.
const WAITS: [u64; 8] = [0, 200, 400, 700, 900, 1400, 2100, 2250];

async fn thousand(context: &Context) -> Found {
    let mut limits = Limits::saying("Keep-Alive: timeout=2\r\n");
    limits.idle = Some(secs(2));
    limits.news = millis(500);
    let origin = LimitedOrigin::start(limits).await?;
    let clients = (0..CLIENTS).map(|client| {
        let origin = &origin;
        async move {
            let mut connection = context.connect().await?;
            // Too large to be kept for a second try: what is lost cannot be sent again.
            let body = "x".repeat(80 * 1024);
            let request = Request::new("POST", "/")
                .with("X-Origin", &origin.address().to_string())
                .with("X-Pool", &client.to_string())
                .with("Connection", "keep-alive")
                .body(&body);
            // each client begins at another of the waits
            for turn in 0..WAITS.len() {
                exchange(&mut connection, &request).await?;
                sleep(millis(WAITS[(client + turn) % WAITS.len()])).await;
            }
            Ok::<_, Failure>(())
        }
    });
    try_join_all(clients).await?;
    let seen = origin.seen();
    let requests = CLIENTS * WAITS.len();
    if seen.lost > 0 || seen.requests != requests {
        return Err(Failure::wrong(
            format!("{requests} requests answered, none lost"),
            format!("{seen:?}"),
        ));
    }
    // Five of the waits are shorter than what the margin leaves; busy machines may stretch some.
    if seen.connections > requests * 3 / 4 {
        return Err(Failure::wrong(
            format!("connections reused for {requests} requests"),
            format!("{} of them", seen.connections),
        ));
    }
    context.measured(format!(
        "{requests} requests over {} upstream connections",
        seen.connections
    ));
    Ok(())
}

async fn exchange(connection: &mut Connection, request: &Request) -> Found {
    let response = connection.exchange(request).await?;
    check::status(&response, 200)
}
