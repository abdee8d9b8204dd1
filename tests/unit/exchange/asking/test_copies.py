"""Copies of records from abroad vanish when their owner says, and the search stays."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from gateway.clock import ManualClock, from_us
from gateway.errors import StorageBroken
from gateway.exchange.asking.copies import COPY, Copies, deletion
from gateway.exchange.asking.searches import decode_search, encode_search
from gateway.model.exchange import Outcome
from gateway.model.hit import Quality
from gateway.model.names import MemberId
from gateway.model.search import Line, Search, ShownHit, ShownRecord
from gateway.ports.journal import EntryDraft
from gateway.storage.database.engine import open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.keys.keystore import KeyStore
from tests.support.policies import NOW_US

HOUR_US = 3_600_000_000
KEPT_US = NOW_US + 48 * HOUR_US
VN = MemberId("vn")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(from_us(NOW_US))


@pytest.fixture
def copies(tmp_path: Path, clock: ManualClock) -> Copies:
    database = open_database(tmp_path / "node.sqlite")
    migrate(database)
    return Copies(SqlDocumentStore(database, KeyStore(tmp_path / "keystore"), clock))


def record(hours: float, **marking: Any) -> ShownRecord:
    until = from_us(NOW_US + int(hours * HOUR_US)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return ShownRecord("vn.immigration", False, {"status": "STOLEN"}, {"not_after": until, **marking}, 3, "a.b.c~")


def search(*records: ShownRecord | None) -> Search:
    hits = tuple(ShownHit("ref", Quality.EXACT_ID, "TravelDocument", ("number",), "", item) for item in records)
    silent = Line(MemberId("kh"), Outcome.SILENT)
    return Search("s1", "th.o.1042", NOW_US, True, (), (Line(VN, Outcome.HIT, hits, exchange_id="ab" * 16), silent))


def later(copies: Copies, clock: ManualClock, made: Search, hours: float) -> Search:
    kept = decode_search(encode_search(copies.keep(made, NOW_US, KEPT_US)))
    clock.advance(timedelta(hours=hours))
    return copies.restore(kept)


def test_what_may_still_be_kept_comes_back_as_it_was(copies: Copies, clock: ManualClock) -> None:
    made = search(record(47), None, record(30))
    assert later(copies, clock, made, 29) == made


def test_a_record_is_gone_when_its_owner_says_and_the_search_stays(copies: Copies, clock: ManualClock) -> None:
    made = search(record(47), record(2))
    found = later(copies, clock, made, 3)
    assert [hit.record is not None for hit in found.lines[0].hits] == [True, False]
    assert found.lines[0].hits[1].reference == "ref"


def test_nothing_is_kept_beyond_48_hours_whatever_the_owner_allows(copies: Copies, clock: ManualClock) -> None:
    assert later(copies, clock, search(record(1000)), 49).lines[0].hits[0].record is None


def test_what_is_for_a_single_use_is_never_kept(copies: Copies, clock: ManualClock) -> None:
    made = search(record(40, delete_after_use=True), record(40))
    kept = copies.keep(made, NOW_US, KEPT_US)
    assert b"STOLEN" not in encode_search(kept)
    assert [hit.record is not None for hit in copies.restore(kept).lines[0].hits] == [False, True]


@pytest.mark.parametrize("marking", [{"not_after": "soon"}, {"not_after": None}])
def test_a_time_that_cannot_be_read_ends_at_once(copies: Copies, clock: ManualClock, marking: dict[str, Any]) -> None:
    assert later(copies, clock, search(record(40, **marking)), 0).lines[0].hits[0].record is None


def test_each_deletion_names_search_and_exchange_and_leaves_no_bytes(copies: Copies, clock: ManualClock) -> None:
    copies.keep(search(record(1), record(5)), NOW_US, KEPT_US)
    clock.advance(timedelta(hours=2))
    (key,) = copies.over(clock.now_us())
    assert deletion(key).private == {"search": "s1", "exchange": "ab" * 16, "ground": "retention"}
    copies.documents.expire(clock.now_us(), but=COPY)
    assert copies.over(clock.now_us()) == [key]
    copies.delete(key)
    assert copies.over(clock.now_us()) == []
    assert len(copies.documents.keys(COPY)) == 1


async def test_a_copy_goes_only_once_the_entry_that_says_so_is_written(copies: Copies, clock: ManualClock) -> None:
    copies.keep(search(record(1), record(5)), NOW_US, KEPT_US)
    clock.advance(timedelta(hours=2))

    async def broken(_draft: EntryDraft) -> None:
        raise StorageBroken("the disk is gone", where="append")

    with pytest.raises(StorageBroken):
        await copies.delete_over(clock.now_us(), broken)
    assert len(copies.documents.keys(COPY)) == 2

    written: list[EntryDraft] = []

    async def write(draft: EntryDraft) -> None:
        assert len(copies.documents.keys(COPY)) == 2
        written.append(draft)

    await copies.delete_over(clock.now_us(), write)
    assert [draft.private["ground"] for draft in written] == ["retention"]
    assert len(copies.documents.keys(COPY)) == 1


def test_a_search_that_is_stored_again_revives_nothing_that_was_deleted(copies: Copies, clock: ManualClock) -> None:
    made = search(record(1), record(5))
    copies.keep(made, clock.now_us(), KEPT_US)
    clock.advance(timedelta(hours=2))
    for key in copies.over(clock.now_us()):
        copies.delete(key)
    copies.keep(made, clock.now_us(), KEPT_US)
    assert copies.over(clock.now_us()) == []
    assert len(copies.documents.keys(COPY)) == 1
