#!/usr/bin/env bash
# Runs the harness with the given arguments, `run` without any.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci/prerequisites.sh
exec cargo run --locked -p harness -- "${@:-run}"
