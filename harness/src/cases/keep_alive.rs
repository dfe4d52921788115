//! The request's `Keep-Alive` field: a wish that can shorten and never extend.

use super::{advice, one, plain, sequence};
use crate::case::Case;
use crate::check::{self, Then};
use crate::wire::Request;

const SOURCE: &str = "RFC 2068 section 19.7.1.1, design 4, finding 15";

/// A plain request that asks for keep-alive with these `Keep-Alive` lines.
fn wish(lines: &[&[u8]]) -> Request {
    let request = plain().with("Connection", "keep-alive");
    lines.iter().fold(request, |request, value| {
        request.line([b"Keep-Alive: ", *value].concat())
    })
}

/// Values of `Keep-Alive` lines on the proxy with defaults, and what must follow.
struct Row {
    id: &'static str,
    sentence: &'static str,
    lines: &'static [&'static [u8]],
    then: Then,
}

/// Idle for 2 s, as the value 2 asks for.
const TWO_SECONDS: Then = Then::IdlesSaying(2000, Some("timeout=1"));

/// The default of 75 s, as if there were no wish.
const AS_IF_ABSENT: Then = Then::PersistsSaying(Some("timeout=74"));

const ROWS: &[Row] = &[
    Row {
        id: "keep-alive.timeout-shortens",
        sentence: "`timeout` shortens the idle time.",
        lines: &[b"timeout=2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.timeout-one",
        sentence: "`timeout=1` closes after 1 s and announces nothing below a second.",
        lines: &[b"timeout=1"],
        then: Then::IdlesSaying(1000, None),
    },
    Row {
        id: "keep-alive.timeout-never-extends",
        sentence: "`timeout` beyond the policy changes nothing.",
        lines: &[b"timeout=100000"],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.timeout-zero-closes",
        sentence: "`timeout=0` closes.",
        lines: &[b"timeout=0"],
        then: Then::Closes,
    },
    Row {
        id: "keep-alive.max-zero-closes",
        sentence: "`max=0` allows no further request.",
        lines: &[b"max=0"],
        then: Then::Closes,
    },
    Row {
        id: "keep-alive.max-is-said",
        sentence: "The number of further requests is announced.",
        lines: &[b"max=5"],
        then: Then::PersistsSaying(Some("timeout=74, max=5")),
    },
    Row {
        id: "keep-alive.both",
        sentence: "Both parameters count.",
        lines: &[b"timeout=2, max=5"],
        then: Then::IdlesSaying(2000, Some("timeout=1, max=5")),
    },
    Row {
        id: "keep-alive.name-in-capitals",
        sentence: "Names compare without regard to case.",
        lines: &[b"TimeOut=2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.white-space-around-equals",
        sentence: "White space around `=` is accepted.",
        lines: &[b"timeout \t=  2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.quoted-value",
        sentence: "A quoted value is accepted.",
        lines: &[b"timeout=\"2\""],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.first-counts",
        sentence: "The first valid occurrence counts.",
        lines: &[b"timeout=2, timeout=30"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.first-valid-counts",
        sentence: "An invalid occurrence does not count as the first.",
        lines: &[b"timeout=soon, timeout=2, timeout=30"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.unknown-parameters",
        sentence: "Unknown parameters are skipped.",
        lines: &[b"foo, bar=\"a, timeout=9\", , timeout=2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.second-line",
        sentence: "Every field line is read.",
        lines: &[b"foo=bar", b"timeout=2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.high-bytes",
        sentence: "Bytes above 0x7f do not hide a parameter.",
        lines: &[b"\xe9=\xff, timeout=2"],
        then: TWO_SECONDS,
    },
    Row {
        id: "keep-alive.not-a-number",
        sentence: "A value that is no number is ignored.",
        lines: &[b"timeout=soon, max=few"],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.negative",
        sentence: "A negative value is ignored.",
        lines: &[b"timeout=-1, max=-1"],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.fraction",
        sentence: "A fraction is ignored.",
        lines: &[b"timeout=1.5"],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.too-large",
        sentence: "A value that does not fit is ignored.",
        lines: &[b"timeout=99999999999999999999999, max=99999999999999999999999"],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.without-value",
        sentence: "A parameter without a value is ignored.",
        lines: &[b"timeout, max="],
        then: AS_IF_ABSENT,
    },
    Row {
        id: "keep-alive.nothing-but-noise",
        sentence: "Nothing in the field can fail a request.",
        lines: &[b"\"=,;\\\"timeout==\"1\" \xff,\"max"],
        then: AS_IF_ABSENT,
    },
];

pub(super) fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = ROWS
        .iter()
        .map(|row| {
            let request = wish(row.lines);
            let case = one(row.id, row.sentence, SOURCE, "proxy", request, row.then);
            // What our service makes of a wish is its own; that one does no harm is everybody's.
            match row.then == AS_IF_ABSENT && row.lines.iter().all(|line| line.is_ascii()) {
                true => case.anywhere(advice::WISH_HARMS),
                false => case,
            }
        })
        .collect();
    cases.extend(when_it_counts());
    cases.extend(how_long());
    cases.extend(switched_off());
    cases
}

fn when_it_counts() -> Vec<Case> {
    vec![
        one(
            "keep-alive.ignored-without-its-option",
            "The field is ignored when keep-alive is not among the connection options.",
            SOURCE,
            "proxy",
            plain().with("Keep-Alive", "timeout=0, max=0"),
            AS_IF_ABSENT,
        ),
        one(
            "keep-alive.ignored-beside-other-options",
            "The field is ignored when only other options are named.",
            SOURCE,
            "proxy",
            plain()
                .with("Connection", "foo")
                .with("Keep-Alive", "timeout=0"),
            AS_IF_ABSENT,
        ),
        one(
            "keep-alive.counts-with-the-option-on-another-line",
            "The option may stand on any Connection line.",
            SOURCE,
            "proxy",
            plain()
                .with("Connection", "foo")
                .with("Connection", "keep-alive")
                .with("Keep-Alive", "timeout=2"),
            TWO_SECONDS,
        ),
        one(
            "keep-alive.http10",
            "The field counts on HTTP/1.0.",
            SOURCE,
            "proxy",
            wish(&[b"timeout=2"]).http10(),
            TWO_SECONDS,
        ),
        one(
            "keep-alive.close-wins",
            "`close` wins over any wish.",
            SOURCE,
            "proxy",
            plain()
                .with("Connection", "keep-alive, close")
                .with("Keep-Alive", "timeout=30, max=30"),
            Then::Closes,
        ),
        one(
            "keep-alive.shortens-what-the-application-sets",
            "`timeout` shortens a policy of the application.",
            SOURCE,
            "proxy",
            wish(&[b"timeout=1"]).with("X-Keepalive", "30"),
            Then::Idles(1000),
        ),
        one(
            "keep-alive.bounds-unlimited",
            "`timeout` bounds an unlimited policy.",
            SOURCE,
            "proxy",
            wish(&[b"timeout=2"]).with("X-Keepalive", "unlimited"),
            TWO_SECONDS,
        ),
        one(
            "keep-alive.cannot-undo-none",
            "A wish does not undo None.",
            SOURCE,
            "proxy",
            wish(&[b"timeout=30, max=30"]).with("X-Keepalive", "none"),
            Then::Closes,
        ),
        one(
            "keep-alive.cannot-extend-the-default",
            "`timeout` beyond the default leaves the default.",
            SOURCE,
            "proxy-short",
            wish(&[b"timeout=30"]),
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
    ]
}

fn how_long() -> Vec<Case> {
    vec![
        sequence(
            "keep-alive.timeout-is-for-one-exchange",
            "`timeout` counts for the current exchange alone.",
            "design 3, finding 15",
            "proxy",
            vec![wish(&[b"timeout=2"]), plain()],
            AS_IF_ABSENT,
        ),
        sequence(
            "keep-alive.max-allows-that-many-further",
            "`max=2` allows two further requests and no more.",
            SOURCE,
            "proxy",
            vec![wish(&[b"max=2"]), plain(), plain()],
            Then::Closes,
        ),
        sequence(
            "keep-alive.max-still-allows-the-last",
            "`max=2` persists after one further request.",
            SOURCE,
            "proxy",
            vec![wish(&[b"max=2"]), plain()],
            Then::PersistsSaying(Some("timeout=74, max=1")),
        ),
        sequence(
            "keep-alive.max-lowers-for-good",
            "A later, higher `max` does not give back what an earlier one took.",
            "design 3, finding 15",
            "proxy",
            vec![wish(&[b"max=1"]), wish(&[b"max=50"])],
            Then::Closes,
        ),
        sequence(
            "keep-alive.max-lowers-again",
            "A later, lower `max` counts.",
            "design 3, finding 15",
            "proxy",
            vec![wish(&[b"max=50"]), wish(&[b"max=1"]), plain()],
            Then::Closes,
        ),
        sequence(
            "keep-alive.max-does-not-lift-the-limit",
            "`max` beyond the server's limit changes nothing.",
            SOURCE,
            "proxy-limit",
            vec![wish(&[b"max=50"]), plain(), plain()],
            Then::Closes,
        )
        .needs("request-limit"),
    ]
}

fn switched_off() -> Vec<Case> {
    vec![
        one(
            "keep-alive.not-honored-timeout",
            "With honor_keep_alive off, `timeout` is ignored.",
            "design 4",
            "proxy-no-honor",
            wish(&[b"timeout=0"]),
            Then::IdlesSaying(2000, Some("timeout=1")),
        ),
        one(
            "keep-alive.not-honored-max",
            "With honor_keep_alive off, `max` is ignored.",
            "design 4",
            "proxy-no-honor",
            wish(&[b"max=0"]),
            Then::PersistsSaying(Some("timeout=1")),
        ),
        Case::new(
            "keep-alive.not-advertised",
            "With advertise_keep_alive off, no response carries the field.",
            "design 4",
            "proxy-no-advertise",
            |context| async move {
                let mut connection = context.connect().await?;
                for request in [plain(), wish(&[b"max=5"])] {
                    let response = connection.exchange(&request).await?;
                    check::says_keep_alive(&response)?;
                    check::advertises(&response, None)?;
                }
                Ok(())
            },
        ),
        one(
            "keep-alive.not-advertised-and-honored",
            "With advertise_keep_alive off, the client's wish still counts.",
            "design 4",
            "proxy-no-advertise",
            wish(&[b"timeout=1"]),
            Then::IdlesSaying(1000, None),
        ),
    ]
}
