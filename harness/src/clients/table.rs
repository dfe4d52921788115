//! What is known of each client: the one place to add one.

use std::process::Command;
use std::time::Duration;

use super::driver;
use super::installed::Need;
use super::Client;
use crate::wire::Transport;

/// What is known of a client.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) client: Client,
    /// The name that `--client` takes.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What must be installed.
    pub(super) needs: &'static [Need],
    /// What it can connect over.
    pub(super) over: &'static [Transport],
    /// What it can.
    pub(super) can: Abilities,
    /// How it obeys the `Keep-Alive` field of a response, where it does.
    pub(super) obeys: Option<Obeys>,
}

/// How a client is run.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// It is part of the harness.
    Within,
    /// A program that is started with its requests and ends when it is done.
    Program,
    /// A [driver](super::driver), started by this command.
    Driver(fn() -> Command),
}

/// What a client can, as people use it. A client with none of it has cases of its own.
#[derive(Clone, Copy, Debug)]
pub struct Abilities {
    /// Fetch a page and say whether it was complete.
    pub fetch: bool,
    /// Use a connection for the next of several requests.
    pub reuse: bool,
    /// Wait between two requests, with its connection open, for as long as a case likes.
    pub pause: bool,
    /// Send a request with a body.
    pub post: bool,
    /// Speak HTTP/1.0.
    pub http10: bool,
}

impl Abilities {
    const NONE: Abilities = Abilities {
        fetch: false,
        reuse: false,
        pause: false,
        post: false,
        http10: false,
    };

    /// A program that fetches the pages of its arguments.
    const FETCHER: Abilities = Abilities {
        fetch: true,
        reuse: true,
        ..Abilities::NONE
    };

    /// A library with a pool of connections.
    const POOL: Abilities = Abilities {
        pause: true,
        post: true,
        ..Abilities::FETCHER
    };
}

/// How a client obeys the `Keep-Alive` field of a response.
#[derive(Clone, Copy, Debug)]
pub struct Obeys {
    /// How long before the time of `timeout` it lets an idle connection go.
    pub margin: Duration,
    /// Whether it counts the requests of `max`.
    pub max: bool,
}

const PLAIN: &[Transport] = &[Transport::Plain];
const PLAIN_AND_TLS: &[Transport] = &[Transport::Plain, Transport::Tls];
const EVERYWHERE: &[Transport] = &Transport::ALL;

/// The Python libraries, of `ci/clients.sh python`.
const PYTHON: &[Need] = &[Need::Made {
    group: "python",
    from: "requirements.txt",
}];

/// In the order of [`Client`], which is the order of reports.
pub(super) static TABLE: [Facts; Client::COUNT] = [
    Facts {
        client: Client::Raw,
        name: "raw",
        kind: Kind::Within,
        needs: &[],
        over: EVERYWHERE,
        can: Abilities::NONE,
        obeys: None,
    },
    Facts {
        client: Client::Curl,
        name: "curl",
        kind: Kind::Program,
        needs: &[Need::program("curl", "--version", "curl")],
        over: EVERYWHERE,
        can: Abilities {
            http10: true,
            ..Abilities::FETCHER
        },
        obeys: None,
    },
    Facts {
        client: Client::Reqwest,
        name: "reqwest",
        kind: Kind::Within,
        needs: &[],
        over: EVERYWHERE,
        can: Abilities::POOL,
        obeys: None,
    },
    Facts {
        client: Client::Requests,
        name: "requests",
        kind: Kind::Driver(|| driver::python("requests")),
        needs: PYTHON,
        over: PLAIN_AND_TLS,
        can: Abilities::POOL,
        obeys: None,
    },
    Facts {
        client: Client::SlowHttpTest,
        name: "slowhttptest",
        kind: Kind::Program,
        needs: &[Need::program("slowhttptest", "-h", "slowhttptest")],
        over: PLAIN,
        can: Abilities::NONE,
        obeys: None,
    },
];
