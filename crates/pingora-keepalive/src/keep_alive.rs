//! The `Keep-Alive` field: what a client wishes, and what a server announces.

use crate::list;
use std::fmt;
use std::time::Duration;

/// How much earlier than the real deadline the advertised one is, and how much earlier than an
/// upstream's deadline we are.
///
/// A client that reuses the connection at the last moment the field allows must not meet the
/// FIN on the way. Node's server and undici keep the same distance.
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// The parameters of a `Keep-Alive` field.
///
/// # Source
///
/// RFC 2068 section 19.7.1 names the field and leaves its parameters open. `timeout` follows
/// draft-thomson-hybi-http-timeout; `max` comes from its earlier versions and from Apache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Seconds that the connection may be idle.
    pub timeout: Option<u64>,
    /// Requests that may follow this one.
    pub max: Option<u32>,
}

impl KeepAlive {
    /// Reads every `Keep-Alive` field line of a message as one list of parameters.
    ///
    /// Nothing in the field is an error: names compare without regard to case, values may be
    /// quoted, white space may stand around `=`, the first valid occurrence of a parameter
    /// counts, and what is unknown, not a number or too large is passed over.
    pub fn parse<'a>(lines: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut parsed = Self::default();
        for parameter in lines.into_iter().flat_map(list::parameters) {
            let Some(equals) = parameter.iter().position(|&byte| byte == b'=') else {
                continue;
            };
            let name = list::trim(&parameter[..equals]);
            let value = list::trim(&parameter[equals + 1..]);
            if parsed.timeout.is_none() && name.eq_ignore_ascii_case(b"timeout") {
                parsed.timeout = number(value);
            } else if parsed.max.is_none() && name.eq_ignore_ascii_case(b"max") {
                parsed.max = number(value).and_then(|max| max.try_into().ok());
            }
        }
        parsed
    }

    /// What to announce on a response after which the connection may be idle for `idle` and
    /// serve `remaining` further requests. `None`: the field is left out.
    ///
    /// The timeout is in whole seconds less a margin of one second, so that a client which obeys it never
    /// meets the FIN. An idle time without an end, or too short to announce, leaves the field
    /// out.
    pub fn advertise(idle: Option<Duration>, remaining: Option<u32>) -> Option<Self> {
        let timeout = idle?.checked_sub(MARGIN)?.as_secs();
        (timeout > 0).then_some(Self {
            timeout: Some(timeout),
            max: remaining,
        })
    }
}

/// Writes the parameters that are set, as the value of a field.
impl fmt::Display for KeepAlive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(timeout) = self.timeout {
            write!(f, "timeout={timeout}")?;
        }
        if let Some(max) = self.max {
            let separator = if self.timeout.is_some() { ", " } else { "" };
            write!(f, "{separator}max={max}")?;
        }
        Ok(())
    }
}

/// A parameter's value as a number of digits alone, quoted or not.
fn number(value: &[u8]) -> Option<u64> {
    let mut digits = value;
    let mut unquoted = Vec::new();
    if let [b'"', inner @ .., b'"'] = value {
        //= RFC 9110 section 5.6.4: a quoted pair stands for the byte behind the backslash.
        let mut bytes = inner.iter();
        while let Some(&byte) = bytes.next() {
            unquoted.push(if byte == b'\\' { *bytes.next()? } else { byte });
        }
        digits = &unquoted;
    }
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::both(&["timeout=5, max=100"], Some(5), Some(100))]
    #[case::other_order(&["max=100,timeout=5"], Some(5), Some(100))]
    #[case::two_lines(&["timeout=5", "max=1"], Some(5), Some(1))]
    #[case::zero(&["timeout=0"], Some(0), None)]
    #[case::any_case(&["TimeOut=5, MAX=2"], Some(5), Some(2))]
    #[case::white_space(&["timeout \t=\t 5 , max = 2"], Some(5), Some(2))]
    #[case::quoted(&[r#"timeout="5", max="2""#], Some(5), Some(2))]
    #[case::quoted_pair(&[r#"timeout="\5""#], Some(5), None)]
    #[case::first_counts(&["timeout=5, timeout=9"], Some(5), None)]
    #[case::first_valid_counts(&["timeout=x, timeout=9"], Some(9), None)]
    #[case::unknown_skipped(&["foo=1, bar, timeout=5"], Some(5), None)]
    #[case::comma_in_quotes(&[r#"foo="a, timeout=1", timeout=5"#], Some(5), None)]
    #[case::negative(&["timeout=-1"], None, None)]
    #[case::signed(&["timeout=+1"], None, None)]
    #[case::fraction(&["timeout=1.5"], None, None)]
    #[case::too_large(&["timeout=18446744073709551616, max=4294967296"], None, None)]
    #[case::largest(&["timeout=18446744073709551615, max=4294967295"], Some(u64::MAX), Some(u32::MAX))]
    #[case::no_value(&["timeout=, max"], None, None)]
    #[case::bare_number(&["300"], None, None)]
    #[case::lone_quote(&["timeout=\""], None, None)]
    fn parameters_are_read_leniently(
        #[case] lines: &[&str],
        #[case] timeout: Option<u64>,
        #[case] max: Option<u32>,
    ) {
        let parsed = KeepAlive::parse(lines.iter().map(|line| line.as_bytes()));
        assert_eq!(parsed, KeepAlive { timeout, max });
    }

    #[rstest]
    #[case(Some(60_000), None, Some("timeout=59"))]
    #[case(Some(60_000), Some(3), Some("timeout=59, max=3"))]
    #[case(Some(2_000), None, Some("timeout=1"))]
    #[case(Some(2_999), None, Some("timeout=1"))]
    #[case(Some(1_999), None, None)]
    #[case(Some(500), Some(3), None)]
    #[case(None, Some(3), None)]
    fn the_advertised_time_keeps_a_margin(
        #[case] idle_millis: Option<u64>,
        #[case] remaining: Option<u32>,
        #[case] expected: Option<&str>,
    ) {
        let advertised = KeepAlive::advertise(idle_millis.map(Duration::from_millis), remaining);
        assert_eq!(advertised.map(|k| k.to_string()).as_deref(), expected);
    }
}
