//! Clients that are libraries of other languages: a driver is a program around one of them.
//!
//! A driver holds one client with its pool of connections. It says `{"ready":"NAME VERSION"}` when
//! it has started, so that its start is no part of a case. Then it reads one JSON object a line and
//! answers each with one, until its standard input ends:
//!
//! ```text
//! {"method":"GET","url":"http://127.0.0.1:PORT/","headers":[["X-Local","bare"]],"body":null,"timeout_millis":1000}
//! {"status":200,"body_bytes":6,"millis":12}            the body was read to its end
//! {"error":"connection reset","timeout":false}         or not
//! ```
//!
//! With `--insecure`, which it is always given, it accepts any certificate. It uses no proxy, tries nothing twice and follows
//! no redirect. Between two requests it does nothing, so that what becomes of its connection is
//! the library's own doing. Sources are in `harness/clients`.

use std::io;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::fetch::Fetched;
use super::Client;
use crate::case::{Context, Failure};
use crate::paths;
use crate::wire::Request;

/// How long a driver may take to start, on a machine that is busy otherwise.
const START: Duration = Duration::from_secs(30);

/// How much later than the time it was given a driver may answer, before it is said to hang itself.
const GRACE: Duration = Duration::from_secs(2);

/// A driver that runs. It ends when this is dropped.
#[derive(Debug)]
pub struct Driver {
    client: Client,
    version: String,
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    last_line: JoinHandle<String>,
    /// Whether it owes an answer.
    busy: bool,
}

/// The first line of a driver.
#[derive(Deserialize)]
struct Ready {
    ready: String,
}

#[derive(Serialize)]
struct Order<'a> {
    method: &'a str,
    url: &'a str,
    headers: Vec<(String, String)>,
    body: Option<String>,
    timeout_millis: u64,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(untagged)]
enum Answer {
    Complete {
        status: u16,
        body_bytes: u64,
        millis: u64,
    },
    Incomplete {
        error: String,
        timeout: bool,
    },
}

/// The driver of the Python libraries, for this one.
pub(super) fn python(library: &str) -> Command {
    let mut command = Command::new(paths::client("python").join("bin/python"));
    // Isolated: neither the user's own packages nor PYTHON* of the environment.
    command.arg("-I");
    // No certificate of the system is of use here, and reading them all takes each pool its time.
    command.env("SSL_CERT_FILE", "/dev/null");
    command.arg(paths::client_source("python").join("driver.py"));
    command.arg(library);
    command
}

/// The driver of Node's clients, for this one.
pub(super) fn node(name: &str) -> Command {
    let mut command = Command::new("node");
    command.env_remove("NODE_OPTIONS");
    command.arg(paths::client_source("node").join("driver.mjs"));
    command.arg(paths::client("node"));
    command.arg(name);
    command
}

impl Driver {
    /// Starts a driver and waits until it is ready.
    pub async fn start(client: Client, command: fn() -> Command) -> Result<Driver, Failure> {
        let mut command = command();
        command.arg("--insecure");
        for proxy in ["http_proxy", "https_proxy", "all_proxy"] {
            command.env_remove(proxy).env_remove(proxy.to_uppercase());
        }
        let expected = || format!("the driver of {client} to start");
        let mut child = tokio::process::Command::from(command)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| Failure::wrong(expected(), error.to_string()))?;
        let pipes = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(requests), Some(answers), Some(errors)) = pipes else {
            return Err(Failure::wrong(expected(), "no pipes to it"));
        };
        let mut driver = Driver {
            client,
            version: String::new(),
            child,
            requests,
            answers: BufReader::new(answers).lines(),
            last_line: tokio::spawn(last_line(errors)),
            busy: false,
        };
        let first = match timeout(START, driver.answers.next_line()).await {
            Err(_) => return Err(Failure::hang(expected(), format!("silence for {START:?}"))),
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => return Err(Failure::wrong(expected(), driver.last_words().await)),
            Ok(Err(error)) => return Err(Failure::wrong(expected(), error.to_string())),
        };
        match serde_json::from_str::<Ready>(&first) {
            Ok(Ready { ready }) => driver.version = ready,
            Err(_) => return Err(Failure::wrong(expected(), format!("it said {first}"))),
        }
        Ok(driver)
    }

    /// What it says it is, with its version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Whether it may be asked for something: it owes no answer.
    pub fn is_free(&self) -> bool {
        !self.busy
    }

    /// Lets it fetch a page, its body to the end, within `bound`.
    pub async fn fetch(
        &mut self,
        context: &Context,
        url: &str,
        request: &Request,
        bound: Duration,
    ) -> Result<Fetched, Failure> {
        let client = self.client;
        let order = Order {
            method: request.method_name(),
            url,
            // The library declares the length of the body itself.
            headers: request
                .fields()
                .filter(|(name, _)| !name.eq_ignore_ascii_case("content-length"))
                .collect(),
            body: request.text(),
            timeout_millis: u64::try_from(bound.as_millis()).unwrap_or(u64::MAX),
        };
        let answering = self.exchange(&order);
        let line = match timeout(bound + GRACE, answering).await {
            Err(_) => {
                context.transcript.note(format!(
                    "{client}: does not answer, also not that it failed"
                ));
                return Err(Failure::hang(
                    format!("{client} done within {bound:?}"),
                    "nothing from its driver",
                ));
            }
            Ok(Ok(Some(line))) => line,
            Ok(Ok(None)) => {
                let words = self.last_words().await;
                return Err(Failure::wrong(format!("{client} to answer"), words));
            }
            Ok(Err(error)) => {
                let words = self.last_words().await;
                let seen = format!("{error}; {words}");
                return Err(Failure::wrong(format!("{client} to answer"), seen));
            }
        };
        match serde_json::from_str(&line) {
            Ok(Answer::Complete {
                status,
                body_bytes,
                millis,
            }) => {
                context.transcript.note(format!(
                    "{client}: {status}, complete, {body_bytes} bytes of body, after {millis} ms"
                ));
                Ok(Fetched {
                    status,
                    body_bytes,
                    took: Duration::from_millis(millis),
                })
            }
            Ok(Answer::Incomplete { error, timeout }) => {
                context.transcript.note(format!("{client}: {error}"));
                Err(match timeout {
                    true => Failure::hang(format!("{client} done within {bound:?}"), error),
                    false => Failure::wrong(format!("a complete response to {client}"), error),
                })
            }
            Err(_) => Err(Failure::wrong("an answer of the driver", line)),
        }
    }

    async fn exchange(&mut self, order: &Order<'_>) -> io::Result<Option<String>> {
        let mut line = serde_json::to_vec(order)?;
        line.push(b'\n');
        self.busy = true;
        self.requests.write_all(&line).await?;
        self.requests.flush().await?;
        let answer = self.answers.next_line().await?;
        // One that has ended owes its answer for ever.
        self.busy = answer.is_none();
        Ok(answer)
    }

    /// What a driver that has ended leaves behind.
    async fn last_words(&mut self) -> String {
        match timeout(GRACE, self.child.wait()).await {
            Ok(Ok(status)) => {
                let said = timeout(GRACE, &mut self.last_line).await;
                let said = said.ok().and_then(Result::ok).unwrap_or_default();
                format!("its end with {status}: {said}")
            }
            _ => "no more from it, though it still runs".to_owned(),
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.last_line.abort();
    }
}

/// The last line that is not empty: most languages end with the error itself. Read all along, since
/// a pipe that is full would stop the driver.
async fn last_line(errors: ChildStderr) -> String {
    let mut lines = BufReader::new(errors).lines();
    let mut last = String::new();
    while let Ok(Some(line)) = lines.next_line().await {
        if !line.trim().is_empty() {
            last = line;
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_or_an_error() {
        let complete = r#"{"status":200,"body_bytes":6,"millis":12}"#;
        let expected = Answer::Complete {
            status: 200,
            body_bytes: 6,
            millis: 12,
        };
        assert_eq!(
            serde_json::from_str::<Answer>(complete).ok(),
            Some(expected)
        );
        let incomplete = r#"{"error":"cut short","timeout":false}"#;
        let expected = Answer::Incomplete {
            error: "cut short".into(),
            timeout: false,
        };
        assert_eq!(
            serde_json::from_str::<Answer>(incomplete).ok(),
            Some(expected)
        );
        let half = r#"{"status":200}"#;
        assert!(serde_json::from_str::<Answer>(half).is_err());
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[tokio::test]
    async fn a_driver_that_does_not_start_says_why() {
        let broken = || shell("echo 'first' >&2; echo 'no module' >&2; exit 3");
        let failure = Driver::start(Client::Requests, broken).await;
        let failure = failure.map(|_| ()).unwrap_err();
        assert!(!failure.hang, "{failure}");
        assert!(failure.seen.contains("exit status: 3"), "{failure}");
        assert!(failure.seen.contains("no module"), "{failure}");
    }

    #[tokio::test]
    async fn a_driver_says_its_version() {
        let ready = || shell(r#"echo '{"ready":"library 1.2"}'; cat >/dev/null"#);
        let driver = Driver::start(Client::Requests, ready).await;
        assert_eq!(
            driver.map(|d| d.version().to_owned()).ok().as_deref(),
            Some("library 1.2")
        );
    }
}
