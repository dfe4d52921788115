//! An origin whose pooled connections fail the request that comes over them.
//!
//! The first request on a connection is answered, unless the proxy tries it again there; the second
//! meets what the case asks for. A case starts one of its own and names it to the service with
//! `X-Origin`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{watch, Barrier};
use tokio::task::JoinHandle;

use super::{Exchanges, BODY};
use crate::case::Failure;

/// The path whose first requests are answered when there are two of them, so that two connections
/// are pooled.
pub const PAIR: &str = "/pair";

/// What the second request on a connection meets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desertion {
    /// A reset as soon as a byte of it comes.
    ResetsAtOnce,
    /// The same with a FIN, so far as unread bytes allow that.
    ClosesAtOnce,
    /// A reset when all of it has come.
    ResetsBehindIt,
    /// A FIN when all of it has come.
    ClosesBehindIt,
    /// Part of a response when all of it has come, and a FIN.
    Answers(&'static str),
}

/// What an origin has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections accepted.
    pub connections: usize,
    /// Requests answered, but for those that fill the pool.
    pub answered: usize,
    /// Requests that came whole and were not answered, or not in full.
    pub deserted: usize,
}

/// A running origin; ends when dropped.
#[derive(Debug)]
pub struct Deserter {
    address: SocketAddr,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl Deserter {
    /// Starts on a loopback port.
    pub async fn start(desertion: Desertion) -> Result<Deserter, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, seen) = watch::channel(Seen::default());
        let sender = Arc::new(sender);
        let pair = Arc::new(Barrier::new(2));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sender.send_modify(|seen| seen.connections += 1);
                let (sender, pair) = (sender.clone(), pair.clone());
                tokio::spawn(async move {
                    // A proxy that goes away is nothing to report here.
                    let _ = serve(stream, desertion, &sender, &pair).await;
                });
            }
        });
        Ok(Deserter {
            address,
            seen,
            task,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it has seen up to now.
    pub fn seen(&self) -> Seen {
        *self.seen.borrow()
    }
}

impl Drop for Deserter {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection.
async fn serve(
    stream: TcpStream,
    desertion: Desertion,
    seen: &watch::Sender<Seen>,
    pair: &Barrier,
) -> io::Result<()> {
    let mut exchanges = Exchanges::new(stream, Default::default());
    let Some(asked) = exchanges.head().await? else {
        return Ok(());
    };
    exchanges.body(&asked).await?;
    if asked.path == PAIR {
        pair.wait().await;
    } else {
        seen.send_modify(|seen| seen.answered += 1);
    }
    let length = BODY.len();
    let response = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{BODY}");
    exchanges.say(&response).await?;

    match desertion {
        Desertion::ResetsAtOnce | Desertion::ClosesAtOnce => exchanges.stream.readable().await?,
        _ => {
            let Some(asked) = exchanges.head().await? else {
                return Ok(());
            };
            exchanges.body(&asked).await?;
            seen.send_modify(|seen| seen.deserted += 1);
        }
    }
    match desertion {
        Desertion::ResetsAtOnce | Desertion::ResetsBehindIt => exchanges.stream.set_zero_linger(),
        Desertion::ClosesAtOnce | Desertion::ClosesBehindIt => Ok(()),
        Desertion::Answers(part) => exchanges.say(part).await,
    }
}
