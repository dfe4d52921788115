//! Reading on after the last response, so that it is not lost to a reset.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use super::{millis, secs};
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::wire::connection::PATIENCE;
use crate::wire::{Connection, Request};

const SOURCE: &str = "RFC 9112 section 9.6, finding 24";

/// The size of an upload that nobody waits for; no socket buffer takes it all.
const UPLOAD: usize = 4 * 1024 * 1024;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = taken();
    cases.extend(bounded());
    cases
}

/// What the client still sends is taken.
fn taken() -> Vec<Case> {
    vec![
        Case::new(
            "linger.early-response-to-an-upload",
            "An early 413 arrives, and the 4 MiB that are on their way meet no reset.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = upload("/").with("X-Local", "413");
                connection.send(upload.head()).await;
                let response = connection.response(&upload).await?;
                check::status(&response, 413)?;
                check::says_close(&response)?;
                connection.delivers(&vec![b'.'; UPLOAD]).await?;
                connection.closes().await
            },
        ),
        Case::new(
            "linger.response-to-an-upload-under-way",
            "A client that reads only after it has sent its 4 MiB finds the 413.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = upload("/").with("X-Local", "413");
                connection.delivers(&upload.head()).await?;
                connection.delivers(&vec![b'.'; UPLOAD]).await?;
                let response = connection.response(&upload).await?;
                check::status(&response, 413)?;
                connection.closes().await
            },
        ),
        Case::new(
            "linger.garbage-before-more-bytes",
            "A 400 to garbage arrives, and what follows the garbage meets no reset.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/");
                connection.send("\u{1}no request\r\n\r\n").await;
                check::status(&connection.response(&request).await?, 400)?;
                connection.delivers(&vec![b'.'; UPLOAD]).await?;
                connection.closes().await
            },
        ),
        Case::new(
            "linger.slow-header",
            "A 408 arrives, and what comes of the header after it meets no reset.",
            SOURCE,
            "proxy-short",
            |context| async move {
                let mut connection = context.connect().await?;
                connection.send("GET / HTTP/1.1\r\nX-Slow: ").await;
                let request = Request::get("/");
                check::status(&connection.response(&request).await?, 408)?;
                connection.delivers(&vec![b'.'; UPLOAD]).await?;
                connection.closes().await
            },
        )
        .needs("linger"),
        Case::new(
            "linger.proxied-early-response",
            "A proxied refusal does not wait for the upload: it ends the exchange at once.",
            "RFC 9112 section 9.6, design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = upload("/deaf-413");
                connection.send(upload.head()).await;
                let response = connection.response(&upload).await?;
                check::status(&response, 413)?;
                check::closes(&mut connection, &response, PATIENCE).await?;
                connection.delivers(&vec![b'.'; UPLOAD]).await
            },
        ),
        Case::new(
            "linger.proxied-upload-that-is-wanted",
            "An early response that says close, from an origin that does not, leaves the rest of the upload to it.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = Request::new("POST", "/early")
                    .with("X-Drain", "1")
                    .with("Connection", "close")
                    .declaring(5);
                connection
                    .send([upload.head(), b"he".to_vec()].concat())
                    .await;
                let response = connection.response(&upload).await?;
                check::says_close(&response)?;
                connection.stays_open(millis(500)).await?;
                connection.send("llo").await;
                connection.closes().await
            },
        )
        .needs("drain-option"),
        Case::new(
            "linger.hand-written-early-response",
            "Without a reuse loop the session itself reads on.",
            SOURCE,
            "hand-written",
            |context| async move {
                let mut connection = context.connect().await?;
                let upload = upload("/").with("X-Local", "length");
                connection.send(upload.head()).await;
                let response = connection.response(&upload).await?;
                check::says_close(&response)?;
                connection.delivers(&vec![b'.'; UPLOAD]).await?;
                connection.closes().await
            },
        ),
    ]
}

/// It ends.
fn bounded() -> Vec<Case> {
    vec![
        Case::new(
            "linger.ends-after-a-gap",
            "A client that sends nothing more is let go after the gap.",
            "design 4",
            "proxy-linger",
            |context| async move {
                let mut connection = lingering(&context).await?;
                let from = Instant::now();
                sleep(millis(2000)).await;
                connection.refuses(from, Duration::ZERO, millis(3500)).await
            },
        )
        .needs("linger"),
        Case::new(
            "linger.ends-after-the-total",
            "A client that never stops sending is let go after the time for all of it.",
            "design 4",
            "proxy-linger",
            |context| async move {
                let from = Instant::now();
                let mut connection = lingering(&context).await?;
                connection.refuses(from, millis(3900), secs(7)).await
            },
        )
        .needs("linger"),
        Case::new(
            "linger.ends-on-shutdown",
            "A connection that lingers goes at once when the server goes down.",
            "design 4",
            "proxy",
            |context| async move {
                let broken =
                    |error: anyhow::Error| Failure::wrong("a subject", format!("{error:#}"));
                let purpose = "linger-shutdown";
                let mut subject = context.another_subject(purpose).await?;
                let address = subject
                    .address("proxy")
                    .ok_or_else(|| Failure::wrong("proxy", "a subject without it"))?;
                let mut connection = context.open(address, "proxy").await?;
                early(&mut connection).await?;
                connection.delivers(b"still there").await?;
                connection.delivers(b"and there").await?;
                subject.shut_down().await.map_err(broken)?;
                connection
                    .refuses(Instant::now(), Duration::ZERO, PATIENCE)
                    .await
            },
        )
        .needs("linger"),
    ]
}

fn upload(target: &str) -> Request {
    Request::new("POST", target).declaring(UPLOAD)
}

/// A connection after an early response.
async fn lingering(context: &Context) -> Result<Connection, Failure> {
    let mut connection = context.connect().await?;
    early(&mut connection).await?;
    Ok(connection)
}

async fn early(connection: &mut Connection) -> Found {
    let upload = upload("/").with("X-Local", "413");
    connection.send(upload.head()).await;
    let response = connection.response(&upload).await?;
    check::status(&response, 413)
}
