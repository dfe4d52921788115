//! `export --git`: the queue as a repository of its own.

use std::path::Path;
use std::process::Command;

use crate::fixture::{Fixture, CORE_SOURCE};

/// Runs git in `dir`, whatever the user's configuration.
#[track_caller]
pub(crate) fn git(dir: &Path, args: &[&str]) -> String {
    let output = Command::new("git")
        .args(args)
        .current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Una Upstream")
        .env("GIT_AUTHOR_EMAIL", "una@example.org")
        .env("GIT_COMMITTER_NAME", "Una Upstream")
        .env("GIT_COMMITTER_EMAIL", "una@example.org")
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// What stands in the folder of the fixture.
pub(crate) fn names(fixture: &Fixture) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(fixture.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Two patches, of which the second uses the engine.
pub(crate) fn fixture() -> Fixture {
    Fixture::with_patches(&[
        ("first", "line 2", "LINE 2\nline 2 and a half"),
        ("second", "line 8", "use pingora_keepalive::Connection;"),
    ])
}

#[test]
fn a_repository_holds_the_release_the_engine_and_one_commit_a_patch() {
    let fixture = fixture();
    let ran = fixture.run(&["export", "--git", "../out"]).succeeded();
    let out = fixture.path("out");
    assert!(
        ran.stdout
            .contains("branch pingora-keepalive, the engine and 2 patches, at "),
        "{}",
        ran.stdout
    );
    let log = git(&out, &["log", "--reverse", "--format=%s"]);
    let subjects: Vec<&str> = log.lines().collect();
    assert_eq!(subjects.len(), 4, "{log}");
    assert_eq!(subjects[0], "Pristine pingora-core and pingora-proxy 9.9.9");
    assert!(subjects[1].starts_with("Add pingora-keepalive"));
    assert!(subjects[2].starts_with("Change first"));
    assert!(subjects[3].starts_with("Change second"));

    assert_eq!(git(&out, &["status", "--porcelain"]), "");
    assert_eq!(
        git(&out, &["branch", "--show-current"]),
        "pingora-keepalive"
    );
    assert_eq!(git(&out, &["rev-list", "--count", "main.."]), "3");
    assert_eq!(
        git(&out, &["show", "main:pingora-core/src/lib.rs"]),
        CORE_SOURCE.trim()
    );
    assert_eq!(git(&out, &["ls-tree", "main", "pingora-keepalive"]), "");
    let of_the_engine = git(&out, &["show", "--name-only", "--format=", "HEAD~2"]);
    assert_eq!(
        of_the_engine.lines().collect::<Vec<_>>(),
        [
            "Cargo.toml",
            "pingora-core/Cargo.toml",
            "pingora-keepalive/Cargo.toml",
            "pingora-keepalive/src/lib.rs"
        ]
    );
    // The files are those of the materialized tree.
    for file in [
        "pingora-core/src/lib.rs",
        "pingora-core/Cargo.toml",
        "Cargo.toml",
    ] {
        assert_eq!(
            fixture.read(&format!("out/{file}")),
            fixture.read(&format!("project/crates/patched/9.9.9/{file}"))
        );
    }
}

#[test]
fn a_message_is_for_upstream_and_a_patch_has_three_lines_of_context() {
    let fixture = fixture();
    fixture.run(&["export", "--git", "../out"]).succeeded();
    let out = fixture.path("out");
    assert_eq!(
        git(&out, &["log", "-1", "--format=%B", "HEAD~1"]),
        "Change first in a way that is worth a line of text, so that the subject folds\n\nBecause — it should.\n\n\
         Seen from outside: without this change, these cases of the pingora-keepalive\nharness fail:\n\n- area.first"
    );
    let patch = git(&out, &["format-patch", "-1", "--stdout", "HEAD"]);
    assert!(patch.contains("\n@@ -6,6 +6,6 @@"), "{patch}");
    assert_eq!(
        git(&out, &["log", "-1", "--format=%an", "HEAD"]),
        "Ann Áuthor"
    );
}

#[test]
fn the_same_queue_gives_the_same_commits_for_everyone() {
    let mut fixture = fixture();
    fixture.run(&["export", "--git", "../out"]).succeeded();
    let head = git(&fixture.path("out"), &["rev-parse", "HEAD"]);
    fixture.write(
        ".gitconfig",
        "[user]\n\tname = Someone\n[commit]\n\tgpgsign = true\n[core]\n\tautocrlf = true\n[init]\n\tdefaultBranch = x\n",
    );
    for (name, value) in [
        ("GIT_AUTHOR_DATE", "2001-01-01T00:00:00+0000"),
        ("GIT_COMMITTER_NAME", "Someone"),
        ("GIT_DIR", "/nonexistent"),
    ] {
        fixture.env.push((name.to_owned(), value.to_owned()));
    }
    fixture.run(&["export", "--git", "../again"]).succeeded();
    assert_eq!(git(&fixture.path("again"), &["rev-parse", "HEAD"]), head);
}

#[test]
fn an_empty_folder_is_taken_and_one_with_anything_in_it_left_alone() {
    let fixture = fixture();
    std::fs::create_dir(fixture.path("empty")).unwrap();
    fixture.run(&["export", "--git", "../empty"]).succeeded();
    fixture.write("full/precious", "");
    let before = names(&fixture);
    fixture
        .run(&["export", "--git", "../full"])
        .failed_saying(&["--git ../full: it is not empty"]);
    fixture
        .run(&["export", "--git", "../full/precious"])
        .failed_saying(&["--git ../full/precious: it is there and cannot be read as a folder"]);
    assert_eq!(names(&fixture), before);
    assert_eq!(std::fs::read_dir(fixture.path("full")).unwrap().count(), 1);
}

#[test]
fn a_patch_that_does_not_apply_leaves_nothing() {
    let fixture = fixture();
    let path = "project/patches/9.9.9/second.patch";
    let patch = fixture.read(path).replace(" line 9\n", " line nine\n");
    fixture.write(path, &patch);
    let before = names(&fixture);
    fixture.run(&["export", "--git", "../out"]).failed_saying(&[
        "the patch second does not apply",
        "hunk: @@ -8,3 +8,3 @@",
        "`refresh`",
    ]);
    assert_eq!(names(&fixture), before);
}

#[test]
fn without_a_place_and_a_patch_there_is_nothing_to_do() {
    fixture().run(&["export"]).failed_saying(&[
        "nothing to do",
        "--git DIR",
        "--onto",
        "--pr NAME",
    ]);
}

#[test]
fn a_branch_may_have_another_name_if_git_takes_it() {
    let fixture = fixture();
    fixture
        .run(&["export", "--git", "../out", "--branch", "mine/x"])
        .succeeded();
    assert_eq!(
        git(&fixture.path("out"), &["branch", "--show-current"]),
        "mine/x"
    );
    fixture
        .run(&["export", "--git", "../other", "--branch", "a..b"])
        .failed_saying(&["--branch a..b", "git does not take"]);
}
