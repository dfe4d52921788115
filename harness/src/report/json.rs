//! The results as JSON.

use std::io::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Serialize;

use super::findings;
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

/// Writes `outcomes` to `path`: beside it first, then renamed, so that a reader never sees half of
/// it.
pub fn write(path: &Path, subjects: &[String], outcomes: &[Outcome]) -> Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let named = || path.display().to_string();
    let mut file = tempfile::NamedTempFile::new_in(directory).with_context(named)?;
    serde_json::to_writer_pretty(&mut file, &report(subjects, outcomes))?;
    file.write_all(b"\n")?;
    file.persist(path).with_context(named)?;
    Ok(())
}

fn report<'a>(subjects: &'a [String], outcomes: &'a [Outcome]) -> Report<'a> {
    let subjects = subjects.iter().map(|name| SubjectReport {
        name,
        cases: outcomes
            .iter()
            .filter(|outcome| outcome.subject == *name)
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
    use crate::clients::Client;
    use crate::expectations::Expected;
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
            transcript: "  0.1 ms".into(),
            expected: Expected {
                status: Status::Pass,
                reason: None,
            },
        };
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("report.json");
        write(&path, &["new".into()], &[outcome]).expect("a report");
        let text = std::fs::read_to_string(&path).expect("a file");
        let value: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(
            value,
            serde_json::json!({"subjects": [{"name": "new", "cases": [{
                "id": "seed.zero-with-length",
                "client": "curl",
                "over": "tls",
                "status": "hang",
                "millis": 1500,
                "detail": "expected a; seen: b\n  0.1 ms",
            }]}]})
        );
        let left = std::fs::read_dir(directory.path())
            .expect("a directory")
            .count();
        assert_eq!(left, 1);
    }
}
