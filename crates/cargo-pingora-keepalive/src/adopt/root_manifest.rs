//! The root manifest with the overrides and without.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::{Context, Result};

use crate::adopt::applied::Applied;
use crate::adopt::locked::Locked;
use crate::adopt::paths::normalized;
use crate::adopt::state::ManifestUndo;
use crate::adopt::{edit, nested, overrides};
use crate::project::ENGINE;

/// `manifest` with the overrides, and what was put in.
pub fn with(
    manifest: &str,
    applied: Option<&Applied>,
    tree: &str,
    locked: &Locked<'_>,
) -> Result<(String, ManifestUndo)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for krate in &locked.upstream.crates {
        if locked.crates.contains(&krate.name) {
            entries.push((krate.name.clone(), format!("{tree}/{}", krate.directory)));
        }
    }
    let directories = locked
        .upstream
        .crates
        .iter()
        .map(|krate| krate.directory.as_str());
    let folders: Vec<&str> = directories.chain([ENGINE]).collect();
    let add = |base: &str| -> Result<(String, ManifestUndo)> {
        let excluded = nested::exclude(base, tree, &folders)?;
        let (base, exclude) = match excluded {
            Some(edited) => (edited.text, Some(edited.inserted)),
            None => (base.to_owned(), None),
        };
        let edited = overrides::add(&base, &entries)?;
        let undo = ManifestUndo {
            overrides: edited.inserted,
            exclude,
        };
        Ok((edited.text, undo))
    };
    let Some(applied) = applied else {
        return add(manifest);
    };
    let anew = add(&without(manifest, applied)?)?;
    let there = applied.overrides.iter().map(|each| {
        let path = each.path.as_deref().unwrap_or_default();
        (each.package.as_str(), normalized(Path::new(path)))
    });
    let wanted = entries
        .iter()
        .map(|(package, path)| (package.as_str(), normalized(Path::new(path))));
    let as_wanted = there.collect::<BTreeSet<_>>() == wanted.collect()
        && nested::exclude(manifest, tree, &folders)?.is_none();
    if !as_wanted {
        return Ok(anew);
    }
    // Wherever the entries stand by now, they do.
    let undo = match &applied.state {
        Some(state) => state.manifest.clone(),
        None if anew.0 == manifest => anew.1,
        None => ManifestUndo::default(),
    };
    Ok((manifest.to_owned(), undo))
}

/// `manifest` as it would be without the overrides, whatever else was edited since.
pub fn without(manifest: &str, applied: &Applied) -> Result<String> {
    let none = ManifestUndo::default();
    let undo = applied
        .state
        .as_ref()
        .map_or(&none, |state| &state.manifest);
    let made_table = undo.overrides.is_empty() || undo.overrides.contains("[patch.");
    let mut rest = overrides::remove(manifest, &applied.overrides, made_table)?;
    if let Some(exclude) = &undo.exclude {
        rest = nested::include(&rest, &applied.shown, exclude.contains("exclude"))?;
    }
    // Cutting out what was put in keeps every other byte; only where that was edited itself, it
    // would not do.
    let cut = edit::cut(manifest, &undo.overrides);
    let cut = match &undo.exclude {
        Some(exclude) => cut.and_then(|text| edit::cut(&text, exclude)),
        None => cut,
    };
    match cut {
        Some(cut) if meaning(&cut)? == meaning(&rest)? => Ok(cut),
        _ => Ok(rest),
    }
}

fn meaning(manifest: &str) -> Result<Option<serde_json::Value>> {
    let plain = edit::plain(manifest);
    // What cut wrongly may not be a manifest any more.
    if plain.parse::<toml_edit::DocumentMut>().is_err() {
        return Ok(None);
    }
    toml_edit::de::from_str(&plain)
        .map(Some)
        .context("cannot read Cargo.toml")
}
