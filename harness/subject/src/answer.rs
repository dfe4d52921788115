//! The answers that the proxy gives itself, written phase by phase.

use std::time::Duration;

use bytes::Bytes;
use pingora::http::ResponseHeader;
use pingora::proxy::Session;
use pingora::{Error, ErrorType::InternalError, Result};

use crate::fields::{Fields, Local, Phase};

/// The body of every answer that has one.
pub const BODY: &str = "hello\n";

/// The size of the body of [`Local::Big`].
const BIG: usize = 16 << 20;

/// Writes the answer `local`, with what `fields` ask for on the way and with the fields `told`.
pub async fn write(
    session: &mut Session,
    fields: &Fields,
    local: Local,
    told: &[(&'static str, String)],
) -> Result<()> {
    match local {
        Local::Nothing => return Ok(()),
        Local::Error => {
            session.respond_error(500).await?;
            return Ok(());
        }
        Local::TooLarge => {
            session.respond_error(413).await?;
            return Ok(());
        }
        Local::Only103 => return early_hints(session).await,
        Local::Early103 => early_hints(session).await?,
        Local::Early103BeforeBody => {
            early_hints(session).await?;
            read_body(session).await?;
        }
        _ => {}
    }

    let status = match local {
        Local::NoContent => 204,
        Local::NotModified => 304,
        Local::Refused => 407,
        _ => 200,
    };
    let mut head = ResponseHeader::build(status, None)?;
    if matches!(
        local,
        Local::Length
            | Local::Refused
            | Local::Early103
            | Local::Early103BeforeBody
            | Local::SlowBody
    ) {
        head.insert_header("Content-Length", BODY.len())?;
    }
    if local == Local::Big {
        head.insert_header("Content-Length", BIG)?;
    }
    if let Some(size) = fields.pad {
        head.insert_header("X-Pad", "x".repeat(size))?;
    }
    if let Some(connection) = &fields.connection {
        head.insert_header("Connection", connection)?;
    }
    for (name, value) in told {
        head.insert_header(*name, value)?;
    }
    let no_body = matches!(local, Local::Empty | Local::NoContent | Local::NotModified);
    fields.apply(Phase::Response, &mut session.downstream_session);
    session
        .write_response_header(Box::new(head), no_body)
        .await?;
    fields.apply(Phase::AfterHead, &mut session.downstream_session);

    if no_body {
        return Ok(());
    }
    let (first, rest) = BODY.split_at(BODY.len() / 2);
    if local == Local::CutShort {
        session
            .write_response_body(Some(Bytes::from_static(first.as_bytes())), false)
            .await?;
        return Err(Error::explain(InternalError, "asked for by the request"));
    }
    if local == Local::ShutDown {
        session
            .write_response_body(Some(Bytes::from_static(BODY.as_bytes())), false)
            .await?;
        session.downstream_session.shutdown().await;
        return Ok(());
    }
    if local == Local::SlowBody {
        session
            .write_response_body(Some(Bytes::from_static(first.as_bytes())), false)
            .await?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        return session
            .write_response_body(Some(Bytes::from_static(rest.as_bytes())), true)
            .await;
    }
    let body = if local == Local::Big {
        Bytes::from(vec![b'x'; BIG])
    } else {
        Bytes::from_static(BODY.as_bytes())
    };
    session.write_response_body(Some(body), true).await
}

/// Tells the client what was wrong with its fields and ends the connection.
pub async fn refuse(session: &mut Session, reason: &str) -> Result<()> {
    session.set_keepalive(None);
    let mut head = ResponseHeader::build(400, None)?;
    head.insert_header("Content-Length", reason.len())?;
    session.write_response_header(Box::new(head), false).await?;
    session
        .write_response_body(Some(Bytes::copy_from_slice(reason.as_bytes())), true)
        .await
}

/// Reads the request body to its end.
pub async fn read_body(session: &mut Session) -> Result<()> {
    while session
        .downstream_session
        .read_request_body()
        .await?
        .is_some()
    {}
    Ok(())
}

async fn early_hints(session: &mut Session) -> Result<()> {
    let mut hints = ResponseHeader::build(103, None)?;
    hints.insert_header("Link", "</style.css>; rel=preload")?;
    session.write_response_header(Box::new(hints), false).await
}
