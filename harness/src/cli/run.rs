//! `harness run`.

use std::sync::Arc;
use std::time::Instant;

use anyhow::Result;
use harness::case::Case;
use harness::cases;
use harness::expectations::Expectations;
use harness::outcome::{Outcome, Status};
use harness::report::outputs::Outputs;
use harness::report::progress::Progress;
use harness::report::Run;
use harness::runner::{self, Order};
use harness::selection::Selection;
use harness::subject::{build, variants};

use super::results;

/// Builds, runs and reports; whether everything was as expected.
pub(super) fn run(selection: Selection, outputs: Outputs, verbose: bool) -> Result<bool> {
    let expectations = expectations()?;
    let progress = Progress::new();
    let built = build::prepare(&selection.variants, &progress)?;

    let jobs = selection.jobs();
    let order = Order::of(&jobs);
    let start = Instant::now();
    let counter = progress.cases(jobs.len());
    let runtime = tokio::runtime::Runtime::new()?;
    let expectations = Arc::new(expectations);
    let mut outcomes = runtime.block_on(runner::collected(
        |outcomes| runner::run(&built, jobs, expectations, outcomes),
        || counter.done(),
    ))?;
    counter.finish();
    order.sort(&mut outcomes);

    let subjects: Vec<_> = selection.variants.into_iter().map(|v| v.name).collect();
    let run = Run {
        subjects: &subjects,
        outcomes: &outcomes,
        took: start.elapsed(),
    };
    results::show(run, verbose);
    outputs.finish(&run)?;
    Ok(outcomes.iter().all(Outcome::is_as_expected))
}

/// What is known of a case, for `harness explain`.
pub(super) fn expected_of(case: &Case) -> Result<Vec<(String, String, String)>> {
    let expectations = expectations()?;
    let mut known = Vec::new();
    for variant in variants::all()? {
        for (client, over) in case.runs() {
            let expected = expectations.of(&variant.name, case, client, over);
            if expected.status != Status::Pass {
                let reason = expected.reason.unwrap_or_default();
                let text = format!("{}, {reason}", expected.status);
                let run = format!("{client} over {over}");
                known.push((variant.name.clone(), run, text));
            }
        }
    }
    Ok(known)
}

fn expectations() -> Result<Expectations> {
    let variants = variants::all()?;
    let names: Vec<_> = variants.iter().map(|v| v.name.as_str()).collect();
    Expectations::load(&names, &cases::all())
}
