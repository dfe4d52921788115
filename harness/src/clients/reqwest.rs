//! The reqwest library, with its connection pool.

use std::time::{Duration, Instant};

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, HOST};
use reqwest::Method;

use crate::case::{Context, Failure};
use crate::wire::tls::Identity;
use crate::wire::{Request, Transport};

use super::fetch::Fetched;
use super::tap::Tap;

/// A client with its pool.
pub fn client(context: &Context, tap: &Tap) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder().no_proxy();
    if let Some(path) = tap.unix_socket() {
        builder = builder.unix_socket(path);
    }
    if context.over == Transport::Tls {
        let trusted = Identity::get()
            .map_err(|error| error.to_string())
            .and_then(|identity| {
                let pem = identity.certificate.as_bytes();
                reqwest::Certificate::from_pem(pem).map_err(|error| error.to_string())
            })
            .map_err(|error| Failure::wrong("a certificate", error))?;
        builder = builder.add_root_certificate(trusted);
    }
    if let (Some(instead), Some(port)) = (&context.service().instead, tap.port()) {
        // Whom to trust has been found out before, and nobody else is to be asked.
        builder = builder
            .danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .resolve(&instead.name, port);
    }
    builder
        .build()
        .map_err(|error| Failure::wrong("a reqwest client", error.to_string()))
}

/// Fetches a page, its body to the end, within `bound`.
pub async fn fetch(
    context: &Context,
    client: &reqwest::Client,
    tap: &Tap,
    request: &Request,
    bound: Duration,
) -> Result<Fetched, Failure> {
    let start = Instant::now();
    let method = Method::try_from(request.method_name())
        .map_err(|error| Failure::wrong("a method", error.to_string()))?;
    let (url, host) = tap.url_at_port(request.target());
    let mut headers = headers(request);
    headers.extend(host.map(|host| (HOST, host)));
    let mut asking = client.request(method, &url).headers(headers).timeout(bound);
    if let Some(body) = request.text() {
        asking = asking.body(body);
    }
    let answer = async {
        let response = asking.send().await?;
        let status = response.status().as_u16();
        Ok((status, response.bytes().await?))
    };
    match answer.await {
        Ok((status, body)) => {
            let body_bytes = body.len() as u64;
            context.transcript.note(format!(
                "reqwest: {status}, complete, {body_bytes} bytes of body"
            ));
            Ok(Fetched {
                status,
                body_bytes,
                took: start.elapsed(),
            })
        }
        Err(error) if reqwest::Error::is_timeout(&error) => Err(Failure::hang(
            format!("reqwest done within {bound:?}"),
            error.to_string(),
        )),
        Err(error) => Err(Failure::wrong("a complete response", error.to_string())),
    }
}

fn headers(request: &Request) -> HeaderMap {
    request
        .fields()
        .filter_map(|(name, value)| {
            Some((
                HeaderName::try_from(name).ok()?,
                HeaderValue::try_from(value).ok()?,
            ))
        })
        .collect()
}
