//! Where a case is written.

use anyhow::{Context as _, Result};

use crate::paths;

/// The file and the line of a case's id, from the root of the repository; the file of its area where
/// the id is put together from parts.
pub fn of_case(id: &str) -> Result<Option<String>> {
    let folder = "harness/src/cases";
    let path = paths::root().join(folder);
    let named = || path.display().to_string();
    let quoted = format!("\"{id}\"");
    for entry in std::fs::read_dir(&path).with_context(named)? {
        let entry = entry.with_context(named)?;
        let text = std::fs::read_to_string(entry.path()).with_context(named)?;
        if let Some(line) = text.lines().position(|line| line.contains(&quoted)) {
            let file = entry.file_name().to_string_lossy().into_owned();
            return Ok(Some(format!("{folder}/{file}:{}", line + 1)));
        }
    }
    let area = id.split('.').next().unwrap_or(id).replace('-', "_");
    let exists = path.join(format!("{area}.rs")).is_file();
    Ok(exists.then(|| format!("{folder}/{area}.rs")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cases;

    #[test]
    fn every_case_is_found() {
        let lost: Vec<_> = cases::all()
            .into_iter()
            .map(|case| case.id)
            .filter(|id| of_case(id).expect("the folder of cases").is_none())
            .collect();
        assert!(lost.is_empty(), "{lost:?}");
        let place = of_case("tunnel.traffic-keeps-it").expect("the folder of cases");
        assert!(place.is_some_and(|place| place.starts_with("harness/src/cases/tunnel_idle.rs:")));
    }
}
