//! `cargo pingora-keepalive`: see the library for what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    cargo_pingora_keepalive::cli::main()
}
