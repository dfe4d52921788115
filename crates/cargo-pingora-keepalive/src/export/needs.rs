//! What a patch stands on: the earlier patches without which it does not apply or does not build.
//!
//! Going back from the patch, each earlier one is left out unless something that stays needs it:
//!
//! - because it changed lines that are changed or shown (see [`super::commute`]);
//! - because it brought a name that is used (see [`super::definitions`]);
//! - because a `Needs:` trailer says so.
//!
//! What stays is then moved to where it stands without what was left out, so that it applies exactly.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use anyhow::{Context, Result};

use super::commute::{Changed, Placed};
use super::definitions::{self, Name, Sources};
use crate::patch_file::PatchFile;
use crate::queue::Patch;

/// A patch as it is exported.
#[derive(Debug)]
pub struct Step {
    /// Its name in the queue.
    pub name: String,
    /// Its subject.
    pub subject: String,
    /// Its file, with the hunks where they stand on the steps before.
    pub text: String,
    /// Why the patch that was asked for needs it.
    pub why: Option<Why>,
}

/// Why a patch needs an earlier one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Why {
    /// The one that needs it.
    by: String,
    reason: Reason,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Reason {
    Lines(String),
    Name(String),
    Said,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by = &self.by;
        match &self.reason {
            Reason::Lines(file) => write!(f, "{by} changes the same lines of {file}"),
            Reason::Name(name) => write!(f, "{by} uses `{name}`"),
            Reason::Said => write!(f, "{by} says so"),
        }
    }
}

struct Entry<'p> {
    queued: &'p Patch,
    patch: PatchFile,
    /// Names that nothing had before it.
    brings: BTreeSet<Name>,
}

/// All of `patches`, as they stand.
pub fn all(patches: &[Patch]) -> Result<Vec<Step>> {
    let step = |queued: &Patch| {
        let patch = parsed(queued)?;
        Ok(Step {
            name: queued.name().to_owned(),
            subject: patch.subject,
            text: queued.text.clone(),
            why: None,
        })
    };
    patches.iter().map(step).collect()
}

/// The patch `name` of `patches`, and before it those it needs. `pristine` is the folder in which the
/// crates are without patches.
pub fn of(
    patches: &[Patch],
    name: &str,
    pristine: &Path,
    progress: &mut dyn FnMut(&str),
) -> Result<Vec<Step>> {
    let last = position(patches, name)?;
    let mut sources = Sources::pristine(pristine)?;
    let mut entries = Vec::new();
    for queued in &patches[..=last] {
        let patch = parsed(queued)?;
        let brings = sources
            .apply(&patch)
            .with_context(|| format!("cannot tell what {} defines", queued.file_name))?;
        entries.push(Entry {
            queued,
            patch,
            brings,
        });
    }
    for (file, error) in &sources.unread {
        progress(&format!(
            "note: {file} cannot be read as Rust, so the names in it do not count: {error}"
        ));
    }
    let mut kept: Vec<(usize, Placed<'_>, Option<Why>)> =
        vec![(last, Placed::unmoved(&entries[last].patch), None)];
    for (index, earlier) in entries[..last].iter().enumerate().rev() {
        match let_all_pass(earlier, &kept, &entries) {
            Ok(placed) => {
                for ((_, old, _), new) in kept.iter_mut().zip(placed) {
                    *old = new;
                }
            }
            Err(why) => kept.insert(0, (index, Placed::unmoved(&earlier.patch), Some(why))),
        }
    }
    let steps = kept.into_iter().map(|(index, placed, why)| Step {
        name: entries[index].queued.name().to_owned(),
        subject: entries[index].patch.subject.clone(),
        text: placed.text(&entries[index].queued.text),
        why,
    });
    Ok(steps.collect())
}

/// What is `kept` without `earlier` before it, or why it needs that.
fn let_all_pass<'p>(
    earlier: &Entry<'_>,
    kept: &[(usize, Placed<'p>, Option<Why>)],
    entries: &[Entry<'_>],
) -> Result<Vec<Placed<'p>>, Why> {
    let mut changed = Changed::by(&earlier.patch);
    let mut placed = Vec::new();
    for (index, later, _) in kept {
        let entry = &entries[*index];
        let why = |reason| Why {
            by: entry.queued.name().to_owned(),
            reason,
        };
        placed.push(
            changed
                .let_pass(later)
                .map_err(|file| why(Reason::Lines(file)))?,
        );
        if let Some(name) = definitions::used(&entry.patch, &earlier.brings) {
            return Err(why(Reason::Name(name.to_owned())));
        }
        let said = entry.patch.trailers.needs();
        if said.contains(&earlier.queued.name()) {
            return Err(why(Reason::Said));
        }
    }
    Ok(placed)
}

fn parsed(queued: &Patch) -> Result<PatchFile> {
    PatchFile::parse(&queued.text)
        .with_context(|| format!("cannot read the patch {}", queued.file_name))
}

/// Where in `patches` the one called `name` stands.
pub fn position(patches: &[Patch], name: &str) -> Result<usize> {
    let found = patches.iter().position(|patch| patch.name() == name);
    found.with_context(|| unknown(patches, name))
}

fn unknown(patches: &[Patch], name: &str) -> String {
    let is_like = |known: &&str| {
        known
            .split('-')
            .any(|word| name.split('-').any(|n| n == word))
    };
    let like: Vec<&str> = patches.iter().map(Patch::name).filter(is_like).collect();
    let like = match like.as_slice() {
        [] => String::new(),
        like => format!(" (like it: {})", like.join(", ")),
    };
    format!(
        "--pr {name}: there is no patch of that name{like}; `cargo pingora-keepalive check` lists them all"
    )
}
