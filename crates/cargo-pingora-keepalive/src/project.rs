//! Where things are: the project's root and the folders below it.

use std::path::{Path, PathBuf};

use anyhow::{bail, Context, Result};

/// Name of the engine: its folder in `crates/`, its folder in a materialized tree, its package name.
pub const ENGINE: &str = "pingora-keepalive";

/// A checkout of this project.
#[derive(Debug, Clone)]
pub struct Project {
    root: PathBuf,
}

impl Project {
    /// The project at `root`; without one, the nearest project above the current folder; failing that,
    /// the checkout this program was built from.
    pub fn find(root: Option<PathBuf>) -> Result<Self> {
        if let Some(root) = root {
            let root = std::path::absolute(&root)
                .with_context(|| format!("cannot resolve --root {}", root.display()))?;
            if !is_root(&root) {
                bail!(
                    "{} is not a project root: it must hold `patches/` and `crates/{ENGINE}/`",
                    root.display()
                );
            }
            return Ok(Self { root });
        }
        let current = std::env::current_dir().context("cannot tell the current folder")?;
        let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        current
            .ancestors()
            .find(|dir| is_root(dir))
            .map(Path::to_path_buf)
            .or_else(|| {
                built_from
                    .canonicalize()
                    .ok()
                    .filter(|built_from| is_root(built_from))
            })
            .map(|root| Self { root })
            .with_context(|| {
                format!(
                    "no project found in {} or above it: run this inside the project, or name its root with \
                     --root DIR (the folder that holds `patches/` and `crates/{ENGINE}/`)",
                    current.display()
                )
            })
    }

    /// The project's root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The engine's original, which a materialized tree holds a copy of.
    pub fn engine_dir(&self) -> PathBuf {
        self.root.join("crates").join(ENGINE)
    }

    /// The supported versions, which are the folders of `patches/`, sorted by name. What is there for
    /// a crate that the override does not carry stands in a folder of that crate's name.
    pub fn versions(&self) -> Result<Vec<String>> {
        let dir = self.root.join("patches");
        let mut versions = Vec::new();
        for entry in
            std::fs::read_dir(&dir).with_context(|| format!("cannot read {}", dir.display()))?
        {
            let entry = entry.with_context(|| format!("cannot read {}", dir.display()))?;
            let name = entry.file_name().into_string();
            let of_a_crate = |name: &String| name.starts_with("pingora-");
            if entry.path().is_dir() {
                versions.extend(name.ok().filter(|name| !of_a_crate(name)));
            }
        }
        versions.sort();
        Ok(versions)
    }

    /// The folder of `patches/` for `version`, or an error that lists the versions there are.
    pub fn queue_dir(&self, version: &str) -> Result<PathBuf> {
        let versions = self.versions()?;
        if !versions.iter().any(|supported| supported == version) {
            bail!(
                "Pingora {version} is not supported; supported versions: {} (the folders of {})",
                versions.join(", "),
                self.root.join("patches").display()
            );
        }
        Ok(self.root.join("patches").join(version))
    }

    /// Where a tree goes: `out` if given (relative to the current folder), or `crates/patched/...`.
    pub fn tree_dir(&self, version: &str, pristine: bool, out: Option<&Path>) -> Result<PathBuf> {
        match out {
            Some(out) => std::path::absolute(out)
                .with_context(|| format!("cannot resolve --out {}", out.display())),
            None => {
                let suffix = if pristine { "-pristine" } else { "" };
                let name = format!("{version}{suffix}");
                Ok(self.root.join("crates").join("patched").join(name))
            }
        }
    }

    /// `path` as it is best shown: relative to the root where it lies below it.
    pub fn show(&self, path: &Path) -> String {
        path.strip_prefix(&self.root)
            .unwrap_or(path)
            .display()
            .to_string()
    }
}

fn is_root(dir: &Path) -> bool {
    dir.join("patches").is_dir() && dir.join("crates").join(ENGINE).join("Cargo.toml").is_file()
}
