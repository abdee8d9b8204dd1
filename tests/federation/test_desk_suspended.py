"""What passes a suspension passes it also where a notice before it in its thread is held, in both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock

import pytest
import pytest_asyncio

from gateway.config.suspensions import Action
from gateway.desk.delivery.ahead import Ahead
from gateway.desk.delivery.authoring import Post
from gateway.desk.fold import told
from gateway.desk.raising import End
from gateway.errors import ConnectionLost
from gateway.model.desk.notices import (
    About,
    Alert,
    Ask,
    Body,
    Change,
    ChangeCode,
    Note,
    Service,
    ServiceCode,
    Status,
    StatusCode,
    Urgency,
)
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import Requester
from gateway.ports.desk import WorkFilter
from tests.support.desks import Desk, Desks, make_desks

TH, VN = MemberId("th"), MemberId("vn")
COPY = "ab" * 16
WORD = Note("en", "a word")
SECONDS = timedelta(seconds=2)
CHANGES = {
    ChangeCode.CORRECTED: Change(ChangeCode.CORRECTED, (COPY,), record="a.b.c"),
    ChangeCode.WITHDRAWN: Change(ChangeCode.WITHDRAWN, (COPY,)),
    ChangeCode.CONTESTED: Change(ChangeCode.CONTESTED, (COPY,)),
    ChangeCode.RECLASSIFIED: Change(ChangeCode.RECLASSIFIED, (COPY,)),
    ChangeCode.CUT: Change(ChangeCode.CUT, (COPY,), office="vn.blo.one"),
}


def post(body: Body, **changes: Any) -> Post:
    who = Requester("officer", "th.blo.one", "police", "0123456789abcdef")
    why = (Urgency.FLASH, Purpose.INVESTIGATION, Offence.NARC, who)
    return replace(Post(body, *why, case="TH-2026-0417", agreement="gms-border-2026"), **changes)


@pytest_asyncio.fixture
async def desks(tmp_path: Path) -> AsyncIterator[Desks]:
    made = make_desks(tmp_path)
    yield made
    await made.stop()


async def opened(desks: Desks, body: Body) -> tuple[ThreadKey, ThreadKey]:
    """A thread of Thailand that Viet Nam has taken, by its name at both."""
    key = await desks.desks[TH].author.open(VN, post(body))
    await desks.until(lambda: desks.desks[TH].is_quiet(), "it is taken")
    return key, ThreadKey(TH, key.thread_id)


def suspend(desks: Desks, who: str) -> None:
    """Let one of the two switch the other one off."""
    other = {"th": "vn", "vn": "th"}[who]
    desks.desks[MemberId(who)].switch(Action.SUSPEND, f"peer:{other}")
    desks.clock.advance(SECONDS)


def resume(desks: Desks) -> None:
    for desk in desks.every:
        desk.switch(Action.RESUME, "all")
        for peer in desks.desks:
            desk.switch(Action.RESUME, f"peer:{peer}")
    desks.clock.advance(timedelta(seconds=31))


def codes(desk: Desk, key: ThreadKey) -> list[str]:
    return [placed.code or placed.type.value for placed in desk.store.placed(key)]


def told_ahead(desk: Desk) -> list[str]:
    """The codes of changes that were taken in threads of their own."""
    threads = desk.store.threads(kinds=(ThreadKind.CHANGE,))
    return [code for thread in threads for code in codes(desk, thread.key)[:1]]


def results(desk: Desk, key: ThreadKey, kind: WorkKind) -> list[str]:
    return [work.result for work in desk.store.works(WorkFilter(key=key, kinds=(kind,), open_only=False))]


async def caught_up(desks: Desks, key: ThreadKey) -> None:
    """Check that all comes to its place once the suspension is over."""
    # A try that is refused while the clock is put forward would wait for a time that never comes.
    lines = [line for desk in desks.every for line in desk.sender._lines.values()]
    await desks.until(lambda: not any(line.flying for line in lines), "no try is under way")
    resume(desks)
    await desks.until(lambda: all(desk.is_quiet() for desk in desks.every), "all goes on")
    here, there = desks.desks[TH].store.thread(key), desks.desks[VN].store.thread(ThreadKey(TH, key.thread_id))
    assert here is not None
    assert there is not None
    placed = desks.desks[TH].store.placed(key)
    assert placed == desks.desks[VN].store.placed(there.key)
    assert told(here.kind, placed) is here.state is there.state


@pytest.mark.parametrize("who", ["th", "vn"])
@pytest.mark.parametrize("written", ["before", "after"])
async def test_an_ask_is_withdrawn_past_a_note_that_is_held(desks: Desks, who: str, written: str) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    key, there = await opened(desks, Ask(About.QUESTION, "a truck was left", topic="vehicle"))
    if written == "before":
        desks.link.cut.add(frozenset((TH, VN)))
        await th.author.post(key, post(WORD))
        await desks.until(lambda: any(each.problem for each in th.store.deliveries()), "whether it came is not known")
        suspend(desks, who)
        desks.link.cut.clear()
    else:
        suspend(desks, who)
        await th.author.post(key, post(WORD))
        await desks.until(lambda: any(each.problem for each in th.store.deliveries()), "it is held")
    desks.clock.advance(timedelta(seconds=31))
    await th.author.post(key, post(Change(ChangeCode.WITHDRAWN, of=key.thread_id)))
    await desks.until(lambda: results(vn, there, WorkKind.DECIDE) == [End.WITHDRAWN], "the decision ends")
    assert codes(vn, there) == ["question"], "the note is held"
    assert told_ahead(vn) == ["WITHDRAWN"]
    await caught_up(desks, key)
    assert codes(vn, there) == ["question", "note", "WITHDRAWN"]
    assert told_ahead(vn) == ["WITHDRAWN"], "it is told ahead once"
    assert vn.store.thread(there).state is ThreadState.ENDED  # type: ignore[union-attr]
    assert not vn.incidents.drafts()


@pytest.mark.parametrize("who", ["th", "vn"])
@pytest.mark.parametrize("code", CHANGES)
async def test_a_change_passes_an_alert_that_is_held(desks: Desks, code: ChangeCode, who: str) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    until_us = desks.clock.now_us() + 3_600_000_000
    key, there = await opened(desks, Alert("a.b.c", "STOP", until_us))
    suspend(desks, who)
    await th.author.post(key, post(Alert("a.b.c", "STOP", until_us + 1)))
    await th.author.post(key, post(replace_of(CHANGES[code], key)))
    desks.clock.advance(timedelta(seconds=31))
    await desks.until(lambda: told_ahead(vn) == [code], "it passes")
    assert codes(vn, there) == ["alert"]
    if code is ChangeCode.WITHDRAWN:
        assert results(vn, there, WorkKind.ACKNOWLEDGE) == [End.WITHDRAWN]
    await caught_up(desks, key)
    assert codes(vn, there) == ["alert", "alert", code]


def replace_of(change: Change, key: ThreadKey) -> Change:
    """The same change of an alert, as its owner writes it."""
    return Change(change.code, change.records, of=key.thread_id, record=change.record, office=change.office)


@pytest.mark.parametrize("who", ["th", "vn"])
@pytest.mark.parametrize("before", [WORD, Status(COPY, StatusCode.READ)])  # type: ignore[arg-type]
@pytest.mark.parametrize("code", [StatusCode.ERASED, StatusCode.NOT_HELD, StatusCode.OBJECTED])
async def test_a_confirmation_passes_with_what_is_said_before_it(
    desks: Desks, code: StatusCode, before: Body, who: str
) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    key, there = await opened(desks, CHANGES[ChangeCode.WITHDRAWN])
    suspend(desks, who)
    first = Status(key.thread_id, before.code) if isinstance(before, Status) else before
    await vn.author.post(there, post(first))
    await vn.author.post(there, post(Status(key.thread_id, code)))
    await desks.until(lambda: codes(th, key)[-1] == code and vn.is_quiet(), "it is taken")


@pytest.mark.parametrize("who", ["th", "vn"])
async def test_a_word_of_a_node_passes_with_what_is_said_before_it(desks: Desks, who: str) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    key, there = await opened(desks, Service(ServiceCode.SUSPENDED, "under review"))
    suspend(desks, who)
    await th.author.post(key, post(WORD))
    await vn.author.post(there, post(Status(key.thread_id, StatusCode.ACKNOWLEDGED)))
    await th.author.post(key, post(Service(ServiceCode.RESUMED)))
    await desks.until(lambda: "note" in codes(vn, there) or codes(vn, there)[-1] == "RESUMED", "what was said before")
    desks.clock.advance(timedelta(hours=1))  # the one who suspended hears one word in an hour
    await desks.until(lambda: codes(vn, there)[-1] == "RESUMED" and vn.is_quiet(), "all is taken")


async def test_what_is_sent_ahead_is_sent_once_over_kills(desks: Desks, monkeypatch: pytest.MonkeyPatch) -> None:
    th, vn = desks.desks[TH], desks.desks[VN]
    key, there = await opened(desks, Ask(About.QUESTION, "a truck was left", topic="vehicle"))
    suspend(desks, "th")
    send = Ahead.send
    monkeypatch.setattr(Ahead, "send", AsyncMock())
    await th.author.post(key, post(WORD))
    (held,) = th.store.deliveries()
    await th.author.post(key, post(Change(ChangeCode.WITHDRAWN, of=key.thread_id)))
    for place in ("before", "inside", "after"):
        th.kill_at(place)
        with suppress(ConnectionLost):
            await th.alive(send(Ahead(th.author._parts, th.store, th.author), held))
        th.kill_at("")
        await th.reborn()
    assert th.deaths == 3
    monkeypatch.setattr(Ahead, "send", send)
    await desks.until(lambda: told_ahead(vn) == ["WITHDRAWN"], "it is taken")
    assert told_ahead(th) == ["WITHDRAWN"]
    assert results(vn, there, WorkKind.DECIDE) == [End.WITHDRAWN]
    await caught_up(desks, key)
