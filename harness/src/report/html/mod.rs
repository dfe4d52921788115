//! The results as a page for people: the matrix of cases, and every connection as a timeline.
//!
//! One file that asks for nothing else, so that it can be opened from disk, attached to a build or
//! sent to a colleague. `page.html` is its frame; the styles and scripts that are put into it stand
//! beside it, each with one subject. What happened is in [`data`].

mod data;

use std::io::Write;

use anyhow::Result;

use super::Run;

/// The frame, with a mark for each part.
const PAGE: &str = include_str!("page.html");

/// What stands at each mark, but for the data.
const PARTS: &[(&str, &[&str])] = &[
    (
        "<!-- style -->",
        &[include_str!("page.css"), include_str!("timeline.css")],
    ),
    (
        "<!-- script -->",
        &[
            include_str!("model.js"),
            include_str!("timeline.js"),
            include_str!("sequence.js"),
            include_str!("details.js"),
            include_str!("matrix.js"),
            include_str!("main.js"),
        ],
    ),
];

/// The mark of the data.
const DATA: &str = "<!-- data -->";

/// Writes the page.
pub fn write(file: &mut dyn Write, run: &Run<'_>) -> Result<()> {
    let mut page = PAGE.to_owned();
    for (mark, files) in PARTS {
        page = page.replacen(mark, &files.concat(), 1);
    }
    let (before, after) = page.split_once(DATA).unwrap_or((&page, ""));
    file.write_all(before.as_bytes())?;
    file.write_all(in_script(&serde_json::to_string(&data::Report::of(run))?).as_bytes())?;
    file.write_all(after.as_bytes())?;
    Ok(())
}

/// JSON as it may stand in a script element. `<` is only found in strings, where it can be escaped:
/// neither `</script>` nor `<!--` is left, and nothing that a server said can become markup.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_part_has_its_place() {
        for (mark, files) in PARTS {
            assert_eq!(PAGE.matches(mark).count(), 1, "{mark}");
            for file in *files {
                assert!(!file.contains("</script") && !file.contains("</style"));
                assert!(!file.contains(DATA));
            }
        }
        assert_eq!(PAGE.matches(DATA).count(), 1);
    }

    #[test]
    fn the_page_asks_for_nothing_else() {
        let mut page = Vec::new();
        let run = Run {
            subjects: &[],
            outcomes: &[],
            took: Duration::ZERO,
        };
        write(&mut page, &run).expect("a page");
        let page = String::from_utf8(page).expect("text");
        assert!(!page.contains("<!-- "), "a mark is left");
        for reference in ["http://", "https://", "@import", "url(", "src=", "import "] {
            let found = page.find(reference).map(|at| &page[at..at + 60]);
            assert_eq!(found, None, "{reference}");
        }
    }

    #[test]
    fn data_cannot_end_its_script() {
        let nasty = serde_json::to_string("</script><!--<script>").expect("JSON");
        let escaped = in_script(&nasty);
        assert!(!escaped.contains('<'), "{escaped}");
        let back: String = serde_json::from_str(&escaped).expect("JSON");
        assert_eq!(back, "</script><!--<script>");
    }
}
