//! Unpacks a `.crate` file into a tree.
//!
//! Left out is what cargo adds on publishing and what would mislead in a git repository: the
//! manifest's other form `Cargo.toml.orig` (so that there is one manifest, the normalized one, which
//! needs no workspace around it), the lock file (cargo would rewrite it for the added dependencies),
//! `.cargo_vcs_info.json` (read here, to check the commit) and `.cargo-ok`.

use std::io::Read;
use std::path::{Component, Path};

use anyhow::{bail, ensure, Context, Result};
use flate2::read::GzDecoder;
use serde::Deserialize;

use crate::download::CheckedCrate;
use crate::upstream::Upstream;

const LEFT_OUT: [&str; 4] = [
    "Cargo.toml.orig",
    "Cargo.lock",
    ".cargo_vcs_info.json",
    ".cargo-ok",
];

/// The part of `.cargo_vcs_info.json` that is read.
#[derive(Debug, Deserialize)]
struct VcsInfo {
    git: GitInfo,
    path_in_vcs: String,
}

#[derive(Debug, Deserialize)]
struct GitInfo {
    sha1: String,
}

/// Unpacks `checked` into `tree/DIRECTORY`.
pub fn unpack(checked: &CheckedCrate, upstream: &Upstream, tree: &Path) -> Result<()> {
    unpack_inner(checked, upstream, tree)
        .with_context(|| format!("cannot unpack {}", checked.path.display()))
}

fn unpack_inner(checked: &CheckedCrate, upstream: &Upstream, tree: &Path) -> Result<()> {
    let krate = &checked.krate;
    let prefix = format!("{}-{}", krate.name, upstream.version);
    let mut archive = tar::Archive::new(GzDecoder::new(checked.bytes.as_slice()));
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let Ok(inner) = path.strip_prefix(&prefix) else {
            bail!("it holds {}, which is not in {prefix}/", path.display());
        };
        let inner = inner.to_path_buf();
        ensure!(
            inner
                .components()
                .all(|c| matches!(c, Component::Normal(_))),
            "it holds {}, which leads out of its folder",
            path.display()
        );
        if entry.header().entry_type().is_dir() {
            continue;
        }
        ensure!(
            entry.header().entry_type().is_file() && inner.file_name().is_some(),
            "it holds {}, which is not a plain file",
            path.display()
        );
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes)?;
        if inner == Path::new(".cargo_vcs_info.json") {
            check_commit(&bytes, upstream, &krate.directory)?;
        }
        if LEFT_OUT.iter().any(|name| inner == Path::new(name)) {
            continue;
        }
        let target = tree.join(&krate.directory).join(&inner);
        if let Some(parent) = target.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::write(&target, bytes)?;
        make_executable(&target, entry.header().mode()? & 0o111 != 0)?;
    }
    Ok(())
}

/// The crate itself says which commit and folder it was published from: patches are written against
/// those.
fn check_commit(json: &[u8], upstream: &Upstream, directory: &str) -> Result<()> {
    let info: VcsInfo =
        serde_json::from_slice(json).context(".cargo_vcs_info.json is not as expected")?;
    ensure!(
        info.git.sha1 == upstream.commit,
        "it was published from commit {}, but upstream.toml says {}",
        info.git.sha1,
        upstream.commit
    );
    ensure!(
        info.path_in_vcs == directory,
        "it was published from the folder {}, but upstream.toml says {directory}",
        info.path_in_vcs
    );
    Ok(())
}

/// Git keeps one bit of a file's mode; so does this, whatever the archive and the umask say.
#[cfg(unix)]
pub fn make_executable(path: &Path, executable: bool) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    // Who may read may also run.
    let bits = if executable { (mode & 0o444) >> 2 } else { 0 };
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode & !0o111 | bits))?;
    Ok(())
}

/// Where files have no such bit there is nothing to do.
#[cfg(not(unix))]
pub fn make_executable(_path: &Path, _executable: bool) -> std::io::Result<()> {
    Ok(())
}
