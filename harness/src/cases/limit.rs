//! `keepalive_request_limit`: N means exactly N requests.

use super::{advice, plain, sequence};
use crate::case::Case;
use crate::check::{self, Then};
use crate::wire::connection::PROMPT;
use crate::wire::Request;

const SOURCE: &str = "design 4, finding 10";

/// More requests than the limit of any shape, and as many as may be asked of a service for nothing.
const MANY: usize = 20;

pub(super) fn cases() -> Vec<Case> {
    vec![
        sequence(
            "limit.the-third-of-three-closes",
            "With a limit of 3, the third response closes.",
            SOURCE,
            "proxy-limit",
            vec![plain(), plain(), plain()],
            Then::Closes,
        ),
        sequence(
            "limit.the-second-of-three-persists",
            "With a limit of 3, the second response persists and the third is served.",
            SOURCE,
            "proxy-limit",
            vec![plain(), plain()],
            Then::Persists,
        ),
        sequence(
            "limit.one",
            "With a limit of 1, the first response closes.",
            SOURCE,
            "proxy-limit-one",
            vec![plain()],
            Then::Closes,
        ),
        sequence(
            "limit.zero-reads-as-one",
            "With a limit of 0, the first request is served and its response closes.",
            SOURCE,
            "proxy-limit-zero",
            vec![plain()],
            Then::Closes,
        ),
        sequence(
            "limit.wins-over-the-policy",
            "No policy of the application lifts the limit.",
            SOURCE,
            "proxy-limit",
            vec![
                plain().with("X-Keepalive", "unlimited"),
                plain(),
                plain().with("X-Keepalive", "60"),
            ],
            Then::Closes,
        ),
        sequence(
            "limit.closes-after-a-proxied-response",
            "The limit counts proxied requests.",
            SOURCE,
            "proxy-limit",
            vec![
                Request::get("/length"),
                Request::get("/chunked"),
                Request::get("/length"),
            ],
            Then::Closes,
        ),
        Case::new(
            "limit.is-said-as-max",
            "The number of further requests is announced and counts down.",
            "design 4, finding 15",
            "proxy-limit",
            |context| async move {
                let mut connection = context.connect().await?;
                for left in ["timeout=74, max=2", "timeout=74, max=1"] {
                    let response = connection.exchange(&plain()).await?;
                    check::advertises(&response, Some(left))?;
                }
                Ok(())
            },
        ),
        Case::new(
            "limit.the-last-is-said",
            "Of many requests on a connection, the one after which it closes is answered with close.",
            "RFC 9112 section 9.6, design 4, finding 10",
            "proxy-limit",
            |context| async move {
                let mut connection = context.connect().await?;
                for _ in 0..MANY {
                    let response = connection.exchange(&context.asks(&plain())).await?;
                    check::served_by(&connection, &response)?;
                    if check::announces_close(&response) {
                        return check::closes(&mut connection, &response, PROMPT).await;
                    }
                }
                Ok(())
            },
        )
        .anywhere(advice::WORD_BROKEN)
        .sends(MANY),
        Case::new(
            "limit.unlimited-says-nothing",
            "Without a finite idle time there is no Keep-Alive field, limit or not.",
            "design 4",
            "proxy-limit",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain().with("X-Keepalive", "unlimited");
                let response = connection.exchange(&request).await?;
                check::says_keep_alive(&response)?;
                check::advertises(&response, None)
            },
        ),
        Case::new(
            "limit.pipelined-beyond-it-is-not-served",
            "With pipelining on, a request beyond the limit is not served.",
            "RFC 9112 section 9.6, design 4, finding 10",
            "proxy-limit-one",
            |context| async move {
                let mut connection = context.connect().await?;
                let request = plain().with("X-Pipelining", "1");
                connection
                    .send([request.bytes(), plain().bytes()].concat())
                    .await;
                let response = connection.response(&request).await?;
                check::closes(&mut connection, &response, PROMPT).await
            },
        )
        .needs("pipelining"),
        Case::new(
            "limit.is-of-one-connection",
            "Each connection has its own count.",
            SOURCE,
            "proxy-limit",
            |context| async move {
                let mut one = context.connect().await?;
                let mut other = context.connect().await?;
                for _ in 0..2 {
                    one.exchange(&plain()).await?;
                    other.exchange(&plain()).await?;
                }
                let last = one.exchange(&plain()).await?;
                check::says_close(&last)?;
                let last = other.exchange(&plain()).await?;
                check::closes(&mut other, &last, PROMPT).await
            },
        ),
    ]
    .into_iter()
    .map(|case| case.needs("request-limit"))
    .collect()
}
