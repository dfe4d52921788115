//! `materialize`: from the pristine crates and the queue to a tree one can build and commit in.
//!
//! The tree is built from nothing each time, beside its place and always in the same way, so that the
//! same inputs give the same commit ids. A tree that is already there is then made to look like the new
//! one, which touches only files that differ: cargo rebuilds no more than it must.

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use fs4::fs_std::FileExt;

use crate::git::Git;
use crate::manifest::Additions;
use crate::project::{Project, ENGINE};
use crate::queue::{Patch, Queue};
use crate::render::Scratch;
use crate::text::{counted, indented};
use crate::trailers::Trailers;
use crate::tree::Tree;
use crate::upstream::Upstream;
use crate::{apply, download, engine, unpack};

/// What to materialize.
#[derive(Debug, Clone)]
pub struct Request {
    /// A folder of `patches/`.
    pub version: String,
    /// Where to; `crates/patched/...` if not given.
    pub out: Option<PathBuf>,
    /// Only the crates as published.
    pub pristine: bool,
    /// Whether cargo must not use the network.
    pub offline: bool,
}

/// What came of it.
#[derive(Debug)]
pub struct Made {
    /// The tree's folder, as shown.
    pub tree: String,
    /// The commit checked out.
    pub head: String,
    /// How many patches it holds.
    pub patches: usize,
    /// What had to be done.
    pub change: Change,
}

/// How a tree came to be as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// It was not there before.
    Created,
    /// It was there and differed.
    Updated,
    /// It was there and no file of it was touched.
    Unchanged,
}

impl fmt::Display for Made {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let change = match self.change {
            Change::Created => "created",
            Change::Updated => "updated",
            Change::Unchanged => "unchanged",
        };
        write!(
            f,
            "{}: {change}, {}, at {}",
            self.tree,
            counted(self.patches, "patch", "patches"),
            self.head
        )
    }
}

/// Carries out `request`.
pub fn materialize(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<Made> {
    let plan = Plan::load(project, &request.version, request.pristine)?;
    let patches = &plan.patches;
    let dir = project.tree_dir(&request.version, request.pristine, request.out.as_deref())?;
    let parent = dir
        .parent()
        .with_context(|| format!("{} cannot be a tree's folder", dir.display()))?;
    std::fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
    let _lock = lock(parent, progress)?;

    let there = Tree::open(&dir)?;
    if let Some(tree) = &there {
        ensure_replaceable(tree, patches)?;
    }
    let temporary = tempfile::Builder::new()
        .prefix(".materialize-")
        .tempdir_in(parent)
        .with_context(|| format!("cannot make a temporary folder in {}", parent.display()))?;
    let new_dir = temporary.path().join("tree");
    std::fs::create_dir(&new_dir).with_context(|| format!("cannot make {}", new_dir.display()))?;
    let (git, base) = plan.carry_out(project.root(), request.offline, &new_dir, progress)?;
    let new = Tree::adopt(git, &base, patches)?;

    let head = new.head()?;
    let change = match there {
        Some(tree) if tree.become_like(&new, patches)? => Change::Updated,
        Some(_) => Change::Unchanged,
        None => {
            // An empty folder may be in the way.
            if dir.exists() {
                std::fs::remove_dir(&dir)
                    .with_context(|| format!("cannot replace {}", dir.display()))?;
            }
            std::fs::rename(&new_dir, &dir)
                .with_context(|| format!("cannot put the tree at {}", dir.display()))?;
            Change::Created
        }
    };
    Ok(Made {
        tree: project.show(&dir),
        head,
        patches: patches.len(),
        change,
    })
}

/// What a tree of one version is made of.
#[derive(Debug)]
pub struct Plan<'p> {
    project: &'p Project,
    queue_dir: PathBuf,
    pristine: bool,
    /// The crates.
    pub upstream: Upstream,
    /// What goes into their manifests.
    pub additions: Additions,
    /// The patches, in order; none for a pristine tree.
    pub patches: Vec<Patch>,
}

impl<'p> Plan<'p> {
    /// Reads the queue of `version`.
    pub fn load(project: &'p Project, version: &str, pristine: bool) -> Result<Self> {
        let queue_dir = project.queue_dir(version)?;
        let upstream = Upstream::load(&queue_dir, version)?;
        let additions = Additions::load(&queue_dir, &upstream)?;
        let patches = if pristine {
            Vec::new()
        } else {
            Queue::load(&queue_dir)?.patches
        };
        Ok(Self {
            project,
            queue_dir,
            pristine,
            upstream,
            additions,
            patches,
        })
    }

    /// Makes the tree in `dir`, an empty folder: its repository and the base commit. Where the crates
    /// must be downloaded, cargo does it with the configuration that counts in `cwd`.
    pub fn carry_out(
        &self,
        cwd: &Path,
        offline: bool,
        dir: &Path,
        progress: &mut dyn FnMut(&str),
    ) -> Result<(Git, String)> {
        let crates = download::crates(&self.upstream, cwd, offline, progress)?;
        for checked in &crates {
            progress(&format!(
                "{} {}: sha256 as pinned",
                checked.krate.name, self.upstream.version
            ));
            unpack::unpack(checked, &self.upstream, dir)?;
        }
        if !self.pristine {
            add_engine(self.project, &self.upstream, &self.additions, dir)?;
        }
        write_workspace(&self.upstream, self.pristine, dir)?;
        let git = Git::init(dir)?;
        git.commit_base(&base_message(&self.upstream, self.pristine))?;
        let base = git.text(["rev-parse", "HEAD"])?;
        for patch in &self.patches {
            let shown = self.project.show(&self.queue_dir.join(&patch.file_name));
            apply::apply(&git, &shown, &patch.text, apply::MEND_THE_QUEUE)?;
        }
        if !self.patches.is_empty() {
            progress(&format!(
                "{} applied without fuzz or offset",
                counted(self.patches.len(), "patch", "patches")
            ));
        }
        Ok((git, base))
    }
}

/// Fails if `tree` holds anything that would be lost.
fn ensure_replaceable(tree: &Tree, patches: &[Patch]) -> Result<()> {
    tree.ensure_clean()?;
    if tree.is_saved()? {
        return Ok(());
    }
    let commits = tree.commits()?;
    let scratch = Scratch::borrowing(tree.git())?;
    let mut rendered = Vec::new();
    for commit in &commits {
        // A merge has no patch; it then equals none.
        let text = scratch.render(commit)?;
        let message = tree.git().text(["log", "-1", "--format=%B", commit])?;
        let name = Trailers::parse(&message).patch.unwrap_or_default();
        rendered.push(Patch {
            file_name: format!("{name}.patch"),
            text,
        });
    }
    if rendered == patches {
        return Ok(());
    }
    let mut message = format!(
        "{} holds commits that are not what patches/ gives:\n",
        tree.git().work_tree().display()
    );
    for (commit, patch) in commits.iter().zip(&rendered) {
        if !patches.contains(patch) {
            message += &indented(&tree.describe(commit)?);
            message += "\n";
        }
    }
    if rendered.iter().all(|patch| patches.contains(patch)) {
        message += "  (each of them is in patches/, but not all of patches/ is there, or the order differs)\n";
    }
    message +=
        "Run `refresh` to write them to patches/, or check out another branch of that repository, or remove the \
         folder.";
    bail!(message);
}

/// The engine's copy and what the patches need in the manifests.
pub(crate) fn add_engine(
    project: &Project,
    upstream: &Upstream,
    additions: &Additions,
    tree: &Path,
) -> Result<()> {
    engine::copy(&project.engine_dir(), &tree.join(ENGINE))?;
    for krate in &upstream.crates {
        let path = tree.join(&krate.directory).join("Cargo.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        std::fs::write(&path, additions.merge_into(&krate.name, &text)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// A workspace around the crates, so that they can be built and tested where they are: what they
/// depend on then uses them too, and not the published ones.
pub(crate) fn write_workspace(upstream: &Upstream, pristine: bool, tree: &Path) -> Result<()> {
    let directories = upstream.crates.iter().map(|k| k.directory.as_str());
    let members: Vec<String> = directories
        .chain((!pristine).then_some(ENGINE))
        .map(|directory| format!("\"{directory}\""))
        .collect();
    let mut manifest = format!(
        "# Written by `cargo pingora-keepalive materialize`.\n[workspace]\nresolver = \"2\"\nmembers = \
         [{}]\n\n[patch.crates-io]\n",
        members.join(", ")
    );
    for krate in &upstream.crates {
        manifest += &format!("{} = {{ path = \"{}\" }}\n", krate.name, krate.directory);
    }
    let write = |name: &str, text: &str| {
        std::fs::write(tree.join(name), text)
            .with_context(|| format!("cannot write {}", tree.join(name).display()))
    };
    write("Cargo.toml", &manifest)?;
    write(".gitignore", "/target\n/Cargo.lock\n")
}

pub(crate) fn base_message(upstream: &Upstream, pristine: bool) -> String {
    let names: Vec<&str> = upstream.crates.iter().map(|k| k.name.as_str()).collect();
    let mut message = format!(
        "Pristine {} {}\n\nFrom {}\ncommit {}.\n",
        names.join(" and "),
        upstream.version,
        upstream.repository,
        upstream.commit
    );
    if !pristine {
        message += &format!(
            "\nWith a copy of the engine in {ENGINE}/, which is read only here, and with\nwhat manifest.toml adds \
             to the manifests.\n"
        );
    }
    message
}

/// Lets one process at a time work on the trees in `parent`; held until dropped.
pub fn lock(parent: &Path, progress: &mut dyn FnMut(&str)) -> Result<Option<File>> {
    // Where a folder cannot be opened as a file, there is no lock.
    let Ok(file) = File::open(parent) else {
        return Ok(None);
    };
    if !file.try_lock_exclusive().unwrap_or(false) {
        progress(&format!(
            "waiting for another process that works in {}",
            parent.display()
        ));
        file.lock_exclusive()
            .with_context(|| format!("cannot lock {}", parent.display()))?;
    }
    Ok(Some(file))
}
