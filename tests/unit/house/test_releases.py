"""The list of releases: each commit is a release's own, and its program is built from that commit or not at all."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.supply.releases import LIST, PACKAGES, Absent, Release, before, cloned, load, main, row
from tests.support.shared import PROJECT

pytestmark = pytest.mark.process


def git(tree: Path, *arguments: str, code: int = 0) -> str:
    done = subprocess.run(["git", *arguments], cwd=tree, capture_output=True, text=True)
    assert done.returncode == code, done.stderr
    return done.stdout.strip()


def commit(tree: Path, text: str) -> str:
    (tree / "gateway" / "file").write_text(text)
    git(tree, "add", ".")
    git(tree, "commit", "--quiet", "--message", text)
    return git(tree, "rev-parse", "HEAD")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A history of two releases, and of a change after them."""
    tree = tmp_path / "tree"
    (tree / "gateway").mkdir(parents=True)
    (tree / "docs").mkdir()
    for name in PACKAGES[1:]:
        (tree / name).mkdir()
        (tree / name / "file").write_text("all the time")
    git(tree, "init", "--quiet")
    git(tree, "config", "user.name", "Maker")
    git(tree, "config", "user.email", "maker@example.org")
    found = [commit(tree, text) for text in ("first", "second")]
    rows = [row(Release(f"0.{at}.0", each, ("a.whl", "1"), ("b", "2"))) for at, each in enumerate(found)]
    (tree / LIST).write_text("# Releases.\n" + "".join(rows))
    commit(tree, "later")
    return tree


def test_n230_the_program_before_a_tree_is_the_newest_release_that_is_not_the_tree_itself(
    tree: Path, tmp_path: Path
) -> None:
    assert before(tree).version == "0.1.0"
    assert (cloned(before(tree), tree, tmp_path / "kept") / "gateway" / "file").read_text() == "second"
    commit(tree, "second")
    assert before(tree).version == "0.0.0", "what stands here is never tried against itself"
    (tree / "gateway" / "file").write_text("not committed")
    assert before(tree).version == "0.1.0"
    (tree / LIST).write_text(row(Release("0.1.0", git(tree, "rev-parse", "HEAD"), ("a.whl", "1"), ("b", "2"))))
    (tree / "gateway" / "file").write_text("second")
    with pytest.raises(Absent, match="names no release before the program that stands here"):
        before(tree)


def test_n230_a_history_that_was_cut_off_says_what_is_missing_and_which_command_brings_it(
    tree: Path, tmp_path: Path
) -> None:
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "--quiet", "--depth", "1", f"file://{tree}", str(shallow))
    release = load(shallow)[-1]
    for asked in (before, lambda here: cloned(release, here, tmp_path / "kept")):
        with pytest.raises(Absent, match=rf"no commit {release.commit[:12]}, which is Liaison 0\.1\.0.*--unshallow"):
            asked(shallow)
    git(shallow, "fetch", "--quiet", "--unshallow")
    assert before(shallow) == release


def test_a_release_that_nobody_listed_is_not_made_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["9.9.9"]) == 2
    assert "has no 9.9.9" in capsys.readouterr().err


def test_n230_each_release_of_the_changes_is_listed_with_the_commit_that_bears_its_version() -> None:
    changes = (PROJECT / "CHANGELOG.md").read_text(encoding="utf-8")
    headed = re.findall(r"^## (\d+\.\d+\.\d+), \d{4}-", changes, re.MULTILINE)[::-1]
    listed = load()
    assert [release.version for release in listed] in (headed, headed[:-1]), "the newest may be this commit"
    for release in listed:
        assert re.fullmatch(r"[0-9a-f]{40}", release.commit)
        assert release.wheel[0] == f"liaison_gateway-{release.version}-py3-none-any.whl"
        assert release.bundle[0].startswith(f"liaison-{release.version}-cp")
        assert all(re.fullmatch(r"[0-9a-f]{64}", digest) for _, digest in (release.wheel, release.bundle))
        if subprocess.run(["git", "cat-file", "-e", f"{release.commit}^{{commit}}"], cwd=PROJECT).returncode == 0:
            assert f'"{release.version}"' in git(PROJECT, "show", f"{release.commit}:gateway/__init__.py")
            if git(PROJECT, "tag", "--list", f"v{release.version}"):
                assert git(PROJECT, "rev-parse", f"v{release.version}^{{commit}}") == release.commit


@pytest.mark.parametrize("target", ["image", "image -j4"])
def test_an_image_asks_for_its_tools_before_anything_is_built(tmp_path: Path, target: str) -> None:
    tools = tmp_path / "bin"
    tools.mkdir()
    for name in ("make", "sh", "sed", "git", "cksum", "cut", "date", "rm", "touch"):
        (tools / name).symlink_to(shutil.which(name) or "missing")
    (tools / "python3").symlink_to(sys.executable)
    asked = ["make", "--no-print-directory", *target.split(), f"VENV={tmp_path / 'venv'}"]
    done = subprocess.run(asked, cwd=PROJECT, env={"PATH": str(tools)}, capture_output=True, text=True)
    assert done.returncode == 2
    assert "nothing was built: apt-get install buildah mmdebstrap\n" in done.stderr
    assert (done.stdout, (tmp_path / "venv").exists()) == ("", False), "nothing was begun"
    based = subprocess.run(
        [*asked, "IMAGE_BASE=x"], cwd=PROJECT, env={"PATH": str(tools)}, capture_output=True, text=True
    )
    assert "apt-get install buildah\n" in based.stderr
