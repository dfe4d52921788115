//! `Content-Length` as a list.

use crate::case::{Case, Context, Failure};
use crate::check;
use crate::origin::verbatim::{Behind, VerbatimOrigin};
use crate::wire::Request;

use super::refuses_each;

const LIST: &str = "RFC 9110 section 8.6";

/// Field lines that say five.
const EQUAL: [&str; 4] = [
    "Content-Length: 5, 5",
    "Content-Length: 5\r\nContent-Length: 5",
    "Content-Length: 05",
    "Content-Length: 5,5\r\nContent-Length: 005",
];

/// Field lines that say nothing.
const MALFORMED: [&str; 9] = [
    "Content-Length: 5, 6",
    "Content-Length: 5\r\nContent-Length: 6",
    "Content-Length: 5,",
    "Content-Length: ,5",
    "Content-Length: +5",
    "Content-Length: -5",
    "Content-Length: 5 5",
    "Content-Length:",
    "Content-Length: 18446744073709551621",
];

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "lengths.equal-ones-are-one-for-the-origin",
            "Of equal lengths in a request the origin sees one.",
            LIST,
            "proxy",
            |context: Context| async move {
                for lines in EQUAL {
                    let mut connection = context.connect().await?;
                    let request = Request::new("POST", "/echo-head").line(lines);
                    connection.send(request.head()).await;
                    connection.send("hello").await;
                    let response = connection.response(&request).await?;
                    check::status(&response, 200)?;
                    let head = String::from_utf8_lossy(&response.body).into_owned();
                    let lines: Vec<_> = head
                        .lines()
                        .filter(|line| line.to_ascii_lowercase().starts_with("content-length:"))
                        .collect();
                    match lines.as_slice() {
                        [line] if line.ends_with(": 5") => {}
                        _ => return Err(Failure::wrong("one length, which is 5", head)),
                    }
                }
                Ok(())
            },
        ),
        Case::new(
            "lengths.equal-ones-are-one-for-the-client",
            "The same in a response.",
            LIST,
            "proxy",
            |context: Context| async move {
                for lines in EQUAL {
                    let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nhello");
                    let origin = VerbatimOrigin::start(answer, Behind::Stays).await?;
                    let mut connection = context.connect().await?;
                    let request = origin.asked(Request::get("/"));
                    let response = connection.exchange(&request).await?;
                    check::status(&response, 200)?;
                    check::body(&response, "hello")?;
                    let values: Vec<_> = response.values("Content-Length").collect();
                    if values != [b"5"] {
                        let found = response.to_string();
                        return Err(Failure::wrong("one length, which is 5", found));
                    }
                }
                Ok(())
            },
        ),
        malformed(
            "lengths.malformed-ones-are-refused",
            "Lengths that differ or are none are answered with 400 and a close.",
            "proxy",
        ),
        malformed(
            "lengths.malformed-ones-are-refused-http-server",
            "The same with HttpServer.",
            "http-server",
        ),
        Case::new(
            "lengths.malformed-ones-of-an-origin-are-a-502",
            "The same from an origin is a 502.",
            LIST,
            "proxy",
            |context: Context| async move {
                for lines in MALFORMED {
                    let answer = format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\nhello");
                    let origin = VerbatimOrigin::start(answer, Behind::Stays).await?;
                    let mut connection = context.connect().await?;
                    let request = origin.asked(Request::get("/"));
                    let response = connection.exchange(&request).await?;
                    check::status(&response, 502)?;
                }
                Ok(())
            },
        ),
    ]
}

fn malformed(id: &'static str, sentence: &'static str, shape: &'static str) -> Case {
    Case::new(
        id,
        sentence,
        LIST,
        shape,
        move |context: Context| async move {
            let request = |lines| Request::new("POST", "/length").line(lines);
            refuses_each(&context, 400, MALFORMED.map(request)).await
        },
    )
}
