//! Where things are.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        // `cargo run` and `cargo test` set it for this package; anything else is not meant.
        .filter(|path| path.join("subject/variants.toml").is_file())
        .unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().map(Path::to_path_buf).unwrap_or(package)
}

/// The package of the service under test.
pub fn subject_source() -> PathBuf {
    root().join("harness/subject")
}

/// The committed lock file of a variant.
pub fn lock_file(variant: &str) -> PathBuf {
    subject_source()
        .join("locks")
        .join(format!("{variant}.lock"))
}

/// The patched crates of a version.
pub fn patched(version: &str) -> PathBuf {
    root().join("crates/patched").join(version)
}

/// What pristine subjects are known to do.
pub fn expectations() -> PathBuf {
    root().join("harness/expectations.toml")
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    let root = root();
    match std::env::var_os("CARGO_TARGET_DIR") {
        // A relative one counts from where cargo was called, which is not known here: the
        // directory of the program is the next best.
        Some(directory) => std::path::absolute(&directory).unwrap_or_else(|_| directory.into()),
        None => root.join("target"),
    }
}

/// The generated package of a variant.
pub fn package(variant: &str) -> PathBuf {
    target().join("harness/subjects").join(variant)
}

/// Where every variant is built, so that they share what they have in common.
pub fn build() -> PathBuf {
    target().join("harness/build")
}

/// The sources of a group of clients.
pub fn client_source(group: &str) -> PathBuf {
    root().join("harness/clients").join(group)
}

/// Where `ci/clients.sh` installs a group of clients.
pub fn client(group: &str) -> PathBuf {
    target().join("harness/clients").join(group)
}

/// Where the prefixes of a version's series are checked out.
pub fn prefixes(version: &str) -> PathBuf {
    target().join("harness/prove").join(version)
}

/// Where upstream's unit tests are built, by the harness and by `ci/upstream-tests.sh`.
pub fn upstream_tests() -> PathBuf {
    target().join("upstream-tests/build")
}

/// The lock file that upstream's unit tests of a version are built with.
pub fn upstream_tests_lock(version: &str) -> PathBuf {
    root().join(format!("ci/upstream-tests-{version}.lock"))
}
