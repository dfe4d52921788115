//! Runs of a case that came to the same, which reports show together.

use std::time::Duration;

use crate::clients::Client;
use crate::outcome::{Outcome, Status};
use crate::wire::Transport;

/// A run of a case.
type Run = (Client, Transport);

/// Runs of one case with the same result of each subject.
#[derive(Clone, Debug)]
pub struct Group {
    /// The case's id.
    pub case: &'static str,
    /// Which of its clients and transports, where not all.
    pub label: Option<String>,
    /// Its runs.
    pub runs: Vec<Run>,
    /// What came of them, for each subject; none where it did not run.
    pub cells: Vec<Option<Cell>>,
}

/// What came of the runs of a group with one subject.
#[derive(Clone, Copy, Debug)]
pub struct Cell {
    /// The result of each.
    pub status: Status,
    /// Whether it is what the expectations say.
    pub as_expected: bool,
    /// How long the longest took.
    pub took: Duration,
}

impl Cell {
    fn of(outcome: &Outcome) -> Cell {
        Cell {
            status: outcome.status,
            as_expected: outcome.is_as_expected(),
            took: outcome.took,
        }
    }

    fn is_like(self, other: Cell) -> bool {
        (self.status, self.as_expected) == (other.status, other.as_expected)
    }
}

/// How long a label may be before the largest group of a case is named for the others.
const LONG: usize = 41;

/// All runs, case by case, in the order of the outcomes.
pub fn groups(subjects: &[String], outcomes: &[Outcome]) -> Vec<Group> {
    let mut cases: Vec<&'static str> = Vec::new();
    let mut groups = Vec::new();
    for outcome in outcomes {
        if cases.last() != Some(&outcome.case) && !cases.contains(&outcome.case) {
            cases.push(outcome.case);
        }
    }
    for case in cases {
        let of_case: Vec<_> = outcomes.iter().filter(|o| o.case == case).collect();
        groups.extend(groups_of(case, subjects, &of_case));
    }
    groups
}

fn groups_of(case: &'static str, subjects: &[String], outcomes: &[&Outcome]) -> Vec<Group> {
    let mut runs: Vec<Run> = Vec::new();
    for outcome in outcomes {
        let run = (outcome.client, outcome.over);
        if !runs.contains(&run) {
            runs.push(run);
        }
    }
    let mut groups: Vec<Group> = Vec::new();
    for run in &runs {
        let cells: Vec<_> = subjects
            .iter()
            .map(|subject| {
                let found = outcomes
                    .iter()
                    .find(|o| (o.client, o.over) == *run && o.subject == *subject);
                found.map(|outcome| Cell::of(outcome))
            })
            .collect();
        match groups.iter_mut().find(|group| alike(&group.cells, &cells)) {
            Some(group) => {
                group.runs.push(*run);
                for (longest, cell) in group.cells.iter_mut().zip(cells) {
                    if let (Some(longest), Some(cell)) = (longest, cell) {
                        longest.took = longest.took.max(cell.took);
                    }
                }
            }
            None => groups.push(Group {
                case,
                label: None,
                runs: vec![*run],
                cells,
            }),
        }
    }
    if groups.len() > 1 {
        for group in &mut groups {
            group.label = Some(label(&group.runs, &runs));
        }
        let largest = groups.iter().map(|group| group.runs.len()).max();
        if let Some(group) = groups
            .iter_mut()
            .find(|group| Some(group.runs.len()) == largest)
        {
            if group.label.as_ref().is_some_and(|label| label.len() > LONG) {
                group.label = Some(format!("the other {}", group.runs.len()));
            }
        }
    }
    groups
}

fn alike(cells: &[Option<Cell>], others: &[Option<Cell>]) -> bool {
    cells
        .iter()
        .zip(others)
        .all(|(cell, other)| match (cell, other) {
            (Some(cell), Some(other)) => cell.is_like(*other),
            (None, None) => true,
            _ => false,
        })
}

/// Names some of a case's runs: `@tls` for all over TLS, `curl` for all of curl, `curl@tls` for one.
fn label(some: &[Run], all: &[Run]) -> String {
    let whole = |belongs: &dyn Fn(&Run) -> bool| {
        all.iter()
            .filter(|run| belongs(run))
            .all(|run| some.contains(run))
    };
    let several =
        |belongs: &dyn Fn(&Run) -> bool| all.iter().filter(|run| belongs(run)).count() > 1;
    let mut names: Vec<String> = Vec::new();
    for (client, over) in some {
        let same_over = |run: &Run| run.1 == *over;
        let same_client = |run: &Run| run.0 == *client;
        let name = if several(&same_over) && whole(&same_over) {
            format!("@{over}")
        } else if whole(&same_client) {
            client.to_string()
        } else {
            format!("{client}@{over}")
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Run; 5] = [
        (Client::Raw, Transport::Plain),
        (Client::Raw, Transport::Tls),
        (Client::Curl, Transport::Plain),
        (Client::Curl, Transport::Tls),
        (Client::Reqwest, Transport::Plain),
    ];

    #[test]
    fn a_label_is_no_longer_than_it_has_to_be() {
        assert_eq!(label(&[ALL[1], ALL[3]], &ALL), "@tls");
        assert_eq!(label(&[ALL[0], ALL[1]], &ALL), "raw");
        assert_eq!(label(&[ALL[0], ALL[3]], &ALL), "raw@plain curl@tls");
        assert_eq!(label(&[ALL[1], ALL[3], ALL[4]], &ALL), "@tls reqwest");
    }
}
