//! `check`: the queue is well formed, as far as that shows without the crates.

use std::fmt;

use anyhow::Result;

use crate::manifest::Additions;
use crate::patch_file::{Hunk, PatchFile};
use crate::project::Project;
use crate::queue::{load_series, Queue};
use crate::refresh::path_problem;
use crate::text::counted;
use crate::upstream::Upstream;

const FROM_LINE: &str = "From 0000000000000000000000000000000000000000 Mon Sep 17 00:00:00 2001";

/// What was found.
#[derive(Debug)]
pub struct Report {
    /// A line a patch, in order.
    pub lines: Vec<String>,
    /// What is wrong, each naming its file.
    pub problems: Vec<String>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            writeln!(f, "{line}")?;
        }
        for problem in &self.problems {
            writeln!(f, "wrong: {problem}")?;
        }
        Ok(())
    }
}

/// Checks the queue of `version`.
pub fn check(project: &Project, version: &str) -> Result<Report> {
    let dir = project.queue_dir(version)?;
    let upstream = Upstream::load(&dir, version)?;
    Additions::load(&dir, &upstream)?;
    let series = load_series(&dir)?;
    let listed: Vec<&str> = series.patches().collect();
    let mut report = Report {
        lines: Vec::new(),
        problems: Vec::new(),
    };
    for file_name in Queue::patch_files(&dir)? {
        if !listed.contains(&file_name.as_str()) {
            let shown = project.show(&dir.join(&file_name));
            report
                .problems
                .push(format!("{shown}: series does not list it"));
        }
    }
    for (index, &file_name) in listed.iter().enumerate() {
        let path = dir.join(file_name);
        let shown = project.show(&path);
        let (line, problems) = match std::fs::read_to_string(&path) {
            Ok(text) => match PatchFile::parse(&text) {
                Ok(patch) => {
                    let mut problems = problems(file_name, &text, &patch, &upstream);
                    problems.extend(needs_problems(&patch, &listed[..index]));
                    (Some(summary(file_name, &patch)), problems)
                }
                Err(error) => (None, vec![format!("{error:#}")]),
            },
            Err(error) => (
                None,
                vec![format!("series lists it, but it cannot be read: {error}")],
            ),
        };
        report
            .lines
            .extend(line.map(|line| format!("{version} {line}")));
        report
            .problems
            .extend(problems.into_iter().map(|p| format!("{shown}: {p}")));
    }
    Ok(report)
}

/// `connection-options bugfix (2 files, 3 hunks): Subject [case.one, case.two]`
fn summary(file_name: &str, patch: &PatchFile) -> String {
    let hunks: usize = patch.files.iter().map(|file| file.hunks.len()).sum();
    format!(
        "{} {} ({}, {}): {} [{}]",
        file_name.trim_end_matches(".patch"),
        patch.trailers.kind.as_deref().unwrap_or("?"),
        counted(patch.files.len(), "file", "files"),
        counted(hunks, "hunk", "hunks"),
        patch.subject,
        patch.trailers.case_ids().join(", ")
    )
}

/// What it needs must come before it.
fn needs_problems(patch: &PatchFile, earlier: &[&str]) -> Vec<String> {
    patch
        .trailers
        .needs()
        .into_iter()
        .filter(|name| !earlier.contains(&format!("{name}.patch").as_str()))
        .map(|name| {
            format!("its trailer says `Needs: {name}`, but no patch before it has that name")
        })
        .collect()
}

fn problems(file_name: &str, text: &str, patch: &PatchFile, upstream: &Upstream) -> Vec<String> {
    let mut problems = patch.trailers.problems();
    problems.extend(patch.trailers.case_problem());
    if let Some(name) = &patch.trailers.patch {
        if file_name != format!("{name}.patch") {
            problems.push(format!(
                "its trailer says `Patch: {name}`, so its file should be {name}.patch"
            ));
        }
    }
    if patch.from_line != FROM_LINE {
        problems
            .push("its first line names a commit: it was not made with --zero-commit".to_owned());
    }
    if !text.contains("\nSubject: [PATCH] ") {
        problems.push(
            "its subject does not start with `[PATCH] `: it was not made with --no-numbered"
                .to_owned(),
        );
    }
    if text.contains("\n-- \n") {
        problems.push("it ends with a signature: it was not made with --no-signature".to_owned());
    }
    for file in &patch.files {
        for path in file.paths() {
            problems.extend(path_problem(path, upstream));
        }
        let has_full_index = file.index.as_deref().is_none_or(|index| {
            index
                .split("..")
                .all(|id| id.bytes().take_while(u8::is_ascii_hexdigit).count() == 40)
        });
        if !has_full_index {
            problems.push(format!(
                "{}: its index line is cut short: it was not made with --full-index",
                file.path()
            ));
        }
        problems.extend(
            file.hunks
                .iter()
                .filter(|hunk| has_more_context(hunk))
                .map(|hunk| {
                    format!(
                    "{}: the hunk {} has more than one line of context: it was not made with -U1",
                    file.path(),
                    hunk.header
                )
                }),
        );
    }
    problems.sort();
    problems.dedup();
    problems
}

/// With one line of context, git joins hunks that are no more than two lines apart.
fn has_more_context(hunk: &Hunk) -> bool {
    let (before, between, after) = hunk.context();
    before > 1 || between > 2 || after > 1
}
