//! When a policy counts, and for how long.

use super::{one, plain, secs, sequence};
use crate::case::{Case, Failure};
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::Request;

const SOURCE: &str = "design 4, finding 2";

/// A plain request with a policy in a phase.
fn set(value: &str, phase: &str) -> Request {
    plain()
        .with("X-Keepalive", value)
        .with("X-Keepalive-Phase", phase)
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = lasting();
    cases.extend(phases());
    cases.extend(told());
    cases.extend(other_state());
    cases
}

/// `get_keepalive()` gives back what was set.
fn told() -> Vec<Case> {
    let tells = |id, sentence, field: (&'static str, &'static str), told: &'static str| {
        Case::new(
            id,
            sentence,
            "design 4",
            "proxy",
            move |context| async move {
                let mut connection = context.connect().await?;
                let request = plain().with(field.0, field.1).with("X-Tell", "1");
                let response = connection.exchange(&request).await?;
                match response.value("X-Told-Keepalive") {
                    Some(value) if value == told => Ok(()),
                    other => Err(Failure::wrong(told, other.unwrap_or_default())),
                }
            },
        )
    };
    vec![
        tells(
            "policy.seconds-read-back",
            "get_keepalive gives back seconds.",
            ("X-Keepalive", "7"),
            "7",
        )
        .needs("read-timeout"),
        tells(
            "policy.none-reads-back",
            "get_keepalive gives back None.",
            ("X-Keepalive", "none"),
            "none",
        )
        .needs("read-timeout"),
        tells(
            "policy.unlimited-reads-back",
            "get_keepalive gives back UNLIMITED.",
            ("X-Keepalive", "unlimited"),
            "18446744073709551615",
        )
        .needs("read-timeout"),
        tells(
            "policy.half-a-second-reads-back-as-one",
            "get_keepalive rounds up, so that setting what it gives does not close.",
            ("X-Idle-Ms", "500"),
            "1",
        )
        .needs("idle-timeout"),
    ]
}

/// What else stays for the connection, and what is said about a changed contract.
fn other_state() -> Vec<Case> {
    vec![
        Case::new(
            "policy.pipelining-stays",
            "Pipelining switched on for request 1 stays on for the connection.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Pipelining", "1"))
                    .await?;
                connection
                    .send([plain().bytes(), plain().bytes()].concat())
                    .await;
                for _ in 0..2 {
                    let response = connection.response(&plain()).await?;
                    check::status(&response, 200)?;
                    check::says_keep_alive(&response)?;
                }
                Ok(())
            },
        )
        .needs("pipelining"),
        Case::new(
            "policy.user-context-stays",
            "The user context of one request reaches the next.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                connection
                    .exchange(&plain().with("X-Context", "left"))
                    .await?;
                let response = connection.exchange(&plain().with("X-Tell", "1")).await?;
                match response.value("X-Told-Context") {
                    Some(value) if value == "left" => Ok(()),
                    other => Err(Failure::wrong("left", other.unwrap_or_default())),
                }
            },
        )
        .needs("user-context"),
        Case::new(
            "policy.zero-is-warned-of-once",
            "That 0 now closes is logged once in a process, however often it is set.",
            "design 4",
            "proxy",
            |context| async move {
                let broken = |error: anyhow::Error| Failure::wrong("a log", format!("{error:#}"));
                let subject = context.another_subject("warned").await?;
                let address = subject
                    .address("proxy")
                    .ok_or_else(|| Failure::wrong("the shape proxy", "none"))?;
                for _ in 0..3 {
                    let mut connection = context.open(address, "proxy").await?;
                    connection
                        .exchange(&plain().with("X-Keepalive", "0"))
                        .await?;
                }
                let log = subject.log().map_err(broken)?;
                let warnings = log
                    .lines()
                    .filter(|line| line.contains("WARN") && line.contains("set_keepalive"))
                    .count();
                match warnings {
                    1 => Ok(()),
                    n => Err(Failure::wrong("one warning", format!("{n} in {log:?}"))),
                }
            },
        )
        .needs("idle-timeout"),
    ]
}

fn lasting() -> Vec<Case> {
    vec![
        sequence(
            "policy.stays-for-the-connection",
            "A policy set on request 1 counts for requests 2 and 3.",
            SOURCE,
            "proxy",
            vec![plain().with("X-Keepalive", "1"), plain(), plain()],
            Then::Idles(1000),
        ),
        sequence(
            "policy.stays-over-proxied-requests",
            "A policy set on request 1 counts for later proxied requests.",
            SOURCE,
            "proxy",
            vec![
                Request::get("/length").with("X-Keepalive", "1"),
                Request::get("/chunked"),
            ],
            Then::Idles(1000),
        ),
        sequence(
            "policy.can-be-shortened",
            "A later policy replaces an earlier one.",
            SOURCE,
            "proxy",
            vec![
                plain().with("X-Keepalive", "30"),
                plain().with("X-Keepalive", "1"),
            ],
            Then::Idles(1000),
        ),
        sequence(
            "policy.can-be-extended",
            "A later policy replaces an earlier one, also by a longer time.",
            SOURCE,
            "proxy",
            vec![
                plain().with("X-Keepalive", "1"),
                plain().with("X-Keepalive", "2"),
            ],
            Then::Idles(2000),
        ),
        sequence(
            "policy.none-later-closes",
            "None on a later request closes after it.",
            SOURCE,
            "proxy",
            vec![
                plain().with("X-Keepalive", "30"),
                plain(),
                set("none", "request"),
            ],
            Then::Closes,
        ),
        sequence(
            "policy.zero-later-closes",
            "Some(0) on a later request closes after it.",
            SOURCE,
            "proxy",
            vec![
                plain().with("X-Keepalive", "30"),
                plain(),
                set("0", "request"),
            ],
            Then::Closes,
        ),
        one(
            "policy.unset-is-not-close",
            "Without a policy the server's default counts, which persists.",
            "design 3",
            "proxy",
            plain(),
            Then::Persists,
        ),
        Case::new(
            "policy.is-of-one-connection",
            "A policy on one connection leaves another with the default.",
            "design 4",
            "proxy-short",
            |context| async move {
                let mut one = context.connect().await?;
                let mut other = context.connect().await?;
                one.exchange(&plain().with("X-Keepalive", "unlimited"))
                    .await?;
                other.exchange(&plain()).await?;
                other.idles_for(secs(2)).await?;
                check::serves_another(&mut one).await
            },
        ),
    ]
}

fn phases() -> Vec<Case> {
    vec![
        one(
            "policy.zero-in-early-phase",
            "Some(0) set before any other filter counts for this response.",
            "design 4",
            "proxy",
            set("0", "early"),
            Then::Closes,
        ),
        sequence(
            "policy.value-in-early-phase",
            "Some(1) set before any other filter counts for this response and later ones.",
            "design 4",
            "proxy",
            vec![set("1", "early"), plain()],
            Then::Idles(1000),
        ),
        one(
            "policy.zero-in-response-phase",
            "Some(0) set as the head is written counts for this response.",
            "design 4",
            "proxy",
            set("0", "response"),
            Then::Closes,
        ),
        one(
            "policy.none-in-response-phase",
            "None set as the head is written counts for this response.",
            "design 4",
            "proxy",
            set("none", "response"),
            Then::Closes,
        ),
        one(
            "policy.zero-in-response-filter",
            "Some(0) set in response_filter counts for the proxied response.",
            "design 4",
            "proxy",
            Request::get("/length")
                .with("X-Keepalive", "0")
                .with("X-Keepalive-Phase", "response"),
            Then::Closes,
        ),
        one(
            "policy.value-in-response-phase",
            "Some(2) set as the head is written counts for this response.",
            "design 4",
            "proxy",
            set("2", "response"),
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
        after_head(
            "policy.none-after-head",
            "None set after the head still closes.",
            "none",
        ),
        after_head(
            "policy.zero-after-head",
            "Some(0) set after the head still closes.",
            "0",
        ),
        Case::new(
            "policy.zero-after-proxied-head",
            "Some(0) set while a proxied body is on its way still closes after it.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = Request::get("/slow-body/300")
                    .with("X-Keepalive", "0")
                    .with("X-Keepalive-Phase", "after-head");
                let response = connection.exchange(&request).await?;
                connection.closes_within(PROMPT).await?;
                check::says_keep_alive(&response)
            },
        ),
        Case::new(
            "policy.zero-in-logging",
            "Some(0) set in the logging phase still closes after this response.",
            "design 4",
            "proxy",
            |context| async move {
                let mut connection = context.connect().await?;
                let response = connection.exchange(&set("0", "logging")).await?;
                connection.closes_within(PROMPT).await?;
                check::says_keep_alive(&response)
            },
        ),
        one(
            "policy.value-after-head-not-yet",
            "Some(1) set after the head leaves this response with what it announced.",
            "design 4",
            "proxy-short",
            set("1", "after-head"),
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
        sequence(
            "policy.value-after-head-from-next",
            "Some(1) set after the head counts from the next response.",
            "design 4",
            "proxy-short",
            vec![set("1", "after-head"), plain()],
            Then::Idles(1000),
        ),
        sequence(
            "policy.value-in-logging-from-next",
            "Some(1) set in the logging phase counts from the next response.",
            "design 4",
            "proxy-short",
            vec![set("1", "logging"), plain()],
            Then::Idles(1000),
        ),
    ]
}

/// The head has said `keep-alive` by then; the close follows all the same.
fn after_head(id: &'static str, sentence: &'static str, value: &'static str) -> Case {
    Case::new(
        id,
        sentence,
        "design 4",
        "proxy",
        move |context| async move {
            let mut connection = context.connect().await?;
            let response = connection.exchange(&set(value, "after-head")).await?;
            connection.closes_within(PROMPT).await?;
            check::says_keep_alive(&response)
        },
    )
}
