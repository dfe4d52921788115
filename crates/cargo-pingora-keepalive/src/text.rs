//! Small helpers for messages.

/// `1 patch`, `2 patches`: `n` of what is called `one`, or `many` of.
pub fn counted(n: usize, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

/// `text` with each line moved in.
pub fn indented(text: &str) -> String {
    text.lines()
        .map(|line| format!("  {line}"))
        .collect::<Vec<_>>()
        .join("\n")
}
