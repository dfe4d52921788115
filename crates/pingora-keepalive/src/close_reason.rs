//! Why a connection ended.

use std::fmt;

/// Who ended a connection, and why. A connection ends with exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// The application set a policy of [`IdleTimeout::Close`](crate::IdleTimeout::Close) or put
    /// `Connection: close` on its response.
    Application,
    /// No further request began within the idle time.
    IdleTimeout,
    /// The connection has served as many requests as it may.
    RequestLimit,
    /// The connection has reached its maximum age.
    MaxAge,
    /// The head of a request did not arrive in time.
    HeaderTimeout,
    /// The body of a request did not arrive in time.
    BodyTimeout,
    /// A write made no progress in time.
    WriteTimeout,
    /// What was left of a request's body was not read off in time.
    DrainTimeout,
    /// Nothing passed the tunnel in time.
    TunnelTimeout,
    /// The server is going down.
    Shutdown,
    /// The server has too many connections.
    Overload,
    /// The response's body is delimited by the end of the connection.
    CloseDelimited,
    /// The request's body was not read to its end.
    UnreadBody,
    /// Bytes came behind the request before its response, and pipelining is off; or they may come
    /// for a tunnel that was refused.
    UnexpectedData,
    /// The message's framing or version does not allow another message behind it.
    ProtocolError,
    /// The connection became a tunnel.
    Upgrade,
    /// The client asked for it: `Connection: close`, HTTP/1.0 without `keep-alive`, or a
    /// `Keep-Alive` parameter of 0.
    ClientAsked,
    /// The client closed the connection between messages.
    ClientClosed,
    /// The client closed or reset the connection within a message.
    ClientVanished,
    /// The exchange ended without a final response head.
    NoResponse,
    /// The exchange failed, and what is left of it on the connection is unknown.
    Failed,
    /// The application took the stream, or dropped it, before the exchange had ended.
    Abandoned,
}

impl CloseReason {
    /// The reason as a word for logs and metrics, in lower case with underscores.
    pub fn as_str(self) -> &'static str {
        match self {
            CloseReason::Application => "application",
            CloseReason::IdleTimeout => "idle_timeout",
            CloseReason::RequestLimit => "request_limit",
            CloseReason::MaxAge => "max_age",
            CloseReason::HeaderTimeout => "header_timeout",
            CloseReason::BodyTimeout => "body_timeout",
            CloseReason::WriteTimeout => "write_timeout",
            CloseReason::DrainTimeout => "drain_timeout",
            CloseReason::TunnelTimeout => "tunnel_timeout",
            CloseReason::Overload => "overload",
            CloseReason::Shutdown => "shutdown",
            CloseReason::CloseDelimited => "close_delimited",
            CloseReason::UnreadBody => "unread_body",
            CloseReason::UnexpectedData => "unexpected_data",
            CloseReason::ProtocolError => "protocol_error",
            CloseReason::Upgrade => "upgrade",
            CloseReason::ClientAsked => "client_asked",
            CloseReason::ClientClosed => "client_closed",
            CloseReason::ClientVanished => "client_vanished",
            CloseReason::NoResponse => "no_response",
            CloseReason::Failed => "failed",
            CloseReason::Abandoned => "abandoned",
        }
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
