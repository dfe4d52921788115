//! Which reason to close an exchange has, if it has one.

use super::reference::Model;
use pingora_keepalive::{
    CloseReason, Ending, IdleTimeout, KeepAlive, Outcome, RequestHead, ResponseHead, Version,
};
use std::time::Duration;

/// What bears on a decision.
struct Facts<'a> {
    model: &'a Model,
    request: Option<&'a RequestHead>,
    response: &'a ResponseHead,
}

impl Facts<'_> {
    fn request_is(&self, matches: impl Fn(&RequestHead) -> bool) -> bool {
        self.request.is_some_and(matches)
    }

    fn wish(&self) -> KeepAlive {
        self.request
            .map(|request| wish(request, self.model))
            .unwrap_or_default()
    }
}

/// A reason to close, and when it is one.
type Rule = (CloseReason, fn(&Facts<'_>) -> bool);

/// Before the connection's own reason to stop: what the messages demand, strongest first.
const FRAMING: &[Rule] = &[
    (CloseReason::ProtocolError, |f| f.request.is_none()),
    (CloseReason::Upgrade, |f| f.response.tunnel),
    (CloseReason::ProtocolError, |f| {
        f.request_is(|r| r.ambiguous_framing)
    }),
    (CloseReason::CloseDelimited, |f| f.response.close_delimited),
    (CloseReason::ProtocolError, |f| {
        f.request_is(|r| r.to_proxy && r.version == Version::Http10)
    }),
    (CloseReason::UnreadBody, |f| f.response.request_body_unread),
    (CloseReason::UnexpectedData, |f| f.response.unexpected_data),
];

/// Behind it: what the client, the application and the server want, strongest first.
const WANTED: &[Rule] = &[
    (CloseReason::ClientAsked, |f| {
        f.request_is(|r| r.connection.close())
    }),
    (CloseReason::ClientAsked, |f| {
        f.request_is(|r| r.version == Version::Http10 && !r.connection.keep_alive())
    }),
    (CloseReason::Application, |f| f.response.connection.close()),
    (CloseReason::RequestLimit, |f| {
        f.model.remaining() == Some(0)
    }),
    (CloseReason::MaxAge, |f| f.model.is_aged()),
    (CloseReason::Application, |f| closes(f.model.policy())),
    (CloseReason::ClientAsked, |f| f.wish().timeout == Some(0)),
];

/// Whether a policy allows no idle time.
pub(super) fn closes(policy: IdleTimeout) -> bool {
    matches!(
        policy,
        IdleTimeout::Close | IdleTimeout::After(Duration::ZERO)
    )
}

/// The `Keep-Alive` parameters of a request that count.
pub(super) fn wish(request: &RequestHead, model: &Model) -> KeepAlive {
    if model.options().honor_keep_alive && request.connection.keep_alive() {
        request.keep_alive
    } else {
        KeepAlive::default()
    }
}

/// The decision about an exchange.
pub(super) fn outcome(
    model: &Model,
    request: Option<&RequestHead>,
    response: &ResponseHead,
) -> Outcome {
    let facts = Facts {
        model,
        request,
        response,
    };
    let first = |rules: &[Rule]| {
        let rule = rules.iter().find(|(_, holds)| holds(&facts));
        rule.map(|&(reason, _)| reason)
    };
    let reason = first(FRAMING).or(model.stopped()).or_else(|| first(WANTED));
    if let Some(reason) = reason {
        return Outcome::Close(reason);
    }
    let allowed = match model.policy() {
        IdleTimeout::After(limit) => Some(limit),
        _ => None,
    };
    let wished = facts.wish().timeout.map(Duration::from_secs);
    Outcome::Persist {
        idle: [allowed, wished].into_iter().flatten().min(),
        remaining: model.remaining(),
    }
}

/// How a stream ends, by the reason of its connection and what is still open on it. `failed`: what is
/// open will not be complete.
pub(super) fn ending(model: &Model, reason: CloseReason, failed: bool) -> Ending {
    let rules = [
        (Ending::Abort, model.is_cut()),
        (Ending::Abort, model.response_open && failed),
        (
            Ending::Graceful,
            matches!(
                reason,
                CloseReason::ClientClosed | CloseReason::ClientVanished
            ),
        ),
        (
            Ending::Linger,
            matches!(
                reason,
                CloseReason::UnexpectedData | CloseReason::ProtocolError
            ),
        ),
        (Ending::Linger, model.request_open),
    ];
    let first = rules.iter().find(|(_, holds)| *holds);
    first.map_or(Ending::Graceful, |&(ending, _)| ending)
}
