//! What will be done to a target, told before it is done.

use std::fmt;
use std::time::Duration;

use super::Target;
use crate::clients::Client;
use crate::runner::Job;
use crate::selection::{covers, Selection};
use crate::wire::Transport;

/// The runs of cases at a target.
#[derive(Clone, Debug)]
pub struct Plan {
    /// In the order of reports, also those that will be skipped.
    pub jobs: Vec<Job>,
    /// What will be done.
    pub text: String,
}

/// The clients that know how to talk to a target through a tap.
const CLIENTS: [Client; 3] = [Client::Raw, Client::Curl, Client::Reqwest];

impl Plan {
    /// The selected cases that run anywhere, and those that were selected by name.
    pub fn new(target: &Target, selection: &Selection) -> Plan {
        let mut jobs = Vec::new();
        for case in &selection.cases {
            if case.anywhere.is_none() && selection.globs.is_empty() {
                continue;
            }
            let over = match case.over {
                [Transport::Tls] => Transport::Tls,
                _ => target.transport(),
            };
            let globs = &selection.globs;
            if !globs.is_empty() && !globs.iter().any(|glob| covers(glob, case.id, over)) {
                continue;
            }
            for client in &case.clients {
                if !CLIENTS.contains(client) || !selection.clients.contains(client) {
                    continue;
                }
                let mut case = case.clone();
                case.after = Duration::ZERO;
                if let Some(anywhere) = &case.anywhere {
                    case.bound = target.bound(anywhere);
                }
                jobs.push(Job {
                    subject: target.name().to_owned(),
                    case,
                    client: *client,
                    over,
                    require_client: selection.require_clients,
                });
            }
        }
        let text = Summary::of(target, &jobs).to_string();
        Plan { jobs, text }
    }
}

/// How many connections of its own a run may have open at a time.
pub(super) fn connections(job: &Job, most: usize) -> usize {
    let of_case = job.case.anywhere.as_ref().map_or(1, |a| a.connections);
    // Some clients open one more than they need.
    let of_client = if job.client == Client::Raw { 1 } else { 2 };
    of_case.max(of_client).min(most)
}

/// What a plan comes to.
struct Summary {
    runs: usize,
    skips: usize,
    requests: usize,
    bodies: Option<&'static str>,
    connections: usize,
    rate: u32,
    usual: Duration,
    longest: Duration,
}

impl Summary {
    fn of(target: &Target, jobs: &[Job]) -> Summary {
        let most = target.manners.connections;
        let (skips, runs): (Vec<&Job>, Vec<&Job>) = jobs
            .iter()
            .partition(|job| target.lacks(&job.case, job.over).is_some());
        let anywhere = || runs.iter().filter_map(|job| job.case.anywhere.as_ref());
        // Each connection that is free runs the next case: no order of them takes longer than the
        // longest, and all others spread over the connections.
        let work: Duration = runs
            .iter()
            .map(|job| job.case.bound * connections(job, most) as u32)
            .sum();
        let last = runs.iter().map(|job| job.case.bound).max();
        // The timers side by side; the connections one after the other.
        let timers = runs.iter().map(|job| target.timers(job)).max();
        let opened: usize = anywhere().map(|anywhere| anywhere.opened).sum();
        Summary {
            runs: runs.len(),
            skips: skips.len(),
            requests: anywhere().map(|anywhere| anywhere.requests).sum(),
            bodies: target
                .manners
                .bodies
                .filter(|_| anywhere().any(|anywhere| anywhere.has_body)),
            connections: most,
            rate: target.manners.rate,
            usual: timers.unwrap_or_default()
                + Duration::from_secs_f64(opened as f64 / f64::from(target.manners.rate)),
            longest: work / most.max(1) as u32 + last.unwrap_or_default(),
        }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Summary { runs, skips, .. } = self;
        writeln!(
            f,
            "  {runs} cases, {skips} skipped for reasons given at the end"
        )?;
        let requests = self.requests;
        match self.bodies {
            None => writeln!(
                f,
                "  at most {requests} requests, GET and HEAD, none with a body"
            )?,
            Some(method) => writeln!(
                f,
                "  at most {requests} requests, GET and HEAD, some of them {method} with a body"
            )?,
        }
        writeln!(
            f,
            "  at most {} connections at a time, {} new ones a second",
            self.connections, self.rate
        )?;
        let whole = |time: Duration| {
            humantime::format_duration(Duration::from_secs(time.as_secs() + 1)).to_string()
        };
        write!(
            f,
            "  about {} if all is well, at most {}",
            whole(self.usual),
            whole(self.longest)
        )
    }
}
