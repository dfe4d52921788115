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
        arguments
            .extend(["--silent", "--show-error", "--output", "/dev/null", "-w"].map(Into::into));
        arguments.push("%{http_code} %{num_connects} %{time_total}\\n".into());
        arguments.extend(["--noproxy", "*", "--max-time"].map(Into::into));
        arguments.push(bound.as_secs_f64().to_string());
        arguments.extend(request.curl_arguments());
        arguments.push(tap.url(request.target()));
    }
    let permit = context.process_permit().await;
    let output = Command::new("curl")
        // Nobody's configuration, no proxy: `-q` has to come first.
        .arg("-q")
        .args(&arguments)
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
    let transfers: Vec<_> = text.lines().filter_map(transfer).collect();
    if transfers.len() != requests.len() {
        return Err(Failure::wrong(
            "one report of curl a request",
            text.into_owned(),
        ));
    }
    Ok(transfers)
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
