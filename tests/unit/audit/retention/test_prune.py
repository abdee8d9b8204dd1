"""Pruning to a lowest index: what is newer proves as before, what is older is said to be pruned, whatever asks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from gateway.audit.entries.entry import parse_entry
from gateway.audit.export.reader import ExportReader
from gateway.audit.log.log import AuditLog
from gateway.audit.log.open_next import LostLog, Word
from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.audit.retention.holds import Hold
from gateway.audit.retention.prune import Limits, Plan, Pruner, pruned_below, require_there
from gateway.audit.search.find import find
from gateway.audit.search.home import SearchedHome
from gateway.audit.search.question import Question
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import leaf_hash, verify_consistency, verify_inclusion
from gateway.audit.verify.findings import Check, Report, State
from gateway.audit.verify.reconcile_exports import begins_us
from gateway.errors import Contradicted, Forbidden, Malformed, StorageBroken, Unknown
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged
from gateway.storage.documents.find_file import FindFile
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome
from tests.support.audited import VN, World, make_world

pytestmark = pytest.mark.usefixtures("engine")

MANY = 1_000
FAR = 1 << 52


def kept(draft: EntryDraft) -> EntryDraft:
    """Its content lies under a key that is not destroyed."""
    draft.retention = Retention.HIT
    return draft


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, engine: str) -> World:
    """A thousand old entries whose content is erased, and some new ones."""
    world = make_world(tmp_path_factory.mktemp(f"prune-{engine}"))
    with world.home.log() as log:
        while log.size < MANY:
            log.append([world.answered() for _ in range(50)])
    before = world.home.keystore.key_ids()
    with world.home.log("operations") as operations:
        operations.append([events.START.draft(version="2")])
    with world.home.log() as log:
        log.append([kept(world.answered()) for _ in range(60)])
    for key_id in before:
        if key_id.startswith("nohit/"):
            world.home.keystore.destroy(key_id)
    return world


@pytest.fixture
def home(world: World) -> LogHome:
    return world.copy()


def prune(
    home: LogHome,
    before_us: int = FAR,
    *,
    covered: int = FAR,
    settled: int = FAR,
    holds: Sequence[Hold] = (),
    fail_after: int | None = None,
) -> list[Plan]:
    """Prune as far as may be; `fail_after` runs the disk is full."""
    limits = Limits(lambda _log: covered, holds, lambda _channel: settled)
    with home.store() as store:
        operations = AuditLog(store, home.keystore, home.key, home.clock, "th", "operations", highwater=home.highwater)
        try:
            pruner = Pruner(store, home.keystore, "th", limits, lambda draft: operations.append([draft]))
            plans = list(pruner.plans(before_us))
            for plan in plans:
                pruner.carry_out(plan, "A. Clerk", "archive law", before_us, {})
            return plans
        finally:
            operations.close()


def open_findings(report: Report) -> list[tuple[Check, State, str, str]]:
    return [
        (item.check, item.state, item.log, item.text)
        for item in report.findings
        # Nothing here says that the keys were destroyed by right: that is not the matter of these tests.
        if item.state is not State.PROVED and "no entry says that the key was destroyed" not in item.text
    ]


@pytest.mark.long
def test_g20_proofs_among_newer_entries_work_and_older_requests_get_a_clear_answer(home: LogHome) -> None:
    with home.log() as log:
        heads = [parse_checkpoint(data) for data in (log.checkpoint,)]
        old = log.proof(3)
    with home.store() as store:
        heads += [parse_checkpoint(data) for data in store.checkpoints("exchange/1")]
        bodies = {index: body for index, body, _ in store.bodies("exchange/1", 0, 10_000)}
    (plan,) = prune(home)
    assert (plan.first, plan.stop) == (0, 768)  # the first entry whose content is there is the thousandth and some
    with home.log() as log:
        assert log.size == len(bodies)
        (new,) = log.append([events.OWN.draft()])
        assert isinstance(new, Logged)
        for index in (767, 768, 900, log.size - 1):  # of a pruned one, too, for who still holds it
            proof, head = log.proof(index), parse_checkpoint(log.checkpoint)
            body = bodies.get(index) or new.entry
            verify_inclusion(leaf_hash(body), index, head.size, list(proof.hashes), head.root)
        newest = parse_checkpoint(log.checkpoint)
        for before in (item for item in heads if item.size):  # also from one among what is gone
            path = log.extension(before.size, newest.size)
            verify_consistency(before.size, newest.size, before.root, newest.root, list(path))
        assert log.proof(3).hashes != old.hashes
    with home.store() as store:
        assert pruned_below(store) == {"exchange/1": 768}
        assert next(iter(store.bodies("exchange/1", 0, 10_000)))[0] == 768
        with pytest.raises(Unknown, match="entry 767 was pruned: the entries of this log begin with 768"):
            require_there(store, "exchange/1", 767)
        require_there(store, "exchange/1", 768)
        entry = parse_entry(bodies[3])
        with pytest.raises(Unknown, match="pruned"):
            KeptAnswers(store, home.keystore).at(
                "exchange/1", 3, peer=VN, exchange_id=entry.exchange_id, kinds=("answered",)
            )
    assert not any(bodies[index] in home.raw() for index in (0, 3, 767))


@pytest.mark.long
def test_g20_the_entry_comes_first_and_verifiers_say_pruned_below(world: World, home: LogHome) -> None:
    prune(home)
    for report in (
        world.verify(home, statements=False),
        world.check(world.export(home), statements=False),
        world.check(world.export(home, nobody=True)),
    ):
        ((check, state, log, text),) = open_findings(report)
        assert (check, state, log) == (Check.PRUNED, State.NOT_PROVABLE, "exchange/1")
        assert text.startswith("pruned below 768, as entry 2 of operations/1 says")
        assert report.exit_code == 3


@pytest.mark.long
def test_an_export_of_a_time_after_what_is_gone_is_whole(world: World, home: LogHome) -> None:
    prune(home)
    with home.store() as store:
        times = {index: parse_entry(body).time_us for index, body, _ in store.bodies("exchange/1", 768, 10_000)}
    report = world.check(world.export(home, since_us=times[900], nobody=True))
    assert open_findings(report) == []
    report = world.check(world.export(home, since_us=times[768] - 1, nobody=True))
    assert [(check, text.partition(",")[0]) for check, _, _, text in open_findings(report)] == [
        (Check.PRUNED, "pruned below 768")
    ]


@pytest.mark.long
def test_rows_that_are_gone_without_an_entry_are_contradicted(world: World, home: LogHome) -> None:
    with home.store() as store:
        store.prune("exchange/1", 0, 512)
    report = world.verify(home, statements=False)
    assert report.exit_code == 1
    assert any("no entry says that they were pruned" in text for _, _, _, text in open_findings(report))


@pytest.mark.long
def test_an_entry_that_names_another_root_is_contradicted(world: World, home: LogHome) -> None:
    from gateway.audit.retention.prune import pruned_mark

    mark = pruned_mark("th.liaison.internal/exchange/1")
    with home.log("operations") as operations:
        operations.append([events.PRUNED.draft(number=512, request_hash=mark, answer_hash=b"\1" * 32)])
    with home.store() as store:
        store.prune("exchange/1", 0, 512)
    assert world.verify(home, statements=False).exit_code == 1


@pytest.mark.long
def test_a_hash_that_was_changed_in_what_is_gone_stops_the_start(home: LogHome) -> None:
    prune(home)
    home.sql("UPDATE log_tile SET hashes = (SELECT hashes FROM log_tile WHERE place = 0) WHERE place = 1")
    with pytest.raises(Contradicted), home.log():
        pass
    home.sql("DELETE FROM log_tile WHERE place = 2")
    with pytest.raises(Contradicted, match="is missing"), home.log():
        pass


@pytest.mark.long
def test_it_stops_at_what_has_to_stay(home: LogHome) -> None:
    hold = Hold("hold-0123456789ab", "case 7", {"exchange/1": frozenset({600})}, frozenset(), FAR, 0, ("a", "b"))
    with home.store() as store:
        limits = {
            "the legal hold": Limits(lambda _log: FAR, [hold], lambda _channel: FAR),
            "no head that enough": Limits(lambda _log: 530, (), lambda _channel: FAR),
            "no receipt": Limits(lambda _log: FAR, (), lambda _channel: 520),
            "is not erased yet": Limits(lambda _log: FAR, (), lambda _channel: FAR),
        }
        stops = {}
        for why, limit in limits.items():
            (plan,) = Pruner(store, home.keystore, "th", limit, lambda _draft: None).plans(FAR)
            assert why in plan.kept_by
            stops[why] = plan.stop
        assert stops == {
            "the legal hold": 512, "no head that enough": 512, "no receipt": 512, "is not erased yet": 768
        }  # fmt: skip
        (plan,) = Pruner(store, home.keystore, "th", limits["no receipt"], lambda _draft: None).plans(0)
        assert plan.stop == 0
        pruner = Pruner(store, home.keystore, "th", limits["no receipt"], lambda _draft: None)
        with pytest.raises(Forbidden, match="nothing may be pruned"):
            pruner.carry_out(plan, "A. Clerk", "why", 0, {})
        with pytest.raises(Malformed):
            pruner.carry_out(plan, "", "why", 0, {})


@pytest.mark.long
@pytest.mark.parametrize("fails_at", [0, 1, 2])
def test_it_goes_on_where_it_was_interrupted(
    world: World, home: LogHome, fails_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every state between is a whole log; what was begun is gone on with, whatever is asked for then."""
    from gateway.audit.retention import prune as module

    calls, real = [], SqlLogStore.prune

    def failing(store: SqlLogStore, log: str, first: int, stop: int) -> None:
        calls.append(first)
        if len(calls) > fails_at:
            raise StorageBroken("no space is left", where="prune")
        real(store, log, first, stop)

    with monkeypatch.context() as disk:
        disk.setattr(module, "SEGMENT", 256)
        disk.setattr(SqlLogStore, "prune", failing)
        with pytest.raises(StorageBroken):
            prune(home)
    with home.store() as store:
        assert pruned_below(store) == ({"exchange/1": 256 * fails_at} if fails_at else {})
    with home.log() as log:
        assert log.size > MANY
    assert {check for check, state, _, _ in open_findings(world.verify(home, statements=False))} <= {Check.PRUNED}
    (plan,) = prune(home, before_us=0, settled=0)
    assert (plan.begun, plan.first, plan.stop) == (True, 256 * fails_at, 768)
    with home.store() as store:
        assert pruned_below(store) == {"exchange/1": 768}
        assert len(store.find("operations/1", kind="pruned")) == 1


@pytest.mark.long
def test_it_can_be_pruned_again_later_and_the_log_goes_on_after_a_loss(world: World, home: LogHome) -> None:
    prune(home, covered=512)
    (plan,) = prune(home)
    assert (plan.first, plan.stop) == (512, 768)
    home.sql("DELETE FROM log_entry WHERE seq = 1000 AND log_id = (SELECT id FROM log_state WHERE log = 'exchange/1')")
    with home.store() as store:
        log = LostLog(store, home.keystore, home.key, (), home.clock, "th", "exchange", home.highwater, ())
        loss = log.assess()
        assert loss.kept is not None
        assert loss.kept.size > 768
        log.open_next(loss, Word("th.adm.7", "disk damaged"), ("vn",), lambda _peer, _through: None)
    found = open_findings(world.verify(home, statements=False))
    assert {(check, state) for check, state, _, _ in found} == {
        (Check.PRUNED, State.NOT_PROVABLE),
        (Check.LOST, State.NOT_PROVABLE),
    }
    with home.store() as store:
        pruner = Pruner(
            store, home.keystore, "th", Limits(lambda _log: FAR, (), lambda _channel: FAR), lambda _draft: None
        )
        after = {plan.log: plan for plan in pruner.plans(FAR)}["exchange/2"]
        assert (after.stop, after.kept_by.partition(",")[0]) == (
            0,
            "its first entry says what was lost of the number before",
        )


@pytest.mark.long
def test_a_pruned_export_is_compared_from_where_it_begins(world: World, home: LogHome) -> None:
    """What is gone is outside the common time: no one has dropped it."""
    with home.store() as store:
        begin_us = parse_entry(next(iter(store.bodies("exchange/1", 768, 769)))[1]).time_us
    assert begins_us(ExportReader(world.export(home, nobody=True))) == 0
    prune(home)
    assert begins_us(ExportReader(world.export(home, nobody=True))) == begin_us


@pytest.mark.long
def test_a_search_knows_nothing_of_what_is_gone(home: LogHome) -> None:
    """Also where the index was made before."""
    question = Question(kinds=frozenset({"answered"}))
    index = FindFile(home.folder / "find.sqlite")
    with home.store() as store:
        logs = SearchedHome(store, home.keystore, None)
        all_of_it = find(logs, index, question, 5).count
    prune(home, covered=256 * 4)
    with home.store() as store:
        logs = SearchedHome(store, home.keystore, None)
        assert logs.bounds("exchange/1")[0] == 768
        found = find(logs, index, question, 5)
        assert index.spans("exchange/1") == []
        assert 0 < found.count <= all_of_it - 700
    index.close()
