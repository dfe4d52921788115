//! A relay between a real client and the subject that records both directions.
//!
//! A FIN of the client is held back until the server has ended or the tap is dropped: otherwise the
//! server would seem to close by itself whenever a client that is done goes away. So is a
//! close_notify of the client. TLS is passed on as it is: the two ends shake hands with each other.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use reqwest::header::HeaderValue;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout_at;

use crate::case::{Context, Failure, Found};
use crate::service::Service;
use crate::wire::connection::seconds;
use crate::wire::{Endpoint, Transcript, Transport};

use super::relay::Relay;

pub(super) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
pub(super) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// What the tap has seen of both ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// The server's.
    pub(super) last_byte: Instant,
    /// When the server closed or reset a connection.
    pub(super) ended: Option<Instant>,
    /// The client's first byte.
    pub(super) first_byte: Option<Instant>,
    /// When the client closed a used connection that the server had not closed.
    pub(super) let_go: Option<Instant>,
    /// When the client closed its end of a connection that the server had closed.
    pub(super) followed: Option<Instant>,
    /// Used connections that neither end has closed.
    pub(super) open: u32,
}

/// A listening relay.
#[derive(Debug)]
pub struct Tap {
    place: Place,
    over: Transport,
    service: Arc<Service>,
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
            followed: None,
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
            service: context.service().clone(),
            used,
            seen,
            transcript: context.transcript.clone(),
            relay,
        })
    }

    /// The URL of a path. One of a target names the target, so that a client shakes hands with it
    /// and names it in `Host`; the client has to be told to connect to [`Tap::port`].
    pub fn url(&self, path: &str) -> String {
        let scheme = self.scheme();
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
        let scheme = self.scheme();
        let is_address = instead.name.trim_matches(['[', ']']).parse::<IpAddr>();
        let url = match is_address {
            Ok(_) => format!("{scheme}://{port}{path}"),
            Err(_) => format!("{scheme}://{}:{}{path}", instead.name, port.port()),
        };
        (url, HeaderValue::from_str(&instead.host).ok())
    }

    fn scheme(&self) -> &'static str {
        match self.over {
            Transport::Tls => "https",
            Transport::Plain | Transport::Unix => "http",
        }
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

    /// How long ago the last byte of the server came, since the client sent its first.
    pub fn since_last_byte(&self) -> Option<Duration> {
        let seen = *self.seen.borrow();
        let asked = seen.first_byte?;
        (seen.last_byte > asked).then(|| seen.last_byte.elapsed())
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

    /// The client closes its own end within `bound`, now that the server has closed a connection.
    pub async fn client_follows_within(&mut self, bound: Duration) -> Found {
        let following = self.seen.wait_for(|seen| seen.followed.is_some());
        match tokio::time::timeout(bound, following).await {
            Ok(Ok(_)) => Ok(()),
            _ => Err(Failure::hang(
                format!("the client to let go as well within {}", seconds(bound)),
                "a connection that it keeps",
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
            let relay = Relay {
                context: &context,
                number,
                used: &used,
                seen: &seen,
                ending: AtomicBool::new(false),
            };
            context.subject().pace().await;
            let relayed = match connect(&target).await {
                Ok(server) => relay.run(client, server).await,
                Err(error) => Err(error),
            };
            if let Err(error) = relayed {
                relay.note(format!("the relay failed: {error}"));
            }
        });
    }
}
