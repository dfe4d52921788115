//! `series`: the order in which patches are applied.
//!
//! One file name a line. Lines that start with `#` and empty lines group them; they stay where they are
//! when the order is written anew.

use std::collections::HashSet;

use anyhow::{ensure, Result};

use crate::trailers::is_patch_name;

/// The lines of a `series` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Series {
    lines: Vec<Line>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Line {
    /// A comment or an empty line, as it stands.
    Note(String),
    /// A patch's file name.
    Patch(String),
}

impl Series {
    /// Reads the text of a `series` file.
    pub fn parse(text: &str) -> Result<Self> {
        let mut seen = HashSet::new();
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let name = line.trim();
            if name.is_empty() || name.starts_with('#') {
                lines.push(Line::Note(line.to_owned()));
                continue;
            }
            ensure!(
                name.strip_suffix(".patch").is_some_and(is_patch_name),
                "line {}: {name:?} is not a patch's file name (lower-case words joined by `-`, then `.patch`)",
                index + 1
            );
            ensure!(
                seen.insert(name.to_owned()),
                "line {}: {name} is listed twice",
                index + 1
            );
            lines.push(Line::Patch(name.to_owned()));
        }
        Ok(Self { lines })
    }

    /// The patches' file names, in order.
    pub fn patches(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().filter_map(|line| match line {
            Line::Patch(name) => Some(name.as_str()),
            Line::Note(_) => None,
        })
    }

    /// The text of the file.
    pub fn text(&self) -> String {
        self.lines
            .iter()
            .map(|line| match line {
                Line::Note(text) | Line::Patch(text) => format!("{text}\n"),
            })
            .collect()
    }

    /// The series with `order` as its patches, comments kept in place.
    ///
    /// Patches whose order among themselves did not change keep their lines. What was dropped goes. What
    /// is new or was moved takes the place of a patch that left the same gap, if there is one, and
    /// otherwise stands right after the patch it follows.
    pub fn reordered(&self, order: &[String]) -> Self {
        let old: Vec<&str> = self.patches().collect();
        let kept = longest_common_order(&old, order);
        let is_kept = |line: &Line| match line {
            Line::Patch(name) => kept.contains(name.as_str()),
            Line::Note(_) => false,
        };

        let mut lines = Vec::new();
        let mut order = order.iter().peekable();
        let mut first = true;
        let mut rest = self.lines.as_slice();
        // One round a gap: the lines up to the next kept patch, and that patch.
        loop {
            let end = rest.iter().position(is_kept);
            let (gap, after) = rest.split_at(end.unwrap_or(rest.len()));
            let mut arrivals = Vec::new();
            while let Some(name) = order.next_if(|name| !kept.contains(name.as_str())) {
                arrivals.push(Line::Patch(name.clone()));
            }
            // Where in the gap the arrivals go.
            let slot = match gap.iter().position(|line| matches!(line, Line::Patch(_))) {
                Some(left) => left,
                None if first => gap.len(),
                None => 0,
            };
            let notes = |lines: &[Line]| {
                lines
                    .iter()
                    .filter(|line| matches!(line, Line::Note(_)))
                    .cloned()
                    .collect::<Vec<_>>()
            };
            lines.extend(notes(&gap[..slot]));
            lines.extend(arrivals);
            lines.extend(notes(&gap[slot..]));
            match after.split_first() {
                Some((kept_line, after)) => {
                    lines.push(kept_line.clone());
                    order.next();
                    rest = after;
                    first = false;
                }
                None => return Self { lines },
            }
        }
    }
}

/// A longest sequence of names that stand in the same order in both.
pub fn longest_common_order<'a>(old: &[&'a str], new: &[String]) -> HashSet<&'a str> {
    let (rows, columns) = (old.len(), new.len());
    // length[i][j]: of the longest one in old[i..] and new[j..].
    let mut length = vec![vec![0_usize; columns + 1]; rows + 1];
    for i in (0..rows).rev() {
        for j in (0..columns).rev() {
            length[i][j] = if old[i] == new[j] {
                length[i + 1][j + 1] + 1
            } else {
                length[i + 1][j].max(length[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut common = HashSet::new();
    while i < rows && j < columns {
        if old[i] == new[j] {
            common.insert(old[i]);
            i += 1;
            j += 1;
        } else if length[i + 1][j] >= length[i][j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPED: &str =
        "# The order.\n\n# Reading\na.patch\nb.patch\n\n# Writing\nc.patch\nd.patch\n";

    fn reordered(text: &str, order: &[&str]) -> String {
        let order: Vec<String> = order.iter().map(|name| format!("{name}.patch")).collect();
        Series::parse(text).unwrap().reordered(&order).text()
    }

    #[test]
    fn an_unchanged_order_leaves_every_byte() {
        assert_eq!(reordered(GROUPED, &["a", "b", "c", "d"]), GROUPED);
    }

    #[test]
    fn a_new_patch_stands_after_the_one_it_follows() {
        assert_eq!(
            reordered(GROUPED, &["a", "b", "new", "c", "d"]),
            GROUPED.replace("b.patch\n", "b.patch\nnew.patch\n")
        );
        assert_eq!(
            reordered(GROUPED, &["new", "a", "b", "c", "d"]),
            GROUPED.replace("a.patch\n", "new.patch\na.patch\n")
        );
        assert_eq!(
            reordered(GROUPED, &["a", "b", "c", "d", "new"]),
            format!("{GROUPED}new.patch\n")
        );
    }

    #[test]
    fn a_dropped_patch_loses_its_line_only() {
        assert_eq!(
            reordered(GROUPED, &["b", "c"]),
            "# The order.\n\n# Reading\nb.patch\n\n# Writing\nc.patch\n"
        );
    }

    #[test]
    fn a_renamed_patch_stays_in_its_group() {
        assert_eq!(
            reordered(GROUPED, &["a", "b", "renamed", "d"]),
            GROUPED.replace("c.patch", "renamed.patch")
        );
    }

    #[test]
    fn a_moved_patch_goes_to_the_group_it_moved_to() {
        assert_eq!(
            reordered(GROUPED, &["b", "c", "a", "d"]),
            "# The order.\n\n# Reading\nb.patch\n\n# Writing\nc.patch\na.patch\nd.patch\n"
        );
    }

    #[test]
    fn the_first_patches_come_after_the_comments() {
        assert_eq!(
            reordered("# The order.\n", &["a", "b"]),
            "# The order.\na.patch\nb.patch\n"
        );
    }

    #[test]
    fn an_odd_name_and_a_repeated_one_are_refused_with_their_line() {
        let error = |text| Series::parse(text).unwrap_err().to_string();
        assert!(error("a.patch\n../b.patch\n").starts_with("line 2:"));
        assert!(error("0001-A b.patch\n").starts_with("line 1:"));
        assert_eq!(
            error("a.patch\n\na.patch\n"),
            "line 3: a.patch is listed twice"
        );
    }
}
