"""Tell all counterparts of an incident here, follow who has acknowledged it, and acknowledge those of counterparts.

The message goes out at once, without an approval: it holds no record and no person, and partners must know within
24 hours. Words about a node itself pass a suspension in both directions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from gateway.desk.acting.home import home_key, of_node
from gateway.desk.acting.once import part_of
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_act
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.oversight.spreading import IncidentSpread, first_word, urgency_of
from gateway.desk.oversight.values import (
    INCIDENTS,
    MOST_WORDS,
    IncidentItem,
    OwnIncident,
    Told,
)
from gateway.desk.raising import Raising, for_incident
from gateway.desk.roles import Matter, matter_of, may, refusal
from gateway.errors import Malformed, Stale, Unknown
from gateway.model.desk.notices import MAX_WORDS, Notice, Service, ServiceCode, Status, StatusCode
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.handed.incidents import TellNews
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft

_MEMBER = Matter("")


class IncidentDesk:
    """The use cases of incidents.

    They are written by hand (decision 0140): no second person approves one, the node itself tells of some, and half of
    them are about incidents of counterparts.
    """

    def __init__(self, desk: DeskParts, spread: IncidentSpread) -> None:
        self._desk = desk
        self._spread = spread

    async def tell(self, actor: Actor, command: TellNews, incident_id: ExchangeId | None = None) -> ExchangeId:
        """Tell counterparts of an incident, an outage or a drill here; return its id.

        An `incident_id` that stands already names the first one, which stays as it is.
        """
        check_person(actor)
        now_us = self._desk.parts.clock.now_us()
        may(actor.person, Act.TELL_SERVICE, _MEMBER, now_us)
        name = incident_id or new_exchange_id()
        if await asyncio.to_thread(self._desk.store.thread, self._spread.key(name)) is None:
            incident = self._made(actor, command, name, now_us)
            await self._write(name, lambda: self._told_first(actor, incident, now_us))
        await self._spread.bring_up(name)
        return name

    async def add(self, actor: Actor, incident_id: ExchangeId, text: str) -> None:
        """Tell more about an incident to all who know of it; they acknowledge anew."""
        await self._and_then(actor, incident_id, "tell-more", text, None)

    async def close(self, actor: Actor, incident_id: ExchangeId, text: str = "") -> None:
        """Tell all who know of an incident that it is over."""
        await self._and_then(actor, incident_id, "close-incident", text, ServiceCode.RESUMED)

    async def show(self, actor: Actor, incident_id: ExchangeId) -> IncidentItem:
        """Return an incident of ours with its standing at each counterpart. Raises `Unknown`, `Forbidden`."""
        _, incident = await asyncio.to_thread(INCIDENTS.found, self._desk, actor, Act.TELL_SERVICE, incident_id)
        return await asyncio.to_thread(self._item, actor, incident)

    async def all(
        self, actor: Actor, *, over: bool = False, limit: int = USUAL_LISTED, after: str = ""
    ) -> Slice[IncidentItem]:
        """Return incidents of ours, the newest first, behind a place; with `over` those that ended, too."""
        may(actor.person, Act.TELL_SERVICE, _MEMBER, self._desk.parts.clock.now_us())
        states = (ThreadState.OPEN, *((ThreadState.ENDED,) if over else ()))
        return await asyncio.to_thread(INCIDENTS.page, self._desk, states, partial(self._item, actor), limit, after)

    async def acknowledge(self, actor: Actor, work_id: str, text: str = "") -> Work:
        """Acknowledge an incident of a counterpart, with words for its security officer; return the work as done.

        In a thread that has ended meanwhile nothing is told any more.
        """
        check_person(actor)
        said = text_value(text, "text", MAX_WORDS) if text else ""
        work, notice, is_over = await asyncio.to_thread(self._told_us, work_id)
        may(actor.person, Act.INCIDENT, matter_of(work), self._desk.parts.clock.now_us())
        if is_over or not await self._told_them(actor, work, notice, said):
            await self._desk.pen.write(
                self._desk.parts.member, work.key, lambda: self._acknowledged_here(actor, work_id, said)
            )
        found = await asyncio.to_thread(self._desk.store.work, work_id)
        return found or work

    async def taken(self, actor: Actor, work_id: str) -> Notice:
        """Return the notice of a counterpart that an item of work is about, once the entry of this look is durable."""
        check_person(actor)
        work, notice, _ = await asyncio.to_thread(self._told_us, work_id)
        may(actor.person, Act.INCIDENT, matter_of(work), self._desk.parts.clock.now_us())
        await self._desk.pen.write(
            self._desk.parts.member, work.key, lambda: desk_act(actor.officer, "read", work.key, work=work)
        )
        return notice

    # ------------------------------------------------------------ parts: of ours

    async def _write(self, name: ExchangeId, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, self._spread.key(name), make)

    def _made(self, actor: Actor, command: TellNews, name: ExchangeId, now_us: int) -> OwnIncident:
        text = text_value(command.text, "text", MAX_WORDS)
        others = self._counterparts()
        if strange := sorted(set(command.to) - set(others)):
            raise Unknown("`{member}` is no counterpart of ours", code="unknown-member", where="to", member=strange[0])
        if command.since_us > now_us:
            raise Malformed("an incident begins before it is told", code="bad-time", where="since")
        if command.until_us and command.until_us <= (command.since_us or now_us):
            raise Malformed("it ends before it begins", code="bad-time", where="until")
        word = Service(ServiceCode(command.code), text, command.types, command.since_us or now_us, command.until_us)
        told = tuple(Told(member, part_of(name, member)) for member in (sorted(set(command.to)) or others))
        return OwnIncident(name, told, (word,), (actor.officer,), now_us)

    def _counterparts(self) -> list[MemberId]:
        view, me = self._desk.parts.trust(), self._desk.parts.member
        return [MemberId(name) for name in sorted(view.members) if name != me and view.active(MemberId(name))]

    def _told_first(self, actor: Actor, incident: OwnIncident, now_us: int) -> EntryDraft:
        """Return the entry of a new incident; our own security officers have until the end of its clock, too."""
        me = self._desk.parts.member
        home = of_node(ThreadKind.SERVICE, home_key(me, incident.id), urgency_of(incident), now_us)
        thread = INCIDENTS.moved(home, incident, home.state, now_us)
        works: tuple[Work, ...] = ()
        if incident.code is ServiceCode.INCIDENT:
            works = (for_incident(thread, incident.id, now_us, Raising()),)
        content = {"code": incident.code.value, "to": [one.member for one in incident.to]}
        return desk_act(
            actor.officer,
            "tell-incident",
            thread.key,
            work=works[0] if works else None,
            reason=incident.words[0].text,
            content=content,
            rows=DeskRows(thread=thread, works=works),
        )

    async def _and_then(self, actor: Actor, name: ExchangeId, act: str, text: str, code: ServiceCode | None) -> None:
        said = text_value(text, "text", MAX_WORDS) if text or code is None else ""

        def make() -> EntryDraft:
            thread, incident = INCIDENTS.found(self._desk, actor, Act.TELL_SERVICE, name)
            if incident.is_over:
                raise Stale("this incident is over", code="not-now", where="incident", remedy="liaison incident list")
            if len(incident.words) >= MOST_WORDS - (code is None):
                raise Stale("no more is told of this incident", code="not-now", where="incident", remedy="close it")
            word = Service(code or incident.code, said, incident.words[0].types, incident.words[0].since_us)
            now_us, said_more = self._desk.parts.clock.now_us(), incident.and_then(word, actor.officer)
            after = INCIDENTS.moved(thread, said_more, thread.state, now_us)
            rows = DeskRows(thread=after, before=thread.version)
            return desk_act(actor.officer, act, thread.key, reason=said, rows=rows)

        await self._write(name, make)
        await self._spread.bring_up(name)

    def _item(self, actor: Actor, incident: OwnIncident) -> IncidentItem:
        code = refusal(actor.person, Act.TELL_SERVICE, _MEMBER, self._desk.parts.clock.now_us())
        return IncidentItem(incident, self._spread.stands(incident), may_tell=not code and not incident.is_over)

    # ------------------------------------------------------------ parts: of counterparts

    def _told_us(self, work_id: str) -> tuple[Work, Notice, bool]:
        """Return work on an incident of a counterpart with the word about it, and whether its thread has ended."""
        work = self._desk.store.work(work_id)
        if work is None or work.kind is not WorkKind.INCIDENT or work.key.peer == self._desk.parts.member:
            raise Unknown("there is no such work", code="no-such-work", where="work", remedy="liaison desk list")
        thread, notice = self._desk.store.thread(work.key), first_word(self._desk.store.notices(work.key))
        if thread is None or notice is None:
            raise Unknown("its content is erased", code="erased", where="work")
        return work, notice, thread.state is ThreadState.ENDED

    async def _told_them(self, actor: Actor, work: Work, notice: Notice, text: str) -> bool:
        """Acknowledge a word to the counterpart; return False when its thread has ended in between."""
        try:
            await self._acknowledge(actor, work.key, notice, text)
        except Stale as stale:
            thread = await asyncio.to_thread(self._desk.store.thread, work.key)
            if stale.code != "not-now" or thread is None or thread.state is not ThreadState.ENDED:
                raise
            return False
        return True

    async def _acknowledge(self, actor: Actor, key: ThreadKey, notice: Notice, text: str) -> None:
        officer, status = actor.officer, Status(notice.head.notice_id, StatusCode.ACKNOWLEDGED, text=text)
        who = officer.as_requester(self._desk.pseudonym(officer.person, key.peer))

        def also(_before: Thread | None, _after: Thread, told: Notice) -> Effects:
            waiting = self._desk.store.works(WorkFilter(key=key, kinds=(WorkKind.INCIDENT,)))
            if not waiting:
                raise Stale("this was acknowledged before", code="already-decided", where="work")
            result = StatusCode.ACKNOWLEDGED.value
            return Effects(works=tuple(done(work, actor, result, told.head.issued_us) for work in waiting))

        await self._desk.author.post(key, Post.under(notice.head, status, who, officer), also)

    def _acknowledged_here(self, actor: Actor, work_id: str, text: str) -> EntryDraft:
        work = self._desk.store.work(work_id)
        if work is None or work.done_us:
            raise Stale("this was acknowledged before", code="already-decided", where="work")
        now_us = self._desk.parts.clock.now_us()
        ended = done(work, actor, StatusCode.ACKNOWLEDGED.value, now_us)
        rows = DeskRows(works=(ended,))
        return desk_act(actor.officer, "acknowledge-incident", work.key, work=work, reason=text, rows=rows)
