"""The guide for connecting a system is followed here step by step: what it shows is what the commands print."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from gateway.cli.main import COMMANDS
from tests.support.cli import Liaison
from tests.support.shared import PROJECT

GUIDE = (PROJECT / "docs" / "guides" / "connect-an-agency-system.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", GUIDE, re.DOTALL)
    return found


def run_sql(path: Path, script: str) -> None:
    database = sqlite3.connect(path)
    database.executescript(script)
    database.commit()
    database.close()


def told(block: str) -> list[str]:
    return [line.rstrip() for line in block.splitlines() if line.strip()]


@pytest.mark.long
def test_every_step_of_the_guide_shows_what_the_commands_print(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    liaison = Liaison(capsys)
    tables, correction = blocks("sql")
    draft, wrong, right, sample = blocks("text")
    mapping = next(block for block in blocks("toml") if "[[record]]" in block)
    run_sql(tmp_path / "posts.sqlite", tables)
    url = ("--url", "sqlite:///posts.sqlite")

    assert set(told(draft)) <= set(told(liaison("adapter", "init", *url).out))
    Path("houayxay.toml").write_text(mapping, encoding="utf-8")
    assert liaison("adapter", "check", "houayxay.toml").code == 0
    first = liaison("adapter", "check", "houayxay.toml", *url)
    assert first.code == 1
    assert [line for line in told(wrong) if line not in told(first.out)] == []
    run_sql(tmp_path / "posts.sqlite", correction)
    second = liaison("adapter", "check", "houayxay.toml", *url)
    assert second.code == 0, second.out
    assert [line for line in told(right) if line not in told(second.out)] == []
    shown = liaison("adapter", "sample", "houayxay.toml", *url, "--type", "TravelDocument", "--key", "3", "--show")
    assert [line for line in told(sample) if line not in told(shown.out)] == []


def test_every_command_in_the_guide_exists() -> None:
    named = {word for word in re.findall(r"liaison ([a-z]+)", GUIDE) if word not in ("reader", "source")}
    assert named <= set(COMMANDS)
