//! The clients that cases run with.
//!
//! The scripted client is [`crate::wire::Connection`]. Real clients go through a [`tap`], so that
//! their bytes are recorded as well and it can be seen who closed first.

pub mod curl;
pub mod reqwest;
pub mod slowhttptest;
pub mod tap;

use std::fmt;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::OnceLock;

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// A scripted socket.
    Raw,
    /// The system's curl.
    Curl,
    /// The reqwest library.
    Reqwest,
    /// The slowhttptest program.
    SlowHttpTest,
}

impl Client {
    /// Every client, in the order of reports.
    pub const ALL: [Client; 4] = [
        Client::Raw,
        Client::Curl,
        Client::Reqwest,
        Client::SlowHttpTest,
    ];

    /// The name that `--client` takes.
    pub fn name(self) -> &'static str {
        match self {
            Client::Raw => "raw",
            Client::Curl => "curl",
            Client::Reqwest => "reqwest",
            Client::SlowHttpTest => "slowhttptest",
        }
    }

    /// Why this client cannot be used here, and what to do about it.
    pub fn missing(self) -> Option<&'static str> {
        static CURL: OnceLock<bool> = OnceLock::new();
        static SLOW_HTTP_TEST: OnceLock<bool> = OnceLock::new();
        let starts = |program: &str, argument: &str| {
            Command::new(program)
                .arg(argument)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()
                .is_ok()
        };
        match self {
            Client::Raw | Client::Reqwest => None,
            Client::Curl => (!*CURL.get_or_init(|| starts("curl", "--version")))
                .then_some("curl is not installed: apt-get install curl"),
            Client::SlowHttpTest => (!*SLOW_HTTP_TEST.get_or_init(|| starts("slowhttptest", "-h")))
                .then_some("slowhttptest is not installed: apt-get install slowhttptest"),
        }
    }
}

impl fmt::Display for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Client {
    type Err = String;

    fn from_str(name: &str) -> Result<Client, String> {
        Client::ALL
            .into_iter()
            .find(|client| client.name() == name)
            .ok_or_else(|| format!("no client is called {name}"))
    }
}
