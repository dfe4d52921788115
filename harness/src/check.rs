//! What cases ask of a response, and of a connection after it.

use std::time::Duration;

use crate::case::{Failure, Found};
use crate::wire::connection::PROMPT;
use crate::wire::response::Framing;
use crate::wire::{Connection, Request, Response};

/// What must follow a response.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Then {
    /// `Connection: close`, and the connection closed at once.
    Closes,
    /// `Connection: keep-alive`, and another request served on the connection.
    Persists,
    /// As `Persists`, and the `Keep-Alive` field exactly this, or none.
    PersistsSaying(Option<&'static str>),
    /// `Connection: keep-alive`, and the connection closed after this many milliseconds of
    /// idleness.
    Idles(u64),
    /// As `Idles`, and the `Keep-Alive` field exactly this, or none.
    IdlesSaying(u64, Option<&'static str>),
}

impl Then {
    /// Checks a response and what becomes of its connection.
    pub async fn check(self, connection: &mut Connection, response: &Response) -> Found {
        match self {
            Then::Closes => closes(connection, response, PROMPT).await,
            Then::Persists => {
                says_keep_alive(response)?;
                serves_another(connection).await
            }
            Then::PersistsSaying(value) => {
                says_keep_alive(response)?;
                advertises(response, value)?;
                serves_another(connection).await
            }
            Then::Idles(millis) => {
                // The close first: that a connection hangs says more than what it announced.
                connection.idles_for(Duration::from_millis(millis)).await?;
                says_keep_alive(response)
            }
            Then::IdlesSaying(millis, value) => {
                connection.idles_for(Duration::from_millis(millis)).await?;
                says_keep_alive(response)?;
                advertises(response, value)
            }
        }
    }
}

/// The response announces the close that follows it, within `bound`.
pub async fn closes(connection: &mut Connection, response: &Response, bound: Duration) -> Found {
    // The close first: that a connection hangs says more than what it announced.
    connection.closes_within(bound).await?;
    says_close(response)
}

/// Another request is served on the connection.
pub async fn serves_another(connection: &mut Connection) -> Found {
    let next = connection.exchange(&Request::local("length")).await;
    let response = next.map_err(|failure| Failure {
        expected: format!("another request served, {}", failure.expected),
        ..failure
    })?;
    status(&response, 200)
}

/// The status code.
pub fn status(response: &Response, code: u16) -> Found {
    if response.status == code {
        return Ok(());
    }
    Err(Failure::wrong(
        format!("status {code}"),
        response.to_string(),
    ))
}

/// The request was served: no error was answered.
pub fn served(response: &Response) -> Found {
    if response.status < 400 {
        return Ok(());
    }
    Err(Failure::wrong("the request served", response.to_string()))
}

/// `Connection: close` and nothing that says otherwise.
pub fn says_close(response: &Response) -> Found {
    if response.list("Connection") == ["close"] && response.value("Keep-Alive").is_none() {
        return Ok(());
    }
    Err(Failure::wrong("Connection: close", response.to_string()))
}

/// `Connection: keep-alive` and nothing that says otherwise.
pub fn says_keep_alive(response: &Response) -> Found {
    if response.list("Connection") == ["keep-alive"] {
        return Ok(());
    }
    Err(Failure::wrong(
        "Connection: keep-alive",
        response.to_string(),
    ))
}

/// The `Keep-Alive` field is exactly this, in one line, or absent.
pub fn advertises(response: &Response, value: Option<&str>) -> Found {
    let lines: Vec<_> = response
        .values("Keep-Alive")
        .map(String::from_utf8_lossy)
        .collect();
    let same = match (lines.as_slice(), value) {
        ([], None) => true,
        ([line], Some(value)) => line == value,
        _ => false,
    };
    if same {
        return Ok(());
    }
    let expected = match value {
        Some(value) => format!("Keep-Alive: {value}"),
        None => "no Keep-Alive field".to_owned(),
    };
    Err(Failure::wrong(expected, response.to_string()))
}

/// How the end of the response is known.
pub fn framed(response: &Response, framing: Framing) -> Found {
    if response.framing == framing {
        return Ok(());
    }
    Err(Failure::wrong(
        format!("framing {framing:?}"),
        response.to_string(),
    ))
}

/// A field that must not be there.
pub fn without(response: &Response, name: &str) -> Found {
    match response.value(name) {
        None => Ok(()),
        Some(value) => Err(Failure::wrong(
            format!("no {name}"),
            format!("{name}: {value}, in {response}"),
        )),
    }
}

/// The body.
pub fn body(response: &Response, bytes: &str) -> Found {
    if response.body == bytes.as_bytes() {
        return Ok(());
    }
    Err(Failure::wrong(
        format!("the body {bytes:?}"),
        format!("{:?}", String::from_utf8_lossy(&response.body)),
    ))
}
