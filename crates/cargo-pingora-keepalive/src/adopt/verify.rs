//! `verify`: proof that the patches are in force.

use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

use crate::adopt::applied::Applied;
use crate::adopt::lock::Lock;
use crate::adopt::locked::Locked;
use crate::adopt::paths::relative;
use crate::adopt::resolve;
use crate::adopt::supported::Supported;
use crate::adopt::vendored::{self, Drift};
use crate::adopt::workspace::Workspace;
use crate::materialize::Plan;
use crate::project::{Project, ENGINE};
use crate::text::counted;

/// What to verify.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's manifest, or any of its members'.
    pub manifest_path: Option<PathBuf>,
    /// Whether to build the project, too.
    pub build: bool,
    /// Whether cargo must not use the network.
    pub offline: bool,
}

/// Carries out `request`; gives what was proved. Nothing of the project is changed.
pub fn verify(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<String> {
    let workspace = Workspace::find(request.manifest_path.as_deref())?;
    let root = workspace.root();
    let supported = Supported::load(project)?;
    let Some(applied) = Applied::find(root, &workspace.manifest()?, &supported, None)? else {
        bail!("the patches are not applied here: run `cargo pingora-keepalive apply`");
    };
    if applied.overrides.is_empty() {
        bail!(
            "{} is there, but Cargo.toml has no overrides that lead to it: run `cargo pingora-keepalive apply`",
            applied.shown
        );
    }
    if applied.state.is_none() {
        bail!(
            "{} is missing: run `cargo pingora-keepalive apply`, which makes it anew",
            applied.shown
        );
    }
    let lock = Lock::parse(&workspace.lock()?)?;
    let locked = Locked::find(&lock, &supported, true)?;

    let mut proved = resolved(root, &applied, &locked, request.offline)?;
    let plan = Plan::load(project, &locked.upstream.version, false)?;
    let expected = vendored::make(&plan, root, request.offline, progress)?;
    let there = vendored::read(&applied.dir)?;
    let drift = Drift::between(&vendored::sums(&expected), &vendored::sums(&there));
    if !drift.is_none() {
        let remedy = match applied.drift()? {
            Some(edits) if !edits.is_none() => {
                "It was edited since it was made: undo that, or remove the folder and run `cargo \
                 pingora-keepalive apply`"
            }
            _ => "Another version of this tool made it: run `cargo pingora-keepalive apply`",
        };
        bail!(
            "{} is not what this tool makes:\n{drift}{remedy}",
            applied.shown
        );
    }
    proved.push(format!(
        "{}: {} with {}, byte for byte what this tool makes",
        applied.shown,
        counted(there.len(), "file", "files"),
        counted(plan.patches.len(), "patch", "patches")
    ));
    if request.build {
        resolve::build(root, request.offline)?;
        proved.push("the project builds".to_owned());
    }
    Ok(proved.join("\n"))
}

/// Asks cargo where it takes each crate from; a line for each.
fn resolved(
    root: &Path,
    applied: &Applied,
    locked: &Locked<'_>,
    offline: bool,
) -> Result<Vec<String>> {
    let graph = resolve::graph(root, offline)?;
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    let directory = |name: &str| {
        let krate = locked.upstream.crates.iter().find(|k| k.name == name);
        krate.map_or(name.to_owned(), |krate| krate.directory.clone())
    };
    let names = locked.crates.iter().map(String::as_str).chain([ENGINE]);
    for name in names {
        let expected = applied.dir.join(directory(name)).join("Cargo.toml");
        let mut packages = graph.packages.iter().filter(|p| p.name == name).peekable();
        if packages.peek().is_none() {
            problems.push(format!("{name} is not in the dependency graph"));
        }
        for package in packages {
            let line = |from: &str| format!("{name} {}: {from}", package.version);
            match &package.source {
                Some(source) => problems.push(line(&source.repr)),
                None if same_file(package.manifest_path.as_std_path(), &expected) => {
                    let dir = expected.parent().unwrap_or(&expected);
                    lines.push(line(&relative(root, dir)));
                }
                None => problems.push(line(package.manifest_path.as_str())),
            }
        }
    }
    if problems.is_empty() {
        return Ok(lines);
    }
    bail!(
        "cargo does not resolve to the patched crates in {}:\n  {}\nRun `cargo pingora-keepalive apply`; if that \
         changes nothing, see [patch] in .cargo/config.toml",
        applied.shown,
        problems.join("\n  ")
    )
}

fn same_file(a: &Path, b: &Path) -> bool {
    a == b
        || a.canonicalize()
            .ok()
            .zip(b.canonicalize().ok())
            .is_some_and(|(a, b)| a == b)
}
