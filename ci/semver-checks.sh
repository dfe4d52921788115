#!/usr/bin/env bash
# Compares the public API of the patched crates with that of the pristine ones: nothing that an application uses
# may be gone or different. cargo-semver-checks knows how; it is installed if it is not there in the version named
# here, which reads what this Rust's rustdoc writes. Without FEATURES, a list as cargo takes it, several are checked,
# since a TLS library switches on API of its own. Logs are left in target/semver-checks.
#
# usage: ci/semver-checks.sh [FEATURES]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.9.1
checker=0.51.0
ci/prerequisites.sh

if [ "$(cargo semver-checks --version 2>/dev/null)" != "cargo-semver-checks $checker" ]; then
    echo "installing: cargo-semver-checks $checker" >&2
    cargo install --quiet --locked cargo-semver-checks --version "$checker"
fi
tool=(cargo run --locked -q -p cargo-pingora-keepalive --)
"${tool[@]}" materialize --version "$version"
"${tool[@]}" materialize --version "$version" --pristine

out="$PWD/target/semver-checks"
mkdir -p "$out"
# The API is described with the crates where they are, so that pingora-proxy is seen on its own pingora-core. JSON
# from a stable rustdoc must be asked for like this; only rustdoc is, so that no dependency takes itself for nightly's.
cat >"$out/rustdoc" <<'EOF'
#!/bin/sh
RUSTC_BOOTSTRAP=1 exec rustdoc "$@"
EOF
chmod +x "$out/rustdoc"

describe() { # VARIANT TREE CRATE FEATURES: the API as JSON, in a file of its own
    local json="$out/build/doc/${3//-/_}.json"
    cp "ci/upstream-tests-$version.lock" "$2/Cargo.lock"
    # What was written of the other tree must not be taken for this one's.
    rm -f "$json"
    if ! (cd "$2" && CARGO_TARGET_DIR="$out/build" RUSTDOC="$out/rustdoc" cargo rustdoc --quiet --lib -p "$3" \
        --features "$4" -- -Zunstable-options --output-format json --document-hidden-items --cap-lints allow) \
        >"$out/$1-$3.log" 2>&1; then
        echo "cannot describe the API of $3, $1, with features '$4':" >&2
        tail -n 40 "$out/$1-$3.log" >&2
        exit 1
    fi
    mv "$json" "$out/$1-$3.json"
}

compare() { # CRATE BASELINE CURRENT: both have one version; additions are allowed, anything else is a break
    cargo semver-checks --baseline-rustdoc "$out/$2-$1.json" --current-rustdoc "$out/$3-$1.json" --release-type minor
}

if [ $# -gt 0 ]; then
    sets=("$1")
else
    sets=("" "rustls,connection_filter" "openssl")
fi
status=0
for features in "${sets[@]}"; do
    for crate in pingora-core pingora-proxy; do
        echo "$crate, features: ${features:-default}" >&2
        describe pristine "crates/patched/$version-pristine" "$crate" "$features"
        describe patched "crates/patched/$version" "$crate" "$features"
        compare "$crate" pristine patched || status=1
    done
    # The other way around, what the patches add must be missing. Otherwise nothing was compared.
    if compare pingora-core patched pristine >"$out/reversed.log" 2>&1; then
        echo "cargo-semver-checks does not see what the patches add to pingora-core: see target/semver-checks" >&2
        status=1
    fi
done
exit "$status"
