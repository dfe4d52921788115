//! What a run shows: progress while it lasts, a matrix at its end, and on request files: JSON for
//! programs, JUnit for CI, a page for people.

pub mod details;
pub mod file;
pub mod findings;
pub mod groups;
pub mod html;
pub mod json;
pub mod junit;
pub mod matrix;
pub mod outputs;
pub mod progress;

use std::time::Duration;

use crate::outcome::Outcome;

/// A run that is over.
#[derive(Clone, Copy, Debug)]
pub struct Run<'a> {
    /// The names of the subjects, in the order of columns.
    pub subjects: &'a [String],
    /// In the order of rows.
    pub outcomes: &'a [Outcome],
    /// How long it took.
    pub took: Duration,
}

impl<'a> Run<'a> {
    /// The outcomes of one subject.
    fn of(self, subject: &'a str) -> impl Iterator<Item = &'a Outcome> {
        let of_it = move |outcome: &&Outcome| outcome.subject == subject;
        self.outcomes.iter().filter(of_it)
    }
}
