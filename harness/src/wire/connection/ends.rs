//! How a connection ends, and when: what cases ask of its end.

use std::time::{Duration, Instant};

use tokio::time::timeout_at;

use super::{describe, seconds, Connection, End, PROMPT};
use crate::case::Failure;
use crate::service::HeldTo;

/// How much earlier than its deadline a close may be seen.
const EARLY: Duration = Duration::from_millis(50);

/// How much later than its deadline a close may be seen.
const LATE: Duration = Duration::from_millis(1500);

impl Connection {
    /// The connection is closed at once, without another byte.
    pub async fn closes(&mut self) -> Result<(), Failure> {
        self.closes_within(PROMPT).await
    }

    /// The same with another bound, counted from the last response.
    pub async fn closes_within(&mut self, bound: Duration) -> Result<(), Failure> {
        self.ends(self.reference(), Duration::ZERO, bound).await
    }

    /// The connection is closed after `time` without a request: not earlier, and without another
    /// byte.
    pub async fn idles_for(&mut self, time: Duration) -> Result<(), Failure> {
        // The server counts from the flush of the response, which lies between what is known here:
        // the last byte sent and the last byte received.
        let early = self.sent_at + time.saturating_sub(EARLY);
        let from = self.reference();
        if self.is_lenient() {
            return self.lets_go(from, time).await;
        }
        let least = early.saturating_duration_since(from);
        self.ends(from, least, time + LATE).await
    }

    /// The same after a response that took longer than `time`: it did not count from the request.
    pub async fn idles_since_response_for(&mut self, time: Duration) -> Result<(), Failure> {
        // Half of it leaves room for a response that this machine was late to see.
        let least = time / 2;
        self.ends(self.answered_at, least, time + LATE).await
    }

    /// The connection is closed `time` after `from`, without another byte.
    pub async fn closes_at(&mut self, from: Instant, time: Duration) -> Result<(), Failure> {
        if self.is_lenient() {
            return self.lets_go(from, time).await;
        }
        self.ends(from, time.saturating_sub(EARLY), time + LATE)
            .await
    }

    /// The connection is closed `time` after `from`, whatever is said before.
    pub async fn ends_at(&mut self, from: Instant, time: Duration) -> Result<(), Failure> {
        if self.is_lenient() {
            return self.lets_go(from, time).await;
        }
        let least = time.saturating_sub(EARLY);
        let most = time + LATE;
        let expected = format!("the end between {} and {}", seconds(least), seconds(most));
        self.awaits(&expected, Some(from + least), Some(from + most));
        match self.ended_by(from + most).await {
            None => Err(Failure::hang(
                expected,
                format!("still open after {}", seconds(from.elapsed())),
            )),
            Some((_, at)) if at.saturating_duration_since(from) < least => Err(Failure::wrong(
                expected,
                format!(
                    "the end after {}",
                    seconds(at.saturating_duration_since(from))
                ),
            )),
            Some(_) => Ok(()),
        }
    }

    /// The connection is reset `time` after `from`.
    pub async fn resets_at(&mut self, from: Instant, time: Duration) -> Result<(), Failure> {
        self.ends_at(from, time).await?;
        let end = self.inbound.borrow().end;
        match end {
            Some((End::Reset, _)) => Ok(()),
            _ => Err(Failure::wrong("a reset", self.seen_instead())),
        }
    }

    /// The connection ends within `bound` in a way that no client can take for a complete message:
    /// a reset, or over TLS a FIN without close_notify.
    pub async fn aborts_within(&mut self, bound: Duration) -> Result<(), Failure> {
        let expected = format!("the connection aborted within {}", seconds(bound));
        let from = self.reference();
        self.awaits(&expected, None, Some(from + bound));
        match self.ended_by(from + bound).await {
            Some((End::Reset | End::Truncated, _)) => Ok(()),
            Some((end, _)) => Err(Failure::wrong(expected, end.as_str())),
            None => Err(Failure::hang(
                expected,
                format!("still open after {}", seconds(from.elapsed())),
            )),
        }
    }

    /// The connection stays open for `time`, and silent.
    pub async fn stays_open(&mut self, time: Duration) -> Result<(), Failure> {
        let from = self.consumed;
        let expected = format!("the connection open and silent for {time:?}");
        self.awaits(&expected, Some(Instant::now() + time), None);
        let waiting = self
            .inbound
            .wait_for(|inbound| inbound.end.is_some() || inbound.bytes.len() > from);
        if tokio::time::timeout(time, waiting).await.is_err() {
            return Ok(());
        }
        Err(Failure::wrong(expected, self.seen_instead()))
    }

    /// The later of the last send and the last response.
    fn reference(&self) -> Instant {
        self.sent_at.max(self.answered_at)
    }

    async fn ends(
        &mut self,
        from: Instant,
        least: Duration,
        most: Duration,
    ) -> Result<(), Failure> {
        let most = self.service.promptly(most);
        let expected = if least.is_zero() {
            format!("the connection closed within {}", seconds(most))
        } else {
            format!(
                "the connection closed between {} and {}",
                seconds(least),
                seconds(most)
            )
        };
        let not_before = (!least.is_zero()).then(|| from + least);
        self.awaits(&expected, not_before, Some(from + most));
        let consumed = self.consumed;
        let waiting = self
            .inbound
            .wait_for(|inbound| inbound.end.is_some() || inbound.bytes.len() > consumed);
        let deadline = tokio::time::Instant::from_std(from + most);
        if timeout_at(deadline, waiting).await.is_err() {
            return Err(Failure::hang(
                expected,
                format!("still open after {}", seconds(from.elapsed())),
            ));
        }
        let (end, unread) = {
            let inbound = self.inbound.borrow();
            (inbound.end, inbound.bytes.len() > consumed)
        };
        match end {
            Some((end, at)) if !unread && self.may_end_with(end) => {
                let took = at.saturating_duration_since(from);
                if took < least || took > most {
                    return Err(Failure::wrong(
                        expected,
                        format!("closed after {}", seconds(took)),
                    ));
                }
                Ok(())
            }
            Some((end, _)) if !unread => Err(Failure::wrong(expected, end.as_str())),
            _ => Err(Failure::wrong(
                format!("{expected}, and nothing more said"),
                self.seen_instead(),
            )),
        }
    }

    /// The end, if it comes by then.
    async fn ended_by(&mut self, deadline: Instant) -> Option<(End, Instant)> {
        let waiting = self.inbound.wait_for(|inbound| inbound.end.is_some());
        match timeout_at(deadline.into(), waiting).await {
            Ok(Ok(inbound)) => inbound.end,
            _ => None,
        }
    }

    /// Whether an end between messages is one that the service may choose.
    fn may_end_with(&self, end: End) -> bool {
        match self.service.held_to {
            HeldTo::Design => end == End::Fin,
            HeldTo::Standard => end == End::Fin || !(self.service.notifies && self.write.is_tls()),
        }
    }

    /// The end within `time` of `from`, whatever is said before: what others do, they may do sooner,
    /// and with a word or without.
    pub async fn lets_go(&mut self, from: Instant, time: Duration) -> Result<(), Failure> {
        let most = self.service.at_most(time);
        let expected = format!("the connection closed within {}", seconds(most));
        self.awaits(&expected, None, Some(from + most));
        match self.ended_by(from + most).await {
            Some((end, _)) if self.may_end_with(end) => Ok(()),
            Some((end, _)) => Err(Failure::wrong(expected, end.as_str())),
            None => {
                let after = seconds(from.elapsed());
                let seen = match self.unread() {
                    unread if unread.is_empty() => format!("still open after {after}"),
                    unread => format!("still open after {after}, with {}", describe(&unread)),
                };
                Err(Failure::hang(expected, seen))
            }
        }
    }

    /// Whether it is held to the standards alone.
    fn is_lenient(&self) -> bool {
        self.service.held_to == HeldTo::Standard
    }

    pub(super) fn seen_instead(&self) -> String {
        let unread = self.unread();
        let inbound = self.inbound.borrow();
        match inbound.end {
            Some((end, at)) if unread.is_empty() => {
                let after = seconds(at.saturating_duration_since(self.reference()));
                format!("{} after {after}", end.as_str())
            }
            _ => describe(&unread),
        }
    }
}
