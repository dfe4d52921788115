#!/usr/bin/env bash
# Makes sure of what building and running needs: Rust, git, cmake, a C compiler, curl,
# slowhttptest.
#
# Installs what is missing with apt-get where root or sudo without a password can; elsewhere names it
# with the command to run and ends with status 1. Does nothing when all is there.
set -euo pipefail

if ! command -v cargo >/dev/null; then
    echo "missing: cargo; install Rust, for example with rustup (https://rustup.rs)" >&2
    exit 1
fi

exec "$(dirname "${BASH_SOURCE[0]}")/packages.sh" git=git cmake=cmake curl=curl slowhttptest=slowhttptest \
    cc=build-essential make=build-essential
