//! The server options of the shapes.
//!
//! What a patch adds is set where the variant has that patch; elsewhere the default stays.

use std::time::Duration;

use pingora::apps::HttpServerOptions;

/// Sets an option that a patch adds, where the variant has the patch.
macro_rules! set {
    ($options:ident.$field:ident = $value:expr, $patch:literal) => {
        #[cfg(feature = $patch)]
        {
            $options.$field = $value;
        }
        #[cfg(not(feature = $patch))]
        let _ = (&mut $options, $value);
    };
}

const fn secs(seconds: u64) -> Option<Duration> {
    Some(Duration::from_secs(seconds))
}

/// Times short enough to wait for.
pub fn short() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    set!(options.keepalive_timeout = secs(2), "keepalive-timeout");
    set!(options.header_read_timeout = secs(3), "header-read-timeout");
    options
}

/// The same with HTTP/2.
pub fn h2c() -> HttpServerOptions {
    let mut options = short();
    options.h2c = true;
    set!(options.handshake_timeout = secs(2), "handshake-timeout");
    options
}

/// So many requests a connection.
#[cfg(feature = "api-0-9")]
pub fn limited(requests: u32) -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.keepalive_request_limit = Some(requests);
    options
}

/// Three requests a connection, and a keepalive time of 2 s.
#[cfg(feature = "api-0-9")]
pub fn limited_and_short() -> HttpServerOptions {
    let mut options = limited(3);
    set!(options.keepalive_timeout = secs(2), "keepalive-timeout");
    options
}

/// CONNECT goes on to the upstream.
#[cfg(feature = "api-0-9")]
pub fn connect() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.allow_connect_method_proxying = true;
    options
}

/// The `Keep-Alive` field not written.
#[cfg(feature = "response-keep-alive")]
pub fn no_advertise() -> HttpServerOptions {
    let mut options = short();
    options.advertise_keep_alive = false;
    options
}

/// The `Keep-Alive` field not read.
#[cfg(feature = "request-keep-alive")]
pub fn no_honor() -> HttpServerOptions {
    let mut options = short();
    options.honor_keep_alive = false;
    options
}

/// A write that makes no progress has 1 s.
#[cfg(feature = "write-timeout")]
pub fn write() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.write_timeout = secs(1);
    options
}

/// A tunnel may be idle for 2 s.
#[cfg(feature = "tunnel-timeout")]
pub fn tunnel() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.tunnel_idle_timeout = secs(2);
    options
}

/// A body that stalls has 2 s, one that drips 1,000 bytes a second, one that nobody wants 1 s.
#[cfg(feature = "body-timeout-options")]
pub fn body() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.read_timeout = secs(2);
    options.total_drain_timeout = secs(1);
    set!(options.min_recv_rate = Some(1000), "min-recv-rate");
    options
}

/// Lingers for 1 s between reads, 4 s in all.
#[cfg(feature = "linger")]
pub fn linger() -> HttpServerOptions {
    let mut linger = pingora::protocols::http::keepalive::Linger::default();
    linger.gap = Duration::from_secs(1);
    linger.total = Duration::from_secs(4);
    let mut options = HttpServerOptions::default();
    options.linger = Some(linger);
    options
}

/// Connections get a second old.
#[cfg(feature = "max-connection-age")]
pub fn aged() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.max_connection_age = secs(1);
    options
}

/// Two connections may be idle.
#[cfg(feature = "max-idle-connections")]
pub fn idle_two() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.max_idle_connections = Some(2);
    options
}

/// No idle bound and no header bound.
#[cfg(all(feature = "header-read-timeout", feature = "keepalive-timeout"))]
pub fn unbounded() -> HttpServerOptions {
    let mut options = HttpServerOptions::default();
    options.keepalive_timeout = None;
    options.header_read_timeout = None;
    options
}
