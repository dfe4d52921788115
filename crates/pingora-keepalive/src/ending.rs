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
    /// What its response, or the tunnel it became, still lacks.
    pub(crate) response: Lacks,
    /// Whether the exchange failed: a response that lacks something never gets it.
    pub(crate) failed: bool,
}

/// What the end of a response, or of a tunnel, still lacks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Lacks {
    /// Nothing that has to do with the end of the connection.
    #[default]
    Nothing,
    /// The end of the connection, which makes it complete.
    End,
    /// The last chunk.
    LastChunk,
}

/// How a connection ends that ends for `reason`.
pub(crate) fn ending(reason: CloseReason, open: Open) -> Ending {
    use CloseReason::*;
    match reason {
        // What is still to be sent cannot be.
        WriteTimeout | TunnelTimeout => Ending::Abort,
        //= RFC 9112 section 8: a body that ends with the connection is complete where that end is
        //= a proper one. An application that has let go has not said that it is not.
        _ if open.failed && open.response == Lacks::End => Ending::Abort,
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

    const NOTHING: Open = Open {
        request: false,
        response: Lacks::Nothing,
        failed: false,
    };
    const REQUEST: Open = Open {
        request: true,
        ..NOTHING
    };
    const RESPONSE: Open = Open {
        response: Lacks::End,
        ..NOTHING
    };
    const CUT_SHORT: Open = Open {
        failed: true,
        ..RESPONSE
    };

    #[rstest]
    #[case::nothing_open(CloseReason::IdleTimeout, NOTHING, Ending::Graceful)]
    #[case::unread_body(CloseReason::UnreadBody, REQUEST, Ending::Linger)]
    #[case::slow_head(CloseReason::HeaderTimeout, REQUEST, Ending::Linger)]
    #[case::silent_from_the_start(CloseReason::HeaderTimeout, NOTHING, Ending::Graceful)]
    #[case::another_request(CloseReason::UnexpectedData, NOTHING, Ending::Linger)]
    #[case::bad_framing(CloseReason::ProtocolError, NOTHING, Ending::Linger)]
    #[case::client_is_gone(CloseReason::ClientVanished, REQUEST, Ending::Graceful)]
    #[case::let_go(CloseReason::CloseDelimited, RESPONSE, Ending::Graceful)]
    #[case::let_go_unread(CloseReason::CloseDelimited, Open { request: true, ..RESPONSE }, Ending::Linger)]
    #[case::cut_short(CloseReason::CloseDelimited, CUT_SHORT, Ending::Abort)]
    #[case::cut_short_in_both(CloseReason::Failed, Open { request: true, ..CUT_SHORT }, Ending::Abort)]
    #[case::chunks_cut_short(CloseReason::Failed, Open { response: Lacks::LastChunk, ..CUT_SHORT }, Ending::Graceful)]
    #[case::failed_but_complete(CloseReason::Failed, Open { failed: true, ..NOTHING }, Ending::Graceful)]
    #[case::stalled_reader(CloseReason::WriteTimeout, NOTHING, Ending::Abort)]
    #[case::silent_tunnel(CloseReason::TunnelTimeout, RESPONSE, Ending::Abort)]
    fn the_ending_follows_from_what_is_open(
        #[case] reason: CloseReason,
        #[case] open: Open,
        #[case] expected: Ending,
    ) {
        assert_eq!(ending(reason, open), expected);
    }
}
