//! What this variant has calls for.
//!
//! A feature is an API level, or bears the name of the patch that adds the call: a variant built on
//! the first patches of the series has the features of those.

/// The names that the harness knows. It skips cases that need anything else.
pub const ALL: &[&str] = &[
    #[cfg(feature = "api-0-9")]
    "abort-on-close",
    #[cfg(feature = "api-0-9")]
    "cache",
    #[cfg(feature = "api-0-9")]
    "connect-option",
    #[cfg(feature = "api-0-9")]
    "drain-option",
    #[cfg(feature = "api-0-9")]
    "fail-to-proxy",
    #[cfg(feature = "api-0-9")]
    "min-send-rate",
    #[cfg(feature = "api-0-9")]
    "pipelining",
    #[cfg(feature = "api-0-9")]
    "proxy-tasks",
    #[cfg(feature = "api-0-9")]
    "read-timeout",
    #[cfg(feature = "api-0-9")]
    "request-limit",
    #[cfg(feature = "api-0-9")]
    "user-context",
    #[cfg(feature = "tls")]
    "tls",
    #[cfg(feature = "body-timeout-options")]
    "body-options",
    #[cfg(feature = "close-on-error")]
    "close-on-error",
    #[cfg(feature = "connection-timeouts")]
    "connection-timeouts",
    #[cfg(feature = "handshake-timeout")]
    "handshake-timeout",
    #[cfg(feature = "idle-timeout")]
    "idle-timeout",
    #[cfg(feature = "linger")]
    "linger",
    #[cfg(feature = "max-connection-age")]
    "max-connection-age",
    #[cfg(feature = "max-idle-connections")]
    "max-idle-connections",
    #[cfg(feature = "min-recv-rate")]
    "min-recv-rate",
    #[cfg(feature = "tunnel-timeout")]
    "tunnel-timeout",
    #[cfg(feature = "write-timeout")]
    "write-timeout-option",
    #[cfg(all(feature = "request-keep-alive", feature = "response-keep-alive"))]
    "keep-alive-options",
];
