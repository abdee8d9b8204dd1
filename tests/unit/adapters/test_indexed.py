"""The key index: what is live is found, marked and scored without a fetch; what is stale or damaged is built anew."""

from __future__ import annotations

import shutil
import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.base import MAX_CANDIDATES, Adapter, best
from adapters.check.conformance import Expectation, check_adapter
from adapters.index import make
from adapters.index.lookup import MAX_EXACT
from adapters.index.rows import decode_marking, encode_marking
from adapters.indexed import IndexedSource
from adapters.load import Place, open_source
from adapters.mapping.file import read_mapping
from gateway.clock import ManualClock, SystemClock
from gateway.errors import Misconfigured, TimedOut, Unavailable, Unknown
from gateway.model import forms
from gateway.model.hit import Candidate, Match, Quality
from gateway.model.marking import Caveat, Level, Marking, SubjectCategory
from gateway.model.query import ContainerQuery, DocumentQuery, PersonQuery, VehicleQuery
from gateway.model.values import NameForm, PartialDate
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(NOON)


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


@pytest.fixture
def source(files: SmallSource, clock: ManualClock) -> IndexedSource:
    return files.open(clock)


def later(clock: ManualClock) -> float:
    return clock.monotonic() + 3


def found(source: Adapter, clock: ManualClock, number: str, issuer: str = "") -> list[Candidate]:
    return list(source.search(DocumentQuery(number, issuer), later(clock)).candidates)


def test_the_small_source_keeps_the_contract(files: SmallSource) -> None:
    clock = SystemClock()
    source = files.open(clock)
    expectation = Expectation(
        found=[
            DocumentQuery("aa-1234567"),
            PersonQuery((NameForm("Somchai Jaidee"),), PartialDate("1962-01-17")),
            VehicleQuery("กข1234"),
        ],
        not_found=[DocumentQuery("ZZ0000001"), VehicleQuery("กก 1"), ContainerQuery("TGHU1234567")],
    )
    assert check_adapter(source, clock, expectation) == []


def test_a_document_is_found_however_it_is_typed(source: Adapter, clock: ManualClock) -> None:
    for number in ("AA1234567", "aa 1234567", "AA-12 34567"):
        (candidate,) = found(source, clock, number)
        assert (candidate.key, candidate.record_type) == ("1", "Person")
        assert candidate.match.quality is Quality.EXACT_ID


def test_a_number_is_found_in_every_form_of_its_scheme(files: SmallSource, clock: ManualClock) -> None:
    numbers = {1: "၁၂/လမတ(နိုင်)၁၂၃၄၅၆", 2: "12/LaMaTa(E)123456", 4: "110105491231002"}
    with sqlite3.connect(files.database) as database:
        for person, number in numbers.items():
            database.execute("INSERT INTO papers (person, number, issuer) VALUES (?, ?, '')", (person, number))
    source = files.open(clock)
    for asked, key in (("12/LAMATA(N)123456", "1"), ("12/လမတ(ဧည့်)၁၂၃၄၅၆", "2"), ("11010519491231002x", "4")):
        (candidate,) = found(source, clock, asked)
        assert candidate.key == key
        assert source.fetch(candidate.key, "Person", later(clock)).record_type == "Person"


def test_other_normal_forms_of_numbers_make_another_index(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = make._rules_digest.__wrapped__()
    changed = shutil.copytree(forms.__path__[0], tmp_path / "forms")
    (changed / "nrc_townships.tsv").write_text("1\tကကက\tKAKAKA\tNew\n", encoding="utf-8")
    monkeypatch.setattr(forms, "__path__", [str(changed)])
    assert make._rules_digest.__wrapped__() != before


def test_a_known_other_issuer_is_another_document(source: Adapter, clock: ManualClock) -> None:
    assert found(source, clock, "B1112223", "VNM")[0].match.score > found(source, clock, "B1112223")[0].match.score
    assert found(source, clock, "B1112223", "KHM") == []


def test_a_thai_plate_is_unique_only_with_its_province(source: Adapter, clock: ManualClock) -> None:
    both = source.search(VehicleQuery("กข 1234"), later(clock)).candidates
    one = source.search(VehicleQuery("กข 1234", "ตราด"), later(clock)).candidates
    assert {candidate.key for candidate in both} == {"1", "2"}
    assert [candidate.key for candidate in one] == ["2"]
    latin = source.search(VehicleQuery("กข 1234", "Trat"), later(clock)).candidates
    assert len(latin) == 2, "a province in another script rules nothing out"


def test_a_person_is_found_by_name_in_either_script(source: Adapter, clock: ManualClock) -> None:
    for name in ("สมชาย ใจดี", "Jaidee Somchai"):
        result = source.search(PersonQuery((NameForm(name),), PartialDate("1962-01-17")), later(clock))
        assert [candidate.key for candidate in result.candidates] == ["1"]


def test_soft_deleted_rows_are_neither_found_nor_fetched(source: Adapter, clock: ManualClock) -> None:
    assert found(source, clock, "N0000001") == []
    with pytest.raises(Unknown):
        source.fetch("3", "Person", later(clock))


def test_a_row_past_its_last_day_is_as_good_as_deleted(source: Adapter, clock: ManualClock) -> None:
    assert found(source, clock, "P5556667")
    clock.advance(timedelta(days=5 * 365))
    source.refresh()
    assert found(source, clock, "P5556667") == []
    with pytest.raises(Unknown):
        source.fetch("4", "Person", later(clock))


def test_what_cannot_be_read_is_left_out_and_counted_with_its_reason(source: Adapter) -> None:
    assert source.left_out["Person"] == {"Person.birth: not a date of the Buddhist era": 1}


def test_hiding_is_known_from_the_index_before_anything_is_fetched(source: Adapter, clock: ManualClock) -> None:
    (from_vn,) = found(source, clock, "B1112223")
    assert from_vn.marking.hidden_from("vn")
    assert not from_vn.marking.hidden_from("kh")
    assert from_vn.marking.level is Level.RESTRICTED
    assert from_vn.category is SubjectCategory.WANTED
    (from_all,) = found(source, clock, "P5556667")
    assert Caveat.HIDDEN_FOR_OPERATION in from_all.marking.caveats
    assert from_all.marking.releasable_to == {"kh"}


def test_search_touches_the_index_only(files: SmallSource, source: Adapter, clock: ManualClock) -> None:
    files.database.unlink()
    assert found(source, clock, "AA1234567")


def test_a_fetched_record_has_the_fields_of_the_mapping(source: Adapter, clock: ManualClock) -> None:
    record = source.fetch("1", "Person", later(clock))
    assert record.owner == "th.police"
    assert record.fields == {
        "names": [
            {"text": "สมชาย ใจดี", "script": "Thai", "lang": "th"},
            {"text": "SOMCHAI JAIDEE", "script": "Latn"},
        ],
        "birth": {"value": "1962-01-17", "calendar": "BE", "original": "17/01/2505"},
        "sex": "M",
        "nationalities": ["THA"],
        "documents": [{"number": "AA 1234567", "issuer": "THA"}, {"number": "AA7654321", "issuer": "THA"}],
    }


def test_a_deadline_in_the_past_ends_search_and_fetch(source: Adapter, clock: ManualClock) -> None:
    with pytest.raises(TimedOut):
        source.search(DocumentQuery("AA1234567"), clock.monotonic())
    with pytest.raises(TimedOut):
        source.fetch("1", "Person", clock.monotonic())


# ---------------------------------------------------------------- building


@pytest.mark.long
def test_the_index_is_built_once_and_again_when_rows_or_mapping_change(files: SmallSource, clock: ManualClock) -> None:
    files.open(clock).close()
    index = files.folder / "index" / "th.police.small.v4.sqlite"
    first = index.stat().st_ino
    files.open(clock).close()
    assert index.stat().st_ino == first
    files.execute("INSERT INTO papers VALUES (6, 1, 'NEW123456', 'THA')")
    source = files.open(clock)
    assert found(source, clock, "NEW123456")
    files.mapping.write_text(
        MAPPING.replace('releasable_to = ["vn", "kh"]', 'releasable_to = ["kh"]'), encoding="utf-8"
    )
    assert found(files.open(clock), clock, "AA1234567")[0].marking.releasable_to == {"kh"}


def test_a_running_source_is_refreshed_in_place(files: SmallSource, source: Adapter, clock: ManualClock) -> None:
    assert not source.refresh()
    files.execute("INSERT INTO papers VALUES (6, 1, 'NEW123456', 'THA')")
    assert found(source, clock, "NEW123456") == []
    assert source.refresh()
    assert found(source, clock, "NEW123456")


def test_a_changed_row_is_noticed_where_the_mapping_names_the_column(tmp_path: Path, clock: ManualClock) -> None:
    mapping = MAPPING.replace('key = "id"\nlive', 'key = "id"\nchanged = "updated"\nlive')
    files = small_source(tmp_path, mapping, TABLES + "ALTER TABLE persons ADD COLUMN updated INTEGER;")
    source = files.open(clock)
    files.execute("UPDATE persons SET hidden = 'vn', updated = 20261124 WHERE id = 1")
    assert source.refresh()
    assert found(source, clock, "AA1234567")[0].marking.hidden_from("vn")


@pytest.mark.parametrize("damage", [b"", b"not a database at all", b"SQLite format 3\x00" + b"\xff" * 4096])
def test_a_damaged_index_is_built_anew(files: SmallSource, clock: ManualClock, damage: bytes) -> None:
    files.open(clock).close()
    (files.folder / "index" / "th.police.small.v4.sqlite").write_bytes(damage)
    assert found(files.open(clock), clock, "AA1234567")


def test_an_index_that_cannot_be_built_leaves_the_old_one(files: SmallSource, source: Adapter) -> None:
    index = files.folder / "index" / "th.police.small.v4.sqlite"
    before = index.read_bytes()
    files.execute("INSERT INTO papers VALUES (6, 1, 'NEW123456', 'THA')", "ALTER TABLE persons RENAME TO people")
    with pytest.raises(Unavailable):
        source.refresh()
    assert index.read_bytes() == before
    assert not index.with_suffix(".new").exists()


def test_an_index_folder_that_cannot_be_written_is_unavailable(files: SmallSource, clock: ManualClock) -> None:
    (files.folder / "index").write_text("in the way")
    with pytest.raises(Unavailable, match="key index"):
        files.open(clock)


def test_only_the_owner_may_read_the_index(files: SmallSource, source: Adapter) -> None:
    index = files.folder / "index" / "th.police.small.v4.sqlite"
    assert stat.S_IMODE(index.stat().st_mode) == 0o600


def test_the_index_holds_keys_and_features_but_no_field_that_only_a_fetch_gives(
    files: SmallSource, source: Adapter
) -> None:
    index = sqlite3.connect(files.folder / "index" / "th.police.small.v4.sqlite")
    tables = {name for (name,) in index.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert tables == {"meta", "classes", "records", "keys", "dead"}
    assert "AA 1234567" not in str(index.execute("SELECT * FROM records").fetchall())
    index.close()


def test_health_is_empty_until_the_database_cannot_be_asked(
    files: SmallSource, source: Adapter, clock: ManualClock
) -> None:
    assert source.health() == ""
    files.execute("ALTER TABLE cars RENAME TO wagons")
    assert source.health() == "the source cannot be read"


def test_progress_is_told_for_each_record_type(files: SmallSource, clock: ManualClock) -> None:
    told: list[tuple[str, int, int]] = []
    open_source(Place(files.mapping, files.url, files.folder / "i", clock, progress=lambda *step: told.append(step)))
    assert told == [("Person", 5, 5), ("Vehicle", 3, 3)]


@pytest.mark.long
def test_several_threads_search_and_fetch_at_once(source: Adapter, clock: ManualClock) -> None:
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(50):
                assert found(source, clock, "AA1234567")
                assert source.fetch("1", "Person", later(clock)).key == "1"
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


# ---------------------------------------------------------------- joins without an index, limits, markings


def test_joined_rows_without_an_index_are_found_through_the_key_index(
    source: IndexedSource, clock: ManualClock
) -> None:
    store = source._store
    assert store.links("Person", "1") == '{"papers":[1,2]}'
    with pytest.raises(Unknown):
        store.links("Person", "77")


def test_of_very_many_joined_rows_the_newest_are_kept(files: SmallSource, clock: ManualClock) -> None:
    rows = ",".join(f"({n}, 1, 'DOC{n:05d}', 'THA')" for n in range(100, 300))
    files.execute(f"INSERT INTO papers VALUES {rows}")
    source = files.open(clock)
    numbers = [item["number"] for item in source.fetch("1", "Person", later(clock)).fields["documents"]]
    assert numbers == [f"DOC{n:05d}" for n in range(236, 300)]


def test_a_search_is_capped_and_says_so(files: SmallSource, clock: ManualClock) -> None:
    rows = ",".join(f"({n}, 'คค 1', '', 'N')" for n in range(100, 100 + MAX_CANDIDATES + 1))
    files.execute(f"INSERT INTO cars VALUES {rows}")
    result = files.open(clock).search(VehicleQuery("คค 1"), later(clock))
    assert len(result.candidates) == MAX_CANDIDATES
    assert result.capped
    more = ",".join(f"({n}, 'จจ 1', '', 'N')" for n in range(1000, 1000 + MAX_EXACT + 10))
    files.execute(f"INSERT INTO cars VALUES {more}")
    assert files.open(clock).search(VehicleQuery("จจ 1"), later(clock)).capped


def test_the_best_candidates_come_first_and_each_record_once() -> None:
    def candidate(key: str, score: float) -> Candidate:
        return Candidate("s", key, "Person", Match(Quality.POSSIBLE, score), Marking())

    result = best([candidate("1", 0.5), candidate("2", 0.9), candidate("1", 0.7)], cap=2)
    assert [(found.key, found.match.score) for found in result.candidates] == [("2", 0.9), ("1", 0.7)]
    assert not result.capped
    assert best([candidate("1", 0.5), candidate("2", 0.9)], cap=1).capped


def test_a_marking_rule_only_ever_tightens() -> None:
    mapping = read_mapping("small.toml", MAPPING.encode())
    base = Marking(level=Level.RESTRICTED, releasable_to=frozenset({"vn"}), withhold_from=frozenset({"la"}))
    for rule in mapping.records["Person"].markings:
        made = rule.tighten(base)
        assert made.level is Level.RESTRICTED
        assert made.releasable_to <= base.releasable_to
        assert made.withhold_from >= base.withhold_from
        assert made.caveats >= base.caveats
        assert decode_marking(encode_marking(made)) == made


def test_an_unknown_value_in_a_stored_marking_is_refused() -> None:
    text = encode_marking(Marking()).replace("OFFICIAL", "PUBLIC")
    with pytest.raises(Misconfigured):
        decode_marking(text)


def test_the_database_cannot_be_written_through_a_source(files: SmallSource, clock: ManualClock) -> None:
    from adapters.sql.connection.connect import Connection, read_only_engine

    connection = Connection(read_only_engine(files.url), clock)
    connection.deadline = later(clock)
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        connection.cursor.execute("DELETE FROM persons")
    connection.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "nonsense", "oracle9://x"])
def test_an_address_that_is_none_is_misconfigured(tmp_path: Path, clock: ManualClock, url: str) -> None:
    files = small_source(tmp_path)
    with pytest.raises(Misconfigured):
        open_source(Place(files.mapping, url, tmp_path / "index", clock))


def test_a_database_that_is_not_there_is_unavailable_and_is_not_created(tmp_path: Path, clock: ManualClock) -> None:
    files = small_source(tmp_path)
    missing = tmp_path / "missing.sqlite"
    with pytest.raises(Unavailable):
        open_source(Place(files.mapping, f"sqlite:///{missing}", tmp_path / "index", clock))
    assert not missing.exists()
