//! HTTP/1 clients of an origin that speaks HTTP/2: neither direction waits for the other there either.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{millis, secs};
use crate::case::{Case, Context, Failure};
use crate::check::{self, Then};
use crate::origin::http2::{End, Http2Origin, Stream};
use crate::wire::{Connection, Request};

const SOURCE: &str = "RFC 9113 section 8.1, design 3";

/// The shape that no other case's connections push out of the pool.
const SHAPE: &str = "proxy-pool";

/// More than the buffers on the way hold.
const MUCH: usize = 64 << 20;

/// How long after its client is gone a stream may stay.
const LET_GO: Duration = Duration::from_millis(1500);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "h2-origin.request-and-response",
            "A request with a body is passed on whole, and its connection persists.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = origin.asked(Request::new("POST", "/")).body("hello");
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                let mut stream = origin.accept().await?;
                stream.reads(5).await?;
                complete(stream.ends_within(LET_GO).await?)?;
                stream.answers(200, true)?;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "h2-origin.refused-while-it-is-blocked",
            "A refusal by an origin that makes no room for the upload reaches the client.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = upload(&origin);
                let (mut connection, mut stream) = blocked(&context, &origin, &request).await?;
                stream.answers(413, true)?;
                let response = connection.response(&request).await?;
                check::status(&response, 413)?;
                check::says_close(&response)?;
                stream.is_reset_within(LET_GO).await
            },
        )
        .bound(secs(20)),
        Case::new(
            "h2-origin.early-200-does-not-cut-it",
            "Any other early response leaves the rest of the upload to the origin.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = origin.asked(Request::new("POST", "/").declaring(10));
                let mut connection = context.connect().await?;
                connection.send(request.head()).await;
                connection.send("hello").await;
                let mut stream = origin.accept().await?;
                stream.reads(5).await?;
                stream.answers(200, true)?;
                check::status(&connection.response(&request).await?, 200)?;
                connection.send("hello").await;
                stream.reads(5).await?;
                complete(stream.ends_within(LET_GO).await?)
            },
        ),
        Case::new(
            "h2-origin.client-leaves-its-upload",
            "A client's FIN within its upload resets the stream: it does not end it.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = upload(&origin);
                let mut connection = context.connect().await?;
                connection.send(request.head()).await;
                connection.send("hello").await;
                let mut stream = origin.accept().await?;
                stream.reads(5).await?;
                connection.finish_sending().await;
                match stream.ends_within(LET_GO).await? {
                    End::Reset => Ok(()),
                    End::Complete => Err(Failure::wrong("a reset", "the end of the body")),
                }
            },
        ),
        Case::new(
            "h2-origin.reset-while-it-is-blocked",
            "A client that resets while there is no room for its upload leaves no stream.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = upload(&origin);
                let (connection, mut stream) = blocked(&context, &origin, &request).await?;
                connection.reset();
                stream.is_reset_within(LET_GO).await
            },
        )
        .bound(secs(20)),
        Case::new(
            "h2-origin.stalled",
            "An origin that makes no room for its write timeout is given up.",
            SOURCE,
            SHAPE,
            |context| async move {
                let origin = Http2Origin::start().await?;
                let request = upload(&origin).with("X-Peer-Write-Ms", "2000");
                let (mut connection, mut stream) = blocked(&context, &origin, &request).await?;
                let response = connection.response(&request).await?;
                check::status(&response, 502)?;
                stream.is_reset_within(LET_GO).await
            },
        )
        .bound(secs(20)),
        Case::new(
            "h2-origin.goes-on-while-nothing-is-read",
            "An upload goes on while its client takes nothing of the response.",
            SOURCE,
            SHAPE,
            |context| async move { goes_on(&context).await },
        )
        .bound(secs(20)),
    ]
}

fn upload(origin: &Http2Origin) -> Request {
    origin.asked(Request::new("POST", "/").declaring(MUCH))
}

/// Sends `request` until nothing more of its body is taken.
async fn blocked(
    context: &Context,
    origin: &Http2Origin,
    request: &Request,
) -> Result<(Connection, Stream), Failure> {
    let mut connection = context.connect().await?;
    connection.send(request.head()).await;
    let stream = origin.accept().await?;
    let _ = timeout(millis(500), connection.send_zeros(MUCH)).await;
    Ok((connection, stream))
}

fn complete(end: End) -> Result<(), Failure> {
    match end {
        End::Complete => Ok(()),
        End::Reset => Err(Failure::wrong("the end of the request body", "a reset")),
    }
}

async fn goes_on(context: &Context) -> Result<(), Failure> {
    const UPLOAD: usize = 8 << 20;
    let failed = |error: std::io::Error| Failure::wrong("a connection", error.to_string());
    let origin = Http2Origin::start().await?;
    let request = origin.asked(Request::new("POST", "/").declaring(UPLOAD));
    let mut client = TcpStream::connect(context.address()?)
        .await
        .map_err(failed)?;
    client.write_all(&request.head()).await.map_err(failed)?;
    let mut stream = origin.accept().await?;
    stream.answers(200, false)?;
    stream.says(MUCH)?;
    // until the response fills what is on its way
    client.readable().await.map_err(failed)?;
    tokio::time::sleep(millis(500)).await;
    let bytes = vec![b'.'; UPLOAD];
    let (sent, read) = tokio::join!(
        timeout(secs(10), client.write_all(&bytes)),
        stream.reads(UPLOAD)
    );
    read?;
    match sent {
        Ok(sent) => sent.map_err(failed),
        Err(_) => Err(Failure::hang(
            "the upload taken",
            "a proxy that reads nothing",
        )),
    }
}
