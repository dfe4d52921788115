//! `export --pr`: one patch, and what it stands on.

use crate::exporting::git;
use crate::fixture::{message, ran, Fixture, VERSION};

const CORE: &str = "fn a() {}\nfn b() {}\nfn c() {}\nfn d() {}\nfn e() {}\nfn f() {}\nfn g() {}\n";

/// Patches that need one another: `lines` changes what `low` changed, `name` uses what `brings` defines,
/// `said` says so, and `alone` stands on nothing though `low` moved it.
fn fixture() -> Fixture {
    let fixture = Fixture::new();
    let core = fixture.add_crate("pingora-core", VERSION, CORE, &["log"]);
    let proxy = fixture.add_crate("pingora-proxy", VERSION, "fn proxy() {}\n", &[]);
    fixture.pin(VERSION, &core, &proxy);
    fixture.run(&["materialize"]).succeeded();
    fixture.edit_core("fn a() {}", "fn a() {\n    let _ = 1;\n}");
    fixture.commit("low");
    fixture.edit_core("fn g() {}", "fn g() {}\npub(crate) fn brought() {}");
    fixture.commit("brings");
    fixture.edit_core("fn e() {}", "fn e() { /* alone */ }");
    fixture.commit("alone");
    fixture.edit_core("let _ = 1", "let _ = 2");
    fixture.commit("lines");
    fixture.edit_core(
        "fn c() {}",
        "fn c() { brought(); let _ = pingora_keepalive::X; }",
    );
    fixture.commit("name");
    let proxy = fixture.tree().join("pingora-proxy/src/lib.rs");
    std::fs::write(proxy, "fn proxy() { /* said */ }\n").unwrap();
    fixture.commit_saying(&message("said").replace("Upstream:", "Needs: lines\nUpstream:"));
    fixture.run(&["refresh"]).succeeded();
    fixture.run(&["check"]).succeeded();
    fixture
}

/// The names of the patches that `name` is printed to stand on, and the engine.
fn stands_on(fixture: &Fixture, name: &str) -> Vec<String> {
    let ran = fixture.run(&["export", "--pr", name]).succeeded();
    let (_, notes) = ran.stdout.split_once("\n---\nstands on").unwrap();
    notes
        .lines()
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.strip_prefix("  "))
        .map(|line| {
            let name = line.split([':', ',']).next().unwrap();
            name.to_owned()
        })
        .collect()
}

#[test]
fn a_patch_stands_on_those_it_needs_and_no_other() {
    let fixture = fixture();
    let stands_on = |name| stands_on(&fixture, name);
    assert_eq!(stands_on("low"), [""; 0]);
    assert_eq!(stands_on("alone"), [""; 0]);
    assert_eq!(stands_on("lines"), ["low"]);
    assert_eq!(stands_on("name"), ["the engine", "brings"]);
    assert_eq!(stands_on("said"), ["low", "lines"]);
}

#[test]
fn why_is_said() {
    let fixture = fixture();
    let said = |name| fixture.run(&["export", "--pr", name]).succeeded().stdout;
    assert!(said("lines").contains("(lines changes the same lines of pingora-core/src/lib.rs)"));
    assert!(said("name").contains("(name uses `brought`)"));
    assert!(said("said").contains("(said says so)"));
    assert!(said("alone").contains("\n---\nstands on nothing else\n"));
}

#[test]
fn what_is_printed_is_a_mail_that_applies_without_the_others() {
    let fixture = fixture();
    fixture
        .run(&["export", "--pr", "low", "--git", "../out"])
        .succeeded();
    let out = fixture.path("out");
    git(&out, &["checkout", "--quiet", "main"]);
    let mail = fixture.run(&["export", "--pr", "alone"]).succeeded().stdout;
    fixture.write("mail", &mail);
    git(&out, &["am", "--quiet", "../mail"]);
    assert_eq!(
        fixture.read("out/pingora-core/src/lib.rs"),
        CORE.replace("fn e() {}", "fn e() { /* alone */ }")
    );
    let message = git(&out, &["log", "-1", "--format=%B"]);
    assert!(
        message.ends_with("harness fail:\n\n- area.alone"),
        "{message}"
    );
}

#[test]
fn with_a_place_a_branch_holds_it_and_the_text_is_the_pull_requests() {
    let fixture = fixture();
    let ran = fixture
        .run(&["export", "--pr", "name", "--git", "../out"])
        .succeeded();
    let out = fixture.path("out");
    let message = git(&out, &["log", "-1", "--format=%B"]);
    let (text, rest) = ran.stdout.split_once("\n---\n").unwrap();
    assert_eq!(text, message);
    assert!(
        rest.contains("branch name, the engine and 2 patches, at "),
        "{rest}"
    );
    assert!(rest.contains("stands on, in this order:\n  the engine, pingora-keepalive\n  brings: "));
    assert_eq!(git(&out, &["branch", "--show-current"]), "name");
    let log = git(&out, &["log", "--reverse", "--format=%s", "main.."]);
    assert_eq!(log.lines().count(), 3, "{log}");
    let text = fixture.read("out/pingora-core/src/lib.rs");
    assert!(
        text.contains("brought(); let") && !text.contains("let _ = 1"),
        "{text}"
    );

    // Without a use of the engine there is none.
    fixture
        .run(&["export", "--pr", "lines", "--git", "../lines"])
        .succeeded();
    let lines = fixture.path("lines");
    assert_eq!(git(&lines, &["rev-list", "--count", "main.."]), "2");
    assert!(!lines.join("pingora-keepalive").exists());
}

#[test]
fn a_name_that_is_no_patch_is_told_with_those_like_it() {
    let fixture = fixture();
    fixture
        .run(&["export", "--pr", "alone-too"])
        .failed_saying(&[
            "--pr alone-too: there is no patch",
            "(like it: alone)",
            "check",
        ]);
}

#[test]
fn a_need_that_does_not_come_before_is_wrong() {
    let fixture = fixture();
    let path = "project/patches/9.9.9/said.patch";
    let patch = fixture
        .read(path)
        .replace("Needs: lines", "Needs: lines, later");
    fixture.write(path, &patch);
    let ran = fixture.run(&["check"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stdout);
    assert!(
        ran.stdout
            .contains("`Needs: later`, but no patch before it has that name"),
        "{}",
        ran.stdout
    );
}

#[test]
fn outside_of_a_checkout_the_patches_are_those_that_the_program_carries() {
    let fixture = fixture();
    let output = fixture
        .command(&["export", "--version", "0.9.1", "--pr", "request-limits"])
        .current_dir(fixture.path(""))
        .output()
        .unwrap();
    ran(output).failed_saying(&["there is no patch of that name (like it: request-"]);
}
