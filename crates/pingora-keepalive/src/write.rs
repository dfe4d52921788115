//! A write that waits for the client to take what was written before.

use std::time::{Duration, Instant};

/// How long a write may be pending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteLimit {
    /// For this long without progress: the stream accepts no byte, and the client acknowledges
    /// none.
    Stall(Duration),
    /// For this long in all, progress or not, from when the write first had to wait.
    Total(Duration),
}

/// In how many parts the time of a pending write is divided. At the end of each, the write looks
/// whether the client has acknowledged anything, so that a stall is noticed at most that much late.
const PARTS: u32 = 10;

/// The least time between two such looks.
const LEAST_PART: Duration = Duration::from_millis(10);

/// What is known of the write at hand.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Write {
    limit: Option<WriteLimit>,
    /// Whether the stream took nothing when last asked.
    pending: bool,
    /// Since when `limit` counts.
    since: Option<Instant>,
    /// How many bytes the client had yet to acknowledge when last asked, where that is known.
    unacknowledged: Option<usize>,
}

impl Write {
    /// A write begins. One that begins while the stream is stalled does not end the stall.
    pub(crate) fn begin(&mut self, limit: Option<WriteLimit>) {
        let stall = |limit| matches!(limit, Some(WriteLimit::Stall(_)));
        if !(stall(self.limit) && stall(limit)) {
            *self = Self::default();
        }
        self.limit = limit;
    }

    pub(crate) fn is_pending(&self) -> bool {
        self.pending
    }

    /// The stream takes nothing at `now`.
    pub(crate) fn wait(&mut self, now: Instant, unacknowledged: Option<usize>) {
        self.pending = true;
        self.since.get_or_insert(now);
        self.unacknowledged = unacknowledged;
    }

    /// Looks, before the stream is asked again, whether the client has acknowledged something.
    pub(crate) fn look(&mut self, now: Instant, unacknowledged: Option<usize>) -> bool {
        let before = self.unacknowledged.unwrap_or(0);
        let moved = self.pending && unacknowledged.is_some_and(|left| left < before);
        if moved {
            self.unacknowledged = unacknowledged;
            if let Some(WriteLimit::Stall(_)) = self.limit {
                self.since = Some(now);
            }
        }
        moved
    }

    /// The stream has taken something, or has failed.
    pub(crate) fn resume(&mut self) {
        self.pending = false;
        self.unacknowledged = None;
        if let Some(WriteLimit::Stall(_)) = self.limit {
            self.since = None;
        }
    }

    /// When the write is given up.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.since
            .filter(|_| self.pending)?
            .checked_add(self.time()?)
    }

    /// When to look again, from `now`.
    pub(crate) fn next_look(&self, now: Instant) -> Option<Instant> {
        let deadline = self.deadline()?;
        let (Some(WriteLimit::Stall(time)), Some(_)) = (self.limit, self.unacknowledged) else {
            return Some(deadline); // there is nothing to be seen before
        };
        let next = now.checked_add((time / PARTS).max(LEAST_PART));
        Some(next.map_or(deadline, |next| next.min(deadline)))
    }

    fn time(&self) -> Option<Duration> {
        self.limit.map(|limit| match limit {
            WriteLimit::Stall(time) | WriteLimit::Total(time) => time,
        })
    }
}
