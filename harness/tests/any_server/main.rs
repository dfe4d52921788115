//! `harness run --target` as its users run it: against subjects of ours as services that somebody
//! else runs, and against a small server with one known flaw.

mod server;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use harness::origin::Origin;
use harness::report::progress::Progress;
use harness::subject::build::{self, Built};
use harness::subject::{variants, Subject};
use harness::wire::tls::Identity;
use harness::wire::Transport;
use server::{Flaw, Server};
use tokio::sync::OnceCell;

/// What a run came to.
struct Ran {
    status: i32,
    text: String,
    error: String,
    json: serde_json::Value,
}

impl Ran {
    /// The names of the cases with one of these results.
    fn cases(&self, statuses: &[&str]) -> BTreeSet<String> {
        let cases = self.json["subjects"][0]["cases"].as_array();
        let cases = cases.map(Vec::as_slice).unwrap_or_default();
        cases
            .iter()
            .filter(|case| statuses.contains(&case["status"].as_str().unwrap_or_default()))
            .filter_map(|case| Some(case["id"].as_str()?.to_owned()))
            .collect()
    }

    fn findings(&self) -> BTreeSet<String> {
        self.cases(&["fail", "hang"])
    }

    fn assert_none(&self) {
        assert_eq!(self.findings(), BTreeSet::new(), "{}", self.text);
        assert_eq!(self.status, 0, "{}{}", self.text, self.error);
        assert!(self.text.contains("no findings"), "{}", self.text);
    }
}

async fn harness(arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_harness"))
        .args(arguments)
        // What the environment trusts or asks to go through is no part of these tests.
        .env_remove("SSL_CERT_FILE")
        .env_remove("SSL_CERT_DIR")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .expect("the harness")
}

async fn run(target: &str, arguments: &[&str]) -> Ran {
    let directory = tempfile::tempdir().expect("a directory");
    let json = directory.path().join("report.json");
    let mut all = vec!["run", "--target", target, "--json"];
    all.push(json.to_str().expect("UTF-8"));
    all.extend(arguments);
    let output = harness(&all).await;
    let text = std::fs::read(&json).unwrap_or_default();
    Ran {
        status: output.status.code().unwrap_or(-1),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        error: String::from_utf8_lossy(&output.stderr).into_owned(),
        json: serde_json::from_slice(&text).unwrap_or_default(),
    }
}

/// The options that say what the small server is configured for.
const TIMERS: [&str; 6] = [
    "--keepalive-timeout",
    "3s",
    "--header-read-timeout",
    "1s",
    "--body-read-timeout",
    "1s",
];

fn timers(more: &[&'static str]) -> Vec<&'static str> {
    TIMERS.iter().chain(more).copied().collect()
}

async fn findings_of(flaw: Flaw, more: &[&'static str]) -> Ran {
    let server = Server::start(flaw, 200).await;
    let url = format!("http://{}/", server.address);
    run(&url, &timers(more)).await
}

fn assert_has(ran: &Ran, cases: &[&str]) {
    let found = ran.findings();
    for case in cases {
        assert!(
            found.contains(*case),
            "{case} not in {found:?}\n{}",
            ran.text
        );
    }
    assert_eq!(ran.status, 1, "{}{}", ran.text, ran.error);
    assert!(ran.text.contains("costs   "), "{}", ran.text);
    assert!(ran.text.contains("look    "), "{}", ran.text);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_follows_the_rfcs_is_accused_of_nothing() {
    let server = Server::start(Flaw::None, 200).await;
    let url = format!("http://{}/a/b?c=d", server.address);
    let ran = run(&url, &timers(&["--bodies", "GET"])).await;
    ran.assert_none();
    assert_eq!(ran.json["subjects"][0]["name"], url.as_str());
    assert!(server.seen(|seen| seen.body) > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_is_as_good_a_response_as_another() {
    let server = Server::start(Flaw::None, 404).await;
    let url = format!("http://{}/", server.address);
    run(&url, &timers(&[])).await.assert_none();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_is_asked_for_its_path_alone_and_politely() {
    let server = Server::start(Flaw::None, 200).await;
    let port = server.address.port();
    let url = format!("http://localhost:{port}/a/b?c=d");
    let ran = run(&url, &timers(&["--connections", "4", "--rate", "50"])).await;
    ran.assert_none();
    server.seen(|seen| {
        let host = format!("host: localhost:{port}");
        for head in &seen.heads {
            let mut lines = head.split("\r\n");
            let line = lines.next().unwrap_or_default();
            let (method, rest) = line.split_once(' ').unwrap_or_default();
            assert!(["GET", "HEAD"].contains(&method), "{head}");
            assert!(rest.starts_with("/a/b?c=d HTTP/1."), "{head}");
            let fields: Vec<_> = lines.map(str::to_ascii_lowercase).collect();
            assert!(fields.contains(&host), "{head}");
            assert!(
                !fields.iter().any(|field| field.starts_with("x-")),
                "{head}"
            );
        }
        assert_eq!(seen.body, 0);
        let said = ran.text.split("at most ").nth(1).expect("a number");
        let said: usize = said.split(' ').next().unwrap().parse().expect("a number");
        assert!(
            seen.heads.len() > 100 && seen.heads.len() <= said,
            "{} of {said}",
            seen.heads.len()
        );
        // One that its client has just closed still counts here.
        assert!(seen.most <= 8, "{} at once", seen.most);
        let time = *seen.accepted.last().unwrap() - seen.accepted[0];
        let rate = seen.accepted.len() as f64 / time.as_secs_f64();
        assert!(rate < 60.0, "{rate} a second");
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_go_with_the_method_that_is_allowed() {
    let server = Server::start(Flaw::None, 200).await;
    let url = format!("http://{}/", server.address);
    let ran = run(&url, &["--bodies", "POST", "--case", "rfc9112.9.3-*"]).await;
    ran.assert_none();
    let posts = server.seen(|seen| {
        seen.heads
            .iter()
            .filter(|h| h.starts_with("POST /"))
            .count()
    });
    assert!(posts > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_option_is_a_skip_that_names_it() {
    let server = Server::start(Flaw::None, 200).await;
    let url = format!("http://{}/", server.address);
    let ran = run(&url, &["--keepalive-timeout", "off"]).await;
    ran.assert_none();
    for reason in [
        "--keepalive-timeout is off",
        "--header-read-timeout not given",
        "--bodies not given",
        "is about tls, and the target is not",
    ] {
        assert!(ran.text.contains(reason), "{reason}: {}", ran.text);
    }
    assert!(ran.cases(&["skip"]).contains("header.drip-gets-408"));
    let ran = run(&url, &["--case", "policy.*"]).await;
    assert!(
        ran.text.contains("needs control over the service"),
        "{}",
        ran.text
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn flaws_are_found_and_named() {
    let never_ends = findings_of(Flaw::NeverEnds, &["--response-timeout", "1s"]);
    let closes_unsaid = findings_of(Flaw::ClosesUnsaid, &[]);
    let cuts = findings_of(Flaw::Cuts, &[]);
    let stays_open = findings_of(Flaw::StaysOpen, &[]);
    let (never_ends, closes_unsaid, cuts, stays_open) =
        tokio::join!(never_ends, closes_unsaid, cuts, stays_open);
    // Without a response nothing else can be told but what needs none.
    assert_has(&never_ends, &["seed.default-without-length"]);
    assert_eq!(never_ends.findings().len(), 1, "{}", never_ends.text);
    assert!(
        never_ends.text.contains("no response"),
        "{}",
        never_ends.text
    );
    assert_has(
        &closes_unsaid,
        &[
            "connection.none",
            "limit.the-last-is-said",
            "rfc9112.9.3.2-in-order",
        ],
    );
    assert_has(&cuts, &["seed.default-without-length"]);
    assert!(cuts.text.contains("cut short"), "{}", cuts.text);
    assert_has(
        &stays_open,
        &["connection.close", "connection.http10-without"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_flaws_are_found_and_named() {
    let hears_no_close = findings_of(Flaw::HearsNoClose, &["--case", "connection.*"]);
    let has_no_timers = findings_of(
        Flaw::HasNoTimers,
        &["--case", "idle.*", "--case", "header.*"],
    );
    let closes_early = findings_of(Flaw::ClosesEarly, &["--case", "rfc2068.*"]);
    let body_to_head = findings_of(Flaw::BodyToHead, &["--case", "rfc9112.6*"]);
    let keeps_the_gone = findings_of(Flaw::KeepsTheGone, &["--case", "leak.*"]);
    let serves_nonsense = findings_of(Flaw::ServesNonsense, &["--case", "rfc9112.*"]);
    let ignores_bodies = findings_of(
        Flaw::IgnoresBodies,
        &["--bodies", "GET", "--case", "rfc9112.9.3-un*"],
    );
    let (hears_no_close, has_no_timers, closes_early) =
        tokio::join!(hears_no_close, has_no_timers, closes_early);
    let (body_to_head, keeps_the_gone, serves_nonsense, ignores_bodies) = tokio::join!(
        body_to_head,
        keeps_the_gone,
        serves_nonsense,
        ignores_bodies
    );
    assert_has(
        &hears_no_close,
        &["connection.close", "connection.http10-close-wins"],
    );
    assert_has(
        &has_no_timers,
        &[
            "idle.default-closes-after-the-first",
            "header.silent-peer-gets-a-fin",
            "header.pause-on-reused-connection",
        ],
    );
    assert_has(&closes_early, &["rfc2068.19.7.1.1-what-is-said-is-kept"]);
    assert_has(&body_to_head, &["rfc9112.6.3-no-body-stays-usable"]);
    assert_has(&keeps_the_gone, &["leak.clients-that-leave"]);
    assert_has(
        &serves_nonsense,
        &[
            "rfc9112.2.2-bad-request-line",
            "rfc9112.6.3-length-negative",
        ],
    );
    assert_has(&ignores_bodies, &["rfc9112.9.3-unread-body-is-no-request"]);
}

/// The two subjects of these tests, built once.
async fn built() -> &'static [Built] {
    static BUILT: OnceCell<Vec<Built>> = OnceCell::const_new();
    let building = || async {
        let variants = variants::all().expect("variants").into_iter();
        let wanted: Vec<_> = variants
            .filter(|variant| variant.name.ends_with("0.9.1"))
            .collect();
        let built = tokio::task::spawn_blocking(move || {
            let progress = Progress::new();
            build::prepare(&wanted, &progress).expect("a subject")
        });
        built.await.expect("a build")
    };
    BUILT.get_or_init(building).await
}

/// A subject of ours, started as a service that somebody else runs.
async fn subject(name: &str) -> (Subject, Origin) {
    let built = built().await.iter().find(|b| b.variant.name == name);
    let origin = Origin::start().await.expect("an origin");
    let subject = Subject::start(built.expect(name), origin.address(), "target").await;
    (subject.expect("a subject"), origin)
}

/// What the options of the shape `proxy-short` say.
const SHORT: [&str; 4] = ["--keepalive-timeout", "2s", "--header-read-timeout", "3s"];

#[tokio::test(flavor = "multi_thread")]
async fn the_patched_subject_has_no_findings_with_and_without_tls() {
    let (subject, _origin) = subject("patched-0.9.1").await;
    let address = subject.address("proxy-short").expect("a shape");
    let url = format!("http://{address}/length");
    run(&url, &SHORT).await.assert_none();

    let secure = subject
        .endpoint("proxy-short", Transport::Tls)
        .expect("TLS");
    let port = secure.address().expect("a port").port();
    let url = format!("https://127.0.0.1:{port}/length");
    let distrusted = run(&url, &SHORT).await;
    assert_eq!(distrusted.status, 1);
    for word in ["not trusted", "--ca FILE", "--insecure"] {
        assert!(distrusted.error.contains(word), "{}", distrusted.error);
    }
    run(&url, &[&SHORT[..], &["--insecure"]].concat())
        .await
        .assert_none();

    let directory = tempfile::tempdir().expect("a directory");
    let (certificate, key) = Identity::get()
        .expect("one")
        .write(directory.path())
        .expect("files");
    let trusting = |file: &Path| {
        vec![
            "--case".to_owned(),
            "tls.*".into(),
            "--ca".into(),
            file.display().to_string(),
        ]
    };
    let arguments = trusting(&certificate);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).chain(SHORT).collect();
    let ran = run(&url, &arguments).await;
    ran.assert_none();
    assert!(ran
        .cases(&["pass"])
        .contains("tls.close-notify-on-idle-timeout"));
    let other = format!("https://other.test:{port}/");
    assert!(run(&other, &arguments)
        .await
        .error
        .contains("other.test does not resolve"));
    let arguments = trusting(&key);
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let ran = run(&url, &arguments).await;
    assert!(ran.error.contains("no certificate in it"), "{}", ran.error);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_pristine_pingora_does_wrong_is_found() {
    let (subject, _origin) = subject("upstream-0.9.1").await;
    let address: SocketAddr = subject.address("proxy-short").expect("a shape");
    let ran = run(&format!("http://{address}/length"), &SHORT).await;
    let expected = [
        "connection.close-line-after-keep-alive-line",
        "connection.close-on-second-line",
        "connection.close-on-third-line",
        "header.drip-gets-408",
        "header.drip-on-reused-connection",
        "header.pause-before-the-empty-line",
        "header.pause-gets-408",
        "header.pause-on-reused-connection",
        "header.silent-peer-gets-a-fin",
        "idle.default-closes-after-the-first",
        "idle.default-closes-after-the-third",
        "rfc9112.9.3.2-in-order",
    ];
    let expected: BTreeSet<String> = expected.into_iter().map(str::to_owned).collect();
    assert_eq!(ran.findings(), expected, "{}", ran.text);
    for patch in [
        "connection-options.patch",
        "header-read-timeout.patch",
        "early-bytes.patch",
    ] {
        assert!(ran.text.contains(patch), "{patch}");
    }
    let cases = ran.json["subjects"][0]["cases"].as_array().expect("cases");
    let found = cases
        .iter()
        .find(|case| case["id"] == "header.drip-gets-408")
        .expect("a case");
    assert!(found["costs"]
        .as_str()
        .is_some_and(|text| text.contains("Slowloris")));
    assert!(found["look"]
        .as_str()
        .is_some_and(|text| text.contains("nginx")));
    let passed = cases
        .iter()
        .find(|case| case["id"] == "connection.none")
        .expect("a case");
    assert!(passed.get("costs").is_none());
}

#[tokio::test]
async fn what_is_no_target_is_refused_with_a_reason() {
    for (arguments, status, words) in [
        (&["http://192.0.2.1/"][..], 2, "--i-own-this-server"),
        (&["http://[2001:db8::1]:80/"], 2, "--i-own-this-server"),
        (&["nonsense"], 2, "http://HOST:PORT"),
        (&["unix:/run/x.sock"], 2, "Unix socket"),
        (&["http://no-such-name.invalid/"], 2, "does not resolve"),
        (&["http://127.0.0.1:9/", "--insecure"], 2, "for https"),
        (
            &["http://127.0.0.1:9/", "--handshake-timeout", "1s"],
            2,
            "for https",
        ),
        (
            &["http://127.0.0.1:9/", "--keepalive-timeout", "60"],
            2,
            "60s",
        ),
        (
            &["http://127.0.0.1:9/", "--subject", "patched-0.9.1"],
            2,
            "cannot be used with",
        ),
        (
            &["http://127.0.0.1:9/", "--case", "sead.*"],
            2,
            "no case matches",
        ),
    ] {
        let ran = run(arguments[0], &arguments[1..]).await;
        assert_eq!(ran.status, status, "{arguments:?}: {}", ran.error);
        assert!(ran.error.contains(words), "{arguments:?}: {}", ran.error);
    }
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    drop(listener);
    let ran = run(&format!("http://{address}/"), &[]).await;
    assert_eq!(ran.status, 1);
    assert!(ran.error.contains("refused"), "{}", ran.error);
    let server = Server::start(Flaw::None, 200).await;
    let ran = run(&format!("https://{}/", server.address), &["--insecure"]).await;
    assert_eq!(ran.status, 1);
    assert!(
        ran.error.contains("is it a port for https?"),
        "{}",
        ran.error
    );
}

#[tokio::test]
async fn a_case_explains_what_it_costs() {
    let output = harness(&["explain", "header.drip-gets-408"]).await;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        text.contains("--target and --header-read-timeout"),
        "{text}"
    );
    assert!(
        text.contains("Slowloris") && text.contains("client_header_timeout"),
        "{text}"
    );
}
