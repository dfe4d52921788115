//! `refresh`: from the commits of a tree back to `patches/`.
//!
//! Each commit after the base becomes the file its `Patch:` trailer names, and the commits' order
//! becomes the order of `series`. Nothing is written before everything is known to be right: the patches
//! are first applied again, and must give the same files and messages.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{bail, ensure, Context, Result};

use crate::apply;
use crate::materialize::lock;
use crate::project::{Project, ENGINE};
use crate::queue::{fingerprint, Patch, Queue};
use crate::render::Scratch;
use crate::text::{counted, indented};
use crate::trailers::Trailers;
use crate::tree::{in_engine, Tree};
use crate::upstream::Upstream;

/// What to refresh.
#[derive(Debug, Clone)]
pub struct Request {
    /// A folder of `patches/`.
    pub version: String,
    /// The tree; `crates/patched/VERSION` if not given.
    pub out: Option<PathBuf>,
}

/// The files that were written or removed.
#[derive(Debug)]
pub struct Refreshed {
    /// The queue's folder, as shown.
    pub queue: String,
    /// Names of files, with what happened to each.
    pub changes: Vec<(String, &'static str)>,
    /// How many patches there are now.
    pub patches: usize,
}

impl fmt::Display for Refreshed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, what) in &self.changes {
            writeln!(f, "{what} {}/{file}", self.queue)?;
        }
        let changes = match self.changes.len() {
            0 => "unchanged".to_owned(),
            n => format!("{} changed", counted(n, "file", "files")),
        };
        let patches = counted(self.patches, "patch", "patches");
        write!(f, "{}: {patches}, {changes}", self.queue)
    }
}

/// Carries out `request`.
pub fn refresh(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<Refreshed> {
    let queue_dir = project.queue_dir(&request.version)?;
    let upstream = Upstream::load(&queue_dir, &request.version)?;
    let queue = Queue::load(&queue_dir)?;
    let dir = project.tree_dir(&request.version, false, request.out.as_deref())?;
    let _lock = match dir.parent() {
        Some(parent) if parent.is_dir() => lock(parent, progress)?,
        _ => None,
    };
    let Some(tree) = Tree::open(&dir)? else {
        bail!(
            "there is no tree at {}: run `materialize` first",
            dir.display()
        );
    };
    tree.ensure_clean()?;
    ensure_same_queue(&tree, &queue, project)?;

    let commits = tree.commits()?;
    ensure_fit(&tree, &commits, &upstream)?;
    let scratch = Scratch::borrowing(tree.git())?;
    let mut patches = Vec::new();
    for commit in &commits {
        let trailers = Trailers::parse(&message(&tree, commit)?);
        let name = trailers.patch.as_deref().unwrap_or_default();
        if let Some(problem) = trailers.case_problem() {
            progress(&format!("note: {name}: {problem}"));
        }
        patches.push(Patch {
            file_name: format!("{name}.patch"),
            text: scratch.render(commit)?,
        });
    }
    replay(&tree, &scratch, &commits, &patches)?;

    let changes = write(&queue, &patches)?;
    tree.mark_saved(&patches)?;
    Ok(Refreshed {
        queue: project.show(&queue_dir),
        changes,
        patches: patches.len(),
    })
}

/// Patches that came into the queue after the tree was made are not among its commits, and would be
/// dropped.
fn ensure_same_queue(tree: &Tree, queue: &Queue, project: &Project) -> Result<()> {
    let (then, now) = (tree.queue_fingerprint(), fingerprint(&queue.patches));
    if then == now {
        return Ok(());
    }
    let differing = |a: &str, b: &str| {
        let b: Vec<String> = b.lines().map(str::to_owned).collect();
        a.lines()
            .filter(|line| !b.iter().any(|other| other == line))
            .filter_map(|line| line.split_once("  "))
            .map(|(_, name)| name.to_owned())
            .collect::<Vec<_>>()
    };
    let mut names = differing(&now, &then);
    names.extend(differing(&then, &now));
    names.sort();
    names.dedup();
    let names = match names.as_slice() {
        [] => "the order in series".to_owned(),
        names => names.join(", "),
    };
    bail!(
        "{} has changed since {} was made from it ({names}), and writing it back would undo that. Materialize into \
         another folder (--out DIR), bring your commits over (git fetch and git cherry-pick) and run `refresh --out \
         DIR`; or take the changes to {} back",
        project.show(&queue.dir),
        tree.git().work_tree().display(),
        project.show(&queue.dir)
    );
}

/// Fails with everything that keeps the commits from being patches.
fn ensure_fit(tree: &Tree, commits: &[String], upstream: &Upstream) -> Result<()> {
    let mut problems = String::new();
    let mut names: HashMap<String, String> = HashMap::new();
    for commit in commits {
        let described = tree.describe(commit)?;
        let mut found = structure_problems(tree, commit, upstream)?;
        let trailers = Trailers::parse(&message(tree, commit)?);
        found.extend(trailers.problems());
        if let Some(name) = trailers.patch {
            if let Some(other) = names.insert(name.clone(), described.clone()) {
                found.push(format!(
                    "`Patch: {name}` is also the name of {other}: squash them, or rename one"
                ));
            }
        }
        if !found.is_empty() {
            problems += &format!("{}\n", indented(&described));
            for problem in found {
                problems += &format!("    - {problem}\n");
            }
        }
    }
    ensure!(
        problems.is_empty(),
        "these commits of {} cannot become patches:\n{problems}Mend them there (git rebase -i) and run `refresh` \
         again; nothing was written.",
        tree.git().work_tree().display()
    );
    Ok(())
}

/// What a commit touches that no patch may touch.
fn structure_problems(tree: &Tree, commit: &str, upstream: &Upstream) -> Result<Vec<String>> {
    let parents = tree.git().text(["log", "-1", "--format=%P", commit])?;
    if parents.split_whitespace().count() != 1 {
        return Ok(vec![
            "it is a merge: patches are a line of commits, so rebase instead".to_owned(),
        ]);
    }
    let paths = tree.git().text([
        "diff-tree",
        "-r",
        "-z",
        "--no-commit-id",
        "--name-only",
        "--no-renames",
        commit,
    ])?;
    let paths: Vec<&str> = paths.split('\0').filter(|path| !path.is_empty()).collect();
    let mut problems = Vec::new();
    if paths.is_empty() {
        problems.push("it changes nothing: drop it".to_owned());
    }
    for path in paths {
        problems.extend(path_problem(path, upstream));
    }
    Ok(problems)
}

/// Why no patch may touch `path`, if so.
pub fn path_problem(path: &str, upstream: &Upstream) -> Option<String> {
    let in_a_crate = upstream.crates.iter().any(|krate| {
        path.strip_prefix(krate.directory.as_str())
            .is_some_and(|rest| rest.starts_with('/'))
    });
    if in_engine(path) {
        Some(format!(
            "it touches {path}: that is a copy; make the change in crates/{ENGINE} and run `materialize`"
        ))
    } else if Path::new(path).file_name() == Some("Cargo.toml".as_ref()) {
        Some(format!(
            "it touches {path}: what patches add to manifests stands in patches/{}/manifest.toml",
            upstream.version
        ))
    } else if !in_a_crate {
        let crates: Vec<_> = upstream
            .crates
            .iter()
            .map(|k| k.directory.as_str())
            .collect();
        Some(format!(
            "it touches {path}, which is outside {}",
            crates.join(" and ")
        ))
    } else {
        None
    }
}

/// Applies the patches again and compares: not every commit survives being written as a mail.
fn replay(tree: &Tree, scratch: &Scratch, commits: &[String], patches: &[Patch]) -> Result<()> {
    let git = scratch.git();
    git.run(["checkout", "--quiet", "--detach", &tree.base()?])?;
    // Files (the tree object), author, date and message.
    let identity = |git: &crate::git::Git, commit: &str| {
        git.text([
            "log",
            "-1",
            "--format=%T%n%an <%ae> %ad%n%B",
            "--date=raw",
            commit,
        ])
    };
    for (commit, patch) in commits.iter().zip(patches) {
        let described = tree.describe(commit)?;
        apply::apply(git, &patch.file_name, &patch.text, apply::MEND_THE_QUEUE)
            .with_context(|| format!("{described} cannot be written as a patch"))?;
        ensure!(
            identity(git, "HEAD")? == identity(tree.git(), commit)?,
            "{described} cannot be written as a patch: applied again, its files, author or message differ. In the \
             message, lines that start with `diff -` or `---`, fields such as `From:` at its start, a subject that \
             starts with [..] or runs over several lines, and empty lines doubled are what a mail does not keep."
        );
    }
    Ok(())
}

/// Brings the queue's folder to `patches`: changed files are written beside and renamed into place.
fn write(queue: &Queue, patches: &[Patch]) -> Result<Vec<(String, &'static str)>> {
    let order: Vec<String> = patches
        .iter()
        .map(|patch| patch.file_name.clone())
        .collect();
    for name in &order {
        ensure!(
            queue.series.patches().any(|listed| listed == name) || !queue.dir.join(name).exists(),
            "{} exists but series does not list it: remove the file, or give the commit another `Patch:` name",
            queue.dir.join(name).display()
        );
    }
    let mut changes = Vec::new();
    for patch in patches {
        match queue
            .patches
            .iter()
            .find(|old| old.file_name == patch.file_name)
        {
            Some(old) if old == patch => continue,
            Some(_) => changes.push((patch.file_name.clone(), "changed")),
            None => changes.push((patch.file_name.clone(), "added")),
        }
        replace(&queue.dir, &patch.file_name, &patch.text)?;
    }
    // Only a new order is written: an unusual but valid layout of the file stays as it is.
    if !queue.series.patches().eq(order.iter().map(String::as_str)) {
        replace(&queue.dir, "series", &queue.series.reordered(&order).text())?;
        changes.push(("series".to_owned(), "changed"));
    }
    for old in &queue.patches {
        if !order.contains(&old.file_name) {
            let path = queue.dir.join(&old.file_name);
            std::fs::remove_file(&path)
                .with_context(|| format!("cannot remove {}", path.display()))?;
            changes.push((old.file_name.clone(), "removed"));
        }
    }
    Ok(changes)
}

fn replace(dir: &Path, name: &str, text: &str) -> Result<()> {
    let path = dir.join(name);
    let beside = dir.join(format!(".{name}.new"));
    std::fs::write(&beside, text)
        .and_then(|()| std::fs::rename(&beside, &path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn message(tree: &Tree, commit: &str) -> Result<String> {
    tree.git().text(["log", "-1", "--format=%B", commit])
}
