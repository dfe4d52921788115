//! The system's curl.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::case::{Context, Failure};
use crate::wire::Request;

use super::fetch::Fetched;
use super::tap::Tap;

/// Lets curl fetch each request in turn, at most `bound` in all.
pub async fn fetch(
    context: &Context,
    tap: &Tap,
    requests: &[Request],
    bound: Duration,
) -> Result<Vec<Fetched>, Failure> {
    let mut arguments: Vec<String> = Vec::new();
    for request in requests {
        if !arguments.is_empty() {
            arguments.push("--next".into());
        }
        arguments.extend(quietly(bound));
        arguments.extend(["--noproxy", "*"].map(Into::into));
        if request.is_http10() {
            arguments.push("--http1.0".into());
        }
        arguments.extend(tap.curl_arguments());
        arguments.extend(request.curl_arguments());
        arguments.push(tap.url(request.target()));
    }
    run(context, &arguments, requests.len(), bound).await
}

/// Lets curl fetch `url` through a tunnel that it asks the tap for.
pub async fn fetch_through(
    context: &Context,
    tap: &Tap,
    url: &str,
    bound: Duration,
) -> Result<Vec<Fetched>, Failure> {
    let mut arguments = quietly(bound);
    arguments.extend(["--noproxy", "", "--proxytunnel", "--proxy"].map(Into::into));
    arguments.extend([tap.url(""), url.to_owned()]);
    run(context, &arguments, 1, bound).await
}

/// What makes curl report one transfer and nothing else.
fn quietly(bound: Duration) -> Vec<String> {
    let mut arguments: Vec<String> = ["--silent", "--show-error", "--output", "/dev/null", "-w"]
        .map(Into::into)
        .into();
    arguments.push("%{http_code} %{size_download} %{time_total}\\n".into());
    arguments.extend(["--max-time".to_owned(), bound.as_secs_f64().to_string()]);
    arguments
}

/// Runs curl with these arguments for as many transfers.
async fn run(
    context: &Context,
    arguments: &[String],
    transfers: usize,
    bound: Duration,
) -> Result<Vec<Fetched>, Failure> {
    let output = Command::new("curl")
        // Nobody's configuration, no proxy: `-q` has to come first.
        .arg("-q")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Failure::wrong("curl to start", error.to_string()))?;
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    context.transcript.note(match said.as_str() {
        "" => format!("curl: {}", output.status),
        said => format!("curl: {}: {said}", output.status),
    });
    let timed_out = output.status.code() == Some(28);
    if timed_out {
        return Err(Failure::hang(format!("curl done within {bound:?}"), said));
    }
    if !output.status.success() {
        return Err(Failure::wrong(
            "curl to succeed",
            format!("{}: {said}", output.status),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let reported: Vec<_> = text.lines().filter_map(transfer).collect();
    if reported.len() != transfers {
        return Err(Failure::wrong(
            "one report of curl a request",
            text.into_owned(),
        ));
    }
    Ok(reported)
}

fn transfer(line: &str) -> Option<Fetched> {
    let mut words = line.split_whitespace();
    Some(Fetched {
        status: words.next()?.parse().ok()?,
        body_bytes: words.next()?.parse().ok()?,
        took: Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_three_numbers() {
        let seen = transfer("200 6 0.250000").expect("a transfer");
        assert_eq!((seen.status, seen.body_bytes), (200, 6));
        assert_eq!(seen.took, Duration::from_millis(250));
        assert_eq!(transfer("200 6"), None);
    }
}
