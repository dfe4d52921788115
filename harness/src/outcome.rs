//! What came of running a case.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::case::{area_of, Failure};
use crate::clients::Client;
use crate::expectations::Expected;
use crate::wire::transcript::Record;
use crate::wire::Transport;

/// The result in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// As it should be.
    Pass,
    /// Something else was seen.
    Fail,
    /// What should have come never did.
    Hang,
    /// Not run, for a reason.
    Skip,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Status::Pass => "pass",
            Status::Fail => "fail",
            Status::Hang => "hang",
            Status::Skip => "skip",
        })
    }
}

/// The result of one case with one client against one subject.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The subject's name.
    pub subject: String,
    /// The case's id.
    pub case: &'static str,
    /// The client.
    pub client: Client,
    /// What it ran over.
    pub over: Transport,
    /// The result.
    pub status: Status,
    /// How long it took.
    pub took: Duration,
    /// What was expected and seen, what was measured, or why it was not run.
    pub detail: String,
    /// What was expected and seen, of a fail or a hang that a case found.
    pub failure: Option<Failure>,
    /// Everything on the wire, with its times.
    pub transcript: Record,
    /// What the expectations say.
    pub expected: Expected,
}

impl Outcome {
    /// The case's id with its transport.
    pub fn run(&self) -> String {
        self.over.run_of(self.case)
    }

    /// The part of the case's id before the dot.
    pub fn area(&self) -> &'static str {
        area_of(self.case)
    }

    /// Whether the run may be called good with this result.
    pub fn is_as_expected(&self) -> bool {
        self.status == Status::Skip || self.status == self.expected.status
    }
}
