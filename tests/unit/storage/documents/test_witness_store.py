"""What a witness remembers is changed by compare and set, and cosignatures are kept once for each head and key."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from threading import Barrier, Thread

import pytest
from msgspec.structs import replace

from gateway.model.evidence.witness import HeadEvidence, WitnessedHead
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.witness_store import SqlWitnessStore
from tests.support.audit_logs import LogHome

pytestmark = pytest.mark.usefixtures("engine")

ORIGIN = "th.liaison.internal/exchange/1"
FIRST = WitnessedHead(ORIGIN, 3, b"a" * 32, b"three", 10)
SECOND = WitnessedHead(ORIGIN, 5, b"b" * 32, b"five", 20)
HOUR_US = 3_600_000_000


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A new database."""
    made = LogHome(tmp_path).open()
    migrate(made)
    yield made
    made.close()


def line(key: str, signature: str = "signed") -> bytes:
    """A signature line of the key `key` (four letters)."""
    return f"— vn.liaison.internal/witness {base64.b64encode(f'{key}{signature}'.encode()).decode()}\n".encode()


def test_a_head_advances_only_from_the_one_that_is_the_newest(database: Database) -> None:
    store = SqlWitnessStore(database)
    assert store.witnessed(ORIGIN) is None
    assert store.advance(None, FIRST)
    assert not store.advance(None, SECOND)
    assert store.advance(FIRST, SECOND)
    assert not store.advance(FIRST, replace(FIRST, size=9))
    assert not store.advance(replace(SECOND, root=b"c" * 32), FIRST)
    assert store.witnessed(ORIGIN) == SECOND
    assert store.origins() == [SECOND]


def test_of_many_that_advance_from_one_head_one_wins(database: Database) -> None:
    store = SqlWitnessStore(database)
    store.advance(None, FIRST)
    together, won = Barrier(8), []

    def advance(size: int) -> None:
        together.wait()
        if store.advance(FIRST, replace(SECOND, size=size)):
            won.append(size)

    threads = [Thread(target=advance, args=(size,)) for size in range(10, 18)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    known = store.witnessed(ORIGIN)
    assert known is not None
    assert won == [known.size]


def test_evidence_is_kept_once_and_not_without_end(database: Database) -> None:
    store = SqlWitnessStore(database)
    found = [HeadEvidence(ORIGIN, "fork", b"known", f"offered {number}".encode(), number) for number in range(3)]
    assert store.keep_evidence(found[0], 2)
    assert not store.keep_evidence(replace(found[0], time_us=99), 2)
    assert store.keep_evidence(found[1], 2)
    assert not store.keep_evidence(found[2], 2)
    assert store.keep_evidence(replace(found[2], origin="another"), 2)
    assert store.evidence() == [*found[:2], replace(found[2], origin="another")]


def test_the_largest_seen_head_stays(database: Database) -> None:
    store = SqlWitnessStore(database)
    assert store.seen(ORIGIN) is None
    for size, head in ((5, b"five"), (3, b"three"), (5, b"other five"), (6, b"six"), (5, b"five")):
        store.put_seen(ORIGIN, size, head)
    assert store.seen(ORIGIN) == b"six"


def test_a_head_has_one_cosignature_of_each_key(database: Database) -> None:
    store = SqlWitnessStore(database)
    store.put_cosignatures("exchange/1", 5, b"five", [line("aaaa")], 1)
    store.put_cosignatures("exchange/1", 5, b"five", [line("aaaa", "later"), line("bbbb")], 2)
    store.put_cosignatures("exchange/1", 9, b"nine", [line("aaaa")], 3)
    assert store.cosignatures("exchange/1", 5) == [line("aaaa"), line("bbbb")]
    assert store.cosignatures("exchange/1", 6) == []
    assert [(head.size, head.checkpoint, head.time_us) for head in store.cosigned("exchange/1")] == [
        (5, b"five", 1),
        (9, b"nine", 3),
    ]
    assert [head.size for head in store.cosigned("exchange/1", 6)] == [9]
    assert store.cosigned("operations/1") == []


def test_old_heads_are_thinned_and_young_ones_stay(database: Database) -> None:
    store = SqlWitnessStore(database)
    for number in range(12):
        store.put_cosignatures("exchange/1", number + 1, b"head", [line("aaaa")], number * HOUR_US // 4)
    assert store.thin(2 * HOUR_US, HOUR_US) == 6
    assert [head.size for head in store.cosigned("exchange/1")] == [1, 5, 9, 10, 11, 12]
    assert store.thin(2 * HOUR_US, HOUR_US) == 0
