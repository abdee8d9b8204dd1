"""A source whose settings and mapping name different owners is refused; one that no agreement names is noted."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.app.resources import check_owners
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.errors import Misconfigured
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import Severity
from tests.support.cli import Liaison
from tests.support.drop_folder import as_csv, mapping


@pytest.fixture
def home(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    folder = tmp_path / "th"
    made = Liaison(capsys)("init", "--member", "th", "--home", folder, "--authority", tmp_path / "a")
    assert made.code == 0
    (folder / "drop").mkdir()
    (folder / "drop" / "persons.csv").write_bytes(as_csv())
    return folder


def add_source(home: Path, agency: str, mapped: str, source_id: str = "") -> None:
    text = mapping("csv").replace("police", mapped)
    (home / "drop.toml").write_text(text, encoding="utf-8")
    with (home / "node.toml").open("a") as file:
        file.write(f'\n[[source]]\nid = "{source_id or f"th.{mapped}.drop"}"\nagency = "{agency}"\n')
        file.write(f'mapping = "drop.toml"\nurl = "folder://{home / "drop"}"\n')


def test_settings_and_mapping_of_one_owner_are_accepted(home: Path) -> None:
    add_source(home, "police", "police")
    check_owners(load_settings(home))


@pytest.mark.long
@pytest.mark.parametrize(
    ("agency", "source_id", "name"), [("police", "", "agency"), ("corrections", "th.police.drop", "id")]
)
def test_another_owner_in_the_mapping_is_refused_at_start_with_file_and_line(
    home: Path, agency: str, source_id: str, name: str
) -> None:
    add_source(home, agency, "corrections", source_id)
    with pytest.raises(Misconfigured) as caught:
        check_owners(load_settings(home))
    line = int(caught.value.where.rpartition(":")[2])
    assert (home / "node.toml").read_text().splitlines()[line - 1].startswith(f"{name} = ")
    found = [one.text for one in examine(home, SystemClock()) if one.severity is Severity.STOP]
    assert any(f"the mapping has the {name} " in text and "node.toml:" in text for text in found)


@pytest.mark.long
def test_an_agency_that_no_agreement_names_is_noted(home: Path) -> None:
    add_source(home, "corrections", "corrections")
    found = [one.text for one in examine(home, SystemClock()) if one.severity is Severity.WARN]
    assert "no agreement covers agency corrections: every hit will need a human" in found


@pytest.mark.long
def test_an_agency_of_an_agreement_is_not(home: Path) -> None:
    add_source(home, "police", "police")
    assert not [one for one in examine(home, SystemClock()) if "no agreement" in one.text]
