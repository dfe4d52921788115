//! I/O timeouts: those of a request are for its exchange, those of the connection stay.

use tokio::time::sleep;

use super::{header, millis, plain, secs};
use crate::case::{Case, Failure};
use crate::check;
use crate::wire::{Connection, Request};

const SOURCE: &str = "design 4, finding 6";

/// Sends a request whose body stops half-way; returns it.
async fn stalls(connection: &mut Connection, field: Option<(&str, &str)>) -> Request {
    let mut request = Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Read-Body", "1")
        .declaring(5);
    if let Some((name, value)) = field {
        request = request.with(name, value);
    }
    connection
        .send([request.head(), b"he".to_vec()].concat())
        .await;
    request
}

/// The rest of a stalled body is still welcome.
async fn goes_on(connection: &mut Connection, request: &Request) -> Result<(), Failure> {
    connection.stays_open(millis(1800)).await?;
    connection.send("llo").await;
    let response = connection.response(request).await?;
    check::status(&response, 200)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = seen_on_the_wire();
    cases.extend(told());
    cases
}

/// What an exchange begins with, as the session tells it.
fn told() -> Vec<Case> {
    let for_one = |id, sentence, set| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| async move {
            let mut connection = context.connect().await?;
            let tell = plain().with("X-Tell", "1");
            let first = told_timeouts(&mut connection, &tell).await?;
            told_timeouts(&mut connection, &tell.clone().with("X-Timeouts", set)).await?;
            let third = told_timeouts(&mut connection, &tell).await?;
            if third == first {
                return Ok(());
            }
            Err(Failure::wrong(format!("again {first}"), third))
        })
        .needs("read-timeout")
    };
    let for_all = |id, sentence, set: &'static str| {
        Case::new(id, sentence, SOURCE, "proxy", move |context| async move {
            let mut connection = context.connect().await?;
            let tell = plain().with("X-Tell", "1");
            let set_it = tell.clone().with("X-Connection-Timeouts", set);
            told_timeouts(&mut connection, &set_it).await?;
            for _ in 0..2 {
                let told = told_timeouts(&mut connection, &tell).await?;
                if !told.split(", ").any(|timeout| timeout == set) {
                    return Err(Failure::wrong(set, told));
                }
            }
            Ok(())
        })
        .needs("connection-timeouts")
    };
    vec![
        for_one(
            "timeouts.a-request-leaves-the-read-timeout",
            "The next exchange begins with the read timeout of the connection.",
            "read=5000",
        ),
        for_one(
            "timeouts.a-request-leaves-the-write-timeout",
            "The next exchange begins with the write timeout of the connection.",
            "write=5000",
        ),
        for_one(
            "timeouts.a-request-leaves-the-drain-timeout",
            "The next exchange begins with the drain timeout of the connection.",
            "drain=5000",
        ),
        for_all(
            "timeouts.the-connection-keeps-the-read-timeout",
            "Later exchanges begin with the read timeout set for the connection.",
            "read=5000",
        ),
        for_all(
            "timeouts.the-connection-keeps-the-write-timeout",
            "Later exchanges begin with the write timeout set for the connection.",
            "write=5000",
        ),
        for_all(
            "timeouts.the-connection-keeps-the-drain-timeout",
            "Later exchanges begin with the drain timeout set for the connection.",
            "drain=5000",
        ),
    ]
}

async fn told_timeouts(connection: &mut Connection, request: &Request) -> Result<String, Failure> {
    let response = connection.exchange(request).await?;
    let told = response.value("X-Told-Timeouts");
    told.ok_or_else(|| Failure::wrong("X-Told-Timeouts", response.to_string()))
}

fn seen_on_the_wire() -> Vec<Case> {
    vec![
        Case::new(
            "timeouts.read-timeout-cuts-its-exchange",
            "A read timeout that a request sets ends its own stalled body.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                stalls(&mut connection, Some(("X-Timeouts", "read=700"))).await;
                let sent = connection.sent_at();
                connection.ends_at(sent, millis(700)).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "timeouts.read-timeout-is-for-one-exchange",
            "A read timeout that a request sets does not count for the next one.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Timeouts", "read=700"))
                    .await?;
                let request = stalls(&mut connection, None).await;
                goes_on(&mut connection, &request).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "timeouts.read-timeout-does-not-bound-the-idle-time",
            "A read timeout that a request sets does not cut the idle time after it.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Timeouts", "read=500"))
                    .await?;
                sleep(millis(1500)).await;
                check::serves_another(&mut connection).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "timeouts.connection-read-timeout-stays",
            "A read timeout set for the connection counts for later requests.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Connection-Timeouts", "read=700"))
                    .await?;
                connection.exchange(&plain()).await?;
                stalls(&mut connection, None).await;
                let sent = connection.sent_at();
                connection.ends_at(sent, millis(700)).await
            },
        )
        .needs("connection-timeouts"),
        Case::new(
            "timeouts.none-of-one-does-not-unprotect-the-next",
            "A request's None leaves the connection's read timeout for the next request.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Connection-Timeouts", "read=700"))
                    .await?;
                connection
                    .exchange(&plain().with("X-Timeouts", "read=none"))
                    .await?;
                stalls(&mut connection, None).await;
                let sent = connection.sent_at();
                connection.ends_at(sent, millis(700)).await
            },
        )
        .needs("connection-timeouts"),
        Case::new(
            "timeouts.none-counts-for-its-exchange",
            "A request's None lifts the connection's read timeout for itself.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Connection-Timeouts", "read=700"))
                    .await?;
                let none = Some(("X-Timeouts", "read=none"));
                let request = stalls(&mut connection, none).await;
                goes_on(&mut connection, &request).await
            },
        )
        .needs("connection-timeouts"),
        Case::new(
            "timeouts.connection-header-timeout-stays",
            "A header timeout set for the connection counts for later requests.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Connection-Timeouts", "header=1000"))
                    .await?;
                connection.exchange(&plain()).await?;
                connection.send("GET / HT").await;
                let begun = connection.sent_at();
                header::times_out(&mut connection, begun, secs(1)).await
            },
        )
        .needs("connection-timeouts"),
    ]
}
