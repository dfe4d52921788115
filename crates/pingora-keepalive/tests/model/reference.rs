//! What is true of a connection after some events.

use super::decision;
use super::event::Setup;
use super::waits::{Body, Write};
use pingora_keepalive::{
    CloseReason, Ending, IdleTimeout, Options, Outcome, Phase, RequestHead, ResponseHead, Timeouts,
    Timer,
};
use std::time::{Duration, Instant};

pub(super) struct Model {
    phase: Phase,
    options: Options,
    configured: bool,
    policy: Option<IdleTimeout>,
    remaining: Option<u32>,
    timeouts: Option<Timeouts>,
    stopped: Option<CloseReason>,
    request: Option<RequestHead>,
    outcome: Option<Outcome>,
    /// Whether a final response was decided about, since the request began.
    answered: bool,
    reason: Option<CloseReason>,
    accepted: Instant,
    /// Whether the age is spread as far as it can be; what was said first counts.
    spread: Option<bool>,
    aged: bool,
    /// Whether something that was to be written, or to pass, was given up.
    cut: bool,
    /// Whether bytes of the request may be unread or on their way.
    pub(super) request_open: bool,
    /// Whether the response ends with the connection and is not complete.
    pub(super) response_open: bool,
    /// Whether it ends with a last chunk that its application does not know of, and lacks it.
    last_chunk_open: bool,
    /// Whether the exchange failed, or a write was given up when the connection closed.
    pub(super) failed: bool,
    pub(super) body: Body,
    pub(super) write: Write,
    /// Since when a body is read off, and how long that may take.
    pub(super) drain: Option<(Instant, Option<Duration>)>,
    /// When something last passed a tunnel, and how long nothing may.
    pub(super) moved: Option<(Instant, Option<Duration>)>,
    /// Since when the connection lingers, and when something was last discarded.
    pub(super) lingers: Option<(Instant, Instant)>,
    /// When the time for a head began: the accept, or a later request's first byte.
    pub(super) head_began: Instant,
    /// When the last response was flushed, and how long idling was allowed then.
    pub(super) flushed: Option<Instant>,
    pub(super) idle: Option<Duration>,
}

impl Model {
    pub(super) fn new(setup: &Setup, now: Instant) -> Self {
        let mut model = Self {
            phase: Phase::AwaitFirst,
            options: Options::default(),
            configured: false,
            policy: None,
            remaining: None,
            timeouts: None,
            stopped: None,
            request: None,
            outcome: None,
            answered: false,
            reason: None,
            accepted: now,
            spread: None,
            aged: false,
            cut: false,
            request_open: false,
            response_open: false,
            last_chunk_open: false,
            failed: false,
            body: Body::default(),
            write: Write::default(),
            drain: None,
            moved: None,
            lingers: None,
            head_began: now,
            flushed: None,
            idle: None,
        };
        if let Setup::Accept(lives) = setup {
            model.configure(lives.options());
        }
        model
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase
    }

    pub(super) fn options(&self) -> &Options {
        &self.options
    }

    pub(super) fn policy(&self) -> IdleTimeout {
        let default = self.options.keepalive_timeout;
        self.policy.unwrap_or(default.into())
    }

    pub(super) fn remaining(&self) -> Option<u32> {
        self.remaining
    }

    pub(super) fn timeouts(&self) -> Timeouts {
        self.timeouts.unwrap_or(self.options.timeouts)
    }

    pub(super) fn stopped(&self) -> Option<CloseReason> {
        self.stopped
    }

    /// Why it has ended.
    pub(super) fn reason(&self) -> CloseReason {
        self.reason.expect("it has ended")
    }

    pub(super) fn expected_outcome(&self) -> Outcome {
        let plain = ResponseHead::default();
        self.outcome
            .unwrap_or_else(|| decision::outcome(self, self.request.as_ref(), &plain))
    }

    pub(super) fn configure(&mut self, options: Options) {
        if !self.configured && self.phase == Phase::AwaitFirst {
            self.configured = true;
            self.options = options;
            let further = options.keepalive_request_limit.map(|n| n.saturating_sub(1));
            self.allow_at_most(further);
        }
    }

    pub(super) fn set_policy(&mut self, policy: IdleTimeout) {
        self.policy = Some(policy);
        if decision::closes(policy) {
            self.revoke(CloseReason::Application);
        }
    }

    pub(super) fn set_remaining(&mut self, remaining: Option<u32>) {
        self.remaining = remaining;
        if remaining == Some(0) {
            self.revoke(CloseReason::RequestLimit);
        }
    }

    pub(super) fn set_timeouts(&mut self, timeouts: Timeouts) {
        self.timeouts = Some(timeouts);
    }

    pub(super) fn first_byte(&mut self, now: Instant) {
        if self.phase == Phase::Idle {
            self.head_began = now;
            self.request = None;
            self.outcome = None;
            self.answered = false;
            self.remaining = self.remaining.map(|n| n.saturating_sub(1));
        }
        if matches!(self.phase, Phase::Idle | Phase::AwaitFirst) {
            self.request_open = true;
            self.phase = Phase::ReadingHead;
        }
    }

    pub(super) fn head_complete(&mut self, request: RequestHead) {
        if self.phase == Phase::ReadingHead {
            self.phase = Phase::Exchange;
            self.allow_at_most(decision::wish(&request, self).max);
            self.request = Some(request);
            self.body = Body::default();
        }
    }

    pub(super) fn decide(&mut self, response: &ResponseHead) -> Outcome {
        if !self.answered {
            self.answered = true;
            self.response_open = response.tunnel || response.close_delimited;
            self.last_chunk_open = false;
        }
        if let Some(outcome) = self.outcome {
            return outcome;
        }
        let outcome = decision::outcome(self, self.request.as_ref(), response);
        self.outcome = Some(outcome);
        if outcome == Outcome::Close(CloseReason::Upgrade) {
            self.write.stop();
            self.phase = Phase::Tunnel;
        }
        outcome
    }

    pub(super) fn response_complete(&mut self) {
        self.response_open = false;
        self.last_chunk_open = false;
    }

    pub(super) fn chunked_unasked(&mut self) {
        self.last_chunk_open |= self.answered && !self.response_open;
    }

    pub(super) fn take_last_chunk(&mut self) -> bool {
        let lacking = self.last_chunk_open && !self.failed && !self.cut;
        self.last_chunk_open &= !lacking;
        lacking
    }

    pub(super) fn finish(&mut self, now: Instant) -> Outcome {
        match self.outcome {
            Some(outcome @ Outcome::Persist { idle, .. }) => {
                if self.phase == Phase::Exchange {
                    self.request_open = false;
                    self.response_complete();
                    self.failed = false;
                    self.write = Write::default();
                    self.drain = None;
                    self.phase = Phase::Idle;
                    self.flushed = Some(now);
                    self.idle = idle;
                }
                return outcome;
            }
            Some(Outcome::Close(reason)) => self.close(reason),
            None => self.close(CloseReason::NoResponse),
        }
        Outcome::Close(self.reason())
    }

    pub(super) fn revoke(&mut self, reason: CloseReason) {
        if self.outcome.is_some_and(Outcome::persists) {
            self.outcome = Some(Outcome::Close(reason));
        }
    }

    pub(super) fn stop(&mut self, reason: CloseReason) {
        self.stopped.get_or_insert(reason);
        self.revoke(reason);
    }

    pub(super) fn drain(&mut self) {
        if self.phase == Phase::Idle {
            self.close(CloseReason::Shutdown);
        } else {
            self.stop(CloseReason::Shutdown);
        }
    }

    pub(super) fn peer_closed(&mut self) {
        let between_messages = matches!(self.phase, Phase::AwaitFirst | Phase::Idle);
        self.close(if between_messages {
            CloseReason::ClientClosed
        } else {
            CloseReason::ClientVanished
        });
    }

    pub(super) fn expire(&mut self, timer: Timer) {
        self.cut |= matches!(timer, Timer::Write | Timer::Tunnel);
        match timer {
            Timer::Idle => self.close(CloseReason::IdleTimeout),
            Timer::HeaderRead => self.close(CloseReason::HeaderTimeout),
            Timer::BodyRead => {
                self.body.give_up();
                self.close_after_exchange(CloseReason::BodyTimeout);
            }
            Timer::Drain => {
                self.drain = None;
                self.close_after_exchange(CloseReason::DrainTimeout);
            }
            Timer::Write => {
                self.write.stop();
                self.close(CloseReason::WriteTimeout);
            }
            Timer::Tunnel => self.close(CloseReason::TunnelTimeout),
            Timer::Linger => self.lingers = None,
        }
    }

    /// The response of the exchange, where it has one, is still to come.
    fn close_after_exchange(&mut self, reason: CloseReason) {
        self.stop(reason);
        self.outcome = self.outcome.or(Some(Outcome::Close(reason)));
        self.reason = self.reason.or(Some(reason));
    }

    pub(super) fn close(&mut self, reason: CloseReason) {
        if !self.phase.is_over() {
            self.phase = Phase::Closing;
            self.failed |= self.write.is_pending();
            self.outcome = Some(Outcome::Close(reason));
            self.reason = self.reason.or(Some(reason));
            self.write.stop();
        }
    }

    pub(super) fn end(&mut self) -> Ending {
        self.settle();
        decision::ending(self, self.reason(), true)
    }

    pub(super) fn end_as_reported(&mut self) -> Ending {
        self.settle();
        decision::ending(self, self.reason(), self.failed)
    }

    fn settle(&mut self) {
        self.close(match self.outcome {
            Some(Outcome::Close(reason)) => reason,
            _ => CloseReason::Abandoned,
        });
    }

    pub(super) fn linger(&mut self, now: Instant) -> bool {
        let lingers = self.phase == Phase::Closing && self.options.linger.is_some();
        if lingers {
            self.lingers = Some((now, now));
        }
        lingers
    }

    pub(super) fn discarded(&mut self, now: Instant) {
        self.lingers = self.lingers.map(|(began, _)| (began, now));
    }

    pub(super) fn is_cut(&self) -> bool {
        self.cut
    }

    pub(super) fn spread_age(&mut self, spread: bool) {
        self.spread = self.spread.or(Some(spread));
    }

    pub(super) fn check_age(&mut self, now: Instant) {
        self.aged = self.options.max_connection_age.is_some_and(|age| {
            let sooner = self.spread == Some(true);
            now - self.accepted >= if sooner { age - age / 10 } else { age }
        });
    }

    pub(super) fn is_aged(&self) -> bool {
        self.aged
    }

    pub(super) fn drain_began(&mut self, limit: Option<Duration>, now: Instant) {
        if self.phase == Phase::Exchange {
            self.drain = Some((now, limit));
        }
    }

    pub(super) fn watches_tunnel(&self) -> bool {
        self.phase == Phase::Tunnel && self.timeouts().tunnel_idle_timeout.is_some()
    }

    pub(super) fn tunnel_moved(&mut self, now: Instant) {
        self.moved = Some((now, self.timeouts().tunnel_idle_timeout))
            .filter(|_| self.phase == Phase::Tunnel);
    }

    pub(super) fn gone(&mut self) -> Option<CloseReason> {
        if self.phase == Phase::Closed {
            return None;
        }
        self.settle();
        self.phase = Phase::Closed;
        self.reason
    }

    fn allow_at_most(&mut self, further: Option<u32>) {
        if let Some(further) = further {
            self.remaining = Some(self.remaining.map_or(further, |n| n.min(further)));
        }
    }
}
