//! With pipelining off, bytes that come while a response is under way.

use super::{millis, plain};
use crate::case::{Case, Context};
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::response::Framing;
use crate::wire::Request;
use tokio::time::sleep;

const SOURCE: &str = "RFC 9112 section 9.3.2, design 4, finding 20";

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "early.request-while-the-origin-works",
            "The response in flight says close and is delivered whole.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-head/3000").with("X-Keepalive", "60");
                connection.send(request.bytes()).await;
                sleep(millis(150)).await;
                connection.send(plain().bytes()).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::body(&response, "hello\n")?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        ),
        unread(
            "early.request-while-the-application-works",
            "A request that nobody has read yet is served next.",
            "proxy",
        ),
        unread(
            "early.request-while-http-server-works",
            "The same with HttpServer.",
            "http-server",
        ),
        during_the_body(
            "early.request-during-a-proxied-body",
            "After a keep-alive head the request is served next, and the response is whole.",
            "proxy",
        ),
        during_the_body(
            "early.request-during-a-proxied-body-by-hand",
            "The same in a hand-written accept loop.",
            "hand-written",
        )
        // the shape came with 0.9
        .needs("pipelining"),
        Case::new(
            "early.pieces-during-a-proxied-body",
            "The same where the request comes in pieces, most of them later.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/large/2000");
                connection.send(request.bytes()).await;
                connection.something_comes().await?;
                let next = plain().bytes();
                let (now, later) = next.split_at(2);
                connection.send(now).await;
                let response = connection.response(&request).await?;
                check::framed(&response, Framing::Chunked)?;
                check::says_keep_alive(&response)?;
                connection.send(later).await;
                let second = connection.response(&plain()).await?;
                check::status(&second, 200)?;
                Then::Persists.check(&mut connection, &second).await
            },
        ),
        Case::new(
            "early.empty-line-while-the-origin-works",
            "An empty line neither aborts the response nor ends the connection.",
            "RFC 9112 section 2.2, finding 20",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-head/3000");
                connection.send(request.bytes()).await;
                sleep(millis(150)).await;
                connection.send("\r\n").await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "early.much-while-the-origin-works",
            "However much comes, the response is delivered before the connection ends.",
            SOURCE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-head/3000");
                connection.send(request.bytes()).await;
                sleep(millis(150)).await;
                connection.send("x".repeat(16 * 1024)).await;
                let response = connection.response(&request).await?;
                check::status(&response, 200)?;
                check::body(&response, "hello\n")?;
                check::says_close(&response)
            },
        ),
    ]
}

fn unread(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(id, sentence, SOURCE, shape, |context: Context| async move {
        let mut connection = context.connect().await?;
        let request = plain().with("X-Delay-Ms", "3000");
        connection.send(request.bytes()).await;
        sleep(millis(150)).await;
        connection.send(plain().bytes()).await;
        for _ in 0..2 {
            let response = connection.response(&plain()).await?;
            check::status(&response, 200)?;
            check::says_keep_alive(&response)?;
        }
        Ok(())
    })
}

fn during_the_body(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(id, sentence, SOURCE, shape, |context: Context| async move {
        let mut connection = context.connect().await?;
        let request = Request::get("/large/2000");
        connection.send(request.bytes()).await;
        connection.something_comes().await?;
        connection.send(plain().bytes()).await;
        let response = connection.response(&request).await?;
        check::framed(&response, Framing::Chunked)?;
        check::says_keep_alive(&response)?;
        let second = connection.response(&plain()).await?;
        check::status(&second, 200)?;
        Then::Persists.check(&mut connection, &second).await
    })
}
