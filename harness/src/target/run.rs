//! Runs cases against a target.

use std::sync::Arc;

use anyhow::Result;
use tokio::sync::{mpsc, Semaphore};
use tokio::task::JoinSet;

use super::plan::{self, Plan};
use super::Target;
use crate::clients::leave::Leave;
use crate::expectations::Expectations;
use crate::outcome::Outcome;
use crate::runner;
use crate::subject::Subject;

/// Runs what is planned and sends each outcome as it is known. No more connections are open at a
/// time than the target is to bear.
pub async fn run(
    target: Target,
    plan: Plan,
    outcomes: mpsc::UnboundedSender<Outcome>,
) -> Result<()> {
    let most = target.manners.connections.max(1);
    let connections = Arc::new(Semaphore::new(most));
    let clients = Leave::new();
    let expectations = Arc::new(Expectations::default());
    let subject = Arc::new(Subject::target(target));
    let mut jobs = plan.jobs;
    // The longest first, so that the others fit beside them.
    jobs.sort_by_key(|job| std::cmp::Reverse(job.case.bound));
    let mut running = JoinSet::new();
    for job in jobs {
        let wanted = plan::connections(&job, most);
        let wanted = u32::try_from(wanted).unwrap_or(u32::MAX);
        // All that a case needs at once: none waits for another that waits for it.
        let leave = connections.clone().acquire_many_owned(wanted).await?;
        let subject = subject.clone();
        let clients = clients.clone();
        let expectations = expectations.clone();
        let outcomes = outcomes.clone();
        running.spawn(async move {
            let outcome = runner::run_one(job, subject, &clients, &expectations).await;
            let _ = outcomes.send(outcome);
            drop(leave);
        });
    }
    while running.join_next().await.is_some() {}
    Ok(())
}
