//! A project that depends on Pingora, and a registry that has it: a folder with an index, so that cargo
//! resolves and never reaches for a network. Nothing of it is ever compiled.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use crate::fixture::{files, ran, requirement, Fixture, Ran, CORE_SOURCE, VERSION};

/// The version of Pingora that there are no patches for.
pub(crate) const OTHER: &str = "9.9.5";
/// One that no requirement allows together with the others.
pub(crate) const OLD: &str = "4.0.0";

const CONFIG: &str = "cargo-home/config.toml";

/// The project lies in `app`, the patches in `project`.
pub(crate) struct Adopter {
    pub(crate) fixture: Fixture,
}

impl Adopter {
    /// An empty folder for a project.
    pub(crate) fn new() -> Self {
        // Made once; the crates are the same each time, and so the patches fit.
        static QUEUE: OnceLock<BTreeMap<String, Vec<u8>>> = OnceLock::new();
        let queue = QUEUE.get_or_init(|| Fixture::with_two_patches().queue());
        let fixture = Fixture::new();
        for (name, bytes) in queue {
            std::fs::write(fixture.path("project/patches/9.9.9").join(name), bytes).unwrap();
        }
        let this = Self { fixture };
        this.publish("log", "0.4.1", &[]);
        this.publish("log", "0.4.2", &[]);
        this.index("pingora-core", VERSION, &["log"]);
        this.index("pingora-proxy", VERSION, &["pingora-core"]);
        this.publish("pingora", VERSION, &["pingora-core", "pingora-proxy"]);
        for version in [OTHER, OLD] {
            this.release(version);
        }
        let registry = this.fixture.path("registry");
        this.fixture.write(
            CONFIG,
            &format!(
                "[net]\noffline = true\n[source.crates-io]\nreplace-with = \"local\"\n[source.local]\nlocal-registry \
                 = {:?}\n",
                registry.to_str().unwrap()
            ),
        );
        this
    }

    /// A single package that depends on Pingora, locked.
    pub(crate) fn single() -> Self {
        let this = Self::new();
        this.package("", "app", &format!("pingora = \"{VERSION}\"\n"));
        this.lock();
        this
    }

    /// Publishes a version of Pingora that there are no patches for.
    pub(crate) fn release(&self, version: &str) {
        self.publish("pingora-core", version, &["log"]);
        self.publish("pingora-proxy", version, &["pingora-core"]);
        self.publish("pingora", version, &["pingora-core", "pingora-proxy"]);
    }

    /// Publishes a version of Pingora and patches for it, the same as for [`VERSION`].
    pub(crate) fn support(&self, version: &str) {
        let core = (self.fixture).add_crate("pingora-core", version, CORE_SOURCE, &["log"]);
        let proxy =
            (self.fixture).add_crate("pingora-proxy", version, "proxy\n", &["pingora-core"]);
        self.index("pingora-core", version, &["log"]);
        self.index("pingora-proxy", version, &["pingora-core"]);
        self.publish("pingora", version, &["pingora-core", "pingora-proxy"]);
        for (name, bytes) in self.fixture.queue() {
            let text = String::from_utf8(bytes).unwrap();
            let path = format!("project/patches/{version}/{name}");
            self.fixture.write(&path, &text);
        }
        self.fixture.pin(version, &core, &proxy);
    }

    fn publish(&self, name: &str, version: &str, needs: &[&str]) {
        self.fixture.add_crate(name, version, "", needs);
        self.index(name, version, needs);
    }

    /// Puts a crate that was made into the registry.
    fn index(&self, name: &str, version: &str, needs: &[&str]) {
        let file = self.fixture.cached(name, version);
        let bytes = std::fs::read(&file).unwrap();
        let registry = self.fixture.path("registry");
        let folder = match name.len() {
            3 => registry.join("index/3").join(&name[..1]),
            _ => registry.join("index").join(&name[..2]).join(&name[2..4]),
        };
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(registry.join(file.file_name().unwrap()), &bytes).unwrap();
        let needs: Vec<String> = needs
            .iter()
            .map(|need| {
                format!(
                    "{{\"name\":\"{need}\",\"req\":\"^{}\",\"features\":[],\"optional\":false,\"default_features\":\
                     true,\"target\":null,\"kind\":\"normal\"}}",
                    requirement(need, version)
                )
            })
            .collect();
        let line = format!(
            "{{\"name\":\"{name}\",\"vers\":\"{version}\",\"deps\":[{}],\"cksum\":\"{}\",\"features\":{{}},\
             \"yanked\":false}}\n",
            needs.join(","),
            cargo_pingora_keepalive::download::sha256(&bytes)
        );
        let index = folder.join(name);
        let before = std::fs::read_to_string(&index).unwrap_or_default();
        std::fs::write(index, before + &line).unwrap();
    }

    /// From now on the machine is offline and has no crate but what cargo unpacked.
    pub(crate) fn cut_off(&self) {
        self.fixture.write(CONFIG, "[net]\noffline = true\n");
        std::fs::remove_dir_all(self.fixture.path("cargo-home/registry/cache")).unwrap();
    }

    /// Writes a package into the folder `at` of the project.
    pub(crate) fn package(&self, at: &str, name: &str, dependencies: &str) {
        self.write(
            &format!("{at}Cargo.toml"),
            &format!(
                "[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\n{dependencies}"
            ),
        );
        self.write(&format!("{at}src/lib.rs"), "");
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.fixture.path("app").join(path)
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        self.fixture.write(&format!("app/{path}"), text);
    }

    pub(crate) fn read(&self, path: &str) -> String {
        self.fixture.read(&format!("app/{path}"))
    }

    /// Replaces text in a file of the project.
    #[track_caller]
    pub(crate) fn edit(&self, path: &str, from: &str, to: &str) {
        let text = self.read(path);
        assert!(text.contains(from), "{from:?} is not in {text:?}");
        self.write(path, &text.replacen(from, to, 1));
    }

    /// Makes the lock file; `log` stays at an older version than there is.
    #[track_caller]
    pub(crate) fn lock(&self) {
        self.cargo(&["generate-lockfile"]).succeeded();
        self.cargo(&["update", "-p", "log", "--precise", "0.4.1"])
            .succeeded();
    }

    pub(crate) fn cargo(&self, args: &[&str]) -> Ran {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        self.in_project(Command::new(cargo), args)
    }

    /// Runs the program in the project, with the fixture's patches.
    pub(crate) fn run(&self, args: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-pingora-keepalive"));
        command
            .arg("pingora-keepalive")
            .arg("--root")
            .arg(self.fixture.path("project"));
        self.in_project(command, args)
    }

    fn in_project(&self, mut command: Command, args: &[&str]) -> Ran {
        command
            .args(args)
            .current_dir(self.path(""))
            .env("CARGO_HOME", self.fixture.path("cargo-home"))
            .envs(self.fixture.env.iter().cloned());
        ran(command.output().unwrap())
    }

    /// Every file of the project, with its contents.
    pub(crate) fn snapshot(&self) -> BTreeMap<String, Vec<u8>> {
        let root = self.path("");
        files(&root)
            .into_iter()
            .map(|file| {
                let name = file.strip_prefix(&root).unwrap().display().to_string();
                (name, std::fs::read(file).unwrap())
            })
            .collect()
    }

    /// Makes every file look an hour old, and says when that was.
    pub(crate) fn age(&self) -> SystemTime {
        let then = SystemTime::now() - Duration::from_secs(3600);
        for file in files(&self.path("")) {
            let file = std::fs::File::options().write(true).open(file).unwrap();
            file.set_modified(then).unwrap();
        }
        then
    }

    /// Fails unless every file is as in `before`, and no other is there.
    #[track_caller]
    pub(crate) fn assert_is(&self, before: &BTreeMap<String, Vec<u8>>) {
        let now = self.snapshot();
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&now), names(before));
        for (name, bytes) in before {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            assert_eq!(text(&now[name]), text(bytes), "{name} differs");
        }
    }
}
