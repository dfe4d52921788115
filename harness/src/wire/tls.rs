//! TLS as a client that sees what libraries hide: whether close_notify came before the FIN.

use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::TcpStream;

use super::transport::Incoming;

/// A certificate for the loopback address and what it is used with.
#[derive(Debug)]
pub struct Identity {
    /// The certificate, in PEM.
    pub certificate: String,
    key: String,
    config: Arc<ClientConfig>,
}

impl Identity {
    /// The one of this process, made when it is first asked for.
    pub fn get() -> io::Result<&'static Identity> {
        static IDENTITY: OnceLock<Result<Identity, String>> = OnceLock::new();
        IDENTITY
            .get_or_init(|| Identity::new().map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|error| io::Error::other(error.clone()))
    }

    fn new() -> io::Result<Identity> {
        let names = ["127.0.0.1".to_owned(), "subject.test".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from(made.cert.der().to_vec()))
            .map_err(io::Error::other)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(io::Error::other)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Identity {
            certificate: made.cert.pem(),
            key: made.key_pair.serialize_pem(),
            config: Arc::new(config),
        })
    }

    /// What makes a client trust it.
    pub fn client_config(&self) -> ClientConfig {
        ClientConfig::clone(&self.config)
    }

    /// Writes certificate and key into a directory, for a server.
    pub fn write(&self, directory: &Path) -> io::Result<(PathBuf, PathBuf)> {
        let certificate = directory.join("certificate.pem");
        let key = directory.join("key.pem");
        std::fs::write(&certificate, &self.certificate)?;
        std::fs::write(&key, &self.key)?;
        Ok((certificate, key))
    }
}

/// A server that is not ours: whom to trust, and the name to ask for.
#[derive(Clone, Debug)]
pub struct Peer {
    /// How to shake hands.
    pub config: Arc<ClientConfig>,
    /// Whose certificate it must show.
    pub name: ServerName<'static>,
}

impl PartialEq for Peer {
    fn eq(&self, other: &Peer) -> bool {
        Arc::ptr_eq(&self.config, &other.config) && self.name == other.name
    }
}

impl Eq for Peer {}

/// The TLS state that both halves of a connection share.
type Session = Arc<Mutex<ClientConnection>>;

fn locked(session: &Session) -> MutexGuard<'_, ClientConnection> {
    session.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The receiving half.
#[derive(Debug)]
pub struct TlsReader {
    socket: OwnedReadHalf,
    session: Session,
    notified: bool,
}

/// The sending half.
#[derive(Debug)]
pub struct TlsWriter {
    socket: OwnedWriteHalf,
    session: Session,
}

/// Connects and shakes hands. The time is that of the last flight of the handshake: the server has
/// the connection from a moment after it.
pub async fn connect(address: SocketAddr) -> io::Result<(TlsReader, TlsWriter, Instant)> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    shake_hands(socket).await
}

/// The same with a server that is not ours.
pub async fn connect_to(
    address: SocketAddr,
    peer: &Peer,
) -> io::Result<(TlsReader, TlsWriter, Instant)> {
    let socket = TcpStream::connect(address).await?;
    socket.set_nodelay(true)?;
    shake_hands_as(socket, peer.config.clone(), peer.name.clone()).await
}

/// The same as [`connect`] on a connection that is made.
pub async fn shake_hands(socket: TcpStream) -> io::Result<(TlsReader, TlsWriter, Instant)> {
    let config = Identity::get()?.config.clone();
    let name = ServerName::from(socket.peer_addr()?.ip());
    shake_hands_as(socket, config, name).await
}

async fn shake_hands_as(
    socket: TcpStream,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
) -> io::Result<(TlsReader, TlsWriter, Instant)> {
    let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
    // A case may send more at once than rustls would keep.
    session.set_buffer_limit(None);
    let session = Arc::new(Mutex::new(session));
    let (read, write) = socket.into_split();
    let mut reader = TlsReader {
        socket: read,
        session: session.clone(),
        notified: false,
    };
    let mut writer = TlsWriter {
        socket: write,
        session,
    };
    loop {
        let now = Instant::now();
        writer.flush().await?;
        if !locked(&writer.session).is_handshaking() {
            return Ok((reader, writer, now));
        }
        if reader.feed().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

impl TlsReader {
    /// Reads what comes next.
    pub async fn read(&mut self, buffer: &mut [u8]) -> io::Result<Incoming> {
        loop {
            if self.notified {
                // Nothing may follow but the FIN.
                return match self.socket.read(buffer).await? {
                    0 => Ok(Incoming::End),
                    _ => Err(io::Error::other("bytes after close_notify")),
                };
            }
            let plain = locked(&self.session).reader().read(buffer);
            match plain {
                Ok(0) => {
                    self.notified = true;
                    return Ok(Incoming::CloseNotify);
                }
                Ok(count) => return Ok(Incoming::Bytes(count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            if self.feed().await? == 0 {
                return Ok(Incoming::End);
            }
        }
    }

    /// Takes some bytes from the socket; 0 at its end.
    async fn feed(&mut self) -> io::Result<usize> {
        let mut bytes = [0; 16 * 1024];
        let count = self.socket.read(&mut bytes).await?;
        let mut rest = &bytes[..count];
        let mut session = locked(&self.session);
        while !rest.is_empty() && session.wants_read() {
            session.read_tls(&mut rest)?;
            session.process_new_packets().map_err(io::Error::other)?;
        }
        Ok(count)
    }
}

impl TlsWriter {
    /// Sends bytes.
    pub async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        locked(&self.session).writer().write_all(bytes)?;
        self.flush().await
    }

    /// Sends close_notify and a FIN.
    pub async fn finish(&mut self) -> io::Result<()> {
        locked(&self.session).send_close_notify();
        self.flush().await?;
        self.socket.shutdown().await
    }

    /// The socket below.
    pub fn socket(&self) -> &OwnedWriteHalf {
        &self.socket
    }

    async fn flush(&mut self) -> io::Result<()> {
        let mut records = Vec::new();
        {
            let mut session = locked(&self.session);
            while session.wants_write() {
                session.write_tls(&mut records)?;
            }
        }
        self.socket.write_all(&records).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::PrivateKeyDer;
    use rustls::{ServerConfig, ServerConnection};
    use std::net::TcpListener;

    /// How the server ends after it has said `hello`.
    #[derive(Clone, Copy, Debug)]
    enum Ending {
        CloseNotify,
        Fin,
        Reset,
    }

    fn serve(ending: Ending) -> SocketAddr {
        let identity = Identity::get().expect("an identity");
        let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes());
        let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.expect("PEM")], key.expect("PEM"))
            .expect("a configuration");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        tokio::task::spawn_blocking(move || {
            let (mut socket, _) = listener.accept().expect("a client");
            let mut session = ServerConnection::new(Arc::new(config)).expect("a session");
            let mut said = [0; 5];
            let mut stream = rustls::Stream::new(&mut session, &mut socket);
            stream.read_exact(&mut said).expect("bytes");
            stream.write_all(&said).expect("room");
            match ending {
                Ending::Fin => {}
                Ending::CloseNotify => {
                    session.send_close_notify();
                    session.write_tls(&mut socket).expect("room");
                }
                Ending::Reset => {
                    // Not before the client has read the answer: it says so.
                    let mut stream = rustls::Stream::new(&mut session, &mut socket);
                    stream.read_exact(&mut said).expect("bytes");
                    socket.set_nonblocking(true).expect("a socket");
                    let socket = TcpStream::from_std(socket).expect("a socket");
                    socket.set_zero_linger().expect("a socket");
                }
            }
        });
        address
    }

    async fn ends(ending: Ending) -> Vec<String> {
        let (mut reader, mut writer, _) = connect(serve(ending)).await.expect("a handshake");
        writer.write_all(b"hello").await.expect("room");
        let mut buffer = [0; 100];
        let mut seen = Vec::new();
        loop {
            let read = reader.read(&mut buffer).await;
            if matches!((&read, ending), (Ok(Incoming::Bytes(_)), Ending::Reset)) {
                writer.write_all(b"heard").await.expect("room");
            }
            let ended = !matches!(read, Ok(Incoming::Bytes(_) | Incoming::CloseNotify));
            seen.push(match read {
                Ok(incoming) => format!("{incoming:?}"),
                Err(error) => error.kind().to_string(),
            });
            if ended {
                return seen;
            }
        }
    }

    #[tokio::test]
    async fn the_three_ends_are_told_apart() {
        assert_eq!(
            ends(Ending::CloseNotify).await,
            ["Bytes(5)", "CloseNotify", "End"]
        );
        assert_eq!(ends(Ending::Fin).await, ["Bytes(5)", "End"]);
        assert_eq!(ends(Ending::Reset).await, ["Bytes(5)", "connection reset"]);
    }
}
