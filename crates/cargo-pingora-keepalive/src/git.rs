//! Runs git so that its result depends on the repository alone, not on who runs it.
//!
//! No configuration of the user or the system is read, no `GIT_*` variable is inherited, no hook, no
//! template and no attribute file counts. The repository is always named outright: a folder without one
//! must not lead git to the repository around it.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use anyhow::{anyhow, bail, Context, Result};

/// Who commits in a materialized tree.
const COMMITTER: (&str, &str) = ("pingora-keepalive", "materialize@pingora-keepalive.invalid");

/// When a base commit was made, as far as git is told: the same for everyone.
const BASE_DATE: &str = "2000-01-01T00:00:00+0000";

/// Settings that hold whatever the repository's own configuration says.
const CONFIG: [&str; 13] = [
    "advice.detachedHead=false",
    "commit.gpgSign=false",
    "core.attributesFile=/dev/null",
    "core.autocrlf=false",
    "core.excludesFile=/dev/null",
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.quotePath=false",
    "gc.auto=0",
    "init.defaultBranch=main",
    "maintenance.auto=false",
    // A tree may belong to another user of the same machine, as in a container; nothing of its
    // configuration that could run a program is in force.
    "safe.directory=*",
    "diff.renames=true",
];

/// A repository and its working tree.
#[derive(Debug, Clone)]
pub struct Git {
    work_tree: PathBuf,
    git_dir: PathBuf,
    date: String,
}

impl Git {
    /// The repository `work_tree/.git`.
    pub fn at(work_tree: &Path) -> Self {
        Self::of(work_tree, &work_tree.join(".git"))
    }

    /// The repository `git_dir`, which may be a bare one, seen from `work_tree`.
    pub fn of(work_tree: &Path, git_dir: &Path) -> Self {
        Self {
            work_tree: work_tree.to_path_buf(),
            git_dir: git_dir.to_path_buf(),
            date: BASE_DATE.to_owned(),
        }
    }

    /// The same repository, for commits of another date, in any form that git reads.
    pub fn dated(&self, date: &str) -> Self {
        Self {
            date: date.to_owned(),
            ..self.clone()
        }
    }

    /// Makes a repository in `work_tree`, with nothing in it.
    pub fn init(work_tree: &Path) -> Result<Self> {
        let git = Self::at(work_tree);
        git.run(["init", "--quiet", "--template="])?;
        // For whoever works in it with git by hand: bytes stay as they are.
        git.run(["config", "core.autocrlf", "false"])?;
        Ok(git)
    }

    /// The working tree's folder.
    pub fn work_tree(&self) -> &Path {
        &self.work_tree
    }

    /// The `.git` folder.
    pub fn git_dir(&self) -> PathBuf {
        self.git_dir.clone()
    }

    /// Runs git; fails with what git said if it fails.
    pub fn run<I, S>(&self, args: I) -> Result<Vec<u8>>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let args = owned(args);
        let output = self.output(&args)?;
        if !output.status.success() {
            let words: Vec<_> = args.iter().map(|arg| arg.to_string_lossy()).collect();
            bail!(
                "git {} failed in {}\n{}",
                words.join(" "),
                self.work_tree.display(),
                said(&output)
            );
        }
        Ok(output.stdout)
    }

    /// Runs git and gives its output as text, without the last line's end.
    pub fn text<I, S>(&self, args: I) -> Result<String>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let text = String::from_utf8(self.run(args)?).context("git's output is not UTF-8")?;
        Ok(text.trim_end_matches('\n').to_owned())
    }

    /// Runs git and says whether it succeeded.
    pub fn succeeds<I, S>(&self, args: I) -> Result<bool>
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        let args = owned(args);
        Ok(self.output(&args)?.status.success())
    }

    /// The full id of the commit `name` stands for, if there is one.
    pub fn commit(&self, name: &str) -> Result<Option<String>> {
        let spec = format!("{name}^{{commit}}");
        let output =
            self.output(&["rev-parse", "--verify", "--quiet", &spec].map(OsString::from))?;
        Ok(output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned()))
    }

    /// Commits everything in the working tree as a base commit: fixed author and date.
    pub fn commit_base(&self, message: &str) -> Result<()> {
        self.run(["add", "--all", "--force", "."])?;
        self.run(["commit", "--quiet", "--no-verify", "--message", message])?;
        Ok(())
    }

    fn output(&self, args: &[OsString]) -> Result<Output> {
        let mut command = Command::new("git");
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("GIT_") {
                command.env_remove(name);
            }
        }
        command
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_DIR", &self.git_dir)
            .env("GIT_WORK_TREE", &self.work_tree)
            .env("LC_ALL", "C");
        for role in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{role}_NAME"), COMMITTER.0)
                .env(format!("GIT_{role}_EMAIL"), COMMITTER.1)
                .env(format!("GIT_{role}_DATE"), &self.date);
        }
        for setting in CONFIG {
            command.args(["-c", setting]);
        }
        command
            .args(args)
            .current_dir(&self.work_tree)
            .stdin(Stdio::null())
            .output()
            .map_err(|error| {
                if error.kind() == std::io::ErrorKind::NotFound && self.work_tree.is_dir() {
                    anyhow!(
                        "git was not found on PATH: install it (on Debian and Ubuntu: apt-get install git; \
                         others: https://git-scm.com/downloads) and run this again"
                    )
                } else {
                    anyhow::Error::new(error)
                        .context(format!("cannot run git in {}", self.work_tree.display()))
                }
            })
    }
}

/// What a failed git wrote, both streams: `git am` explains itself on stdout.
fn said(output: &Output) -> String {
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text += &String::from_utf8_lossy(&output.stderr);
    text.trim_end().to_owned()
}

/// Arguments of any kind of string, as one list.
fn owned<S: AsRef<OsStr>>(args: impl IntoIterator<Item = S>) -> Vec<OsString> {
    args.into_iter()
        .map(|arg| arg.as_ref().to_owned())
        .collect()
}
