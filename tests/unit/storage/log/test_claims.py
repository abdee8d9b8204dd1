"""Claims: one answer for each (sender, exchange id) while its request is fresh, and nothing kept after that."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit.log.log import AuditLog
from gateway.clock import ManualClock
from gateway.errors import Stale, StorageBroken
from gateway.model.names import ExchangeId
from gateway.ports.journal import EntryDraft, ReplayClaim, StoredAnswer
from gateway.statements.fields import SKEW_US
from gateway.statements.request import check_fresh
from gateway.storage.log.claims import BUCKET_US, HELD_S, ClaimIndex, claim_key
from tests.bench.history import growth, measure_history
from tests.support import schemas
from tests.support.audit_logs import NOON, VN, LogHome, answered, logged, new_id
from tests.support.sealing import NOW, REQUEST

pytestmark = pytest.mark.usefixtures("engine")

KEYS = [claim_key("vn", f"{number:032x}") for number in range(8)]


def claimed_until(expires_us: int, exchange: str = "") -> EntryDraft:
    draft = answered(exchange)
    return replace(draft, claim=ReplayClaim(VN, ExchangeId(draft.exchange_id), draft.request_hash, expires_us))


def test_e3_a_request_whose_claim_was_forgotten_is_refused_as_stale(tmp_path: Path) -> None:
    """At every moment a replay either finds its claim or is not fresh, even with a clock put back by the skew."""
    home = LogHome(tmp_path, clock=ManualClock(NOON))
    request = replace(REQUEST, issued_us=NOW + SKEW_US, expires_us=NOW + SKEW_US + 60_000_000)
    draft = claimed_until(request.expires_us + 2 * SKEW_US, request.exchange_id)
    forgotten = 0
    with home.log() as log, home.store() as store:
        log.append([draft])
        for second in range(240):
            now_us = NOW + second * 1_000_000
            store.forget_claims(now_us)
            if not store.claimed([(VN, request.exchange_id)]):
                forgotten += 1
                with pytest.raises(Stale):
                    check_fresh(request, now_us)
                with pytest.raises(Stale):
                    check_fresh(request, now_us - SKEW_US)
    assert forgotten


def test_forgotten_claims_are_gone_and_a_start_does_not_read_them_again(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    old, new = [claimed_until(10) for _ in range(5)], [claimed_until(10 * BUCKET_US) for _ in range(3)]
    with home.store() as store, home.log() as log:
        log.append([*old, *new, *old[:1]])
        wanted = [(VN, ExchangeId(draft.exchange_id)) for draft in old + new]
        assert len(store.claimed(wanted)) == 8
        assert store.forget_claims(BUCKET_US - 1) == 0
        assert store.forget_claims(BUCKET_US) == 5
        assert store.forget_claims(BUCKET_US) == 0
        assert sorted(index for _, index in store.claimed(wanted).values()) == [5, 6, 7]
    with home.store() as store:
        assert sorted(index for _, index in store.claimed(wanted).values()) == [5, 6, 7]
        assert store.forget_claims(100 * BUCKET_US) == 3
        assert store.claimed(wanted) == {}


def test_e3_claims_of_an_earlier_log_number_and_of_a_restart_still_count(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    draft = claimed_until(BUCKET_US)
    with home.log() as log:
        logged(log.append([answered(), draft]))
    with home.log() as log:
        (again,) = log.append([draft])
        assert isinstance(again, StoredAnswer)
        assert again.answer == draft.answer
    with home.store() as store:
        place = home.highwater
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", number=2, highwater=place, opening={})
        (again,) = log.append([draft])
        assert again == StoredAnswer(draft.request_hash, b"", b"", 1)
        log.close()


def test_the_store_itself_refuses_a_second_answer() -> None:
    claims = ClaimIndex()
    claims.add([(KEYS[0], 1, 1, 0)])
    with pytest.raises(StorageBroken, match="answered twice"):
        claims.add([(KEYS[0], 99 * BUCKET_US, 1, 1)])


@given(st.lists(st.integers(0, 20 * BUCKET_US), min_size=8, max_size=8), st.integers(0, 21 * BUCKET_US))
def test_no_claim_is_forgotten_early_and_a_start_reads_all_that_are_left(expiries: list[int], before: int) -> None:
    claims = ClaimIndex()
    claims.add([(key, expiry, 1, index) for index, (key, expiry) in enumerate(zip(KEYS, expiries, strict=True))])
    count, starts = claims.forget(before)
    left = claims.find(KEYS)
    assert count == len(KEYS) - len(left)
    for index, (key, expiry) in enumerate(zip(KEYS, expiries, strict=True)):
        if expiry >= before:
            assert left[key] == (1, index)
        if key in left:
            assert starts[1] <= index
            assert expiry > before - BUCKET_US


def test_what_was_not_held_for_long_enough_by_the_steady_clock_is_not_forgotten() -> None:
    """However late it is by the system's clock: also what a start has read is held anew."""
    now_ns = 0
    claims = ClaimIndex(lambda: now_ns)
    claims.add([(KEYS[0], 1, 1, 0)])
    now_ns = int(HELD_S * 1e9) - 1
    claims.add([(KEYS[1], BUCKET_US, 1, 1)])
    assert (claims.over(10**18, HELD_S), claims.forget(10**18, HELD_S)) == ([], (0, {1: 0}))
    now_ns += 1
    assert claims.over(10**18, HELD_S) == [(0, BUCKET_US)]
    assert claims.forget(10**18, HELD_S) == (1, {1: 1})
    assert set(claims.find(KEYS)) == {KEYS[1]}
    claims.add([(KEYS[2], BUCKET_US, 1, 2)])  # a later claim holds its bucket
    now_ns += int(HELD_S * 1e9) - 1
    assert claims.forget(10**18, HELD_S)[0] == 0


@pytest.mark.long
def test_entries_are_found_by_time_among_many(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    home = LogHome(tmp_path, clock=clock)
    exchange = new_id()
    with home.log() as log:
        for number in range(20):
            log.append([answered(exchange if number == 7 else "")])
            clock.advance(timedelta(seconds=1))
    with home.store() as store:
        for second in range(21):
            at = NOW + second * 1_000_000
            assert store.find("exchange/1", since_us=at) == list(range(19, second - 1, -1))
            assert store.find("exchange/1", until_us=at + 1, since_us=1) == list(range(min(second, 19), -1, -1))
        assert store.find("exchange/1", exchange_id=exchange) == [7]


@pytest.mark.long
def test_the_measure_of_a_history_gives_rows_of_appends_and_of_the_start(tmp_path: Path) -> None:
    lines: list[str] = []
    rows = measure_history(tmp_path, 1000, lines.append)
    assert [row.as_json() for row in rows] == lines
    assert [(row.name, row.entries) for row in rows][-2:] == [("append", 1000), ("open", 1000)]
    assert all(row.cpu_us_per_entry > 0 for row in rows)


def test_the_measure_of_a_history_on_postgresql(tmp_path: Path, engine: str) -> None:
    """Its small form; `make history` does the million."""
    if engine == "postgresql":
        rows = measure_history(tmp_path, 2000, lambda _: None, schemas.address(tmp_path / "home", make=True))
        assert [(row.name, row.entries) for row in rows][-2:] == [("append", 2000), ("open", 2000)]
        assert all(part > 0 for part in growth(rows))
