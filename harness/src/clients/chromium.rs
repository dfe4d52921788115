//! Headless Chromium: a page is a navigation, and it is done when the browser says that it has
//! loaded.
//!
//! Cases have the browser one after the other, as [drivers](super::leave) are had. Chromium opens a
//! connection more than it needs and leaves it unused.

use std::time::Duration;

use fantoccini::error::{CmdError, ErrorStatus};
use fantoccini::wd::TimeoutConfiguration;
use serde::Deserialize;
use serde_json::{json, Map, Value};

use super::fetch::Fetched;
use super::leave::Reusable;
use crate::browser::Browser;
use crate::case::{Context, Failure};
use crate::wire::Request;

/// How much later than the time it was given chromedriver may answer, before it is said to hang
/// itself.
const GRACE: Duration = Duration::from_secs(5);

/// What a page tells of how it was loaded.
const TOLD: &str = "const page = performance.getEntriesByType('navigation')[0];
    return {
        status: page.responseStatus,
        body_bytes: page.decodedBodySize,
        millis: page.responseEnd - page.requestStart,
        loaded: page.loadEventStart > 0,
    };";

/// A browser that goes from page to page.
#[derive(Debug)]
pub struct Chromium {
    browser: Browser,
    busy: bool,
}

#[derive(Debug, Deserialize)]
struct Told {
    status: u16,
    body_bytes: u64,
    millis: f64,
    loaded: bool,
}

impl Reusable for Chromium {
    fn is_free(&self) -> bool {
        !self.busy
    }
}

impl Chromium {
    /// Starts a browser that fetches what it is sent to and nothing else.
    pub async fn start() -> Result<Chromium, Failure> {
        let broken = |error: String| Failure::wrong("chromium to start", error);
        let browser = Browser::start()
            .await
            .map_err(|error| broken(format!("{error:#}")))?;
        for (command, parameters) in [
            ("Network.enable", json!({})),
            ("Network.setCacheDisabled", json!({ "cacheDisabled": true })),
            // Nobody asked for it; it would be another request of the case.
            (
                "Network.setBlockedURLs",
                json!({ "urls": ["*/favicon.ico"] }),
            ),
        ] {
            let done = browser.devtools(command, parameters).await;
            done.map_err(|error| broken(said(&error)))?;
        }
        Ok(Chromium {
            browser,
            busy: false,
        })
    }

    /// Lets it load a page, within `bound`.
    pub async fn fetch(
        &mut self,
        context: &Context,
        url: &str,
        request: &Request,
        bound: Duration,
    ) -> Result<Fetched, Failure> {
        // One that is left in the middle, when the case is given up, is not taken back.
        self.busy = true;
        let expected = format!("the page loaded within {bound:?}");
        let loading = tokio::time::timeout(bound + GRACE, self.load(url, request, bound));
        let Ok(loaded) = loading.await else {
            return Err(Failure::hang(expected, "nothing from chromedriver"));
        };
        self.busy = false;
        match loaded {
            Ok(told) if !told.loaded => Err(Failure::wrong(expected, "a page without its end")),
            Ok(told) => {
                let took = Duration::try_from_secs_f64(told.millis / 1000.0).unwrap_or_default();
                let (status, bytes) = (told.status, told.body_bytes);
                context.transcript.note(format!(
                    "chromium: {status}, loaded, {bytes} bytes of body, after {took:.0?}"
                ));
                Ok(Fetched {
                    status,
                    body_bytes: bytes,
                    took,
                })
            }
            Err(error) => {
                let said = said(&error);
                context.transcript.note(format!("chromium: {said}"));
                Err(match is_timeout(&error) {
                    true => Failure::hang(expected, "a page that keeps loading"),
                    false => Failure::wrong("the page loaded", said),
                })
            }
        }
    }

    async fn load(&self, url: &str, request: &Request, bound: Duration) -> Result<Told, CmdError> {
        let fields: Map<String, Value> = request
            .fields()
            .map(|(name, value)| (name, value.into()))
            .collect();
        let fields = json!({ "headers": fields });
        self.browser
            .devtools("Network.setExtraHTTPHeaders", fields)
            .await?;
        let client = self.browser.client();
        // chromedriver stops the page when its time is over.
        let timeouts = TimeoutConfiguration::new(None, Some(bound), None);
        client.update_timeouts(timeouts).await?;
        client.goto(url).await?;
        let told = client.execute(TOLD, Vec::new()).await?;
        Ok(serde_json::from_value(told)?)
    }
}

fn is_timeout(error: &CmdError) -> bool {
    matches!(error, CmdError::Standard(error) if error.error == ErrorStatus::Timeout)
}

/// The first line of an error; the others are a stack and versions.
fn said(error: &CmdError) -> String {
    let said = match error {
        CmdError::Standard(error) => error.message.to_string(),
        other => other.to_string(),
    };
    said.lines().next().unwrap_or_default().to_owned()
}
