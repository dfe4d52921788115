//! The matrix of cases by subject, and the details of what went otherwise than expected.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};

use crate::outcome::{Outcome, Status};

/// Width of a subject's column.
const COLUMN: usize = 12;

/// Width of the column of cases.
const NAMES: usize = 43;

/// What is shown at the end of a run.
#[derive(Debug)]
pub struct Matrix<'a> {
    /// In the order of columns.
    pub subjects: &'a [String],
    /// In the order of rows.
    pub outcomes: &'a [Outcome],
    /// Whether to show the details of expected failures as well.
    pub verbose: bool,
}

impl fmt::Display for Matrix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        for (case, client) in self.rows() {
            let name = match client {
                "raw" => case.clone(),
                client => format!("{case} ({client})"),
            };
            let mut line = if name.len() > NAMES {
                format!("{name}\n{:NAMES$}", "")
            } else {
                format!("{name:NAMES$}")
            };
            for subject in self.subjects {
                let outcome = self.outcomes.iter().find(|outcome| {
                    outcome.run() == case
                        && outcome.client.name() == client
                        && outcome.subject == *subject
                });
                match outcome {
                    Some(outcome) => cell(&mut line, outcome)?,
                    None => write!(line, " {:<width$}", "-", width = COLUMN - 1)?,
                }
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        self.details(f)?;
        self.sums(f)
    }
}

impl Matrix<'_> {
    /// Cases with their transports and clients, in the order of the outcomes.
    fn rows(&self) -> Vec<(String, &'static str)> {
        let mut rows = Vec::new();
        for outcome in self.outcomes {
            let row = (outcome.run(), outcome.client.name());
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        rows
    }

    /// The names of the subjects, each broken before its version to fit its column.
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self
            .subjects
            .iter()
            .map(|name| name.rsplit_once('-').unwrap_or((name, "")))
            .collect();
        for line in 0..2 {
            let mut text = " ".repeat(NAMES);
            for (kind, version) in &parts {
                let part = if line == 0 { kind } else { version };
                write!(text, " {part:<width$}", width = COLUMN - 1)?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }

    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for outcome in self.outcomes {
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
        let measured =
            |outcome: &&Outcome| outcome.status == Status::Pass && !outcome.detail.is_empty();
        for outcome in self.outcomes.iter().filter(measured) {
            let (subject, run) = (&outcome.subject, outcome.run());
            writeln!(f, "\n{subject}: {run}\n  {}", outcome.detail)?;
        }
        let mut skips: Vec<(&str, &str)> = Vec::new();
        for outcome in self.outcomes.iter().filter(|o| o.status == Status::Skip) {
            let skip = (outcome.subject.as_str(), outcome.detail.as_str());
            if !skips.contains(&skip) {
                skips.push(skip);
            }
        }
        skips.sort_by_key(|(subject, _)| self.subjects.iter().position(|name| name == subject));
        if !skips.is_empty() {
            writeln!(f, "\nskipped:")?;
        }
        for (subject, reason) in skips {
            let count = self
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
        for subject in self.subjects {
            let own = || self.outcomes.iter().filter(|o| o.subject == *subject);
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

/// A status with its time; `!` marks what was not expected.
fn cell(line: &mut String, outcome: &Outcome) -> fmt::Result {
    let text = match outcome.status {
        Status::Skip => "skip".to_owned(),
        status => {
            let mark = if outcome.is_as_expected() { "" } else { "!" };
            format!("{status}{mark} {:.2}s", outcome.took.as_secs_f64())
        }
    };
    let style = style(outcome);
    let padding = (COLUMN - 1).saturating_sub(text.len());
    write!(line, " {style}{text}{style:#}{:padding$}", "")
}

fn style(outcome: &Outcome) -> Style {
    let plain = Style::new();
    match outcome.status {
        _ if !outcome.is_as_expected() => plain.bold().fg_color(Some(AnsiColor::Red.into())),
        Status::Pass => plain.fg_color(Some(AnsiColor::Green.into())),
        Status::Fail | Status::Hang => plain.fg_color(Some(AnsiColor::Yellow.into())),
        Status::Skip => plain.dimmed(),
    }
}
