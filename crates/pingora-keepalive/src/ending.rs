//! How the stream of a connection ends, once no further request is read from it.

use crate::CloseReason;
use std::time::Duration;

/// How the stream of a connection is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// What is buffered, close_notify, FIN.
    Graceful,
    /// The same, and what the client still sends is read and discarded: the client would lose the
    /// response if it were answered with a reset.
    Linger,
    /// A reset, and no close_notify: nothing that could be taken for the end of what was sent.
    Abort,
}

/// How long the stream is read after the last response, where bytes of a request are unread or on
/// their way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Linger {
    /// Between two reads. Default: 5 s.
    pub gap: Duration,
    /// In all. Default: 30 s.
    pub total: Duration,
}

impl Default for Linger {
    fn default() -> Self {
        Self {
            gap: Duration::from_secs(5),
            total: Duration::from_secs(30),
        }
    }
}

/// What the last exchange has left open on the wire.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Open {
    /// Bytes of its request may be unread or on their way.
    pub(crate) request: bool,
    /// Its response, or the tunnel it became, is not complete and would look so after a FIN.
    pub(crate) response: bool,
}

/// How a connection ends that ends for `reason`.
pub(crate) fn ending(reason: CloseReason, open: Open) -> Ending {
    use CloseReason::*;
    match reason {
        // What is still to be sent cannot be.
        WriteTimeout | TunnelTimeout => Ending::Abort,
        //= RFC 9112 section 8: a body that ends with the connection is complete where that end is
        //= a proper one.
        _ if open.response => Ending::Abort,
        // Nothing more comes.
        ClientClosed | ClientVanished => Ending::Graceful,
        //= RFC 9112 section 9.6: the server closes its side and reads on.
        UnexpectedData | ProtocolError => Ending::Linger,
        _ if open.request => Ending::Linger,
        _ => Ending::Graceful,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing_open(CloseReason::IdleTimeout, false, false, Ending::Graceful)]
    #[case::unread_body(CloseReason::UnreadBody, true, false, Ending::Linger)]
    #[case::slow_head(CloseReason::HeaderTimeout, true, false, Ending::Linger)]
    #[case::silent_from_the_start(CloseReason::HeaderTimeout, false, false, Ending::Graceful)]
    #[case::another_request(CloseReason::UnexpectedData, false, false, Ending::Linger)]
    #[case::bad_framing(CloseReason::ProtocolError, false, false, Ending::Linger)]
    #[case::client_is_gone(CloseReason::ClientVanished, true, false, Ending::Graceful)]
    #[case::cut_short(CloseReason::CloseDelimited, false, true, Ending::Abort)]
    #[case::cut_short_in_both(CloseReason::Failed, true, true, Ending::Abort)]
    #[case::stalled_reader(CloseReason::WriteTimeout, false, false, Ending::Abort)]
    #[case::silent_tunnel(CloseReason::TunnelTimeout, false, true, Ending::Abort)]
    fn the_ending_follows_from_what_is_open(
        #[case] reason: CloseReason,
        #[case] request: bool,
        #[case] response: bool,
        #[case] expected: Ending,
    ) {
        assert_eq!(ending(reason, Open { request, response }), expected);
    }
}
