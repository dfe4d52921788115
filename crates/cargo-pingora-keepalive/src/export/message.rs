//! A patch's message as a pull request for upstream.
//!
//! The trailers are for this queue. `Patch:`, `Kind:` and `Needs:` say nothing to who reads the pull request,
//! and go: what changes for an application stands in the text. `Case:` becomes a list that says what it is, so
//! that a reviewer knows which black-box tests show the change. The address of `Upstream:` becomes
//! `Refs:`, which links the pull request with its issue and closes none; `not filed` goes.

use crate::trailers::{split, Trailers};

/// The message of `text`, the file of a patch, put in place of its own.
pub fn as_pull_request(text: &str) -> String {
    let Some((header, rest)) = text.split_once("\n\n") else {
        return text.to_owned();
    };
    let at = rest.find("diff --git ").filter(|at| *at == 0);
    let at = at.or_else(|| rest.find("\ndiff --git ").map(|at| at + 1));
    let (message, diff) = rest.split_at(at.unwrap_or(rest.len()));
    let body = body(message);
    if body.is_empty() {
        format!("{header}\n\n{diff}")
    } else {
        format!("{header}\n\n{body}\n\n{diff}")
    }
}

/// A message without its subject, as upstream is to read it.
fn body(message: &str) -> String {
    // The subject stands elsewhere; a trailer needs a paragraph before it.
    let whole = format!("subject\n\n{}", message.trim());
    let trailers = Trailers::parse(&whole);
    let (text, others) = split(&whole);
    let text = text.strip_prefix("subject").unwrap_or(text).trim();
    let mut paragraphs = vec![text.to_owned()];
    let cases = trailers.case_ids();
    if !cases.is_empty() {
        let mut list =
            "Seen from outside: without this change, these cases of the pingora-keepalive\nharness fail:\n"
                .to_owned();
        for case in cases {
            list += &format!("\n- {case}");
        }
        paragraphs.push(list);
    }
    let mut last: Vec<String> = others;
    if let Some(address) = trailers.upstream.filter(|value| value != "not filed") {
        last.insert(0, format!("Refs: {address}"));
    }
    paragraphs.push(last.join("\n"));
    paragraphs.retain(|paragraph| !paragraph.is_empty());
    paragraphs.join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(message: &str) -> String {
        let text =
            format!("From 0\nFrom: a <a@b>\nSubject: s\n\n{message}\ndiff --git a/f b/f\n@@ ..\n");
        let text = as_pull_request(&text);
        let text = text.strip_prefix("From 0\nFrom: a <a@b>\nSubject: s\n\n");
        let text = text.unwrap().strip_suffix("diff --git a/f b/f\n@@ ..\n");
        text.unwrap().to_owned()
    }

    #[test]
    fn the_queues_own_trailers_go_and_the_cases_stay_readable() {
        assert_eq!(
            exported(
                "Why.\n\nMore.\n\nPatch: p\nKind: bugfix\nCase: a.one,\n a.two\nNeeds: q\nUpstream: https://x/1\n"
            ),
            "Why.\n\nMore.\n\nSeen from outside: without this change, these cases of the pingora-keepalive\n\
             harness fail:\n\n- a.one\n- a.two\n\nRefs: https://x/1\n\n"
        );
    }

    #[test]
    fn what_says_nothing_to_upstream_leaves_nothing() {
        assert_eq!(
            exported(
                "Why.\n\nPatch: p\nKind: bugfix\nCase: none: no client\nUpstream: not filed\n"
            ),
            "Why.\n\n"
        );
        assert_eq!(exported("Patch: p\nKind: bugfix\n"), "");
    }

    #[test]
    fn trailers_of_others_stay() {
        assert_eq!(
            exported("Why.\n\nPatch: p\nSigned-off-by: A <a@b>\n"),
            "Why.\n\nSigned-off-by: A <a@b>\n\n"
        );
    }

    #[test]
    fn a_message_without_trailers_keeps_its_last_paragraph() {
        assert_eq!(
            exported("Why.\n\nNote: this is text.\n"),
            "Why.\n\nNote: this is text.\n\n"
        );
    }
}
