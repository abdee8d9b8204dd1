"""The tree of a log on disk: what a start believes of it, what it refuses, and what the scrubber finds afterwards."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from gateway.audit.log import head
from gateway.audit.log.log import AuditLog
from gateway.audit.log.recovery import open_tree
from gateway.audit.log.scrub import Scrubber
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import Tree, leaf_hash, verify_consistency, verify_inclusion
from gateway.clock import ManualClock
from gateway.errors import Contradicted, StorageBroken
from tests.support.audit_logs import NOON, LogHome, answered

pytestmark = pytest.mark.usefixtures("engine")

ENTRIES = 1_100


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    home = LogHome(tmp_path)
    home.fill(ENTRIES, batch=200)
    return home


@pytest.fixture
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """A start re-hashes 256 entries, as it does a million in a long log."""
    monkeypatch.setattr(head, "open_tree", partial(open_tree, rehashed=256))


def nodes(home: LogHome) -> dict[int, bytes]:
    with home.store() as store:
        return dict(store.nodes("exchange/1", 1, 0, 100))


def reference(home: LogHome) -> Tree:
    tree = Tree()
    with home.store() as store:
        tree.extend(leaf_hash(body) for _, body, _ in store.bodies("exchange/1", 0, ENTRIES))
    return tree


def sql(home: LogHome, value: bytes) -> str:
    return f"'\\x{value.hex()}'::bytea" if home.url else f"x'{value.hex()}'"


def prove(log: AuditLog, tree: Tree) -> None:
    """Each proof is that of the tree in memory."""
    size, root = ENTRIES, parse_checkpoint(log.checkpoint).root
    for index in (0, 255, 256, 700, 1_023, 1_024, ENTRIES - 1):
        proof = log.proof(index)
        verify_inclusion(tree.leaf(index), index, size, proof.hashes, root)
        assert proof.hashes == tree.inclusion(index)
        first = index + 1
        verify_consistency(first, size, log.root(first), root, log.extension(first, size))
        assert log.root(first) == tree.root(first)


@pytest.mark.long
@pytest.mark.usefixtures("_short")
def test_after_a_start_that_hashed_the_end_only_every_entry_is_proved(home: LogHome) -> None:
    tree = reference(home)
    assert nodes(home) == {place: tree.node(8, place) for place in range(ENTRIES // 256)}
    with home.log() as log:
        assert log.hashed_from == 768
        prove(log, tree)


@pytest.mark.long
@pytest.mark.usefixtures("_short")
@pytest.mark.parametrize(
    "statement", ["DELETE FROM log_node", "DELETE FROM log_node WHERE place = 1", "UPDATE log_node SET hash = %s"]
)
def test_nodes_that_are_lost_or_changed_are_made_anew_from_the_entries(home: LogHome, statement: str) -> None:
    """A log of version 0.1.0 has none of them."""
    tree = reference(home)
    before = nodes(home)
    home.sql(statement.replace("%s", "(SELECT root FROM log_state)"))
    with home.log() as log:
        assert log.hashed_from == 0
        prove(log, tree)
        log.append([answered()])
    assert nodes(home) == before
    with home.log() as log:
        assert log.hashed_from == 768


@pytest.mark.long
@pytest.mark.usefixtures("_short")
def test_an_old_entry_that_was_changed_is_found_within_the_first_hour(home: LogHome) -> None:
    home.sql("UPDATE log_entry SET body = leaf_hash WHERE seq = 2")
    with home.log() as log, pytest.raises(StorageBroken, match="not what was written"):
        Scrubber([log], ManualClock(NOON), 60.0).round()
    home.sql("UPDATE log_entry SET leaf_hash = (SELECT root FROM log_state) WHERE seq = 2")
    with home.log() as log, pytest.raises(StorageBroken, match="entries 0 to 255 are not those that were signed"):
        log.proof(3)


@pytest.mark.long
@pytest.mark.usefixtures("_short")
def test_what_a_start_did_not_hash_is_hashed_at_once_and_then_each_week(home: LogHome) -> None:
    with home.log() as log:
        scrubber = Scrubber([log], ManualClock(NOON), 60.0)
        drafts = [draft for _ in range(3) for draft in scrubber.round()]
    assert [draft.private["size"] for draft in drafts] == [768]


@pytest.mark.long
def test_a_usual_start_hashes_all_of_a_million(home: LogHome) -> None:
    home.sql("UPDATE log_entry SET body = leaf_hash WHERE seq = 2")
    with pytest.raises(Contradicted, match="entry 2 is bad"), home.log():
        pass


@pytest.mark.long
@pytest.mark.usefixtures("_short")
def test_entries_and_all_hashes_that_were_rewritten_are_refused(home: LogHome) -> None:
    """An intruder who can write to the database, and has no key, cannot make a tree that gives the signed root."""
    other = Tree()
    with home.store() as store:
        rows = [body for _, body, _ in store.bodies("exchange/1", 0, ENTRIES)]
    rows[5] = rows[5].replace(b'"t":1', b'"t":2')
    other.extend(map(leaf_hash, rows))
    home.sql(
        f"UPDATE log_entry SET body = {sql(home, rows[5])}, leaf_hash = {sql(home, other.leaf(5))} WHERE seq = 5",
        f"UPDATE log_node SET hash = {sql(home, other.node(8, 0))} WHERE place = 0",
    )
    for root in ("root", sql(home, other.root())):
        home.sql(f"UPDATE log_state SET root = {root}")
        with pytest.raises(Contradicted, match="one of the entries 0 to 199 is bad"), home.log():
            pass
