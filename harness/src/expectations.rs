//! What pristine subjects are known to do: the one place that knows the names of variants.
//!
//! Whatever `harness/expectations.toml` does not mention is expected to pass. An entry that no case
//! answers to is an error, and so are two that say different things of the same one.

use std::collections::BTreeMap;

use anyhow::{bail, Context as _, Result};
use serde::Deserialize;

use crate::case::Case;
use crate::clients::Client;
use crate::outcome::Status;
use crate::paths;
use crate::selection::{covers, nearest};
use crate::wire::Transport;

/// One entry of the file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// Ids, or globs over ids; with `@tls` and the like, over one transport alone.
    cases: Vec<String>,
    /// Only with this client.
    client: Option<String>,
    /// `fail` or `hang`.
    status: Status,
    /// Why.
    reason: String,
}

/// The entries of every subject.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Expectations {
    subjects: BTreeMap<String, Vec<Entry>>,
}

/// What is expected of one run of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// `pass`, or what is known.
    pub status: Status,
    /// Why it is not `pass`.
    pub reason: Option<String>,
}

impl Expectations {
    /// Reads and checks the file.
    pub fn load(subjects: &[&str], cases: &[Case]) -> Result<Expectations> {
        let path = paths::expectations();
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Expectations::parse(&text, subjects, cases).with_context(|| path.display().to_string())
    }

    fn parse(text: &str, subjects: &[&str], cases: &[Case]) -> Result<Expectations> {
        let expectations: Expectations = toml::from_str(text)?;
        for (subject, entries) in &expectations.subjects {
            if !subjects.contains(&subject.as_str()) {
                bail!(
                    "no subject is called {subject}{}",
                    nearest(subject, subjects)
                );
            }
            for entry in entries {
                entry.check(cases).with_context(|| subject.clone())?;
            }
            for case in cases {
                for (client, over) in case.runs() {
                    expectations.find(subject, case.id, client, over)?;
                }
            }
        }
        Ok(expectations)
    }

    /// What is expected of a case.
    pub fn of(&self, subject: &str, case: &Case, client: Client, over: Transport) -> Expected {
        // Conflicts were found when the file was read.
        match self.find(subject, case.id, client, over) {
            Ok(Some(entry)) => Expected {
                status: entry.status,
                reason: Some(entry.reason.clone()),
            },
            _ => Expected {
                status: Status::Pass,
                reason: None,
            },
        }
    }

    /// The entry that decides: one that names the case before one that globs it, one that names
    /// the transport before one that does not, and so for the client.
    fn find(
        &self,
        subject: &str,
        case: &str,
        client: Client,
        over: Transport,
    ) -> Result<Option<&Entry>> {
        let entries = self
            .subjects
            .get(subject)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let mut best: Option<(u8, &Entry)> = None;
        for entry in entries {
            let Some(rank) = entry.rank(case, client, over) else {
                continue;
            };
            match best {
                Some((other, _)) if other > rank => {}
                Some((other, same)) if other == rank => bail!(
                    "{subject}: {case} with {client} over {over} has two reasons: {}; {}",
                    same.reason,
                    entry.reason
                ),
                _ => best = Some((rank, entry)),
            }
        }
        Ok(best.map(|(_, entry)| entry))
    }
}

impl Entry {
    /// How precisely it speaks of a run, if it does.
    fn rank(&self, case: &str, client: Client, over: Transport) -> Option<u8> {
        let of_client = self.client.as_deref();
        if of_client.is_some_and(|name| name != client.name()) {
            return None;
        }
        let globs = self.cases.iter().filter(|glob| covers(glob, case, over));
        let precise = globs.map(|glob| {
            let (id, transport) = match glob.split_once('@') {
                Some((id, _)) => (id, true),
                None => (glob.as_str(), false),
            };
            u8::from(id == case) * 4 + u8::from(transport) * 2
        });
        Some(precise.max()? + u8::from(of_client.is_some()))
    }

    fn check(&self, cases: &[Case]) -> Result<()> {
        if !matches!(self.status, Status::Fail | Status::Hang) {
            bail!("only fail and hang can be expected");
        }
        if self.reason.trim().is_empty() {
            bail!("an expectation needs a reason");
        }
        if let Some(client) = &self.client {
            client.parse::<Client>().map_err(anyhow::Error::msg)?;
        }
        let ids: Vec<_> = cases.iter().map(|case| case.id).collect();
        for glob in &self.cases {
            let one = Entry {
                cases: vec![glob.clone()],
                ..self.clone()
            };
            let speaks_of = |case: &Case| {
                case.runs()
                    .any(|(client, over)| one.rank(case.id, client, over).is_some())
            };
            if !cases.iter().any(speaks_of) {
                bail!("{glob} matches no case{}", nearest(glob, &ids));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    fn parse(text: &str) -> Result<Expectations> {
        Expectations::parse(text, &["old", "new"], &cases::all())
    }

    fn seed() -> Case {
        crate::selection::case("seed.zero-with-length").expect("a case")
    }

    fn error(text: &str) -> String {
        format!("{:#}", parse(text).map(|_| ()).unwrap_err())
    }

    #[test]
    fn what_is_not_mentioned_passes() {
        let none = parse("").expect("an empty file");
        let expected = none.of("old", &seed(), Client::Raw, Transport::Plain);
        assert_eq!(expected.status, Status::Pass);
    }

    #[test]
    fn the_more_precise_entry_decides() {
        let some = parse(
            r#"
            [[old]]
            cases = ["seed.*"]
            status = "hang"
            reason = "finding 2"
            [[old]]
            cases = ["seed.zero-with-length"]
            client = "curl"
            status = "fail"
            reason = "finding 3"
            [[old]]
            cases = ["seed.*@tls"]
            status = "fail"
            reason = "finding 22"
            "#,
        )
        .expect("a file");
        let status = |subject, client, over| some.of(subject, &seed(), client, over).status;
        assert_eq!(status("old", Client::Raw, Transport::Plain), Status::Hang);
        assert_eq!(status("old", Client::Raw, Transport::Tls), Status::Fail);
        assert_eq!(status("old", Client::Curl, Transport::Plain), Status::Fail);
        assert_eq!(status("new", Client::Raw, Transport::Plain), Status::Pass);
    }

    #[test]
    fn entries_that_say_nothing_or_too_much_are_errors() {
        let entry = |case: &str, status: &str, reason: &str| {
            format!("[[old]]\ncases = [\"{case}\"]\nstatus = \"{status}\"\nreason = \"{reason}\"\n")
        };
        assert!(error(&entry("sed.*", "fail", "x")).contains("matches no case"));
        assert!(error(&entry("seed.*", "pass", "x")).contains("only fail and hang"));
        assert!(error(&entry("seed.*", "fail", " ")).contains("needs a reason"));
        let twice = entry("seed.*", "fail", "x") + &entry("seed.zero*", "hang", "y");
        assert!(error(&twice).contains("has two reasons"));
        let elsewhere = entry("seed.*", "fail", "x").replace("old", "odl");
        assert!(error(&elsewhere).contains("no subject is called odl"));
    }
}
