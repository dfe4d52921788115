//! `materialize`: what it makes, and what it refuses to overwrite.

use crate::fixture::{files, Fixture, CORE_SOURCE};

#[test]
fn a_tree_holds_the_crates_the_engine_and_one_commit_a_patch() {
    let fixture = Fixture::with_two_patches();
    let tree = fixture.tree();
    let names: Vec<_> = files(&tree)
        .iter()
        .map(|file| file.strip_prefix(&tree).unwrap().display().to_string())
        .collect();
    assert_eq!(
        names,
        [
            ".gitignore",
            "Cargo.toml",
            "pingora-core/Cargo.toml",
            "pingora-core/src/lib.rs",
            "pingora-keepalive/Cargo.toml",
            "pingora-keepalive/src/lib.rs",
            "pingora-proxy/Cargo.toml",
            "pingora-proxy/src/lib.rs",
        ]
    );
    let subjects = fixture.git(&["log", "--reverse", "--format=%s"]);
    let subjects: Vec<_> = subjects.lines().collect();
    assert_eq!(subjects.len(), 3);
    assert_eq!(subjects[0], "Pristine pingora-core and pingora-proxy 9.9.9");
    assert!(subjects[1].starts_with("Change first "));
    assert!(fixture
        .read("project/crates/patched/9.9.9/pingora-core/Cargo.toml")
        .ends_with("[dependencies.pingora-keepalive]\npath = \"../pingora-keepalive\"\n"));
}

#[test]
fn materializing_again_gives_the_same_commits_and_touches_no_file() {
    let fixture = Fixture::with_two_patches();
    let (head, then) = (fixture.head(), fixture.age());
    let again = fixture.run(&["materialize"]).succeeded();
    assert!(
        again.stdout.contains("unchanged, 2 patches"),
        "{}",
        again.stdout
    );
    assert_eq!(fixture.head(), head);
    assert_eq!(fixture.written_since(then), [""; 0]);

    std::fs::remove_dir_all(fixture.tree()).unwrap();
    let anew = fixture.run(&["materialize"]).succeeded();
    assert!(
        anew.stdout.contains("created, 2 patches"),
        "{}",
        anew.stdout
    );
    assert_eq!(fixture.head(), head);
}

#[test]
fn an_update_writes_only_the_files_that_differ() {
    let fixture = Fixture::with_two_patches();
    let then = fixture.age();
    fixture.write("project/crates/pingora-keepalive/src/lib.rs", "// newer\n");
    let updated = fixture.run(&["materialize"]).succeeded();
    assert!(
        updated.stdout.contains("updated, 2 patches"),
        "{}",
        updated.stdout
    );
    assert_eq!(
        fixture.written_since(then),
        ["pingora-keepalive/src/lib.rs"]
    );
    assert_eq!(fixture.git(&["status", "--porcelain"]), "");
}

#[test]
fn what_was_built_in_a_tree_survives_an_update() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/crates/patched/9.9.9/target/debug/x", "built");
    fixture.write("project/crates/patched/9.9.9/Cargo.lock", "# lock\n");
    fixture.write("project/crates/pingora-keepalive/src/lib.rs", "// newer\n");
    fixture.run(&["materialize"]).succeeded();
    assert!(fixture.tree().join("target/debug/x").exists());
    assert!(fixture.tree().join("Cargo.lock").exists());
}

#[test]
fn a_pristine_tree_holds_the_crates_as_published() {
    let fixture = Fixture::with_two_patches();
    let made = fixture.run(&["materialize", "--pristine"]).succeeded();
    assert!(made
        .stdout
        .starts_with("crates/patched/9.9.9-pristine: created, 0 patches"));
    let tree = "project/crates/patched/9.9.9-pristine";
    assert_eq!(
        fixture.read(&format!("{tree}/pingora-core/src/lib.rs")),
        CORE_SOURCE
    );
    assert!(!fixture
        .read(&format!("{tree}/pingora-core/Cargo.toml"))
        .contains("pingora-keepalive"));
    assert!(!fixture.path(tree).join("pingora-keepalive").exists());
}

#[test]
fn another_place_gets_the_same_tree() {
    let fixture = Fixture::with_two_patches();
    let out = fixture.path("else where/tree");
    fixture
        .run(&["materialize", "--out", out.to_str().unwrap()])
        .succeeded();
    let head = std::fs::read_to_string(out.join(".git/refs/heads/main")).unwrap();
    assert_eq!(head.trim(), fixture.head());
}

#[test]
fn the_users_git_configuration_changes_no_byte() {
    let mut fixture = Fixture::with_two_patches();
    let (head, queue) = (fixture.head(), fixture.queue());
    // Found by way of HOME, and named by a variable.
    fixture.write(
        ".gitconfig",
        "[diff]\n\tnoprefix = true\n\talgorithm = patience\n\tcontext = 9\n[format]\n\tsignature = me\n\tnumbered = \
         true\n\tattach = true\n\tsubjectPrefix = X\n[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = \
         true\n\thooksPath = /nonexistent\n\tabbrev = 7\n[user]\n\tname = Someone\n[am]\n\tthreeWay = true\n",
    );
    for (name, value) in [
        (
            "GIT_CONFIG_GLOBAL",
            fixture.path(".gitconfig").to_str().unwrap(),
        ),
        ("GIT_DIR", "/nonexistent"),
        ("GIT_INDEX_FILE", "/nonexistent"),
        ("GIT_AUTHOR_DATE", "2001-01-01T00:00:00+0000"),
        ("GIT_COMMITTER_NAME", "Someone"),
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "diff.noprefix"),
        ("GIT_CONFIG_VALUE_0", "true"),
    ] {
        fixture.env.push((name.to_owned(), value.to_owned()));
    }
    // Settings and attributes of the tree itself, too.
    fixture.git(&["config", "diff.noprefix", "true"]);
    fixture.git(&["config", "format.signature", "me"]);
    fixture.git(&["config", "format.attach", "me"]);
    fixture.write(
        "project/crates/patched/9.9.9/.git/info/attributes",
        "* diff=other -text\n",
    );
    fixture.run(&["refresh"]).succeeded();
    assert_eq!(fixture.queue(), queue);
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(fixture.head(), head);
    std::fs::remove_dir_all(fixture.tree()).unwrap();
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(fixture.head(), head);
}

#[test]
fn an_edit_that_is_not_committed_is_not_overwritten() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "mine");
    fixture.run(&["materialize"]).failed_saying(&[
        "not committed",
        "M pingora-core/src/lib.rs",
        "`refresh`",
    ]);
    assert!(std::fs::read_to_string(fixture.core_source())
        .unwrap()
        .contains("mine"));
}

#[test]
fn a_new_file_is_not_overwritten() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/crates/patched/9.9.9/pingora-core/src/new.rs", "");
    fixture
        .run(&["materialize"])
        .failed_saying(&["?? pingora-core/src/new.rs"]);
}

#[test]
fn a_commit_that_is_not_in_patches_is_not_overwritten() {
    let fixture = Fixture::with_two_patches();
    fixture.edit_core("line 5", "mine");
    fixture.commit("third");
    let head = fixture.head();
    fixture.run(&["materialize"]).failed_saying(&[
        "not what patches/ gives",
        "Change third",
        "Run `refresh`",
    ]);
    assert_eq!(fixture.head(), head);
}

#[test]
fn a_commit_that_was_dropped_is_not_brought_back_unasked() {
    let fixture = Fixture::with_two_patches();
    fixture.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    fixture
        .run(&["materialize"])
        .failed_saying(&["not all of patches/ is there"]);
}

#[test]
fn commits_that_equal_the_patches_may_be_replaced() {
    let fixture = Fixture::with_two_patches();
    let head = fixture.head();
    // Another committer: other ids, the same patches.
    fixture.git(&["rebase", "--quiet", "--force-rebase", "HEAD~2"]);
    assert_ne!(fixture.head(), head);
    fixture.run(&["materialize"]).succeeded();
    assert_eq!(fixture.head(), head);
}

#[test]
fn a_folder_that_it_did_not_make_is_left_alone() {
    let fixture = Fixture::new();
    fixture.write("project/crates/patched/9.9.9/precious", "");
    fixture
        .run(&["materialize"])
        .failed_saying(&["was not made by `materialize`", "--out"]);
    assert!(fixture.tree().join("precious").exists());
}

#[test]
fn a_rebase_under_way_is_not_disturbed() {
    let fixture = Fixture::with_two_patches();
    std::fs::create_dir(fixture.tree().join(".git/rebase-merge")).unwrap();
    fixture
        .run(&["materialize"])
        .failed_saying(&["a git rebase is under way"]);
}

#[test]
fn a_hunk_whose_lines_are_not_there_is_named_with_the_lines_found() {
    let fixture = Fixture::with_two_patches();
    let path = "project/patches/9.9.9/second.patch";
    let patch = fixture.read(path).replace(" line 9\n", " line nine\n");
    fixture.write(path, &patch);
    fixture.run(&["materialize"]).failed_saying(&[
        "patches/9.9.9/second.patch does not apply",
        "file: pingora-core/src/lib.rs",
        "hunk: @@ -8,2 +8,3 @@",
        "    | line 8\n    | line nine\n",
        "    | line 8\n    | line 9\n",
    ]);
}

#[test]
fn a_hunk_that_would_apply_with_an_offset_is_refused() {
    let fixture = Fixture::with_two_patches();
    let path = "project/patches/9.9.9/second.patch";
    let patch = fixture
        .read(path)
        .replace("@@ -8,2 +8,3 @@", "@@ -6,2 +6,3 @@");
    fixture.write(path, &patch);
    fixture.run(&["materialize"]).failed_saying(&[
        "patches/9.9.9/second.patch does not apply",
        "at line 8: that is an offset of +2, and offsets are refused",
    ]);
}

#[test]
fn a_failure_leaves_the_tree_as_it_was_and_nothing_beside_it() {
    let fixture = Fixture::with_two_patches();
    let head = fixture.head();
    fixture.write("project/patches/9.9.9/second.patch", "not a patch\n");
    fixture
        .run(&["materialize"])
        .failed_saying(&["cannot read the patch patches/9.9.9/second.patch", "line 1"]);
    assert_eq!(fixture.head(), head);
    let beside: Vec<_> = std::fs::read_dir(fixture.path("project/crates/patched"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(beside, ["9.9.9"]);
}

#[test]
fn a_patch_that_series_lists_and_is_missing_is_named() {
    let fixture = Fixture::with_two_patches();
    std::fs::remove_file(fixture.path("project/patches/9.9.9/first.patch")).unwrap();
    fixture
        .run(&["materialize"])
        .failed_saying(&["first.patch", "series lists"]);
}
