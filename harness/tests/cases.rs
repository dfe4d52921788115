//! Every case is a test, once for each subject, client and transport.
//!
//! The tests of a run all start together, in one runtime beside the test runner: each of its tests
//! waits for its own outcome, so that a run takes as long as its slowest deadline and not as long
//! as all of them. What a filter leaves out is neither built nor run. A test of a pristine subject
//! passes when the subject does what the expectations say of it.

use std::collections::HashMap;
use std::process::ExitCode;
use std::sync::mpsc::{channel, Receiver};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use harness::expectations::Expectations;
use harness::outcome::{Outcome, Status};
use harness::report::progress::Progress;
use harness::runner::{self, Job};
use harness::selection::Selection;
use harness::subject::{build, variants};
use libtest_mimic::{Arguments, Failed, Trial};

/// With this variable a client that is not installed is a failure, as with `--require-clients`.
const REQUIRE_CLIENTS: &str = "HARNESS_REQUIRE_CLIENTS";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut selection = Selection::new(&[], &[], &[], &[])?;
    selection.require_clients = std::env::var_os(REQUIRE_CLIENTS).is_some_and(|v| v != "0");
    let jobs: Vec<_> = selection
        .jobs()
        .into_iter()
        .filter(|job| is_chosen(&name(job), arguments))
        .collect();
    if arguments.list {
        let trials = jobs
            .iter()
            .map(|job| Trial::test(name(job), || Ok(())))
            .collect();
        return Ok(libtest_mimic::run(arguments, trials).exit_code());
    }
    let mut waiting = HashMap::new();
    let mut trials = Vec::new();
    for job in &jobs {
        let (sender, outcome) = channel();
        waiting.insert(name(job), sender);
        trials.push(Trial::test(name(job), move || verdict(&outcome)));
    }
    if jobs.is_empty() {
        return Ok(libtest_mimic::run(arguments, trials).exit_code());
    }
    let running = std::thread::spawn(move || -> Result<()> {
        let (outcomes, mut received) = tokio::sync::mpsc::unbounded_channel::<Outcome>();
        let runtime = tokio::runtime::Runtime::new()?;
        runtime.block_on(async {
            let delivering = async {
                while let Some(outcome) = received.recv().await {
                    let name = title(&outcome.subject, &outcome.run(), outcome.client.name());
                    if let Some(sender) = waiting.remove(&name) {
                        let _ = sender.send(outcome);
                    }
                }
            };
            let (ran, ()) = tokio::join!(start(jobs, outcomes), delivering);
            ran
        })
    });
    let conclusion = libtest_mimic::run(arguments, trials);
    running.join().ok().context("the runner broke")??;
    Ok(conclusion.exit_code())
}

/// Builds what `jobs` need and runs them.
async fn start(
    jobs: Vec<Job>,
    outcomes: tokio::sync::mpsc::UnboundedSender<Outcome>,
) -> Result<()> {
    let all = variants::all()?;
    let names: Vec<_> = all.iter().map(|variant| variant.name.as_str()).collect();
    let expectations = Expectations::load(&names, &harness::cases::all())?;
    let needed: Vec<_> = all
        .iter()
        .filter(|variant| jobs.iter().any(|job| job.subject == variant.name))
        .cloned()
        .collect();
    let built = tokio::task::spawn_blocking(move || {
        let progress = Progress::new();
        build::prepare(&needed, &progress)
    })
    .await??;
    runner::run(&built, jobs, Arc::new(expectations), outcomes).await
}

/// Waits for the outcome of a job and judges it.
fn verdict(outcome: &Receiver<Outcome>) -> Result<(), Failed> {
    let Ok(outcome) = outcome.recv() else {
        return Err("the case was not run; see the error at the end".into());
    };
    if outcome.is_as_expected() {
        if outcome.status == Status::Skip {
            eprintln!("{}: skipped: {}", outcome.run(), outcome.detail);
        } else if outcome.status == Status::Pass && !outcome.detail.is_empty() {
            eprintln!("{}: {}: {}", outcome.subject, outcome.run(), outcome.detail);
        }
        return Ok(());
    }
    let known = outcome
        .expected
        .reason
        .map(|reason| format!("expected is {}: {reason}\n", outcome.expected.status));
    Err(format!(
        "{}: {}\n{}{}",
        outcome.status,
        outcome.detail,
        known.unwrap_or_default(),
        outcome.transcript
    )
    .into())
}

fn name(job: &Job) -> String {
    title(
        &job.subject,
        &job.over.run_of(job.case.id),
        job.client.name(),
    )
}

fn title(subject: &str, case: &str, client: &str) -> String {
    format!("{subject}::{case}::{client}")
}

/// Whether the arguments choose a test, as the test runner itself has it.
fn is_chosen(name: &str, arguments: &Arguments) -> bool {
    let same = |pattern: &String| {
        if arguments.exact {
            name == pattern
        } else {
            name.contains(pattern)
        }
    };
    arguments.filter.as_ref().is_none_or(same) && !arguments.skip.iter().any(same)
}
