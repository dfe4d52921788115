//! Where the tree goes, and whether it can go there without loss.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::adopt::applied::Applied;
use crate::adopt::paths::{normalized, relative};

/// The folder that `--dir` names, from the current one.
pub fn absolute(dir: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(dir)
        .with_context(|| format!("cannot resolve --dir {}", dir.display()))?;
    Ok(normalized(&absolute))
}

/// Fails if the tree cannot be put at `dir` without loss.
pub fn ensure_usable(
    dir: &Path,
    applied: Option<&Applied>,
    wanted: Option<&Path>,
    root: &Path,
) -> Result<()> {
    if let Some(applied) = applied {
        if wanted.is_some_and(|wanted| wanted != applied.dir) {
            bail!(
                "the patches are already in {}: to move them, run `cargo pingora-keepalive remove` first",
                applied.shown
            );
        }
        return applied.ensure_unedited();
    }
    let shown = relative(root, dir);
    let mut entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return ensure_not_cargos(dir)
        }
        Err(error) => return Err(error).with_context(|| format!("cannot read {shown}")),
    };
    if entries.next().is_some() {
        bail!(
            "{shown} is not empty and was not made by `apply`: remove it, or name another folder with --dir"
        );
    }
    ensure_not_cargos(dir)
}

/// A folder that `cargo vendor` made is cargo's: it takes everything in it for a crate.
fn ensure_not_cargos(dir: &Path) -> Result<()> {
    let beside = dir
        .parent()
        .and_then(|parent| std::fs::read_dir(parent).ok());
    let is_crate = |entry: std::fs::DirEntry| entry.path().join(".cargo-checksum.json").exists();
    if beside.into_iter().flatten().flatten().any(is_crate) {
        bail!(
            "{} lies among crates that `cargo vendor` put there, and cargo would take it for one of them: name \
             another folder, for example --dir patched/pingora",
            dir.display()
        );
    }
    Ok(())
}
