//! How long a request's body may take: only the time that somebody waits for it counts.

use std::time::{Duration, Instant};

/// How long a client may take before its rate is looked at.
const RATE_GRACE: Duration = Duration::from_secs(5);

/// What bounds the reading of a request's body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BodyLimits {
    /// How long reads may be pending from one byte to the next. `None`: without limit.
    pub read_timeout: Option<Duration>,
    /// Bytes per second below which the body is given up, of the time that reads are pending and
    /// after a grace of 5 s. `None` or 0: no such limit.
    pub min_recv_rate: Option<usize>,
    /// Whether nothing counts until something has come. See [`body_read_expecting`] for the time of a
    /// client that may wait for `100 Continue`.
    ///
    /// [`body_read_expecting`]: crate::Connection::body_read_expecting
    pub awaits_continue: bool,
}

/// How long the reads of one body have been pending, and what they brought.
///
/// A read may be given up and begun again as often as the application likes. The time in between
/// counts for nothing: it is the application that does not read, not the client that does not send.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct BodyClock {
    /// Since when a read is pending.
    pending: Option<Instant>,
    /// How long reads before that one were pending since the last byte.
    gap: Duration,
    /// The same since the first read.
    waited: Duration,
    received: u64,
    /// Whether the client might wait to be told to send when a read was last pending.
    expecting: bool,
}

impl BodyClock {
    /// The client has been told to send, or does so without: what was waited for is not the body.
    fn begin_anew(&mut self) {
        self.expecting = false;
        self.gap = Duration::ZERO;
        self.waited = Duration::ZERO;
    }

    /// A read is pending since `now`. Returns when it is to be given up.
    pub(crate) fn start(&mut self, limits: BodyLimits, now: Instant) -> Option<Instant> {
        self.start_expecting(false, limits, now)
    }

    /// The same where the client may wait for `100 Continue`.
    pub(crate) fn start_expecting(
        &mut self,
        awaits: bool,
        limits: BodyLimits,
        now: Instant,
    ) -> Option<Instant> {
        self.pause(now);
        //= RFC 9110 section 10.1.1: a client that expects 100 may wait for it. One that has begun
        //= to send does not.
        if limits.awaits_continue && self.received == 0 {
            return None;
        }
        let expecting = awaits && self.received == 0;
        if self.expecting && !expecting {
            self.begin_anew();
        }
        self.expecting = expecting;
        self.pending = Some(now);
        let left = |allowed: Duration, waited| now.checked_add(allowed.saturating_sub(waited));
        let gap = limits
            .read_timeout
            .and_then(|allowed| left(allowed, self.gap));
        let rate = limits
            .min_recv_rate
            .filter(|rate| *rate > 0 && !self.expecting)
            .and_then(|rate| left(self.allowed_at(rate), self.waited));
        [gap, rate].into_iter().flatten().min()
    }

    /// No read is pending any more.
    pub(crate) fn pause(&mut self, now: Instant) {
        if let Some(since) = self.pending.take() {
            let waited = now.saturating_duration_since(since);
            self.gap = self.gap.saturating_add(waited);
            self.waited = self.waited.saturating_add(waited);
        }
    }

    /// The read that was pending has brought `bytes` of the body.
    pub(crate) fn received(&mut self, bytes: usize, now: Instant) {
        self.pause(now);
        if self.expecting && bytes > 0 {
            self.begin_anew();
        }
        self.gap = Duration::ZERO;
        self.received = self.received.saturating_add(bytes as u64);
    }

    /// How long reads may have been pending in all for what has come, at `rate` bytes per second.
    fn allowed_at(&self, rate: usize) -> Duration {
        let rate = rate as u64;
        let rest = u128::from(self.received % rate) * 1_000_000_000 / u128::from(rate);
        // less than a second, so that it fits
        let nanos = Duration::from_nanos(rest as u64);
        RATE_GRACE
            .saturating_add(Duration::from_secs(self.received / rate))
            .saturating_add(nanos)
    }
}

#[cfg(test)]
#[path = "body_read_tests.rs"]
mod tests;
