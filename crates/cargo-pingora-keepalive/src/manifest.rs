//! `manifest.toml`: what the patches add to `Cargo.toml` files.
//!
//! The file holds, for each crate, the tables of a `Cargo.toml` that are to be merged into its own:
//!
//! ```toml
//! [pingora-core.dependencies]
//! pingora-keepalive = { path = "../pingora-keepalive", version = "0.1.0" }
//! tokio = { features = ["time"] } # already there: the feature is added
//!
//! [pingora-core.features]
//! lifecycle = []
//! ```
//!
//! A merge adds and never takes away; what contradicts the manifest is an error, and merging twice is
//! merging once. It writes in the style of the manifest it meets: `[dependencies.NAME]` tables in the
//! normalized manifest of a `.crate`, `NAME = { .. }` lines in upstream's own.

use std::path::Path;

use anyhow::{bail, ensure, Context, Result};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, TableLike, Value};

use crate::upstream::Upstream;

const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The contents of `manifest.toml`.
#[derive(Debug)]
pub struct Additions {
    document: DocumentMut,
}

impl Additions {
    /// Reads `manifest.toml` in `queue_dir`.
    pub fn load(queue_dir: &Path, upstream: &Upstream) -> Result<Self> {
        let path = queue_dir.join("manifest.toml");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("cannot read {}", path.display()))?;
        let names: Vec<&str> = upstream.crates.iter().map(|k| k.name.as_str()).collect();
        Self::parse(&text, &names).with_context(|| format!("{} is not as expected", path.display()))
    }

    fn parse(text: &str, crates: &[&str]) -> Result<Self> {
        let document: DocumentMut = text.parse()?;
        for (name, item) in document.iter() {
            ensure!(
                crates.contains(&name),
                "[{name}] is not one of the crates {}",
                crates.join(", ")
            );
            ensure!(item.is_table_like(), "{name} is not a table");
        }
        Ok(Self { document })
    }

    /// Whether patches need the additions, of which `mentions` says whether they use a word. What is no
    /// dependency cannot be told by its name, and counts as needed.
    pub fn are_needed(&self, mentions: impl Fn(&str) -> bool) -> bool {
        fn tables_need(tables: &dyn TableLike, mentions: &dyn Fn(&str) -> bool) -> bool {
            tables.iter().any(|(section, item)| {
                let Some(table) = item.as_table_like() else {
                    return true;
                };
                if DEPENDENCIES.contains(&section) {
                    table
                        .iter()
                        .any(|(name, _)| mentions(&name.replace('-', "_")))
                } else if section == "target" {
                    table
                        .iter()
                        .filter_map(|(_, item)| item.as_table_like())
                        .any(|tables| tables_need(tables, mentions))
                } else {
                    true
                }
            })
        }
        self.document
            .iter()
            .filter_map(|(_, item)| item.as_table_like())
            .any(|tables| tables_need(tables, &mentions))
    }

    /// `manifest`, the text of the `Cargo.toml` of `krate`, with the additions merged in.
    pub fn merge_into(&self, krate: &str, manifest: &str) -> Result<String> {
        let Some(additions) = self.document.get(krate).and_then(Item::as_table_like) else {
            return Ok(manifest.to_owned());
        };
        let mut document: DocumentMut = manifest
            .parse()
            .with_context(|| format!("cannot read the Cargo.toml of {krate}"))?;
        let style = Style::of(&document);
        merge_tables(document.as_table_mut(), additions, style)
            .with_context(|| format!("cannot add to the Cargo.toml of {krate}"))?;
        Ok(document.to_string())
    }
}

/// How a manifest writes its dependencies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    /// `[dependencies.NAME]`, as cargo normalizes.
    Tables,
    /// `NAME = { .. }`, as people write.
    Inline,
}

impl Style {
    fn of(document: &DocumentMut) -> Self {
        // `[dependencies]` itself is absent (implicit) in the normalized form.
        match document.get("dependencies").and_then(Item::as_table) {
            Some(table) if table.is_implicit() => Self::Tables,
            _ => Self::Inline,
        }
    }
}

/// Merges the sections of a manifest, or of one of its `target` tables.
fn merge_tables(table: &mut dyn TableLike, additions: &dyn TableLike, style: Style) -> Result<()> {
    for (section, added) in additions.iter() {
        let added = added
            .as_table_like()
            .with_context(|| format!("{section} is not a table"))?;
        if DEPENDENCIES.contains(&section) {
            let there = subtable(table, section, style == Style::Tables)?;
            for (name, dependency) in added.iter() {
                merge_dependency(there, name, dependency, style)
                    .with_context(|| format!("{section}.{name}"))?;
            }
        } else if section == "features" {
            let there = subtable(table, section, false)?;
            for (name, members) in added.iter() {
                let members = strings(members).with_context(|| format!("features.{name}"))?;
                match there.get_mut(name) {
                    Some(item) => {
                        add_to_array(item, &members).with_context(|| format!("features.{name}"))?;
                    }
                    None => {
                        there.insert(
                            name,
                            Item::Value(members.into_iter().collect::<Array>().into()),
                        );
                    }
                }
            }
        } else if section == "target" {
            let targets = subtable(table, section, true)?;
            for (target, added) in added.iter() {
                let added = added
                    .as_table_like()
                    .with_context(|| format!("target.{target} is not a table"))?;
                merge_tables(subtable(targets, target, true)?, added, style)
                    .with_context(|| format!("target.{target}"))?;
            }
        } else {
            bail!(
                "{section} cannot be added to; what can: {}, features, target",
                DEPENDENCIES.join(", ")
            );
        }
    }
    Ok(())
}

fn subtable<'t>(
    table: &'t mut dyn TableLike,
    name: &str,
    implicit: bool,
) -> Result<&'t mut dyn TableLike> {
    if table.get(name).is_none() {
        let mut new = Table::new();
        new.set_implicit(implicit);
        table.insert(name, Item::Table(new));
    }
    table
        .get_mut(name)
        .and_then(Item::as_table_like_mut)
        .with_context(|| format!("{name} is not a table"))
}

fn merge_dependency(
    section: &mut dyn TableLike,
    name: &str,
    added: &Item,
    style: Style,
) -> Result<()> {
    let added = detailed(added)?;
    let Some(there) = section.get_mut(name) else {
        let item = match style {
            Style::Tables => {
                let mut table = Table::new();
                for (key, value) in added.iter() {
                    table.insert(key, Item::Value(plain(value)));
                }
                Item::Table(table)
            }
            Style::Inline => Item::Value(Value::InlineTable(
                added
                    .iter()
                    .map(|(key, value)| (key, plain(value)))
                    .collect(),
            )),
        };
        section.insert(name, item);
        return Ok(());
    };
    if there.is_str() {
        // "1" says the same as { version = "1" }; only the latter can take more.
        if added
            .iter()
            .all(|(key, value)| key == "version" && same(there, value))
        {
            return Ok(());
        }
        *there = Item::Value(Value::InlineTable(detailed(there)?));
    }
    let there = there
        .as_table_like_mut()
        .context("it is neither a version nor a table")?;
    let inherits = there.contains_key("workspace");
    for (key, value) in added.iter() {
        if inherits && key == "version" {
            continue;
        }
        match there.get_mut(key) {
            Some(item) if key == "features" => {
                add_to_array(item, &strings(&Item::Value(value.clone()))?)?;
            }
            Some(item) => ensure!(
                same(item, value),
                "{key} is {} there and {value} here",
                item.to_string().trim()
            ),
            None => {
                there.insert(key, Item::Value(plain(value)));
            }
        }
    }
    Ok(())
}

/// A dependency as a table, whichever way it is written.
fn detailed(item: &Item) -> Result<InlineTable> {
    if let Some(version) = item.as_str() {
        return Ok([("version", Value::from(version))].into_iter().collect());
    }
    item.as_table_like()
        .and_then(|table| {
            table
                .iter()
                .map(|(key, value)| Some((key, plain(value.as_value()?))))
                .collect()
        })
        .context("it is neither a version nor a table of plain values")
}

/// A value without the white space and comments around it.
fn plain(value: &Value) -> Value {
    let mut value = value.clone();
    value.decor_mut().clear();
    value
}

fn same(item: &Item, value: &Value) -> bool {
    item.as_value()
        .is_some_and(|there| plain(there).to_string() == plain(value).to_string())
}

fn strings(item: &Item) -> Result<Vec<String>> {
    item.as_array()
        .and_then(|array| {
            array
                .iter()
                .map(|value| value.as_str().map(str::to_owned))
                .collect()
        })
        .context("it is not an array of strings")
}

/// Adds what is missing, laid out like the array's last member.
pub(crate) fn add_to_array(item: &mut Item, members: &[String]) -> Result<()> {
    let there = strings(item)?;
    let array = item.as_array_mut().context("it is not an array")?;
    for member in members.iter().filter(|member| !there.contains(member)) {
        let prefix = array
            .iter()
            .last()
            .and_then(|last| last.decor().prefix())
            .and_then(|prefix| prefix.as_str())
            .unwrap_or("");
        // On a line of its own like the last one, but without the comments above that.
        let prefix = match prefix.rsplit_once('\n') {
            Some((_, indent)) => format!("\n{indent}"),
            None if prefix.is_empty() && !array.is_empty() => " ".to_owned(),
            None => prefix.to_owned(),
        };
        let mut value = Value::from(member.as_str());
        value.decor_mut().set_prefix(prefix);
        array.push_formatted(value);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDITIONS: &str = r#"
[core.dependencies]
engine = { path = "../engine", version = "0.1.0" }
tokio = { version = "1", features = ["net", "time"] }
log = { version = "0.4", features = ["std"] }

[core.dev-dependencies]
rstest = "0.23"

[core.features]
default = ["lifecycle"]
lifecycle = []

[core.target.'cfg(unix)'.dependencies]
nix = { features = ["fs"] }
"#;

    const NORMALIZED: &str = r#"# Generated
[package]
name = "core"

[features]
default = []

[dependencies.log]
version = "0.4"

[dependencies.tokio]
version = "1"
features = [
    "net",
    "signal",
]

[dev-dependencies.h2]
version = "0.4"

[target."cfg(unix)".dependencies.nix]
version = "0.31"
features = ["socket"]
"#;

    const UPSTREAM: &str = r#"[package]
name = "core"

[dependencies]
log = "0.4" # kept
tokio = { workspace = true, features = ["net", "signal"] }
derivative.workspace = true

[target.'cfg(unix)'.dependencies]
nix = { version = "0.31", features = ["socket"] }

[dev-dependencies]
h2 = { workspace = true }

[features]
default = []
# A comment that stays.
extra = []
"#;

    fn additions(text: &str) -> Additions {
        Additions::parse(text, &["core"]).unwrap()
    }

    #[test]
    fn a_normalized_manifest_gets_tables() {
        let merged = additions(ADDITIONS).merge_into("core", NORMALIZED).unwrap();
        assert_eq!(
            merged,
            r#"# Generated
[package]
name = "core"

[features]
default = ["lifecycle"]
lifecycle = []

[dependencies.log]
version = "0.4"
features = ["std"]

[dependencies.tokio]
version = "1"
features = [
    "net",
    "signal",
    "time",
]

[dependencies.engine]
path = "../engine"
version = "0.1.0"

[dev-dependencies.h2]
version = "0.4"

[dev-dependencies.rstest]
version = "0.23"

[target."cfg(unix)".dependencies.nix]
version = "0.31"
features = ["socket", "fs"]
"#
        );
    }

    #[test]
    fn a_manifest_written_by_hand_gets_lines() {
        let merged = additions(ADDITIONS).merge_into("core", UPSTREAM).unwrap();
        assert_eq!(
            merged,
            r#"[package]
name = "core"

[dependencies]
log = { version = "0.4", features = ["std"] }
tokio = { workspace = true, features = ["net", "signal", "time"] }
derivative.workspace = true
engine = { path = "../engine", version = "0.1.0" }

[target.'cfg(unix)'.dependencies]
nix = { version = "0.31", features = ["socket", "fs"] }

[dev-dependencies]
h2 = { workspace = true }
rstest = { version = "0.23" }

[features]
default = ["lifecycle"]
# A comment that stays.
extra = []
lifecycle = []
"#
        );
    }

    #[test]
    fn merging_twice_is_merging_once() {
        let additions = additions(ADDITIONS);
        for manifest in [NORMALIZED, UPSTREAM] {
            let once = additions.merge_into("core", manifest).unwrap();
            assert_eq!(additions.merge_into("core", &once).unwrap(), once);
        }
    }

    #[test]
    fn a_crate_without_additions_keeps_every_byte() {
        let manifest = "[package]\nname   =  'x'\n";
        assert_eq!(
            additions("").merge_into("core", manifest).unwrap(),
            manifest
        );
    }

    #[test]
    fn a_contradiction_is_an_error_that_names_both_sides() {
        let additions = additions("[core.dependencies]\nlog = \"0.5\"\n");
        let error = format!(
            "{:#}",
            additions.merge_into("core", NORMALIZED).unwrap_err()
        );
        assert!(
            error.contains(r#"dependencies.log: version is "0.4" there and "0.5" here"#),
            "{error}"
        );
    }

    #[test]
    fn what_cannot_be_added_is_named() {
        let error = Additions::parse("[other.dependencies]\n", &["core"]).unwrap_err();
        assert!(error.to_string().contains("[other]"));
        let error = additions("[core.package]\nname = \"x\"\n")
            .merge_into("core", NORMALIZED)
            .unwrap_err();
        assert!(format!("{error:#}").contains("package cannot be added to"));
    }
}
