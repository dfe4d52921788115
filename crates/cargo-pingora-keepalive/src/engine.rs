//! The engine's copy in a materialized tree.
//!
//! Copied is the package as it stands in `crates/pingora-keepalive`, without what builds, tests and
//! editors leave there: `target`, `Cargo.lock`, hidden files, packages of their own below it (fuzz
//! targets) and what failed tests of a property or a snapshot wrote. The copy is read only by
//! agreement: `refresh` refuses commits that touch it.

use std::path::Path;

use anyhow::{Context, Result};

use crate::unpack::make_executable;

/// Copies the package in `from` to `to`, which must not exist yet.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    copy_dir(from, to).with_context(|| {
        format!(
            "cannot copy the engine from {} to {}",
            from.display(),
            to.display()
        )
    })
}

fn copy_dir(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir(to)?;
    let mut entries = std::fs::read_dir(from)?.collect::<std::io::Result<Vec<_>>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name();
        let path = entry.path();
        if is_left_out(&name.to_string_lossy()) {
            continue;
        }
        let target = to.join(&name);
        if path.is_dir() {
            if !path.join("Cargo.toml").exists() {
                copy_dir(&path, &target)?;
            }
        } else {
            std::fs::write(&target, std::fs::read(&path)?)?;
            make_executable(&target, false)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_holds_the_package_and_not_what_tools_leave_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let from = dir.path().join("from");
        for file in [
            "Cargo.toml",
            "Cargo.lock",
            ".hidden",
            "src/lib.rs",
            "src/snapshots/a.snap",
            "src/snapshots/a.snap.new",
            "target/debug/x",
            "fuzz/Cargo.toml",
            "fuzz/main.rs",
            "proptest-regressions/a.txt",
        ] {
            let path = from.join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, "x").unwrap();
        }
        let to = dir.path().join("to");
        copy(&from, &to).unwrap();

        for there in ["Cargo.toml", "src/lib.rs", "src/snapshots/a.snap"] {
            assert!(to.join(there).exists(), "{there} should be copied");
        }
        for absent in [
            "Cargo.lock",
            ".hidden",
            "src/snapshots/a.snap.new",
            "target",
            "fuzz",
            "proptest-regressions",
        ] {
            assert!(!to.join(absent).exists(), "{absent} should be left out");
        }
    }
}
