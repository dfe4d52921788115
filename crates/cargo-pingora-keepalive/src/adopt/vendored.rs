//! The vendored tree: what it must hold, what it holds, and how the two differ.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use crate::adopt::state;
use crate::download::sha256;
use crate::materialize::Plan;
use crate::package_files;
use crate::project::Project;

/// Files by their path in the tree, with `/`.
pub type Files = BTreeMap<String, Vec<u8>>;

/// sha256 of each file.
pub type Sums = BTreeMap<String, String>;

/// Nobody's line ending settings may change a byte of it.
const ATTRIBUTES: &str =
    "# Written by `cargo pingora-keepalive apply`.\n* -text linguist-vendored\n";

/// Makes the files of the tree: those that `materialize` makes, without a repository.
pub fn make(
    plan: &Plan<'_>,
    cwd: &Path,
    offline: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<Files> {
    let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
    let (git, _) = plan.carry_out(cwd, offline, dir.path(), progress)?;
    std::fs::remove_dir_all(git.git_dir())
        .with_context(|| format!("cannot remove {}", git.git_dir().display()))?;
    let mut files = read(dir.path())?;
    files.insert(".gitattributes".to_owned(), ATTRIBUTES.into());
    Ok(files)
}

/// One sum over all that the files are made from. Another sum is another tree, or the same one made
/// in another way.
pub fn made_from(project: &Project, version: &str) -> Result<String> {
    let mut all = ATTRIBUTES.to_owned();
    for dir in [project.queue_dir(version)?, project.engine_dir()] {
        let cannot_read = || format!("cannot read {}", dir.display());
        for file in package_files::list(&dir).with_context(cannot_read)? {
            let bytes = std::fs::read(dir.join(&file)).with_context(cannot_read)?;
            all += &format!("{}  {}\n", sha256(&bytes), file.display());
        }
    }
    Ok(sha256(all.as_bytes()))
}

/// The files below `dir`, without what building in it leaves there and without the state file.
pub fn read(dir: &Path) -> Result<Files> {
    let mut files = Files::new();
    add(dir, "", &mut files).with_context(|| format!("cannot read {}", dir.display()))?;
    Ok(files)
}

fn add(dir: &Path, below: &str, files: &mut Files) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if below.is_empty() && [state::FILE, "target", "Cargo.lock"].contains(&name.as_str()) {
            continue;
        }
        let relative = format!("{below}{name}");
        if entry.path().is_dir() {
            add(&entry.path(), &format!("{relative}/"), files)?;
        } else {
            files.insert(relative, std::fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Writes `files` below `dir`, an empty folder.
pub fn write(files: &Files, dir: &Path) -> Result<()> {
    for (name, bytes) in files {
        let path = dir.join(name);
        path.parent()
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| std::fs::write(&path, bytes))
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The sums of `files`.
pub fn sums(files: &Files) -> Sums {
    files
        .iter()
        .map(|(name, bytes)| (name.clone(), sha256(bytes)))
        .collect()
}

/// How a tree differs from what it should hold.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drift {
    lines: Vec<String>,
}

impl Drift {
    /// What is different in `found`.
    pub fn between(expected: &Sums, found: &Sums) -> Self {
        let mut lines = Vec::new();
        for (name, sum) in expected {
            match found.get(name) {
                None => lines.push(format!("missing: {name}")),
                Some(there) if there != sum => lines.push(format!("edited:  {name}")),
                Some(_) => {}
            }
        }
        for name in found.keys().filter(|name| !expected.contains_key(*name)) {
            lines.push(format!("added:   {name}"));
        }
        Self { lines }
    }

    /// Whether nothing is.
    pub fn is_none(&self) -> bool {
        self.lines.is_empty()
    }
}

impl fmt::Display for Drift {
    /// A line for each file, the first ones only if there are many.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for line in self.lines.iter().take(SHOWN) {
            writeln!(f, "  {line}")?;
        }
        if self.lines.len() > SHOWN {
            writeln!(f, "  and {} more", self.lines.len() - SHOWN)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_names_each_file_and_what_happened_to_it() {
        let sums = |pairs: &[(&str, &str)]| -> Sums {
            pairs
                .iter()
                .map(|(name, sum)| ((*name).to_owned(), (*sum).to_owned()))
                .collect()
        };
        let drift = Drift::between(
            &sums(&[("a", "1"), ("b", "1"), ("c", "1")]),
            &sums(&[("a", "1"), ("b", "2"), ("d", "1")]),
        );
        assert_eq!(
            drift.to_string(),
            "  edited:  b\n  missing: c\n  added:   d\n"
        );
        assert!(Drift::between(&sums(&[("a", "1")]), &sums(&[("a", "1")])).is_none());
    }
}
