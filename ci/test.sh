#!/usr/bin/env bash
# Every check and test of this repository. What a pull request must pass.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci/prerequisites.sh
ci/clients.sh

step() { printf '\n== %s\n' "$*"; "$@"; }

step cargo fmt --all --check
step cargo fmt --check --manifest-path harness/subject/Cargo.toml
step cargo fmt --check --manifest-path crates/pingora-keepalive/fuzz/Cargo.toml
step cargo clippy --locked --workspace --all-targets -- -D warnings

# The queue: well formed, applies to the pinned sources, and comes back byte for byte.
step cargo run --locked -q -p cargo-pingora-keepalive -- check
step ci/round-trip.sh

step ci/upstream-tests.sh
step ci/pingora-timeout.sh

step ci/github/test.sh

# Last, so that the closing lines tell the number of tests. The cases of the harness are among them.
# A client that is missing is a failure here.
export HARNESS_REQUIRE_CLIENTS=1
step cargo test --locked --workspace --no-fail-fast
