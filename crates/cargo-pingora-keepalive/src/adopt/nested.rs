//! Keeps the vendored tree, a workspace of its own, out of the user's.
//!
//! Cargo makes no member of a folder that is only reached by `[patch]`. It does of one that a pattern
//! in `workspace.members` matches, and then refuses two workspaces in one another; `workspace.exclude`
//! prevents that.

use anyhow::{Context, Result};
use glob::{MatchOptions, Pattern};
use toml_edit::{Array, DocumentMut, Item};

use crate::adopt::edit::{self, Edited};
use crate::manifest::add_to_array;

/// `manifest` with `tree` (relative to its folder) excluded, or `None` if that is not needed.
pub fn exclude(manifest: &str, tree: &str, folders: &[&str]) -> Result<Option<Edited>> {
    let document: DocumentMut = edit::plain(manifest)
        .parse()
        .context("cannot read Cargo.toml")?;
    let workspace = document.get("workspace");
    let listed = |key: &str| {
        strings(workspace.and_then(|workspace| workspace.get(key)))
            .map(|entry| {
                entry
                    .trim_start_matches("./")
                    .trim_end_matches('/')
                    .to_owned()
            })
            .collect::<Vec<_>>()
    };
    let inside: Vec<String> = folders
        .iter()
        .map(|folder| format!("{tree}/{folder}"))
        .chain([tree.to_owned()])
        .collect();
    let is_member = listed("members").iter().any(|pattern| {
        let pattern = Pattern::new(pattern).ok();
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::new()
        };
        pattern.is_some_and(|p| inside.iter().any(|dir| p.matches_with(dir, options)))
    });
    let is_excluded = listed("exclude")
        .iter()
        .any(|dir| tree == dir || tree.starts_with(&format!("{dir}/")));
    if !is_member || is_excluded {
        return Ok(None);
    }
    let edited = edit::insert(manifest, |document| {
        let workspace = document["workspace"]
            .as_table_like_mut()
            .context("workspace is not a table")?;
        let exclude = workspace
            .entry("exclude")
            .or_insert(Item::Value(Array::new().into()));
        add_to_array(exclude, &[tree.to_owned()])
    })
    .context("cannot add to workspace.exclude in Cargo.toml")?;
    Ok(Some(edited))
}

/// `manifest` with `tree` no longer excluded, for when it was edited since. `made_key` says whether
/// `exclude` goes when it is empty.
pub fn include(manifest: &str, tree: &str, made_key: bool) -> Result<String> {
    let mut document: DocumentMut = edit::plain(manifest)
        .parse()
        .context("cannot read Cargo.toml")?;
    if let Some(workspace) = document
        .get_mut("workspace")
        .and_then(Item::as_table_like_mut)
    {
        if let Some(exclude) = workspace.get_mut("exclude").and_then(Item::as_array_mut) {
            exclude.retain(|entry| entry.as_str() != Some(tree));
            if exclude.is_empty() && made_key {
                workspace.remove("exclude");
            }
        }
    }
    let newline = if manifest.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    Ok(document.to_string().replace('\n', newline))
}

fn strings(item: Option<&Item>) -> impl Iterator<Item = &str> {
    item.and_then(Item::as_array)
        .into_iter()
        .flatten()
        .filter_map(|value| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn excluded(manifest: &str) -> Option<String> {
        exclude(manifest, "vendor/pingora", &["pingora-core"])
            .unwrap()
            .map(|edited| edited.text)
    }

    #[test]
    fn a_tree_that_no_pattern_matches_needs_no_entry() {
        for manifest in [
            "[package]\nname = \"a\"\n",
            "[workspace]\nmembers = [\"vendor\", \"crates/*\"]\n",
            "[workspace]\nmembers = [\"vendor/*\"]\nexclude = [\"vendor\"]\n",
            "[workspace]\nmembers = [\"vendor/*\"]\nexclude = [\"./vendor/pingora/\"]\n",
        ] {
            assert_eq!(excluded(manifest), None, "{manifest}");
        }
    }

    #[test]
    fn a_tree_that_a_pattern_matches_gets_one() {
        assert_eq!(
            excluded("[workspace]\nmembers = [\"./vendor/*\"] # all\n\n[profile.dev]\n").unwrap(),
            "[workspace]\nmembers = [\"./vendor/*\"] # all\nexclude = [\"vendor/pingora\"]\n\n[profile.dev]\n"
        );
        assert_eq!(
            excluded("[workspace]\nmembers = [\"**\"]\nexclude = [\n    \"x\",\n]\n").unwrap(),
            "[workspace]\nmembers = [\"**\"]\nexclude = [\n    \"x\",\n    \"vendor/pingora\",\n]\n"
        );
        assert!(excluded("[workspace]\nmembers = [\"vendor/*/*\"]\n").is_some());
    }

    #[test]
    fn the_entry_can_be_taken_out_of_an_edited_manifest() {
        let manifest = "[workspace]\nmembers = [\"**\"]\nexclude = [\"vendor/pingora\", \"x\"]\n";
        assert_eq!(
            include(manifest, "vendor/pingora", true).unwrap(),
            "[workspace]\nmembers = [\"**\"]\nexclude = [ \"x\"]\n"
        );
        let manifest = "[workspace]\nmembers = [\"**\"]\nexclude = [\"vendor/pingora\"]\n";
        assert_eq!(
            include(manifest, "vendor/pingora", true).unwrap(),
            "[workspace]\nmembers = [\"**\"]\n"
        );
    }
}
