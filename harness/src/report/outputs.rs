//! The files that a run was asked for.

use std::path::{Path, PathBuf};

use anyhow::{bail, Result};

use super::file::Output;
use super::{html, json, junit, Run};

/// Where each kind of file is wanted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Paths<'a> {
    /// For programs.
    pub json: Option<&'a Path>,
    /// For the viewers of CI.
    pub junit: Option<&'a Path>,
    /// For people.
    pub html: Option<&'a Path>,
}

/// The files, begun before the run.
#[derive(Debug, Default)]
pub struct Outputs {
    json: Option<Output>,
    junit: Option<Output>,
    html: Option<Output>,
}

impl Outputs {
    /// Begins each, or says which cannot be written.
    pub fn begin(paths: Paths<'_>) -> Result<Outputs> {
        differ(paths)?;
        let begin = |option, path: Option<&Path>| {
            let begun = path.map(|path| Output::begin(option, path));
            begun.transpose()
        };
        Ok(Outputs {
            json: begin("--json", paths.json)?,
            junit: begin("--junit", paths.junit)?,
            html: begin("--html", paths.html)?,
        })
    }

    /// Writes each. One that fails does not keep the others from being written.
    pub fn finish(self, run: &Run<'_>) -> Result<()> {
        let done = [
            self.json
                .map(|output| output.finish(|file| json::write(file, run))),
            self.junit
                .map(|output| output.finish(|file| junit::write(file, run))),
            self.html
                .map(|output| output.finish(|file| html::write(file, run))),
        ];
        done.into_iter().flatten().collect()
    }
}

/// No two of the paths are the same.
fn differ(paths: Paths<'_>) -> Result<()> {
    let wanted = [
        ("--json", paths.json),
        ("--junit", paths.junit),
        ("--html", paths.html),
    ];
    let mut taken: Vec<(&str, PathBuf)> = Vec::new();
    for (option, path) in wanted {
        let Some(path) = path else { continue };
        let place = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        if let Some((other, _)) = taken.iter().find(|(_, other)| *other == place) {
            bail!("{other} and {option} both name {}", path.display());
        }
        taken.push((option, place));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_reports_in_one_file_are_an_error() {
        let same = Paths {
            json: Some(Path::new("report")),
            html: Some(Path::new("./report")),
            ..Paths::default()
        };
        let error = Outputs::begin(same).map(|_| ()).expect_err("an error");
        assert_eq!(error.to_string(), "--json and --html both name ./report");
    }
}
