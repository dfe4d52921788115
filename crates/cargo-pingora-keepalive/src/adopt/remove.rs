//! `remove`: the project as it was before `apply`.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::adopt::applied::Applied;
use crate::adopt::lock::{Changes, Lock};
use crate::adopt::supported::Supported;
use crate::adopt::transaction::{self, Transaction};
use crate::adopt::workspace::Workspace;
use crate::adopt::{resolve, root_manifest};
use crate::materialize;
use crate::project::Project;
use crate::text::indented;
use crate::upstream::Upstream;

/// Where to take the patches out.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's manifest, or any of its members'.
    pub manifest_path: Option<PathBuf>,
    /// Whether cargo must not use the network.
    pub offline: bool,
}

/// Carries out `request`; gives what to say about it.
pub fn remove(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<String> {
    let workspace = Workspace::find(request.manifest_path.as_deref())?;
    let root = workspace.root();
    let _lock = materialize::lock(root, progress)?;
    let supported = Supported::load(project)?;
    let manifest = workspace.manifest()?;
    let Some(applied) = Applied::find(root, &manifest, &supported, None)? else {
        return Ok("nothing to remove: the patches are not applied here".to_owned());
    };
    applied.ensure_unedited()?;
    let new_manifest = root_manifest::without(&manifest, &applied)?;
    transaction::beside(&workspace.manifest_path())?;

    let mut done = Vec::new();
    let mut transaction = Transaction::default();
    if new_manifest != manifest {
        transaction.write(&workspace.manifest_path(), &new_manifest)?;
        done.push("Cargo.toml: the overrides are out".to_owned());
    }
    if applied.dir.exists() {
        transaction.take_out(&applied.dir)?;
        done.push(format!("{}: removed", applied.shown));
    }
    if workspace.lock_path().exists() {
        let lines = restore_lock(
            &workspace,
            &applied,
            &supported,
            request.offline,
            &mut transaction,
        )?;
        if !lines.is_empty() {
            done.push("Cargo.lock: changed".to_owned());
            done.extend(lines.iter().map(|line| indented(line)));
        }
    }
    let made = applied.state.iter().flat_map(|state| &state.made_folders);
    let made: Vec<PathBuf> = made.map(|dir| root.join(dir)).collect();
    transaction.commit_without(&made);
    Ok(done.join("\n"))
}

/// Takes the override out of the lock file: to the byte if it is as `apply` left it, and else by way of
/// cargo, which then has its own say. Gives the lines of what changed.
fn restore_lock(
    workspace: &Workspace,
    applied: &Applied,
    supported: &Supported,
    offline: bool,
    transaction: &mut Transaction,
) -> Result<Vec<String>> {
    let text = workspace.lock()?;
    let lock = Lock::parse(&text)?;
    let Some(upstream) = overridden(&lock, applied, supported)? else {
        return Ok(Vec::new());
    };
    let restored = applied.lock_without(&text, supported, upstream)?;
    if restored == text {
        return Ok(Vec::new());
    }
    transaction.write(&workspace.lock_path(), &restored)?;
    let state = applied.state.as_ref();
    if !state.is_some_and(|state| state.lock.is_after(&text)) {
        resolve::update_lock(workspace.root(), offline)?;
    }
    let after = Lock::parse(&workspace.lock()?)?;
    Ok(Changes::between(&lock, &after).lines(&applied.shown))
}

/// What the override is of: the tree says it, or the lock file; `None` if neither knows of one.
fn overridden<'s>(
    lock: &Lock,
    applied: &Applied,
    supported: &'s Supported,
) -> Result<Option<&'s Upstream>> {
    let locked = supported
        .crates()
        .into_iter()
        .flat_map(|name| lock.packages().iter().filter(move |p| p.name == name))
        .find(|package| package.source.is_none())
        .map(|package| package.version.as_str());
    let state = applied.state.as_ref().map(|state| state.pingora.as_str());
    let Some(version) = state.or(locked) else {
        return Ok(None);
    };
    supported
        .version(version)
        .map(Some)
        .with_context(|| format!("this tool has no patches for Pingora {version}"))
}
