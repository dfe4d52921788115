//! Decides when an HTTP/1.x connection persists, expires and ends.
//!
//! [`Connection`] is the one owner of everything that outlives a request. It is made when a
//! connection is accepted and ends with exactly one [`CloseReason`]. When the head of the final
//! response is about to be written, it turns the server's policy, the client's wish and the
//! framing into one [`Outcome`]; header fields are written from it and the reuse loop obeys it,
//! so that what is said and what is done cannot differ.
//!
//! This crate does no I/O and never reads a clock: callers report what happened and pass the
//! time. It knows the rules of persistence (RFC 9110, RFC 9112, RFC 2068), and nothing of
//! sockets, TLS, header maps or HTTP/2.

#![forbid(unsafe_code)]

mod body_read;
mod close_reason;
mod connection;
mod connection_options;
mod ending;
mod exchange;
mod framing;
mod idle;
mod idle_connections;
mod keep_alive;
mod list;
mod options;
mod phase;
mod timer;
mod transfer_coding;
mod upstream;
mod write;

pub use body_read::BodyLimits;
pub use close_reason::CloseReason;
pub use connection::Connection;
pub use connection_options::ConnectionOptions;
pub use ending::{Ending, Linger};
pub use exchange::{Outcome, RequestHead, ResponseHead, Version};
pub use framing::{Delimit, ResponseFraming};
pub use idle::{IdleTimeout, UNLIMITED};
pub use idle_connections::{IdleConnections, IdlePlace};
pub use keep_alive::KeepAlive;
pub use options::{Options, Timeouts};
pub use phase::Phase;
pub use timer::Timer;
pub use transfer_coding::TransferCodings;
pub use upstream::UpstreamConnection;
pub use write::WriteLimit;
