//! Runs the cases that the patches name against the prefixes without and with each.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use tokio::runtime::Runtime;

use super::builds::Builds;
use super::verdict::{Runs, Seen, Verdict};
use super::Plan;
use crate::clients::Client;
use crate::expectations::Expectations;
use crate::outcome::Outcome;
use crate::report::progress::Progress;
use crate::runner::{self, Job};
use crate::subject::build::Built;
use crate::wire::Transport;

/// One run: the number of patches, the case, the client and the transport.
type Run = (usize, &'static str, Client, Transport);

/// What a run showed, and what it says of it.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// In a word.
    pub(super) seen: Seen,
    /// What was expected and seen, or what is lacking.
    pub(super) detail: String,
}

/// Everything that was seen.
#[derive(Debug, Default)]
pub(super) struct Sights(BTreeMap<Key, Sight>);

/// A run in the order of maps.
type Key = (usize, &'static str, &'static str, &'static str);

fn key((length, case, client, over): Run) -> Key {
    (length, case, client.name(), over.name())
}

impl Sights {
    /// What the runs of a case showed with the first `length` patches; none if it was not run.
    pub(super) fn of<'a>(
        &'a self,
        runs: &'a [Job],
        length: usize,
    ) -> impl Iterator<Item = (&'a Job, &'a Sight)> + 'a {
        runs.iter().filter_map(move |job| {
            let run = (length, job.case.id, job.client, job.over);
            Some((job, self.0.get(&key(run))?))
        })
    }

    /// The same in words alone.
    pub(super) fn runs(&self, runs: &[Job], length: usize) -> Runs {
        Runs(self.of(runs, length).map(|(_, sight)| sight.seen).collect())
    }
}

/// Runs each claimed case without and with its patch, and a case that is not proved so against every
/// prefix that there is, to see where it would be.
pub(super) fn look(plan: &Plan, builds: &Builds, progress: &Progress) -> Result<Sights> {
    let runtime = tokio::runtime::Runtime::new()?;
    let looking = Looking {
        runtime,
        builds,
        progress,
    };
    let mut sights = Sights::default();
    let claims = || {
        let patches = plan
            .chosen
            .iter()
            .map(|at| (*at, &plan.series.patches[*at]));
        patches.flat_map(|(at, patch)| patch.claim.cases().iter().map(move |case| (at, case)))
    };
    let mut runs = Round::default();
    for (at, case) in claims() {
        runs.add(&case.runs, [at, at + 1]);
    }
    looking.at(runs, &mut sights)?;

    let mut runs = Round::default();
    for (at, case) in claims() {
        let before = sights.runs(&case.runs, at);
        let after = sights.runs(&case.runs, at + 1);
        if Verdict::of(&before, &after).problem().is_some() {
            runs.add(&case.runs, builds.lengths());
        }
    }
    runs.0.retain(|run, _| !sights.0.contains_key(run));
    looking.at(runs, &mut sights)?;
    Ok(sights)
}

/// The runs of a round, each once.
#[derive(Default)]
struct Round(BTreeMap<Key, (usize, Job)>);

impl Round {
    fn add(&mut self, jobs: &[Job], lengths: impl IntoIterator<Item = usize>) {
        for length in lengths {
            for job in jobs {
                let run = (length, job.case.id, job.client, job.over);
                self.0.insert(key(run), (length, job.clone()));
            }
        }
    }
}

struct Looking<'a> {
    runtime: Runtime,
    builds: &'a Builds,
    progress: &'a Progress,
}

impl Looking<'_> {
    /// Makes `runs`, and those that fail once more: a failure counts when it was seen twice.
    fn at(&self, runs: Round, sights: &mut Sights) -> Result<()> {
        let mut again = runs.0;
        for _ in 0..2 {
            let seen = self.round(&again)?;
            again.retain(|run, _| {
                let failed = |sight: &Sight| matches!(sight.seen, Seen::Fail | Seen::Hang);
                seen.get(run).is_some_and(failed)
            });
            sights.0.extend(seen);
        }
        Ok(())
    }

    /// Makes `runs`, side by side.
    fn round(&self, runs: &BTreeMap<Key, (usize, Job)>) -> Result<BTreeMap<Key, Sight>> {
        let lengths: BTreeSet<_> = runs.values().map(|(length, _)| *length).collect();
        let built: BTreeMap<usize, &Built> = lengths
            .into_iter()
            .filter_map(|length| {
                let build = self.builds.prefixes.get(&length)?;
                Some((length, build.built.as_ref().ok()?))
            })
            .collect();
        let jobs: Vec<_> = runs
            .values()
            .filter_map(|(length, job)| {
                Some(Job {
                    subject: built.get(length)?.variant.name.clone(),
                    ..job.clone()
                })
            })
            .collect();
        if jobs.is_empty() {
            return Ok(BTreeMap::new());
        }
        let lengths: BTreeMap<_, _> = built
            .iter()
            .map(|(length, built)| (built.variant.name.clone(), *length))
            .collect();
        let programs: Vec<_> = built.into_values().cloned().collect();
        let mut sights = BTreeMap::new();
        for outcome in self.outcomes(&programs, jobs)? {
            let length = lengths
                .get(&outcome.subject)
                .context("an unknown subject")?;
            let run = (*length, outcome.case, outcome.client, outcome.over);
            let sight = Sight {
                seen: Seen::of(&outcome),
                detail: outcome.detail,
            };
            sights.insert(key(run), sight);
        }
        Ok(sights)
    }

    fn outcomes(&self, built: &[Built], jobs: Vec<Job>) -> Result<Vec<Outcome>> {
        let counter = self.progress.cases(jobs.len());
        // Nothing is expected of a prefix: what it shows is what is asked.
        let nothing = Arc::new(Expectations::default());
        let outcomes = self.runtime.block_on(runner::collected(
            |outcomes| runner::run(built, jobs, nothing, outcomes),
            || counter.done(),
        ));
        counter.finish();
        outcomes
    }
}
