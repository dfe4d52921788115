//! `[patch.crates-io]` of a root manifest.

use anyhow::{Context, Result};
use toml_edit::{Decor, DocumentMut, InlineTable, Item, TableLike};

use crate::adopt::edit::{self, Edited};

/// The tables of `[patch]` that stand for crates.io.
const TABLES: [&str; 2] = ["crates-io", "https://github.com/rust-lang/crates.io-index"];

/// Stands above the entries that are added.
const COMMENT: &str =
    "# Made by `cargo pingora-keepalive apply`; `cargo pingora-keepalive remove` takes it back.";

/// One override of a crate of crates.io.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Override {
    /// The package it is for.
    pub package: String,
    /// The folder, if it is one.
    pub path: Option<String>,
    /// The entry as it stands.
    pub shown: String,
    key: String,
    table: &'static str,
}

/// All overrides in `manifest`, those of `[replace]` not among them.
pub fn all(manifest: &str) -> Result<Vec<Override>> {
    let document: DocumentMut = edit::plain(manifest)
        .parse()
        .context("cannot read Cargo.toml")?;
    let mut found = Vec::new();
    for table in TABLES {
        let entries = document.get("patch").and_then(|patch| patch.get(table));
        let Some(entries) = entries.and_then(Item::as_table_like) else {
            continue;
        };
        for (key, item) in entries.iter() {
            let text = |name: &str| Some(item.get(name)?.as_str()?.to_owned());
            found.push(Override {
                package: text("package").unwrap_or_else(|| key.to_owned()),
                path: text("path"),
                shown: shown(table, key, item),
                key: key.to_owned(),
                table,
            });
        }
    }
    Ok(found)
}

fn shown(table: &str, key: &str, item: &Item) -> String {
    let values: Vec<String> = item
        .as_table_like()
        .into_iter()
        .flat_map(TableLike::iter)
        .map(|(key, value)| format!("{key} = {}", value.to_string().trim()))
        .collect();
    format!("[patch.{table}] {key} = {{ {} }}", values.join(", "))
}

/// `manifest` with overrides of the packages by the folders in `entries`.
pub fn add(manifest: &str, entries: &[(String, String)]) -> Result<Edited> {
    let document: DocumentMut = edit::plain(manifest)
        .parse()
        .context("cannot read Cargo.toml")?;
    let patch = document.get("patch");
    let table = TABLES
        .into_iter()
        .find(|table| patch.is_some_and(|patch| patch.get(table).is_some()))
        .unwrap_or(TABLES[0]);
    if takes_header(patch) && takes_header(patch.and_then(|patch| patch.get(table))) {
        return Ok(append_table(manifest, table, entries));
    }
    edit::insert(manifest, |document| {
        let patch = document["patch"]
            .as_table_like_mut()
            .context("patch is not a table")?;
        let overrides = patch
            .entry(table)
            .or_insert(Item::Value(InlineTable::new().into()));
        for (package, path) in entries {
            overrides[package] = Item::Value(by_path(path).into());
        }
        // Tables of other kinds have no room for a comment.
        let overrides = overrides.as_table_mut().filter(|table| !table.is_dotted());
        let first = entries.first().map(|(package, _)| package.as_str());
        if let Some(mut key) = overrides
            .zip(first)
            .and_then(|(table, key)| table.key_mut(key))
        {
            key.leaf_decor_mut().set_prefix(format!("{COMMENT}\n"));
        }
        Ok(())
    })
    .context("cannot add to [patch.crates-io] in Cargo.toml")
}

/// Whether a `[header]` can still be written for what `item` is: nothing yet, or a table that is
/// only there because tables below it are.
fn takes_header(item: Option<&Item>) -> bool {
    match item {
        None => true,
        Some(Item::Table(table)) => table.is_implicit() && !table.is_dotted(),
        Some(_) => false,
    }
}

fn append_table(manifest: &str, table: &str, entries: &[(String, String)]) -> Edited {
    let plain = edit::plain(manifest);
    let gap = match plain.as_str() {
        "" => "",
        text if text.ends_with("\n\n") => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let table = toml_edit::Key::new(table);
    let mut lines = format!("{gap}[patch.{}]\n{COMMENT}\n", table.display_repr());
    for (package, path) in entries {
        lines += &format!("{package} = {}\n", by_path(path));
    }
    edit::append(manifest, &lines)
}

fn by_path(path: &str) -> InlineTable {
    [("path", path)].into_iter().collect()
}

/// `manifest` without `overrides`, for when it was edited since they were added. `made_table` says
/// whether their table goes with the last of them.
pub fn remove(manifest: &str, overrides: &[Override], made_table: bool) -> Result<String> {
    let mut document: DocumentMut = edit::plain(manifest)
        .parse()
        .context("cannot read Cargo.toml")?;
    for each in overrides {
        let Some(patch) = document.get_mut("patch").and_then(Item::as_table_like_mut) else {
            break;
        };
        let Some(table) = patch.get_mut(each.table) else {
            continue;
        };
        let kept = take(table, &each.key);
        if table.as_table_like().is_some_and(TableLike::is_empty) && made_table {
            patch.remove(each.table);
            if patch.is_empty() {
                document.remove("patch");
            }
        }
        if !kept.is_empty() {
            let trailing = document.trailing().as_str().unwrap_or_default();
            document.set_trailing(format!("{trailing}{kept}"));
        }
    }
    let newline = if manifest.contains("\r\n") {
        "\r\n"
    } else {
        "\n"
    };
    Ok(document.to_string().replace('\n', newline))
}

/// Takes `key` out of `table`. Comments above it that are not this program's move to the next key; those
/// that find none are given back.
fn take(table: &mut Item, key: &str) -> String {
    let Some(table) = table.as_table_mut() else {
        if let Some(table) = table.as_table_like_mut() {
            table.remove(key);
        }
        return String::new();
    };
    let next = table
        .iter()
        .map(|(name, _)| name.to_owned())
        .skip_while(|name| name != key)
        .nth(1);
    let Some((removed, _)) = table.remove_entry(key) else {
        return String::new();
    };
    let above = prefix(removed.leaf_decor());
    let kept = above.replace(&format!("{COMMENT}\n"), "");
    if kept.trim().is_empty() {
        return String::new();
    }
    let Some(mut next) = next.as_deref().and_then(|next| table.key_mut(next)) else {
        return kept;
    };
    let below = prefix(next.leaf_decor());
    next.leaf_decor_mut().set_prefix(format!("{kept}{below}"));
    String::new()
}

fn prefix(decor: &Decor) -> String {
    let prefix = decor.prefix().and_then(|prefix| prefix.as_str());
    prefix.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<(String, String)> {
        ["core", "proxy"]
            .map(|name| (name.to_owned(), format!("vendor/{name}")))
            .into()
    }

    fn ours(manifest: &str) -> Vec<Override> {
        let mut ours = all(manifest).unwrap();
        ours.retain(|each| {
            each.path
                .as_deref()
                .is_some_and(|p| p.starts_with("vendor/"))
        });
        ours
    }

    const SHAPES: [&str; 10] = [
        "",
        "[package]\nname = \"a\"\n",
        "[package]\nname = \"a\"\n# the end",
        "[patch.crates-io]\nlog = { path = \"log\" } # mine\n\n# about profiles\n[profile.dev]\ndebug = 1\n",
        "[patch.crates-io]\n\n[dependencies]\na = \"1\"\n",
        "[patch.crates-io.log]\npath = \"log\"\n\n[dependencies]\na = \"1\"\n",
        "[patch]\ncrates-io = { log = { path = \"log\" } }\n",
        "patch.crates-io.log.path = \"log\"\n[package]\nname = \"a\"\n",
        "[patch.\"https://github.com/rust-lang/crates.io-index\"]\nlog = { path = \"log\" }\n",
        "[patch.'https://example.org/x']\r\nlog = { path = \"log\" }\r\n",
    ];

    #[test]
    fn overrides_can_be_added_to_a_manifest_of_any_shape_and_cut_out_again() {
        for manifest in SHAPES {
            let before = all(manifest).unwrap();
            let edited = add(manifest, &entries()).unwrap();
            assert_eq!(ours(&edited.text).len(), 2, "{}", edited.text);
            assert_eq!(all(&edited.text).unwrap().len(), before.len() + 2);
            assert_eq!(
                edit::cut(&edited.text, &edited.inserted).as_deref(),
                Some(manifest)
            );
        }
    }

    #[test]
    fn a_manifest_without_the_table_gets_it_at_its_end() {
        let edited = add("[package]\nname = \"a\"\n# the end", &entries()).unwrap();
        assert_eq!(
            edited.text,
            format!(
                "[package]\nname = \"a\"\n# the end\n\n[patch.crates-io]\n{COMMENT}\ncore = {{ path = \
                 \"vendor/core\" }}\nproxy = {{ path = \"vendor/proxy\" }}\n"
            )
        );
    }

    #[test]
    fn a_table_that_is_there_gets_lines() {
        let edited = add(SHAPES[3], &entries()).unwrap();
        assert_eq!(
            edited.text,
            SHAPES[3].replace(
                "# mine\n",
                &format!(
                    "# mine\n{COMMENT}\ncore = {{ path = \"vendor/core\" }}\nproxy = {{ path = \"vendor/proxy\" }}\n"
                )
            )
        );
    }

    #[test]
    fn overrides_are_found_by_their_package() {
        let found = all("[patch.crates-io]\nx = { package = \"core\", git = \"g\" }\n").unwrap();
        assert_eq!(found[0].package, "core");
        assert_eq!(
            found[0].shown,
            "[patch.crates-io] x = { package = \"core\", git = \"g\" }"
        );
        assert_eq!(found[0].path, None);
    }

    #[test]
    fn what_others_wrote_beside_the_overrides_stays() {
        let edited = add("[package]\nname = \"a\"\n", &entries()).unwrap();
        let manifest =
            edited.text.replace("core = ", "# about core\ncore = ") + "log = { path = \"log\" }\n";
        assert_eq!(
            remove(&manifest, &ours(&manifest), true).unwrap(),
            "[package]\nname = \"a\"\n\n[patch.crates-io]\n# about core\nlog = { path = \"log\" }\n"
        );
        let manifest = manifest.replace("log = { path = \"log\" }\n", "");
        assert_eq!(
            remove(&manifest, &ours(&manifest), true).unwrap(),
            "[package]\nname = \"a\"\n# about core\n"
        );
    }
}
