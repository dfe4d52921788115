#!/usr/bin/env bash
# Installs the clients that cases run with, beside curl and slowhttptest: programs with apt-get where
# root or sudo without a password can, libraries at pinned versions into target/harness/clients.
# With arguments only these groups. Does nothing where all is there. Where it may not install, it
# names what is missing with the command to run and ends with status 1; the harness leaves out the
# clients that are missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
clients="${CARGO_TARGET_DIR:-target}/harness/clients"

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
    ci/packages.sh wget=wget ab=apache2-utils h2load=nghttp2-client wrk=wrk \
        chromium=chromium chromedriver=chromium-driver
}

python() {
    is_made python requirements.txt bin/python && return
    ci/packages.sh python3=python3
    # Debian keeps the part of venv that installs pip in a package of its own.
    python3 -c 'import ensurepip' 2>/dev/null || ci/packages.sh ensurepip=python3-venv
    if ! python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))'; then
        echo "missing: Python 3.10 or newer; python3 is $(python3 --version)" >&2
        exit 1
    fi
    begin python
    python3 -m venv "$clients/python"
    "$clients/python/bin/python" -I -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: -r harness/clients/python/requirements.txt >&2
    made python requirements.txt
}

node() {
    is_made node package-lock.json node_modules && return
    ci/packages.sh node=nodejs npm=npm
    begin node
    cp harness/clients/node/package.json harness/clients/node/package-lock.json "$clients/node/"
    npm --prefix "$clients/node" ci --silent --ignore-scripts --engine-strict --no-audit --no-fund >&2
    made node package-lock.json
}

java() {
    local list=Driver.java source=harness/clients/java made="$clients/java"
    if is_made java "$list" driver.jsa &&
        [ -z "$(find "$source" -name '*.java' -newer "$made/driver.jsa")" ]; then
        return
    fi
    ci/packages.sh javac=default-jdk-headless
    begin java
    javac -Xlint:all -d "$made/classes" "$source"/*.java >&2
    # For the server of the driver's first exchange, which is with itself.
    keytool -genkeypair -alias warm-up -keyalg EC -dname CN=warm-up -validity 36500 -storetype PKCS12 \
        -storepass warm-up -keystore "$made/classes/warm-up.p12" >"$made/keytool.log" 2>&1 || {
        cat "$made/keytool.log" >&2
        exit 1
    }
    jar --create --file "$made/driver.jar" -C "$made/classes" .
    # With its classes parsed beforehand the driver starts in half the time.
    command java -XX:ArchiveClassesAtExit="$made/driver.jsa" -XX:+UseSerialGC -Xlog:disable \
        -cp "$made/driver.jar" Driver --insecure </dev/null >/dev/null
    made java "$list"
}

go() {
    is_made go main.go driver && return
    ci/packages.sh go=golang-go
    begin go
    # Only the standard library is used: no registry, no proxy, no other toolchain.
    (
        export CGO_ENABLED=0 GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off
        GOCACHE="$(cd "$clients/go" && pwd)/cache"
        export GOCACHE
        cd harness/clients/go
        command go build -o "$GOCACHE/../driver" . >&2
    )
    rm -rf "$clients/go/cache"
    made go main.go
}

all=(programs python node java go)
groups=("${@:-"${all[@]}"}")
for group in "${groups[@]}"; do
    if [[ " ${all[*]} " != *" $group "* ]]; then
        echo "usage: ci/clients.sh [GROUP...], of the groups ${all[*]}" >&2
        exit 2
    fi
done
status=0
for group in "${groups[@]}"; do
    # One that fails does not keep the others from being installed.
    # A subshell in a condition would go on after an error.
    set +e
    (
        set -e
        "$group"
    )
    made=$?
    set -e
    if [ "$made" -ne 0 ]; then
        status=1
    fi
done
exit "$status"
