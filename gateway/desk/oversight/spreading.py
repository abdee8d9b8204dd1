"""Bring the words about an incident of ours to every counterpart: what is missing in a thread is written there.

How the incident stands is written at home first. So a node that ended in between goes on after its start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from msgspec.structs import replace

from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.authoring import Also, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.permission import check_notice
from gateway.desk.entries import desk_clock
from gateway.desk.oversight.values import (
    INCIDENTS,
    IncidentStand,
    OwnIncident,
    Standing,
    Told,
    node_as_author,
)
from gateway.errors import LiaisonError, Stale, StorageBroken
from gateway.model.desk.notices import Notice, NoticeType, Service, ServiceCode, Status, StatusCode, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import node_itself
from gateway.ports.desk import DeskRows, NoticeRow, Thread, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

ACKNOWLEDGED = "acknowledged-by-all"
_ATTEMPTS = 8
_URGENT = frozenset({ServiceCode.INCIDENT, ServiceCode.OUTAGE})


def urgency_of(incident: OwnIncident) -> Urgency:
    """Return how urgent the words about an incident are: a drill is not."""
    return Urgency.URGENT if incident.code in _URGENT else Urgency.ROUTINE


class IncidentSpread:
    """Makes the threads with counterparts follow the incidents of ours."""

    def __init__(self, desk: DeskParts) -> None:
        self._desk = desk

    async def round(self) -> None:
        """Write what is missing about each incident that is not over, and end those that all have acknowledged."""
        problem: LiaisonError | None = None
        for name in await asyncio.to_thread(lambda: list(self._standing_open())):
            try:
                await self.bring_up(name)
            except StorageBroken:
                raise
            except LiaisonError as error:
                problem = error
        if problem is not None:
            raise problem

    async def bring_up(self, name: ExchangeId) -> None:
        """Write what is missing about one incident; a counterpart that fails does not keep out the others."""
        key = self.key(name)
        incident = INCIDENTS.read(await asyncio.to_thread(self._desk.store.thread, key), name)
        problem: LiaisonError | None = None
        for to in incident.to:
            try:
                await self._one(incident, to)
            except StorageBroken:
                raise
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        if await asyncio.to_thread(self._settled, key) is not None:
            await self._desk.pen.write_if_first(self._desk.parts.member, key, lambda: self._ended(key))

    def key(self, name: ExchangeId) -> ThreadKey:
        """Return the key of the thread that holds an incident at home."""
        return ThreadKey(self._desk.parts.member, name)

    def takes(self, member: MemberId) -> bool:
        """Tell whether a counterpart takes such words now."""
        view = self._desk.parts.trust()
        return view.active(member) and view.descriptor(member).can_take(NoticeType.SERVICE)

    def stands(self, incident: OwnIncident) -> tuple[IncidentStand, ...]:
        """Return how an incident stands at each counterpart. It reads the store."""
        return tuple(self._stand(to) for to in incident.to)

    # ------------------------------------------------------------ parts

    def _standing_open(self) -> Iterator[ExchangeId]:
        me = self._desk.parts.member
        states = (ThreadState.NEW, ThreadState.OPEN)
        for thread in self._desk.store.threads(kinds=(ThreadKind.SERVICE,), states=states, peer=me):
            if INCIDENTS.of(thread) is not None:
                yield thread.key.thread_id

    async def _one(self, incident: OwnIncident, to: Told) -> None:
        """Write what is missing in one thread; a word of the other side may come in between."""
        key = ThreadKey(to.member, to.thread_id)
        for _ in range(_ATTEMPTS):
            missing = await asyncio.to_thread(self._missing, incident, to)
            if missing is None:
                return
            number, version = missing
            try:
                await self._desk.author.post(key, self._post(incident, number, to.member), self._at(version))
            except Stale as error:
                if error.code != "not-now":
                    raise

    def _missing(self, incident: OwnIncident, to: Told) -> tuple[int, int] | None:
        """Return the number of the next word for a counterpart, with the version of its thread; None: all is told."""
        if not self.takes(to.member):
            return None
        key = ThreadKey(to.member, to.thread_id)
        thread = self._desk.store.thread(key)
        if thread is None:
            return 0, 0
        said = sum(one.type is NoticeType.SERVICE for one in self._desk.store.placed(key))
        refused = thread.state is ThreadState.ENDED and not said
        return None if refused or said >= len(incident.words) else (said, thread.version)

    def _at(self, version: int) -> Also:
        """Return the check that the thread is still at this version, and that policy allows the word."""

        def also(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if (before.version if before is not None else 0) != version:
                raise Stale("the thread has changed meanwhile", code="not-now", where="thread")
            check_notice(self._desk.parts, notice, notice.issued_us)
            return Effects()

        return also

    def _post(self, incident: OwnIncident, number: int, peer: MemberId) -> Post:
        author, me = incident.authors[number], self._desk.parts.member
        is_person = author != node_as_author(me)
        who = author.as_requester(self._desk.pseudonym(author.person, peer)) if is_person else node_itself(me, "")
        return Post(
            incident.words[number],
            urgency_of(incident),
            Purpose.PREVENTION,
            Offence.OTHER,
            who,
            ticket=incident.id,
            group_id=incident.id,
            by=author if is_person else None,
        )

    def _stand(self, to: Told) -> IncidentStand:
        key = ThreadKey(to.member, to.thread_id)
        thread = self._desk.store.thread(key)
        stand = IncidentStand(to.member, to.thread_id, Standing.WAITING)
        if thread is None or not thread.ours:
            waits = thread is not None and thread.state is not ThreadState.ENDED
            return stand if waits or (thread is None and self.takes(to.member)) else _not_taken(stand)
        rows = self._desk.store.notices(key)
        if (said := _acknowledged(rows, thread)) is not None:
            return said_by(stand, said)
        sent = self._desk.store.deliveries(tuple(DeliveryState), key=key)
        last = max(sent, key=lambda each: each.seq, default=None)
        if last is None or last.state is DeliveryState.TAKEN:
            return replace(stand, standing=Standing.DELIVERED)
        return stand if last.state is DeliveryState.WAITING else _not_taken(stand)

    def _settled(self, key: ThreadKey) -> tuple[Thread, str] | None:
        """Return the thread at home of an incident that needs no look any more, with why; None while it does."""
        thread = self._desk.store.thread(key)
        if thread is None or thread.state is ThreadState.ENDED:
            return None
        incident = INCIDENTS.read(thread)
        told = all(self._missing(incident, to) is None for to in incident.to)
        if incident.is_over and told:
            return thread, "closed"
        stands = self.stands(incident)
        waits = bool(self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.INCIDENT,))))
        all_know = bool(stands) and all(one.standing is Standing.ACKNOWLEDGED for one in stands)
        return (thread, ACKNOWLEDGED) if waits and all_know else None

    def _ended(self, key: ThreadKey) -> EntryDraft:
        """Return the entry that ends our own work on an incident, and its thread where its end was said to all."""
        now_us, settled = self._desk.parts.clock.now_us(), self._settled(key)
        if settled is None:
            raise Stale("the incident has changed meanwhile", code="not-now", where="incident")
        thread, why = settled
        waiting = self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.INCIDENT,)))
        works = tuple(replace(work, done_us=now_us, result=why) for work in waiting)
        state = ThreadState.ENDED if why == "closed" else thread.state
        after = INCIDENTS.moved(thread, INCIDENTS.read(thread), state, now_us)
        return desk_clock(key, f"incident-{why}", DeskRows(thread=after, before=thread.version, works=works))


def said_by(stand: IncidentStand, said: tuple[Status, int]) -> IncidentStand:
    """Return how an incident stands where a person has acknowledged it, at this time."""
    status, time_us = said
    return replace(stand, standing=Standing.ACKNOWLEDGED, time_us=time_us, text=status.text)


def _not_taken(stand: IncidentStand) -> IncidentStand:
    return replace(stand, standing=Standing.NOT_TAKEN)


def _acknowledged(rows: list[NoticeRow], thread: Thread) -> tuple[Status, int] | None:
    """Return the acknowledgement of our newest word but its end, and the time at which we took it."""
    ours = [row for row in rows if row.is_ours(thread) and row.placed.seq and row.placed.type is NoticeType.SERVICE]
    words = [row.placed.seq for row in ours if row.placed.code != ServiceCode.RESUMED]
    for row in reversed(rows):
        placed = row.placed
        if row.is_ours(thread) or placed.code != StatusCode.ACKNOWLEDGED or not row.envelope:
            continue
        body = parse_notice(row.envelope).body
        if isinstance(body, Status) and words and placed.seen >= max(words):
            return body, row.time_us
    return None


def first_word(rows: list[NoticeRow]) -> Notice | None:
    """Return the newest word of a counterpart about itself in these rows; None where it is erased."""
    for row in reversed(rows):
        if row.placed.type is NoticeType.SERVICE and row.envelope:
            notice = parse_notice(row.envelope)
            if isinstance(notice.body, Service):
                return notice
    return None
