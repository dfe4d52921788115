//! A connection to a server, from one use to the next: what the server's `Keep-Alive` field says
//! bounds how long it waits in a pool and how often it is used again.

use crate::keep_alive::MARGIN;
use crate::{IdleTimeout, KeepAlive};
use std::time::Duration;

/// What a server has said about one connection of ours to it.
///
/// It goes with the connection, into the pool and out again. Nothing the server says can make a
/// connection last longer than it would have otherwise.
///
/// The field counts on every response after which the connection persists, whether or not
/// `Connection` lists `keep-alive`: servers leave the option out where HTTP/1.1 makes it the
/// default, clients such as Node's agent and undici do not ask for it, and to obey a bound that
/// was not meant costs a new connection, while to miss one that was costs a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpstreamConnection {
    /// Seconds that the server keeps the connection while it is idle, as said last.
    timeout: Option<u32>,
    /// How many further requests may be sent.
    remaining: Option<u32>,
}

impl UpstreamConnection {
    /// What holds after a response whose `Keep-Alive` field says `said`.
    ///
    /// A time holds until another one is said. A `max` counts down with each request, also where
    /// later responses leave it out, and a later one cannot raise it.
    #[must_use]
    pub fn after_response(self, said: KeepAlive) -> Self {
        let remaining = self.remaining.map(|n| n.saturating_sub(1));
        // a time beyond 136 years is no bound, and more than some timers can take
        let timeout = said.timeout.map(|secs| u32::try_from(secs).ok());
        Self {
            timeout: timeout.unwrap_or(self.timeout),
            remaining: [remaining, said.max].into_iter().flatten().min(),
        }
    }

    /// How long the connection may wait from now on for its next request.
    ///
    /// The server's clock runs since it sent the last byte of its response, and a request must
    /// reach it before it gives up: what it allows is shorter by the time `since_last_byte` came
    /// here, and by a margin of one second. Where nothing is left, the connection is not to be
    /// used again. `since_last_byte` is asked only where it counts.
    pub fn idle_timeout(&self, since_last_byte: impl FnOnce() -> Duration) -> IdleTimeout {
        if self.remaining == Some(0) {
            return IdleTimeout::Close;
        }
        let Some(timeout) = self.timeout else {
            return IdleTimeout::Unlimited;
        };
        let allowed = Duration::from_secs(timeout.into()).saturating_sub(MARGIN);
        match allowed.checked_sub(since_last_byte()) {
            None | Some(Duration::ZERO) => IdleTimeout::Close,
            Some(left) => IdleTimeout::After(left),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const NOTHING: KeepAlive = KeepAlive {
        timeout: None,
        max: None,
    };

    fn timeout(secs: u64) -> KeepAlive {
        KeepAlive {
            timeout: Some(secs),
            max: None,
        }
    }

    fn max(max: u32) -> KeepAlive {
        KeepAlive {
            timeout: None,
            max: Some(max),
        }
    }

    /// The idle time after responses that say `said`, with the last byte just come.
    fn after(said: &[KeepAlive]) -> IdleTimeout {
        said.iter()
            .fold(UpstreamConnection::default(), |connection, &said| {
                connection.after_response(said)
            })
            .idle_timeout(|| Duration::ZERO)
    }

    fn secs(secs: u64) -> IdleTimeout {
        IdleTimeout::After(Duration::from_secs(secs))
    }

    #[rstest]
    #[case::nothing(&[NOTHING], IdleTimeout::Unlimited)]
    #[case::zero(&[timeout(0)], IdleTimeout::Close)]
    #[case::no_more_than_the_margin(&[timeout(1)], IdleTimeout::Close)]
    #[case::less_the_margin(&[timeout(2)], secs(1))]
    #[case::the_last_counts(&[timeout(5), timeout(61)], secs(60))]
    #[case::holds_until_another_is_said(&[timeout(5), NOTHING], secs(4))]
    #[case::beyond_all_clocks(&[timeout(u64::MAX)], IdleTimeout::Unlimited)]
    #[case::no_further_request(&[max(0)], IdleTimeout::Close)]
    #[case::one_further_request(&[max(1)], IdleTimeout::Unlimited)]
    #[case::the_further_one_was_sent(&[max(1), NOTHING], IdleTimeout::Close)]
    #[case::counts_where_it_is_left_out(&[max(2), NOTHING], IdleTimeout::Unlimited)]
    #[case::cannot_be_raised(&[max(1), max(100)], IdleTimeout::Close)]
    #[case::can_be_lowered(&[max(100), max(0)], IdleTimeout::Close)]
    #[case::counted_down_by_the_server(&[max(2), max(1)], IdleTimeout::Unlimited)]
    fn what_the_server_says_bounds_the_wait(
        #[case] said: &[KeepAlive],
        #[case] expected: IdleTimeout,
    ) {
        assert_eq!(after(said), expected);
    }

    #[rstest]
    #[case(0, Some(4_000))]
    #[case(3_999, Some(1))]
    #[case(4_000, None)]
    #[case(60_000, None)]
    fn time_that_has_passed_counts(#[case] passed: u64, #[case] left: Option<u64>) {
        let connection = UpstreamConnection::default().after_response(timeout(5));
        let expected = left.map_or(IdleTimeout::Close, |left| {
            IdleTimeout::After(Duration::from_millis(left))
        });
        let idle = connection.idle_timeout(|| Duration::from_millis(passed));
        assert_eq!(idle, expected);
    }

    #[test]
    fn without_a_time_nobody_asks_what_has_passed() {
        let idle = UpstreamConnection::default().idle_timeout(|| panic!("asked"));
        assert_eq!(idle, IdleTimeout::Unlimited);
    }

    fn any_said() -> impl Strategy<Value = KeepAlive> {
        (
            proptest::option::of(prop_oneof![0..6u64, any::<u64>()]),
            proptest::option::of(prop_oneof![0..6u32, any::<u32>()]),
        )
            .prop_map(|(timeout, max)| KeepAlive { timeout, max })
    }

    proptest! {
        /// A server that closes `timeout` after its last byte and serves `max` further requests
        /// never sees a request too late or too many, whatever it says in between.
        #[test]
        fn no_request_is_sent_that_the_server_did_not_allow(
            said in proptest::collection::vec(any_said(), 1..20),
            passed in 0..10_000u64,
        ) {
            let passed = Duration::from_millis(passed);
            let mut connection = UpstreamConnection::default();
            let mut allowed = u32::MAX;
            let mut gives_up = None;
            for said in said {
                connection = connection.after_response(said);
                allowed = allowed.min(said.max.unwrap_or(u32::MAX));
                gives_up = said.timeout.or(gives_up);
                match connection.idle_timeout(|| passed) {
                    IdleTimeout::Close => break,
                    IdleTimeout::After(left) => {
                        let at = passed + left + MARGIN;
                        prop_assert!(at <= Duration::from_secs(gives_up.unwrap()));
                        prop_assert!(!left.is_zero());
                    }
                    IdleTimeout::Unlimited => {
                        prop_assert!(gives_up.is_none_or(|secs| secs > u32::MAX.into()));
                    }
                }
                prop_assert!(allowed > 0);
                // the next request is sent
                allowed = allowed.saturating_sub(1);
            }
        }

        /// A server that says nothing is never left early.
        #[test]
        fn silence_is_no_bound(requests in 1..100usize) {
            prop_assert_eq!(after(&vec![NOTHING; requests]), IdleTimeout::Unlimited);
        }
    }
}
