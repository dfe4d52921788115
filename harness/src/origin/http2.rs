//! An HTTP/2 origin over plain TCP, without a script of its own.
//!
//! A case starts one and names it to the service with `X-Origin`, and with `X-Peer-Http2` says that it
//! is to be spoken to in HTTP/2.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use h2::server::SendResponse;
use h2::RecvStream;
use hyper::body::Bytes;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::case::Failure;
use crate::wire::connection::PATIENCE;
use crate::wire::Request;

/// A listening origin.
#[derive(Debug)]
pub struct Http2Origin {
    listener: TcpListener,
    address: SocketAddr,
}

/// A request that has come, and the connection that it came on.
#[derive(Debug)]
pub struct Stream {
    body: RecvStream,
    respond: SendResponse<Bytes>,
    response: Option<h2::SendStream<Bytes>>,
    connection: JoinHandle<()>,
}

/// How the body of a request ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// As a whole.
    Complete,
    /// With a reset of its stream, or of all.
    Reset,
}

impl Http2Origin {
    /// Starts on a loopback port.
    pub async fn start() -> Result<Http2Origin, Failure> {
        let failed = |error: io::Error| Failure::wrong("an origin", error.to_string());
        let listener = TcpListener::bind("127.0.0.1:0").await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Http2Origin { listener, address })
    }

    /// Has `request` go to this origin.
    pub fn asked(&self, request: Request) -> Request {
        request
            .with("X-Origin", &self.address.to_string())
            .with("X-Peer-Http2", "1")
    }

    /// The next request of the proxy, on a connection of its own.
    pub async fn accept(&self) -> Result<Stream, Failure> {
        let expected = "a request to the HTTP/2 origin";
        let accepted = async {
            let (stream, _) = self.listener.accept().await?;
            first_request(stream).await
        };
        match timeout(PATIENCE, accepted).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(error)) => Err(Failure::wrong(expected, error.to_string())),
            Err(_) => Err(Failure::hang(expected, "none")),
        }
    }
}

async fn first_request(stream: TcpStream) -> io::Result<Stream> {
    let mut connection = h2::server::handshake(stream)
        .await
        .map_err(io::Error::other)?;
    let (first, request) = oneshot::channel();
    let connection = tokio::spawn(async move {
        let mut first = Some(first);
        // this drives the connection
        while let Some(Ok(accepted)) = connection.accept().await {
            if let Some(first) = first.take() {
                let _ = first.send(accepted);
            }
        }
    });
    let (request, respond) = request.await.map_err(io::Error::other)?;
    Ok(Stream {
        body: request.into_body(),
        respond,
        response: None,
        connection,
    })
}

impl Stream {
    /// Answers with a head; `end` if that is all.
    pub fn answers(&mut self, status: u16, end: bool) -> Result<(), Failure> {
        let failed = |error: String| Failure::wrong("a proxy that takes the response", error);
        let response = http::Response::builder().status(status).body(());
        let response = response.map_err(|error| failed(error.to_string()))?;
        let sent = self.respond.send_response(response, end);
        self.response = Some(sent.map_err(|error| failed(error.to_string()))?);
        Ok(())
    }

    /// Queues so many bytes of the response, whatever room there is for them.
    pub fn says(&mut self, count: usize) -> Result<(), Failure> {
        let Some(response) = &mut self.response else {
            return Err(Failure::wrong("a head before the body", "none"));
        };
        let sent = response.send_data(vec![b'x'; count].into(), false);
        sent.map_err(|error| Failure::wrong("a proxy that takes the response", error.to_string()))
    }

    /// Reads `count` bytes of the request body.
    pub async fn reads(&mut self, count: usize) -> Result<(), Failure> {
        let expected = "more of a request body";
        let mut left = count;
        while left > 0 {
            match timeout(PATIENCE, self.body.data()).await {
                Ok(Some(Ok(data))) => {
                    let _ = self.body.flow_control().release_capacity(data.len());
                    left = left.saturating_sub(data.len());
                }
                Ok(end) => return Err(Failure::wrong(expected, format!("{end:?}"))),
                Err(_) => return Err(Failure::hang(expected, format!("{left} bytes less"))),
            }
        }
        Ok(())
    }

    /// Reads to the end of the request body, which comes within `time`.
    pub async fn ends_within(&mut self, time: Duration) -> Result<End, Failure> {
        let body = &mut self.body;
        let end = async {
            loop {
                match body.data().await {
                    Some(Ok(data)) => {
                        let _ = body.flow_control().release_capacity(data.len());
                    }
                    Some(Err(_)) => return End::Reset,
                    None => return End::Complete,
                }
            }
        };
        let end = timeout(time, end).await;
        end.map_err(|_| Failure::hang("the end of the request body", "none"))
    }

    /// The stream is reset within `time`, whatever of its body is unread.
    pub async fn is_reset_within(&mut self, time: Duration) -> Result<(), Failure> {
        let reset = std::future::poll_fn(|cx| match &mut self.response {
            Some(response) => response.poll_reset(cx),
            None => self.respond.poll_reset(cx),
        });
        match timeout(time, reset).await {
            Ok(_) => Ok(()),
            Err(_) => Err(Failure::hang("a reset of the upstream's stream", "none")),
        }
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.connection.abort();
    }
}
