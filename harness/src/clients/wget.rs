//! The system's wget.

use std::process::Stdio;
use std::time::{Duration, Instant};

use tokio::process::Command;

use super::fetch::Fetched;
use super::tap::Tap;
use crate::case::{Context, Failure};
use crate::wire::Request;

/// Its exit status for a connection that was cut, or that it gave up.
const NETWORK_FAILURE: i32 = 4;

/// How soon after its end its connections must be closed.
const CLOSED: Duration = Duration::from_secs(1);

/// Lets wget fetch each request in turn, waiting at most `bound` for anything. It sends the same
/// fields with each.
pub async fn fetch(
    context: &Context,
    tap: &mut Tap,
    requests: &[Request],
    bound: Duration,
) -> Result<Vec<Fetched>, Failure> {
    let broken = |error: String| Failure::wrong("wget to start", error);
    let once: Vec<_> = requests.iter().take(1).flat_map(Request::fields).collect();
    let other = |request: &Request| !request.fields().eq(once.iter().cloned());
    if requests.iter().any(other) {
        return Err(broken("it cannot send other fields with each".into()));
    }
    let start = Instant::now();
    let ended = Command::new("wget")
        // Nobody's configuration, no proxy, and everything once.
        .args(["--no-config", "--no-proxy", "--no-netrc", "--no-hsts"])
        .args(["--tries=1", "--max-redirect=0", "--output-document=-"])
        // What it says is read: a status line and a line of the result for each page.
        .args(["--no-verbose", "--server-response"])
        .arg(format!("--timeout={}", bound.as_secs_f64()))
        .args(
            once.iter()
                .map(|(name, value)| format!("--header={name}: {value}")),
        )
        .args(requests.iter().map(|request| tap.url(request.target())))
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| broken(error.to_string()))?;
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let last = said.trim().lines().last().unwrap_or_default();
    context
        .transcript
        .note(format!("wget: {}: {last}", ended.status));
    // It does not say so when it gives up waiting for a body.
    if ended.status.code() == Some(NETWORK_FAILURE) && start.elapsed() >= bound {
        return Err(Failure::hang(format!("wget done within {bound:?}"), last));
    }
    if !ended.status.success() {
        let seen = format!("{}: {last}", ended.status);
        return Err(Failure::wrong("wget to succeed", seen));
    }
    let Some(took) = tap.client_took(CLOSED).await else {
        return Err(Failure::wrong("a used connection, closed", "none"));
    };
    match pages(&said, took) {
        pages if pages.len() == requests.len() => Ok(pages),
        _ => Err(Failure::wrong("a result of wget for each request", said)),
    }
}

/// The pages that wget tells of, all within this time.
fn pages(said: &str, took: Duration) -> Vec<Fetched> {
    let statuses = said.lines().filter_map(|line| {
        let (version, rest) = line.trim_start().split_once(' ')?;
        let is_status = version.starts_with("HTTP/");
        is_status.then(|| rest.split(' ').next()?.parse().ok())?
    });
    // `DATE TIME URL:http://... [6/6] -> "-" [1]`, without `/6` where no length was declared.
    let sizes = said.lines().filter_map(|line| {
        let (_, result) = line.split_once(" URL:")?;
        let (_, sizes) = result.split_once('[')?;
        sizes.split(['/', ']']).next()?.parse().ok()
    });
    statuses
        .zip(sizes)
        .map(|(status, body_bytes)| Fetched {
            status,
            body_bytes,
            took,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_page_is_a_status_and_a_size() {
        let said = "  HTTP/1.1 200 OK\n  Content-Length: 6\n\
                    2026-01-01 10:00:00 URL:http://127.0.0.1:80/ [6/6] -> \"-\" [1]\n\
                    \x20 HTTP/1.1 203 Other\n  Connection: close\n\
                    2026-01-01 10:00:00 URL:http://127.0.0.1:80/ [12] -> \"-\" [1]\n";
        let took = Duration::from_millis(5);
        let expected = [(200, 6), (203, 12)].map(|(status, body_bytes)| Fetched {
            status,
            body_bytes,
            took,
        });
        assert_eq!(pages(said, took), expected);
        assert_eq!(pages("  HTTP/1.1 200 OK\n", took), []);
    }
}
