//! Applications as they were written for pristine Pingora: they let go of a response whose end they
//! leave to the connection, or go on to the next request without finishing it.
//!
//! The path of a request says what happens: `/`*head*`/`*end*. The head is `bare` (no length),
//! `chunked` or `nine` (a length of nine, of which five bytes are written), `large` (no length, and
//! some hundred kilobytes) or `upgrade`; the end is `drop`, `shutdown` or `reuse`.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::apps::HttpServerApp;
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::server::ShutdownWatch;
use pingora::services::listening::Service;
use pingora::Result;

use crate::custom::Returned;
use crate::listen::{self, Shutdown};

/// The body of a large response.
const LARGE: usize = 256 * 1024;

/// Starts the shapes of this module.
pub fn start_all(
    addresses: &mut BTreeMap<&'static str, SocketAddr>,
    shutdown: &Shutdown,
) -> io::Result<()> {
    // An application in Pingora's accept loop that lets go of its sessions.
    addresses.insert(
        "lets-go",
        listen::start(Service::new("lets-go".to_owned(), LetsGo), shutdown)?,
    );
    #[cfg(feature = "api-0-9")]
    by_hand::start_all(addresses)?;
    Ok(())
}

/// The header and the body for the first part of `path`.
fn response(path: &str) -> Result<(Box<ResponseHeader>, Bytes)> {
    let hello = Bytes::from_static(b"hello");
    let kind = path.trim_start_matches('/').split('/').next();
    let mut head = ResponseHeader::build(200, None)?;
    let body = match kind.unwrap_or_default() {
        "chunked" => {
            head.insert_header("Transfer-Encoding", "chunked")?;
            hello
        }
        "nine" => {
            head.insert_header("Content-Length", "9")?;
            hello
        }
        "large" => Bytes::from(vec![b'.'; LARGE]),
        "upgrade" => {
            head = ResponseHeader::build(101, None)?;
            head.insert_header("Connection", "upgrade")?;
            head.insert_header("Upgrade", "echo")?;
            hello
        }
        _ => hello,
    };
    Ok((Box::new(head), body))
}

/// Answers, and does not finish the body.
struct LetsGo;

#[async_trait]
impl HttpServerApp for LetsGo {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<Returned> {
        if !session.read_request().await.ok()? {
            return None;
        }
        let path = session.req_header().uri.path().to_owned();
        let (head, body) = response(&path).ok()?;
        session.write_response_header(head).await.ok()?;
        session.write_response_body(body, false).await.ok()?;
        if path.ends_with("/shutdown") {
            session.shutdown().await;
        }
        None
    }
}

/// Accept loops over sessions of HTTP/1.x themselves.
#[cfg(feature = "api-0-9")]
mod by_hand {
    use super::*;
    use pingora::apps::HttpPersistentSettings;
    use pingora::protocols::http::v1::server::HttpSession;
    use pingora::protocols::l4::stream::Stream;
    use std::future::Future;
    use tokio::net::{TcpListener, TcpStream};

    pub(super) fn start_all(addresses: &mut BTreeMap<&'static str, SocketAddr>) -> io::Result<()> {
        addresses.insert("v1-loop", accept(true, serve)?);
        // One connection after the other, each for one request.
        addresses.insert("v1-one-by-one", accept(false, serve)?);
        // A loop that asks for the settings of a session and does not apply them.
        addresses.insert("forgets-settings", accept(true, forget)?);
        Ok(())
    }

    fn accept<F>(side_by_side: bool, serve: fn(TcpStream) -> F) -> io::Result<SocketAddr>
    where
        F: Future<Output = Result<()>> + Send + 'static,
    {
        let (listener, address) = listen::bind()?;
        let listener = TcpListener::from_std(listener)?;
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let _ = stream.set_nodelay(true);
                let served = tokio::spawn(serve(stream));
                if !side_by_side {
                    let _ = served.await;
                }
            }
        });
        Ok(address)
    }

    async fn serve(stream: TcpStream) -> Result<()> {
        let mut session = HttpSession::new(Box::new(Stream::from(stream)));
        loop {
            if session.read_request().await?.is_none() {
                return Ok(());
            }
            let path = session.req_header().uri.path().to_owned();
            let (head, body) = response(&path)?;
            session.write_response_header(head).await?;
            session.write_body(&body).await?;
            match path.rsplit('/').next() {
                Some("drop") => return Ok(()),
                Some("shutdown") => {
                    session.shutdown().await;
                    return Ok(());
                }
                _ => {}
            }
            let Some(reused) = session.reuse().await? else {
                return Ok(());
            };
            session = HttpSession::new(reused.into_parts().0);
        }
    }

    async fn forget(stream: TcpStream) -> Result<()> {
        let mut session = ServerSession::new_http1(Box::new(Stream::from(stream)));
        while session.read_request().await? {
            let mut head = ResponseHeader::build(200, None)?;
            let request = session.req_header();
            let line = format!("{} {}", request.method, request.uri.path());
            head.insert_header("Content-Length", line.len())?;
            session.write_response_header(Box::new(head)).await?;
            // what comes meanwhile belongs to the next request
            let early = session.read_body_or_idle(true);
            let _ = tokio::time::timeout(std::time::Duration::from_millis(600), early).await;
            session
                .write_response_body(Bytes::from(line.into_bytes()), true)
                .await?;
            let _unused = HttpPersistentSettings::for_session(&session);
            let Some(reused) = session.finish().await? else {
                return Ok(());
            };
            session = ServerSession::new_http1(reused.into_parts().0);
        }
        Ok(())
    }
}
