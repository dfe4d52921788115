//! `harness run --target`.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{bail, Result};
use clap::{Args, ValueEnum};
use harness::outcome::Outcome;
use harness::report::findings::{paragraph, Findings};
use harness::report::outputs::Outputs;
use harness::report::progress::Progress;
use harness::report::Run;
use harness::runner::{self, Order};
use harness::selection::Selection;
use harness::target::address::Address;
use harness::target::plan::Plan;
use harness::target::trust::Trust;
use harness::target::{self, run, Manners, Target};
use harness::timeouts::{Limit, Timeouts};
use harness::wire::Transport;

use super::{results, usage, Problem, RunArguments};

/// A service that is running.
#[derive(Debug, Args)]
#[command(next_help_heading = "Your own server")]
pub(super) struct TargetArguments {
    /// Run against the service at this URL instead of building subjects: http://HOST:PORT[/PATH] or
    /// https://HOST:PORT[/PATH]. Asks for this one path with GET and HEAD, and for nothing else.
    #[arg(long = "target", value_name = "URL", conflicts_with_all = ["subjects", "over"])]
    url: Option<String>,
    /// The target may be another machine: it is yours to test.
    #[arg(long, requires = "url")]
    i_own_this_server: bool,
    /// Trust the certificates that this PEM file holds.
    #[arg(
        long,
        value_name = "FILE",
        requires = "url",
        conflicts_with = "insecure"
    )]
    ca: Option<PathBuf>,
    /// Trust any certificate.
    #[arg(long, requires = "url")]
    insecure: bool,
    /// How long the service waits for the next request on a connection: 60s, 500ms, 2m or off.
    #[arg(long, value_name = "TIME", requires = "url")]
    keepalive_timeout: Option<Limit>,
    /// How long it waits for the head of a request, in all, the first on a connection included.
    #[arg(long, value_name = "TIME", requires = "url")]
    header_read_timeout: Option<Limit>,
    /// How long it waits for the next byte of a request's body.
    #[arg(long, value_name = "TIME", requires = "url")]
    body_read_timeout: Option<Limit>,
    /// How long it waits for a TLS handshake.
    #[arg(long, value_name = "TIME", requires = "url")]
    handshake_timeout: Option<Limit>,
    /// How long a response may take before it counts as a hang.
    #[arg(long, value_name = "TIME", requires = "url", value_parser = time,
          default_value = "10s")]
    response_timeout: Duration,
    /// Also send requests with bodies, with this method. A POST may change something; where the
    /// target passes requests on to a server that does not read the bodies of GET, either may
    /// disturb others.
    #[arg(long, value_name = "METHOD", requires = "url")]
    bodies: Option<Method>,
    /// How many connections may be open at a time.
    #[arg(long, value_name = "NUMBER", requires = "url",
          value_parser = clap::value_parser!(u16).range(4..),
          default_value_t = target::CONNECTIONS)]
    connections: u16,
    /// How many connections may be opened a second.
    #[arg(long, value_name = "NUMBER", requires = "url",
          value_parser = clap::value_parser!(u32).range(1..=1000),
          default_value_t = target::RATE)]
    rate: u32,
}

/// The method of requests with bodies.
#[derive(Clone, Copy, Debug, ValueEnum)]
#[value(rename_all = "UPPER")]
enum Method {
    /// Changes nothing at a server that follows the RFCs.
    Get,
    /// May change something.
    Post,
}

fn time(text: &str) -> Result<Duration, String> {
    match text.parse()? {
        Limit::After(time) => Ok(time),
        Limit::Off => Err("a response has to come some time".to_owned()),
    }
}

impl TargetArguments {
    /// Whether there is a target.
    pub(super) fn is_given(&self) -> bool {
        self.url.is_some()
    }

    fn address(&self) -> Result<Address> {
        let url = self.url.as_deref().unwrap_or_default();
        let address = Address::parse(url, self.i_own_this_server)?;
        if address.transport == Transport::Plain {
            if self.ca.is_some() || self.insecure {
                bail!(
                    "--ca and --insecure are for https, and the target is {}",
                    address.url
                );
            }
            if self.handshake_timeout.is_some() {
                bail!(
                    "--handshake-timeout is for https, and the target is {}",
                    address.url
                );
            }
        }
        Ok(address)
    }

    fn trust(&self) -> Trust {
        match &self.ca {
            _ if self.insecure => Trust::Any,
            Some(file) => Trust::File(file.clone()),
            None => Trust::System,
        }
    }

    fn timeouts(&self) -> Timeouts {
        Timeouts {
            idle: self.keepalive_timeout,
            header_read: self.header_read_timeout,
            body_read: self.body_read_timeout,
            handshake: self.handshake_timeout,
            advertised: None,
        }
    }

    fn manners(&self) -> Manners {
        Manners {
            connections: usize::from(self.connections),
            rate: self.rate,
            patience: self.response_timeout,
            bodies: self.bodies.map(|method| match method {
                Method::Get => "GET",
                Method::Post => "POST",
            }),
        }
    }
}

/// Runs what needs no control over the service; whether nothing was found.
pub(super) fn run(arguments: &RunArguments) -> Result<bool, Problem> {
    let own = &arguments.target;
    let address = own.address().map_err(usage)?;
    let mut selection =
        Selection::new(&[], &arguments.cases, &arguments.clients, &[]).map_err(usage)?;
    selection.require_clients = arguments.require_clients;
    let outputs = arguments.outputs.begin().map_err(usage)?;
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from)?;
    let (trust, timeouts, manners) = (own.trust(), own.timeouts(), own.manners());
    let target = runtime.block_on(Target::meet(address, &trust, timeouts, manners))?;
    let plan = Plan::new(&target, &selection);
    anstream::println!("{}\n{}", greeting(&target), plan.text);
    Ok(report(arguments, &runtime, target, plan, outputs)?)
}

/// A body that is more than a hundred exchanges should have, in bytes.
const LARGE: usize = 256 * 1024;

/// What the first exchange has shown.
fn greeting(target: &Target) -> String {
    let took = target.probe.took.as_secs_f64();
    match &target.probe.response {
        Ok(response) => {
            let mut text = format!("{}: {response}, in {took:.2} s", target.name());
            if response.body.len() > LARGE {
                text +=
                    "\n  every request has all of this body; a path with a smaller one is kinder";
            }
            if response.status >= 400 {
                text += "\n  an error is as good as another response here; a path that succeeds shows more";
            }
            text
        }
        Err(failure) => {
            let mut text = format!("{}: no response\n", target.name());
            let _ = paragraph(&mut text, "  ", "", &failure.to_string());
            text + "  what needs a response is skipped"
        }
    }
}

fn report(
    arguments: &RunArguments,
    runtime: &tokio::runtime::Runtime,
    target: Target,
    plan: Plan,
    outputs: Outputs,
) -> Result<bool> {
    let subjects = [target.name().to_owned()];
    let order = Order::of(&plan.jobs);
    let counter = Progress::new().cases(plan.jobs.len());
    let start = Instant::now();
    let mut outcomes = runtime.block_on(runner::collected(
        |outcomes| run::run(target, plan, outcomes),
        || counter.done(),
    ))?;
    counter.finish();
    order.sort(&mut outcomes);
    let run = Run {
        subjects: &subjects,
        outcomes: &outcomes,
        took: start.elapsed(),
    };
    results::show(run, arguments.verbose);
    anstream::println!();
    anstream::print!("{}", Findings::of(&outcomes));
    outputs.finish(&run)?;
    Ok(outcomes.iter().all(Outcome::is_as_expected))
}
