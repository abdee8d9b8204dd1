"""A second process makes index records beside a build; without it, or when it dies, the same index comes out."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from adapters.index import helper_process as index_helper
from adapters.index.build import build_index
from adapters.index.helper_process import IndexHelper
from adapters.index.make import Made, Task, make
from adapters.mapping.file import load_mapping
from adapters.sql.source import SqlSource
from gateway.clock import SystemClock
from gateway.matching.own_rows.check import own_rows_of
from gateway.matching.scripts.tables import OwnRows, use
from gateway.storage.index.index_store import IndexStore
from tests.support.open_files import many_open
from tests.support.small_source import SmallSource, small_source

pytestmark = pytest.mark.process

PEOPLE = 300
SECRET = bytes(range(32))


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    made = small_source(tmp_path)
    made.execute(
        "WITH RECURSIVE n(i) AS (SELECT 10 UNION ALL SELECT i + 1 FROM n WHERE i < 310) INSERT INTO persons"
        " SELECT i, 'สมชาย ใจดี', 'SOMCHAI ' || char(65 + i % 26) || 'AN', '17/01/25' || (10 + i % 50), '1', 'THA',"
        " CASE i % 7 WHEN 0 THEN 'gone' ELSE 'live' END, NULL, 99991231 FROM n"
    )
    made.execute("UPDATE persons SET born = 'no date' WHERE id % 11 = 0")
    return made


@pytest.fixture
def source(files: SmallSource) -> Iterator[SqlSource]:
    made = SqlSource(load_mapping(files.mapping), files.url, SystemClock())
    yield made
    made.close()


@pytest.fixture(autouse=True)
def small_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_helper, "_GIVEN", 16)
    monkeypatch.setattr(index_helper, "_OWN", 2)


def bodies(path: Path) -> tuple[list[str], str, tuple[int, int]]:
    store = IndexStore(path, SECRET)
    held = [store.body(place, body) for place, body in store.all("SELECT place, body FROM records")]
    # Classes are numbered, and identifiers stand, as they come.
    rows = [
        str((replace(body, record_class=0, identifiers=sorted(body.identifiers)), store.class_of(body.record_class)))
        for body in held
    ]
    found = (sorted(rows), store.meta["left_out"], store.count())
    store.close()
    return found


def test_the_same_index_comes_out_of_two_processes(
    source: SqlSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_index(source, tmp_path / "alone.sqlite", secret=SECRET)
    monkeypatch.setattr("adapters.index.build.is_worth_it", lambda _: True)
    build_index(source, tmp_path / "helped.sqlite", secret=SECRET)
    assert bodies(tmp_path / "alone.sqlite") == bodies(tmp_path / "helped.sqlite")


def test_both_processes_read_names_with_the_countrys_own_tables(
    source: SqlSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.index.build.is_worth_it", lambda _: True)
    build_index(source, tmp_path / "packaged.sqlite", secret=SECRET)
    use(own_rows_of({"placeholders": "somchai\tnone"}, "names"))
    try:
        build_index(source, tmp_path / "helped.sqlite", secret=SECRET)
        own: list[str] = []
        with IndexHelper(source.mapping) as helper:
            assert helper._process is not None
            all_made(source, helper, own, wait=True)
        assert len(own) < PEOPLE
        monkeypatch.setattr("adapters.index.build.is_worth_it", lambda _: False)
        build_index(source, tmp_path / "alone.sqlite", secret=SECRET)
    finally:
        use(OwnRows())
    assert bodies(tmp_path / "alone.sqlite") == bodies(tmp_path / "helped.sqlite")
    assert bodies(tmp_path / "packaged.sqlite") != bodies(tmp_path / "helped.sqlite")


def tasks(source: SqlSource) -> Iterator[Task]:
    for rows, links, _ in source.scan("Person"):
        if rows is not None:
            yield Task("Person", rows, links, 0)


def all_made(source: SqlSource, helper: IndexHelper, own: list[str], wait: bool = False) -> list[str]:
    def here(task: Task) -> Made:
        own.append(task.key)
        if wait and helper._given:
            helper._is_answered(5)
        return make(source.builders, task.record_type, task.rows, task.links)

    return [task.key for task, _ in helper.made(tasks(source), here)]


def test_both_processes_make_records(source: SqlSource) -> None:
    own: list[str] = []
    with IndexHelper(source.mapping) as helper:
        found = all_made(source, helper, own, wait=True)
    assert sorted(found) == sorted(task.key for task in tasks(source))
    assert 0 < len(own) < len(found)


def test_a_busy_node_with_many_descriptors_open_has_its_helper(source: SqlSource) -> None:
    own: list[str] = []
    with many_open(), IndexHelper(source.mapping) as helper:
        found = all_made(source, helper, own, wait=True)
    assert 0 < len(own) < len(found)


def test_what_a_helper_that_dies_was_given_is_made_by_the_build(source: SqlSource) -> None:
    own: list[str] = []
    with IndexHelper(source.mapping) as helper:
        assert helper._process is not None
        os.kill(helper._process.pid, signal.SIGKILL)
        found = all_made(source, helper, own)
    assert sorted(found) == sorted(own) == sorted(task.key for task in tasks(source))


def test_a_helper_that_reads_another_mapping_is_not_asked(source: SqlSource, files: SmallSource) -> None:
    files.mapping.write_text(files.mapping.read_text(encoding="utf-8") + "\n# changed\n", encoding="utf-8")
    with IndexHelper(source.mapping) as helper:
        assert helper._process is None
        own: list[str] = []
        assert all_made(source, helper, own) == own


def test_a_helper_ends_with_its_build(source: SqlSource) -> None:
    with IndexHelper(source.mapping) as helper:
        process = helper._process
        assert process is not None
    assert process.poll() is not None


def test_a_small_source_has_no_helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    assert not index_helper.is_worth_it(index_helper.WORTH_ROWS)
    assert index_helper.is_worth_it(index_helper.WORTH_ROWS + 1)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert not index_helper.is_worth_it(index_helper.WORTH_ROWS + 1)
