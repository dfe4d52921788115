//! What was counted, and what is wrong with it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::kinds::{End, Kind};
use super::watch::Resources;
use crate::subject::process::Pair;

/// How many failures of good clients are told.
const TOLD: usize = 10;

/// How a bad client's connection ended.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ending {
    /// As it had to, after this time.
    Ended(Duration),
    /// The server had not ended it after this time.
    Held(Duration),
    /// It was never made.
    Refused,
}

#[derive(Debug, Default)]
struct Count {
    ended: u64,
    held: u64,
    refused: u64,
    longest: Duration,
}

#[derive(Debug)]
struct Counted {
    name: String,
    server_ends: bool,
    count: Mutex<Count>,
}

/// The counts of a run.
#[derive(Debug)]
pub(super) struct Tally {
    kinds: Vec<Counted>,
    /// Which kind last used a pair of ports.
    pairs: Mutex<HashMap<Pair, usize>>,
    began: AtomicU64,
    held: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
    answers: Mutex<Vec<Duration>>,
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tally {
    pub(super) fn new(kinds: &[Kind]) -> Tally {
        Tally {
            kinds: kinds
                .iter()
                .map(|kind| Counted {
                    name: kind.id(),
                    server_ends: matches!(kind.end, End::Server(_)),
                    count: Mutex::default(),
                })
                .collect(),
            pairs: Mutex::default(),
            began: AtomicU64::new(0),
            held: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failures: Mutex::default(),
            answers: Mutex::default(),
        }
    }

    pub(super) fn began(&self, place: usize, pair: Pair) {
        self.began.fetch_add(1, Ordering::Relaxed);
        lock(&self.pairs).insert(pair, place);
    }

    pub(super) fn ended(&self, place: usize, ending: Ending) {
        let mut count = lock(&self.kinds[place].count);
        match ending {
            Ending::Ended(took) => {
                count.ended += 1;
                count.longest = count.longest.max(took);
            }
            Ending::Held(took) => {
                count.held += 1;
                count.longest = count.longest.max(took);
                self.held.fetch_add(1, Ordering::Relaxed);
            }
            Ending::Refused => count.refused += 1,
        }
    }

    pub(super) fn answered(&self, took: Duration) {
        lock(&self.answers).push(took);
    }

    pub(super) fn failed(&self, what: String) {
        self.failed.fetch_add(1, Ordering::Relaxed);
        let mut failures = lock(&self.failures);
        if failures.len() < TOLD {
            failures.push(what);
        }
    }

    /// The kinds that sockets belong to, with their number.
    pub(super) fn kinds_of(&self, sockets: &HashSet<Pair>) -> BTreeMap<String, usize> {
        let pairs = lock(&self.pairs);
        let mut kinds = BTreeMap::new();
        for pair in sockets {
            let kind = pairs.get(pair).map(|&place| self.kinds[place].name.clone());
            let kind = kind.unwrap_or_else(|| "a good client".to_owned());
            *kinds.entry(kind).or_default() += 1;
        }
        kinds
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bad, {} held; {} answers, {} failed",
            self.began.load(Ordering::Relaxed),
            self.held.load(Ordering::Relaxed),
            lock(&self.answers).len(),
            self.failed.load(Ordering::Relaxed)
        )
    }
}

/// What was still there when nothing had to be.
#[derive(Debug)]
pub(super) struct Left {
    /// Sockets by kind.
    pub(super) sockets: BTreeMap<String, usize>,
    /// Requests that the origin was still answering.
    pub(super) answering: usize,
}

/// A run and its result.
#[derive(Debug)]
pub struct Report {
    pub(super) took: Duration,
    pub(super) tally: Arc<Tally>,
    pub(super) left: Left,
    pub(super) before: Resources,
    pub(super) peak: Resources,
    /// Resident memory in KiB when the load had run for a while.
    pub(super) plateau: u64,
    pub(super) after: Resources,
}

impl Report {
    /// What must not have been; empty if all is well.
    pub fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for kind in &self.tally.kinds {
            let count = lock(&kind.count);
            if count.held > 0 {
                failures.push(format!(
                    "{}: {} of {} connections were not ended by the server",
                    kind.name,
                    count.held,
                    count.held + count.ended
                ));
            }
            if count.refused > 0 {
                failures.push(format!("{}: {} were refused", kind.name, count.refused));
            }
            if count.held + count.ended == 0 {
                failures.push(format!("{}: never came to its turn", kind.name));
            }
        }
        let failed = self.tally.failed.load(Ordering::Relaxed);
        if failed > 0 {
            failures.push(format!("{failed} requests of good clients failed"));
            failures.extend(lock(&self.tally.failures).iter().map(|f| format!("  {f}")));
        }
        if lock(&self.tally.answers).is_empty() {
            failures.push("no good client had an answer".to_owned());
        }
        for (kind, number) in &self.left.sockets {
            failures.push(format!("{kind}: {number} sockets left"));
        }
        if self.left.answering > 0 {
            failures.push(format!("{} upstream requests left", self.left.answering));
        }
        let mut left = |what, after: usize, before: usize| {
            if after > before {
                failures.push(format!("{} {what} left", after - before));
            }
        };
        left(
            "descriptors",
            self.after.descriptors,
            self.before.descriptors,
        );
        left("tasks", self.after.tasks, self.before.tasks);
        if self.after.memory * 10 > self.plateau * 11 {
            failures.push(format!(
                "{:.1} MiB of memory after it, more than 10 % above the {:.1} MiB of the plateau",
                mib(self.after.memory),
                mib(self.plateau)
            ));
        }
        failures
    }
}

fn mib(kib: u64) -> f64 {
    kib as f64 / 1024.0
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:48} {:>7} {:>7} {:>10}",
            "bad clients", "ended", "held", "longest"
        )?;
        for kind in &self.tally.kinds {
            let count = lock(&kind.count);
            writeln!(
                f,
                "{:48} {:>7} {:>7} {:>8.2} s{}",
                kind.name,
                count.ended,
                count.held,
                count.longest.as_secs_f64(),
                if kind.server_ends { "" } else { ", by itself" }
            )?;
        }
        let mut answers = lock(&self.tally.answers).clone();
        answers.sort_unstable();
        let at = |part: f64| {
            let place = (answers.len() as f64 * part) as usize;
            let took = answers.get(place.min(answers.len().saturating_sub(1)));
            took.map_or(0.0, |took| took.as_secs_f64() * 1000.0)
        };
        writeln!(
            f,
            "\ngood clients: {} answers, {} failures; half within {:.1} ms, 99 % within {:.1} ms, \
             all within {:.1} ms",
            answers.len(),
            self.tally.failed.load(Ordering::Relaxed),
            at(0.5),
            at(0.99),
            at(1.0)
        )?;
        writeln!(f, "before:  {}", self.before)?;
        writeln!(f, "peak:    {}", self.peak)?;
        writeln!(f, "plateau: {:.1} MiB", mib(self.plateau))?;
        writeln!(f, "after:   {}", self.after)?;
        writeln!(f, "{:.0} s in all", self.took.as_secs_f64())
    }
}

#[cfg(test)]
mod tests {
    use super::super::kinds;
    use super::*;

    const IDLE: Resources = Resources {
        descriptors: 20,
        tasks: 10,
        threads: 4,
        memory: 10_000,
    };

    /// A run in which each kind came once and all was well.
    fn good() -> Report {
        let kinds = kinds::all();
        let tally = Tally::new(&kinds);
        for place in 0..kinds.len() {
            tally.ended(place, Ending::Ended(Duration::from_secs(1)));
        }
        tally.answered(Duration::from_millis(1));
        Report {
            took: Duration::from_secs(60),
            tally: Arc::new(tally),
            left: Left {
                sockets: BTreeMap::new(),
                answering: 0,
            },
            before: IDLE,
            peak: IDLE,
            plateau: 10_000,
            after: Resources {
                memory: 11_000,
                ..IDLE
            },
        }
    }

    #[test]
    fn a_good_run_has_no_failures() {
        assert_eq!(good().failures(), Vec::<String>::new());
    }

    #[test]
    fn whatever_is_wrong_is_a_failure() {
        type Wrong = (&'static str, fn(&mut Report));
        let wrong: [Wrong; 9] = [
            ("were not ended", |r| {
                r.tally.ended(0, Ending::Held(Duration::from_secs(10)));
            }),
            ("were refused", |r| r.tally.ended(0, Ending::Refused)),
            ("never came", |r| {
                r.tally = Arc::new(Tally::new(&kinds::all()));
                r.tally.answered(Duration::ZERO);
            }),
            ("good clients failed", |r| {
                r.tally.failed("status 500".to_owned())
            }),
            ("sockets left", |r| {
                r.left.sockets.insert("proxy-short idle".to_owned(), 1);
            }),
            ("upstream requests left", |r| r.left.answering = 1),
            ("descriptors left", |r| r.after.descriptors += 1),
            ("tasks left", |r| r.after.tasks += 1),
            ("of memory", |r| r.after.memory += 1),
        ];
        for (told, make) in wrong {
            let mut report = good();
            make(&mut report);
            let failures = report.failures();
            assert!(
                failures.iter().any(|failure| failure.contains(told)),
                "{told}: {failures:?}"
            );
        }
    }

    #[test]
    fn a_socket_is_traced_to_the_kind_that_made_it() {
        let tally = Tally::new(&kinds::all()[..2]);
        tally.began(1, (80, 4000));
        let left = tally.kinds_of(&HashSet::from([(80, 4000), (80, 4001)]));
        assert_eq!(left["proxy-short half-head"], 1);
        assert_eq!(left["a good client"], 1);
    }
}
