//! A few runs of each kind, as the runner would give them.

use std::time::Duration;

use harness::case::Failure;
use harness::clients::Client;
use harness::expectations::Expected;
use harness::outcome::{Outcome, Status};
use harness::wire::transcript::{Awaited, Entry, Event, Record};
use harness::wire::Transport;

/// What a server or a reason could say to become markup.
pub(crate) const NASTY: &str =
    "</script><script>window.broken=1</script><!--<img src=x onerror=broken=1>";

/// The outcomes of four runs of a case that hangs on the first subject, two of one that it lacks,
/// two of one that surprises, and five of one with many clients.
pub(crate) fn outcomes(subjects: &[String; 2]) -> Vec<Outcome> {
    let [old, new] = subjects;
    let fine = |subject: &str, case, client, over| Outcome {
        subject: subject.to_owned(),
        case,
        client,
        over,
        status: Status::Pass,
        took: Duration::from_millis(580),
        detail: String::new(),
        failure: None,
        transcript: closed(),
        expected: Expected {
            status: Status::Pass,
            reason: None,
        },
    };
    let failed = |outcome: Outcome, failure: Failure, reason: Option<&str>| {
        let status = if failure.hang {
            Status::Hang
        } else {
            Status::Fail
        };
        Outcome {
            status,
            took: Duration::from_millis(1570),
            detail: failure.to_string(),
            failure: Some(failure),
            transcript: hanging(),
            expected: Expected {
                status: if reason.is_some() {
                    status
                } else {
                    Status::Pass
                },
                reason: reason.map(ToOwned::to_owned),
            },
            ..outcome
        }
    };
    let zero = "seed.zero-with-length";
    let hang = || {
        Failure::hang(
            "the connection closed within 1.00 s",
            "still open after 1.00 s",
        )
    };
    // Nothing breaks it but the page.
    let endless = format!("{NASTY}{}", "x".repeat(300));
    let nasty = || Failure::wrong(format!("a FIN {NASTY}"), endless.clone());
    let mut outcomes = Vec::new();
    for client in [Client::Raw, Client::Curl] {
        for over in [Transport::Plain, Transport::Tls] {
            let before = fine(old, zero, client, over);
            outcomes.push(failed(
                before,
                hang(),
                Some("finding 2: 0 reads as no limit"),
            ));
            outcomes.push(fine(new, zero, client, over));
        }
    }
    let idle = "idle.two-seconds-proxied";
    let skipped = Outcome {
        status: Status::Skip,
        detail: "no set_idle_timeout".into(),
        transcript: Record::default(),
        ..fine(old, idle, Client::Raw, Transport::Plain)
    };
    outcomes.push(skipped);
    outcomes.push(fine(new, idle, Client::Raw, Transport::Plain));
    // A surprise, with what wants to be markup in each place, and an id that nothing breaks.
    let long =
        "nasty.a-case-that-is-in-no-list-with-an-identifier-longer-than-a-phone-is-wide-0123456789";
    outcomes.push(failed(
        fine(old, long, Client::Raw, Transport::Plain),
        nasty(),
        Some(NASTY),
    ));
    outcomes.push(failed(
        fine(new, long, Client::Raw, Transport::Plain),
        nasty(),
        None,
    ));
    for client in CROWD {
        outcomes.push(fine(new, "seed.none-with-length", client, Transport::Plain));
    }
    outcomes
}

/// More clients than a cell has words for.
const CROWD: [Client; 5] = [
    Client::Raw,
    Client::Curl,
    Client::Wget,
    Client::Reqwest,
    Client::Hyper,
];

/// The record of events with their connections and milliseconds.
fn record(entries: Vec<(u32, f64, Event)>) -> Record {
    let entries = entries
        .into_iter()
        .map(|(connection, millis, event)| Entry {
            connection,
            // A case begins after its turn has come.
            at: Duration::from_secs_f64((500.0 + millis) / 1000.0),
            event,
        });
    Record {
        entries: entries.collect(),
    }
}

/// A request and its response.
fn exchange() -> Vec<(u32, f64, Event)> {
    let awaited = Awaited {
        what: "the connection closed within 1.00 s".into(),
        not_before: None,
        deadline: Some(Duration::from_millis(1560)),
    };
    vec![
        (1, 0.0, Event::Connected("proxy".into())),
        (
            1,
            0.1,
            Event::sent(b"GET / HTTP/1.1\r\nHost: subject.test\r\n\r\n"),
        ),
        (
            1,
            60.0,
            Event::received(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\x00\xff"),
        ),
        (1, 60.1, Event::Awaits(awaited)),
    ]
}

/// An exchange after which the server closes.
fn closed() -> Record {
    let mut events = exchange();
    events.push((1, 61.0, Event::Fin));
    record(events)
}

/// One after which it does not, beside one of a client that is not ours.
fn hanging() -> Record {
    let mut events = exchange();
    let said = format!("HTTP/1.1 200 {NASTY}\r\n");
    events.push((2, 200.0, Event::Connected(NASTY.into())));
    events.push((2, 210.0, Event::SentRecords(517)));
    events.push((1, 220.0, Event::received(said.as_bytes())));
    events.push((2, 230.0, Event::Reset));
    events.push((0, 240.0, Event::Note(NASTY.into())));
    record(events)
}
