//! Load tools, each with so many requests on so many connections that it ends soon.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::tap::Tap;
use super::Client;
use crate::case::{Context, Failure};
use crate::paths;
use crate::wire::Request;

/// How long wrk runs, in seconds: it waits for the end of this time also when it is done before.
const WRK_RUNS: u64 = 5;

/// What a tool counted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Count {
    /// Responses that came to their end.
    pub complete: u32,
    /// Requests without a response, and responses with another status or length.
    pub failed: u32,
    /// Lengths of the bodies of all that is complete.
    pub body_bytes: u64,
    /// Responses that promised to keep their connection, where the tool counts them.
    pub kept: Option<u32>,
}

/// Lets the tool of the case send the request this many times on that many connections, within
/// `bound`. ab asks to keep connections, and is the one that has to.
pub async fn run(
    context: &Context,
    tap: &Tap,
    request: &Request,
    times: u32,
    connections: u32,
    bound: Duration,
) -> Result<Count, Failure> {
    let client = context.client;
    let url = tap.url(request.target());
    let headers = request
        .fields()
        .flat_map(|(name, value)| ["-H".to_owned(), format!("{name}: {value}")]);
    let mut command = Command::new(client.name());
    command.args(headers);
    let (times, connections) = (times.to_string(), connections.to_string());
    let seconds = bound.as_secs().to_string();
    let (read, found): (fn(&str) -> Option<Count>, _) = match client {
        Client::Ab => {
            command.args(["-q", "-k", "-n", &times, "-c", &connections, "-s", &seconds]);
            command.arg(&url);
            (ab, "ab")
        }
        Client::H2load => {
            command.args(["--h1", "-n", &times, "-c", &connections, "-N", &seconds]);
            command.arg(&url);
            (h2load, "h2load")
        }
        Client::Wrk => {
            let script = paths::client_source("wrk").join("count.lua");
            command.args(["-t", "1", "-c", &connections, "-d", &WRK_RUNS.to_string()]);
            command.args(["--timeout", &seconds]);
            command.arg("-s").arg(script);
            command.args([&url, "--", &times]);
            (wrk, "wrk")
        }
        client => {
            let seen = format!("{client}, which is none");
            return Err(Failure::wrong("a load tool", seen));
        }
    };
    let running = command
        .env_remove("http_proxy")
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let Ok(ended) = tokio::time::timeout(bound + Duration::from_secs(1), running).await else {
        let expected = format!("{client} done within {bound:?}");
        return Err(Failure::hang(expected, "it still runs"));
    };
    let ended =
        ended.map_err(|error| Failure::wrong(format!("{found} to start"), error.to_string()))?;
    let said = String::from_utf8_lossy(&ended.stdout);
    let errors = String::from_utf8_lossy(&ended.stderr);
    let last = errors.trim().lines().last().unwrap_or_default();
    match read(&said) {
        Some(count) => {
            context
                .transcript
                .note(format!("{client}: {count:?} {last}"));
            Ok(count)
        }
        None if errors.contains("timeout") => Err(Failure::hang(
            format!("{client} done within {bound:?}"),
            last,
        )),
        None => {
            let seen = format!("{}: {last}", ended.status);
            Err(Failure::wrong(format!("a result of {client}"), seen))
        }
    }
}

/// The number behind a label.
fn number<T: std::str::FromStr>(text: &str, label: &str) -> Option<T> {
    let (_, rest) = text.split_once(label)?;
    rest.split_whitespace().next()?.parse().ok()
}

fn ab(said: &str) -> Option<Count> {
    // Left out where there are none.
    let other = number(said, "Non-2xx responses:").unwrap_or(0);
    Some(Count {
        complete: number(said, "Complete requests:")?,
        failed: number::<u32>(said, "Failed requests:")? + other,
        body_bytes: number(said, "HTML transferred:")?,
        kept: Some(number(said, "Keep-Alive requests:")?),
    })
}

/// `requests: 20 total, 20 started, 20 done, 20 succeeded, 0 failed, 0 errored, 0 timeout` and
/// `traffic: 2.6KB (2660) total, .. , 120B (120) data`.
fn h2load(said: &str) -> Option<Count> {
    let line = |label: &str| said.lines().find_map(|line| line.strip_prefix(label));
    let before = |list: &str, word: &str| {
        let mut items = list.split(", ").map(str::trim);
        items.find_map(|item| Some(item.strip_suffix(word)?.trim().to_owned()))
    };
    let requests = line("requests:")?;
    let data = before(line("traffic:")?, "data")?;
    let (_, bytes) = data.split_once('(')?;
    Some(Count {
        complete: before(requests, "done")?.parse().ok()?,
        // Those that were errored, or another status, are among them.
        failed: before(requests, "failed")?.parse().ok()?,
        body_bytes: bytes.trim_end_matches(')').parse().ok()?,
        kept: None,
    })
}

/// What `count.lua` tells.
fn wrk(said: &str) -> Option<Count> {
    let line = said
        .lines()
        .find_map(|line| line.strip_prefix("count.lua:"))?;
    let mut numbers = line.split(", ").map(|item| item.split_whitespace().next());
    let mut next = || numbers.next().flatten();
    Some(Count {
        complete: next()?.parse().ok()?,
        failed: next()?.parse().ok()?,
        body_bytes: next()?.parse().ok()?,
        kept: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNT: Count = Count {
        complete: 20,
        failed: 1,
        body_bytes: 114,
        kept: None,
    };

    #[test]
    fn each_tool_is_read() {
        let said = "Complete requests:      20\nFailed requests:        1\n   (Connect: 0)\n\
                    Keep-Alive requests:    19\nHTML transferred:       114 bytes\n";
        let kept = Some(19);
        assert_eq!(ab(said), Some(Count { kept, ..COUNT }));
        let said = said.replace("Keep", "Non-2xx responses:      2\nKeep");
        let failed = 3;
        assert_eq!(
            ab(&said),
            Some(Count {
                failed,
                kept,
                ..COUNT
            })
        );
        let said = "requests: 20 total, 20 started, 20 done, 19 succeeded, 1 failed, 1 errored, \
                    0 timeout\nstatus codes: 19 2xx, 0 3xx, 1 4xx, 0 5xx\n\
                    traffic: 1.97KB (2014) total, 1.33KB (1360) headers, 114B (114) data\n";
        assert_eq!(h2load(said), Some(COUNT));
        let said = "  20 requests in 1.00s\ncount.lua: 20 complete, 1 failed, 114 bytes of body\n";
        assert_eq!(wrk(said), Some(COUNT));
    }

    #[test]
    fn what_is_no_result_is_none() {
        for read in [ab, h2load, wrk] {
            assert_eq!(read("Benchmarking ...\n"), None);
        }
    }
}
