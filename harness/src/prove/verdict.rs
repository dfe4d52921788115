//! What the runs of a case before and after a patch come to.

use std::fmt;

use serde::Serialize;

use crate::clients::Client;
use crate::outcome::{Outcome, Status};

/// What one run of a case showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Seen {
    /// What should have come never did.
    Hang,
    /// Something else came.
    Fail,
    /// There is no call to ask for it yet.
    Lacks,
    /// As it should be.
    Pass,
    /// The client is not installed here.
    Missing,
}

impl Seen {
    /// What an outcome shows.
    pub(super) fn of(outcome: &Outcome) -> Seen {
        let missing = |client: Client| client.missing().is_some();
        match outcome.status {
            Status::Pass => Seen::Pass,
            Status::Fail => Seen::Fail,
            Status::Hang => Seen::Hang,
            Status::Skip if missing(outcome.client) => Seen::Missing,
            Status::Skip => Seen::Lacks,
        }
    }

    /// Whether it says that the case is not met.
    pub(super) fn is_unmet(self) -> bool {
        matches!(self, Seen::Hang | Seen::Fail | Seen::Lacks)
    }

    fn word(self) -> &'static str {
        match self {
            Seen::Hang => "hang",
            Seen::Fail => "fail",
            Seen::Lacks => "lacks",
            Seen::Pass => "pass",
            Seen::Missing => "not run",
        }
    }
}

/// All runs of a case against one prefix: `hang`, or `2 hang, 1 pass`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Runs(pub(super) Vec<Seen>);

impl Runs {
    fn count(&self, seen: Seen) -> usize {
        self.0.iter().filter(|other| **other == seen).count()
    }

    /// Whether each run passes that could be made, and one could.
    pub(super) fn all_pass(&self) -> bool {
        self.count(Seen::Pass) > 0 && !self.0.iter().any(|seen| seen.is_unmet())
    }
}

impl fmt::Display for Runs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds = [
            Seen::Hang,
            Seen::Fail,
            Seen::Lacks,
            Seen::Pass,
            Seen::Missing,
        ];
        let counts = kinds.map(|kind| (kind, self.count(kind)));
        let counts = counts.iter().filter(|(_, count)| *count > 0);
        let text: Vec<_> = counts
            .map(|(kind, count)| match count {
                1 if self.0.len() == 1 => kind.word().to_owned(),
                _ => format!("{count} {}", kind.word()),
            })
            .collect();
        match text.as_slice() {
            [] => f.write_str("not built"),
            text => f.write_str(&text.join(", ")),
        }
    }
}

/// What a case says of the patch that names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It fails without the patch and passes with it.
    Proved,
    /// It passes without the patch as well.
    PassesWithout,
    /// It does not pass with the patch.
    FailsWith,
    /// None of its clients is installed.
    NotRun,
    /// One of the two does not build.
    NotBuilt,
}

impl Verdict {
    /// From the runs without the patch and those with it: one that fails is enough without it, each
    /// must pass with it.
    pub(super) fn of(before: &Runs, after: &Runs) -> Verdict {
        if before.0.is_empty() || after.0.is_empty() {
            return Verdict::NotBuilt;
        }
        if after.0.iter().any(|seen| seen.is_unmet()) {
            return Verdict::FailsWith;
        }
        if !after.all_pass() {
            return Verdict::NotRun;
        }
        if before.0.iter().any(|seen| seen.is_unmet()) {
            Verdict::Proved
        } else {
            Verdict::PassesWithout
        }
    }

    /// What is wrong, if anything.
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Verdict::Proved => None,
            Verdict::PassesWithout => Some("passes without the patch"),
            Verdict::FailsWith => Some("does not pass with the patch"),
            Verdict::NotRun => Some("none of its clients is installed"),
            Verdict::NotBuilt => Some("could not be run, for want of a program"),
        }
    }
}

/// The shortest of `prefixes` from which on the case passes in every longer one, if it passes in the
/// longest. In ascending order.
pub(super) fn passes_from(prefixes: &[(usize, Runs)]) -> Option<usize> {
    let passing = prefixes
        .iter()
        .rev()
        .take_while(|(_, runs)| runs.all_pass());
    passing.last().map(|(length, _)| *length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Seen::{Fail, Hang, Lacks, Missing, Pass};

    fn runs(seen: &[Seen]) -> Runs {
        Runs(seen.to_vec())
    }

    #[test]
    fn one_failure_before_and_no_failure_after_prove_a_case() {
        let of = |before: &[Seen], after: &[Seen]| Verdict::of(&runs(before), &runs(after));
        assert_eq!(of(&[Hang], &[Pass]), Verdict::Proved);
        assert_eq!(of(&[Lacks], &[Pass]), Verdict::Proved);
        assert_eq!(of(&[Pass, Fail], &[Pass, Pass]), Verdict::Proved);
        assert_eq!(of(&[Missing, Fail], &[Missing, Pass]), Verdict::Proved);
        assert_eq!(of(&[Pass, Pass], &[Pass, Pass]), Verdict::PassesWithout);
        assert_eq!(
            of(&[Missing, Pass], &[Missing, Pass]),
            Verdict::PassesWithout
        );
        assert_eq!(of(&[Fail, Fail], &[Pass, Fail]), Verdict::FailsWith);
        assert_eq!(of(&[Lacks], &[Lacks]), Verdict::FailsWith);
        assert_eq!(of(&[Missing], &[Missing]), Verdict::NotRun);
        assert_eq!(of(&[], &[Pass]), Verdict::NotBuilt);
        assert_eq!(of(&[Hang], &[]), Verdict::NotBuilt);
    }

    #[test]
    fn only_a_proved_case_is_no_problem() {
        assert_eq!(Verdict::Proved.problem(), None);
        for verdict in [
            Verdict::PassesWithout,
            Verdict::FailsWith,
            Verdict::NotRun,
            Verdict::NotBuilt,
        ] {
            assert!(verdict.problem().is_some());
        }
    }

    #[test]
    fn runs_are_shown_by_kind() {
        assert_eq!(runs(&[Hang]).to_string(), "hang");
        assert_eq!(runs(&[Pass, Hang, Hang]).to_string(), "2 hang, 1 pass");
        assert_eq!(runs(&[Lacks, Lacks]).to_string(), "2 lacks");
        assert_eq!(runs(&[]).to_string(), "not built");
    }

    #[test]
    fn a_case_belongs_where_it_passes_for_good() {
        let at = |seen: &[Seen]| {
            let prefixes: Vec<_> = seen.iter().map(|s| runs(&[*s])).enumerate().collect();
            passes_from(&prefixes)
        };
        assert_eq!(at(&[Fail, Fail, Pass, Pass]), Some(2));
        assert_eq!(at(&[Fail, Pass, Fail, Pass]), Some(3));
        assert_eq!(at(&[Pass, Pass]), Some(0));
        assert_eq!(at(&[Pass, Fail]), None);
        assert_eq!(at(&[]), None);
    }
}
