//! The slowhttptest program: many slow connections, and a probe that asks whether the server still
//! serves others.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::case::{Context, Failure};

/// How it is slow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Header fields that never end.
    Headers,
    /// A request body that trickles.
    Body,
    /// A response that is hardly read.
    Read,
}

impl Mode {
    fn argument(self) -> &'static str {
        match self {
            Mode::Headers => "-H",
            Mode::Body => "-B",
            Mode::Read => "-X",
        }
    }
}

/// One test.
#[derive(Clone, Debug)]
pub struct Attack {
    /// How it is slow.
    pub mode: Mode,
    /// How many connections it opens, all within a second.
    pub connections: u32,
    /// When it gives up.
    pub length: Duration,
    /// More arguments.
    pub arguments: Vec<String>,
    /// The path that it asks for.
    pub path: &'static str,
}

/// What it says at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Its exit status in words; `No open connections left` when the server has closed them all.
    pub status: String,
    /// How many connections were closed, as last counted.
    pub closed: u32,
    /// How many were still open, as last counted.
    pub connected: u32,
    /// Whether the probe was served each time.
    pub available: bool,
}

/// Runs a test against an address.
pub async fn run(
    context: &Context,
    target: SocketAddr,
    attack: &Attack,
) -> Result<Verdict, Failure> {
    let broken = |error: std::io::Error| Failure::wrong("slowhttptest to run", error.to_string());
    let directory = tempfile::tempdir().map_err(broken)?;
    let count = attack.connections.to_string();
    let url = format!("http://{target}{}", attack.path);
    let output = Command::new("slowhttptest")
        .arg(attack.mode.argument())
        .args(["-c", &count, "-r", &count])
        .args(["-l", &attack.length.as_secs().to_string()])
        .args(["-g", "-o", "report", "-v", "1", "-u", &url])
        .args(&attack.arguments)
        .current_dir(directory.path())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(broken)?;
    let text = without_colours(&String::from_utf8_lossy(&output.stdout));
    let report = std::fs::read_to_string(directory.path().join("report.csv")).map_err(broken)?;
    let verdict = verdict(&text, &report).ok_or_else(|| {
        let said = String::from_utf8_lossy(&output.stderr);
        Failure::wrong("a verdict of slowhttptest", format!("{text}{said}"))
    })?;
    context
        .transcript
        .note(format!("slowhttptest: {verdict:?}"));
    Ok(verdict)
}

fn verdict(text: &str, report: &str) -> Option<Verdict> {
    let (_, status) = text.rsplit_once("Exit status:")?;
    // Seconds, closed, pending, connected; then the number of connections aimed at while the probe
    // is served, and 0 when it is not.
    let rows: Vec<Vec<u32>> = report
        .lines()
        .skip(1)
        .map(|line| {
            line.split(',')
                .map_while(|n| n.trim().parse().ok())
                .collect()
        })
        .filter(|row: &Vec<u32>| row.len() == 5)
        .collect();
    let last = rows.last()?;
    Some(Verdict {
        status: status.lines().next()?.trim().to_owned(),
        closed: last[1],
        connected: last[3],
        available: rows.iter().all(|row| row[4] > 0),
    })
}

/// What is printed for people, without the escapes of a terminal.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\x1b') {
        plain.push_str(before);
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_report_is_read() {
        let text = without_colours(
            "Test ended on 3th second\nExit status:\x1b[1;36m No open connections left\n\x1b[0m",
        );
        let report = "Seconds,Closed,Pending,Connected,Service Available\n\
                      0,0,1,0,20\n1,0,0,20,20\n2,20,0,0,20\n";
        let expected = Verdict {
            status: "No open connections left".into(),
            closed: 20,
            connected: 0,
            available: true,
        };
        assert_eq!(verdict(&text, report), Some(expected.clone()));
        let unavailable = verdict(&text, &report.replace("0,20,20", "0,20,0"));
        assert_eq!(unavailable.map(|v| v.available), Some(false));
        assert_eq!(verdict("", report), None);
    }
}
