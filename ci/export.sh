#!/usr/bin/env bash
# Exports the queue onto a tree of upstream's shape, and checks every commit as upstream's CI does: rustfmt, and
# clippy with its flags on all targets of the crates that the patches touch. FROM, the name of a patch, leaves
# out those before it. With --prs each patch is also exported alone, with what it stands on, and checked.
#
# What has passed before is not checked again. Takes half an hour the first time, and an hour more with --prs. Not part
# of ci/test.sh. Logs are left in target/export/logs. Needs Python 3.11 or newer.
#
# usage: ci/export.sh [--prs] [FROM]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
version=0.9.1
prs=""
if [ "${1:-}" = --prs ]; then
    prs=yes
    shift
fi
mapfile -t patches < <(sed -n 's/\.patch$//p' "patches/$version/series")
first=0
if [ $# -gt 0 ]; then
    while [ "$first" -lt "${#patches[@]}" ] && [ "${patches[$first]}" != "$1" ]; do
        first=$((first + 1))
    done
    if [ "$first" -eq "${#patches[@]}" ] || [ $# -gt 1 ]; then
        echo "usage: ci/export.sh [--prs] [FROM], where FROM is a name in patches/$version/series" >&2
        exit 2
    fi
fi
ci/prerequisites.sh

out="$PWD/target/export"
upstream="$out/upstream"
mkdir -p "$out/logs"
touch "$out/passed"
ci/upstream-tree.py "$version" "$upstream"
cp "ci/upstream-tests-$version.lock" "$upstream/Cargo.lock"
export CARGO_PROFILE_DEV_DEBUG=0

export_onto() { # ARGUMENT...: makes a branch in the tree
    cargo run --locked -q -p cargo-pingora-keepalive -- export --onto "$upstream" --version "$version" "$@"
}

clippy() { # CARGO-FLAG... -- LINT-FLAG...: clippy as upstream calls it, on the crates that the patches touch
    local crates=()
    for crate in pingora-keepalive pingora-core pingora-proxy; do
        if [ -d "$upstream/$crate" ]; then
            crates+=(-p "$crate")
        fi
    done
    (cd "$upstream" && CARGO_TARGET_DIR="$out/build" cargo clippy --all-targets "${crates[@]}" "$@")
}

# A newer clippy finds more than upstream's: what it finds in upstream's own code is no finding of ours.
echo "clippy on the release, for what it finds there" >&2
if ! clippy --message-format=json -- --allow=unknown-lints >"$out/release.json" 2>"$out/logs/release.log"; then
    tail -n 40 "$out/logs/release.log" >&2
    exit 1
fi
mapfile -t known < <(python3 -c '
import json, sys
for line in sys.stdin:
    message = json.loads(line).get("message")
    if isinstance(message, dict) and message.get("code"):
        print("--allow=" + message["code"]["code"])' <"$out/release.json" | sort -u)
echo "found in upstream's own code: ${known[*]:-nothing}" >&2

status=0
check() { # REVISION NAME: whether the commit passes
    local tree failed="" log="$out/logs/$2.log"
    tree="$(git -C "$upstream" rev-parse "$1^{tree}") $(cargo clippy --version)"
    if grep -qxF "$tree" "$out/passed"; then
        echo "$2: passed before"
        return
    fi
    git -C "$upstream" checkout --quiet --detach "$1"
    if ! (cd "$upstream" && cargo fmt --all -- --check) >"$log" 2>&1; then
        failed=" rustfmt"
    fi
    if ! clippy -- --allow=unknown-lints --deny=warnings "${known[@]}" >>"$log" 2>&1; then
        failed="$failed clippy"
    fi
    if [ -n "$failed" ]; then
        echo "$2: FAILED$failed (see target/export/logs/$2.log)"
        tail -n 30 "$log" >&2
        status=1
        return
    fi
    echo "$2: passes"
    echo "$tree" >>"$out/passed"
}

export_onto
mapfile -t commits < <(git -C "$upstream" rev-list --reverse "$version..pingora-keepalive")
if [ "${#commits[@]}" -ne "$((${#patches[@]} + 1))" ]; then
    echo "expected the engine and ${#patches[@]} patches, found ${#commits[@]} commits" >&2
    exit 1
fi
if [ "$first" -eq 0 ]; then
    check "${commits[0]}" engine
fi
for ((index = first; index < ${#patches[@]}; index++)); do
    check "${commits[$((index + 1))]}" "${patches[$index]}"
done
if [ -n "$prs" ]; then
    for patch in "${patches[@]:$first}"; do
        export_onto --pr "$patch" >"$out/logs/$patch.pr"
        check "refs/heads/$patch" "pr-$patch"
    done
fi
exit "$status"
