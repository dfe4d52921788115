#!/usr/bin/env bash
# Materializes the patched crates and writes the queue back: not one byte of patches/ may change.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
tool=(cargo run --locked -q -p cargo-pingora-keepalive --)
before="$(mktemp -d)"
trap 'rm -rf "$before"' EXIT
cp -R patches "$before/"
for version in patches/*/series; do
    version="$(basename "$(dirname "$version")")"
    "${tool[@]}" materialize --version "$version"
    "${tool[@]}" refresh --version "$version"
done
diff -r "$before/patches" patches
echo "the patches come back byte for byte"
