//! Headless Chromium, steered through chromedriver.
//!
//! It starts with a profile of its own that is empty, asks nobody for anything but what it is sent
//! to, and ends with what holds it: Chromium listens to chromedriver on a pipe, which closes with
//! chromedriver however that ends.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::OnceLock;
use std::time::Duration;

use anyhow::{bail, Context as _, Result};
use fantoccini::error::CmdError;
use fantoccini::wd::WebDriverCompatibleCommand;
use fantoccini::{Client, ClientBuilder};
use http::Method;
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{json, Value};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use url::{ParseError, Url};

/// How long chromedriver and Chromium may take to start.
const START: Duration = Duration::from_secs(30);

/// The names that a Chromium goes by.
const BROWSERS: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What keeps Chromium from what is not asked of it.
const ARGUMENTS: [&str; 14] = [
    "--headless=new",
    // In a container root runs it, and its sandbox does not start there.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--hide-scrollbars",
    // It ends when chromedriver does.
    "--remote-debugging-pipe",
];

/// A running browser; ends when dropped.
#[derive(Debug)]
pub struct Browser {
    client: Client,
    driver: Child,
    // Its profile; goes when it does.
    _directory: TempDir,
}

/// Why no browser can be started here, and what to do about it.
pub fn missing() -> Option<&'static str> {
    static MISSING: OnceLock<bool> = OnceLock::new();
    let is_missing = || program(&["chromedriver"]).is_none() || program(&BROWSERS).is_none();
    MISSING.get_or_init(is_missing).then_some(
        "chromium or chromedriver is not installed: sudo apt-get install chromium chromium-driver",
    )
}

/// The first of these that is a file on the path.
fn program(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let candidates = names
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates.into_iter().find(|program| program.is_file())
}

impl Browser {
    /// Starts one.
    pub async fn start() -> Result<Browser> {
        let (Some(driver), Some(browser)) = (program(&["chromedriver"]), program(&BROWSERS)) else {
            bail!(missing().unwrap_or("no browser"));
        };
        let directory = tempfile::Builder::new().prefix("browser-").tempdir()?;
        let starting = async {
            let (driver, port) = listening(&driver).await?;
            let mut arguments: Vec<_> = ARGUMENTS.map(str::to_owned).into();
            let profile = directory.path().join("profile");
            arguments.push(format!("--user-data-dir={}", profile.display()));
            let wanted = json!({
                "browserName": "chrome",
                // The certificates of subjects are their own.
                "acceptInsecureCerts": true,
                "goog:loggingPrefs": { "browser": "ALL" },
                "goog:chromeOptions": { "binary": browser, "args": arguments },
            });
            let wanted = serde_json::from_value(wanted)?;
            let client = ClientBuilder::new(HttpConnector::new())
                .capabilities(wanted)
                .connect(&format!("http://127.0.0.1:{port}"))
                .await?;
            anyhow::Ok((client, driver))
        };
        let (client, driver) = tokio::time::timeout(START, starting)
            .await
            .context("chromium did not start in time")?
            .context("chromium did not start")?;
        Ok(Browser {
            client,
            driver,
            _directory: directory,
        })
    }

    /// What opens pages, finds elements and presses keys.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Sends a command of the DevTools protocol to the page at hand.
    pub async fn devtools(&self, command: &str, parameters: Value) -> Result<Value, CmdError> {
        let body = json!({ "cmd": command, "params": parameters });
        self.client
            .issue_cmd(Vendor("goog/cdp/execute", body))
            .await
    }

    /// What pages wrote to the console since this was asked last, errors of theirs among it.
    pub async fn console(&self) -> Result<Vec<String>, CmdError> {
        let entries = Vendor("se/log", json!({ "type": "browser" }));
        let entries = self.client.issue_cmd(entries).await?;
        let message = |entry: &Value| entry["message"].as_str().map(ToOwned::to_owned);
        let messages = entries.as_array().into_iter().flatten();
        Ok(messages.filter_map(message).collect())
    }

    /// Ends it and waits for that.
    pub async fn end(mut self) -> Result<()> {
        self.client.close().await?;
        self.driver.kill().await?;
        Ok(())
    }
}

/// A chromedriver and the port that it listens on. It looks for one that is free over IPv4, and gives
/// up if that is taken over IPv6: then the next may have more luck.
async fn listening(driver: &Path) -> Result<(Child, u16)> {
    const ATTEMPTS: usize = 10;
    let mut said = String::new();
    for _ in 0..ATTEMPTS {
        let mut driver = Command::new(driver)
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .context("chromedriver did not start")?;
        let output = driver.stdout.take().context("no output of chromedriver")?;
        let mut lines = BufReader::new(output).lines();
        while let Some(line) = lines.next_line().await? {
            let port = line.strip_prefix("ChromeDriver was started successfully on port ");
            if let Some(port) = port {
                let port = port.trim_end_matches('.').parse()?;
                // What it writes from now on is read, so that it can go on.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok((driver, port));
            }
            said = line;
        }
    }
    bail!("chromedriver does not listen: {said}")
}

/// A command of chromedriver that is not part of WebDriver.
#[derive(Debug)]
struct Vendor(&'static str, Value);

impl WebDriverCompatibleCommand for Vendor {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!(
            "session/{}/{}",
            session.unwrap_or_default(),
            self.0
        ))
    }

    fn method_and_body(&self, _: &Url) -> (Method, Option<String>) {
        (Method::POST, Some(self.1.to_string()))
    }
}
