//! The page that `harness run --html` writes, as a reader has it: opened from disk in headless
//! Chromium and clicked through.
//!
//! One browser for all tests, which have it one after the other. Without a browser they are skipped,
//! with the command that installs it; where `HARNESS_REQUIRE_CLIENTS` is set they fail.

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{ensure, Context as _, Result};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use harness::browser::{self, Browser};
use harness::case::Failure;
use harness::clients::Client;
use harness::expectations::Expected;
use harness::outcome::{Outcome, Status};
use harness::report::outputs::{Outputs, Paths};
use harness::report::Run;
use harness::wire::transcript::{Awaited, Entry, Event, Record};
use harness::wire::Transport;
use libtest_mimic::{Arguments, Failed, Trial};
use serde_json::{json, Value};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// What a server or a reason could say to become markup.
const NASTY: &str = "</script><script>window.broken=1</script><!--<img src=x onerror=broken=1>";

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests: [(&str, Test); 8] = [
        ("each_run_has_its_place", |p| {
            Box::pin(each_run_has_its_place(p))
        }),
        ("results_are_words", |p| Box::pin(results_are_words(p))),
        ("a_click_opens_the_timelines", |p| {
            Box::pin(a_click_opens_the_timelines(p))
        }),
        ("keys_do_what_clicks_do", |p| {
            Box::pin(keys_do_what_clicks_do(p))
        }),
        ("a_case_has_a_link", |p| Box::pin(a_case_has_a_link(p))),
        ("the_filter_leaves_what_is_asked_for", |p| {
            Box::pin(the_filter_leaves_what_is_asked_for(p))
        }),
        ("it_fits_a_phone", |p| Box::pin(it_fits_a_phone(p))),
        ("what_was_said_is_not_markup", |p| {
            Box::pin(what_was_said_is_not_markup(p))
        }),
    ];
    let shared = Arc::new(Mutex::new(None));
    let missing = browser::missing();
    let required = std::env::var_os("HARNESS_REQUIRE_CLIENTS").is_some();
    let trials = tests.map(|(name, test)| {
        let shared = shared.clone();
        let trial = Trial::test(name, move || run(&shared, test));
        match missing {
            Some(reason) if !required => trial.with_kind(reason).with_ignored_flag(true),
            _ => trial,
        }
    });
    let conclusion = libtest_mimic::run(&arguments, trials.into());
    let opened = shared.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(Opened { runtime, page }) = opened {
        if let Err(error) = runtime.block_on(page.browser.end()) {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    }
    conclusion.exit_code()
}

type Test = for<'a> fn(&'a Page) -> Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// The browser, and what it runs in.
struct Opened {
    runtime: Runtime,
    page: Page,
}

/// The page in the browser.
struct Page {
    browser: Browser,
    url: String,
    _folder: TempDir,
}

fn run(shared: &Mutex<Option<Opened>>, test: Test) -> Result<(), Failed> {
    let told = |error: anyhow::Error| Failed::from(format!("{error:#}"));
    let mut shared = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if shared.is_none() {
        *shared = Some(open().map_err(told)?);
    }
    let Some(Opened { runtime, page }) = &*shared else {
        return Err("no browser".into());
    };
    let all = async {
        page.visit("").await?;
        test(page).await?;
        let console = page.browser.console().await?;
        ensure!(console.is_empty(), "on the console: {console:?}");
        Ok(())
    };
    runtime.block_on(all).map_err(told)
}

fn open() -> Result<Opened> {
    let runtime = Runtime::new()?;
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("page.html");
    let paths = Paths {
        html: Some(&path),
        ..Paths::default()
    };
    let subjects = ["old-0.9.1".to_owned(), "new-0.9.1".to_owned()];
    let run = Run {
        subjects: &subjects,
        outcomes: &outcomes(&subjects),
        took: Duration::from_secs(4),
    };
    Outputs::begin(paths)?.finish(&run)?;
    let page = Page {
        browser: runtime.block_on(Browser::start())?,
        url: format!("file://{}", path.display()),
        _folder: folder,
    };
    Ok(Opened { runtime, page })
}

/// A few runs of each kind.
fn outcomes(subjects: &[String; 2]) -> Vec<Outcome> {
    let [old, new] = subjects;
    let fine = |subject: &str, case, client, over| Outcome {
        subject: subject.to_owned(),
        case,
        client,
        over,
        status: Status::Pass,
        took: Duration::from_millis(580),
        detail: String::new(),
        failure: None,
        transcript: closed(),
        expected: Expected {
            status: Status::Pass,
            reason: None,
        },
    };
    let failed = |outcome: Outcome, failure: Failure, reason: Option<&str>| {
        let status = if failure.hang {
            Status::Hang
        } else {
            Status::Fail
        };
        Outcome {
            status,
            took: Duration::from_millis(1570),
            detail: failure.to_string(),
            failure: Some(failure),
            transcript: hanging(),
            expected: Expected {
                status: if reason.is_some() {
                    status
                } else {
                    Status::Pass
                },
                reason: reason.map(ToOwned::to_owned),
            },
            ..outcome
        }
    };
    let zero = "seed.zero-with-length";
    let hang = || {
        Failure::hang(
            "the connection closed within 1.00 s",
            "still open after 1.00 s",
        )
    };
    // Nothing breaks it but the page.
    let endless = format!("{NASTY}{}", "x".repeat(300));
    let nasty = || Failure::wrong(format!("a FIN {NASTY}"), endless.clone());
    let mut outcomes = Vec::new();
    for client in [Client::Raw, Client::Curl] {
        for over in [Transport::Plain, Transport::Tls] {
            let before = fine(old, zero, client, over);
            outcomes.push(failed(
                before,
                hang(),
                Some("finding 2: 0 reads as no limit"),
            ));
            outcomes.push(fine(new, zero, client, over));
        }
    }
    let idle = "idle.two-seconds-proxied";
    let skipped = Outcome {
        status: Status::Skip,
        detail: "no set_idle_timeout".into(),
        transcript: Record::default(),
        ..fine(old, idle, Client::Raw, Transport::Plain)
    };
    outcomes.push(skipped);
    outcomes.push(fine(new, idle, Client::Raw, Transport::Plain));
    // A surprise, with what wants to be markup in each place, and an id that nothing breaks.
    let long =
        "nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789";
    outcomes.push(failed(
        fine(old, long, Client::Raw, Transport::Plain),
        nasty(),
        Some(NASTY),
    ));
    outcomes.push(failed(
        fine(new, long, Client::Raw, Transport::Plain),
        nasty(),
        None,
    ));
    outcomes
}

fn record(entries: Vec<(u32, f64, Event)>) -> Record {
    let entries = entries
        .into_iter()
        .map(|(connection, millis, event)| Entry {
            connection,
            // A case begins after its turn has come.
            at: Duration::from_secs_f64((500.0 + millis) / 1000.0),
            event,
        });
    Record {
        entries: entries.collect(),
    }
}

fn exchange() -> Vec<(u32, f64, Event)> {
    let awaited = Awaited {
        what: "the connection closed within 1.00 s".into(),
        not_before: None,
        deadline: Some(Duration::from_millis(1560)),
    };
    vec![
        (1, 0.0, Event::Connected("proxy".into())),
        (
            1,
            0.1,
            Event::sent(b"GET / HTTP/1.1\r\nHost: subject.test\r\n\r\n"),
        ),
        (
            1,
            60.0,
            Event::received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x00\xff"),
        ),
        (1, 60.1, Event::Awaits(awaited)),
    ]
}

/// An exchange after which the server closes.
fn closed() -> Record {
    let mut events = exchange();
    events.push((1, 61.0, Event::Fin));
    record(events)
}

/// One after which it does not, beside one of a client that is not ours.
fn hanging() -> Record {
    let mut events = exchange();
    let said = format!("HTTP/1.1 200 {NASTY}\r\n");
    events.push((2, 200.0, Event::Connected(NASTY.into())));
    events.push((2, 210.0, Event::SentRecords(517)));
    events.push((1, 220.0, Event::received(said.as_bytes())));
    events.push((2, 230.0, Event::Reset));
    events.push((0, 240.0, Event::Note(NASTY.into())));
    record(events)
}

impl Page {
    /// Opens it anew, at what the part of the address after `#` names.
    async fn visit(&self, hash: &str) -> Result<()> {
        // Otherwise the same document would go on.
        self.browser.client().goto("about:blank").await?;
        let url = format!("{}{hash}", self.url);
        self.browser.client().goto(&url).await?;
        Ok(())
    }

    /// The value of an expression.
    async fn value(&self, expression: &str) -> Result<Value> {
        let script = format!("return {expression}");
        let value = self.browser.client().execute(&script, Vec::new()).await;
        value.with_context(|| expression.to_owned())
    }

    /// The text of what a selector finds first, as it is seen.
    async fn text(&self, selector: &str) -> Result<String> {
        let text = format!("document.querySelector({selector:?})?.innerText");
        let text = self.value(&text).await?;
        let text = text
            .as_str()
            .with_context(|| format!("nothing is {selector}"))?;
        Ok(text.to_owned())
    }

    async fn click(&self, selector: &str) -> Result<()> {
        let element = self
            .browser
            .client()
            .find(fantoccini::Locator::Css(selector))
            .await;
        element
            .with_context(|| selector.to_owned())?
            .click()
            .await?;
        Ok(())
    }

    /// Presses keys, one after the other.
    async fn press(&self, keys: &[Key]) -> Result<()> {
        let mut actions = KeyActions::new("keyboard".into());
        for key in keys {
            let value = char::from(*key);
            actions = actions.then(KeyAction::Down { value });
            actions = actions.then(KeyAction::Up { value });
        }
        self.browser.client().perform_actions(actions).await?;
        Ok(())
    }

    /// What a reader that is read to hears of what has the focus.
    async fn focused(&self) -> Result<String> {
        let label = "document.activeElement.ariaLabel ?? document.activeElement.innerText";
        let label = self.value(label).await?;
        Ok(label.as_str().unwrap_or_default().to_owned())
    }

    async fn is_open(&self) -> Result<bool> {
        Ok(self.value("document.querySelector('dialog').open").await? == json!(true))
    }

    /// Whether the page can be scrolled sideways.
    async fn is_too_wide(&self) -> Result<bool> {
        let wide = "[document.documentElement, document.querySelector('dialog')]
            .some((element) => element.scrollWidth > element.clientWidth)";
        Ok(self.value(wide).await? == json!(true))
    }
}

/// The text is all there.
fn has(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "{part:?} is not in: {text}");
    }
    Ok(())
}

async fn each_run_has_its_place(page: &Page) -> Result<()> {
    has(
        &page.text("#totals").await?,
        &[
            "old-0.9.1",
            "✗ 1 fail",
            "∞ 4 hang",
            "– 1 skip",
            "! 1 not as expected",
        ],
    )?;
    has(
        &page.text("#summary").await?,
        &["12 runs of 3 cases in 4.0 s"],
    )?;
    let rows = page
        .value(
            "[...document.querySelectorAll('.case')].map((row) =>
                [row.querySelector('a').innerText, ...[...row.querySelectorAll('.cell')].map((cell) =>
                    [...cell.querySelectorAll('button')].map((run) => run.innerText.replace(/\\s+/g, ' ')))])",
        )
        .await?;
    let expected = json!([
        ["seed.zero-with-length", ["∞ hang 1.57 s", "∞ hang curl 1.57 s"], ["✓ pass 0.58 s", "✓ pass curl 0.58 s"]],
        ["seed.zero-with-length@tls", ["∞ hang 1.57 s", "∞ hang curl 1.57 s"], ["✓ pass 0.58 s", "✓ pass curl 0.58 s"]],
        ["idle.two-seconds-proxied", ["– skip"], ["✓ pass 0.58 s"]],
        [
            "nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789",
            ["✗ fail 1.57 s"],
            ["✗ fail! 1.57 s"]
        ],
    ]);
    ensure!(rows == expected, "{rows:#}");
    has(
        &page.text(".case .sentence").await?,
        &["With Some(0) and a length"],
    )
}

async fn results_are_words(page: &Page) -> Result<()> {
    let mute = page
        .value(
            "[...document.querySelectorAll('.chip')].filter((run) =>
                !/pass|fail|hang|skip/.test(run.innerText) || !/^(pass|fail|hang|skip)/.test(run.ariaLabel)).length",
        )
        .await?;
    ensure!(mute == json!(0), "{mute} results without a word");
    page.visit("#seed.zero-with-length").await?;
    has(
        &page.text(".panel.hang .timeline").await?,
        &[
            "still open at",
            "deadline 1,060 ms",
            "the connection closed within",
            "RST at 230 ms",
        ],
    )?;
    has(
        &page.text(".panel.pass .timeline").await?,
        &["FIN at 61.0 ms", "ms"],
    )?;
    let mute = "[...document.querySelectorAll('.bar')].filter((bar) => !/ms: (sent|received) \\d/.test(bar.ariaLabel)).length";
    let mute = page.value(mute).await?;
    ensure!(mute == json!(0), "{mute} bars without words");
    Ok(())
}

async fn a_click_opens_the_timelines(page: &Page) -> Result<()> {
    page.click("[aria-label='hang: seed.zero-with-length with curl on old-0.9.1, 1.57 s']")
        .await?;
    ensure!(page.is_open().await?, "no dialog");
    let panels =
        page.value("[...document.querySelectorAll('.panel h3')].map((head) => head.innerText)");
    let panels = panels.await?;
    ensure!(panels == json!(["old-0.9.1", "new-0.9.1"]), "{panels}");
    has(
        &page.text(".panel.hang").await?,
        &[
            "∞ hang",
            "the connection closed within 1.00 s",
            "still open after 1.00 s",
            "finding 2: 0 reads as no limit",
            "→ 38 bytes: GET / HTTP/1.1",
            "← 40 bytes: HTTP/1.1 200 OK",
            "→ 517 bytes of TLS",
            "connection 2",
            "← RST",
            "nothing for 140 ms",
        ],
    )?;
    has(
        &page.text(".panel.pass .sequence").await?,
        &["← FIN", "✓ pass"],
    )?;
    let hidden = page.text(".panel.pass .sequence").await?;
    ensure!(
        !hidden.contains("Content-Length"),
        "the bytes are shown before they are asked for"
    );
    page.click(".panel.pass button.arrow.to-client").await?;
    has(
        &page.text(".panel.pass .sequence").await?,
        &["Content-Length: 2\\r\\n", "\\x00\\xff"],
    )?;
    // On the timeline they are shown while a bar has the focus.
    page.value("document.querySelector('.panel.hang .bar.sealed').focus()")
        .await?;
    has(
        &page.text(".bar:focus .tip").await?,
        &["210 ms", "517 bytes of TLS records"],
    )?;
    page.click(".details .close").await?;
    ensure!(!page.is_open().await?, "the dialog is still open");
    Ok(())
}

async fn keys_do_what_clicks_do(page: &Page) -> Result<()> {
    page.value("document.getElementById('fold').focus()")
        .await?;
    page.press(&[Key::Tab]).await?;
    has(&page.focused().await?, &["seed"])?;
    page.press(&[Key::Down, Key::Right, Key::Right]).await?;
    has(
        &page.focused().await?,
        &["hang: seed.zero-with-length with curl on old"],
    )?;
    page.press(&[Key::Down]).await?;
    has(
        &page.focused().await?,
        &["hang: seed.zero-with-length@tls with curl on old"],
    )?;
    page.press(&[Key::Up, Key::End]).await?;
    let last = "pass: seed.zero-with-length with curl on new";
    has(&page.focused().await?, &[last])?;
    let outline = page
        .value("getComputedStyle(document.activeElement).outlineStyle")
        .await?;
    ensure!(
        outline == json!("solid"),
        "the focus cannot be seen: {outline}"
    );
    page.press(&[Key::Enter]).await?;
    ensure!(page.is_open().await?, "Enter opens nothing");
    page.press(&[Key::Escape]).await?;
    ensure!(!page.is_open().await?, "Escape closes nothing");
    has(&page.focused().await?, &[last])?;
    let hash = page.value("location.hash").await?;
    ensure!(hash == json!(""), "the address still names {hash}");
    // One stop of the tab key: the next is out of the matrix, and back is the run that was left.
    page.press(&[Key::Home, Key::Up, Key::Left]).await?;
    let folded = page.value("document.activeElement.ariaExpanded").await?;
    ensure!(folded == json!("false"), "the area is not folded: {folded}");
    page.press(&[Key::Down]).await?;
    has(&page.focused().await?, &["idle"])
}

async fn a_case_has_a_link(page: &Page) -> Result<()> {
    page.visit("#seed.zero-with-length%40tls:curl:old-0.9.1")
        .await?;
    has(
        &page.text("#details-title").await?,
        &["seed.zero-with-length@tls"],
    )?;
    let pressed = "[...document.querySelectorAll('[aria-pressed=true]')].map((button) => button.innerText).join()";
    let chosen = page.value(pressed).await?;
    has(
        chosen.as_str().unwrap_or_default(),
        &["tls", "curl", "old-0.9.1", "new-0.9.1"],
    )?;
    // The next case, and back.
    page.click(".details-head .step:nth-of-type(2)").await?;
    let next = page.browser.client().wait().at_most(Duration::from_secs(5));
    next.for_element(fantoccini::Locator::XPath("//h2[contains(., 'idle.two')]"))
        .await?;
    page.browser.client().back().await?;
    let back = page.browser.client().wait().at_most(Duration::from_secs(5));
    back.for_element(fantoccini::Locator::XPath("//h2[contains(., '@tls')]"))
        .await?;
    page.visit("#seed.not-there").await?;
    has(&page.text("dialog").await?, &["has no case seed.not-there"])
}

async fn the_filter_leaves_what_is_asked_for(page: &Page) -> Result<()> {
    let left = "[...document.querySelectorAll('.case')].filter((row) => row.offsetParent).length";
    let set = |id: &str, value: &str| {
        format!(
            "(() => {{ const field = document.getElementById('filter-{id}'); field.value = '{value}';
                field.dispatchEvent(new Event('input', {{ bubbles: true }})); return {left}; }})()"
        )
    };
    for (id, value, rows) in [
        ("text", "ZERO tls", 1),
        ("text", "nothing like it", 0),
        ("text", "", 4),
        ("status", "differs", 3),
        ("status", "surprise", 1),
        ("status", "skip", 1),
        ("status", "", 4),
        ("area", "idle", 1),
        ("area", "", 4),
        ("over", "tls", 1),
        ("client", "curl", 1),
        ("over", "", 2),
    ] {
        let shown = page.value(&set(id, value)).await?;
        ensure!(
            shown == json!(rows),
            "{id} {value:?} leaves {shown} rows, not {rows}"
        );
    }
    has(&page.text("#count").await?, &["4 of 12 runs"])?;
    page.click("button[type=reset]").await?;
    let all = page.browser.client().wait().at_most(Duration::from_secs(5));
    all.for_element(fantoccini::Locator::XPath("//output[. = 'all 12 runs']"))
        .await?;
    Ok(())
}

async fn it_fits_a_phone(page: &Page) -> Result<()> {
    let phone = json!({ "width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": true });
    page.browser
        .devtools("Emulation.setDeviceMetricsOverride", phone)
        .await?;
    page.visit("").await?;
    let width = page.value("innerWidth").await?;
    let matrix = page.is_too_wide().await?;
    let mut wide = Vec::new();
    for case in [
        "seed.zero-with-length:curl",
        "nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789",
    ] {
        page.visit(&format!("#{case}")).await?;
        page.click(".choices:last-child button").await?;
        if page.is_too_wide().await? {
            wide.push(case);
        }
    }
    page.browser
        .devtools("Emulation.clearDeviceMetricsOverride", json!({}))
        .await?;
    ensure!(width == json!(360), "the page is {width} wide");
    ensure!(!matrix, "the matrix is wider than the phone");
    ensure!(wide.is_empty(), "wider than the phone: {wide:?}");
    Ok(())
}

async fn what_was_said_is_not_markup(page: &Page) -> Result<()> {
    page.visit("#nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789").await?;
    has(&page.text(".panel").await?, &[NASTY])?;
    page.click(".choices:last-child button").await?;
    let strange = page
        .value("[document.scripts.length, document.images.length, window.broken ?? null]")
        .await?;
    ensure!(strange == json!([2, 0, null]), "{strange}");
    Ok(())
}
