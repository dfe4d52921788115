//! `check`: a line a patch, and what is wrong with the queue.

use crate::fixture::Fixture;

fn altered(patch: &str, from: &str, to: &str) -> Fixture {
    let fixture = Fixture::with_two_patches();
    let path = format!("project/patches/9.9.9/{patch}.patch");
    let text = fixture.read(&path);
    assert!(text.contains(from), "{text}");
    fixture.write(&path, &text.replace(from, to));
    fixture
}

#[track_caller]
fn finds(fixture: &Fixture, problem: &str) {
    let ran = fixture.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(
        ran.stdout.contains(problem),
        "{problem:?} is not in:\n{}",
        ran.stdout
    );
}

#[test]
fn a_queue_in_good_form_is_printed_a_line_a_patch() {
    let fixture = Fixture::with_two_patches();
    let ran = fixture.run(&["check"]).succeeded();
    let lines: Vec<_> = ran.stdout.lines().collect();
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(lines[0].starts_with("9.9.9 first bugfix (1 file, 1 hunk): Change first "));
    assert!(lines[1].ends_with(" [area.second]"));
}

#[test]
fn series_and_files_must_agree_both_ways() {
    let fixture = Fixture::with_two_patches();
    fixture.write("project/patches/9.9.9/stray.patch", "");
    finds(&fixture, "stray.patch: series does not list it");
    let fixture = Fixture::with_two_patches();
    std::fs::remove_file(fixture.path("project/patches/9.9.9/first.patch")).unwrap();
    finds(
        &fixture,
        "first.patch: series lists it, but it cannot be read",
    );
}

#[test]
fn trailers_must_be_there_and_fit() {
    finds(
        &altered("first", "Case: area.first\n", ""),
        "no `Case:` trailer",
    );
    finds(
        &altered("first", "Kind: bugfix", "Kind: fix"),
        "`Kind: fix` is not one of",
    );
    finds(
        &altered("first", "Patch: first", "Patch: other"),
        "should be other.patch",
    );
    finds(&altered("first", "not filed", "later"), "`Upstream: later`");
}

#[test]
fn the_form_must_be_the_agreed_one() {
    finds(
        &altered(
            "first",
            "@@ -1,3 +1,3 @@\n line 1\n",
            "@@ -1,4 +1,4 @@\n line 0\n line 1\n",
        ),
        "more than one line of context",
    );
    finds(&altered("first", "From 0", "From 1"), "--zero-commit");
    finds(
        &altered("first", "[PATCH] ", "[PATCH 1/2] "),
        "--no-numbered",
    );
    finds(
        &altered(
            "first",
            "pingora-core/src/lib.rs",
            "pingora-core/Cargo.toml",
        ),
        "manifest.toml",
    );
}
