//! An origin that answers no connect: what it may keep waiting for it is full.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::case::Failure;

/// How long a connect that is answered takes at most.
const STANDSTILL: Duration = Duration::from_millis(300);

/// A listening socket that accepts nothing, and those that wait for it.
#[derive(Debug)]
pub struct FullOrigin {
    address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl FullOrigin {
    /// Starts on a loopback port.
    pub async fn start() -> Result<FullOrigin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        FullOrigin::fill().await.map_err(failed)
    }

    async fn fill() -> io::Result<FullOrigin> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(1)?;
        let address = listener.local_addr()?;
        let mut waiting = Vec::new();
        while let Ok(stream) = timeout(STANDSTILL, TcpStream::connect(address)).await {
            waiting.push(stream?);
        }
        Ok(FullOrigin {
            address,
            _listener: listener,
            _waiting: waiting,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}
