//! The commands for a project that depends on Pingora.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use crate::adopt::{apply, remove, status, verify};
use crate::embedded::Embedded;
use crate::project::Project;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Patch Pingora in a project that depends on it
    ///
    /// Finds the version that Cargo.lock has, makes the patched crates as plain files, adds overrides to
    /// `[patch.crates-io]` of the workspace's root manifest and brings Cargo.lock into step. Everything
    /// else keeps its bytes; a failure leaves all as it was; a second run changes nothing.
    Apply(ApplyArgs),
    /// Prove that cargo builds with the patched crates
    ///
    /// Asks cargo where it takes each crate from, and compares the tree byte for byte with what this
    /// program makes. Changes nothing.
    Verify(VerifyArgs),
    /// Take the patches out again, to the byte
    Remove(RemoveArgs),
    /// Tell what is locked, what is applied, and what was edited since
    Status(StatusArgs),
}

#[derive(Debug, Args)]
pub(super) struct ApplyArgs {
    /// Where to put the patched crates [default: vendor/pingora in the workspace root]
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Show what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    project: ProjectArgs,
    /// Do not let cargo use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArgs {
    /// Build the project, too
    #[arg(long)]
    build: bool,
    #[command(flatten)]
    project: ProjectArgs,
    /// Do not let cargo use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct RemoveArgs {
    #[command(flatten)]
    project: ProjectArgs,
    /// Do not let cargo use the network
    #[arg(long)]
    offline: bool,
}

#[derive(Debug, Args)]
pub(super) struct StatusArgs {
    #[command(flatten)]
    project: ProjectArgs,
}

#[derive(Debug, Args)]
pub(super) struct ProjectArgs {
    /// Cargo.toml of your project, or of any member of it [default: as cargo finds it]
    #[arg(long, value_name = "PATH")]
    manifest_path: Option<PathBuf>,
}

/// Carries out `command` with the patches of the checkout at `root`, or with those that this program
/// carries.
pub(super) fn run(
    command: Command,
    root: Option<PathBuf>,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    if root.is_some() {
        return run_with(&Project::find(root)?, command, progress);
    }
    let embedded = Embedded::unpack()?;
    run_with(embedded.project(), command, progress)
}

fn run_with(
    patches: &Project,
    command: Command,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    match command {
        Command::Apply(args) => {
            let request = apply::Request {
                manifest_path: args.project.manifest_path,
                dir: args.dir,
                dry_run: args.dry_run,
                offline: args.offline,
            };
            print!("{}", apply::apply(patches, &request, progress)?);
        }
        Command::Verify(args) => {
            let request = verify::Request {
                manifest_path: args.project.manifest_path,
                build: args.build,
                offline: args.offline,
            };
            println!("{}", verify::verify(patches, &request, progress)?);
        }
        Command::Remove(args) => {
            let request = remove::Request {
                manifest_path: args.project.manifest_path,
                offline: args.offline,
            };
            println!("{}", remove::remove(patches, &request, progress)?);
        }
        Command::Status(args) => {
            let manifest_path = args.project.manifest_path;
            print!("{}", status::status(patches, manifest_path.as_deref())?);
        }
    }
    Ok(())
}
