//! The user's clone of upstream: read, and given at most a new branch.
//!
//! Nothing is ever checked out there, and its working tree, index and configuration are not touched. Its
//! commits are seen through a scratch repository that borrows its objects.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

use super::place::NewFolder;
use crate::git::Git;
use crate::render::Scratch;
use crate::upstream::Upstream;

/// `CLONE[@REV]`, with the revision found.
#[derive(Debug)]
pub struct Clone {
    git: Git,
    shown: String,
    /// The commit to build on.
    pub commit: String,
    /// What it was named by.
    pub revision: String,
}

impl Clone {
    /// Reads `spec`. Without a revision it is the commit that the crates were published from, or the tag of
    /// their release.
    pub fn find(spec: &str, upstream: &Upstream) -> Result<Self> {
        let (dir, revision) = parse(spec);
        let shown = dir.display().to_string();
        let git = repository(&dir)?;
        let found = match &revision {
            Some(revision) => {
                let commit = git.commit(revision)?.with_context(|| {
                    format!(
                        "--onto {spec}: {shown} has no commit {revision}. If upstream has it, fetch it first (git -C \
                         {shown} fetch --tags origin); a branch of a remote is written REMOTE/BRANCH"
                    )
                })?;
                Some((commit, revision.clone()))
            }
            None => release(&git, upstream)?,
        };
        let Some((commit, revision)) = found else {
            bail!(
                "--onto {spec}: {shown} has neither the commit {} nor the tag {}, which the patches are written \
                 against. Fetch them (git -C {shown} fetch --tags {}), or name another revision: --onto \
                 {shown}@REVISION",
                upstream.commit,
                upstream.version,
                upstream.repository
            );
        };
        Ok(Self {
            git,
            shown,
            commit,
            revision,
        })
    }

    /// Its folder, as the user named it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// Fails if `folder` lies in its working tree.
    pub fn ensure_outside(&self, folder: &NewFolder) -> Result<()> {
        let Ok(clone) = self.git.work_tree().canonicalize() else {
            return Ok(());
        };
        let inside = folder
            .dir()
            .ancestors()
            .find_map(|above| above.canonicalize().ok())
            .is_some_and(|above| above.starts_with(&clone));
        ensure!(
            !inside,
            "--git {} lies in {}, whose working tree is not touched: name a folder outside of it",
            folder.shown(),
            self.shown
        );
        Ok(())
    }

    /// Fails if it has a branch of that name.
    pub fn ensure_no_branch(&self, branch: &str) -> Result<()> {
        let reference = format!("refs/heads/{branch}");
        ensure!(
            self.git.commit(&reference)?.is_none(),
            "{} has a branch {branch} already: name another one with --branch, or remove it (git -C {} branch -D \
             {branch})",
            self.shown,
            self.shown
        );
        Ok(())
    }

    /// Brings the commit and its history into `to`, as the branch `branch`, and checks it out there.
    pub fn copy_to(&self, to: &Git, branch: &str) -> Result<()> {
        let view = Scratch::borrowing(&self.git)?;
        // A clone without its whole history says where that begins.
        let shallow = self.path("shallow")?;
        if shallow.is_file() {
            std::fs::copy(&shallow, view.git().git_dir().join("shallow"))
                .with_context(|| format!("cannot read {}", shallow.display()))?;
        }
        view.git()
            .run(["update-ref", "refs/heads/base", &self.commit])?;
        to.run([
            "fetch".as_ref(),
            "--quiet".as_ref(),
            "--no-tags".as_ref(),
            "--update-shallow".as_ref(),
            "--no-write-fetch-head".as_ref(),
            view.git().work_tree().as_os_str(),
            "refs/heads/base".as_ref(),
        ])
        .with_context(|| format!("cannot copy {} from {}", self.revision, self.shown))?;
        to.run([
            "checkout",
            "--quiet",
            "--no-track",
            "-b",
            branch,
            &self.commit,
        ])?;
        Ok(())
    }

    /// Takes `branch` of `from` over: a new branch and its commits, nothing else.
    pub fn take_branch(&self, from: &Git, branch: &str) -> Result<()> {
        self.ensure_no_branch(branch)?;
        let refspec = format!("refs/heads/{branch}:refs/heads/{branch}");
        self.git.run([
            "fetch".as_ref(),
            "--quiet".as_ref(),
            "--no-tags".as_ref(),
            "--no-write-fetch-head".as_ref(),
            from.work_tree().as_os_str(),
            refspec.as_ref(),
        ])?;
        Ok(())
    }

    /// Where a file or folder of its repository is, which a linked working tree has elsewhere.
    fn path(&self, name: &str) -> Result<PathBuf> {
        let path = self.git.text(["rev-parse", "--git-path", name])?;
        std::path::absolute(self.git.work_tree().join(path))
            .with_context(|| format!("cannot resolve the {name} of {}", self.shown))
    }
}

/// The folder, and what stands behind the last `@`. A folder may have one in its own name.
fn parse(spec: &str) -> (PathBuf, Option<String>) {
    if Path::new(spec).is_dir() {
        return (PathBuf::from(spec), None);
    }
    match spec.rsplit_once('@') {
        Some((dir, revision)) if !dir.is_empty() && !revision.is_empty() => {
            (PathBuf::from(dir), Some(revision.to_owned()))
        }
        _ => (PathBuf::from(spec), None),
    }
}

/// The repository in `dir` itself: with a working tree, linked or not, or bare.
fn repository(dir: &Path) -> Result<Git> {
    let absolute = std::path::absolute(dir)
        .with_context(|| format!("cannot resolve --onto {}", dir.display()))?;
    for git_dir in [absolute.join(".git"), absolute.clone()] {
        let git = Git::of(&absolute, &git_dir);
        if git_dir.exists() && git.succeeds(["rev-parse", "--git-dir"])? {
            return Ok(git);
        }
    }
    bail!(
        "--onto {}: that is no git repository. Name the folder of a clone of upstream (git clone \
         https://github.com/cloudflare/pingora)",
        dir.display()
    );
}

/// The commit the crates were published from, or the tag of their release.
fn release(git: &Git, upstream: &Upstream) -> Result<Option<(String, String)>> {
    if let Some(commit) = git.commit(&upstream.commit)? {
        return Ok(Some((commit, format!("pingora {}", upstream.version))));
    }
    for tag in [upstream.version.clone(), format!("v{}", upstream.version)] {
        if let Some(commit) = git.commit(&format!("refs/tags/{tag}"))? {
            return Ok(Some((commit, format!("the tag {tag}"))));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_at_sign_starts_the_revision_unless_the_folder_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let with_at = dir.path().join("a@b");
        std::fs::create_dir(&with_at).unwrap();
        let spec = with_at.display().to_string();
        assert_eq!(parse(&spec), (with_at.clone(), None));
        assert_eq!(
            parse(&format!("{spec}@main")),
            (with_at, Some("main".to_owned()))
        );
        assert_eq!(
            parse("clone@0.9.1"),
            (PathBuf::from("clone"), Some("0.9.1".to_owned()))
        );
    }
}
