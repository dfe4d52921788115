//! What is for one hop only, and what a cache says of a connection that it did not see.

use crate::case::{Case, Context, Failure};
use crate::check::{self, Then};
use crate::wire::connection::Connection;
use crate::wire::response::Framing;
use crate::wire::{Request, Response};

const HOPS: &str = "RFC 9110 section 7.6.1, checklist 14, finding 25";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "cache.hop-by-hop-stops-at-the-proxy",
            "What an origin says of its own connection does not pass on.",
            HOPS,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&Request::get("/hop-by-hop")).await?;
                stopped(&response)?;
                Then::PersistsSaying(Some("timeout=74"))
                    .check(&mut connection, &response)
                    .await
            },
        ),
        Case::new(
            "cache.hop-by-hop-is-not-stored",
            "Nor is it replayed from the cache.",
            HOPS,
            "proxy",
            |context| async move {
                let request = Request::get("/hop-by-hop").with("X-Cache", "hop-by-hop");
                let (mut connection, response) = hit(&context, &request, &request).await?;
                stopped(&response)?;
                Then::PersistsSaying(Some("timeout=74"))
                    .check(&mut connection, &response)
                    .await
            },
        )
        .needs("cache"),
        Case::new(
            "cache.hop-by-hop-is-not-replayed-on-close",
            "What an origin said of its own connection is not on a hit that closes.",
            HOPS,
            "proxy",
            |context| async move {
                let request = Request::get("/hop-by-hop").with("X-Cache", "hop-by-hop-on-close");
                let closing = request.clone().with("X-Keepalive", "none");
                let (mut connection, response) = hit(&context, &request, &closing).await?;
                stopped(&response)?;
                Then::Closes.check(&mut connection, &response).await
            },
        )
        .needs("cache"),
        Case::new(
            "cache.hop-by-hop-of-a-request",
            "What a client says of its own connection does not reach the origin.",
            HOPS,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/echo-head")
                    .line("Connection: X-Hop, TE")
                    .line("connection: keep-alive")
                    .with("X-Hop", "1")
                    .with("TE", "trailers")
                    .with("Keep-Alive", "timeout=7")
                    .with("Proxy-Connection", "keep-alive")
                    .with("Upgrade", "h2c")
                    .with("X-End", "1");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                let head = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
                let passed = |name: &str| head.contains(&format!("\r\n{name}:"));
                for name in ["x-hop", "te", "keep-alive", "proxy-connection", "upgrade"] {
                    if passed(name) {
                        return Err(Failure::wrong(format!("no {name} at the origin"), head));
                    }
                }
                if !passed("x-end") {
                    return Err(Failure::wrong("X-End at the origin", head));
                }
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        one_hit(
            "cache.hit-persists",
            "A response from the cache ends for the client and persists.",
            "chunked",
            |request| request,
            Framing::Chunked,
            Then::Persists,
        ),
        one_hit(
            "cache.hit-closes-as-the-client-asks",
            "A response from the cache says close to a client that asked for it.",
            "asked",
            |request| request.with("Connection", "close"),
            Framing::Chunked,
            Then::Closes,
        ),
        one_hit(
            "cache.hit-to-http10",
            "A response from the cache is not chunked to HTTP/1.0.",
            "http10",
            |request| request.http10().with("Connection", "keep-alive"),
            Framing::CloseDelimited,
            Then::Closes,
        ),
        Case::new(
            "cache.hit-to-head",
            "The answer to HEAD from the cache has no body, and the connection persists.",
            "RFC 9112 section 6.3",
            "proxy",
            |context| async move {
                let get = Request::get("/chunked").with("X-Cache", "head");
                let head = get.clone().method("HEAD");
                let (mut connection, response) = hit(&context, &get, &head).await?;
                check::status(&response, 200)?;
                Then::Persists.check(&mut connection, &response).await
            },
        )
        .needs("cache"),
        Case::new(
            "cache.hit-to-head-of-http10",
            "The answer to an HTTP/1.0 HEAD from the cache names no coding.",
            "RFC 9112 section 6.1",
            "proxy",
            |context| async move {
                let get = Request::get("/chunked").with("X-Cache", "head-http10");
                let head = get
                    .clone()
                    .method("HEAD")
                    .http10()
                    .with("Connection", "keep-alive");
                let (mut connection, response) = hit(&context, &get, &head).await?;
                check::without(&response, "Transfer-Encoding")?;
                Then::Persists.check(&mut connection, &response).await
            },
        )
        .needs("cache"),
    ]
}

/// Nothing of `/hop-by-hop` but what is for the client.
fn stopped(response: &Response) -> Result<(), Failure> {
    check::status(response, 200)?;
    for name in ["X-Hop", "Proxy-Connection", "Upgrade"] {
        check::without(response, name)?;
    }
    match response.value("X-End") {
        Some(_) => Ok(()),
        None => Err(Failure::wrong("X-End", response.to_string())),
    }
}

/// Fills the cache with `first` and has `second` answered from it.
async fn hit(
    context: &Context,
    first: &Request,
    second: &Request,
) -> Result<(Connection, Response), Failure> {
    let mut connection = context.connect().await?;
    check::status(&connection.exchange(first).await?, 200)?;
    let response = connection.exchange(second).await?;
    if response.value("Age").is_none() {
        return Err(Failure::wrong("a hit, with its Age", response.to_string()));
    }
    Ok((connection, response))
}

fn one_hit(
    id: &'static str,
    sentence: &'static str,
    key: &'static str,
    second: fn(Request) -> Request,
    framing: Framing,
    then: Then,
) -> Case {
    let source = "RFC 9112 sections 6.1 and 9.3, finding 21";
    Case::new(id, sentence, source, "proxy", move |context| async move {
        let first = Request::get("/chunked").with("X-Cache", key);
        let (mut connection, response) = hit(&context, &first, &second(first.clone())).await?;
        check::framed(&response, framing)?;
        check::body(&response, "hello\n")?;
        then.check(&mut connection, &response).await
    })
    .needs("cache")
}
