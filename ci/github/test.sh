#!/usr/bin/env bash
# Runs the action's script as GitHub does: with a subject that passes, and with inputs that must
# fail.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

fail() { printf 'ci/github/run.sh: %s\n' "$*" >&2; cat "$scratch/output" >&2; exit 1; }

action() { # STATUS INPUT...: runs it and compares its exit status
    local expected="$1" status=0
    shift
    env GITHUB_STEP_SUMMARY="$scratch/summary" REPORT="$scratch/report" "$@" \
        ci/github/run.sh >"$scratch/output" 2>&1 || status=$?
    [ "$status" -eq "$expected" ] || fail "exit status $status, not $expected, with $*"
}

action 0 SUBJECT=patched-0.9.1 ARGUMENTS="--case seed.zero-with-length --client raw"
for file in report.html junit.xml report.json matrix.txt; do
    [ -s "$scratch/report/$file" ] || fail "no $file"
done
grep -q '^patched-0.9.1: .* 0 fail' "$scratch/summary" || fail "the summary has no result"

# What an input holds is an argument, never a command.
action 2 SUBJECT=patched-0.9.1 ARGUMENTS="--case \$(touch $scratch/ran)"
[ ! -e "$scratch/ran" ] || fail "an input was run as a command"

action 2 SUBJECT=patched-0.9.1 TARGET=http://127.0.0.1:1/
# Nothing listens there.
action 1 TARGET=http://127.0.0.1:1/
echo "the action does what its inputs say"
