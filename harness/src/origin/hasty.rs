//! An origin that switches protocols before it has read what asks for it.
//!
//! Its 101 is there as soon as the connection is. A case starts one of its own and names it to the
//! service with `X-Origin`.

use std::io;
use std::net::SocketAddr;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::case::Failure;

/// What it says at once.
const SWITCHES: &[u8] =
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

/// A running origin; ends when dropped.
#[derive(Debug)]
pub struct HastyOrigin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl HastyOrigin {
    /// Starts on a loopback port.
    pub async fn start() -> Result<HastyOrigin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A proxy that goes away is nothing to report here.
                tokio::spawn(serve(stream));
            }
        });
        Ok(HastyOrigin { address, task })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for HastyOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Switches, reads the request off and sends back what follows it.
async fn serve(mut stream: TcpStream) -> io::Result<()> {
    stream.write_all(SWITCHES).await?;
    let (reader, mut writer) = stream.split();
    let mut reader = BufReader::new(reader);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if reader.read_line(&mut line).await? == 0 {
            return Ok(());
        }
    }
    tokio::io::copy_buf(&mut reader, &mut writer).await?;
    Ok(())
}
