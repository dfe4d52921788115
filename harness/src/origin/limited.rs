//! An origin that bounds its connections, says so in `Keep-Alive`, and keeps count of who obeys.
//!
//! A case starts one of its own and names it to the service with `X-Origin`, so that nobody else's
//! connections are in the pool.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout, Instant};

use super::{Exchanges, BODY};
use crate::case::Failure;
use crate::wire::connection::PATIENCE;

/// What an origin says and does.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    /// Field lines of the first response on a connection, each ending in CRLF.
    pub first: String,
    /// Field lines of the others.
    pub later: String,
    /// Gives a connection up when it has been idle for so long.
    pub idle: Option<Duration>,
    /// How long the news of that takes: until then the connection looks open, and a request that
    /// comes is lost.
    pub news: Duration,
    /// What it does between two requests.
    pub between: Between,
}

/// What an origin does after each response.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Between {
    /// Waits for the next request.
    #[default]
    Waits,
    /// Closes without having said so.
    Closes,
    /// Sends bytes that nobody asked for, at once with the response.
    Strays,
    /// Sends them when the response is over.
    StraysLater,
}

impl Limits {
    /// Says this in every response, and keeps its connections nevertheless.
    pub fn saying(fields: &str) -> Limits {
        Limits {
            first: fields.to_owned(),
            later: fields.to_owned(),
            ..Limits::default()
        }
    }
}

/// Bytes that nobody asked for.
const STRAY: &str = "HTTP/1.1 408 Request Timeout\r\n\r\n";

/// What an origin has seen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Connections accepted.
    pub connections: usize,
    /// Requests answered.
    pub requests: usize,
    /// Requests that came when the connection had been given up.
    pub lost: usize,
    /// How long each connection that the service closed had been idle, from the last response.
    pub left: Vec<Duration>,
}

/// A running origin; ends when dropped.
#[derive(Debug)]
pub struct LimitedOrigin {
    address: SocketAddr,
    seen: watch::Receiver<Seen>,
    task: JoinHandle<()>,
}

impl LimitedOrigin {
    /// Starts on a loopback port.
    pub async fn start(limits: Limits) -> Result<LimitedOrigin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let (sender, seen) = watch::channel(Seen::default());
        let sender = Arc::new(sender);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                sender.send_modify(|seen| seen.connections += 1);
                let (limits, sender) = (limits.clone(), sender.clone());
                tokio::spawn(async move {
                    // A proxy that goes away is nothing to report here.
                    let _ = serve(stream, &limits, &sender).await;
                });
            }
        });
        Ok(LimitedOrigin {
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
        self.seen.borrow().clone()
    }

    /// Waits until the service has closed so many connections; what was seen then.
    pub async fn left(&self, connections: usize) -> Result<Seen, Failure> {
        let mut seen = self.seen.clone();
        let left = seen.wait_for(|seen| seen.left.len() >= connections);
        if timeout(PATIENCE, left).await.is_ok_and(|left| left.is_ok()) {
            return Ok(self.seen());
        }
        Err(Failure::hang(
            format!("{connections} upstream connections closed"),
            format!("{:?} after {PATIENCE:?}", self.seen()),
        ))
    }
}

impl Drop for LimitedOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves one connection as its limits say.
async fn serve(stream: TcpStream, limits: &Limits, seen: &watch::Sender<Seen>) -> io::Result<()> {
    let mut exchanges = Exchanges::new(stream, Default::default());
    let mut fields = &limits.first;
    let mut first = true;
    let mut answered = Instant::now();
    loop {
        if let Some(idle) = limits.idle.filter(|_| !first) {
            if timeout(idle, exchanges.stream.readable()).await.is_err() {
                return give_up(exchanges.stream, limits.news, seen).await;
            }
        }
        // A reset is an end as well: bytes of ours may not have been read.
        let Some(asked) = exchanges.head().await.unwrap_or(None) else {
            if !first {
                seen.send_modify(|seen| seen.left.push(answered.elapsed()));
            }
            return Ok(());
        };
        exchanges.body(&asked).await?;
        let length = BODY.len();
        let stray = match limits.between {
            Between::Strays => STRAY,
            _ => "",
        };
        let response =
            format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: {length}\r\n\r\n{BODY}{stray}");
        exchanges.say(&response).await?;
        answered = Instant::now();
        fields = &limits.later;
        first = false;
        seen.send_modify(|seen| seen.requests += 1);
        match limits.between {
            Between::Waits | Between::Strays => {}
            Between::Closes => return Ok(()),
            Between::StraysLater => {
                sleep(Duration::from_millis(100)).await;
                exchanges.say(STRAY).await?;
            }
        }
    }
}

/// Serves nothing more; the other side hears of it when the news has travelled.
async fn give_up(stream: TcpStream, news: Duration, seen: &watch::Sender<Seen>) -> io::Result<()> {
    sleep(news).await;
    let mut byte = [0];
    // A FIN from the other side is no request.
    if stream.try_read(&mut byte).is_ok_and(|count| count > 0) {
        seen.send_modify(|seen| seen.lost += 1);
    }
    Ok(())
}
