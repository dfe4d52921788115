//! A running subject.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{bail, Context as _, Result};
use serde::Deserialize;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, ChildStdin, Command};

use super::build::Built;
use crate::paths;

/// How long a subject may take to listen.
const START: Duration = Duration::from_secs(20);

/// What a subject says when it is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    shapes: BTreeMap<String, SocketAddr>,
    capabilities: Vec<String>,
}

/// A running subject; ends when dropped.
#[derive(Debug)]
pub struct Subject {
    built: Built,
    origin: SocketAddr,
    ready: Ready,
    process: Child,
    log: PathBuf,
    // Takes commands. The process ends when this closes, also if the harness is killed.
    commands: ChildStdin,
}

impl Subject {
    /// Starts a variant, with the origin that it proxies to. What it logs goes to a file that is
    /// named for its `purpose`.
    pub async fn start(built: &Built, origin: SocketAddr, purpose: &str) -> Result<Subject> {
        let name = &built.variant.name;
        let log = paths::package(name).join(format!("{purpose}.log"));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        let mut command = Command::new(&built.program);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        let mut process = command
            .args(["--origin", &origin.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(file)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| built.program.display().to_string())?;
        let (Some(commands), Some(output)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("{name} has no standard input or output");
        };
        let mut lines = BufReader::new(output).lines();
        let line = tokio::time::timeout(START, lines.next_line())
            .await
            .with_context(|| format!("{name} did not listen within {START:?}"))??;
        let Some(line) = line else {
            bail!("{name} ended at once: {}", process.wait().await?);
        };
        let ready = serde_json::from_str(&line).with_context(|| format!("{name} said {line}"))?;
        Ok(Subject {
            built: built.clone(),
            origin,
            ready,
            process,
            log,
            commands,
        })
    }

    /// Another process of the same variant, for a case that counts what it leaves behind.
    pub async fn another(&self, purpose: &str) -> Result<Subject> {
        Subject::start(&self.built, self.origin, purpose).await
    }

    /// Gives it the signal of a graceful shutdown.
    pub async fn shut_down(&mut self) -> Result<()> {
        let sent = self.commands.write_all(b"shutdown\n").await;
        sent.with_context(|| format!("{} takes no commands", self.name()))
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        std::fs::read_to_string(&self.log).with_context(|| self.log.display().to_string())
    }

    /// The variant's name.
    pub fn name(&self) -> &str {
        &self.built.variant.name
    }

    /// Whether it is built on the patched crates.
    pub fn is_patched(&self) -> bool {
        self.built.variant.patched.is_some()
    }

    /// Where a shape listens.
    pub fn address(&self, shape: &str) -> Option<SocketAddr> {
        self.ready.shapes.get(shape).copied()
    }

    /// Every shape and where it listens.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        self.ready
            .shapes
            .iter()
            .map(|(name, address)| (name.as_str(), *address))
    }

    /// Why a case cannot run here, if it cannot.
    pub fn lacks(&self, case: &crate::case::Case) -> Option<String> {
        let shape = case
            .shapes
            .iter()
            .find(|shape| !self.ready.shapes.contains_key(**shape))
            .map(|shape| format!("its API has no call for the shape {shape}"));
        let call = || {
            case.needs
                .iter()
                .find(|need| !self.ready.capabilities.iter().any(|have| have == *need))
                .map(|need| format!("its API has no {need}"))
        };
        shape.or_else(call)
    }

    /// How many connections its process holds on its shapes' ports.
    pub fn open_connections(&self) -> Result<usize> {
        let ports: Vec<u16> = self.ready.shapes.values().map(SocketAddr::port).collect();
        let table = self
            .process
            .id()
            .map(|id| format!("/proc/{id}/net/tcp"))
            .context("the subject has ended")?;
        let text = std::fs::read_to_string(&table).context(table)?;
        Ok(text
            .lines()
            .filter(|line| is_connection(line, &ports))
            .count())
    }
}

/// Whether a line of `/proc/net/tcp` is a connection on one of `ports` that a process still holds.
/// One that no process holds has no inode: the kernel is only waiting for its last packets.
fn is_connection(line: &str, ports: &[u16]) -> bool {
    const LISTEN: &str = "0A";
    let mut columns = line.split_whitespace();
    let local = columns.nth(1).and_then(|local| local.rsplit(':').next());
    let port = local.and_then(|port| u16::from_str_radix(port, 16).ok());
    let state = columns.nth(1);
    let inode = columns.nth(5);
    port.is_some_and(|port| ports.contains(&port))
        && state != Some(LISTEN)
        && inode.is_some_and(|inode| inode != "0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_held_connections_on_the_ports_count() {
        let line = |port: &str, state: &str, inode: &str| {
            format!(
                "   1: 0100007F:{port} 0100007F:A1B2 {state} 00000000:00000000 00:00000000 \
                 00000000     0        0 {inode} 1 0000000000000000 20 4 30 10 -1"
            )
        };
        let ports = [0x1F90];
        assert!(is_connection(&line("1F90", "01", "4242"), &ports));
        assert!(is_connection(&line("1F90", "08", "4242"), &ports));
        assert!(!is_connection(&line("1F90", "0A", "4242"), &ports));
        assert!(!is_connection(&line("1F90", "05", "0"), &ports));
        assert!(!is_connection(&line("1F91", "01", "4242"), &ports));
        assert!(!is_connection(
            "  sl  local_address rem_address   st",
            &ports
        ));
    }
}
