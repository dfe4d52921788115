//! The matrix of cases by subject, for a terminal of 80 columns.

use std::fmt::{self, Write as _};

use anstyle::{AnsiColor, Style};

use super::groups::{groups, Cell, Group};
use super::Run;
use crate::outcome::Status;

/// Width of a subject's column.
const COLUMN: usize = 12;

/// What a line may take.
const LINE: usize = 79;

/// The least that names keep, however many subjects there are.
const NAMES: usize = 31;

/// The matrix that is shown at the end of a run: a row a case, or several where its clients and
/// transports do not agree.
#[derive(Debug)]
pub struct Matrix<'a>(pub Run<'a>);

impl fmt::Display for Matrix<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.head(f)?;
        let mut of = None;
        for group in groups(self.0.subjects, self.0.outcomes) {
            match &group.label {
                None => self.row(f, &name(&group), &group)?,
                Some(label) => {
                    if of.replace(group.case) != Some(group.case) {
                        writeln!(f, "{}", group.case)?;
                    }
                    self.row(f, &format!("  {label}"), &group)?;
                }
            }
        }
        Ok(())
    }
}

/// A case with the number of its runs.
fn name(group: &Group) -> String {
    match group.runs.as_slice() {
        [(client, over)] => match client.name() {
            "raw" => over.run_of(group.case),
            client => format!("{} ({client})", over.run_of(group.case)),
        },
        runs => format!("{} ({} runs)", group.case, runs.len()),
    }
}

impl Matrix<'_> {
    /// The names of the subjects, each broken before its version to fit its column.
    fn head(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<_> = self
            .0
            .subjects
            .iter()
            .map(|name| name.rsplit_once('-').unwrap_or((name, "")))
            .collect();
        for line in 0..2 {
            let mut text = " ".repeat(self.names());
            for (kind, version) in &parts {
                let part = if line == 0 { kind } else { version };
                write!(text, " {part:<width$}", width = COLUMN - 1)?;
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }

    /// A name, on as many lines as it needs, and what each subject did.
    fn row(&self, f: &mut fmt::Formatter<'_>, name: &str, group: &Group) -> fmt::Result {
        let width = self.names();
        let mut lines = wrapped(name, width);
        let last = lines.pop().unwrap_or_default();
        for line in lines {
            writeln!(f, "{line}")?;
        }
        let mut line = if last.len() > width {
            format!("{last}\n{:width$}", "")
        } else {
            format!("{last:width$}")
        };
        for cell in &group.cells {
            match cell {
                Some(cell) => show(&mut line, cell)?,
                None => write!(line, " {:<width$}", "-", width = COLUMN - 1)?,
            }
        }
        writeln!(f, "{}", line.trim_end())
    }

    /// Width of the column of names.
    fn names(&self) -> usize {
        LINE.saturating_sub(COLUMN * self.0.subjects.len())
            .clamp(NAMES, 43)
    }
}

/// Breaks a name between words; what follows is indented as it is, and by two more.
fn wrapped(name: &str, width: usize) -> Vec<String> {
    let indent = name.len() - name.trim_start().len();
    let mut lines = vec![" ".repeat(indent)];
    for word in name.split_whitespace() {
        let line = lines.last_mut().map_or("", |line| line.as_str());
        let is_empty = line.trim().is_empty();
        if !is_empty && line.len() + 1 + word.len() > width {
            lines.push(format!("{}{word}", " ".repeat(indent + 2)));
        } else if let Some(line) = lines.last_mut() {
            if !is_empty {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// A status with its longest time; `!` marks what was not expected.
fn show(line: &mut String, cell: &Cell) -> fmt::Result {
    let mark = if cell.as_expected { "" } else { "!" };
    let text = match cell.status {
        Status::Skip => format!("skip{mark}"),
        status => format!("{status}{mark} {:.2}s", cell.took.as_secs_f64()),
    };
    let style = style(cell);
    let padding = (COLUMN - 1).saturating_sub(text.len());
    write!(line, " {style}{text}{style:#}{:padding$}", "")
}

fn style(cell: &Cell) -> Style {
    let plain = Style::new();
    match cell.status {
        _ if !cell.as_expected => plain.bold().fg_color(Some(AnsiColor::Red.into())),
        Status::Pass => plain.fg_color(Some(AnsiColor::Green.into())),
        Status::Fail | Status::Hang => plain.fg_color(Some(AnsiColor::Yellow.into())),
        Status::Skip => plain.dimmed(),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clients::Client;
    use crate::expectations::Expected;
    use crate::outcome::Outcome;
    use crate::wire::transcript::Record;
    use crate::wire::Transport;

    fn outcome(subject: &str, case: &'static str, client: Client, status: Status) -> Outcome {
        Outcome {
            subject: subject.into(),
            case,
            client,
            over: Transport::Plain,
            status,
            took: Duration::from_millis(1120),
            detail: String::new(),
            transcript: Record::default(),
            failure: None,
            expected: Expected {
                status: Status::Pass,
                reason: None,
            },
        }
    }

    #[test]
    fn clients_that_agree_share_a_row() {
        let subjects = ["upstream-0.9.1", "patched-0.9.1"].map(String::from);
        let mut outcomes = Vec::new();
        for client in [Client::Raw, Client::Curl, Client::Reqwest] {
            outcomes.push(outcome(&subjects[0], "seed.a", client, Status::Pass));
            outcomes.push(outcome(&subjects[1], "seed.a", client, Status::Pass));
            let old = match client {
                Client::Raw => Status::Hang,
                _ => Status::Pass,
            };
            outcomes.push(outcome(&subjects[0], "seed.b", client, old));
        }
        let matrix = Matrix(Run {
            subjects: &subjects,
            outcomes: &outcomes,
            took: Duration::ZERO,
        });
        // Without its colours.
        let seen = anstream::adapter::strip_str(&matrix.to_string()).to_string();
        let expected = format!(
            "{0:43} upstream    patched\n\
             {0:43} 0.9.1       0.9.1\n\
             {1:43} pass 1.12s  pass 1.12s\n\
             seed.b\n\
             {2:43} hang! 1.12s -\n\
             {3:43} pass 1.12s  -\n",
            "", "seed.a (3 runs)", "  raw", "  curl reqwest",
        );
        assert_eq!(seen, expected);
    }

    #[test]
    fn no_line_is_longer_than_a_terminal() {
        let subjects = [
            "upstream-0.4.0",
            "upstream-0.9.1",
            "patched-0.9.1",
            "next-1",
        ];
        let subjects = subjects.map(String::from);
        let long = "response.an-answer-whose-name-is-longer-than-a-column-of-names-may-be";
        let outcomes: Vec<_> = subjects
            .iter()
            .map(|subject| outcome(subject, long, Client::Curl, Status::Fail))
            .collect();
        let matrix = Matrix(Run {
            subjects: &subjects,
            outcomes: &outcomes,
            took: Duration::ZERO,
        });
        let seen = anstream::adapter::strip_str(&matrix.to_string()).to_string();
        assert!(seen.contains("fail! 1.12s fail! 1.12s"), "{seen}");
        for line in seen.lines() {
            assert!(line.len() <= 80, "{line}");
        }
    }
}
