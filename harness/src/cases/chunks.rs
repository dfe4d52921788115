//! The grammar of chunks, in requests and in responses.

use crate::case::{Case, Context, Failure, Found};
use crate::check::{self, Then};
use crate::origin::verbatim::{Behind, VerbatimOrigin};
use crate::wire::{Request, Response};

use super::{plain, refuses_each};

const GRAMMAR: &str = "RFC 9112 section 7.1";

/// What a chunked body does not say, by the part of the grammar.
const MALFORMED: [(&str, &[&str]); 4] = [
    (
        "size",
        &[
            // The first one is the reported one: an empty size read as the last chunk.
            "1\r\nZ\r\n\r\n\r\n",
            "1\r\nZ\r\n;a=b\r\n\r\n",
            "1 \r\nZ\r\n0\r\n\r\n",
            " 1\r\nZ\r\n0\r\n\r\n",
            "0x1\r\nZ\r\n0\r\n\r\n",
            "-1\r\nZ\r\n0\r\n\r\n",
            "1\r\nZ\r\n10000000000000000\r\n\r\n",
            "1\r\nZ\r\nffffffffffffffff\r\n\r\n",
        ],
    ),
    (
        "extension",
        &[
            "1;\r\nZ\r\n0\r\n\r\n",
            "1;=b\r\nZ\r\n0\r\n\r\n",
            "1;a=\r\nZ\r\n0\r\n\r\n",
            "1;a b\r\nZ\r\n0\r\n\r\n",
            "1;a=\"b\r\nZ\r\n0\r\n\r\n",
            "1;a=\"b\nc\"\r\nZ\r\n0\r\n\r\n",
            "1;a\x01\r\nZ\r\n0\r\n\r\n",
            "1\r\nZ\r\n0;\r\n\r\n",
        ],
    ),
    (
        "line-end",
        &[
            "1\nZ\r\n0\r\n\r\n",
            "1;a\nZ\r\n0\r\n\r\n",
            "1\rZ\r\n0\r\n\r\n",
            "1\r\nZ\n0\r\n\r\n",
            "1\r\nZ0\r\n\r\n",
            "1\r\nZZ\r\n0\r\n\r\n",
            "1\r\nZ\r\n0\n\n",
            "1\r\nZ\r\n0\r\n\n",
        ],
    ),
    (
        "trailer",
        &[
            "1\r\nZ\r\n0\r\nno colon\r\n\r\n",
            "1\r\nZ\r\n0\r\nX-A : b\r\n\r\n",
            "1\r\nZ\r\n0\r\n: b\r\n\r\n",
            "1\r\nZ\r\n0\r\nX-A: b\n\r\n",
            "1\r\nZ\r\n0\r\nX-A: b\r\n folded\r\n\r\n",
            "1\r\nZ\r\n0\r\nX-A: b\x01\r\n\r\n",
        ],
    ),
];

/// Bodies that say `hello`, however oddly.
const WELL_FORMED: [&str; 5] = [
    "5\r\nhello\r\n0\r\n\r\n",
    "005\r\nhello\r\n000\r\n\r\n",
    "2;a;b=c\r\nhe\r\n3 ; d = \"e\\\"; \té\"\r\nllo\r\n0;f\r\n\r\n",
    "5\r\nhello\r\n0\r\nX-A: b\r\nX-B:\r\n\r\n",
    "1\r\nh\r\n1\r\ne\r\n1\r\nl\r\n1\r\nl\r\n1\r\no\r\n0\r\n\r\n",
];

pub(super) fn cases() -> Vec<Case> {
    let proxied = [
        "chunks.malformed-size-is-refused",
        "chunks.malformed-extension-is-refused",
        "chunks.malformed-line-end-is-refused",
        "chunks.malformed-trailer-is-refused",
    ];
    let read = [
        "chunks.malformed-size-ends-the-connection",
        "chunks.malformed-extension-ends-the-connection",
        "chunks.malformed-line-end-ends-the-connection",
        "chunks.malformed-trailer-ends-the-connection",
    ];
    let answered = [
        "chunks.malformed-size-of-an-origin-is-no-end",
        "chunks.malformed-extension-of-an-origin-is-no-end",
        "chunks.malformed-line-end-of-an-origin-is-no-end",
        "chunks.malformed-trailer-of-an-origin-is-no-end",
    ];
    let mut cases = Vec::new();
    for (index, (part, bodies)) in MALFORMED.into_iter().enumerate() {
        let sentences: [&'static str; 3] = match part {
            "size" => [
                "A body with a chunk-size that is none is answered with 400 and a close.",
                "Where an application reads it, nothing behind it is a request.",
                "A response with a chunk-size that is none never arrives as a whole one.",
            ],
            "extension" => [
                "The same with an extension that does not follow the grammar.",
                "The same where an application reads it.",
                "The same from an origin.",
            ],
            "line-end" => [
                "The same with a line that does not end with CRLF.",
                "The same where an application reads it.",
                "The same from an origin.",
            ],
            _ => [
                "The same with a trailer that is no field line.",
                "The same where an application reads it.",
                "The same from an origin.",
            ],
        };
        cases.extend([
            refused(proxied[index], sentences[0], bodies),
            ends(read[index], sentences[1], bodies),
            no_end(answered[index], sentences[2], bodies),
        ]);
    }
    cases.extend([
        Case::new(
            "chunks.what-the-grammar-allows-passes",
            "Extensions, trailers and leading zeros are no part of a request body, and no end of it.",
            GRAMMAR,
            "proxy",
            |context: Context| async move {
                let mut connection = context.connect().await?;
                for body in WELL_FORMED {
                    let request = chunked("/length").raw_body(body);
                    let response = connection.exchange(&request).await?;
                    check::status(&response, 200)?;
                }
                let response = connection.exchange(&plain()).await?;
                Then::Persists.check(&mut connection, &response).await
            },
        ),
        Case::new(
            "chunks.what-the-grammar-allows-comes-from-an-origin",
            "The same in a response.",
            GRAMMAR,
            "proxy",
            |context: Context| async move {
                for body in WELL_FORMED {
                    let response = answer_with(&context, Request::get("/"), body, Behind::Stays).await?;
                    check::status(&response, 200)?;
                    check::body(&response, "hello")?;
                }
                Ok(())
            },
        ),
    ]);
    cases
}

fn chunked(target: &str) -> Request {
    Request::new("POST", target).with("Transfer-Encoding", "chunked")
}

/// Each body is answered with 400, and the connection closes.
fn refused(id: &'static str, sentence: &'static str, bodies: &'static [&'static str]) -> Case {
    Case::new(
        id,
        sentence,
        GRAMMAR,
        "proxy",
        move |context: Context| async move {
            let request = |body: &&str| chunked("/length").raw_body(body);
            refuses_each(&context, 400, bodies.iter().map(request)).await
        },
    )
}

/// An application that reads each body may answer; the connection closes, and no request is served
/// that stands behind it.
fn ends(id: &'static str, sentence: &'static str, bodies: &'static [&'static str]) -> Case {
    Case::new(
        id,
        sentence,
        GRAMMAR,
        "http-server",
        move |context: Context| async move {
            for body in bodies {
                let mut connection = context.connect().await?;
                let request = chunked("/").with("X-Read-Body", "1").raw_body(body);
                connection.send(request.bytes()).await;
                connection.send(plain().bytes()).await;
                connection.something_comes().await?;
                if !connection.unread().is_empty() {
                    let response = connection.response(&request).await?;
                    check::says_close(&response)?;
                }
                connection.closes().await?;
            }
            Ok(())
        },
    )
}

/// A response with each body is refused or cut short, whether or not the origin closes behind it, and
/// whatever ends it for the client.
fn no_end(id: &'static str, sentence: &'static str, bodies: &'static [&'static str]) -> Case {
    Case::new(
        id,
        sentence,
        GRAMMAR,
        "proxy",
        move |context: Context| async move {
            for body in bodies {
                for behind in [Behind::Stays, Behind::Closes] {
                    for request in [Request::get("/"), Request::get("/").http10()] {
                        cut(answer_with(&context, request, body, behind).await)?;
                    }
                }
            }
            Ok(())
        },
    )
}

async fn answer_with(
    context: &Context,
    request: Request,
    body: &str,
    behind: Behind,
) -> Result<Response, Failure> {
    let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let origin = VerbatimOrigin::start(format!("{head}{body}"), behind).await?;
    let mut connection = context.connect().await?;
    connection.exchange(&origin.asked(request)).await
}

fn cut(found: Result<Response, Failure>) -> Found {
    match found {
        Ok(response) if response.status == 502 => Ok(()),
        Ok(response) => Err(Failure::wrong(
            "502, or a response that is cut short",
            response.to_string(),
        )),
        Err(failure) if failure.hang => Err(failure),
        Err(_) => Ok(()),
    }
}
