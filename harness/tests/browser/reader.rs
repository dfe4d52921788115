//! What a reader finds and does.

use anyhow::{ensure, Result};
use fantoccini::key::Key;
use serde_json::json;

use crate::outcomes::NASTY;
use crate::page::Page;

/// The text is all there.
fn has(text: &str, parts: &[&str]) -> Result<()> {
    for part in parts {
        ensure!(text.contains(part), "{part:?} is not in: {text}");
    }
    Ok(())
}

pub(crate) async fn each_run_has_its_place(page: &Page) -> Result<()> {
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
        &["17 runs of 4 cases in 4.0 s"],
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
        ["seed.none-with-length", [], ["raw", "curl", "wget", "reqwest", "hyper"]],
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

pub(crate) async fn results_are_words(page: &Page) -> Result<()> {
    let mute = page
        .value(
            "[...document.querySelectorAll('.chip')].filter((run) =>
                !/pass|fail|hang|skip/.test((run.closest('.crowd') ?? run).innerText) || !/^(pass|fail|hang|skip)/.test(run.ariaLabel)).length",
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

pub(crate) async fn a_click_opens_the_timelines(page: &Page) -> Result<()> {
    page.click("[aria-label='hang: seed.zero-with-length with curl on old-0.9.1, 1.57 s']")
        .await?;
    page.opens().await?;
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
    page.closes().await?;
    Ok(())
}

pub(crate) async fn keys_do_what_clicks_do(page: &Page) -> Result<()> {
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
    page.opens().await?;
    page.press(&[Key::Escape]).await?;
    page.closes().await?;
    has(&page.focused().await?, &[last])?;
    // One stop of the tab key: the next is out of the matrix, and back is the run that was left.
    page.press(&[Key::Home, Key::Up, Key::Left]).await?;
    let folded = page.value("document.activeElement.ariaExpanded").await?;
    ensure!(folded == json!("false"), "the area is not folded: {folded}");
    page.press(&[Key::Down]).await?;
    has(&page.focused().await?, &["idle"])
}

pub(crate) async fn a_case_has_a_link(page: &Page) -> Result<()> {
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
    let title = "document.getElementById('details-title').innerText";
    page.becomes(&format!("{title}.includes('seed.none')"))
        .await?;
    page.browser.client().back().await?;
    page.becomes(&format!("{title}.includes('@tls')")).await?;
    page.visit("#seed.not-there").await?;
    has(&page.text("dialog").await?, &["has no case seed.not-there"])
}

pub(crate) async fn the_filter_leaves_what_is_asked_for(page: &Page) -> Result<()> {
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
        ("text", "", 5),
        ("status", "differs", 3),
        ("status", "surprise", 1),
        ("status", "skip", 1),
        ("status", "", 5),
        ("area", "idle", 1),
        ("area", "", 5),
        ("over", "tls", 1),
        ("client", "curl", 1),
        ("over", "", 3),
    ] {
        let shown = page.value(&set(id, value)).await?;
        ensure!(
            shown == json!(rows),
            "{id} {value:?} leaves {shown} rows, not {rows}"
        );
    }
    has(&page.text("#count").await?, &["5 of 17 runs"])?;
    page.click("button[type=reset]").await?;
    let count = "document.getElementById('count').innerText";
    page.becomes(&format!("{count} === 'all 17 runs'")).await
}

pub(crate) async fn it_fits_a_phone(page: &Page) -> Result<()> {
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

pub(crate) async fn what_was_said_is_not_markup(page: &Page) -> Result<()> {
    page.visit("#nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789").await?;
    has(&page.text(".panel").await?, &[NASTY])?;
    page.click(".choices:last-child button").await?;
    let strange = page
        .value("[document.scripts.length, document.images.length, window.broken ?? null]")
        .await?;
    ensure!(strange == json!([2, 0, null]), "{strange}");
    Ok(())
}
