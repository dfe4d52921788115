//! The page in the browser, and what a reader does with it.

use std::time::Duration;

use anyhow::{ensure, Context as _, Result};
use fantoccini::actions::{InputSource as _, KeyAction, KeyActions};
use fantoccini::key::Key;
use fantoccini::Locator;
use harness::browser::Browser;
use harness::report::outputs::{Outputs, Paths};
use harness::report::Run;
use serde_json::{json, Value};
use tempfile::TempDir;

use crate::outcomes::outcomes;

/// The page in the browser.
pub(crate) struct Page {
    pub(crate) browser: Browser,
    url: String,
    _folder: TempDir,
}

impl Page {
    /// Writes the page and opens a browser.
    pub(crate) async fn open() -> Result<Page> {
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
        Ok(Page {
            browser: Browser::start().await?,
            url: format!("file://{}", path.display()),
            _folder: folder,
        })
    }

    /// Opens it anew, at what the part of the address after `#` names.
    pub(crate) async fn visit(&self, hash: &str) -> Result<()> {
        // Otherwise the same document would go on.
        self.browser.client().goto("about:blank").await?;
        let url = format!("{}{hash}", self.url);
        self.browser.client().goto(&url).await?;
        Ok(())
    }

    /// The value of an expression.
    pub(crate) async fn value(&self, expression: &str) -> Result<Value> {
        let script = format!("return {expression}");
        let value = self.browser.client().execute(&script, Vec::new()).await;
        value.with_context(|| expression.to_owned())
    }

    /// The text of what a selector finds first, as it is seen.
    pub(crate) async fn text(&self, selector: &str) -> Result<String> {
        let text = format!("document.querySelector({selector:?})?.innerText");
        let text = self.value(&text).await?;
        let text = text
            .as_str()
            .with_context(|| format!("nothing is {selector}"))?;
        Ok(text.to_owned())
    }

    pub(crate) async fn click(&self, selector: &str) -> Result<()> {
        let element = self.browser.client().find(Locator::Css(selector)).await;
        element
            .with_context(|| selector.to_owned())?
            .click()
            .await?;
        Ok(())
    }

    /// Presses keys, one after the other.
    pub(crate) async fn press(&self, keys: &[Key]) -> Result<()> {
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
    pub(crate) async fn focused(&self) -> Result<String> {
        let label = "document.activeElement.ariaLabel ?? document.activeElement.innerText";
        let label = self.value(label).await?;
        Ok(label.as_str().unwrap_or_default().to_owned())
    }

    /// An expression becomes true: what follows a click or a key may take a moment.
    pub(crate) async fn becomes(&self, expression: &str) -> Result<()> {
        let script = format!(
            "const done = arguments[arguments.length - 1];
            const end = performance.now() + 10000;
            const look = () => {{
                const found = Boolean({expression});
                if (found || performance.now() > end) done(found);
                else setTimeout(look, 10);
            }};
            look();"
        );
        let found = self.browser.client().execute_async(&script, Vec::new());
        let found = found.await.with_context(|| expression.to_owned())?;
        ensure!(found == json!(true), "never became true: {expression}");
        Ok(())
    }

    pub(crate) async fn opens(&self) -> Result<()> {
        self.becomes("document.querySelector('dialog').open").await
    }

    /// The dialog closes, and the address no longer names what it showed.
    pub(crate) async fn closes(&self) -> Result<()> {
        let closed = "!document.querySelector('dialog').open && location.hash === ''";
        self.becomes(closed).await
    }

    /// Whether the page can be scrolled sideways.
    pub(crate) async fn is_too_wide(&self) -> Result<bool> {
        let wide = "[document.documentElement, document.querySelector('dialog')]
            .some((element) => element.scrollWidth > element.clientWidth)";
        Ok(self.value(wide).await? == json!(true))
    }
}
