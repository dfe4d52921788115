//! The engine's copy in a materialized tree.
//!
//! Copied is the package as it stands in `crates/pingora-keepalive`, without what
//! [`crate::package_files`] leaves out. The copy is read only by agreement: `refresh` refuses commits
//! that touch it.

use std::path::Path;

use anyhow::{Context, Result};

use crate::package_files;
use crate::unpack::make_executable;

/// Copies the package in `from` to `to`, which must not exist yet.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    copy_files(from, to).with_context(|| {
        format!(
            "cannot copy the engine from {} to {}",
            from.display(),
            to.display()
        )
    })
}

fn copy_files(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for file in package_files::list(from)? {
        let target = to.join(&file);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&target, std::fs::read(from.join(&file))?)?;
        make_executable(&target, false)?;
    }
    Ok(())
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
