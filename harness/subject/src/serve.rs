//! The application behind `HttpServer` and behind a bare `ServeHttp`.

use async_trait::async_trait;
use http::Response;
use pingora::apps::http_app::ServeHttp;
use pingora::protocols::http::ServerSession;
use pingora::ErrorType;

use crate::answer::BODY;
use crate::fields::{Fields, Local, Phase};

/// Answers every request itself; `X-Local` is `length` unless the request says otherwise.
#[derive(Debug)]
pub struct Serve;

#[async_trait]
impl ServeHttp for Serve {
    async fn response(&self, session: &mut ServerSession) -> Response<Vec<u8>> {
        let fields = match Fields::parse(session.req_header()) {
            Ok(fields) => fields,
            Err(reason) => {
                session.set_keepalive(None);
                return response(400, Some(reason.len()), &Fields::default(), reason);
            }
        };
        fields.apply(Phase::Request, session);
        if let Some(delay) = fields.delay {
            tokio::time::sleep(delay).await;
        }
        if fields.read_body {
            loop {
                match session.read_request_body().await {
                    Ok(Some(_)) => {}
                    Err(error) if *error.etype() == ErrorType::ReadTimedout => {
                        return response(408, Some(0), &fields, String::new());
                    }
                    Ok(None) | Err(_) => break,
                }
            }
        }
        let (status, length, body) = match fields.local.unwrap_or(Local::Length) {
            Local::Bare => (200, None, BODY),
            Local::Empty => (200, None, ""),
            Local::NoContent => (204, None, ""),
            Local::NotModified => (304, None, ""),
            _ => (200, Some(BODY.len()), BODY),
        };
        response(status, length, &fields, body.to_owned())
    }
}

fn response(
    status: u16,
    length: Option<usize>,
    fields: &Fields,
    body: String,
) -> Response<Vec<u8>> {
    let mut builder = Response::builder().status(status);
    if let Some(length) = length {
        builder = builder.header("Content-Length", length);
    }
    if let Some(connection) = &fields.connection {
        builder = builder.header("Connection", connection);
    }
    builder.body(body.into_bytes()).unwrap_or_else(|error| {
        let mut failed = Response::new(error.to_string().into_bytes());
        *failed.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
        failed
    })
}
