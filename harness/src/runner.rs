//! Runs cases side by side.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use futures_util::future::join_all;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::case::{Case, Context};
use crate::clients::leave::Leave;
use crate::clients::Client;
use crate::expectations::Expectations;
use crate::origin::Origin;
use crate::outcome::{Outcome, Status};
use crate::subject::build::Built;
use crate::subject::Subject;
use crate::wire::transcript::Record;
use crate::wire::{Request, Transport};

/// How many jobs start together, one batch after the other.
const BATCH: usize = 20;

/// How long after a batch the next one starts at the earliest.
const SPACING: Duration = Duration::from_millis(100);

/// How fast every subject must answer before the next batch starts. Cases wait for deadlines most of
/// the time; their starts are what loads a machine, and what a case sees should not be the start of
/// others.
const CALM: Duration = Duration::from_millis(100);

/// How long a run may wait for that in all, on a machine that is busy otherwise.
const PATIENCE: Duration = Duration::from_secs(90);

/// One case with one client over one transport against one subject.
#[derive(Clone, Debug)]
pub struct Job {
    /// The subject's name.
    pub subject: String,
    /// The case.
    pub case: Case,
    /// The client.
    pub client: Client,
    /// The transport.
    pub over: Transport,
    /// Whether the client's not being installed is a failure instead of a skip.
    pub require_client: bool,
}

/// Runs the jobs and sends each outcome as it is known: side by side, then one by one those that
/// have to be alone.
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
    let leave = Leave::new();
    let mut running = JoinSet::new();
    let (alone, mut together): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.case.alone);
    // The longest first, so that the others fit beside them.
    together.sort_by_key(|job| std::cmp::Reverse(job.case.bound));
    let mut pace = Pace::new(&subjects);
    for (number, job) in together.into_iter().enumerate() {
        if number % BATCH == 0 {
            pace.next_batch().await;
        }
        let Some(subject) = subjects.get(&job.subject).cloned() else {
            continue;
        };
        let leave = leave.clone();
        let expectations = expectations.clone();
        let outcomes = outcomes.clone();
        running.spawn(async move {
            let outcome = run_one(job, subject, &leave, &expectations).await;
            let _ = outcomes.send(outcome);
        });
    }
    while running.join_next().await.is_some() {}
    for job in alone {
        if let Some(subject) = subjects.get(&job.subject).cloned() {
            let outcome = run_one(job, subject, &leave, &expectations).await;
            let _ = outcomes.send(outcome);
        }
    }
    Ok(())
}

/// The order of jobs, for the reports of what comes of them.
#[derive(Debug)]
pub struct Order(HashMap<(&'static str, Client, Transport), usize>);

impl Order {
    /// As they are given.
    pub fn of(jobs: &[Job]) -> Order {
        let places = jobs.iter().enumerate();
        Order(
            places
                .map(|(place, job)| ((job.case.id, job.client, job.over), place))
                .collect(),
        )
    }

    /// Puts outcomes in this order.
    pub fn sort(&self, outcomes: &mut [Outcome]) {
        outcomes.sort_by_key(|outcome| self.0.get(&(outcome.case, outcome.client, outcome.over)));
    }
}

/// What comes of a run that sends its outcomes, in the order in which they are known. `known` hears
/// of each.
pub async fn collected<F>(
    run: impl FnOnce(mpsc::UnboundedSender<Outcome>) -> F,
    mut known: impl FnMut(),
) -> Result<Vec<Outcome>>
where
    F: Future<Output = Result<()>>,
{
    let (sender, mut receiver) = mpsc::unbounded_channel();
    let collecting = async {
        let mut outcomes = Vec::new();
        while let Some(outcome) = receiver.recv().await {
            known();
            outcomes.push(outcome);
        }
        outcomes
    };
    let (ran, outcomes) = tokio::join!(run(sender), collecting);
    ran.map(|()| outcomes)
}

/// Spreads the starts of jobs.
struct Pace {
    subjects: Vec<SocketAddr>,
    patience: Duration,
}

impl Pace {
    fn new(subjects: &BTreeMap<String, Arc<Subject>>) -> Pace {
        let addresses = subjects.values().filter_map(|s| s.address("proxy"));
        Pace {
            subjects: addresses.collect(),
            patience: PATIENCE,
        }
    }

    /// Waits until the last batch has been digested.
    async fn next_batch(&mut self) {
        tokio::time::sleep(SPACING).await;
        while !self.patience.is_zero() {
            let start = Instant::now();
            let answers = self.subjects.iter().map(|address| answers(*address));
            join_all(answers).await;
            let took = start.elapsed();
            if took <= CALM {
                return;
            }
            tokio::time::sleep(CALM).await;
            self.patience = self.patience.saturating_sub(took + CALM);
        }
    }
}

/// One exchange with a subject. What comes of it is the business of the cases.
async fn answers(address: SocketAddr) {
    let request = Request::local("204").with("X-Keepalive", "none");
    if let Ok(mut stream) = TcpStream::connect(address).await {
        let _ = stream.write_all(&request.bytes()).await;
        let _ = tokio::time::timeout(CALM * 10, stream.read_u8()).await;
    }
}

/// Runs one job, unless there is a reason to skip it.
pub(crate) async fn run_one(
    job: Job,
    subject: Arc<Subject>,
    leave: &Leave,
    expectations: &Expectations,
) -> Outcome {
    let Job {
        subject: name,
        case,
        client,
        over,
        require_client,
    } = job;
    let mut outcome = Outcome {
        expected: expectations.of(&name, &case, client, over),
        subject: name,
        case: case.id,
        client,
        over,
        status: Status::Skip,
        took: Duration::ZERO,
        detail: String::new(),
        failure: None,
        transcript: Record::default(),
    };
    if let Some(reason) = client.missing() {
        if require_client {
            outcome.status = Status::Fail;
        }
        outcome.detail = reason.to_owned();
        return outcome;
    }
    if let Some(reason) = subject.lacks(&case, over) {
        // An old version may lack a call; the patched one is to have them all.
        if subject.is_patched() {
            outcome.status = Status::Fail;
        }
        outcome.detail = reason;
        return outcome;
    }
    tokio::time::sleep(case.after).await;
    let prepared = match leave.prepare(client).await {
        Ok(prepared) => prepared,
        Err(failure) => {
            outcome.status = Status::Fail;
            outcome.detail = failure.to_string();
            return outcome;
        }
    };
    let context = Context::new(&case, client, over, subject, prepared);
    let said = context.clone();
    let start = Instant::now();
    // A task of its own, so that a case that panics is a failure and not the end of the run.
    let found = tokio::spawn(async move { case.run(context).await }).await;
    outcome.took = start.elapsed();
    outcome.transcript = said.transcript.snapshot();
    match found {
        Ok(Ok(())) => {
            outcome.status = Status::Pass;
            outcome.detail = said.all_measured().join("; ");
        }
        Ok(Err(failure)) => {
            outcome.status = if failure.hang {
                Status::Hang
            } else {
                Status::Fail
            };
            outcome.detail = failure.to_string();
            outcome.failure = Some(failure);
        }
        Err(panic) => {
            outcome.status = Status::Fail;
            outcome.detail = format!("the case itself broke: {panic}");
        }
    }
    outcome
}
