//! A connection: everything that outlives a request, from the accept to the one reason it ends.

use crate::body_read::{BodyClock, BodyLimits};
use crate::ending::{ending, Lacks, Open};
use crate::exchange::{decide, wish, Standing};
use crate::phase::{Phase, Step};
use crate::timer::{Timer, TimerTable};
use crate::write::{Write, WriteLimit};
use crate::{
    CloseReason, Ending, IdleTimeout, Options, Outcome, RequestHead, ResponseHead, Timeouts,
};
use std::time::{Duration, Instant};

/// The state of one HTTP/1.x connection of a server.
///
/// It does no I/O and reads no clock. Whoever owns the stream reports what happened, with the
/// time where it matters, and does what [`Outcome`] and [`next_deadline`](Self::next_deadline)
/// say. A report that does not fit the phase changes nothing.
#[derive(Debug)]
pub struct Connection {
    options: Options,
    /// Whether `options` came from a server; false where they are only the defaults.
    configured: bool,
    accepted: Instant,
    /// What part of the spread of the maximum age is this connection's, of `u32::MAX`.
    jitter: Option<u32>,
    aged: bool,
    /// When the time for the head of a request began: the accept, or a later request's first byte.
    head_began: Instant,
    phase: Phase,
    timers: TimerTable,
    /// What the application asked for; `None`: the server's default holds.
    policy: Option<IdleTimeout>,
    remaining: Option<u32>,
    /// What the application asked for; `None`: the server's defaults hold.
    timeouts: Option<Timeouts>,
    pipelining: bool,
    /// Why the connection is to end whatever an exchange says.
    stop: Option<CloseReason>,
    request: Option<RequestHead>,
    body: BodyClock,
    outcome: Option<Outcome>,
    /// Whether the head of the final response was about to be written.
    response_began: bool,
    write: Write,
    /// Whether a deadline ended the connection in the middle of what was to be written or read.
    cut: bool,
    open: Open,
    close_reason: Option<CloseReason>,
    linger_until: Option<Instant>,
}

impl Connection {
    /// A connection that was accepted at `now` by a server with these options.
    pub fn accept(options: Options, now: Instant) -> Self {
        let mut connection = Self::unconfigured(now);
        connection.configure(options);
        connection
    }

    /// A connection that was accepted at `now` by a loop that knows no options: the defaults
    /// hold until [`configure`](Self::configure) brings some.
    pub fn unconfigured(now: Instant) -> Self {
        let mut connection = Self {
            options: Options::default(),
            configured: false,
            accepted: now,
            jitter: None,
            aged: false,
            head_began: now,
            phase: Phase::AwaitFirst,
            timers: TimerTable::default(),
            policy: None,
            remaining: None,
            timeouts: None,
            pipelining: false,
            stop: None,
            request: None,
            body: BodyClock::default(),
            outcome: None,
            response_began: false,
            write: Write::default(),
            cut: false,
            open: Open::default(),
            close_reason: None,
            linger_until: None,
        };
        connection.arm_header_read();
        connection
    }

    /// Takes over the server's options before the first request. Later calls, and calls on a
    /// connection that [`accept`](Self::accept) made, change nothing.
    pub fn configure(&mut self, options: Options) {
        if self.configured || self.phase != Phase::AwaitFirst {
            return;
        }
        self.configured = true;
        self.options = options;
        self.arm_header_read();
        // The first request is not a further one; a limit of 0 still serves it.
        let further = options.keepalive_request_limit.map(|n| n.saturating_sub(1));
        self.limit_remaining(further);
    }

    /// Sets how far the maximum age of this connection is below the server's: `u32::MAX` is a
    /// tenth. With random numbers, connections that were accepted together do not end together. The
    /// first call counts.
    pub fn set_age_jitter(&mut self, jitter: u32) {
        self.jitter.get_or_insert(jitter);
    }

    /// Where the connection is in its life.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// The server's options.
    pub fn options(&self) -> &Options {
        &self.options
    }

    // What the application sets; it holds until set again.

    /// The idle policy in force: the application's, or else the server's default.
    pub fn policy(&self) -> IdleTimeout {
        self.policy
            .unwrap_or_else(|| self.options.keepalive_timeout.into())
    }

    /// Sets the idle policy of the connection.
    ///
    /// Before the response head it counts from this response on. After it, a policy to close
    /// still ends the connection after this response; any other counts from the next.
    pub fn set_policy(&mut self, policy: IdleTimeout) {
        self.policy = Some(policy);
        if policy.allowed().is_none() {
            self.revoke(CloseReason::Application);
        }
    }

    /// How many requests may follow the present one; `None`: without limit.
    pub fn remaining(&self) -> Option<u32> {
        self.remaining
    }

    /// Sets how many requests may follow the present one.
    pub fn set_remaining(&mut self, remaining: Option<u32>) {
        self.remaining = remaining;
        if remaining == Some(0) {
            self.revoke(CloseReason::RequestLimit);
        }
    }

    /// The deadlines that each exchange starts with: the application's, or else the server's.
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts.unwrap_or(self.options.timeouts)
    }

    /// Sets the deadlines that the following exchanges start with. A head that is still to be read
    /// has the new time, counted from where the old one began.
    pub fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = Some(timeouts);
        if matches!(self.phase, Phase::AwaitFirst | Phase::ReadingHead) {
            self.arm_header_read();
        }
    }

    /// Whether bytes that come before the response are kept for the next request.
    pub fn pipelining(&self) -> bool {
        self.pipelining
    }

    /// Sets whether bytes that come before the response are kept for the next request.
    pub fn set_pipelining(&mut self, enabled: bool) {
        self.pipelining = enabled;
    }

    // What happens on the wire.

    /// The first byte of a request has come. Empty lines before a request line are not one.
    pub fn first_byte(&mut self, now: Instant) {
        let first = self.phase == Phase::AwaitFirst;
        if !self.step(Step::FirstByte) {
            return;
        }
        self.timers.stop(Timer::Idle);
        self.open.request = true;
        // What was said before the first request, a 408 for one, stays said.
        if !first {
            self.request = None;
            self.outcome = None;
            self.response_began = false;
            self.remaining = self.remaining.map(|n| n.saturating_sub(1));
            self.head_began = now;
            self.arm_header_read();
        }
    }

    /// The head of the request is complete.
    pub fn head_complete(&mut self, request: RequestHead) {
        if !self.step(Step::HeadComplete) {
            return;
        }
        self.timers.stop(Timer::HeaderRead);
        self.limit_remaining(wish(&request, self.options.honor_keep_alive).max);
        self.request = Some(request);
        self.body = BodyClock::default();
    }

    /// A read of the request's body is pending since `now`. Only such time counts for `limits`.
    pub fn body_read_pending(&mut self, limits: BodyLimits, now: Instant) {
        if self.phase == Phase::Exchange {
            let deadline = self.body.start(limits, now);
            self.timers.set(Timer::BodyRead, deadline);
        }
    }

    /// The same where the client may wait for `100 Continue` before it sends. The time for the body
    /// counts from the head then, and anew from when the client is told to send; a rate only from
    /// there, or from the first byte of one that does not wait.
    pub fn body_read_expecting(&mut self, limits: BodyLimits, now: Instant) {
        if self.phase == Phase::Exchange {
            let deadline = self.body.start_expecting(true, limits, now);
            self.timers.set(Timer::BodyRead, deadline);
        }
    }

    /// The read of the body that was pending is given up; another may follow.
    pub fn body_read_paused(&mut self, now: Instant) {
        self.body.pause(now);
        self.timers.stop(Timer::BodyRead);
    }

    /// The read of the body that was pending has brought `bytes` of it; none where what came was
    /// part of its framing.
    pub fn body_received(&mut self, bytes: usize, now: Instant) {
        self.body.received(bytes, now);
        self.timers.stop(Timer::BodyRead);
    }

    /// What is left of the request's body is read off from `now` on, for at most `limit`.
    pub fn body_drain_began(&mut self, limit: Option<Duration>, now: Instant) {
        if self.phase == Phase::Exchange {
            let deadline = limit.and_then(|limit| now.checked_add(limit));
            self.timers.set(Timer::Drain, deadline);
        }
    }

    /// The request's body is no longer read off.
    pub fn body_drain_ended(&mut self) {
        self.timers.stop(Timer::Drain);
    }

    /// The earliest deadline for the body of a request.
    pub fn body_deadline(&self) -> Option<Instant> {
        [Timer::BodyRead, Timer::Drain]
            .into_iter()
            .filter_map(|timer| self.timers.get(timer))
            .min()
    }

    /// The request is read to its end.
    pub fn request_complete(&mut self) {
        self.open.request = false;
    }

    /// Bytes have come behind the request, and no exchange will read them.
    pub fn left_unread(&mut self) {
        self.open.request = true;
    }

    /// The time is `now`: from its maximum age on, the connection ends with the next response.
    pub fn check_age(&mut self, now: Instant) {
        self.aged = self.options.max_connection_age.is_some_and(|age| {
            let part = f64::from(self.jitter.unwrap_or(0)) / f64::from(u32::MAX);
            let spread = (age / 10).mul_f64(part);
            now.saturating_duration_since(self.accepted) >= age - spread
        });
    }

    /// Decides what becomes of the connection, as the head of the final response is about to be
    /// written. The first call decides; others return what stands.
    pub fn decide(&mut self, response: &ResponseHead) -> Outcome {
        if !self.response_began {
            // Also where the outcome is settled before: a body that is late still has its answer.
            self.response_began = true;
            self.open.response = if response.tunnel || response.close_delimited {
                Lacks::End
            } else {
                Lacks::Nothing
            };
        }
        if let Some(outcome) = self.outcome {
            return outcome;
        }
        let outcome = decide(self.request.as_ref(), response, &self.standing());
        self.outcome = Some(outcome);
        if response.tunnel && self.step(Step::Tunnel) {
            self.timers.stop_all();
        }
        outcome
    }

    /// The response, or the tunnel it opened, is complete: all of it is sent.
    pub fn response_complete(&mut self) {
        self.open.response = Lacks::Nothing;
    }

    /// The body of the response that was decided about is sent in chunks because the application has
    /// not said how it ends. One that chose chunks itself knows that it owes the last one.
    pub fn chunked_unasked(&mut self) {
        if self.response_began && self.open.response == Lacks::Nothing {
            self.open.response = Lacks::LastChunk;
        }
    }

    /// The exchange failed, or will have unless its response is complete in the end. A response that
    /// is not must not look so. It holds for this exchange.
    pub fn exchange_failed(&mut self) {
        self.open.failed = true;
    }

    /// Whether the exchange failed, so that a response which is not complete never will be.
    pub fn has_failed(&self) -> bool {
        self.open.failed
    }

    /// Whether the head of the final response was about to be written.
    pub fn response_began(&self) -> bool {
        self.response_began
    }

    /// Whether the response lacks nothing but its last chunk, which is then to be written. `true`
    /// once: a last chunk that was written in part is not begun again.
    pub fn take_last_chunk(&mut self) -> bool {
        let lacking = self.open.response == Lacks::LastChunk && !self.open.failed && !self.cut;
        if lacking {
            self.response_complete();
        }
        lacking
    }

    /// What the outcome of the exchange is, or would be if a plain response were written now.
    pub fn expected_outcome(&self) -> Outcome {
        let plain = ResponseHead::default();
        self.outcome
            .unwrap_or_else(|| decide(self.request.as_ref(), &plain, &self.standing()))
    }

    /// The exchange is over: the response is flushed and the request read to its end.
    ///
    /// Without a decision there was no final response, and the connection ends.
    pub fn finish(&mut self, now: Instant) -> Outcome {
        match self.outcome {
            Some(outcome @ Outcome::Persist { idle, .. }) => {
                if self.step(Step::Persist) {
                    self.timers.stop_all();
                    self.begin_write(None); // a write that was abandoned is no longer pending
                    self.open = Open::default();
                    let deadline = idle.and_then(|idle| now.checked_add(idle));
                    self.timers.set(Timer::Idle, deadline);
                }
                outcome
            }
            Some(Outcome::Close(reason)) => self.close_with(reason),
            None => self.close_with(CloseReason::NoResponse),
        }
    }

    /// The server is going down: the connection ends at once between requests, else with the
    /// response in progress or, where none is, with the first.
    pub fn drain(&mut self) {
        match self.phase {
            Phase::Idle => self.close(CloseReason::Shutdown),
            _ => self.stop(CloseReason::Shutdown),
        }
    }

    /// The exchange failed: the connection ends with the response that reports it.
    pub fn error_close(&mut self) {
        self.stop(CloseReason::Failed);
    }

    /// The request's framing or grammar is wrong: the connection ends with the response that says so,
    /// and what comes behind the request has no meaning.
    pub fn protocol_error(&mut self) {
        self.stop(CloseReason::ProtocolError);
    }

    /// The connection ends after this exchange, for a reason found after the decision.
    pub fn revoke(&mut self, reason: CloseReason) {
        if self.outcome.is_some_and(Outcome::persists) {
            self.outcome = Some(Outcome::Close(reason));
        }
    }

    /// The client has closed its side within an exchange, and still takes the response.
    pub fn peer_half_closed(&mut self) {
        self.stop(CloseReason::ClientClosed);
    }

    /// The client closed or reset the connection.
    pub fn peer_closed(&mut self) {
        match self.phase {
            Phase::AwaitFirst | Phase::Idle => self.close(CloseReason::ClientClosed),
            _ => self.close(CloseReason::ClientVanished),
        }
    }

    /// Ends the connection now. The first reason given is the one that counts.
    pub fn close(&mut self, reason: CloseReason) {
        if self.step(Step::Close) {
            // a write that was given up has left the response in the middle
            self.open.failed |= self.write.is_pending();
            self.timers.stop_all();
            self.outcome = Some(Outcome::Close(reason));
            self.close_reason.get_or_insert(reason);
        }
    }

    /// Ends the connection after the exchange in progress, which still has its response.
    fn close_after_exchange(&mut self, reason: CloseReason) {
        self.stop(reason);
        self.outcome.get_or_insert(Outcome::Close(reason));
        self.close_reason.get_or_insert(reason);
    }

    /// Ends the connection, and says how its stream is to end. A response that is not complete counts
    /// as failed.
    pub fn end(&mut self) -> Ending {
        self.end_with(true)
    }

    /// The same where failures are reported with [`exchange_failed`](Self::exchange_failed): an
    /// application that has just let go of its response has not said that it is not complete.
    pub fn end_as_reported(&mut self) -> Ending {
        self.end_with(false)
    }

    fn end_with(&mut self, failed: bool) -> Ending {
        let reason = self.settle();
        if self.cut {
            return Ending::Abort;
        }
        let mut open = self.open;
        open.failed |= failed;
        ending(reason, open)
    }

    /// Our side of the stream is closed at `now`, and the client may still send: what comes is to
    /// be discarded until [`expire`](Self::expire). `false`: that is not wanted.
    pub fn linger(&mut self, now: Instant) -> bool {
        let Some(linger) = self.options.linger else {
            return false;
        };
        if self.phase != Phase::Closing {
            return false;
        }
        self.linger_until = now.checked_add(linger.total);
        self.arm_linger(now);
        true
    }

    /// Bytes came, and were discarded, while the connection lingers.
    pub fn discarded(&mut self, now: Instant) {
        if self.timers.is_armed(Timer::Linger) {
            self.arm_linger(now);
        }
    }

    /// The stream is gone. Returns the reason the connection ended, the first time.
    pub fn gone(&mut self) -> Option<CloseReason> {
        let reason = self.settle();
        self.timers.stop_all();
        self.step(Step::Gone).then_some(reason)
    }

    // Writing.

    /// A write of the application is about to begin. `None`: without limit.
    ///
    /// The limit holds until the next write begins: for all parts of this one, its flush and, where
    /// nothing else is said, the end of the connection.
    pub fn begin_write(&mut self, limit: Option<WriteLimit>) {
        self.write.begin(limit);
        self.arm_write();
    }

    /// Whether the stream took nothing when it was last asked to.
    pub fn write_is_pending(&self) -> bool {
        self.write.is_pending()
    }

    /// The stream takes nothing at `now`: the write has to wait. `unacknowledged` is how many bytes
    /// the client has yet to acknowledge, where the system knows.
    pub fn write_pending(&mut self, now: Instant, unacknowledged: Option<usize>) {
        self.write.wait(now, unacknowledged);
        self.arm_write();
    }

    /// Looks whether the client has acknowledged something since [`write_pending`], before the
    /// stream is asked again: what it then takes would hide it.
    ///
    /// [`write_pending`]: Self::write_pending
    pub fn look_at_write(&mut self, now: Instant, unacknowledged: Option<usize>) {
        if self.write.look(now, unacknowledged) {
            self.arm_write();
            self.tunnel_moved(now);
        }
    }

    /// The stream has taken something, or has failed: no write is pending.
    pub fn write_resumed(&mut self) {
        if self.write.is_pending() {
            self.write.resume();
            self.arm_write();
        }
    }

    /// When a write that is pending wants to look at its stream again: at its deadline or before.
    pub fn next_look_at_write(&self, now: Instant) -> Option<Instant> {
        self.write.next_look(now)
    }

    // The tunnel.

    /// Whether the time counts in which nothing passes: the connection is a tunnel with a limit.
    pub fn watches_tunnel(&self) -> bool {
        self.phase == Phase::Tunnel && self.timeouts().tunnel_idle_timeout.is_some()
    }

    /// Sets how long this tunnel may have nothing pass, from `now`. Nothing, where there is none.
    pub fn set_tunnel_idle_timeout(&mut self, limit: Option<Duration>, now: Instant) {
        if self.phase != Phase::Tunnel {
            return;
        }
        // No other exchange follows on the connection: they are the tunnel's alone.
        self.timeouts = Some(Timeouts {
            tunnel_idle_timeout: limit,
            ..self.timeouts()
        });
        self.tunnel_moved(now);
    }

    /// Bytes have passed the tunnel, one way or the other, at `now`. Nothing, where there is none.
    pub fn tunnel_moved(&mut self, now: Instant) {
        if self.phase != Phase::Tunnel {
            return;
        }
        let deadline = self
            .timeouts()
            .tunnel_idle_timeout
            .and_then(|limit| now.checked_add(limit));
        self.timers.set(Timer::Tunnel, deadline);
    }

    // Time.

    /// The earliest deadline, and what it is for.
    pub fn next_deadline(&self) -> Option<(Timer, Instant)> {
        self.timers.next()
    }

    /// The deadline of `timer`, where it is armed.
    pub fn deadline_of(&self, timer: Timer) -> Option<Instant> {
        self.timers.get(timer)
    }

    /// Ends the connection if a deadline has passed at `now`, and says which. A request whose body
    /// took too long still has its response.
    pub fn expire(&mut self, now: Instant) -> Option<Timer> {
        let (timer, _) = self.timers.next().filter(|&(_, at)| at <= now)?;
        self.end_for(timer);
        Some(timer)
    }

    /// Ends the connection if the deadline of `timer` has passed at `now`, whatever others have.
    pub fn expire_one(&mut self, timer: Timer, now: Instant) -> bool {
        let overdue = self.timers.get(timer).is_some_and(|at| at <= now);
        if overdue {
            self.end_for(timer);
        }
        overdue
    }

    /// Whether a deadline ended the connection where more was to be written or to pass. Its end
    /// must not look like that of a complete message.
    pub fn was_cut(&self) -> bool {
        self.cut
    }

    fn end_for(&mut self, timer: Timer) {
        self.cut |= matches!(timer, Timer::Write | Timer::Tunnel);
        self.timers.stop(timer);
        match timer {
            Timer::Idle => self.close(CloseReason::IdleTimeout),
            Timer::HeaderRead => self.close(CloseReason::HeaderTimeout),
            Timer::BodyRead => self.close_after_exchange(CloseReason::BodyTimeout),
            Timer::Write => self.close(CloseReason::WriteTimeout),
            Timer::Drain => self.close_after_exchange(CloseReason::DrainTimeout),
            Timer::Tunnel => self.close(CloseReason::TunnelTimeout),
            // the reason to close is older than the wait
            Timer::Linger => self.close(CloseReason::UnreadBody),
        }
    }

    /// Closes for the reason that stands, unless the connection is closing already; the one reason.
    fn settle(&mut self) -> CloseReason {
        let standing = match self.outcome {
            Some(Outcome::Close(reason)) => reason,
            _ => CloseReason::Abandoned,
        };
        self.close(standing);
        self.close_reason.unwrap_or(standing)
    }

    /// Closes for `reason`, unless the connection is closing for another already.
    fn close_with(&mut self, reason: CloseReason) -> Outcome {
        self.close(reason);
        Outcome::Close(self.close_reason.unwrap_or(reason))
    }

    fn step(&mut self, step: Step) -> bool {
        let next = self.phase.after(step);
        self.phase = next.unwrap_or(self.phase);
        next.is_some()
    }

    fn stop(&mut self, reason: CloseReason) {
        self.stop.get_or_insert(reason);
        self.revoke(reason);
    }

    fn limit_remaining(&mut self, max: Option<u32>) {
        self.remaining = [self.remaining, max].into_iter().flatten().min();
    }

    fn arm_write(&mut self) {
        if self.phase != Phase::Closed {
            self.timers.set(Timer::Write, self.write.deadline());
        }
    }

    fn arm_header_read(&mut self) {
        let deadline = self
            .timeouts()
            .header_read_timeout
            .and_then(|limit| self.head_began.checked_add(limit));
        self.timers.set(Timer::HeaderRead, deadline);
    }

    fn arm_linger(&mut self, now: Instant) {
        let gap = self.options.linger.map(|linger| linger.gap);
        let next = gap.and_then(|gap| now.checked_add(gap));
        let deadline = [next, self.linger_until].into_iter().flatten().min();
        self.timers.set(Timer::Linger, deadline);
    }

    fn standing(&self) -> Standing {
        Standing {
            stop: self.stop,
            remaining: self.remaining,
            aged: self.aged,
            policy: self.policy(),
            honor_keep_alive: self.options.honor_keep_alive,
        }
    }
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "write_tests.rs"]
mod write_tests;
