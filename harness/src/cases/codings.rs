//! Transfer codings: what a list of them cannot say, and names that must not get lost.

use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::origin::verbatim::{Behind, VerbatimOrigin};
use crate::wire::{Request, Response};

use super::refuses_each;

/// Lists that are none.
const MALFORMED: [&str; 9] = [
    "Transfer-Encoding: chunked, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "Transfer-Encoding: gzip, chunked, chunked",
    "Transfer-Encoding: chunked, gzip",
    "Transfer-Encoding: chunked, gzip, chunked",
    "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip",
    "Transfer-Encoding: chunked;a=b",
    "Transfer-Encoding: \"chunked\"",
    "Transfer-Encoding: gz ip, chunked",
];

const LISTS: &str = "RFC 9112 sections 6.1 and 6.3";
const NAMES: &str = "RFC 9112 section 6.1";

/// What a coded body is in these cases, in one chunk.
const CODED: &str = "6\r\nzipped\r\n0\r\n\r\n";

pub(super) fn cases() -> Vec<Case> {
    vec![
        malformed(
            "codings.malformed-list-is-refused",
            "A list that applies chunked twice or not last is answered with 400 and a close.",
            "proxy",
        ),
        malformed(
            "codings.malformed-list-is-refused-http-server",
            "The same with HttpServer.",
            "http-server",
        ),
        Case::new(
            "codings.malformed-list-of-an-origin-is-a-502",
            "The same from an origin is a 502.",
            LISTS,
            "proxy",
            |context: Context| async move {
                for lines in MALFORMED {
                    let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n{CODED}");
                    let response = answered(&context, answer, Request::get("/")).await?;
                    check::status(&response, 502)?;
                }
                Ok(())
            },
        ),
        Case::new(
            "codings.unknown-with-parameters",
            "A coding that the proxy does not know is answered with 501, with parameters as without.",
            NAMES,
            "proxy",
            |context: Context| async move {
                let lists = ["x;level=9, chunked", "x;a=\", chunked\" , chunked"];
                let request =
                    |list| Request::new("POST", "/length").with("Transfer-Encoding", list);
                refuses_each(&context, 501, lists.map(request)).await
            },
        ),
        named(
            "codings.chunked-is-named-for-http11",
            "A coding below chunked keeps its name on the way to an HTTP/1.1 client.",
            "gzip, chunked",
        ),
        named(
            "codings.not-chunked-is-named-for-http11",
            "So does a coding whose body ends with the connection.",
            "gzip",
        ),
        unnamed(
            "codings.chunked-is-a-502-for-http10",
            "HTTP/1.0 cannot name a coding below chunked: its client gets a 502.",
            Request::get("/").http10(),
        ),
        unnamed(
            "codings.kept-alive-is-a-502-for-http10",
            "The same where the client wants to keep the connection.",
            Request::get("/").http10().with("Connection", "keep-alive"),
        ),
        Case::new(
            "codings.head-loses-its-name-for-http10",
            "The answer to HEAD has no body that were coded.",
            NAMES,
            "proxy",
            |context: Context| async move {
                let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n";
                let request = Request::get("/").method("HEAD").http10();
                let response = answered(&context, answer, request).await?;
                check::status(&response, 200)?;
                check::without(&response, "Transfer-Encoding")
            },
        ),
        Case::new(
            "codings.not-stored",
            "A cache does not keep a coded body without its name.",
            "RFC 9111 section 3.1",
            "proxy",
            not_stored,
        )
        .needs("cache"),
    ]
}

async fn answered(
    context: &Context,
    answer: impl Into<Vec<u8>>,
    request: Request,
) -> Result<Response, Failure> {
    let origin = VerbatimOrigin::start(answer, Behind::Closes).await?;
    let mut connection = context.connect().await?;
    connection.exchange(&origin.asked(request)).await
}

fn malformed(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(
        id,
        sentence,
        LISTS,
        shape,
        move |context: Context| async move {
            let request = |lines| Request::new("POST", "/length").line(lines);
            refuses_each(&context, 400, MALFORMED.map(request)).await
        },
    )
}

/// A response with these codings to an HTTP/1.1 client.
fn named(id: &'static str, sentence: &'static str, codings: &'static str) -> Case {
    Case::new(
        id,
        sentence,
        NAMES,
        "proxy",
        move |context: Context| async move {
            let response = answered(&context, coded(codings), Request::get("/")).await?;
            check::status(&response, 200)?;
            is_named(&response, codings)
        },
    )
}

/// The same to a client that cannot know the codings.
fn unnamed(id: &'static str, sentence: &'static str, request: Request) -> Case {
    Case::new(id, sentence, NAMES, "proxy", move |context: Context| {
        let request = request.clone();
        async move {
            for codings in ["gzip, chunked", "gzip"] {
                let response = answered(&context, coded(codings), request.clone()).await?;
                check::status(&response, 502)?;
                check::without(&response, "Transfer-Encoding")?;
            }
            Ok(())
        }
    })
}

fn coded(codings: &str) -> String {
    let body = match codings.ends_with("chunked") {
        true => CODED,
        false => "zipped",
    };
    format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {codings}\r\n\r\n{body}")
}

fn is_named(response: &Response, codings: &str) -> Found {
    check::body(response, "zipped")?;
    match response.value("Transfer-Encoding") {
        Some(value) if value.contains("gzip") => Ok(()),
        _ => Err(Failure::wrong(
            format!("Transfer-Encoding: {codings}"),
            response.to_string(),
        )),
    }
}

async fn not_stored(context: Context) -> Found {
    let codings = "gzip, chunked";
    let origin = VerbatimOrigin::start(coded(codings), Behind::Closes).await?;
    let request = origin.asked(Request::get("/").with("X-Cache", "codings-not-stored"));
    for _ in 0..2 {
        let mut connection = context.connect().await?;
        let response = connection.exchange(&request).await?;
        check::status(&response, 200)?;
        is_named(&response, codings)?;
    }
    Ok(())
}
