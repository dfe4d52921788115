//! What the page is told: the runs with their events, as JSON that is small.
//!
//! Texts are numbered and given once: what is sent to one subject is sent to all. An event is an
//! array: its milliseconds, its connection, its kind in a word, and what belongs to it.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;
use serde_json::{json, Value};

use crate::cases;
use crate::outcome::{Outcome, Status};
use crate::report::Run;
use crate::wire::transcript::{escaped, Entry, Event, Excerpt};

/// How many events are drawn from the beginning of a run, and how many to its end. What a case
/// repeats in between shows nothing new.
const DRAWN: (usize, usize) = (100, 50);

/// All of it.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    version: &'static str,
    /// When, in milliseconds since 1970.
    made: u64,
    took: f64,
    subjects: Vec<String>,
    cases: Vec<CaseData>,
    runs: Vec<RunData>,
    texts: Vec<String>,
}

#[derive(Debug, Serialize)]
struct CaseData {
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
}

/// One run of a case. Numbers stand for subjects, cases and texts.
#[derive(Debug, Serialize)]
struct RunData {
    subject: usize,
    case: usize,
    client: &'static str,
    over: &'static str,
    status: Status,
    took: f64,
    /// Whether it is what the expectations say.
    #[serde(skip_serializing_if = "Clone::clone")]
    fine: bool,
    /// What they say, if not pass, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<(Status, usize)>,
    /// What was expected and what was seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    found: Option<(usize, usize)>,
    /// What was measured, or why it was not run.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<usize>,
    events: Vec<Value>,
    /// How many events are left out, and after how many.
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<(usize, usize)>,
}

/// Texts by number.
#[derive(Debug, Default)]
struct Texts {
    numbers: HashMap<String, usize>,
    texts: Vec<String>,
}

impl Texts {
    fn number(&mut self, text: &str) -> usize {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = self.texts.len();
        self.texts.push(text.to_owned());
        self.numbers.insert(text.to_owned(), number);
        number
    }
}

impl Report {
    /// Of a run.
    pub(super) fn of(run: &Run<'_>) -> Report {
        let known = cases::all();
        let mut texts = Texts::default();
        let mut cases: Vec<CaseData> = Vec::new();
        let mut runs = Vec::new();
        for outcome in run.outcomes {
            let Some(subject) = run.subjects.iter().position(|s| *s == outcome.subject) else {
                continue;
            };
            let case = cases.iter().position(|case| case.id == outcome.case);
            let case = case.unwrap_or_else(|| {
                let case = known.iter().find(|case| case.id == outcome.case);
                cases.push(CaseData {
                    id: outcome.case,
                    sentence: case.map_or("", |case| case.sentence),
                    source: case.map_or("", |case| case.source),
                });
                cases.len() - 1
            });
            runs.push(run_data(outcome, subject, case, &mut texts));
        }
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let made = since_1970.unwrap_or_default().as_millis();
        Report {
            version: env!("CARGO_PKG_VERSION"),
            made: u64::try_from(made).unwrap_or_default(),
            took: millis(run.took),
            subjects: run.subjects.to_vec(),
            cases,
            runs,
            texts: texts.texts,
        }
    }
}

fn run_data(outcome: &Outcome, subject: usize, case: usize, texts: &mut Texts) -> RunData {
    let (entries, cut) = drawn(&outcome.transcript.entries);
    let known = outcome.expected.reason.as_deref();
    let found = outcome.failure.as_ref();
    let detail = outcome.detail.as_str();
    RunData {
        subject,
        case,
        client: outcome.client.name(),
        over: outcome.over.name(),
        status: outcome.status,
        took: millis(outcome.took),
        fine: outcome.is_as_expected(),
        known: known.map(|reason| (outcome.expected.status, texts.number(reason))),
        found: found.map(|found| (texts.number(&found.expected), texts.number(&found.seen))),
        detail: (found.is_none() && !detail.is_empty()).then(|| texts.number(detail)),
        events: entries.iter().map(|entry| event(entry, texts)).collect(),
        cut: (cut > 0).then_some((cut, DRAWN.0)),
    }
}

/// The entries that are drawn, and how many are not.
fn drawn(entries: &[Entry]) -> (Vec<&Entry>, usize) {
    let mut drawn: Vec<&Entry> = entries.iter().collect();
    // Two tasks may have noted what they saw in another order than it was.
    drawn.sort_by_key(|entry| entry.at);
    let (head, tail) = DRAWN;
    let cut = drawn.len().saturating_sub(head + tail);
    drawn.drain(head.min(drawn.len())..(head + cut).min(drawn.len()));
    (drawn, cut)
}

fn event(entry: &Entry, texts: &mut Texts) -> Value {
    let at = millis(entry.at);
    let on = entry.connection;
    let bytes = |kind: &str, bytes: &Excerpt, texts: &mut Texts| {
        let text = texts.number(&escaped(&bytes.head));
        json!([at, on, kind, text, bytes.total, bytes.cut()])
    };
    match &entry.event {
        Event::Connected(to) => json!([at, on, "open", texts.number(to)]),
        Event::Sent(sent) => bytes("sent", sent, texts),
        Event::Received(received) => bytes("received", received, texts),
        Event::SentRecords(count) => json!([at, on, "sent-tls", count]),
        Event::ReceivedRecords(count) => json!([at, on, "received-tls", count]),
        Event::SentCloseNotify => json!([at, on, "sent-close-notify"]),
        Event::SentFin => json!([at, on, "sent-fin"]),
        Event::HeldFin => json!([at, on, "held-fin"]),
        Event::CloseNotify => json!([at, on, "close-notify"]),
        Event::Fin => json!([at, on, "fin"]),
        Event::Truncated => json!([at, on, "truncated"]),
        Event::Reset => json!([at, on, "reset"]),
        Event::Note(text) => json!([at, on, "note", texts.number(text)]),
        Event::Awaits(awaited) => {
            let what = texts.number(&awaited.what);
            let not_before = awaited.not_before.map(millis);
            let deadline = awaited.deadline.map(millis);
            json!([at, on, "awaits", what, not_before, deadline])
        }
    }
}

/// Milliseconds to a hundredth, which is as fine as anything here is measured.
fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 100_000.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_given_once() {
        let mut texts = Texts::default();
        let numbers = ["a", "b", "a"].map(|text| texts.number(text));
        assert_eq!(numbers, [0, 1, 0]);
        assert_eq!(texts.texts, ["a", "b"]);
    }

    #[test]
    fn of_many_events_the_first_and_the_last_are_drawn() {
        let entries = |count: u64| -> Vec<Entry> {
            let entry = |at| Entry {
                connection: 1,
                at: Duration::from_millis(at),
                event: Event::Fin,
            };
            (0..count).map(entry).collect()
        };
        for few in [0, 99, 101, 150] {
            let all = entries(few);
            assert_eq!(drawn(&all), (all.iter().collect(), 0));
        }
        let many = entries(170);
        let (drawn, cut) = drawn(&many);
        assert_eq!((drawn.len(), cut), (150, 20));
        let around = [drawn[99].at, drawn[100].at].map(|at| at.as_millis());
        assert_eq!(around, [99, 120]);
    }

    #[test]
    fn an_event_is_an_array() {
        let mut texts = Texts::default();
        let entry = |event| Entry {
            connection: 2,
            at: Duration::from_micros(12_345),
            event,
        };
        let long = vec![b'\n'; 1000];
        let sent = event(&entry(Event::sent(&long)), &mut texts);
        assert_eq!(sent, json!([12.35, 2, "sent", 0, 1000, 300]));
        assert_eq!(texts.texts[0].len(), 2 * 700);
        let fin = event(&entry(Event::Fin), &mut texts);
        assert_eq!(fin, json!([12.35, 2, "fin"]));
    }
}
