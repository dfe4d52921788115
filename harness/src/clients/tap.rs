//! A relay between a real client and the subject that records both directions.
//!
//! A FIN of the client is held back until the server has ended or the tap is dropped: otherwise the
//! server would seem to close by itself whenever a client that is done goes away.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout_at;

use crate::case::{Context, Failure, Found};
use crate::wire::connection::seconds;
use crate::wire::transcript::Event;

/// What the tap has seen of the server.
#[derive(Clone, Copy, Debug)]
struct Seen {
    last_byte: Instant,
    ended: Option<Instant>,
}

/// A listening relay.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    used: Arc<AtomicU32>,
    seen: watch::Receiver<Seen>,
    relay: JoinHandle<()>,
}

impl Tap {
    /// Relays to the shape of the case.
    pub async fn open(context: &Context) -> Result<Tap, Failure> {
        let broken = |error: io::Error| Failure::wrong("a tap", error.to_string());
        let target = context.address()?;
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(broken)?;
        let address = listener.local_addr().map_err(broken)?;
        let used = Arc::new(AtomicU32::new(0));
        let (sender, seen) = watch::channel(Seen {
            last_byte: Instant::now(),
            ended: None,
        });
        let relay = tokio::spawn(accept(
            listener,
            target,
            context.clone(),
            used.clone(),
            Arc::new(sender),
        ));
        Ok(Tap {
            address,
            used,
            seen,
            relay,
        })
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// How many connections the client has used. Some clients open one more than they need.
    pub fn connections(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// The server has closed the connection within `bound` of its last byte.
    pub async fn server_closes_within(&mut self, bound: Duration) -> Found {
        let expected = format!("the server to close within {}", seconds(bound));
        let last_byte = self.seen.borrow().last_byte;
        let deadline = tokio::time::Instant::from_std(last_byte.max(Instant::now()) + bound);
        let waiting = self.seen.wait_for(|seen| seen.ended.is_some());
        match timeout_at(deadline, waiting).await {
            Ok(Ok(seen)) => {
                let took = seen
                    .ended
                    .unwrap_or(seen.last_byte)
                    .saturating_duration_since(seen.last_byte);
                if took > bound {
                    return Err(Failure::wrong(expected, format!("after {}", seconds(took))));
                }
                Ok(())
            }
            _ => Err(Failure::hang(
                expected,
                format!("still open after {}", seconds(last_byte.elapsed())),
            )),
        }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.relay.abort();
    }
}

async fn accept(
    listener: TcpListener,
    target: SocketAddr,
    context: Context,
    used: Arc<AtomicU32>,
    seen: Arc<watch::Sender<Seen>>,
) {
    // Dropped with the tap, which ends every relay.
    let mut relays = JoinSet::new();
    while let Ok((client, _)) = listener.accept().await {
        let number = context.next_number();
        let context = context.clone();
        let used = used.clone();
        let seen = seen.clone();
        relays.spawn(async move {
            if let Err(error) = relay(client, target, &context, number, &used, seen).await {
                context
                    .transcript
                    .add(number, Event::Note(format!("the relay failed: {error}")));
            }
        });
    }
}

async fn relay(
    client: TcpStream,
    target: SocketAddr,
    context: &Context,
    number: u32,
    used: &AtomicU32,
    seen: Arc<watch::Sender<Seen>>,
) -> io::Result<()> {
    let server = TcpStream::connect(target).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let connected = Event::Connected(format!("{} through a tap", context.shape()));
    context.transcript.add(number, connected);
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    // The client's direction ends when the server's does, not when the client is done.
    let forward = forward(client_read, server_write, context, number, used);
    tokio::select! {
        _ = forward => Ok(()),
        () = back(server_read, client_write, context, number, seen) => Ok(()),
    }
}

async fn forward(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    context: &Context,
    number: u32,
    used: &AtomicU32,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut first = true;
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            let note = Event::Note("the client is done; its FIN is held back".into());
            context.transcript.add(number, note);
            return std::future::pending().await;
        }
        if std::mem::take(&mut first) {
            used.fetch_add(1, Ordering::Relaxed);
        }
        let bytes = &buffer[..count];
        context.transcript.add(number, Event::Sent(bytes.to_vec()));
        to.write_all(bytes).await?;
    }
}

async fn back(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    context: &Context,
    number: u32,
    seen: Arc<watch::Sender<Seen>>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer).await {
            Ok(0) => {
                let at = context.transcript.add(number, Event::Fin);
                seen.send_modify(|seen| seen.ended = Some(at));
                let _ = to.shutdown().await;
                return;
            }
            Ok(count) => {
                let bytes = &buffer[..count];
                let at = context
                    .transcript
                    .add(number, Event::Received(bytes.to_vec()));
                seen.send_modify(|seen| seen.last_byte = at);
                // A client that is done does not keep the server from being watched.
                let _ = to.write_all(bytes).await;
            }
            Err(_) => {
                let at = context.transcript.add(number, Event::Reset);
                seen.send_modify(|seen| seen.ended = Some(at));
                return;
            }
        }
    }
}
