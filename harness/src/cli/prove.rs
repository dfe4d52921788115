//! `harness prove`.

use anyhow::{Context as _, Result};
use harness::prove::{self, Plan};
use harness::report::file::Output;
use harness::report::json;
use harness::report::progress::Progress;
use harness::subject::Variant;

use super::ProveArguments;

/// The plan that the arguments ask for.
pub(super) fn plan(variants: &[Variant], arguments: &ProveArguments) -> Result<Plan> {
    let variant = variants.first().context("no subject")?;
    let since = arguments.since.as_deref();
    let plan = Plan::new(variant, since, &arguments.patches)?;
    Ok(Plan {
        cases: !arguments.no_cases,
        unit_tests: arguments.unit_tests,
        ..plan
    })
}

/// Builds, runs and reports; whether everything is proved.
pub(super) fn run(plan: &Plan, json: Option<Output>) -> Result<bool> {
    let progress = Progress::new();
    let all = plan.series.patches.len();
    match plan.chosen_names() {
        names if names.is_empty() => {}
        names if names.len() == all => eprintln!("proving all {all} patches"),
        names => eprintln!(
            "proving {} of {all} patches: {}",
            names.len(),
            names.join(", ")
        ),
    }
    let mut tell = |line: &str| anstream::println!("{line}");
    let report = prove::run(plan, &progress, &mut tell)?;
    anstream::println!("\n{report}");
    if let Some(output) = json {
        output.finish(|file| json::write_value(file, &report))?;
    }
    Ok(report.is_proved())
}
