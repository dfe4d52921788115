//! What `apply` tells.

use std::fmt;

use crate::text::indented;

/// What was done, or would be.
#[derive(Debug)]
pub struct Report {
    /// Whether it would be.
    pub dry_run: bool,
    /// One for each of the tree, the manifest and the lock file: how it changed, and the lines of that.
    pub parts: Vec<(String, Vec<String>)>,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (what, lines) in &self.parts {
            writeln!(f, "{what}")?;
            for line in lines {
                writeln!(f, "{}", indented(line))?;
            }
        }
        if self.dry_run {
            writeln!(f, "This was a dry run: nothing was written.")?;
        }
        Ok(())
    }
}
