//! What can happen to a connection, in plain values that a fuzzer can make and a test can shrink.

use pingora_keepalive::{
    BodyLimits, ConnectionOptions, IdleTimeout, KeepAlive, Linger, Options, RequestHead,
    ResponseHead, Timeouts, Timer, Version, WriteLimit,
};
use std::time::Duration;

/// How a connection begins.
#[derive(Clone, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Setup {
    /// Accepted by a server with options.
    Accept(Lives),
    /// Accepted by a loop that knows none.
    Unconfigured,
}

/// One report to a connection, or some time that passes.
#[derive(Clone, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Event {
    /// Milliseconds that pass.
    Wait(u16),
    Configure(Lives),
    SetPolicy(Choice),
    SetRemaining(Option<u8>),
    SetTimeouts(Lives),
    SetPipelining(bool),
    /// Whether the age is spread as far as it can be, or not at all.
    SetJitter(bool),
    CheckAge,
    FirstByte,
    HeadComplete(Request),
    BodyPending(Reading),
    /// The same of a client that may wait for 100.
    BodyExpecting(Reading),
    BodyPaused,
    BodyReceived(u16),
    DrainBegan(Limit),
    DrainEnded,
    RequestComplete,
    LeftUnread,
    Decide(Response),
    ResponseComplete,
    ExchangeFailed,
    ChunkedUnasked,
    TakeLastChunk,
    BeginWrite(Writing),
    WritePending(Option<u16>),
    LookAtWrite(Option<u16>),
    WriteResumed,
    TunnelMoved,
    Finish,
    Revoke,
    Drain,
    ErrorClose,
    ProtocolError,
    PeerHalfClosed,
    PeerClosed,
    Close,
    Expire,
    ExpireOne(Which),
    End,
    EndAsReported,
    Linger,
    Discarded,
    Gone,
}

/// A duration of the configuration.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Limit {
    Never,
    Millis(u16),
    /// Longer than the clock goes.
    Endless,
}

impl Limit {
    pub(crate) fn duration(self) -> Option<Duration> {
        match self {
            Limit::Never => None,
            Limit::Millis(millis) => Some(Duration::from_millis(millis.into())),
            Limit::Endless => Some(Duration::MAX),
        }
    }
}

/// Everything configurable. As options, all of it counts; as timeouts, those.
#[derive(Clone, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) struct Lives {
    pub(crate) keepalive: Limit,
    pub(crate) requests: Option<u8>,
    pub(crate) honor: bool,
    pub(crate) header: Limit,
    pub(crate) tunnel: Limit,
    pub(crate) age: Limit,
    pub(crate) linger_gap: Limit,
    pub(crate) linger_total: Limit,
}

impl Lives {
    pub(crate) fn options(&self) -> Options {
        let mut options = Options::default();
        options.keepalive_timeout = self.keepalive.duration();
        options.keepalive_request_limit = self.requests.map(u32::from);
        options.honor_keep_alive = self.honor;
        options.max_connection_age = self.age.duration();
        let linger = self.linger_gap.duration().zip(self.linger_total.duration());
        options.linger = linger.map(|(gap, total)| Linger { gap, total });
        options.timeouts = self.timeouts();
        options
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        let mut timeouts = Timeouts::default();
        timeouts.header_read_timeout = self.header.duration();
        timeouts.tunnel_idle_timeout = self.tunnel.duration();
        timeouts
    }
}

/// What an application says with `set_idle_timeout`.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Choice {
    Close,
    Within(Limit),
}

impl Choice {
    pub(crate) fn policy(self) -> IdleTimeout {
        match self {
            Choice::Close => IdleTimeout::Close,
            Choice::Within(limit) => limit.duration().into(),
        }
    }
}

/// What bounds the read of a body.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) struct Reading {
    pub(crate) timeout: Limit,
    pub(crate) rate: Option<u16>,
    pub(crate) awaits_continue: bool,
}

impl Reading {
    pub(crate) fn limits(&self) -> BodyLimits {
        BodyLimits {
            read_timeout: self.timeout.duration(),
            min_recv_rate: self.rate.map(usize::from),
            awaits_continue: self.awaits_continue,
        }
    }
}

/// What bounds a write.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Writing {
    Stall(Limit),
    Total(Limit),
}

impl Writing {
    pub(crate) fn limit(self) -> Option<WriteLimit> {
        match self {
            Writing::Stall(limit) => limit.duration().map(WriteLimit::Stall),
            Writing::Total(limit) => limit.duration().map(WriteLimit::Total),
        }
    }
}

/// One of the timers.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) enum Which {
    Idle,
    HeaderRead,
    BodyRead,
    Write,
    Drain,
    Linger,
    Tunnel,
}

impl Which {
    pub(crate) fn timer(self) -> Timer {
        match self {
            Which::Idle => Timer::Idle,
            Which::HeaderRead => Timer::HeaderRead,
            Which::BodyRead => Timer::BodyRead,
            Which::Write => Timer::Write,
            Which::Drain => Timer::Drain,
            Which::Linger => Timer::Linger,
            Which::Tunnel => Timer::Tunnel,
        }
    }
}

/// What a client's `Keep-Alive` says.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) struct Wish {
    pub(crate) timeout: Option<u8>,
    pub(crate) max: Option<u8>,
}

/// The head of a request.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) struct Request {
    pub(crate) http10: bool,
    pub(crate) close: bool,
    pub(crate) keep_alive: bool,
    pub(crate) wish: Wish,
    pub(crate) ambiguous_framing: bool,
    pub(crate) to_proxy: bool,
}

impl Request {
    pub(crate) fn head(&self) -> RequestHead {
        RequestHead {
            version: if self.http10 {
                Version::Http10
            } else {
                Version::Http11
            },
            connection: connection_options(self.close, self.keep_alive),
            keep_alive: KeepAlive {
                timeout: self.wish.timeout.map(u64::from),
                max: self.wish.max.map(u32::from),
            },
            ambiguous_framing: self.ambiguous_framing,
            to_proxy: self.to_proxy,
        }
    }
}

/// The head of a response.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(fuzzing, derive(arbitrary::Arbitrary))]
pub(crate) struct Response {
    pub(crate) close: bool,
    pub(crate) tunnel: bool,
    pub(crate) close_delimited: bool,
    pub(crate) request_body_unread: bool,
    pub(crate) unexpected_data: bool,
}

impl Response {
    pub(crate) fn head(&self) -> ResponseHead {
        ResponseHead {
            connection: connection_options(self.close, false),
            tunnel: self.tunnel,
            close_delimited: self.close_delimited,
            request_body_unread: self.request_body_unread,
            unexpected_data: self.unexpected_data,
        }
    }
}

fn connection_options(close: bool, keep_alive: bool) -> ConnectionOptions {
    let close: &[u8] = if close { b"close" } else { b"" };
    let keep_alive: &[u8] = if keep_alive { b"keep-alive" } else { b"" };
    ConnectionOptions::parse([close, keep_alive])
}
