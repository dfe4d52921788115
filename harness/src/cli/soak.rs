//! `harness soak`.

use std::time::Duration;

use anyhow::{bail, Context as _, Result};
use harness::report::progress::Progress;
use harness::selection::matches;
use harness::soak::{self, kinds, Plan};
use harness::subject::{build, Variant};

use super::SoakArguments;

/// The plan that the arguments ask for.
pub(super) fn plan(arguments: &SoakArguments) -> Result<Plan> {
    let time = Duration::try_from_secs_f64(arguments.minutes * 60.0)
        .ok()
        .filter(|time| !time.is_zero())
        .with_context(|| format!("{} minutes are no time to soak for", arguments.minutes))?;
    let globs = &arguments.kinds;
    let chosen = |name| globs.is_empty() || globs.iter().any(|glob| matches(glob, name));
    let kinds: Vec<_> = kinds::all()
        .into_iter()
        .filter(|kind| chosen(kind.name))
        .collect();
    if kinds.is_empty() {
        bail!("no kind of client matches");
    }
    Ok(Plan {
        time,
        bad: arguments.bad,
        good: arguments.good,
        kinds,
    })
}

/// Builds, soaks and reports; whether all was well.
pub(super) fn run(variants: &[Variant], plan: &Plan) -> Result<bool> {
    let progress = Progress::new();
    let built = build::prepare(variants, &progress)?;
    let built = built.first().context("no subject")?;
    let runtime = tokio::runtime::Runtime::new()?;
    let report = runtime.block_on(soak::run(built, plan, &progress))?;
    anstream::println!("\n{report}");
    let failures = report.failures();
    for failure in &failures {
        anstream::println!("FAILED {failure}");
    }
    if failures.is_empty() {
        anstream::println!("nothing is left, and no good client has failed");
    }
    Ok(failures.is_empty())
}
