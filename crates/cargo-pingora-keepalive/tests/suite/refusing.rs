//! What `apply` refuses, with the remedy; the project then keeps every byte.

use crate::adopter::{Adopter, OLD, OTHER};
use crate::fixture::VERSION;

#[track_caller]
fn refuses(adopter: &Adopter, words: &[&str]) {
    let before = adopter.snapshot();
    adopter.run(&["apply", "--dry-run"]).failed_saying(words);
    adopter.run(&["apply"]).failed_saying(words);
    adopter.assert_is(&before);
}

fn depending_on(dependencies: &str) -> Adopter {
    let adopter = Adopter::new();
    adopter.package("", "app", dependencies);
    adopter.cargo(&["generate-lockfile"]).succeeded();
    adopter
}

#[test]
fn no_pingora_in_the_graph() {
    refuses(
        &depending_on("log = \"0.4\"\n"),
        &[
            "no Pingora in the dependency graph",
            "--manifest-path",
            "cargo update --workspace",
        ],
    );
}

#[test]
fn two_versions_of_it() {
    let adopter = depending_on(&format!(
        "pingora = \"{VERSION}\"\nold = {{ package = \"pingora-core\", version = \"{OLD}\" }}\n"
    ));
    refuses(
        &adopter,
        &["two versions", VERSION, OLD, "cargo tree -i pingora-core@"],
    );
}

#[test]
fn an_unsupported_version_with_the_commands_to_move_which_then_work() {
    let adopter = depending_on(&format!("pingora = \"{OTHER}\"\n"));
    for name in ["pingora", "pingora-proxy", "pingora-core"] {
        adopter
            .cargo(&["update", "-p", name, "--precise", OTHER])
            .succeeded();
    }
    refuses(
        &adopter,
        &[
            "pingora-core 9.9.5 is not supported; there are patches for 9.9.9. The nearest is 9.9.9.",
            "  cargo update -p pingora --precise 9.9.9\n",
        ],
    );
    let said = adopter.run(&["apply"]).stderr;
    for command in said
        .lines()
        .filter_map(|line| line.strip_prefix("  cargo "))
    {
        let words: Vec<&str> = command.split(' ').collect();
        adopter.cargo(&words).succeeded();
    }
    adopter.run(&["apply"]).succeeded();
}

#[test]
fn an_unsupported_version_that_no_requirement_allows_together_with_a_supported_one() {
    refuses(
        &depending_on(&format!("pingora = \"{OLD}\"\n")),
        &[
            "pingora-core 4.0.0 is not supported",
            "first write \"9.9.9\" where",
        ],
    );
}

#[test]
fn an_override_of_the_same_crate() {
    let adopter = Adopter::single();
    adopter.package("fork/", "pingora-core", "log = \"0.4\"\n");
    adopter.edit("fork/Cargo.toml", "0.1.0", VERSION);
    let manifest = adopter.read("Cargo.toml");
    for entry in [
        "[patch.crates-io]\npingora-core = { path = \"fork\" }\n",
        "[patch.'https://github.com/rust-lang/crates.io-index'.x]\npackage = \"pingora-core\"\npath = \"fork\"\n",
    ] {
        adopter.write("Cargo.toml", &format!("{manifest}\n{entry}"));
        adopter.cargo(&["update", "--workspace"]).succeeded();
        refuses(
            &adopter,
            &["already overrides pingora-core", "path = \"fork\"", "Take this entry out"],
        );
    }
    // The same from a configuration file.
    adopter.write("Cargo.toml", &manifest);
    adopter.write(
        ".cargo/config.toml",
        "[patch.crates-io]\npingora-core = { path = \"fork\" }\n",
    );
    adopter.cargo(&["update", "--workspace"]).succeeded();
    refuses(&adopter, &["comes from a folder", ".cargo/config.toml"]);
}

#[test]
fn a_project_without_a_lock_file() {
    let adopter = Adopter::single();
    std::fs::remove_file(adopter.path("Cargo.lock")).unwrap();
    refuses(&adopter, &["has no Cargo.lock", "cargo generate-lockfile"]);
}

#[test]
fn a_lock_file_that_is_out_of_step() {
    let adopter = Adopter::single();
    adopter.package(
        "",
        "app",
        &format!("pingora = \"{VERSION}\"\nlog = \"0.4.2\"\n"),
    );
    let before = adopter.snapshot();
    adopter.run(&["apply"]).failed_saying(&[
        "not in step with the manifests",
        "log 0.4.1",
        "cargo update --workspace",
    ]);
    adopter.assert_is(&before);
    adopter.cargo(&["update", "--workspace"]).succeeded();
    adopter.run(&["apply"]).succeeded();
}

#[test]
fn a_manifest_or_a_lock_file_that_cannot_be_read() {
    let adopter = Adopter::single();
    adopter.edit("Cargo.lock", "[[package]]", "[[package]");
    refuses(
        &adopter,
        &["cannot read Cargo.lock", "cargo generate-lockfile"],
    );
    adopter.edit("Cargo.toml", "[dependencies]", "[dependencies");
    refuses(
        &adopter,
        &["Mend its manifest", "Cargo said:", "Cargo.toml"],
    );
    std::fs::remove_file(adopter.path("Cargo.toml")).unwrap();
    refuses(
        &adopter,
        &["could not find `Cargo.toml`", "--manifest-path"],
    );
}

#[test]
fn a_machine_that_is_offline_and_has_no_crates() {
    let adopter = Adopter::single();
    adopter.cut_off();
    let before = adopter.snapshot();
    adopter.run(&["apply", "--offline"]).failed_saying(&[
        "cargo could not fetch pingora-core and pingora-proxy 9.9.9",
        "without --offline",
    ]);
    adopter.assert_is(&before);
}

#[test]
fn a_folder_that_it_did_not_make() {
    let adopter = Adopter::single();
    adopter.write("vendor/pingora/precious", "");
    refuses(&adopter, &["vendor/pingora is not empty", "--dir"]);
    std::fs::remove_dir_all(adopter.path("vendor/pingora")).unwrap();
    adopter.write("vendor/log/.cargo-checksum.json", "{}");
    refuses(&adopter, &["cargo vendor", "--dir"]);
}

#[test]
fn edits_in_the_tree() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    adopter.write("vendor/pingora/pingora-core/src/lib.rs", "mine\n");
    adopter.write("vendor/pingora/notes.txt", "mine\n");
    std::fs::remove_file(adopter.path("vendor/pingora/pingora-proxy/src/lib.rs")).unwrap();
    let words = [
        "vendor/pingora was edited",
        "  edited:  pingora-core/src/lib.rs",
        "  added:   notes.txt",
        "  missing: pingora-proxy/src/lib.rs",
        "git checkout",
    ];
    refuses(&adopter, &words);
    let before = adopter.snapshot();
    adopter.run(&["remove"]).failed_saying(&words);
    adopter.assert_is(&before);
    // What building there leaves is no edit.
    std::fs::remove_dir_all(adopter.path("vendor")).unwrap();
    adopter.run(&["apply"]).succeeded();
    adopter.write("vendor/pingora/target/debug/x", "");
    adopter.write("vendor/pingora/Cargo.lock", "");
    adopter.run(&["apply"]).succeeded();
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    assert!(!adopter.path("vendor").exists());
}

#[test]
fn a_place_that_cannot_be_written() {
    let adopter = Adopter::single();
    adopter.write("vendor", "a file, where a folder is needed\n");
    let before = adopter.snapshot();
    adopter
        .run(&["apply"])
        .failed_saying(&["vendor", "Not a directory"]);
    adopter.assert_is(&before);
}

#[cfg(unix)]
#[test]
fn a_project_that_cannot_be_written() {
    use std::os::unix::fs::PermissionsExt;

    let adopter = Adopter::single();
    let root = adopter.path("");
    let mode = |mode| std::fs::set_permissions(&root, std::fs::Permissions::from_mode(mode));
    mode(0o555).unwrap();
    // Whoever is root may write all the same; there is nothing to see then.
    if std::fs::write(root.join("probe"), "").is_err() {
        let before = adopter.snapshot();
        adopter
            .run(&["apply"])
            .failed_saying(&["cannot write in ", "make it writable"]);
        adopter.assert_is(&before);
    }
    mode(0o755).unwrap();
}
