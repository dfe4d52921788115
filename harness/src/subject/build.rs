//! Builds subjects: one source, a generated package for each variant, one shared build folder.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{bail, Context as _, Result};

use super::variants::Variant;
use crate::paths;
use crate::report::progress::Progress;

/// A variant that can be run.
#[derive(Clone, Debug)]
pub struct Built {
    /// Which.
    pub variant: Variant,
    /// Its program.
    pub program: PathBuf,
}

/// Makes the patched crates, if any of `variants` is built on them.
pub fn materialize(variants: &[Variant], progress: &Progress) -> Result<()> {
    let mut versions: Vec<_> = variants
        .iter()
        .filter_map(|v| v.patched.as_deref())
        .collect();
    versions.dedup();
    for version in versions {
        let mut command = cargo();
        command
            .current_dir(paths::root())
            .args([
                "run",
                "--quiet",
                "--locked",
                "-p",
                "cargo-pingora-keepalive",
                "--",
            ])
            .args(["materialize", "--version", version]);
        progress.step(&format!("materialize {version}"), command, |_| None)?;
    }
    Ok(())
}

/// Makes what `variants` are built on, and builds them.
pub fn prepare(variants: &[Variant], progress: &Progress) -> Result<Vec<Built>> {
    materialize(variants, progress)?;
    build(variants, progress)
}

/// Builds each of `variants`, in turn: they share most of what they build.
pub fn build(variants: &[Variant], progress: &Progress) -> Result<Vec<Built>> {
    variants
        .iter()
        .map(|variant| build_one(variant, &variant.name, progress, Profile::Dev))
        .collect()
}

/// Builds a variant to be measured.
pub fn build_optimized(variant: &Variant, progress: &Progress) -> Result<Built> {
    build_one(variant, &variant.name, progress, Profile::Release)
}

/// Builds a variant on the prefix of the series that is checked out. Each prefix overwrites the
/// program of the one before.
pub fn build_prefix(variant: &Variant, prefix: &str, progress: &Progress) -> Result<Built> {
    build_one(variant, prefix, progress, Profile::Dev)
}

/// How it is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Profile {
    Dev,
    Release,
}

fn build_one(
    variant: &Variant,
    name: &str,
    progress: &Progress,
    profile: Profile,
) -> Result<Built> {
    let package = write_package(variant)?;
    write_if_changed(&package.join("Cargo.lock"), variant.locked()?.as_bytes())?;

    let mut command = cargo();
    command
        .current_dir(&package)
        .env("CARGO_TARGET_DIR", paths::build())
        .args([
            "build",
            "--locked",
            "--message-format",
            "json-render-diagnostics",
        ]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    let mut program = None;
    progress
        .step(&format!("build {name}"), command, |line| {
            let message: serde_json::Value = serde_json::from_str(line).ok()?;
            if let Some(executable) = message["executable"].as_str() {
                program = Some(PathBuf::from(executable));
            }
            message["target"]["name"].as_str().map(str::to_owned)
        })
        .context("if the lock file is out of date, `harness lock` renews it")?;
    let Some(program) = program else {
        bail!("cargo did not name the program of {name}");
    };
    Ok(Built {
        variant: variant.clone(),
        program,
    })
}

/// Writes the package of a variant and says where it is.
pub(super) fn write_package(variant: &Variant) -> Result<PathBuf> {
    let template = paths::subject_source().join("Cargo.toml");
    let template =
        std::fs::read_to_string(&template).with_context(|| template.display().to_string())?;
    let package = paths::package(&variant.name);
    std::fs::create_dir_all(&package).with_context(|| package.display().to_string())?;
    let manifest = variant.manifest(&template)?;
    write_if_changed(&package.join("Cargo.toml"), manifest.as_bytes())?;
    Ok(package)
}

/// Cargo, the one that runs this if there is one.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What cargo says of this package is not true of the one to build.
    for (name, _) in std::env::vars_os() {
        let name_text = name.to_string_lossy();
        if name_text.starts_with("CARGO_PKG_") || name_text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs a command, hands each line of its output to `line` and keeps what it says for an error.
pub(crate) fn run(mut command: Command, mut line: impl FnMut(&str)) -> Result<()> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{:?} did not start", command.get_program()))?;
    let said = child.stderr.take().map(|mut stderr| {
        std::thread::spawn(move || {
            let mut said = Vec::new();
            let _ = stderr.read_to_end(&mut said);
            String::from_utf8_lossy(&said).into_owned()
        })
    });
    if let Some(stdout) = child.stdout.take() {
        for text in BufReader::new(stdout).lines().map_while(Result::ok) {
            line(&text);
        }
    }
    let status = child.wait()?;
    let said = said
        .and_then(|thread| thread.join().ok())
        .unwrap_or_default();
    if status.success() {
        return Ok(());
    }
    bail!("{status}\n{}", said.trim_end());
}

fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<()> {
    if std::fs::read(path).is_ok_and(|present| present == bytes) {
        return Ok(());
    }
    std::fs::write(path, bytes).with_context(|| path.display().to_string())
}
