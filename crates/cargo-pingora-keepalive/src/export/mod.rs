//! `export`: the queue as commits that can be given back to upstream.
//!
//! ```text
//!   patches/0.9.1 --- all, or one and what it needs ---+
//!   crates/pingora-keepalive --- where one uses it ----+--> base, the engine, one commit a patch
//!   pristine crates, or the user's clone of upstream --+
//! ```
//!
//! The commits are built in a repository of its own. It becomes the folder that `--git` names, or its
//! branch goes into the user's clone. The same input gives the same commit ids: authors and dates are the
//! patches'. What a pull request says is decided in [`message`], what it stands on in [`needs`].

use std::fmt;
use std::path::PathBuf;

use anyhow::{bail, Context, Result};

use crate::git::Git;
use crate::materialize::Plan;
use crate::project::Project;
use crate::text::counted;
use build::{unpack_crates, Builder};
use clone::Clone;
use place::NewFolder;

mod build;
pub mod clone;
pub mod commute;
pub mod definitions;
pub mod message;
pub mod needs;
pub mod place;
mod text;
pub mod workspace;

/// The branch that holds the whole queue.
pub const BRANCH: &str = "pingora-keepalive";

/// What is exported and where to.
#[derive(Debug, Clone)]
pub struct Request {
    /// A folder of `patches/`.
    pub version: String,
    /// The folder of a new repository.
    pub git: Option<PathBuf>,
    /// `CLONE[@REV]`: what the commits go on; the pristine crates if not given.
    pub onto: Option<String>,
    /// One patch, with what it needs, instead of all.
    pub pr: Option<String>,
    /// The branch's name; [`BRANCH`] or the patch's name if not given.
    pub branch: Option<String>,
    /// Whether cargo must not use the network.
    pub offline: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Exported {
    /// The text of the pull request, or the mail, if one patch was asked for.
    pub text: Option<String>,
    /// The branch, if one was to be made.
    pub made: Option<Made>,
    /// What the patch that was asked for stands on, if it is not in the text.
    stands_on: Option<String>,
}

/// A branch that was made.
#[derive(Debug)]
pub struct Made {
    /// Its repository, as shown.
    pub repository: String,
    /// Its name.
    pub branch: String,
    /// The commit below the first.
    pub base: String,
    /// What that is.
    pub on: String,
    /// The last commit.
    pub head: String,
    /// How many patches it holds.
    pub patches: usize,
    /// Whether the engine is below them.
    pub has_engine: bool,
}

impl fmt::Display for Exported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(text) = &self.text {
            write!(f, "{text}")?;
        }
        if let Some(made) = &self.made {
            if self.text.is_some() {
                writeln!(f, "---")?;
            }
            writeln!(f, "{made}")?;
        }
        write!(f, "{}", self.stands_on.as_deref().unwrap_or_default())
    }
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let engine = if self.has_engine {
            "the engine and "
        } else {
            ""
        };
        write!(
            f,
            "{}: branch {}, {engine}{}, at {}\non {} ({})",
            self.repository,
            self.branch,
            counted(self.patches, "patch", "patches"),
            self.head,
            self.base,
            self.on
        )
    }
}

/// Carries out `request`.
pub fn export(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<Exported> {
    let is_kept = request.git.is_some() || request.onto.is_some();
    if !is_kept && request.pr.is_none() {
        bail!(
            "nothing to do: name a folder for a new repository (--git DIR), a clone of upstream for a new branch (--onto \
             CLONE), or a patch to print (--pr NAME)"
        );
    }
    let plan = Plan::load(project, &request.version, false)?;
    if let Some(name) = &request.pr {
        needs::position(&plan.patches, name)?;
    }
    let usual = request.pr.as_deref().unwrap_or(BRANCH);
    let branch = request.branch.as_deref().unwrap_or(usual);
    let place = Place::find(request, branch, &plan)?;

    let temporary = place.work_folder()?;
    let dir = temporary.path().join("repository");
    std::fs::create_dir(&dir).with_context(|| format!("cannot make {}", dir.display()))?;
    let git = Git::init(&dir)?;
    if !git.succeeds(["check-ref-format", "--branch", branch])? {
        bail!("--branch {branch}: git does not take that for the name of a branch");
    }
    let steps = match &request.pr {
        None => needs::all(&plan.patches)?,
        Some(name) => {
            let pristine = temporary.path().join("pristine");
            unpack_crates(project, &plan, request.offline, &pristine, progress)?;
            needs::of(&plan.patches, name, &pristine, progress)?
        }
    };
    let builder = Builder {
        project,
        plan: &plan,
        clone: place.clone.as_ref(),
        git: &git,
        branch,
        offline: request.offline,
    };
    let base = builder.base(progress)?;
    let has_engine = builder.commit(&steps)?;
    let head = git.text(["rev-parse", "HEAD"])?;

    let mut exported = Exported {
        text: None,
        made: None,
        stands_on: None,
    };
    if request.pr.is_some() && is_kept {
        exported.text = Some(text::pull_request(&git)?);
        exported.stands_on = Some(text::stands_on(&steps, has_engine));
    } else if request.pr.is_some() {
        exported.text = Some(text::mail(&git, &steps, has_engine)?);
    }
    if let Some(repository) = place.keep(&git, branch)? {
        exported.made = Some(Made {
            repository,
            branch: branch.to_owned(),
            base,
            on: match &place.clone {
                Some(clone) => clone.revision.clone(),
                None => format!("the pristine crates of {}", plan.upstream.version),
            },
            head,
            patches: steps.len(),
            has_engine,
        });
    }
    Ok(exported)
}

/// Where the commits come to be, and to stay.
struct Place {
    folder: Option<NewFolder>,
    clone: Option<Clone>,
}

impl Place {
    /// Finds it, and fails with whatever is in the way.
    fn find(request: &Request, branch: &str, plan: &Plan<'_>) -> Result<Self> {
        let place = Self {
            folder: request.git.as_deref().map(NewFolder::at).transpose()?,
            clone: request
                .onto
                .as_deref()
                .map(|spec| Clone::find(spec, &plan.upstream))
                .transpose()?,
        };
        match (&place.folder, &place.clone) {
            (Some(folder), Some(clone)) => clone.ensure_outside(folder)?,
            (None, Some(clone)) => clone.ensure_no_branch(branch)?,
            (_, None) => {}
        }
        Ok(place)
    }

    /// A folder to work in, which goes when it is dropped.
    fn work_folder(&self) -> Result<tempfile::TempDir> {
        match &self.folder {
            Some(folder) => folder.work_beside(),
            None => tempfile::tempdir().context("cannot make a temporary folder"),
        }
    }

    /// Keeps `branch` of `git`: gives the repository that has it then, as shown.
    fn keep(&self, git: &Git, branch: &str) -> Result<Option<String>> {
        match (&self.folder, &self.clone) {
            (Some(folder), _) => {
                folder.put(git.work_tree())?;
                Ok(Some(folder.shown().to_owned()))
            }
            (None, Some(clone)) => {
                clone.take_branch(git, branch)?;
                Ok(Some(clone.shown().to_owned()))
            }
            (None, None) => Ok(None),
        }
    }
}
