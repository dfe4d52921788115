//! The page that `harness run --html` writes, as a reader has it: opened from disk in headless
//! Chromium and clicked through.
//!
//! One browser for all tests, which have it one after the other. Without a browser they are skipped,
//! with the command that installs it; where `HARNESS_REQUIRE_CLIENTS` is set they fail.

mod outcomes;
mod page;
mod reader;

use std::future::Future;
use std::pin::Pin;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{ensure, Result};
use harness::browser;
use libtest_mimic::{Arguments, Failed, Trial};
use tokio::runtime::Runtime;

use page::Page;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let tests: [(&str, Test); 8] = [
        ("each_run_has_its_place", |p| {
            Box::pin(reader::each_run_has_its_place(p))
        }),
        ("results_are_words", |p| {
            Box::pin(reader::results_are_words(p))
        }),
        ("a_click_opens_the_timelines", |p| {
            Box::pin(reader::a_click_opens_the_timelines(p))
        }),
        ("keys_do_what_clicks_do", |p| {
            Box::pin(reader::keys_do_what_clicks_do(p))
        }),
        ("a_case_has_a_link", |p| {
            Box::pin(reader::a_case_has_a_link(p))
        }),
        ("the_filter_leaves_what_is_asked_for", |p| {
            Box::pin(reader::the_filter_leaves_what_is_asked_for(p))
        }),
        ("it_fits_a_phone", |p| Box::pin(reader::it_fits_a_phone(p))),
        ("what_was_said_is_not_markup", |p| {
            Box::pin(reader::what_was_said_is_not_markup(p))
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
    let page = runtime.block_on(Page::open())?;
    Ok(Opened { runtime, page })
}
