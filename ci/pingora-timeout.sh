#!/usr/bin/env bash
# Applies the patch for pingora-timeout to the pristine crate, as upstream would, and runs the crate's
# unit tests; then undoes what it mends, and the test that it brings must fail. The override does not
# carry this crate: see docs/decisions.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version="${1:-0.9.1}"
patch="$PWD/patches/pingora-timeout/$version/lost-timer.patch"

# The crate that cargo has downloaded and checked for upstream's tests.
tree="crates/patched/$version-pristine"
cargo run --locked -q -p cargo-pingora-keepalive -- materialize --version "$version" --pristine
cp "ci/upstream-tests-$version.lock" "$tree/Cargo.lock"
host="$(rustc -vV | sed -n 's/^host: //p')"
pristine="$(cargo metadata --locked --format-version 1 --filter-platform "$host" --manifest-path "$tree/Cargo.toml" |
    python3 -c 'import json, os, sys
for package in json.load(sys.stdin)["packages"]:
    if package["name"] == "pingora-timeout":
        print(os.path.dirname(package["manifest_path"]))')"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp -R "$pristine" "$work/pingora-timeout"
git() { command git -C "$work" -c user.name=ci -c user.email=ci@localhost "$@"; }
git init -q
git add pingora-timeout
git commit -q -m "pingora-timeout $version"
git am -q "$patch"

tests() { # TEST...
    CARGO_TARGET_DIR="$PWD/target/pingora-timeout" \
        cargo test -q --lib --manifest-path "$work/pingora-timeout/Cargo.toml" -- "$@"
}
tests

timer="$work/pingora-timeout/src/timer.rs"
sed -e '/let notified = self.0.notified();/d' -e 's/^\( *\)notified\.await;/\1self.0.notified().await;/' \
    "$timer" >"$timer.before"
mv "$timer.before" "$timer"
if tests test_fire_while_wait_begins >"$work/log" 2>&1 || ! grep -q "the timer is lost" "$work/log"; then
    cat "$work/log"
    echo "the test does not lose the timer where the patch's mending is undone" >&2
    exit 1
fi
echo "the patch applies to pingora-timeout $version, and its test fails without what it mends"
