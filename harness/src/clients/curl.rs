//! The system's curl.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::case::{Context, Failure};
use crate::wire::Request;

use super::tap::Tap;

/// What curl reports of one transfer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transfer {
    /// Status code of the response.
    pub status: u16,
    /// How many connections it opened for this transfer.
    pub connects: u32,
    /// How long it took.
    pub time: Duration,
}

/// Lets curl fetch each request in turn, at most `bound` in all.
pub async fn fetch(
    context: &Context,
    tap: &Tap,
    requests: &[Request],
    bound: Duration,
) -> Result<Vec<Transfer>, Failure> {
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
) -> Result<Vec<Transfer>, Failure> {
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
    arguments.push("%{http_code} %{num_connects} %{time_total}\\n".into());
    arguments.extend(["--max-time".to_owned(), bound.as_secs_f64().to_string()]);
    arguments
}

/// Runs curl with these arguments for as many transfers.
async fn run(
    context: &Context,
    arguments: &[String],
    transfers: usize,
    bound: Duration,
) -> Result<Vec<Transfer>, Failure> {
    let permit = context.process_permit().await;
    let output = Command::new("curl")
        // Nobody's configuration, no proxy: `-q` has to come first.
        .arg("-q")
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| Failure::wrong("curl to start", error.to_string()))?;
    drop(permit);
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

fn transfer(line: &str) -> Option<Transfer> {
    let mut words = line.split_whitespace();
    Some(Transfer {
        status: words.next()?.parse().ok()?,
        connects: words.next()?.parse().ok()?,
        time: Duration::try_from_secs_f64(words.next()?.parse().ok()?).ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_three_numbers() {
        let seen = transfer("200 1 0.250000").expect("a transfer");
        assert_eq!((seen.status, seen.connects), (200, 1));
        assert_eq!(seen.time, Duration::from_millis(250));
        assert_eq!(transfer("200 1"), None);
    }
}
