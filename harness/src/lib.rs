//! The regression harness: proves on the wire how the HTTP/1.x connections of a Pingora service
//! persist, expire and end.
//!
//! A [`subject`] is a running variant of one service, a [`case`] says what must be seen of it, a
//! [client](clients) is what looks. The [`runner`] runs every case against every subject side by
//! side; [`expectations`] hold what pristine variants are known to do.

pub mod anywhere;
pub mod bench;
pub mod browser;
pub mod case;
pub mod cases;
pub mod check;
pub mod clients;
pub mod expectations;
pub mod origin;
pub mod outcome;
pub mod paths;
pub mod place;
pub mod prove;
pub mod report;
pub mod runner;
pub mod selection;
pub mod service;
pub mod soak;
pub mod subject;
pub mod target;
pub mod timeouts;
pub mod wire;
