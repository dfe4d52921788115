//! Finds the `.crate` files in cargo's own download and checks them against `upstream.toml`.
//!
//! Nothing is downloaded by this program itself: what is not there yet, `cargo fetch` brings, from
//! wherever the user's cargo configuration says crates come from.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{bail, Context, Result};
use sha2::{Digest, Sha256};

use crate::upstream::{Crate, Upstream};

/// The bytes of a `.crate` file whose checksum is the pinned one.
#[derive(Debug)]
pub struct CheckedCrate {
    /// Which crate it is.
    pub krate: Crate,
    /// The file.
    pub path: PathBuf,
    /// Its contents.
    pub bytes: Vec<u8>,
}

/// Finds all crates of `upstream`, asking cargo for them if need be. Cargo runs in `cwd`, so that the
/// project's cargo configuration counts.
pub fn crates(
    upstream: &Upstream,
    cwd: &Path,
    offline: bool,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<CheckedCrate>> {
    let cargo_home = cargo_home(cwd)?;
    let cached = |krate: &Crate| cached(&cargo_home, krate, &upstream.version);
    let mut fetched = false;
    let mut found = Vec::new();
    for krate in &upstream.crates {
        let mut files = cached(krate)?;
        if files.is_empty() && !fetched {
            progress(&format!(
                "cargo has no {} {} yet: asking it to fetch",
                krate.name, upstream.version
            ));
            fetch(upstream, cwd, offline)?;
            fetched = true;
            files = cached(krate)?;
        }
        found.push(checked(krate, &upstream.version, &cargo_home, files)?);
    }
    Ok(found)
}

/// All files `registry/cache/*/NAME-VERSION.crate`: there is one folder for each registry or mirror.
fn cached(cargo_home: &Path, krate: &Crate, version: &str) -> Result<Vec<PathBuf>> {
    let cache = cargo_home.join("registry").join("cache");
    let file_name = format!("{}-{version}.crate", krate.name);
    let mut files = Vec::new();
    if cache.is_dir() {
        for entry in
            std::fs::read_dir(&cache).with_context(|| format!("cannot read {}", cache.display()))?
        {
            let file = entry
                .with_context(|| format!("cannot read {}", cache.display()))?
                .path()
                .join(&file_name);
            if file.is_file() {
                files.push(file);
            }
        }
    }
    files.sort();
    Ok(files)
}

/// The first file with the pinned checksum.
fn checked(
    krate: &Crate,
    version: &str,
    cargo_home: &Path,
    files: Vec<PathBuf>,
) -> Result<CheckedCrate> {
    let mut wrong = Vec::new();
    for path in files {
        let bytes =
            std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let sha256 = sha256(&bytes);
        if sha256 == krate.sha256 {
            let krate = krate.clone();
            return Ok(CheckedCrate { krate, path, bytes });
        }
        wrong.push(format!(
            "{}\n    expected sha256 {} (upstream.toml)\n    found sha256    {sha256}",
            path.display(),
            krate.sha256
        ));
    }
    if wrong.is_empty() {
        bail!(
            "cargo fetched {} {version}, but no {}-{version}.crate is in {}/registry/cache: crates must come \
             from a registry, not from a vendored folder (see [source] in your cargo configuration)",
            krate.name,
            krate.name,
            cargo_home.display()
        );
    }
    bail!(
        "wrong checksum of {} {version}; nothing was unpacked\n  {}\n  Delete the file and run this again: cargo \
         then downloads it anew.",
        krate.name,
        wrong.join("\n  ")
    );
}

/// sha256 in lower-case hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Lets cargo download the crates, by way of a scratch package that depends on exactly them.
fn fetch(upstream: &Upstream, cwd: &Path, offline: bool) -> Result<()> {
    let scratch = tempfile::tempdir().context("cannot make a temporary folder")?;
    let mut manifest = String::from(
        "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n\n[lib]\npath = \"lib.rs\"\n\n\
         [workspace]\n\n[dependencies]\n",
    );
    for krate in &upstream.crates {
        manifest += &format!("{} = \"={}\"\n", krate.name, upstream.version);
    }
    let manifest_path = scratch.path().join("Cargo.toml");
    std::fs::write(&manifest_path, manifest)
        .and_then(|()| std::fs::write(scratch.path().join("lib.rs"), ""))
        .context("cannot write to a temporary folder")?;

    let mut cargo = cargo();
    cargo
        .args(["fetch", "--quiet", "--manifest-path"])
        .arg(&manifest_path);
    if let Some(host) = host() {
        cargo.args(["--target", &host]);
    }
    if offline {
        cargo.arg("--offline");
    }
    let output = cargo.current_dir(cwd).output().map_err(cannot_run_cargo)?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let need = if offline {
            "run it once without --offline, so that cargo can download them"
        } else {
            "connect to the network (or name a mirror or proxy in your cargo configuration) and run this again"
        };
        let names: Vec<_> = upstream.crates.iter().map(|k| k.name.as_str()).collect();
        bail!(
            "cargo could not fetch {} {}: {need}. This needs the registry once; after that cargo's own copy is \
             used. Cargo said:\n{}",
            names.join(" and "),
            upstream.version,
            said.trim_end()
        );
    }
    Ok(())
}

/// The target cargo builds for by itself: what other targets need is then not downloaded.
pub(crate) fn host() -> Option<String> {
    let output = cargo().arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines()
        .find_map(|line| line.strip_prefix("host: "))
        .map(str::to_owned)
}

/// Cargo, to be given arguments.
pub(crate) fn cargo() -> Command {
    // Set by cargo for its subcommands: the cargo that the user called.
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Why cargo could not be started.
pub(crate) fn cannot_run_cargo(error: std::io::Error) -> anyhow::Error {
    if error.kind() == std::io::ErrorKind::NotFound {
        anyhow::anyhow!(
            "cargo was not found on PATH: install Rust (https://rustup.rs), which brings it, and run this again"
        )
    } else {
        anyhow::Error::new(error).context("cannot run cargo")
    }
}

/// Cargo's home: `CARGO_HOME`, or `.cargo` in the user's home.
fn cargo_home(cwd: &Path) -> Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME").filter(|home| !home.is_empty()) {
        return Ok(cwd.join(home));
    }
    // Deprecated before 1.87 only for what it did on old Windows.
    #[allow(deprecated)]
    let home = std::env::home_dir();
    home.map(|home| home.join(".cargo"))
        .context("cannot tell where cargo keeps its downloads: set CARGO_HOME or HOME")
}
