//! A materialized tree: a git repository of its own, and what this program keeps in it.
//!
//! | where | what |
//! |---|---|
//! | `refs/pingora-keepalive/base` | the base commit: pristine crates, engine, manifest edits |
//! | `refs/pingora-keepalive/saved` | the last commit that `patches/` was known to hold in full: what `materialize` wrote, or what `refresh` wrote back |
//! | `refs/pingora-keepalive/previous` | what was checked out before the last `materialize` |
//! | `.git/pingora-keepalive-queue` | the patches' checksums at that time, in order |

use std::path::Path;

use anyhow::{bail, Context, Result};

use crate::git::Git;
use crate::project::ENGINE;
use crate::queue::{fingerprint, Patch};
use crate::text::indented;

const BASE: &str = "refs/pingora-keepalive/base";
const SAVED: &str = "refs/pingora-keepalive/saved";
const PREVIOUS: &str = "refs/pingora-keepalive/previous";
const NEXT: &str = "refs/pingora-keepalive/next";
const QUEUE: &str = "pingora-keepalive-queue";

/// A tree that this program made.
#[derive(Debug)]
pub struct Tree {
    git: Git,
}

impl Tree {
    /// The tree in `dir`, or `None` if the folder is missing or empty. A folder with anything else in it
    /// is an error.
    pub fn open(dir: &Path) -> Result<Option<Self>> {
        if !dir.exists() {
            return Ok(None);
        }
        let mut entries =
            std::fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
        if entries.next().is_none() {
            return Ok(None);
        }
        let git = Git::at(dir);
        if git.git_dir().exists() && git.commit(SAVED)?.is_some() && git.commit(BASE)?.is_some() {
            return Ok(Some(Self { git }));
        }
        bail!(
            "{} is not empty and was not made by `materialize`: remove it, or name another folder with --out",
            dir.display()
        );
    }

    /// Makes `git`, whose commits are complete, a tree: `base` is its base commit, `patches` what made
    /// the others.
    pub fn adopt(git: Git, base: &str, patches: &[Patch]) -> Result<Self> {
        let tree = Self { git };
        tree.git.run(["update-ref", BASE, base])?;
        tree.mark_saved(patches)?;
        Ok(tree)
    }

    /// Its repository.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// The commit that is checked out.
    pub fn head(&self) -> Result<String> {
        self.git
            .commit("HEAD")?
            .with_context(|| format!("{} has no commit checked out", self.shown()))
    }

    /// The base commit.
    pub fn base(&self) -> Result<String> {
        self.git
            .commit(BASE)?
            .with_context(|| format!("{} has no base commit", self.shown()))
    }

    /// Whether what is checked out is known to be in `patches/`, or was when it was last written.
    pub fn is_saved(&self) -> Result<bool> {
        Ok(self.git.commit(SAVED)? == Some(self.head()?))
    }

    /// Records that `patches` hold everything up to what is checked out.
    pub fn mark_saved(&self, patches: &[Patch]) -> Result<()> {
        self.git.run(["update-ref", SAVED, "HEAD"])?;
        let path = self.git.git_dir().join(QUEUE);
        std::fs::write(&path, fingerprint(patches))
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// The [`fingerprint`] of the queue the tree was made from or last written back to.
    pub fn queue_fingerprint(&self) -> String {
        // Without the file, any queue counts as changed, which is the safe side.
        std::fs::read_to_string(self.git.git_dir().join(QUEUE)).unwrap_or_default()
    }

    /// Fails if git is in the middle of something or files are edited, deleted or new.
    pub fn ensure_clean(&self) -> Result<()> {
        for (state, what) in [
            ("rebase-merge", "rebase"),
            ("rebase-apply", "rebase or am"),
            ("MERGE_HEAD", "merge"),
            ("CHERRY_PICK_HEAD", "cherry-pick"),
            ("REVERT_HEAD", "revert"),
        ] {
            if self.git.git_dir().join(state).exists() {
                bail!(
                    "a git {what} is under way in {}: finish or abort it first",
                    self.shown()
                );
            }
        }
        let status = self.git.text([
            "status",
            "--porcelain=v1",
            "--untracked-files=all",
            "--ignore-submodules=none",
        ])?;
        if status.is_empty() {
            return Ok(());
        }
        let mut message = format!(
            "{} holds changes that are not committed:\n{}\n",
            self.shown(),
            indented(&status)
        );
        if status
            .lines()
            .any(|line| line.get(3..).is_some_and(in_engine))
        {
            message += &format!(
                "{ENGINE}/ there is a copy: make its changes in crates/{ENGINE} and take them back here (git \
                 checkout).\n"
            );
        }
        message += "Commit them there and run `refresh`, or undo them (git checkout, git stash, git clean).";
        bail!(message);
    }

    /// The commits after the base, oldest first.
    pub fn commits(&self) -> Result<Vec<String>> {
        let base = self.base()?;
        if !self
            .git
            .succeeds(["merge-base", "--is-ancestor", &base, "HEAD"])?
        {
            bail!(
                "the base commit {} of {} is not among the ancestors of what is checked out: `materialize` made \
                 it, and patches are commits on top of it. Rebase them onto it (git rebase --onto {})",
                &base[..12],
                self.shown(),
                &base[..12]
            );
        }
        let range = format!("{base}..HEAD");
        let list = self
            .git
            .text(["rev-list", "--reverse", "--topo-order", &range])?;
        Ok(list.lines().map(str::to_owned).collect())
    }

    /// A commit as it is best named in a message: short id and subject.
    pub fn describe(&self, commit: &str) -> Result<String> {
        self.git
            .text(["log", "-1", "--no-decorate", "--format=%h %s", commit])
    }

    /// Makes this tree the same as `other`, touching only files that differ. Says whether anything did.
    pub fn become_like(&self, other: &Self, patches: &[Patch]) -> Result<bool> {
        let (old, new) = (self.head()?, other.head()?);
        if old == new {
            self.mark_saved(patches)?;
            return Ok(false);
        }
        let from = other.git.work_tree();
        let refspec = format!("+HEAD:{NEXT}");
        self.git.run([
            "fetch".as_ref(),
            "--quiet".as_ref(),
            "--no-tags".as_ref(),
            "--no-write-fetch-head".as_ref(),
            from.as_os_str(),
            refspec.as_ref(),
        ])?;
        self.git.run(["update-ref", PREVIOUS, &old])?;
        self.git.run(["reset", "--quiet", "--hard", NEXT])?;
        self.git.run(["update-ref", BASE, &other.base()?])?;
        self.git.run(["update-ref", "-d", NEXT])?;
        self.mark_saved(patches)?;
        Ok(true)
    }

    fn shown(&self) -> std::path::Display<'_> {
        self.git.work_tree().display()
    }
}

/// Whether a path of a tree lies in the engine's copy.
pub fn in_engine(path: &str) -> bool {
    path.strip_prefix(ENGINE)
        .is_some_and(|rest| rest.starts_with('/'))
}
