"""Answers are equal with and without the rows that are hidden from an asker, for any look-up.

Both indexes have one salt, since where a look-up is cut depends on the order of the hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.indexed import IndexedSource
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Unavailable
from gateway.model.hit import SearchResult
from gateway.model.marking import Marking
from gateway.model.query import DocumentQuery, PersonQuery, Query, VehicleQuery
from gateway.model.strictness import Strictness
from gateway.model.values import NameForm, PartialDate
from gateway.ports.sources import CLASSES_CHANGED, RecordClass, View
from gateway.storage.index import index_writer
from gateway.storage.index.index_file import IndexedRecord, KeyKind
from gateway.storage.index.index_seal import IndexSeal
from gateway.storage.index.index_store import IndexStore
from gateway.storage.index.index_view import IndexView
from gateway.storage.index.index_writer import IndexUpdate, IndexWriter
from tests.support.small_source import MAPPING, TABLES, SmallSource, small_source

CLOCK = SystemClock()
NAMES = ("CHANTHA VONG", "CHANTA VONG", "SOMCHAI JAIDEE", "NGUYEN VAN AN", "NGUYEN VAN BINH", "SOK DARA", "KEO BOUNMY")
BORN = ("01/06/2530", "00/00/2530", "05/06/2530", "06/05/2530", "17/01/2505", "01/01/2530", "")
ASKED: tuple[Query, ...] = (
    *(PersonQuery((NameForm(name),), PartialDate("1987")) for name in NAMES[:5]),
    *(PersonQuery((NameForm(name),), PartialDate("1987-06-05")) for name in NAMES[:4]),
    *(PersonQuery((NameForm(name),)) for name in NAMES),
    PersonQuery((NameForm("CHANTHA"),)),
    *(DocumentQuery(f"N{number}") for number in range(3)),
    *(VehicleQuery(f"ขข {number}") for number in range(2)),
)
WITH_CARS = (
    MAPPING.replace('[[record]]\ntype = "Vehicle"', '[[record]]\ntype = "Vehicle"\nmarking = []', 1).replace(
        "marking = []\n", ""
    )
    + """
[[record.marking]]
when = { column = "province", in = ["hidden"] }
withhold_from = ["vn"]
"""
)
"""The mapping of the small source, in which cars can be hidden, too."""

Row = tuple[str, str, int, bool]
"""Name, birth, number of its papers and its car, and whether it is hidden."""


def numbered(rows: Sequence[Row]) -> dict[int, Row]:
    return dict(enumerate(rows, 100))


def visible(rows: Mapping[int, Row]) -> dict[int, Row]:
    return {place: row for place, row in rows.items() if not row[3]}


def statements(rows: Mapping[int, Row]) -> str:
    said = []
    for place, (name, born, number, hidden) in rows.items():
        state = "'vn'" if hidden else "NULL"
        said.append(f"INSERT INTO persons VALUES ({place},NULL,'{name}','{born}','1','LAO','live',{state},99991231);")
        said.append(f"INSERT INTO papers VALUES ({place},{place},'N{number}','LAO');")
        province = "hidden" if hidden else ""
        said.append(f"INSERT INTO cars VALUES ({place},'ขข {number % 2}','{province}','N');")
    return "".join(said)


def hides(marking: Marking) -> bool:
    return marking.hidden_from("vn")


def view_of(classes: Sequence[RecordClass]) -> View:
    return View(frozenset(each for each in classes if not hides(each[1])), frozenset(classes))


def answer(ask: Callable[[], object]) -> object:
    try:
        return ask()
    except LiaisonError as error:
        return error.code


def timeless(found: object) -> object:
    """What a search says but for as of when: each of two sources was read at a time of its own."""
    return replace(found, as_of_us=None) if isinstance(found, SearchResult) else found


def told(folder: Path, name: str, rows: Mapping[int, Row], without: frozenset[str] = frozenset()) -> list[object]:
    """All that an asker from Viet Nam is told of a source with these rows, some of which were withdrawn."""
    (folder / name).mkdir()
    source = small_source(folder / name, WITH_CARS, f"{TABLES} {statements(rows)}").open(CLOCK)
    try:
        seen, until = source.within(replace(view_of(source.classes()), without=without)), CLOCK.monotonic() + 60
        alone = [answer(partial(seen.search, query, until, strictness)) for query in ASKED for strictness in Strictness]
        together = [
            each.code if isinstance(each, LiaisonError) else each
            for each in seen.search_many([(query, Strictness.USUAL) for query in ASKED], until)
        ]
        return [*map(timeless, (*alone, *together)), seen.names_among(NAMES)]
    finally:
        source.close()


@pytest.fixture(autouse=True)
def salt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index_writer, "new_salt", lambda: bytes(range(32)))


@pytest.mark.long
@pytest.mark.parametrize(
    ("hidden", "seen"), [*product([0, 1, 19, 20, 25, 59, 256, 1_000], [20]), *product([20, 256], [0, 1, 60])]
)
def test_from_no_hidden_row_to_a_thousand_nothing_is_told_of_them(tmp_path: Path, hidden: int, seen: int) -> None:
    shown = [(NAMES[number % 2], BORN[number % 3], number % 3, False) for number in range(seen)]
    behind = [(NAMES[number % 5], BORN[number % 7], number % 3, True) for number in range(hidden)]
    rows = numbered(behind[::2] + shown + behind[1::2])
    assert told(tmp_path, "with", rows) == told(tmp_path, "without", visible(rows))


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let few rows reach the limits that are met in a million."""
    for place, value in {
        "gateway.storage.index.index_view.FEW": 3,
        "gateway.storage.index.index_view.COMMON": 6,
        "adapters.index.lookup.MAX_EXACT": 4,
        "adapters.index.lookup.MAX_BORN": 4,
        "adapters.index.lookup.MAX_SCORED": 6,
        "adapters.index.lookup.MAX_COMPARED": 3,
        "adapters.indexed.MAX_CANDIDATES": 2,
    }.items():
        monkeypatch.setattr(place, value)


@pytest.mark.long
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(BORN), st.integers(0, 2), st.booleans()), max_size=40)
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("small_limits")
def test_for_any_rows_the_answers_are_equal_with_and_without_the_hidden_ones(drawn: list[Row]) -> None:
    rows = numbered(drawn)
    with TemporaryDirectory() as folder:
        assert told(Path(folder), "with", rows) == told(Path(folder), "without", visible(rows))


def withdrawn(rows: Mapping[int, Row]) -> tuple[dict[int, Row], frozenset[str]]:
    """The rows, none of which is hidden any more, and the keys of those that were: these were withdrawn."""
    return {place: (*row[:3], False) for place, row in rows.items()}, frozenset(map(str, rows.keys() - visible(rows)))


@pytest.mark.long
@pytest.mark.parametrize(("gone", "seen"), [(1, 1), (20, 1), (25, 20), (256, 60), (2_500, 20)])
def test_n226_what_was_withdrawn_takes_no_place_of_what_was_not(tmp_path: Path, gone: int, seen: int) -> None:
    shown = [(NAMES[number % 2], BORN[number % 3], number % 3, False) for number in range(seen)]
    behind = [(NAMES[number % 5], BORN[number % 7], number % 3, True) for number in range(gone)]
    rows = numbered(behind[::2] + shown + behind[1::2])
    held, keys = withdrawn(rows)
    assert told(tmp_path, "with", held, keys) == told(tmp_path, "without", visible(rows))


@pytest.mark.long
@given(
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(BORN), st.integers(0, 2), st.booleans()), max_size=40)
)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.usefixtures("small_limits")
def test_n226_for_any_rows_the_answers_are_equal_with_and_without_the_withdrawn_ones(drawn: list[Row]) -> None:
    rows = numbered(drawn)
    held, keys = withdrawn(rows)
    with TemporaryDirectory() as folder:
        assert told(Path(folder), "with", held, keys) == told(Path(folder), "without", visible(rows))


@pytest.mark.usefixtures("small_limits")
def test_the_small_limits_are_reached(tmp_path: Path) -> None:
    """The control of the test before: these rows are cut, where all are seen."""
    rows = numbered([(NAMES[0], BORN[0], 0, False)] * 30)
    source = small_source(tmp_path, WITH_CARS, f"{TABLES} {statements(rows)}").open(CLOCK)
    found = [source.search(query, CLOCK.monotonic() + 60) for query in (ASKED[0], ASKED[9], *ASKED[-5:-4], ASKED[-2])]
    assert [(len(each.candidates), each.capped) for each in found] == [(2, True)] * 4
    source.close()


# ---------------------------------------------------------------- classes that come up


@pytest.fixture
def files(tmp_path: Path) -> SmallSource:
    return small_source(tmp_path, tables=f"{TABLES} {statements(numbered([(NAMES[0], BORN[0], 0, False)]))}")


@pytest.fixture
def source(files: SmallSource) -> Iterator[IndexedSource]:
    opened = files.open(CLOCK)
    yield opened
    opened.close()


def test_a_record_of_a_class_that_was_not_decided_on_is_not_passed_over_in_silence(
    files: SmallSource, source: IndexedSource
) -> None:
    seen, until = source.within(view_of(source.classes())), CLOCK.monotonic() + 60
    assert seen.search(ASKED[0], until).candidates
    files.execute("UPDATE persons SET hidden = 'one' WHERE id = 100;")  # another subject's category: another class
    source.compare()
    with pytest.raises(Unavailable) as refused:
        seen.search(ASKED[0], until)
    assert refused.value.code == CLASSES_CHANGED
    with pytest.raises(Unavailable):
        seen.search_many([(DocumentQuery("N0"), Strictness.USUAL)] * 2, until)
    with pytest.raises(Unavailable):
        seen.names_among(NAMES)
    assert source.within(view_of(source.classes())).search(ASKED[0], until).candidates


def test_n226_a_withdrawn_row_that_is_written_anew_stays_withdrawn(
    files: SmallSource, source: IndexedSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = source.within(replace(view_of(source.classes()), without=frozenset({"100"})))
    until, search_by = CLOCK.monotonic() + 60, source.search_by
    assert seen.search(ASKED[0], until).candidates == ()

    def written_meanwhile(*asked: Any) -> object:
        found = search_by(*asked)
        files.execute("UPDATE persons SET born = '05/06/2530' WHERE id = 100;")
        source.compare()
        return found

    with monkeypatch.context() as patch:
        patch.setattr(source, "search_by", written_meanwhile)
        with pytest.raises(Unavailable) as refused:
            seen.search(ASKED[0], until)
    assert refused.value.code == CLASSES_CHANGED, "it is searched again"
    assert seen.search(ASKED[0], until).candidates == ()
    assert source.search(ASKED[0], until).candidates


def test_a_row_that_became_hidden_leaves_no_trace_before_its_keys_are_swept(tmp_path: Path) -> None:
    path = tmp_path / "i.sqlite"
    keys = [(KeyKind.NAME, "pngyn.vn", ""), (KeyKind.DOCUMENT, "D1", "")]
    row = IndexedRecord("Person", "1", "open", "SUBJECT", 0, '[["Nguyen Van"],"","",""]', "{}", keys)
    with IndexWriter(path) as writer:
        writer.put(row)
        writer.sort()
        writer.finish([])
    store = IndexStore(path)
    asker = IndexView(store, store.classes())
    assert asker.has_name("pngyn.vn")
    with IndexUpdate(path) as update:
        update.put(replace(row, marking="hidden"))
        update.finish([])
    assert store.all("SELECT count(*) FROM keys") == [(4,)], "they are not swept yet"
    assert (asker.has_name("pngyn.vn"), asker.find_names(["pngyn.vn"], 9)) == (False, ([], False))
    assert asker.find(KeyKind.DOCUMENT, "D1", 9) == []
    assert sorted(store.all("SELECT size FROM classes")) == [(0,), (1,)]
    store.close()


def test_two_classes_never_have_one_number() -> None:
    seal, numbers = IndexSeal(bytes(32)), set[int]()
    for _ in range(3):
        numbers.add(seal.class_number("the same", numbers))
    assert len(numbers) == 3
    assert 0 not in numbers
