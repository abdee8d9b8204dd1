"""The worked example of the guide is followed step by step: its tables, commands, mapping and what they print."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.check.check import opened
from gateway.cli.main import COMMANDS
from gateway.clock import SystemClock
from gateway.model.query import DocumentQuery
from tests.support.cli import Liaison, Ran
from tests.support.shared import PROJECT
from tests.unit.adapters.draft.test_guide import run_sql, told

GUIDE = (PROJECT / "docs" / "guides" / "worked-example.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found: list[tuple[str, str]] = re.findall(r"^```(\w*)\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE)
    return [block for named, block in found if named == language]


def commands() -> Iterator[list[str]]:
    for block in blocks(""):
        for line in block.splitlines():
            words = shlex.split(line.partition(" > ")[0])
            if words[:1] == ["liaison"]:
                yield words[1:]


@pytest.fixture
def followed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> dict[str, Ran]:
    """Everything that the guide's commands print, in the guide's order."""
    monkeypatch.chdir(tmp_path)
    liaison = Liaison(capsys)
    for script in blocks("sql"):
        run_sql(tmp_path / "poipet.sqlite", script)
    mapping = next(block for block in blocks("toml") if "[source]" in block)
    Path("poipet.toml").write_text(mapping, encoding="utf-8")
    ran: dict[str, Ran] = {}
    for words in commands():
        ran[" ".join(words)] = made = liaison(*words)
        if words[1] == "init":
            Path("draft.toml").write_text(made.out, encoding="utf-8")
    return ran


@pytest.mark.long
def test_every_command_of_the_example_runs_and_prints_what_it_shows(followed: dict[str, Ran]) -> None:
    assert {name: ran.code for name, ran in followed.items() if ran.code} == {}
    printed = [line for ran in followed.values() for line in told(ran.out)]
    assert [line for block in blocks("text") for line in told(block) if line not in printed] == []
    assert "the file is a draft without mistakes" in followed["adapter check draft.toml"].out


@pytest.mark.long
def test_the_records_that_others_mixed_are_right(followed: dict[str, Ran]) -> None:
    sheet = next(ran.out for name, ran in followed.items() if "Seizure" in name)
    assert "cigarettes" in sheet
    assert "heroin" not in sheet
    person = next(ran.out for name, ran in followed.items() if "--type Person" in name)
    assert "(category: TRAVELLER)" in person


@pytest.mark.long
def test_ask_document_finds_the_identity_card_that_the_example_says(followed: dict[str, Ran]) -> None:
    assert followed
    clock = SystemClock()
    with opened(Path("poipet.toml"), "sqlite:///poipet.sqlite", None, 100, clock) as (adapter, _, _seconds):
        found = adapter.search(DocumentQuery("010123456", "KHM"), clock.monotonic() + 5)
        assert [(each.record_type, each.key) for each in found.candidates] == [("Person", "2")]


def test_each_part_of_a_mapping_in_the_example_is_one_of_the_whole() -> None:
    whole: Any = next(block for block in blocks("toml") if "[source]" in block)
    tomllib.loads(whole)
    parts = [line for block in blocks("toml") if block != whole for line in told(block)]
    assert [line for line in parts if line not in told(whole)] == []


def test_the_example_is_read_in_fifteen_minutes_and_names_commands_that_exist() -> None:
    assert len(GUIDE.split()) < 15 * 200
    named = set(re.findall(r"`?liaison ([a-z]+)", GUIDE))
    assert named <= set(COMMANDS)
