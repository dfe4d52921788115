//! Where the crates come from, and what is said when they or a tool are missing.

use crate::fixture::Fixture;

#[test]
fn a_crate_with_another_checksum_is_refused_before_it_is_unpacked() {
    let fixture = Fixture::new();
    std::fs::write(fixture.crate_file("pingora-core"), "not even an archive").unwrap();
    fixture.run(&["materialize"]).failed_saying(&[
        "wrong checksum of pingora-core 9.9.9",
        "some-registry/pingora-core-9.9.9.crate",
        "expected sha256",
        "found sha256",
        "Delete the file",
    ]);
    assert!(!fixture.tree().exists());
}

#[test]
fn of_two_downloads_the_one_with_the_right_checksum_counts() {
    let fixture = Fixture::new();
    fixture.write(
        "cargo-home/registry/cache/a-mirror/pingora-core-9.9.9.crate",
        "broken",
    );
    fixture.run(&["materialize"]).succeeded();
}

#[test]
fn a_crate_from_another_commit_is_refused() {
    let fixture = Fixture::new();
    let path = "project/patches/9.9.9/upstream.toml";
    let pinned = fixture.read(path).replace("commit = \"0", "commit = \"f");
    fixture.write(path, &pinned);
    fixture
        .run(&["materialize"])
        .failed_saying(&["published from commit 0123", "upstream.toml says f123"]);
}

#[test]
fn an_unsupported_version_is_refused_with_those_there_are() {
    let fixture = Fixture::new();
    fixture.write("project/patches/9.9.8/series", "");
    fixture
        .run(&["materialize", "--version", "1.2.3"])
        .failed_saying(&[
            "Pingora 1.2.3 is not supported",
            "supported versions: 9.9.8, 9.9.9",
        ]);
    fixture
        .run(&["materialize", "--version", "../9.9.9"])
        .failed_saying(&["is not supported"]);
}

#[test]
fn without_a_network_cargos_own_words_are_passed_on() {
    let fixture = Fixture::new();
    std::fs::remove_file(fixture.crate_file("pingora-proxy")).unwrap();
    fixture.run(&["materialize", "--offline"]).failed_saying(&[
        "cargo has no pingora-proxy 9.9.9 yet",
        "cargo could not fetch pingora-core and pingora-proxy 9.9.9",
        "without --offline",
        "Cargo said:\nerror: ",
    ]);
}

#[test]
fn without_git_the_tool_to_install_is_named() {
    let mut fixture = Fixture::new();
    fixture.env.push(("PATH".to_owned(), String::new()));
    fixture
        .run(&["materialize"])
        .failed_saying(&["git was not found on PATH", "apt-get install git"]);
    assert!(!fixture.tree().exists());
}

#[test]
fn without_cargo_the_tool_to_install_is_named() {
    let mut fixture = Fixture::new();
    std::fs::remove_file(fixture.crate_file("pingora-core")).unwrap();
    fixture.env.push(("PATH".to_owned(), String::new()));
    fixture.env.push(("CARGO".to_owned(), "cargo".to_owned()));
    fixture
        .run(&["materialize"])
        .failed_saying(&["cargo was not found on PATH", "rustup.rs"]);
}

#[cfg(unix)]
#[test]
fn what_cargo_has_not_yet_it_is_asked_to_fetch_at_exactly_that_version() {
    use std::os::unix::fs::PermissionsExt;

    let mut fixture = Fixture::new();
    let away = fixture.path("away");
    std::fs::rename(
        fixture.path("cargo-home/registry/cache/some-registry"),
        &away,
    )
    .unwrap();
    // Stands in for cargo: notes what it is asked for and brings the crates.
    let script = fixture.path("cargo");
    fixture.write(
        "cargo",
        "#!/bin/sh\nset -e\n[ \"$1\" = fetch ] || exit 0\nshift\nfor arg; do case $arg in */Cargo.toml) cp \"$arg\" \
         \"$AWAY/asked\";; esac; done\nmkdir \"$CARGO_HOME/registry/cache/fetched\"\ncp \"$AWAY\"/*.crate \
         \"$CARGO_HOME/registry/cache/fetched\"\n",
    );
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    for (name, path) in [("CARGO", &script), ("AWAY", &away)] {
        let value = path.to_str().unwrap().to_owned();
        fixture.env.push((name.to_owned(), value));
    }
    fixture.run(&["materialize"]).succeeded();
    let asked = fixture.read("away/asked");
    assert!(
        asked.contains("pingora-core = \"=9.9.9\"\npingora-proxy = \"=9.9.9\"\n"),
        "{asked}"
    );
}

#[test]
fn a_wrong_command_line_has_an_exit_status_of_its_own() {
    let fixture = Fixture::new();
    assert_eq!(fixture.run(&["materialise"]).code, Some(2));
}

#[test]
fn a_root_that_is_none_is_refused() {
    let fixture = Fixture::new();
    fixture
        .run(&["check", "--root", "patches"])
        .failed_saying(&["is not a project root", "crates/pingora-keepalive"]);
}
