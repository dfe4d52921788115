//! What cargo is asked to do in the user's project.

use std::path::Path;

use anyhow::{bail, Context, Result};
use cargo_metadata::{CargoOpt, Metadata, MetadataCommand};

use crate::download::{cannot_run_cargo, cargo, host};

/// Brings `Cargo.lock` into step with the manifests, changing no more than they ask for.
pub fn update_lock(root: &Path, offline: bool) -> Result<()> {
    // Everything that stays is locked, and what is new lies in a folder: cargo needs no network for
    // that, unless it has never seen this project's crates.
    let Err(said) = update(root, true)? else {
        return Ok(());
    };
    if offline {
        bail!(
            "cargo could not update Cargo.lock without the network: run this once without --offline, or `cargo \
             fetch` first. Cargo said:\n{said}"
        );
    }
    if let Err(said) = update(root, false)? {
        bail!("cargo could not update Cargo.lock. Cargo said:\n{said}");
    }
    Ok(())
}

fn update(root: &Path, offline: bool) -> Result<Result<(), String>> {
    let mut command = cargo();
    command.args(["update", "--workspace", "--quiet"]);
    if offline {
        command.arg("--offline");
    }
    let output = command
        .current_dir(root)
        .output()
        .map_err(cannot_run_cargo)?;
    if output.status.success() {
        return Ok(Ok(()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Ok(Err(said.trim_end().to_owned()))
}

/// The whole graph with all features, as the lock file has it.
pub fn graph(root: &Path, offline: bool) -> Result<Metadata> {
    let mut options = vec!["--locked".to_owned()];
    if offline {
        options.push("--offline".to_owned());
    }
    // What only other platforms need may not have been downloaded.
    if let Some(host) = host() {
        options.extend(["--filter-platform".to_owned(), host]);
    }
    let mut command = MetadataCommand::new();
    command
        .current_dir(root)
        .features(CargoOpt::AllFeatures)
        .other_options(options);
    match command.exec() {
        Ok(metadata) => Ok(metadata),
        Err(cargo_metadata::Error::CargoMetadata { stderr }) => bail!(
            "cargo cannot resolve the project as it is locked. If Cargo.lock is out of step, `cargo \
             pingora-keepalive apply` brings the override into it and `cargo update --workspace` all else. Cargo \
             said:\n{}",
            stderr.trim_end()
        ),
        Err(cargo_metadata::Error::Io(error)) => Err(cannot_run_cargo(error)),
        Err(error) => Err(error).context("cannot read what cargo says about the project"),
    }
}

/// Builds all of the workspace; cargo's own output goes where this program's goes.
pub fn build(root: &Path, offline: bool) -> Result<()> {
    let mut command = cargo();
    command.args(["build", "--workspace", "--locked"]);
    if offline {
        command.arg("--offline");
    }
    let status = command
        .current_dir(root)
        .status()
        .map_err(cannot_run_cargo)?;
    if !status.success() {
        bail!("the project does not build with the patches; cargo says why above");
    }
    Ok(())
}
