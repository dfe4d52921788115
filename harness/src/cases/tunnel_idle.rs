//! Tunnels: how long they may be idle, and what does not end them.

use futures_util::future::try_join_all;

use super::{millis, secs};
use crate::case::{Case, Failure, Found};
use crate::check;
use crate::origin::hasty::HastyOrigin;
use crate::wire::{Connection, Request};

const SOURCE: &str = "design 4";

/// Asks the origin to switch protocols, in one of its ways.
async fn switch(
    connection: &mut Connection,
    target: &str,
    field: Option<(&str, &str)>,
) -> Result<(), Failure> {
    let mut request = Request::get(target)
        .with("Connection", "Upgrade")
        .with("Upgrade", "websocket");
    if let Some((name, value)) = field {
        request = request.with(name, value);
    }
    connection.send(request.bytes()).await;
    let response = connection.next_response(&request).await?;
    check::status(&response, 101)
}

/// The tunnel sends back what it is sent.
async fn echoes(connection: &mut Connection) -> Found {
    connection.send("ping").await;
    let back = connection.raw_bytes(4).await?;
    if back == b"ping" {
        return Ok(());
    }
    Err(Failure::wrong("the same bytes back", format!("{back:?}")))
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "tunnel.an-idle-one-is-reset",
            "A tunnel through which nothing passes is reset after the tunnel timeout.",
            SOURCE,
            "proxy-tunnel",
            |context| async move {
                let mut connection = context.connect().await?;
                switch(&mut connection, "/upgrade", None).await?;
                echoes(&mut connection).await?;
                let from = connection.sent_at();
                connection.resets_at(from, secs(2)).await
            },
        )
        .needs("tunnel-timeout"),
        Case::new(
            "tunnel.traffic-keeps-it",
            "A tunnel in use outlives the tunnel timeout.",
            SOURCE,
            "proxy-tunnel",
            |context| async move {
                let mut connection = context.connect().await?;
                switch(&mut connection, "/upgrade", None).await?;
                for _ in 0..4 {
                    connection.stays_open(millis(1000)).await?;
                    echoes(&mut connection).await?;
                }
                Ok(())
            },
        )
        .needs("tunnel-timeout"),
        Case::new(
            "tunnel.bytes-from-the-client-keep-it",
            "A tunnel whose client alone sends outlives the tunnel timeout.",
            SOURCE,
            "proxy-tunnel",
            |context| async move {
                let mut connection = context.connect().await?;
                switch(&mut connection, "/upgrade-sink", None).await?;
                for _ in 0..4 {
                    connection.stays_open(millis(1000)).await?;
                    connection.send("ping").await;
                }
                let from = connection.sent_at();
                connection.resets_at(from, secs(2)).await
            },
        )
        .needs("tunnel-timeout"),
        Case::new(
            "tunnel.bytes-to-the-client-keep-it",
            "A tunnel whose client only listens outlives the tunnel timeout.",
            SOURCE,
            "proxy-tunnel",
            |context| async move {
                let mut connection = context.connect().await?;
                switch(&mut connection, "/upgrade-source/1000", None).await?;
                connection.raw_bytes(4).await.map(drop)
            },
        )
        .needs("tunnel-timeout"),
        Case::new(
            "tunnel.the-read-timeout-does-not-apply",
            "The time for request bodies on a connection does not end a tunnel that is silent.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let field = Some(("X-Connection-Timeouts", "read=500"));
                switch(&mut connection, "/upgrade", field).await?;
                connection.stays_open(millis(1500)).await?;
                echoes(&mut connection).await
            },
        )
        .needs("connection-timeouts"),
        Case::new(
            "tunnel.the-applications-read-timeout-applies",
            "What an application sets with set_read_timeout() ends its tunnel that is silent.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let field = Some(("X-Timeouts", "read=1000"));
                switch(&mut connection, "/upgrade", field).await?;
                echoes(&mut connection).await?;
                connection.stays_open(millis(600)).await?;
                echoes(&mut connection).await?;
                let from = connection.sent_at();
                connection.resets_at(from, secs(1)).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "tunnel.connect-follows-the-applications-read-timeout",
            "The same holds for a tunnel that CONNECT opened.",
            SOURCE,
            "proxy-connect",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("CONNECT", "echo.test:443")
                    .replacing_host("echo.test:443")
                    .with("X-Timeouts", "read=1000");
                connection.send(request.bytes()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 200)?;
                echoes(&mut connection).await?;
                let from = connection.sent_at();
                connection.resets_at(from, secs(1)).await
            },
        )
        .needs("connect-option")
        .needs("tunnel-timeout"),
        Case::new(
            "tunnel.a-101-that-overtakes-its-request",
            "A tunnel stays open though the 101 was there before the end of the request.",
            "RFC 9110 section 7.8",
            "proxy",
            |context| async move {
                let origin = HastyOrigin::start().await?;
                let address = origin.address().to_string();
                let tunnel = || async {
                    let mut connection = context.connect().await?;
                    switch(&mut connection, "/", Some(("X-Origin", &address))).await?;
                    echoes(&mut connection).await
                };
                // Which of the two the proxy sees first is a matter of chance: most often the one,
                // at times the other.
                for _ in 0..20 {
                    try_join_all((0..10).map(|_| tunnel())).await?;
                }
                Ok(())
            },
        ),
    ]
}
