//! Applies one patch as one commit, with no fuzz and no offset.
//!
//! `git am` has no fuzz but accepts offsets without a word: a hunk then lands where its lines happen to
//! be found. So each hunk's lines are looked up first, at exactly the line it says.

use std::path::Path;

use anyhow::{anyhow, bail, ensure, Context, Result};

use crate::git::Git;
use crate::patch_file::{FileDiff, Hunk, PatchFile};

/// What whoever keeps the queue does about a patch that does not apply.
pub const MEND_THE_QUEUE: &str =
    "To mend it, move this patch and those after it out of the folder and of series, `materialize`, apply them there \
     (git am --3way) and `refresh`.";

/// Applies `text`, a patch that is shown as `name`, to the commit that is checked out. `remedy` says what
/// to do if it does not apply.
pub fn apply(git: &Git, name: &str, text: &str, remedy: &str) -> Result<()> {
    let patch = PatchFile::parse(text).with_context(|| format!("cannot read the patch {name}"))?;
    for file in &patch.files {
        fits(git.work_tree(), file)
            .map_err(|problem| problem.context(format!("the patch {name} does not apply")))
            .map_err(|problem| anyhow!("{problem:#}\n  {remedy}"))?;
    }
    let mbox = git.git_dir().join("applying.patch");
    std::fs::write(&mbox, text).with_context(|| format!("cannot write {}", mbox.display()))?;
    let mut args: Vec<std::ffi::OsString> = [
        "am",
        "--quiet",
        "--keep-non-patch",
        "--keep-cr",
        "--no-scissors",
        "--no-3way",
        "--no-gpg-sign",
        "--whitespace=nowarn",
        "--committer-date-is-author-date",
    ]
    .map(Into::into)
    .into();
    args.push(mbox.clone().into());
    git.run(args)
        .with_context(|| format!("the patch {name} does not apply"))?;
    std::fs::remove_file(&mbox).with_context(|| format!("cannot remove {}", mbox.display()))?;
    Ok(())
}

/// Checks that the old side of `file` is exactly what is in `tree`.
fn fits(tree: &Path, file: &FileDiff) -> Result<()> {
    if let Some(new_path) = &file.new_path {
        if file.old_path.as_ref() != Some(new_path) {
            ensure!(
                !tree.join(new_path).exists(),
                "\n  file: {new_path}\n  the patch makes this file, but it is already there"
            );
        }
    }
    let Some(old_path) = &file.old_path else {
        return Ok(());
    };
    let Ok(bytes) = std::fs::read(tree.join(old_path)) else {
        bail!("\n  file: {old_path}\n  the patch changes this file, but it is not there");
    };
    let text = String::from_utf8_lossy(&bytes);
    let unterminated = !text.is_empty() && !text.ends_with('\n');
    let lines: Vec<&str> = text.split_terminator('\n').collect();
    for hunk in &file.hunks {
        if let Some(problem) = misfit(hunk, &lines, unterminated) {
            bail!(
                "\n  file: {old_path}\n  hunk: {} (line {} of the patch)\n{problem}",
                hunk.header,
                hunk.line
            );
        }
    }
    Ok(())
}

/// What keeps `hunk` from standing at exactly its line.
fn misfit(hunk: &Hunk, lines: &[&str], unterminated: bool) -> Option<String> {
    let old: Vec<&str> = hunk.old_lines().map(|line| line.text.as_str()).collect();
    // Without old lines, the line it says is the one before it.
    let start = if old.is_empty() {
        hunk.old_start
    } else {
        hunk.old_start.checked_sub(1)?
    };
    let end = start + old.len();
    let there = lines.get(start..end);
    let ends_as_said = match hunk.old_lines().last() {
        Some(last) if last.unterminated => unterminated && end == lines.len(),
        Some(_) => !(unterminated && end == lines.len()),
        None => true,
    };
    if there == Some(old.as_slice()) && ends_as_said {
        return None;
    }

    let mut problem = format!("  expected from line {}:\n", start + 1);
    problem += &shown(old.iter().copied());
    problem += &format!("  found from line {}:\n", start + 1);
    match lines.get(start..end.min(lines.len())) {
        Some(found) if there == Some(old.as_slice()) => {
            problem += &shown(found.iter().copied());
            problem += "  (they differ in whether the file ends with a line end)\n";
        }
        Some(found) if !found.is_empty() => problem += &shown(found.iter().copied()),
        _ => problem += &format!("    (nothing: the file has {} lines)\n", lines.len()),
    }
    let elsewhere: Vec<usize> = if old.is_empty() {
        Vec::new()
    } else {
        lines
            .windows(old.len())
            .enumerate()
            .filter(|(at, window)| *at != start && *window == old.as_slice())
            .map(|(at, _)| at + 1)
            .collect()
    };
    match elsewhere.as_slice() {
        [] => problem += "  These lines stand nowhere in the file.",
        [line] => {
            problem += &format!(
                "  The expected lines stand at line {line}: that is an offset of {:+}, and offsets are refused.",
                *line as i128 - (start as i128 + 1)
            );
        }
        many => {
            let many: Vec<_> = many.iter().map(ToString::to_string).collect();
            problem += &format!(
                "  The expected lines stand at lines {}: offsets are refused.",
                many.join(", ")
            );
        }
    }
    Some(problem)
}

fn shown<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    lines.map(|line| format!("    | {line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(hunk: &str, file: &str) -> Option<String> {
        let text = format!(
            "From 0\nFrom: a <a@b>\nSubject: s\n\ndiff --git a/f b/f\n--- a/f\n+++ b/f\n{hunk}"
        );
        let patch = PatchFile::parse(&text).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("f"), file).unwrap();
        fits(dir.path(), &patch.files[0])
            .err()
            .map(|error| error.to_string())
    }

    #[test]
    fn a_hunk_at_its_line_fits() {
        assert_eq!(
            problem("@@ -2,2 +2,2 @@\n b\n-c\n+C\n", "a\nb\nc\nd\n"),
            None
        );
        assert_eq!(problem("@@ -1,0 +2 @@\n+x\n", "a\nb\n"), None);
        assert_eq!(
            problem(
                "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+B\n",
                "a\nb"
            ),
            None
        );
    }

    #[test]
    fn a_hunk_that_stands_elsewhere_is_refused_with_its_offset() {
        let text = problem("@@ -2,2 +2,2 @@\n b\n-c\n+C\n", "a\nnew\nb\nc\n").unwrap();
        assert!(text.contains("hunk: @@ -2,2 +2,2 @@"), "{text}");
        assert!(
            text.contains("found from line 2:\n    | new\n    | b\n"),
            "{text}"
        );
        assert!(
            text.contains("at line 3: that is an offset of +1"),
            "{text}"
        );
    }

    #[test]
    fn a_hunk_that_stands_nowhere_is_refused_with_the_lines_found() {
        let text = problem("@@ -2 +2 @@\n-b\n+B\n", "a\nx\n").unwrap();
        assert!(text.contains("expected from line 2:\n    | b\n"), "{text}");
        assert!(text.contains("found from line 2:\n    | x\n"), "{text}");
        assert!(text.contains("nowhere"), "{text}");
        let text = problem("@@ -7 +7 @@\n-b\n+B\n", "a\nx\n").unwrap();
        assert!(text.contains("the file has 2 lines"), "{text}");
    }

    #[test]
    fn a_missing_line_end_counts() {
        assert!(problem("@@ -2 +2 @@\n-b\n+B\n", "a\nb").is_some());
        assert!(problem(
            "@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+B\n",
            "a\nb\n"
        )
        .is_some());
    }
}
