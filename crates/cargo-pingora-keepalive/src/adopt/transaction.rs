//! Changes to files and folders that are all made or none.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Takes back what was done through it when it is dropped, unless committed before.
#[derive(Debug, Default)]
pub struct Transaction {
    undo: Vec<Undo>,
    /// What was replaced is kept here until the end.
    aside: Vec<tempfile::TempDir>,
}

#[derive(Debug)]
enum Undo {
    Write(PathBuf, Option<Vec<u8>>),
    Rename { from: PathBuf, to: PathBuf },
    RemoveTree(PathBuf),
    RemoveFolder(PathBuf),
}

impl Transaction {
    /// Remembers the file at `path`, which something else may change from now on.
    pub fn guard(&mut self, path: &Path) -> Result<()> {
        let bytes = match std::fs::read(path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read {}", path.display()))
            }
        };
        self.undo.push(Undo::Write(path.to_path_buf(), bytes));
        Ok(())
    }

    /// Gives the file at `path` these contents, all at once.
    pub fn write(&mut self, path: &Path, contents: &str) -> Result<()> {
        self.guard(path)?;
        replace(path, contents.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Makes `dir` and what is missing above it; gives the new ones, innermost first.
    pub fn make_folders(&mut self, dir: &Path) -> Result<Vec<PathBuf>> {
        let missing: Vec<PathBuf> = dir
            .ancestors()
            .take_while(|dir| !dir.exists())
            .map(Path::to_path_buf)
            .collect();
        for dir in missing.iter().rev() {
            std::fs::create_dir(dir).with_context(|| format!("cannot make {}", dir.display()))?;
            self.undo.push(Undo::RemoveFolder(dir.clone()));
        }
        Ok(missing)
    }

    /// Puts the folder `new`, on the same file system, at `place`. What is there goes.
    pub fn put(&mut self, new: &Path, place: &Path) -> Result<()> {
        self.take_out(place)?;
        std::fs::rename(new, place)
            .with_context(|| format!("cannot put the tree at {}", place.display()))?;
        self.undo.push(Undo::RemoveTree(place.to_path_buf()));
        Ok(())
    }

    /// Removes the folder at `place`, if there is one.
    pub fn take_out(&mut self, place: &Path) -> Result<()> {
        if !place.exists() {
            return Ok(());
        }
        let aside = beside(place)?;
        let away = aside.path().join("tree");
        std::fs::rename(place, &away)
            .with_context(|| format!("cannot move {} out of the way", place.display()))?;
        self.undo.push(Undo::Rename {
            from: away,
            to: place.to_path_buf(),
        });
        self.aside.push(aside);
        Ok(())
    }

    /// Keeps what was done.
    pub fn commit(self) {
        self.commit_without(&[]);
    }

    /// Keeps what was done, and removes those of `folders` that are left empty.
    pub fn commit_without(mut self, folders: &[PathBuf]) {
        self.undo.clear();
        self.aside.clear();
        for dir in folders {
            // One that holds something else by now stays.
            let _ = std::fs::remove_dir(dir);
        }
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            let done = match &undo {
                Undo::Write(path, Some(bytes)) => match std::fs::read(path) {
                    Ok(there) if there == *bytes => Ok(()),
                    _ => replace(path, bytes),
                },
                Undo::Write(path, None) => match std::fs::remove_file(path) {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
                    _ => Ok(()),
                },
                Undo::Rename { from, to } => std::fs::rename(from, to),
                Undo::RemoveTree(dir) => std::fs::remove_dir_all(dir),
                Undo::RemoveFolder(dir) => std::fs::remove_dir(dir),
            };
            if let Err(error) = done {
                eprintln!("warning: could not take back a change ({undo:?}): {error}");
            }
        }
    }
}

/// A temporary folder beside `place`, so that renaming between the two needs no copy.
pub fn beside(place: &Path) -> Result<tempfile::TempDir> {
    let parent = place
        .parent()
        .with_context(|| format!("{} cannot be a tree's folder", place.display()))?;
    tempfile::Builder::new()
        .prefix(".pingora-keepalive-")
        .tempdir_in(parent)
        .with_context(|| {
            format!(
                "cannot write in {}: make it writable and run this again (nothing was changed)",
                parent.display()
            )
        })
}

/// Writes beside and renames, so that nobody sees half a file.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    // A link stays a link.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    let parent = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new()
        .prefix(".pingora-keepalive-")
        .tempfile_in(parent)?;
    std::io::Write::write_all(&mut file, bytes)?;
    match std::fs::metadata(&path) {
        Ok(metadata) => file.as_file().set_permissions(metadata.permissions())?,
        Err(_) => make_readable(file.as_file())?,
    }
    file.as_file().sync_all()?;
    file.persist(&path)?;
    Ok(())
}

/// Temporary files are for their owner alone.
#[cfg(unix)]
fn make_readable(file: &std::fs::File) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_file: &std::fs::File) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder with `a` = 1 and `tree/x` = old, in which everything is then changed.
    fn changed() -> (tempfile::TempDir, Transaction) {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        std::fs::write(root.join("a"), "1").unwrap();
        std::fs::create_dir(root.join("tree")).unwrap();
        std::fs::write(root.join("tree/x"), "old").unwrap();
        let mut transaction = Transaction::default();
        transaction.write(&root.join("a"), "2").unwrap();
        transaction.guard(&root.join("b")).unwrap();
        std::fs::write(root.join("b"), "new").unwrap();
        let made = transaction.make_folders(&root.join("c/d")).unwrap();
        assert_eq!(made, [root.join("c/d"), root.join("c")]);
        let new = beside(&root.join("tree")).unwrap();
        std::fs::create_dir(new.path().join("tree")).unwrap();
        std::fs::write(new.path().join("tree/y"), "new").unwrap();
        transaction
            .put(&new.path().join("tree"), &root.join("tree"))
            .unwrap();
        (dir, transaction)
    }

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn what_is_committed_stays() {
        let (dir, transaction) = changed();
        transaction.commit();
        assert_eq!(names(dir.path()), ["a", "b", "c", "tree"]);
        assert_eq!(names(&dir.path().join("tree")), ["y"]);
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"2");
    }

    #[test]
    fn what_is_not_is_taken_back() {
        let (dir, transaction) = changed();
        drop(transaction);
        assert_eq!(names(dir.path()), ["a", "tree"]);
        assert_eq!(names(&dir.path().join("tree")), ["x"]);
        assert_eq!(std::fs::read(dir.path().join("a")).unwrap(), b"1");
    }
}
