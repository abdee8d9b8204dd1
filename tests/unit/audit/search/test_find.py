"""Searching a log: always exactly what a plain scan finds, also after erasures, and nothing of what is erased."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.export.export import export
from gateway.audit.reading.opened import Opened
from gateway.audit.retention.erase_key import ErasureReason
from gateway.audit.search.export import SearchedExport, find_line
from gateway.audit.search.find import find, find_all, find_each, read_each
from gateway.audit.search.home import SearchedHome
from gateway.audit.search.index import IndexKeeper
from gateway.audit.search.postings import BLOCK, SALT_BYTES, TermKeys, label, places_of, seal, unseal
from gateway.audit.search.question import Question, fits, terms_of_opened
from gateway.audit.search.terms import ANY, Field, born_terms, name_terms, number_terms, term
from gateway.clock import ManualClock
from gateway.errors import Contradicted, Unavailable
from gateway.matching.same import name_sounds
from gateway.model.names import MemberId
from gateway.ports.content_keys import EncryptedContent
from gateway.ports.log_store import StoredEntry
from gateway.storage.documents.find_file import FindFile
from gateway.storage.keys.keystore import KeyStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import NOON, LogHome
from tests.support.erasing import opened
from tests.support.questions import AGREEMENTS, CASES, CODES, NAMES, NUMBERS, OFFICERS, REFERENCES, fill

_US = 1_000_000
NOON_US = int(NOON.timestamp()) * _US
MANY = 10_000


class _SteppingClock(ManualClock):
    """Some hours pass with each reading, so that entries spread over months."""

    def now_us(self) -> int:
        self.advance(timedelta(minutes=30))
        return super().now_us()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> LogHome:
    """Two whole blocks and a rest in the exchange log."""
    home = LogHome(tmp_path_factory.mktemp("find"), clock=_SteppingClock(NOON))
    fill(home, 1500)
    return home


@pytest.fixture
def store(home: LogHome) -> Iterator[SqlLogStore]:
    with home.store() as store:
        yield store


@pytest.fixture(scope="module")
def index(home: LogHome) -> FindFile:
    return FindFile(home.folder / "find.sqlite")


def logs_of(home: LogHome, store: SqlLogStore) -> SearchedHome:
    return SearchedHome(store, KeyStore(home.folder / "keystore"), None)


def scan(logs: SearchedHome, question: Question) -> list[tuple[str, int]]:
    """Every entry is opened and compared: slow, and right."""
    found = [
        (opened.entry.time_us, log, opened.entry.index)
        for log in logs.logs()
        if question.of_log(log)
        for opened in logs.rows(log, *logs.bounds(log))
        if fits(question, opened, None)
    ]
    return [(log, index) for _, log, index in sorted(found, reverse=True)]


@pytest.fixture(scope="module")
def everything(home: LogHome) -> list[tuple[str, Opened, frozenset[str]]]:
    """All entries, opened, with their terms."""
    with home.store() as store:
        logs = logs_of(home, store)
        rows = [(log, opened) for log in logs.logs() for opened in logs.rows(log, *logs.bounds(log))]
        return [(log, opened, terms_of_opened(opened, None)) for log, opened in rows]


def places(entries: list[tuple[str, Opened]]) -> list[tuple[str, int]]:
    return [(log, opened.entry.index) for log, opened in entries]


def one(field: Field, value: str) -> frozenset[str]:
    return frozenset((term(field, value),))


def asking(*groups: frozenset[str]) -> Question:
    return Question((groups,))


# ------------------------------------------------------------ postings

PLACES = st.sets(st.integers(0, BLOCK - 1), min_size=1).map(sorted)


@given(places=PLACES, key=st.binary(min_size=32, max_size=32), salt=st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES))
def test_a_posting_gives_back_its_places(places: list[int], key: bytes, salt: bytes) -> None:
    found, posting = seal(key, salt, places)
    assert found == label(key, salt)
    assert places_of(unseal(key, salt, posting)) == places[::-1]
    assert len(posting) in (2, 4, 8, 16, 32, 64, 128)


@given(posting=st.binary(max_size=300), key=st.binary(min_size=32, max_size=32))
def test_rubbish_never_leaves_the_block(posting: bytes, key: bytes) -> None:
    posting = posting[: len(posting) // 2 * 2]
    assert unseal(key, bytes(16), posting).bit_length() <= BLOCK


def test_a_label_says_nothing_without_key_and_salt() -> None:
    one, other = TermKeys(bytes(32)), TermKeys(b"\1" * 32)
    assert label(one.of("a"), bytes(16)) != label(other.of("a"), bytes(16))
    assert label(one.of("a"), bytes(16)) != label(one.of("a"), b"\1" * 16)
    assert label(one.of("a"), bytes(16)) != label(one.of("b"), bytes(16))


# ------------------------------------------------------------ searching

GROUPS = st.deferred(  # names are made comparable when they are asked for, not by every process that collects tests
    lambda: st.sampled_from(
        [
            *(one(Field.OFFICER, officer) for officer in (*OFFICERS, "a" * 24, "th.o.9999")),
            *(one(Field.CASE, case) for case in CASES),
            *(one(Field.AGREEMENT, agreement) for agreement in AGREEMENTS),
            *(one(Field.REFUSED, code) for code in (*CODES, ANY, "PERMISSION_DENIED")),
            *(one(Field.RECORD, reference) for reference in REFERENCES),
            *(one(Field.OUTCOME, outcome) for outcome in ("hit", "no_hit", "refused")),
            *(name_terms(name) for name in NAMES),
            *(number_terms(number) for number in NUMBERS),
            born_terms("1984"),
        ]
    )
)
QUESTIONS = st.builds(
    Question,
    alternatives=st.lists(st.lists(GROUPS, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
    log=st.sampled_from(["", "exchange", "operations"]),
    kinds=st.sampled_from([frozenset(), frozenset({"answered"}), frozenset({"asked", "denied"})]),
    peers=st.sampled_from([frozenset(), frozenset({"vn"}), frozenset({"kh", "vn"})]),
    since_us=st.integers(0, 40).map(lambda day: NOON_US + day * 86_400 * _US if day else 0),
    until_us=st.integers(0, 40).map(lambda day: NOON_US + day * 86_400 * _US if day else 0),
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(question=QUESTIONS, limit=st.sampled_from([1, 7, MANY]))
@pytest.mark.long
def test_a_search_finds_exactly_what_a_plain_scan_finds(
    home: LogHome,
    store: SqlLogStore,
    index: FindFile,
    everything: list[tuple[str, Opened, frozenset[str]]],
    question: Question,
    limit: int,
) -> None:
    fitting = [
        (opened.entry.time_us, log, opened.entry.index)
        for log, opened, terms in everything
        if question.of_log(log) and question.public_fits(opened.entry) and question.terms_fit(terms)
    ]
    expected = [(log, index) for _, log, index in sorted(fitting, reverse=True)]
    found = find(logs_of(home, store), index, question, limit)
    assert found.count == len(expected)
    assert places(found.entries) == expected[:limit]


@pytest.mark.long
def test_a_complete_search_needs_no_index(home: LogHome, store: SqlLogStore) -> None:
    logs, question = logs_of(home, store), asking(one(Field.OFFICER, OFFICERS[0]))
    sizes = {log: logs.bounds(log)[1] for log in logs.logs()}
    found = find_all(logs, question, 9, sizes)
    assert (found.count, found.closed) == (len(scan(logs, question)), 0)
    assert places(found.entries) == scan(logs, question)[:9]


@pytest.mark.long
def test_an_exchange_is_found_by_its_id(home: LogHome, store: SqlLogStore, index: FindFile) -> None:
    logs = logs_of(home, store)
    asked = next(opened.entry for opened in logs.rows("exchange/1", 0, 900) if opened.entry.kind == "asked")
    question = Question(exchange_id=asked.exchange_id)
    found = find(logs, index, question, 9)
    assert places(found.entries) == scan(logs, question)
    assert found.count == 2
    assert find(logs, index, Question(exchange_id="0" * 32), 9).count == 0


@pytest.mark.long
def test_two_spellings_are_alternatives(home: LogHome, store: SqlLogStore, index: FindFile) -> None:
    logs = logs_of(home, store)
    name, number = (name_terms(NAMES[0]),), (number_terms(NUMBERS[0]),)
    counts = [
        find(logs, index, Question(alternatives), 9).count for alternatives in ((name,), (number,), (name, number))
    ]
    assert counts[2] == counts[0] + counts[1] > counts[0] > 0


@pytest.mark.long
def test_only_what_may_be_kept_is_counted(home: LogHome, store: SqlLogStore, index: FindFile) -> None:
    logs, question = logs_of(home, store), asking(one(Field.OFFICER, OFFICERS[0]))
    even = [place for place in scan(logs, question) if place[1] % 2 == 0]
    found = find(logs, index, question, 3, keep=lambda opened: opened.entry.index % 2 == 0)
    assert (found.count, places(found.entries)) == (len(even), even[:3])


class _Growing(SearchedHome):
    """Logs of which only `limit` entries are there as yet."""

    limit = 2 * BLOCK - 1

    def bounds(self, log: str) -> tuple[int, int]:
        start, stop = super().bounds(log)
        return start, min(stop, self.limit)

    def grow(self, _done: int, _all: int) -> None:
        self.limit = MANY


@pytest.mark.long
def test_a_block_that_the_log_fills_while_the_index_is_brought_up_to_date_is_searched(
    home: LogHome, store: SqlLogStore, tmp_path: Path
) -> None:
    question = asking(one(Field.OFFICER, OFFICERS[0]))
    expected = scan(logs_of(home, store), question)
    growing = _Growing(store, KeyStore(home.folder / "keystore"), None)
    found = find(growing, FindFile(tmp_path / "f"), question, 9, growing.grow)
    assert (found.count, places(found.entries)) == (len(expected), expected[:9])
    growing, each = _Growing(store, KeyStore(home.folder / "keystore"), None), list[tuple[str, int]]()
    find_each(
        growing, FindFile(tmp_path / "g"), question, lambda log, it: each.append((log, it.entry.index)), growing.grow
    )
    assert sorted(each) == sorted(expected)


# ------------------------------------------------------------ forgetting


def test_refusals_are_counted_by_reason_in_the_same_pass(home: LogHome, store: SqlLogStore, index: FindFile) -> None:
    logs = logs_of(home, store)
    terms = [term(Field.REFUSED, code) for code in (*CODES, "no-such-code")]
    anything = find(logs, index, asking(one(Field.REFUSED, ANY)), 3, tally=lambda _: terms)
    alone = {wanted: find(logs, index, asking(frozenset((wanted,))), 0).count for wanted in terms}
    assert anything.tally == alone
    assert sum(anything.tally.values()) > 3  # all that fit are counted, not only what is shown


@pytest.mark.long
def test_what_is_erased_is_in_the_index_no_more_and_the_rest_is_still_found(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home", clock=_SteppingClock(NOON))
    home.folder.mkdir()
    fill(home, 1000, seed=3)
    with home.store() as store:
        index = FindFile(tmp_path / "find.sqlite")
        assert IndexKeeper(logs_of(home, store), index).catch_up() == 1
        assert "nohit/2026-11" in index.key_ids()
        home.keystore.destroy("nohit/2026-11")
        logs = logs_of(home, store)
        for question in (asking(one(Field.OFFICER, OFFICERS[0])), asking(one(Field.AGREEMENT, AGREEMENTS[0]))):
            found = find(logs, index, question, MANY)
            assert places(found.entries) == scan(logs, question)
            assert found.closed > 50
            assert found.count > 50
        assert "nohit/2026-11" not in index.key_ids()


NO_HITS = "nohit/2026-11"
ABOUT = asking(one(Field.OFFICER, OFFICERS[0]))


@pytest.fixture(scope="module")
def block(tmp_path_factory: pytest.TempPathFactory) -> LogHome:
    """One whole block and a rest."""
    home = LogHome(tmp_path_factory.mktemp("block") / "home", clock=_SteppingClock(NOON))
    home.folder.mkdir()
    fill(home, 700, seed=5)
    return home


def _erase_some(home: LogHome) -> None:
    """Erase the first entries under a key, so that the others are put under the one that follows it."""
    with opened(home) as parts:
        under = [row.index for row in parts.store.entries("exchange/1", 0, BLOCK) if _key_of(row) == NO_HITS]
        parts.eraser.targets(parts.eraser.look_up({"exchange/1": under[:3]}), ErasureReason("entry", "th.admin"))


def _key_of(row: StoredEntry) -> str:
    return row.content.key_id if row.content else ""


class _ErasedAtSearchKey(SearchedHome):
    """Logs of which some entries are erased just before the key of the index for the others is asked for."""

    def __init__(self, home: LogHome, store: SqlLogStore) -> None:
        super().__init__(store, KeyStore(home.folder / "keystore"), None)
        derive, self.waits = self.search_key, True

        def search_key(key_id: str) -> bytes:
            if key_id == NO_HITS and self.waits:
                self.waits = False
                _erase_some(home)
            return derive(key_id)

        self.search_key = search_key


class _ErasedAtOpening(KeyStore):
    """A keystore of which a key is destroyed just before the first entry under it is opened, once its row was read."""

    home: LogHome | None = None

    def open_content(self, log: str, index: int, content: EncryptedContent) -> tuple[bytes, bytes, bytes]:
        if self.home is not None and content.key_id == NO_HITS:
            home, self.home = self.home, None
            _erase_some(home)
        return super().open_content(log, index, content)


@pytest.mark.long
def test_what_an_erasure_keeps_is_in_the_index_though_its_key_goes_while_a_block_is_added(
    block: LogHome, tmp_path: Path
) -> None:
    for number, is_at_opening in enumerate((False, True)):
        home = block.copy(tmp_path / str(number))
        with home.store() as store:
            keys = _ErasedAtOpening(home.folder / "keystore")
            keys.home = home if is_at_opening else None
            logs = SearchedHome(store, keys, None) if is_at_opening else _ErasedAtSearchKey(home, store)
            index = FindFile(tmp_path / f"{number}.sqlite")
            assert IndexKeeper(logs, index).catch_up() == 1
            assert keys.home is None
            plain = logs_of(home, store)
            found = find(plain, index, ABOUT, MANY)
            assert places(found.entries) == scan(plain, ABOUT)
            assert (found.closed, found.lost) == (3, 0)


def test_a_search_that_began_before_an_erasure_finds_what_that_kept(block: LogHome, tmp_path: Path) -> None:
    home = block.copy(tmp_path / "home")
    with home.store() as store:
        index = FindFile(tmp_path / "find.sqlite")
        IndexKeeper(logs_of(home, store), index).catch_up()
        found = find(_ErasedAtSearchKey(home, store), index, ABOUT, MANY)
        assert places(found.entries) == scan(logs_of(home, store), ABOUT)
        assert found.closed == 3


@pytest.mark.long
def test_entries_of_a_lost_key_are_counted_and_searched_again_once_it_is_back(block: LogHome, tmp_path: Path) -> None:
    home = block.copy(tmp_path / "home")
    key, away = home.folder / "keystore" / f"{NO_HITS}.key", tmp_path / "away"
    with home.store() as store:
        index, logs = FindFile(tmp_path / "find.sqlite"), logs_of(home, store)
        expected = scan(logs, ABOUT)
        key.rename(away)
        taken: list[Opened] = []
        lost = find_each(logs_of(home, store), index, ABOUT, lambda _, opened: taken.append(opened))
        under = sum(_key_of(row) == NO_HITS for row in store.entries("exchange/1", *logs.bounds("exchange/1")))
        assert lost == under > 0
        assert read_each(logs_of(home, store), ABOUT, lambda *_: None) == under
        assert len(taken) < len(expected)
        away.rename(key)
        found = find(logs_of(home, store), index, ABOUT, MANY)
        assert places(found.entries) == expected
        assert (found.closed, found.lost) == (0, 0)
        key.rename(away)
        find(logs_of(home, store), index, ABOUT, MANY)
        home.keystore.destroy(NO_HITS)
        found = find(logs_of(home, store), index, ABOUT, MANY)
        assert (found.closed, found.lost) == (under, 0)


@pytest.mark.long
def test_a_copy_of_an_index_says_nothing_once_the_key_is_gone(tmp_path: Path) -> None:
    """Every term that the erased entries had is tried with every key that is left: no label of theirs is found."""
    home = LogHome(tmp_path / "home", clock=_SteppingClock(NOON))
    home.folder.mkdir()
    fill(home, 1000, seed=3)
    path = tmp_path / "find.sqlite"
    terms = [term(Field.OFFICER, officer) for officer in OFFICERS] + [term(Field.CASE, case) for case in CASES]
    with home.store() as store:
        index = FindFile(path)
        keeper = IndexKeeper(logs_of(home, store), index)
        keeper.catch_up()
        part = next(part for part in index.parts("exchange/1", 0, 0) if part.key_id == "nohit/2026-11")
        lost = keeper.term_keys("nohit/2026-11")
        assert all(index.posting(part.id, label(lost.of(item), part.salt)) for item in terms)
        index.close()
    copy = FindFile(path)
    home.keystore.destroy("nohit/2026-11")
    keys = KeyStore(home.folder / "keystore")
    left = [bytes(32), *(keys.search_key(key_id) for key_id in keys.key_ids())]
    assert len(left) > 2
    for key in left:
        assert not any(copy.posting(part.id, label(TermKeys(key).of(item), part.salt)) for item in terms)
    labels = _labels(path)
    assert len(set(labels)) == len(labels)


def _labels(path: Path) -> list[int]:
    """No label stands twice, in one part or in two: equal terms cannot be told."""
    with sqlite3.connect(path) as database:
        return [row[0] for row in database.execute("SELECT label FROM posting")]


@pytest.mark.long
def test_the_index_holds_no_plain_value(home: LogHome, store: SqlLogStore, tmp_path: Path) -> None:
    index = FindFile(tmp_path / "find.sqlite")
    IndexKeeper(logs_of(home, store), index).catch_up()
    index.close()
    data = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for value in (*OFFICERS, *CASES, *AGREEMENTS, *NAMES, *NUMBERS, *REFERENCES, "INVESTIGATION"):
        assert value.encode() not in data


# ------------------------------------------------------------ an index that is wrong


@pytest.mark.long
def test_an_index_that_names_another_entry_is_refused(home: LogHome, store: SqlLogStore, tmp_path: Path) -> None:
    path = tmp_path / "find.sqlite"
    logs, question = logs_of(home, store), asking(one(Field.OFFICER, OFFICERS[0]))
    index = FindFile(path)
    find(logs, index, question, MANY)
    with sqlite3.connect(path) as database:
        database.execute("UPDATE posting SET places = randomblob(length(places))")
    with pytest.raises(Contradicted, match="not what the search index says"):
        find(logs, index, question, MANY)


@pytest.mark.long
def test_a_damaged_index_says_so_and_is_built_anew(home: LogHome, store: SqlLogStore, tmp_path: Path) -> None:
    path = tmp_path / "find.sqlite"
    path.write_bytes(b"no database at all" * 500)
    with pytest.raises(Unavailable, match="search index cannot be used"):
        FindFile(path)
    path.unlink()
    assert IndexKeeper(logs_of(home, store), FindFile(path)).catch_up() == 2


@pytest.mark.long
def test_two_processes_may_build_at_once(home: LogHome, store: SqlLogStore, tmp_path: Path) -> None:
    logs, one_file, other = logs_of(home, store), FindFile(tmp_path / "f"), FindFile(tmp_path / "f")
    assert IndexKeeper(logs, one_file).catch_up() == 2
    assert IndexKeeper(logs, other).catch_up() == 0
    question = asking(one(Field.OFFICER, OFFICERS[0]))
    assert find(logs, other, question, MANY).count == len(scan(logs, question))


# ------------------------------------------------------------ exports


@pytest.mark.long
def test_an_export_of_a_part_is_searched_from_its_first_entry_to_its_last(
    home: LogHome, store: SqlLogStore, tmp_path: Path
) -> None:
    at_home = logs_of(home, store)
    since_us = next(iter(at_home.rows("exchange/1", 900, 901))).entry.time_us
    export(
        store,
        home.keystore,
        home.key,
        home.clock,
        member=MemberId("th"),
        highwater=home.highwater,
        out=tmp_path / "export",
        documents={},
        since_us=since_us,
    )
    logs, question = SearchedExport(tmp_path / "export"), Question(log="exchange", kinds=frozenset({"asked"}))
    start, stop = logs.bounds("exchange/1")
    assert 0 < start <= 900
    assert start % BLOCK != 0
    assert (start, stop) == (start, at_home.bounds("exchange/1")[1])
    expected = [place for place in scan(at_home, question) if place[1] >= start]
    indexed = find(logs, FindFile(tmp_path / "find"), question, MANY)
    complete = find_all(logs, question, MANY, {"exchange/1": stop - start})
    assert places(indexed.entries) == places(complete.entries) == expected
    assert indexed.count == complete.count == len(expected)
    assert find_all(logs, question, MANY, {}).count == 0


# ------------------------------------------------------------ lines of an export


@given(indexes=st.sets(st.integers(0, 300), max_size=40), seed=st.integers(0, 9), wanted=st.integers(0, 300))
def test_a_line_of_an_export_is_found_by_halving(indexes: set[int], seed: int, wanted: int) -> None:
    lines = {index: b'{"index":%d,"private":"%b"}\n' % (index, b"x" * (index * seed % 23)) for index in sorted(indexes)}
    assert find_line(BytesIO(b"".join(lines.values())), wanted, "openings") == lines.get(wanted, b"")


# ------------------------------------------------------------ names


def test_one_name_in_two_scripts_is_one_name() -> None:
    assert name_sounds("สมชาย ใจดี") & name_sounds("JAIDEE, Somchai")
    assert name_sounds("Nguyễn Văn An") & name_sounds("NGUYEN VAN AN")
    assert not name_sounds("Somchai Jaidee") & name_sounds("Sok Dara")
    assert name_sounds("???")


def test_a_vessel_is_found_by_its_number_with_and_without_the_word_before_it() -> None:
    assert number_terms("IMO 9074729") >= number_terms("9074729")
    assert number_terms("MMSI 574001230") >= number_terms("574001230")
    assert not number_terms("IMO 9074728") & number_terms("9074728"), "no IMO number: it is taken as it is written"
