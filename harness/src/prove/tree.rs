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
    version: String,
    /// The commit of each prefix, the empty one first.
    commits: Vec<String>,
    /// One proof at a time works in it.
    _lock: Option<File>,
}

impl PrefixTree {
    /// Clones the tree of `version`, or brings the clone up to date.
    pub(super) fn open(version: &str, series: &Series) -> Result<PrefixTree> {
        let folder = paths::prefixes(version);
        let source = paths::patched(version);
        PrefixTree::clone(version, &source, &folder, series).with_context(|| {
            let source = source.display();
            format!("{source} is not what patches/{version} gives: `materialize` it again")
        })
    }

    /// Clones the tree at `source` to a place in `folder`.
    pub(super) fn clone(
        version: &str,
        source: &Path,
        folder: &Path,
        series: &Series,
    ) -> Result<PrefixTree> {
        let tree = folder.join("tree");
        std::fs::create_dir_all(&tree).with_context(|| tree.display().to_string())?;
        let lock = materialize::lock(folder, &mut |line| eprintln!("{line}"))?;
        let git = if tree.join(".git").exists() {
            Git::at(&tree)
        } else {
            Git::init(&tree)?
        };
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
            version: version.to_owned(),
            commits,
            _lock: lock,
        };
        prefixes.is_of(series)?;
        Ok(prefixes)
    }

    /// The version of the crates.
    pub(super) fn version(&self) -> &str {
        &self.version
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

    /// A file as it is with the first `length` patches.
    pub(super) fn text(&self, length: usize, path: &str) -> Result<String> {
        let commit = self.commits.get(length).context("no such prefix")?;
        self.git.text(["show", &format!("{commit}:{path}")])
    }

    /// Those of `lines` of that file, counted from 1, that are upstream's.
    pub(super) fn of_upstream(
        &self,
        length: usize,
        path: &str,
        lines: &[usize],
    ) -> Result<Vec<usize>> {
        let commit = self.commits.get(length).context("no such prefix")?;
        let base = &self.commits[0];
        let mut blame = vec!["blame".to_owned(), "--porcelain".to_owned()];
        for line in lines {
            blame.extend(["-L".to_owned(), format!("{line},{line}")]);
        }
        blame.extend([commit.clone(), "--".to_owned(), path.to_owned()]);
        let told = self.git.text(blame)?;
        // A line is told as `COMMIT LINE-THEN LINE-NOW ..`, and what else there is behind it.
        let of_base = told
            .lines()
            .filter_map(|line| line.strip_prefix(base.as_str()));
        let numbers = of_base.filter_map(|rest| rest.split_whitespace().nth(1)?.parse().ok());
        Ok(numbers.collect())
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

#[cfg(test)]
mod tests {
    use super::super::patches::{Claim, Patch};
    use super::*;

    fn series(names: &[&str]) -> Series {
        let patch = |name: &&str| Patch {
            name: (*name).to_owned(),
            kind: "bugfix".to_owned(),
            claim: Claim::None("a test".to_owned()),
            removed: Default::default(),
            edited: Default::default(),
        };
        Series {
            patches: names.iter().map(patch).collect(),
        }
    }

    /// A tree as `materialize` leaves it, with a file that each patch changes and one that none does.
    fn materialized(folder: &Path, names: &[&str]) -> Result<()> {
        let git = Git::init(folder)?;
        std::fs::write(folder.join("same"), "same")?;
        std::fs::write(folder.join("changing"), "nothing")?;
        std::fs::write(folder.join(".gitignore"), "/Cargo.lock\n")?;
        git.commit_base("Pristine\n")?;
        git.run(["update-ref", "refs/pingora-keepalive/base", "HEAD"])?;
        for name in names {
            std::fs::write(folder.join("changing"), name)?;
            git.commit_base(&format!("Change it\n\nPatch: {name}\n"))?;
        }
        Ok(())
    }

    #[test]
    fn each_prefix_can_be_checked_out() -> Result<()> {
        let (source, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let names = ["one", "two"];
        materialized(source.path(), &names)?;
        let prefixes = PrefixTree::clone("1", source.path(), folder.path(), &series(&names))?;
        let changing = || std::fs::read_to_string(prefixes.folder().join("changing"));
        let same = prefixes.folder().join("same");
        prefixes.check_out(0)?;
        assert_eq!(changing()?, "nothing");
        let time = same.metadata()?.modified()?;
        // What is ignored stays, what a build leaves beside the sources does not.
        std::fs::write(prefixes.folder().join("Cargo.lock"), "lock")?;
        std::fs::write(prefixes.folder().join("left"), "left")?;
        prefixes.check_out(2)?;
        assert_eq!(changing()?, "two");
        prefixes.check_out(1)?;
        assert_eq!(changing()?, "one");
        assert_eq!(same.metadata()?.modified()?, time);
        assert!(prefixes.folder().join("Cargo.lock").exists());
        assert!(!prefixes.folder().join("left").exists());
        assert!(prefixes.check_out(3).is_err());
        Ok(())
    }

    #[test]
    fn lines_of_upstream_are_told_from_those_of_patches() -> Result<()> {
        let (source, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let git = Git::init(source.path())?;
        let write = |text: &str| std::fs::write(source.path().join("file"), text);
        write("a\nb\nc\n")?;
        git.commit_base("Pristine\n")?;
        git.run(["update-ref", "refs/pingora-keepalive/base", "HEAD"])?;
        write("a\nnew\nb\nC\n")?;
        git.commit_base("Change it\n\nPatch: one\n")?;
        let prefixes = PrefixTree::clone("1", source.path(), folder.path(), &series(&["one"]))?;
        assert_eq!(prefixes.text(0, "file")?, "a\nb\nc");
        assert_eq!(prefixes.of_upstream(0, "file", &[2, 3])?, [2, 3]);
        assert_eq!(prefixes.of_upstream(1, "file", &[1, 2, 3, 4])?, [1, 3]);
        Ok(())
    }

    #[test]
    fn a_tree_of_other_patches_is_refused() -> Result<()> {
        let (source, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
        materialized(source.path(), &["one", "two"])?;
        let error = |names: &[&str]| {
            let prefixes = PrefixTree::clone("1", source.path(), folder.path(), &series(names));
            prefixes.map(|_| ()).map_err(|error| format!("{error:#}"))
        };
        assert_eq!(error(&["one"]), Err("2 commits for 1 patches".to_owned()));
        let swapped = Err("one stands where two should".to_owned());
        assert_eq!(error(&["two", "one"]), swapped);
        // The clone follows the tree.
        assert_eq!(error(&["one", "two"]), Ok(()));
        Ok(())
    }
}
