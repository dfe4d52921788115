//! What a connection runs over: TCP, TLS or a Unix socket.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Instant;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{tcp, unix, TcpStream, UnixStream};

use super::tls::{self, Peer, TlsReader, TlsWriter};

/// What a case runs over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Transport {
    /// TCP.
    #[default]
    Plain,
    /// TLS over TCP.
    Tls,
    /// A Unix socket.
    Unix,
}

impl Transport {
    /// Every transport, in the order of reports.
    pub const ALL: [Transport; 3] = [Transport::Plain, Transport::Tls, Transport::Unix];

    /// The name that `--over` takes.
    pub fn name(self) -> &'static str {
        match self {
            Transport::Plain => "plain",
            Transport::Tls => "tls",
            Transport::Unix => "unix",
        }
    }

    /// The name of a case's run over it: `ID`, `ID@tls`, `ID@unix`.
    pub fn run_of(self, id: &str) -> String {
        match self {
            Transport::Plain => id.to_owned(),
            other => format!("{id}@{}", other.name()),
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Transport {
    type Err = String;

    fn from_str(name: &str) -> Result<Transport, String> {
        Transport::ALL
            .into_iter()
            .find(|transport| transport.name() == name)
            .ok_or_else(|| format!("no transport is called {name}"))
    }
}

/// Where a shape listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A port.
    Plain(SocketAddr),
    /// A port for TLS.
    Tls(SocketAddr),
    /// A port for TLS of a server that is not ours.
    TlsTo(SocketAddr, Peer),
    /// A Unix socket.
    Unix(PathBuf),
}

impl Endpoint {
    /// The port, with TLS or without.
    pub fn address(&self) -> Option<SocketAddr> {
        match self {
            Endpoint::Plain(address) | Endpoint::Tls(address) | Endpoint::TlsTo(address, _) => {
                Some(*address)
            }
            Endpoint::Unix(_) => None,
        }
    }
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Plain(address)
    }
}

/// What a read brings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Incoming {
    /// So many bytes.
    Bytes(usize),
    /// TLS says that nothing more will come.
    CloseNotify,
    /// The FIN.
    End,
}

/// The receiving half of a connection.
#[derive(Debug)]
pub enum Reader {
    /// Of TCP.
    Plain(tcp::OwnedReadHalf),
    /// Of TLS.
    Tls(Box<TlsReader>),
    /// Of a Unix socket.
    Unix(unix::OwnedReadHalf),
}

/// The sending half of a connection.
#[derive(Debug)]
pub enum Writer {
    /// Of TCP.
    Plain(tcp::OwnedWriteHalf),
    /// Of TLS.
    Tls(Box<TlsWriter>),
    /// Of a Unix socket.
    Unix(unix::OwnedWriteHalf),
}

/// Connects, with TLS up to the end of the handshake. From the time that is returned on the server
/// may have the connection.
pub async fn connect(endpoint: &Endpoint) -> io::Result<(Reader, Writer, Instant)> {
    let now = Instant::now();
    match endpoint {
        Endpoint::Plain(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            let (read, write) = stream.into_split();
            Ok((Reader::Plain(read), Writer::Plain(write), now))
        }
        Endpoint::Tls(address) => secured(tls::connect(*address).await?),
        Endpoint::TlsTo(address, peer) => secured(tls::connect_to(*address, peer).await?),
        Endpoint::Unix(path) => {
            let (read, write) = UnixStream::connect(path).await?.into_split();
            Ok((Reader::Unix(read), Writer::Unix(write), now))
        }
    }
}

fn secured(
    (read, write, now): (TlsReader, TlsWriter, Instant),
) -> io::Result<(Reader, Writer, Instant)> {
    Ok((
        Reader::Tls(Box::new(read)),
        Writer::Tls(Box::new(write)),
        now,
    ))
}

impl Reader {
    /// Reads what comes next.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<Incoming> {
        let count = match self {
            Reader::Plain(socket) => socket.read(buffer).await?,
            Reader::Unix(socket) => socket.read(buffer).await?,
            Reader::Tls(session) => return session.read(buffer).await,
        };
        Ok(match count {
            0 => Incoming::End,
            count => Incoming::Bytes(count),
        })
    }

    /// Whether a close_notify has to come before the FIN.
    pub fn is_tls(&self) -> bool {
        matches!(self, Reader::Tls(_))
    }
}

impl Writer {
    /// Sends bytes.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Writer::Plain(socket) => socket.write_all(bytes).await,
            Writer::Unix(socket) => socket.write_all(bytes).await,
            Writer::Tls(session) => session.write_all(bytes).await,
        }
    }

    /// Says that nothing more will come: a FIN, over TLS after a close_notify.
    pub async fn finish(&mut self) -> io::Result<()> {
        match self {
            Writer::Plain(socket) => socket.shutdown().await,
            Writer::Unix(socket) => socket.shutdown().await,
            Writer::Tls(session) => session.finish().await,
        }
    }

    /// The two ports, client's and server's. A Unix socket has none.
    pub fn ports(&self) -> Option<(u16, u16)> {
        let socket = match self {
            Writer::Plain(socket) => socket,
            Writer::Tls(session) => session.socket(),
            Writer::Unix(_) => return None,
        };
        Some((
            socket.local_addr().ok()?.port(),
            socket.peer_addr().ok()?.port(),
        ))
    }

    /// Whether a close_notify goes before the FIN.
    pub fn is_tls(&self) -> bool {
        matches!(self, Writer::Tls(_))
    }

    /// Makes the close a reset. A Unix socket knows none.
    pub fn reset(&self) {
        let _ = match self {
            Writer::Plain(socket) => socket.as_ref().set_zero_linger(),
            Writer::Tls(session) => session.socket().as_ref().set_zero_linger(),
            Writer::Unix(_) => Ok(()),
        };
    }
}
