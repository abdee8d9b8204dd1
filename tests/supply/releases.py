"""Build the program of a release from its commit: `python -m tests.supply.releases 0.2.1` (`make reproduce`).

`docs/releases.toml` names the commit of each release and the hashes of what it makes. It is made in a clone of this
history, with the tools of its own lock, by its own Makefile; what comes out is held to the hashes. No tag is asked.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.support.shared import PROJECT

LIST: Final = "docs/releases.toml"
PACKAGES: Final = ("gateway", "adapters", "policy", "certs", "proto")
"""The folders of the program that is compared: a release whose program is the one that is here is not before it."""

_KEPT = PROJECT / "tmp" / "releases"


class Absent(Exception):
    """Why the program of a release cannot be had here."""


@dataclass(frozen=True)
class Release:
    """A release: its commit, and the names and SHA-256 of its wheel and of its bundle without a signature."""

    version: str
    commit: str
    wheel: tuple[str, str]
    bundle: tuple[str, str]


def load(tree: Path = PROJECT) -> list[Release]:
    """Return the releases that a tree lists, the oldest first."""
    rows = tomllib.loads((tree / LIST).read_text(encoding="utf-8")).get("release", [])
    return [Release(row["version"], row["commit"], _file(row["wheel"]), _file(row["bundle"])) for row in rows]


def _file(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["file"], row["sha256"]


def row(release: Release) -> str:
    """Return the row of a release in the list."""
    (wheel, first), (bundle, second) = release.wheel, release.bundle
    return (
        f'\n[[release]]\nversion = "{release.version}"\ncommit = "{release.commit}"\n'
        f'wheel = {{ file = "{wheel}", sha256 = "{first}" }}\nbundle = {{ file = "{bundle}", sha256 = "{second}" }}\n'
    )


def made(dist: Path, version: str, commit: str) -> Release:
    """Return the release that a folder holds; raise `Absent` where it has not one wheel and one bundle."""
    found = []
    for pattern in ("*.whl", "liaison-*-cp*.tar.gz"):
        files = list(dist.glob(pattern))
        if len(files) != 1:
            raise Absent(f"{len(files)} files {pattern} are in {dist.name}, and a release has one")
        found.append((files[0].name, hashlib.sha256(files[0].read_bytes()).hexdigest()))
    return Release(version, commit, found[0], found[1])


def before(tree: Path = PROJECT) -> Release:
    """Return the newest release whose program is not the one that is in the tree: one version before it."""
    for release in reversed(load(tree)):
        _refuse_absent(tree, release)
        differs = _git(tree, "diff", "--quiet", release.commit, "--", *PACKAGES)
        if differs.returncode > 1:
            raise Absent(f"`git diff` failed: {differs.stderr.strip()}")
        if differs.returncode:
            return release
    raise Absent(f"{LIST} names no release before the program that stands here")


def _refuse_absent(tree: Path, release: Release) -> None:
    if _git(tree, "cat-file", "-e", f"{release.commit}^{{commit}}").returncode:
        raise Absent(
            f"the history here has no commit {release.commit[:12]}, which is Liaison {release.version}, so its program "
            "cannot be built: `git fetch --unshallow` brings a history that was cut off"
        )


def cloned(release: Release, tree: Path = PROJECT, kept: Path = _KEPT) -> Path:
    """Return the tree of a release, in which its own commands can be called; it is kept."""
    _refuse_absent(tree, release)
    clone = kept / f"{release.version}-{release.commit[:12]}"
    kept.mkdir(parents=True, exist_ok=True)
    with _locked(clone), tempfile.TemporaryDirectory(prefix=f"{clone.name}.", dir=kept) as aside:
        if clone.is_dir():
            return clone
        for asked in (
            ("clone", "--quiet", "--shared", "--no-checkout", str(tree), f"{aside}/tree"),
            ("-C", f"{aside}/tree", "checkout", "--quiet", "--detach", release.commit),
        ):
            if (done := _git(tree, *asked)).returncode:
                raise Absent(f"`git {asked[0]}` failed: {done.stderr.strip()}")
        Path(aside, "tree").rename(clone)
    return clone


@contextmanager
def _locked(clone: Path) -> Iterator[None]:
    """Let one run at a time make what belongs to the tree of a release."""
    with clone.with_name(f"{clone.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def program(release: Release) -> Path:
    """Return the Python of an environment with the wheel of a release and what its lock names. It is made once."""
    clone = cloned(release)
    with _locked(clone):
        wheel, wanted = clone / "dist" / release.wheel[0], clone / ".venv" / f"has-{release.wheel[1]}"
        if not wanted.exists():
            make(clone, "build")
            if (found := hashlib.sha256(wheel.read_bytes()).hexdigest()) != release.wheel[1]:
                raise Absent(f"{wheel.name} is {found}, and {LIST} says {release.wheel[1]}")
            _in_its_own(clone, [".venv/bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check",
                                "--no-index", "--no-deps", "--force-reinstall", str(wheel)])  # fmt: skip
            wanted.touch()
    return clone / ".venv" / "bin" / "python"


def make(clone: Path, target: str) -> None:
    """Call a target of a release's own Makefile. Raises `Absent` where it fails."""
    _in_its_own(clone, ["make", "--no-print-directory", target])


def _in_its_own(clone: Path, command: list[str]) -> None:
    """Run a command in the tree of a release, without what the call around it has set."""
    left_out = ("MAKE", "MFLAGS", "LIAISON_", "PYTHON", "SOURCE_DATE_EPOCH", "VERSION")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    done = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Absent(f"`{' '.join(command[:5])}` failed in the tree of {clone.name}: {done.stderr.strip()[-2000:]}")


def _git(tree: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=False)


def main(versions: list[str]) -> int:
    """Make the bundles of the named releases anew, or of all; return 1 where one is not as listed."""
    listed = load()
    code = 0
    if unknown := set(versions) - {release.version for release in listed}:
        sys.stderr.write(f"error: {LIST} has no {', '.join(sorted(unknown))}\n")
        return 2
    for release in (each for each in listed if not versions or each.version in versions):
        try:
            clone = cloned(release)
            make(clone, "bundle")
            again = made(clone / "dist", release.version, release.commit)
        except Absent as why:
            sys.stderr.write(f"error: {release.version}: {why}\n")
            code = 1
            continue
        for (name, wanted), (file, found) in ((release.wheel, again.wheel), (release.bundle, again.bundle)):
            same = (name, wanted) == (file, found)
            code |= not same
            sys.stdout.write(f"{found}  {file}  {'as listed' if same else f'NOT as listed: {wanted}  {name}'}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
