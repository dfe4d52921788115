//! An origin without a script of its own: the case accepts its connections, reads what the proxy
//! sends and says what is to be said.
//!
//! A case starts one and names it to the service with `X-Origin`.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, Interest};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::case::Failure;
use crate::wire::connection::PATIENCE;
use crate::wire::Request;

/// How long a proxy takes nothing before it is taken to be blocked.
const STANDSTILL: Duration = Duration::from_millis(500);

/// How much the system keeps of what an origin has not read yet.
const ROOM: u32 = 128 << 10;

/// A listening origin.
#[derive(Debug)]
pub struct ScriptedOrigin {
    listener: TcpListener,
    address: SocketAddr,
}

/// How a connection of the proxy ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With a FIN.
    Fin,
    /// With a reset.
    Reset,
}

impl ScriptedOrigin {
    /// Starts on a loopback port.
    pub async fn start() -> Result<ScriptedOrigin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = listen().map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(ScriptedOrigin { listener, address })
    }

    /// Has `request` go to this origin, over a connection that no other case has used.
    pub fn asked(&self, request: Request) -> Request {
        request.with("X-Origin", &self.address.to_string())
    }

    /// The next connection of the proxy.
    pub async fn accept(&self) -> Result<Upstream, Failure> {
        match timeout(PATIENCE, self.listener.accept()).await {
            Ok(Ok((stream, _))) => {
                let _ = stream.set_nodelay(true);
                Ok(Upstream {
                    stream,
                    received: Vec::new(),
                })
            }
            Ok(Err(error)) => Err(Failure::wrong("a connection", error.to_string())),
            Err(_) => Err(Failure::hang("a connection to the origin", "none")),
        }
    }

    /// No further connection of the proxy comes for `time`.
    pub async fn accepts_no_more(&self, time: Duration) -> Result<(), Failure> {
        match timeout(time, self.listener.accept()).await {
            Err(_) => Ok(()),
            Ok(_) => Err(Failure::wrong("no further connection", "one")),
        }
    }
}

/// A listener whose connections are soon full: less has to pass until one is blocked.
fn listen() -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(ROOM)?;
    socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
    socket.listen(64)
}

/// A connection of the proxy, seen from the origin.
#[derive(Debug)]
pub struct Upstream {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Upstream {
    /// What has been read.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// Forgets what has been read, as after a request.
    pub fn forget(&mut self) {
        self.received.clear();
    }

    /// Reads until `ending` is the end of what has come.
    pub async fn reads_up_to(&mut self, ending: &[u8]) -> Result<(), Failure> {
        while !self.received.ends_with(ending) {
            self.reads_some().await?;
        }
        Ok(())
    }

    /// Reads until `part` has come, whatever comes with it.
    pub async fn reads_up_to_part(&mut self, part: &[u8]) -> Result<(), Failure> {
        while !self.received.windows(part.len()).any(|some| some == part) {
            self.reads_some().await?;
        }
        Ok(())
    }

    /// Reads `count` bytes and forgets them.
    pub async fn reads_bytes(&mut self, count: usize) -> Result<(), Failure> {
        let mut left = count;
        while left > 0 {
            self.received.clear();
            self.reads_some().await?;
            left = left.saturating_sub(self.received.len());
        }
        Ok(())
    }

    /// Reads the head of a request, and what comes with it.
    pub async fn reads_head(&mut self) -> Result<(), Failure> {
        self.reads_up_to_part(b"\r\n\r\n").await
    }

    async fn reads_some(&mut self) -> Result<(), Failure> {
        let expected = "more of a request";
        let read = self.stream.read_buf(&mut self.received);
        match timeout(PATIENCE, read).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(Ok(_)) => Err(Failure::wrong(
                expected,
                format!("a FIN behind {}", self.text()),
            )),
            Ok(Err(error)) => Err(Failure::wrong(expected, error.to_string())),
            Err(_) => Err(Failure::hang(expected, self.text())),
        }
    }

    /// Sends `bytes` to a proxy that takes them.
    pub async fn says(&mut self, bytes: impl AsRef<[u8]>) -> Result<(), Failure> {
        match timeout(PATIENCE, self.stream.write_all(bytes.as_ref())).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::wrong("a proxy that reads", error.to_string())),
            Err(_) => Err(Failure::hang("a proxy that reads", "one that does not")),
        }
    }

    /// Sends until the proxy takes no more.
    pub async fn floods(&mut self) {
        let some = [b'x'; 64 << 10];
        while let Ok(Ok(())) = timeout(STANDSTILL, self.stream.write_all(&some)).await {}
    }

    /// Reads to the end of the connection, which comes within `time`.
    pub async fn ends_within(&mut self, time: Duration) -> Result<End, Failure> {
        let stream = &mut self.stream;
        let received = &mut self.received;
        let end = async {
            loop {
                match stream.read_buf(received).await {
                    Ok(0) => return End::Fin,
                    Ok(_) => {}
                    Err(_) => return End::Reset,
                }
            }
        };
        let end = timeout(time, end).await;
        end.map_err(|_| Failure::hang("the end of the upstream connection", "none"))
    }

    /// Waits, without reading, until the proxy has reset or closed the connection.
    pub async fn is_let_go_within(&mut self, time: Duration) -> Result<(), Failure> {
        let gone = async {
            // A FIN shows behind unread bytes; writing into a closed connection tells the rest.
            loop {
                if self.stream.write_all(b"\r\n").await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let gone = timeout(time, gone).await;
        gone.map_err(|_| Failure::hang("the upstream connection let go", "it is still open"))
    }

    /// Is told within `time` that the proxy has let go, though it neither reads nor writes.
    pub async fn hears_of_the_end_within(&mut self, time: Duration) -> Result<(), Failure> {
        let told = async {
            // unread bytes make it readable at once; that it is closed is told beside that
            while let Ok(ready) = self.stream.ready(Interest::READABLE).await {
                if ready.is_read_closed() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let told = timeout(time, told).await;
        told.map_err(|_| Failure::hang("the end of the upstream connection", "none"))
    }

    /// Ends the connection with a reset.
    pub fn resets(self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Closes this side, and goes on reading.
    pub async fn finishes(&mut self) {
        let _ = self.stream.shutdown().await;
    }

    fn text(&self) -> String {
        format!(
            "{} bytes: {}",
            self.received.len(),
            String::from_utf8_lossy(&self.received[..self.received.len().min(400)]).escape_debug()
        )
    }
}
