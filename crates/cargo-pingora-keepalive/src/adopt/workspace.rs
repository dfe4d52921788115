//! The user's project: where its workspace root is, and the two files there that `apply` changes.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};
use cargo_metadata::MetadataCommand;

/// A workspace, which may be a single package.
#[derive(Debug, Clone)]
pub struct Workspace {
    root: PathBuf,
}

impl Workspace {
    /// The workspace of `manifest_path`, or of the current folder. Neither the network nor the lock
    /// file is touched.
    pub fn find(manifest_path: Option<&Path>) -> Result<Self> {
        let mut command = MetadataCommand::new();
        command.no_deps();
        if let Some(path) = manifest_path {
            command.manifest_path(path);
        }
        match command.exec() {
            Ok(metadata) => Ok(Self {
                root: metadata.workspace_root.into_std_path_buf(),
            }),
            Err(cargo_metadata::Error::CargoMetadata { stderr }) => bail!(
                "cargo cannot read the project. Mend its manifest, run this in a project that depends on \
                 Pingora, or name the project's Cargo.toml with --manifest-path. Cargo said:\n{}",
                stderr.trim_end()
            ),
            Err(cargo_metadata::Error::Io(error)) => {
                Err(crate::download::cannot_run_cargo(error))
            }
            Err(error) => Err(error).context("cannot read what cargo says about the project"),
        }
    }

    /// Its root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The root manifest.
    pub fn manifest_path(&self) -> PathBuf {
        self.root.join("Cargo.toml")
    }

    /// The lock file.
    pub fn lock_path(&self) -> PathBuf {
        self.root.join("Cargo.lock")
    }

    /// The text of the root manifest.
    pub fn manifest(&self) -> Result<String> {
        read(&self.manifest_path())
    }

    /// The text of the lock file.
    pub fn lock(&self) -> Result<String> {
        let path = self.lock_path();
        if !path.exists() {
            bail!(
                "{} has no Cargo.lock, so that nobody can tell which Pingora it uses: run `cargo \
                 generate-lockfile` there (or build it once) and run this again",
                self.root.display()
            );
        }
        read(&path)
    }
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
