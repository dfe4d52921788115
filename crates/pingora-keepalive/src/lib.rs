//! Engine of pingora-keepalive.
#![forbid(unsafe_code)]
