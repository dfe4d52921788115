//! Progress on standard error: a moving line on a terminal, plain lines elsewhere.

use std::cell::Cell;
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

    /// A bar that shows how much of `time` has passed.
    pub fn soak(&self, time: Duration) -> Soak {
        let bar = if self.terminal {
            let bar = ProgressBar::new(time.as_secs());
            if let Ok(style) = ProgressStyle::with_template("{elapsed:>4} {bar:20} {wide_msg}") {
                bar.set_style(style);
            }
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        } else {
            eprintln!("soaking for {} s", time.as_secs());
            ProgressBar::hidden()
        };
        let told = Cell::new(Duration::ZERO);
        Soak { bar, told }
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

/// Shows how far a soak is.
#[derive(Debug)]
pub struct Soak {
    bar: ProgressBar,
    /// Up to when it was told, where there is no terminal.
    told: Cell<Duration>,
}

impl Soak {
    /// How often it is told where there is no terminal.
    const TELL: Duration = Duration::from_secs(30);

    /// This much of the time has passed, with this result so far.
    pub fn at(&self, passed: Duration, so_far: &str) {
        self.bar.set_position(passed.as_secs());
        self.bar.set_message(so_far.to_owned());
        if self.bar.is_hidden() && passed >= self.told.get() + Self::TELL {
            self.told.set(passed);
            eprintln!("{} s: {so_far}", passed.as_secs());
        }
    }

    /// It is over.
    pub fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
