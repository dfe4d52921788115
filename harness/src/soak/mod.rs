//! The soak: many bad clients at once for minutes, beside good ones of which none may fail; and
//! when they have gone, nothing is left of them.
//!
//! [`kinds`] is the table of bad clients, [`bad`] plays them, [`good`] is the measure of what they
//! do to others. [`watch`] looks at the subject from outside: sockets, file descriptors, threads,
//! memory. [`report`] holds what was counted and what is wrong with it.

mod bad;
mod good;
pub mod kinds;
mod report;
mod watch;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{bail, Context as _, Result};
use tokio::sync::watch as channel;
use tokio::task::JoinSet;

use crate::origin::Origin;
use crate::report::progress::Progress;
use crate::subject::build::Built;
use crate::subject::process::connections;
use crate::subject::Subject;
use crate::wire::tls;
use kinds::{Kind, Over};
pub use report::Report;
use report::{Left, Tally};
use watch::{Resources, Table};

/// How long after the last client something of it may be left: more than the longest deadline that
/// a kind of client meets.
const SETTLE: Duration = Duration::from_secs(60);

/// How long the load runs before what the subject's memory has become is taken as its measure.
const PLATEAU: Duration = Duration::from_secs(60);

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// For how long clients come.
    pub time: Duration,
    /// How many bad clients there are at a time.
    pub bad: usize,
    /// How many good ones.
    pub good: usize,
    /// Which bad ones.
    pub kinds: Vec<Kind>,
}

/// What the subject has once its listeners have made what they make when first needed, such as
/// threads for handshakes: that is not left over.
async fn warmed_up(subject: &mut Subject, kinds: &[Kind]) -> Result<Resources> {
    let cold = Resources::of(subject).await?;
    let id = subject.id().context("the subject has ended")?;
    let over_tls = kinds.iter().filter(|kind| kind.over != Over::Tcp);
    let addresses: HashSet<_> = over_tls.filter_map(|kind| kind.address(subject)).collect();
    for address in addresses {
        tls::connect(address).await?;
    }
    let deadline = Instant::now() + SETTLE;
    loop {
        let warm = Resources::of(subject).await?;
        let sockets = connections(id, &subject.ports())?;
        if Instant::now() >= deadline || (sockets.is_empty() && warm.tasks <= cold.tasks) {
            return Ok(warm);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Runs `plan` against a subject of its own.
pub async fn run(built: &Built, plan: &Plan, progress: &Progress) -> Result<Report> {
    let origin = Origin::start().await?;
    let mut subject = Subject::start(built, origin.address(), "soak").await?;
    let kinds: Vec<_> = plan
        .kinds
        .iter()
        .filter(|kind| kind.address(&subject).is_some())
        .cloned()
        .collect();
    if kinds.is_empty() {
        bail!("no kind of client has a shape to talk to");
    }
    let before = warmed_up(&mut subject, &kinds).await?;
    let tally = Arc::new(Tally::new(&kinds));
    let (stop, stopped) = channel::channel(false);
    let table = Table::watch(
        subject.id().context("the subject has ended")?,
        subject.ports(),
    );

    let mut clients = JoinSet::new();
    for number in 0..plan.bad {
        let slot = bad::Slot {
            number,
            tally: tally.clone(),
            table: table.clone(),
            stopped: stopped.clone(),
        };
        let kinds: Vec<_> = bad::addressed(&kinds, &subject);
        clients.spawn(slot.run(kinds));
    }
    for number in 0..plan.good {
        let client = good::Client::new(number, &subject, tally.clone())?;
        clients.spawn(client.run(stopped.clone()));
    }

    let start = Instant::now();
    let bar = progress.soak(plan.time);
    let mut plateau = None;
    let mut peak = before;
    while start.elapsed() < plan.time {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = Resources::of(&mut subject).await?;
        peak = peak.max(now);
        if plateau.is_none() && start.elapsed() >= PLATEAU.min(plan.time / 3) {
            plateau = Some(now.memory);
        }
        bar.at(start.elapsed(), &format!("{tally}, {now}"));
    }
    stop.send_replace(true);
    bar.at(plan.time, "waiting for the clients on their way");
    while clients.join_next().await.transpose()?.is_some() {}

    // Everything has gone: the clients first, then what the proxy keeps for them at the origin.
    bar.at(plan.time, "waiting for what is left");
    let deadline = Instant::now() + SETTLE;
    let mut sockets = table.now()?;
    while Instant::now() < deadline && !(sockets.is_empty() && origin.answering() == 0) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        sockets = table.now()?;
    }
    let answering = origin.answering();
    drop(origin);
    let mut after = Resources::of(&mut subject).await?;
    while Instant::now() < deadline && !after.is_back_to(&before) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        after = Resources::of(&mut subject).await?;
    }
    bar.finish();
    Ok(Report {
        took: start.elapsed(),
        left: Left {
            sockets: tally.kinds_of(&sockets),
            answering,
        },
        tally,
        before,
        peak,
        plateau: plateau.unwrap_or(peak.memory),
        after,
    })
}
