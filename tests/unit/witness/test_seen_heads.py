"""Heads from answers, receipts and requests to cosign are compared: what does not go together is found and kept."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.audit.tree.checkpoint import Shown, origin, parse_checkpoint, whole_parts
from gateway.audit.tree.merkle import leaf_hash, node_hash
from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadProof, HeadConflict
from gateway.model.evidence.witness import WitnessedHead
from gateway.storage.database.engine import Database, open_database
from gateway.storage.database.migrate import migrate
from gateway.storage.documents.witness_store import SqlWitnessStore
from gateway.witness.seen_heads import MAX_EVIDENCE, MAX_LOGS, SeenHeads
from gateway.witness.service import BEHIND_US, WitnessService, build_request
from tests.support.witnesses import ORIGIN, TH, LogOf, StaticLogs, WitnessHouse, make_witness


def shown(log: LogOf, index: int, size: int | None = None) -> Shown:
    """What an answer shows: a head, and an entry with its proof."""
    size = len(log.leaves) if size is None else size
    tree = LogOf(log.key, log.origin, log.leaves[:size]).tree()
    return Shown(parse_checkpoint(log.head(size)), index, log.leaves[index], tuple(tree.inclusion(index)))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = open_database(tmp_path / "heads.sqlite")
    migrate(made)
    yield made
    made.close()


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(SystemClock().now())


@pytest.fixture
def store(database: Database) -> SqlWitnessStore:
    return SqlWitnessStore(database)


@pytest.fixture
def heads(store: SqlWitnessStore, clock: ManualClock) -> SeenHeads:
    return SeenHeads(store, clock)


@pytest.fixture
def log() -> LogOf:
    return LogOf().grow(20)


def found(heads: SeenHeads) -> list[str]:
    return [evidence.code for evidence in heads.keep()]


# ------------------------------------------------------------------ parts of a tree


@pytest.mark.long
@settings(max_examples=200, deadline=None)
@given(size=st.integers(1, 130), data=st.data())
def test_the_parts_of_a_proof_are_those_of_the_tree(size: int, data: st.DataObject) -> None:
    log = LogOf().grow(size)
    index = data.draw(st.integers(0, size - 1))

    def digest(level: int, place: int) -> bytes:
        if level == 0:
            return log.leaves[place]
        return node_hash(digest(level - 1, 2 * place), digest(level - 1, 2 * place + 1))

    parts = whole_parts(shown(log, index))
    assert parts == [(level, place, digest(level, place)) for level, place, _ in parts]
    assert sum(1 << level for level, _, _ in parts[1:]) == index


# ------------------------------------------------------------------ answers against answers


def test_an_honest_log_is_never_accused(heads: SeenHeads, log: LogOf) -> None:
    for size in (1, 2, 3, 7, 8, 9, 20, 20, 12, 5):
        for index in range(size):
            heads.note(shown(log, index, size))
    assert found(heads) == []
    largest = heads.largest(ORIGIN)
    assert largest
    assert largest.size == 20


def test_two_roots_over_one_size_are_a_fork(heads: SeenHeads, store: SqlWitnessStore, log: LogOf) -> None:
    fork = log.branch(12).grow(8, "other ")
    heads.note(shown(log, 3))
    heads.note(shown(fork, 3))
    assert found(heads) == ["fork"]
    assert found(heads) == []
    assert [(item.known, item.offered) for item in store.evidence()] == [(log.head(), fork.head())]


def test_a_smaller_head_that_comes_late_is_compared_as_well(heads: SeenHeads, log: LogOf) -> None:
    fork = log.branch(4).grow(16, "other ")
    for size in (10, 15, 20):
        heads.note(shown(log, size - 1, size))
    heads.note(shown(log, 3, 10))
    assert found(heads) == []
    heads.note(shown(fork, 9, 10))
    assert found(heads) == ["fork"]


def test_one_index_with_two_entries_under_heads_of_different_sizes_is_evidence(heads: SeenHeads, log: LogOf) -> None:
    fork = log.branch(12).grow(9, "other ")
    heads.note(shown(log, 15, 18))
    heads.note(shown(fork, 15, 21))
    assert found(heads) == ["apart"]


@pytest.mark.parametrize("changed", [0, 3, 7, 15])
def test_an_earlier_entry_that_was_rewritten_is_evidence_although_it_is_not_shown(
    heads: SeenHeads, log: LogOf, changed: int
) -> None:
    heads.note(shown(log, 16, 17))
    fork = LogOf(log.key, log.origin, [*log.leaves[:changed], leaf_hash(b"other"), *log.leaves[changed + 1 :]]).grow(3)
    heads.note(shown(fork, 19, 23))
    assert found(heads) == ["apart"]


def test_entries_that_were_shown_one_by_one_are_known_as_a_whole(heads: SeenHeads, log: LogOf) -> None:
    for index in range(4):
        heads.note(shown(log, index, index + 1))
    fork = LogOf(log.key, log.origin, [*log.leaves[:2], leaf_hash(b"other"), log.leaves[3]]).grow(2)
    heads.note(shown(fork, 4, 6))
    assert found(heads) == ["apart"]


@pytest.mark.long
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    branch=st.integers(0, 19),
    seen=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 19)), min_size=1, max_size=12),
)
def test_accused_is_only_who_forked(
    store: SqlWitnessStore, clock: ManualClock, branch: int, seen: list[tuple[int, int]]
) -> None:
    honest, heads = LogOf().grow(20), SeenHeads(store, clock)
    for size, index in seen:
        heads.note(shown(honest, index % size, size))
    assert heads.keep() == []
    fork = honest.branch(branch).grow(20 - branch, "other ")
    size, index = seen[0]
    heads.note(shown(fork, index % size, size))
    assert bool(heads.keep()) == (size > branch)


# ------------------------------------------------------------------ other processes, before a start, what was cosigned


def test_what_two_processes_saw_is_compared_when_it_is_written(
    store: SqlWitnessStore, clock: ManualClock, log: LogOf
) -> None:
    one, two = SeenHeads(store, clock), SeenHeads(store, clock)
    one.note(shown(log, 3))
    two.note(shown(log.branch(12).grow(8, "other "), 3))
    one.write()
    two.write()
    assert (found(one), found(two)) == ([], ["fork"])


def test_what_was_cosigned_is_compared_when_it_is_written(heads: SeenHeads, store: SqlWitnessStore, log: LogOf) -> None:
    head = parse_checkpoint(log.branch(12).grow(8, "other ").head())
    store.advance(None, WitnessedHead(ORIGIN, head.size, head.root, head.data, 1))
    heads.note(shown(log, 3))
    heads.write()
    assert found(heads) == ["fork"]


def test_a_head_from_before_a_start_is_the_largest(store: SqlWitnessStore, clock: ManualClock, log: LogOf) -> None:
    before = SeenHeads(store, clock)
    before.note(shown(log, 3))
    before.write()
    later = SeenHeads(store, clock)
    later.note(shown(log, 3, 12))
    largest = later.largest(ORIGIN)
    assert largest
    assert largest.size == 20


# ------------------------------------------------------------------ bounds


@pytest.mark.long
def test_a_log_that_forks_without_end_and_logs_without_end_fill_nothing(
    heads: SeenHeads, store: SqlWitnessStore, log: LogOf
) -> None:
    heads.note(shown(log, 3))
    for number in range(3 * MAX_EVIDENCE):
        heads.note(shown(log.branch(19).grow(1, f"{number} "), 3))
    assert len(heads.keep()) == len(store.evidence()) == MAX_EVIDENCE
    for number in range(2, 3 * MAX_LOGS):
        heads.note(shown(LogOf(log.key, origin("th", "exchange", number)).grow(1), 0))
    heads.write()
    assert (
        sum(store.seen(origin("th", "exchange", number)) is not None for number in range(1, 3 * MAX_LOGS)) == MAX_LOGS
    )


@pytest.mark.timed
def test_a_noted_head_costs_microseconds(heads: SeenHeads) -> None:
    log = LogOf().grow(600)
    tree = log.tree()
    every = [
        Shown(parse_checkpoint(log.head(600)), index, log.leaves[index], tuple(tree.inclusion(index)))
        for index in range(600)
    ]
    start = time.thread_time()
    for each in every:
        heads.note(each)
    assert (time.thread_time() - start) / len(every) < 200e-6


# ------------------------------------------------------------------ a witness that has also seen answers


@pytest.fixture
def house(log: LogOf, tmp_path: Path) -> Iterator[WitnessHouse]:
    folder = tmp_path / "house"
    folder.mkdir()
    made = make_witness(folder, StaticLogs({ORIGIN: (TH, [log.key.verify_key()])}))
    yield made
    made.database.close()


@pytest.fixture
def seen(house: WitnessHouse) -> SeenHeads:
    """The heads that this witness sees in answers."""
    made = SeenHeads(house.store, house.clock)
    house.service = WitnessService(
        house.service._cosigner, house.store, house.service._logs, house.clock, house.found.append,
        heads=made, pause_s=0,
    )  # fmt: skip
    return made


def cosign(house: WitnessHouse, log: LogOf, size: int, old: int) -> bytes:
    """Ask as a node does: again with the proof from each size that the witness names."""
    for _ in range(2):
        try:
            return house.service.add_checkpoint(TH, log.request(old, size))
        except HeadConflict as conflict:
            if conflict.size in (old, 0) or conflict.size > size:
                raise
            old = conflict.size
    return house.service.add_checkpoint(TH, log.request(old, size))


def test_10_a_log_is_cosigned_when_it_extends_what_it_showed_in_answers(
    house: WitnessHouse, seen: SeenHeads, log: LogOf
) -> None:
    assert cosign(house, log, 5, 0)
    for size, old in ((12, 5), (20, 12)):
        seen.note(shown(log, 3, size - 2))
        assert cosign(house, log, size, old)
    assert house.found == []


def test_10_another_tree_than_in_answers_is_not_cosigned(house: WitnessHouse, seen: SeenHeads, log: LogOf) -> None:
    assert cosign(house, log, 5, 0)
    seen.note(shown(log, 8, 9))
    fork = log.branch(7).grow(13, "other ")
    for size, old in ((8, 5), (9, 5), (12, 5), (20, 9)):
        house.clock.advance(timedelta(microseconds=2 * BEHIND_US if size == 8 else 0))
        with suppress(HeadConflict, BadProof):
            cosign(house, fork, size, old)
            assert size == 8  # on its way when the larger one was seen, for a minute
    known = house.store.witnessed(ORIGIN)
    assert known
    assert known.size <= 8
    assert {item.code for item in house.store.evidence()} <= {"fork", "no-proof"}
    assert house.store.evidence()


def test_10_a_smaller_head_may_be_on_its_way_but_not_for_long(house: WitnessHouse, seen: SeenHeads, log: LogOf) -> None:
    assert cosign(house, log, 5, 0)
    seen.note(shown(log, 8, 15))
    assert cosign(house, log, 9, 5)
    house.clock.advance(timedelta(microseconds=BEHIND_US + 1))
    with pytest.raises(HeadConflict):
        cosign(house, log, 12, 9)
    assert cosign(house, log, 16, 9)


def test_10_a_counterpart_that_asks_twice_at_most_is_served_once_and_then_shows_the_proof(
    house: WitnessHouse, seen: SeenHeads, log: LogOf
) -> None:
    """A node of version 0.1.0 after its start does not know what we cosigned last."""
    assert cosign(house, log, 5, 0)
    seen.note(shown(log, 8, 9))
    with pytest.raises(HeadConflict) as conflict:
        house.service.add_checkpoint(TH, log.request(0, 12))
    assert conflict.value.size == 5
    assert house.service.add_checkpoint(TH, log.request(5, 12))
    with pytest.raises(HeadConflict) as conflict:
        house.service.add_checkpoint(TH, log.request(12, 14))
    assert conflict.value.size == 9
    assert house.service.add_checkpoint(TH, log.request(9, 14))


def test_10_being_served_once_does_not_serve_a_fork_twice(house: WitnessHouse, seen: SeenHeads, log: LogOf) -> None:
    assert cosign(house, log, 5, 0)
    seen.note(shown(log, 8, 9))
    fork = log.branch(7).grow(13, "other ")
    with pytest.raises(HeadConflict):
        house.service.add_checkpoint(TH, fork.request(0, 12))
    house.service.add_checkpoint(TH, fork.request(5, 12))
    for size in (13, 15, 20):
        for old in (0, 12, 9):
            with pytest.raises((HeadConflict, BadProof)):
                house.service.add_checkpoint(TH, fork.request(old, size))
    assert "no-proof" in {item.code for item in house.store.evidence()}


def test_6_a_head_of_a_size_that_was_shown_in_an_answer_has_its_root(
    house: WitnessHouse, seen: SeenHeads, log: LogOf
) -> None:
    seen.note(shown(log, 8, 9))
    seen.note(shown(log, 8, 15))
    fork = log.branch(7).grow(2, "other ")
    with pytest.raises(HeadConflict):
        house.service.add_checkpoint(TH, fork.request(0, 9))
    assert [item.code for item in house.store.evidence()] == ["fork"]


@pytest.mark.parametrize("code", ["fork", "apart"])
def test_9_a_log_that_forked_is_cosigned_no_more_and_its_next_number_is(
    house: WitnessHouse, seen: SeenHeads, log: LogOf, code: str
) -> None:
    following = LogOf(log.key, origin("th", "exchange", 2)).grow(3)
    house.service._logs.known[following.origin] = (TH, [log.key.verify_key()])  # type: ignore[attr-defined]
    assert cosign(house, log, 5, 0)
    seen.note(shown(log, 8, 9))
    seen.note(shown(log.branch(7).grow(2 if code == "fork" else 3, "other "), 8))
    assert found(seen) == [code]
    with pytest.raises(HeadConflict, match="forked"):
        cosign(house, log, 20, 5)
    assert house.service.add_checkpoint(TH, following.request(0))
    later = WitnessService(house.service._cosigner, house.store, house.service._logs, house.clock, house.found.append)
    with pytest.raises(HeadConflict, match="forked"):
        later.add_checkpoint(TH, log.request(5, 20))


def test_an_answer_is_compared_with_a_head_that_was_offered_and_refused(
    house: WitnessHouse, seen: SeenHeads, log: LogOf
) -> None:
    assert cosign(house, log, 5, 0)
    fork = log.branch(4).grow(16, "other ")
    with pytest.raises(BadProof):
        house.service.add_checkpoint(TH, build_request(5, (), fork.head(9)))
    seen.note(shown(log, 8, 9))
    assert found(seen) == ["fork"]
