//! Reading off a request body that nobody wants, before the connection is used again.

use std::time::{Duration, Instant};

use super::{millis, secs};
use crate::case::{Case, Failure};
use crate::check;
use crate::wire::{Connection, Request};

const SOURCE: &str = "design 4, total_drain_timeout, finding 8";

/// A request that is answered with `keep-alive` at once, and whose body is then read off.
fn unread() -> Request {
    Request::new("POST", "/")
        .with("X-Local", "length")
        .with("X-Drain", "1")
        .declaring(1_000_000_000)
}

/// Sends the head of the request and reads the answer. Reading off begins after what is returned.
async fn answered(connection: &mut Connection, request: &Request) -> Result<Instant, Failure> {
    connection.send(request.head()).await;
    let sent = connection.sent_at();
    let response = connection.response(request).await?;
    check::status(&response, 200)?;
    check::says_keep_alive(&response)?;
    Ok(sent)
}

/// A case of a body that drips: the connection ends `time` after the response.
fn drips(
    id: &'static str,
    sentence: &'static str,
    shape: &'static str,
    request: Request,
    time: Duration,
) -> Case {
    Case::new(id, sentence, SOURCE, shape, move |context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            let from = answered(&mut connection, &request).await?;
            let bytes = vec![b'x'; time.as_millis() as usize / 300 + 10];
            connection.drip(&bytes, millis(300)).await;
            connection.ends_at(from, time).await
        }
    })
    .needs("drain-option")
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        drips(
            "drain.of-the-session",
            "A drain timeout that a request sets bounds the reading off in all.",
            "proxy",
            unread().with("X-Timeouts", "drain=1000"),
            secs(1),
        ),
        drips(
            "drain.option",
            "HttpServerOptions::total_drain_timeout bounds the reading off in all.",
            "proxy-body",
            unread(),
            secs(1),
        )
        .needs("body-options"),
        drips(
            "drain.default-is-30-s",
            "An unread body is not read off for ever.",
            "proxy",
            unread(),
            secs(30),
        )
        .bound(secs(40)),
        Case::new(
            "drain.read-timeout-counts-too",
            "Reading off ends with the read timeout, too.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = unread().with("X-Timeouts", "read=700");
                let from = answered(&mut connection, &request).await?;
                connection.ends_at(from, millis(700)).await
            },
        )
        .needs("drain-option"),
    ]
}
