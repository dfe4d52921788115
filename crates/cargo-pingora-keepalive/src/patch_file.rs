//! Reads a patch file: `git format-patch` form, one commit, text files only.
//!
//! Git applies the patches; what is read here is what git does not tell: whether each hunk stands at
//! exactly the line it says (see [`crate::apply`]) and whether a file has the agreed form (see
//! [`crate::check`]).

use anyhow::{bail, ensure, Context, Result};

use crate::trailers::Trailers;

/// A patch file, taken apart.
#[derive(Debug)]
pub struct PatchFile {
    /// The first line, `From COMMIT DATE`.
    pub from_line: String,
    /// Whose change it is.
    pub author: String,
    /// The subject without `[PATCH]`.
    pub subject: String,
    /// The trailers of its message.
    pub trailers: Trailers,
    /// The files it changes.
    pub files: Vec<FileDiff>,
}

/// The change of one file.
#[derive(Debug)]
pub struct FileDiff {
    /// Its path before; `None` for a new file.
    pub old_path: Option<String>,
    /// Its path after; `None` for a deleted file.
    pub new_path: Option<String>,
    /// The `index` line's ids, if there is one.
    pub index: Option<String>,
    /// The changed places.
    pub hunks: Vec<Hunk>,
}

/// One changed place.
#[derive(Debug)]
pub struct Hunk {
    /// The `@@` line, as it stands.
    pub header: String,
    /// Its line in the patch file, from 1.
    pub line: usize,
    /// First line in the old file, from 1 (0 if it has none).
    pub old_start: usize,
    /// Its lines.
    pub lines: Vec<HunkLine>,
}

/// One line of a hunk.
#[derive(Debug)]
pub struct HunkLine {
    /// What happens to it.
    pub kind: HunkLineKind,
    /// The line, without its end.
    pub text: String,
    /// Whether it ends the file without a line end.
    pub unterminated: bool,
}

/// What happens to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HunkLineKind {
    /// In both files.
    Context,
    /// Only in the old one.
    Removed,
    /// Only in the new one.
    Added,
}

impl FileDiff {
    /// The path to show: the new one, or that of the deleted file.
    pub fn path(&self) -> &str {
        self.new_path
            .as_deref()
            .or(self.old_path.as_deref())
            .unwrap_or_default()
    }

    /// All paths it touches.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.old_path
            .iter()
            .chain(&self.new_path)
            .map(String::as_str)
    }
}

impl Hunk {
    /// The lines of the old file it names.
    pub fn old_lines(&self) -> impl Iterator<Item = &HunkLine> {
        self.lines
            .iter()
            .filter(|line| line.kind != HunkLineKind::Added)
    }

    /// The longest run of context lines before, between and after its changes.
    pub fn context(&self) -> (usize, usize, usize) {
        let runs: Vec<&[HunkLine]> = self
            .lines
            .split(|line| line.kind != HunkLineKind::Context)
            .collect();
        match runs.as_slice() {
            [] => (0, 0, 0),
            [only] => (only.len(), 0, 0),
            [first, between @ .., last] => (
                first.len(),
                between.iter().map(|run| run.len()).max().unwrap_or(0),
                last.len(),
            ),
        }
    }
}

impl PatchFile {
    /// Reads the text of a patch file. Errors name the line.
    pub fn parse(text: &str) -> Result<Self> {
        // A carriage return before the line's end is the line's own.
        let lines: Vec<&str> = text.split_terminator('\n').collect();
        let mut reader = Reader { lines, next: 0 };
        let from_line = reader.take().unwrap_or_default().to_owned();
        ensure!(
            from_line.starts_with("From "),
            "line 1: expected `From COMMIT DATE`, as git format-patch writes it"
        );
        let (author, subject) = reader.headers()?;
        let message = format!("{subject}\n\n{}", reader.body());
        let mut files = Vec::new();
        while reader.peek().is_some() {
            let line = reader.next + 1;
            let file = reader.file().with_context(|| format!("line {line}"))?;
            files.extend(file);
        }
        ensure!(!files.is_empty(), "it changes no file");
        Ok(Self {
            from_line,
            author,
            subject,
            trailers: Trailers::parse(&message),
            files,
        })
    }
}

struct Reader<'a> {
    lines: Vec<&'a str>,
    next: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.lines.get(self.next).copied()
    }

    fn take(&mut self) -> Option<&'a str> {
        let line = self.peek();
        self.next += 1;
        line
    }

    /// The mail's header fields, to the empty line after them: author and subject.
    fn headers(&mut self) -> Result<(String, String)> {
        let (mut author, mut subject) = (None, None);
        let mut field = String::new();
        loop {
            let line = self.take().context("it ends within its header fields")?;
            if let Some(continued) = line.strip_prefix(' ') {
                field += " ";
                field += continued.trim_start();
                continue;
            }
            if let Some(value) = field.strip_prefix("From: ") {
                author = Some(value.to_owned());
            } else if let Some(value) = field.strip_prefix("Subject: ") {
                subject = Some(value.strip_prefix("[PATCH] ").unwrap_or(value).to_owned());
            }
            if line.is_empty() {
                break;
            }
            field = line.to_owned();
        }
        Ok((
            author.context("it has no `From:` field")?,
            subject.context("it has no `Subject:` field")?,
        ))
    }

    /// The message below the subject.
    fn body(&mut self) -> String {
        let mut body = String::new();
        while let Some(line) = self.peek() {
            if line.starts_with("diff --git ") {
                break;
            }
            body += line;
            body += "\n";
            self.next += 1;
        }
        body
    }

    /// One file's change; `None` for an empty line after the last.
    fn file(&mut self) -> Result<Option<FileDiff>> {
        let Some(line) = self.take() else {
            return Ok(None);
        };
        if line.is_empty() && self.peek().is_none() {
            return Ok(None);
        }
        let paths = line
            .strip_prefix("diff --git ")
            .with_context(|| format!("expected `diff --git a/PATH b/PATH`, found {line:?}"))?;
        let (mut old_path, mut new_path) = same_paths(paths);
        let mut index = None;
        let mut hunks = Vec::new();
        while let Some(line) = self.peek() {
            if line.starts_with("diff --git ") || line.is_empty() {
                break;
            }
            if line.starts_with("@@ ") {
                hunks.push(self.hunk()?);
                continue;
            }
            if line.starts_with("GIT binary patch") || line.starts_with("Binary files ") {
                bail!("it changes a binary file, which the queue does not carry");
            }
            self.next += 1;
            if let Some(ids) = line.strip_prefix("index ") {
                index = Some(ids.to_owned());
            } else if let Some(path) = line.strip_prefix("--- ") {
                old_path = prefixed_path(path, "a/")?;
            } else if let Some(path) = line.strip_prefix("+++ ") {
                new_path = prefixed_path(path, "b/")?;
            } else if let Some(path) = line.strip_prefix("rename from ") {
                old_path = Some(path.to_owned());
            } else if let Some(path) = line.strip_prefix("rename to ") {
                new_path = Some(path.to_owned());
            } else if line.starts_with("new file mode ") {
                old_path = None;
            } else if line.starts_with("deleted file mode ") {
                new_path = None;
            } else if !["old mode ", "new mode ", "similarity index "]
                .iter()
                .any(|known| line.starts_with(known))
            {
                bail!("cannot read {line:?}");
            }
        }
        ensure!(
            old_path.is_some() || new_path.is_some(),
            "cannot tell which file `diff --git {paths}` is about"
        );
        Ok(Some(FileDiff {
            old_path,
            new_path,
            index,
            hunks,
        }))
    }

    fn hunk(&mut self) -> Result<Hunk> {
        let line = self.next + 1;
        let header = self.take().unwrap_or_default().to_owned();
        let (old, new) = ranges(&header).with_context(|| format!("cannot read {header:?}"))?;
        let (mut old_left, mut new_left) = (old.1, new.1);
        let mut lines: Vec<HunkLine> = Vec::new();
        loop {
            if let (Some(rest), Some(last)) = (self.peek(), lines.last_mut()) {
                if rest.starts_with('\\') {
                    last.unterminated = true;
                    self.next += 1;
                    continue;
                }
            }
            if old_left == 0 && new_left == 0 {
                break;
            }
            let cut_short = || format!("the hunk {header} has fewer lines than it says");
            let text = self.take().with_context(cut_short)?;
            let (kind, in_old, in_new) = match text.as_bytes().first() {
                Some(b' ') => (HunkLineKind::Context, 1, 1),
                Some(b'-') => (HunkLineKind::Removed, 1, 0),
                Some(b'+') => (HunkLineKind::Added, 0, 1),
                _ => bail!(cut_short()),
            };
            old_left = old_left.checked_sub(in_old).with_context(cut_short)?;
            new_left = new_left.checked_sub(in_new).with_context(cut_short)?;
            lines.push(HunkLine {
                kind,
                text: text[1..].to_owned(),
                unterminated: false,
            });
        }
        Ok(Hunk {
            header,
            line,
            old_start: old.0,
            lines,
        })
    }
}

/// `a/PATH b/PATH` with one and the same path. Renames name their paths in lines of their own.
fn same_paths(paths: &str) -> (Option<String>, Option<String>) {
    let half = paths.len() / 2;
    let same = paths
        .is_char_boundary(half)
        .then(|| paths.split_at(half))
        .and_then(|(old, new)| {
            let old = old.strip_prefix("a/")?;
            let new = new.strip_prefix(" b/")?;
            (old == new).then(|| old.to_owned())
        });
    (same.clone(), same)
}

fn prefixed_path(path: &str, prefix: &str) -> Result<Option<String>> {
    if path == "/dev/null" {
        return Ok(None);
    }
    // Git ends a path that holds a space with a tab.
    let path = path.strip_suffix('\t').unwrap_or(path);
    let path = path.strip_prefix(prefix).with_context(|| {
        format!("the path {path} does not start with {prefix}: paths are relative to upstream's repository root")
    })?;
    Ok(Some(path.to_owned()))
}

/// The `(start, length)` of both sides of `@@ -start,length +start,length @@ ...`.
fn ranges(header: &str) -> Option<((usize, usize), (usize, usize))> {
    let (old, rest) = header.strip_prefix("@@ -")?.split_once(" +")?;
    let (new, _) = rest.split_once(" @@")?;
    let range = |text: &str| {
        let (start, length) = text.split_once(',').unwrap_or((text, "1"));
        Some((start.parse().ok()?, length.parse().ok()?))
    };
    Some((range(old)?, range(new)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATCH: &str = "\
From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001
From: Ann Author <ann@example.org>
Date: Sat, 1 Feb 2025 10:00:00 +0100
Subject: [PATCH] Read every line of a field that is long enough to be folded by
 git

Why.

Patch: read-every-line
Kind: bugfix

diff --git a/core/src/a.rs b/core/src/a.rs
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/core/src/a.rs
+++ b/core/src/a.rs
@@ -3,2 +3,3 @@ fn f() {
 one
--- two
+++ two
+three
@@ -9 +11 @@
-end
\\ No newline at end of file
+end
diff --git a/core/src/b.rs b/core/src/b.rs
new file mode 100644
index 0000000000000000000000000000000000000000..2222222222222222222222222222222222222222
--- /dev/null
+++ b/core/src/b.rs
@@ -0,0 +1 @@
+new
diff --git a/core/src/c.rs b/core/src/d.rs
similarity index 100%
rename from core/src/c.rs
rename to core/src/d.rs
";

    #[test]
    fn a_patch_is_taken_apart() {
        let patch = PatchFile::parse(PATCH).unwrap();
        assert_eq!(patch.author, "Ann Author <ann@example.org>");
        assert_eq!(
            patch.subject,
            "Read every line of a field that is long enough to be folded by git"
        );
        assert_eq!(patch.trailers.patch.as_deref(), Some("read-every-line"));
        let [a, b, moved] = patch.files.as_slice() else {
            panic!("{:#?}", patch.files)
        };
        assert_eq!(a.paths().collect::<Vec<_>>(), ["core/src/a.rs"; 2]);
        assert_eq!(a.hunks[0].old_start, 3);
        let old: Vec<_> = a.hunks[0].old_lines().map(|l| l.text.as_str()).collect();
        assert_eq!(old, ["one", "-- two"]);
        assert_eq!(a.hunks[0].context(), (1, 0, 0));
        assert!(a.hunks[1].lines[0].unterminated && !a.hunks[1].lines[1].unterminated);
        assert_eq!((&b.old_path, b.path()), (&None, "core/src/b.rs"));
        assert_eq!(
            moved.paths().collect::<Vec<_>>(),
            ["core/src/c.rs", "core/src/d.rs"]
        );
    }

    #[test]
    fn what_cannot_be_read_is_an_error_with_its_line() {
        let error = |text: &str| format!("{:#}", PatchFile::parse(text).unwrap_err());
        assert!(error("").starts_with("line 1:"));
        assert!(error("From 0\nSubject: x").contains("within its header fields"));
        let short = PATCH.replace("@@ -9 +11 @@", "@@ -9,5 +11 @@");
        assert!(
            error(&short).contains("fewer lines than it says"),
            "{}",
            error(&short)
        );
        let no_prefix = PATCH.replace("--- a/core", "--- core");
        assert!(error(&no_prefix).contains("does not start with a/"));
    }

    #[test]
    fn no_cut_of_a_patch_makes_the_reader_panic() {
        for end in 0..PATCH.len() {
            let _ = PatchFile::parse(&PATCH[..end]);
            let _ = PatchFile::parse(&PATCH[end..]);
        }
    }
}
