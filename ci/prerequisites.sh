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

missing=()
command -v git >/dev/null || missing+=(git)
command -v cmake >/dev/null || missing+=(cmake)
command -v curl >/dev/null || missing+=(curl)
command -v slowhttptest >/dev/null || missing+=(slowhttptest)
if ! command -v cc >/dev/null || ! command -v make >/dev/null; then
    missing+=(build-essential)
fi
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi
if command -v apt-get >/dev/null && "${as_root[@]}" true 2>/dev/null; then
    echo "installing: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq >&2
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
    exit 0
fi

echo "missing: ${missing[*]}" >&2
echo "to install: sudo apt-get install ${missing[*]}" >&2
exit 1
