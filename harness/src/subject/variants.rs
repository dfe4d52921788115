//! The variants of the service, as `harness/subject/variants.toml` describes them.

use std::collections::BTreeMap;

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
}

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
        format!("subject-{}", self.name.replace('.', "-"))
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
            let patched = paths::patched(version);
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
}
