#!/usr/bin/env bash
# Installs the Debian packages of these programs, as far as the programs are missing, with apt-get where
# root or sudo without a password can. Elsewhere it names them with the command to run and ends with
# status 1.
#
# usage: ci/packages.sh PROGRAM=PACKAGE...
set -euo pipefail

missing=()
for pair in "$@"; do
    package="${pair#*=}"
    if ! command -v "${pair%%=*}" >/dev/null && [[ " ${missing[*]} " != *" $package "* ]]; then
        missing+=("$package")
    fi
done
if [ "${#missing[@]}" -eq 0 ]; then
    exit 0
fi

as_root=()
if [ "$(id -u)" -ne 0 ]; then
    as_root=(sudo -n)
fi
if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
    echo "missing: ${missing[*]}" >&2
    echo "to install: sudo apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "installing: ${missing[*]}" >&2
"${as_root[@]}" apt-get update -qq >&2
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
