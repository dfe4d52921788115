//! Comma-separated lists as field values carry them.

/// The elements of a line that lists tokens: optional white space removed, empty ones left out.
///
/// A quote is no delimiter here: it is part of a malformed token and hides no other.
pub(crate) fn tokens(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    non_empty(line.split(|&byte| byte == b','))
}

/// The elements of a line that lists parameters, whose values may be quoted strings: optional
/// white space removed, empty ones left out.
///
/// Commas inside a quoted string do not separate. A quoted string that is never closed reaches
/// to the end of the line.
pub(crate) fn parameters(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    non_empty(elements(line))
}

/// The same with the empty elements.
pub(crate) fn elements(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut quoted = false;
    let mut escaped = false;
    let parts = line.split(move |&byte| {
        if escaped {
            escaped = false;
            return false;
        }
        match byte {
            b'"' => quoted = !quoted,
            b'\\' if quoted => escaped = true,
            _ => return byte == b',' && !quoted,
        }
        false
    });
    parts.map(trim)
}

fn non_empty<'a>(parts: impl Iterator<Item = &'a [u8]>) -> impl Iterator<Item = &'a [u8]> {
    //= RFC 9110 section 5.6.1.2: a recipient ignores a reasonable number of empty elements.
    parts.map(trim).filter(|element| !element.is_empty())
}

/// `value` without the optional white space around it: spaces and tabs, nothing else.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    //= RFC 9110 section 5.6.3: OWS is SP and HTAB.
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |i| i + 1);
    &value[start..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("", &[])]
    #[case(" , \t,", &[])]
    #[case("a, b\t,c", &["a", "b", "c"])]
    #[case(r#"", close"#, &[r#"""#, "close"])]
    fn a_line_falls_into_tokens(#[case] line: &str, #[case] expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|e| e.as_bytes()).collect();
        assert_eq!(tokens(line.as_bytes()).collect::<Vec<_>>(), expected);
    }

    #[rstest]
    #[case("a=1, b", &["a=1", "b"])]
    #[case(r#"a="x, y", b"#, &[r#"a="x, y""#, "b"])]
    #[case(r#"a="\",", b"#, &[r#"a="\",""#, "b"])]
    #[case(r#"a="open, b"#, &[r#"a="open, b"#])]
    fn a_quoted_comma_does_not_separate_parameters(#[case] line: &str, #[case] expected: &[&str]) {
        let expected: Vec<_> = expected.iter().map(|e| e.as_bytes()).collect();
        assert_eq!(parameters(line.as_bytes()).collect::<Vec<_>>(), expected);
    }
}
