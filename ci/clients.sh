#!/usr/bin/env bash
# Installs the clients that cases run with, beside curl and slowhttptest: programs with apt-get where
# root or sudo without a password can, libraries at pinned versions into target/harness/clients.
# With arguments only these groups: programs, python, node. Does nothing where all is there. Names
# what is missing, with the command to run, where it may not install, and ends with status 1;
# the harness then leaves those clients out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clients="${CARGO_TARGET_DIR:-target}/harness/clients"
status=0

# installs the packages that the groups' programs are in, as far as they are missing
packages() { # PROGRAM=PACKAGE...
    local missing=() as_root=() pair
    for pair in "$@"; do
        command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
    done
    if [ "${#missing[@]}" -eq 0 ]; then
        return 0
    fi
    if [ "$(id -u)" -ne 0 ]; then
        as_root=(sudo -n)
    fi
    if ! command -v apt-get >/dev/null || ! "${as_root[@]}" true 2>/dev/null; then
        echo "missing: ${missing[*]}" >&2
        echo "to install: sudo apt-get install ${missing[*]}" >&2
        status=1
        return 1
    fi
    echo "installing: ${missing[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq >&2
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
}

# Whether a group is there as its list has it. A copy of the list is the last that is made.
is_made() { # GROUP LIST MADE
    cmp -s "harness/clients/$1/$2" "$clients/$1/made-from" && [ -e "$clients/$1/$3" ]
}

begin() { # GROUP
    echo "installing: the $1 clients" >&2
    rm -rf "${clients:?}/$1"
    mkdir -p "$clients/$1"
}

made() { # GROUP LIST
    cp "harness/clients/$1/$2" "$clients/$1/made-from.new"
    mv "$clients/$1/made-from.new" "$clients/$1/made-from"
}

programs() {
    packages wget=wget ab=apache2-utils h2load=nghttp2-client wrk=wrk || true
}

python() {
    local list=requirements.txt
    is_made python "$list" bin/python && return
    packages python3=python3 || return 0
    # Debian keeps the part of venv that installs pip in a package of its own.
    if ! python3 -c 'import ensurepip' 2>/dev/null; then
        packages python3-venv=python3-venv || return 0
    fi
    begin python
    python3 -m venv "$clients/python"
    "$clients/python/bin/python" -I -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: -r "harness/clients/python/$list" >&2
    made python "$list"
}

node() {
    local list=package-lock.json
    is_made node "$list" node_modules && return
    packages node=nodejs npm=npm || return 0
    begin node
    cp harness/clients/node/package.json "harness/clients/node/$list" "$clients/node/"
    (cd "$clients/node" && npm ci --silent --ignore-scripts --no-audit --no-fund >&2)
    made node "$list"
}

groups=("$@")
if [ "$#" -eq 0 ]; then
    groups=(programs python node)
fi
for group in "${groups[@]}"; do
    case "$group" in
    programs | python | node) "$group" ;;
    *)
        echo "usage: ci/clients.sh [programs] [python] [node]" >&2
        exit 2
        ;;
    esac
done
exit "$status"
