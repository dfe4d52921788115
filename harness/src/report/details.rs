//! What went otherwise than expected, what was measured, what was skipped, and the sums.

use std::fmt;

use super::Run;
use crate::outcome::{Outcome, Status};

/// What is shown below the matrix.
#[derive(Debug)]
pub struct Details<'a> {
    /// The run.
    pub run: Run<'a>,
    /// Whether to show expected failures as well.
    pub verbose: bool,
}

impl fmt::Display for Details<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.surprises(f)?;
        self.measured(f)?;
        self.skips(f)?;
        self.sums(f)
    }
}

impl Details<'_> {
    fn surprises(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in self.run.outcomes {
            let told = match outcome.status {
                Status::Skip => false,
                _ if !outcome.is_as_expected() => true,
                Status::Fail | Status::Hang => self.verbose,
                Status::Pass => false,
            };
            if !told {
                continue;
            }
            writeln!(
                f,
                "\n{}: {} with {}: {}",
                outcome.subject,
                outcome.run(),
                outcome.client,
                outcome.status
            )?;
            match &outcome.expected.reason {
                Some(reason) if outcome.is_as_expected() => writeln!(f, "  known: {reason}")?,
                Some(reason) => writeln!(
                    f,
                    "  the expectations say {}: {reason}",
                    outcome.expected.status
                )?,
                None => {}
            }
            if !outcome.detail.is_empty() {
                writeln!(f, "  {}", outcome.detail)?;
            }
            writeln!(f, "{}", outcome.transcript)?;
        }
        Ok(())
    }

    fn measured(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let measured =
            |outcome: &&Outcome| outcome.status == Status::Pass && !outcome.detail.is_empty();
        for outcome in self.run.outcomes.iter().filter(measured) {
            let (subject, run) = (&outcome.subject, outcome.run());
            writeln!(f, "\n{subject}: {run}\n  {}", outcome.detail)?;
        }
        Ok(())
    }

    fn skips(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut skips: Vec<(&str, &str)> = Vec::new();
        for outcome in self
            .run
            .outcomes
            .iter()
            .filter(|o| o.status == Status::Skip)
        {
            let skip = (outcome.subject.as_str(), outcome.detail.as_str());
            if !skips.contains(&skip) {
                skips.push(skip);
            }
        }
        skips.sort_by_key(|(subject, _)| self.run.subjects.iter().position(|name| name == subject));
        if !skips.is_empty() {
            writeln!(f, "\nskipped:")?;
        }
        for (subject, reason) in skips {
            let count = self
                .run
                .outcomes
                .iter()
                .filter(|o| o.status == Status::Skip && o.subject == subject && o.detail == reason)
                .count();
            writeln!(f, "  {count:>4} of {subject}: {reason}")?;
        }
        Ok(())
    }

    fn sums(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f)?;
        for subject in self.run.subjects {
            let own = || self.run.outcomes.iter().filter(|o| o.subject == *subject);
            let count = |status| own().filter(|o| o.status == status).count();
            let surprises = own().filter(|o| !o.is_as_expected()).count();
            let verdict = match surprises {
                0 => "all as expected".to_owned(),
                n => format!("{n} NOT AS EXPECTED"),
            };
            writeln!(
                f,
                "{subject}: {} pass, {} fail, {} hang, {} skip; {verdict}",
                count(Status::Pass),
                count(Status::Fail),
                count(Status::Hang),
                count(Status::Skip),
            )?;
        }
        Ok(())
    }
}
