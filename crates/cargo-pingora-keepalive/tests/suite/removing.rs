//! `remove` in projects that went on after `apply`.

use crate::adopter::Adopter;
use crate::fixture::VERSION;

#[test]
fn a_manifest_that_was_edited_keeps_the_edits() {
    let adopter = Adopter::single();
    let before = adopter.read("Cargo.toml");
    let lock = adopter.read("Cargo.lock");
    adopter.run(&["apply"]).succeeded();
    adopter.edit("Cargo.toml", "0.1.0", "0.2.0");
    let manifest = adopter.read("Cargo.toml") + "\n[profile.dev]  # mine\ndebug=1";
    adopter.write("Cargo.toml", &manifest);
    adopter.run(&["apply"]).succeeded();
    assert_eq!(adopter.read("Cargo.toml"), manifest);
    adopter.run(&["remove"]).succeeded();
    assert_eq!(
        adopter.read("Cargo.toml"),
        before.replace("0.1.0", "0.2.0") + "\n[profile.dev]  # mine\ndebug=1"
    );
    assert_eq!(adopter.read("Cargo.lock"), lock);
}

#[test]
fn an_override_that_was_added_beside_stays() {
    let adopter = Adopter::single();
    let before = adopter.read("Cargo.toml");
    adopter.run(&["apply"]).succeeded();
    adopter.package("fork/", "log", "");
    adopter.edit("fork/Cargo.toml", "0.1.0", "0.4.1");
    let entry = "log = { path = \"fork\" }\n";
    adopter.write("Cargo.toml", &(adopter.read("Cargo.toml") + entry));
    adopter.cargo(&["update", "--workspace"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    assert_eq!(
        adopter.read("Cargo.toml"),
        format!("{before}\n[patch.crates-io]\n{entry}")
    );
}

#[test]
fn a_lock_file_that_went_on_keeps_its_changes_and_the_version_of_pingora() {
    let adopter = Adopter::single();
    let before = adopter.read("Cargo.lock");
    adopter.run(&["apply"]).succeeded();
    adopter.cargo(&["update", "-p", "log"]).succeeded();
    let removed = adopter.run(&["remove"]).succeeded();
    assert!(
        removed
            .stdout
            .contains("vendor/pingora/pingora-core -> crates.io"),
        "{}",
        removed.stdout
    );
    let lock = adopter.read("Cargo.lock");
    let log = |lock: &str| {
        lock.split("\n\n")
            .find(|b| b.contains("name = \"log\""))
            .unwrap()
            .to_owned()
    };
    assert!(log(&lock).contains("0.4.2"), "{lock}");
    assert_eq!(lock.replace(&log(&lock), &log(&before)), before);
}

#[test]
fn a_lock_file_in_an_odd_form_comes_back_as_it_was() {
    let adopter = Adopter::single();
    let odd = adopter.read("Cargo.lock").replace(" = ", "  =  ");
    adopter.write("Cargo.lock", &odd);
    let before = adopter.snapshot();
    adopter.run(&["apply"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    adopter.assert_is(&before);
}

#[test]
fn a_folder_above_that_holds_something_else_stays() {
    let adopter = Adopter::single();
    adopter.run(&["apply"]).succeeded();
    adopter.write("vendor/other/x", "");
    adopter.run(&["remove"]).succeeded();
    assert!(adopter.path("vendor/other/x").exists());
    assert!(!adopter.path("vendor/pingora").exists());
}

#[test]
fn without_patches_there_is_nothing_to_remove() {
    let adopter = Adopter::single();
    let before = adopter.snapshot();
    let ran = adopter.run(&["remove"]).succeeded();
    assert!(ran.stdout.contains("nothing to remove"), "{}", ran.stdout);
    adopter.assert_is(&before);
}

#[test]
fn a_second_member_that_needs_more_of_pingora_gets_it_patched_and_all_is_taken_back() {
    let adopter = Adopter::new();
    adopter.package("", "app", &format!("pingora-core = \"{VERSION}\"\n"));
    adopter.lock();
    adopter.run(&["apply"]).succeeded();
    let manifest = adopter.read("Cargo.toml");
    assert!(!manifest.contains("pingora-proxy"), "{manifest}");
    adopter.edit(
        "Cargo.toml",
        "[dependencies]\n",
        &format!("[dependencies]\npingora-proxy = \"{VERSION}\"\n"),
    );
    adopter.cargo(&["update", "--workspace"]).succeeded();
    adopter.run(&["verify"]).failed_saying(&[
        "does not resolve to the patched crates",
        "pingora-proxy 9.9.9: registry",
    ]);
    adopter.run(&["apply"]).succeeded();
    adopter.run(&["verify"]).succeeded();
    adopter.run(&["remove"]).succeeded();
    let manifest = adopter.read("Cargo.toml");
    assert!(
        manifest.ends_with(&format!("pingora-core = \"{VERSION}\"\n")),
        "{manifest}"
    );
    adopter
        .cargo(&["update", "--workspace", "--locked"])
        .succeeded();
}
