//! What has been waited for: bytes of a request's body, and room for those of a response.

use super::timers::after;
use pingora_keepalive::{BodyLimits, WriteLimit};
use std::time::{Duration, Instant};

/// How long a client may take before its rate is looked at.
const GRACE: Duration = Duration::from_secs(5);

/// The reads of one request's body.
#[derive(Default)]
pub(super) struct Body {
    /// Every read that has ended: how long it was pending, and what had come before.
    waits: Vec<(Duration, usize)>,
    /// How often something came.
    pieces: usize,
    received: u64,
    pending: Option<(Instant, BodyLimits)>,
    /// Whether the client might wait to be told to send when a read was last pending.
    expecting: bool,
    given_up: bool,
}

impl Body {
    /// `awaits`: the client may wait to be told to send.
    pub(super) fn pending(&mut self, awaits: bool, limits: BodyLimits, now: Instant) {
        self.paused(now);
        self.given_up = false;
        let comes = !limits.awaits_continue || self.received > 0;
        self.pending = comes.then_some((now, limits));
        if comes {
            let expecting = awaits && self.received == 0;
            if !expecting {
                self.told_to_send();
            }
            self.expecting = expecting;
        }
    }

    /// What was waited for before was not the body.
    fn told_to_send(&mut self) {
        if self.expecting {
            self.waits.clear();
        }
        self.expecting = false;
    }

    pub(super) fn paused(&mut self, now: Instant) {
        if let Some((since, _)) = self.pending.take() {
            self.waits.push((now - since, self.pieces));
        }
    }

    pub(super) fn received(&mut self, bytes: usize, now: Instant) {
        self.paused(now);
        if bytes > 0 {
            self.told_to_send();
        }
        self.pieces += 1;
        self.received += bytes as u64;
    }

    pub(super) fn give_up(&mut self) {
        self.given_up = true;
    }

    pub(super) fn until(&self) -> Option<Instant> {
        let (since, limits) = self.pending.filter(|_| !self.given_up)?;
        let last = self.waits.iter().filter(|wait| wait.1 == self.pieces);
        let since_last: Duration = last.map(|wait| wait.0).sum();
        let in_all: Duration = self.waits.iter().map(|wait| wait.0).sum();
        let gap = limits.read_timeout.map(|t| t.saturating_sub(since_last));
        let rate = limits
            .min_recv_rate
            .filter(|&rate| rate > 0 && !self.expecting)
            .map(|rate| {
                let nanos = u128::from(self.received) * 1_000_000_000 / rate as u128;
                let allowed = GRACE + Duration::from_nanos(nanos as u64);
                allowed.saturating_sub(in_all)
            });
        after(since, [gap, rate].into_iter().flatten().min())
    }
}

/// The write at hand.
#[derive(Default)]
pub(super) struct Write {
    limit: Option<WriteLimit>,
    pending: bool,
    /// When it had to wait first, and when since the last progress.
    first: Option<Instant>,
    latest: Option<Instant>,
    unacknowledged: Option<usize>,
    /// Whether its timer was stopped, with all others, since it was last reported on.
    stopped: bool,
}

impl Write {
    pub(super) fn begin(&mut self, limit: Option<WriteLimit>) {
        let stall = |limit| matches!(limit, Some(WriteLimit::Stall(_)));
        if !stall(self.limit) || !stall(limit) {
            *self = Self::default();
        }
        self.limit = limit;
        self.stopped = false;
    }

    pub(super) fn waits(&mut self, now: Instant, unacknowledged: Option<usize>) {
        self.pending = true;
        self.first = self.first.or(Some(now));
        self.latest = self.latest.or(Some(now));
        self.unacknowledged = unacknowledged;
        self.stopped = false;
    }

    /// Whether the client has acknowledged something.
    pub(super) fn looked(&mut self, now: Instant, unacknowledged: Option<usize>) -> bool {
        let moved = match (self.unacknowledged, unacknowledged) {
            (Some(before), Some(after)) => self.pending && after < before,
            _ => false,
        };
        if moved {
            self.unacknowledged = unacknowledged;
            self.latest = Some(now);
            self.stopped = false;
        }
        moved
    }

    pub(super) fn resumed(&mut self) {
        if self.is_pending() {
            self.pending = false;
            self.latest = None;
            self.unacknowledged = None;
            self.stopped = false;
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        self.pending
    }

    pub(super) fn stop(&mut self) {
        self.stopped = true;
    }

    pub(super) fn until(&self) -> Option<Instant> {
        if !self.pending || self.stopped {
            return None;
        }
        match self.limit? {
            WriteLimit::Stall(time) => after(self.latest?, Some(time)),
            WriteLimit::Total(time) => after(self.first?, Some(time)),
        }
    }
}
