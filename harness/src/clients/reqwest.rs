//! The reqwest library, with its connection pool.

use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue, HOST};

use crate::case::{Context, Failure};
use crate::wire::tls::Identity;
use crate::wire::{Request, Transport};

use super::tap::Tap;

/// Fetches each request in turn with one client, at most `bound` each. The client is returned, so
/// that its pool keeps the connection until the caller has seen who closes it.
pub async fn fetch(
    context: &Context,
    tap: &Tap,
    requests: &[Request],
    bound: Duration,
) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder().no_proxy().timeout(bound);
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
    let client = builder
        .build()
        .map_err(|error| Failure::wrong("a reqwest client", error.to_string()))?;
    for (number, request) in requests.iter().enumerate() {
        if number > 0 {
            // The pool takes a connection back in a task of its own.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let (url, host) = tap.url_at_port(request.target());
        let mut headers = headers(request);
        headers.extend(host.map(|host| (HOST, host)));
        let answer = client.get(&url).headers(headers).send().await;
        let usual =
            |status: u16| context.service().instead.is_some() && context.service().serves(status);
        let body = match answer {
            Ok(response) if response.status().is_success() || usual(response.status().as_u16()) => {
                response.bytes().await
            }
            Ok(response) => {
                let status = response.status().to_string();
                return Err(Failure::wrong("a successful response", status));
            }
            Err(error) => Err(error),
        };
        match body {
            Ok(body) => context
                .transcript
                .note(format!("reqwest: complete, {} bytes of body", body.len())),
            Err(error) if error.is_timeout() => {
                return Err(Failure::hang(
                    format!("reqwest done within {bound:?}"),
                    error.to_string(),
                ));
            }
            Err(error) => return Err(Failure::wrong("a complete response", error.to_string())),
        }
    }
    Ok(client)
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
