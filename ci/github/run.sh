#!/usr/bin/env bash
# What the action does. Takes its inputs from the environment: TARGET, SUBJECT, PROJECT, ARGUMENTS,
# REPORT, as action.yml describes them.
set -euo pipefail
root="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
report="${REPORT:-pingora-keepalive-report}"

# Built with the settings of this repository, not with those of the project that is tested.
build() { # PACKAGE
    (cd "$root" && CARGO_TARGET_DIR="$root/target" cargo build --locked --quiet -p "$1")
}

"$root/ci/prerequisites.sh"

if [ -n "${PROJECT:-}" ]; then
    build cargo-pingora-keepalive
    (cd "$PROJECT" && "$root/target/debug/cargo-pingora-keepalive" verify --build)
fi

arguments=()
if [ -n "${TARGET:-}" ]; then
    if [ -n "${SUBJECT:-}" ]; then
        echo "error: target and subject are given; the cases run against one of them" >&2
        exit 2
    fi
    arguments+=(--target "$TARGET")
else
    "$root/ci/clients.sh" || echo "going on without these clients" >&2
    if [ -n "${SUBJECT:-}" ]; then
        arguments+=(--subject "$SUBJECT")
    fi
fi
# In words, without what a shell would make of them.
read -r -a further <<<"${ARGUMENTS:-}"
arguments+=("${further[@]}")

build harness
mkdir -p "$report"
status=0
CARGO_TARGET_DIR="$root/target" "$root/target/debug/harness" run "${arguments[@]}" \
    --html "$report/report.html" --junit "$report/junit.xml" --json "$report/report.json" \
    | tee "$report/matrix.txt" || status=$?

# The page of the run shows at most 1 MiB: the end says most.
{
    echo "### pingora-keepalive"
    echo '```text'
    tail -c 100000 "$report/matrix.txt"
    echo '```'
} >>"${GITHUB_STEP_SUMMARY:-/dev/null}"
exit "$status"
