//! What an earlier `apply` left in a project.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

use crate::adopt::lock;
use crate::adopt::overrides::{self, Override};
use crate::adopt::paths::{normalized, relative};
use crate::adopt::state::{self, State};
use crate::adopt::supported::Supported;
use crate::adopt::vendored::{self, Drift};
use crate::project::ENGINE;
use crate::upstream::Upstream;

/// Where the tree goes if nothing else is said, from the workspace root.
pub const DEFAULT_DIR: &str = "vendor/pingora";

/// The tree and the overrides that lead to it. Either may be missing: a fresh clone may lack an ignored
/// folder, a process may have been killed.
#[derive(Debug)]
pub struct Applied {
    /// The tree's folder, which may not be there.
    pub dir: PathBuf,
    /// The same from the workspace root.
    pub shown: String,
    /// The tree's state, if it is there.
    pub state: Option<State>,
    /// The entries of the root manifest.
    pub overrides: Vec<Override>,
}

impl Applied {
    /// Finds it by way of the overrides in `manifest`, or in `dir` (without one, in the folder where
    /// `apply` puts it by itself). Overrides of the crates that are somebody else's are an error.
    pub fn find(
        root: &Path,
        manifest: &str,
        supported: &Supported,
        dir: Option<&Path>,
    ) -> Result<Option<Self>> {
        let crates = supported.crates();
        let fallback = dir.map_or_else(|| root.join(DEFAULT_DIR), Path::to_path_buf);
        let mut found: Option<(PathBuf, Vec<Override>)> = None;
        for each in overrides::all(manifest)? {
            if each.package != ENGINE && !crates.contains(&each.package.as_str()) {
                continue;
            }
            let there = found.as_ref().map(|(dir, _)| dir);
            let Some(dir) = tree_of(root, &each).filter(|dir| there.is_none_or(|d| d == dir))
            else {
                bail!(
                    "Cargo.toml already overrides {}, and not by this tool:\n  {}\nTwo overrides of a crate cannot \
                     both hold. Take this entry out, run `cargo update --workspace` and run this again",
                    each.package,
                    each.shown
                );
            };
            found.get_or_insert_with(|| (dir, Vec::new())).1.push(each);
        }
        let (dir, overrides) = match found {
            Some(found) => found,
            None if fallback.join(state::FILE).exists() => (fallback, Vec::new()),
            None => return Ok(None),
        };
        Ok(Some(Self {
            shown: relative(root, &dir),
            state: State::load(&dir)?,
            dir,
            overrides,
        }))
    }

    /// How the tree differs from what was put there; `None` if it is not there.
    pub fn drift(&self) -> Result<Option<Drift>> {
        let Some(state) = &self.state else {
            return Ok(None);
        };
        let there = vendored::sums(&vendored::read(&self.dir)?);
        Ok(Some(Drift::between(&state.files, &there)))
    }

    /// Fails if the tree holds what would be lost.
    pub fn ensure_unedited(&self) -> Result<()> {
        match self.drift()? {
            Some(drift) if !drift.is_none() => bail!(
                "{} was edited since it was made:\n{drift}Nothing was changed. Keep what you need elsewhere, undo \
                 the edits (in git: `git checkout -- {0} && git clean -d {0}`) or remove the folder, and run this \
                 again",
                self.shown
            ),
            _ => Ok(()),
        }
    }

    /// The lock file `text` as it would be without the overrides. `locked` is what they are of, if the
    /// tree does not say.
    pub fn lock_without(
        &self,
        text: &str,
        supported: &Supported,
        locked: &Upstream,
    ) -> Result<String> {
        let Some(state) = &self.state else {
            return Ok(lock::without_override(text, locked));
        };
        if let Some(before) = state.lock.before.as_ref() {
            if state.lock.is_after(text) {
                return Ok(before.clone());
            }
        }
        let upstream = supported.version(&state.pingora).with_context(|| {
            format!(
                "{} was made for Pingora {}, which this tool does not know: use version {} of it to remove the \
                 patches first",
                self.shown, state.pingora, state.tool
            )
        })?;
        Ok(lock::without_override(text, upstream))
    }
}

/// The folder of the tree that `each` leads to, if it is one, or was.
fn tree_of(root: &Path, each: &Override) -> Option<PathBuf> {
    let krate = normalized(&root.join(each.path.as_ref()?));
    let dir = krate.parent()?.to_path_buf();
    (dir.join(state::FILE).exists() || !krate.join("Cargo.toml").exists()).then_some(dir)
}
