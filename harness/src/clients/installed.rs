//! Whether a client is installed, and what to do where it is not.

use std::io::ErrorKind;
use std::process::{Command, Stdio};

use crate::{browser, paths};

/// Something that must be installed.
#[derive(Debug)]
pub(super) enum Need {
    /// A program of the path.
    Program {
        program: &'static str,
        /// What makes it end at once.
        argument: &'static str,
        /// The Debian package that it is in.
        package: &'static str,
    },
    /// Chromium and chromedriver.
    Browser,
    /// What `ci/clients.sh GROUP` makes of `harness/clients/GROUP/FROM`; a copy of that file,
    /// `made-from`, tells that it is made and of what.
    Made {
        group: &'static str,
        from: &'static str,
    },
}

impl Need {
    pub(super) const fn program(
        program: &'static str,
        argument: &'static str,
        package: &'static str,
    ) -> Need {
        Need::Program {
            program,
            argument,
            package,
        }
    }

    /// What is missing, and the command that installs it.
    pub(super) fn missing(&self) -> Option<String> {
        match self {
            Need::Program {
                program,
                argument,
                package,
            } => {
                let started = Command::new(program)
                    .arg(argument)
                    .stdin(Stdio::null())
                    .stdout(Stdio::null())
                    .stderr(Stdio::null())
                    .status();
                // What it ends with is its own business; some call it an error.
                started.err().map(|error| match error.kind() {
                    ErrorKind::NotFound => {
                        format!("{program} is not installed: sudo apt-get install {package}")
                    }
                    _ => format!("{program} does not start: {error}"),
                })
            }
            Need::Browser => browser::missing().map(ToOwned::to_owned),
            Need::Made { group, from } => {
                let wanted = paths::client_source(group).join(from);
                let made = paths::client(group).join("made-from");
                match (std::fs::read(&wanted), std::fs::read(&made)) {
                    (Ok(wanted), Ok(made)) if wanted == made => None,
                    (Ok(_), Ok(_)) => Some(format!(
                        "the {group} clients are not up to date: ci/clients.sh {group}"
                    )),
                    (Ok(_), Err(_)) => Some(format!(
                        "the {group} clients are not installed: ci/clients.sh {group}"
                    )),
                    (Err(error), _) => Some(format!("{}: {error}", wanted.display())),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_told_with_the_command() {
        let need = Need::program("no-such-program", "-h", "some-package");
        let missing = need.missing().unwrap_or_default();
        assert_eq!(
            missing,
            "no-such-program is not installed: sudo apt-get install some-package"
        );
        assert_eq!(Need::program("true", "-h", "coreutils").missing(), None);
    }

    #[test]
    fn what_was_never_made_is_told_with_the_command() {
        let need = Need::Made {
            group: "wrk",
            from: "count.lua",
        };
        let missing = need.missing().unwrap_or_default();
        assert_eq!(
            missing,
            "the wrk clients are not installed: ci/clients.sh wrk"
        );
    }
}
