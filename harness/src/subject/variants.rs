//! The variants of the service, as `harness/subject/variants.toml` describes them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{bail, Context as _, Result};
use serde::Deserialize;
use toml::{Table, Value};

use crate::paths;

/// One variant of the service under test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Variant {
    /// What `--subject` takes.
    pub name: String,
    /// Version requirement of the umbrella crate.
    pub pingora: String,
    /// Features of the subject.
    pub features: Vec<String>,
    /// Version of the patched crates that override the published ones.
    pub patched: Option<String>,
    /// Versions that the lock file holds.
    #[serde(default)]
    pub pins: BTreeMap<String, String>,
    /// The first patches of the series alone, instead of all of them.
    #[serde(skip)]
    pub prefix: Option<Prefix>,
}

/// What a variant on the first patches of the series is made from.
#[derive(Clone, Debug)]
pub struct Prefix {
    /// The name of the variant with all patches, whose lock file holds for every prefix.
    pub of: String,
    /// The tree in which the prefix is checked out.
    pub tree: PathBuf,
}

/// The feature of the subject that stands for all that the patches add.
const ALL_PATCHES: &str = "patched";

#[derive(Deserialize)]
struct File {
    variant: Vec<Variant>,
}

/// Every variant, in the order of reports.
pub fn all() -> Result<Vec<Variant>> {
    let path = paths::subject_source().join("variants.toml");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let file: File = toml::from_str(&text).with_context(|| path.display().to_string())?;
    Ok(file.variant)
}

impl Variant {
    /// The name of its package and program: that of the variant, with what crates may not have in
    /// theirs replaced.
    pub fn package(&self) -> String {
        package_of(&self.name)
    }

    /// The text of its lock file.
    pub fn locked(&self) -> Result<String> {
        let of = self.prefix.as_ref().map_or(&self.name, |prefix| &prefix.of);
        let path = paths::lock_file(of);
        let text = std::fs::read_to_string(&path).with_context(|| {
            format!("{}: no lock file; `harness lock` writes it", path.display())
        })?;
        Ok(text.replace(&quoted(&package_of(of)), &quoted(&self.package())))
    }

    /// The variant on those patches alone whose names `has` says yes to, checked out in `tree`: of
    /// the features of [`ALL_PATCHES`] in the template it has those that are named for one of them.
    pub fn prefix(
        &self,
        template: &str,
        tree: PathBuf,
        has: impl Fn(&str) -> bool,
    ) -> Result<Variant> {
        let Some(version) = &self.patched else {
            bail!("{} is not built on patched crates", self.name);
        };
        let levels = self.features.iter().filter(|name| *name != ALL_PATCHES);
        let calls = patch_features(template)?
            .into_iter()
            .filter(|name| has(name));
        Ok(Variant {
            name: format!("prefix-{version}"),
            features: levels.cloned().chain(calls).collect(),
            prefix: Some(Prefix {
                of: self.name.clone(),
                tree,
            }),
            ..self.clone()
        })
    }

    /// Its manifest: the template, with what this variant changes.
    pub fn manifest(&self, template: &str) -> Result<String> {
        let mut manifest: Table = template.parse().context("harness/subject/Cargo.toml")?;
        let source = paths::subject_source();
        table(&mut manifest, "package")?.insert("name".into(), self.package().into());
        table(&mut manifest, "features")?.insert("default".into(), self.features.clone().into());
        let main = source.join("src/main.rs").display().to_string();
        let program = Table::from_iter([
            ("name".to_owned(), Value::from(self.package())),
            ("path".to_owned(), Value::from(main)),
        ]);
        manifest.insert("bin".into(), Value::Array(vec![program.into()]));
        let dependencies = table(&mut manifest, "dependencies")?;
        let Some(Value::Table(pingora)) = dependencies.get_mut("pingora") else {
            bail!("harness/subject/Cargo.toml has no dependency table for pingora");
        };
        pingora.insert("version".into(), self.pingora.clone().into());
        if let Some(version) = &self.patched {
            let whole = || paths::patched(version);
            let patched = self.prefix.as_ref().map_or_else(whole, |p| p.tree.clone());
            let overrides = ["pingora-core", "pingora-proxy"].map(|name| {
                let path = patched.join(name).display().to_string();
                let entry = Table::from_iter([("path".to_owned(), Value::from(path))]);
                (name.to_owned(), Value::from(entry))
            });
            let published = Table::from_iter(overrides);
            manifest.insert(
                "patch".into(),
                Table::from_iter([("crates-io".to_owned(), Value::from(published))]).into(),
            );
        }
        let text = toml::to_string(&manifest)?;
        Ok(format!("# Written by the harness.\n{text}"))
    }
}

/// The features of the subject that are named for a patch each.
pub fn patch_features(template: &str) -> Result<Vec<String>> {
    let mut manifest: Table = template.parse().context("harness/subject/Cargo.toml")?;
    let features = table(&mut manifest, "features")?.get(ALL_PATCHES);
    let names = features.and_then(Value::as_array).with_context(|| {
        format!("harness/subject/Cargo.toml has no feature called {ALL_PATCHES}")
    })?;
    Ok(names
        .iter()
        .filter_map(|name| name.as_str().map(str::to_owned))
        .collect())
}

fn package_of(variant: &str) -> String {
    format!("subject-{}", variant.replace('.', "-"))
}

fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

fn table<'a>(manifest: &'a mut Table, name: &str) -> Result<&'a mut Table> {
    match manifest.get_mut(name) {
        Some(Value::Table(table)) => Ok(table),
        _ => bail!("harness/subject/Cargo.toml has no [{name}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(name: &str) -> Table {
        let variants = all().expect("variants");
        let variant = variants.iter().find(|v| v.name == name).expect(name);
        let template = include_str!("../../subject/Cargo.toml");
        let text = variant.manifest(template).expect("a manifest");
        text.parse().expect("TOML")
    }

    #[test]
    fn each_variant_has_a_package_of_its_own() {
        let old = manifest("upstream-0.4.0");
        assert_eq!(
            old["package"]["name"].as_str(),
            Some("subject-upstream-0-4-0")
        );
        assert_eq!(
            old["dependencies"]["pingora"]["version"].as_str(),
            Some("=0.4.0")
        );
        assert_eq!(old["features"]["default"].as_array().map(Vec::len), Some(0));
        assert!(!old.contains_key("patch"));
    }

    #[test]
    fn the_patched_variant_overrides_the_published_crates() {
        let patched = manifest("patched-0.9.1");
        let path = patched["patch"]["crates-io"]["pingora-core"]["path"].as_str();
        assert!(path.is_some_and(|p| p.ends_with("crates/patched/0.9.1/pingora-core")));
    }

    #[test]
    fn a_prefix_has_the_calls_of_its_patches() {
        let template = include_str!("../../subject/Cargo.toml");
        let patched = all().expect("variants").pop().expect("a variant");
        let has = |name: &str| name == "idle-timeout" || name == "another-patch";
        let prefix = patched
            .prefix(template, PathBuf::from("/tree"), has)
            .expect("a prefix");
        assert_eq!(prefix.features, ["api-0-9", "tls", "idle-timeout"]);
        let manifest = prefix.manifest(template).expect("a manifest");
        assert!(manifest.contains("path = \"/tree/pingora-core\""));
        let locked = prefix.locked().expect("a lock file");
        assert!(locked.contains("name = \"subject-prefix-0-9-1\""));
        assert!(!locked.contains("subject-patched"));
    }

    #[test]
    fn only_a_patched_variant_has_prefixes() {
        let template = include_str!("../../subject/Cargo.toml");
        let variants = all().expect("variants");
        let prefix = variants[0].prefix(template, PathBuf::new(), |_| true);
        let error = prefix.expect_err("an error").to_string();
        assert!(error.contains("upstream-0.4.0 is not built on patched"));
    }

    #[test]
    fn each_call_of_the_patched_variant_is_named_for_a_patch() {
        let template = include_str!("../../subject/Cargo.toml");
        let series = paths::root().join("patches/0.9.1/series");
        let series = std::fs::read_to_string(series).expect("a series");
        for name in patch_features(template).expect("features") {
            let file = format!("{name}.patch");
            assert!(series.lines().any(|line| line == file), "{file}");
        }
    }
}
