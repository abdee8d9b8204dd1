"""How threads end by their clock at both sides, what becomes of their work, and when they are forgotten."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from gateway.audit.reading.show import Filter, show
from gateway.audit.retention.holds import Hold
from gateway.desk.delivery.authoring import Post
from gateway.desk.ending.closing import FORGOTTEN, RESUMED, Closing
from gateway.desk.fold import state_by_clock
from gateway.desk.raising import End, from_opening
from gateway.errors import Stale
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    OutcomeCode,
    OutcomeReport,
    Reply,
    ReplyCode,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import LogName
from tests.support.audit_logs import LogHome
from tests.support.databases import server
from tests.support.desks import Desk, Desks, make_desks

TH, VN = MemberId("th"), MemberId("vn")
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
COPY = "0" * 32
QUESTION = Ask(About.QUESTION, "a truck was left at the bridge", topic="vehicle")
KEPT_US = 100 * 86_400_000_000


def us(time: timedelta) -> int:
    return time // timedelta(microseconds=1)


class Ground:
    """Two desks, with the round that ends threads at each."""

    def __init__(self, made: Desks) -> None:
        self.all = made
        self.th, self.vn = made.desks[TH], made.desks[VN]
        self.holds: list[Hold] = []
        self.proved = True
        self.rounds = {desk.member: self.closing(desk) for desk in made.every}

    def closing(self, desk: Desk) -> Closing:
        """The round at a desk, as after a start."""

        def now_us() -> int:
            return desk.clock.now_us() if self.proved else 0

        return Closing(
            desk.author._parts, desk.store, desk.author._pen, now_us, lambda _: self.holds, lambda now: now - KEPT_US
        )

    def post(self, body: Body, expires: timedelta = timedelta(0), **changes: Any) -> Post:
        """A notice of an officer of Thailand."""
        who = Requester("officer", "th.blo.one", "police", "0123456789abcdef")
        expires_us = self.all.clock.now_us() + us(expires) if expires else 0
        made = Post(
            body, Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, who, "TH-2026-0417", "", "gms-border-2026"
        )
        return replace(made, expires_us=expires_us, **changes)

    async def open(self, body: Body = QUESTION, expires: timedelta = timedelta(0)) -> tuple[ThreadKey, ThreadKey]:
        """A thread of Thailand that Viet Nam has taken: its name at both."""
        key = await self.th.author.open(VN, self.post(body, expires))
        there = ThreadKey(TH, key.thread_id)
        await self.taken()
        return key, there

    async def taken(self) -> None:
        await self.all.until(lambda: self.th.is_quiet() and self.vn.is_quiet(), "all is taken")

    async def after(self, time: timedelta) -> None:
        """Let time pass, and each desk look at its threads."""
        self.all.clock.advance(time)
        for closing in self.rounds.values():
            await closing.round()

    def state(self, desk: Desk, key: ThreadKey) -> ThreadState | None:
        thread = desk.store.thread(key)
        return thread.state if thread is not None else None

    def works(self, desk: Desk, key: ThreadKey, *kinds: WorkKind) -> list[Work]:
        return desk.store.works(WorkFilter(key=key, kinds=kinds, open_only=False))

    def ends(self, desk: Desk, key: ThreadKey) -> list[str]:
        """The codes of what the clock of a desk wrote about a thread, the oldest first."""
        log, wanted = desk.logs[LogName.OPERATIONS].store_name, Filter(kind="desk-clock", exchange_id=key.thread_id)
        shown = list(show(desk.log_store, desk.home.keystore, log, wanted))
        return [str(each.private["code"]) for each in reversed(shown)]


@pytest_asyncio.fixture(params=["sqlite", "postgresql"])
async def ground(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Ground]:
    if request.param == "postgresql":
        server("postgresql")
        monkeypatch.setattr(LogHome, "engine", "postgresql")
    made = make_desks(tmp_path)
    yield Ground(made)
    await made.stop()


def results(works: list[Work]) -> list[str]:
    """How some work ended; an empty text while it is open."""
    return [work.result if work.done_us else "" for work in works]


async def test_an_ask_that_is_wanted_no_longer_ends_at_both_sides_with_its_decision(ground: Ground) -> None:
    key, there = await ground.open(QUESTION, HOUR)
    (work,) = ground.works(ground.vn, there, WorkKind.DECIDE)
    for desk, name in ((ground.th, key), (ground.vn, there)):
        thread = desk.store.thread(name)
        assert thread is not None
        assert thread.due_us == work.due_us, "both sides show until when it should be answered"
    await ground.after(30 * MINUTE)
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [""], "late answers are welcome"
    await ground.after(31 * MINUTE)
    for desk, name in ((ground.th, key), (ground.vn, there)):
        assert ground.state(desk, name) is ThreadState.EXPIRED
        assert ground.ends(desk, name) == ["expired"]
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [End.EXPIRED]
    await ground.after(MINUTE)
    assert ground.ends(ground.vn, there) == ["expired"], "once"


async def test_an_ask_that_was_taken_and_never_answered_ends_after_the_last_question(ground: Ground) -> None:
    key, there = await ground.open(QUESTION, 15 * MINUTE)
    await ground.after(89 * DAY)
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [""]
    await ground.after(2 * DAY)
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [End.EXPIRED]
    assert ground.state(ground.th, key) is ThreadState.EXPIRED
    await ground.vn.author.post(there, ground.post(Reply(ReplyCode.NOTHING_HELD)))
    assert ground.state(ground.vn, there) is ThreadState.ANSWERED, "an answer opens it again, while it is kept"


async def test_a_question_back_that_nobody_answers_ends_with_its_ask(ground: Ground) -> None:
    key, there = await ground.open(QUESTION, HOUR)
    await ground.vn.author.post(there, ground.post(Reply(ReplyCode.CLARIFY)))
    await ground.taken()
    assert results(ground.works(ground.th, key, WorkKind.CLARIFY)) == [""]
    await ground.after(61 * MINUTE)
    assert results(ground.works(ground.th, key, WorkKind.CLARIFY)) == [End.EXPIRED]
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [End.EXPIRED]


async def test_an_ask_that_nobody_took_ends_with_its_delivery(ground: Ground) -> None:
    ground.all.link.cut.add(frozenset((TH, VN)))
    key = await ground.th.author.open(VN, ground.post(QUESTION, HOUR))
    ground.all.clock.advance(61 * MINUTE)
    await ground.taken()
    await ground.rounds[TH].round()
    assert ground.state(ground.th, key) is ThreadState.EXPIRED


@pytest.mark.parametrize("answer", [ReplyCode.RELEASED, ReplyCode.REFUSED, ReplyCode.NEEDS_COURT])
async def test_an_answered_ask_ends_once_no_outcome_is_asked_for_any_more(ground: Ground, answer: ReplyCode) -> None:
    key, there = await ground.open(QUESTION, HOUR)
    await ground.vn.author.post(there, ground.post(Reply(answer)))
    await ground.taken()
    thread = ground.th.store.thread(key)
    assert thread is not None
    rows = DeskRows(works=from_opening(thread, key.thread_id, "th.o.1042", ground.all.clock.now_us()))
    ground.th.logs[LogName.OPERATIONS].append([events.DESK_ACT.draft(peer=VN, exchange_id=key.thread_id, rows=rows)])
    await ground.after(96 * DAY)
    assert ground.state(ground.th, key) in (ThreadState.ANSWERED, ThreadState.REFUSED)
    await ground.after(2 * DAY)
    assert ground.state(ground.th, key) is ground.state(ground.vn, there) is ThreadState.ENDED
    assert results(ground.works(ground.th, key, WorkKind.OUTCOME)) == [End.SETTLED] * 3
    assert results(ground.works(ground.th, key, WorkKind.READ)) == [""], "an answer is read, however late"


async def test_an_outcome_ends_an_ask_at_once_and_what_is_asked_later_ends_in_its_time(ground: Ground) -> None:
    key, there = await ground.open(QUESTION, HOUR)
    await ground.vn.author.post(there, ground.post(Reply(ReplyCode.NOTHING_HELD)))
    await ground.taken()
    thread = ground.th.store.thread(key)
    assert thread is not None
    rows = DeskRows(works=from_opening(thread, key.thread_id, "th.o.1042", ground.all.clock.now_us()))
    ground.th.logs[LogName.OPERATIONS].append([events.DESK_ACT.draft(peer=VN, exchange_id=key.thread_id, rows=rows)])
    ground.all.clock.advance(30 * HOUR)
    await ground.th.author.post(key, ground.post(OutcomeReport(OutcomeCode.ARRESTED)))
    await ground.taken()
    assert ground.state(ground.th, key) is ground.state(ground.vn, there) is ThreadState.ENDED
    assert sorted(results(ground.works(ground.th, key, WorkKind.OUTCOME))) == ["", "", End.OUTCOME]
    await ground.after(96 * DAY)
    assert sorted(results(ground.works(ground.th, key, WorkKind.OUTCOME))) == [End.SETTLED, End.SETTLED, End.OUTCOME]


async def test_a_withdrawn_ask_leaves_no_decision(ground: Ground) -> None:
    key, there = await ground.open()
    await ground.th.author.post(key, ground.post(Note("en", "at the bridge")))
    await ground.th.author.post(key, ground.post(Change(ChangeCode.WITHDRAWN, of=key.thread_id)))
    await ground.taken()
    assert ground.state(ground.vn, there) is ThreadState.ENDED
    assert results(ground.works(ground.vn, there)) == [End.WITHDRAWN] * 2


async def test_an_alert_ends_with_its_time_and_its_acknowledgement_with_it(ground: Ground) -> None:
    until_us = ground.all.clock.now_us() + us(DAY)
    key, there = await ground.open(Alert("a.b.c", "STOP", until_us, scope=("vn.blo.one", "vn.blo.two")), DAY)
    await ground.after(DAY - MINUTE)
    assert results(ground.works(ground.vn, there, WorkKind.ACKNOWLEDGE)) == ["", ""]
    await ground.after(2 * MINUTE)
    assert results(ground.works(ground.vn, there, WorkKind.ACKNOWLEDGE)) == [End.EXPIRED] * 2
    assert ground.state(ground.th, key) is ground.state(ground.vn, there) is ThreadState.EXPIRED


async def test_a_renewed_alert_ends_with_its_new_time(ground: Ground) -> None:
    now_us = ground.all.clock.now_us()
    key, there = await ground.open(Alert("a.b.c", "STOP", now_us + us(DAY)), DAY)
    await ground.th.author.post(key, ground.post(Alert("a.b.c", "STOP", now_us + us(3 * DAY)), 3 * DAY))
    await ground.taken()
    await ground.after(2 * DAY)
    assert ground.state(ground.vn, there) is ThreadState.OPEN
    await ground.after(2 * DAY)
    assert ground.state(ground.vn, there) is ThreadState.EXPIRED


@pytest.mark.parametrize("code", [StatusCode.ERASED, StatusCode.NOT_HELD])
async def test_a_change_ends_when_its_holder_has_confirmed(ground: Ground, code: StatusCode) -> None:
    key, there = await ground.open(Change(ChangeCode.WITHDRAWN, (COPY,), erase_by_us=ground.all.clock.now_us()))
    await ground.after(10 * HOUR)
    assert ground.state(ground.th, key) is ThreadState.OPEN, "a change that nobody confirmed never ends"
    assert results(ground.works(ground.vn, there, WorkKind.COMPLY)) == [""]
    await ground.vn.author.post(there, ground.post(Status(key.thread_id, StatusCode.OBJECTED)))
    await ground.taken()
    await ground.after(10 * HOUR)
    assert ground.state(ground.th, key) is ThreadState.REFUSED, "an objection is settled by a human"
    await ground.vn.author.post(there, ground.post(Status(key.thread_id, code)))
    await ground.taken()
    await ground.after(MINUTE)
    assert ground.state(ground.th, key) is ground.state(ground.vn, there) is ThreadState.ENDED


@pytest.mark.parametrize("code", [ChangeCode.CONTESTED, ChangeCode.CUT])
async def test_a_change_that_leaves_copies_hidden_ends_with_its_receipt(ground: Ground, code: ChangeCode) -> None:
    office = "vn.blo.one" if code is ChangeCode.CUT else ""
    key, there = await ground.open(Change(code, (COPY,), office=office))
    await ground.after(25 * HOUR)
    assert ground.state(ground.th, key) is ground.state(ground.vn, there) is ThreadState.ENDED


async def test_a_word_of_a_node_ends_and_its_incident_stays_for_a_human(ground: Ground) -> None:
    key, there = await ground.open(Service(ServiceCode.INCIDENT, "a token was stolen"))
    await ground.after(98 * DAY)
    assert ground.state(ground.th, key) is ThreadState.ENDED
    assert results(ground.works(ground.vn, there, WorkKind.INCIDENT)) == [""]


async def test_a_removed_counterpart_waits_for_no_decision_and_waits_again_when_it_is_back(ground: Ground) -> None:
    _, there = await ground.open(QUESTION)
    (before,) = ground.works(ground.vn, there, WorkKind.DECIDE)
    ground.proved = False
    await ground.rounds[VN].round()
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [""]
    ground.vn.remove(TH)
    await ground.after(MINUTE)
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [End.REMOVED]
    ground.vn.remove()
    await ground.closing(ground.vn).round()  # also by a process that started meanwhile
    (again,) = ground.works(ground.vn, there, WorkKind.DECIDE)
    assert again == before
    await ground.closing(ground.vn).round()
    assert ground.ends(ground.vn, there) == [End.REMOVED, RESUMED]


async def test_nothing_ends_while_our_time_is_not_proved(ground: Ground) -> None:
    _, there = await ground.open(QUESTION, HOUR)
    ground.proved = False
    await ground.after(400 * DAY)
    assert ground.state(ground.vn, there) is ThreadState.OPEN
    thread = ground.vn.store.thread(there)
    assert thread is not None
    assert state_by_clock(thread, ground.all.clock.now_us()) is ThreadState.EXPIRED, "people see what the clock says"


async def test_an_ended_thread_is_forgotten_in_its_time_with_what_nobody_has_read(ground: Ground) -> None:
    key, there = await ground.open(QUESTION, HOUR)
    await ground.th.author.post(key, ground.post(Note("en", "at the bridge")))
    await ground.taken()
    notice = ground.vn.store.notice(TH, key.thread_id)
    assert notice is not None
    await ground.after(2 * HOUR)
    assert results(ground.works(ground.vn, there, WorkKind.READ)) == [""]
    await ground.after(80 * DAY)
    assert ground.vn.store.thread(there) is not None
    ground.holds = [Hold("hold-1", "a trial", {}, frozenset({key.thread_id}), 2**62, 0, ("a", "b"))]
    await ground.after(30 * DAY)
    assert results(ground.works(ground.vn, there, WorkKind.READ)) == [FORGOTTEN]
    assert ground.vn.store.thread(there) is not None, "a legal hold keeps it"
    ground.holds = []
    await ground.after(HOUR)
    for desk, name in ((ground.th, key), (ground.vn, there)):
        assert desk.store.thread(name) is None
        assert ground.works(desk, name) == []
    assert ground.vn.store.notice(TH, ExchangeId(key.thread_id)) is None
    assert ground.vn._entry(notice.log, notice.index), "its entry stays in the log"


@pytest.mark.parametrize("place", ["before", "inside", "after"])
async def test_a_desk_that_is_killed_ends_a_thread_once(ground: Ground, place: str) -> None:
    _, there = await ground.open(QUESTION, HOUR)
    ground.all.clock.advance(2 * HOUR)
    ground.vn.kill_at(place)
    with pytest.raises(Exception, match="dead"):
        await ground.vn.alive(ground.rounds[VN].round())
    ground.vn.kill_at("")
    await ground.vn.reborn()
    await ground.closing(ground.vn).round()
    assert ground.ends(ground.vn, there) == ["expired"]
    assert results(ground.works(ground.vn, there, WorkKind.DECIDE)) == [End.EXPIRED]


async def test_two_processes_end_a_thread_once(ground: Ground) -> None:
    _, there = await ground.open(QUESTION, HOUR)
    ground.all.clock.advance(2 * HOUR)
    closing = ground.closing(ground.vn)
    now_us = ground.all.clock.now_us()
    closing._over(there, now_us)
    await ground.rounds[VN].round()
    with pytest.raises(Stale):
        closing._over(there, now_us)
    assert ground.ends(ground.vn, there) == ["expired"]
