//! Puts the engine and the patches into the program, so that an installed one needs no checkout.

use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/package_files.rs"]
#[allow(unreachable_pub)]
mod package_files;

fn main() -> io::Result<()> {
    let this = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let root = this.join("../..").canonicalize()?;
    let mut list = String::from("&[\n");
    for folder in ["crates/pingora-keepalive", "patches"] {
        let dir = root.join(folder);
        // A folder stands for everything below it: files that come, change or go.
        println!("cargo:rerun-if-changed={}", dir.display());
        for file in package_files::list(&dir)? {
            list += &format!(
                "    ({:?}, include_bytes!({:?})),\n",
                format!("{folder}/{}", with_slashes(&file)),
                dir.join(&file)
            );
        }
    }
    list += "]\n";
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it"));
    fs::write(out.join("embedded_files.rs"), list)
}

fn with_slashes(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}
