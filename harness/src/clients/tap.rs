//! A relay between a real client and the subject that records both directions.
//!
//! A FIN of the client is held back until the server has ended or the tap is dropped: otherwise the
//! server would seem to close by itself whenever a client that is done goes away. So is a
//! close_notify of the client. TLS is passed on as it is: the two ends shake hands with each other.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout_at;

use crate::case::{Context, Failure, Found};
use crate::wire::connection::seconds;
use crate::wire::transcript::Event;
use crate::wire::{Endpoint, Transcript, Transport};

type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// What the tap has seen of both ends.
#[derive(Clone, Copy, Debug)]
struct Seen {
    /// The server's.
    last_byte: Instant,
    /// When the server closed or reset a connection.
    ended: Option<Instant>,
    /// The client's first byte.
    first_byte: Option<Instant>,
    /// When the client closed a used connection that the server had not closed.
    let_go: Option<Instant>,
    /// Used connections that neither end has closed.
    open: u32,
}

/// A listening relay.
#[derive(Debug)]
pub struct Tap {
    place: Place,
    over: Transport,
    used: Arc<AtomicU32>,
    seen: watch::Receiver<Seen>,
    transcript: Transcript,
    relay: JoinHandle<()>,
}

/// Where a client finds the tap.
#[derive(Debug)]
enum Place {
    Port(SocketAddr),
    /// The path of the socket, and the directory that goes with it.
    Socket(PathBuf, #[allow(dead_code)] TempDir),
}

impl Tap {
    /// Relays to the shape of the case.
    pub async fn open(context: &Context) -> Result<Tap, Failure> {
        let broken = |error: io::Error| Failure::wrong("a tap", error.to_string());
        let target = context.endpoint()?;
        let (listener, place) = Listener::bind(context.over).await.map_err(broken)?;
        let used = Arc::new(AtomicU32::new(0));
        let (sender, seen) = watch::channel(Seen {
            last_byte: Instant::now(),
            ended: None,
            first_byte: None,
            let_go: None,
            open: 0,
        });
        let relay = tokio::spawn(accept(
            listener,
            target,
            context.clone(),
            used.clone(),
            Arc::new(sender),
        ));
        Ok(Tap {
            place,
            over: context.over,
            used,
            seen,
            transcript: context.transcript.clone(),
            relay,
        })
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.over {
            Transport::Tls => "https",
            Transport::Plain | Transport::Unix => "http",
        };
        match &self.place {
            Place::Port(address) => format!("{scheme}://{address}{path}"),
            Place::Socket(..) => format!("{scheme}://subject.test{path}"),
        }
    }

    /// The Unix socket to connect to, where it is one.
    pub fn unix_socket(&self) -> Option<&Path> {
        match &self.place {
            Place::Port(_) => None,
            Place::Socket(path, _) => Some(path),
        }
    }

    /// What makes curl connect here.
    pub fn curl_arguments(&self) -> Vec<String> {
        match &self.place {
            Place::Socket(path, _) => vec!["--unix-socket".into(), path.display().to_string()],
            Place::Port(_) if self.over == Transport::Tls => vec!["--insecure".into()],
            Place::Port(_) => Vec::new(),
        }
    }

    /// How many connections the client has used. Some clients open one more than they need.
    pub fn connections(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// How long ago the client sent its first byte.
    pub fn since_first_byte(&self) -> Option<Duration> {
        self.seen.borrow().first_byte.map(|at| at.elapsed())
    }

    /// How long the client took in all, from its first byte until its connections were closed at
    /// either end; none if that does not come within `bound`. Its start is no part of it.
    pub async fn client_took(&mut self, bound: Duration) -> Option<Duration> {
        let done = self.seen.wait_for(|seen| seen.open == 0);
        let seen = *tokio::time::timeout(bound, done).await.ok()?.ok()?;
        let end = seen.let_go.max(seen.ended)?;
        Some(end.saturating_duration_since(seen.first_byte?))
    }

    /// The client closes its connection within `bound` of the server's last byte, before the server
    /// does.
    pub async fn client_lets_go_within(&mut self, bound: Duration) -> Found {
        let expected = format!("the client to close within {}", seconds(bound));
        let last_byte = self.seen.borrow().last_byte;
        let waiting = self
            .seen
            .wait_for(|seen| seen.let_go.is_some() || seen.ended.is_some());
        let deadline = tokio::time::Instant::from_std(last_byte) + bound;
        match timeout_at(deadline, waiting).await {
            Ok(Ok(seen)) if seen.let_go.is_some() => Ok(()),
            Ok(_) => Err(Failure::wrong(expected, "the server closed first")),
            Err(_) => Err(Failure::wrong(
                expected,
                format!("still open after {}", seconds(last_byte.elapsed())),
            )),
        }
    }

    /// The server has closed the connection within `bound` of its last byte.
    pub async fn server_closes_within(&mut self, bound: Duration) -> Found {
        let expected = format!("the server to close within {}", seconds(bound));
        let last_byte = self.seen.borrow().last_byte;
        let deadline = last_byte.max(Instant::now()) + bound;
        self.transcript.awaits(0, &expected, None, Some(deadline));
        let waiting = self.seen.wait_for(|seen| seen.ended.is_some());
        match timeout_at(deadline.into(), waiting).await {
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

/// What the tap listens on.
enum Listener {
    Port(TcpListener),
    Socket(UnixListener),
}

impl Listener {
    async fn bind(over: Transport) -> io::Result<(Listener, Place)> {
        if over == Transport::Unix {
            let directory = tempfile::Builder::new().prefix("tap-").tempdir()?;
            let path = directory.path().join("tap.sock");
            let listener = UnixListener::bind(&path)?;
            return Ok((Listener::Socket(listener), Place::Socket(path, directory)));
        }
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        Ok((Listener::Port(listener), Place::Port(address)))
    }

    async fn accept(&self) -> io::Result<(ReadHalf, WriteHalf)> {
        match self {
            Listener::Port(listener) => tcp(listener.accept().await?.0),
            Listener::Socket(listener) => Ok(unix(listener.accept().await?.0)),
        }
    }
}

async fn connect(target: &Endpoint) -> io::Result<(ReadHalf, WriteHalf)> {
    match target {
        Endpoint::Plain(address) | Endpoint::Tls(address) => {
            tcp(TcpStream::connect(address).await?)
        }
        Endpoint::Unix(path) => Ok(unix(UnixStream::connect(path).await?)),
    }
}

fn tcp(stream: TcpStream) -> io::Result<(ReadHalf, WriteHalf)> {
    stream.set_nodelay(true)?;
    let (read, write) = stream.into_split();
    Ok((Box::new(read), Box::new(write)))
}

fn unix(stream: UnixStream) -> (ReadHalf, WriteHalf) {
    let (read, write) = stream.into_split();
    (Box::new(read), Box::new(write))
}

async fn accept(
    listener: Listener,
    target: Endpoint,
    context: Context,
    used: Arc<AtomicU32>,
    seen: Arc<watch::Sender<Seen>>,
) {
    // Dropped with the tap, which ends every relay.
    let mut relays = JoinSet::new();
    while let Ok(client) = listener.accept().await {
        let number = context.next_number();
        let target = target.clone();
        let context = context.clone();
        let used = used.clone();
        let seen = seen.clone();
        relays.spawn(async move {
            if let Err(error) = relay(client, &target, &context, number, &used, seen).await {
                context
                    .transcript
                    .add(number, Event::Note(format!("the relay failed: {error}")));
            }
        });
    }
}

async fn relay(
    client: (ReadHalf, WriteHalf),
    target: &Endpoint,
    context: &Context,
    number: u32,
    used: &AtomicU32,
    seen: Arc<watch::Sender<Seen>>,
) -> io::Result<()> {
    let (server_read, server_write) = connect(target).await?;
    let connected = Event::Connected(format!("{} through a tap", context.shape()));
    context.transcript.add(number, connected);
    let (client_read, client_write) = client;
    // The client's direction ends when the server's does, not when the client is done.
    let forward = forward(client_read, server_write, context, number, used, &seen);
    tokio::select! {
        _ = forward => Ok(()),
        () = back(server_read, client_write, context, number, &seen) => Ok(()),
    }
}

async fn forward(
    mut from: ReadHalf,
    mut to: WriteHalf,
    context: &Context,
    number: u32,
    used: &AtomicU32,
    seen: &watch::Sender<Seen>,
) -> io::Result<()> {
    let mut open = None;
    let mut buffer = vec![0; 16 * 1024];
    let mut records = Records::default();
    loop {
        let count = from.read(&mut buffer).await.unwrap_or(0);
        if count == 0 {
            let at = context.transcript.add(number, Event::HeldFin);
            if open.is_some() {
                seen.send_modify(|seen| seen.let_go = Some(at));
            }
            drop(open);
            return std::future::pending().await;
        }
        if open.is_none() {
            used.fetch_add(1, Ordering::Relaxed);
            open = Some(Open::begin(seen));
        }
        let bytes = &buffer[..count];
        if context.over == Transport::Tls {
            context.transcript.add(number, Event::SentRecords(count));
            to.write_all(&records.without_alerts(bytes)).await?;
        } else {
            context.transcript.add(number, Event::sent(bytes));
            to.write_all(bytes).await?;
        }
    }
}

/// A connection that the client has used, until either end closes it.
struct Open<'a>(&'a watch::Sender<Seen>);

impl Open<'_> {
    fn begin(seen: &watch::Sender<Seen>) -> Open<'_> {
        seen.send_modify(|seen| {
            seen.first_byte.get_or_insert_with(Instant::now);
            seen.open += 1;
        });
        Open(seen)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|seen| seen.open -= 1);
    }
}

/// The TLS records of one direction.
#[derive(Debug, Default)]
struct Records {
    unfinished: Vec<u8>,
}

impl Records {
    /// The records that are complete with these bytes, but for alerts: the one that a client sends
    /// when all is well is close_notify.
    fn without_alerts(&mut self, bytes: &[u8]) -> Vec<u8> {
        const ALERT: u8 = 21;
        const APPLICATION_DATA: u8 = 23;
        // In TLS 1.3 an alert is application data from outside: two bytes, their type and a tag.
        const SEALED_ALERT: usize = 2 + 1 + 16;
        self.unfinished.extend_from_slice(bytes);
        let mut passed = Vec::new();
        while let [kind, _, _, high, low, ..] = *self.unfinished.as_slice() {
            let length = usize::from(u16::from_be_bytes([high, low]));
            if self.unfinished.len() < 5 + length {
                break;
            }
            let record: Vec<u8> = self.unfinished.drain(..5 + length).collect();
            let is_alert = kind == ALERT || (kind == APPLICATION_DATA && length == SEALED_ALERT);
            if !is_alert {
                passed.extend_from_slice(&record);
            }
        }
        passed
    }
}

async fn back(
    mut from: ReadHalf,
    mut to: WriteHalf,
    context: &Context,
    number: u32,
    seen: &watch::Sender<Seen>,
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
                let event = match context.over {
                    Transport::Tls => Event::ReceivedRecords(count),
                    _ => Event::received(bytes),
                };
                let at = context.transcript.add(number, event);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_are_held_back_and_records_kept_whole() {
        let record = |kind: u8, length: u8| {
            let mut record = vec![kind, 3, 3, 0, length];
            record.resize(5 + usize::from(length), kind);
            record
        };
        let data = record(23, 40);
        let (first, rest) = data.split_at(7);
        let mut records = Records::default();
        assert_eq!(records.without_alerts(first), b"");
        assert_eq!(records.without_alerts(rest), data);
        assert_eq!(records.without_alerts(&record(23, 19)), b"");
        assert_eq!(records.without_alerts(&record(21, 2)), b"");
    }
}
