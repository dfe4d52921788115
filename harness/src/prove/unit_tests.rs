//! Upstream's own unit tests on the prefixes of the series: each keeps the result that it has
//! without patches, unless a change of behaviour takes the test away or renames it. Some need a
//! network and fail on both sides; a test that fails is run once more alone, because some are
//! sensitive to load.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{bail, Context as _, Result};
use tokio::runtime::Runtime;

use super::tree::PrefixTree;
use crate::paths;
use crate::report::progress::Progress;
use crate::subject::build;

/// The crates that the patches change.
const CRATES: [&str; 2] = ["pingora-core", "pingora-proxy"];

/// How long the tests of a crate may take.
const BOUND: Duration = Duration::from_secs(900);

/// The result of each test, `ok`, `FAILED` or `ignored`, by its crate and its path.
pub(super) type Results = BTreeMap<String, String>;

/// How the tests are run.
#[derive(Debug)]
pub(super) struct UnitTests<'a> {
    tree: &'a PrefixTree,
    lock: PathBuf,
    runtime: Runtime,
}

impl<'a> UnitTests<'a> {
    /// For the tree of `version`.
    pub(super) fn new(version: &str, tree: &'a PrefixTree) -> Result<UnitTests<'a>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        Ok(UnitTests {
            tree,
            lock: paths::root().join(format!("ci/upstream-tests-{version}.lock")),
            runtime,
        })
    }

    /// Runs the tests of what is checked out.
    pub(super) fn run(&self, prefix: &str, progress: &Progress) -> Result<Results> {
        let lock = self.tree.folder().join("Cargo.lock");
        std::fs::copy(&self.lock, &lock).with_context(|| self.lock.display().to_string())?;
        let mut results = Results::new();
        for name in CRATES {
            let program = self.build(name, prefix, progress)?;
            let folder = self.tree.folder().join(name);
            let mut found = self.test(&program, &folder, &[])?;
            let failed: Vec<_> = found
                .iter()
                .filter(|(_, result)| *result == "FAILED")
                .map(|(test, _)| test.clone())
                .collect();
            for test in failed {
                found.extend(self.test(&program, &folder, &["--exact", &test])?);
            }
            let named = |(test, result)| (format!("{name} {test}"), result);
            results.extend(found.into_iter().map(named));
        }
        Ok(results)
    }

    /// Compiles the tests of a crate and says where they are.
    fn build(&self, name: &str, prefix: &str, progress: &Progress) -> Result<PathBuf> {
        let mut command = build::cargo();
        command
            .current_dir(self.tree.folder())
            .env(
                "CARGO_TARGET_DIR",
                paths::target().join("upstream-tests/build"),
            )
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(["test", "--lib", "--no-run", "-p", name])
            .args(["--message-format", "json-render-diagnostics"]);
        let mut program = None;
        progress.step(
            &format!("unit tests of {name}, {prefix}"),
            command,
            |line| {
                let message: serde_json::Value = serde_json::from_str(line).ok()?;
                if let Some(executable) = message["executable"].as_str() {
                    program = Some(PathBuf::from(executable));
                }
                message["target"]["name"].as_str().map(str::to_owned)
            },
        )?;
        program.with_context(|| format!("cargo did not name the tests of {name}"))
    }

    /// Runs tests and reads their results.
    fn test(&self, program: &Path, folder: &Path, arguments: &[&str]) -> Result<Results> {
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            // Tests read it when they run.
            .env("CARGO_MANIFEST_DIR", folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let mut command = tokio::process::Command::from(command);
        command.kill_on_drop(true);
        let output = self.runtime.block_on(async {
            // The timer belongs to the runtime.
            tokio::time::timeout(BOUND, command.output()).await
        });
        let Ok(output) = output else {
            bail!("the tests did not end within {BOUND:?}");
        };
        let results = parse(&String::from_utf8_lossy(&output?.stdout));
        if results.is_empty() {
            bail!("{} ran no test", program.display());
        }
        Ok(results)
    }
}

/// Reads what the test runner of the standard library prints.
fn parse(output: &str) -> Results {
    let results = output.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let mut results = ["ok", "FAILED", "ignored"].into_iter();
        let result = results.find(|result| rest.starts_with(result))?;
        Some((name.to_owned(), result.to_owned()))
    });
    results.collect()
}

/// The tests of `before` whose result is another `after`, but for those that are gone and that
/// `rewritten` names.
pub(super) fn differences(
    before: &Results,
    after: &Results,
    rewritten: &BTreeSet<&str>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (test, was) in before {
        match after.get(test) {
            Some(is) if is == was => {}
            Some(is) => found.push(format!("{test}: {was} without patches, now {is}")),
            None => {
                let function = test.rsplit("::").find(|part| !part.starts_with("case_"));
                if !function.is_some_and(|name| rewritten.contains(name)) {
                    found.push(format!("{test}: {was} without patches, now gone"));
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results(tests: &[(&str, &str)]) -> Results {
        let own = |(test, result): &(&str, &str)| ((*test).to_owned(), (*result).to_owned());
        tests.iter().map(own).collect()
    }

    #[test]
    fn results_are_read_from_the_output_of_the_runner() {
        let output = "\nrunning 4 tests\ntest a::one ... ok\ntest a::two ... FAILED\n\
                      test b - should panic ... ok\ntest c ... ignored, needs a network\n\
                      test result: FAILED. 2 passed; 1 failed\n";
        let expected = results(&[
            ("a::one", "ok"),
            ("a::two", "FAILED"),
            ("b - should panic", "ok"),
            ("c", "ignored"),
        ]);
        assert_eq!(parse(output), expected);
    }

    #[test]
    fn a_test_keeps_its_result_unless_a_change_of_behaviour_took_it_away() {
        let before = results(&[
            ("core t::same", "ok"),
            ("core t::needs_a_network", "FAILED"),
            ("core t::broken", "ok"),
            ("core t::gone", "ok"),
            ("core t::renamed::case_1_a", "ok"),
        ]);
        let after = results(&[
            ("core t::same", "ok"),
            ("core t::needs_a_network", "FAILED"),
            ("core t::broken", "FAILED"),
            ("core t::new", "FAILED"),
        ]);
        let rewritten = BTreeSet::from(["renamed"]);
        assert_eq!(
            differences(&before, &after, &rewritten),
            [
                "core t::broken: ok without patches, now FAILED",
                "core t::gone: ok without patches, now gone",
            ]
        );
    }
}
