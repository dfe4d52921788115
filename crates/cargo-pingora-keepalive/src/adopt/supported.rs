//! The Pingora versions there are patches for, and the way to one of them from another version.

use anyhow::Result;
use cargo_metadata::semver::Version;

use crate::project::Project;
use crate::upstream::Upstream;

/// All versions there are patches for.
#[derive(Debug)]
pub struct Supported {
    upstreams: Vec<Upstream>,
}

impl Supported {
    /// Reads them from `project`.
    pub fn load(project: &Project) -> Result<Self> {
        let mut upstreams = Vec::new();
        for version in project.versions()? {
            upstreams.push(Upstream::load(&project.queue_dir(&version)?, &version)?);
        }
        Ok(Self { upstreams })
    }

    /// The names of all crates that any version patches, each once.
    pub fn crates(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for krate in self.upstreams.iter().flat_map(|u| &u.crates) {
            if !names.contains(&krate.name.as_str()) {
                names.push(&krate.name);
            }
        }
        names
    }

    /// What is patched of `version`, if there are patches for it.
    pub fn version(&self, version: &str) -> Option<&Upstream> {
        self.upstreams.iter().find(|u| u.version == version)
    }

    /// All versions, as a list for people.
    pub fn list(&self) -> String {
        let versions: Vec<&str> = self.upstreams.iter().map(|u| u.version.as_str()).collect();
        versions.join(", ")
    }

    /// The version there are patches for that is the least way from `version`.
    pub fn nearest(&self, version: &str) -> Option<&str> {
        let from = Version::parse(version).ok()?;
        let distance = |to: &Version| {
            let series = (from.major.abs_diff(to.major), from.minor.abs_diff(to.minor));
            // Of another series the newest, and of two as near in the same one the newer.
            let patch = if series == (0, 0) {
                from.patch.abs_diff(to.patch)
            } else {
                u64::MAX - to.patch
            };
            (series, patch, *to < from)
        };
        self.upstreams
            .iter()
            .filter_map(|u| Some((distance(&Version::parse(&u.version).ok()?), u)))
            .min_by_key(|(distance, _)| *distance)
            .map(|(_, u)| u.version.as_str())
    }
}

/// Whether a requirement such as `"0.9.0"` that allows `from` may allow `to` as well.
pub fn compatible(from: &str, to: &str) -> bool {
    let (Ok(from), Ok(to)) = (Version::parse(from), Version::parse(to)) else {
        return false;
    };
    let significant = |v: &Version| match (v.major, v.minor) {
        (0, 0) => (0, 0, v.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    significant(&from) == significant(&to)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn supported(versions: &[&str]) -> Supported {
        let upstream = |version: &&str| Upstream {
            version: (*version).to_owned(),
            repository: String::new(),
            commit: String::new(),
            crates: Vec::new(),
        };
        Supported {
            upstreams: versions.iter().map(upstream).collect(),
        }
    }

    #[test]
    fn the_nearest_version_is_of_the_same_series_if_there_is_one() {
        let nearest = |version| {
            supported(&["0.8.0", "0.9.1", "0.9.3"])
                .nearest(version)
                .map(str::to_owned)
        };
        assert_eq!(nearest("0.4.0").as_deref(), Some("0.8.0"));
        assert_eq!(nearest("0.9.0").as_deref(), Some("0.9.1"));
        assert_eq!(nearest("0.9.2").as_deref(), Some("0.9.3"));
        assert_eq!(nearest("0.10.0").as_deref(), Some("0.9.3"));
        assert_eq!(nearest("odd"), None);
    }

    #[test]
    fn the_first_number_that_is_not_zero_decides_what_is_compatible() {
        assert!(compatible("0.9.0", "0.9.1"));
        assert!(!compatible("0.4.0", "0.9.1"));
        assert!(compatible("1.2.0", "1.0.0"));
        assert!(!compatible("0.0.1", "0.0.2"));
    }
}
