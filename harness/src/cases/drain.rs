//! Reading off a request body that nobody wants, before the connection is used again.

use std::time::Duration;

use super::{millis, secs};
use crate::case::{Case, Found};
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

/// Sends the head of the request and reads the answer.
async fn answered(connection: &mut Connection, request: &Request) -> Found {
    connection.send(request.head()).await;
    let response = connection.response(request).await?;
    check::status(&response, 200)?;
    check::says_keep_alive(&response)
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
            answered(&mut connection, &request).await?;
            let from = connection.answered_at();
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
                answered(&mut connection, &request).await?;
                let from = connection.answered_at();
                connection.ends_at(from, millis(700)).await
            },
        )
        .needs("drain-option"),
        Case::new(
            "drain.a-flood-does-not-outrun-it",
            "Reading off ends in time though there is always something to read.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = unread().with("X-Timeouts", "drain=1000");
                answered(&mut connection, &request).await?;
                let from = connection.answered_at();
                connection.send_zeros(usize::MAX).await;
                connection.ends_at(from, secs(1)).await
            },
        )
        .needs("drain-option"),
    ]
}
