//! A file that a run writes at its end.

use std::fs::Permissions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{anyhow, bail, Context as _, Result};
use tempfile::NamedTempFile;

/// A file that has been begun beside its path and gets its name when it is complete, so that a
/// reader never sees half of it. A run takes a minute: that nothing can be written there is said
/// before.
#[derive(Debug)]
pub struct Output {
    path: PathBuf,
    file: NamedTempFile,
}

impl Output {
    /// Begins the file that `option` names.
    pub fn begin(option: &str, path: &Path) -> Result<Output> {
        let named = || format!("{option} {}", path.display());
        if path.as_os_str().is_empty() {
            bail!("{option} needs the path of a file");
        }
        if path.is_dir() || path.file_name().is_none() {
            bail!("{}: a folder; give the path of a file in it", named());
        }
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            bail!(
                "{}: there is no folder {}; make it first",
                named(),
                folder.display()
            );
        }
        let file = tempfile::Builder::new()
            .prefix(".harness-")
            // As any other file; the umask takes from it.
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(folder)
            .map_err(|error| {
                // The error itself names the file beside, which is none of the caller's.
                let (named, kind) = (named(), error.kind());
                anyhow!("{named}: cannot write in {}: {kind}", folder.display())
            })?;
        Ok(Output {
            path: path.to_owned(),
            file,
        })
    }

    /// Where the file will be.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file and gives it its name.
    pub fn finish(self, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let Output { path, file } = self;
        let named = || format!("{}: cannot be written", path.display());
        let mut buffered = BufWriter::new(file);
        write(&mut buffered).with_context(named)?;
        let file = buffered.into_inner().map_err(|error| error.into_error());
        file.with_context(named)?
            .persist(&path)
            .with_context(named)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(path: &Path) -> String {
        let begun = Output::begin("--html", path).map(|_| ());
        format!("{:#}", begun.expect_err("an error"))
    }

    #[test]
    fn a_path_that_cannot_be_written_is_told_before() {
        let directory = tempfile::tempdir().expect("a directory");
        let folder = directory.path();
        let missing = error(&folder.join("no/page.html"));
        assert!(missing.starts_with("--html "), "{missing}");
        assert!(missing.contains("there is no folder"), "{missing}");
        assert!(error(folder).contains("a folder; give the path of a file"));
        assert!(error(Path::new("")).contains("needs the path"));
        std::fs::write(folder.join("file"), "").expect("a file");
        assert!(error(&folder.join("file/page.html")).contains("there is no folder"));
    }

    #[test]
    fn nothing_is_seen_of_a_file_before_it_is_complete() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("page.html");
        std::fs::write(&path, "before").expect("a file");
        let output = Output::begin("--html", &path).expect("an output");
        output
            .finish(|file| {
                file.write_all(b"after")?;
                assert_eq!(std::fs::read(&path)?, b"before");
                Ok(())
            })
            .expect("a file");
        assert_eq!(std::fs::read(&path).expect("a file"), b"after");
        let broken = Output::begin("--html", &path).expect("an output");
        let failed = broken.finish(|_| bail!("it broke"));
        assert!(format!("{:#}", failed.expect_err("an error")).contains("page.html"));
        assert_eq!(std::fs::read(&path).expect("a file"), b"after");
        let left = std::fs::read_dir(directory.path()).expect("a directory");
        assert_eq!(left.count(), 1);
    }
}
