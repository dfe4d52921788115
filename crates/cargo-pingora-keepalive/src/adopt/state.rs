//! The state file in the vendored tree: what the tree was made from, and what taking it back needs.

use std::path::Path;

use anyhow::{ensure, Context, Result};
use serde::{Deserialize, Serialize};

use crate::adopt::vendored::Sums;
use crate::download::sha256;

/// Its name in the tree.
pub const FILE: &str = ".pingora-keepalive.toml";

const FORMAT: u32 = 1;

const HEAD: &str = "# Written by `cargo pingora-keepalive apply`; `verify`, `status` and `remove` need it: commit it with\n\
                    # the rest of the folder.\n";

/// What `apply` did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    format: u32,
    /// Version of the program that made the tree.
    pub tool: String,
    /// Version of Pingora.
    pub pingora: String,
    /// See [`crate::adopt::vendored::made_from`].
    pub made_from: String,
    /// The patches' file names, in order.
    pub patches: Vec<String>,
    /// Folders that were made for the tree, relative to the workspace root, innermost first.
    pub made_folders: Vec<String>,
    /// How to take back the root manifest.
    pub manifest: ManifestUndo,
    /// How to take back the lock file.
    pub lock: LockUndo,
    /// sha256 of every file.
    pub files: Sums,
}

/// What was put into the root manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ManifestUndo {
    /// The overrides.
    #[serde(default)]
    pub overrides: String,
    /// The tree's entry in `workspace.exclude`, where it needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<String>,
}

/// How to take back the change of the lock file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LockUndo {
    /// sha256 of the file after the change.
    pub after: String,
    /// The file before, if taking the override out of it does not give that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
}

impl LockUndo {
    /// Whether `text` is what the change made of the file.
    pub fn is_after(&self, text: &str) -> bool {
        self.after == sha256(text.as_bytes())
    }
}

impl State {
    /// What an `apply` by this program begins with.
    pub fn new(pingora: &str, made_from: String, patches: Vec<String>, files: Sums) -> Self {
        Self {
            format: FORMAT,
            tool: env!("CARGO_PKG_VERSION").to_owned(),
            pingora: pingora.to_owned(),
            made_from,
            patches,
            made_folders: Vec::new(),
            manifest: ManifestUndo::default(),
            lock: LockUndo::default(),
            files,
        }
    }

    /// Reads it in `tree`; `None` if there is none.
    pub fn load(tree: &Path) -> Result<Option<Self>> {
        let path = tree.join(FILE);
        if !path.exists() {
            return Ok(None);
        }
        let cannot_read = || {
            format!(
                "cannot read {}: bring it back from your version control",
                path.display()
            )
        };
        let text = std::fs::read_to_string(&path).with_context(cannot_read)?;
        let state: Self = toml_edit::de::from_str(&text).with_context(cannot_read)?;
        ensure!(
            state.format == FORMAT,
            "{} was written by {} of this program in a form that this one does not know: use that version",
            path.display(),
            state.tool
        );
        Ok(Some(state))
    }

    /// Its text.
    pub fn text(&self) -> Result<String> {
        let text = toml_edit::ser::to_string_pretty(self).context("cannot write the state file")?;
        Ok(format!("{HEAD}{text}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(State::load(dir.path()).unwrap(), None);
        let files = [("a/b.rs".to_owned(), "00".to_owned())].into();
        let mut state = State::new("9.9.9", "11".to_owned(), vec!["x.patch".to_owned()], files);
        state.manifest.overrides = "\r\n[patch.crates-io]\n\"'".to_owned();
        state.lock.before = Some("version = 4\n\n[[package]]\n".to_owned());
        std::fs::write(dir.path().join(FILE), state.text().unwrap()).unwrap();
        assert_eq!(State::load(dir.path()).unwrap(), Some(state));
    }
}
