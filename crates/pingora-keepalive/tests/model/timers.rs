//! When each timer runs, and until when.

use super::reference::Model;
use pingora_keepalive::{Phase, Timer};
use std::time::{Duration, Instant};

/// A timer runs in some phases, until a moment that follows from what is true.
pub(super) struct Rule {
    timer: Timer,
    phases: &'static [Phase],
    /// `None`: it does not run now, or without limit.
    until: fn(&Model) -> Option<Instant>,
}

/// Every timer there is.
pub(super) const RULES: &[Rule] = &[
    Rule {
        timer: Timer::Idle,
        phases: &[Phase::Idle],
        until: |model| after(model.flushed?, model.idle),
    },
    Rule {
        timer: Timer::HeaderRead,
        phases: &[Phase::AwaitFirst, Phase::ReadingHead],
        until: |model| after(model.head_began, model.timeouts().header_read_timeout),
    },
    Rule {
        timer: Timer::BodyRead,
        phases: &[Phase::Exchange],
        until: |model| model.body.until(),
    },
    Rule {
        timer: Timer::Drain,
        phases: &[Phase::Exchange],
        until: |model| model.drain.and_then(|(since, limit)| after(since, limit)),
    },
    Rule {
        timer: Timer::Write,
        phases: &[
            Phase::AwaitFirst,
            Phase::ReadingHead,
            Phase::Exchange,
            Phase::Idle,
            Phase::Tunnel,
            Phase::Closing,
        ],
        until: |model| model.write.until(),
    },
    Rule {
        timer: Timer::Tunnel,
        phases: &[Phase::Tunnel],
        until: |model| model.moved.and_then(|(since, limit)| after(since, limit)),
    },
    Rule {
        timer: Timer::Linger,
        phases: &[Phase::Closing],
        until: |model| {
            let (began, last) = model.lingers?;
            let linger = model.options().linger?;
            let gap = after(last, Some(linger.gap));
            let total = after(began, Some(linger.total));
            [gap, total].into_iter().flatten().min()
        },
    },
];

/// A moment that the clock cannot show never comes.
pub(super) fn after(since: Instant, limit: Option<Duration>) -> Option<Instant> {
    since.checked_add(limit?)
}

/// Until when `timer` runs, where it does.
pub(super) fn until(model: &Model, timer: Timer) -> Option<Instant> {
    let rule = RULES.iter().find(|rule| rule.timer == timer)?;
    (rule.until)(model).filter(|_| rule.phases.contains(&model.phase()))
}

/// The timers that run, and until when.
pub(super) fn armed(model: &Model) -> Vec<(Timer, Instant)> {
    all()
        .filter_map(|timer| Some((timer, until(model, timer)?)))
        .collect()
}

pub(super) fn all() -> impl Iterator<Item = Timer> {
    RULES.iter().map(|rule| rule.timer)
}
