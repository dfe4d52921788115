//! A small project with two small crates, and a way to run the program in it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, SystemTime};

use sha2::{Digest, Sha256};

pub(crate) const VERSION: &str = "9.9.9";
pub(crate) const COMMIT: &str = "0123456789012345678901234567890123456789";

/// Ten numbered lines, so that a patch has room to miss its place.
pub(crate) const CORE_SOURCE: &str =
    "line 1\nline 2\nline 3\nline 4\nline 5\nline 6\nline 7\nline 8\nline 9\nline 10\n";

/// A project, a cargo home that holds its crates, and the variables the program runs with.
pub(crate) struct Fixture {
    dir: tempfile::TempDir,
    pub(crate) env: Vec<(String, String)>,
}

/// What a run gave.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn succeeded(self) -> Self {
        assert_eq!(self.code, Some(0), "{}{}", self.stdout, self.stderr);
        self
    }

    /// Fails with status 1, and says all of `words`.
    #[track_caller]
    pub(crate) fn failed_saying(self, words: &[&str]) -> Self {
        assert_eq!(self.code, Some(1), "{}{}", self.stdout, self.stderr);
        for word in words {
            assert!(
                self.stderr.contains(word),
                "{word:?} is not in:\n{}",
                self.stderr
            );
        }
        self
    }
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let fixture = Self {
            dir: tempfile::tempdir().unwrap(),
            env: Vec::new(),
        };
        fixture.write(
            "project/crates/pingora-keepalive/Cargo.toml",
            "[package]\nname = \"pingora-keepalive\"\nversion = \"0.1.0\"\nedition = \"2021\"\n",
        );
        fixture.write("project/crates/pingora-keepalive/src/lib.rs", "// engine\n");
        fixture.write(
            "project/patches/9.9.9/manifest.toml",
            "[pingora-core.dependencies]\npingora-keepalive = { path = \"../pingora-keepalive\" }\n",
        );
        fixture.write("project/patches/9.9.9/series", "# The order.\n");
        let core = fixture.add_crate("pingora-core", VERSION, CORE_SOURCE, &["log"]);
        let proxy = fixture.add_crate("pingora-proxy", VERSION, "proxy\n", &["pingora-core"]);
        fixture.pin(VERSION, &core, &proxy);
        fixture
    }

    /// A project with two patches, `first` and `second`, made with the program itself.
    pub(crate) fn with_two_patches() -> Self {
        let fixture = Self::with_patches(&[
            ("first", "line 2", "LINE 2"),
            ("second", "line 8", "line 8\nline 8 and a half"),
        ]);
        fixture.run(&["materialize"]).succeeded();
        fixture
    }

    /// A project with a patch for each name, which replaces a text of pingora-core by another.
    pub(crate) fn with_patches(patches: &[(&str, &str, &str)]) -> Self {
        let fixture = Self::new();
        fixture.run(&["materialize"]).succeeded();
        for (name, from, to) in patches {
            fixture.edit_core(from, to);
            fixture.commit(name);
        }
        fixture.run(&["refresh"]).succeeded();
        fixture
    }

    /// Writes the `upstream.toml` of `version`, with the checksums of its crates.
    pub(crate) fn pin(&self, version: &str, core: &str, proxy: &str) {
        self.write(
            &format!("project/patches/{version}/upstream.toml"),
            &format!(
                "version = \"{version}\"\nrepository = \"https://example.org/p\"\ncommit = \"{COMMIT}\"\n\
                 [[crate]]\nname = \"pingora-core\"\ndirectory = \"pingora-core\"\nsha256 = \"{core}\"\n\
                 [[crate]]\nname = \"pingora-proxy\"\ndirectory = \"pingora-proxy\"\nsha256 = \"{proxy}\"\n"
            ),
        );
    }

    /// Makes the `.crate` of a package whose library is `source`, and returns its checksum. `pingora*`
    /// is required in the same version, anything else in any.
    pub(crate) fn add_crate(
        &self,
        name: &str,
        version: &str,
        source: &str,
        needs: &[&str],
    ) -> String {
        let mut manifest =
            format!("# Generated.\n\n[package]\nname = \"{name}\"\nversion = \"{version}\"\n");
        for need in needs {
            let version = requirement(need, version);
            manifest += &format!("\n[dependencies.{need}]\nversion = \"{version}\"\n");
        }
        let info = format!("{{\"git\":{{\"sha1\":\"{COMMIT}\"}},\"path_in_vcs\":\"{name}\"}}");
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(
            Vec::new(),
            flate2::Compression::fast(),
        ));
        for (path, text) in [
            (".cargo_vcs_info.json", info.as_str()),
            ("Cargo.lock", "# lock\n"),
            ("Cargo.toml", &manifest),
            ("Cargo.toml.orig", "# as written\n"),
            ("src/lib.rs", source),
        ] {
            let mut header = tar::Header::new_gnu();
            header.set_size(text.len() as u64);
            header.set_mode(0o644);
            let path = format!("{name}-{version}/{path}");
            archive
                .append_data(&mut header, path, text.as_bytes())
                .unwrap();
        }
        let bytes = archive.into_inner().unwrap().finish().unwrap();
        let path = self.cached(name, version);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &bytes).unwrap();
        Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn crate_file(&self, name: &str) -> PathBuf {
        self.cached(name, VERSION)
    }

    pub(crate) fn cached(&self, name: &str, version: &str) -> PathBuf {
        self.path("cargo-home/registry/cache/some-registry")
            .join(format!("{name}-{version}.crate"))
    }

    pub(crate) fn tree(&self) -> PathBuf {
        self.path("project/crates/patched/9.9.9")
    }

    pub(crate) fn core_source(&self) -> PathBuf {
        self.tree().join("pingora-core/src/lib.rs")
    }

    /// Writes a file, its path being relative to the fixture's folder.
    pub(crate) fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-pingora-keepalive"));
        command
            .arg("pingora-keepalive")
            .args(args)
            .current_dir(self.path("project"))
            .env("CARGO_HOME", self.path("cargo-home"))
            .env("HOME", self.dir.path())
            .envs(self.env.iter().cloned());
        if let (Some(command_name), false) = (args.first(), args.contains(&"--version")) {
            if ["materialize", "refresh", "export"].contains(command_name) {
                command.args(["--version", VERSION]);
            }
        }
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        ran(self.command(args).output().unwrap())
    }

    /// Runs git in the tree, as a person who works there would.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        let output = Command::new("git")
            .args(args)
            .current_dir(self.tree())
            .env_remove("GIT_DIR")
            .env_remove("GIT_WORK_TREE")
            .env_remove("GIT_INDEX_FILE")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_AUTHOR_NAME", "Ann Áuthor")
            .env("GIT_AUTHOR_EMAIL", "ann@example.org")
            .env("GIT_COMMITTER_NAME", "Carl Committer")
            .env("GIT_COMMITTER_EMAIL", "carl@example.org")
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "git {args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    /// Replaces text in the core crate's library.
    #[track_caller]
    pub(crate) fn edit_core(&self, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.core_source()).unwrap();
        assert!(text.contains(from), "{from:?} is not in {text:?}");
        std::fs::write(self.core_source(), text.replacen(from, to, 1)).unwrap();
    }

    /// Commits everything in the tree, as a patch in good form.
    pub(crate) fn commit(&self, name: &str) {
        self.commit_saying(&message(name));
    }

    pub(crate) fn commit_saying(&self, message: &str) {
        self.git(&["add", "--all", "--force"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    /// Every file of the queue with its bytes.
    pub(crate) fn queue(&self) -> BTreeMap<String, Vec<u8>> {
        let dir = self.path("project/patches/9.9.9");
        std::fs::read_dir(dir)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read(entry.path()).unwrap())
            })
            .collect()
    }

    /// Makes every file of the tree look an hour old, and says when that was.
    pub(crate) fn age(&self) -> SystemTime {
        let then = SystemTime::now() - Duration::from_secs(3600);
        for file in files(&self.tree()) {
            let file = std::fs::File::options().write(true).open(file).unwrap();
            file.set_modified(then).unwrap();
        }
        // Git then knows the new times, as it would after an hour.
        self.git(&["status"]);
        then
    }

    /// The tree's files that were written after `then`, as paths in the tree.
    pub(crate) fn written_since(&self, then: SystemTime) -> Vec<String> {
        let tree = self.tree();
        files(&tree)
            .into_iter()
            .filter(|file| std::fs::metadata(file).unwrap().modified().unwrap() > then)
            .map(|file| file.strip_prefix(&tree).unwrap().display().to_string())
            .collect()
    }
}

/// What a crate of `version` requires of the crate `need`.
pub(crate) fn requirement<'a>(need: &str, version: &'a str) -> &'a str {
    if need.starts_with("pingora") {
        version
    } else {
        "0.4"
    }
}

pub(crate) fn message(name: &str) -> String {
    format!(
        "Change {name} in a way that is worth a line of text, so that the subject folds\n\nBecause — it should.\n\n\
         Patch: {name}\nKind: bugfix\nCase: area.{name}\nUpstream: not filed\n"
    )
}

pub(crate) fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// All files below `dir` that are not git's own.
pub(crate) fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name() == Some(".git".as_ref()) {
            continue;
        }
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}
