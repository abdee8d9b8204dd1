"""Many calls at once are answered as each is alone: searches and records, errors and doubtful cases included."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.base import Adapter
from adapters.index.lookup import MAX_EXACT
from adapters.indexed import IndexedSource, ManyRows
from adapters.load import Place, open_source
from adapters.sql import SqlSource
from adapters.sql.tables import Tables
from gateway.clock import SystemClock
from gateway.demo.sample import SAMPLES
from gateway.errors import LiaisonError, Malformed, Unavailable
from gateway.model.hit import SearchResult
from gateway.model.query import ContainerQuery, DocumentQuery, NationalIdQuery, PersonQuery, Query, VehicleQuery
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm
from gateway.ports.sources import BatchSource
from tests.support.shared import PROJECT, shared_path
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source

CLOCK = SystemClock()
STRANGE = ("", "0", "-1", "1 OR 1=1", "'", "\x00", "ก", "9" * 30, "1.0", " 1", "٣")
AGENCIES = ("th_police", "vn_immigration", "kh_customs")
LOOKED_AT = 200


@dataclass
class Pool:
    """A source with keys of records and numbers that it holds or does not hold."""

    source: IndexedSource
    places: list[tuple[str, str]]
    queries: list[Query]


def _later(items: int = 1) -> float:
    return CLOCK.monotonic() + 5 * max(items, 1)


def _pool(source: Adapter) -> Pool:
    """Some rows of each type as the source gives them, with queries for what their records say."""
    assert isinstance(source, IndexedSource)
    assert isinstance(source, BatchSource)
    rows = source._rows
    places, queries = [("1", "Nothing")], list[Query](_queries("AA 0000000"))
    for record_type, builder in rows.builders.items():
        places += [(key, record_type) for key in STRANGE]
        for number, (made, _, _) in enumerate(rows.scan(record_type)):
            if made is None or number >= LOOKED_AT:
                continue
            places.append((str(made[0][0]), record_type))
            try:
                found = builder.build(made).search
            except LiaisonError:
                continue
            for value in found.values():
                for item in value if isinstance(value, list) else [value]:
                    text = item if isinstance(item, str) else next(iter(item.values()), "")
                    queries += _queries(text)
    return Pool(source, places, queries)


def _queries(text: str) -> Iterator[Query]:
    for make in (DocumentQuery, NationalIdQuery, VehicleQuery, ContainerQuery, lambda it: PersonQuery((NameForm(it),))):
        try:
            yield make(text)
        except Malformed:
            continue


@pytest.fixture(scope="module", params=[*AGENCIES, *(f"demo {sample.id}" for sample in SAMPLES)])
def pool(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pool]:
    folder = tmp_path_factory.mktemp("together")
    name: str = request.param
    if name in AGENCIES:
        file = shared_path() / "data" / "agencies" / "built" / f"{name}.sqlite"
        mapping = PROJECT / "adapters" / "mappings" / f"{name}.toml"
    else:
        sample = next(each for each in SAMPLES if name.endswith(each.id))
        file, mapping = sample.build(folder), sample.mapping_file
    source = open_source(Place(mapping, f"sqlite:///{file}", folder, CLOCK))
    yield _pool(source)
    source.close()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_records_fetched_together_are_those_fetched_alone(pool: Pool, data: st.DataObject) -> None:
    _same_records(pool.source, data.draw(st.lists(st.sampled_from(pool.places), max_size=150)))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_searches_together_find_what_each_finds_alone(pool: Pool, data: st.DataObject) -> None:
    asked = st.tuples(st.sampled_from(pool.queries), st.sampled_from(list(Strictness)))
    _same_results(pool.source, data.draw(st.lists(asked, max_size=80)))


def _same_records(source: IndexedSource, places: Sequence[tuple[str, str]]) -> None:
    together = source.fetch_many(places, _later(len(places)))
    assert len(together) == len(places)
    for (key, record_type), found in zip(places, together, strict=True):
        assert _said(found) == _said(_fetched(source, key, record_type)), (key, record_type)


def _same_results(source: IndexedSource, asked: Sequence[tuple[Query, Strictness]]) -> None:
    together = source.search_many(asked, _later(len(asked)))
    assert len(together) == len(asked)
    for (query, strictness), found in zip(asked, together, strict=True):
        assert _said(found) == _said(_searched(source, query, strictness)), query


def _fetched(source: IndexedSource, key: str, record_type: str) -> object:
    try:
        return source.fetch(key, record_type, _later())
    except LiaisonError as error:
        return error


def _searched(source: IndexedSource, query: Query, strictness: Strictness) -> object:
    try:
        return source.search(query, _later(), strictness)
    except LiaisonError as error:
        return error


def _said(result: object) -> object:
    if isinstance(result, LiaisonError):
        return type(result), result.code, result.message, result.where
    return result


# ---------------------------------------------------------------- what leaves doubt

_INDEXED = TABLES + "CREATE INDEX papers_person ON papers (person);"


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path, tables=_INDEXED)


def _open(files: SmallSource) -> IndexedSource:
    source = files.open(CLOCK)
    assert isinstance(source, IndexedSource)
    assert isinstance(source._rows, ManyRows)
    assert not source._rows.has_links("Person")
    return source


_PERSONS = [(str(number), "Person") for number in range(1, 8)]


def test_the_joined_rows_of_one_record_never_crowd_out_those_of_another(files: SmallSource) -> None:
    rows = ",".join(f"({n}, {1 + n % 2 * 3}, 'DOC{n:05d}', 'THA')" for n in range(100, 900))
    files.execute(f"INSERT INTO papers VALUES {rows}")
    source = _open(files)
    _same_records(source, _PERSONS)
    numbers = source.fetch_many(_PERSONS, _later())
    assert len(getattr(numbers[0], "fields", {})["documents"]) == 64


def test_a_row_that_cannot_be_read_costs_its_own_record_only(files: SmallSource) -> None:
    files.execute(
        "INSERT INTO persons VALUES (6, NULL, CAST(x'ff41' AS TEXT), NULL, '1', 'THA', 'live', NULL, 99991231)",
        "INSERT INTO papers VALUES (50, 4, CAST(x'ff41' AS TEXT), 'THA')",
    )
    source = _open(files)
    _same_records(source, _PERSONS)
    found = source.fetch_many(_PERSONS, _later())
    assert sum(not isinstance(each, LiaisonError) for each in found) >= 2
    assert sum(isinstance(each, Unavailable) for each in found) >= 2


def test_rows_with_one_key_and_keys_that_only_the_database_thinks_equal(tmp_path: Path) -> None:
    tables = TABLES.replace("CREATE TABLE cars (id INTEGER PRIMARY KEY", "CREATE TABLE cars (id TEXT COLLATE NOCASE")
    more = ",".join(f"('{key}', 'กก {n}', 'ตาก', 'L')" for n, key in enumerate(["A1", "a1", "B2", "B2", "b2", "C3"]))
    source = _open(small_source(tmp_path, MAPPING, f"{tables}{_INDEXED[len(TABLES) :]}INSERT INTO cars VALUES {more};"))
    _same_records(source, [(key, "Vehicle") for key in ("A1", "a1", "b2", "B2", "c3", "C3", "D4", "A1")])


def test_very_many_rows_with_one_key_of_the_index_do_not_hide_those_of_another(files: SmallSource) -> None:
    more = ",".join(f"({n}, 'จจ 1', '', 'N')" for n in range(1000, 1000 + MAX_EXACT + 10))
    files.execute(f"INSERT INTO cars VALUES {more}")
    usual = Strictness.USUAL
    asked = [(VehicleQuery(plate), usual) for plate in ("จจ 1", "กข 1234", "กค 99", "กก 7", "จจ 1")]
    source = _open(files)
    _same_results(source, asked)
    assert [getattr(each, "capped", None) for each in source.search_many(asked, _later())] == [True, *[False] * 3, True]


def test_a_query_with_nothing_to_search_by_costs_the_others_nothing(files: SmallSource) -> None:
    usual = Strictness.USUAL
    asked: list[tuple[Query, Strictness]] = [
        (DocumentQuery("AA1234567"), usual),
        (DocumentQuery("- ."), usual),
        (ContainerQuery("TGHU1234567"), usual),
        (DocumentQuery("B1112223"), usual),
    ]
    source = _open(files)
    _same_results(source, asked)
    first, second, third, fourth = source.search_many(asked, _later())
    assert isinstance(second, Malformed)
    assert [len(each.candidates) for each in (first, third, fourth) if isinstance(each, SearchResult)] == [1, 0, 1]


def test_sixty_four_records_are_read_by_one_statement_for_each_table(
    files: SmallSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = ",".join(f"({n}, NULL, 'N {n}', NULL, '1', 'THA', 'live', NULL, 99991231)" for n in range(100, 164))
    files.execute(f"INSERT INTO persons VALUES {more}")
    source = _open(files)
    assert isinstance(source._rows, SqlSource)
    statements: list[str] = []
    execute = Tables.execute

    def counted(tables: Tables, sql: str, parameters: object, deadline: float) -> Sequence[object]:
        statements.append(sql)
        return execute(tables, sql, parameters, deadline)

    monkeypatch.setattr(Tables, "execute", counted)
    found = source.fetch_many([(str(number), "Person") for number in range(100, 164)], _later())
    assert not any(isinstance(each, LiaisonError) for each in found)
    assert len(statements) == 2
