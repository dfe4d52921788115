//! The timers of a connection, one for each purpose.

use std::time::Instant;

/// What a deadline is for. No two purposes share a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// Between the end of a response and the first byte of the next request.
    Idle,
    /// From the accept, or from a later request's first byte, to the end of its head.
    HeaderRead,
    /// While a read of a request's body is pending.
    BodyRead,
    /// While a write is pending, since the last progress.
    Write,
    /// For reading off, in all, what is left of a request's body.
    Drain,
    /// For reading and discarding what a client still sends after the last response.
    Linger,
    /// Since the last byte that passed a tunnel.
    Tunnel,
}

impl Timer {
    const ALL: [Timer; 7] = [
        Timer::Idle,
        Timer::HeaderRead,
        Timer::BodyRead,
        Timer::Write,
        Timer::Drain,
        Timer::Linger,
        Timer::Tunnel,
    ];
}

/// A flat table of the deadlines that are armed.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TimerTable {
    deadlines: [Option<Instant>; Timer::ALL.len()],
}

impl TimerTable {
    /// Arms `timer`, or disarms it where there is no deadline.
    pub(crate) fn set(&mut self, timer: Timer, deadline: Option<Instant>) {
        self.deadlines[timer as usize] = deadline;
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        self.set(timer, None);
    }

    pub(crate) fn stop_all(&mut self) {
        *self = Self::default();
    }

    /// The deadline of `timer`, where it is armed.
    pub(crate) fn get(&self, timer: Timer) -> Option<Instant> {
        self.deadlines[timer as usize]
    }

    pub(crate) fn is_armed(&self, timer: Timer) -> bool {
        self.get(timer).is_some()
    }

    /// The earliest deadline, and what it is for.
    pub(crate) fn next(&self) -> Option<(Timer, Instant)> {
        Timer::ALL
            .into_iter()
            .filter_map(|timer| Some((timer, self.get(timer)?)))
            .min_by_key(|&(_, deadline)| deadline)
    }
}
