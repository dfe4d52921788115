#!/usr/bin/env python3
"""Makes a git repository of the shape of upstream's at a release, from the crates that cargo downloads.

A published crate holds its manifest as upstream wrote it (Cargo.toml.orig) and the folder it came from. What it
does not hold is the root manifest: members, dependencies and lints of the workspace are worked out here from
what the crates inherit. Missing stay upstream's own `tests` folders, which are not published, and files outside
of the crates.

usage: ci/upstream-tree.py VERSION DIR
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path

# Whose crates depend on all the others by path.
FIRST = ["pingora-core", "pingora-proxy"]
SECTIONS = ["dependencies", "dev-dependencies", "build-dependencies"]
# Added on publishing.
LEFT_OUT = {"Cargo.toml", "Cargo.lock", ".cargo_vcs_info.json", ".cargo-ok"}


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    version, place = sys.argv[1], Path(sys.argv[2]).absolute()
    place.parent.mkdir(parents=True, exist_ok=True)
    crates = closure(version)
    with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
        tree = Path(temporary) / "tree"
        commits = {unpack(files, tree) for files in crates.values()}
        if len(commits) != 1:
            sys.exit(f"the crates of {version} are from several commits: {sorted(commits)}")
        write_root(crates, tree)
        commit(tree, version, commits.pop())
        if place.exists():
            shutil.rmtree(place)
        tree.rename(place)


def closure(version):
    """The files of FIRST and of all crates that they name by path, by name."""
    crates, wanted = {}, list(FIRST)
    while wanted:
        fetch(wanted, version)
        for name in wanted:
            crates[name] = read(name, version)
        named = set()
        for files in crates.values():
            for _, _, dependency in dependencies(manifest(files, "Cargo.toml.orig")):
                if isinstance(dependency, dict) and "path" in dependency:
                    named.add(Path(dependency["path"]).name)
        wanted = sorted(named - crates.keys())
    return crates


def fetch(names, version):
    """Has cargo download the crates, with its own configuration."""
    with tempfile.TemporaryDirectory() as scratch:
        lines = ["[package]", 'name = "scratch"', 'version = "0.0.0"', 'edition = "2021"', "[lib]", 'path = "lib.rs"']
        # Crates that no feature switches on are not locked, and so not fetched: each is a dependency here.
        lines += ["[dependencies]"] + [f'{name} = {{ version = "={version}", default-features = false }}' for name in names]
        Path(scratch, "Cargo.toml").write_text("\n".join(lines) + "\n")
        Path(scratch, "lib.rs").write_text("")
        offline = subprocess.run(["cargo", "fetch", "--quiet", "--offline"], cwd=scratch, stderr=subprocess.DEVNULL)
        if offline.returncode != 0:
            subprocess.run(["cargo", "fetch", "--quiet"], cwd=scratch, check=True)


def read(name, version):
    """Path in the crate -> (contents, whether executable)."""
    home = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo")
    found = sorted(home.glob(f"registry/cache/*/{name}-{version}.crate"))
    if not found:
        sys.exit(f"cargo has fetched {name} {version}, but {home}/registry/cache does not have it")
    files = {}
    with tarfile.open(fileobj=io.BytesIO(found[0].read_bytes())) as archive:
        for entry in archive:
            if entry.isfile():
                path = entry.name.split("/", 1)[1]
                files[path] = (archive.extractfile(entry).read(), bool(entry.mode & 0o111))
    return files


def manifest(files, name):
    return tomllib.loads(files[name][0].decode())


def dependencies(table):
    """Each dependency of a manifest: (key, name, value), where the key tells its section."""
    for section in SECTIONS:
        for name, value in table.get(section, {}).items():
            yield section, name, value
    for target, inner in table.get("target", {}).items():
        for section, name, value in dependencies(inner):
            yield f"{target} {section}", name, value


def unpack(files, tree):
    """Writes a crate into its folder; returns the commit that it was published from."""
    info = json.loads(files[".cargo_vcs_info.json"][0])
    folder = tree / info["path_in_vcs"]
    for path, (contents, executable) in files.items():
        if path in LEFT_OUT:
            continue
        target = folder / ("Cargo.toml" if path == "Cargo.toml.orig" else path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(contents)
        target.chmod(0o755 if executable else 0o644)
    return info["git"]["sha1"]


def write_root(crates, tree):
    inherited, lints, oldest_rust = {}, {}, "1.0"
    for files in crates.values():
        written, normalized = manifest(files, "Cargo.toml.orig"), manifest(files, "Cargo.toml")
        resolved = {(key, name): value for key, name, value in dependencies(normalized)}
        for key, name, value in dependencies(written):
            if isinstance(value, dict) and value.get("workspace"):
                inherit(inherited.setdefault(name, {}), value, resolved[key, name])
        if written.get("lints", {}).get("workspace"):
            lints = normalized["lints"]
        oldest_rust = max(oldest_rust, written["package"].get("rust-version", "1.0"), key=number)
    lines = ["[workspace]", 'resolver = "2"', "members = ["]
    lines += [f'    "{name}",' for name in sorted(crates)]
    lines += ["]", "", "[workspace.dependencies]"]
    lines += [f"{name} = {inline(value)}" for name, value in sorted(inherited.items())]
    for tool, entries in lints.items():
        lines += ["", f"[workspace.lints.{tool}]"]
        lines += [f"{name} = {inline(value)}" for name, value in entries.items()]
    (tree / "Cargo.toml").write_text("\n".join(lines) + "\n")
    # Upstream checks with the oldest Rust it supports in mind.
    (tree / "clippy.toml").write_text(f'msrv = "{oldest_rust}"\n')
    (tree / ".gitignore").write_text("Cargo.lock\n/target\n")


def number(version):
    return [int(part) for part in version.split(".")]


def inherit(workspace, written, resolved):
    """What the workspace says of a dependency, as far as one that inherits it shows."""
    if isinstance(resolved, str):
        resolved = {"version": resolved}
    workspace["version"] = resolved["version"]
    features = set(resolved.get("features", [])) - set(written.get("features", []))
    if features:
        workspace["features"] = sorted(features | set(workspace.get("features", [])))
    if resolved.get("default-features") is False and "default-features" not in written:
        workspace["default-features"] = False


def inline(value):
    """A TOML value; JSON has the same strings, numbers and arrays."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(inner)}" for key, inner in value.items()) + " }"
    return json.dumps(value)


def commit(tree, version, published):
    identity = {
        f"GIT_{role}_{key}": value
        for role in ["AUTHOR", "COMMITTER"]
        for key, value in {"NAME": "upstream", "EMAIL": "upstream@example.org", "DATE": "2000-01-01T00:00:00Z"}.items()
    }
    environment = {**os.environ, **identity, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (
        ["init", "--quiet", "--initial-branch=main"],
        ["add", "--all", "--force"],
        ["commit", "--quiet", "--no-gpg-sign", f"--message=Pingora {version}, published from {published}"],
        ["tag", version],
    ):
        subprocess.run(["git", *command], cwd=tree, env=environment, check=True)


main()
