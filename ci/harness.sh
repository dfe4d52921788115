#!/usr/bin/env bash
# Runs the harness with the given arguments, `run` without any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci/prerequisites.sh
ci/clients.sh || echo "going on without these clients" >&2
exec cargo run --locked -p harness -- "${@:-run}"
