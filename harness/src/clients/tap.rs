//! A relay between a real client and the subject that records both directions.
//!
//! A FIN of the client is held back until the server has ended or the tap is dropped: otherwise the
//! server would seem to close by itself whenever a client that is done goes away. So is a
//! close_notify of the client. TLS is passed on as it is: the two ends shake hands with each other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout_at;

use crate::case::{Context, Failure, Found};
use crate::service::Service;
use crate::wire::connection::seconds;
use crate::wire::transcript::Event;
use crate::wire::{Endpoint, Transport};

type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// What the tap has seen of the server.
#[derive(Clone, Copy, Debug)]
struct Seen {
    last_byte: Instant,
    ended: Option<Instant>,
}

/// A listening relay.
#[derive(Debug)]
pub struct Tap {
    place: Place,
    over: Transport,
    service: Arc<Service>,
    used: Arc<AtomicU32>,
    seen: watch::Receiver<Seen>,
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
            service: context.service().clone(),
            used,
            seen,
            relay,
        })
    }

    /// The URL of a path. One of a target names the target, so that a client shakes hands with it
    /// and names it in `Host`; the client has to be told to connect to [`Tap::port`].
    pub fn url(&self, path: &str) -> String {
        let scheme = match self.over {
            Transport::Tls => "https",
            Transport::Plain | Transport::Unix => "http",
        };
        if let Some(instead) = &self.service.instead {
            return format!("{scheme}://{}{path}", instead.host);
        }
        match &self.place {
            Place::Port(address) => format!("{scheme}://{address}{path}"),
            Place::Socket(..) => format!("{scheme}://subject.test{path}"),
        }
    }

    /// The same for a client that connects to the port of its URL, with the `Host` that it is to send
    /// where the URL does not say it.
    pub fn url_at_port(&self, path: &str) -> (String, Option<HeaderValue>) {
        let (Some(instead), Some(port)) = (&self.service.instead, self.port()) else {
            return (self.url(path), None);
        };
        let scheme = match self.over {
            Transport::Tls => "https",
            Transport::Plain | Transport::Unix => "http",
        };
        let is_address = instead.name.trim_matches(['[', ']']).parse::<IpAddr>();
        let url = match is_address {
            Ok(_) => format!("{scheme}://{port}{path}"),
            Err(_) => format!("{scheme}://{}:{}{path}", instead.name, port.port()),
        };
        (url, HeaderValue::from_str(&instead.host).ok())
    }

    /// The port to connect to, where it is one.
    pub fn port(&self) -> Option<SocketAddr> {
        match &self.place {
            Place::Port(address) => Some(*address),
            Place::Socket(..) => None,
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
        let mut arguments: Vec<String> = match &self.place {
            Place::Socket(path, _) => vec!["--unix-socket".into(), path.display().to_string()],
            // Whom to trust has been found out before.
            Place::Port(_) if self.over == Transport::Tls => vec!["--insecure".into()],
            Place::Port(_) => Vec::new(),
        };
        if let (Some(_), Some(port)) = (&self.service.instead, self.port()) {
            arguments.extend(["--connect-to".into(), format!("::{port}")]);
        }
        arguments
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
        Endpoint::Plain(address) | Endpoint::Tls(address) | Endpoint::TlsTo(address, _) => {
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
    context.subject().pace().await;
    let (server_read, server_write) = connect(target).await?;
    let connected = Event::Connected(format!("{} through a tap", context.called(context.shape())));
    context.transcript.add(number, connected);
    let (client_read, client_write) = client;
    // The client's direction ends when the server's does, not when the client is done.
    let forward = forward(client_read, server_write, context, number, used);
    tokio::select! {
        _ = forward => Ok(()),
        () = back(server_read, client_write, context, number, seen) => Ok(()),
    }
}

async fn forward(
    mut from: ReadHalf,
    mut to: WriteHalf,
    context: &Context,
    number: u32,
    used: &AtomicU32,
) -> io::Result<()> {
    let mut buffer = vec![0; 16 * 1024];
    let mut records = Records::default();
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
        if context.over == Transport::Tls {
            let note = Event::Note(format!("-> {count} bytes of TLS"));
            context.transcript.add(number, note);
            to.write_all(&records.without_alerts(bytes)).await?;
        } else {
            context.transcript.add(number, Event::Sent(bytes.to_vec()));
            to.write_all(bytes).await?;
        }
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
                let event = match context.over {
                    Transport::Tls => Event::Note(format!("<- {count} bytes of TLS")),
                    _ => Event::Received(bytes.to_vec()),
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
