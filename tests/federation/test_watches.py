"""Watches between running nodes: approved, searched once, met by a row that comes later, followed up, and ended."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from msgspec.structs import replace

from gateway.app.run.node import Node
from gateway.clock import DAY_US, SystemClock
from gateway.demo.sources import people
from gateway.desk.acting.home import Stand, home_key
from gateway.desk.acting.parts import Actor
from gateway.desk.watches import own as own_watches
from gateway.desk.watches import telling
from gateway.desk.watches import watching as at_the_owner
from gateway.desk.watches.book import LiveWatch
from gateway.desk.watches.looking import Findings, Looker
from gateway.desk.watches.values import WATCHES
from gateway.errors import Forbidden, LiaisonError
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.notices import ChangeCode, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.watches import Goods
from gateway.model.desk.work import Direction, Role, WorkKind
from gateway.model.handed.asks import FollowWatch, Reasons
from gateway.model.handed.changes import ChangeCommand
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import PersonQuery
from gateway.model.values import NameForm
from gateway.ports.desk import WorkFilter
from gateway.ports.desk_uses import ThreadQuery
from gateway.trust.ceremony.ceremony import publish_status
from tests.support.alerts import actor, author, duty, supervisor
from tests.support.approving import approve_waiting
from tests.support.exchange import PASSPORT, TH, command, sample_world
from tests.support.moved_clock import Ahead
from tests.support.nodes import officer
from tests.support.originator import data_officer
from tests.support.simulator import Simulation, simulated
from tests.support.waiting import until
from tests.support.watches import NEW, add_row, change_row, refreshed, source_file, thread_of, watching

HOUR_US = 3_600_000_000


@pytest_asyncio.fixture
async def own_world(tmp_path: Path) -> AsyncIterator[Simulation]:
    """Two simulated nodes whose time can be moved on (`ahead`)."""
    async with simulated(sample_world(tmp_path, ("th", "vn"))) as made:
        yield made


async def spread(world: Simulation, **changes: object) -> tuple[ExchangeId, ThreadKey]:
    """Ask for a watch and approve it; return its id and its thread, once Viet Nam has said how far it looked."""
    th = world.nodes["th"]
    watch_id = await th.desk.watches.own.add(author(), watching("vn", **changes))
    await approve_waiting(th.desk.watches.own, supervisor(), watch_id)
    key = thread_of(th, watch_id)
    await until(lambda: _state(th, key) is ThreadState.ANSWERED, "it is acknowledged")
    return watch_id, key


def _state(node: Node, key: ThreadKey) -> ThreadState | None:
    thread = node.desk.parts.store.thread(key)
    return thread.state if thread is not None else None


def _told(node: Node, key: ThreadKey) -> int:
    return sum(row.placed.code == "HIT" for row in node.desk.parts.store.notices(key))


async def add_passport(node: Node) -> None:
    await asyncio.to_thread(add_row, source_file(node), "GiayTo", "MaGiayTo", So=NEW.number, Loai=1, TinhTrang=2)


async def test_a_row_that_comes_later_is_told_once_and_followed_up(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    watch_id, key = await spread(own_world)
    (stand,) = await th.desk.watches.standing.ours(await th.desk.watches.own.show(author(), watch_id))
    assert stand.watched is not None
    assert (stand.hits, bool(stand.watched.sources), stand.watched.not_watched) == ((), True, ())
    await add_passport(vn)
    store = th.desk.parts.store
    await refreshed(vn, lambda: _told(th, key), "the hit has come")
    watch = await th.desk.watches.own.show(author(), watch_id)
    (stand,) = await th.desk.watches.standing.ours(watch)
    (met,) = stand.hits
    assert (met.hit.record_type, met.hit.record, met.hit.quality) == ("TravelDocument", "", "EXACT_ID")
    assert [copy.holder for copy in vn.desk.parts.store.holdings(direction=Direction.OUT)] == [TH]
    (work,) = store.works(WorkFilter(kinds=(WorkKind.READ,)))
    assert work.assigned == author().officer.person
    # The row changes again: it is the same record, and is not told again.
    source = vn.resources.walls[0].source
    await asyncio.to_thread(change_row, source_file(vn), f"UPDATE GiayTo SET TinhTrang = 1 WHERE So = '{NEW.number}'")
    seen = source.checked_us()  # type: ignore[attr-defined]
    await refreshed(vn, lambda: source.checked_us() > seen, "the row was read again")  # type: ignore[attr-defined]
    await vn.rounds.make("changed rows")
    assert _told(th, key) == 1
    drafted = await th.desk.uses.drafting.follow_watch(
        author(),
        FollowWatch(
            peer="vn",
            watch=key.thread_id,
            notice_id=met.notice_id,
            hit=met.number,
            reasons=Reasons(facts="he was seen at the bridge", urgency=Urgency.PRIORITY),
        ),
    )
    await th.desk.uses.approvals.approve(supervisor(), drafted.work.id)
    await until(lambda: vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DECIDE,))), "the owner is asked")
    (decide,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DECIDE,)))
    assert decide.agency == vn.resources.walls[0].description.agency
    assert await vn.desk.uses.decisions.choice(duty(agency=decide.agency), decide.id) is not None


async def test_what_is_held_at_the_start_is_told_and_a_restart_tells_nothing_twice(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    _, key = await spread(own_world, subject=PASSPORT)
    assert _told(th, key) == 1
    await own_world.stop("vn")
    vn = await own_world.start("vn")
    await until(lambda: vn.desk.watches.watching.book.watches, "it stands after a start")
    vn.core.leadership.leads = True
    await vn.rounds.make("changed rows")
    await vn.rounds.make("watches")
    assert (_told(th, key), _told(vn, ThreadKey(TH, key.thread_id))) == (1, 1)


async def test_n226_what_its_owner_withdrew_is_told_to_no_watch_until_it_is_free_again(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    await th.asking.searches.start(officer(), command())
    (copy,) = vn.desk.parts.store.holdings(direction=Direction.OUT)
    owner, desk = data_officer("vn", vn.resources.walls[0].description.agency), vn.desk.originator
    vn.core.leadership.leads = True
    await desk.originator.change(owner, ChangeCommand(code=ChangeCode.WITHDRAWN, record=copy.record))
    _, key = await spread(own_world, subject=PASSPORT)
    assert _told(th, key) == 0, "the search at its start does not find it"
    # A row that is read anew as it was stays held back; the one that is another one is told once that was seen.
    _, _, row = copy.record.partition("/")
    source = vn.resources.walls[0].source
    await asyncio.to_thread(change_row, source_file(vn), f"UPDATE GiayTo SET TinhTrang = 1 WHERE MaGiayTo = {row}")
    seen = source.checked_us()  # type: ignore[attr-defined]
    await refreshed(vn, lambda: source.checked_us() > seen, "the row was read again")  # type: ignore[attr-defined]
    assert _told(th, key) == 0, "the changed row alone does not tell it"
    await vn.rounds.make("rows that are held back")
    assert desk.holding.listed(owner) == []
    await vn.rounds.make("watches")
    await until(lambda: _told(th, key) == 1, "the hit has come")


async def test_it_is_paused_where_nobody_says_again_that_it_is_needed_and_goes_on_once_somebody_does(
    own_world: Simulation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(own_watches, "AGAIN_US", HOUR_US)  # documents of trust do not last for 30 days of no signature
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    until_us = SystemClock().now_us() + 80 * DAY_US
    watch_id, key = await spread(own_world, until_us=until_us)
    (work,) = th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.REVALIDATE,)))
    assert work.assigned == author().officer.person
    Ahead(tmp_path).move(timedelta(hours=1, seconds=1))
    await th.rounds.make("watches of ours")
    watch = await th.desk.watches.own.show(_trained(author()), watch_id)
    assert (watch.stand, watch.reason) == (Stand.PAUSED, "not-revalidated")
    taken = ThreadKey(TH, key.thread_id)
    assert not vn.desk.watches.watching.book.watches[taken].is_on(SystemClock().now_us())
    assert await _theirs(vn) == [("paused", "not-revalidated")]
    await until(lambda: _state(vn, taken) is ThreadState.PAUSED, "the other side is told")
    assert await _theirs(vn) == [("paused", "not-revalidated")]
    await add_passport(vn)
    await th.desk.watches.own.renew(_trained(author()), watch_id, SystemClock().now_us() + 60 * DAY_US, "still open")
    with pytest.raises(Forbidden):
        await approve_waiting(th.desk.watches.own, _trained(author()), watch_id)
    await approve_waiting(th.desk.watches.own, _trained(supervisor()), watch_id)
    await refreshed(vn, lambda: _told(th, key), "what came meanwhile is told once it goes on")
    assert len(th.desk.parts.store.works(WorkFilter(kinds=(WorkKind.REVALIDATE,)))) == 1


def _trained(who: Actor) -> Actor:
    """The same person with training in force in the time of the nodes."""
    return Actor(who.officer, replace(who.person, trained_until_us=SystemClock().now_us() + DAY_US))


async def _theirs(node: Node) -> list[tuple[str, str]]:
    found = await node.desk.watches.standing.theirs(_trained(actor("vn", Role.NATIONAL_DESK)))
    return [(each.state, each.stopped) for each in found.items]


async def test_one_whose_officer_s_account_is_frozen_is_paused_until_it_is_free(own_world: Simulation) -> None:
    th = own_world.nodes["th"]
    watch_id, key = await spread(own_world)
    revoked, person = th.core.revoked, author().officer.person
    revoked.freeze(frozenset({person}))
    await th.rounds.make("watches of ours")
    await until(lambda: _state(th, key) is ThreadState.PAUSED, "it is paused there")
    own = await th.desk.watches.own.show(supervisor(), watch_id)
    assert (own.stand, own.reason) == (Stand.PAUSED, "account-barred")


async def test_one_that_is_ended_or_suspended_is_told_nothing(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    watch_id, key = await spread(own_world)
    await _suspend(vn)
    await add_passport(vn)
    await refreshed(vn, lambda: _is_read(vn), "the row is in the index")
    assert _told(vn, ThreadKey(TH, key.thread_id)) == 0
    assert await _theirs(vn) == [("answered", "suspended")]
    await th.desk.watches.own.end(author(), watch_id, "he was arrested")
    await until(lambda: _state(vn, ThreadKey(TH, key.thread_id)) is ThreadState.ENDED, "its end is told all the same")
    await vn.rounds.make("watches")
    assert (_told(th, key), _state(th, ThreadKey(TH, watch_id))) == (0, ThreadState.ENDED)


async def _suspend(node: Node) -> None:
    line = {"id": secrets.token_hex(16), "time": "2026-11-24T12:00:00Z", "action": "suspend", "target": "peer:th"}
    with node.resources.home.suspensions.open("a", encoding="utf-8") as file:
        file.write(json.dumps(line | {"reason": "under review"}) + "\n")
    await until(lambda: node.core.parts.suspensions.suspends(peer="th"), "it is switched off")


def _is_read(node: Node) -> bool:
    found = node.resources.walls[0].source.search(NEW, SystemClock().monotonic() + 5)
    return bool(found.candidates)


async def _suspend_source(node: Node) -> None:
    source, file = node.resources.walls[0].description, node.resources.home.suspensions
    line = {"id": secrets.token_hex(16), "time": "2026-11-24T12:00:00Z", "action": "suspend"}
    with file.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(line | {"target": f"source:{source.id}", "reason": "under repair"}) + "\n")
    await until(lambda: node.core.parts.suspensions.suspends(source=source.id), "it is switched off")


async def _reach(node: Node, watch_id: ExchangeId) -> tuple[bool, bool]:
    """Whether a watch says that some source is watched there, and that some is not."""
    (stand,) = await node.desk.watches.standing.ours(await node.desk.watches.own.show(author(), watch_id))
    assert stand.watched is not None
    return bool(stand.watched.sources), bool(stand.watched.not_watched)


async def test_n186_a_source_that_goes_away_is_said_not_to_be_watched_at_once_or_later(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    watch_id, key = await spread(own_world)
    assert await _reach(th, watch_id) == (True, False)
    count = len(th.desk.parts.store.notices(key))
    await _suspend_source(vn)
    for _ in range(3):
        await vn.rounds.make("watches")
    await until(lambda: len(th.desk.parts.store.notices(key)) > count, "its author is told")
    assert await _reach(th, watch_id) == (False, True)
    later, _ = await spread(own_world, subject=PASSPORT)
    assert await _reach(th, later) == (False, True), "what was not searched is not said to be"
    await vn.rounds.make("watches")
    assert len(th.desk.parts.store.notices(key)) == count + 1, "it is told once"


async def test_n254_what_a_member_publishes_searches_for_none_of_its_watches_and_many_leave_others_their_turn(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    vn = own_world.nodes["vn"]
    for _ in range(4):
        await spread(own_world)
    home = await vn.desk.watches.own.add(author("vn"), watching(purpose=Purpose.INVESTIGATION, case="VN-2026-1"))
    await approve_waiting(vn.desk.watches.own, supervisor("vn"), home)
    await vn.rounds.make("watches")
    searched: list[ThreadKey] = []
    search = Looker.search

    async def counted(self: Looker, watch: LiveWatch, wall: Bulkhead) -> Findings:
        searched.append(watch.key)
        return await search(self, watch, wall)

    monkeypatch.setattr(Looker, "search", counted)
    before = vn.core.parts.trust().hash
    own_world.federation.share(publish_status(own_world.federation["th"].home, SystemClock()))
    await until(lambda: vn.core.parts.trust().hash != before, "the document has come")
    await vn.rounds.make("watches")
    assert searched == []
    monkeypatch.setattr(at_the_owner, "MOST_IN_A_ROUND", 2)
    vn.desk.watches.watching._again |= set(vn.desk.watches.watching.book.watches)
    await vn.rounds.make("watches")
    assert [key.peer for key in searched].count(TH) == 2 * len(vn.resources.walls)
    assert home_key(vn.core.parts.member, home) in searched, "the one of our own agencies does not wait for them"
    await vn.rounds.make("watches")
    assert len(set(searched)) == 5


async def test_n254_watches_that_cannot_be_searched_whole_take_no_turn_of_others_of_their_member(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    vn = own_world.nodes["vn"]
    for _ in range(5):
        await spread(own_world)
    await _suspend_source(vn)
    await vn.rounds.make("watches")  # each is searched again, and again as long as its source is off
    looked: list[ThreadKey] = []
    check = Looker.check_allowed

    def counted(self: Looker, watch: LiveWatch) -> None:
        looked.append(watch.key)
        check(self, watch)

    monkeypatch.setattr(Looker, "check_allowed", counted)
    monkeypatch.setattr(at_the_owner, "MOST_IN_A_ROUND", 2)
    while len(looked) < 6:
        await vn.rounds.make("watches")
    assert len(set(looked[:6])) == 5


async def test_n184_a_watch_at_home_that_meets_too_much_ends_and_tells_nothing_twice(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(telling, "MOST_HITS", 1)
    vn = own_world.nodes["vn"]
    watch_id = await vn.desk.watches.own.add(author("vn"), watching(purpose=Purpose.INVESTIGATION, case="VN-2026-1"))
    await approve_waiting(vn.desk.watches.own, supervisor("vn"), watch_id)
    await refreshed(vn, lambda: _own(vn, watch_id, "watched"), "the index was searched once")
    for _ in range(2):
        await add_passport(vn)
    await refreshed(vn, lambda: _own(vn, watch_id, "stand") is Stand.ENDED, "it ends")
    watch = await vn.desk.watches.own.show(author("vn"), watch_id)
    assert (watch.reason, len(watch.hits)) == ("too-wide", 1)
    await vn.rounds.make("watches of ours")
    assert _state(vn, home_key(vn.core.parts.member, watch_id)) is ThreadState.ENDED


async def test_what_fits_too_many_records_is_refused_with_how_many_at_both_sides(own_world: Simulation) -> None:
    own = own_world.nodes["th"].desk.watches.own
    for subject in (PersonQuery((NameForm("Nguyen"),)), Goods(route="Mộc Bài"), Goods()):
        wide = watching(*(() if isinstance(subject, Goods) else ("vn",)), subject=subject)
        with pytest.raises(Forbidden, match="20 records are the most") as caught:
            await own.add(author(), wide)
        assert caught.value.code == "too-wide"
    assert not (await own.all(author())).items


async def test_the_owner_stops_one_that_is_too_wide_there_and_says_how_wide(
    own_world: Simulation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_the_owner, "WIDE", 0)
    th = own_world.nodes["th"]
    watch_id = await th.desk.watches.own.add(author(), watching("vn", subject=PASSPORT))
    await approve_waiting(th.desk.watches.own, supervisor(), watch_id)
    key = thread_of(th, watch_id)
    await until(lambda: _state(th, key) is ThreadState.REFUSED, "the owner has stopped it")
    (stand,) = await th.desk.watches.standing.ours(await th.desk.watches.own.show(author(), watch_id))
    assert (stand.stopped, stand.text, stand.hits) == ("too-wide", "1 > 0", ())
    book = own_world.nodes["vn"].desk.watches.watching.book
    await until(lambda: not book.watches, "it stands no more")


async def test_nobody_but_the_node_is_shown_a_watch_that_must_not_be_tipped_off(own_world: Simulation) -> None:
    th, vn = own_world.nodes["th"], own_world.nodes["vn"]
    _, open_key = await spread(own_world)
    _, key = await spread(own_world, subject=PASSPORT, no_tip_off=True)
    assert _told(th, key) == 1
    head = actor("vn", Role.NATIONAL_DESK)
    taken = await vn.desk.watches.standing.theirs(head)
    assert [each.key.thread_id for each in taken.items] == [open_key.thread_id]
    listed = await vn.desk.uses.reading.threads(head.officer, ThreadQuery())
    assert key.thread_id not in [each.thread.key.thread_id for each in listed]
    with pytest.raises(LiaisonError):
        await vn.desk.uses.reading.key(head.officer, key.thread_id)


async def test_our_own_agencies_are_watched_without_a_counterpart(own_world: Simulation) -> None:
    vn = own_world.nodes["vn"]
    who = author("vn")
    watch_id = await vn.desk.watches.own.add(
        who, watching(purpose=Purpose.INVESTIGATION, offence=Offence.DOCFRAUD, case="VN-2026-1")
    )
    await approve_waiting(vn.desk.watches.own, supervisor("vn"), watch_id)
    await refreshed(vn, lambda: _own(vn, watch_id, "watched"), "the index was searched once")
    await add_passport(vn)
    await refreshed(vn, lambda: _own(vn, watch_id, "hits"), "the row is met")
    watch = await vn.desk.watches.own.show(who, watch_id)
    (hit,) = watch.hits
    assert hit.record_type == "TravelDocument"
    (work,) = vn.desk.parts.store.works(WorkFilter(kinds=(WorkKind.READ,)))
    assert work.assigned == who.officer.person


async def test_customs_watch_the_declarations_of_their_own_single_window(tmp_path: Path) -> None:
    async with simulated(sample_world(tmp_path, ("th", "kh")), ("kh",)) as world:
        kh = world.nodes["kh"]
        who = actor("kh", Role.OFFICER, agency="customs")
        goods = watching(
            subject=Goods(container=people.container("TEMU445566")),
            purpose=Purpose.CUSTOMS_CONTROL,
            offence=Offence.PREC,
            case="KH-2026-1",
        )
        watch_id = await kh.desk.watches.own.add(who, goods)
        await approve_waiting(kh.desk.watches.own, actor("kh", Role.SUPERVISOR, person="7", agency="customs"), watch_id)
        await refreshed(kh, lambda: _own(kh, watch_id, "watched"), "it stands")
        await asyncio.to_thread(add_row, source_file(kh), "decl", "did", ctn=people.container("TEMU445566"))
        await refreshed(kh, lambda: _own(kh, watch_id, "hits"), "the declaration is met")
        (hit,) = (await kh.desk.watches.own.show(who, watch_id)).hits
        assert (hit.record_type, hit.rules[0]) == ("Consignment", "goods-container")


async def test_customs_watch_the_declarations_of_another_country_and_ask_for_more(tmp_path: Path) -> None:
    container = people.container("TEMU445566")
    goods = {
        "subject": Goods(container=container),
        "purpose": Purpose.CUSTOMS_CONTROL,
        "offence": Offence.PREC,
        "case": "TH-2026-19",
    }
    async with simulated(sample_world(tmp_path, ("th", "kh")), ("th", "kh")) as world:
        th, kh = world.nodes["th"], world.nodes["kh"]
        own = th.desk.watches.own
        who, boss = (
            actor("th", Role.OFFICER, agency="customs"),
            actor("th", Role.SUPERVISOR, person="7", agency="customs"),
        )
        for bad, code in ((Goods(route="Poipet"), "too-wide"), (Goods(consignee="--", heading="2933"), "bad-query")):
            with pytest.raises(LiaisonError) as refused:
                await own.add(who, watching("kh", **(goods | {"subject": bad})))
            assert refused.value.code == code
        watch_id = await own.add(who, watching("kh", **goods))
        await approve_waiting(own, boss, watch_id)
        key = thread_of(th, watch_id)
        await until(lambda: _state(th, key) is ThreadState.ANSWERED, "it is acknowledged")
        (taken,) = (await kh.desk.watches.standing.theirs(actor("kh", Role.NATIONAL_DESK))).items
        assert taken.watch.query == goods["subject"]
        await asyncio.to_thread(add_row, source_file(kh), "decl", "did", ctn=container)
        await refreshed(kh, lambda: _told(th, key), "the declaration is met")
        (stand,) = await th.desk.watches.standing.ours(await own.show(who, watch_id))
        (met,) = stand.hits
        assert (met.hit.record_type, met.hit.record, met.hit.rules[0]) == ("Consignment", "", "goods-container")
        reasons = Reasons(facts="it stands at the bridge", urgency=Urgency.PRIORITY)
        follow = FollowWatch(peer="kh", watch=key.thread_id, notice_id=met.notice_id, hit=met.number, reasons=reasons)
        drafted = await th.desk.uses.drafting.follow_watch(who, follow)
        await th.desk.uses.approvals.approve(boss, drafted.work.id)
        await until(lambda: kh.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DECIDE,))), "the owner is asked")
        (decide,) = kh.desk.parts.store.works(WorkFilter(kinds=(WorkKind.DECIDE,)))
        decider = actor("kh", Role.DUTY, person="9", agency=decide.agency)
        choice = await kh.desk.uses.decisions.choice(decider, decide.id)
        assert choice.fresh is not None
        statement = f"UPDATE decl SET ctn = 'MSCU1234566' WHERE ctn = '{container}'"
        await asyncio.to_thread(change_row, source_file(kh), statement)
        with pytest.raises(LiaisonError):
            await kh.desk.uses.decisions.choice(decider, decide.id)


async def test_what_no_agreement_covers_is_not_watched_abroad(own_world: Simulation) -> None:
    """A question for a container in an investigation is not answered there: nor are declarations watched for one."""
    own = own_world.nodes["th"].desk.watches.own
    who = actor("th", Role.OFFICER, agency="customs")
    watch_id = await own.add(
        who, watching("vn", subject=Goods(heading="2933"), purpose=Purpose.INVESTIGATION, offence=Offence.PREC)
    )
    await approve_waiting(own, actor("th", Role.SUPERVISOR, person="7", agency="customs"), watch_id)
    key = thread_of(own_world.nodes["th"], watch_id)
    await until(lambda: _state(own_world.nodes["th"], key) is ThreadState.REFUSED, "its owner stops it")
    (stand,) = await own_world.nodes["th"].desk.watches.standing.ours(await own.show(who, watch_id))
    assert stand.stopped == "query-not-covered"


def _own(node: Node, watch_id: ExchangeId, name: str) -> object:
    thread = node.desk.parts.store.thread(home_key(node.core.parts.member, watch_id))
    return getattr(WATCHES.read(thread), name)
