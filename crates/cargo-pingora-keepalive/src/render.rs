//! Writes commits as patches, in the one form that the queue keeps.
//!
//! This happens in a scratch repository that borrows the tree's objects: the tree's own configuration
//! and attributes then cannot change a byte.

use std::path::Path;

use anyhow::{Context, Result};

use crate::git::Git;

/// A scratch repository that sees the objects of another one.
#[derive(Debug)]
pub struct Scratch {
    git: Git,
    _dir: tempfile::TempDir,
}

impl Scratch {
    /// Borrows the objects of `tree`.
    pub fn borrowing(tree: &Git) -> Result<Self> {
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        let git = Git::init(dir.path())?;
        let objects = tree.text(["rev-parse", "--git-path", "objects"])?;
        let objects = tree.work_tree().join(objects);
        write(
            &git.git_dir().join("objects").join("info"),
            "alternates",
            &format!("{}\n", objects.display()),
        )?;
        Ok(Self { git, _dir: dir })
    }

    /// The scratch repository itself.
    pub fn git(&self) -> &Git {
        &self.git
    }

    /// `commit` as a patch file.
    pub fn render(&self, commit: &str) -> Result<String> {
        let bytes = self.git.run([
            "format-patch",
            "-1",
            "--stdout",
            "--zero-commit",
            "--no-signature",
            "--no-numbered",
            "--no-stat",
            "--full-index",
            "-U1",
            commit,
        ])?;
        String::from_utf8(bytes).with_context(|| {
            format!("commit {commit} holds text that is not UTF-8, which the queue does not carry")
        })
    }
}

fn write(dir: &Path, name: &str, text: &str) -> Result<()> {
    std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::write(dir.join(name), text))
        .with_context(|| format!("cannot write {}", dir.join(name).display()))
}
