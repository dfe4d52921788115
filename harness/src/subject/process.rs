//! A running subject: a variant in a process of ours, or a target that somebody else runs.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{bail, Context as _, Result};
use serde::Deserialize;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::build::Built;
use crate::case::Case;
use crate::paths;
use crate::service::Service;
use crate::target::Target;
use crate::timeouts::Timeouts;
use crate::wire::tls::Identity;
use crate::wire::{Endpoint, Transport};

/// What a subject says when it is ready.
#[derive(Debug, Deserialize)]
struct Ready {
    shapes: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    tls: BTreeMap<String, SocketAddr>,
    #[serde(default)]
    unix: BTreeMap<String, PathBuf>,
    capabilities: Vec<String>,
}

/// A running subject. One that is a process of ours ends when dropped.
#[derive(Debug)]
pub struct Subject {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Own(Box<Own>),
    Target(Box<Target>),
}

/// A process of ours.
#[derive(Debug)]
struct Own {
    built: Built,
    origin: SocketAddr,
    ready: Ready,
    process: Child,
    log: PathBuf,
    // Takes commands. The process ends when this closes, also if the harness is killed.
    commands: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
    // Its certificate and its Unix sockets; goes when it does.
    _directory: TempDir,
}

/// What a subject says of itself.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Stats {
    /// Tasks that are alive.
    pub tasks: usize,
}

/// A connection on one of a subject's ports: that port and the client's.
pub type Pair = (u16, u16);

impl Subject {
    /// How long a subject may take to listen.
    pub const START: Duration = Duration::from_secs(20);

    /// Starts a variant, with the origin that it proxies to. What it logs goes to a file that is
    /// named for its `purpose`.
    pub async fn start(built: &Built, origin: SocketAddr, purpose: &str) -> Result<Subject> {
        let name = &built.variant.name;
        let log = paths::package(name).join(format!("{purpose}.log"));
        let file = File::create(&log).with_context(|| log.display().to_string())?;
        // Short, because the path of a Unix socket has to be.
        let directory = tempfile::Builder::new().prefix("subject-").tempdir()?;
        let (certificate, key) = Identity::get()?.write(directory.path())?;
        let mut command = Command::new(&built.program);
        if std::env::var_os("RUST_LOG").is_none() {
            command.env("RUST_LOG", "warn");
        }
        let mut process = command
            .args(["--origin", &origin.to_string()])
            .arg("--certificate")
            .arg(certificate)
            .arg("--key")
            .arg(key)
            .arg("--sockets")
            .arg(directory.path())
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
        let line = tokio::time::timeout(Subject::START, lines.next_line())
            .await
            .with_context(|| format!("{name} did not listen within {:?}", Subject::START))??;
        let Some(line) = line else {
            bail!("{name} ended at once: {}", process.wait().await?);
        };
        let ready = serde_json::from_str(&line).with_context(|| format!("{name} said {line}"))?;
        let own = Own {
            built: built.clone(),
            origin,
            ready,
            process,
            log,
            commands,
            answers: lines,
            _directory: directory,
        };
        Ok(Subject {
            kind: Kind::Own(Box::new(own)),
        })
    }

    /// A service that somebody else runs.
    pub fn target(target: Target) -> Subject {
        Subject {
            kind: Kind::Target(Box::new(target)),
        }
    }

    fn own(&self) -> Result<&Own> {
        match &self.kind {
            Kind::Own(own) => Ok(own),
            Kind::Target(target) => bail!("{} is not run by this harness", target.name()),
        }
    }

    fn own_mut(&mut self) -> Result<&mut Own> {
        match &mut self.kind {
            Kind::Own(own) => Ok(own),
            Kind::Target(target) => bail!("{} is not run by this harness", target.name()),
        }
    }

    /// Another process of the same variant, for a case that counts what it leaves behind.
    pub async fn another(&self, purpose: &str) -> Result<Subject> {
        let own = self.own()?;
        Subject::start(&own.built, own.origin, purpose).await
    }

    /// Gives it the signal of a graceful shutdown.
    pub async fn shut_down(&mut self) -> Result<()> {
        let sent = self.own_mut()?.commands.write_all(b"shutdown\n").await;
        sent.with_context(|| format!("{} takes no commands", self.name()))
    }

    /// What it says of itself.
    pub async fn stats(&mut self) -> Result<Stats> {
        let own = self.own_mut()?;
        own.commands.write_all(b"stats\n").await?;
        let line = tokio::time::timeout(Subject::START, own.answers.next_line()).await??;
        let line = line.with_context(|| format!("{} has ended", self.name()))?;
        serde_json::from_str(&line).with_context(|| format!("{} said {line}", self.name()))
    }

    /// What it has logged.
    pub fn log(&self) -> Result<String> {
        let log = &self.own()?.log;
        std::fs::read_to_string(log).with_context(|| log.display().to_string())
    }

    /// The variant's name, or the target's URL.
    pub fn name(&self) -> &str {
        match &self.kind {
            Kind::Own(own) => &own.built.variant.name,
            Kind::Target(target) => target.name(),
        }
    }

    /// What a case asks it for and holds it to.
    pub fn service(&self, case: &Case) -> Arc<Service> {
        match &self.kind {
            Kind::Own(_) => Arc::default(),
            Kind::Target(target) => target.service(case),
        }
    }

    /// How long a shape waits at most, as it is configured.
    pub fn timeouts(&self, shape: &str) -> Timeouts {
        match &self.kind {
            Kind::Own(_) => Timeouts::of_shape(shape),
            Kind::Target(target) => target.timeouts,
        }
    }

    /// Waits until one more connection may be opened, where their rate is bounded.
    pub async fn pace(&self) {
        if let Kind::Target(target) = &self.kind {
            target.pace().await;
        }
    }

    /// The id of its process, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.own().ok()?.process.id()
    }

    /// Whether it is built on the patched crates, with all of the patches.
    pub fn is_patched(&self) -> bool {
        let own = self.own();
        own.is_ok_and(|own| {
            own.built.variant.patched.is_some() && own.built.variant.prefix.is_none()
        })
    }

    /// Where a shape listens over a transport.
    pub fn endpoint(&self, shape: &str, over: Transport) -> Option<Endpoint> {
        let ready = match &self.kind {
            Kind::Own(own) => &own.ready,
            Kind::Target(target) => return target.endpoint(over),
        };
        match over {
            Transport::Plain => self.address(shape).map(Endpoint::Plain),
            Transport::Tls => ready.tls.get(shape).copied().map(Endpoint::Tls),
            Transport::Unix => ready.unix.get(shape).cloned().map(Endpoint::Unix),
        }
    }

    /// The port of a shape, without TLS.
    pub fn address(&self, shape: &str) -> Option<SocketAddr> {
        self.own().ok()?.ready.shapes.get(shape).copied()
    }

    /// Every shape and where it listens.
    pub fn shapes(&self) -> impl Iterator<Item = (&str, SocketAddr)> {
        let own = self.own().into_iter();
        own.flat_map(|own| &own.ready.shapes)
            .map(|(name, address)| (name.as_str(), *address))
    }

    /// Why a case cannot run here, if it cannot.
    pub fn lacks(&self, case: &Case, over: Transport) -> Option<String> {
        let ready = match &self.kind {
            Kind::Own(own) => &own.ready,
            Kind::Target(target) => return target.lacks(case, over),
        };
        let shape = case
            .shapes
            .iter()
            .find(|shape| !ready.shapes.contains_key(**shape))
            .map(|shape| format!("its API has no call for the shape {shape}"));
        let transport = || {
            case.shapes
                .iter()
                .find(|shape| self.endpoint(shape, over).is_none())
                .map(|_| format!("it has no listener over {over}"))
        };
        let call = || {
            case.needs
                .iter()
                .find(|need| !ready.capabilities.iter().any(|have| have == *need))
                .map(|need| format!("its API has no {need}"))
        };
        shape.or_else(call).or_else(transport)
    }

    /// The ports of its shapes, with and without TLS.
    pub fn ports(&self) -> Vec<u16> {
        let own = self.own().into_iter();
        own.flat_map(|own| own.ready.shapes.values().chain(own.ready.tls.values()))
            .map(SocketAddr::port)
            .collect()
    }

    /// How many connections its process holds on its shapes' ports and sockets.
    pub fn open_connections(&self) -> Result<usize> {
        let own = self.own()?;
        let id = self.id().context("the subject has ended")?;
        let tcp = connections(id, &self.ports())?;
        let table = format!("/proc/{id}/net/unix");
        let unix = std::fs::read_to_string(&table).context(table)?;
        let paths: Vec<_> = own.ready.unix.values().collect();
        let unix = unix.lines().filter(|line| is_unix(line, &paths));
        Ok(tcp.len() + unix.count())
    }
}

/// The connections on `ports` that the process `id` holds or has still to accept.
pub fn connections(id: u32, ports: &[u16]) -> Result<HashSet<Pair>> {
    let table = format!("/proc/{id}/net/tcp");
    let text = std::fs::read_to_string(&table).context(table)?;
    Ok(text
        .lines()
        .filter_map(|line| connection(line, ports))
        .collect())
}

/// Whether the kernel has not handed the connection from `client` to the server on `server` yet: it
/// waits for a first byte (TCP_DEFER_ACCEPT), and no process holds anything. Only known of servers
/// on this machine.
pub fn is_deferred(server: u16, client: u16) -> bool {
    const SYN_RECV: &str = "03";
    ["/proc/net/tcp", "/proc/net/tcp6"].iter().any(|table| {
        let text = std::fs::read_to_string(table).unwrap_or_default();
        text.lines().any(|line| {
            let mut columns = line.split_whitespace().skip(1);
            let mut port = || u16::from_str_radix(columns.next()?.rsplit(':').next()?, 16).ok();
            (port(), port()) == (Some(server), Some(client)) && columns.next() == Some(SYN_RECV)
        })
    })
}

/// The connection on one of `ports` that a line of `/proc/net/tcp` shows, unless only the kernel
/// knows it any more, which is waiting for its last packets: then no process holds it, which shows
/// as no inode, and it is past the states in which it could be waiting to be accepted.
fn connection(line: &str, ports: &[u16]) -> Option<Pair> {
    const ESTABLISHED: &str = "01";
    const CLOSE_WAIT: &str = "08";
    const LISTEN: &str = "0A";
    let mut columns = line.split_whitespace().skip(1);
    let mut port = || u16::from_str_radix(columns.next()?.rsplit(':').next()?, 16).ok();
    let (server, client) = (port()?, port()?);
    let state = columns.next()?;
    let held = columns.nth(5)? != "0" || matches!(state, ESTABLISHED | CLOSE_WAIT);
    (ports.contains(&server) && state != LISTEN && held).then_some((server, client))
}

/// Whether a line of `/proc/net/unix` is a connection on one of `paths` that a process still
/// holds. The end of the server bears the path.
fn is_unix(line: &str, paths: &[&PathBuf]) -> bool {
    const ACCEPTS: &str = "00010000";
    let columns: Vec<_> = line.split_whitespace().collect();
    let [_, _, _, flags, _, _, inode, path] = columns.as_slice() else {
        return false;
    };
    *flags != ACCEPTS && *inode != "0" && paths.iter().any(|own| own.as_os_str() == *path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_accepted_unix_sockets_count() {
        let line = |flags: &str, path: &str| {
            format!("0000000000000000: 00000003 00000000 {flags} 0001 03 41241 {path}")
        };
        let path = PathBuf::from("/tmp/1.sock");
        assert!(is_unix(&line("00000000", "/tmp/1.sock"), &[&path]));
        assert!(!is_unix(&line("00010000", "/tmp/1.sock"), &[&path]));
        assert!(!is_unix(&line("00000000", "/tmp/2.sock"), &[&path]));
        assert!(!is_unix(&line("00000000", ""), &[&path]));
    }

    #[test]
    fn only_held_connections_on_the_ports_count() {
        let line = |port: &str, state: &str, inode: &str| {
            format!(
                "   1: 0100007F:{port} 0100007F:A1B2 {state} 00000000:00000000 00:00000000 \
                 00000000     0        0 {inode} 1 0000000000000000 20 4 30 10 -1"
            )
        };
        let ports = [0x1F90];
        let held = Some((0x1F90, 0xA1B2));
        assert_eq!(connection(&line("1F90", "01", "4242"), &ports), held);
        assert_eq!(connection(&line("1F90", "08", "4242"), &ports), held);
        assert_eq!(connection(&line("1F90", "05", "4242"), &ports), held);
        // not accepted yet
        assert_eq!(connection(&line("1F90", "01", "0"), &ports), held);
        assert_eq!(connection(&line("1F90", "0A", "4242"), &ports), None);
        assert_eq!(connection(&line("1F90", "05", "0"), &ports), None);
        assert_eq!(connection(&line("1F91", "01", "4242"), &ports), None);
        let head = "  sl  local_address rem_address   st";
        assert_eq!(connection(head, &ports), None);
    }
}
