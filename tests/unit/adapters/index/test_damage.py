"""A key index never stays broken: half a change is no change, and what is noted wrongly is built anew."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from adapters.indexed import IndexedSource
from adapters.load import Place, open_source
from gateway.clock import ManualClock
from gateway.errors import Unavailable
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm
from gateway.storage.index.index_file import IndexedRecord, KeyKind
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView
from gateway.storage.index.index_writer import IndexUpdate, IndexWriter
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source

WITH_CHANGES = MAPPING.replace('key = "id"\nlive', 'key = "id"\nchanged = "updated"\nlive')
WITH_COLUMN = TABLES + "ALTER TABLE persons ADD COLUMN updated INTEGER; UPDATE persons SET updated = 1;"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path, WITH_CHANGES, WITH_COLUMN)


@pytest.fixture
def index(files: SmallSource) -> Iterator[sqlite3.Connection]:
    """The file behind the back of its holder; a test opens the source before."""
    made: list[sqlite3.Connection] = []

    class Late:
        def execute(self, statement: str) -> sqlite3.Cursor:
            path = files.folder / "index" / "th.police.small.v4.sqlite"
            made.append(sqlite3.connect(path.resolve(), isolation_level=None))
            return made[-1].execute(statement)

    yield Late()  # type: ignore[misc]
    for each in made:
        each.close()


def opened(files: SmallSource, clock: ManualClock) -> IndexedSource:
    source = open_source(Place(files.mapping, files.url, files.folder / "index", clock))
    assert isinstance(source, IndexedSource)
    return source


def named(source: IndexedSource, clock: ManualClock, name: str) -> list[str]:
    found = source.search(PersonQuery((NameForm(name),), None), clock.monotonic() + 3).candidates
    return [candidate.key for candidate in found]


def test_a_changed_row_that_cannot_be_read_spoils_no_index(
    files: SmallSource, clock: ManualClock, index: sqlite3.Connection
) -> None:
    source = opened(files, clock)
    files.execute("UPDATE persons SET latin = 'OTHER NAME', updated = 2 WHERE id = 1")
    files.execute("UPDATE persons SET latin = CAST(X'00FF80' AS TEXT), updated = 2 WHERE id = 2")
    for _ in range(3):
        clock.advance(timedelta(hours=2))
        source.refresh()
    assert named(source, clock, "OTHER NAME") == ["1"]
    ((following,),) = index.execute("SELECT value FROM meta WHERE name = 'next'").fetchall()
    ((last,),) = index.execute("SELECT max(id) FROM records").fetchall()
    assert int(following) >= last
    source.close()


@pytest.mark.long
def test_an_index_whose_ids_go_on_from_nowhere_is_built_anew(
    files: SmallSource, clock: ManualClock, index: sqlite3.Connection
) -> None:
    source = opened(files, clock)
    for value in ("0", "-1", str(1 << 40), "9" * 5_000):
        index.execute(f"UPDATE meta SET value = '{value}' WHERE name = 'next'")
        files.execute("UPDATE persons SET latin = latin || 'X', updated = updated + 1 WHERE id = 1")
        clock.advance(timedelta(hours=2))
        assert source.refresh()
    files.execute("UPDATE persons SET latin = 'OTHER NAME', updated = updated + 1 WHERE id = 1")
    assert source.refresh()
    assert named(source, clock, "OTHER NAME") == ["1"]
    source.close()


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["salt", "check", "sealed", "next", "checked", "cursor", "left_out", "rules", "format"]
)
@pytest.mark.parametrize(
    "damage", ["DELETE FROM meta", "UPDATE meta SET value = 'zz'", "UPDATE meta SET value = x'ff'"]
)
def test_an_index_with_damaged_notes_opens_and_serves(
    files: SmallSource, clock: ManualClock, index: sqlite3.Connection, name: str, damage: str
) -> None:
    opened(files, clock).close()
    index.execute(f"{damage} WHERE name = '{name}'")
    source = opened(files, clock)
    files.execute("UPDATE persons SET latin = 'OTHER NAME', updated = 2 WHERE id = 1")
    source.refresh()
    assert named(source, clock, "OTHER NAME") == ["1"]
    assert set(source.left_out) == set(source.describe().record_types)
    source.close()


def test_a_time_of_the_future_holds_no_comparison_back(
    files: SmallSource, clock: ManualClock, index: sqlite3.Connection
) -> None:
    source = opened(files, clock)
    index.execute("UPDATE meta SET value = '99999999999999999' WHERE name = 'checked'")
    files.execute("DELETE FROM persons WHERE id = 1")
    clock.advance(timedelta(hours=2))
    source.refresh()
    assert int(index.execute("SELECT value FROM meta WHERE name = 'checked'").fetchone()[0]) == clock.now_us()
    source.close()


# ---------------------------------------------------------------- one update


def record(key: str, number: str) -> IndexedRecord:
    return IndexedRecord("Person", key, "m", "adult", 0, "", "{}", [(KeyKind.DOCUMENT, number, "THA")])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with IndexWriter(tmp_path / "i.sqlite") as writer:
        writer.put(record("1", "D1"), 11)
        writer.sort()
        writer.finish([("cursor", "old")])
    return tmp_path / "i.sqlite"


def test_an_update_that_was_not_finished_changes_nothing(path: Path) -> None:
    with IndexUpdate(path) as update:
        assert update.put(record("1", "D2"), 12)
    store = IndexStore(path)
    assert IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)
    assert not IndexView(store).find(KeyKind.DOCUMENT, "D2", 9)
    store.close()


def test_a_row_that_an_update_has_just_put_is_a_twin_when_it_comes_again(path: Path) -> None:
    with IndexUpdate(path) as update:
        assert update.put(record("2", "D2"), 22)
        assert update.is_same("Person", "2", 22) is None
        assert not update.put(record("2", "D2"), 22)
        update.finish([])


def test_a_damaged_index_says_that_it_is_unreadable(path: Path) -> None:
    with sqlite3.connect(path.resolve()) as database:
        database.execute("DELETE FROM meta WHERE name = 'salt'")
    database.close()
    for opening in (lambda: IndexStore(path), lambda: IndexUpdate(path).__enter__()):
        with pytest.raises(Unavailable) as caught:
            opening()
        assert caught.value.code == "index-unreadable"
