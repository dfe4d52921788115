//! Looks at the subject from outside.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use tokio::sync::watch::{channel, Receiver};

use crate::subject::process::{connections, Pair};
use crate::subject::Subject;

/// How often the table of connections is read.
const EVERY: Duration = Duration::from_millis(250);

/// The connections that the subject has, as seen a moment ago. The client's own view would not do:
/// one that never reads does not see an end, and one that reads sees a FIN of a server that keeps
/// its socket.
#[derive(Clone)]
pub(super) struct Table {
    id: u32,
    ports: Arc<[u16]>,
    latest: Receiver<Arc<HashSet<Pair>>>,
}

impl Table {
    /// Reads the table of process `id` for its `ports` again and again.
    pub(super) fn watch(id: u32, ports: Vec<u16>) -> Table {
        let ports: Arc<[u16]> = ports.into();
        let (sender, latest) = channel(Arc::default());
        let own = ports.clone();
        tokio::spawn(async move {
            while let Ok(table) = connections(id, &own) {
                if sender.send(Arc::new(table)).is_err() {
                    break;
                }
                tokio::time::sleep(EVERY).await;
            }
        });
        Table { id, ports, latest }
    }

    /// Ends when a table that was read after this call does not have a connection.
    pub(super) async fn without(&mut self, pair: Pair) {
        // The table that comes next may have been read before.
        self.latest.mark_unchanged();
        let mut tables = 0;
        while self.latest.changed().await.is_ok() {
            tables += 1;
            if tables > 1 && !self.latest.borrow_and_update().contains(&pair) {
                return;
            }
        }
        // The subject has ended, and with it the connection.
    }

    /// The table as it is.
    pub(super) fn now(&self) -> Result<HashSet<Pair>> {
        connections(self.id, &self.ports)
    }
}

/// What the subject has of everything.
#[derive(Clone, Copy, Debug)]
pub(super) struct Resources {
    pub(super) descriptors: usize,
    pub(super) tasks: usize,
    pub(super) threads: usize,
    /// Resident, in KiB.
    pub(super) memory: u64,
}

impl Resources {
    pub(super) async fn of(subject: &mut Subject) -> Result<Resources> {
        let id = subject.id().context("the subject has ended")?;
        let status = std::fs::read_to_string(format!("/proc/{id}/status"))?;
        let value = |name: &str| -> Result<u64> {
            status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .and_then(|value| value.trim().split(' ').next()?.parse().ok())
                .with_context(|| format!("/proc/{id}/status has no {name}"))
        };
        Ok(Resources {
            descriptors: std::fs::read_dir(format!("/proc/{id}/fd"))?.count(),
            tasks: subject.stats().await?.tasks,
            threads: value("Threads:")?.try_into()?,
            memory: value("VmRSS:")?,
        })
    }

    /// Whether nothing is left of what came after `before`. Threads are kept by pools for a while
    /// and memory by the allocator: they have measures of their own.
    pub(super) fn is_back_to(&self, before: &Resources) -> bool {
        self.descriptors <= before.descriptors && self.tasks <= before.tasks
    }

    pub(super) fn max(self, other: Resources) -> Resources {
        Resources {
            descriptors: self.descriptors.max(other.descriptors),
            tasks: self.tasks.max(other.tasks),
            threads: self.threads.max(other.threads),
            memory: self.memory.max(other.memory),
        }
    }
}

impl fmt::Display for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Resources {
            descriptors,
            tasks,
            threads,
            memory,
        } = self;
        let mib = *memory as f64 / 1024.0;
        write!(
            f,
            "{descriptors} descriptors, {tasks} tasks, {threads} threads, {mib:.1} MiB"
        )
    }
}
