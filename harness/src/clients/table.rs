//! What is known of each client: the one place to add one.

use std::process::Command;
use std::time::Duration;

use super::compiled;
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
    /// A [browser](super::chromium).
    Browser,
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
    /// See that a server closes an idle connection, and close it as well, before it is needed.
    pub watch: bool,
    /// Send a request with a body.
    pub post: bool,
    /// Speak HTTP/1.0.
    pub http10: bool,
    /// Send many requests at once, and count what comes back.
    pub load: bool,
}

impl Abilities {
    const NONE: Abilities = Abilities {
        fetch: false,
        reuse: false,
        pause: false,
        watch: false,
        post: false,
        http10: false,
        load: false,
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
        watch: true,
        post: true,
        ..Abilities::FETCHER
    };

    /// One that looks at a connection only when it is needed again.
    const LOOKING_POOL: Abilities = Abilities {
        watch: false,
        ..Abilities::POOL
    };

    /// A load tool.
    const LOAD: Abilities = Abilities {
        load: true,
        ..Abilities::NONE
    };
}

/// How a client obeys `Keep-Alive: timeout` of a response. None of them counts requests for `max`.
#[derive(Clone, Copy, Debug)]
pub struct Obeys {
    /// How long before that time it lets an idle connection go, at most.
    pub margin: Duration,
}

const PLAIN: &[Transport] = &[Transport::Plain];
const PLAIN_AND_TLS: &[Transport] = &[Transport::Plain, Transport::Tls];
const EVERYWHERE: &[Transport] = &Transport::ALL;

/// The Python libraries, of `ci/clients.sh python`.
const PYTHON: &[Need] = &[Need::Made {
    group: "python",
    from: "requirements.txt",
}];

/// Node and the package of `ci/clients.sh node`.
const NODE: &[Need] = &[
    Need::program("node", "--version", "nodejs"),
    Need::Made {
        group: "node",
        from: "package-lock.json",
    },
];

/// The Java driver, of `ci/clients.sh java`.
const JAVA: &[Need] = &[
    Need::program("java", "--version", "default-jdk-headless"),
    Need::Made {
        group: "java",
        from: "Driver.java",
    },
];

/// The Go driver, of `ci/clients.sh go`.
const GO: &[Need] = &[Need::Made {
    group: "go",
    from: "main.go",
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
    // Fetches the pages of its arguments on one connection, while it may.
    Facts {
        client: Client::Wget,
        name: "wget",
        kind: Kind::Program,
        needs: &[Need::program("wget", "--version", "wget")],
        over: PLAIN,
        can: Abilities::FETCHER,
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
    // Its connections are urllib3's.
    // Keeps a connection for `pool_idle_timeout`, 90 s, whatever the server says.
    Facts {
        client: Client::Hyper,
        name: "hyper",
        kind: Kind::Within,
        needs: &[],
        over: PLAIN_AND_TLS,
        can: Abilities::POOL,
        obeys: None,
    },
    Facts {
        client: Client::Requests,
        name: "requests",
        kind: Kind::Driver(|| driver::python("requests")),
        needs: PYTHON,
        over: PLAIN_AND_TLS,
        can: Abilities::LOOKING_POOL,
        obeys: None,
    },
    // Keeps a connection for as long as it is open, and looks whether it is before it uses it.
    Facts {
        client: Client::Urllib3,
        name: "urllib3",
        kind: Kind::Driver(|| driver::python("urllib3")),
        needs: PYTHON,
        over: PLAIN,
        can: Abilities::LOOKING_POOL,
        obeys: None,
    },
    // Has a time of its own, `Limits(keepalive_expiry=5.0)`, whatever the server says.
    Facts {
        client: Client::Httpx,
        name: "httpx",
        kind: Kind::Driver(|| driver::python("httpx")),
        needs: PYTHON,
        over: PLAIN,
        can: Abilities::LOOKING_POOL,
        obeys: None,
    },
    // Has a time of its own, `TCPConnector(keepalive_timeout=15)`, whatever the server says.
    Facts {
        client: Client::Aiohttp,
        name: "aiohttp",
        kind: Kind::Driver(|| driver::python("aiohttp")),
        needs: PYTHON,
        over: PLAIN,
        can: Abilities::POOL,
        obeys: None,
    },
    // `keepAliveTimeoutThreshold`: "A number of milliseconds subtracted from server keep-alive
    // hints", 2 s by default.
    Facts {
        client: Client::NodeFetch,
        name: "node-fetch",
        kind: Kind::Driver(|| driver::node("fetch")),
        needs: NODE,
        over: PLAIN_AND_TLS,
        can: Abilities::POOL,
        obeys: Some(Obeys {
            margin: Duration::from_secs(2),
        }),
    },
    // A server's timeout lowers the agent's own; newer versions take a second off it.
    Facts {
        client: Client::NodeAgent,
        name: "node-agent",
        kind: Kind::Driver(|| driver::node("agent")),
        needs: NODE,
        over: PLAIN,
        can: Abilities::POOL,
        obeys: Some(Obeys {
            margin: Duration::from_secs(1),
        }),
    },
    // Keeps a connection for `jdk.httpclient.keepalive.timeout`, 1200 s and since JDK 20 30 s, whatever
    // the server says.
    Facts {
        client: Client::Java,
        name: "java",
        kind: Kind::Driver(compiled::java),
        needs: JAVA,
        over: PLAIN_AND_TLS,
        can: Abilities::POOL,
        obeys: None,
    },
    // Keeps a connection for `IdleConnTimeout`, 90 s in the default transport, whatever the server
    // says.
    Facts {
        client: Client::Go,
        name: "go",
        kind: Kind::Driver(compiled::go),
        needs: GO,
        over: PLAIN_AND_TLS,
        can: Abilities::POOL,
        obeys: None,
    },
    // Keeps an idle connection for minutes, whatever the server says, unless that closes it.
    Facts {
        client: Client::Chromium,
        name: "chromium",
        kind: Kind::Browser,
        needs: &[Need::Browser],
        over: PLAIN_AND_TLS,
        can: Abilities {
            pause: true,
            ..Abilities::FETCHER
        },
        obeys: None,
    },
    Facts {
        client: Client::Ab,
        name: "ab",
        kind: Kind::Program,
        needs: &[Need::program("ab", "-V", "apache2-utils")],
        over: PLAIN,
        can: Abilities {
            http10: true,
            ..Abilities::LOAD
        },
        obeys: None,
    },
    Facts {
        client: Client::H2load,
        name: "h2load",
        kind: Kind::Program,
        needs: &[Need::program("h2load", "--version", "nghttp2-client")],
        over: PLAIN,
        can: Abilities::LOAD,
        obeys: None,
    },
    Facts {
        client: Client::Wrk,
        name: "wrk",
        kind: Kind::Program,
        needs: &[Need::program("wrk", "-v", "wrk")],
        over: PLAIN,
        can: Abilities::LOAD,
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
