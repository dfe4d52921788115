//! Runs cases side by side.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use tokio::sync::{mpsc, Semaphore};
use tokio::task::JoinSet;

use crate::case::{Case, Context};
use crate::clients::Client;
use crate::expectations::Expectations;
use crate::origin::Origin;
use crate::outcome::{Outcome, Status};
use crate::subject::build::Built;
use crate::subject::Subject;

/// How many processes of clients run at once.
const PROCESSES: usize = 8;

/// When the burst of scripted clients is over. Real clients begin then: what they take is measured
/// from their own start on, and should be theirs.
const SETTLED: Duration = Duration::from_secs(1);

/// One case with one client against one subject.
#[derive(Clone, Debug)]
pub struct Job {
    /// The subject's name.
    pub subject: String,
    /// The case.
    pub case: Case,
    /// The client.
    pub client: Client,
}

/// Runs every job, all at once, and sends each outcome as it is known.
pub async fn run(
    built: &[Built],
    jobs: Vec<Job>,
    expectations: Arc<Expectations>,
    outcomes: mpsc::UnboundedSender<Outcome>,
) -> Result<()> {
    // Thousands of sockets are open at once. Where the limit cannot be raised, the case that needs
    // them says so.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let origin = Origin::start().await.context("the origin did not start")?;
    let mut subjects = BTreeMap::new();
    for built in built {
        let subject = Subject::start(built, origin.address(), "run").await?;
        subjects.insert(built.variant.name.clone(), Arc::new(subject));
    }
    let processes = Arc::new(Semaphore::new(PROCESSES));
    let mut running = JoinSet::new();
    for job in jobs {
        let Some(subject) = subjects.get(&job.subject).cloned() else {
            continue;
        };
        let processes = processes.clone();
        let expectations = expectations.clone();
        let outcomes = outcomes.clone();
        running.spawn(async move {
            let outcome = run_one(job, subject, processes, &expectations).await;
            let _ = outcomes.send(outcome);
        });
    }
    while running.join_next().await.is_some() {}
    Ok(())
}

async fn run_one(
    job: Job,
    subject: Arc<Subject>,
    processes: Arc<Semaphore>,
    expectations: &Expectations,
) -> Outcome {
    let Job {
        subject: name,
        case,
        client,
    } = job;
    let mut outcome = Outcome {
        expected: expectations.of(&name, case.id, client),
        subject: name,
        case: case.id,
        client,
        status: Status::Skip,
        took: Duration::ZERO,
        detail: String::new(),
        transcript: String::new(),
    };
    if let Some(reason) = client.missing() {
        outcome.detail = reason.to_owned();
        return outcome;
    }
    if let Some(reason) = subject.lacks(&case) {
        // An old version may lack a call; the patched one is to have them all.
        if subject.is_patched() {
            outcome.status = Status::Fail;
        }
        outcome.detail = reason;
        return outcome;
    }
    let settled = match client {
        Client::Raw => Duration::ZERO,
        Client::Curl | Client::Reqwest => SETTLED,
    };
    tokio::time::sleep(case.after.max(settled)).await;
    let context = Context::new(&case, client, subject, processes);
    let transcript = context.transcript.clone();
    let start = Instant::now();
    // A task of its own, so that a case that panics is a failure and not the end of the run.
    let found = tokio::spawn(async move { case.run(context).await }).await;
    outcome.took = start.elapsed();
    outcome.transcript = transcript.to_string();
    match found {
        Ok(Ok(())) => outcome.status = Status::Pass,
        Ok(Err(failure)) => {
            outcome.status = if failure.hang {
                Status::Hang
            } else {
                Status::Fail
            };
            outcome.detail = failure.to_string();
        }
        Err(panic) => {
            outcome.status = Status::Fail;
            outcome.detail = format!("the case itself broke: {panic}");
        }
    }
    outcome
}
