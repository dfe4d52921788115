//! The results as JUnit XML, for the viewers of CI.
//!
//! A suite is a subject, a class an area, a test one run of a case. What a pristine subject is known
//! to do wrong is a skipped test of the type `known-fail` or `known-hang` with its reason as the
//! message: viewers stay green and yet count and show it, as they do the expected failures of other
//! runners. What the expectations do not say is a failure, an unexpected pass among them.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};

use super::Run;
use crate::outcome::{Outcome, Status};

/// Writes the report.
pub fn write(file: &mut dyn Write, run: &Run<'_>) -> Result<()> {
    report(run).serialize(file)?;
    Ok(())
}

fn report(run: &Run<'_>) -> Report {
    let mut report = Report::new("harness");
    report.set_time(run.took);
    for subject in run.subjects {
        let mut suite = TestSuite::new(subject);
        // The cases run side by side: their sum says how much was waited for, not how long it took.
        suite.set_time(
            run.of(subject)
                .map(|outcome| outcome.took)
                .sum::<Duration>(),
        );
        suite.add_test_cases(run.of(subject).map(test));
        report.add_test_suite(suite);
    }
    report
}

fn test(outcome: &Outcome) -> TestCase {
    let name = format!("{} ({})", outcome.run(), outcome.client);
    let mut test = TestCase::new(name, verdict(outcome));
    test.set_classname(outcome.area());
    test.set_time(outcome.took);
    if let Some(said) = said(outcome) {
        test.set_system_out(said);
    }
    test
}

fn verdict(outcome: &Outcome) -> TestCaseStatus {
    let known = outcome.expected.reason.as_deref().unwrap_or_default();
    let mut verdict;
    if outcome.status == Status::Skip && outcome.is_as_expected() {
        verdict = TestCaseStatus::skipped();
        verdict.set_type("skip").set_message(&outcome.detail);
    } else if outcome.is_as_expected() && outcome.status == Status::Pass {
        verdict = TestCaseStatus::success();
    } else if outcome.is_as_expected() {
        verdict = TestCaseStatus::skipped();
        verdict
            .set_type(format!("known-{}", outcome.status))
            .set_message(format!("known to {}: {known}", outcome.status));
    } else {
        let message = match (outcome.status, &outcome.failure) {
            (Status::Pass, _) => format!(
                "passes, and the expectations say {}: {known}",
                outcome.expected.status
            ),
            (status, _) if outcome.expected.status != Status::Pass => format!(
                "{status}, and the expectations say {}: {known}",
                outcome.expected.status
            ),
            (_, Some(failure)) => failure.to_string(),
            (_, None) => outcome.detail.clone(),
        };
        verdict = TestCaseStatus::non_success(NonSuccessKind::Failure);
        verdict
            .set_type(outcome.status.to_string())
            .set_message(message)
            .set_description(account(outcome));
    }
    verdict
}

/// What a test says beside its verdict.
fn said(outcome: &Outcome) -> Option<String> {
    match outcome.status {
        Status::Pass if outcome.detail.is_empty() => None,
        Status::Pass => Some(outcome.detail.clone()),
        // A failure has it in its description.
        Status::Fail | Status::Hang if outcome.is_as_expected() => Some(account(outcome)),
        Status::Fail | Status::Hang | Status::Skip => None,
    }
}

/// What was expected, what was seen, and everything on the wire.
fn account(outcome: &Outcome) -> String {
    let what = match &outcome.failure {
        Some(failure) => format!("expected: {}\nseen:     {}", failure.expected, failure.seen),
        None => outcome.detail.clone(),
    };
    format!("{what}\n{}", outcome.transcript)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::case::Failure;
    use crate::clients::Client;
    use crate::expectations::Expected;
    use crate::wire::transcript::{Entry, Event, Record};
    use crate::wire::Transport;

    fn outcome(case: &'static str, status: Status, expected: Status) -> Outcome {
        let failed = matches!(status, Status::Fail | Status::Hang);
        let failure = failed.then(|| Failure::wrong("a <FIN>", "nothing\u{1}"));
        let entry = Entry {
            connection: 1,
            at: Duration::from_millis(2),
            event: Event::received(b"]]> \x00\xff"),
        };
        Outcome {
            subject: "new".into(),
            case,
            client: Client::Curl,
            over: Transport::Tls,
            status,
            took: Duration::from_millis(1500),
            detail: failure.as_ref().map(Failure::to_string).unwrap_or_default(),
            failure,
            transcript: Record {
                entries: vec![entry],
            },
            expected: Expected {
                status: expected,
                reason: (expected != Status::Pass).then(|| "finding 2".to_owned()),
            },
        }
    }

    #[test]
    fn a_known_failure_is_skipped_with_its_reason_and_a_surprise_fails() {
        let skipped = Outcome {
            detail: "curl is not installed".into(),
            ..outcome("seed.d", Status::Skip, Status::Pass)
        };
        let outcomes = [
            outcome("seed.a", Status::Pass, Status::Pass),
            outcome("seed.b", Status::Hang, Status::Hang),
            outcome("seed.c", Status::Fail, Status::Pass),
            skipped,
            outcome("seed.e", Status::Pass, Status::Fail),
            outcome("seed.f", Status::Hang, Status::Fail),
        ];
        let subjects = ["old".to_owned(), "new".to_owned()];
        let run = Run {
            subjects: &subjects,
            outcomes: &outcomes,
            took: Duration::from_secs(3),
        };
        let mut file = Vec::new();
        write(&mut file, &run).expect("a report");
        let read = Report::deserialize(file.as_slice()).expect("JUnit");
        let suites: Vec<_> = read.test_suites.iter().map(|s| s.name.as_str()).collect();
        assert_eq!(suites, ["old", "new"]);
        let suite = &read.test_suites[1];
        assert_eq!((suite.tests, suite.failures, suite.disabled), (6, 3, 2));
        let told: Vec<_> = suite.test_cases.iter().map(told).collect();
        assert_eq!(
            told,
            [
                "seed.a@tls (curl) in seed: success",
                "seed.b@tls (curl) in seed: skipped known-hang: known to hang: finding 2",
                "seed.c@tls (curl) in seed: failed fail: expected a <FIN>; seen: nothing",
                "seed.d@tls (curl) in seed: skipped skip: curl is not installed",
                "seed.e@tls (curl) in seed: failed pass: passes, and the expectations say fail: \
                 finding 2",
                "seed.f@tls (curl) in seed: failed hang: hang, and the expectations say fail: \
                 finding 2",
            ]
        );
        let account = suite.test_cases[1].system_out.as_ref().expect("an account");
        assert!(account.contains("expected: a <FIN>"), "{account:?}");
        assert!(account.contains(r#"1 <- "]]> \x00\xff""#), "{account:?}");
    }

    fn told(test: &TestCase) -> String {
        let class = test.classname.as_ref().map_or("", |class| class.as_str());
        let status = match &test.status {
            TestCaseStatus::Success { .. } => "success".to_owned(),
            TestCaseStatus::NonSuccess { message, ty, .. } => format!(
                "failed {}: {}",
                ty.as_deref().unwrap_or_default(),
                message.as_deref().unwrap_or_default()
            ),
            TestCaseStatus::Skipped { message, ty, .. } => format!(
                "skipped {}: {}",
                ty.as_deref().unwrap_or_default(),
                message.as_deref().unwrap_or_default()
            ),
        };
        format!("{} in {class}: {status}", test.name.as_str())
    }
}
