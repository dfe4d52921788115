//! Progress on standard error: a moving line on a terminal, plain lines elsewhere.

use std::io::IsTerminal;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use indicatif::{ProgressBar, ProgressStyle};

use crate::subject::build;

/// Shows what is being done.
#[derive(Debug)]
pub struct Progress {
    terminal: bool,
}

impl Progress {
    /// On standard error.
    pub fn new() -> Progress {
        Progress {
            terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Runs a command as a step of this name. `line` sees each line of its output and may say what
    /// it is at.
    pub fn step(
        &self,
        name: &str,
        command: Command,
        mut line: impl FnMut(&str) -> Option<String>,
    ) -> Result<()> {
        let start = Instant::now();
        let bar = self.spinner(name);
        let mut done = 0_usize;
        let result = build::run(command, |text| {
            if let Some(at) = line(text) {
                done += 1;
                bar.set_message(format!("{done} done, {at}"));
            }
        });
        bar.finish_and_clear();
        let took = start.elapsed().as_secs_f64();
        match &result {
            Ok(()) => eprintln!("{name}: {took:.1} s"),
            Err(_) => eprintln!("{name}: failed after {took:.1} s"),
        }
        result.with_context(|| format!("{name} failed"))
    }

    /// A bar that counts to `total`.
    pub fn cases(&self, total: usize) -> Cases {
        let bar = if self.terminal {
            let bar = ProgressBar::new(total as u64);
            if let Ok(style) =
                ProgressStyle::with_template("{elapsed:>4} {bar:30} {pos}/{len} {msg}")
            {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            eprintln!("running {total} cases side by side");
            ProgressBar::hidden()
        };
        Cases { bar }
    }

    fn spinner(&self, name: &str) -> ProgressBar {
        if !self.terminal {
            eprintln!("{name} ...");
            return ProgressBar::hidden();
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {elapsed} {wide_msg}")
        {
            bar.set_style(style);
        }
        bar.set_prefix(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        bar
    }
}

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

/// Counts the cases of a run.
#[derive(Debug)]
pub struct Cases {
    bar: ProgressBar,
}

impl Cases {
    /// One is done.
    pub fn done(&self) {
        self.bar.inc(1);
        let left = self
            .bar
            .length()
            .unwrap_or(0)
            .saturating_sub(self.bar.position());
        if left > 0 && left < 4 {
            self.bar.set_message("waiting for the longest deadline");
        }
    }

    /// All are.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
