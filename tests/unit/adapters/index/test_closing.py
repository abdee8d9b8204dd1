"""A source is closed while a refresh and questions still read it: nothing crashes, nothing stays open."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.index.history import RunHistory, RunKind
from adapters.load import Place, open_source
from adapters.sql.tables import Tables
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, Unavailable
from gateway.model.query import DocumentQuery
from gateway.storage.index.index_file import KeyKind
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView
from tests.support.open_files import open_in
from tests.support.small_source import SmallSource, small_source
from tests.support.waiting import MOST_S

LONG = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000000) SELECT count(*) FROM n"
"""Seconds of SQLite's own work, which a deadline ends."""


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path)


def in_thread(work: Callable[[], object]) -> tuple[threading.Thread, list[object]]:
    """Start work in a thread; what came of it: the result, or the error."""
    found: list[object] = []

    def run() -> None:
        try:
            found.append(work())
        except LiaisonError as error:
            found.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, found


@pytest.mark.long
def test_tables_are_closed_under_a_statement_that_ends_in_peace(files: SmallSource) -> None:
    clock = SystemClock()
    tables = Tables("small", files.url, clock)
    assert tables.execute("SELECT 1", (), clock.monotonic() + 5) == [(1,)]
    thread, found = in_thread(lambda: tables.execute(LONG, (), clock.monotonic() + 1.0))
    while not any(each.in_use._lock.locked() for each in list(tables._open)):
        assert thread.is_alive()
    tables.close()
    assert thread.is_alive(), "a close does not wait"
    thread.join(20)
    assert isinstance(found[0], LiaisonError | list)
    assert open_in(files.folder) == []
    with pytest.raises(Unavailable):
        tables.execute("SELECT 1", (), clock.monotonic() + 5)


def test_an_index_is_closed_while_threads_look_things_up(files: SmallSource) -> None:
    clock = SystemClock()
    source = open_source(Place(files.mapping, files.url, files.folder / "index", clock))
    source.close()
    path = files.folder / "index" / "th.police.small.v4.sqlite"
    for _ in range(20):
        store, ready = IndexStore(path), threading.Barrier(5)

        def look(store: IndexStore = store, ready: threading.Barrier = ready) -> str:
            ready.wait(MOST_S)
            while True:  # until it is closed
                IndexView(store).find(KeyKind.DOCUMENT, "D1", 9)

        looking = [in_thread(look) for _ in range(4)]
        ready.wait(MOST_S)
        store.close()
        for thread, found in looking:
            thread.join(MOST_S)
            assert isinstance(found[0], Unavailable)
        assert open_in(files.folder) == []


def test_a_source_that_is_closed_under_its_refresh_notes_no_failure_and_keeps_nothing_open(
    files: SmallSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = ManualClock(datetime(2026, 11, 24, 12, tzinfo=UTC))
    source = open_source(Place(files.mapping, files.url, files.folder / "index", clock))
    inside, goes_on = threading.Event(), threading.Event()
    rows = source._rows  # type: ignore[attr-defined]
    scan = rows.scan

    def held(*arguments: object, **options: object) -> object:
        for number, row in enumerate(scan(*arguments, **options)):
            if not number:
                inside.set()
                assert goes_on.wait(MOST_S)
            yield row

    monkeypatch.setattr(rows, "scan", held)
    thread, _ = in_thread(lambda: source.compare())  # type: ignore[attr-defined]
    assert inside.wait(MOST_S)
    source.search(DocumentQuery("D1"), clock.monotonic() + 3)
    source.close()
    goes_on.set()
    thread.join(20)
    assert not thread.is_alive()
    assert open_in(files.folder) == []
    runs = RunHistory(files.folder / "index" / "th.police.small.v4.sqlite").runs()
    assert [run.kind for run in runs if run.kind is RunKind.FAILED] == []
