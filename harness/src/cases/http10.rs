//! What an HTTP/1.0 client must never see: a transfer coding, and a 1xx.

use crate::case::{Case, Context, Failure};
use crate::check::{self, Then};
use crate::clients::tap::Tap;
use crate::clients::{curl, Client};
use crate::wire::response::Framing;
use crate::wire::Request;

use super::secs;

const CODING: &str = "RFC 9112 section 6.1, finding 21";

pub(super) fn cases() -> Vec<Case> {
    let mut cases = vec![
        no_interim(
            "http10.no-103",
            "An application's 103 is not sent to HTTP/1.0.",
            Request::local("103-first"),
        ),
        no_interim(
            "http10.no-103-proxied",
            "An origin's 103 is not sent to HTTP/1.0.",
            Request::get("/early-hints"),
        ),
        no_interim(
            "http10.no-100",
            "An origin's 100 is not sent to HTTP/1.0.",
            Request::new("POST", "/continue")
                .with("Expect", "100-continue")
                .body("hello"),
        ),
        Case::new(
            "http10.expect-is-not-passed-on",
            "The Expect of an HTTP/1.0 request is not passed on in one of a later version.",
            "RFC 9110 section 10.1.1",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::new("POST", "/echo-head")
                    .http10()
                    .with("Expect", "100-continue")
                    .body("hello");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                let head = String::from_utf8_lossy(&response.body).to_ascii_lowercase();
                if head.contains("expect:") {
                    return Err(Failure::wrong("no Expect at the origin", head));
                }
                Ok(())
            },
        ),
        Case::new(
            "http10.head-of-a-coded-response",
            "The answer to HEAD names no coding, has no body, and the connection persists.",
            CODING,
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/chunked")
                    .method("HEAD")
                    .http10()
                    .with("Connection", "keep-alive");
                let response = connection.exchange(&request).await?;
                check::status(&response, 200)?;
                check::without(&response, "Transfer-Encoding")?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "http10.curl-fetches-a-coded-response",
            "A client that speaks HTTP/1.0 has the whole of a chunked response.",
            CODING,
            "proxy",
            |context| async move {
                let tap = Tap::open(&context).await?;
                let request = Request::get("/chunked").http10();
                for transfer in curl::fetch(&context, &tap, &[request], secs(4)).await? {
                    transfer.is("hello\n")?;
                }
                Ok(())
            },
        )
        .clients(&[Client::Curl]),
    ];
    let coded = Request::get("/chunked");
    cases.extend([
        uncoded(
            "http10.coded-by-the-origin",
            "An origin's chunked response is not chunked to HTTP/1.0.",
            "proxy",
            coded.clone(),
        ),
        uncoded(
            "http10.coded-by-an-origin-behind-a-hand-written-loop",
            "Nor is it behind a hand-written accept loop.",
            "hand-written",
            coded,
        )
        // the shape came with 0.9
        .needs("cache"),
    ]);
    cases
}

/// The first and only response is the final one.
fn no_interim(id: &'static str, sentence: &'static str, request: Request) -> Case {
    let source = "RFC 9110 section 15.2";
    Case::new(id, sentence, source, "proxy", move |context: Context| {
        let request = request.clone().http10().with("Connection", "keep-alive");
        async move {
            let mut connection = context.connect().await?;
            connection.send(request.bytes()).await;
            let response = connection.next_response(&request).await?;
            check::status(&response, 200)?;
            check::body(&response, "hello\n")?;
            Then::Persists.check(&mut connection, &response).await
        }
    })
}

/// The body ends with the connection, as announced.
fn uncoded(
    id: &'static str,
    sentence: &'static str,
    shape: &'static str,
    request: Request,
) -> Case {
    Case::new(id, sentence, CODING, shape, move |context| {
        let request = request.clone().http10().with("Connection", "keep-alive");
        async move {
            let mut connection = context.connect().await?;
            let response = connection.exchange(&request).await?;
            check::without(&response, "Transfer-Encoding")?;
            check::framed(&response, Framing::CloseDelimited)?;
            check::body(&response, "hello\n")?;
            check::says_close(&response)
        }
    })
}
