//! Applications as they were written for pristine Pingora: they let go of a response whose end they
//! leave to the connection, or go on to the next request without finishing it.

use super::millis;
use crate::case::{Case, Context, Failure, Found};
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::{response::Framing, Request};

const LETS_GO: &str = "design 4, issue 9 F1";
const REUSES: &str = "design 4, issue 9 F2";

/// The body of a large response.
const LARGE: usize = 256 * 1024;

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        let_go(
            "old-apps.dropped-close-delimited",
            "What an application wrote to an HTTP/1.0 client and let go is delivered, and ends with a \
             FIN.",
            "lets-go",
            || Request::get("/large/drop").http10(),
            LARGE,
        ),
        let_go(
            "old-apps.dropped-chunked",
            "What an application wrote to an HTTP/1.1 client and let go is complete.",
            "lets-go",
            || Request::get("/bare/drop"),
            5,
        ),
        let_go(
            "old-apps.shut-down-without-finish",
            "What an application wrote before it shut its session down is complete.",
            "lets-go",
            || Request::get("/large/shutdown"),
            LARGE,
        ),
        let_go(
            "old-apps.shut-down-close-delimited",
            "The same to an HTTP/1.0 client.",
            "lets-go",
            || Request::get("/large/shutdown").http10(),
            LARGE,
        ),
        let_go(
            "old-apps.proxy-shut-down-close-delimited",
            "What a proxy answers itself before it shuts the session down is complete.",
            "proxy",
            || Request::local("shut-down").http10(),
            6,
        ),
        let_go(
            "old-apps.proxy-shut-down",
            "The same to an HTTP/1.1 client.",
            "proxy",
            || Request::local("shut-down"),
            6,
        ),
        let_go(
            "old-apps.unread-upload",
            "The same where the body of the request is not read.",
            "lets-go",
            || Request::new("POST", "/large/drop").body("hello").http10(),
            LARGE,
        ),
        let_go(
            "old-apps.v1-dropped-close-delimited",
            "A session without a loop that is dropped has its response delivered to HTTP/1.0.",
            "v1-loop",
            || Request::get("/large/drop").http10(),
            LARGE,
        )
        .needs("read-timeout"),
        let_go(
            "old-apps.v1-dropped-chunked",
            "A session without a loop that is dropped has its response completed.",
            "v1-loop",
            || Request::get("/large/drop"),
            LARGE,
        )
        .needs("read-timeout"),
        let_go(
            "old-apps.v1-unread-upload",
            "A session without a loop that is dropped has its response delivered though the body of \
             the request is not read.",
            "v1-loop",
            || Request::new("POST", "/large/drop").body("hello").http10(),
            LARGE,
        )
        .needs("read-timeout"),
        let_go(
            "old-apps.v1-shut-down",
            "A session without a loop that is shut down has its response completed.",
            "v1-loop",
            || Request::get("/bare/shutdown"),
            5,
        )
        .needs("read-timeout"),
        Case::new(
            "old-apps.dropped-tunnel",
            "A tunnel that an application drops ends with a FIN behind what was written.",
            LETS_GO,
            "lets-go",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/upgrade/drop")
                    .with("Connection", "upgrade")
                    .with("Upgrade", "echo");
                connection.send(request.bytes()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 101)?;
                connection.raw_bytes(5).await?;
                connection.closes().await
            },
        ),
    ];
    cases.extend(reused());
    cases.extend(by_hand());
    cases
}

/// A response that is let go reaches a client that takes its time, and the connection closes.
fn let_go(
    id: &'static str,
    sentence: &'static str,
    shape: &'static str,
    request: fn() -> Request,
    length: usize,
) -> Case {
    Case::new(id, sentence, LETS_GO, shape, move |context| async move {
        let mut connection = context.connect().await?;
        let request = request();
        connection.send(request.bytes()).await;
        // so that most of it is still on its way when the application lets go
        tokio::time::sleep(millis(300)).await;
        let response = connection.next_response(&request).await?;
        check::status(&response, 200)?;
        if response.body.len() != length {
            return Err(Failure::wrong(
                format!("{length} bytes"),
                format!("{} bytes", response.body.len()),
            ));
        }
        connection.closes().await
    })
}

/// A session that is reused although its response was not finished.
fn reused() -> Vec<Case> {
    let twice = |id, sentence, path: &'static str| {
        Case::new(id, sentence, REUSES, "v1-loop", move |context| async move {
            let mut connection = context.connect().await?;
            for _ in 0..2 {
                let request = Request::get(path);
                connection.send(request.bytes()).await;
                let response = connection.next_response(&request).await?;
                check::status(&response, 200)?;
                check::framed(&response, Framing::Chunked)?;
                check::body(&response, "hello")?;
            }
            connection.stays_open(millis(200)).await
        })
        .needs("read-timeout")
    };
    vec![
        twice(
            "old-apps.reuse-ends-body",
            "A hand-written loop that does not finish a body without a length has it ended before the \
             next response.",
            "/bare/reuse",
        ),
        twice(
            "old-apps.reuse-ends-its-own-chunks",
            "The same where the application chose chunks itself.",
            "/chunked/reuse",
        ),
        Case::new(
            "old-apps.reuse-closes-a-short-body",
            "A body that is shorter than its length is not made up from the next response.",
            REUSES,
            "v1-loop",
            |context| async move {
                let mut connection = context.connect().await?;
                let short = Request::get("/nine/reuse");
                let next = Request::get("/bare/reuse");
                connection.send(short.bytes()).await;
                tokio::time::sleep(millis(200)).await;
                connection.send(next.bytes()).await;
                match connection.next_response(&short).await {
                    Ok(response) => Err(Failure::wrong(
                        "a response that is cut short",
                        response.to_string(),
                    )),
                    Err(failure) if failure.hang => Err(failure),
                    Err(_) => Ok(()),
                }
            },
        )
        .needs("read-timeout"),
    ]
}

fn by_hand() -> Vec<Case> {
    vec![
        Case::new(
            "old-apps.whole-body-to-http10",
            "A body that is handed over whole has its length and persists, for HTTP/1.0 as well.",
            "design 4, issue 9 F3",
            "serve-http",
            whole_to_http10,
        ),
        Case::new(
            "old-apps.whole-body-to-http10-http-server",
            "The same with HttpServer.",
            "design 4, issue 9 F3",
            "http-server",
            whole_to_http10,
        ),
        Case::new(
            "old-apps.early-bytes-in-a-loop",
            "A hand-written loop that forgets the settings of a session serves a request that comes \
             early.",
            "design 4, issue 9 G6",
            "forgets-settings",
            |context| async move {
                let mut connection = context.connect().await?;
                let first = Request::get("/first");
                let second = Request::get("/second");
                connection.send(first.bytes()).await;
                tokio::time::sleep(millis(200)).await;
                connection.send(second.bytes()).await;
                for (request, body) in [(&first, "GET /first"), (&second, "GET /second")] {
                    let response = connection.next_response(request).await?;
                    check::status(&response, 200)?;
                    check::body(&response, body)?;
                }
                connection.stays_open(millis(200)).await
            },
        )
        .needs("read-timeout"),
        Case::new(
            "old-apps.shutdown-does-not-wait",
            "A loop that shuts a session down is not held up by what the client still sends.",
            "design 4, issue 9 G5",
            "v1-one-by-one",
            |context| async move {
                let mut first = context.connect().await?;
                let request = Request::new("POST", "/bare/shutdown").declaring(5);
                first.send(request.head()).await;
                let response = first.next_response(&request).await?;
                check::status(&response, 200)?;
                let mut second = context.connect().await?;
                let request = Request::get("/bare/shutdown");
                second.send(request.bytes()).await;
                let sent = second.sent_at();
                second.next_response(&request).await?;
                let took = second.answered_at().saturating_duration_since(sent);
                if took > PROMPT {
                    let seen = format!("after {} ms", took.as_millis());
                    return Err(Failure::wrong("an answer at once", seen));
                }
                first.send("hello").await;
                first.finish_sending().await;
                first.closes().await
            },
        )
        .needs("read-timeout"),
    ]
}

async fn whole_to_http10(context: Context) -> Found {
    let mut connection = context.connect().await?;
    let request = Request::local("bare").http10();
    let request = request.with("Connection", "keep-alive");
    let response = connection.exchange(&request).await?;
    check::framed(&response, Framing::Length(6))?;
    Then::Persists.check(&mut connection, &response).await
}
