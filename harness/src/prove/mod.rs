//! Proves the series of patches: without a patch the cases that it names fail, with it they pass.
//!
//! The service is built on each prefix of the series that is needed, from a tree in which one prefix
//! after the other is checked out, so that cargo compiles only what the next patch changes. What is
//! built after one patch is what there is before the next. Then the cases of all patches run side by
//! side, each against the prefix without its patch and against the one with it.
//!
//! A failure counts when it was seen twice: a busy machine may fail a case, and neither what passes
//! nor what fails is to rest on that.

mod builds;
mod changes;
mod patches;
mod report;
mod rewritten;
mod rounds;
mod test_programs;
mod tree;
mod unit_tests;
mod verdict;

use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::report::progress::Progress;
use crate::subject::{build, Variant};
use builds::Builds;
use tree::PrefixTree;

pub use patches::Series;
pub use report::Report;

/// What to prove.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The subject with all the patches.
    pub variant: Variant,
    /// The patches of its version.
    pub series: Series,
    /// Those to prove, by their place in the series from 0, ascending.
    pub chosen: Vec<usize>,
    /// Whether the cases are run.
    pub cases: bool,
    /// Whether upstream's unit tests are run.
    pub unit_tests: bool,
}

impl Plan {
    /// Every patch, or those that have changed `since` a revision, or those of these `names`.
    pub fn new(variant: &Variant, since: Option<&str>, names: &[String]) -> Result<Plan> {
        let version = variant.patched.as_deref();
        let version =
            version.with_context(|| format!("{} is not built on patches", variant.name))?;
        let series = Series::load(version, &variant.name)?;
        let chosen = match since {
            Some(revision) => changes::since(revision, version, &series)?,
            None if names.is_empty() => (0..series.patches.len()).collect(),
            None => {
                let found = names.iter().map(|name| series.find(name));
                let mut chosen = found.collect::<Result<Vec<_>>>()?;
                chosen.sort_unstable();
                chosen.dedup();
                chosen
            }
        };
        Ok(Plan {
            variant: variant.clone(),
            series,
            chosen,
            cases: true,
            unit_tests: false,
        })
    }

    /// The patches to prove, by name.
    pub fn chosen_names(&self) -> Vec<&str> {
        let patches = self.chosen.iter().map(|at| &self.series.patches[*at]);
        patches.map(|patch| patch.name.as_str()).collect()
    }

    /// The lengths of the prefixes without and with each chosen patch, ascending.
    fn prefixes(&self) -> Vec<usize> {
        let mut lengths: Vec<_> = self.chosen.iter().flat_map(|at| [*at, at + 1]).collect();
        lengths.dedup();
        lengths
    }
}

/// Carries out the plan; hands each line of the result to `tell` as it is known.
pub fn run(plan: &Plan, progress: &Progress, tell: &mut dyn FnMut(&str)) -> Result<Report> {
    let start = Instant::now();
    let mut report = Report::default();
    if plan.chosen.is_empty() {
        return Ok(report);
    }
    let version = plan.variant.patched.as_deref().unwrap_or_default();
    build::materialize(std::slice::from_ref(&plan.variant), progress)?;
    let tree = PrefixTree::open(version, &plan.series)?;
    if plan.cases {
        let builds = Builds::make(plan, &tree, progress)?;
        let sights = rounds::look(plan, &builds, progress)?;
        for at in &plan.chosen {
            let patch = report::PatchReport::new(plan, *at, &builds, &sights);
            tell(&patch.to_string());
            report.patches.push(patch);
        }
    }
    if plan.unit_tests {
        report.unit_tests = unit_tests::run(plan, &tree, progress)?;
        for tests in &report.unit_tests {
            tell(&tests.to_string());
        }
    }
    report.seconds = start.elapsed().as_secs_f64();
    Ok(report)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::subject::variants;

    fn plan(names: &[&str]) -> Result<Plan> {
        let variants = variants::all()?;
        let patched = variants.last().context("no subject")?;
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        Plan::new(patched, None, &names)
    }

    #[test]
    fn what_is_after_one_patch_is_before_the_next() {
        let mut some = plan(&[]).expect("a plan");
        assert_eq!(some.chosen.len(), some.series.patches.len());
        assert_eq!(some.prefixes().len(), some.series.patches.len() + 1);
        some.chosen = vec![0, 1, 4];
        assert_eq!(some.prefixes(), [0, 1, 2, 4, 5]);
    }

    #[test]
    fn patches_are_chosen_by_name() {
        let two = plan(&["request-limit", "connection-options", "request-limit"]).expect("a plan");
        assert_eq!(two.chosen.len(), 2);
        assert!(two.chosen.is_sorted());
        let error = plan(&["request-limits"]).expect_err("an error");
        assert!(error.to_string().contains("did you mean request-limit"));
    }

    #[test]
    fn a_pristine_subject_has_nothing_to_prove() {
        let variants = variants::all().expect("variants");
        let error = Plan::new(&variants[0], None, &[]).expect_err("an error");
        assert!(error.to_string().contains("is not built on patches"));
    }
}
