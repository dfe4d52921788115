//! The phases of a connection and the steps between them.
//!
//! ```text
//!  accept       first byte
//! --------> AwaitFirst --------> ReadingHead ---- head complete ---> Exchange
//!               |                 ^   |                               |  |  |
//!               |      first byte |   |          outcome: persist     |  |  | tunnel
//!               |                Idle <-----------------------------------  v
//!               |                 |   |                               |   Tunnel
//!               v                 v   v          outcome: close       v     |
//!            Closing <------------------------------------------------+-----+
//!               |
//!               v
//!            Closed
//! ```

/// Where a connection is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Accepted; no byte of a request has come.
    AwaitFirst,
    /// The head of a request is being read.
    ReadingHead,
    /// A request's body is being read, its response written, in either order.
    Exchange,
    /// Between two requests.
    Idle,
    /// Bytes pass both ways; this is no longer HTTP.
    Tunnel,
    /// No further request will be read; the end of the stream is under way.
    Closing,
    /// The stream is gone.
    Closed,
}

/// What moves a connection from one phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The first byte of a request has come.
    FirstByte,
    /// The head of a request is complete.
    HeadComplete,
    /// The exchange is over and the connection persists.
    Persist,
    /// The exchange has turned the connection into a tunnel.
    Tunnel,
    /// The connection is to end.
    Close,
    /// The stream is gone.
    Gone,
}

impl Phase {
    /// The phase that `step` leads to; `None` where the step cannot be taken.
    pub(crate) fn after(self, step: Step) -> Option<Phase> {
        use Phase::*;
        match (self, step) {
            (AwaitFirst | Idle, Step::FirstByte) => Some(ReadingHead),
            (ReadingHead, Step::HeadComplete) => Some(Exchange),
            (Exchange, Step::Persist) => Some(Idle),
            (Exchange, Step::Tunnel) => Some(Tunnel),
            (AwaitFirst | ReadingHead | Exchange | Idle | Tunnel, Step::Close) => Some(Closing),
            (AwaitFirst | ReadingHead | Exchange | Idle | Tunnel | Closing, Step::Gone) => {
                Some(Closed)
            }
            _ => None,
        }
    }

    /// Whether the connection is at an end, so that nothing else can happen to it.
    pub fn is_over(self) -> bool {
        matches!(self, Phase::Closing | Phase::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::Write;

    const PHASES: [Phase; 7] = [
        Phase::AwaitFirst,
        Phase::ReadingHead,
        Phase::Exchange,
        Phase::Idle,
        Phase::Tunnel,
        Phase::Closing,
        Phase::Closed,
    ];
    const STEPS: [Step; 6] = [
        Step::FirstByte,
        Step::HeadComplete,
        Step::Persist,
        Step::Tunnel,
        Step::Close,
        Step::Gone,
    ];

    #[test]
    fn the_transition_table_is_as_recorded() {
        let mut table = String::new();
        for phase in PHASES {
            for step in STEPS {
                let next = phase
                    .after(step)
                    .map_or_else(|| "-".to_owned(), |next| format!("{next:?}"));
                let (phase, step) = (format!("{phase:?}"), format!("{step:?}"));
                writeln!(table, "{phase:<12}{step:<14}{next}").unwrap();
            }
        }
        insta::assert_snapshot!(table);
    }
}
