//! Framing that cannot be, in requests and in responses.

use crate::case::{Case, Context};
use crate::check::{self, Then};
use crate::wire::Request;

use super::plain;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        refused(
            "framing.unknown-coding",
            "A transfer coding that the proxy does not know is answered with 501 and a close.",
            "RFC 9112 section 6.1",
            "proxy",
            "Transfer-Encoding: gzip, chunked",
            501,
        ),
        refused(
            "framing.unknown-coding-on-another-line",
            "The same where the coding stands on a line of its own.",
            "RFC 9112 section 6.1",
            "proxy",
            "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
            501,
        ),
    ];
    for (shape, names) in [
        (
            "proxy",
            [
                "framing.final-coding-is-not-chunked",
                "framing.bad-length",
                "framing.differing-lengths",
                "framing.bad-grammar",
            ],
        ),
        (
            "http-server",
            [
                "framing.final-coding-is-not-chunked-http-server",
                "framing.bad-length-http-server",
                "framing.differing-lengths-http-server",
                "framing.bad-grammar-http-server",
            ],
        ),
    ] {
        let [coding, length, lengths, grammar] = names;
        cases.extend([
            refused(
                coding,
                "A final coding other than chunked is answered with 400 and a close.",
                "RFC 9112 section 6.3",
                shape,
                "Transfer-Encoding: chunked, gzip",
                400,
            ),
            refused(
                length,
                "A length that is none is answered with 400 and a close.",
                "RFC 9112 section 6.3",
                shape,
                "Content-Length: five",
                400,
            ),
            refused(
                lengths,
                "Lengths that differ are answered with 400 and a close.",
                "RFC 9112 section 6.3",
                shape,
                "Content-Length: 5\r\nContent-Length: 6",
                400,
            ),
            refused(
                grammar,
                "A head that does not follow the grammar is answered with 400 and a close.",
                "RFC 9112 section 2.2",
                shape,
                "no colon in this line",
                400,
            ),
        ]);
    }
    cases.extend([
        refused_as(
            "framing.coding-in-http10",
            "An HTTP/1.0 request with a coding is answered with 400 and a close.",
            "proxy",
        ),
        refused_as(
            "framing.coding-in-http10-http-server",
            "The same with HttpServer.",
            "http-server",
        ),
        broken(
            "framing.broken-chunk-proxied",
            "A chunk that is none ends the connection, and nothing behind it is a request.",
            "proxy",
            Request::new("POST", "/length"),
        ),
        broken(
            "framing.broken-chunk",
            "The same where the application reads the body and answers all the same.",
            "http-server",
            Request::new("POST", "/").with("X-Read-Body", "1"),
        ),
        broken(
            "framing.broken-chunk-serve-http",
            "The same with ServeHttp.",
            "serve-http",
            Request::new("POST", "/").with("X-Read-Body", "1"),
        ),
        unframed(
            "framing.204-loses-its-length",
            "The Content-Length that an origin put on a 204 does not pass on.",
            "/204-length",
        ),
        unframed(
            "framing.204-loses-its-coding",
            "The Transfer-Encoding that an origin put on a 204 does not pass on.",
            "/204-chunked",
        ),
    ]);
    cases
}

/// A request without a body whose framing is refused.
fn refused(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    shape: &'static str,
    line: &'static str,
    status: u16,
) -> Case {
    Case::new(
        id,
        sentence,
        source,
        shape,
        move |context: Context| async move {
            let mut connection = context.connect().await?;
            let request = Request::new("POST", "/length").line(line);
            let response = connection.exchange(&request).await?;
            check::status(&response, status)?;
            Then::Closes.check(&mut connection, &response).await
        },
    )
}

/// `Transfer-Encoding` of a client that cannot know it.
fn refused_as(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    let source = "RFC 9112 section 6.1";
    Case::new(
        id,
        sentence,
        source,
        shape,
        move |context: Context| async move {
            let mut connection = context.connect().await?;
            let request = Request::new("POST", "/length")
                .http10()
                .with("Connection", "keep-alive")
                .with("Transfer-Encoding", "chunked");
            let response = connection.exchange(&request).await?;
            check::status(&response, 400)?;
            Then::Closes.check(&mut connection, &response).await
        },
    )
}

/// A body whose second chunk has no size, and what would be a request behind it.
fn broken(id: &'static str, sentence: &'static str, shape: &'static str, post: Request) -> Case {
    let source = "RFC 9112 sections 6.3 and 7.1, design 4";
    Case::new(id, sentence, source, shape, move |context: Context| {
        let post = post.clone().with("Transfer-Encoding", "chunked");
        async move {
            let mut connection = context.connect().await?;
            connection.send(post.head()).await;
            connection.send("5\r\nhello\r\nno size\r\n").await;
            connection.send(plain().bytes()).await;
            connection.something_comes().await?;
            if !connection.unread().is_empty() {
                let response = connection.response(&post).await?;
                check::says_close(&response)?;
            }
            connection.closes().await
        }
    })
}

fn unframed(id: &'static str, sentence: &'static str, path: &'static str) -> Case {
    let source = "RFC 9110 section 8.6, RFC 9112 section 6.1";
    Case::new(
        id,
        sentence,
        source,
        "proxy",
        move |context: Context| async move {
            let mut connection = context.connect().await?;
            let response = connection.exchange(&Request::get(path)).await?;
            check::status(&response, 204)?;
            check::without(&response, "Content-Length")?;
            check::without(&response, "Transfer-Encoding")?;
            Then::Persists.check(&mut connection, &response).await
        },
    )
}
