//! One request and its response: the facts that bear on persistence, and the decision made of
//! them.

use crate::{CloseReason, ConnectionOptions, IdleTimeout, KeepAlive};
use std::time::Duration;

/// The protocol version of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0, and whatever came before it.
    Http10,
    /// HTTP/1.1.
    Http11,
}

/// What the head of a request says about persistence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// The version in the request line.
    pub version: Version,
    /// The options in its `Connection` field.
    pub connection: ConnectionOptions,
    /// The parameters of its `Keep-Alive` field.
    pub keep_alive: KeepAlive,
    /// Whether `Transfer-Encoding` came together with `Content-Length`.
    pub ambiguous_framing: bool,
    /// Whether the request is meant for a proxy: its target is in absolute form, or its method
    /// is CONNECT.
    pub to_proxy: bool,
}

/// What is known when the head of a final response is about to be written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The options in the `Connection` field that the application put on it.
    pub connection: ConnectionOptions,
    /// Whether the response makes the connection a tunnel: 101, or a 2xx to CONNECT.
    pub tunnel: bool,
    /// Whether its body ends with the connection.
    pub close_delimited: bool,
    /// Whether the request's body is not read to its end and will not be read off before the
    /// next request.
    pub request_body_unread: bool,
    /// Whether bytes came behind the request that the connection may not keep for the next one, or
    /// are to be expected: those for a tunnel that is refused.
    pub unexpected_data: bool,
}

/// What becomes of the connection after an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It waits for another request.
    Persist {
        /// For how long; `None`: without limit.
        idle: Option<Duration>,
        /// How many further requests it may serve; `None`: without limit.
        remaining: Option<u32>,
    },
    /// It ends.
    Close(CloseReason),
}

impl Outcome {
    /// Whether the connection persists.
    pub fn persists(self) -> bool {
        matches!(self, Outcome::Persist { .. })
    }

    /// The option for the response's `Connection` field.
    pub fn connection_option(self) -> &'static str {
        //= RFC 9112 section 9.6: a server that is about to close says so.
        if self.persists() {
            "keep-alive"
        } else {
            "close"
        }
    }

    /// The response's `Keep-Alive` field, where there is something to announce.
    pub fn keep_alive(self) -> Option<KeepAlive> {
        match self {
            Outcome::Persist { idle, remaining } => KeepAlive::advertise(idle, remaining),
            Outcome::Close(_) => None,
        }
    }
}

/// What the connection itself brings to a decision.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// The reason why the connection is to end whatever is said, where there is one.
    pub(crate) stop: Option<CloseReason>,
    /// Further requests allowed, a client's `max` already taken into account.
    pub(crate) remaining: Option<u32>,
    /// Whether the connection has reached its maximum age.
    pub(crate) aged: bool,
    /// The policy in force.
    pub(crate) policy: IdleTimeout,
    /// Whether the client's `Keep-Alive` counts.
    pub(crate) honor_keep_alive: bool,
}

/// The `Keep-Alive` parameters of a request that count.
pub(crate) fn wish(request: &RequestHead, honor: bool) -> KeepAlive {
    //= RFC 2068 section 19.7.1.1: ignored where the keep-alive option is absent.
    if honor && request.connection.keep_alive() {
        request.keep_alive
    } else {
        KeepAlive::default()
    }
}

/// The one decision of an exchange. The first rule that matches, strongest first, decides.
pub(crate) fn decide(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    standing: &Standing,
) -> Outcome {
    match reason_to_close(request, response, standing) {
        Some(reason) => Outcome::Close(reason),
        None => persist(request, standing),
    }
}

fn reason_to_close(
    request: Option<&RequestHead>,
    response: &ResponseHead,
    standing: &Standing,
) -> Option<CloseReason> {
    // Framing and protocol. Nothing that is said below undoes these.
    let Some(request) = request else {
        //= RFC 9112 section 2.2: without a complete head there is no telling where a next
        //= request would begin.
        return Some(CloseReason::ProtocolError);
    };
    if response.tunnel {
        return Some(CloseReason::Upgrade);
    }
    //= RFC 9112 section 6.1: Transfer-Encoding with Content-Length, close after responding.
    if request.ambiguous_framing {
        return Some(CloseReason::ProtocolError);
    }
    //= RFC 9112 section 6.3: a body without a length ends with the connection.
    if response.close_delimited {
        return Some(CloseReason::CloseDelimited);
    }
    //= RFC 9112 section 9.3: a proxy does not persist with an HTTP/1.0 client.
    if request.version == Version::Http10 && request.to_proxy {
        return Some(CloseReason::ProtocolError);
    }
    //= RFC 9112 section 9.3: read the whole request body, or close after responding.
    if response.request_body_unread {
        return Some(CloseReason::UnreadBody);
    }
    if response.unexpected_data {
        return Some(CloseReason::UnexpectedData);
    }
    // An error, shutdown, overload.
    if standing.stop.is_some() {
        return standing.stop;
    }
    //= RFC 9112 section 9.3: the close option decides; else 1.1 persists; else 1.0 persists
    //= where the keep-alive option is present; else the connection ends.
    if request.connection.close()
        || (request.version == Version::Http10 && !request.connection.keep_alive())
    {
        return Some(CloseReason::ClientAsked);
    }
    if response.connection.close() {
        return Some(CloseReason::Application);
    }
    if standing.remaining == Some(0) {
        return Some(CloseReason::RequestLimit);
    }
    if standing.aged {
        return Some(CloseReason::MaxAge);
    }
    None
}

/// The last rule: the policy, shortened by the client's wish.
fn persist(request: Option<&RequestHead>, standing: &Standing) -> Outcome {
    let Some(allowed) = standing.policy.allowed() else {
        return Outcome::Close(CloseReason::Application);
    };
    let wished = request
        .and_then(|request| wish(request, standing.honor_keep_alive).timeout)
        .map(Duration::from_secs);
    if wished == Some(Duration::ZERO) {
        return Outcome::Close(CloseReason::ClientAsked);
    }
    Outcome::Persist {
        idle: [allowed, wished].into_iter().flatten().min(),
        remaining: standing.remaining,
    }
}
