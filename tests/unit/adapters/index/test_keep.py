"""The key index is kept up: by changed rows, by differences, in one step, sealed, beside other processes."""

from __future__ import annotations

import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec import structs

from adapters.index.keep import DIFFERENCE_SECONDS
from adapters.indexed import IndexedSource, RowSource
from adapters.load import Place, open_source
from gateway.clock import ManualClock, SystemClock
from gateway.errors import Unavailable
from gateway.model.hit import SearchResult
from gateway.model.query import DocumentQuery, PersonQuery, VehicleQuery
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate
from gateway.ports.sources import NOT_FRESH
from gateway.storage.index.index_file import IndexedRecord, KeyKind, index_lock
from gateway.storage.index.index_seal import IndexSeal, load_index_secret, new_salt
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import COMMON, Births, IndexView
from gateway.storage.index.index_writer import IndexUpdate, IndexWriter
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source
from tests.support.weathered_rows import WeatheredRows

WITH_CHANGES = MAPPING.replace('key = "id"\nlive', 'key = "id"\nchanged = "updated"\nlive')
WITH_COLUMN = TABLES + "ALTER TABLE persons ADD COLUMN updated INTEGER; UPDATE persons SET updated = 1;"
SECRET = bytes(range(32))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path, WITH_CHANGES, WITH_COLUMN)


def opened(files: SmallSource, clock: ManualClock, secret: bytes | None = None) -> IndexedSource:
    source = open_source(Place(files.mapping, files.url, files.folder / "index", clock, index_secret=secret))
    assert isinstance(source, IndexedSource)
    return source


def numbers(source: IndexedSource, clock: ManualClock, number: str) -> list[str]:
    found = source.search(DocumentQuery(number), clock.monotonic() + 3).candidates
    return [candidate.key for candidate in found]


def index_of(files: SmallSource) -> Path:
    return files.folder / "index" / "th.police.small.v4.sqlite"


# ---------------------------------------------------------------- what changed is seen


def test_a_changed_row_changes_the_index_in_place(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    generation = index_of(files).resolve()
    files.execute("UPDATE persons SET hidden = 'vn', updated = 2 WHERE id = 1")
    assert source.refresh()
    (found,) = source.search(DocumentQuery("AA1234567"), clock.monotonic() + 3).candidates
    assert found.marking.hidden_from("vn")
    assert index_of(files).resolve() == generation
    assert not source.refresh()


def test_a_row_that_is_deleted_softly_is_gone_after_the_next_round(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    files.execute("UPDATE persons SET state = 'gone', updated = 2 WHERE id = 1")
    assert source.refresh()
    assert numbers(source, clock, "AA1234567") == []


def test_a_row_that_cannot_be_read_any_more_is_gone_too(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    files.execute("UPDATE persons SET born = '31/02/2505', updated = 2 WHERE id = 1")
    assert source.refresh()
    assert numbers(source, clock, "AA1234567") == []


def test_a_new_row_of_a_joined_table_makes_its_record_anew(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    files.execute("INSERT INTO papers VALUES (6, 2, 'NEW123456', 'VNM')")
    assert source.refresh()
    assert numbers(source, clock, "NEW123456") == ["2"]
    assert numbers(source, clock, "B1112223") == ["2"]


def test_a_deleted_row_is_found_missing_by_a_difference(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    files.execute("DELETE FROM persons WHERE id = 1")
    assert source.refresh()
    assert numbers(source, clock, "AA1234567") == []


def test_a_change_that_no_column_shows_is_found_by_the_scheduled_difference(
    files: SmallSource, clock: ManualClock
) -> None:
    source = opened(files, clock)
    files.execute("UPDATE papers SET number = 'ZZ9999999' WHERE id = 1")
    source.refresh()
    assert numbers(source, clock, "ZZ9999999") == []
    clock.advance(timedelta(seconds=DIFFERENCE_SECONDS))
    assert source.refresh()
    assert numbers(source, clock, "ZZ9999999") == ["1"]
    assert numbers(source, clock, "AA1234567") == []


def test_a_difference_of_nothing_writes_nothing(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    assert source.compare() == 0
    files.execute("UPDATE cars SET state = 'N'")
    assert source.compare() == 1


def test_what_was_replaced_leaves_no_key_behind(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    before = source._store.count()
    files.execute("UPDATE persons SET latin = 'OTHER NAME', updated = 2 WHERE id = 1")
    source.refresh()
    files.execute("UPDATE persons SET latin = 'SOMCHAI JAIDEE', updated = 1 WHERE id = 1")
    source.compare()
    assert source._store.count() == before


def test_counts_of_what_is_left_out_are_those_of_the_last_pass(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    assert sum(source.left_out["Person"].values()) == 1
    files.execute("UPDATE persons SET born = '07/08/2531' WHERE id = 5")
    source.compare()
    assert source.left_out["Person"] == {}


def test_of_two_rows_with_one_key_one_is_left_out_and_counted(tmp_path: Path, clock: ManualClock) -> None:
    tables = TABLES.replace("cars (id INTEGER PRIMARY KEY", "cars (id INTEGER")
    files = small_source(tmp_path, MAPPING, tables + "INSERT INTO cars VALUES (1, 'งง 77', '', 'N');")
    source = opened(files, clock)
    assert sum(reasons.get("another row has the same key", 0) for reasons in source.left_out.values()) == 1
    first = source.search(VehicleQuery("กข 1234"), clock.monotonic() + 3).candidates
    assert source.compare() == 0
    assert source.search(VehicleQuery("กข 1234"), clock.monotonic() + 3).candidates == first


# ---------------------------------------------------------------- one step, or none


def record(key: str, number: str) -> IndexedRecord:
    return IndexedRecord("Person", key, "{}", "SUBJECT", 0, "", "{}", [(KeyKind.DOCUMENT, number, "")])


def some_index(path: Path, records: int = 3, secret: bytes | None = None) -> Path:
    with IndexWriter(path, secret) as writer:
        for number in range(records):
            writer.put(record(str(number), f"D{number}"))
        writer.sort()
        writer.finish([("cursor", "old")])
    return path


def test_the_index_of_the_version_before_goes_once_a_round_was_served_from_the_new_one(
    files: SmallSource, clock: ManualClock
) -> None:
    """That version, and a way back to it, finds its own index while this one is built beside it."""
    folder = index_of(files).parent
    folder.mkdir(exist_ok=True)
    older, generation = folder / "th.police.small.sqlite", folder / "th.police.small.7.sqlite"
    other = folder / "th.police.other.sqlite"
    generation.write_bytes(b"format 3")
    for link in (older, other):
        link.symlink_to(generation.name)
    source = files.open(clock)
    assert older.read_bytes() == b"format 3"
    source.refresh()
    source.close()
    assert not older.is_symlink()
    assert not generation.exists()
    assert other.is_symlink(), "another source's stays"
    assert index_of(files).exists()


def test_searches_see_an_update_wholly_or_not_at_all(tmp_path: Path) -> None:
    store = IndexStore(some_index(tmp_path / "i.sqlite"))
    with IndexUpdate(tmp_path / "i.sqlite") as update:
        update.put(record("1", "NEW"))
        update.remove("Person", "2")
        assert IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)
        assert IndexView(store).find(KeyKind.DOCUMENT, "D2", 9)
        update.finish([("cursor", "new")])
        assert store.meta["cursor"] == "old"
    assert store.meta["cursor"] == "new"
    assert [row[1] for row in IndexView(store).find(KeyKind.DOCUMENT, "NEW", 9)] == ["1"]
    assert IndexView(store).find(KeyKind.DOCUMENT, "D1", 9) == IndexView(store).find(KeyKind.DOCUMENT, "D2", 9) == []
    store.close()


_DIES = """
import os, sys
from pathlib import Path
from tests.unit.adapters.index.test_keep import record
from gateway.storage.index.index_writer import IndexUpdate, IndexWriter
how, path = sys.argv[1], Path(sys.argv[2])
target = (IndexUpdate if how == "update" else IndexWriter)(path).__enter__()
for number in range(20_000):
    target.put(record(str(number), f"NEW{number}"))
os._exit(9)
"""


@pytest.mark.parametrize("how", ["update", "build"])
@pytest.mark.process
def test_a_process_that_dies_half_way_leaves_the_old_index(tmp_path: Path, how: str) -> None:
    path = some_index(tmp_path / "i.sqlite")
    assert subprocess.run([sys.executable, "-c", _DIES, how, str(path)], check=False).returncode == 9
    store = IndexStore(path)
    assert store.meta["cursor"] == "old"
    assert len(IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)) == 1
    assert IndexView(store).find(KeyKind.DOCUMENT, "NEW1", 9) == []
    store.close()


def test_what_a_dead_build_left_is_swept(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    index_of(files).with_suffix(".77.sqlite").write_bytes(b"half")
    source.refresh()
    assert not index_of(files).with_suffix(".77.sqlite").exists()


def test_an_error_inside_an_update_changes_nothing(tmp_path: Path) -> None:
    path = some_index(tmp_path / "i.sqlite")

    def fail() -> None:
        with IndexUpdate(path) as update:
            update.put(record("1", "NEW"))
            raise Unavailable("the source went away")

    with pytest.raises(Unavailable):
        fail()
    store = IndexStore(path)
    assert IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)
    store.close()


# ---------------------------------------------------------------- beside other processes


def test_an_index_that_another_process_built_is_turned_to(files: SmallSource, clock: ManualClock) -> None:
    node, command = opened(files, clock), opened(files, clock)
    files.execute("UPDATE papers SET number = 'ZZ9999999' WHERE id = 1")
    command.rebuild()
    assert numbers(node, clock, "ZZ9999999") == []
    node.refresh()
    assert numbers(node, clock, "ZZ9999999") == ["1"]


def test_what_is_opened_to_be_built_anew_is_read_once_and_a_build_that_fails_leaves_the_old_index(
    files: SmallSource, clock: ManualClock
) -> None:
    opened(files, clock).close()
    files.execute("UPDATE papers SET number = 'ZZ9999999' WHERE id = 1")
    place = Place(files.mapping, files.url, files.folder / "index", clock, anew=True)
    before = index_of(files).resolve()
    content, scans = before.read_bytes(), []

    def watch(source: RowSource) -> RowSource:
        scan = source.scan
        source.scan = lambda record_type: scans.append(record_type) or scan(record_type)  # type: ignore[method-assign, func-returns-value]
        return source

    def fail(source: RowSource) -> RowSource:
        source.scan = lambda record_type: iter((_ for _ in ()).throw(Unavailable("gone", code="gone")))  # type: ignore[method-assign]
        return source

    with pytest.raises(Unavailable):
        open_source(replace(place, observe=fail))
    assert index_of(files).resolve() == before
    assert before.read_bytes() == content

    source = open_source(replace(place, observe=watch))
    assert isinstance(source, IndexedSource)
    source.rebuild()
    assert scans == ["Person", "Vehicle"]
    assert numbers(source, clock, "ZZ9999999") == ["1"]


@pytest.mark.long
def test_a_search_goes_on_when_its_file_is_gone_and_another_one_is_in_place(
    files: SmallSource, clock: ManualClock
) -> None:
    node, command = opened(files, clock), opened(files, clock)
    command.rebuild()
    command.refresh()
    node._store.close()
    node._store._local.held = None
    assert numbers(node, clock, "AA1234567") == ["1"]


def test_nothing_is_done_while_another_process_is_at_it(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    files.execute("INSERT INTO papers VALUES (6, 2, 'NEW123456', 'VNM')")
    with index_lock(index_of(files), wait=False) as held:
        assert held
        assert not source.refresh()
    assert source.refresh()


def test_a_row_source_without_change_columns_is_compared_and_left_alone_for_a_while(
    tmp_path: Path,
) -> None:
    clock = _Slow(datetime(2026, 11, 24, 12, tzinfo=UTC))
    files = small_source(tmp_path)
    source = opened(files, clock)
    files.execute("DELETE FROM cars WHERE id = 3")
    assert not source.refresh(), "after a pass over all rows it rests ten times as long as that took"
    clock.advance(timedelta(seconds=300))
    assert source.refresh()


class _Slow(ManualClock):
    """Every look at it takes half a second."""

    def monotonic(self) -> float:
        self.advance(timedelta(seconds=0.5))
        return super().monotonic()


# ---------------------------------------------------------------- sealed


@pytest.fixture
def sealed(files: SmallSource, clock: ManualClock) -> Iterator[IndexedSource]:
    source = opened(files, clock, SECRET)
    yield source
    source.close()


def test_a_sealed_index_finds_the_same(files: SmallSource, sealed: IndexedSource, clock: ManualClock) -> None:
    plain = open_source(Place(files.mapping, files.url, files.folder / "plain", clock))
    for query in (
        DocumentQuery("AA1234567"),
        VehicleQuery("กข 1234"),
        PersonQuery((NameForm("Jaidee Somchai"),), PartialDate("1962-01-17")),
    ):
        assert sealed.search(query, clock.monotonic() + 3) == plain.search(query, clock.monotonic() + 3)


def test_a_sealed_index_shows_no_name_no_key_and_no_number(files: SmallSource, sealed: IndexedSource) -> None:
    content = b"".join(file.read_bytes() for file in index_of(files).parent.glob("*.sqlite*"))
    plain = files.folder / "plain"
    opened(SmallSource(plain.parent, files.database, files.mapping), ManualClock(datetime(2026, 11, 24, tzinfo=UTC)))
    for text in ("SOMCHAI", "สมชาย", "1962-01-17", "AA1234567", "WANTED", "OPHIDE", '"vn"'):
        assert text.encode() not in content


def test_no_key_stands_in_clear_in_an_open_index_either(files: SmallSource, clock: ManualClock) -> None:
    opened(files, clock)
    with sqlite3.connect(index_of(files)) as index:
        assert {type(value) for row in index.execute("SELECT * FROM keys") for value in row} == {int}
    index.close()


def test_with_another_secret_the_index_is_built_anew(files: SmallSource, sealed: IndexedSource) -> None:
    clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
    before = index_of(files).resolve()
    assert numbers(opened(files, clock, bytes(32)), clock, "AA1234567") == ["1"]
    assert index_of(files).resolve() != before
    assert numbers(opened(files, clock), clock, "AA1234567") == ["1"]


def test_a_row_that_was_changed_or_moved_is_refused(tmp_path: Path) -> None:
    path = some_index(tmp_path / "i.sqlite", secret=SECRET)
    with sqlite3.connect(path) as index:
        index.execute("UPDATE records SET body = (SELECT body FROM records WHERE id = 1) WHERE id = 2")
    index.close()
    store = IndexStore(path, SECRET)
    assert IndexView(store).find(KeyKind.DOCUMENT, "D0", 9)
    with pytest.raises(Unavailable, match="not what was written"):
        IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)
    store.close()


def test_the_secret_is_made_once_and_only_its_owner_can_read_it(tmp_path: Path) -> None:
    secret = load_index_secret(tmp_path / "keystore")
    assert load_index_secret(tmp_path / "keystore") == secret
    assert len(secret) == 32
    assert stat.S_IMODE((tmp_path / "keystore" / "index.key").stat().st_mode) == 0o600


def test_every_index_hashes_in_its_own_way() -> None:
    one, other = IndexSeal(new_salt(), SECRET), IndexSeal(new_salt(), SECRET)
    assert one.key(1, "pjd.smx") != other.key(1, "pjd.smx")
    assert one.key(1, "x") != one.key(2, "x")


# ---------------------------------------------------------------- common keys


def test_common_keys_are_read_for_the_birth_dates_that_are_asked_and_for_unknown_ones(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    with IndexWriter(path) as writer:
        for number in range(COMMON + 1):
            writer.put(person(str(number), "1970"))
        writer.put(person("in-year", "1980"))
        writer.put(person("no-year", ""))
        writer.sort()
        writer.finish([])
    store = IndexStore(path)
    rows, is_part = IndexView(store).find_names(["pngyn.vn"], 50, Births((), ("1979", "1980", "1981")))
    assert ({row[1] for row in rows}, is_part) == ({"in-year", "no-year"}, False)
    rows, is_part = IndexView(store).find_names(["pngyn.vn"], 50)
    assert (len(rows), is_part) == (50, True)
    rows, is_part = IndexView(store).find_names(["pngyn.vn", "jrare.in-year"], 50)
    assert (rows[0][1], len(rows), is_part) == ("in-year", 50, True)
    store.close()


def test_rows_that_their_birth_date_rules_out_are_left_unread(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    births = {
        "same": "1980-02-03",
        "month": "1980-02",
        "year": "1980",
        "none": "",
        "other": "1980-02-04",
        "old": "1950",
    }
    with IndexWriter(path) as writer:
        for key, birth in births.items():
            writer.put(person(key, birth))
        writer.sort()
        writer.finish([])
    store = IndexStore(path)
    asked = Births(("1980-02-03", "1980-02", "1980"), ())
    rows, _ = IndexView(store).find_names(["pngyn.vn"], 50, asked, only=True)
    assert {row[1] for row in rows} == {"same", "month", "year", "none"}
    rows, _ = IndexView(store).find_names(["pngyn.vn"], 50, Births((), ("1980",)), only=True)
    assert {row[1] for row in rows} == {"same", "month", "year", "none", "other"}
    rows, _ = IndexView(store).find_names(["pngyn.vn"], 50, asked)
    assert {row[1] for row in rows} == set(births)
    store.close()


def test_of_a_common_name_rows_without_a_birth_date_do_not_crowd_out_the_others(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    with IndexWriter(path) as writer:
        for number in range(COMMON + 1):
            writer.put(person(str(number), ""))
        writer.put(person("born", "1980-02-03"))
        writer.sort()
        writer.finish([])
    store = IndexStore(path)
    rows, _ = IndexView(store).find_names(["pngyn.vn", "jrare.born"], 1, Births(("1980-02-03",), ()), only=True)
    assert [row[1] for row in rows] == ["born"]
    store.close()


def person(key: str, birth: str) -> IndexedRecord:
    keys = [(KeyKind.NAME, "pngyn.vn", birth), (KeyKind.NAME, f"jrare.{key}", birth)]
    return structs.replace(record(key, ""), features='[["Nguyen Van"],"","",""]', keys=keys)


# ---------------------------------------------------------------- as of when


def as_of(source: IndexedSource, clock: ManualClock) -> int | None:
    """As of when a search says that it searched; None where it is refused."""
    try:
        return source.search(DocumentQuery("ZZ0000001"), clock.monotonic() + 3).as_of_us
    except Unavailable as error:
        if error.code != NOT_FRESH:
            raise
        return None


def test_a_search_says_the_time_at_which_the_last_look_began(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    first_us = clock.now_us()
    clock.advance(timedelta(minutes=2))
    assert as_of(source, clock) == first_us
    source.refresh()
    assert as_of(source, clock) == clock.now_us()
    files.execute("UPDATE persons SET latin = 'ANOTHER', updated = 2 WHERE id = 1")
    clock.advance(timedelta(minutes=2))
    source.refresh()
    assert as_of(source, clock) == source.checked_us() == clock.now_us()
    (found,) = source.search_many([(DocumentQuery("ZZ0000001"), Strictness.USUAL)], clock.monotonic() + 3)
    assert isinstance(found, SearchResult)
    assert found.as_of_us == clock.now_us()


def test_n197_a_source_whose_last_look_failed_is_not_searched(files: SmallSource, clock: ManualClock) -> None:
    source = opened(files, clock)
    kept = files.database.read_bytes()
    files.database.write_bytes(b"")
    with pytest.raises(Unavailable):
        source.refresh()
    assert as_of(source, clock) is None
    files.database.write_bytes(kept)
    clock.advance(timedelta(minutes=1))
    source.refresh()
    assert as_of(source, clock) == clock.now_us()


@pytest.mark.parametrize(("said", "minutes"), [("", 15), ('fresh_within = "2 h"', 120)])
def test_n197_a_source_that_was_read_longer_ago_than_it_promises_is_not_searched(
    files: SmallSource, clock: ManualClock, said: str, minutes: int
) -> None:
    text = files.mapping.read_text(encoding="utf-8")
    files.mapping.write_text(text.replace("[source]", f"[source]\n{said}"), encoding="utf-8")
    source = opened(files, clock)
    clock.advance(timedelta(minutes=minutes))
    assert as_of(source, clock) is not None
    clock.advance(timedelta(seconds=1))
    assert as_of(source, clock) is None
    clock.advance(timedelta(hours=-5))
    assert as_of(source, clock) is None, "a clock that went back tells no age"


def test_n197_a_look_that_takes_long_is_as_of_its_beginning_and_what_waits_is_not_claimed(
    files: SmallSource, clock: ManualClock
) -> None:
    def meet(call: str) -> None:
        clock.advance(timedelta(seconds=30 if call == "read" else 0))

    place = Place(
        files.mapping, files.url, files.folder / "index", clock, observe=lambda rows: WeatheredRows(rows, meet)
    )
    began_us = clock.now_us()
    source = open_source(place)
    assert isinstance(source, IndexedSource)
    assert as_of(source, clock) == began_us < clock.now_us()
    files.execute("DELETE FROM persons WHERE id = 1")  # only a pass over all rows shows which one went
    source.refresh()
    assert as_of(source, clock) == began_us
    assert numbers(source, clock, "AA1234567") == ["1"], "the source rests"
    # What the next look could explain by itself does not hide what waits.
    files.execute(
        "INSERT INTO persons SELECT 9, name, latin, born, sex, nat, state, hidden, until, 2 FROM persons WHERE id = 2"
    )
    source.refresh()
    assert as_of(source, clock) == began_us
    clock.advance(timedelta(minutes=12))
    began_us = clock.now_us()
    source.refresh()
    assert as_of(source, clock) == began_us
    assert numbers(source, clock, "AA1234567") == []


def test_n197_a_source_that_rested_while_the_machine_slept_is_read_when_it_wakes(files: SmallSource) -> None:
    asleep_ns = 0

    def wall() -> int:
        return time.time_ns() + asleep_ns

    clock = SystemClock(wall, wall)  # `monotonic` stands still while the machine sleeps
    slow = Place(
        files.mapping,
        files.url,
        files.folder / "index",
        clock,
        observe=lambda rows: WeatheredRows(rows, lambda call: sleep(60) if call == "read" else None),
    )

    def sleep(seconds: int) -> None:
        nonlocal asleep_ns
        asleep_ns += seconds * 1_000_000_000

    source = open_source(slow)
    assert isinstance(source, IndexedSource)
    files.execute("DELETE FROM persons WHERE id = 1")  # only a pass over all rows shows which one went
    source.refresh()
    assert source.search(DocumentQuery("AA1234567"), clock.monotonic() + 3).candidates, "the source rests"
    sleep(3_600)
    before_us = clock.now_us()
    source.refresh()
    found = source.search(DocumentQuery("AA1234567"), clock.monotonic() + 3)
    assert (found.candidates, (found.as_of_us or 0) >= before_us) == ((), True)


def test_n197_a_source_that_was_set_back_and_has_older_rows_again_beside_a_new_one_is_read_as_a_whole(
    files: SmallSource, clock: ManualClock
) -> None:
    source = opened(files, clock)
    files.execute("UPDATE persons SET updated = 3 WHERE id = 4")
    source.refresh()
    files.execute("CREATE TABLE gone AS SELECT * FROM persons WHERE id = 1")
    files.execute("DELETE FROM persons WHERE id = 1")
    clock.advance(timedelta(hours=1))
    source.refresh()
    assert numbers(source, clock, "AA1234567") == []
    files.execute("INSERT INTO persons SELECT * FROM gone")  # neither a largest key nor a newest change shows it
    files.execute(
        "INSERT INTO persons SELECT 90, name, latin, born, sex, nat, state, hidden, until, 4 FROM persons WHERE id = 2"
    )
    clock.advance(timedelta(minutes=5))
    assert source.refresh()
    assert as_of(source, clock) == clock.now_us()
    assert numbers(source, clock, "AA1234567") == ["1"]


def test_another_process_that_looks_tells_as_of_when(files: SmallSource, clock: ManualClock) -> None:
    source, other = opened(files, clock), opened(files, clock)
    first_us = clock.now_us()
    clock.advance(timedelta(minutes=1))
    with index_lock(index_of(files), wait=True):
        other.refresh()  # it cannot look itself
    assert as_of(other, clock) == first_us
    source.refresh()
    with index_lock(index_of(files), wait=True):
        other.refresh()
    assert as_of(other, clock) == clock.now_us()
    kept = files.database.read_bytes()
    files.database.write_bytes(b"")
    clock.advance(timedelta(seconds=1))
    with pytest.raises(Unavailable):
        source.refresh()
    with index_lock(index_of(files), wait=True):
        other.refresh()
    assert as_of(other, clock) is None
    files.database.write_bytes(kept)
