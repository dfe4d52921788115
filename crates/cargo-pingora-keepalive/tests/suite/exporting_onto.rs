//! `export --onto`: the queue on a clone of upstream, which keeps all that is checked out.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::exporting::{fixture, git, names};
use crate::fixture::{files, Fixture, CORE_SOURCE};

/// A fixture with a small clone of upstream beside its project, in the shape of upstream's workspace: the
/// release is tagged, and one more commit follows it.
fn with_clone() -> (Fixture, PathBuf) {
    let fixture = fixture();
    fixture.write(
        "clone/Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\n    \"pingora-core\",\n    \"pingora-proxy\",\n]\n\n\
         [workspace.dependencies]\nlog = \"0.4\"\n",
    );
    fixture.write("clone/.gitignore", "Cargo.lock\n");
    for (name, dependencies) in [
        ("pingora-core", "log = { workspace = true }\n"),
        (
            "pingora-proxy",
            "pingora-core = { version = \"9.9.9\", path = \"../pingora-core\" }\n",
        ),
    ] {
        fixture.write(
            &format!("clone/{name}/Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"9.9.9\"\n\n# Those of others.\n[dependencies]\n{dependencies}"
            ),
        );
        fixture.write(&format!("clone/{name}/LICENSE"), "as it is\n");
    }
    fixture.write("clone/pingora-core/src/lib.rs", CORE_SOURCE);
    fixture.write("clone/pingora-proxy/src/lib.rs", "proxy\n");
    let clone = fixture.path("clone");
    git(&clone, &["init", "--quiet", "--initial-branch=main"]);
    git(&clone, &["add", "--all"]);
    git(&clone, &["commit", "--quiet", "--message", "Release"]);
    git(&clone, &["tag", "9.9.9"]);
    fixture.write(
        "clone/pingora-core/src/lib.rs",
        &CORE_SOURCE.replace("line 8", "line eight"),
    );
    git(
        &clone,
        &["commit", "--quiet", "--all", "--message", "Later"],
    );
    (fixture, clone)
}

/// All that must not change, with contents: files, what is checked out, what is staged.
fn state(clone: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut paths = files(clone);
    paths.extend(["HEAD", "index", "config"].map(|name| clone.join(".git").join(name)));
    paths
        .into_iter()
        .map(|path| (path.clone(), std::fs::read(path).unwrap()))
        .collect()
}

#[test]
fn the_engine_is_a_member_of_upstreams_workspace_in_the_first_commit() {
    let (fixture, clone) = with_clone();
    let (before, refs) = (state(&clone), git(&clone, &["show-ref"]));
    let ran = fixture
        .run(&["export", "--onto", "../clone", "--git", "../out"])
        .succeeded();
    assert!(ran.stdout.contains("(the tag 9.9.9)"), "{}", ran.stdout);
    let out = fixture.path("out");
    assert_eq!(
        git(&out, &["rev-parse", "HEAD~3"]),
        git(&clone, &["rev-parse", "9.9.9"])
    );
    let of_the_engine = git(&out, &["show", "--name-only", "--format=", "HEAD~2"]);
    assert_eq!(
        of_the_engine.lines().collect::<Vec<_>>(),
        [
            "Cargo.toml",
            "pingora-core/Cargo.toml",
            "pingora-keepalive/Cargo.toml",
            "pingora-keepalive/LICENSE",
            "pingora-keepalive/src/lib.rs"
        ]
    );
    assert!(fixture
        .read("out/Cargo.toml")
        .contains("    \"pingora-proxy\",\n    \"pingora-keepalive\",\n]"));
    assert!(fixture.read("out/pingora-core/Cargo.toml").ends_with(
        "# Those of others.\n[dependencies]\nlog = { workspace = true }\npingora-keepalive = { version = \"9.9.9\", path = \
         \"../pingora-keepalive\" }\n"
    ));
    assert!(fixture
        .read("out/pingora-keepalive/Cargo.toml")
        .contains("version = \"9.9.9\""));
    assert!(fixture
        .read("out/pingora-core/src/lib.rs")
        .contains("LINE 2"));
    assert_eq!(git(&out, &["status", "--porcelain"]), "");
    // The clone was read and nothing else.
    assert_eq!(state(&clone), before);
    assert_eq!(git(&clone, &["show-ref"]), refs);
}

#[test]
fn without_a_folder_the_clone_gets_a_branch_and_keeps_what_is_checked_out() {
    let (fixture, clone) = with_clone();
    fixture.write("clone/pingora-core/src/lib.rs", "edited\n");
    fixture.write("clone/pingora-core/src/staged.rs", "");
    git(&clone, &["add", "pingora-core/src/staged.rs"]);
    let before = state(&clone);
    let ran = fixture.run(&["export", "--onto", "../clone"]).succeeded();
    assert!(
        ran.stdout
            .starts_with("../clone: branch pingora-keepalive, "),
        "{}",
        ran.stdout
    );
    assert_eq!(state(&clone), before);
    let log = git(&clone, &["log", "--format=%s", "9.9.9..pingora-keepalive"]);
    assert_eq!(log.lines().count(), 3, "{log}");

    let head = git(&clone, &["rev-parse", "pingora-keepalive"]);
    fixture
        .run(&["export", "--onto", "../clone"])
        .failed_saying(&[
            "../clone has a branch pingora-keepalive already",
            "--branch",
        ]);
    fixture
        .run(&["export", "--onto", "../clone", "--branch", "again"])
        .succeeded();
    assert_eq!(git(&clone, &["rev-parse", "again"]), head);
}

#[test]
fn a_clone_of_any_kind_will_do() {
    let (fixture, clone) = with_clone();
    fixture.run(&["export", "--onto", "../clone"]).succeeded();
    let head = git(&clone, &["rev-parse", "pingora-keepalive"]);
    git(&clone, &["worktree", "add", "--quiet", "../linked"]);
    let dir = fixture.path("");
    git(&dir, &["clone", "--quiet", "--bare", "clone", "bare"]);
    let url = format!("file://{}", clone.display());
    git(
        &dir,
        &[
            "clone",
            "--quiet",
            "--depth=1",
            "--branch=9.9.9",
            &url,
            "shallow",
        ],
    );
    for kind in ["linked", "bare", "shallow"] {
        let (onto, branch) = (format!("../{kind}"), format!("from-{kind}"));
        fixture
            .run(&["export", "--onto", &onto, "--branch", &branch])
            .succeeded();
        assert_eq!(
            git(&dir.join(kind), &["rev-parse", &branch]),
            head,
            "{kind}"
        );
        let out = format!("../out-{kind}");
        fixture
            .run(&["export", "--onto", &onto, "--git", &out])
            .succeeded();
        let out = fixture.path(&format!("out-{kind}"));
        assert_eq!(git(&out, &["rev-parse", "HEAD"]), head, "{kind}");
        git(&out, &["fsck", "--full"]);
    }
}

#[test]
fn a_revision_that_differs_is_refused_with_the_hunk_and_the_way_there() {
    let (fixture, clone) = with_clone();
    let (before, refs, beside) = (state(&clone), git(&clone, &["show-ref"]), names(&fixture));
    for place in [&["--git", "../out"][..], &[]] {
        let args = [&["export", "--onto", "../clone@main"], place].concat();
        fixture.run(&args).failed_saying(&[
            "the patch second does not apply",
            "file: pingora-core/src/lib.rs",
            "    | line eight\n",
            "main of ../clone is not what the patches are written against, which is Pingora 9.9.9",
            "git rebase --onto main BASE pingora-keepalive",
        ]);
    }
    assert_eq!(state(&clone), before);
    assert_eq!(git(&clone, &["show-ref"]), refs);
    assert_eq!(names(&fixture), beside);

    // The way there, as it says.
    fixture.run(&["export", "--onto", "../clone"]).succeeded();
    git(
        &clone,
        &[
            "checkout",
            "--quiet",
            "-b",
            "onto-main",
            "pingora-keepalive~1",
        ],
    );
    git(
        &clone,
        &["rebase", "--quiet", "--onto", "main", "9.9.9", "onto-main"],
    );
    assert_eq!(git(&clone, &["rev-list", "--count", "main.."]), "2");
}

#[test]
fn what_is_no_clone_and_what_has_no_such_revision_is_named() {
    let (fixture, clone) = with_clone();
    fixture.write("empty/file", "");
    let refuses = |onto: &str, words: &[&str]| {
        fixture
            .run(&["export", "--onto", onto])
            .failed_saying(words);
    };
    refuses(
        "../empty",
        &["--onto ../empty: that is no git repository", "git clone"],
    );
    refuses(
        "../absent",
        &["--onto ../absent: that is no git repository"],
    );
    refuses(
        "../clone@nothing",
        &[
            "../clone has no commit nothing",
            "git -C ../clone fetch --tags",
        ],
    );
    git(&clone, &["tag", "--delete", "9.9.9"]);
    refuses(
        "../clone",
        &[
            "neither the commit 0123456789012345678901234567890123456789 nor the tag 9.9.9",
            "--onto ../clone@REVISION",
        ],
    );
    // A folder inside of a repository is not one.
    refuses("../clone/pingora-core", &["that is no git repository"]);
}

#[test]
fn a_folder_in_the_clones_working_tree_is_refused() {
    let (fixture, clone) = with_clone();
    let before = state(&clone);
    fixture
        .run(&["export", "--onto", "../clone", "--git", "../clone/new/out"])
        .failed_saying(&["--git", "lies in ../clone", "outside of it"]);
    assert_eq!(state(&clone), before);
    assert!(!clone.join("new").exists());
}

#[test]
fn what_is_no_workspace_of_upstreams_shape_is_named() {
    let (fixture, clone) = with_clone();
    git(&clone, &["checkout", "--quiet", "9.9.9"]);
    fixture.write("clone/Cargo.toml", "[package]\nname = \"x\"\n");
    git(
        &clone,
        &["commit", "--quiet", "--all", "--message", "No workspace"],
    );
    fixture
        .run(&["export", "--onto", "../clone@HEAD", "--git", "../out"])
        .failed_saying(&[
            "cannot add the engine to HEAD of ../clone",
            "Cargo.toml: it has no [workspace] with members",
        ]);
}
