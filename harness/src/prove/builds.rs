//! Builds the service on prefixes of the series.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::tree::PrefixTree;
use super::Plan;
use crate::paths;
use crate::report::progress::Progress;
use crate::subject::build::{self, Built};
use crate::subject::{Subject, Variant};

/// The service on the prefixes that were asked for.
#[derive(Debug)]
pub(super) struct Builds {
    /// By the number of patches.
    pub(super) prefixes: BTreeMap<usize, Build>,
    programs: PathBuf,
}

impl Drop for Builds {
    /// The programs are many and large.
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.programs);
    }
}

/// What came of building on one prefix.
#[derive(Debug)]
pub(super) struct Build {
    /// The program, or what cargo said, or why it does not start.
    pub(super) built: Result<Built, String>,
    /// How long it took.
    pub(super) took: Duration,
}

impl Builds {
    /// Builds on each prefix that the plan needs, the shortest first.
    pub(super) fn make(plan: &Plan, tree: &PrefixTree, progress: &Progress) -> Result<Builds> {
        let template = paths::subject_source().join("Cargo.toml");
        let template =
            std::fs::read_to_string(&template).with_context(|| template.display().to_string())?;
        let mut builds = Builds {
            prefixes: BTreeMap::new(),
            programs: tree.beside().join("programs"),
        };
        let programs = builds.programs.clone();
        // A proof that was interrupted has left its own.
        let _ = std::fs::remove_dir_all(&programs);
        std::fs::create_dir_all(&programs).with_context(|| programs.display().to_string())?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        for length in plan.prefixes() {
            tree.check_out(length)?;
            let has = |patch: &str| plan.series.position(patch).is_some_and(|at| at < length);
            let folder = tree.folder().to_path_buf();
            let variant = plan.variant.prefix(&template, folder, has)?;
            let name = plan.series.prefix_name(length);
            let start = Instant::now();
            let built = build_one(&variant, &name, &programs, progress);
            let took = start.elapsed();
            let built = built.and_then(|built| {
                runtime.block_on(starts(&built))?;
                Ok(built)
            });
            let build = Build {
                built: built.map_err(|error| format!("{error:#}")),
                took,
            };
            builds.prefixes.insert(length, build);
        }
        Ok(builds)
    }

    /// The prefixes that there is a program for.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> + '_ {
        let built = self
            .prefixes
            .iter()
            .filter(|(_, build)| build.built.is_ok());
        built.map(|(length, _)| *length)
    }
}

/// Builds one and keeps its program, which the next one overwrites.
fn build_one(
    variant: &Variant,
    prefix: &str,
    programs: &Path,
    progress: &Progress,
) -> Result<Built> {
    let built = build::build_prefix(variant, prefix, progress)?;
    let program = programs.join(prefix);
    std::fs::copy(&built.program, &program).with_context(|| program.display().to_string())?;
    let name = format!("{}/{prefix}", variant.name);
    let package = paths::package(&name);
    std::fs::create_dir_all(&package).with_context(|| package.display().to_string())?;
    let variant = Variant {
        name,
        ..variant.clone()
    };
    Ok(Built { variant, program })
}

/// Starts the service once. One that does not start would end the run of all the others.
async fn starts(built: &Built) -> Result<()> {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    Subject::start(built, nobody, "start").await.map(drop)
}
