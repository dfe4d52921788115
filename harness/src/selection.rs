//! Which subjects, cases and clients a run is about.

use anyhow::{bail, Result};
use wildmatch::WildMatch;

use crate::case::Case;
use crate::cases;
use crate::clients::Client;
use crate::subject::variants::{self, Variant};

/// What to run.
#[derive(Clone, Debug)]
pub struct Selection {
    /// In the order of reports.
    pub variants: Vec<Variant>,
    /// In the order of reports.
    pub cases: Vec<Case>,
    /// In the order of reports.
    pub clients: Vec<Client>,
}

impl Selection {
    /// What names and globs select; without any of a kind, everything of it.
    pub fn new(subjects: &[String], globs: &[String], clients: &[String]) -> Result<Selection> {
        let variants = variants::all()?;
        let names: Vec<_> = variants.iter().map(|v| v.name.as_str()).collect();
        known("subject", subjects, &names)?;
        let client_names = Client::ALL.map(Client::name);
        known("client", clients, &client_names)?;
        let all = cases::all();
        let ids: Vec<_> = all.iter().map(|case| case.id).collect();
        for glob in globs {
            if !ids.iter().any(|id| matches(glob, id)) {
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
                .filter(|case| globs.is_empty() || globs.iter().any(|glob| matches(glob, case.id)))
                .collect(),
            clients: Client::ALL
                .into_iter()
                .filter(|client| chosen(clients, client.name()))
                .collect(),
        })
    }
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
            Selection::new(&own(s), &own(c), &own(k))
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        assert!(error(&["patched"], &[], &[]).contains("patched-0.9.1"));
        assert!(error(&[], &["seed.zero-with-lenght"], &[]).contains("seed.zero-with-length"));
        assert!(error(&[], &[], &["crul"]).contains("curl"));
    }
}
