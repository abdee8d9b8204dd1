"""An auditor at a running node: the entry comes first, and who has no key of an appointed auditor sees nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.clock import SystemClock
from gateway.demo.federation import Federation, open_federation
from tests.support.cli import Liaison

REASON = ("--reason", "complaint 7/2026")


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    founded = open_federation(tmp_path_factory.mktemp("auditor") / "fed", SystemClock())
    try:
        founded.start("th")
        yield founded
    finally:
        founded.stop(*founded.processes)


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


def appointed(liaison: Liaison, federation: Federation, name: str, *scope: str) -> Path:
    """The key of an auditor whom `th` appoints."""
    folder = federation.folder / "auditors"
    if not (folder / f"{name}.key").exists():
        assert liaison("audit", "key", "--out", folder, "--name", name).code == 0
    ran = liaison(
        "audit", "appoint", "--home", federation.home("th"), "--authority", federation.authority("th"),
        "--auditor", name, "--key", folder / f"{name}.pub", "--by", "the auditor general",
        "--out", folder / f"{name}.json", *scope, "--json",
    )  # fmt: skip
    assert ran.code == 0, ran.err
    assert ran.value["in_force"]
    return folder / f"{name}.key"


def kinds(liaison: Liaison, federation: Federation) -> list[str]:
    shown = liaison("audit", "show", "--home", federation.home("th"), "--log", "operations", "--json").value
    return [entry["kind"] for entry in reversed(shown["entries"])]


def test_g19_the_entry_of_an_opening_stands_before_what_is_opened(liaison: Liaison, federation: Federation) -> None:
    key = appointed(liaison, federation, "th.auditor.1")
    home = ("--home", federation.home("th"))
    ran = liaison("audit", "open", *home, "--log", "operations", "--entry", "0", "--key", key, *REASON, "--json")
    assert ran.code == 0, ran.err
    assert ran.value["entries"][0]["kind"] == "start"
    at = ran.value["entry"]["index"]
    own = liaison("audit", "open", *home, "--log", "operations", "--entry", str(at), "--key", key, *REASON, "--json")
    private = own.value["entries"][0]["private"]
    assert (private["auditor"], private["appointed_by"]) == ("th.auditor.1", "the auditor general")
    assert (private["reason"], private["detail"]["entries"]) == (REASON[1], [0])
    assert liaison("audit", "verify", *home).code == 0


def test_duty_l12_a_running_node_writes_the_entry_of_a_search_without_a_mandate(
    liaison: Liaison, federation: Federation
) -> None:
    before = len(kinds(liaison, federation))
    home = ("--home", federation.home("th"))
    ran = liaison("audit", "find", *home, "--log", "operations", "--kind", "start", "--reason", "who started it")
    assert ran.code == 0, ran.err
    assert "start" in ran.out
    assert "looked-up" in kinds(liaison, federation)[before:]
    assert liaison("audit", "verify", *home).code == 0


def test_l6_who_has_no_key_of_an_auditor_opens_nothing(liaison: Liaison, federation: Federation) -> None:
    before = kinds(liaison, federation).count("inspection-refused")
    home = federation.home("th")
    for name in ("statement", "log"):
        key = home / "keys" / f"{name}.key"
        ran = liaison("audit", "open", "--home", home, "--log", "operations", "--entry", "0", "--key", key, *REASON)
        assert ran.code == 1
        assert "appointed" in ran.err
        assert "version" not in ran.out
    assert (
        liaison("audit", "export", "--home", home, "--out", federation.folder / "no", "--key", key, *REASON).code == 1
    )
    assert not (federation.folder / "no").exists()
    assert kinds(liaison, federation).count("inspection-refused") == before  # it is told before anything is handed in


def test_what_is_outside_the_scope_is_refused_and_that_is_an_entry(liaison: Liaison, federation: Federation) -> None:
    key = appointed(liaison, federation, "th.auditor.2", "--counterpart", "vn")
    home = ("--home", federation.home("th"), "--log", "operations")
    before = kinds(liaison, federation).count("inspection-refused")
    ran = liaison("audit", "open", *home, "--entry", "0", "--key", key, *REASON)
    assert ran.code == 1
    assert "outside the scope" in ran.err
    assert kinds(liaison, federation).count("inspection-refused") == before + 1


def test_a_later_appointment_takes_the_place_of_the_one_before(liaison: Liaison, federation: Federation) -> None:
    key = appointed(liaison, federation, "th.auditor.3")
    home = ("--home", federation.home("th"), "--log", "operations", "--entry", "0", "--key", key, *REASON)
    assert liaison("audit", "open", *home).code == 0
    appointed(liaison, federation, "th.auditor.3", "--counterpart", "vn", "--days", "1")
    listed = liaison("audit", "auditors", "--home", federation.home("th"), "--json").value["auditors"]
    mine = [item for item in listed if item["auditor"] == "th.auditor.3"]
    assert [item["in_force"] for item in mine] == [True, False]
    assert "outside the scope" in liaison("audit", "open", *home).err
