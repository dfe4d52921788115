//! Where an export goes: a new folder, or a branch of the user's clone.

use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

/// A folder that is to be made: nothing is there yet, or nothing is in it.
#[derive(Debug)]
pub struct NewFolder {
    dir: PathBuf,
    shown: String,
    parent: PathBuf,
}

impl NewFolder {
    /// The folder `dir`, as `--git` names it.
    pub fn at(dir: &Path) -> Result<Self> {
        let shown = dir.display().to_string();
        let dir =
            std::path::absolute(dir).with_context(|| format!("cannot resolve --git {shown}"))?;
        if dir.exists() {
            let mut entries = std::fs::read_dir(&dir).with_context(|| {
                format!("--git {shown}: it is there and cannot be read as a folder")
            })?;
            ensure!(
                entries.next().is_none(),
                "--git {shown}: it is not empty. Name a folder that is not there yet, or remove it: nothing in it \
                 was touched"
            );
        }
        let Some(parent) = dir.parent().map(Path::to_path_buf) else {
            bail!("--git {shown}: that cannot be made");
        };
        Ok(Self { dir, shown, parent })
    }

    /// The folder, as the user named it.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A folder beside it to work in, which goes if it is not put in place.
    pub fn work_beside(&self) -> Result<tempfile::TempDir> {
        std::fs::create_dir_all(&self.parent)
            .and_then(|()| {
                tempfile::Builder::new()
                    .prefix(".export-")
                    .tempdir_in(&self.parent)
            })
            .with_context(|| format!("cannot write in {}", self.parent.display()))
    }

    /// Puts `made` there.
    pub fn put(&self, made: &Path) -> Result<()> {
        let cannot = || format!("cannot put the repository at {}", self.dir.display());
        if self.dir.exists() {
            std::fs::remove_dir(&self.dir).with_context(cannot)?;
        }
        std::fs::rename(made, &self.dir).with_context(cannot)
    }
}
