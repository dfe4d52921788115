//! `harness list | explain | run | prove | bench | serve | soak | lock`.

mod bench;
mod prove;
mod results;
mod run;
mod serve;
mod soak;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use harness::anywhere::Anywhere;
use harness::place;
use harness::report::file::Output;
use harness::report::findings::paragraph;
use harness::report::outputs::{Outputs, Paths};
use harness::selection::{self, Selection};
use harness::subject::lock;

/// Proves on the wire how the HTTP/1.x connections of a Pingora service end.
#[derive(Debug, Parser)]
#[command(name = "harness", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the cases, each with its sentence, and the clients, with what is missing.
    List,
    /// Explain one case: what must be true, where that is laid down, where its steps are.
    Explain {
        /// Its id.
        case: String,
    },
    /// Build the subjects and run the cases against them.
    Run(Box<RunArguments>),
    /// Prove that the cases that a patch names fail without it and pass with it.
    Prove(ProveArguments),
    /// Measure how late thousands of idle connections are closed, with an optimized subject.
    Bench {
        /// Which.
        #[arg(long, default_value = "patched-0.9.1")]
        subject: String,
        /// How many connections expire together.
        #[arg(long, default_value_t = harness::bench::CONNECTIONS)]
        connections: usize,
    },
    /// Start one subject and say how to talk to it, until interrupted.
    Serve {
        /// Which.
        #[arg(long)]
        subject: String,
    },
    /// Set many bad clients on a subject for minutes, and see that nothing is left of them.
    Soak(SoakArguments),
    /// Renew the lock files of the subjects.
    #[command(hide = true)]
    Lock {
        /// Of these subjects only.
        #[arg(long = "subject")]
        subjects: Vec<String>,
        /// Keep none of the present versions.
        #[arg(long)]
        anew: bool,
    },
}

/// What to run.
#[derive(Debug, Args)]
struct RunArguments {
    /// Only this subject; may be given several times.
    #[arg(long = "subject", value_name = "NAME")]
    subjects: Vec<String>,
    /// Only cases whose id matches, with `@tls` or `@unix` over that alone; may be given several
    /// times.
    #[arg(long = "case", value_name = "GLOB")]
    cases: Vec<String>,
    /// Only with this client; may be given several times.
    #[arg(long = "client", value_name = "NAME")]
    clients: Vec<String>,
    /// Only over this transport: plain, tls or unix; may be given several times.
    #[arg(long = "over", value_name = "NAME")]
    over: Vec<String>,
    /// Fail where a client is not installed, instead of leaving it out.
    #[arg(long)]
    require_clients: bool,
    #[command(flatten)]
    outputs: OutputArguments,
    /// Show the bytes of expected failures as well.
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    target: target::TargetArguments,
}

/// The files to write.
#[derive(Debug, Args)]
struct OutputArguments {
    /// Also write the results to this file, as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Also write the results to this file, as JUnit XML for CI.
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Also write the results to this file, as a page with every connection drawn.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

impl OutputArguments {
    fn begin(&self) -> Result<Outputs> {
        Outputs::begin(Paths {
            json: self.json.as_deref(),
            junit: self.junit.as_deref(),
            html: self.html.as_deref(),
        })
    }
}

/// What to prove.
#[derive(Debug, Args)]
struct ProveArguments {
    /// The patches of this subject.
    #[arg(long, default_value = "patched-0.9.1", value_name = "NAME")]
    subject: String,
    /// Only patches that changed since this revision of git: the patch file, its place in the series
    /// or the file of a case that it names; all, if the engine or manifest.toml changed.
    #[arg(long, value_name = "REV", conflicts_with = "patches")]
    since: Option<String>,
    /// Only this patch; may be given several times.
    #[arg(long = "patch", value_name = "NAME")]
    patches: Vec<String>,
    /// Also run upstream's unit tests after each patch, and compare them with those without patches.
    #[arg(long)]
    unit_tests: bool,
    /// Only the unit tests: neither build nor ask the service.
    #[arg(long, requires = "unit_tests")]
    no_cases: bool,
    /// Also write the results to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How to soak.
#[derive(Debug, Args)]
struct SoakArguments {
    /// For how long clients come; waiting for the last of them comes on top.
    #[arg(default_value_t = 3.0)]
    minutes: f64,
    /// Which subject.
    #[arg(long, default_value = "patched-0.9.1", value_name = "NAME")]
    subject: String,
    /// Only kinds of bad clients whose name matches; may be given several times.
    #[arg(long = "kind", value_name = "GLOB")]
    kinds: Vec<String>,
    /// How many bad clients at a time.
    #[arg(long, default_value_t = 300, value_name = "NUMBER")]
    bad: usize,
    /// How many good clients beside them.
    #[arg(long, default_value_t = 6, value_name = "NUMBER")]
    good: usize,
}

/// Exit status for a mistake in the arguments, as clap has it.
const USAGE: u8 = 2;

/// Runs the command of the arguments.
pub(crate) fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command {
        Command::List => {
            list();
            Ok(true)
        }
        Command::Explain { case } => explain(&case),
        Command::Run(arguments) => run(&arguments),
        Command::Prove(arguments) => prove(&arguments),
        Command::Bench {
            subject,
            connections,
        } => bench(subject, connections),
        Command::Serve { subject } => serve(subject),
        Command::Soak(arguments) => soak(&arguments),
        Command::Lock { subjects, anew } => write_locks(&subjects, anew),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("error: {:#}", problem.error);
            ExitCode::from(problem.status)
        }
    }
}

/// An error with the exit status that it leads to.
struct Problem {
    error: anyhow::Error,
    status: u8,
}

impl From<anyhow::Error> for Problem {
    fn from(error: anyhow::Error) -> Problem {
        Problem { error, status: 1 }
    }
}

fn usage(error: anyhow::Error) -> Problem {
    Problem {
        error,
        status: USAGE,
    }
}

fn list() {
    let mut area = "";
    for case in harness::cases::all() {
        if case.area() != area {
            area = case.area();
            anstream::println!("\n{area}");
        }
        anstream::println!("  {}\n      {}", case.id, case.sentence);
    }
    anstream::println!("\nclients");
    for client in harness::clients::Client::all() {
        let missing = client.missing().unwrap_or_default();
        anstream::println!("  {}", format!("{client:<14}{missing}").trim_end());
    }
}

fn explain(id: &str) -> Result<bool, Problem> {
    let case = selection::case(id).map_err(usage)?;
    let clients: Vec<_> = case.clients.iter().map(ToString::to_string).collect();
    anstream::println!("{}\n  {}\n", case.id, case.sentence);
    anstream::println!("  source   {}", case.source);
    anstream::println!("  clients  {}", clients.join(", "));
    let over: Vec<_> = case.over.iter().map(ToString::to_string).collect();
    anstream::println!("  over     {}", over.join(", "));
    anstream::println!("  shape    {}", case.shapes.join(", "));
    if !case.needs.is_empty() {
        anstream::println!("  needs    {}", case.needs.join(", "));
    }
    anstream::println!("  bound    {} s", case.bound.as_secs());
    if let Some(place) = place::of_case(case.id)? {
        anstream::println!("  steps    {place}");
    }
    if case.alone {
        anstream::println!("  alone    after all others");
    }
    if let Some(anywhere) = &case.anywhere {
        anstream::println!("  anywhere also runs with --target{}", needed(anywhere));
        let mut text = String::new();
        let _ = paragraph(&mut text, "  ", "costs    ", anywhere.advice.costs);
        let _ = paragraph(&mut text, "  ", "look     ", anywhere.advice.look);
        anstream::print!("{text}");
    }
    for (subject, run, expected) in run::expected_of(&case)? {
        anstream::println!("  known    {subject} with {run}: {expected}");
    }
    Ok(true)
}

/// The options that a case needs to run against a target.
fn needed(anywhere: &Anywhere) -> String {
    let timers = anywhere.timers.iter().map(|timer| timer.flag());
    let bodies = anywhere.has_body.then_some("--bodies");
    let mut needed: Vec<_> = timers.chain(bodies).collect();
    needed.dedup();
    match needed.is_empty() {
        true => String::new(),
        false => format!(" and {}", needed.join(" and ")),
    }
}

fn run(arguments: &RunArguments) -> Result<bool, Problem> {
    if arguments.target.is_given() {
        return target::run(arguments);
    }
    let mut selection = Selection::new(
        &arguments.subjects,
        &arguments.cases,
        &arguments.clients,
        &arguments.over,
    )
    .map_err(usage)?;
    selection.require_clients = arguments.require_clients;
    let outputs = arguments.outputs.begin().map_err(usage)?;
    Ok(run::run(selection, outputs, arguments.verbose)?)
}

fn prove(arguments: &ProveArguments) -> Result<bool, Problem> {
    let subject = std::slice::from_ref(&arguments.subject);
    let selection = Selection::new(subject, &[], &[], &[]).map_err(usage)?;
    let plan = prove::plan(&selection.variants, arguments).map_err(usage)?;
    let json = arguments.json.as_deref();
    let json = json.map(|path| Output::begin("--json", path));
    let json = json.transpose().map_err(usage)?;
    Ok(prove::run(&plan, json)?)
}

fn bench(subject: String, connections: usize) -> Result<bool, Problem> {
    let selection = Selection::new(&[subject], &[], &[], &[]).map_err(usage)?;
    Ok(bench::bench(&selection.variants, connections)?)
}

fn serve(subject: String) -> Result<bool, Problem> {
    let selection = Selection::new(&[subject], &[], &[], &[]).map_err(usage)?;
    serve::serve(&selection.variants)?;
    Ok(true)
}

fn soak(arguments: &SoakArguments) -> Result<bool, Problem> {
    let subject = std::slice::from_ref(&arguments.subject);
    let selection = Selection::new(subject, &[], &[], &[]).map_err(usage)?;
    let plan = soak::plan(arguments).map_err(usage)?;
    Ok(soak::run(&selection.variants, &plan)?)
}

fn write_locks(subjects: &[String], anew: bool) -> Result<bool, Problem> {
    let chosen = Selection::new(subjects, &[], &[], &[]).map_err(usage)?;
    lock::write(&chosen.variants, anew)?;
    Ok(true)
}
