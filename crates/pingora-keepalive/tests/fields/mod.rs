//! What must hold of the parsers of field values, whatever the bytes.
//!
//! The property tests and the fuzz target share it. Where a line has no quoted string, both fields
//! are simple enough to be read again here by splitting text.

use pingora_keepalive::{ConnectionOptions, KeepAlive, TransferCodings};

/// Reads `lines` as the `Connection` field of a message and as its `Keep-Alive` field.
pub(crate) fn check(lines: &[Vec<u8>]) {
    check_connection(lines);
    check_keep_alive(lines);
    check_transfer_codings(lines);
    check_quoted(&lines.join(&b','));
}

fn slices(lines: &[Vec<u8>]) -> impl DoubleEndedIterator<Item = &[u8]> {
    lines.iter().map(Vec::as_slice)
}

fn check_connection(lines: &[Vec<u8>]) {
    let options = ConnectionOptions::parse(slices(lines));
    let has = |option: &str| {
        slices(lines)
            .flat_map(|line| line.split(|&byte| byte == b','))
            .any(|element| trimmed(element).eq_ignore_ascii_case(option))
    };
    assert_eq!(options.close(), has("close"));
    assert_eq!(options.keep_alive(), has("keep-alive") && !has("close"));
    // Several lines are one list, and its order says nothing.
    assert_eq!(ConnectionOptions::parse([&*lines.join(&b',')]), options);
    assert_eq!(ConnectionOptions::parse(slices(lines).rev()), options);
}

fn check_keep_alive(lines: &[Vec<u8>]) {
    let field = KeepAlive::parse(slices(lines));
    assert_eq!(KeepAlive::parse([field.to_string().as_bytes()]), field);

    let upper: Vec<_> = lines.iter().map(|line| line.to_ascii_uppercase()).collect();
    assert_eq!(KeepAlive::parse(slices(&upper)), field);

    // What comes later changes nothing that is there.
    let more: [&[u8]; 1] = [b"timeout=1234, max=5678"];
    let extended = KeepAlive::parse(slices(lines).chain(more));
    assert_eq!(extended.timeout, field.timeout.or(Some(1234)));
    assert_eq!(extended.max, field.max.or(Some(5678)));

    if !lines.concat().contains(&b'"') {
        assert_eq!(field.timeout, first_number(lines, "timeout"));
        let max = first_number_up_to(lines, "max", u32::MAX.into());
        assert_eq!(field.max.map(u64::from), max);
    }
}

fn check_transfer_codings(lines: &[Vec<u8>]) {
    let Some(codings) = TransferCodings::parse(slices(lines)) else {
        return;
    };
    let list = lines.join(&b',');
    assert_eq!(lines.is_empty(), codings == TransferCodings::default());
    // Who looks at the last element alone, or at each by itself, finds the same.
    let last = list.rsplit(|&byte| byte == b',').next().map(trimmed);
    let chunked = last.is_some_and(|last| last.eq_ignore_ascii_case("chunked"));
    assert_eq!(codings.chunked(), chunked);
    if !list.contains(&b'"') {
        assert!(lines.is_empty() || TransferCodings::parse([&*list]) == Some(codings));
        let mut elements = list.split(|&byte| byte == b',').map(trimmed);
        let others = |name: String| !name.is_empty() && !name.eq_ignore_ascii_case("chunked");
        assert_eq!(codings.beside_chunked(), elements.any(others));
    }
}

/// What is quoted is the value of its parameter and hides or makes no other.
fn check_quoted(text: &[u8]) {
    let mut line = b"text=\"".to_vec();
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(byte);
    }
    line.extend(b"\", timeout=\"\\5\"");
    let expected = KeepAlive {
        timeout: Some(5),
        max: None,
    };
    assert_eq!(KeepAlive::parse([&*line]), expected);
}

fn first_number(lines: &[Vec<u8>], name: &str) -> Option<u64> {
    first_number_up_to(lines, name, u64::MAX)
}

fn first_number_up_to(lines: &[Vec<u8>], name: &str, largest: u64) -> Option<u64> {
    slices(lines)
        .flat_map(|line| line.split(|&byte| byte == b','))
        .map(trimmed)
        .filter_map(|parameter| {
            let (found, value) = parameter.split_once('=')?;
            let value = value.trim_matches([' ', '\t']);
            let digits = value.bytes().all(|byte| byte.is_ascii_digit());
            let matches = found.trim_matches([' ', '\t']).eq_ignore_ascii_case(name);
            if matches && digits {
                value.parse().ok()
            } else {
                None
            }
        })
        .find(|&number| number <= largest)
}

/// An element of a list without the white space around it; bytes above 0x7f become text that is
/// in no name and no number.
fn trimmed(element: &[u8]) -> String {
    let text: String = element.iter().map(|&byte| char::from(byte)).collect();
    text.trim_matches([' ', '\t']).to_owned()
}
