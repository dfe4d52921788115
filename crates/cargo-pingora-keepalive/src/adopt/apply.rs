//! `apply`: the patched crates into a project, and cargo led to them.

use std::path::PathBuf;

use anyhow::{bail, Context, Result};

use crate::adopt::applied::{Applied, DEFAULT_DIR};
use crate::adopt::lock::{self, Changes, Lock};
use crate::adopt::locked::Locked;
use crate::adopt::paths::relative;
use crate::adopt::report::Report;
use crate::adopt::state::{self, LockUndo, State};
use crate::adopt::supported::Supported;
use crate::adopt::transaction::{self, Transaction};
use crate::adopt::vendored::{self, Files};
use crate::adopt::workspace::Workspace;
use crate::adopt::{place, resolve, root_manifest};
use crate::materialize::{self, Plan};
use crate::project::{Project, ENGINE};
use crate::text::counted;
use crate::upstream::Upstream;

/// What to apply where.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The project's manifest, or any of its members'.
    pub manifest_path: Option<PathBuf>,
    /// The tree's folder.
    pub dir: Option<PathBuf>,
    /// Only tell.
    pub dry_run: bool,
    /// Whether cargo must not use the network.
    pub offline: bool,
}

/// Everything that is decided before the first byte is written.
struct Work<'a> {
    workspace: &'a Workspace,
    upstream: &'a Upstream,
    crates: &'a [String],
    /// The tree's folder.
    dir: PathBuf,
    /// The same from the workspace root.
    shown: String,
    files: Files,
    state: State,
    old_state: Option<State>,
    /// Root manifest: as it is, as it shall be.
    manifest: (String, String),
    /// The lock file as it is, and as it was before any override.
    lock: (String, String),
}

/// Carries out `request` with the patches of `project`.
pub fn apply(
    project: &Project,
    request: &Request,
    progress: &mut dyn FnMut(&str),
) -> Result<Report> {
    let workspace = Workspace::find(request.manifest_path.as_deref())?;
    let root = workspace.root();
    let _lock = materialize::lock(root, progress)?;
    let supported = Supported::load(project)?;
    let wanted_dir = request.dir.as_deref().map(place::absolute).transpose()?;
    let default_dir = wanted_dir.clone().unwrap_or(root.join(DEFAULT_DIR));

    let manifest = workspace.manifest()?;
    let applied = Applied::find(root, &manifest, &supported, Some(&default_dir))?;
    let lock_text = workspace.lock()?;
    let lock = Lock::parse(&lock_text)?;
    let locked = Locked::find(&lock, &supported, applied.is_some())?;
    let dir = applied.as_ref().map_or(&default_dir, |a| &a.dir).clone();
    place::ensure_usable(&dir, applied.as_ref(), wanted_dir.as_deref(), root)?;
    if !request.dry_run {
        transaction::beside(&workspace.manifest_path())?;
    }

    let plan = Plan::load(project, &locked.upstream.version, false)?;
    let files = vendored::make(&plan, root, request.offline, progress)?;
    let names = plan.patches.iter().map(|patch| patch.file_name.clone());
    let mut state = State::new(
        &locked.upstream.version,
        vendored::made_from(project, &locked.upstream.version)?,
        names.collect(),
        vendored::sums(&files),
    );
    let shown = relative(root, &dir);
    let (new_manifest, undo) = root_manifest::with(&manifest, applied.as_ref(), &shown, &locked)?;
    state.manifest = undo;
    let lock_before = match &applied {
        None => lock_text.clone(),
        Some(applied) => applied.lock_without(&lock_text, &supported, locked.upstream)?,
    };
    let old_state = applied.and_then(|applied| applied.state);
    let work = Work {
        workspace: &workspace,
        upstream: locked.upstream,
        crates: &locked.crates,
        dir,
        shown,
        files,
        state,
        old_state,
        manifest: (manifest, new_manifest),
        lock: (lock_text, lock_before),
    };
    let expected = lock.overridden(work.crates, &engine_version(&work.files)?);
    let lock_lines = Changes::between(&lock, &expected).lines(&work.shown);
    if request.dry_run || (work.is_done() && lock_lines.is_empty()) {
        return Ok(work.report(request.dry_run, lock_lines));
    }
    let lock_lines = work.carry_out(&lock, request.offline)?;
    Ok(work.report(false, lock_lines))
}

fn engine_version(files: &Files) -> Result<String> {
    let manifest = files
        .get(&format!("{ENGINE}/Cargo.toml"))
        .and_then(|bytes| std::str::from_utf8(bytes).ok())
        .and_then(|text| text.parse::<toml_edit::DocumentMut>().ok());
    manifest
        .as_ref()
        .and_then(|manifest| manifest.get("package")?.get("version")?.as_str())
        .map(str::to_owned)
        .context("the engine's manifest names no version")
}

impl Work<'_> {
    fn tree_is_done(&self) -> bool {
        self.old_state
            .as_ref()
            .is_some_and(|old| old.files == self.state.files)
    }

    fn is_done(&self) -> bool {
        let made_from = self.old_state.as_ref().map(|old| &old.made_from);
        self.tree_is_done()
            && made_from == Some(&self.state.made_from)
            && self.manifest.0 == self.manifest.1
    }

    /// Writes the tree, the manifest and the lock file, or nothing. Gives the lines of what changed in
    /// the last.
    fn carry_out(&self, lock: &Lock, offline: bool) -> Result<Vec<String>> {
        let root = self.workspace.root();
        let mut transaction = Transaction::default();
        let parent = self.dir.parent().unwrap_or(root);
        let made = transaction.make_folders(parent).with_context(|| {
            format!(
                "cannot write in {}: make it writable and run this again (nothing was changed)",
                root.display()
            )
        })?;
        let mut state = self.state.clone();
        state.made_folders = match &self.old_state {
            Some(old) => old.made_folders.clone(),
            None => made.iter().map(|dir| relative(root, dir)).collect(),
        };
        // There from the first moment, so that a process that is killed leaves nothing that another
        // one could not take further or take back.
        self.put_tree(&mut transaction, &state)?;
        if self.manifest.0 != self.manifest.1 {
            transaction.write(&self.workspace.manifest_path(), &self.manifest.1)?;
        }
        transaction.guard(&self.workspace.lock_path())?;
        resolve::update_lock(root, offline)?;

        let text = self.workspace.lock()?;
        let after = Lock::parse(&text)?;
        let changes = Changes::between(lock, &after);
        self.check(&changes, &after)?;
        let again = lock::without_override(&text, self.upstream);
        state.lock = LockUndo {
            after: crate::download::sha256(text.as_bytes()),
            before: (again != self.lock.1).then(|| self.lock.1.clone()),
        };
        transaction.write(&self.dir.join(state::FILE), &state.text()?)?;
        transaction.commit();
        Ok(changes.lines(&self.shown))
    }

    fn put_tree(&self, transaction: &mut Transaction, state: &State) -> Result<()> {
        if self.tree_is_done() {
            return Ok(());
        }
        let temporary = transaction::beside(&self.dir)?;
        let new = temporary.path().join("tree");
        vendored::write(&self.files, &new)?;
        let path = new.join(state::FILE);
        std::fs::write(&path, state.text()?)
            .with_context(|| format!("cannot write {}", path.display()))?;
        transaction.put(&new, &self.dir)
    }

    /// Fails if the override is not in force or something else changed.
    fn check(&self, changes: &Changes, after: &Lock) -> Result<()> {
        let crates: Vec<&str> = self.crates.iter().map(String::as_str).collect();
        let unrelated = changes.unrelated(&crates, after);
        if !unrelated.is_empty() {
            bail!(
                "Cargo.lock is not in step with the manifests: cargo would change {} as well. Run `cargo update \
                 --workspace`, look at what it changes, and run this again (nothing was changed)",
                unrelated.join(", ")
            );
        }
        for name in &crates {
            if after.named(name).any(|package| package.source.is_some()) {
                bail!(
                    "cargo does not take {name} from {}: see [patch] in .cargo/config.toml, or whether a \
                     requirement rules out {} (nothing was changed)",
                    self.shown,
                    self.upstream.version
                );
            }
        }
        Ok(())
    }

    fn report(&self, dry_run: bool, lock: Vec<String>) -> Report {
        let change = match &self.old_state {
            _ if self.tree_is_done() => "unchanged",
            Some(_) => "updated",
            None => "created",
        };
        let tree = format!(
            "{}: {change}; {} {} with {}, {}",
            self.shown,
            self.crates.join(" and "),
            self.upstream.version,
            counted(self.state.patches.len(), "patch", "patches"),
            counted(self.files.len(), "file", "files"),
        );
        let undo = &self.state.manifest;
        let manifest = if self.manifest.0 == self.manifest.1 {
            ("Cargo.toml: unchanged".to_owned(), Vec::new())
        } else {
            let inserted = undo.exclude.iter().chain([&undo.overrides]);
            let lines = inserted.map(|text| text.trim().to_owned()).collect();
            ("Cargo.toml: added".to_owned(), lines)
        };
        let lock = if lock.is_empty() {
            ("Cargo.lock: unchanged".to_owned(), lock)
        } else {
            ("Cargo.lock: changed".to_owned(), lock)
        };
        Report {
            dry_run,
            parts: vec![(tree, Vec::new()), manifest, lock],
        }
    }
}
