//! The trailers of a patch's commit message: what the queue knows about it.
//!
//! | trailer | value |
//! |---|---|
//! | `Patch:` | the patch's name, which is its file's name without `.patch` |
//! | `Kind:` | `bugfix`, `feature` or `behaviour-change` |
//! | `Case:` | the harness cases that fail without it, separated by commas; or `none: REASON` where no client can show it |
//! | `Needs:` | patches without which it does not build, where `export` cannot see it; not often there |
//! | `Upstream:` | the address of its issue or pull request, or `not filed` |

/// The values that `Kind:` can have.
pub const KINDS: [&str; 3] = ["bugfix", "feature", "behaviour-change"];

/// The trailers that are this queue's own.
const OWN: [&str; 5] = ["Patch", "Kind", "Case", "Needs", "Upstream"];

/// The trailers found in a message; `None` where one is missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Trailers {
    /// `Patch:`
    pub patch: Option<String>,
    /// `Kind:`
    pub kind: Option<String>,
    /// `Case:`
    pub case: Option<String>,
    /// `Needs:`
    pub needs: Option<String>,
    /// `Upstream:`
    pub upstream: Option<String>,
}

impl Trailers {
    /// Reads the last paragraph of `message`.
    pub fn parse(message: &str) -> Self {
        let mut trailers = Self::default();
        for line in unfolded(last_paragraph(message)) {
            let Some((token, value)) = line.split_once(':') else {
                continue;
            };
            let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty());
            match token {
                "Patch" => trailers.patch = value,
                "Kind" => trailers.kind = value,
                "Case" => trailers.case = value,
                "Needs" => trailers.needs = value,
                "Upstream" => trailers.upstream = value,
                _ => {}
            }
        }
        trailers
    }

    /// What is missing or wrong but for `Case:`, each with what to write instead.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        match &self.patch {
            None => problems.push(
                "no `Patch:` trailer: add `Patch: NAME` to the last paragraph of the commit message; the patch \
                 becomes NAME.patch"
                    .to_owned(),
            ),
            Some(name) if !is_patch_name(name) => problems.push(format!(
                "`Patch: {name}` is not a name: write lower-case words joined by `-`, without `.patch`"
            )),
            Some(_) => {}
        }
        match &self.kind {
            None => problems.push(format!(
                "no `Kind:` trailer: add `Kind: {}`",
                KINDS.join(" | ")
            )),
            Some(kind) if !KINDS.contains(&kind.as_str()) => {
                problems.push(format!("`Kind: {kind}` is not one of {}", KINDS.join(", ")))
            }
            Some(_) => {}
        }
        match &self.upstream {
            None => problems.push(
                "no `Upstream:` trailer: add `Upstream: URL` or `Upstream: not filed`".to_owned(),
            ),
            Some(value) if value != "not filed" && !value.starts_with("https://") => problems.push(
                format!("`Upstream: {value}` is neither an https:// address nor `not filed`"),
            ),
            Some(_) => {}
        }
        problems
    }

    /// What is wrong with `Case:`. Kept apart: a patch may be written before the case that shows it.
    pub fn case_problem(&self) -> Option<String> {
        (self.case_ids().is_empty() && self.no_case_because().is_none()).then(|| {
            "no `Case:` trailer: add `Case: ID[, ID]`, the harness cases that fail without the patch".to_owned()
        })
    }

    /// Why no client can show what the patch does, where that is so.
    pub fn no_case_because(&self) -> Option<&str> {
        let reason = self.case.as_deref()?.strip_prefix("none:")?.trim();
        (!reason.is_empty()).then_some(reason)
    }

    /// The patches it needs, as far as it says so.
    pub fn needs(&self) -> Vec<&str> {
        listed(self.needs.as_deref())
    }

    /// The harness cases named.
    pub fn case_ids(&self) -> Vec<&str> {
        listed(
            self.case
                .as_deref()
                .filter(|value| !value.starts_with("none:")),
        )
    }
}

/// `message` without the queue's trailers, and what other trailers stand among them.
pub fn split(message: &str) -> (&str, Vec<String>) {
    let message = message.trim_end();
    let last = last_paragraph(message);
    let is_own = |line: &String| {
        line.split_once(':')
            .is_some_and(|(token, _)| OWN.contains(&token))
    };
    let (own, others): (Vec<_>, Vec<_>) = unfolded(last).into_iter().partition(is_own);
    if own.is_empty() {
        return (message, Vec::new());
    }
    (message[..message.len() - last.len()].trim_end(), others)
}

/// What may be trailers: the last paragraph, unless it is the only one.
fn last_paragraph(message: &str) -> &str {
    message
        .trim_end()
        .rsplit_once("\n\n")
        .map_or("", |(_, last)| last)
}

/// Its lines; one that starts with white space continues the one before it.
fn unfolded(paragraph: &str) -> Vec<String> {
    let mut unfolded: Vec<String> = Vec::new();
    for line in paragraph.lines() {
        match unfolded.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                *last += " ";
                *last += line.trim();
            }
            _ => unfolded.push(line.to_owned()),
        }
    }
    unfolded
}

fn listed(value: Option<&str>) -> Vec<&str> {
    value
        .into_iter()
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

/// Whether `name` is fit for a patch: lower-case letters, digits and single `-` between them, not
/// starting with a digit, so that no order is ever written into a file name.
pub fn is_patch_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.split('-').all(|word| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_are_read_from_the_last_paragraph() {
        let trailers = Trailers::parse(
            "Read every Connection line\n\nKind: not this one\n\nPatch: connection-options\nKind: bugfix\n\
             Case: options.one,\n  options.two\nUpstream: not filed\nSigned-off-by: A <a@b>\n",
        );
        assert_eq!(trailers.patch.as_deref(), Some("connection-options"));
        assert_eq!(trailers.kind.as_deref(), Some("bugfix"));
        assert_eq!(trailers.case_ids(), ["options.one", "options.two"]);
        assert_eq!(trailers.problems(), [""; 0]);
        assert_eq!(trailers.case_problem(), None);
    }

    #[test]
    fn a_patch_that_no_client_can_show_says_why() {
        let trailers = |case| Trailers::parse(&format!("S\n\nCase: {case}\nKind: bugfix\n"));
        let none = trailers("none: it needs s2n, which the subject is not built with");
        assert_eq!(none.case_ids(), [""; 0]);
        assert_eq!(none.case_problem(), None);
        assert!(trailers("none:").case_problem().is_some());
    }

    #[test]
    fn a_subject_alone_has_no_trailers() {
        assert_eq!(Trailers::parse("Patch: subject\n"), Trailers::default());
    }

    #[test]
    fn each_problem_says_what_to_write() {
        let wrong = Trailers::parse("S\n\nPatch: 0001-X\nKind: fix\nUpstream: soon\nCase:\n");
        assert_eq!(wrong.problems().len(), 3, "{:#?}", wrong.problems());
        assert!(wrong.case_problem().unwrap().contains("add `Case: ID"));
        let problems = Trailers::parse("S\n\nbody\n").problems();
        assert!(problems[0].contains("add `Patch: NAME`"));
        assert!(problems[1].contains("bugfix | feature | behaviour-change"));
    }
}
