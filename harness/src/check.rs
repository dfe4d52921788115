//! What cases ask of a response, and of a connection after it.

use std::time::Duration;

use crate::case::{Failure, Found};
use crate::service::HeldTo;
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
            Then::Persists | Then::PersistsSaying(_) if is_lenient(connection) => {
                keeps_its_word(connection, response).await
            }
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
                if is_lenient(connection) {
                    return Ok(());
                }
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
    if is_lenient(connection) {
        return contradicts_nothing(response);
    }
    says_close(response)
}

/// Another request is served on the connection.
pub async fn serves_another(connection: &mut Connection) -> Found {
    let plain = connection.service().plain();
    let next = connection.exchange(&plain).await;
    let response = next.map_err(|failure| Failure {
        expected: format!("another request served, {}", failure.expected),
        ..failure
    })?;
    if is_lenient(connection) {
        return answered(connection, &response);
    }
    status(&response, 200)
}

/// What a response says of its connection is what happens to it (RFC 9112 sections 9.3 and 9.6):
/// closed where it says so, another request served where it does not. Which of the two is up to the
/// service.
pub async fn keeps_its_word(connection: &mut Connection, response: &Response) -> Found {
    if announces_close(response) {
        return closes(connection, response, PROMPT).await;
    }
    if asked_http10(connection) && !says_option(response, "keep-alive") {
        // Without the option an HTTP/1.0 client waits for the close, but no word is broken.
        return Ok(());
    }
    serves_another(connection).await
}

/// A response to a plain request, as the service gives it: 200 from one of ours, elsewhere whatever
/// its path has.
pub fn answered(connection: &Connection, response: &Response) -> Found {
    if !is_lenient(connection) {
        return status(response, 200);
    }
    served_by(connection, response)
}

/// The request was served, as the service serves such a request: elsewhere its path may have nothing
/// but an error.
pub fn served_by(connection: &Connection, response: &Response) -> Found {
    if connection.service().serves(response.status) {
        return Ok(());
    }
    // What a service knows besides GET is its own business.
    let plain = connection
        .asked()
        .is_none_or(|asked| asked.method_name() == "GET");
    if is_lenient(connection) && !plain {
        return Ok(());
    }
    served(response)
}

/// Whether a service that is not ours ends the connection before the case would have it. It may, if
/// it says so and does it.
pub async fn ends_early(connection: &mut Connection, response: &Response) -> Result<bool, Failure> {
    let may_end = announces_close(response)
        || (asked_http10(connection) && !says_option(response, "keep-alive"));
    if !is_lenient(connection) || !may_end {
        return Ok(false);
    }
    keeps_its_word(connection, response).await?;
    Ok(true)
}

/// What is no request is refused, and the connection closed: with this status and the announcement
/// by a service of ours. Elsewhere any error will do, or none; and the connection must close only
/// where it is not known where the next request would begin, since otherwise the RFC only says SHOULD.
pub async fn refused(connection: &mut Connection, code: u16, unframed: bool) -> Found {
    if !is_lenient(connection) {
        let response = connection.response(&Request::get("/")).await?;
        status(&response, code)?;
        return closes(connection, &response, PROMPT).await;
    }
    connection.something_comes().await?;
    match connection.response(&Request::get("/")).await {
        Ok(response) if response.status < 400 => {
            let seen = response.to_string();
            Err(Failure::wrong("the request refused", seen))
        }
        Ok(response) if unframed || announces_close(&response) => {
            closes(connection, &response, PROMPT).await
        }
        Ok(_) => Ok(()),
        Err(failure) if failure.hang => Err(failure),
        // Closed without a response, or with one of before HTTP/1.0.
        Err(_) => connection.ends_at(connection.sent_at(), PROMPT).await,
    }
}

/// Whether a response says, by option, by framing or by version, that its connection will close.
pub fn announces_close(response: &Response) -> bool {
    says_option(response, "close")
        || response.framing == Framing::CloseDelimited
        || (response.version == 0 && !says_option(response, "keep-alive"))
}

/// The time of `Keep-Alive: timeout`, if there is one.
pub fn advertised(response: &Response) -> Option<Duration> {
    let parameters = response.list("Keep-Alive");
    let timeout = parameters.iter().find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        (name.trim() == "timeout").then(|| value.trim().trim_matches('"'))
    });
    timeout?.parse().ok().map(Duration::from_secs)
}

fn says_option(response: &Response, option: &str) -> bool {
    let options = response.list("Connection");
    options.iter().any(|said| said == option)
}

/// A response before a close does not promise that the connection stays.
fn contradicts_nothing(response: &Response) -> Found {
    if says_option(response, "keep-alive") && !says_option(response, "close") {
        let expected = "no keep-alive before the connection is closed";
        return Err(Failure::wrong(expected, response.to_string()));
    }
    Ok(())
}

fn asked_http10(connection: &Connection) -> bool {
    connection.asked().is_some_and(Request::is_http10)
}

/// Whether the service is held to the standards alone.
pub fn is_lenient(connection: &Connection) -> bool {
    connection.service().held_to == HeldTo::Standard
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

/// The body that our subject gives.
pub fn own_body(connection: &Connection, response: &Response, bytes: &str) -> Found {
    if is_lenient(connection) {
        return Ok(());
    }
    body(response, bytes)
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
