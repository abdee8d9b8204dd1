"""An owner changes what it gave: the holder hides it in the same transaction, erases it, and the owner sees that."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from gateway.app.run.node import Node
from gateway.desk.acting.parts import Actor
from gateway.desk.holdings.ledger import WITHDRAWN
from gateway.desk.originator.watching import CHANGED, VANISHED
from gateway.desk.originator.withdrawn import STILL_THERE
from gateway.desk.people.lists import PERSON_COLUMNS
from gateway.errors import Forbidden, Malformed, Unknown
from gateway.exchange.held_back import Held, HeldBack
from gateway.model.desk.notices import ChangeCode
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.exchange import Outcome
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import ExchangeId
from gateway.model.search import Search
from gateway.ports.entries import events
from tests.federation.test_desk_delivery import is_taken
from tests.support.exchange import PASSPORT, TH, VN, command, entries, lines, sample_world, watch
from tests.support.federation import OFFICES
from tests.support.nodes import World, officer
from tests.support.originator import actor, data_officer, states, work_of
from tests.support.simulator import simulated
from tests.support.waiting import until


async def disclosed(world: World) -> tuple[Node, Node, Search, str]:
    """Both nodes, after a search of th that got a record of vn; the search, and the record's name at home."""
    th, vn = world.nodes["th"], world.nodes["vn"]

    async def answered() -> Search | None:
        search = await th.asking.searches.start(officer(), command())
        return search if lines(search)[VN].outcome is Outcome.HIT else None  # a busy machine may take too long

    search = await until(answered, "an answer in time")
    held = vn.desk.parts.store.holdings(direction=Direction.OUT)
    (copy,) = [each for each in held if each.source == lines(search)[VN].exchange_id]
    return th, vn, search, copy.record


def records(search: Search) -> list[Any]:
    """The records and rules of vn's hits with a record, or with one that is hidden."""
    return [hit for hit in lines(search)[VN].hits if hit.record is not None or WITHDRAWN in hit.rules]


async def test_a_withdrawn_record_is_hidden_erased_and_confirmed(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, search, record = await disclosed(world)
        agency = vn.resources.walls[0].description.agency
        owner = data_officer("vn", agency)
        assert all(hit.record is not None for hit in records(search))
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record, reason="wrong-person")
        )
        (key,) = done.threads
        assert done.out_of_reach == ()
        await until(is_taken(vn, key), "the change is taken")
        # Hidden, and its reader told, in the transaction that took it.
        assert states(th, Direction.IN) == [HoldingState.HIDDEN]
        (hit,) = records(await th.asking.searches.get(officer(), search.id))
        assert hit.record is None
        assert WITHDRAWN in hit.rules
        (reading,) = work_of(th, WorkKind.READ)
        assert (reading.assigned, reading.office) == (officer().person, officer().office)
        (view,) = vn.desk.originator.holders.of(owner.person, 0, record).found
        assert (view.changed, view.confirmed, view.out_of_reach) == (1, 0, ())
        # Erased before half of the time when the data officer says so.
        (comply,) = work_of(th, WorkKind.COMPLY)
        await th.desk.originator.compliance.comply(data_officer("th"), comply.id)
        assert states(th, Direction.IN) == [HoldingState.ENDED]
        await until(lambda: states(vn, Direction.OUT) == [HoldingState.ENDED], "the erasure is confirmed")
        (view,) = vn.desk.originator.holders.of(owner.person, 0, record).found
        assert (view.changed, view.confirmed) == (1, 1)
        thread = vn.desk.parts.store.thread(key)
        assert thread is not None
        assert thread.state is ThreadState.ANSWERED
        assert work_of(th, WorkKind.COMPLY) == []
        line = lines(search)[VN]
        with pytest.raises(Unknown):
            th.core.kept.at(
                "exchange/1", line.entry_index or 0, peer=VN, exchange_id=line.exchange_id, kinds=events.ARRIVALS
            )
        with pytest.raises(Unknown):
            await th.asking.searches.get(officer(), search.id)


async def withdrawn(world: World) -> tuple[Node, Actor, str]:
    """Viet Nam's node after it withdrew the record that Thailand has; its data officer, and the record's name."""
    _, vn, _, record = await disclosed(world)
    vn.core.leadership.leads = True
    owner = data_officer("vn", vn.resources.walls[0].description.agency)
    done = await vn.desk.originator.originator.change(owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record))
    await until(is_taken(vn, done.threads[0]), "the change is taken")
    assert done.still_there == (record,), "its owner is told that the source still has it"
    return vn, owner, record


async def asked_again(world: World) -> Outcome:
    """The outcome of the same question."""
    found = await world.nodes["th"].asking.searches.start(officer(), command(idempotency_key=secrets.token_hex(8)))
    return lines(found)[VN].outcome


HELD_BACK = "rows that are held back"


async def test_n226_what_its_owner_withdrew_is_not_given_again_until_its_row_is_another_one(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        vn, _, _ = await withdrawn(world)
        for _ in range(2):
            assert await asked_again(world) is Outcome.NO_HIT
            await vn.rounds.make(HELD_BACK)
        (noted,) = [each for each in entries(vn) if each.entry.kind == "answered"][-1:]
        (source,) = noted.private["sources"]
        assert source["suppressed"] == [], "no search touched it"
        (work,) = work_of(vn, WorkKind.CORRECT)
        assert (work.result, work.role) == (STILL_THERE, Role.DATA_OFFICER)
        assert len(states(vn, Direction.OUT)) == 1, "nobody got another copy"
        watched = watch(vn)
        watched.change = lambda found: structs.replace(found, fields=dict(list(found.fields.items())[:-1]))
        await vn.rounds.make(HELD_BACK)
        assert work_of(vn, WorkKind.CORRECT) == []
        assert await asked_again(world) is Outcome.HIT


async def test_n226_a_data_officer_of_its_agency_lifts_it_and_nobody_else(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        vn, owner, record = await withdrawn(world)
        holding = vn.desk.originator.holding
        assert [each.record for each in holding.listed(owner)] == [record]
        with pytest.raises(Forbidden):
            await holding.lift(actor("vn", (Role.OFFICER,)), record)
        with pytest.raises(Unknown):
            await holding.lift(data_officer("vn", "customs"), record)
        with pytest.raises(Unknown):
            await holding.lift(owner, f"{record}0")
        source, _, key = record.partition("/")
        assert HeldBack(vn.core.parts.documents)(TH, source) == {key}, "a node that starts anew holds it back, too"
        await holding.lift(owner, record)
        (said,) = [each.private for each in entries(vn, "operations") if each.private.get("act") == "lift"]
        assert (said["content"]["record"], said["officer"]) == (record, owner.officer.person)
        assert (holding.listed(owner), work_of(vn, WorkKind.CORRECT)) == ([], [])
        assert await asked_again(world) is Outcome.HIT


async def test_n226_a_record_that_is_withdrawn_while_its_answer_is_made_does_not_leave(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, _, record = await disclosed(world)
        held, concluded = vn.core.held_back, vn.answering.answerer.conclude

        def withdrawn_meanwhile(batch: Any) -> None:
            held.put(Held(record=record, type="TravelDocument", agency="immigration", since_us=1))
            concluded(batch)

        vn.answering.answerer.conclude = withdrawn_meanwhile  # type: ignore[method-assign]
        found = lines(await world.nodes["th"].asking.searches.start(officer(), command()))[VN]
        assert (found.outcome is not Outcome.HIT, found.hits) == (True, ())
        assert entries(vn, "operations")[-1].entry.kind == "kept-back"


async def test_n315_a_change_for_an_agency_without_a_data_officer_is_the_national_desks(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, _, record = await disclosed(world)
        listed = world.home("th") / "people" / "persons.csv"
        listed.parent.mkdir(exist_ok=True)
        listed.write_text(f"{','.join(PERSON_COLUMNS)}\nth.d.9,police,th.desk.one,duty,,th,2099-12-31\n")
        assert th.core.people.look()
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the change is taken")
        (comply,) = work_of(th, WorkKind.COMPLY)
        assert (comply.role, comply.agency) == (Role.NATIONAL_DESK, "police")
        await th.desk.originator.compliance.comply(actor("th", {Role.NATIONAL_DESK}), comply.id)
        assert states(th, Direction.IN) == [HoldingState.ENDED]


async def test_a_node_erases_by_itself_when_half_of_the_time_is_over(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, _, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the change is taken")
        await th.desk.originator.compliance.round()
        assert states(th, Direction.IN) == [HoldingState.HIDDEN]
        clock = th.core.parts.clock
        real = clock.now_us
        try:
            clock.now_us = lambda: real() + 13 * 3_600 * 1_000_000  # type: ignore[method-assign]
            await th.desk.originator.compliance.round()
        finally:
            clock.now_us = real  # type: ignore[method-assign]
        assert states(th, Direction.IN) == [HoldingState.ENDED]


async def test_a_data_officer_objects_and_the_copy_stays_hidden(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, search, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the change is taken")
        (comply,) = work_of(th, WorkKind.COMPLY)
        compliance = th.desk.originator.compliance
        with pytest.raises(Forbidden):
            await compliance.comply(actor("th", ()), comply.id, objection="court-file")
        await compliance.comply(data_officer("th"), comply.id, objection="court-file", text="case 17/2026")
        await until(lambda: states(vn, Direction.OUT) == [HoldingState.OBJECTED], "the objection has come")
        (view,) = vn.desk.originator.holders.of(owner.person, 0, record).found
        assert (view.changed, view.confirmed, view.objected) == (1, 0, 1)
        (hit,) = records(await th.asking.searches.get(officer(), search.id))
        assert hit.record is None


async def test_a_contested_record_is_hidden_and_the_receipt_confirms_it(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, search, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.CONTESTED, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the change is taken")
        assert states(vn, Direction.OUT) == [HoldingState.HIDDEN]
        assert work_of(th, WorkKind.COMPLY) == []
        (hit,) = records(await th.asking.searches.get(officer(), search.id))
        assert hit.record is None


async def test_a_cut_hides_the_records_from_one_office_and_from_no_other(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, search, _ = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        cut = ChangeCommand(code=ChangeCode.CUT, holder="th", office=officer().office)
        done = await vn.desk.originator.originator.change(owner, cut)
        await until(is_taken(vn, done.threads[0]), "the cut is taken")
        (copy,) = vn.desk.parts.store.holdings(direction=Direction.OUT)
        ledger = th.core.ledger
        assert ledger.hidden({VN: (copy.jti,)}, officer().office)
        assert not ledger.hidden({VN: (copy.jti,)}, "th.blo.nong-khai")
        (hit,) = records(await th.asking.searches.get(officer(), search.id))
        assert hit.record is None


async def test_a_corrected_record_comes_anew_and_the_old_one_is_hidden(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, search, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.CORRECTED, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the correction is taken")
        assert states(th, Direction.IN) == [HoldingState.HELD, HoldingState.HIDDEN]
        (new,) = th.desk.parts.store.holdings(direction=Direction.IN, states=(HoldingState.HELD,))
        assert (new.version, new.source) == (2, done.threads[0].thread_id)
        (given,) = vn.desk.parts.store.holdings(jti=new.jti, direction=Direction.OUT)
        assert (given.holder, given.record, given.version) == (TH, record, 2)
        (hit,) = records(await th.asking.searches.get(officer(), search.id))
        assert hit.record is None


async def test_who_may_not_change_and_what_cannot_be_changed(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, _, record = await disclosed(world)
        change = vn.desk.originator.originator.change
        withdrawn = ChangeCommand(code=ChangeCode.WITHDRAWN, record=record)
        with pytest.raises(Forbidden) as refused:
            await change(data_officer("vn", "another-agency"), withdrawn)
        assert refused.value.code == "outside-reach"
        with pytest.raises(Unknown):
            await change(data_officer("vn"), ChangeCommand(code=ChangeCode.WITHDRAWN, record="nowhere/1"))
        with pytest.raises(Malformed):
            await change(data_officer("vn"), ChangeCommand(code=ChangeCode.WITHDRAWN))
        with pytest.raises(Malformed):
            await change(data_officer("vn"), ChangeCommand(code=ChangeCode.CUT, record=record))
        for strange in ("th.blo.none", OFFICES["vn"][0], "zz.blo.one"):
            with pytest.raises(Forbidden) as refused:
                await change(data_officer("vn"), ChangeCommand(code=ChangeCode.CUT, holder="th", office=strange))
            assert refused.value.code == "unknown-office", "none would be cut off, and all would look well"
        for holder in ("vn", "zz"):
            cut = ChangeCommand(code=ChangeCode.CUT, holder=holder, office=f"{holder}.blo.one")
            with pytest.raises(Forbidden) as refused:
                await change(data_officer("vn"), cut)
            assert refused.value.code == "not-a-member"
        assert vn.desk.parts.store.deliveries() == []


async def test_a_node_that_holds_nothing_any_more_says_so(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        th, vn, _, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        (copy,) = th.desk.parts.store.holdings(direction=Direction.IN)
        th.desk.parts.store.forget_copies(copy.expires_us + 1, 100)
        done = await vn.desk.originator.originator.change(
            owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=record)
        )
        await until(is_taken(vn, done.threads[0]), "the change is taken")
        await th.desk.originator.compliance.round()
        await until(lambda: states(vn, Direction.OUT) == [HoldingState.ENDED], "NOT_HELD has come")
        there = th.desk.parts.store.thread(ThreadKey(VN, done.threads[0].thread_id))
        assert there is not None
        assert there.state is ThreadState.ANSWERED
        assert work_of(th, WorkKind.COMPLY) == []


def _source_file(node: Node) -> Path:
    """The database of a node's one source."""
    (source,) = node.resources.settings.sources
    return Path(source.url.removeprefix("sqlite:///"))


def _delete_the_passport(file: Path) -> None:
    """Delete each row of a source that holds the number of the passport."""
    with closing(sqlite3.connect(file)) as database, database:
        database.execute("PRAGMA foreign_keys=OFF")
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        for table in tables:
            columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
            for column in columns:
                database.execute(f'DELETE FROM "{table}" WHERE "{column}" = ?', (PASSPORT.number,))


TOLD = "rows that sources tell of"


async def _look(node: Node) -> None:
    await node.rounds.make("rows behind copies")


async def _refreshed(node: Node, done: Callable[[], bool]) -> None:
    """Refresh a node's index until what it found has had its effect; a source rests after a comparison."""
    for _ in range(300):
        for wall in node.resources.walls:
            await node.core.upkeep.refresh(wall.description.id)
        await node.rounds.make(TOLD)
        if await asyncio.to_thread(done):
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the index did not tell of the row")


async def test_a_row_that_vanishes_after_it_was_given_is_work_for_its_data_officer(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, _, _ = await disclosed(world)
        vn.core.leadership.leads = True
        await vn.rounds.make(TOLD)
        await _look(vn)
        assert work_of(vn, WorkKind.CORRECT) == []  # it is as it was given
        await asyncio.to_thread(_delete_the_passport, _source_file(vn))
        await _refreshed(vn, lambda: bool(work_of(vn, WorkKind.CORRECT)))
        await _look(vn)
        await vn.rounds.make(TOLD)  # proposed once
        (work,) = work_of(vn, WorkKind.CORRECT)
        assert (work.result, work.agency) == (VANISHED, vn.resources.walls[0].description.agency)
        assert states(vn, Direction.OUT) == [HoldingState.HELD]  # a human decides


async def test_a_source_with_an_index_tells_which_rows_a_refresh_found_gone(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, _, _ = await disclosed(world)
        vn.core.leadership.leads = True
        await vn.rounds.make(TOLD)
        for _ in range(3):
            await _look(vn)  # all copies were looked at once since the start
        await asyncio.to_thread(_delete_the_passport, _source_file(vn))
        await _look(vn)
        assert work_of(vn, WorkKind.CORRECT) == []  # it is not read by turns any more
        await _refreshed(vn, lambda: bool(work_of(vn, WorkKind.CORRECT)))
        (work,) = work_of(vn, WorkKind.CORRECT)
        assert (work.result, work.role) == (VANISHED, Role.DATA_OFFICER)


async def test_a_row_that_changes_after_it_was_given_is_work_for_its_data_officer(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, search, _ = await disclosed(world)
        vn.core.leadership.leads = True
        (hit,) = records(search)
        name = next(name for name, value in hit.record.fields.items() if isinstance(value, str))
        watched = watch(vn)
        watched.change = lambda record: structs.replace(
            record, fields={key: value for key, value in record.fields.items() if key != name}
        )
        await _look(vn)
        (work,) = work_of(vn, WorkKind.CORRECT)
        assert work.result == CHANGED


async def test_an_agency_may_let_the_node_tell_holders_by_itself(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    settings = world.home("vn") / "node.toml"
    settings.write_text(settings.read_text("utf-8") + "tells_changes = true\n", "utf-8")
    async with simulated(world) as world:
        th, vn, search, _ = await disclosed(world)
        vn.core.leadership.leads = True
        await vn.rounds.make(TOLD)
        await asyncio.to_thread(_delete_the_passport, _source_file(vn))
        await _refreshed(vn, lambda: states(vn, Direction.OUT) != [HoldingState.HELD])
        await until(lambda: states(th, Direction.IN) == [HoldingState.HIDDEN], "th hides it")
        assert records(await th.asking.searches.get(officer(), search.id))[0].record is None


async def test_the_same_change_again_tells_no_holder_twice(tmp_path: Path) -> None:
    world = sample_world(tmp_path, ("th", "vn"))
    async with simulated(world) as world:
        _, vn, _, record = await disclosed(world)
        owner = data_officer("vn", vn.resources.walls[0].description.agency)
        desk = vn.desk.uses
        assert desk.originator.may_change(owner, owner.person.agency)
        assert not desk.originator.may_change(data_officer("vn", "customs-of-none"), owner.person.agency)
        (held,), after = desk.holders.page(owner.person, 0)
        assert (held.record, held.changed, after) == (record, 0, "")
        assert desk.holders.under_way(owner.person, 0) == []
        name = ExchangeId("ab" * 16)
        corrected = ChangeCommand(code=ChangeCode.CONTESTED, record=record, reason="person-objects")
        first, second = await asyncio.gather(*(desk.originator.change(owner, corrected, name) for _ in range(2)))
        assert first == second == await desk.originator.change(owner, corrected, name)
        assert len(vn.desk.parts.store.threads(group_id=first.group_id)) == 1
        other = await desk.originator.change(owner, corrected, ExchangeId("cd" * 16))
        assert other.group_id != first.group_id
        assert [each.record for each in desk.holders.under_way(owner.person, 0)] in ([record], [])
        cut = ChangeCommand(code=ChangeCode.CUT, holder="th", office=OFFICES["th"][0])
        assert await desk.originator.change(owner, cut, name) == await desk.originator.change(owner, cut, name)
