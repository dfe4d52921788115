//! Applications that are not Pingora's own: hand-written accept loops, and `HttpServerApp`s that
//! hand their connection back in ways that the type allows and nobody would choose.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use pingora::apps::HttpServerApp;
#[cfg(feature = "api-0-9")]
use pingora::apps::{HttpServerOptions, ReusedHttpStream};
use pingora::http::ResponseHeader;
use pingora::protocols::http::ServerSession;
use pingora::server::configuration::ServerConf;
use pingora::server::ShutdownWatch;
use pingora::services::listening::Service;
use pingora::Result;

use crate::answer::BODY;
use crate::fields::{Fields, Phase};
use crate::listen::{self, Shutdown};
use crate::proxy::Proxy;

#[cfg(feature = "api-0-9")]
pub type Returned = ReusedHttpStream;
#[cfg(not(feature = "api-0-9"))]
pub type Returned = pingora::protocols::Stream;

/// Starts the shapes of this module.
pub fn start_all(
    addresses: &mut BTreeMap<&'static str, SocketAddr>,
    conf: &Arc<ServerConf>,
    app: &Proxy,
    shutdown: &Shutdown,
) -> io::Result<()> {
    // An application that drops the session after a complete response.
    addresses.insert(
        "dropped",
        listen::start(Service::new("dropped".to_owned(), Dropped), shutdown)?,
    );
    #[cfg(feature = "api-0-9")]
    {
        // An application that hands back the stream without its settings.
        addresses.insert(
            "bare-stream",
            listen::start(
                Service::new("bare-stream".to_owned(), BareStream::new()),
                shutdown,
            )?,
        );
        // An accept loop that keeps the settings between requests.
        addresses.insert("hand-written", by_hand::start(conf, app, shutdown, true)?);
        // The accept loop of the documentation of `http_proxy`: one request a connection.
        addresses.insert(
            "hand-written-once",
            by_hand::start(conf, app, shutdown, false)?,
        );
    }
    #[cfg(not(feature = "api-0-9"))]
    let _ = (conf, app);
    Ok(())
}

/// Reads a request, answers it and leaves the session as it is after the last byte.
async fn answer(session: &mut ServerSession) -> Result<bool> {
    if !session.read_request().await? {
        return Ok(false);
    }
    if let Ok(fields) = Fields::parse(session.req_header()) {
        fields.apply(Phase::Request, session);
    }
    let mut head = ResponseHeader::build(200, None)?;
    head.insert_header("Content-Length", BODY.len())?;
    session.write_response_header(Box::new(head)).await?;
    session
        .write_response_body(Bytes::from_static(BODY.as_bytes()), true)
        .await?;
    Ok(true)
}

/// Answers and drops the session, with the connection said to persist.
struct Dropped;

#[async_trait]
impl HttpServerApp for Dropped {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<Returned> {
        if let Err(error) = answer(&mut session).await {
            log::info!("dropped: {error}");
        }
        None
    }
}

/// Answers and hands back the stream alone.
#[cfg(feature = "api-0-9")]
struct BareStream {
    options: HttpServerOptions,
}

#[cfg(feature = "api-0-9")]
impl BareStream {
    fn new() -> BareStream {
        BareStream {
            options: crate::options::limited_and_short(),
        }
    }
}

#[cfg(feature = "api-0-9")]
#[async_trait]
impl HttpServerApp for BareStream {
    async fn process_new_http(
        self: &Arc<Self>,
        mut session: ServerSession,
        _shutdown: &ShutdownWatch,
    ) -> Option<Returned> {
        match answer(&mut session).await {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => {
                log::info!("bare-stream: {error}");
                return None;
            }
        }
        let (stream, _prefix) = session.finish().await.ok()??.into_parts();
        Some(ReusedHttpStream::new(stream, None))
    }

    fn server_options(&self) -> Option<&HttpServerOptions> {
        Some(&self.options)
    }
}

/// Accept loops outside of Pingora's services.
#[cfg(feature = "api-0-9")]
mod by_hand {
    use super::*;
    use pingora::protocols::l4::stream::Stream;
    use pingora::proxy::{http_proxy, HttpProxy};
    use tokio::net::TcpListener;

    /// Accepts by hand; with `reuse`, feeds the connection back with its settings.
    pub(super) fn start(
        conf: &Arc<ServerConf>,
        app: &Proxy,
        shutdown: &Shutdown,
        reuse: bool,
    ) -> io::Result<SocketAddr> {
        let (listener, address) = listen::bind()?;
        let listener = TcpListener::from_std(listener)?;
        let proxy = Arc::new(http_proxy(conf, app.clone()));
        let shutdown = shutdown.watch();
        tokio::spawn(async move {
            loop {
                let stream = match listener.accept().await {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        log::warn!("accept: {error}");
                        continue;
                    }
                };
                let _ = stream.set_nodelay(true);
                let proxy = proxy.clone();
                let shutdown = shutdown.clone();
                tokio::spawn(async move {
                    let session = ServerSession::new_http1(Box::new(Stream::from(stream)));
                    if reuse {
                        serve(proxy, session, shutdown).await;
                    } else {
                        proxy.process_new_http(session, &shutdown).await;
                    }
                });
            }
        });
        Ok(address)
    }

    async fn serve(
        proxy: Arc<HttpProxy<Proxy>>,
        mut session: ServerSession,
        shutdown: ShutdownWatch,
    ) {
        while let Some(reused) = proxy.process_new_http(session, &shutdown).await {
            let (stream, settings) = reused.consume();
            session = ServerSession::new_http1(stream);
            if let Some(settings) = settings {
                settings.apply_to_session(&mut session);
            }
        }
    }
}
