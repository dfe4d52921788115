//! Tests of upstream that a patch edits. Only a change of behaviour may: for any other patch, that
//! they pass must mean what it meant without it.

use std::collections::BTreeSet;

use anyhow::Result;

use super::patches::{function_name, Series};
use super::tree::PrefixTree;

/// The tests of upstream that the patch at this place edits though it may not.
pub(super) fn against_the_rules(
    tree: &PrefixTree,
    series: &Series,
    at: usize,
) -> Result<BTreeSet<String>> {
    let mut tests = BTreeSet::new();
    let Some(patch) = series.patches.get(at).filter(|p| !p.changes_behaviour()) else {
        return Ok(tests);
    };
    for (path, lines) in &patch.edited {
        let text = tree.text(at, path)?;
        let text: Vec<_> = text.lines().collect();
        let lines = within_tests(&text, lines);
        if lines.is_empty() {
            continue;
        }
        for line in tree.of_upstream(at, path, &lines)? {
            let before = text.iter().take(line).rev();
            let function = before.filter_map(|line| function_name(line)).next();
            tests.extend(function);
        }
    }
    Ok(tests)
}

/// Those of `lines` that are code of the tests at the end of a file. Imports and comments may be
/// edited.
fn within_tests(text: &[&str], lines: &[usize]) -> Vec<usize> {
    let begins = text
        .windows(2)
        .position(|pair| pair[0].trim() == "#[cfg(test)]" && pair[1].trim_end().ends_with('{'));
    let Some(begins) = begins else {
        return Vec::new();
    };
    let is_code = |line: &usize| {
        let code = text.get(line - 1).map_or("", |line| line.trim());
        *line > begins + 1
            && !code.is_empty()
            && !code.starts_with("use ")
            && !code.starts_with("//")
    };
    lines.iter().copied().filter(is_code).collect()
}

#[cfg(test)]
mod tests {
    use cargo_pingora_keepalive::git::Git;

    use super::super::patches::{Claim, Patch};
    use super::*;

    #[test]
    fn a_bugfix_leaves_tests_of_upstream_alone() -> Result<()> {
        let (source, folder) = (tempfile::tempdir()?, tempfile::tempdir()?);
        let git = Git::init(source.path())?;
        let text =
            "fn a() {}\n#[cfg(test)]\nmod tests {\n    #[test]\n    fn one() {\n        a();\n";
        let write = |text: &str| std::fs::write(source.path().join("lib.rs"), text);
        write(text)?;
        git.commit_base("Pristine\n")?;
        git.run(["update-ref", "refs/pingora-keepalive/base", "HEAD"])?;
        write(&text.replace("a();", "b();"))?;
        git.commit_base("Change it\n\nPatch: one\n")?;
        let found = |kind: &str, line: usize| {
            let patch = Patch {
                name: "one".to_owned(),
                kind: kind.to_owned(),
                claim: Claim::None("a test".to_owned()),
                removed: Default::default(),
                edited: [("lib.rs".to_owned(), vec![line])].into(),
            };
            let patches = vec![patch];
            let series = Series { patches };
            let tree = PrefixTree::clone("1", source.path(), folder.path(), &series)?;
            against_the_rules(&tree, &series, 0)
        };
        assert_eq!(found("bugfix", 6)?, BTreeSet::from(["one".to_owned()]));
        assert_eq!(found("behaviour-change", 6)?, BTreeSet::new());
        assert_eq!(found("bugfix", 1)?, BTreeSet::new());
        Ok(())
    }

    #[test]
    fn only_code_of_tests_counts() {
        let text = [
            "fn a() {",
            "#[cfg(test)]",
            "use b;",
            "}",
            "#[cfg(test)]",
            "mod tests {",
            "    use super::*;",
            "    // why",
            "",
            "    assert!(true);",
        ];
        let all: Vec<_> = (1..=text.len()).collect();
        assert_eq!(within_tests(&text, &all), [6, 10]);
        assert_eq!(within_tests(&text[..4], &[1, 2, 3, 4]), [0; 0]);
    }
}
