//! Which subjects, cases and clients a run is about.

use anyhow::{bail, Result};
use wildmatch::WildMatch;

use crate::case::Case;
use crate::cases;
use crate::clients::Client;
use crate::runner::Job;
use crate::subject::variants::{self, Variant};
use crate::wire::Transport;

/// What to run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// In the order of reports.
    pub variants: Vec<Variant>,
    /// In the order of reports.
    pub cases: Vec<Case>,
    /// In the order of reports.
    pub clients: Vec<Client>,
    /// In the order of reports.
    pub over: Vec<Transport>,
    /// Whether a client that is not installed is a failure instead of a skip.
    pub require_clients: bool,
    /// What selected the cases.
    pub globs: Vec<String>,
}

impl Selection {
    /// What names and globs select; without any of a kind, everything of it.
    pub fn new(
        subjects: &[String],
        globs: &[String],
        clients: &[String],
        over: &[String],
    ) -> Result<Selection> {
        let variants = variants::all()?;
        let names: Vec<_> = variants.iter().map(|v| v.name.as_str()).collect();
        known("subject", subjects, &names)?;
        let client_names: Vec<_> = Client::all().map(Client::name).collect();
        known("client", clients, &client_names)?;
        known("transport", over, &Transport::ALL.map(Transport::name))?;
        let all = cases::all();
        let ids: Vec<_> = all.iter().map(|case| case.id).collect();
        for glob in globs {
            if !all.iter().any(|case| covers_any(glob, case)) {
                bail!("no case matches {glob}{}", nearest(glob, &ids));
            }
        }
        let chosen = |names: &[String], name: &str| {
            names.is_empty() || names.iter().any(|chosen| chosen == name)
        };
        Ok(Selection {
            variants: variants
                .into_iter()
                .filter(|variant| chosen(subjects, &variant.name))
                .collect(),
            cases: all
                .into_iter()
                .filter(|case| globs.is_empty() || globs.iter().any(|glob| covers_any(glob, case)))
                .collect(),
            clients: Client::all()
                .filter(|client| chosen(clients, client.name()))
                .collect(),
            over: Transport::ALL
                .into_iter()
                .filter(|transport| chosen(over, transport.name()))
                .collect(),
            require_clients: false,
            globs: globs.to_vec(),
        })
    }

    /// Every run that is selected, case by case.
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for case in &self.cases {
            for (client, over) in case.runs() {
                let globbed = |glob: &String| covers(glob, case.id, over);
                if !self.clients.contains(&client)
                    || !self.over.contains(&over)
                    || !(self.globs.is_empty() || self.globs.iter().any(globbed))
                {
                    continue;
                }
                for variant in &self.variants {
                    jobs.push(Job {
                        subject: variant.name.clone(),
                        case: case.clone(),
                        client,
                        over,
                        require_client: self.require_clients,
                    });
                }
            }
        }
        jobs
    }
}

/// Whether a glob covers a run: by the case's id over any transport, or with `@` by the id with
/// the transport.
pub fn covers(glob: &str, id: &str, over: Transport) -> bool {
    if glob.contains('@') {
        matches(glob, &format!("{id}@{over}"))
    } else {
        matches(glob, id)
    }
}

fn covers_any(glob: &str, case: &Case) -> bool {
    case.over.iter().any(|over| covers(glob, case.id, *over))
}

/// Whether a glob matches an id.
pub fn matches(glob: &str, id: &str) -> bool {
    WildMatch::new(glob).matches(id)
}

/// The one case of this id.
pub fn case(id: &str) -> Result<Case> {
    let all = cases::all();
    let ids: Vec<_> = all.iter().map(|case| case.id).collect();
    let near = nearest(id, &ids);
    match all.into_iter().find(|case| case.id == id) {
        Some(case) => Ok(case),
        None => bail!("no case is called {id}{near}"),
    }
}

fn known(kind: &str, chosen: &[String], names: &[&str]) -> Result<()> {
    for name in chosen {
        if !names.contains(&name.as_str()) {
            bail!(
                "no {kind} is called {name}{}; there are {}",
                nearest(name, names),
                names.join(", ")
            );
        }
    }
    Ok(())
}

/// ` (did you mean ..?)` with the names nearest to a wrong one.
pub fn nearest(wrong: &str, names: &[&str]) -> String {
    let mut near: Vec<_> = names
        .iter()
        .map(|name| (strsim::jaro_winkler(wrong, name), *name))
        .filter(|(likeness, _)| *likeness > 0.75)
        .collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.truncate(3);
    if near.is_empty() {
        return String::new();
    }
    let near: Vec<_> = near.into_iter().map(|(_, name)| name).collect();
    format!(" (did you mean {}?)", near.join(" or "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_whole_ids() {
        assert!(matches("seed.*", "seed.zero-with-length"));
        assert!(matches("*length*", "seed.zero-with-length"));
        assert!(!matches("seed", "seed.zero-with-length"));
    }

    #[test]
    fn a_glob_may_name_the_transport() {
        assert!(covers("seed.*", "seed.a", Transport::Tls));
        assert!(covers("seed.*@tls", "seed.a", Transport::Tls));
        assert!(covers("*@plain", "seed.a", Transport::Plain));
        assert!(!covers("seed.*@tls", "seed.a", Transport::Plain));
    }

    #[test]
    fn a_wrong_name_is_told_the_near_ones() {
        let near = nearest(
            "upstream-0.9.0",
            &["upstream-0.4.0", "upstream-0.9.1", "raw"],
        );
        assert!(near.contains("upstream-0.9.1"), "{near}");
        assert!(!near.contains("raw"), "{near}");
        assert_eq!(nearest("zzz", &["raw"]), "");
    }

    #[test]
    fn what_does_not_exist_is_an_error() {
        let error = |s: &[&str], c: &[&str], k: &[&str]| {
            let own = |names: &[&str]| names.iter().map(|n| n.to_string()).collect::<Vec<_>>();
            Selection::new(&own(s), &own(c), &own(k), &[])
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert!(error(&["patched"], &[], &[]).contains("patched-0.9.1"));
        assert!(error(&[], &["seed.zero-with-lenght"], &[]).contains("seed.zero-with-length"));
        assert!(error(&[], &[], &["crul"]).contains("curl"));
    }
}
