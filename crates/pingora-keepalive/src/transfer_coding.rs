//! The transfer codings of a message (RFC 9112 sections 6.1 and 7).

use crate::list::{elements, trim};

/// The codings in the `Transfer-Encoding` lines of a message, read as one list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TransferCodings {
    chunked: bool,
    identity: bool,
    others: bool,
}

impl TransferCodings {
    /// Reads the lines, in their order. `None` if they do not follow the grammar, or apply chunked
    /// twice or not last.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Option<TransferCodings> {
        let mut codings = TransferCodings::default();
        let mut last_is_empty = false;
        for line in lines {
            if line.eq_ignore_ascii_case(b"chunked") && codings == TransferCodings::default() {
                codings.chunked = true;
                last_is_empty = false;
                continue;
            }
            for coding in elements(line) {
                last_is_empty = coding.is_empty();
                if !last_is_empty {
                    codings.apply(coding)?;
                }
            }
        }
        // An empty element is ignored (RFC 9110 section 5.6.1.2), but for the last one: whether
        // a recipient takes it for the final coding decides where the body ends.
        (!last_is_empty).then_some(codings)
    }

    /// Adds what is applied next.
    fn apply(&mut self, coding: &[u8]) -> Option<()> {
        //= RFC 9112 section 6.1: chunked is not applied more than once, and is the final coding.
        if self.chunked {
            return None;
        }
        let (name, parameters) = match coding.iter().position(|&byte| byte == b';') {
            Some(end) => (trim(&coding[..end]), Some(&coding[end + 1..])),
            None => (coding, None),
        };
        if !is_token(name) || !parameters.is_none_or(are_parameters) {
            return None;
        }
        //= RFC 9112 section 7.1: chunked does not define any parameters.
        self.chunked = name.eq_ignore_ascii_case(b"chunked");
        if self.chunked && parameters.is_some() {
            return None;
        }
        let identity = name.eq_ignore_ascii_case(b"identity");
        self.identity |= identity;
        self.others |= !self.chunked && !identity;
        Some(())
    }

    /// Whether the final coding is chunked.
    pub fn chunked(&self) -> bool {
        self.chunked
    }

    /// Whether a coding is left on the body when chunked is taken off, so that its name must not be
    /// dropped. `identity` (RFC 2616 section 3.6) is none.
    pub fn coded(&self) -> bool {
        self.others
    }

    /// Whether a coding other than chunked is named.
    pub fn beside_chunked(&self) -> bool {
        self.others || self.identity
    }
}

/// Whether `rest`, what follows the first semicolon, is
/// `OWS transfer-parameter *( OWS ";" OWS transfer-parameter )`.
fn are_parameters(mut rest: &[u8]) -> bool {
    loop {
        rest = trim(rest);
        let Some(equals) = rest.iter().position(|&byte| byte == b'=') else {
            return false;
        };
        if !is_token(trim(&rest[..equals])) {
            return false;
        }
        rest = trim(&rest[equals + 1..]);
        let end = match rest.strip_prefix(b"\"") {
            Some(quoted) => match quoted_end(quoted) {
                Some(end) => end + 1,
                None => return false,
            },
            None => {
                let end = rest.iter().position(|&byte| byte == b';');
                let end = end.unwrap_or(rest.len());
                if !is_token(trim(&rest[..end])) {
                    return false;
                }
                end
            }
        };
        rest = trim(&rest[end..]);
        match rest.strip_prefix(b";") {
            Some(next) => rest = next,
            None => return rest.is_empty(),
        }
    }
}

/// How much of `rest`, what follows an opening quote, is the quoted string with its closing quote.
fn quoted_end(rest: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let quote = rest.iter().position(|&byte| {
        let quote = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        quote
    });
    quote.map(|quote| quote + 1)
}

fn is_token(name: &[u8]) -> bool {
    //= RFC 9110 section 5.6.2.
    let tchar = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !name.is_empty() && name.iter().all(tchar)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rstest::rstest;

    const NONE: TransferCodings = TransferCodings {
        chunked: false,
        identity: false,
        others: false,
    };
    const CHUNKED: TransferCodings = TransferCodings {
        chunked: true,
        ..NONE
    };
    const OTHER: TransferCodings = TransferCodings {
        others: true,
        ..NONE
    };
    const OTHER_CHUNKED: TransferCodings = TransferCodings {
        others: true,
        ..CHUNKED
    };

    fn parse(lines: &[&str]) -> Option<TransferCodings> {
        TransferCodings::parse(lines.iter().map(|line| line.as_bytes()))
    }

    #[rstest]
    #[case::no_line(&[], NONE)]
    #[case::chunked(&["chunked"], CHUNKED)]
    #[case::case_and_space(&[" CHUNKED\t"], CHUNKED)]
    #[case::other(&["gzip"], OTHER)]
    #[case::other_chunked(&["gzip, chunked"], OTHER_CHUNKED)]
    #[case::on_two_lines(&["gzip", "chunked"], OTHER_CHUNKED)]
    #[case::three(&["gzip, deflate", "chunked"], OTHER_CHUNKED)]
    #[case::empty_elements(&[", ,chunked"], CHUNKED)]
    #[case::empty_line_first(&["", "chunked"], CHUNKED)]
    #[case::identity(&["identity"], TransferCodings { identity: true, ..NONE })]
    #[case::identity_chunked(&["identity, chunked"], TransferCodings { identity: true, ..CHUNKED })]
    #[case::parameter(&["x;level=9, chunked"], OTHER_CHUNKED)]
    #[case::parameters(&["x ; a = b;c=\"d, \\\"chunked\" , chunked"], OTHER_CHUNKED)]
    #[case::a_comma_in_quotes(&["x;a=\", chunked\""], OTHER)]
    fn a_list_is_read(#[case] lines: &[&str], #[case] expected: TransferCodings) {
        assert_eq!(parse(lines), Some(expected));
    }

    #[rstest]
    #[case::twice(&["chunked, chunked"])]
    #[case::twice_on_two_lines(&["chunked", "chunked"])]
    #[case::twice_with_others(&["gzip, chunked", "Chunked"])]
    #[case::not_last(&["chunked, gzip"])]
    #[case::not_last_on_two_lines(&["chunked", "gzip"])]
    #[case::before_identity(&["chunked, identity"])]
    #[case::in_the_middle(&["chunked, gzip, chunked"])]
    #[case::with_a_parameter(&["chunked;a=b"])]
    #[case::with_a_semicolon(&["chunked;"])]
    #[case::quoted(&["\"chunked\""])]
    #[case::no_token(&["gz ip, chunked"])]
    #[case::a_control_character(&["\x0bchunked"])]
    #[case::parameter_without_value(&["x;a, chunked"])]
    #[case::parameter_without_name(&["x;=a, chunked"])]
    #[case::open_quote(&["x;a=\"b, chunked"])]
    #[case::after_a_quote(&["x;a=\"b\"c, chunked"])]
    #[case::empty_element_last(&["chunked, "])]
    #[case::empty_line_last(&["chunked", ""])]
    #[case::empty_line(&[""])]
    fn a_malformed_list_is_none(#[case] lines: &[&str]) {
        assert_eq!(parse(lines), None);
    }

    proptest! {
        #[test]
        fn lines_are_one_list(parts in prop::collection::vec("[a-c ;=]{0,4}|chunked", 1..5)) {
            let lines: Vec<&str> = parts.iter().map(String::as_str).collect();
            prop_assert_eq!(parse(&lines), parse(&[lines.join(",").as_str()]));
        }

        /// What a reader of the last element alone takes for chunked is never called anything else.
        #[test]
        fn the_final_coding_is_the_last_element(line in r#"[gc;="\\ ,]{0,8}(,| |")chunked"#) {
            if let Some(codings) = parse(&[line.as_str()]) {
                let last = line.rsplit(',').next().unwrap_or_default();
                prop_assert_eq!(codings.chunked(), last.trim() == "chunked");
            }
        }
    }
}
