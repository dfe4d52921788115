//! `apply` in projects of different shapes, and the way back: what it changes, and that `remove` leaves
//! not one byte of it.

use crate::adopter::Adopter;
use crate::fixture::{files, VERSION};

/// Applies, applies again, verifies and removes; `manifest` is what the root manifest gets. Members are
/// not touched.
#[track_caller]
fn there_and_back(adopter: &Adopter, manifest: &str) {
    let before = adopter.snapshot();
    let dry = adopter.run(&["apply", "--dry-run"]).succeeded();
    assert!(dry.stdout.contains("nothing was written"), "{}", dry.stdout);
    adopter.assert_is(&before);

    let applied = adopter.run(&["apply"]).succeeded();
    assert_eq!(
        dry.stdout,
        format!(
            "{}This was a dry run: nothing was written.\n",
            applied.stdout
        )
    );
    assert_eq!(adopter.read("Cargo.toml"), manifest);
    for (name, bytes) in &before {
        if !["Cargo.toml", "Cargo.lock"].contains(&name.as_str()) {
            assert_eq!(&std::fs::read(adopter.path(name)).unwrap(), bytes, "{name}");
        }
    }
    let lock = adopter.read("Cargo.lock");
    assert!(
        lock.contains("name = \"log\"\nversion = \"0.4.1\"\n"),
        "{lock}"
    );
    assert!(
        lock.contains("name = \"pingora-core\"\nversion = \"9.9.9\"\ndependencies"),
        "{lock}"
    );

    let (once, then) = (adopter.snapshot(), adopter.age());
    let again = adopter.run(&["apply"]).succeeded();
    for unchanged in [
        "vendor/pingora: unchanged;",
        "Cargo.toml: unchanged",
        "Cargo.lock: unchanged",
    ] {
        assert!(again.stdout.contains(unchanged), "{}", again.stdout);
    }
    adopter.assert_is(&once);
    for file in files(&adopter.path("")) {
        let modified = std::fs::metadata(&file).unwrap().modified().unwrap();
        assert!(modified <= then, "{} was written", file.display());
    }

    let verified = adopter.run(&["verify"]).succeeded();
    for line in [
        "pingora-core 9.9.9: vendor/pingora/pingora-core",
        "pingora-keepalive 0.1.0: vendor/pingora/pingora-keepalive",
        "with 2 patches, byte for byte what this tool makes",
    ] {
        assert!(verified.stdout.contains(line), "{}", verified.stdout);
    }
    adopter.assert_is(&once);

    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
    assert!(!adopter.path("vendor").exists());
}

fn entries(crates: &[&str]) -> String {
    let mut lines = String::from(
        "# Made by `cargo pingora-keepalive apply`; `cargo pingora-keepalive remove` takes it back.\n",
    );
    for name in crates {
        lines += &format!("{name} = {{ path = \"vendor/pingora/{name}\" }}\n");
    }
    lines
}

fn table(crates: &[&str]) -> String {
    format!("\n[patch.crates-io]\n{}", entries(crates))
}

const BOTH: [&str; 2] = ["pingora-core", "pingora-proxy"];

#[test]
fn a_single_package() {
    let adopter = Adopter::single();
    let manifest = adopter.read("Cargo.toml");
    there_and_back(&adopter, &(manifest + &table(&BOTH)));
}

#[test]
fn a_virtual_workspace() {
    let adopter = Adopter::new();
    let manifest = "[workspace]\nresolver = \"2\"\nmembers = [\"crates/*\"]\n";
    adopter.write("Cargo.toml", manifest);
    adopter.package(
        "crates/proxy/",
        "my-proxy",
        &format!("pingora = \"{VERSION}\"\n"),
    );
    adopter.package("crates/other/", "other", "log = \"0.4\"\n");
    adopter.lock();
    there_and_back(&adopter, &(manifest.to_owned() + &table(&BOTH)));
}

#[test]
fn a_workspace_with_a_root_package_whose_members_inherit_the_dependency() {
    let adopter = Adopter::new();
    adopter.package("", "root", "log = { workspace = true }\n");
    let manifest = adopter.read("Cargo.toml")
        + &format!(
            "\n[workspace]\nmembers = [\"member\"]\n\n[workspace.dependencies]\nlog = \"0.4\"\npingora-proxy = \
             \"{VERSION}\"\n\n[profile.release]\nlto = true"
        );
    adopter.write("Cargo.toml", &manifest);
    adopter.package("member/", "member", "pingora-proxy.workspace = true\n");
    adopter.lock();
    there_and_back(&adopter, &format!("{manifest}\n{}", table(&BOTH)));
}

#[test]
fn a_project_that_patches_something_else() {
    let adopter = Adopter::new();
    adopter.package("", "app", &format!("pingora = \"{VERSION}\"\n"));
    adopter.package("forks/log/", "log", "");
    adopter.edit("forks/log/Cargo.toml", "0.1.0", "0.4.1");
    let package = adopter.read("Cargo.toml").replace(" = ", "   =\t");
    let odd = "\n  [patch.crates-io]   # ours\n# Until the fix is out.\nlog   = {path='forks/log'}# keep\n";
    let rest = "\n\n# How we build.\n[profile.dev]\n    debug=1\n# The end, without a line end.";
    // Lines end as on Windows.
    let crlf = |text: &str| text.replace('\n', "\r\n");
    adopter.write("Cargo.toml", &crlf(&format!("{package}{odd}{rest}")));
    adopter.cargo(&["generate-lockfile"]).succeeded();
    there_and_back(
        &adopter,
        &crlf(&format!("{package}{odd}{}{rest}", entries(&BOTH))),
    );
}

#[test]
fn a_project_that_has_pingora_under_another_name() {
    let adopter = Adopter::new();
    adopter.package(
        "",
        "app",
        &format!("proxy = {{ package = \"pingora-proxy\", version = \"{VERSION}\" }}\n"),
    );
    adopter.lock();
    let manifest = adopter.read("Cargo.toml");
    there_and_back(&adopter, &(manifest + &table(&BOTH)));
}

#[test]
fn a_project_that_has_only_a_part_of_pingora_and_only_by_way_of_another() {
    let adopter = Adopter::new();
    adopter.package("", "app", "between = { path = \"between\" }\n");
    adopter.package(
        "between/",
        "between",
        &format!("pingora-core = \"{VERSION}\"\n"),
    );
    adopter.lock();
    let manifest = adopter.read("Cargo.toml");
    // An override of a crate that is not in the graph would be a warning in every build.
    there_and_back(&adopter, &(manifest + &table(&["pingora-core"])));
}

#[test]
fn a_workspace_whose_pattern_matches_the_tree() {
    let adopter = Adopter::new();
    let manifest = "[workspace]\nresolver = \"2\"\nmembers = [\"vendor/*\", \"app\"] # all\n";
    adopter.write("Cargo.toml", manifest);
    adopter.package("app/", "app", &format!("pingora = \"{VERSION}\"\n"));
    adopter.package("vendor/mine/", "mine", "");
    adopter.lock();
    let before = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    assert_eq!(
        adopter.read("Cargo.toml"),
        format!("{manifest}exclude = [\"vendor/pingora\"]\n{}", table(&BOTH))
    );
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
}

#[test]
fn overrides_that_were_moved_and_written_anew_stay_where_they_are() {
    let adopter = Adopter::single();
    let before = adopter.read("Cargo.toml");
    adopter.run(&["apply"]).succeeded();
    let moved = format!(
        "[patch.crates-io.pingora-proxy]\npath = \"./vendor/pingora/pingora-proxy\"\n\n[patch.crates-io]\n\
         pingora-core = {{ path = \"vendor/pingora/pingora-core/\" }}\n\n{before}"
    );
    adopter.write("Cargo.toml", &moved);
    let applied = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    adopter.assert_is(&applied);
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    assert_eq!(adopter.read("Cargo.toml").trim(), before.trim());
}

#[test]
fn the_tree_is_a_workspace_of_its_own_without_a_repository() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    assert!(!adopter.path("vendor/pingora/.git").exists());
    let inside = adopter.path("vendor/pingora/pingora-core/Cargo.toml");
    let arguments = [
        "metadata",
        "--no-deps",
        "--format-version",
        "1",
        "--manifest-path",
    ];
    let root = |manifest: &str| {
        let mut arguments = arguments.to_vec();
        arguments.push(manifest);
        let metadata = adopter.cargo(&arguments).succeeded().stdout;
        let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
        (
            metadata["workspace_root"].as_str().unwrap().to_owned(),
            metadata["workspace_members"].as_array().unwrap().len(),
        )
    };
    let (inner, members) = root(inside.to_str().unwrap());
    assert!(inner.ends_with("vendor/pingora"), "{inner}");
    assert_eq!(members, 3);
    let (_, members) = root(adopter.path("Cargo.toml").to_str().unwrap());
    assert_eq!(members, 1);
}

#[test]
fn another_folder_and_another_current_folder() {
    let adopter = Adopter::single();
    let before = adopter.snapshot();
    let manifest = adopter.path("Cargo.toml");
    let manifest = manifest.to_str().unwrap();
    // Relative to the current folder, as usual.
    let mut arguments = vec![
        "apply",
        "--manifest-path",
        manifest,
        "--dir",
        "../aside/deep",
    ];
    adopter.run(&arguments).succeeded();
    assert!(adopter
        .read("Cargo.toml")
        .contains("pingora-core = { path = \"../aside/deep/pingora-core\" }"));
    adopter.run(&["verify"]).succeeded();
    arguments[4] = "elsewhere";
    adopter
        .run(&arguments)
        .failed_saying(&["already in ../aside/deep", "remove"]);
    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
    assert!(!adopter.fixture.path("aside").exists());
}

#[test]
fn a_newer_tool_brings_the_tree_up_to_date() {
    let adopter = Adopter::single();
    let before = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    let engine = "project/crates/pingora-keepalive";
    adopter
        .fixture
        .write(&format!("{engine}/src/lib.rs"), "// newer\n");
    let manifest = adopter.fixture.read(&format!("{engine}/Cargo.toml"));
    adopter.fixture.write(
        &format!("{engine}/Cargo.toml"),
        &manifest.replace("0.1.0", "0.2.0"),
    );
    let status = adopter.run(&["status"]).succeeded();
    assert!(
        status.stdout.contains("carries other patches"),
        "{}",
        status.stdout
    );
    adopter.run(&["verify"]).failed_saying(&[
        "not what this tool makes",
        "edited:  pingora-keepalive/src/lib.rs",
        "Another version of this tool made it",
    ]);
    let updated = adopter.run(&["apply"]).succeeded();
    assert!(
        updated.stdout.contains("vendor/pingora: updated"),
        "{}",
        updated.stdout
    );
    assert!(
        updated.stdout.contains("- pingora-keepalive 0.1.0"),
        "{}",
        updated.stdout
    );
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
}

#[test]
fn an_upgrade_of_pingora_is_followed_by_applying_again() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    adopter.support("9.9.10");
    adopter.cargo(&["update"]).succeeded();
    let manifest = adopter.read("Cargo.toml");
    adopter
        .run(&["verify"])
        .failed_saying(&["pingora-core 9.9.10: registry", "apply"]);
    let applied = adopter.run(&["apply"]).succeeded();
    for line in [
        "vendor/pingora: updated; pingora-core and pingora-proxy 9.9.10",
        "Cargo.toml: unchanged",
        "~ pingora-core 9.9.10: crates.io -> vendor/pingora/pingora-core",
    ] {
        assert!(applied.stdout.contains(line), "{}", applied.stdout);
    }
    assert_eq!(adopter.read("Cargo.toml"), manifest);
    let lock = adopter.read("Cargo.lock");
    assert!(!lock.contains("unused"), "{lock}");
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    assert!(!adopter.read("Cargo.toml").contains("patch"));
    adopter
        .cargo(&["update", "--workspace", "--locked"])
        .succeeded();
    assert!(adopter.read("Cargo.lock").contains("9.9.10"));
}

#[test]
fn a_tree_that_is_not_kept_in_version_control_is_made_anew() {
    let adopter = Adopter::single();
    let before = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    let applied = adopter.snapshot();
    std::fs::remove_dir_all(adopter.path("vendor")).unwrap();
    adopter
        .run(&["verify"])
        .failed_saying(&["is missing", "apply"]);
    let status = adopter.run(&["status"]).succeeded();
    assert!(
        status.stdout.contains("vendor/pingora is missing"),
        "{}",
        status.stdout
    );
    adopter.run(&["apply"]).succeeded();
    adopter.assert_is(&applied);
    std::fs::remove_dir_all(adopter.path("vendor")).unwrap();
    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
}

#[test]
fn what_a_killed_process_left_is_completed_or_taken_back() {
    let adopter = Adopter::single();
    let before = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    let applied = adopter.snapshot();
    let manifest = String::from_utf8(before["Cargo.toml"].clone()).unwrap();
    let lock = String::from_utf8(before["Cargo.lock"].clone()).unwrap();
    // After the tree, before the manifest; then after the manifest, before the lock file.
    for overrides in [
        &manifest,
        &String::from_utf8(applied["Cargo.toml"].clone()).unwrap(),
    ] {
        for command in ["apply", "remove"] {
            adopter.run(&["apply"]).succeeded();
            adopter.write("Cargo.toml", overrides);
            adopter.write("Cargo.lock", &lock);
            adopter.run(&[command]).succeeded();
            adopter.assert_is(if command == "apply" {
                &applied
            } else {
                &before
            });
        }
    }
}

#[cfg(unix)]
#[test]
fn a_failure_half_way_leaves_the_project_as_it_was() {
    use std::os::unix::fs::PermissionsExt;

    let mut adopter = Adopter::single();
    let before = adopter.snapshot();
    // Stands in for a cargo that fails when the tree and the manifest are already in place.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    adopter.fixture.write(
        "cargo",
        "#!/bin/sh\nif [ \"$1\" = update ]; then test -d vendor/pingora && grep -q '^.patch' Cargo.toml && echo \
         '# half' >>Cargo.lock; echo 'error: no' >&2; exit 1; fi\nexec \"$CARGO_ITSELF\" \"$@\"\n",
    );
    let script = adopter.fixture.path("cargo");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, value) in [
        ("CARGO", script.to_str().unwrap()),
        ("CARGO_ITSELF", &cargo),
    ] {
        adopter
            .fixture
            .env
            .push((name.to_owned(), value.to_owned()));
    }
    adopter
        .run(&["apply"])
        .failed_saying(&["cargo could not update Cargo.lock", "error: no"]);
    adopter.assert_is(&before);
    assert!(!adopter.path("vendor").exists());
}
