//! Builds the commits: the ground they stand on, the engine, the patches.

use anyhow::{Context, Result};

use super::clone::Clone;
use super::definitions::mentions;
use super::needs::Step;
use super::{message, workspace};
use crate::git::Git;
use crate::materialize::{add_engine, base_message, write_workspace, Plan};
use crate::patch_file::PatchFile;
use crate::project::{Project, ENGINE};
use crate::{apply, download, unpack};

/// What the engine's commit says.
const ENGINE_MESSAGE: &str = "Add pingora-keepalive, which decides when a connection ends

Whether an HTTP/1.x connection persists, for how long it may be idle and
what each wait on it may take is decided in many places: the reuse loop,
the session, the proxy and each application. What one of them says in a
header field, another one does not do.

This crate holds these decisions and nothing else. `Connection` owns what
outlives a request, turns policy, the client's wish and the framing into
one outcome when a response head is written, and ends with one reason. It
does no I/O and reads no clock: callers report what happened and pass the
time, so that unit and property tests cover it without a socket.

Nothing calls it yet. It has no dependencies of its own.
";

/// What is built from, and where.
pub(super) struct Builder<'a> {
    pub(super) project: &'a Project,
    pub(super) plan: &'a Plan<'a>,
    pub(super) clone: Option<&'a Clone>,
    /// The repository, with nothing in it yet.
    pub(super) git: &'a Git,
    /// The branch that is checked out in the end.
    pub(super) branch: &'a str,
    pub(super) offline: bool,
}

impl Builder<'_> {
    /// The commit without engine and patches, checked out as the branch.
    pub(super) fn base(&self, progress: &mut dyn FnMut(&str)) -> Result<String> {
        if let Some(clone) = self.clone {
            clone.copy_to(self.git, self.branch)?;
            return Ok(clone.commit.clone());
        }
        let upstream = &self.plan.upstream;
        let dir = self.git.work_tree();
        unpack_crates(self.project, self.plan, self.offline, dir, progress)?;
        write_workspace(upstream, true, dir)?;
        self.git.commit_base(&base_message(upstream, true))?;
        // Stays on the base, so that `git log main..` shows the rest.
        self.git.run(["checkout", "--quiet", "-B", self.branch])?;
        self.git.text(["rev-parse", "HEAD"])
    }

    /// Commits the engine, where `steps` use it, and `steps`. Says whether they do.
    pub(super) fn commit(&self, steps: &[Step]) -> Result<bool> {
        let patches = steps
            .iter()
            .map(|step| PatchFile::parse(&step.text))
            .collect::<Result<Vec<_>>>()?;
        let needs_engine = self
            .plan
            .additions
            .are_needed(|word| patches.iter().any(|patch| mentions(patch, word)));
        if needs_engine {
            self.commit_engine(&steps[0], &patches[0])
                .with_context(|| match self.clone {
                    Some(clone) => format!(
                        "cannot add the engine to {} of {}",
                        clone.revision,
                        clone.shown()
                    ),
                    None => "cannot add the engine".to_owned(),
                })?;
        }
        let remedy = self.remedy();
        for step in steps {
            let text = message::as_pull_request(&step.text);
            apply::apply(self.git, &step.name, &text, &remedy)?;
        }
        Ok(needs_engine)
    }

    /// The engine's author and date are those of the first patch.
    fn commit_engine(&self, first: &Step, patch: &PatchFile) -> Result<()> {
        let Plan {
            upstream,
            additions,
            ..
        } = self.plan;
        let dir = self.git.work_tree();
        if self.clone.is_some() {
            workspace::add_engine(self.project, upstream, additions, dir)?;
        } else {
            add_engine(self.project, upstream, additions, dir)?;
            write_workspace(upstream, false, dir)?;
        }
        let mut paths = vec![ENGINE.to_owned(), "Cargo.toml".to_owned()];
        paths.extend(
            upstream
                .crates
                .iter()
                .map(|krate| format!("{}/Cargo.toml", krate.directory)),
        );
        let mut add = vec!["add".to_owned(), "--force".to_owned(), "--".to_owned()];
        add.extend(paths);
        self.git.run(add)?;
        let date = first
            .text
            .lines()
            .find_map(|line| line.strip_prefix("Date: "));
        let git = date.map_or_else(|| self.git.clone(), |date| self.git.dated(date));
        let author = format!("--author={}", patch.author);
        git.run([
            "commit",
            "--quiet",
            "--no-verify",
            &author,
            "--message",
            ENGINE_MESSAGE,
        ])?;
        Ok(())
    }

    /// What to do where a patch does not apply.
    fn remedy(&self) -> String {
        let Some(clone) = self.clone else {
            return apply::MEND_THE_QUEUE.to_owned();
        };
        let (shown, version, branch) = (clone.shown(), &self.plan.upstream.version, self.branch);
        let revision = &clone.revision;
        format!(
            "{revision} of {shown} is not what the patches are written against, which is Pingora {version}. To bring them \
             to another revision, export onto the release (--onto {shown} without @REVISION) and let git merge: git rebase \
             --onto {revision} BASE {branch}, with the BASE that export names"
        )
    }
}

/// The crates as they were published, in `dir`.
pub(super) fn unpack_crates(
    project: &Project,
    plan: &Plan<'_>,
    offline: bool,
    dir: &std::path::Path,
    progress: &mut dyn FnMut(&str),
) -> Result<()> {
    for checked in &download::crates(&plan.upstream, project.root(), offline, progress)? {
        unpack::unpack(checked, &plan.upstream, dir)?;
    }
    Ok(())
}
