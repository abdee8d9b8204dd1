"""Put a question to its supervisor, and a finding to the security officer: their entries, each written once."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from gateway.desk.acting.home import home_key, moved, of_node
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.budget import KeepingBudget, Over
from gateway.desk.oversight.matters import Finding, Sample, budget_id, written
from gateway.desk.raising import for_incident, for_review
from gateway.errors import Stale
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows, Thread, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

SAMPLED = "sampled"


class OverBudget:
    """Tells security officers of a counterpart that is over its budget: once in a day for each kind and code."""

    def __init__(self, desk: DeskParts, budget: KeepingBudget) -> None:
        self._desk = desk
        self._budget = budget

    async def round(self) -> None:
        """Raise work on each that was not told of yet."""
        for over in self._budget.over():
            await self._tell(over)
            self._budget.told(over)

    async def _tell(self, over: Over) -> None:
        me, now_us = self._desk.parts.member, self._desk.parts.clock.now_us()
        name = budget_id(*map(str, over))
        finding = Finding(over.code, f"{over.member}: {over.kind}", "", "", "", now_us, now_us)
        thread, work = finding_rows(me, name, finding, now_us)
        await put(self._desk, name, _drafted(thread, replace(work, urgency=Urgency.URGENT), f"{over.code} {over.kind}"))


async def put(desk: DeskParts, name: ExchangeId, draft: EntryDraft) -> None:
    """Write a review or a finding, where it was not written before."""
    key = ThreadKey(desk.parts.member, name)
    if await asyncio.to_thread(desk.store.thread, key) is not None:
        return

    def make() -> EntryDraft:
        if desk.store.thread(key) is not None:
            raise Stale("this was raised before", code="raised", where="work")
        return draft

    try:
        await desk.pen.write(desk.parts.member, key, make)
    except Stale as error:
        if error.code != "raised":
            raise


def sampled(member: MemberId, name: ExchangeId, sample: Sample, now_us: int) -> EntryDraft:
    """Return the entry that puts a question to the supervisor of its office; its own officer can never review it."""
    thread = _thread(member, name, sample, now_us)
    work = for_review(thread, name, sample.person, now_us)
    work = replace(work, agency=sample.agency, office=sample.office)
    return _drafted(thread, work, SAMPLED)


def found(member: MemberId, name: ExchangeId, finding: Finding, now_us: int) -> EntryDraft:
    """Return the entry that puts a finding to the security officer; the officer it is about never sees it."""
    thread, work = finding_rows(member, name, finding, now_us)
    return _drafted(thread, work, f"rule {finding.rule}")


def finding_rows(member: MemberId, name: ExchangeId, finding: Finding, now_us: int) -> tuple[Thread, Work]:
    """Return the rows of a finding."""
    thread = replace(_thread(member, name, finding, now_us), officer=finding.person)
    return thread, replace(for_incident(thread, name, now_us), not_by=finding.person)


def _thread(member: MemberId, name: ExchangeId, matter: Sample | Finding, now_us: int) -> Thread:
    """Return the thread at home of a matter; it is over, and stays until its work is done."""
    home = of_node(ThreadKind.SERVICE, home_key(member, name), Urgency.ROUTINE, now_us)
    return moved(home, written(matter), ThreadState.ENDED, now_us)


def _drafted(thread: Thread, work: Work, code: str) -> EntryDraft:
    draft = events.DESK_CLOCK.draft(
        peer=thread.key.peer,
        exchange_id=thread.key.thread_id,
        work=work.id,
        kind=work.kind.value,
        level=work.level.value,
        notice=work.notice_id,
        code=code,
        due_us=work.due_us,
    )
    draft.rows = DeskRows(thread=thread, works=(work,))
    return draft
