//! `Cargo.lock`: what it says, how two of them differ, and how the override is taken out of one.

use std::collections::BTreeSet;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::project::ENGINE;
use crate::upstream::Upstream;

/// The source of a crate that comes from crates.io, whatever mirror it is downloaded from.
pub const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// What a lock file says.
#[derive(Debug, Deserialize)]
pub struct Lock {
    #[serde(rename = "package", default)]
    packages: Vec<Package>,
}

/// One locked package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Where it comes from; `None` for a folder.
    pub source: Option<String>,
    #[serde(default)]
    dependencies: Vec<String>,
}

impl Lock {
    /// Reads the text of a lock file.
    pub fn parse(text: &str) -> Result<Self> {
        toml_edit::de::from_str(text)
            .context("cannot read Cargo.lock: make it anew with `cargo generate-lockfile`")
    }

    /// The packages called `name`.
    pub fn named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Package> {
        self.packages.iter().filter(move |p| p.name == name)
    }

    /// All packages.
    pub fn packages(&self) -> &[Package] {
        &self.packages
    }

    /// What it will say when `crates` are overridden and bring the engine in `engine` with them.
    pub fn overridden(&self, crates: &[String], engine: &str) -> Self {
        let mut packages = self.packages.clone();
        packages.retain(|package| package.name != ENGINE);
        for package in packages.iter_mut().filter(|p| crates.contains(&p.name)) {
            package.source = None;
        }
        packages.push(Package {
            name: ENGINE.to_owned(),
            version: engine.to_owned(),
            source: None,
            dependencies: Vec::new(),
        });
        Self { packages }
    }

    /// The names of everything that packages called `names` depend on, themselves included.
    fn below(&self, names: &[&str]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut next: Vec<&str> = names.to_vec();
        while let Some(name) = next.pop() {
            for package in self.packages.iter().filter(|p| p.name == name) {
                if found.insert(package.name.as_str()) {
                    let dependencies = package.dependencies.iter();
                    next.extend(dependencies.filter_map(|line| line.split(' ').next()));
                }
            }
        }
        found
    }
}

/// How two lock files differ.
#[derive(Debug, PartialEq, Eq)]
pub struct Changes {
    gone: Vec<Package>,
    new: Vec<Package>,
}

impl Changes {
    /// What is different in `after`.
    pub fn between(before: &Lock, after: &Lock) -> Self {
        let same = |a: &Package, b: &Package| {
            (&a.name, &a.version, &a.source) == (&b.name, &b.version, &b.source)
        };
        let missing_in = |these: &Lock, others: &Lock| {
            these
                .packages
                .iter()
                .filter(|a| !others.packages.iter().any(|b| same(a, b)))
                .cloned()
                .collect()
        };
        Self {
            gone: missing_in(before, after),
            new: missing_in(after, before),
        }
    }

    /// The packages that changed and have nothing to do with `crates`: neither one of them nor
    /// something new that one of them needs.
    pub fn unrelated(&self, crates: &[&str], after: &Lock) -> Vec<String> {
        let mut ours: Vec<&str> = crates.to_vec();
        ours.push(ENGINE);
        let below = after.below(&ours);
        let gone = self
            .gone
            .iter()
            .filter(|package| !ours.contains(&package.name.as_str()));
        let new = self
            .new
            .iter()
            .filter(|package| !below.contains(package.name.as_str()));
        let mut names: Vec<String> = gone
            .chain(new)
            .map(|package| format!("{} {}", package.name, package.version))
            .collect();
        names.sort();
        names.dedup();
        names
    }

    /// A line for each, a package without a source being shown as in the folder `tree`.
    pub fn lines(&self, tree: &str) -> Vec<String> {
        let from = |package: &Package| match package.source.as_deref() {
            None => format!("{tree}/{}", package.name),
            Some(CRATES_IO) => "crates.io".to_owned(),
            Some(other) => other.to_owned(),
        };
        let same_version =
            |a: &Package, b: &Package| (&a.name, &a.version) == (&b.name, &b.version);
        let mut lines = Vec::new();
        for package in &self.gone {
            if !self.new.iter().any(|new| same_version(new, package)) {
                let label = format!("{} {}", package.name, package.version);
                lines.push((&package.name, format!("- {label}")));
            }
        }
        for package in &self.new {
            let label = format!("{} {}", package.name, package.version);
            let gone = self.gone.iter().find(|gone| same_version(gone, package));
            let line = match gone {
                Some(gone) => format!("~ {label}: {} -> {}", from(gone), from(package)),
                None => format!("+ {label}"),
            };
            lines.push((&package.name, line));
        }
        lines.sort_by_key(|(name, _)| *name);
        lines.into_iter().map(|(_, line)| line).collect()
    }
}

/// The lock file `text` as it is without the override: the crates of `upstream` come from crates.io,
/// and the engine is not there. In the form that cargo writes; other forms keep what is not found.
pub fn without_override(text: &str, upstream: &Upstream) -> String {
    let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let text = text.replace("\r\n", "\n");
    let mut blocks: Vec<String> = Vec::new();
    for block in text.split("\n\n") {
        blocks.extend(block_without_override(block, upstream));
    }
    let mut text = blocks.join("\n\n");
    // The last block, which ends the file, may be the one that went.
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text.replace('\n', newline)
}

fn block_without_override(block: &str, upstream: &Upstream) -> Option<String> {
    let value = |key: &str| {
        block.lines().find_map(|line| {
            line.strip_prefix(key)?
                .strip_prefix(" = \"")?
                .strip_suffix('"')
        })
    };
    let name = value("name").unwrap_or_default();
    let ours = upstream.crates.iter().find(|krate| krate.name == name);
    let from_a_folder = value("source").is_none();
    if block.starts_with("[[patch.unused]]") && from_a_folder && (ours.is_some() || name == ENGINE)
    {
        return None;
    }
    if !block.starts_with("[[package]]") || !from_a_folder {
        return Some(block.to_owned());
    }
    if name == ENGINE {
        return None;
    }
    let Some(krate) = ours.filter(|_| value("version") == Some(upstream.version.as_str())) else {
        return Some(block.to_owned());
    };
    let mut lines: Vec<String> = Vec::new();
    for line in block.split('\n') {
        let dependency = line.trim().trim_start_matches('"');
        if dependency.starts_with(&format!("{ENGINE}\""))
            || dependency.starts_with(&format!("{ENGINE} "))
        {
            continue;
        }
        lines.push(line.to_owned());
        if line.starts_with("version = ") {
            lines.push(format!("source = \"{CRATES_IO}\""));
            lines.push(format!("checksum = \"{}\"", krate.sha256));
        }
    }
    Some(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEFORE: &str = r#"# This file is automatically @generated by Cargo.
version = 4

[[package]]
name = "app"
version = "0.1.0"
dependencies = [
 "core",
]

[[package]]
name = "core"
version = "9.9.9"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "c0c0"
dependencies = [
 "log",
]

[[package]]
name = "log"
version = "0.4.1"
source = "registry+https://github.com/rust-lang/crates.io-index"
checksum = "1010"
"#;

    fn after() -> String {
        BEFORE
            .replace(
                &format!("version = \"9.9.9\"\nsource = \"{CRATES_IO}\"\nchecksum = \"c0c0\"\n"),
                "version = \"9.9.9\"\n",
            )
            .replace(" \"log\",\n", " \"log\",\n \"pingora-keepalive\",\n")
            + "\n[[package]]\nname = \"pingora-keepalive\"\nversion = \"0.1.0\"\n"
    }

    fn upstream() -> Upstream {
        toml_edit::de::from_str(
            "version = \"9.9.9\"\nrepository = \"r\"\ncommit = \"c\"\n[[crate]]\nname = \"core\"\ndirectory = \
             \"core\"\nsha256 = \"c0c0\"\n",
        )
        .unwrap()
    }

    fn changes(before: &str, after: &str) -> (Changes, Lock) {
        let after = Lock::parse(after).unwrap();
        (
            Changes::between(&Lock::parse(before).unwrap(), &after),
            after,
        )
    }

    #[test]
    fn the_override_is_taken_out_to_the_byte() {
        assert_eq!(without_override(&after(), &upstream()), BEFORE);
        assert_eq!(without_override(BEFORE, &upstream()), BEFORE);
        let crlf = |text: &str| text.replace('\n', "\r\n");
        assert_eq!(without_override(&crlf(&after()), &upstream()), crlf(BEFORE));
    }

    #[test]
    fn an_override_that_is_not_used_is_taken_out_too() {
        let unused = format!("{BEFORE}\n[[patch.unused]]\nname = \"core\"\nversion = \"9.9.9\"\n");
        assert_eq!(without_override(&unused, &upstream()), BEFORE);
    }

    #[test]
    fn changes_are_told_a_line_each() {
        let (changes, after) = changes(BEFORE, &after());
        assert_eq!(
            changes.lines("vendor"),
            [
                "~ core 9.9.9: crates.io -> vendor/core",
                "+ pingora-keepalive 0.1.0"
            ]
        );
        assert_eq!(changes.unrelated(&["core"], &after), [""; 0]);
    }

    #[test]
    fn a_change_of_something_else_is_unrelated() {
        let other = after().replace("0.4.1", "0.4.2")
            + "\n[[package]]\nname = \"stray\"\nversion = \"1.0.0\"\n";
        let (changes, after) = changes(BEFORE, &other);
        // What a patched crate needs may be new, but nothing else may go for it.
        assert_eq!(
            changes.unrelated(&["core"], &after),
            ["log 0.4.1", "stray 1.0.0"]
        );
    }
}
