"""Make a release: `python -m tests.supply.release 0.2.0 --key FILE` (`make release VERSION=0.2.0`).

All is made in a clone of the tree: the version is set, CHANGELOG's part `Unreleased` gets its name and day, both are
committed and tagged, and wheel, source, lock, bundle, image, list of parts, checksums and signatures are made of the
tag. A second commit adds the release to `docs/releases.toml`: the commit, and the hashes of wheel and unsigned bundle.
Only when all of it is there do commits and tag come into this tree, and the files into `dist`. So a release that fails
anywhere changes nothing, and `--dry-run` is a release without the last step.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from packaging.version import Version

from gateway.clock import SystemClock
from tests.supply import releases
from tests.supply.signatures import checksums
from tests.support.shared import PROJECT

_UNRELEASED = "## Unreleased\n"
_VERSION_FILE = "gateway/__init__.py"
_VERSION = re.compile(r'^__version__ = "(.+)"$', re.MULTILINE)


class Refused(Exception):
    """Why there is no release. Nothing was changed."""


@dataclass(frozen=True)
class Order:
    """What is asked for. `checks` is a command that must succeed; `parts` are the targets that make files in `dist`."""

    version: str
    key: Path | None
    dry_run: bool
    checks: str
    parts: Sequence[str]


def release(tree: Path, order: Order, say: Callable[[str], object]) -> Path:
    """Release a tree; return the folder with the files. Raises `Refused` before anything is changed."""
    _refuse(tree, order)
    say(f"checks: {order.checks}")
    if subprocess.run(order.checks, shell=True, cwd=tree).returncode:
        raise Refused(f"`{order.checks}` failed: mend what it says")
    with tempfile.TemporaryDirectory(prefix="liaison-release-") as folder:
        clone = Path(folder) / "tree"
        _git(tree, "clone", "--quiet", "--no-hardlinks", str(tree), str(clone))
        _name(tree, clone, order)
        say(f"commit and tag v{order.version}, in a clone")
        say("make bundle, without a signature")
        _make(tree, clone, "bundle", None)
        made = releases.made(clone / "dist", order.version, _git(clone, "rev-parse", "HEAD"))
        for part in order.parts:
            say(f"make {part}")
            _make(tree, clone, part, order.key)
        checksums(clone / "dist", order.key)
        dist = tree / ("tmp/release" if order.dry_run else "dist")
        shutil.rmtree(dist, ignore_errors=True)
        shutil.copytree(clone / "dist", dist)
        if not order.dry_run:
            _list(clone, made)
            _take_over(tree, clone, order)
    return dist


def _refuse(tree: Path, order: Order) -> None:
    """Raise `Refused` for what a release must not begin with."""
    now = _version(tree)
    if not (re.fullmatch(r"\d+\.\d+\.\d+", order.version) and Version(order.version) > Version(now)):
        raise Refused(f"`{order.version}` is no version of the form 1.2.3 after {now}")
    if _git(tree, "status", "--porcelain"):
        raise Refused("the tree has changes that are not committed: commit them, or put them aside")
    if _git(tree, "tag", "--list", f"v{order.version}"):
        raise Refused(f"the tag v{order.version} is there already")
    if not _news((tree / "CHANGELOG.md").read_text(encoding="utf-8")).strip():
        raise Refused("CHANGELOG.md says nothing under `Unreleased`: write what is new")
    if "image" in order.parts and subprocess.run(["make", "--silent", "image-tools"], cwd=tree).returncode:
        raise Refused("the image cannot be made here")
    if order.key and not order.key.is_file():
        raise Refused(f"there is no key {order.key}: ssh-keygen -t ed25519 -f {order.key} makes one")


def _version(tree: Path) -> str:
    """Return the version that a tree has now."""
    found = re.search(_VERSION, (tree / _VERSION_FILE).read_text(encoding="utf-8"))
    if found is None:
        raise Refused(f"{_VERSION_FILE} has no version")
    return found[1]


def _news(changes: str) -> str:
    return changes.partition(_UNRELEASED)[2].partition("\n## ")[0]


def _name(tree: Path, clone: Path, order: Order) -> None:
    """Set the version, commit and tag in the clone, in the name of the person who works in the tree."""
    for each in ("user.name", "user.email"):
        _git(clone, "config", each, _git(tree, "config", each))
    file = clone / _VERSION_FILE
    file.write_text(re.sub(_VERSION, f'__version__ = "{order.version}"', file.read_text(encoding="utf-8")))
    changes = clone / "CHANGELOG.md"
    day = SystemClock().now().date().isoformat()
    heading = f"{_UNRELEASED}\n## {order.version}, {day}\n"
    changes.write_text(changes.read_text(encoding="utf-8").replace(_UNRELEASED, heading, 1), encoding="utf-8")
    _git(clone, "commit", "--quiet", "--message", f"Version {order.version}", _VERSION_FILE, "CHANGELOG.md")
    signed = ["-c", "gpg.format=ssh", "-c", f"user.signingkey={order.key}"] if order.key else []
    kind = "--sign" if order.key else "--annotate"
    _git(clone, *signed, "tag", kind, "--message", f"Liaison {order.version}", f"v{order.version}")


def _make(tree: Path, clone: Path, part: str, key: Path | None) -> None:
    """Run a target of the clone's Makefile with the tools of the tree."""
    # The environment of the tree is used as it is: the clone makes none, and is not installed into it.
    about = [f"VENV={tree / '.venv'}", "STAMP=made", "--assume-old=made", f"BUNDLE_KEY={key or ''}"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(["make", "--no-print-directory", part, *about], cwd=clone, env=environment)
    if done.returncode:
        raise Refused(f"`make {part}` failed")


def _list(clone: Path, made: releases.Release) -> None:
    """Add the release to the list of them, which cannot be in the commit that it names."""
    listed = clone / releases.LIST
    listed.write_text(listed.read_text(encoding="utf-8") + releases.row(made), encoding="utf-8")
    _git(clone, "commit", "--quiet", "--message", f"The list of releases has {made.version}", releases.LIST)


def _take_over(tree: Path, clone: Path, order: Order) -> None:
    """Bring commits and tag into the tree: forward only, so that nothing of the tree is lost."""
    _git(tree, "fetch", "--quiet", str(clone), "HEAD", f"refs/tags/v{order.version}:refs/tags/v{order.version}")
    _git(tree, "merge", "--quiet", "--ff-only", _git(clone, "rev-parse", "HEAD"))


def _git(tree: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True)
    if done.returncode:
        raise Refused(f"`git {arguments[0]}` failed: {done.stderr.strip()}")
    return done.stdout.strip()


def _say(line: str) -> None:
    sys.stdout.write(f"== {line}\n")
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None, tree: Path = PROJECT) -> int:
    """Release what is asked for; return 1 where it was refused."""
    parser = argparse.ArgumentParser(prog="python -m tests.supply.release")
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("--key", type=Path, help="the key that signs (ssh-keygen -t ed25519); else: no signatures")
    parser.add_argument("--dry-run", action="store_true", help="make everything, into tmp/release; no commit, no tag")
    parser.add_argument("--checks", default="make check test", help="the command that must succeed first")
    parser.add_argument("--parts", default="image sbom", help="what is made: targets of the Makefile")
    given = parser.parse_args(arguments)
    key = given.key.resolve() if given.key else None
    order = Order(given.version, key, given.dry_run, given.checks, given.parts.split())
    try:
        dist = release(tree, order, _say)
    except Refused as why:
        sys.stderr.write(f"error: {why}\n  Nothing was changed.\n")
        return 1
    for file in sorted(dist.iterdir()):
        sys.stdout.write(f"{file.stat().st_size:>12,}  {file.relative_to(tree)}\n")
    ending = "a dry run: no commit, no tag" if given.dry_run else f"push the commits and the tag v{given.version}"
    sys.stdout.write(f"Liaison {given.version} is made; {ending}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
