#!/usr/bin/env bash
# Runs upstream's own unit tests on the pristine and on the patched crates, and compares: each test
# must give the result on the patched crates that it gives on the pristine ones. Some need a network
# and fail on both. What differs is run once more alone, because some of upstream's tests are
# sensitive to load. Results are left in target/upstream-tests/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version="${1:-0.9.1}"
results="$PWD/target/upstream-tests"
mkdir -p "$results"

# One lock file for both trees, so that they differ in nothing but the patches.
lock="ci/upstream-tests-$version.lock"
tool=(cargo run --locked -q -p cargo-pingora-keepalive --)
"${tool[@]}" materialize --version "$version"
"${tool[@]}" materialize --version "$version" --pristine

tree() { # VARIANT -> its folder
    case "$1" in
    pristine) echo "crates/patched/$version-pristine" ;;
    patched) echo "crates/patched/$version" ;;
    esac
}

run() { # VARIANT CRATE [TEST...]: one line a test on standard output
    local folder crate="$2" log="$results/$1-$2.log"
    folder="$(tree "$1")"
    shift 2
    # A failing test is a result; a build that fails leaves no result and is noticed below.
    (cd "$folder" && CARGO_TARGET_DIR="$results/build" CARGO_PROFILE_DEV_DEBUG=0 \
        cargo test --lib --no-fail-fast -p "$crate" -- "$@") >"$log" 2>&1 || true
    sed -n 's/^test \(.*\) \.\.\. \(ok\|FAILED\|ignored\).*$/\1 \2/p' "$log" | sort
}

status=0
for crate in pingora-core pingora-proxy; do
    for variant in pristine patched; do
        cp "$lock" "$(tree "$variant")/Cargo.lock"
        echo "running the unit tests of $crate, $variant" >&2
        run "$variant" "$crate" >"$results/$variant-$crate.txt"
        if [ ! -s "$results/$variant-$crate.txt" ]; then
            echo "the unit tests of $crate, $variant, did not run:" >&2
            tail -n 40 "$results/$variant-$crate.log" >&2
            exit 1
        fi
    done
    differ="$(comm -23 "$results/pristine-$crate.txt" "$results/patched-$crate.txt" | cut -d' ' -f1)"
    for test in $differ; do
        before="$(run pristine "$crate" --exact "$test")"
        after="$(run patched "$crate" --exact "$test")"
        if [ "$before" != "$after" ]; then
            echo "$crate: pristine '${before:-gone}', patched '${after:-gone}'" >&2
            status=1
        fi
    done
    count() { grep -c " $2\$" "$results/$1-$crate.txt" || true; }
    for variant in pristine patched; do
        echo "$crate $variant: $(count $variant ok) ok, $(count $variant FAILED) failed," \
            "$(count $variant ignored) ignored"
    done
    sed -n 's/ FAILED$//p' "$results/pristine-$crate.txt" | sed 's/^/  fails on the pristine crate: /'
done
exit "$status"
