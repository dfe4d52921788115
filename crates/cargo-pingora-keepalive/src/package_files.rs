//! Which files of a folder belong to it: shared by the build script, which embeds them, and by
//! [`crate::engine`], which copies them. Only the standard library is used here, for the former.

use std::io::Result;
use std::path::{Path, PathBuf};

/// The files below `dir`, as paths relative to it, in a fixed order.
///
/// Left out is what builds, tests and editors leave there: `target`, `Cargo.lock`, hidden files,
/// packages of their own (fuzz targets) and what failed tests of a property or a snapshot wrote.
pub fn list(dir: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    add(dir, Path::new(""), &mut files)?;
    files.sort();
    Ok(files)
}

fn add(dir: &Path, below: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in std::fs::read_dir(dir.join(below))? {
        let name = entry?.file_name();
        if is_left_out(&name.to_string_lossy()) {
            continue;
        }
        let relative = below.join(&name);
        let path = dir.join(&relative);
        if !path.is_dir() {
            files.push(relative);
        } else if !path.join("Cargo.toml").exists() {
            add(dir, &relative, files)?;
        }
    }
    Ok(())
}

fn is_left_out(name: &str) -> bool {
    name.starts_with('.')
        || ["target", "Cargo.lock", "proptest-regressions"].contains(&name)
        || [".snap.new", ".rs.bk", "~"]
            .iter()
            .any(|end| name.ends_with(end))
}
