#!/usr/bin/env bash
# Fuzzes each target of the engine for the given number of seconds, 60 without one. Exits with
# status 1 on a crash, whose input is then in target/fuzz/artifacts. What a run learned stays in
# target/fuzz/corpus; the seeds are committed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds="${1:-60}"
if ! [[ "$seconds" =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: ci/fuzz.sh [SECONDS]" >&2
    exit 2
fi
ci/prerequisites.sh
if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "installing: cargo-fuzz" >&2
    cargo install --quiet --locked cargo-fuzz
fi
if ! command -v c++ >/dev/null; then
    echo "missing: a C++ compiler; to install: sudo apt-get install g++" >&2
    exit 1
fi

out="$PWD/target/fuzz"
fuzz="$PWD/crates/pingora-keepalive/fuzz"
# The engine has no unsafe code that a sanitizer could watch, and without one stable Rust will do.
build=(--sanitizer none --fuzz-dir "$fuzz" --target-dir "$out/build")
# cargo-fuzz has no --locked of its own.
cargo metadata --locked --format-version 1 --manifest-path "$fuzz/Cargo.toml" >/dev/null

status=0
summary=()
for target in $(cargo fuzz list --fuzz-dir "$fuzz"); do
    mkdir -p "$out/corpus/$target" "$out/artifacts/$target"
    arguments=(-max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=4096
        -print_final_stats=1 -artifact_prefix="$out/artifacts/$target/")
    if [ -f "$fuzz/$target.dict" ]; then
        arguments+=(-dict="$fuzz/$target.dict")
    fi
    log="$out/$target.log"
    cargo fuzz build "${build[@]}" "$target"
    echo "fuzzing $target for $seconds s" >&2
    verdict="no crash"
    # The first corpus folder is written to, the seeds are only read.
    if ! cargo fuzz run "${build[@]}" "$target" "$out/corpus/$target" "$fuzz/corpus/$target" \
        -- "${arguments[@]}" >"$log" 2>&1; then
        verdict="FAILED, see target/fuzz/$target.log and target/fuzz/artifacts/$target"
        status=1
        tail -n 40 "$log" >&2
    fi
    runs="$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")"
    summary+=("$target: ${runs:-an unknown number of} executions, $verdict")
done
printf '%s\n' "${summary[@]}"
exit "$status"
