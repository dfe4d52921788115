//! The programs of upstream's unit tests: compiling, keeping and running them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{bail, Context as _, Result};

use super::tree::PrefixTree;
use crate::paths;
use crate::report::progress::Progress;
use crate::subject::build;

/// The crates that the patches change.
const CRATES: [&str; 2] = ["pingora-core", "pingora-proxy"];

/// How long the tests of a crate may take.
const BOUND: Duration = Duration::from_secs(900);

/// How many tests of a crate run at once.
const THREADS: &str = "32";

/// The crate of a test and its path.
pub(super) type Test = (String, String);

/// The result of each test: `ok`, `FAILED` or `ignored`.
pub(super) type Results = BTreeMap<Test, String>;

/// The compiled tests of a prefix, by crate.
pub(super) type Programs = BTreeMap<&'static str, PathBuf>;

/// Where the compiled tests of prefixes are kept; they go when this does.
#[derive(Debug)]
pub(super) struct UnitTests<'a> {
    tree: &'a PrefixTree,
    programs: PathBuf,
}

impl Drop for UnitTests<'_> {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.programs);
    }
}

impl<'a> UnitTests<'a> {
    pub(super) fn new(tree: &'a PrefixTree) -> Result<UnitTests<'a>> {
        let programs = tree.beside().join("unit-tests");
        // A proof that was interrupted has left its own.
        let _ = std::fs::remove_dir_all(&programs);
        std::fs::create_dir_all(&programs).with_context(|| programs.display().to_string())?;
        Ok(UnitTests { tree, programs })
    }

    /// Compiles the tests of what is checked out, and keeps them.
    pub(super) fn build(&self, prefix: &str, progress: &Progress) -> Result<Programs> {
        // The same for every prefix, and for `ci/upstream-tests.sh`.
        let lock = paths::upstream_tests_lock(self.tree.version());
        std::fs::copy(&lock, self.tree.folder().join("Cargo.lock"))
            .with_context(|| lock.display().to_string())?;
        let mut command = build::cargo();
        command
            .current_dir(self.tree.folder())
            .env("CARGO_TARGET_DIR", paths::upstream_tests())
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .args(["test", "--lib", "--no-run"])
            .args(["--message-format", "json-render-diagnostics"]);
        for name in CRATES {
            command.args(["-p", name]);
        }
        let mut programs = Vec::new();
        let step = format!("compile the unit tests of {prefix}");
        progress.step(&step, command, |line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            let target = message["target"]["name"].as_str()?;
            if let Some(executable) = message["executable"].as_str() {
                programs.push((target.replace('_', "-"), PathBuf::from(executable)));
            }
            Some(target.to_owned())
        })?;
        let mut kept = Programs::new();
        for name in CRATES {
            let program = programs.iter().find(|(target, _)| target == name);
            let (_, program) =
                program.with_context(|| format!("cargo did not name the tests of {name}"))?;
            let copy = self.programs.join(format!("{prefix}-{name}"));
            std::fs::copy(program, &copy).with_context(|| copy.display().to_string())?;
            kept.insert(name, copy);
        }
        Ok(kept)
    }

    /// Runs the tests of a prefix, and those that fail once more, each alone.
    pub(super) fn test_all(&self, programs: &Programs) -> Result<Results> {
        let mut results = Results::new();
        for (name, program) in programs {
            results.extend(self.test(name, program, &["--test-threads", THREADS])?);
        }
        let failed = results.iter().filter(|(_, result)| *result == "FAILED");
        let failed = failed.map(|(test, _)| test.clone()).collect();
        results.extend(self.again(programs, &failed)?);
        Ok(results)
    }

    /// Runs some tests of a prefix, each alone.
    pub(super) fn again(&self, programs: &Programs, tests: &BTreeSet<Test>) -> Result<Results> {
        let mut results = Results::new();
        for (name, test) in tests {
            // A test that is to panic is shown with that, and called without.
            let path = test.split(" - ").next().unwrap_or(test);
            if let Some(program) = programs.get(name.as_str()) {
                results.extend(self.test(name, program, &["--exact", path])?);
            }
        }
        Ok(results)
    }

    /// Gives the room of programs back.
    pub(super) fn discard(&self, programs: &Programs) {
        for program in programs.values() {
            let _ = std::fs::remove_file(program);
        }
    }

    /// Runs tests of a crate and reads their results.
    fn test(&self, name: &str, program: &Path, arguments: &[&str]) -> Result<Results> {
        let folder = self.tree.folder().join(name);
        let mut command = tokio::process::Command::new(program);
        command
            .current_dir(&folder)
            // As cargo has it.
            .env("CARGO_MANIFEST_DIR", &folder)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let output = runtime.block_on(async {
            // The timer belongs to the runtime.
            tokio::time::timeout(BOUND, command.output()).await
        });
        let Ok(output) = output else {
            bail!("the unit tests of {name} did not end within {BOUND:?}");
        };
        let found = parse(&String::from_utf8_lossy(&output?.stdout));
        if found.is_empty() {
            bail!("the unit tests of {name} did not run");
        }
        let named = |(test, result)| ((name.to_owned(), test), result);
        Ok(found.into_iter().map(named).collect())
    }
}

/// Reads what the test runner of the standard library prints.
fn parse(output: &str) -> BTreeMap<String, String> {
    let results = output.lines().filter_map(|line| {
        let (name, rest) = line.strip_prefix("test ")?.split_once(" ... ")?;
        let mut results = ["ok", "FAILED", "ignored"].into_iter();
        let result = results.find(|result| rest.starts_with(result))?;
        Some((name.to_owned(), result.to_owned()))
    });
    results.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_read_from_the_output_of_the_runner() {
        let output = "\nrunning 4 tests\ntest a::one ... ok\ntest a::two ... FAILED\n\
                      test b - should panic ... ok\ntest c ... ignored, needs a network\n\
                      test result: FAILED. 2 passed; 1 failed\n";
        let found = parse(output);
        let found: Vec<_> = found
            .iter()
            .map(|(t, r)| (t.as_str(), r.as_str()))
            .collect();
        assert_eq!(
            found,
            [
                ("a::one", "ok"),
                ("a::two", "FAILED"),
                ("b - should panic", "ok"),
                ("c", "ignored"),
            ]
        );
    }
}
