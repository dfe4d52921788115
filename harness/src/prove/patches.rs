//! The series as the proof sees it: what each patch claims, and which of upstream's tests it
//! rewrites.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context as _, Result};
use cargo_pingora_keepalive::patch_file::{HunkLineKind, PatchFile};
use cargo_pingora_keepalive::project::Project;
use cargo_pingora_keepalive::queue::Queue;

use crate::paths;
use crate::runner::Job;
use crate::selection::{nearest, Selection};

/// The patches of a version, in order.
#[derive(Clone, Debug)]
pub struct Series {
    /// From the first to the last.
    pub patches: Vec<Patch>,
}

/// One patch.
#[derive(Clone, Debug)]
pub struct Patch {
    /// Its `Patch:` trailer.
    pub name: String,
    /// Its `Kind:` trailer.
    pub kind: String,
    /// Its `Case:` trailer.
    pub claim: Claim,
    /// The functions that it takes away or renames.
    pub removed: BTreeSet<String>,
    /// The lines that it takes away or changes, by file, counted from 1 in the file without it.
    pub edited: BTreeMap<String, Vec<usize>>,
}

/// What a patch says can be seen of it.
#[derive(Clone, Debug)]
pub enum Claim {
    /// Cases that fail without it and pass with it.
    Cases(Vec<Claimed>),
    /// Nothing, and why.
    None(String),
}

/// A case of a trailer.
#[derive(Clone, Debug)]
pub struct Claimed {
    /// As the trailer has it.
    pub id: String,
    /// With each client over each transport.
    pub runs: Vec<Job>,
}

impl Claim {
    /// The cases, if there are any.
    pub fn cases(&self) -> &[Claimed] {
        match self {
            Claim::Cases(cases) => cases,
            Claim::None(_) => &[],
        }
    }
}

impl Series {
    /// Reads the patches of the version that `subject` is built on.
    pub fn load(version: &str, subject: &str) -> Result<Series> {
        let project = Project::find(Some(paths::root()))?;
        let queue = Queue::load(&project.queue_dir(version)?)?;
        let read = queue.patches.iter().map(|patch| {
            let path = project.show(&queue.dir.join(&patch.file_name));
            Patch::read(&patch.file_name, &patch.text, subject).context(path)
        });
        Ok(Series {
            patches: read.collect::<Result<_>>()?,
        })
    }

    /// The place of a patch, from 0.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.patches.iter().position(|patch| patch.name == name)
    }

    /// The place of a patch that must be there.
    pub fn find(&self, name: &str) -> Result<usize> {
        self.position(name).with_context(|| {
            let names: Vec<_> = self.patches.iter().map(|p| p.name.as_str()).collect();
            format!("no patch is called {name}{}", nearest(name, &names))
        })
    }

    /// A name for the first `length` patches: their number and the last of them.
    pub fn prefix_name(&self, length: usize) -> String {
        let last = length.checked_sub(1).and_then(|at| self.patches.get(at));
        let last = last.map_or("no-patch", |patch| &patch.name);
        format!("{length:02}-{last}")
    }

    /// The functions that changes of behaviour among the first `length` patches take away or rename:
    /// tests of upstream that may be gone.
    pub fn rewritten(&self, length: usize) -> BTreeSet<&str> {
        let patches = self.patches.iter().take(length);
        patches
            .filter(|patch| patch.changes_behaviour())
            .flat_map(|patch| patch.removed.iter().map(String::as_str))
            .collect()
    }
}

impl Patch {
    fn read(file_name: &str, text: &str, subject: &str) -> Result<Patch> {
        let patch = PatchFile::parse(text)?;
        let claim = match patch.trailers.no_case_because() {
            Some(reason) => Claim::None(reason.to_owned()),
            None => {
                let ids = patch.trailers.case_ids();
                anyhow::ensure!(!ids.is_empty(), "no `Case:` trailer");
                let cases = ids.into_iter().map(|id| Claimed::new(id, subject));
                Claim::Cases(cases.collect::<Result<_>>()?)
            }
        };
        Ok(Patch {
            name: file_name.trim_end_matches(".patch").to_owned(),
            kind: patch.trailers.kind.clone().unwrap_or_default(),
            claim,
            removed: removed_functions(&patch),
            edited: edited_lines(&patch),
        })
    }

    /// Whether it may rewrite tests of upstream.
    pub fn changes_behaviour(&self) -> bool {
        self.kind == "behaviour-change"
    }
}

impl Claimed {
    fn new(id: &str, subject: &str) -> Result<Claimed> {
        let selection = Selection::new(&[subject.to_owned()], &[id.to_owned()], &[], &[])?;
        Ok(Claimed {
            id: id.to_owned(),
            runs: selection.jobs(),
        })
    }
}

/// The functions whose head is removed and not added again.
fn removed_functions(patch: &PatchFile) -> BTreeSet<String> {
    let heads = |kind: HunkLineKind| {
        let hunks = patch.files.iter().flat_map(|file| &file.hunks);
        hunks
            .flat_map(|hunk| &hunk.lines)
            .filter(move |line| line.kind == kind)
            .filter_map(|line| function_name(&line.text))
            .collect::<BTreeSet<_>>()
    };
    let added = heads(HunkLineKind::Added);
    let removed = heads(HunkLineKind::Removed).into_iter();
    removed.filter(|name| !added.contains(name)).collect()
}

fn edited_lines(patch: &PatchFile) -> BTreeMap<String, Vec<usize>> {
    let mut edited = BTreeMap::new();
    for file in &patch.files {
        let Some(path) = &file.old_path else {
            continue;
        };
        let lines: &mut Vec<_> = edited.entry(path.clone()).or_default();
        for hunk in &file.hunks {
            let mut number = hunk.old_start;
            for line in &hunk.lines {
                match line.kind {
                    HunkLineKind::Added => continue,
                    HunkLineKind::Removed => lines.push(number),
                    HunkLineKind::Context => {}
                }
                number += 1;
            }
        }
    }
    edited
}

/// The name of the function whose head a line is.
pub(super) fn function_name(line: &str) -> Option<String> {
    let (before, after) = line.split_once("fn ")?;
    let is_head = before
        .split_whitespace()
        .all(|word| matches!(word, "async" | "const" | "unsafe") || word.starts_with("pub"));
    let name = after.split(['(', '<']).next()?;
    (is_head && !name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_patch_of_the_queue_can_be_read() {
        let series = Series::load("0.9.1", "patched-0.9.1").expect("a series");
        assert!(series.patches.iter().all(|patch| match &patch.claim {
            Claim::Cases(cases) => cases.iter().all(|case| !case.runs.is_empty()),
            Claim::None(reason) => !reason.is_empty(),
        }));
        assert_eq!(series.prefix_name(0), "00-no-patch");
        assert!(series.prefix_name(1).starts_with("01-"));
        let error = series.find("idle-tiemout").expect_err("an error");
        assert!(error.to_string().contains("did you mean idle-timeout"));
    }

    #[test]
    fn a_trailer_names_cases_that_there_are() {
        let text = |case: &str| {
            format!(
                "From 0 Mon Sep 17 00:00:00 2001\nFrom: A <a@b>\nDate: D\nSubject: [PATCH] S\n\nWhy.\n\n\
                 Patch: one\nKind: bugfix\nCase: {case}\nUpstream: not filed\n\n\
                 diff --git a/f b/f\nindex 1..2 100644\n--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n\
                 -    async fn gone() {{\n-    pub(crate) fn kept<T>(a: T) {{\n\
                 +    fn kept() {{\n+    fn new() {{\n"
            )
        };
        let read = |case: &str| Patch::read("one.patch", &text(case), "patched-0.9.1");
        let patch = read("seed.zero-with-length, idle.half-a-second").expect("a patch");
        assert_eq!(patch.claim.cases().len(), 2);
        assert_eq!(patch.removed, BTreeSet::from(["gone".to_owned()]));
        assert_eq!(patch.edited, BTreeMap::from([("f".to_owned(), vec![1, 2])]));
        let none = read("none: only a test can").expect("a patch");
        assert!(matches!(none.claim, Claim::None(reason) if reason == "only a test can"));
        let error = read("seed.zero-with-lenght").expect_err("an error");
        assert!(format!("{error:#}").contains("seed.zero-with-length"));
    }
}
