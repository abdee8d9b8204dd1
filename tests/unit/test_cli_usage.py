"""Wrong usage ends with 2, says what to give, and is JSON where JSON was asked for."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from gateway.cli.main import liaison as command
from gateway.cli.main import run
from tests.support.cli import Liaison


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def test_a_folder_that_does_not_say_whose_policy_it_is_is_wrong_usage(liaison: Liaison, tmp_path: Path) -> None:
    folder = tmp_path / "draft"
    folder.mkdir()
    ran = liaison("policy", "check", folder)
    assert ran.code == 2
    assert "give --member" in ran.err


def test_wrong_usage_with_json_is_json_too(liaison: Liaison, tmp_path: Path) -> None:
    ran = liaison("audit", "verify", "--json")
    assert ran.code == 2
    assert ran.value["error"]["code"] == "usage"
    assert "--home" in ran.value["error"]["message"]
    unknown = liaison("ask", "person", "--home", tmp_path, "--birth", "2533", "--name", "x", "--json")
    assert unknown.code == 2
    assert "message" in unknown.value["error"]


@pytest.mark.parametrize(
    ("number", "code"), [(errno.EACCES, 1), (errno.EROFS, 1), (errno.ENOSPC, 1), (errno.ENOENT, 2), (errno.EISDIR, 2)]
)
def test_a_place_that_the_system_refuses_is_1_and_a_wrong_path_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], number: int, code: int
) -> None:
    def refuse(*_arguments: object, **_options: object) -> None:
        raise OSError(number, "said by the system", "out")

    monkeypatch.setattr(command, "main", refuse)
    assert run(["audit", "export", "--out", "out"]) == code
    assert "said by the system" in capsys.readouterr().err
