"""Let supervisors review what was picked or done offline, and security officers look into findings and incidents."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.audit.entries.entry import decode_private
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import desk_act
from gateway.desk.oversight.matters import REVIEWED, Finding, Sample, read_matter, reviewed_id
from gateway.desk.oversight.raised import finding_rows, found
from gateway.desk.oversight.reading import question_at
from gateway.desk.roles import Matter, matter_of, may, refusal
from gateway.errors import LiaisonError, Malformed, Stale, Unknown
from gateway.model.desk.codes import FindingResult, ReviewResult
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.desk.work import Level, WorkKind
from gateway.model.handed.basis import MAX_REASON
from gateway.model.values import text_value
from gateway.ports.desk import DeskRows, Work, WorkFilter
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

_OFFLINE, _WITHDRAWN = "offline", "withdrawn"


class Looked(msgspec.Struct, frozen=True):
    """A matter as it is shown to the person who does its work.

    `what` is `sample`, `offline`, `withdrawn`, `finding` or `incident`. `question` is what was asked for, for reviews
    only; `searches` and `works` are references; `member` is the counterpart that a finding is about.
    """

    work: Work
    what: str
    person: str = ""
    office: str = ""
    agency: str = ""
    time_us: int = 0
    last_us: int = 0
    purpose: str = ""
    offence: str = ""
    case: str = ""
    ticket: str = ""
    kind: str = ""
    rule: str = ""
    title: str = ""
    question: dict[str, Any] = {}
    searches: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    member: str = ""


class Reviewed(msgspec.Struct, frozen=True):
    """Figures of the reviews of one office since a time: raised, done in time, done late, open and over their time."""

    agency: str
    office: str
    raised: int
    in_time: int
    late: int
    waiting: int
    overdue: int
    not_in_order: int


class ReviewDesk:
    """The use cases of reviews and findings, written by hand (decision 0140): they are work, with no value at home."""

    def __init__(self, desk: DeskParts) -> None:
        self._desk = desk

    async def look(self, actor: Actor, work_id: str) -> Looked:
        """Return the matter of a review, or of work on an incident at home, once the entry of this look is durable.

        Raises `Unknown` for other work, and `Forbidden` for a person who may not do it.
        """
        check_person(actor)
        work = await asyncio.to_thread(self._work, work_id)
        self._check(actor, work)
        await self._desk.pen.write(
            self._desk.parts.member, work.key, lambda: desk_act(actor.officer, "look", work.key, work=work)
        )
        return await asyncio.to_thread(self._looked, work)

    async def review(self, actor: Actor, work_id: str, result: ReviewResult, text: str = "") -> Work:
        """End a review. What is not in order is the security officer's from then on."""
        return await self._end(actor, work_id, WorkKind.REVIEW, result.value, text)

    async def settle(self, actor: Actor, work_id: str, result: FindingResult, text: str = "") -> Work:
        """End the work on a finding, or on an incident of ours, with what it was."""
        return await self._end(actor, work_id, WorkKind.INCIDENT, result.value, text)

    async def figures(self, actor: Actor, since_us: int) -> list[Reviewed]:
        """Return the figures of reviews since a time, of the offices that this person looks after."""
        now_us = self._desk.parts.clock.now_us()
        wanted = WorkFilter(kinds=(WorkKind.REVIEW,), open_only=False, opened_after_us=since_us)
        works = await asyncio.to_thread(self._desk.store.works, wanted)
        seen = [one for one in works if _is_of(actor, one, now_us)]
        places = sorted({(one.agency, one.office) for one in seen})
        return [_figures(place, [one for one in seen if (one.agency, one.office) == place], now_us) for place in places]

    # ------------------------------------------------------------ parts

    def _work(self, work_id: str) -> Work:
        work = self._desk.store.work(work_id)
        if work is None or work.kind not in (WorkKind.REVIEW, WorkKind.INCIDENT):
            raise Unknown("there is no such work", code="no-such-work", where="work", remedy="liaison desk list")
        if work.kind is WorkKind.INCIDENT and work.key.peer != self._desk.parts.member:
            raise Unknown(
                "this is an incident of a counterpart",
                code="no-such-work",
                where="work",
                remedy="liaison incident open",
            )
        return work

    def _check(self, actor: Actor, work: Work) -> None:
        may(actor.person, Act(work.kind.value), matter_of(work), self._desk.parts.clock.now_us())

    async def _end(self, actor: Actor, work_id: str, kind: WorkKind, result: str, text: str) -> Work:
        check_person(actor)
        said = text_value(text, "text", MAX_REASON) if text else ""
        work = await asyncio.to_thread(self._work, work_id)
        if work.kind is not kind:
            raise Unknown("there is no such work", code="no-such-work", where="work", remedy="liaison desk list")
        self._check(actor, work)
        if result in (ReviewResult.NOT_IN_ORDER, FindingResult.MISUSE) and not said:
            raise Malformed("say what is not in order", code="text-missing", where="text")
        ended = work

        def draft() -> EntryDraft:
            nonlocal ended
            before = self._work(work_id)
            if before.done_us:
                raise Stale("this was done before", code="already-decided", where="work", remedy="liaison desk list")
            ended = done(before, actor, result, self._desk.parts.clock.now_us())
            act = "review" if kind is WorkKind.REVIEW else "settle-incident"
            rows = DeskRows(works=(ended,))
            return desk_act(
                actor.officer, act, work.key, work=before, reason=said, content={"result": result}, rows=rows
            )

        await self._desk.pen.write(self._desk.parts.member, work.key, draft)
        if result == ReviewResult.NOT_IN_ORDER:
            await self._hand_on(ended)
        return ended

    async def _hand_on(self, work: Work) -> None:
        """Put what was not in order to the security officer; a kill in between leaves the review, which says it."""
        looked = await asyncio.to_thread(self._looked, work)
        now_us, me, name = self._desk.parts.clock.now_us(), self._desk.parts.member, reviewed_id(work.id)
        person = looked.person or work.not_by
        searches = looked.searches
        finding = Finding(
            REVIEWED, "", person, work.office, work.agency, looked.time_us, looked.last_us, searches, (work.id,)
        )
        key = ThreadKey(me, name)
        thread, row = finding_rows(me, name, finding, now_us)
        if await asyncio.to_thread(self._desk.store.thread, key) is None:
            made = found(me, name, finding, now_us)
            made.rows = DeskRows(thread=thread, works=(replace(row, notice_id=work.id),))
            await self._desk.pen.write(me, key, lambda: made)

    def _looked(self, work: Work) -> Looked:
        thread = self._desk.store.thread(work.key)
        matter = read_matter(thread)
        if isinstance(matter, Sample):
            question = question_at(self._desk.kept, matter.log, matter.index, matter.search)
            return _of_sample(work, matter, question)
        if isinstance(matter, Finding):
            return _of_finding(work, matter)
        if work.kind is WorkKind.INCIDENT:
            return Looked(work, "incident", time_us=work.opened_us)
        if thread is not None and thread.kind is ThreadKind.CHANGE:
            return Looked(work, _WITHDRAWN, work.not_by, work.office, work.agency, work.opened_us, work.opened_us)
        return self._offline(work)

    def _offline(self, work: Work) -> Looked:
        """Return the look-up in a copy that a review is about, from the entry that took it in."""
        kept, kind = self._desk.kept, events.DESK_ACT.kind
        for log in kept.store.logs():
            for index in kept.store.find(log, exchange_id=work.key.thread_id, kind=kind):
                for stored in kept.store.entries(log, index, index + 1):
                    if stored.content is None:
                        continue
                    try:
                        said = decode_private(kept.keys.open_content(log, index, stored.content)[0])
                    except LiaisonError:
                        continue
                    if said.get("act") == "offline-lookup" and said.get("work") == work.id:
                        return _of_lookup(work, said)
        return Looked(work, _OFFLINE, work.not_by, work.office, work.agency, work.opened_us, work.opened_us)


def _of_sample(work: Work, one: Sample, question: dict[str, Any]) -> Looked:
    return Looked(
        work,
        "sample",
        one.person,
        one.office,
        one.agency,
        one.time_us,
        one.time_us,
        one.purpose,
        one.offence,
        one.case,
        one.ticket,
        one.kind,
        question=question,
        searches=(one.search,),
    )


def _of_finding(work: Work, one: Finding) -> Looked:
    return Looked(
        work,
        "finding",
        one.person,
        one.office,
        one.agency,
        one.first_us,
        one.last_us,
        rule=one.rule,
        title=one.title,
        searches=one.searches,
        works=one.works,
        member=one.member,
    )


def _of_lookup(work: Work, said: dict[str, Any]) -> Looked:
    content = said.get("content")
    lookup: dict[str, Any] = content if isinstance(content, dict) else {}
    question = dict(lookup.get("query") or {})
    time_us = int(lookup.get("time_us") or work.opened_us)
    return Looked(
        work,
        _OFFLINE,
        work.not_by,
        work.office,
        work.agency,
        time_us,
        time_us,
        str(lookup.get("purpose", "")),
        str(lookup.get("offence", "")),
        str(lookup.get("case", "")),
        str(lookup.get("ticket", "")),
        str(question.pop("kind", "")),
        question=question,
    )


def _is_of(actor: Actor, work: Work, now_us: int) -> bool:
    """Tell whether a person looks after the reviews of this office: as its supervisor, or as one for the country."""
    matter = Matter(work.agency, work.office)
    supervises = not refusal(actor.person, Act.REVIEW, matter, now_us)
    return supervises or not refusal(actor.person, Act.HOLDERS, Matter(""), now_us)


def _figures(place: tuple[str, str], works: Iterable[Work], now_us: int) -> Reviewed:
    rows = list(works)
    ended = [one for one in rows if one.done_us]
    in_time = sum(one.done_us <= one.due_us for one in ended)
    waiting = [one for one in rows if not one.done_us]
    overdue = sum(one.level is Level.END or one.due_us <= now_us for one in waiting)
    wrong = sum(one.result == ReviewResult.NOT_IN_ORDER for one in ended)
    return Reviewed(*place, len(rows), in_time, len(ended) - in_time, len(waiting), overdue, wrong)
