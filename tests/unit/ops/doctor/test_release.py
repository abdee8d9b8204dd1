"""Doctor and `adapter check` tell who gets each record type, and of which type no one gets a field."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import adapters
from adapters.mapping.file import load_mapping
from gateway.clock import SystemClock
from gateway.ops.doctor.doctor import examine
from gateway.ops.finding import Finding, Severity
from tests.support.cli import Liaison, copy_federation
from tests.support.policies import NATIONAL

MAPPING = Path(adapters.__file__).parent / "mappings" / "th_police.toml"
HIDDEN = '\n@id("th-none")\nforbid (principal, action == Action::"release", resource == RecordType::"Vehicle");\n'


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture
def home(liaison: Liaison, tmp_path: Path) -> Path:
    """A home of `th` with one source of the police, and its own national policy in `policy`."""
    copy_federation(liaison, tmp_path)
    home = tmp_path / "th"
    shutil.copytree(NATIONAL / "th", home / "policy")
    shutil.copy(MAPPING, home / "police.toml")
    settings = home / "node.toml"
    text = settings.read_text().replace('# national = ""', f'national = "{home / "policy"}"')
    source = f'\n[[source]]\nid = "{load_mapping(MAPPING).id}"\nagency = "police"\nmapping = "police.toml"\n'
    settings.write_text(f'{text}{source}url = "sqlite:///{home / "police.sqlite"}"\n')
    return home


def release(home: Path) -> list[Finding]:
    return [finding for finding in examine(home, SystemClock()) if finding.check == "release"]


@pytest.mark.long
def test_doctor_tells_who_gets_each_type_and_by_which_rule(home: Path) -> None:
    found = {finding.text.partition(" ")[0]: finding for finding in release(home)}
    assert set(found) == {"Person", "TravelDocument", "Vehicle"}
    assert {finding.severity for finding in found.values()} == {Severity.GOOD}
    person = found["Person"].text
    assert "under gms-border-2026 to kh, vn for BORDER_CHECK" in person
    assert "by national/th-person" in person


@pytest.mark.long
def test_doctor_warns_of_a_type_that_nobody_can_get_and_does_not_say_that_all_is_well(
    liaison: Liaison, home: Path
) -> None:
    with (home / "policy" / "records.cedar").open("a") as file:
        file.write(HIDDEN)
    (warned,) = [finding for finding in release(home) if finding.severity is Severity.WARN]
    assert "Vehicle of `" in warned.text
    assert "nobody can get a field of it: denied: by national/th-none" in warned.text
    assert 'RecordType::"Vehicle"' in warned.remedy
    ran = liaison("doctor", "--home", home)
    assert "nobody can get a field of it" in ran.out
    assert "nothing stands in the way" not in ran.out


@pytest.mark.long
def test_a_policy_or_a_mapping_that_does_not_load_is_told_once(home: Path) -> None:
    (home / "police.toml").write_text("[source]\n")
    assert release(home) == []
    (home / "policy" / "wrong.cedar").write_text("permit (")
    assert release(home) == []


@pytest.mark.long
def test_adapter_check_tells_it_by_a_folder_and_by_a_home(liaison: Liaison, home: Path, tmp_path: Path) -> None:
    for place in (("--policy", home / "policy"), ("--home", home)):
        ran = liaison("adapter", "check", MAPPING, *place)
        assert ran.code == 0, ran.err
        assert "Person of `police` leaves" in ran.out
        assert "to kh, vn for BORDER_CHECK, CUSTOMS_CONTROL, with a ticket" in ran.out
        assert "under gms-border-2026, by national/th-person" in ran.out
    with (home / "policy" / "records.cedar").open("a") as file:
        file.write(HIDDEN)
    ran = liaison("adapter", "check", MAPPING, "--policy", home / "policy")
    assert (ran.code, "nobody can get a field of Vehicle: denied: by national/th-none" in ran.out) == (0, True)
    value = liaison("adapter", "check", MAPPING, "--policy", home / "policy", "--json").value
    assert {one["record_type"] for one in value["leaves"] if not one["ways"]} == {"Vehicle"}
    assert "who gets these records was not asked: give --home or --policy" in liaison("adapter", "check", MAPPING).out
    vn = liaison("adapter", "check", MAPPING, "--policy", NATIONAL / "vn")
    assert vn.code == 2
    assert "is the policy of `vn`, not of `th`" in vn.err
    assert liaison("adapter", "check", MAPPING, "--home", tmp_path / "vn").code == 2
