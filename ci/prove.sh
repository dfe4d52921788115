#!/usr/bin/env bash
# Proves the patches: without each its cases fail, with it they pass, and upstream's own unit tests
# keep their result. Takes more than an hour for all patches; `--since REV` bounds it to those that
# changed. Not part of ci/test.sh. Takes further arguments as `harness prove --help` has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
ci/prerequisites.sh
exec cargo run --locked -p harness -- prove --unit-tests "$@"
