//! The drivers that `ci/clients.sh` compiles.

use std::ffi::OsString;
use std::process::Command;

use crate::paths;

/// The driver of Java's client. Most of what it does is to start: the compiler that optimizes and
/// the collector with threads of its own are no use to it, and the archive has its classes parsed.
pub(super) fn java() -> Command {
    let made = paths::client("java");
    let mut archive = OsString::from("-XX:SharedArchiveFile=");
    archive.push(made.join("driver.jsa"));
    let mut command = Command::new("java");
    // Whatever they ask for, the JVM says so on the standard output, where answers are, ...
    for options in ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS"] {
        command.env_remove(options);
    }
    // ... as it does with its own warnings.
    command.arg("-Xlog:disable");
    command.args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx64m"]);
    command.arg(archive);
    command.arg("-cp").arg(made.join("driver.jar"));
    command.arg("Driver");
    command
}

/// The driver of Go's client.
pub(super) fn go() -> Command {
    Command::new(paths::client("go").join("driver"))
}
