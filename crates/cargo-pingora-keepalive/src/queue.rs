//! The patch queue as it stands in `patches/VERSION`: the series and the patches it names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::download::sha256;
use crate::series::Series;

/// Series and patches of one version.
#[derive(Debug)]
pub struct Queue {
    /// The folder it was read from.
    pub dir: PathBuf,
    /// The order, with its comments.
    pub series: Series,
    /// The patches, in order.
    pub patches: Vec<Patch>,
}

/// One patch: a file of the queue, or what is to become one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// `NAME.patch`
    pub file_name: String,
    /// The file's contents.
    pub text: String,
}

impl Patch {
    /// Its name: that of its file, without `.patch`.
    pub fn name(&self) -> &str {
        self.file_name.trim_end_matches(".patch")
    }
}

impl Queue {
    /// Reads `series` in `dir` and every patch it names.
    pub fn load(dir: &Path) -> Result<Self> {
        let series = load_series(dir)?;
        let mut patches = Vec::new();
        for file_name in series.patches() {
            let path = dir.join(file_name);
            let text = std::fs::read_to_string(&path).with_context(|| {
                format!(
                    "cannot read {}, which {} lists",
                    path.display(),
                    dir.join("series").display()
                )
            })?;
            patches.push(Patch {
                file_name: file_name.to_owned(),
                text,
            });
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            series,
            patches,
        })
    }

    /// The names of all patch files in the folder, listed or not, sorted.
    pub fn patch_files(dir: &Path) -> Result<Vec<String>> {
        let cannot_read = || format!("cannot read {}", dir.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(dir).with_context(cannot_read)? {
            let name = entry.with_context(cannot_read)?.file_name();
            let name = name.to_string_lossy().into_owned();
            if name.ends_with(".patch") {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

/// Reads `series` in `dir`.
pub fn load_series(dir: &Path) -> Result<Series> {
    let path = dir.join("series");
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read {}", path.display()))?;
    Series::parse(&text).with_context(|| format!("{} is not as expected", path.display()))
}

/// What a queue held: a line `sha256  file name` for each patch, in order. Kept in a tree to tell
/// whether the queue has changed since.
pub fn fingerprint(patches: &[Patch]) -> String {
    patches
        .iter()
        .map(|patch| format!("{}  {}\n", sha256(patch.text.as_bytes()), patch.file_name))
        .collect()
}
