#!/usr/bin/env bash
# Sets bad clients of every kind on the patched subject for the given number of minutes, 3 without
# one, beside good ones, and fails if a good one fails or anything of the bad ones is left. Not part
# of ci/test.sh. Takes further arguments as `harness soak --help` has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci/prerequisites.sh
exec cargo run --locked -p harness -- soak "$@"
