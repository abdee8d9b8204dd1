"""The policy commands as their users run them: whose a folder is, and what a policy that was brought waits for."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.support.cli import Liaison, found_federation
from tests.support.policies import NATIONAL


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    """The home of `th`, which lists two approvers of policy, with their keys in `keys`."""
    found_federation(liaison, tmp_path, ("th", "vn"))
    for name in ("a", "b"):
        assert liaison("policy", "approver", "--out", tmp_path / "keys", "--name", name).code == 0
        assert liaison("policy", "admit", tmp_path / "keys" / f"{name}.pub", "--home", tmp_path / "th").code == 0
    authority = ("--authority", tmp_path / "th-authority")
    assert liaison("trust", "publish", "--home", tmp_path / "th", *authority).code == 0
    return tmp_path / "th"


def test_folders_of_two_members_are_not_compared(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("policy", "diff", NATIONAL / "th", NATIONAL / "vn")
    assert ran.code == 2
    assert "th` is by its name the policy of `th`" in ran.err
    assert "that of `vn`: compare two folders of one member, or say with --member" in ran.err
    draft = shutil.copytree(NATIONAL / "vn", tmp_path / "draft")
    for folders in ((NATIONAL / "th", draft), (draft, NATIONAL / "th")):
        ran = liaison("policy", "diff", *folders, "--member", "th")
        assert ran.code == 2
        assert f"`{draft}` is the policy of `vn`, not of `th`: name a folder of `th`" in ran.err
    assert liaison("policy", "diff", NATIONAL / "vn", draft, "--member", "vn").out == "nothing differs\n"


def test_a_mistake_in_one_s_own_folder_is_still_told(liaison: Liaison, tmp_path: Path) -> None:
    draft = shutil.copytree(NATIONAL / "vn", tmp_path / "vn")
    (draft / "law.toml").unlink()
    ran = liaison("policy", "diff", NATIONAL / "vn", draft)
    assert (ran.code, "law.toml" in ran.err) == (1, True)


def test_a_draft_of_another_member_is_not_rehearsed(liaison: Liaison, home: Path) -> None:
    ran = liaison("policy", "rehearse", "--home", home, "--draft", NATIONAL / "vn")
    assert ran.code == 2
    assert "vn` is the policy of `vn`, not of `th`: name a folder of `th`" in ran.err
    shown = liaison("audit", "show", "--home", home, "--log", "operations", "--kind", "rehearsed", "--json")
    assert shown.value["entries"] == []


def sign(liaison: Liaison, home: Path, version: int, *names: str) -> Path:
    out = home.parent / f"th-{version}.json"
    first, *others = ("--key", home.parent / "keys" / f"{names[0]}.key"), *names[1:]
    assert liaison("policy", "sign", NATIONAL / "th", "--version", str(version), *first, "--out", out).code == 0
    for name in others:
        ran = liaison("policy", "sign", out, "--key", home.parent / "keys" / f"{name}.key", "--out", out)
        assert ran.code == 0
    return out


def test_a_policy_that_waits_for_a_node_is_told_with_what_it_waits_for(liaison: Liaison, home: Path) -> None:
    ran = liaison("policy", "status", "--home", home)
    assert "policy of `th`: not approved" in ran.out
    assert liaison("policy", "status", "--home", home, "--json").value["waiting"] is None
    assert liaison("policy", "install", sign(liaison, home, 3, "a", "b"), "--home", home).code == 0
    ran = liaison("policy", "status", "--home", home)
    assert "not approved" not in ran.out
    assert "version 3, signed by 2, was brought, and waits for a node of this home to take it" in ran.out
    assert f"liaison serve --home {home}" in ran.out
    waiting = liaison("policy", "status", "--home", home, "--json").value["waiting"]
    assert (waiting["version"], len(waiting["approvers"]), waiting["refused"]) == (3, 2, "")


def test_a_policy_that_no_node_will_take_is_told_with_why(liaison: Liaison, home: Path) -> None:
    assert liaison("policy", "approver", "--out", home.parent / "keys", "--name", "c").code == 0
    assert liaison("policy", "install", sign(liaison, home, 3, "a", "c"), "--home", home).code == 0
    ran = liaison("policy", "status", "--home", home)
    assert "version 3 was brought, and no node will take it: 1 of the 2" in ran.out
    assert "waits for" not in ran.out
