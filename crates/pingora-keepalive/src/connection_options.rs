//! The options in the `Connection` field of a message.
//!
//! Only the two options that decide about persistence are kept. What the others nominate
//! (fields to remove, an upgrade) is the business of whoever forwards the message.

use crate::list;

/// What the `Connection` field lines of one message say about persistence.
///
/// # Source
///
/// RFC 9110 section 7.6.1 for the field, RFC 9112 section 9.3 for `close` and `keep-alive`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    close: bool,
    keep_alive: bool,
}

impl ConnectionOptions {
    /// Reads every field line of a message as one comma-separated list.
    ///
    /// Options compare without regard to case. Empty elements, tabs and bytes that are not
    /// ASCII neither count as an option nor hide one.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        //= RFC 9110 section 5.3: repeated field lines combine into one list, in order.
        let mut options = Self::default();
        for option in lines.into_iter().flat_map(list::tokens) {
            //= RFC 9110 section 7.6.1: connection options are case-insensitive.
            options.close |= option.eq_ignore_ascii_case(b"close");
            options.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
        options
    }

    /// Whether the sender asks for the connection to end after this exchange.
    pub fn close(self) -> bool {
        self.close
    }

    /// Whether the sender asks for the connection to persist, and does not also ask for its end.
    pub fn keep_alive(self) -> bool {
        //= RFC 9112 section 9.3: the close option is looked at first.
        self.keep_alive && !self.close
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::nothing(&[], false, false)]
    #[case::close(&["close"], true, false)]
    #[case::keep_alive(&["keep-alive"], false, true)]
    #[case::any_case(&["KeEp-AlIvE"], false, true)]
    #[case::keep_alive_in_a_list(&["keep-alive, TE"], false, true)]
    #[case::keep_alive_last(&["TE,keep-alive"], false, true)]
    #[case::close_wins_behind(&["keep-alive, close"], true, false)]
    #[case::close_wins_before(&["close, keep-alive"], true, false)]
    #[case::close_on_a_later_line(&["keep-alive", "TE", "close"], true, false)]
    #[case::empty_elements(&[", ,,close,"], true, false)]
    #[case::tabs(&["\tTE\t,\tclose\t"], true, false)]
    #[case::not_ascii(&["caf\u{e9}, close"], true, false)]
    #[case::longer_token(&["closed, keep-alives"], false, false)]
    #[case::token_with_inner_space(&["keep alive"], false, false)]
    fn options_are_found_in_every_line(
        #[case] lines: &[&str],
        #[case] close: bool,
        #[case] keep_alive: bool,
    ) {
        let options = ConnectionOptions::parse(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(options.close(), close);
        assert_eq!(options.keep_alive(), keep_alive);
    }
}
