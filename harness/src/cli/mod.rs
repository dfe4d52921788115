//! `harness list | explain | run | bench | serve | soak | lock`.

mod bench;
mod run;
mod serve;
mod soak;
mod target;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};
use harness::anywhere::Anywhere;
use harness::report::findings::paragraph;
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
    /// List the cases, each with its sentence.
    List,
    /// Explain one case: what must be true, where that is laid down, where its steps are.
    Explain {
        /// Its id.
        case: String,
    },
    /// Build the subjects and run the cases against them.
    Run(RunArguments),
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
    /// Also write the results to this file.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Show the bytes of expected failures as well.
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    target: target::TargetArguments,
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
    // The one case file that holds two areas.
    let steps = case.area().replace('-', "_").replace("rfc2068", "rfc9110");
    anstream::println!("  steps    harness/src/cases/{steps}.rs");
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
    let selection = Selection::new(
        &arguments.subjects,
        &arguments.cases,
        &arguments.clients,
        &arguments.over,
    )
    .map_err(usage)?;
    Ok(run::run(
        selection,
        arguments.json.as_deref(),
        arguments.verbose,
    )?)
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
