//! Moves a patch before another one that it does not touch.
//!
//! Two neighbours in the queue can change places if the later one neither changes nor shows (with its
//! line of context) a line that the earlier one changed; its hunks then stand at other lines. What cannot
//! change places needs the other. This is arithmetic on line numbers: no file is read.

use std::collections::HashMap;

use crate::patch_file::{FileDiff, Hunk, HunkLineKind, PatchFile};

/// A patch, and how far each of its hunks stands from where its file says.
#[derive(Debug, Clone)]
pub struct Placed<'p> {
    patch: &'p PatchFile,
    /// By file and hunk, in lines.
    moved: Vec<Vec<isize>>,
}

/// What an earlier patch changed, as the patches after it meet it.
#[derive(Debug, Clone)]
pub struct Changed {
    files: HashMap<String, FileChange>,
}

#[derive(Debug, Clone)]
enum FileChange {
    /// Made, removed or renamed.
    Whole,
    Lines(Vec<Lines>),
}

/// `removed` lines gave way to `added` ones.
#[derive(Debug, Clone, Copy)]
struct Lines {
    /// First line, from 0: in the old file for what is to come, in the new one for what was done.
    start: usize,
    removed: usize,
    added: usize,
}

impl<'p> Placed<'p> {
    /// The patch where its file says.
    pub fn unmoved(patch: &'p PatchFile) -> Self {
        let moved = |file: &FileDiff| vec![0; file.hunks.len()];
        Self {
            patch,
            moved: patch.files.iter().map(moved).collect(),
        }
    }

    /// `text`, the file of this patch, with its hunks where they stand now.
    pub fn text(&self, text: &str) -> String {
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        for (file, moved) in self.patch.files.iter().zip(&self.moved) {
            let mut grown = 0;
            for (hunk, moved) in file.hunks.iter().zip(moved) {
                lines[hunk.line - 1] = header(hunk, *moved, grown);
                let lines = changes(hunk, 0);
                grown += lines.map(|lines| lines.net()).sum::<isize>();
            }
        }
        lines.join("\n")
    }
}

impl Changed {
    /// What `patch` changed.
    pub fn by(patch: &PatchFile) -> Self {
        let mut files = HashMap::new();
        for file in &patch.files {
            if is_whole(file) {
                for path in file.paths() {
                    files.insert(path.to_owned(), FileChange::Whole);
                }
                continue;
            }
            let mut grown = 0;
            let mut done = Vec::new();
            for hunk in &file.hunks {
                for lines in changes(hunk, 0) {
                    done.push(lines.shifted(grown));
                    grown += lines.net();
                }
            }
            files.insert(file.path().to_owned(), FileChange::Lines(done));
        }
        Self { files }
    }

    /// Lets `later`, the patch right after this one, go before it: `later` as it stands then, while this
    /// is where it stands after `later`. The error is the file in which `later` needs this one.
    pub fn let_pass<'p>(&mut self, later: &Placed<'p>) -> Result<Placed<'p>, String> {
        let mut passed = later.clone();
        for (file, moved) in later.patch.files.iter().zip(&mut passed.moved) {
            for path in file.paths() {
                match self.files.get_mut(path) {
                    None => {}
                    Some(FileChange::Lines(done)) if !is_whole(file) => {
                        pass_lines(done, file, moved).ok_or(path)?;
                        // Both paths of a file that is not renamed are the same.
                        break;
                    }
                    Some(_) => return Err(path.to_owned()),
                }
            }
        }
        Ok(passed)
    }
}

/// Moves the hunks of `file` before what was `done` to it, and what was done after them.
fn pass_lines(done: &mut [Lines], file: &FileDiff, moved: &mut [isize]) -> Option<()> {
    let mut coming = Vec::new();
    for (hunk, moved) in file.hunks.iter().zip(moved) {
        let start = first_line(hunk).checked_add_signed(*moved)?;
        coming.extend(changes(hunk, *moved));
        for lines in done.iter() {
            if touches(hunk, start, lines) {
                return None;
            }
            if lines.start + lines.added <= start {
                *moved -= lines.net();
            }
        }
    }
    for lines in done {
        let before = coming
            .iter()
            .filter(|coming| coming.start + coming.removed <= lines.start)
            .map(Lines::net)
            .sum();
        *lines = lines.shifted(before);
    }
    Some(())
}

/// Whether `hunk`, whose first line is `start`, changes or shows a line of `done`, or cannot tell where it
/// ends beside it because it has no context there.
fn touches(hunk: &Hunk, start: usize, done: &Lines) -> bool {
    let end = start + hunk.old_lines().count();
    let (done_start, done_end) = (done.start, done.start + done.added);
    if start < done_end && done_start < end {
        return true;
    }
    let is_context = |line: Option<&crate::patch_file::HunkLine>| {
        line.is_some_and(|line| line.kind == HunkLineKind::Context)
    };
    (done_end == start && !is_context(hunk.lines.first()))
        || (done_start == end && !is_context(hunk.lines.last()))
}

impl Lines {
    /// How many lines longer the file became.
    fn net(&self) -> isize {
        self.added as isize - self.removed as isize
    }

    fn shifted(self, by: isize) -> Self {
        Self {
            start: self.start.saturating_add_signed(by),
            ..self
        }
    }
}

/// A file that is made, removed or renamed has no lines that could be told apart from it.
fn is_whole(file: &FileDiff) -> bool {
    file.old_path != file.new_path
}

/// The hunk's first line in the old file, from 0.
fn first_line(hunk: &Hunk) -> usize {
    match hunk.old_lines().next() {
        Some(_) => hunk.old_start.saturating_sub(1),
        // Without old lines, the line it says is the one before it.
        None => hunk.old_start,
    }
}

/// The runs of changed lines of `hunk`, moved by `moved`, in the old file.
fn changes(hunk: &Hunk, moved: isize) -> impl Iterator<Item = Lines> {
    let mut at = first_line(hunk).saturating_add_signed(moved);
    let mut runs: Vec<Lines> = Vec::new();
    let mut open = false;
    for line in &hunk.lines {
        if line.kind == HunkLineKind::Context {
            open = false;
            at += 1;
            continue;
        }
        if !open {
            runs.push(Lines {
                start: at,
                removed: 0,
                added: 0,
            });
            open = true;
        }
        if let Some(run) = runs.last_mut() {
            match line.kind {
                HunkLineKind::Added => run.added += 1,
                _ => {
                    run.removed += 1;
                    at += 1;
                }
            }
        }
    }
    runs.into_iter()
}

/// The `@@` line of `hunk`, moved by `moved`, where the hunks before it made the file `grown` lines longer.
fn header(hunk: &Hunk, moved: isize, grown: isize) -> String {
    let old = hunk.old_lines().count();
    let new = hunk
        .lines
        .iter()
        .filter(|line| line.kind != HunkLineKind::Removed)
        .count();
    let first = first_line(hunk).saturating_add_signed(moved);
    // A side without lines names the line before it.
    let side = |first: usize, lines: usize| match lines {
        0 => format!("{first},0"),
        1 => format!("{}", first + 1),
        lines => format!("{},{lines}", first + 1),
    };
    let function = hunk.header.splitn(3, "@@").nth(2).unwrap_or_default();
    format!(
        "@@ -{} +{} @@{function}",
        side(first, old),
        side(first.saturating_add_signed(grown), new)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(path: &str, hunks: &str) -> String {
        format!(
            "From 0\nFrom: a <a@b>\nSubject: s\n\ndiff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n{hunks}"
        )
    }

    /// The hunks of `later` before `earlier`, or the file in which it needs it.
    fn moved(earlier: &str, later: &str) -> Result<String, String> {
        let (earlier, later) = (text("f", earlier), text("f", later));
        let earlier = PatchFile::parse(&earlier).unwrap();
        let patch = PatchFile::parse(&later).unwrap();
        let passed = Changed::by(&earlier).let_pass(&Placed::unmoved(&patch))?;
        let text = passed.text(&later);
        Ok(text.split_once("+++ b/f\n").unwrap().1.to_owned())
    }

    const TWO_MORE_AT_3: &str = "@@ -2,2 +2,4 @@\n b\n+x\n+y\n c\n";

    #[test]
    fn what_stands_below_moves_up() {
        assert_eq!(
            moved(TWO_MORE_AT_3, "@@ -9,2 +9,3 @@ fn f() {\n h\n+z\n i\n").unwrap(),
            "@@ -7,2 +7,3 @@ fn f() {\n h\n+z\n i\n"
        );
    }

    #[test]
    fn what_stands_above_stays() {
        let above = "@@ -1,2 +1 @@\n-a\n b\n";
        assert_eq!(moved(TWO_MORE_AT_3, above).unwrap(), above);
    }

    #[test]
    fn the_new_side_counts_the_patchs_own_lines() {
        let two = "@@ -1 +1,2 @@\n+0\n a\n@@ -9 +10,2 @@\n h\n+z\n";
        // The last hunk has no context below it, so it must not come to stand beside a change.
        assert_eq!(
            moved(TWO_MORE_AT_3, two).unwrap(),
            "@@ -1 +1,2 @@\n+0\n a\n@@ -7 +8,2 @@\n h\n+z\n"
        );
    }

    #[test]
    fn a_line_that_is_only_shown_is_needed() {
        assert_eq!(
            moved(TWO_MORE_AT_3, "@@ -4,2 +4,3 @@\n y\n+z\n c\n"),
            Err("f".to_owned())
        );
        // Right below the change, with a line of the file's own between.
        assert!(moved(TWO_MORE_AT_3, "@@ -5,2 +5,3 @@\n c\n+z\n d\n").is_ok());
    }

    #[test]
    fn a_gap_that_is_shown_is_needed() {
        let removed = "@@ -2,3 +2,2 @@\n b\n-c\n d\n";
        assert!(moved(removed, "@@ -2,2 +2,3 @@\n b\n+z\n d\n").is_err());
        assert!(moved(removed, "@@ -3,2 +3,3 @@\n d\n+z\n e\n").is_ok());
        assert!(moved(removed, "@@ -1,2 +1,3 @@\n a\n+z\n b\n").is_ok());
    }

    #[test]
    fn without_context_a_neighbour_is_needed() {
        let last = "@@ -2 +2,2 @@\n b\n+c\n";
        assert!(moved(last, "@@ -3 +3 @@\n-c\n+C\n").is_err());
        let first = "@@ -1 +1,2 @@\n+0\n a\n";
        assert!(moved(first, "@@ -2,2 +2 @@\n-a\n b\n").is_err());
    }

    #[test]
    fn a_file_that_is_made_is_needed_whole() {
        let made = "From 0\nFrom: a <a@b>\nSubject: s\n\ndiff --git a/f b/f\nnew file mode 100644\n--- /dev/null\n\
                    +++ b/f\n@@ -0,0 +1 @@\n+a\n";
        let made = PatchFile::parse(made).unwrap();
        let change = |path| {
            let text = text(path, "@@ -1 +1 @@\n-a\n+b\n");
            let patch = PatchFile::parse(&text).unwrap();
            Changed::by(&made)
                .let_pass(&Placed::unmoved(&patch))
                .map(|_| ())
        };
        assert_eq!(change("f"), Err("f".to_owned()));
        assert_eq!(change("g"), Ok(()));
    }

    #[test]
    fn what_was_passed_meets_the_next_one_further_down() {
        let earlier = PatchFile::parse(&text("f", "@@ -5,2 +5,3 @@\n e\n+x\n f\n")).unwrap();
        let mut earlier = Changed::by(&earlier);
        let first = text("f", "@@ -1,2 +1,4 @@\n a\n+1\n+2\n b\n");
        let first = PatchFile::parse(&first).unwrap();
        earlier.let_pass(&Placed::unmoved(&first)).unwrap();
        // `x` is line 8 by now.
        for (line, needs) in [(5, false), (6, true), (8, true), (9, false)] {
            let next = text("f", &format!("@@ -{line},3 +{line},2 @@\n ?\n-?\n ?\n"));
            let next = PatchFile::parse(&next).unwrap();
            let passes = earlier.clone().let_pass(&Placed::unmoved(&next));
            assert_eq!(passes.is_err(), needs, "line {line}");
        }
    }
}
