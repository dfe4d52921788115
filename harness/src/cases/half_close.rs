//! A client that closes its side: of a request that is complete, and of one that is not.

use super::plain;
use crate::case::{Case, Context, Failure};
use crate::check;
use crate::origin::LARGE;
use crate::wire::connection::PROMPT;
use crate::wire::Request;

const WHOLE: &str = "RFC 9112 section 9.6, checklist 8";
const CUT: &str = "RFC 9112 sections 6.3 and 8, checklist 11";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = served();
    cases.extend(incomplete());
    cases
}

/// The request is complete.
fn served() -> Vec<Case> {
    let outlives = |path: &'static str| Request::get(path).with("X-Abort-On-Close", "0");
    vec![
        whole(
            "half-close.slow-origin",
            "Where it is not to abort, a half-closed client has its response.",
            "proxy",
            outlives("/slow-head/500"),
            6,
        )
        .needs("abort-on-close"),
        whole(
            "half-close.pause-in-the-body",
            "The same where the origin pauses within the body.",
            "proxy",
            outlives("/slow-body/500"),
            6,
        )
        .needs("abort-on-close"),
        whole(
            "half-close.large-chunked-body",
            "The same where the body is chunked, of several megabytes, and comes in two parts.",
            "proxy",
            outlives("/large/500"),
            LARGE,
        )
        .needs("abort-on-close"),
        whole(
            "half-close.by-hand",
            "The same in a hand-written accept loop.",
            "hand-written",
            outlives("/slow-head/500"),
            6,
        )
        .needs("abort-on-close"),
        whole(
            "half-close.own-answer",
            "A half-closed client has what the proxy answers itself.",
            "proxy",
            plain().with("X-Delay-Ms", "300"),
            6,
        ),
        whole(
            "half-close.http-server",
            "A half-closed client of HttpServer has its response.",
            "http-server",
            plain().with("X-Delay-Ms", "300"),
            6,
        ),
        whole(
            "half-close.serve-http",
            "A half-closed client of ServeHttp has its response.",
            "serve-http",
            plain().with("X-Delay-Ms", "300"),
            6,
        ),
        Case::new(
            "half-close.aborts-by-default",
            "Without that setting a half-close aborts a proxied exchange.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .send(Request::get("/slow-head/3000").bytes())
                    .await;
                connection.finish_sending().await;
                connection.closes().await
            },
        ),
        Case::new(
            "half-close.pipelined-requests",
            "With pipelining on, every request that came before the FIN is served.",
            WHOLE,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-head/300")
                    .with("X-Abort-On-Close", "0")
                    .with("X-Pipelining", "1");
                connection
                    .send([request.bytes(), request.bytes()].concat())
                    .await;
                connection.finish_sending().await;
                for _ in 0..2 {
                    let response = connection.response(&request).await?;
                    check::status(&response, 200)?;
                    check::body(&response, "hello\n")?;
                }
                connection.closes().await
            },
        )
        .needs("abort-on-close")
        .needs("pipelining"),
    ]
}

fn whole(
    id: &'static str,
    sentence: &'static str,
    shape: &'static str,
    request: Request,
    length: usize,
) -> Case {
    Case::new(id, sentence, WHOLE, shape, move |context: Context| {
        let request = request.clone();
        async move {
            let mut connection = context.connect().await?;
            connection.send(request.bytes()).await;
            connection.finish_sending().await;
            let response = connection.response(&request).await?;
            check::status(&response, 200)?;
            if response.body.len() != length {
                return Err(Failure::wrong(
                    format!("a body of {length} bytes"),
                    format!("one of {}", response.body.len()),
                ));
            }
            connection.closes_within(PROMPT).await
        }
    })
}

/// The FIN comes within the request body.
fn incomplete() -> Vec<Case> {
    let body = "5\r\nhello\r\n";
    vec![
        cut(
            "half-close.within-a-length",
            "A body that is shorter than its length is not forwarded as complete.",
            "length",
            |name| {
                Request::new("POST", format!("/note/{name}"))
                    .declaring(10)
                    .raw_body("hello")
            },
        ),
        cut(
            "half-close.within-chunks",
            "A chunked body without its last chunk is not forwarded as complete.",
            "chunked",
            move |name| {
                Request::new("POST", format!("/note/{name}"))
                    .with("Transfer-Encoding", "chunked")
                    .raw_body(body)
            },
        ),
        cut(
            "half-close.within-chunks-outliving",
            "Nor where the response outlives a close.",
            "outliving",
            move |name| {
                Request::new("POST", format!("/note/{name}"))
                    .with("X-Abort-On-Close", "0")
                    .with("Transfer-Encoding", "chunked")
                    .raw_body(body)
            },
        )
        .needs("abort-on-close"),
        answered(
            "half-close.within-a-length-http-server",
            "An application that answers all the same does so with a close.",
            "http-server",
        ),
        answered(
            "half-close.within-a-length-serve-http",
            "The same with ServeHttp.",
            "serve-http",
        ),
        cut(
            "half-close.within-a-head",
            "A request head that is cut short is no request.",
            "head",
            |name| Request::get(format!("/note/{name}")).line("X: \r\nX-Cut"),
        ),
    ]
}

fn cut(
    id: &'static str,
    sentence: &'static str,
    name: &'static str,
    request: impl Fn(&str) -> Request + Send + Sync + 'static,
) -> Case {
    Case::new(id, sentence, CUT, "proxy", move |context: Context| {
        let request = request(name);
        async move {
            let mut connection = context.connect().await?;
            let mut bytes = request.bytes();
            if name == "head" {
                // without its empty line
                bytes.truncate(bytes.len() - 4);
            }
            connection.send(bytes).await;
            connection.finish_sending().await;
            connection.something_comes().await?;
            if !connection.unread().is_empty() {
                let response = connection.response(&request).await?;
                if response.status < 400 {
                    return Err(Failure::wrong("an error or a close", response.to_string()));
                }
            }
            connection.closes().await?;
            let mut other = context.connect().await?;
            let noted = Request::get(format!("/noted/{name}"));
            check::status(&other.exchange(&noted).await?, 404)
        }
    })
}

fn answered(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(id, sentence, CUT, shape, |context: Context| async move {
        let mut connection = context.connect().await?;
        let request = Request::new("POST", "/")
            .with("X-Read-Body", "1")
            .declaring(10)
            .raw_body("hello");
        connection.send(request.bytes()).await;
        connection.finish_sending().await;
        let response = connection.response(&request).await?;
        check::closes(&mut connection, &response, PROMPT).await
    })
}
