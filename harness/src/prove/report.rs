//! What was proved, as lines and as JSON.

use std::fmt;

use serde::Serialize;

use super::builds::Builds;
use super::patches::{Claim, Claimed};
use super::rounds::Sights;
use super::verdict::{passes_from, Runs, Seen, Verdict};
use super::Plan;

/// Everything that was looked at. Its text is the summary.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    /// What the cases show of each patch, in order.
    pub patches: Vec<PatchReport>,
    /// What the unit tests show after each patch, in order.
    pub unit_tests: Vec<TestReport>,
    /// How long it all took.
    pub seconds: f64,
}

/// What the cases show of a patch.
#[derive(Debug, Serialize)]
pub struct PatchReport {
    /// Its name.
    pub patch: String,
    /// Why it names no case, if it does not.
    pub none: Option<String>,
    /// What cargo said, if the prefix that ends with it does not build, or why it does not start.
    pub build_error: Option<String>,
    /// How long that build took.
    pub build_seconds: f64,
    /// The cases that it names.
    pub cases: Vec<CaseReport>,
}

/// What a case shows of a patch.
#[derive(Debug, Serialize)]
pub struct CaseReport {
    /// Its id.
    pub case: String,
    /// In a word.
    pub verdict: Verdict,
    /// Without the patch.
    pub before: Vec<RunReport>,
    /// With it.
    pub after: Vec<RunReport>,
    /// Unless it is proved: the prefix from which on it passes, of those that were built.
    pub passes_from: Option<String>,
}

/// One run of a case.
#[derive(Debug, Serialize)]
pub struct RunReport {
    /// The client.
    pub client: &'static str,
    /// The transport.
    pub over: &'static str,
    /// In a word.
    pub seen: Seen,
    /// What was expected and seen, or what is lacking.
    pub detail: String,
}

/// What upstream's unit tests show after a patch.
#[derive(Debug, Serialize)]
pub struct TestReport {
    /// The prefix.
    pub prefix: String,
    /// How many tests there are.
    pub tests: usize,
    /// What is not as without patches.
    pub problems: Vec<String>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_proved(&self) -> bool {
        self.patches.iter().all(PatchReport::is_proved)
            && self
                .unit_tests
                .iter()
                .all(|tests| tests.problems.is_empty())
    }
}

impl PatchReport {
    pub(super) fn new(plan: &Plan, at: usize, builds: &Builds, sights: &Sights) -> PatchReport {
        let patch = &plan.series.patches[at];
        let build = builds.prefixes.get(&(at + 1));
        let cases = patch.claim.cases().iter();
        PatchReport {
            patch: patch.name.clone(),
            none: match &patch.claim {
                Claim::None(reason) => Some(reason.clone()),
                Claim::Cases(_) => None,
            },
            build_error: build.and_then(|build| build.built.as_ref().err().cloned()),
            build_seconds: build.map_or(0.0, |build| build.took.as_secs_f64()),
            cases: cases
                .map(|case| CaseReport::new(plan, case, at, builds, sights))
                .collect(),
        }
    }

    /// Whether it builds and each case is proved.
    pub fn is_proved(&self) -> bool {
        let proved = |case: &CaseReport| case.verdict == Verdict::Proved;
        self.build_error.is_none() && self.cases.iter().all(proved)
    }
}

impl CaseReport {
    fn new(plan: &Plan, case: &Claimed, at: usize, builds: &Builds, sights: &Sights) -> CaseReport {
        let runs = |length: usize| sights.runs(&case.runs, length);
        let verdict = Verdict::of(&runs(at), &runs(at + 1));
        let everywhere = || {
            let prefixes: Vec<_> = builds
                .lengths()
                .map(|length| (length, runs(length)))
                .collect();
            passes_from(&prefixes).map(|length| plan.series.prefix_name(length))
        };
        let told = |length: usize| {
            let sights = sights.of(&case.runs, length);
            let told = sights.map(|(job, sight)| RunReport {
                client: job.client.name(),
                over: job.over.name(),
                seen: sight.seen,
                detail: sight.detail.clone(),
            });
            told.collect()
        };
        CaseReport {
            case: case.id.clone(),
            verdict,
            before: told(at),
            after: told(at + 1),
            passes_from: verdict.problem().and_then(|_| everywhere()),
        }
    }
}

impl TestReport {
    /// From the number of tests and what is not as without patches.
    pub(super) fn new(prefix: String, tests: anyhow::Result<(usize, Vec<String>)>) -> TestReport {
        let (tests, problems) = match tests {
            Ok(found) => found,
            Err(error) => (0, vec![format!("{error:#}")]),
        };
        TestReport {
            prefix,
            tests,
            problems,
        }
    }
}

impl fmt::Display for PatchReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match (&self.none, self.is_proved()) {
            (_, false) => "FAILED",
            (Some(_), true) => "built ",
            (None, true) => "proved",
        };
        write!(
            f,
            "{verdict}  {}, built in {:.1} s",
            self.patch, self.build_seconds
        )?;
        if let Some(error) = &self.build_error {
            write!(f, "\n  does not build or start: {}", indented(error))?;
        }
        if let Some(reason) = &self.none {
            write!(f, "\n  no case: {reason}")?;
        }
        for case in &self.cases {
            write!(f, "\n{case}")?;
        }
        Ok(())
    }
}

impl fmt::Display for CaseReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = |runs: &[RunReport]| Runs(runs.iter().map(|run| run.seen).collect());
        let (before, after) = (runs(&self.before), runs(&self.after));
        write!(f, "  {}: {before} -> {after}", self.case)?;
        let Some(problem) = self.verdict.problem() else {
            return Ok(());
        };
        write!(f, "\n    WRONG: {problem}")?;
        if let Some(prefix) = &self.passes_from {
            write!(
                f,
                "; of the prefixes that were built it passes from {prefix} on"
            )?;
        }
        for run in self.after.iter().filter(|run| run.seen.is_unmet()) {
            let detail = indented(&run.detail);
            write!(f, "\n    {} over {}: {detail}", run.client, run.over)?;
        }
        Ok(())
    }
}

impl fmt::Display for TestReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.problems.is_empty() {
            return write!(
                f,
                "unit tests  {}: {} run, upstream's as without patches",
                self.prefix, self.tests
            );
        }
        write!(f, "unit tests  {}: FAILED", self.prefix)?;
        for problem in &self.problems {
            write!(f, "\n  {}", indented(problem))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.patches.is_empty() {
            let (with, without): (Vec<_>, Vec<_>) =
                self.patches.iter().partition(|patch| patch.none.is_none());
            let proved = with.iter().filter(|patch| patch.is_proved()).count();
            let cases: usize = with.iter().map(|patch| patch.cases.len()).sum();
            parts.push(format!(
                "{proved} of {} patches proved by {cases} cases",
                with.len()
            ));
            if !without.is_empty() {
                let built = without.iter().filter(|patch| patch.is_proved()).count();
                parts.push(format!("{built} of {} without a case built", without.len()));
            }
        }
        if !self.unit_tests.is_empty() {
            let kept = |tests: &&TestReport| tests.problems.is_empty();
            let kept = self.unit_tests.iter().filter(kept).count();
            parts.push(format!(
                "unit tests keep their result after {kept} of {} patches",
                self.unit_tests.len()
            ));
        }
        if parts.is_empty() {
            return f.write_str("no patch to prove");
        }
        write!(f, "{}, in {:.0} s", parts.join("; "), self.seconds)
    }
}

/// The first lines of a text that may be long, the ones behind the first indented.
fn indented(text: &str) -> String {
    const LINES: usize = 30;
    let mut lines: Vec<_> = text.trim_end().lines().collect();
    let left_out = lines.len().saturating_sub(LINES);
    lines.truncate(LINES);
    let mut shown = lines.join("\n      ");
    if left_out > 0 {
        shown += &format!("\n      ({left_out} more lines)");
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(seen: Seen, detail: &str) -> RunReport {
        RunReport {
            client: "raw",
            over: "plain",
            seen,
            detail: detail.to_owned(),
        }
    }

    fn patch(verdict: Verdict, before: Seen, after: Seen) -> PatchReport {
        PatchReport {
            patch: "idle-timeout".to_owned(),
            none: None,
            build_error: None,
            build_seconds: 12.34,
            cases: vec![CaseReport {
                case: "idle.half-a-second".to_owned(),
                verdict,
                before: vec![run(before, "expected a; seen: b")],
                after: vec![run(after, "expected c; seen: d")],
                passes_from: verdict.problem().map(|_| "03-later".to_owned()),
            }],
        }
    }

    #[test]
    fn a_proved_patch_is_told_in_a_line_and_one_for_each_case() {
        let proved = patch(Verdict::Proved, Seen::Lacks, Seen::Pass);
        assert_eq!(
            proved.to_string(),
            "proved  idle-timeout, built in 12.3 s\n  idle.half-a-second: lacks -> pass"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_what_was_seen() {
        let wrong = patch(Verdict::FailsWith, Seen::Hang, Seen::Fail);
        assert!(!wrong.is_proved());
        let text = wrong.to_string();
        for part in [
            "FAILED  idle-timeout",
            "hang -> fail",
            "does not pass with the patch",
            "passes from 03-later on",
            "raw over plain: expected c; seen: d",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let broken = PatchReport {
            build_error: Some("E0308".to_owned()),
            cases: Vec::new(),
            none: Some("no client can".to_owned()),
            ..patch(Verdict::Proved, Seen::Hang, Seen::Pass)
        };
        assert!(!broken.is_proved());
        assert!(broken
            .to_string()
            .contains("does not build or start: E0308"));
    }

    #[test]
    fn the_summary_counts_what_is_proved() {
        let mut report = Report::default();
        assert_eq!(report.to_string(), "no patch to prove");
        assert!(report.is_proved());
        report.patches = vec![
            patch(Verdict::Proved, Seen::Hang, Seen::Pass),
            patch(Verdict::PassesWithout, Seen::Pass, Seen::Pass),
            PatchReport {
                none: Some("no client can".to_owned()),
                cases: Vec::new(),
                ..patch(Verdict::Proved, Seen::Hang, Seen::Pass)
            },
        ];
        report.unit_tests = vec![TestReport {
            prefix: "01-one".to_owned(),
            tests: 9,
            problems: Vec::new(),
        }];
        report.seconds = 61.2;
        assert!(!report.is_proved());
        assert_eq!(
            report.to_string(),
            "1 of 2 patches proved by 2 cases; 1 of 1 without a case built; unit tests keep their \
             result after 1 of 1 patches, in 61 s"
        );
    }
}
