//! `verify` and `status`: what is in force, and what is not.

use crate::adopter::Adopter;

#[test]
fn without_patches_there_is_nothing_to_verify() {
    let adopter = Adopter::single();
    adopter
        .run(&["verify"])
        .failed_saying(&["not applied", "cargo pingora-keepalive apply"]);
    let status = adopter.run(&["status"]).succeeded();
    assert!(
        status.stdout.contains("9.9.9 locked: supported"),
        "{}",
        status.stdout
    );
    assert!(status.stdout.contains("not applied"), "{}", status.stdout);
}

#[test]
fn overrides_without_a_lock_that_takes_them_do_not_pass() {
    let adopter = Adopter::single();
    let lock = adopter.read("Cargo.lock");
    adopter.run(&["apply"]).succeeded();
    adopter.write("Cargo.lock", &lock);
    adopter.run(&["verify"]).failed_saying(&[
        "cargo cannot resolve the project as it is locked",
        "--locked",
    ]);
    let status = adopter.run(&["status"]).succeeded();
    assert!(
        status.stdout.contains("not in force in Cargo.lock"),
        "{}",
        status.stdout
    );
}

#[test]
fn an_update_that_leaves_the_patched_version_does_not_pass() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    adopter.release("9.9.10");
    adopter.cargo(&["update"]).succeeded();
    let lock = adopter.read("Cargo.lock");
    assert!(lock.contains("[[patch.unused]]"), "{lock}");
    for command in ["verify", "apply"] {
        adopter.run(&[command]).failed_saying(&[
            "pingora-core 9.9.10 is not supported",
            "  cargo update -p pingora-core --precise 9.9.9",
        ]);
    }
    let status = adopter.run(&["status"]).succeeded();
    assert!(
        status.stdout.contains("9.9.10 is not supported"),
        "{}",
        status.stdout
    );
    adopter.run(&["remove"]).succeeded();
    let lock = adopter.read("Cargo.lock");
    assert!(
        !lock.contains("unused") && lock.contains("9.9.10"),
        "{lock}"
    );
}

#[test]
fn one_edited_byte_does_not_pass() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    adopter.edit("vendor/pingora/pingora-core/src/lib.rs", "LINE 2", "LINE 3");
    adopter.run(&["verify"]).failed_saying(&[
        "not what this tool makes",
        "  edited:  pingora-core/src/lib.rs",
        "edited since it was made",
    ]);
    let status = adopter.run(&["status"]).succeeded();
    for line in [
        "drift     vendor/pingora was edited",
        "edited:  pingora-core/src/lib.rs",
    ] {
        assert!(status.stdout.contains(line), "{}", status.stdout);
    }
}

#[test]
fn the_status_names_the_patches() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    let status = adopter.run(&["status"]).succeeded();
    for line in [
        "override  pingora-core, pingora-proxy: in Cargo.toml, in force in Cargo.lock",
        "tree      vendor/pingora, made by 0.1.0 for Pingora 9.9.9 with 2 patches",
        "drift     none",
        "  second                  Change second",
    ] {
        assert!(status.stdout.contains(line), "{}", status.stdout);
    }
    assert!(
        !status.stdout.contains("other patches"),
        "{}",
        status.stdout
    );
}

#[cfg(unix)]
#[test]
fn with_build_the_project_is_built_as_it_is_locked() {
    use std::os::unix::fs::PermissionsExt;

    let mut adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    // Stands in for cargo, and notes how it is asked to build.
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    adopter.fixture.write(
        "cargo",
        "#!/bin/sh\nif [ \"$1\" = build ]; then echo \"$@\" >asked; exit \"$BUILD\"; fi\nexec \"$CARGO_ITSELF\" \"$@\"\n",
    );
    let script = adopter.fixture.path("cargo");
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, value) in [
        ("CARGO", script.to_str().unwrap()),
        ("CARGO_ITSELF", &cargo),
        ("BUILD", "0"),
    ] {
        adopter
            .fixture
            .env
            .push((name.to_owned(), value.to_owned()));
    }
    let built = adopter.run(&["verify", "--build"]).succeeded();
    assert!(
        built.stdout.contains("the project builds"),
        "{}",
        built.stdout
    );
    assert_eq!(adopter.read("asked"), "build --workspace --locked\n");
    adopter
        .fixture
        .env
        .push(("BUILD".to_owned(), "101".to_owned()));
    adopter
        .run(&["verify", "--build"])
        .failed_saying(&["does not build with the patches"]);
}
