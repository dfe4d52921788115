//! Clients that watch their idle connections: they let go when the server does, and not when a request
//! is to go out.

use super::{plain, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::clients::fetch::Session;
use crate::clients::hyper;
use crate::clients::tap::Tap;
use crate::clients::Client;
use crate::wire::Transport;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "watching.lets-go-with-the-server",
            "A client that watches its idle connections closes its own end when the server does.",
            "RFC 9112 section 9.5, design 4",
            "proxy",
            lets_go_with_the_server,
        )
        .clients(&Client::that(|can| can.watch))
        .over(&[Transport::Plain, Transport::Tls]),
        Case::new(
            "watching.hyper-is-told",
            "hyper's connection, in no pool, ends without an error at the end of the idle time.",
            "RFC 9112 section 9.5, design 4",
            "proxy",
            hyper_is_told,
        )
        .clients(&[Client::Hyper]),
    ]
}

async fn lets_go_with_the_server(context: Context) -> Found {
    let mut tap = Tap::open(&context).await?;
    let mut session = Session::open(&context, &tap)?;
    let request = plain().with("X-Keepalive", "1");
    let page = session.fetch(&context, &tap, &request, secs(4)).await?;
    page.is("hello\n")?;
    tap.server_closes_within(secs(2)).await?;
    tap.client_follows_within(secs(4)).await
}

async fn hyper_is_told(context: Context) -> Found {
    let tap = Tap::open(&context).await?;
    let mut connection = hyper::Connection::open(&tap).await?;
    for _ in 0..2 {
        let request = plain().with("X-Keepalive", "1");
        match connection.fetch(&request).await? {
            (200, 6) => {}
            page => return Err(Failure::wrong("200 and 6 bytes", format!("{page:?}"))),
        }
    }
    connection.ends_within(secs(2)).await
}
