"""Rows of the desk on both engines: written with their entry, found as they were, and gone when they are erased."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import update

from gateway.audit.log.log import AuditLog
from gateway.desk.clocks import sight_of
from gateway.errors import Malformed, Outdated, StorageBroken, Unknown
from gateway.model.desk.notices import About, NoticeType, Urgency
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, Direction, HoldingState, Level, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows, ListPlace, Thread, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged
from gateway.storage.database.desk_tables import desk_work
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.group_commit import LogWriter
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import VN, LogHome, answered, logged, new_id
from tests.support.desk_rows import (
    START_US,
    a_copy,
    a_delivery,
    a_notice,
    a_thread,
    new_key,
    opening,
    some_work,
)

pytestmark = pytest.mark.usefixtures("engine")

LA = MemberId("la")
CANARY = "CANARY-4c1f9e-PHONGSAVANH"


class Desk:
    """A home's logs and its desk."""

    def __init__(self, home: LogHome, exchange: AuditLog, operations: AuditLog, desk: SqlDeskStore) -> None:
        self.home, self.exchange, self.operations, self.desk = home, exchange, operations, desk

        self.abandoned = False

    def abandon(self) -> None:
        """Release the logs, as a process that ends does."""
        self.exchange.abandon()
        self.operations.abandon()
        self.abandoned = True

    def write(self, *batch: DeskRows) -> list[Logged]:
        return logged(self.exchange.append([with_rows(rows) for rows in batch]))


def with_rows(rows: DeskRows, **more: Any) -> EntryDraft:
    peer = rows.thread.key.peer if rows.thread else VN
    return answered(rows=rows, peer=peer, channel=f"in:{peer}", **more)


@contextmanager
def opened(home: LogHome) -> Iterator[Desk]:
    with home.database() as database:
        keys = home.keystore
        store = SqlLogStore(database, keys)
        logs = [
            AuditLog(store, keys, home.key, home.clock, "th", name, highwater=home.highwater)
            for name in ("exchange", "operations")
        ]
        made = Desk(home, logs[0], logs[1], SqlDeskStore(database, keys))
        try:
            yield made
        finally:
            for log in logs:
                if not made.abandoned:
                    log.close()


@pytest.fixture
def it(tmp_path: Path) -> Iterator[Desk]:
    with opened(LogHome(tmp_path / "home")) as made:
        yield made


# ---------------------------------------------------------------- written and read


def test_each_row_comes_back_as_it_was_written(it: Desk) -> None:
    key = new_key()
    thread = a_thread(
        key,
        kind=ThreadKind.ALERT,
        opener=False,
        state=ThreadState.ANSWERED,
        urgency=Urgency.FLASH,
        due_us=5,
        closed_us=6,
        group_id="group",
        theirs=3,
        their_last=b"hash",
        draft=b"a draft " + bytes(100) + b"!",
    )
    notice = a_notice(key, receipt=b"a receipt")
    delivery = a_delivery(notice, expires_us=9, tries=4, problem="no-connection", state=DeliveryState.REFUSED)
    work = some_work(
        key, level=Level.HALF, assigned="a", paused_us=1, done_us=2, by="b", result="ผล", notice_id=notice.notice_id
    )
    copy = a_copy(version=3, type="Person", due_us=8, expires_us=7, state=HoldingState.CHANGING)
    (entry,) = it.write(DeskRows(thread, 0, notice, (delivery,), (work,), (copy,)))
    desk = it.desk
    assert desk.thread(key) == thread
    assert desk.find_thread(key.thread_id) == [thread] == desk.threads() == desk.threads(limit=5)
    stored = replace(notice, log="exchange/1", index=entry.index)
    assert desk.notices(key) == [stored] == [desk.notice(VN, notice.notice_id)]
    assert desk.placed(key) == [notice.placed]
    assert desk.places(key) == [("exchange/1", entry.index, notice.notice_id)]
    assert desk.deliveries([DeliveryState.REFUSED]) == [delivery]
    assert desk.work(work.id) == work
    assert desk.works(WorkFilter(open_only=False)) == [work]
    assert desk.holdings() == [copy]
    assert desk.envelope(notice.notice_id) == notice.envelope


def test_what_is_not_there_is_not_found(it: Desk) -> None:
    desk, key = it.desk, new_key()
    assert desk.thread(key) is None
    assert desk.notice(VN, new_id()) is None
    assert desk.work("x") is None
    assert desk.next_due_us() is None
    assert not desk.find_thread(key.thread_id)
    assert not any([desk.notices(key), desk.placed(key), desk.works(WorkFilter()), desk.due(VN, START_US, 9)])
    with pytest.raises(Unknown, match="no notice"):
        desk.envelope(new_id())


def test_a_row_replaces_the_one_with_its_key_and_notices_stay_in_order(it: Desk) -> None:
    key = new_key()
    first, second = a_notice(key, 1), a_notice(key, 2, time_us=1)
    it.write(DeskRows(a_thread(key), 0, first))
    it.write(DeskRows(a_thread(key, 2), 1, second))
    found = it.desk.notices(key)
    assert [notice.notice_id for notice in found] == [first.notice_id, second.notice_id]
    it.write(DeskRows(a_thread(key, 3, state=ThreadState.ENDED), 2, replace(found[0], receipt=b"later")))
    again = it.desk.notices(key)
    assert again == [replace(found[0], receipt=b"later"), found[1]]
    thread = it.desk.thread(key)
    assert thread
    assert (thread.version, thread.state) == (3, ThreadState.ENDED)


def test_the_same_ids_with_two_members_are_two_threads(it: Desk) -> None:
    one = new_key()
    other = ThreadKey(LA, one.thread_id)
    it.write(opening(one, deliveries=()), opening(other, deliveries=(), works=()))
    assert {thread.key for thread in it.desk.find_thread(one.thread_id)} == {one, other}
    it.write(DeskRows(a_thread(other, 2), 1, erased=(other.thread_id,)))
    kept, gone = it.desk.notice(VN, one.thread_id), it.desk.notice(LA, one.thread_id)
    assert kept
    assert gone
    assert kept.envelope
    assert gone.envelope == b""


def test_sixty_four_notices_are_one_transaction(it: Desk) -> None:
    keys = [new_key() for _ in range(64)]
    it.write(*map(opening, keys))
    assert {thread.key for thread in it.desk.threads()} == set(keys)
    assert len(it.desk.due(VN, START_US + 10, 100)) == 64
    it.write(*(DeskRows(a_thread(key, 2), 1) for key in keys))
    assert {thread.version for thread in it.desk.threads()} == {2}


# ---------------------------------------------------------------- versions


def test_rows_that_build_on_another_version_are_outdated_and_nothing_is_written(it: Desk) -> None:
    key, other = new_key(), new_key()
    it.write(opening(key))
    size = it.exchange.size
    for rows in (
        opening(key),
        DeskRows(a_thread(key, 3), 2),
        DeskRows(a_thread(other, 2), 1),
    ):
        with pytest.raises(Outdated) as caught:
            it.write(opening(new_key()), rows)
        assert caught.value.code == "outdated"
    assert it.exchange.size == size
    assert [thread.key for thread in it.desk.threads()] == [key]
    it.write(DeskRows(a_thread(key, 2), 1))
    it.operations.append([events.STOP.draft(reason="test", rows=DeskRows(a_thread(key, 3), 2))])
    with pytest.raises(Outdated):
        it.write(DeskRows(a_thread(key, 3), 2))


def test_two_drafts_of_one_thread_are_written_one_by_one(it: Desk) -> None:
    key = new_key()
    batch = [with_rows(opening(key)), with_rows(DeskRows(a_thread(key, 2), 1)), with_rows(opening(new_key()))]
    with pytest.raises(Outdated):
        it.exchange.append(batch)
    writer = LogWriter(it.exchange)
    assert all(isinstance(writer.write_now(draft), Logged) for draft in batch)
    thread = it.desk.thread(key)
    assert thread
    assert thread.version == 2


def test_a_draft_whose_claim_is_taken_gets_its_answer_and_is_not_outdated(it: Desk) -> None:
    draft = with_rows(opening(new_key()))
    (first,) = logged(it.exchange.append([draft]))
    (again,) = it.exchange.append([draft])
    assert not isinstance(again, Logged)
    assert again.index == first.index


def test_a_thread_counts_its_versions(it: Desk) -> None:
    with pytest.raises(Malformed, match="grows by one"):
        it.write(DeskRows(a_thread(new_key(), 2), 0))


@pytest.mark.long
@pytest.mark.parametrize(
    "change", [{"group_id": "a\0b"}, {"office": "\ud800"}, {"due_us": 2**63}, {"officer": "a\0b"}], ids=str
)
def test_what_cannot_be_stored_is_refused_and_the_log_goes_on(it: Desk, change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        it.write(DeskRows(a_thread(new_key(), **change)))
    it.write(opening(new_key()))


def test_notices_of_no_member_are_not_erased(it: Desk) -> None:
    with pytest.raises(Malformed, match="counterpart"):
        it.operations.append([events.STOP.draft(reason="test", rows=DeskRows(erased=(new_id(),)))])


@pytest.mark.long
def test_a_failure_in_the_rows_writes_no_entry(it: Desk) -> None:
    key = new_key()
    it.write(opening(key))
    size = it.exchange.size
    it.home.sql("ALTER TABLE desk_work RENAME TO desk_gone")
    with pytest.raises(StorageBroken):
        it.write(opening(new_key()))
    it.abandon()
    it.home.sql("ALTER TABLE desk_gone RENAME TO desk_work")
    with it.home.store() as store:
        state = store.state("exchange/1")
        assert state
        assert state.size == size
    with opened(it.home) as again:
        assert again.exchange.size == size
        assert [thread.key for thread in again.desk.threads()] == [key]
        again.write(opening(new_key()))


# ---------------------------------------------------------------- deliveries


def test_due_is_the_lowest_of_each_thread_by_urgency_and_time(it: Desk) -> None:
    def sent(key: ThreadKey, seq: int, due_us: int, urgency: Urgency = Urgency.ROUTINE) -> DeskRows:
        notice = a_notice(key, seq, urgency=urgency)
        return DeskRows(a_thread(key, seq), seq - 1, notice, (a_delivery(notice, due_us=due_us),))

    a, b, c, d = (new_key() for _ in range(4))
    x = new_key(LA)
    it.write(sent(a, 1, 30), sent(b, 1, 20), sent(c, 1, 90), sent(d, 1, 25, Urgency.FLASH), sent(x, 1, 1))
    it.write(sent(a, 2, 10, Urgency.FLASH), sent(c, 2, 5), sent(d, 2, 6, Urgency.FLASH))
    found = it.desk.due(VN, 50, 10)
    assert [(one.key, one.seq) for one in found] == [(d, 1), (b, 1), (a, 1)]
    assert it.desk.due(VN, 50, 1) == found[:1]
    assert [one.key for one in it.desk.due(LA, 50, 10)] == [x]
    assert (it.desk.next_due_us(), it.desk.next_due_us(VN)) == (1, 20)
    it.write(DeskRows(a_thread(d, 3), 2, deliveries=(replace(found[0], state=DeliveryState.TAKEN),)))
    assert [(one.key, one.seq) for one in it.desk.due(VN, 50, 10)] == [(d, 2), (b, 1), (a, 1)]


def test_a_try_is_noted_while_the_delivery_waits(it: Desk) -> None:
    key = new_key()
    rows = opening(key)
    it.write(rows)
    tried = replace(rows.deliveries[0], tries=1, due_us=START_US + 99, problem="no-connection")
    it.desk.note_try(tried)
    assert it.desk.deliveries() == [tried]
    taken = replace(tried, state=DeliveryState.TAKEN)
    it.write(DeskRows(a_thread(key, 2), 1, deliveries=(taken,)))
    it.desk.note_try(replace(tried, tries=2))
    assert it.desk.deliveries() == []
    assert it.desk.deliveries([DeliveryState.TAKEN]) == [taken]


def test_what_waits_is_counted_for_each_member_with_the_oldest(it: Desk) -> None:
    assert it.desk.outboxes() == []
    first, second = new_key(), new_key()
    it.write(opening(first), opening(second))
    it.write(opening(new_key(LA)))
    one, other = sorted(it.desk.deliveries(key=first) + it.desk.deliveries(key=second), key=lambda each: each.due_us)
    it.desk.note_try(replace(one, tries=1, due_us=one.due_us + 5, problem="unreachable"))
    la, vn = it.desk.outboxes()
    assert (la.peer, la.waiting, vn.peer, vn.waiting, vn.problem) == (LA, 1, VN, 2, "unreachable")
    oldest = min(it.desk.notices(key)[0].time_us for key in (first, second))
    assert (vn.oldest_us, vn.next_us) == (oldest, min(one.due_us + 5, other.due_us))
    it.write(DeskRows(a_thread(second, 2), 1, deliveries=(replace(other, state=DeliveryState.TAKEN),)))
    assert [each.waiting for each in it.desk.outboxes()] == [1, 1]


# ---------------------------------------------------------------- threads, work, copies


def test_threads_are_found_by_kind_state_and_group_the_newest_first(it: Desk) -> None:
    made = [
        a_thread(new_key(), kind=kind, state=state, opened_us=number, group_id="g" if number % 3 == 0 else "")
        for number, (kind, state) in enumerate(
            (k, s) for k in ThreadKind for s in (ThreadState.OPEN, ThreadState.ENDED)
        )
    ]
    it.write(*(DeskRows(thread) for thread in made))
    newest = made[::-1]
    assert it.desk.threads() == newest == it.desk.threads(limit=100)
    assert it.desk.threads(limit=3) == newest[:3]
    asks = [thread for thread in newest if thread.kind is ThreadKind.ASK]
    assert it.desk.threads(kinds=[ThreadKind.ASK]) == asks
    wanted = [thread for thread in newest if thread.state is ThreadState.OPEN][:2]
    assert it.desk.threads(states=[ThreadState.OPEN], limit=2) == wanted
    assert it.desk.threads(group_id="g") == [thread for thread in newest if thread.group_id]


@pytest.mark.long
@pytest.mark.parametrize("states", [(), (ThreadState.OPEN, ThreadState.ENDED)])
def test_a_list_goes_on_behind_a_place_also_within_one_moment(it: Desk, states: tuple[ThreadState, ...]) -> None:
    made = [
        a_thread(new_key(peer), kind=ThreadKind.SERVICE, state=state, opened_us=number // 5)
        for number, (peer, state) in enumerate(
            (p, s) for p in (VN, LA) for s in (ThreadState.OPEN, ThreadState.ENDED) * 6
        )
    ]
    it.write(*(DeskRows(thread) for thread in made))
    newest = sorted(made, key=lambda each: (-each.opened_us, each.key.thread_id, each.key.peer))
    kinds, found, behind = (ThreadKind.SERVICE,), list[Thread](), None
    while rows := it.desk.threads(kinds=kinds, states=states, behind=behind, limit=2):
        found += rows
        last = rows[-1]
        behind = ListPlace(last.opened_us, last.key.thread_id, last.key.peer)
    assert found == newest
    ours = it.desk.threads(kinds=kinds, states=states, peer=VN, behind=ListPlace(1, newest[-1].key.thread_id, VN))
    assert {each.opened_us for each in ours} <= {0, 1}


@pytest.mark.long
def test_the_newest_threads_of_offices_are_those_of_all_their_states_and_agencies(it: Desk) -> None:
    offices, agencies = ("poipet-blo", "", "other"), ("police", "", "customs")
    places = [(office, agency, state) for office in offices for agency in agencies for state in ThreadState]
    made = [
        a_thread(new_key(), office=office, agency=agency, state=state, opened_us=number)
        for number, (office, agency, state) in enumerate(places)
    ]
    it.write(*(DeskRows(thread) for thread in made))
    here = [one for one in made[::-1] if one.office in offices[:2] and one.agency in agencies[:2]]
    assert it.desk.threads(offices=offices[:2], agencies=agencies[:2], limit=100) == here
    assert it.desk.threads(offices=offices[:2], agencies=agencies[:2], limit=5) == here[:5]
    going = [one for one in made[::-1] if one.office == "other" and one.state is ThreadState.OPEN]
    assert it.desk.threads(offices=("other",), states=(ThreadState.OPEN,), limit=9) == going
    assert it.desk.threads_of({here[0].key, made[-1].key, new_key()}) == {one.key: one for one in (here[0], made[-1])}


def test_statuses_and_newest_deliveries_of_many_threads_are_those_of_each_in_order(it: Desk) -> None:
    keys, newest = [new_key() for _ in range(3)], {}
    for key in keys[:2]:
        newest[key] = a_delivery(second := a_notice(key, 2), state=DeliveryState.TAKEN)
        ours = {1: (second, newest[key]), 3: (first := a_notice(key), a_delivery(first))}
        for version, code in enumerate(("", "ACKNOWLEDGED", "", "EXECUTED"), 1):
            placed = Placed(Side.OTHER, version, 1, NoticeType.STATUS, code, START_US, 0, Urgency.FLASH)
            theirs = a_notice(key, 2, placed=placed) if code else None
            notice, *deliveries = (theirs,) if theirs else ours[version]
            it.write(DeskRows(a_thread(key, version), version - 1, notice, tuple(deliveries)))
    found = it.desk.statuses([*keys, *keys])
    codes = {key: [row.placed.code for row in rows] for key, rows in found.items()}
    assert codes == {key: ["ACKNOWLEDGED", "EXECUTED"] for key in keys[:2]}
    assert it.desk.newest(keys) == newest


def test_work_is_found_by_who_has_taken_it_also_where_an_earlier_version_wrote_it(it: Desk) -> None:
    key = new_key()
    works = [some_work(key, name, due_us=place, assigned=who) for place, (name, who) in enumerate(_TAKEN.items())]
    it.write(DeskRows(works=tuple(works)))

    def found() -> str:
        return "".join(work.id for work in it.desk.works(WorkFilter(assignee="th.o.1", agency="police")))

    assert found() == "ac"
    with it.home.database() as database, database.write("an earlier version") as connection:
        connection.execute(update(desk_work).where(desk_work.c.id.in_(["b", "c", "d"])).values(assignee=None))
    assert found() == "abcd", "work of another that only its sealed part tells is read, and left out by its reader"


_TAKEN = {"a": "th.o.1", "b": "th.o.2", "c": "th.o.1", "d": ""}


@pytest.mark.long
@pytest.mark.parametrize("agency", ["", "customs"])
@pytest.mark.parametrize("roles", [(Role.NATIONAL_DESK,), (Role.OFFICER,), (Role.SUPERVISOR, Role.DUTY)])
def test_the_first_work_that_somebody_may_see_is_the_beginning_of_all_of_it(
    it: Desk, roles: Sequence[Role], agency: str
) -> None:
    """The first rows are read place by place, each by its index, and all of them by one condition."""
    dice, key = random.Random(7), new_key()
    works = tuple(
        some_work(
            key,
            f"w{number}",
            due_us=dice.randrange(1, 40),
            done_us=dice.choice((0, 0, 0, 9)),
            role=dice.choice(list(Role)),
            level=dice.choice(list(Level)),
            kind=dice.choice(list(WorkKind)),
            agency=dice.choice(("police", "customs")),
            not_by=dice.choice(("", "", "", "th.o.1")),
        )
        for number in range(300)
    )
    it.write(DeskRows(works=works))
    sight = replace(sight_of(roles), agency=agency)
    seen = it.desk.works(WorkFilter(sight=sight))
    assert 20 < len(seen) < 250
    for count in (1, 7, 40, 1_000):
        assert it.desk.works(WorkFilter(sight=sight, limit=count)) == seen[:count]


def test_work_is_found_by_its_filter(it: Desk) -> None:
    key, other = new_key(), new_key()
    works = (
        some_work(key, "a", due_us=30),
        some_work(key, "b", due_us=20, office="headquarters", role=Role.NATIONAL_DESK),
        some_work(other, "c", due_us=10, agency="customs", kind=WorkKind.APPROVE),
        some_work(key, "d", due_us=5, done_us=6),
    )
    it.write(DeskRows(works=works))

    def ids(**wanted: Any) -> str:
        return "".join(work.id for work in it.desk.works(WorkFilter(**wanted)))

    assert ids() == "cba"
    assert ids(open_only=False) == "dcba"
    assert ids(agency="police") == "ba"
    assert ids(agency="police", offices=("headquarters",)) == "b"
    assert ids(roles=(Role.DUTY,)) == "ca"
    assert ids(kinds=(WorkKind.APPROVE, WorkKind.OUTCOME)) == "c"
    assert ids(key=key) == "ba"
    assert ids(limit=1) == "c"


def test_work_is_due_at_half_and_at_the_end_once_each_and_not_while_its_clock_stands(it: Desk) -> None:
    work = some_work(new_key(), "w", half_us=50, due_us=100)

    def due(now_us: int) -> list[str]:
        return [one.id for one in it.desk.due_work(now_us)]

    def now(**change: Any) -> None:
        it.write(DeskRows(works=(replace(work, **change), some_work(new_key(), "far"))))

    now()
    assert (due(49), due(50), due(100)) == ([], ["w"], ["w"])
    now(level=Level.HALF)
    assert (due(99), due(100)) == ([], ["w"])
    now(level=Level.END)
    assert due(1000) == []
    now(paused_us=10)
    assert due(1000) == []
    now(done_us=10)
    assert due(1000) == []
    now(half_us=0)
    assert (due(99), due(100)) == ([], ["w"])


def test_copies_are_found_by_each_of_their_names(it: Desk) -> None:
    source = new_id()
    one = a_copy("one", source=source)
    two = a_copy("one", holder=LA, state=HoldingState.CHANGING)
    three = a_copy("three", direction=Direction.IN, holder=MemberId("th"), owner=VN, record="")
    it.write(DeskRows(holdings=(one, two, three)))
    found = it.desk.holdings
    assert {copy.holder for copy in found(jti="one")} == {VN, LA}
    assert {copy.holder for copy in found(record=one.record)} == {VN, LA}
    assert found(record="other") == []
    assert found(source=source) == [one] == found(holder=VN)
    assert found(direction="in") == [three]
    assert found(states=[HoldingState.CHANGING]) == [two]
    assert len(found(limit=2)) == 2
    it.write(DeskRows(holdings=(replace(three, owner=LA),)))
    assert len(found(jti="three")) == 2  # another owner's record with the same number is another record


def test_a_copy_from_abroad_that_was_hidden_is_never_shown_again_and_one_of_ours_follows_its_holder(it: Desk) -> None:
    theirs = a_copy("theirs", direction=Direction.IN, holder=MemberId("th"), owner=VN, record="")
    ours = a_copy("ours", state=HoldingState.CHANGING)
    for state in (HoldingState.HIDDEN, HoldingState.OBJECTED, HoldingState.ENDED):
        it.write(DeskRows(holdings=(replace(theirs, state=state), ours)))
        later = new_id()
        it.write(DeskRows(holdings=(replace(theirs, source=later), replace(ours, state=HoldingState.HELD))))
        (copy,) = it.desk.holdings(jti="theirs")
        assert (copy.state, copy.source) == (state, later)
        (given,) = it.desk.holdings(jti="ours")
        assert given.state is HoldingState.HELD


# ---------------------------------------------------------------- erased, ended


def test_an_erased_envelope_cannot_be_read_and_no_text_of_persons_stands_in_plain_columns(it: Desk) -> None:
    key, text = new_key(), CANARY.encode()
    thread = a_thread(key, officer=CANARY, draft=text)
    notice = a_notice(key, envelope=text * 9, receipt=text)
    work = some_work(key, assigned=CANARY, not_by=CANARY, by=CANARY, result=CANARY)
    it.write(DeskRows(thread, 0, notice, (a_delivery(notice),), (work,), (a_copy(record=CANARY),)))
    assert text not in it.home.raw()
    assert it.desk.envelope(key.thread_id) == text * 9
    it.write(DeskRows(a_thread(key, 2), 1, erased=(key.thread_id,)))
    with pytest.raises(Unknown, match="erased"):
        it.desk.envelope(key.thread_id)
    (erased,) = it.desk.notices(key)
    assert (erased.envelope, erased.receipt) == (b"", text)
    assert it.desk.placed(key) == [notice.placed]


def test_a_sealed_value_in_another_row_is_not_read(it: Desk) -> None:
    one, two = new_key(), new_key()
    it.write(opening(one), opening(two))
    it.home.sql(
        "UPDATE desk_notice SET envelope = (SELECT envelope FROM desk_notice WHERE notice_id = "
        f"'{one.thread_id}') WHERE notice_id = '{two.thread_id}'"
    )
    with pytest.raises(Exception, match="was changed"):
        it.desk.envelope(two.thread_id)


def test_an_ended_thread_goes_with_all_its_rows_once_nothing_of_it_waits(it: Desk) -> None:
    keys = [new_key() for _ in range(4)]
    done, delivering, working, fresh = keys
    it.write(*(opening(key, works=(), deliveries=()) for key in keys))

    def close(key: ThreadKey, at_us: int, **more: Any) -> DeskRows:
        return DeskRows(a_thread(key, 2, state=ThreadState.ENDED, closed_us=at_us), 1, **more)

    it.write(
        close(done, 10, works=(some_work(done, done_us=3),)),
        close(delivering, 10, deliveries=(a_delivery(a_notice(delivering)),)),
        close(working, 10, works=(some_work(working),)),
        close(fresh, 100),
    )
    assert it.desk.ended(50) == [done]
    it.desk.forget([done])
    assert it.desk.thread(done) is None
    assert not it.desk.notices(done)
    assert not it.desk.works(WorkFilter(key=done, open_only=False))
    assert {thread.key for thread in it.desk.threads()} == {delivering, working, fresh}
    assert it.desk.notices(fresh)


@pytest.mark.long
def test_copies_go_when_their_time_is_over_and_their_end_needs_no_confirmation(it: Desk) -> None:
    it.write(
        DeskRows(
            holdings=(
                a_copy("over", expires_us=10),
                a_copy("changing", expires_us=10, state=HoldingState.CHANGING),
                a_copy("objected", expires_us=10, state=HoldingState.OBJECTED),
                a_copy("later", expires_us=99),
                a_copy("always"),
            )
        )
    )
    assert (it.desk.forget_copies(50, 100), it.desk.forget_copies(50, 100)) == (1, 0)
    assert {copy.jti for copy in it.desk.holdings()} == {"changing", "objected", "later", "always"}


def test_an_unknown_type_cannot_slip_in(it: Desk) -> None:
    placed = Placed(Side.OTHER, 1, 0, NoticeType.NOTE, "", START_US)
    key = new_key()
    it.write(DeskRows(a_thread(key), 0, a_notice(key, placed=placed)))
    assert it.desk.placed(key) == [placed]
    assert it.desk.notice(VN, ExchangeId(key.thread_id))


# ---------------------------------------------------------------- asks that wait for a decision


def test_asks_about_a_matter_are_found_until_their_time_is_over(it: Desk) -> None:
    keys = [new_key(), new_key(), new_key("la")]
    for key, code in zip(keys, ("consent", "hit", "consent"), strict=True):
        placed = Placed(Side.OPENER, 1, 0, NoticeType.ASK, code, START_US, START_US + 100, Urgency.URGENT)
        it.write(opening(key, notice=a_notice(key, placed=placed), deliveries=()))
    assert it.desk.asks(About.CONSENT, START_US) == sorted([keys[0], keys[2]])
    assert it.desk.asks(About.CONSENT, START_US + 100) == []
    assert it.desk.asks(About.FORM, START_US) == []


def test_asks_that_wait_are_counted_for_one_counterpart_and_urgency_up_to_a_limit(it: Desk) -> None:
    keys = [new_key() for _ in range(3)] + [new_key("la")]
    it.write(*(opening(key) for key in keys))
    urgency = some_work(keys[0]).urgency
    others = [each for each in Urgency if each is not urgency]
    assert [it.desk.asks_waiting(VN, urgency, limit) for limit in (10, 2)] == [3, 2]
    assert [it.desk.asks_waiting(VN, other, 10) for other in others] == [0, 0, 0]
    done = replace(some_work(keys[0]), done_us=START_US + 1)
    it.write(DeskRows(works=(done, some_work(keys[1], "read", kind=WorkKind.READ))))
    assert it.desk.asks_waiting(VN, urgency, 10) == 2
    errors = (
        some_work(keys[1], "correct", kind=WorkKind.CORRECT),
        some_work(keys[2], "apart", kind=WorkKind.DISTINGUISH),
    )
    it.write(DeskRows(works=errors))
    assert it.desk.asks_waiting(VN, urgency, 10) == 4
