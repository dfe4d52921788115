//! Which Pingora a project has locked.

use anyhow::{bail, Result};

use crate::adopt::lock::{Lock, Package, CRATES_IO};
use crate::adopt::supported::{compatible, Supported};
use crate::upstream::Upstream;

/// The crate that every use of Pingora comes down to.
const CORE: &str = "pingora-core";

/// The Pingora of a project's graph, of which there is exactly one.
#[derive(Debug)]
pub struct Locked<'s> {
    /// The version and what is patched of it.
    pub upstream: &'s Upstream,
    /// Those of the patched crates that are in the graph.
    pub crates: Vec<String>,
}

impl<'s> Locked<'s> {
    /// Finds it in `lock`. With `applied` the crates may come from a folder: the override's.
    pub fn find(lock: &Lock, supported: &'s Supported, applied: bool) -> Result<Self> {
        let packages: Vec<&Package> = supported
            .crates()
            .iter()
            .flat_map(|name| lock.packages().iter().filter(move |p| p.name == *name))
            .collect();
        let Some(core) = packages.iter().find(|p| p.name == CORE) else {
            bail!(
                "no Pingora in the dependency graph: Cargo.lock has no {CORE}. Run this in a project that depends \
                 on it, or name the project's Cargo.toml with --manifest-path; if Cargo.toml was changed since, run \
                 `cargo update --workspace` first"
            );
        };
        if let Some(other) = packages
            .iter()
            .find(|p| p.name == CORE && p.version != core.version)
        {
            bail!(
                "two versions of Pingora in the dependency graph, {} and {}: patches are for one of them. `cargo \
                 tree -i {CORE}@{}` shows who needs it; bring all to one version first",
                core.version,
                other.version,
                core.version.clone().min(other.version.clone())
            );
        }
        for package in &packages {
            match package.source.as_deref() {
                Some(CRATES_IO) => {}
                None if applied => {}
                None => bail!(
                    "{} {} comes from a folder, not from crates.io: a path dependency or an override other than \
                     this tool's is in force (see [patch] in Cargo.toml and in .cargo/config.toml). Take it out, run \
                     `cargo update --workspace` and run this again",
                    package.name,
                    package.version
                ),
                Some(other) => bail!(
                    "{} {} comes from {other}, not from crates.io, for which the patches are. Depend on the \
                     published crate, run `cargo update --workspace` and run this again",
                    package.name,
                    package.version
                ),
            }
        }
        let odd = packages.iter().find(|p| p.version != core.version);
        match supported.version(&core.version) {
            Some(upstream) if odd.is_none() => Ok(Self {
                upstream,
                crates: packages.iter().map(|p| p.name.clone()).collect(),
            }),
            _ => bail!(unsupported(lock, supported, odd.unwrap_or(core))),
        }
    }
}

/// Says what is supported and how to get there.
fn unsupported(lock: &Lock, supported: &Supported, package: &Package) -> String {
    let mut message = format!(
        "{} {} is not supported; there are patches for {}.",
        package.name,
        package.version,
        supported.list()
    );
    let Some(nearest) = supported.nearest(&package.version) else {
        return message;
    };
    message += &format!(" The nearest is {nearest}.");
    if !compatible(&package.version, nearest) {
        message += &format!(
            " No requirement allows both, so first write \"{nearest}\" where your Cargo.toml files require Pingora."
        );
    }
    message += " To move there:\n";
    let mut family: Vec<&str> = lock
        .packages()
        .iter()
        .filter(|p| p.version != nearest && ["pingora", "pingora-proxy", CORE].contains(&&*p.name))
        .map(|p| p.name.as_str())
        .collect();
    // The facade first: it requires the others in its own version at least.
    family.sort_by_key(|name| (*name == CORE, name.len()));
    for name in family {
        message += &format!("  cargo update -p {name} --precise {nearest}\n");
    }
    message + "Then run this again."
}
