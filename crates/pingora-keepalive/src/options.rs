//! What the server's configuration says about its connections.

use crate::Linger;
use std::time::Duration;

/// The options of a server that bear on persistence. Each connection copies them when it is
/// accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Options {
    /// How long a connection may be idle between requests where the application has set no
    /// policy of its own. `None`: without limit. Default: 75 s, which is longer than load balancers
    /// and proxies in front keep their own connections: it is they who close.
    pub keepalive_timeout: Option<Duration>,
    /// How many requests a connection serves. 0 reads as 1. `None`: without limit. Default: none.
    pub keepalive_request_limit: Option<u32>,
    /// How old a connection may be, less up to a tenth of it at random: the first response after
    /// that ends it. `None`: without limit. Default: none.
    pub max_connection_age: Option<Duration>,
    /// How long the client is read after the last response where it may still send. `None`: not at
    /// all. Default: 5 s between reads, 30 s in all.
    pub linger: Option<Linger>,
    /// Whether responses announce the idle time in a `Keep-Alive` field. Default: yes.
    pub advertise_keep_alive: bool,
    /// Whether the `Keep-Alive` field of a request is obeyed. Default: yes.
    pub honor_keep_alive: bool,
    /// The deadlines of each exchange.
    pub timeouts: Timeouts,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keepalive_timeout: Some(Duration::from_secs(75)),
            keepalive_request_limit: None,
            max_connection_age: None,
            linger: Some(Linger::default()),
            advertise_keep_alive: true,
            honor_keep_alive: true,
            timeouts: Timeouts::default(),
        }
    }
}

/// The deadlines that each exchange on a connection starts with.
///
/// An exchange may change its own; the next one starts from these again, so that one request's
/// `None` cannot leave the next one unprotected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// From the accept, or from a later request's first byte, to the last byte of its head.
    /// `None`: without limit. Default: 60 s.
    pub header_read_timeout: Option<Duration>,
    /// How long reads of a request body may be pending from one byte to the next. `None`: without
    /// limit. Default: 60 s.
    pub read_timeout: Option<Duration>,
    /// Bytes per second below which a request body is given up, of the time that reads are pending
    /// and after a grace of 5 s. `None` or 0: no such limit. Default: none.
    pub min_recv_rate: Option<usize>,
    /// For a write that is pending and makes no progress: the stream accepts no byte and the client
    /// acknowledges none. `None`: without limit. Default: 60 s.
    pub write_timeout: Option<Duration>,
    /// For reading off, in all, what is left of a request body before the connection is reused.
    /// `None`: without limit. Default: 30 s.
    pub total_drain_timeout: Option<Duration>,
    /// For a tunnel, after 101 or a 2xx to CONNECT, through which no byte passes either way. `None`:
    /// without limit. Default: 1 h. A read timeout that the application sets by itself takes its
    /// place, by [`Connection::set_tunnel_idle_timeout`](crate::Connection::set_tunnel_idle_timeout).
    pub tunnel_idle_timeout: Option<Duration>,
    /// Bytes per second below which the write of a piece of a response body is given up; takes the
    /// place of [`write_timeout`](Self::write_timeout) for it. `None` or 0: no such limit. Default:
    /// none.
    pub min_send_rate: Option<usize>,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            header_read_timeout: Some(Duration::from_secs(60)),
            read_timeout: Some(Duration::from_secs(60)),
            min_recv_rate: None,
            write_timeout: Some(Duration::from_secs(60)),
            total_drain_timeout: Some(Duration::from_secs(30)),
            tunnel_idle_timeout: Some(Duration::from_secs(60 * 60)),
            min_send_rate: None,
        }
    }
}
