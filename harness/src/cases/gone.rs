//! Clients that are gone, behind bytes that nobody has read.

use std::time::Duration;

use super::{everywhere, millis, plain};
use crate::case::{Case, Context};
use crate::origin::full::FullOrigin;
use crate::origin::scripted::ScriptedOrigin;
use crate::wire::connection::PROMPT;
use crate::wire::Request;

const SOURCE: &str = "RFC 9112 section 9.5, design 3";

/// How long after a client is gone the upstream connection may stay.
const LET_GO: Duration = Duration::from_secs(2);

/// What comes behind the request.
#[derive(Clone, Copy)]
enum Behind {
    EmptyLine,
    Request,
    Much,
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        gone(
            "gone.behind-an-empty-line",
            "A client that closes behind an empty line, while its origin works, is noticed.",
            Behind::EmptyLine,
            "0",
            false,
        ),
        gone(
            "gone.reset-behind-an-empty-line",
            "The same where it resets.",
            Behind::EmptyLine,
            "0",
            true,
        ),
        gone(
            "gone.behind-a-request",
            "A client that closes behind another request is noticed.",
            Behind::Request,
            "0",
            false,
        ),
        gone(
            "gone.behind-a-pipelined-request",
            "The same with pipelining on.",
            Behind::Request,
            "1",
            false,
        )
        .needs("pipelining"),
        gone(
            "gone.reset-behind-a-pipelined-request",
            "The same where it resets.",
            Behind::Request,
            "1",
            true,
        )
        .needs("pipelining"),
        gone(
            "gone.behind-much",
            "However much is unread, as long as the kernel takes it.",
            Behind::Much,
            "0",
            false,
        ),
        Case::new(
            "gone.while-its-upstream-connects",
            "A client that closes while its upstream does not answer the connect is noticed.",
            SOURCE,
            "proxy-pool",
            |context| async move {
                let origin = FullOrigin::start().await?;
                let request = Request::get("/").with("X-Origin", &origin.address().to_string());
                let mut connection = context.connect().await?;
                connection.send(request.bytes()).await;
                connection.stays_open(millis(300)).await?;
                connection.finish_sending().await;
                connection.closes_within(LET_GO).await
            },
        ),
    ]
}

fn gone(
    id: &'static str,
    sentence: &'static str,
    behind: Behind,
    pipelining: &'static str,
    resets: bool,
) -> Case {
    everywhere(Case::new(
        id,
        sentence,
        SOURCE,
        "proxy-pool",
        move |context: Context| async move {
            let origin = ScriptedOrigin::start().await?;
            let mut request = origin.asked(Request::get("/"));
            if pipelining == "1" {
                request = request.with("X-Pipelining", pipelining);
            }
            let mut connection = context.connect().await?;
            connection.send(request.bytes()).await;
            let mut upstream = origin.accept().await?;
            upstream.reads_head().await?;
            connection
                .send(match behind {
                    Behind::EmptyLine => b"\r\n".to_vec(),
                    Behind::Request => plain().bytes(),
                    Behind::Much => vec![b'x'; 16 << 10],
                })
                .await;
            // so that it is not one segment with what ends the connection
            tokio::time::sleep(millis(100)).await;
            if resets {
                connection.reset();
                upstream.ends_within(LET_GO).await?;
                return Ok(());
            }
            connection.finish_sending().await;
            upstream.ends_within(LET_GO).await?;
            connection.closes_within(PROMPT).await
        },
    ))
}
