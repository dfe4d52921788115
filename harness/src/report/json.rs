//! The results as JSON.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::findings;
use super::Run;
use crate::anywhere::Advice;
use crate::outcome::{Outcome, Status};

#[derive(Serialize)]
struct Report<'a> {
    subjects: Vec<SubjectReport<'a>>,
}

#[derive(Serialize)]
struct SubjectReport<'a> {
    name: &'a str,
    cases: Vec<CaseReport<'a>>,
}

#[derive(Serialize)]
struct CaseReport<'a> {
    id: &'a str,
    client: &'static str,
    over: &'static str,
    status: Status,
    millis: u64,
    detail: String,
    /// Of a finding that any service could have: what it costs, and where to look.
    #[serde(flatten)]
    advice: Option<Advice>,
}

/// Writes the report.
pub fn write(file: &mut dyn Write, run: &Run<'_>) -> Result<()> {
    write_value(file, &report(run))
}

/// Writes `value`.
pub fn write_value(file: &mut dyn Write, value: &impl Serialize) -> Result<()> {
    serde_json::to_writer_pretty(&mut *file, value)?;
    file.write_all(b"\n")?;
    Ok(())
}

fn report<'a>(run: &Run<'a>) -> Report<'a> {
    let subjects = run.subjects.iter().map(|name| SubjectReport {
        name,
        cases: run
            .of(name)
            .map(|outcome| CaseReport {
                id: outcome.case,
                client: outcome.client.name(),
                over: outcome.over.name(),
                status: outcome.status,
                millis: u64::try_from(outcome.took.as_millis()).unwrap_or(u64::MAX),
                detail: detail(outcome),
                advice: findings::advice(outcome),
            })
            .collect(),
    });
    Report {
        subjects: subjects.collect(),
    }
}

fn detail(outcome: &Outcome) -> String {
    match outcome.status {
        Status::Fail | Status::Hang => format!("{}\n{}", outcome.detail, outcome.transcript),
        Status::Pass | Status::Skip => outcome.detail.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Failure;
    use crate::clients::Client;
    use crate::expectations::Expected;
    use crate::wire::transcript::{Entry, Event, Record};
    use crate::wire::Transport;
    use std::time::Duration;

    #[test]
    fn the_shape_of_the_report() {
        let outcome = Outcome {
            subject: "new".into(),
            case: "seed.zero-with-length",
            client: Client::Curl,
            over: Transport::Tls,
            status: Status::Hang,
            took: Duration::from_millis(1500),
            detail: "expected a; seen: b".into(),
            failure: Some(Failure::hang("a", "b")),
            transcript: Record {
                entries: vec![Entry {
                    connection: 1,
                    at: Duration::from_micros(100),
                    event: Event::Fin,
                }],
            },
            expected: Expected {
                status: Status::Pass,
                reason: None,
            },
        };
        let run = Run {
            subjects: &["new".into()],
            outcomes: &[outcome],
            took: Duration::from_secs(2),
        };
        let mut text = Vec::new();
        write(&mut text, &run).expect("a report");
        let value: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({"subjects": [{"name": "new", "cases": [{
                "id": "seed.zero-with-length",
                "client": "curl",
                "over": "tls",
                "status": "hang",
                "millis": 1500,
                "detail": "expected a; seen: b\n       0.1 ms   1 <- FIN",
            }]}]})
        );
    }
}
