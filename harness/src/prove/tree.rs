//! A clone of the materialized tree, in which one prefix of the series after the other is checked
//! out. The tree itself stays as whoever works in it left it.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{ensure, Context as _, Result};
use cargo_pingora_keepalive::git::Git;
use cargo_pingora_keepalive::materialize;
use cargo_pingora_keepalive::trailers::Trailers;

use super::patches::Series;
use crate::paths;

/// What the clone calls the two ends of the series.
const BASE: &str = "refs/prove/base";
const TIP: &str = "refs/prove/tip";

/// The clone.
#[derive(Debug)]
pub(super) struct PrefixTree {
    git: Git,
    /// The commit of each prefix, the empty one first.
    commits: Vec<String>,
    /// One proof at a time works in it.
    _lock: Option<File>,
}

impl PrefixTree {
    /// Clones the tree of `version`, or brings the clone up to date.
    pub(super) fn open(version: &str, series: &Series) -> Result<PrefixTree> {
        let folder = paths::target().join("harness/prove").join(version);
        let tree = folder.join("tree");
        std::fs::create_dir_all(&tree).with_context(|| tree.display().to_string())?;
        let lock = materialize::lock(&folder, &mut |line| eprintln!("{line}"))?;
        let git = if tree.join(".git").exists() {
            Git::at(&tree)
        } else {
            Git::init(&tree)?
        };
        let source = paths::patched(version);
        git.run([
            "fetch".as_ref(),
            "--quiet".as_ref(),
            "--no-tags".as_ref(),
            source.as_os_str(),
            format!("+refs/pingora-keepalive/base:{BASE}").as_ref(),
            format!("+HEAD:{TIP}").as_ref(),
        ])?;
        let range = format!("{BASE}..{TIP}");
        let log = git.text(["rev-list", "--reverse", &range])?;
        let mut commits = vec![git.text(["rev-parse", BASE])?];
        commits.extend(log.lines().map(str::to_owned));
        let prefixes = PrefixTree {
            git,
            commits,
            _lock: lock,
        };
        prefixes.is_of(series).with_context(|| {
            let source = source.display();
            format!("{source} is not what patches/{version} gives: `materialize` it again")
        })?;
        Ok(prefixes)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        self.git.work_tree()
    }

    /// A folder for what belongs to it.
    pub(super) fn beside(&self) -> PathBuf {
        let folder = self.folder();
        folder.parent().unwrap_or(folder).to_path_buf()
    }

    /// Checks out the first `length` patches. Files that are the same keep their time, so that cargo
    /// compiles no more than it must.
    pub(super) fn check_out(&self, length: usize) -> Result<()> {
        let commit = self.commits.get(length).context("no such prefix")?;
        self.git
            .run(["checkout", "--quiet", "--force", "--detach", commit])?;
        self.git.run(["clean", "--quiet", "--force", "-d"])?;
        Ok(())
    }

    fn is_of(&self, series: &Series) -> Result<()> {
        let (commits, patches) = (self.commits.len() - 1, series.patches.len());
        ensure!(
            commits == patches,
            "{commits} commits for {patches} patches"
        );
        for (commit, patch) in self.commits[1..].iter().zip(&series.patches) {
            let message = self.git.text(["log", "-1", "--format=%B", commit])?;
            let name = Trailers::parse(&message).patch.unwrap_or_default();
            ensure!(
                name == patch.name,
                "{name} stands where {} should",
                patch.name
            );
        }
        Ok(())
    }
}
