//! Clients and deadlines that meet: reuse at the last moment, and thousands of deadlines at once.
//!
//! No case here judges how fast the machine is. A client that was itself too late to obey is not
//! counted against the server, and how late a close comes is measured, not judged: that is for
//! `harness bench`.

use std::time::Duration;

use futures_util::future::join_all;

use super::{plain, secs};
use crate::bench;
use crate::case::{Case, Context, Failure, Found};
use crate::check;
use crate::wire::{Connection, Transcript};

/// How many connections reuse at the last moment.
const CONNECTIONS: usize = 500;

/// How often each does so.
const ROUNDS: usize = 4;

/// How often a connection may try. A try does not count when this client was late.
const TRIES: usize = 12;

/// How much later than its last moment a client may be and still count. The server allows a second.
const LATE: Duration = Duration::from_millis(500);

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::new(
            "race.reuse-at-the-last-moment",
            "2,000 requests sent in the last moment that Keep-Alive: timeout allows are all answered.",
            "RFC 9112 section 9.5, draft-thomson-hybi-http-timeout, design 4",
            "proxy-short",
            |context| async move { reuse(&context).await },
        )
        .needs("idle-timeout")
        .alone()
        .bound(secs(60)),
        Case::new(
            "race.five-thousand-expire-together",
            "5,000 connections whose idle time ends in the same moment are all closed, none early.",
            "design 4",
            "proxy",
            |context| async move { expire(&context).await },
        )
        .needs("idle-timeout")
        .alone()
        .bound(secs(120)),
    ]
}

async fn reuse(context: &Context) -> Found {
    let connections = (0..CONNECTIONS).map(|_| last_moments(context));
    let mut late = 0;
    for found in join_all(connections).await {
        late += found?;
    }
    context.measured(format!(
        "{} requests at the last moment answered on {CONNECTIONS} connections; {late} more did \
         not count, because this client was late",
        CONNECTIONS * ROUNDS
    ));
    Ok(())
}

/// Reuses one connection at its last moment, again and again. Returns how often this client was
/// late.
async fn last_moments(context: &Context) -> Result<usize, Failure> {
    let mut connection = open(context).await?;
    let (mut in_time, mut late) = (0, 0);
    for _ in 0..TRIES {
        if in_time == ROUNDS {
            return Ok(late);
        }
        let advertised = Duration::from_secs(1);
        let moment = connection.answered_at() + advertised;
        tokio::time::sleep_until(moment.into()).await;
        let found = connection.exchange(&plain()).await;
        let lateness = connection.sent_at().saturating_duration_since(moment);
        match found {
            Ok(response) => {
                check::status(&response, 200)?;
                check::advertises(&response, Some("timeout=1"))?;
                if lateness <= LATE {
                    in_time += 1;
                } else {
                    late += 1;
                }
            }
            Err(failure) if lateness <= LATE => {
                return Err(Failure {
                    expected: format!(
                        "a request sent {lateness:?} after its last moment answered, {}",
                        failure.expected
                    ),
                    ..failure
                });
            }
            Err(_) => {
                late += 1;
                connection = open(context).await?;
            }
        }
    }
    Err(Failure::hang(
        format!("{ROUNDS} requests in time"),
        format!("{in_time} of {TRIES}: this client was late for the others"),
    ))
}

/// A connection that has had its first exchange.
async fn open(context: &Context) -> Result<Connection, Failure> {
    // Hundreds of transcripts would help nobody.
    let transcript = Transcript::start();
    let mut connection = Connection::open(context.endpoint()?, context.shape(), 0, transcript)
        .await
        .map_err(|error| Failure::wrong("a connection", error.to_string()))?;
    let response = connection.exchange(&plain()).await?;
    check::advertises(&response, Some("timeout=1"))?;
    Ok(connection)
}

async fn expire(context: &Context) -> Found {
    let expiry = bench::expire_together(context.subject(), bench::CONNECTIONS).await?;
    context.measured(expiry.to_string());
    expiry.is_complete()
}
