//! The engine as a member of upstream's workspace, in the shape of its siblings.
//!
//! Upstream's crates have one version, are published, name each other by version and path, and carry the
//! license's text; `[workspace.dependencies]` is for crates of others. So the engine gets the version that
//! its siblings have, and no entry there.

use std::path::Path;

use anyhow::{ensure, Context, Result};
use toml_edit::{DocumentMut, InlineTable, Item, Value};

use crate::engine;
use crate::manifest::{add_to_array, Additions};
use crate::project::{Project, ENGINE};
use crate::upstream::{Crate, Upstream};

/// Adds the engine to the workspace in `tree`, and what manifest.toml says to its crates.
pub fn add_engine(
    project: &Project,
    upstream: &Upstream,
    additions: &Additions,
    tree: &Path,
) -> Result<()> {
    let place = tree.join(ENGINE);
    ensure!(!place.exists(), "it has a folder {ENGINE} already");
    edit(&tree.join("Cargo.toml"), add_member)?;
    let mut version = None;
    for krate in &upstream.crates {
        let path = tree.join(&krate.directory).join("Cargo.toml");
        edit(&path, |manifest| {
            let own = manifest["package"]["version"].as_str();
            version = version.take().or(own.map(str::to_owned));
            merge(additions, krate, manifest)
        })?;
    }
    let version = version.context("its crates have no version of their own")?;
    for krate in &upstream.crates {
        let path = tree.join(&krate.directory).join("Cargo.toml");
        edit(&path, |manifest| {
            require_as_sibling(manifest, &version);
            Ok(())
        })?;
    }

    engine::copy(&project.engine_dir(), &place)?;
    edit(&place.join("Cargo.toml"), |manifest| {
        as_sibling(manifest, &version, upstream)
    })?;
    let license = tree.join(&upstream.crates[0].directory).join("LICENSE");
    if license.is_file() {
        let text = std::fs::read(&license)
            .with_context(|| format!("cannot read {}", license.display()))?;
        let path = place.join("LICENSE");
        std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

fn edit(path: &Path, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {shown}"))?;
    let mut document: DocumentMut = text
        .parse()
        .with_context(|| format!("cannot read {shown}"))?;
    change(&mut document).with_context(|| format!("cannot change {shown}"))?;
    std::fs::write(path, document.to_string()).with_context(|| format!("cannot write {shown}"))
}

fn add_member(root: &mut DocumentMut) -> Result<()> {
    let members = root
        .get_mut("workspace")
        .and_then(Item::as_table_like_mut)
        .and_then(|workspace| workspace.get_mut("members"))
        .context("it has no [workspace] with members")?;
    add_to_array(members, &[ENGINE.to_owned()])
}

fn merge(additions: &Additions, krate: &Crate, manifest: &mut DocumentMut) -> Result<()> {
    *manifest = additions
        .merge_into(&krate.name, &manifest.to_string())?
        .parse()?;
    Ok(())
}

/// Writes the dependency on the engine as those on its siblings are written, behind the last of them.
fn require_as_sibling(manifest: &mut DocumentMut, version: &str) {
    let Some(dependencies) = manifest
        .get_mut("dependencies")
        .and_then(Item::as_table_mut)
        .filter(|dependencies| dependencies.contains_key(ENGINE))
    else {
        return;
    };
    let mut dependency = InlineTable::new();
    dependency.insert("version", version.into());
    dependency.insert("path", format!("../{ENGINE}").into());
    dependencies[ENGINE] = Item::Value(Value::InlineTable(dependency));

    let names: Vec<String> = dependencies
        .iter()
        .map(|(name, _)| name.to_owned())
        .collect();
    let is_sibling = |name: &String| name.starts_with("pingora-") && name != ENGINE;
    let after = names.iter().rposition(is_sibling);
    let rank = |name: &str| {
        let at = names.iter().position(|known| known == name);
        match (name == ENGINE, after) {
            (true, Some(after)) => (Some(after), true),
            _ => (at, false),
        }
    };
    dependencies.sort_values_by(|a, _, b, _| rank(a).cmp(&rank(b)));
}

/// The engine's own manifest, which stands alone in its repository, as that of a member.
fn as_sibling(manifest: &mut DocumentMut, version: &str, upstream: &Upstream) -> Result<()> {
    // Says why it stands alone.
    manifest.as_table_mut().decor_mut().clear();
    let package = manifest
        .get_mut("package")
        .and_then(Item::as_table_mut)
        .context("it has no [package]")?;
    package.decor_mut().clear();
    for (key, value) in [("version", version), ("repository", &upstream.repository)] {
        package[key] = Item::Value(value.into());
    }
    // A crate that others depend on when they are published must be, too.
    package.remove("publish");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(text: &str) -> DocumentMut {
        text.parse().unwrap()
    }

    #[test]
    fn a_member_is_added_as_the_others_stand() {
        let mut root =
            document("[workspace]\nmembers = [\n    \"a\",\n    # \"b\",\n    \"c\",\n]\n");
        add_member(&mut root).unwrap();
        assert_eq!(
            root.to_string(),
            "[workspace]\nmembers = [\n    \"a\",\n    # \"b\",\n    \"c\",\n    \"pingora-keepalive\",\n]\n"
        );
        let error = add_member(&mut document("[package]\nname = \"x\"\n")).unwrap_err();
        assert!(error.to_string().contains("no [workspace]"), "{error}");
    }

    #[test]
    fn the_engine_is_required_beside_its_siblings() {
        let mut manifest = document(
            "[dependencies]\npingora-pool = { version = \"1\", path = \"../pingora-pool\" }\n# Why.\nlog = { workspace = \
             true } # kept\npingora-keepalive = { path = \"../pingora-keepalive\", version = \"0.1.0\" }\n",
        );
        require_as_sibling(&mut manifest, "1");
        assert_eq!(
            manifest.to_string(),
            "[dependencies]\npingora-pool = { version = \"1\", path = \"../pingora-pool\" }\npingora-keepalive = { \
             version = \"1\", path = \"../pingora-keepalive\" }\n# Why.\nlog = { workspace = true } # kept\n"
        );
    }

    #[test]
    fn the_engines_manifest_becomes_that_of_a_member() {
        let upstream = Upstream {
            version: "1".to_owned(),
            repository: "https://example.org/p".to_owned(),
            commit: String::new(),
            crates: Vec::new(),
        };
        let mut manifest = document(
            "# Alone.\n[package]\nname = \"e\"\nversion = \"0.1.0\"\nrepository = \"x\"\npublish = false\n\n[lints.rust]\n\
             a = \"warn\"\n",
        );
        as_sibling(&mut manifest, "1.2.3", &upstream).unwrap();
        assert_eq!(
            manifest.to_string(),
            "[package]\nname = \"e\"\nversion = \"1.2.3\"\nrepository = \"https://example.org/p\"\n\n[lints.rust]\n\
             a = \"warn\"\n"
        );
    }
}
