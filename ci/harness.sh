#!/usr/bin/env bash
# Runs the harness with the given arguments, `run` without any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
arguments=("${@:-run}")
ci/prerequisites.sh
# The clients are for runs against the subjects; a server of one's own is asked with curl at most.
if [ "${arguments[0]}" = run ] && [[ " ${arguments[*]} " != *" --target"* ]]; then
    ci/clients.sh || echo "going on without these clients" >&2
fi
exec cargo run --locked -p harness -- "${arguments[@]}"
