//! A proxy that fails where it is asked to, and says itself what becomes of the connection.

use async_trait::async_trait;
use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::proxy::{FailToProxy, ProxyHttp, Session};
use pingora::upstreams::peer::HttpPeer;
use pingora::{Error, ErrorType, Result};

use crate::answer;
use crate::fields::{Fail, Fields, Phase};

/// Answers itself, fails, or forwards to the origin.
#[derive(Clone, Debug)]
pub struct Failing {
    /// Address of the origin.
    pub origin: String,
}

#[async_trait]
impl ProxyHttp for Failing {
    type CTX = Fields;

    fn new_ctx(&self) -> Fields {
        Fields::default()
    }

    async fn request_filter(&self, session: &mut Session, fields: &mut Fields) -> Result<bool> {
        match Fields::parse(session.downstream_session.req_header()) {
            Ok(parsed) => *fields = parsed,
            Err(reason) => {
                answer::refuse(session, &reason).await?;
                return Ok(true);
            }
        }
        fields.apply(Phase::Request, &mut session.downstream_session);
        if fields.read_body {
            answer::read_body(session).await?;
        }
        if fields.fail == Some(Fail::Filter) {
            return Error::e_explain(ErrorType::InternalError, "asked to fail");
        }
        let Some(local) = fields.local else {
            return Ok(false);
        };
        answer::write(session, fields, local, &[]).await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _session: &mut Session,
        fields: &mut Fields,
    ) -> Result<Box<HttpPeer>> {
        let address = match fields.fail {
            Some(Fail::Peer) => {
                return Error::e_explain(ErrorType::InternalError, "asked to fail");
            }
            // nobody listens there
            Some(Fail::Connect) => "127.0.0.1:1",
            _ => &self.origin,
        };
        Ok(Box::new(HttpPeer::new(address, false, String::new())))
    }

    async fn fail_to_proxy(
        &self,
        session: &mut Session,
        _error: &Error,
        fields: &mut Fields,
    ) -> FailToProxy {
        const STATUS: u16 = 503;
        let written = if fields.own_page {
            page(session, STATUS).await
        } else {
            session.respond_error(STATUS).await
        };
        if let Err(error) = written {
            log::info!("failing: {error}");
        }
        FailToProxy {
            error_code: STATUS,
            can_reuse_downstream: fields.reuse,
        }
    }
}

async fn page(session: &mut Session, status: u16) -> Result<()> {
    let head = ResponseHeader::build(status, None)?;
    session.write_response_header(Box::new(head), false).await?;
    let body = Bytes::from_static(answer::BODY.as_bytes());
    session.write_response_body(Some(body), true).await
}
