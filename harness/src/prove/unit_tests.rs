//! Upstream's own unit tests on the prefixes of the series: each keeps the result that it has
//! without patches, unless a change of behaviour takes the test away or renames it.
//!
//! The tests of one prefix run while those of the next are compiled: they wait for most of their
//! time. Some need a network and fail on both sides. Some are sensitive to load: what fails is run
//! once more alone, and what then differs once more when nothing is compiled any longer. That a patch
//! which changes no behaviour leaves them as they are is seen from the patch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::time::Instant;

use anyhow::{anyhow, Context as _, Result};

use super::report::TestReport;
use super::rewritten;
use super::test_programs::{Programs, Results, Test, UnitTests};
use super::tree::PrefixTree;
use super::Plan;
use crate::report::progress::Progress;

/// The tests of a prefix, and how they differ from those without patches.
struct Compared {
    programs: Programs,
    after: Results,
    differ: Vec<Difference>,
}

/// A test, and what to tell of it.
type Difference = (Test, String);

/// Runs the tests without patches and after each chosen one, and compares.
pub(super) fn run(plan: &Plan, tree: &PrefixTree, progress: &Progress) -> Result<Vec<TestReport>> {
    let tests = UnitTests::new(tree)?;
    tree.check_out(0)?;
    let unpatched = tests.build(&plan.series.prefix_name(0), progress)?;
    let mut before = tests.test_all(&unpatched)?;
    let found = compile_and_test(plan, tree, &tests, &before, progress)?;

    let differing: BTreeSet<_> = found
        .values()
        .flatten()
        .flat_map(|compared| compared.differ.iter().map(|(test, _)| test.clone()))
        .collect();
    before.extend(tests.again(&unpatched, &differing)?);
    let told = found.into_iter().map(|(length, compared)| {
        let gone = plan.series.rewritten(length);
        let told = compared.and_then(|compared| {
            let (count, mut wrong) = compared.once_more(&tests, &before, &gone)?;
            for test in rewritten::against_the_rules(tree, &plan.series, length - 1)? {
                wrong.push(format!("it edits {test}, but is no behaviour-change"));
            }
            Ok((count, wrong))
        });
        TestReport::new(plan.series.prefix_name(length), told)
    });
    Ok(told.collect())
}

/// Compiles the tests after each chosen patch, and beside that runs those that are.
fn compile_and_test(
    plan: &Plan,
    tree: &PrefixTree,
    tests: &UnitTests<'_>,
    before: &Results,
    progress: &Progress,
) -> Result<BTreeMap<usize, Result<Compared>>> {
    std::thread::scope(|scope| {
        let (sender, receiver) = channel::<(usize, Programs)>();
        let testing = scope.spawn(|| {
            let compare = |(length, programs)| {
                let prefix = plan.series.prefix_name(length);
                let rewritten = plan.series.rewritten(length);
                let compared = Compared::of(&prefix, programs, tests, before, &rewritten);
                (length, compared)
            };
            let compared = receiver.into_iter().map(compare);
            compared.collect::<BTreeMap<_, _>>()
        });
        let mut unbuilt = BTreeMap::new();
        for at in &plan.chosen {
            let length = at + 1;
            tree.check_out(length)?;
            match tests.build(&plan.series.prefix_name(length), progress) {
                Ok(built) => {
                    sender.send((length, built)).map_err(|_| anyhow!(BROKEN))?;
                }
                Err(error) => {
                    unbuilt.insert(length, Err(error));
                }
            }
        }
        drop(sender);
        let mut found = testing.join().ok().context(BROKEN)?;
        found.append(&mut unbuilt);
        Ok(found)
    })
}

const BROKEN: &str = "running the unit tests broke";

impl Compared {
    /// Runs the tests of a prefix and says what came of it.
    fn of(
        prefix: &str,
        programs: Programs,
        tests: &UnitTests<'_>,
        before: &Results,
        rewritten: &BTreeSet<&str>,
    ) -> Result<Compared> {
        let start = Instant::now();
        let after = tests.test_all(&programs);
        let took = start.elapsed().as_secs_f64();
        let after = after.inspect_err(|error| eprintln!("unit tests of {prefix}: {error:#}"))?;
        let differ = differences(before, &after, rewritten);
        if differ.is_empty() {
            eprintln!("unit tests of {prefix}: as without patches, {took:.1} s");
            tests.discard(&programs);
        } else {
            eprintln!("unit tests of {prefix}: {} differ so far", differ.len());
        }
        Ok(Compared {
            programs,
            after,
            differ,
        })
    }

    /// Runs what differs once more, alone; the number of tests, and what still differs.
    fn once_more(
        mut self,
        tests: &UnitTests<'_>,
        before: &Results,
        rewritten: &BTreeSet<&str>,
    ) -> Result<(usize, Vec<String>)> {
        let there = self.differ.iter().map(|(test, _)| test.clone());
        let there = there.filter(|test| self.after.contains_key(test)).collect();
        self.after.extend(tests.again(&self.programs, &there)?);
        let differ = differences(before, &self.after, rewritten);
        let told = differ.into_iter().map(|(_, told)| told).collect();
        Ok((self.after.len(), told))
    }
}

/// The tests of `before` whose result is another `after`, each with what to tell of it, but for
/// those that are gone and that `rewritten` names.
fn differences(before: &Results, after: &Results, rewritten: &BTreeSet<&str>) -> Vec<Difference> {
    let mut found = Vec::new();
    for (key, was) in before {
        let (name, test) = key;
        let is = match after.get(key) {
            Some(is) if is == was => continue,
            Some(is) => is,
            None if is_named_by(rewritten, test) => continue,
            None => "gone",
        };
        let told = format!("{name} {test}: {was} without patches, now {is}");
        found.push((key.clone(), told));
    }
    found
}

/// Whether the function of a test is among `functions`. Each case of one that has several is a
/// module in it.
fn is_named_by(functions: &BTreeSet<&str>, test: &str) -> bool {
    let mut path = test.rsplit("::");
    let function = path.find(|part| !part.starts_with("case_"));
    function.is_some_and(|name| functions.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_keeps_its_result_unless_a_change_of_behaviour_took_it_away() {
        let results = |tests: &[(&str, &str)]| -> Results {
            let named = |(test, result): &(&str, &str)| {
                (
                    ("core".to_owned(), (*test).to_owned()),
                    (*result).to_owned(),
                )
            };
            tests.iter().map(named).collect()
        };
        let before = results(&[
            ("t::same", "ok"),
            ("t::needs_a_network", "FAILED"),
            ("t::broken", "ok"),
            ("t::gone", "ok"),
            ("t::renamed::case_1_a", "ok"),
        ]);
        let after = results(&[
            ("t::same", "ok"),
            ("t::needs_a_network", "FAILED"),
            ("t::broken", "FAILED"),
            ("t::new", "FAILED"),
        ]);
        let found = differences(&before, &after, &BTreeSet::from(["renamed"]));
        let told: Vec<_> = found.iter().map(|(_, told)| told.as_str()).collect();
        assert_eq!(
            told,
            [
                "core t::broken: ok without patches, now FAILED",
                "core t::gone: ok without patches, now gone",
            ]
        );
    }
}
