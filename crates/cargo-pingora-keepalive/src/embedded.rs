//! The engine and the patches that this program carries in itself.
//!
//! They are what stood in the checkout when it was built. Unpacked they are a [`Project`] like any
//! other, so that a tree comes out the same from here and from a checkout.

use anyhow::{Context, Result};

use crate::project::Project;

/// Paths in the checkout, with `/`, and contents.
const FILES: &[(&str, &[u8])] = include!(concat!(env!("OUT_DIR"), "/embedded_files.rs"));

/// A project in a temporary folder, which goes with it.
#[derive(Debug)]
pub struct Embedded {
    project: Project,
    _dir: tempfile::TempDir,
}

impl Embedded {
    /// Unpacks what the program carries.
    pub fn unpack() -> Result<Self> {
        let dir = tempfile::tempdir().context("cannot make a temporary folder")?;
        for (path, bytes) in FILES {
            let path = dir.path().join(path);
            path.parent()
                .map_or(Ok(()), std::fs::create_dir_all)
                .and_then(|()| std::fs::write(&path, bytes))
                .with_context(|| format!("cannot write {}", path.display()))?;
        }
        let project = Project::find(Some(dir.path().to_path_buf()))?;
        Ok(Self { project, _dir: dir })
    }

    /// What was unpacked.
    pub fn project(&self) -> &Project {
        &self.project
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::package_files;

    #[test]
    fn the_program_carries_the_engine_and_the_patches_of_its_checkout() {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let embedded = Embedded::unpack().unwrap();
        let unpacked = embedded.project().root();
        for folder in ["crates/pingora-keepalive", "patches"] {
            let (from, to) = (checkout.join(folder), unpacked.join(folder));
            let files = package_files::list(&from).unwrap();
            assert_eq!(package_files::list(&to).unwrap(), files);
            for file in files {
                let same = std::fs::read(from.join(&file)).unwrap()
                    == std::fs::read(to.join(&file)).unwrap();
                assert!(same, "{} differs", file.display());
            }
        }
    }
}
