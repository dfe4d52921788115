//! An origin that answers every request with the bytes that a case gives it.
//!
//! A case starts one of its own and names it to the service with `X-Origin`.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::case::Failure;
use crate::wire::Request;

/// A running origin; ends when dropped.
#[derive(Debug)]
pub struct VerbatimOrigin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

/// What it does behind its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Behind {
    /// It closes.
    Closes,
    /// It stays until the proxy goes.
    Stays,
}

impl VerbatimOrigin {
    /// Starts on a loopback port.
    pub async fn start(
        answer: impl Into<Vec<u8>>,
        behind: Behind,
    ) -> Result<VerbatimOrigin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let answer: Arc<[u8]> = answer.into().into();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A proxy that goes away is nothing to report here.
                tokio::spawn(serve(stream, answer.clone(), behind));
            }
        });
        Ok(VerbatimOrigin { address, task })
    }

    /// `request`, to be passed on to this origin.
    pub fn asked(&self, request: Request) -> Request {
        request.with("X-Origin", &self.address.to_string())
    }
}

impl Drop for VerbatimOrigin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Reads the head of a request and answers.
async fn serve(stream: TcpStream, answer: Arc<[u8]>, behind: Behind) -> io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
    }
    stream.write_all(&answer).await?;
    if behind == Behind::Closes {
        stream.shutdown().await?;
    }
    while stream.read(&mut [0; 1024]).await? > 0 {}
    Ok(())
}
