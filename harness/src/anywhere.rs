//! Cases that need no control over the service: what they need to know of it instead, and what to
//! say to the owner of one that fails them.

use std::time::Duration;

use serde::Serialize;

use crate::case::Case;
use crate::timeouts::Timer;

/// What the owner of a service is told that fails a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Advice {
    /// What it costs in production.
    pub costs: &'static str,
    /// Where to look for the cause and the remedy.
    pub look: &'static str,
}

/// What a case has that runs against any service.
#[derive(Clone, Debug)]
pub struct Anywhere {
    /// What to say of a service that fails it.
    pub advice: Advice,
    /// The configured times that it waits for, one after the other.
    pub timers: Vec<Timer>,
    /// Those that it waits for as well if they are known.
    pub perhaps: Vec<Timer>,
    /// Whether a request of it has a body.
    pub has_body: bool,
    /// Whether it needs no response to a request.
    pub without_response: bool,
    /// How many connections it has open at a time.
    pub connections: usize,
    /// How many requests it sends at most, parts of one and what is none included.
    pub requests: usize,
    /// How many connections it opens in all.
    pub opened: usize,
    /// How long it waits besides, for nothing that is configured.
    pub besides: Duration,
}

impl Case {
    /// Runs against any service: asks for nothing that only ours knows, and what it expects follows
    /// from an RFC or from a configured time. Without more, it sends at most three requests on one
    /// connection.
    pub fn anywhere(mut self, advice: Advice) -> Case {
        self.anywhere = Some(Anywhere {
            advice,
            timers: Vec::new(),
            perhaps: Vec::new(),
            has_body: false,
            without_response: false,
            connections: 1,
            requests: 3,
            opened: 2,
            besides: Duration::ZERO,
        });
        self
    }

    /// Waits for a configured time to be over.
    pub fn waits_for(self, timer: Timer) -> Case {
        self.more(|anywhere| anywhere.timers.push(timer))
    }

    /// Waits for a configured time to be over if it is known.
    pub fn may_wait_for(self, timer: Timer) -> Case {
        self.more(|anywhere| anywhere.perhaps.push(timer))
    }

    /// Sends a request with a body.
    pub fn with_body(self) -> Case {
        self.more(|anywhere| anywhere.has_body = true)
    }

    /// Says something of a service that answers nothing.
    pub fn without_response(self) -> Case {
        self.more(|anywhere| anywhere.without_response = true)
    }

    /// Has as many connections open at a time, and opens as many in all.
    pub fn opens(self, connections: usize, in_all: usize) -> Case {
        self.more(|anywhere| {
            anywhere.connections = connections;
            anywhere.opened = in_all;
        })
    }

    /// Sends at most as many requests.
    pub fn sends(self, requests: usize) -> Case {
        self.more(|anywhere| anywhere.requests = requests)
    }

    /// Waits this long besides.
    pub fn takes(self, time: Duration) -> Case {
        self.more(|anywhere| anywhere.besides = time)
    }

    fn more(mut self, change: impl FnOnce(&mut Anywhere)) -> Case {
        if let Some(anywhere) = &mut self.anywhere {
            change(anywhere);
        }
        self
    }
}
