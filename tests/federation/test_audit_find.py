"""`liaison audit find` as its users have it: at home without and with a mandate, on an export, and complete."""

from __future__ import annotations

import getpass
import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.log.log import AuditLog
from gateway.clock import SystemClock
from gateway.config import load_settings
from gateway.signing.keys import load_signing_key
from gateway.storage.database.engine import open_database
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.bench.questions import Questions
from tests.support.cli import Liaison, copy_federation
from tests.support.questions import AGREEMENTS, CODES, NAMES, NUMBERS, OFFICERS, POOLS, REFERENCES
from tests.support.tables import table

COUNT = 1_100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("finding")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str], folder: Path) -> Liaison:
    """A federation of two, a log of some thousand entries in one home, an auditor, and an export for them."""
    liaison = Liaison(capsys)
    if not (folder / "th").exists():
        copy_federation(liaison, folder, ("th", "vn"))
        _fill(folder / "th")
        auditor = ("--auditor", "th.auditor.1", "--key", folder / "keys" / "th.auditor.1.pub", "--by", "the court")
        authority = ("--authority", folder / "th-authority")
        narrow = ("--auditor", "th.auditor.2", "--key", folder / "keys" / "th.auditor.2.pub", "--by", "the court")
        _good(liaison, "audit", "key", "--out", folder / "keys", "--name", "th.auditor.1")
        _good(liaison, "audit", "key", "--out", folder / "keys", "--name", "th.auditor.2")
        home = ("--home", folder / "th")
        _good(liaison, "audit", "appoint", *home, *authority, *auditor, "--out", folder / "one.json")
        _good(
            liaison, "audit", "appoint", *home, *authority, *narrow, "--counterpart", "vn", "--out", folder / "2.json"
        )
        _good(liaison, "audit", "export", *home, *_key(folder), "--out", folder / "export")
    return liaison


def _fill(home: Path) -> None:
    database = open_database(load_settings(home).database_file)
    store, keys = SqlLogStore(database), KeyStore(home / "keystore")
    questions, clock = Questions(POOLS, 5), SystemClock()
    for name in ("exchange", "operations"):
        key = load_signing_key(home / "keys" / "log.key")
        log = AuditLog(store, keys, key, clock, "th", name, highwater=home / "highwater")
        if name == "exchange":
            log.append([draft for _ in range(COUNT) for draft in questions.exchange(clock.now_us())])
        else:
            log.append([questions.denied() for _ in range(20)])
        log.close()
    database.close()


def _good(liaison: Liaison, *arguments: str | Path) -> None:
    ran = liaison(*arguments)
    assert ran.code == 0, ran.err


def _key(folder: Path, number: int = 1) -> tuple[str | Path, ...]:
    return "--key", folder / "keys" / f"th.auditor.{number}.key", "--reason", "complaint 7/2026"


def _find(liaison: Liaison, *arguments: str | Path) -> Any:
    ran = liaison("audit", "find", *arguments, "--json")
    assert ran.code == 0, ran.err
    return ran.value


def _places(value: Any) -> Iterator[tuple[str, int]]:
    return ((entry["log"], entry["index"]) for entry in value["entries"])


def test_what_an_officer_did_is_found_without_showing_content(liaison: Liaison, folder: Path) -> None:
    found = _find(liaison, "--home", folder / "th", "--officer", OFFICERS[0], "--limit", "10")
    assert found["count"] > 100
    assert len(found["entries"]) == 10
    assert found["more"]
    assert all("private" not in entry for entry in found["entries"])
    assert not any(value in json.dumps(found["entries"]) for value in (*OFFICERS, *NAMES, *NUMBERS, *AGREEMENTS))


def test_refusals_are_counted_by_reason(liaison: Liaison, folder: Path) -> None:
    found = _find(liaison, "--home", folder / "th", "--refused")
    assert set(found["reasons"]) == set(CODES)
    assert sum(found["reasons"].values()) == found["count"]
    assert _find(liaison, "--home", folder / "th", "--refused", "quota")["count"] == found["reasons"]["quota"]


@pytest.mark.parametrize(
    "wanted",
    [("--name", NAMES[0]), ("--number", NUMBERS[0]), ("--record", REFERENCES[0])],
    ids=["name", "number", "record"],
)
def test_a_search_about_a_person_or_record_needs_a_mandate(
    liaison: Liaison, folder: Path, wanted: tuple[str, str]
) -> None:
    ran = liaison("audit", "find", "--home", folder / "th", *wanted)
    assert (ran.code, ran.out) == (2, "")
    assert "appointed auditor" in ran.err
    stranger = folder / "vn" / "keys" / "log.key"
    ran = liaison("audit", "find", "--home", folder / "th", *wanted, "--key", stranger, "--reason", "curious")
    assert ran.code == 1
    assert "exchange/1" not in ran.out


def test_duty_l12_the_search_is_an_entry_before_it_shows_anything(liaison: Liaison, folder: Path) -> None:
    found = _find(liaison, "--home", folder / "th", "--name", NAMES[1], "--born", "1984", *_key(folder))
    assert found["count"] > 20
    assert all(entry["private"] for entry in found["entries"])
    searched = ("--home", folder / "th", "--log", "operations", "--kind", "searched", "--json")
    assert liaison("audit", "show", *searched).value["entries"][0]["private"] == {}
    newest = liaison("audit", "show", *searched, *_key(folder)).value["entries"][1]
    assert newest["index"] == found["entry"]["index"]
    assert newest["private"]["auditor"] == "th.auditor.1"
    assert newest["private"]["reason"] == "complaint 7/2026"
    assert newest["private"]["detail"] == {"names": [NAMES[1]], "born": "1984"}


def test_duty_l12_a_search_without_a_mandate_is_an_entry_too(liaison: Liaison, folder: Path) -> None:
    asked = ("--officer", OFFICERS[1], "--reason", "monthly review")
    found = _find(liaison, "--home", folder / "th", *asked, "--limit", "1")
    assert found["entry"]["log"] == "operations/1"
    looked = ("--home", folder / "th", "--log", "operations", "--kind", "looked-up", "--json")
    public = liaison("audit", "show", *looked).value["entries"][0]
    assert (public["index"], public["private"]) == (found["entry"]["index"], {})  # it names whom was asked about
    entries = liaison("audit", "show", *looked, *_key(folder)).value["entries"]
    newest = next(entry["private"] for entry in entries if entry["index"] == found["entry"]["index"])
    assert newest["looked_for"] == {"officer": OFFICERS[1]}
    assert newest["reason"] == "monthly review"
    assert newest["account"] == getpass.getuser()


@pytest.mark.parametrize(
    "wanted",
    [("--officer", OFFICERS[1]), ("--case", "C-no-such"), ("--outcome", "hit")],
    ids=["officer", "case", "outcome"],
)
def test_duty_l12_show_by_what_private_parts_say_is_an_entry_too(
    liaison: Liaison, folder: Path, wanted: tuple[str, str]
) -> None:
    home = ("--home", folder / "th")
    assert liaison("audit", "show", *home, *wanted, "--peer", "vn", "--reason", "review").code == 0
    looked = (*home, "--log", "operations", "--kind", "looked-up", "--json", *_key(folder))
    newest = liaison("audit", "show", *looked).value["entries"][0]["private"]
    assert newest["looked_for"] == {"log": "exchange", wanted[0].removeprefix("--"): wanted[1], "peer": "vn"}
    assert (newest["reason"], newest["account"]) == ("review", getpass.getuser())


def test_duty_l12_show_by_public_parts_alone_writes_nothing(liaison: Liaison, folder: Path) -> None:
    looked = ("audit", "show", "--home", folder / "th", "--log", "operations", "--kind", "looked-up", "--json")
    before = liaison(*looked).value["entries"]
    assert liaison("audit", "show", "--home", folder / "th", "--peer", "vn", "--kind", "asked").code == 0
    assert liaison(*looked).value["entries"] == before
    assert liaison("audit", "show", "--home", folder / "th", "--peer", "vn", "--reason", "review").code == 2


def test_show_finds_by_private_parts_only_what_the_mandate_opens(liaison: Liaison, folder: Path) -> None:
    everything = ("audit", "show", "--home", folder / "th", "--limit", "100000", "--json")
    closed = liaison(*everything, *_key(folder, 2)).value["entries"]
    assert {entry["peer"] for entry in closed if entry["closed"]} == {"kh"}
    for wanted in (("--officer", OFFICERS[1]), ("--outcome", "hit")):
        all_of_them = liaison(*everything, *wanted, *_key(folder)).value["entries"]
        found = liaison(*everything, *wanted, *_key(folder, 2)).value["entries"]
        assert found == [entry for entry in all_of_them if entry["peer"] == "vn"]
        assert 0 < len(found) < len(all_of_them)


def test_names_in_another_script_and_numbers_find_the_same_person(liaison: Liaison, folder: Path) -> None:
    home = ("--home", folder / "th", *_key(folder), "--limit", "5000")
    thai, latin = (set(_places(_find(liaison, *home, "--name", name))) for name in NAMES[:2])
    assert thai == latin
    number = set(_places(_find(liaison, *home, "--number", "ab 1234567")))
    assert set(_places(_find(liaison, *home, "--name", NAMES[0], "--number", NUMBERS[0]))) == thai | number
    assert number
    assert not number & thai


@table(
    ("wanted", "said"),
    [
        (("--refused", "qouta"), "did you mean `quota`? known: "),
        (("--kind", "answred"), "did you mean `answered`?"),
        (("--outcome", "refusd"), "did you mean `refused`?"),
        (("--purpose", "investigation"), "did you mean `INVESTIGATION`?"),
        (("--refused", "permission-denied"), "did you mean `PERMISSION_DENIED`?"),
        (("--peer", "zz"), "no member of the charter, and no entry has it; known: th, vn"),
        (("--peer", "vn", "--peer", ""), "--peer `` is no member of the charter"),
        (("--peer", "vnn", "--officer", OFFICERS[0]), "did you mean `vn`?"),
    ],
)
def test_a_reason_or_a_counterpart_that_does_not_exist_is_wrong_usage(
    liaison: Liaison, folder: Path, wanted: tuple[str, ...], said: str
) -> None:
    for place in (("--home", folder / "th"), ("--home", folder / "th", *_key(folder)), ("--export", folder / "export")):
        ran = liaison("audit", "find", *place, *wanted)
        assert (ran.code, ran.out) == (2, "")
        assert said in " ".join(ran.err.split())


def test_what_is_known_or_stands_in_the_log_is_searched_also_where_nothing_is_found(
    liaison: Liaison, folder: Path
) -> None:
    """`no-agreement` is no code of this version, and `kh` no member: of a newer counterpart, and one that has left."""
    home = ("--home", folder / "th")
    assert _find(liaison, *home, "--refused", "no-agreement")["count"] > 10
    assert _find(liaison, *home, "--refused", "no-agreement", "--until", "2020-01-01")["count"] == 0
    assert _find(liaison, *home, "--refused", "suspended")["count"] == 0
    assert _find(liaison, *home, "--peer", "kh")["count"] > 100
    assert _find(liaison, *home, "--peer", "kh", "--officer", "nobody")["count"] == 0
    assert _find(liaison, *home, "--peer", "kh", *_key(folder, 2))["count"] == 0  # whose scope is vn alone


def test_a_mandate_for_one_counterpart_finds_nothing_of_the_others(liaison: Liaison, folder: Path) -> None:
    wanted = ("--home", folder / "th", "--agreement", AGREEMENTS[0], "--limit", "5000")
    everything = _find(liaison, *wanted, *_key(folder))
    narrow = _find(liaison, *wanted, *_key(folder, 2))
    assert {entry["peer"] for entry in everything["entries"]} == {"vn", "kh"}
    assert {entry["peer"] for entry in narrow["entries"]} == {"vn"}
    assert 0 < narrow["count"] < everything["count"]
    assert _find(liaison, *wanted, "--peer", "kh", *_key(folder, 2))["count"] == 0


@pytest.mark.parametrize(
    "wanted",
    [("--officer", OFFICERS[1]), ("--refused", "quota"), ("--record", REFERENCES[1]), ("--number", NUMBERS[1])],
    ids=["officer", "refused", "record", "number"],
)
def test_an_export_gives_the_same_as_the_home(liaison: Liaison, folder: Path, wanted: tuple[str, str]) -> None:
    limit = ("--limit", "5000", "--log", "exchange")
    at_home = _find(liaison, "--home", folder / "th", *wanted, *limit, *_key(folder))
    exported = _find(liaison, "--export", folder / "export", *wanted, *limit)
    assert at_home["entries"] == exported["entries"]
    assert exported["count"] > 10


def test_a_complete_search_is_the_same_and_proves_it(liaison: Liaison, folder: Path) -> None:
    wanted = ("--officer", OFFICERS[2], "--log", "exchange", "--limit", "5000")
    indexed = _find(liaison, "--home", folder / "th", *wanted)
    complete = _find(liaison, "--home", folder / "th", *wanted, "--complete")
    assert complete["entries"] == indexed["entries"]
    assert complete["complete"]["verdict"] == "proved"
    charter = ("--complete", "--charter", folder / "charter.json")
    exported = _find(liaison, "--export", folder / "export", *wanted, *charter)
    assert list(_places(exported)) == list(_places(indexed))
    assert exported["complete"]["verdict"] == "proved"
    assert liaison("audit", "find", "--export", folder / "export", *wanted, "--complete").code == 2


def test_what_an_index_leaves_out_a_complete_search_finds(liaison: Liaison, folder: Path, tmp_path: Path) -> None:
    import sqlite3

    index = tmp_path / "index"
    wanted = ("--home", folder / "th", "--officer", OFFICERS[2])
    before = _find(liaison, *wanted, "--index", index)
    with sqlite3.connect(index) as database:
        database.execute("DELETE FROM posting")
    assert _find(liaison, *wanted, "--index", index)["count"] < before["count"]
    assert _find(liaison, *wanted, "--index", index, "--complete")["count"] == before["count"]
    assert _find(liaison, *wanted, "--index", index, "--rebuild")["count"] == before["count"]


def test_an_index_with_terms_of_an_earlier_edition_is_built_anew(
    liaison: Liaison, folder: Path, tmp_path: Path
) -> None:
    import sqlite3

    index = tmp_path / "index"
    wanted = ("--home", folder / "th", "--officer", OFFICERS[2], "--index", index)
    before = _find(liaison, *wanted)
    with sqlite3.connect(index) as database:
        database.execute("DELETE FROM posting")
        database.execute("DELETE FROM meta WHERE name = 'terms'")
    assert _find(liaison, *wanted)["count"] == before["count"]


@pytest.fixture
def erased(liaison: Liaison, folder: Path, tmp_path: Path) -> Iterator[Path]:
    """The home while one of its keys is destroyed, as it never is for other tests."""
    home, kept = folder / "th", tmp_path / "keystore"
    shutil.copytree(home / "keystore", kept)
    keystore = KeyStore(home / "keystore")
    keystore.destroy(next(key_id for key_id in keystore.key_ids() if key_id.startswith("nohit/")))
    yield home
    shutil.rmtree(home / "keystore")
    shutil.copytree(kept, home / "keystore")


def test_what_is_erased_leaves_a_complete_search_open(liaison: Liaison, erased: Path, tmp_path: Path) -> None:
    wanted = ("--home", erased, "--officer", OFFICERS[0], "--index", tmp_path / "index")
    ran = liaison("audit", "find", *wanted, "--complete", "--json")
    assert ran.code in (1, 3)
    assert ran.value["closed"] > 500
    assert _find(liaison, *wanted)["closed"] == ran.value["closed"]


def test_an_export_carries_the_own_tables_of_names(liaison: Liaison, folder: Path, tmp_path: Path) -> None:
    table, out = folder / "th" / "names" / "titles.tsv", tmp_path / "export"
    table.parent.mkdir(mode=0o700)
    table.write_text("# ours\nsadet\tM\tword\n")
    names = ("match", "explain", "Sadet Somchai Jaidee", "Somchai Jaidee", "--json")
    try:
        _good(liaison, "audit", "export", "--home", folder / "th", *_key(folder), "--out", out)
        at_home = liaison(*names, "--home", folder / "th")
    finally:
        shutil.rmtree(table.parent)
    exported = liaison(*names, "--export", out)
    assert exported.value == at_home.value
    assert exported.value != liaison(*names).value
    assert "names/titles.tsv:2" in exported.out
    verify = ("audit", "verify", "--export", out, "--charter", folder / "charter.json")
    assert "names/" not in liaison(*verify).out
    assert _find(liaison, "--export", out, "--name", "Sadet Somchai Jaidee")["count"] >= 0
    (out / "names" / "titles.tsv").write_text("sadet\tF\tword\n")
    assert "`names/titles.tsv` is not the file that was exported" in liaison(*verify).out


@pytest.mark.parametrize(
    ("table", "text"), [("zawgyi", b"a\tb\n"), ("titles", b"\xff\n"), ("titles", b"a\n"), ("titles", b"a" * 300_000)]
)
def test_tables_of_an_export_that_no_home_has_are_refused(
    liaison: Liaison, folder: Path, tmp_path: Path, table: str, text: bytes
) -> None:
    out = Path(shutil.copytree(folder / "export", tmp_path / "export"))
    manifest = json.loads((out / "export.json").read_text())
    manifest["files"][f"names/{table}.tsv"] = hashlib.sha256(text).hexdigest()
    (out / "export.json").write_text(json.dumps(manifest))
    (out / "names").mkdir()
    (out / "names" / f"{table}.tsv").write_bytes(text)
    ran = liaison("match", "explain", "Somchai", "Somchai", "--export", out)
    assert ran.code == 1
    assert f"names/{table}.tsv" in ran.err
