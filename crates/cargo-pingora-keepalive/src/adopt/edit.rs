//! Edits of a manifest that keep every other byte: line ends, comments, white space.
//!
//! toml_edit finds the place; what it adds is then put into the original text.

use anyhow::{Context, Result};
use toml_edit::DocumentMut;

/// A text with something added in one place.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// What was added.
    pub inserted: String,
}

/// Adds to `text` what `change` adds to its document.
pub fn insert(text: &str, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<Edited> {
    let plain = plain(text);
    let mut document: DocumentMut = plain.parse()?;
    change(&mut document)?;
    let changed = document.to_string();
    let (at, inserted) = insertion(&plain, &changed)
        .context("it cannot be edited without changing the form of other parts")?;
    Ok(put(text, at, inserted))
}

/// Adds `inserted` at the end of `text`.
pub fn append(text: &str, inserted: &str) -> Edited {
    put(text, plain(text).len(), inserted)
}

/// `text` without `inserted`, if that is in it exactly once.
pub fn cut(text: &str, inserted: &str) -> Option<String> {
    let at = text.find(inserted)?;
    (!inserted.is_empty() && text.rfind(inserted) == Some(at))
        .then(|| format!("{}{}", &text[..at], &text[at + inserted.len()..]))
}

/// `text` with plain line ends and no byte order mark.
pub fn plain(text: &str) -> String {
    text.strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n")
}

/// Where and what `after` has more than `before`, if it differs in one place only.
fn insertion<'a>(before: &str, after: &'a str) -> Option<(usize, &'a str)> {
    let mut at = before
        .bytes()
        .zip(after.bytes())
        .take_while(|(a, b)| a == b)
        .count();
    while !before.is_char_boundary(at) || !after.is_char_boundary(at) {
        at -= 1;
    }
    // A last line without an end gets one, which is not wanted.
    let ended = after.strip_suffix('\n').unwrap_or(after);
    let inserted = [after, ended]
        .into_iter()
        .find_map(|after| after.get(at..)?.strip_suffix(&before[at..]))?;
    Some((at, inserted))
}

/// Puts `inserted` into `text`, at the place that is `at` in its [`plain`] form.
fn put(text: &str, at: usize, inserted: &str) -> Edited {
    let mut position = if text.starts_with('\u{feff}') { 3 } else { 0 };
    for _ in 0..at {
        let line_end = text.as_bytes()[position..].starts_with(b"\r\n");
        position += if line_end { 2 } else { 1 };
    }
    let inserted = if text.contains("\r\n") {
        inserted.replace('\n', "\r\n")
    } else {
        inserted.to_owned()
    };
    Edited {
        text: format!("{}{inserted}{}", &text[..position], &text[position..]),
        inserted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_key(text: &str) -> Edited {
        insert(text, |document| {
            document["a"]["new"] = toml_edit::value("ü");
            Ok(())
        })
        .unwrap()
    }

    #[test]
    fn only_the_addition_is_new() {
        for text in [
            "[a]\nx   =  1 # ö\n\n# end\n[b]\ny=[ 1,2 ]\n",
            "[a]\r\nx   =  1 # ö\r\n\r\n# end\r\n[b]\r\ny=[ 1,2 ]\r\n",
            "\u{feff}[a]\nx = 1\n[b]\ny = 2",
            "[a]\nx = 1\r\nz = 2\n[b]\ny = 2\r\n",
            "[a]",
        ] {
            let edited = with_key(text);
            assert!(edited.inserted.contains("new = \"ü\""), "{edited:?}");
            assert_eq!(cut(&edited.text, &edited.inserted).as_deref(), Some(text));
            assert!(plain(&edited.text).parse::<DocumentMut>().is_ok());
        }
    }

    #[test]
    fn what_is_there_twice_is_not_cut() {
        assert_eq!(cut("xabab", "ab"), None);
        assert_eq!(cut("aaa", "aa"), None);
        assert_eq!(cut("abc", "x"), None);
        assert_eq!(cut("abc", "b").as_deref(), Some("ac"));
    }
}
