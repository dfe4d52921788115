//! A reference model of a connection, and what must hold of the real one whatever happens.
//!
//! The engine arms and stops timers and asks one question after the other. The model says the same
//! without a history of calls: [`timers`] is a table of when each timer runs, and until when, of
//! what [`waits`] has added up; [`decision`] is a table of the reasons to close, strongest first. [`check`] plays
//! events on both and compares them after each.
//!
//! The property tests and the fuzz target share it and differ in where the events come from. It
//! uses the public API of the engine alone.
//!
//! To add a timer: one [`Event`] for each report that the engine takes, a field of [`Model`] for
//! the moment from which the timer counts, and one row in [`timers::RULES`]. A timer that the engine
//! arms and the model does not know fails.

mod decision;
pub(crate) mod event;
mod reference;
mod timers;
mod waits;

use event::{Event, Response, Setup};
use reference::Model;

use pingora_keepalive::{CloseReason, Connection, IdleTimeout, Outcome, Phase, Timer};
use std::time::{Duration, Instant};

/// What can be seen of a connection from outside.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Seen {
    phase: Phase,
    policy: IdleTimeout,
    remaining: Option<u32>,
    outcome: Outcome,
    deadline: Option<(Timer, Instant)>,
}

impl Seen {
    fn of(connection: &Connection) -> Self {
        Self {
            phase: connection.phase(),
            policy: connection.policy(),
            remaining: connection.remaining(),
            outcome: connection.expected_outcome(),
            deadline: connection.next_deadline(),
        }
    }
}

/// A connection beside its model.
struct Pair {
    connection: Connection,
    model: Model,
    now: Instant,
    /// What was decided in the present exchange.
    decided: Option<Outcome>,
    /// What [`Connection::gone`] has said.
    reasons: Vec<CloseReason>,
}

/// Plays `events` on a connection and panics where it differs from the model.
pub(crate) fn check(setup: &Setup, events: &[Event]) {
    let now = Instant::now();
    let mut pair = Pair {
        connection: match setup {
            Setup::Accept(lives) => Connection::accept(lives.options(), now),
            Setup::Unconfigured => Connection::unconfigured(now),
        },
        model: Model::new(setup, now),
        now,
        decided: None,
        reasons: Vec::new(),
    };
    pair.compare();
    for event in events {
        pair.play(event);
    }
    // However it was left, it ends, and has ended once.
    pair.play(&Event::Gone);
    pair.play(&Event::Gone);
    assert_eq!(pair.connection.phase(), Phase::Closed);
    assert_eq!(pair.reasons, [pair.model.reason()], "one reason, told once");
}

impl Pair {
    fn play(&mut self, event: &Event) {
        let before = Seen::of(&self.connection);
        self.report(event);
        self.compare();
        self.check_end(event, &before);
        self.check_decision(event, &before);
    }

    /// Tells both what happened, and compares what they answer.
    fn report(&mut self, event: &Event) {
        let (connection, model, now) = (&mut self.connection, &mut self.model, self.now);
        match event {
            Event::Wait(millis) => self.now += Duration::from_millis((*millis).into()),
            Event::Configure(lives) => {
                connection.configure(lives.options());
                model.configure(lives.options());
            }
            Event::SetPolicy(choice) => {
                connection.set_policy(choice.policy());
                model.set_policy(choice.policy());
            }
            Event::SetRemaining(remaining) => {
                connection.set_remaining(remaining.map(u32::from));
                model.set_remaining(remaining.map(u32::from));
            }
            Event::SetTimeouts(lives) => {
                connection.set_timeouts(lives.timeouts());
                model.set_timeouts(lives.timeouts());
            }
            Event::SetPipelining(enabled) => {
                connection.set_pipelining(*enabled);
                assert_eq!(connection.pipelining(), *enabled);
            }
            Event::SetJitter(spread) => {
                connection.set_age_jitter(if *spread { u32::MAX } else { 0 });
                model.spread_age(*spread);
            }
            Event::CheckAge => {
                connection.check_age(now);
                model.check_age(now);
            }
            Event::FirstByte => {
                connection.first_byte(now);
                model.first_byte(now);
            }
            Event::HeadComplete(request) => {
                connection.head_complete(request.head());
                model.head_complete(request.head());
            }
            Event::BodyPending(reading) => {
                connection.body_read_pending(reading.limits(), now);
                if model.phase() == Phase::Exchange {
                    model.body.pending(false, reading.limits(), now);
                }
            }
            Event::BodyExpecting(reading) => {
                connection.body_read_expecting(reading.limits(), now);
                if model.phase() == Phase::Exchange {
                    model.body.pending(true, reading.limits(), now);
                }
            }
            Event::BodyPaused => {
                connection.body_read_paused(now);
                model.body.paused(now);
            }
            Event::BodyReceived(bytes) => {
                connection.body_received((*bytes).into(), now);
                model.body.received((*bytes).into(), now);
            }
            Event::DrainBegan(limit) => {
                connection.body_drain_began(limit.duration(), now);
                model.drain_began(limit.duration(), now);
            }
            Event::DrainEnded => {
                connection.body_drain_ended();
                model.drain = None;
            }
            Event::RequestComplete => {
                connection.request_complete();
                model.request_open = false;
            }
            Event::LeftUnread => {
                connection.left_unread();
                model.request_open = true;
            }
            Event::ResponseComplete => {
                connection.response_complete();
                model.response_complete();
            }
            Event::ExchangeFailed => {
                connection.exchange_failed();
                model.failed = true;
            }
            Event::ChunkedUnasked => {
                connection.chunked_unasked();
                model.chunked_unasked();
            }
            Event::TakeLastChunk => {
                assert_eq!(connection.take_last_chunk(), model.take_last_chunk());
            }
            Event::BeginWrite(writing) => {
                connection.begin_write(writing.limit());
                model.write.begin(writing.limit());
            }
            Event::WritePending(unacknowledged) => {
                let unacknowledged = unacknowledged.map(usize::from);
                connection.write_pending(now, unacknowledged);
                model.write.waits(now, unacknowledged);
            }
            Event::LookAtWrite(unacknowledged) => {
                let unacknowledged = unacknowledged.map(usize::from);
                connection.look_at_write(now, unacknowledged);
                if model.write.looked(now, unacknowledged) {
                    model.tunnel_moved(now);
                }
            }
            Event::WriteResumed => {
                connection.write_resumed();
                model.write.resumed();
            }
            Event::TunnelMoved => {
                connection.tunnel_moved(now);
                model.tunnel_moved(now);
            }
            Event::Decide(response) => {
                let outcome = connection.decide(&response.head());
                assert_eq!(outcome, model.decide(&response.head()));
                // Asked again, also about another response, it says the same.
                assert_eq!(connection.decide(&Response::default().head()), outcome);
            }
            Event::Finish => assert_eq!(connection.finish(now), model.finish(now)),
            Event::Revoke => {
                connection.revoke(CloseReason::UnreadBody);
                model.revoke(CloseReason::UnreadBody);
            }
            Event::Drain => {
                connection.drain();
                model.drain();
            }
            Event::ErrorClose => {
                connection.error_close();
                model.stop(CloseReason::Failed);
            }
            Event::ProtocolError => {
                connection.protocol_error();
                model.stop(CloseReason::ProtocolError);
            }
            Event::PeerHalfClosed => {
                connection.peer_half_closed();
                model.stop(CloseReason::ClientClosed);
            }
            Event::PeerClosed => {
                connection.peer_closed();
                model.peer_closed();
            }
            Event::Close => {
                connection.close(CloseReason::Overload);
                model.close(CloseReason::Overload);
            }
            Event::Expire => {
                let due = connection.next_deadline().filter(|&(_, at)| at <= now);
                let expired = connection.expire(now);
                assert_eq!(expired, due.map(|(timer, _)| timer));
                if let Some(timer) = expired {
                    model.expire(timer);
                }
            }
            Event::ExpireOne(which) => {
                let timer = which.timer();
                let overdue = timers::until(model, timer).is_some_and(|at| at <= now);
                assert_eq!(connection.expire_one(timer, now), overdue, "{timer:?}");
                if overdue {
                    model.expire(timer);
                }
            }
            Event::End => assert_eq!(connection.end(), model.end()),
            Event::EndAsReported => {
                assert_eq!(connection.end_as_reported(), model.end_as_reported());
            }
            Event::Linger => assert_eq!(connection.linger(now), model.linger(now)),
            Event::Discarded => {
                connection.discarded(now);
                model.discarded(now);
            }
            Event::Gone => {
                let reason = connection.gone();
                assert_eq!(reason, model.gone());
                self.reasons.extend(reason);
            }
        }
    }

    /// The real connection is where the model is.
    fn compare(&self) {
        let (connection, model) = (&self.connection, &self.model);
        assert_eq!(connection.phase(), model.phase());
        assert_eq!(connection.policy(), model.policy());
        assert_eq!(connection.remaining(), model.remaining());
        assert_eq!(connection.timeouts(), model.timeouts());
        assert_eq!(connection.expected_outcome(), model.expected_outcome());
        assert_eq!(connection.was_cut(), model.is_cut());
        assert_eq!(connection.watches_tunnel(), model.watches_tunnel());
        assert_eq!(connection.write_is_pending(), model.write.is_pending());
        for timer in timers::all() {
            let until = timers::until(model, timer);
            assert_eq!(connection.deadline_of(timer), until, "{timer:?}");
        }
        let body = [Timer::BodyRead, Timer::Drain].map(|timer| timers::until(model, timer));
        let body = body.into_iter().flatten().min();
        assert_eq!(connection.body_deadline(), body);
        if let Some(until) = timers::until(model, Timer::Write) {
            let look = connection.next_look_at_write(self.now);
            assert!(
                look.is_some_and(|look| look <= until),
                "a write looks too late"
            );
        }
        let armed = timers::armed(model);
        let first = armed.iter().map(|&(_, at)| at).min();
        let next = connection.next_deadline();
        assert_eq!(next.map(|(_, at)| at), first, "the earliest of {armed:?}");
        // Of two at the same moment, either may be named.
        assert!(
            next.is_none_or(|next| armed.contains(&next)),
            "{next:?} of {armed:?}"
        );
    }

    /// An end is an end.
    fn check_end(&self, event: &Event, before: &Seen) {
        let after = Seen::of(&self.connection);
        if after.phase.is_over() {
            // What is left to do may take its time, once the end is under way.
            let timer = after.deadline.map(|(timer, _)| timer);
            assert!(matches!(timer, None | Some(Timer::Write | Timer::Linger)));
            assert!(!after.outcome.persists());
        }
        if before.phase.is_over() {
            assert!(after.phase.is_over(), "{event:?} revived a connection");
            assert_eq!(before.outcome, after.outcome, "the first reason counts");
        }
        if before.phase == Phase::Closed {
            assert_eq!(after.phase, Phase::Closed);
            assert_eq!(after.deadline, None, "no timer runs after the end");
        }
    }

    /// What has been said of the connection on the wire stays true.
    fn check_decision(&mut self, event: &Event, before: &Seen) {
        let after = Seen::of(&self.connection);
        let began = before.phase == Phase::Idle && after.phase == Phase::ReadingHead;
        match (event, self.decided) {
            _ if began => self.decided = None,
            (_, Some(decided)) if decided != after.outcome => {
                // It may end for another reason than it would have; it may not persist.
                let ended = after.phase.is_over() && !before.phase.is_over();
                assert!(decided.persists() || ended, "{event:?} changed {decided:?}");
                assert!(!after.outcome.persists(), "{event:?} changed {decided:?}");
                self.decided = Some(after.outcome);
            }
            (Event::Decide(_), None) => {
                self.decided = Some(after.outcome);
                self.check_announced(&after);
            }
            _ => {}
        }
        if after.phase == Phase::Idle && before.phase != Phase::Idle {
            assert!(before.outcome.persists(), "a connection that said close");
        }
        let raised = match (before.remaining, after.remaining) {
            (Some(before), Some(after)) => after > before,
            (before, after) => before.is_some() && after.is_none(),
        };
        assert!(!raised || matches!(event, Event::SetRemaining(_)));
    }

    /// A client that obeys the announced time comes before the connection ends, and nothing that
    /// a client says has extended what the server allows.
    fn check_announced(&self, seen: &Seen) {
        let Outcome::Persist { idle, .. } = seen.outcome else {
            assert_eq!(seen.outcome.keep_alive(), None);
            return;
        };
        if let IdleTimeout::After(allowed) = seen.policy {
            assert!(idle.is_some_and(|idle| idle <= allowed));
        }
        let announced = seen.outcome.keep_alive().and_then(|field| field.timeout);
        if let Some(secs) = announced {
            let margin = Duration::from_secs(secs).checked_add(Duration::from_secs(1));
            assert!(margin.is_some() && margin <= idle);
        }
    }
}
