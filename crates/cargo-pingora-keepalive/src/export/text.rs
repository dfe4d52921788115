//! What is printed of one patch: the pull request's text, or a mail that `git am` takes.

use std::fmt::Write;

use anyhow::{Context, Result};

use super::needs::Step;
use crate::git::Git;
use crate::project::ENGINE;

/// Title, empty line, body.
pub(super) fn pull_request(git: &Git) -> Result<String> {
    let text = git.text(["log", "-1", "--format=%B", "HEAD"])?;
    Ok(format!("{}\n", text.trim_end()))
}

/// The commit with three lines of context. What it stands on is said where `git am` does not read it.
pub(super) fn mail(git: &Git, steps: &[Step], has_engine: bool) -> Result<String> {
    let mail = git.text([
        "format-patch",
        "-1",
        "--stdout",
        "--zero-commit",
        "--no-signature",
        "--no-numbered",
        "-U3",
        "HEAD",
    ])?;
    let (message, diff) = mail
        .split_once("\n---\n")
        .context("git format-patch wrote no `---` line")?;
    Ok(format!(
        "{message}\n---\n{}\n{diff}\n",
        stands_on(steps, has_engine)
    ))
}

/// What the last of `steps` stands on, a line each, and why.
pub(super) fn stands_on(steps: &[Step], has_engine: bool) -> String {
    let before = &steps[..steps.len().saturating_sub(1)];
    if before.is_empty() && !has_engine {
        return "stands on nothing else\n".to_owned();
    }
    let mut text = "stands on, in this order:\n".to_owned();
    if has_engine {
        let _ = writeln!(text, "  the engine, {ENGINE}");
    }
    for step in before {
        let _ = write!(text, "  {}: {}", step.name, step.subject);
        let _ = match &step.why {
            Some(why) => writeln!(text, " ({why})"),
            None => writeln!(text),
        };
    }
    text
}
