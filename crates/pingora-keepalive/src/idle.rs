//! How long a connection may be idle between two requests.

use std::time::Duration;

/// The number of seconds that stands for [`IdleTimeout::Unlimited`] where a plain number is
/// taken, as in `set_keepalive(Some(UNLIMITED))`.
pub const UNLIMITED: u64 = u64::MAX;

/// How long a connection may be idle: what the server or the application allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleTimeout {
    /// Not at all: the connection ends with the exchange in progress.
    Close,
    /// At most this long after the end of a response. Zero is the same as
    /// [`IdleTimeout::Close`].
    After(Duration),
    /// For ever.
    Unlimited,
}

impl IdleTimeout {
    /// The time allowed, where one is: `None` is to close, `Some(None)` has no end.
    pub(crate) fn allowed(self) -> Option<Option<Duration>> {
        match self {
            IdleTimeout::Close | IdleTimeout::After(Duration::ZERO) => None,
            IdleTimeout::After(limit) => Some(Some(limit)),
            IdleTimeout::Unlimited => Some(None),
        }
    }

    /// The same in the seconds that `set_keepalive` takes: `None` closes, [`UNLIMITED`] never
    /// does. A part of a second rounds up, so that setting the result never shortens to 0.
    pub fn as_keepalive_secs(self) -> Option<u64> {
        let secs = |limit: Duration| {
            limit
                .as_secs()
                .saturating_add(u64::from(limit.subsec_nanos() > 0))
        };
        self.allowed().map(|limit| limit.map_or(UNLIMITED, secs))
    }
}

/// As the server options say it: `None` is no limit.
impl From<Option<Duration>> for IdleTimeout {
    fn from(limit: Option<Duration>) -> Self {
        limit.map_or(IdleTimeout::Unlimited, IdleTimeout::After)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case(IdleTimeout::Close, None)]
    #[case(IdleTimeout::After(Duration::ZERO), None)]
    #[case(IdleTimeout::After(Duration::from_millis(1)), Some(1))]
    #[case(IdleTimeout::After(Duration::from_secs(2)), Some(2))]
    #[case(IdleTimeout::After(Duration::from_millis(2_001)), Some(3))]
    #[case(IdleTimeout::Unlimited, Some(UNLIMITED))]
    fn seconds_round_up(#[case] idle: IdleTimeout, #[case] secs: Option<u64>) {
        assert_eq!(idle.as_keepalive_secs(), secs);
    }

    #[test]
    fn the_longest_time_does_not_overflow() {
        let secs = IdleTimeout::After(Duration::MAX).as_keepalive_secs();
        assert_eq!(secs, Some(UNLIMITED));
    }
}
