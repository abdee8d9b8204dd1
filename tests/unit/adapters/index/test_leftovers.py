"""Indexes that no source uses any more are listed as such; a source in a process of its own has none here."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.cli import Liaison
from tests.support.drop_folder import as_csv, mapping


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(tmp_path: Path, liaison: Liaison) -> Path:
    folder = tmp_path / "th"
    assert liaison("init", "--member", "th", "--home", folder, "--authority", tmp_path / "a").code == 0
    (folder / "drop").mkdir()
    (folder / "drop" / "persons.csv").write_bytes(as_csv())
    (folder / "drop" / "persons.csv.done").write_bytes(b"")
    (folder / "drop.toml").write_text(mapping("csv", 'complete = "done"'), encoding="utf-8")
    (folder / "node.toml").write_text((folder / "node.toml").read_text() + _source(f"folder://{folder / 'drop'}"))
    assert liaison("index", "build", "--home", folder).code == 0
    return folder


def _source(url: str) -> str:
    return f'\n[[source]]\nid = "th.police.drop"\nagency = "police"\nmapping = "drop.toml"\nurl = "{url}"\n'


@pytest.mark.long
def test_a_source_that_got_another_id_leaves_an_index_over(liaison: Liaison, home: Path) -> None:
    for file in (home / "node.toml", home / "drop.toml"):
        file.write_text(file.read_text().replace("th.police.drop", "th.police.files"))
    assert liaison("index", "build", "--home", home).code == 0
    ran = liaison("index", "status", "--home", home)
    assert ran.code == 0
    assert "th.police.drop: left over" in ran.out
    assert "th.police.files: left over" not in ran.out
    found = liaison("index", "status", "--home", home, "--json").value
    assert [one["source"] for one in found["left_over"]] == ["th.police.drop"]
    assert [one["source"] for one in found["sources"]] == ["th.police.files"]


def test_a_source_in_a_process_of_its_own_is_skipped_with_a_note(liaison: Liaison, home: Path) -> None:
    file = home / "node.toml"
    file.write_text(file.read_text().replace(f"folder://{home / 'drop'}", "source://127.0.0.1:1"))
    for command in ("build", "status"):
        ran = liaison("index", command, "--home", home)
        assert ran.code == 0
        assert "its index is kept where the source runs" in ran.out
    assert "th.police.drop: left over" in ran.out


def test_no_index_is_built_for_a_source_that_the_mapping_is_not_of(liaison: Liaison, home: Path) -> None:
    settings = home / "node.toml"
    settings.write_text(settings.read_text().replace("th.police.drop", "th.police.dorp"))
    ran = liaison("index", "build", "--home", home)
    assert ran.code == 1
    assert "the mapping has the id `th.police.drop`, and the settings `th.police.dorp`" in ran.err
    assert not list((home / "index").glob("th.police.dorp*"))
