//! The clients that cases run with.
//!
//! The scripted client is [`crate::wire::Connection`]. Real clients go through a [`tap`], so that
//! their bytes are recorded as well and it can be seen who closed first. What a client can and how
//! it is run stands in [`table`]; a case asks for the clients that can what it needs.

pub mod chromium;
mod compiled;
pub mod curl;
pub mod driver;
pub mod fetch;
pub mod hyper;
mod installed;
pub mod leave;
pub mod load;
mod records;
mod relay;
pub mod reqwest;
pub mod slowhttptest;
pub mod table;
pub mod tap;
pub mod wget;

use std::fmt;
use std::str::FromStr;
use std::sync::OnceLock;

use crate::wire::Transport;
use table::{Abilities, Facts, Kind, Obeys, TABLE};

/// A kind of client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Client {
    /// A scripted socket.
    Raw,
    /// The system's curl.
    Curl,
    /// The system's wget.
    Wget,
    /// The reqwest library.
    Reqwest,
    /// hyper, with the pool of hyper-util.
    Hyper,
    /// Python's requests, with a session.
    Requests,
    /// Python's urllib3, with a pool manager.
    Urllib3,
    /// Python's httpx, with a client that is not asynchronous.
    Httpx,
    /// Python's aiohttp, with a session.
    Aiohttp,
    /// Node's `fetch`, which is undici's.
    NodeFetch,
    /// Node's `http.request` with an `http.Agent`.
    NodeAgent,
    /// Java's own HttpClient.
    Java,
    /// Go's net/http.
    Go,
    /// Headless Chromium.
    Chromium,
    /// ApacheBench, which speaks HTTP/1.0.
    Ab,
    /// h2load with HTTP/1.1.
    H2load,
    /// The wrk program.
    Wrk,
    /// The slowhttptest program.
    SlowHttpTest,
}

impl Client {
    /// How many there are.
    pub const COUNT: usize = Client::SlowHttpTest as usize + 1;

    /// Every client, in the order of reports.
    pub fn all() -> impl Iterator<Item = Client> {
        TABLE.iter().map(|facts| facts.client)
    }

    /// Those that can what a case needs, in the order of reports.
    pub fn that(can: impl Fn(Abilities) -> bool) -> Vec<Client> {
        Client::all().filter(|client| can(client.can())).collect()
    }

    fn facts(self) -> &'static Facts {
        &TABLE[self as usize]
    }

    /// The name that `--client` takes.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// How it is run.
    pub fn kind(self) -> Kind {
        self.facts().kind
    }

    /// What it can.
    pub fn can(self) -> Abilities {
        self.facts().can
    }

    /// How it obeys the `Keep-Alive` field of a response, where it does.
    pub fn obeys(self) -> Option<Obeys> {
        self.facts().obeys
    }

    /// Whether it can connect over this.
    pub fn connects_over(self, over: Transport) -> bool {
        self.facts().over.contains(&over)
    }

    /// Why this client cannot be used here, and what to do about it.
    pub fn missing(self) -> Option<&'static str> {
        static MISSING: [OnceLock<Option<String>>; Client::COUNT] =
            [const { OnceLock::new() }; Client::COUNT];
        let look = || self.facts().needs.iter().find_map(|need| need.missing());
        MISSING[self as usize].get_or_init(look).as_deref()
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
        Client::all()
            .find(|client| client.name() == name)
            .ok_or_else(|| format!("no client is called {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_clients() {
        for (index, client) in Client::all().enumerate() {
            assert_eq!(client as usize, index, "{client}");
            assert_eq!(client.name().parse(), Ok(client));
        }
    }
}
