//! The cases, one module an area.
//!
//! A case is written from `design`, an RFC or a finding, never from what a server was seen to do.
//! To add one: find its area, add it to the `cases()` of that module, run it with
//! `harness run --case ID`. What a pristine variant does instead goes into `expectations.toml`.
//!
//! Sources: `design 4` is the section on semantics on the wire, `finding n` the list of what
//! pristine 0.9.1 does wrong.

mod advice;
mod age;
mod body;
mod cache;
mod chunks;
mod clients;
mod close;
mod codings;
mod connection;
mod drain;
mod early;
mod errors;
mod framing;
mod gone;
mod half_close;
mod handshake;
mod header;
mod http10;
mod http2_origin;
mod idle;
mod keep_alive;
mod leak;
mod lengths;
mod limit;
mod linger;
mod old_apps;
mod order;
mod policy;
mod pool;
mod preface;
mod race;
mod response;
mod retry;
mod rfc9110;
mod rfc9112;
mod seed;
mod shapes;
mod slow;
mod timeouts;
mod tls;
mod tunnel;
mod tunnel_idle;
mod upload;
mod watching;
mod write;

use std::time::Duration;

use crate::case::{Case, Context, Found};
use crate::check::{self, Then};
use crate::wire::{Request, Transport};

/// Every case, in the order of reports.
pub fn all() -> Vec<Case> {
    [
        seed::cases(),
        idle::cases(),
        policy::cases(),
        connection::cases(),
        keep_alive::cases(),
        limit::cases(),
        header::cases(),
        preface::cases(),
        handshake::cases(),
        response::cases(),
        http10::cases(),
        framing::cases(),
        chunks::cases(),
        lengths::cases(),
        codings::cases(),
        cache::cases(),
        order::cases(),
        early::cases(),
        half_close::cases(),
        gone::cases(),
        upload::cases(),
        http2_origin::cases(),
        tunnel::cases(),
        timeouts::cases(),
        write::cases(),
        tunnel_idle::cases(),
        body::cases(),
        drain::cases(),
        errors::cases(),
        close::cases(),
        linger::cases(),
        age::cases(),
        pool::cases(),
        retry::cases(),
        shapes::cases(),
        old_apps::cases(),
        rfc9112::cases(),
        rfc9110::cases(),
        tls::cases(),
        leak::cases(),
        slow::cases(),
        race::cases(),
        clients::cases(),
        watching::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A case of one exchange on a connection and what follows it.
fn one(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    shape: &'static str,
    request: Request,
    then: Then,
) -> Case {
    sequence(id, sentence, source, shape, vec![request], then)
}

/// A case of a request whose body of five bytes is sent once an interim response has come; the
/// connection persists.
fn body_after_interim(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    request: Request,
    status: u16,
) -> Case {
    Case::new(id, sentence, source, "proxy", move |context| {
        let request = request.clone().declaring(5);
        async move {
            let mut connection = context.connect().await?;
            connection.send(request.head()).await;
            let interim = connection.next_response(&request).await?;
            check::status(&interim, status)?;
            connection.send("hello").await;
            let response = connection.next_response(&request).await?;
            check::status(&response, 200)?;
            Then::Persists.check(&mut connection, &response).await
        }
    })
}

/// A case of several exchanges on a connection; what follows the last one decides.
fn sequence(
    id: &'static str,
    sentence: &'static str,
    source: &'static str,
    shape: &'static str,
    requests: Vec<Request>,
    then: Then,
) -> Case {
    Case::new(id, sentence, source, shape, move |context| {
        let requests = requests.clone();
        async move {
            let mut connection = context.connect().await?;
            let Some((last, first)) = requests.split_last() else {
                return Ok(());
            };
            for request in first {
                let response = connection.exchange(&context.asks(request)).await?;
                check::served_by(&connection, &response)?;
                if check::ends_early(&mut connection, &response).await? {
                    return Ok(());
                }
            }
            let response = connection.exchange(&context.asks(last)).await?;
            check::served_by(&connection, &response)?;
            then.check(&mut connection, &response).await
        }
    })
}

/// Each request is answered with `code` on a connection of its own, which closes.
async fn refuses_each(
    context: &Context,
    code: u16,
    requests: impl IntoIterator<Item = Request>,
) -> Found {
    for request in requests {
        let mut connection = context.connect().await?;
        let response = connection.exchange(&request).await?;
        check::status(&response, code)?;
        Then::Closes.check(&mut connection, &response).await?;
    }
    Ok(())
}

/// Over every transport: what a case asks of reading or of ends is as true of each.
fn everywhere(case: Case) -> Case {
    case.over(&Transport::ALL)
}

/// A `GET` that the service answers itself, with a length.
fn plain() -> Request {
    Request::local("length")
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn ids_are_unique_and_name_their_area() {
        let mut seen = HashSet::new();
        for case in super::all() {
            assert!(seen.insert(case.id), "{} twice", case.id);
            // The areas of the RFCs go on with the section: `rfc9112.9.3-...`.
            let (area, name) = case.id.split_once('.').expect(case.id);
            let name = match area.starts_with("rfc") {
                true => name.replace('.', ""),
                false => name.to_owned(),
            };
            let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
            assert!(
                area.chars().all(kebab) && name.chars().all(kebab),
                "{}",
                case.id
            );
        }
    }

    /// The lines of the table in `docs/rfc-duties.md`: the number of a duty, and its cases.
    fn duties() -> Vec<(u32, Vec<String>)> {
        let table = include_str!("../../../docs/rfc-duties.md");
        table
            .lines()
            .filter_map(|line| {
                let mut columns = line.split('|').map(str::trim).skip(1);
                let number = columns.next()?.parse().ok()?;
                let cases = columns.nth(2)?;
                let ids = cases.split(", ").map(|id| id.trim_matches('`').to_owned());
                Some((number, ids.filter(|id| !id.is_empty()).collect()))
            })
            .collect()
    }

    #[test]
    fn every_duty_has_cases() {
        let duties = duties();
        let numbers: Vec<_> = duties.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
        let ids: HashSet<_> = super::all().iter().map(|case| case.id).collect();
        let mut named = HashSet::new();
        for (number, cases) in &duties {
            assert!(!cases.is_empty(), "duty {number} has no case");
            for case in cases {
                assert!(
                    ids.contains(case.as_str()),
                    "duty {number}: no case is called {case}"
                );
                named.insert(case.as_str());
            }
        }
        for id in ids.iter().filter(|id| id.starts_with("rfc")) {
            assert!(named.contains(id), "{id} proves no duty");
        }
    }

    #[test]
    fn every_case_that_runs_anywhere_says_what_it_costs_and_where_to_look() {
        let series = include_str!("../../../patches/0.9.1/series");
        let mut count = 0;
        for case in super::all() {
            let Some(anywhere) = &case.anywhere else {
                continue;
            };
            count += 1;
            for text in [anywhere.advice.costs, anywhere.advice.look] {
                assert!(
                    text.len() > 40 && text.ends_with('.'),
                    "{}: {text}",
                    case.id
                );
                assert!(!text.contains("  "), "{}: {text}", case.id);
            }
            let words = anywhere.advice.look.split([' ', ',', ':', ';']);
            for patch in words.filter(|word| word.trim_end_matches('.').ends_with(".patch")) {
                let patch = patch.trim_end_matches('.');
                assert!(
                    series.lines().any(|line| line == patch),
                    "{}: {patch}",
                    case.id
                );
            }
            assert!(!case.alone && anywhere.requests > 0, "{}", case.id);
        }
        assert!(count > 60, "{count}");
    }

    #[test]
    fn every_case_says_what_and_why() {
        for case in super::all() {
            assert!(
                case.sentence.ends_with('.'),
                "{}: {}",
                case.id,
                case.sentence
            );
            assert!(!case.source.is_empty(), "{}", case.id);
            assert!(!case.clients.is_empty(), "{}", case.id);
        }
    }
}
