"""A part of the system that is not here skips what needs it, says the command that installs it, and fails in CI."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from _pytest.outcomes import Failed, Skipped

from tests.support import optional
from tests.support.shared import PROJECT


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine that has nothing."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(optional, "_ALSO", ())


def test_what_is_missing_skips_with_the_one_command_that_installs_it(
    bare: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(Skipped) as skipped:
        optional.needs("node", "nft")
    assert skipped.value.msg == "there is no node, nft: apt-get install nodejs nftables"


def test_what_is_missing_fails_where_nothing_may_be(bare: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    with pytest.raises(Failed, match="there is no mariadbd: apt-get install mariadb-server-core"):
        optional.needs("mariadbd")


def test_what_is_here_is_found_where_only_the_administrator_looks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    monkeypatch.setattr(optional, "_ALSO", (str(tmp_path),))
    (tmp_path / "nft").touch(mode=0o755)
    optional.needs("nft")
    assert optional.found("nft") == str(tmp_path / "nft")


def test_every_mark_names_a_part_of_the_table() -> None:
    for file in (PROJECT / "tests").rglob("test_*.py"):
        for named in re.findall(r"mark\.needs\(([^)]*)\)", file.read_text()):
            assert set(re.findall(r'"([^"]+)"', named)) <= optional.PACKAGES.keys(), file


@pytest.mark.process
def test_the_list_of_packages_is_what_apt_takes() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.support.optional"],
        cwd=PROJECT,
        env={},
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(ran.stdout.split()) <= set(optional.PACKAGES.values())
