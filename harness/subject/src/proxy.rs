//! The proxy under test: request fields select its behaviour, the origin answers the rest.

#[cfg(feature = "api-0-9")]
use std::sync::LazyLock;
#[cfg(feature = "api-0-9")]
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use bytes::Bytes;
#[cfg(feature = "api-0-9")]
use pingora::cache::{CacheKey, CacheMeta, MemCache, RespCacheable};
use pingora::http::ResponseHeader;
use pingora::proxy::{ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, Result};

use crate::answer;
use crate::fields::{Fields, Phase};

/// What `X-Cache` stores.
#[cfg(feature = "api-0-9")]
static CACHE: LazyLock<MemCache> = LazyLock::new(MemCache::new);

/// Forwards to one origin.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Address of the origin.
    pub origin: String,
    /// The read and the write timeout that it gives each request, if any.
    pub io_timeout: Option<std::time::Duration>,
    /// The minimum send rate that it gives each response, if any.
    pub min_send_rate: Option<usize>,
}

/// What a proxy keeps of a request.
#[derive(Debug, Default)]
pub struct Exchange {
    fields: Fields,
    /// The user context that the request before left.
    left: Option<String>,
}

#[async_trait]
impl ProxyHttp for Proxy {
    type CTX = Exchange;

    fn new_ctx(&self) -> Exchange {
        Exchange::default()
    }

    async fn early_request_filter(
        &self,
        session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<()> {
        #[cfg(feature = "api-0-9")]
        if self.io_timeout.is_some() {
            session.downstream_session.set_read_timeout(self.io_timeout);
            session
                .downstream_session
                .set_write_timeout(self.io_timeout);
        }
        #[cfg(feature = "api-0-9")]
        if self.min_send_rate.is_some() {
            session
                .downstream_session
                .set_min_send_rate(self.min_send_rate);
        }
        #[cfg(not(feature = "api-0-9"))]
        let _ = (self.io_timeout, self.min_send_rate);
        // What is wrong with the fields is said by the next phase.
        if let Ok(fields) = Fields::parse(session.downstream_session.req_header()) {
            exchange.fields = fields;
        }
        exchange
            .fields
            .apply(Phase::Early, &mut session.downstream_session);
        Ok(())
    }

    async fn request_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<bool> {
        if let Err(reason) = Fields::parse(session.downstream_session.req_header()) {
            answer::refuse(session, &reason).await?;
            return Ok(true);
        }
        let fields = &exchange.fields;
        let mut told = Vec::new();
        #[cfg(feature = "api-0-9")]
        if fields.tell {
            let timeouts = crate::fields::told_timeouts(&session.downstream_session);
            told.push(("X-Told-Timeouts", timeouts));
        }
        fields.apply(Phase::Request, &mut session.downstream_session);
        #[cfg(feature = "api-0-9")]
        if fields.tell {
            let keepalive = crate::fields::told_keepalive(&session.downstream_session);
            told.push(("X-Told-Keepalive", keepalive));
        }
        if let Some(left) = exchange.left.as_ref().filter(|_| fields.tell) {
            told.push(("X-Told-Context", left.clone()));
        }
        if let Some(delay) = fields.delay {
            tokio::time::sleep(delay).await;
        }
        if fields.read_body {
            if fields.local.is_none() {
                // what is read here goes to the origin all the same
                session.downstream_session.enable_retry_buffering();
            }
            answer::read_body(session).await?;
        }
        let Some(local) = fields.local else {
            return Ok(false);
        };
        answer::write(session, fields, local, &told).await?;
        Ok(true)
    }

    #[cfg(feature = "api-0-9")]
    fn request_cache_filter(&self, session: &mut Session, exchange: &mut Exchange) -> Result<()> {
        if exchange.fields.cache.is_some() {
            session.cache.enable(&*CACHE, None, None, None, None);
        }
        Ok(())
    }

    #[cfg(feature = "api-0-9")]
    fn cache_key_callback(&self, _: &Session, exchange: &mut Exchange) -> Result<CacheKey> {
        let key = exchange.fields.cache.clone().unwrap_or_default();
        Ok(CacheKey::new(key, ""))
    }

    #[cfg(feature = "api-0-9")]
    fn response_cache_filter(
        &self,
        _: &Session,
        response: &ResponseHeader,
        _: &mut Exchange,
    ) -> Result<RespCacheable> {
        let now = SystemTime::now();
        let until = now + Duration::from_secs(60);
        let meta = CacheMeta::new(until, now, 0, 0, response.clone());
        Ok(RespCacheable::Cacheable(meta))
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        exchange: &mut Exchange,
    ) -> Result<Box<HttpPeer>> {
        let fields = &exchange.fields;
        let origin = fields.origin.as_ref().unwrap_or(&self.origin);
        let mut peer = HttpPeer::new(origin, false, String::new());
        peer.group_key = fields.pool;
        peer.options.idle_timeout = fields.peer_idle;
        if fields.peer_http2 {
            peer.options.set_http_version(2, 2);
        }
        if fields.peer_write.is_some() {
            peer.options.write_timeout = fields.peer_write;
        }
        Ok(Box::new(peer))
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        exchange: &mut Exchange,
    ) -> Result<()> {
        let fields = &exchange.fields;
        fields.apply(Phase::Response, &mut session.downstream_session);
        if let Some(connection) = &fields.connection {
            response.insert_header("Connection", connection)?;
        }
        if let Some(size) = fields.pad {
            response.insert_header("X-Pad", "x".repeat(size))?;
        }
        Ok(())
    }

    fn response_body_filter(
        &self,
        session: &mut Session,
        _body: &mut Option<Bytes>,
        end_of_stream: bool,
        exchange: &mut Exchange,
    ) -> Result<Option<std::time::Duration>> {
        if end_of_stream {
            exchange
                .fields
                .apply(Phase::AfterHead, &mut session.downstream_session);
        }
        Ok(exchange.fields.body_delay)
    }

    async fn logging(&self, session: &mut Session, _: Option<&Error>, exchange: &mut Exchange) {
        exchange
            .fields
            .apply(Phase::Logging, &mut session.downstream_session);
    }

    #[cfg(feature = "api-0-9")]
    fn persist_connection_context(
        &self,
        _session: &Session,
        exchange: &Exchange,
    ) -> Option<Box<dyn std::any::Any + Send + Sync>> {
        let context = exchange.fields.context.clone()?;
        Some(Box::new(context))
    }

    #[cfg(feature = "api-0-9")]
    fn on_connection_reuse(
        &self,
        _session: &mut Session,
        exchange: &mut Exchange,
        left: Box<dyn std::any::Any + Send + Sync>,
    ) {
        exchange.left = left.downcast().ok().map(|left| *left);
    }
}
