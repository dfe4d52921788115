//! `refresh`: what it writes, and which commits it refuses.

use crate::fixture::{message, Fixture};

#[test]
fn refreshing_an_untouched_tree_changes_no_byte() {
    let fixture = Fixture::with_two_patches();
    let queue = fixture.queue();
    let refreshed = fixture.run(&["refresh"]).succeeded();
    assert!(
        refreshed.stdout.ends_with("2 patches, unchanged\n"),
        "{}",
        refreshed.stdout
    );
    assert_eq!(fixture.queue(), queue);
}

#[test]
fn an_edit_goes_to_patches_and_back() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "line five");
    fixture.commit("third");
    let refreshed = fixture.run(&["refresh"]).succeeded();
    assert_eq!(
        refreshed.stdout,
        "added patches/9.9.9/third.patch\nchanged patches/9.9.9/series\npatches/9.9.9: 3 patches, 2 files changed\n"
    );
    let source = std::fs::read(fixture.core_source()).unwrap();
    std::fs::remove_dir_all(fixture.tree()).unwrap();
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(std::fs::read(fixture.core_source()).unwrap(), source);
    assert_eq!(
        fixture.git(&["log", "-1", "--format=%an <%ae>"]),
        "Ann Áuthor <ann@example.org>"
    );
    fixture.run(&["refresh"]).succeeded();
    assert!(fixture.queue()["third.patch"].ends_with(b"-line 5\n+line five\n line 6\n"));
}

#[test]
fn after_a_refresh_the_tree_may_be_materialized_again_and_touches_no_file() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "line five");
    fixture.commit("third");
    fixture.run(&["refresh"]).succeeded();
    let then = fixture.age();
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(fixture.written_since(then), [""; 0]);
}

#[test]
fn a_patch_has_the_agreed_form() {
    let fixture = Fixture::with_two_patches();
    let patch = fixture.read("project/patches/9.9.9/second.patch");
    let lines: Vec<_> = patch.lines().collect();
    assert_eq!(
        lines[0],
        "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001"
    );
    assert!(
        patch.contains("\nSubject: [PATCH] Change second "),
        "{patch}"
    );
    assert!(
        patch.contains("\ndiff --git a/pingora-core/src/lib.rs b/pingora-core/src/lib.rs\nindex "),
        "{patch}"
    );
    assert!(
        patch.ends_with("\n@@ -8,2 +8,3 @@ line 7\n line 8\n+line 8 and a half\n line 9\n"),
        "{patch}"
    );
}

#[test]
fn comments_stay_and_commits_may_be_dropped_moved_and_renamed() {
    let fixture = Fixture::with_two_patches();
    fixture.write(
        "project/patches/9.9.9/series",
        "# The order.\n\n# One\nfirst.patch\n\n# Two\nsecond.patch\n",
    );
    fixture.run(&["materialize"]).succeeded();

    fixture.git(&["reset", "--quiet", "--hard", "HEAD~2"]);
    fixture.edit_core("line 8", "line 8\nline 8 and a half");
    fixture.commit("second");
    fixture.edit_core("line 5", "line five");
    fixture.commit("third");
    fixture.run(&["refresh"]).succeeded();
    assert_eq!(
        fixture.read("project/patches/9.9.9/series"),
        "# The order.\n\n# One\n\n# Two\nsecond.patch\nthird.patch\n"
    );
    let names: Vec<_> = fixture.queue().into_keys().collect();
    assert_eq!(
        names,
        [
            "manifest.toml",
            "second.patch",
            "series",
            "third.patch",
            "upstream.toml"
        ]
    );

    fixture.git(&[
        "commit",
        "--quiet",
        "--amend",
        "--message",
        &message("fourth"),
    ]);
    fixture.run(&["refresh"]).succeeded();
    assert!(fixture
        .read("project/patches/9.9.9/series")
        .ends_with("# Two\nsecond.patch\nfourth.patch\n"));
}

#[test]
fn carriage_returns_new_files_and_moved_files_go_to_patches_and_back() {
    let fixture = Fixture::with_two_patches();
    let core = "project/crates/patched/9.9.9/pingora-core/src";
    fixture.write(&format!("{core}/new.rs"), "one\r\ntwo\r\nno end");
    fixture.commit("third");
    fixture.write(&format!("{core}/new.rs"), "one\r\n2\r\nno end");
    fixture.git(&[
        "mv",
        "pingora-proxy/src/lib.rs",
        "pingora-proxy/src/moved.rs",
    ]);
    fixture.commit("fourth");
    fixture.run(&["refresh"]).succeeded();
    let files = fixture.git(&["rev-parse", "HEAD^{tree}"]);
    std::fs::remove_dir_all(fixture.tree()).unwrap();
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(fixture.git(&["rev-parse", "HEAD^{tree}"]), files);
    assert!(fixture
        .read("project/patches/9.9.9/fourth.patch")
        .contains("rename to pingora-proxy/src/moved.rs"));
    fixture.run(&["check"]).succeeded();
}

#[test]
fn an_edit_that_is_not_committed_is_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "mine");
    fixture
        .run(&["refresh"])
        .failed_saying(&["not committed", "M pingora-core/src/lib.rs"]);
}

#[test]
fn a_commit_that_touches_the_engine_is_refused_and_the_original_named() {
    let fixture = Fixture::with_two_patches();
    let queue = fixture.queue();
    fixture.write(
        "project/crates/patched/9.9.9/pingora-keepalive/src/lib.rs",
        "// mine\n",
    );
    fixture
        .run(&["refresh"])
        .failed_saying(&["make its changes in crates/pingora-keepalive"]);
    fixture.commit("third");
    fixture.run(&["refresh"]).failed_saying(&[
        "Change third",
        "touches pingora-keepalive/src/lib.rs",
        "make the change in crates/pingora-keepalive",
    ]);
    assert_eq!(fixture.queue(), queue);
}

#[test]
fn a_commit_that_touches_a_manifest_is_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/crates/patched/9.9.9/pingora-proxy/Cargo.toml", "");
    fixture.commit("third");
    fixture
        .run(&["refresh"])
        .failed_saying(&["pingora-proxy/Cargo.toml", "patches/9.9.9/manifest.toml"]);
}

#[test]
fn a_commit_outside_the_crates_is_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/crates/patched/9.9.9/notes.md", "");
    fixture.commit("third");
    fixture
        .run(&["refresh"])
        .failed_saying(&["touches notes.md, which is outside pingora-core and pingora-proxy"]);
}

#[test]
fn a_commit_without_its_trailers_is_refused_with_what_to_add() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "mine");
    fixture.commit_saying("Say nothing\n\nKind: fix\n");
    fixture.run(&["refresh"]).failed_saying(&[
        "Say nothing",
        "add `Patch: NAME`",
        "`Kind: fix` is not one of bugfix, feature, behaviour-change",
        "add `Upstream: URL`",
    ]);
}

#[test]
fn two_commits_of_one_name_are_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "mine");
    fixture.commit("first");
    fixture
        .run(&["refresh"])
        .failed_saying(&["`Patch: first` is also the name of", "Change first"]);
}

#[test]
fn a_merge_is_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.git(&["checkout", "--quiet", "-b", "side", "HEAD~1"]);
    fixture.edit_core("line 5", "mine");
    fixture.commit("third");
    fixture.git(&["checkout", "--quiet", "main"]);
    fixture.git(&["merge", "--quiet", "--no-edit", "side"]);
    fixture.run(&["refresh"]).failed_saying(&["it is a merge"]);
}

#[test]
fn a_message_that_a_mail_does_not_keep_is_refused() {
    let fixture = Fixture::with_two_patches();
    let queue = fixture.queue();
    fixture.edit_core("line 5", "mine");
    fixture.commit_saying(&message("third").replace("Because", "---\nBecause"));
    fixture
        .run(&["refresh"])
        .failed_saying(&["Change third", "cannot be written as a patch"]);
    assert_eq!(fixture.queue(), queue);
}

#[test]
fn a_rewritten_base_is_refused() {
    let fixture = Fixture::with_two_patches();
    fixture.git(&["checkout", "--quiet", "--orphan", "other"]);
    fixture.commit("third");
    fixture
        .run(&["refresh"])
        .failed_saying(&["the base commit", "git rebase --onto"]);
}

#[test]
fn patches_that_came_after_the_tree_was_made_are_not_dropped() {
    let fixture = Fixture::with_two_patches();
    let path = "project/patches/9.9.9/first.patch";
    let pulled = fixture.read(path).replace("LINE 2", "Line 2");
    fixture.write(path, &pulled);
    fixture
        .run(&["refresh"])
        .failed_saying(&["patches/9.9.9 has changed since", "(first.patch)"]);
    assert_eq!(fixture.read(path), pulled);
}

#[test]
fn a_patch_file_that_series_does_not_list_is_not_overwritten() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/patches/9.9.9/third.patch", "precious");
    fixture.edit_core("line 5", "mine");
    fixture.commit("third");
    fixture
        .run(&["refresh"])
        .failed_saying(&["third.patch exists but series does not list it"]);
}

#[test]
fn without_a_tree_the_command_that_makes_one_is_named() {
    Fixture::new()
        .run(&["refresh"])
        .failed_saying(&["there is no tree at", "run `materialize` first"]);
}
