//! The request's `Connection` field: every line, one list, `close` strongest.

use super::{advice, one};
use crate::anywhere::Advice;
use crate::case::Case;
use crate::check::Then;
use crate::wire::Request;

const LIST: &str = "RFC 9110 section 7.6.1, design 4, finding 14";
const VERSION: &str = "RFC 9112 section 9.3, design 4, finding 11";

/// Field lines of a request and what must follow it.
struct Row {
    id: &'static str,
    sentence: &'static str,
    lines: &'static [&'static [u8]],
    then: Then,
}

impl Row {
    /// What to say of a service that fails it. None where the RFCs leave it to the service: what is
    /// no token, and what only our subject knows.
    fn advice(&self, http10: bool) -> Option<Advice> {
        let plain = |line: &&[u8]| line.is_ascii() && line.starts_with(b"Connection:");
        if !self.lines.iter().all(plain) {
            return None;
        }
        let close = self.lines.iter().any(|line| line.ends_with(b"close"));
        Some(match self.then {
            Then::Closes if http10 && !close => advice::HTTP10_STAYS,
            Then::Closes => advice::CLOSE_UNHEARD,
            _ => advice::WORD_BROKEN,
        })
    }
}

const HTTP11: &[Row] = &[
    Row {
        id: "connection.close",
        sentence: "`close` closes.",
        lines: &[b"Connection: close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-in-capitals",
        sentence: "Options compare without regard to case.",
        lines: &[b"Connection: CLoSe"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-last-in-list",
        sentence: "`close` is found at the end of a list.",
        lines: &[b"Connection: foo, close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-first-in-list",
        sentence: "`close` is found at the start of a list.",
        lines: &[b"Connection: close, foo"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-among-empty-elements",
        sentence: "Empty elements do not hide `close`.",
        lines: &[b"Connection: , ,close,,"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-among-tabs",
        sentence: "Tabs do not hide `close`.",
        lines: &[b"Connection:\tfoo\t,\tclose\t"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-on-second-line",
        sentence: "Every field line is read.",
        lines: &[b"Connection: foo", b"Connection: close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-on-third-line",
        sentence: "Every field line is read, also an empty one.",
        lines: &[b"Connection: foo", b"Connection:", b"Connection: close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-after-high-bytes",
        sentence: "Bytes above 0x7f do not hide a `close` behind them.",
        lines: &[b"Connection: \xe9\xff, close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-beside-line-of-high-bytes",
        sentence: "Bytes above 0x7f in one line do not hide a `close` in another.",
        lines: &[b"Connection: \xe9", b"Connection: close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-after-keep-alive",
        sentence: "`close` wins over a `keep-alive` before it.",
        lines: &[b"Connection: keep-alive, close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-before-keep-alive",
        sentence: "`close` wins over a `keep-alive` after it.",
        lines: &[b"Connection: close, keep-alive"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-line-after-keep-alive-line",
        sentence: "`close` wins over a `keep-alive` in a line before it.",
        lines: &[b"Connection: keep-alive", b"Connection: close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.close-line-before-keep-alive-line",
        sentence: "`close` wins over a `keep-alive` in a line after it.",
        lines: &[b"Connection: close", b"Connection: keep-alive"],
        then: Then::Closes,
    },
    Row {
        id: "connection.an-option-like-close",
        sentence: "An option that only contains `close` is another option.",
        lines: &[b"Connection: not-close, closed"],
        then: Then::Persists,
    },
    Row {
        id: "connection.keep-alive",
        sentence: "`keep-alive` on HTTP/1.1 persists.",
        lines: &[b"Connection: keep-alive"],
        then: Then::Persists,
    },
    Row {
        id: "connection.none",
        sentence: "HTTP/1.1 without the field persists.",
        lines: &[],
        then: Then::Persists,
    },
    Row {
        id: "connection.unknown-option",
        sentence: "HTTP/1.1 with another option persists.",
        lines: &[b"Connection: foo"],
        then: Then::Persists,
    },
];

const HTTP10: &[Row] = &[
    Row {
        id: "connection.http10-without",
        sentence: "HTTP/1.0 without the field closes.",
        lines: &[],
        then: Then::Closes,
    },
    Row {
        id: "connection.http10-keep-alive",
        sentence: "HTTP/1.0 with `keep-alive` persists.",
        lines: &[b"Connection: keep-alive"],
        then: Then::Persists,
    },
    Row {
        id: "connection.http10-keep-alive-in-capitals",
        sentence: "HTTP/1.0 with `Keep-Alive` persists.",
        lines: &[b"Connection: Keep-Alive"],
        then: Then::Persists,
    },
    Row {
        id: "connection.http10-keep-alive-in-list",
        sentence: "`keep-alive` is found in a list.",
        lines: &[b"Connection: keep-alive, TE"],
        then: Then::Persists,
    },
    Row {
        id: "connection.http10-keep-alive-on-second-line",
        sentence: "`keep-alive` is found on every line.",
        lines: &[b"Connection: TE", b"Connection: keep-alive"],
        then: Then::Persists,
    },
    Row {
        id: "connection.http10-keep-alive-after-high-bytes",
        sentence: "Bytes above 0x7f do not hide a `keep-alive`.",
        lines: &[b"Connection: \xe9, keep-alive"],
        then: Then::Persists,
    },
    Row {
        id: "connection.http10-close-wins",
        sentence: "`close` wins over `keep-alive` on HTTP/1.0 too.",
        lines: &[b"Connection: keep-alive, close"],
        then: Then::Closes,
    },
    Row {
        id: "connection.http10-other-option",
        sentence: "HTTP/1.0 with another option closes.",
        lines: &[b"Connection: TE"],
        then: Then::Closes,
    },
    Row {
        id: "connection.http10-whatever-the-application-sets",
        sentence: "HTTP/1.0 without `keep-alive` closes, whatever the application sets.",
        lines: &[b"X-Keepalive: 60"],
        then: Then::Closes,
    },
    Row {
        id: "connection.http10-even-unlimited",
        sentence: "HTTP/1.0 without `keep-alive` closes, even with UNLIMITED.",
        lines: &[b"X-Keepalive: unlimited"],
        then: Then::Closes,
    },
];

pub(super) fn cases() -> Vec<Case> {
    let of = |row: &'static Row, request: Request, source| {
        let http10 = request.is_http10();
        let request = request.lines(row.lines.iter().copied());
        let case = one(row.id, row.sentence, source, "proxy", request, row.then);
        match row.advice(http10) {
            Some(advice) => case.anywhere(advice),
            None => case,
        }
    };
    let mut cases: Vec<_> = HTTP11
        .iter()
        .map(|row| of(row, Request::local("length"), LIST))
        .collect();
    cases.extend(
        HTTP10
            .iter()
            .map(|row| of(row, Request::local("length").http10(), VERSION)),
    );
    cases.push(one(
        "connection.http10-proxied",
        "HTTP/1.0 without `keep-alive` closes after a proxied response.",
        VERSION,
        "proxy",
        Request::get("/length").http10().with("X-Keepalive", "60"),
        Then::Closes,
    ));
    cases
}
