//! Which patches have to be proved again since a revision.

use anyhow::{Context as _, Result};
use cargo_pingora_keepalive::git::Git;
use cargo_pingora_keepalive::project::ENGINE;
use cargo_pingora_keepalive::series::{self, longest_common_order};

use super::patches::Series;
use crate::paths;

/// What has changed in the checkout, committed or not, since a revision.
#[derive(Debug, Default)]
struct Changes {
    /// Files, from the root of the repository.
    files: Vec<String>,
    /// The patch files that the series had, in order.
    order: Vec<String>,
}

/// The patches to prove since `revision`, ascending.
///
/// A patch counts as changed if its file did, if it is new, or if it was moved among the others;
/// patches behind an insertion were not moved. So does a patch that names a case whose file has
/// changed. Engine, `manifest.toml` and `upstream.toml` are part of every prefix: where one changed,
/// every patch has. The rest of the harness and the subject select nothing: a run of the harness
/// shows that its cases still pass with all patches and still fail without any.
pub(super) fn since(revision: &str, version: &str, series: &Series) -> Result<Vec<usize>> {
    let changes = Changes::since(revision, version)?;
    let texts = changed_case_files(&changes.files)?;
    Ok(select(version, series, &changes, &texts))
}

impl Changes {
    fn since(revision: &str, version: &str) -> Result<Changes> {
        let git = Git::at(&paths::root());
        let commit = git
            .commit(revision)?
            .with_context(|| format!("--since {revision}: no such revision"))?;
        let mut files = git.text(["diff", "--name-only", &commit, "--"])?;
        files.push('\n');
        files += &git.text(["ls-files", "--others", "--exclude-standard"])?;
        let path = format!("patches/{version}/series");
        let known = git.succeeds(["cat-file", "-e", &format!("{commit}:{path}")])?;
        let order = if known {
            let text = git.text(["show", &format!("{commit}:{path}")])?;
            let old = series::Series::parse(&text).with_context(|| format!("{revision}:{path}"))?;
            old.patches().map(str::to_owned).collect()
        } else {
            Vec::new()
        };
        Ok(Changes {
            files: files.lines().map(str::to_owned).collect(),
            order,
        })
    }
}

/// The texts of the files with cases among `files`.
fn changed_case_files(files: &[String]) -> Result<Vec<String>> {
    let cases = files
        .iter()
        .filter(|file| file.starts_with("harness/src/cases/"))
        .map(|file| paths::root().join(file))
        .filter(|path| path.is_file());
    cases
        .map(|path| std::fs::read_to_string(&path).with_context(|| path.display().to_string()))
        .collect()
}

fn select(version: &str, series: &Series, changes: &Changes, case_files: &[String]) -> Vec<usize> {
    let queue = format!("patches/{version}");
    let in_every_prefix = |file: &String| {
        file == &format!("{queue}/manifest.toml")
            || file == &format!("{queue}/upstream.toml")
            || file == &format!("crates/{ENGINE}/Cargo.toml")
            || file.starts_with(&format!("crates/{ENGINE}/src/"))
    };
    let all = changes.files.iter().any(in_every_prefix);
    let file_name = |name: &str| format!("{name}.patch");
    let order: Vec<_> = series.patches.iter().map(|p| file_name(&p.name)).collect();
    let old: Vec<_> = changes.order.iter().map(String::as_str).collect();
    let kept = longest_common_order(&old, &order);
    let chosen = series.patches.iter().enumerate().filter(|(_, patch)| {
        let path = format!("{queue}/{}", file_name(&patch.name));
        let in_changed_file = |id: &str| {
            let id = format!("\"{}\"", id.split('@').next().unwrap_or(id));
            case_files.iter().any(|text| text.contains(&id))
        };
        all || !kept.contains(file_name(&patch.name).as_str())
            || changes.files.contains(&path)
            || patch
                .claim
                .cases()
                .iter()
                .any(|case| in_changed_file(&case.id))
    });
    chosen.map(|(at, _)| at).collect()
}

#[cfg(test)]
mod tests {
    use super::super::patches::{Claim, Claimed, Patch};
    use super::*;

    fn series(patches: &[(&str, &str)]) -> Series {
        let patch = |(name, case): &(&str, &str)| Patch {
            name: (*name).to_owned(),
            kind: "bugfix".to_owned(),
            claim: Claim::Cases(vec![Claimed {
                id: (*case).to_owned(),
                runs: Vec::new(),
            }]),
            removed: Default::default(),
            edited: Default::default(),
        };
        Series {
            patches: patches.iter().map(patch).collect(),
        }
    }

    fn selected(old: &[&str], files: &[&str], case_files: &[&str]) -> Vec<usize> {
        let own = |texts: &[&str]| texts.iter().map(|t| t.to_string()).collect::<Vec<_>>();
        let series = series(&[
            ("a", "seed.one"),
            ("b", "idle.two@tls"),
            ("c", "seed.three"),
        ]);
        let changes = Changes {
            files: own(files),
            order: old.iter().map(|name| format!("{name}.patch")).collect(),
        };
        select("1", &series, &changes, &own(case_files))
    }

    #[test]
    fn a_patch_whose_file_changed_is_selected() {
        let old = &["a", "b", "c"];
        assert_eq!(selected(old, &[], &[]), [0; 0]);
        assert_eq!(selected(old, &["README.md"], &[]), [0; 0]);
        assert_eq!(selected(old, &["patches/1/b.patch"], &[]), [1]);
        assert_eq!(selected(old, &["patches/2/b.patch"], &[]), [0; 0]);
    }

    #[test]
    fn what_is_new_or_moved_is_selected_and_what_stands_behind_it_is_not() {
        assert_eq!(selected(&["b", "c"], &[], &[]), [0]);
        assert_eq!(selected(&["b", "a", "c"], &[], &[]).len(), 1);
        assert_eq!(selected(&["a", "gone", "b", "c"], &[], &[]), [0; 0]);
        assert_eq!(selected(&[], &[], &[]), [0, 1, 2]);
    }

    #[test]
    fn what_every_prefix_holds_selects_all() {
        let old = &["a", "b", "c"];
        for file in [
            "patches/1/manifest.toml",
            "patches/1/upstream.toml",
            "crates/pingora-keepalive/src/connection.rs",
            "crates/pingora-keepalive/Cargo.toml",
        ] {
            assert_eq!(selected(old, &[file], &[]), [0, 1, 2], "{file}");
        }
        let tests = "crates/pingora-keepalive/tests/properties.rs";
        assert_eq!(selected(old, &[tests], &[]), [0; 0]);
    }

    #[test]
    fn a_changed_case_selects_the_patches_that_name_it() {
        let text = "Case::new(\"idle.two\", ..), Case::new(\"seed.one-more\", ..)";
        assert_eq!(selected(&["a", "b", "c"], &[], &[text]), [1]);
    }
}
