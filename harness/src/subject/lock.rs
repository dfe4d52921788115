//! Writes the lock files of variants.

use anyhow::{Context as _, Result};

use super::build;
use super::variants::Variant;
use crate::paths;

/// Renews the lock file of each of `variants`.
///
/// The first of them that has none is resolved anew; every other one starts from what it holds
/// already, or from the first, so that all variants share as many builds as they can. With `anew`
/// nothing is kept.
pub fn write(variants: &[Variant], anew: bool) -> Result<()> {
    let mut model: Option<Vec<u8>> = None;
    // The newest first: the others follow its choices.
    for variant in variants.iter().rev() {
        let package = build::write_package(variant)?;
        let lock = paths::lock_file(&variant.name);
        let present = package.join("Cargo.lock");
        let kept = if anew {
            None
        } else {
            std::fs::read(&lock).ok()
        };
        match kept.or_else(|| model.clone()) {
            Some(start) => std::fs::write(&present, start)?,
            None if present.exists() => std::fs::remove_file(&present)?,
            None => {}
        }
        let mut resolve = build::cargo();
        resolve
            .current_dir(&package)
            .args(["metadata", "--format-version", "1"]);
        build::run(resolve, |_| {}).with_context(|| format!("resolving {}", variant.name))?;
        for (name, version) in &variant.pins {
            let mut pin = build::cargo();
            pin.current_dir(&package)
                .args(["update", "--package", name, "--precise", version]);
            build::run(pin, |_| {}).with_context(|| format!("pinning {name} to {version}"))?;
        }
        let written = std::fs::read(&present)?;
        std::fs::write(&lock, &written).with_context(|| lock.display().to_string())?;
        println!("{}", lock.display());
        model.get_or_insert(written);
    }
    Ok(())
}
