//! The command that gives patches back to upstream.

use std::path::PathBuf;

use clap::Args;

use super::DEFAULT_VERSION;
use crate::embedded::Embedded;
use crate::export;
use crate::project::Project;

pub(super) const EXAMPLES: &str = "Examples:
  cargo pingora-keepalive export --pr request-limit
      print one patch, for reading or for `git am`, and what it stands on
  cargo pingora-keepalive export --onto ~/src/pingora --pr request-limit
      make the branch request-limit in your clone of upstream, and print the pull request's text
  cargo pingora-keepalive export --onto ~/src/pingora@0.9.1 --git /tmp/series
      all patches on upstream's tag, in a repository of their own";

#[derive(Debug, Args)]
pub(super) struct ExportArgs {
    /// Make a new git repository there, with the branch checked out; it must not exist, or be empty
    #[arg(long, value_name = "DIR")]
    git: Option<PathBuf>,
    /// Put the commits on a clone of upstream. Without --git, the branch is made in CLONE; its working tree
    /// and what is checked out there stay as they are [REV: the release's commit or tag]
    #[arg(long, value_name = "CLONE[@REV]")]
    onto: Option<String>,
    /// One patch and those it needs, instead of all; without --git and --onto, print it
    #[arg(long, value_name = "NAME")]
    pr: Option<String>,
    /// The branch's name [default: pingora-keepalive, or the name of the patch]
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// Pingora version: a folder of patches/
    #[arg(long, default_value = DEFAULT_VERSION)]
    version: String,
    /// Do not let cargo use the network
    #[arg(long)]
    offline: bool,
}

/// Exports the patches of the checkout at `root`, of the nearest one, or those that this program carries.
pub(super) fn run(
    args: ExportArgs,
    root: Option<PathBuf>,
    progress: &mut dyn FnMut(&str),
) -> anyhow::Result<()> {
    let request = export::Request {
        version: args.version,
        git: args.git,
        onto: args.onto,
        pr: args.pr,
        branch: args.branch,
        offline: args.offline,
    };
    let is_named = root.is_some();
    let project = Project::find(root);
    let exported = match project {
        Ok(project) if is_named || is_around(&project) => {
            export::export(&project, &request, progress)?
        }
        Err(error) if is_named => return Err(error),
        // In any other place what was installed counts, not what it was installed from.
        _ => export::export(Embedded::unpack()?.project(), &request, progress)?,
    };
    print!("{exported}");
    Ok(())
}

/// Whether the current folder lies in `project`.
fn is_around(project: &Project) -> bool {
    std::env::current_dir().is_ok_and(|current| current.starts_with(project.root()))
}
