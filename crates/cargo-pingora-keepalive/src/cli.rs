//! The command line: arguments, progress on stderr, the result line on stdout, exit status.
//!
//! Exit status 0 is success, 1 a failure, 2 a wrong command line.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::project::Project;
use crate::{check, materialize, refresh};

mod adopt;
mod export;

/// Version that is worked on when none is named.
pub const DEFAULT_VERSION: &str = "0.9.1";

/// Patches Pingora in a project that depends on it, and keeps those patches.
///
/// `apply`, `verify`, `remove` and `status` work on the project in the current folder, with the patches
/// that this program carries. `export` gives the patches back to upstream. `materialize`, `refresh` and
/// `check` work on a checkout of pingora-keepalive.
#[derive(Debug, Parser)]
#[command(
    name = "cargo-pingora-keepalive",
    bin_name = "cargo pingora-keepalive",
    version
)]
struct Cli {
    /// Checkout of pingora-keepalive: the folder that holds `patches/` and `crates/pingora-keepalive`
    /// [default: the nearest one above the current folder; for the commands that work on your own
    /// project, what this program carries]
    #[arg(long, global = true, value_name = "DIR")]
    root: Option<PathBuf>,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Adopt(adopt::Command),
    #[command(flatten)]
    Queue(QueueCommand),
    /// Give patches back to upstream: as a git branch, or one as a pull request
    ///
    /// The branch holds the engine (a crate of its own) as its first commit and then one commit a patch,
    /// on the pristine crates or, with --onto, on a clone of upstream's repository. Each message is the text
    /// of a pull request. Running it again gives the same commits.
    #[command(after_help = export::EXAMPLES)]
    Export(export::ExportArgs),
}

/// What is done in a checkout of this project.
#[derive(Debug, Subcommand)]
enum QueueCommand {
    /// Make the patched crates, as a git repository with one commit a patch
    ///
    /// Takes the .crate files that cargo downloaded, checks their sha256, adds the engine and what
    /// manifest.toml says, and applies the series without fuzz or offset. Running it again gives the
    /// same bytes and leaves unchanged files alone. It never overwrites edits or commits that are not
    /// in patches/.
    Materialize(MaterializeArgs),
    /// Write patches/ back from the commits of a materialized tree
    ///
    /// Each commit after the base becomes the patch file that its `Patch:` trailer names.
    Refresh(RefreshArgs),
    /// Check that series and patch files agree and that each patch is in the agreed form
    Check(CheckArgs),
}

#[derive(Debug, Args)]
struct MaterializeArgs {
    /// Pingora version: a folder of patches/
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
    /// Where to put the crates [default: crates/patched/VERSION, or VERSION-pristine]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The crates as upstream published them: no engine, no manifest edits, no patches
    #[arg(long)]
    pristine: bool,
    /// Do not let cargo use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
struct RefreshArgs {
    /// Pingora version: a folder of patches/
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
    /// The materialized tree [default: crates/patched/VERSION]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// Pingora version: a folder of patches/ [default: all of them]
    #[arg(long)]
    version: Option<String>,
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let cli = Cli::parse_from(without_subcommand_word(std::env::args_os()));
    match run(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A message of several lines starts on a line of its own.
            eprintln!("error: {}", format!("{error:#}").replace(": \n", ":\n"));
            ExitCode::FAILURE
        }
    }
}

/// `cargo pingora-keepalive x` runs `cargo-pingora-keepalive pingora-keepalive x`: drops that word.
fn without_subcommand_word(args: impl Iterator<Item = OsString>) -> Vec<OsString> {
    let mut args: Vec<OsString> = args.collect();
    if args.get(1).is_some_and(|word| word == "pingora-keepalive") {
        args.remove(1);
    }
    args
}

fn run(cli: Cli) -> anyhow::Result<()> {
    let mut progress = |line: &str| eprintln!("{line}");
    match cli.command {
        Command::Adopt(command) => adopt::run(command, cli.root, &mut progress),
        Command::Export(args) => export::run(args, cli.root, &mut progress),
        Command::Queue(command) => run_queue(&Project::find(cli.root)?, command, &mut progress),
    }
}

fn run_queue(
    project: &Project,
    command: QueueCommand,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    match command {
        QueueCommand::Materialize(args) => {
            let request = materialize::Request {
                version: args.version,
                out: args.out,
                pristine: args.pristine,
                offline: args.offline,
            };
            let made = materialize::materialize(project, &request, progress)?;
            println!("{made}");
        }
        QueueCommand::Refresh(args) => {
            let request = refresh::Request {
                version: args.version,
                out: args.out,
            };
            let refreshed = refresh::refresh(project, &request, progress)?;
            println!("{refreshed}");
        }
        QueueCommand::Check(args) => {
            let versions = match args.version {
                Some(version) => vec![version],
                None => project.versions()?,
            };
            let mut wrong = 0;
            for version in versions {
                let report = check::check(project, &version)?;
                print!("{report}");
                wrong += report.problems.len();
            }
            anyhow::ensure!(wrong == 0, "{wrong} problem(s) in the patch queue");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn words(words: &[&str]) -> Vec<OsString> {
        without_subcommand_word(words.iter().map(OsString::from))
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_word_that_cargo_adds_is_dropped_once() {
        assert_eq!(
            words(&["cargo-pingora-keepalive", "pingora-keepalive", "check"]),
            ["cargo-pingora-keepalive", "check"]
        );
        assert_eq!(
            words(&["cargo-pingora-keepalive", "check"]),
            ["cargo-pingora-keepalive", "check"]
        );
    }
}
