//! What a target fails, for its owner: what was expected and seen, what it costs, where to look.

use std::fmt;

use textwrap::Options;

use crate::anywhere::Advice;
use crate::case::Case;
use crate::cases;
use crate::outcome::{Outcome, Status};

/// How wide the text is.
const WIDTH: usize = 80;

/// How many runs with one cause are told in full.
const TOLD: usize = 4;

/// The findings of a run against a target.
#[derive(Debug)]
pub struct Findings<'a> {
    causes: Vec<Cause<'a>>,
}

/// What has one cost and one place to look.
#[derive(Debug)]
struct Cause<'a> {
    advice: Advice,
    runs: Vec<(&'a Outcome, Case)>,
}

impl<'a> Findings<'a> {
    /// Those among the outcomes, by cause, in their order.
    pub fn of(outcomes: &'a [Outcome]) -> Findings<'a> {
        let mut causes: Vec<Cause<'a>> = Vec::new();
        for outcome in outcomes {
            let Some((case, advice)) = advised(outcome) else {
                continue;
            };
            match causes.iter_mut().find(|cause| cause.advice == advice) {
                Some(cause) => cause.runs.push((outcome, case)),
                None => causes.push(Cause {
                    advice,
                    runs: vec![(outcome, case)],
                }),
            }
        }
        Findings { causes }
    }
}

/// What to say of an outcome, if it is a finding of a case that runs anywhere.
pub fn advice(outcome: &Outcome) -> Option<Advice> {
    advised(outcome).map(|(_, advice)| advice)
}

fn advised(outcome: &Outcome) -> Option<(Case, Advice)> {
    if !matches!(outcome.status, Status::Fail | Status::Hang) {
        return None;
    }
    let case = cases::all()
        .into_iter()
        .find(|case| case.id == outcome.case)?;
    let advice = case.anywhere.as_ref()?.advice;
    Some((case, advice))
}

impl fmt::Display for Findings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.causes.len() {
            0 => return writeln!(f, "no findings"),
            1 => writeln!(f, "1 finding")?,
            count => writeln!(f, "{count} findings")?,
        }
        for (number, cause) in self.causes.iter().enumerate() {
            writeln!(f)?;
            cause.write(f, number + 1)?;
        }
        writeln!(
            f,
            "\nThe bytes of each case and their times stand above. --case NAME runs one again,\n\
             harness explain NAME tells more of it. A NAME.patch is one of patches/0.9.1;\n\
             cargo pingora-keepalive apply puts them all into a Pingora project."
        )
    }
}

impl Cause<'_> {
    fn write(&self, f: &mut fmt::Formatter<'_>, number: usize) -> fmt::Result {
        for (place, (outcome, case)) in self.runs.iter().enumerate() {
            if place == TOLD {
                let more: Vec<_> = self.runs[TOLD..]
                    .iter()
                    .map(|(outcome, _)| run(outcome))
                    .collect();
                paragraph(f, "    ", "and so  ", &more.join(", "))?;
                break;
            }
            let label = match place {
                0 => format!("{number}. "),
                _ => String::new(),
            };
            let title = format!("{}: {}", run(outcome), outcome.status);
            writeln!(f, "{label:<4}{title}")?;
            paragraph(f, "    ", "case    ", case.sentence)?;
            let (expected, seen) = match outcome.detail.split_once("; seen: ") {
                Some((expected, seen)) => (expected, seen),
                None => ("", outcome.detail.as_str()),
            };
            let expected = expected.strip_prefix("expected ").unwrap_or(expected);
            if !expected.is_empty() {
                paragraph(f, "    ", "wanted  ", expected)?;
            }
            paragraph(f, "    ", "seen    ", seen)?;
            paragraph(f, "    ", "source  ", &source(case))?;
        }
        paragraph(f, "    ", "costs   ", self.advice.costs)?;
        paragraph(f, "    ", "look    ", self.advice.look)
    }
}

/// Where it is laid down that a service which is not ours must do so: the RFC, or its own
/// configuration.
fn source(case: &Case) -> String {
    let ours = ["design", "finding", "issue", "checklist"];
    let theirs = case.source.split(", ");
    let theirs: Vec<_> = theirs
        .filter(|source| !ours.iter().any(|own| source.starts_with(own)))
        .collect();
    let timers = case.anywhere.iter().flat_map(|anywhere| &anywhere.timers);
    let timers = timers.map(|timer| format!("its {}", timer.flag().trim_start_matches("--")));
    let mut all: Vec<_> = theirs
        .into_iter()
        .map(str::to_owned)
        .chain(timers)
        .collect();
    all.dedup();
    all.join(", ")
}

/// The name of a run, with its client where it is a program that people use.
fn run(outcome: &Outcome) -> String {
    match outcome.client {
        crate::clients::Client::Raw => outcome.case.to_owned(),
        client => format!("{} ({client})", outcome.case),
    }
}

/// A labelled text, folded and indented behind its label.
pub fn paragraph(f: &mut impl fmt::Write, indent: &str, label: &str, text: &str) -> fmt::Result {
    let first = format!("{indent}{label}");
    let rest = " ".repeat(first.chars().count());
    let options = Options::new(WIDTH)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .initial_indent(&first)
        .subsequent_indent(&rest);
    writeln!(f, "{}", textwrap::fill(text, options))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clients::Client;
    use crate::expectations::Expectations;
    use crate::wire::transcript::Record;
    use crate::wire::Transport;
    use std::time::Duration;

    fn outcome(id: &str, status: Status, detail: &str) -> Outcome {
        let case = crate::selection::case(id).expect(id);
        let (client, over) = (Client::Raw, Transport::Plain);
        Outcome {
            subject: "http://127.0.0.1/".into(),
            case: case.id,
            client,
            over,
            status,
            took: Duration::ZERO,
            detail: detail.into(),
            transcript: Record::default(),
            failure: None,
            expected: Expectations::default().of("", &case, client, over),
        }
    }

    #[test]
    fn a_finding_says_what_it_costs_and_where_to_look() {
        let outcomes = [
            outcome(
                "idle.default-closes-after-the-first",
                Status::Hang,
                "expected the close; seen: none",
            ),
            outcome("connection.none", Status::Pass, ""),
            outcome(
                "idle.default-closes-after-the-third",
                Status::Fail,
                "expected a; seen: b",
            ),
        ];
        let text = Findings::of(&outcomes).to_string();
        assert!(text.starts_with("1 finding\n"), "{text}");
        assert!(
            text.contains("1.  idle.default-closes-after-the-first: hang"),
            "{text}"
        );
        assert!(text.contains("wanted  the close\n"), "{text}");
        assert!(text.contains("seen    none\n"), "{text}");
        assert!(
            text.contains("    idle.default-closes-after-the-third: fail"),
            "{text}"
        );
        assert_eq!(text.matches("costs   ").count(), 1, "{text}");
        assert_eq!(text.matches("look    ").count(), 1, "{text}");
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
    }

    #[test]
    fn nothing_found_is_said() {
        let outcomes = [outcome("connection.none", Status::Pass, "")];
        assert_eq!(Findings::of(&outcomes).to_string(), "no findings\n");
        assert_eq!(advice(&outcomes[0]), None);
    }
}
