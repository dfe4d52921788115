//! `upstream.toml`: which crates a queue is for, pinned by checksum.

use std::path::Path;

use anyhow::{ensure, Context, Result};
use serde::Deserialize;

/// The contents of `patches/VERSION/upstream.toml`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Version of all the crates.
    pub version: String,
    /// Upstream's git repository.
    pub repository: String,
    /// The commit of that repository the crates were published from.
    pub commit: String,
    /// The crates, in the order in which they are unpacked.
    #[serde(rename = "crate")]
    pub crates: Vec<Crate>,
}

/// One published crate.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crate {
    /// Package name.
    pub name: String,
    /// Its folder in upstream's repository and in a materialized tree.
    pub directory: String,
    /// sha256 of the `.crate` file, in lower-case hexadecimal.
    pub sha256: String,
}

impl Upstream {
    /// Reads `upstream.toml` in `queue_dir`, the folder of `version`.
    pub fn load(queue_dir: &Path, version: &str) -> Result<Self> {
        let path = queue_dir.join("upstream.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let upstream: Self = toml_edit::de::from_str(&text)
            .with_context(|| format!("{} is not as expected", path.display()))?;
        upstream
            .validate(version)
            .with_context(|| format!("{} is not as expected", path.display()))?;
        Ok(upstream)
    }

    fn validate(&self, version: &str) -> Result<()> {
        ensure!(
            self.version == version,
            "it is for version {}, but its folder is named {version}",
            self.version
        );
        ensure!(!self.crates.is_empty(), "it names no crate");
        for krate in &self.crates {
            for (key, value) in [("name", &krate.name), ("directory", &krate.directory)] {
                ensure!(
                    is_plain_name(value),
                    "{key} = {value:?} is not a plain name"
                );
            }
            ensure!(
                krate.sha256.len() == 64
                    && krate
                        .sha256
                        .bytes()
                        .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b)),
                "the sha256 of {} is not 64 lower-case hexadecimal digits",
                krate.name
            );
        }
        Ok(())
    }
}

fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}
