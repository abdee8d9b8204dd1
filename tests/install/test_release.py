"""A release is made whole or not at all: version, changes, tag and files, of a tree that is clean and green."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.supply.release import main
from tests.supply.releases import load
from tests.support.optional import needs

pytestmark = [pytest.mark.process, pytest.mark.timeout(300)]

CHANGES = "# Changes\n\n## Unreleased\n\n### Added\n- A thing.\n\n## 0.1.0, not released\n\nThe first.\n"
MAKEFILE = """
bundle:
	mkdir -p dist && echo $(BUNDLE_KEY) > dist/liaison-0-cp313.tar.gz && cp gateway/__init__.py dist/one.whl
parts: bundle
	cp gateway/__init__.py dist/part && git describe --exact-match > dist/tag
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A tree with what a release changes, and a Makefile that makes one part in a moment."""
    tree = tmp_path / "tree"
    (tree / "gateway").mkdir(parents=True)
    (tree / "gateway" / "__init__.py").write_text('"""Words."""\n\n__version__ = "0.1.0"\n')
    (tree / "CHANGELOG.md").write_text(CHANGES)
    (tree / "Makefile").write_text(MAKEFILE)
    (tree / "docs").mkdir()
    (tree / "docs" / "releases.toml").write_text("# Releases.\n")
    (tree / ".gitignore").write_text("/dist/\n/tmp/\n")
    git(tree, "init", "--quiet")
    git(tree, "config", "user.name", "Maker")
    git(tree, "config", "user.email", "maker@example.org")
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message", "All")
    return tree


@pytest.fixture
def key(tmp_path: Path) -> Path:
    needs("ssh-keygen")
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    return tmp_path / "key"


def git(tree: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True, check=True).stdout.strip()


def state(tree: Path) -> tuple[str, str, str]:
    return git(tree, "rev-parse", "HEAD"), git(tree, "tag"), git(tree, "status", "--porcelain")


def release(tree: Path, *arguments: str) -> int:
    return main([*arguments, "--parts", "parts"], tree)


def test_a_release_has_version_changes_tag_and_signed_files(tree: Path, key: Path, tmp_path: Path) -> None:
    assert release(tree, "0.2.0", "--key", str(key), "--checks", "true") == 0
    assert '__version__ = "0.2.0"' in (tree / "gateway" / "__init__.py").read_text()
    changes = (tree / "CHANGELOG.md").read_text()
    assert changes.index("## Unreleased") < changes.index("## 0.2.0, 20") < changes.index("- A thing.")
    assert "## 0.1.0, not released\n\nThe first." in changes
    subjects = git(tree, "log", "-2", "--format=%an %s").splitlines()
    assert subjects == ["Maker The list of releases has 0.2.0", "Maker Version 0.2.0"]
    [listed] = load(tree)
    assert (listed.version, listed.commit) == ("0.2.0", git(tree, "rev-parse", "v0.2.0^{commit}"))
    assert listed.wheel == ("one.whl", hashlib.sha256((tree / "dist" / "one.whl").read_bytes()).hexdigest())
    assert listed.bundle == ("liaison-0-cp313.tar.gz", hashlib.sha256(b"\n").hexdigest()), "it has no signature"
    dist = tree / "dist"
    assert (dist / "tag").read_text() == "v0.2.0\n", "the files are made of the tag"
    allowed = f"gpg.ssh.allowedSignersFile={dist / 'liaison-signers'}"
    git(tree, "-c", allowed, "-c", "gpg.format=ssh", "verify-tag", "v0.2.0")
    subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=dist, check=True, capture_output=True)
    with (dist / "SHA256SUMS").open() as sums:
        asked = ["-Y", "verify", "-f", "liaison-signers", "-I", "liaison-release", "-n", "liaison-release"]
        subprocess.run(["ssh-keygen", *asked, "-s", "SHA256SUMS.sig"], cwd=dist, stdin=sums, check=True)
    assert state(tree)[2] == ""


def test_a_dry_run_makes_the_files_and_leaves_the_tree(tree: Path) -> None:
    before = state(tree)
    assert release(tree, "0.2.0", "--dry-run", "--checks", "true") == 0
    assert '"0.2.0"' in (tree / "tmp" / "release" / "part").read_text()
    assert state(tree) == before
    assert not (tree / "dist").exists()


@pytest.mark.parametrize(
    ("change", "version", "checks", "said"),
    [
        ("echo new > new", "0.2.0", "true", "changes that are not committed"),
        ("true", "0.2.0", "false", "`false` failed"),
        ("true", "0.1.0", "true", "no version of the form 1.2.3 after 0.1.0"),
        ("true", "next", "true", "no version of the form 1.2.3"),
        ("git tag v0.2.0", "0.2.0", "true", "is there already"),
        ("sed -i '/A thing/d; /### Added/d' CHANGELOG.md; git commit -qam less", "0.2.0", "true", "write what is new"),
        ("sed -i 's/cp gateway.*part/false/' Makefile; git commit -qam red", "0.2.0", "true", "`make parts` failed"),
    ],
)
def test_what_is_not_ready_is_refused_and_nothing_changes(
    tree: Path, capsys: pytest.CaptureFixture[str], change: str, version: str, checks: str, said: str
) -> None:
    subprocess.run(change, shell=True, cwd=tree, check=True)
    before = state(tree)
    assert release(tree, version, "--checks", checks) == 1
    refused = capsys.readouterr().err
    assert said in refused
    assert "Nothing was changed." in refused
    assert state(tree) == before
    assert not (tree / "dist").exists()
