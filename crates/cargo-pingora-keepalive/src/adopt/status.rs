//! `status`: what is locked, what is applied, and what has moved since. Never needs the network.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Result;

use crate::adopt::applied::Applied;
use crate::adopt::lock::Lock;
use crate::adopt::locked::Locked;
use crate::adopt::supported::Supported;
use crate::adopt::vendored;
use crate::adopt::workspace::Workspace;
use crate::patch_file::PatchFile;
use crate::project::Project;
use crate::queue::Queue;
use crate::text::counted;

/// Describes the project at `manifest_path`, or that of the current folder.
pub fn status(project: &Project, manifest_path: Option<&Path>) -> Result<String> {
    let workspace = Workspace::find(manifest_path)?;
    let root = workspace.root();
    let supported = Supported::load(project)?;
    let applied = Applied::find(root, &workspace.manifest()?, &supported, None)?;
    let mut out = String::new();
    let mut line = |name: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "{name:<10}{}", text.replace('\n', "\n          "));
    };
    line("project", &root.display().to_string());
    line(
        "tool",
        &format!(
            "{}, for Pingora {}",
            env!("CARGO_PKG_VERSION"),
            supported.list()
        ),
    );
    let lock = workspace.lock().and_then(|text| Lock::parse(&text));
    let locked = lock.and_then(|lock| {
        let locked = Locked::find(&lock, &supported, applied.is_some())?;
        let taken = locked.crates.iter().all(|name| {
            let mut packages = lock.named(name);
            packages.all(|package| package.source.is_none())
        });
        Ok((locked, taken))
    });
    match &locked {
        Ok((locked, _)) => line(
            "pingora",
            &format!("{} locked: supported", locked.upstream.version),
        ),
        Err(error) => line("pingora", &format!("{error:#}")),
    }
    let Some(applied) = applied else {
        line(
            "patches",
            "not applied: run `cargo pingora-keepalive apply`",
        );
        return Ok(out);
    };
    line(
        "override",
        &override_line(&applied, locked.is_ok_and(|(_, taken)| taken)),
    );
    let Some(state) = &applied.state else {
        line(
            "tree",
            &format!(
                "{} is missing: run `cargo pingora-keepalive apply`",
                applied.shown
            ),
        );
        return Ok(out);
    };
    line(
        "tree",
        &format!(
            "{}, made by {} for Pingora {} with {}",
            applied.shown,
            state.tool,
            state.pingora,
            counted(state.patches.len(), "patch", "patches")
        ),
    );
    match applied.drift()? {
        Some(drift) if !drift.is_none() => line(
            "drift",
            &format!(
                "{} was edited\n{}",
                applied.shown,
                drift.to_string().trim_end()
            ),
        ),
        _ => line("drift", "none: every file is as it was made"),
    }
    match supported.version(&state.pingora) {
        None => line("update", "this tool has no patches for that version"),
        Some(_) if vendored::made_from(project, &state.pingora)? == state.made_from => {}
        Some(_) => line(
            "update",
            "this tool carries other patches: run `cargo pingora-keepalive apply` to bring the tree up to date",
        ),
    }
    for (file_name, subject) in subjects(project, &state.pingora, &state.patches) {
        let name = file_name.trim_end_matches(".patch");
        let _ = writeln!(out, "  {name:<24}{subject}");
    }
    Ok(out)
}

fn override_line(applied: &Applied, taken: bool) -> String {
    if applied.overrides.is_empty() {
        return "Cargo.toml has none: run `cargo pingora-keepalive apply`".to_owned();
    }
    let names: Vec<&str> = applied
        .overrides
        .iter()
        .map(|each| each.package.as_str())
        .collect();
    let lock = if taken {
        "in force in Cargo.lock"
    } else {
        "but not in force in Cargo.lock: run `cargo pingora-keepalive apply`"
    };
    format!("{}: in Cargo.toml, {lock}", names.join(", "))
}

/// The tree's patches with their subjects, as far as this tool knows them.
fn subjects(project: &Project, version: &str, patches: &[String]) -> Vec<(String, String)> {
    let queue = project.queue_dir(version).and_then(|dir| Queue::load(&dir));
    let known = queue.map(|queue| queue.patches).unwrap_or_default();
    let subject = |file_name: &String| {
        let patch = known.iter().find(|patch| patch.file_name == *file_name)?;
        Some(PatchFile::parse(&patch.text).ok()?.subject)
    };
    patches
        .iter()
        .map(|name| (name.clone(), subject(name).unwrap_or_default()))
        .collect()
}
