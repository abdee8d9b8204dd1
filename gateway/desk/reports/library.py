"""Find and read the reports that are here, ours and those of counterparts, and list them as they were added."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person
from gateway.desk.acts import Act
from gateway.desk.delivery.authoring import Post
from gateway.desk.entries import desk_act
from gateway.desk.reports.checks import places_of, told
from gateway.desk.reports.issuing import label, own_label, release_marking, verified
from gateway.desk.reports.traces import PERSONAL, traces
from gateway.desk.reports.values import REPORTS, LibraryQuery, OwnReport, unknown_report
from gateway.desk.roles import Matter, may
from gateway.errors import LiaisonError, Malformed, StorageBroken
from gateway.matching.method_reports import says, wanted_keys
from gateway.model.desk.notices import Notice, NoticeType, Status, StatusCode
from gateway.model.desk.reports import Report
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.marking import Tlp
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import ListedReport, ReportLibrary, Thread
from gateway.records.verify import VerifiedRecord
from gateway.statements.notices.notice import parse_notice
from gateway.statements.notices.texts import optional_text

MOST = 100
"""The most reports of one page of a list."""

_READ = 100
"""Reports that are read at once for a search."""

_SEARCH_S = 1.5
"""Seconds after which a search looks at no further report, and says so."""


class Shelved(msgspec.Struct, frozen=True):
    """A report as it is here. `id` is one at all members; `thread` names it at this node.

    `fields` are empty for one that was withdrawn. `version` and `added_us` are those of its newest state,
    and `first_us` is when it was written or taken here.
    """

    id: str
    owner: MemberId
    agency: str
    thread: ThreadKey
    added_us: int
    version: int
    until_us: int
    withdrawn_us: int = 0
    fields: dict[str, Any] = {}
    lang: str = ""
    marking: dict[str, Any] = {}
    label: Tlp = Tlp.AMBER
    first_us: int = 0


class Found(msgspec.Struct, frozen=True):
    """Tell what a search found, and whether that is all.

    `capped`: there are more that fit. `partial`: some that may fit were not looked at.
    With `partial` no report here does not mean that there is none.
    """

    reports: tuple[Shelved, ...]
    capped: bool = False
    partial: bool = False


class Library:
    """The use cases of all reports."""

    def __init__(self, desk: DeskParts, rows: ReportLibrary) -> None:
        self._desk = desk
        self._rows = rows

    async def search(self, actor: Actor, query: LibraryQuery, limit: int = MOST) -> Found:
        """Return the reports that stand and fit, those that were added last first, once the entry is durable."""
        self._check(actor)
        groups = wanted_keys(query, query.owner)
        said = {name: value for name, value in msgspec.structs.asdict(query).items() if value}
        me = self._desk.parts.member
        key = ThreadKey(me, ExchangeId(""))
        await self._desk.pen.write(me, key, lambda: desk_act(actor.officer, "search-reports", key, content=said))
        return await asyncio.to_thread(self._search, query, groups, min(max(1, limit), MOST))

    async def added(self, actor: Actor, after_us: int, limit: int = MOST) -> list[Shelved]:
        """Return the reports that were added or withdrawn after a time, in that order, once the entry is durable."""
        self._check(actor)
        me = self._desk.parts.member
        key = ThreadKey(me, ExchangeId(""))
        said = {"after_us": after_us}
        await self._desk.pen.write(me, key, lambda: desk_act(actor.officer, "list-reports", key, content=said))
        return await asyncio.to_thread(self._added, after_us, min(max(1, limit), MOST))

    async def read(self, actor: Actor, report_id: str) -> Shelved:
        """Return a report that stands, once the entry of that is durable; its owner is told once that it was read.

        Raises `Unknown` for one that is not there, or was withdrawn.
        """
        self._check(actor)
        found = await asyncio.to_thread(self._one, report_id)
        me, key = self._desk.parts.member, found.thread
        await self._desk.pen.write(me, key, lambda: desk_act(actor.officer, "read-report", key))
        if key.peer != me and not await asyncio.to_thread(self._is_read, key):
            await self._tell(actor, key, StatusCode.READ)
        return found

    async def object_to(self, actor: Actor, report_id: str, text: str = "") -> None:
        """Tell the owner of a counterpart's report, in words, that something in it should not be there."""
        check_person(actor)
        may(actor.person, Act.OBJECT_REPORT, Matter("", ""), self._desk.parts.clock.now_us())
        found = await asyncio.to_thread(self._one, report_id)
        if found.owner == self._desk.parts.member:
            raise Malformed("a report of ours is withdrawn", code="own-report", where="report")
        if traced := traces("text", optional_text(text, "text")):
            raise told(traced)
        await self._tell(actor, found.thread, StatusCode.OBJECTED, PERSONAL, text)

    # ------------------------------------------------------------ parts

    def _check(self, actor: Actor) -> None:
        check_person(actor)
        may(actor.person, Act.SEE_REPORT, Matter("", ""), self._desk.parts.clock.now_us())

    def _search(self, query: LibraryQuery, groups: list[Any], limit: int) -> Found:
        clock, found, is_partial = self._desk.parts.clock, [], False
        until = clock.monotonic() + _SEARCH_S
        for row in self._standing(groups):
            if clock.monotonic() >= until:
                is_partial = True
                break
            report = self._opened(row)
            if report is None:
                is_partial = True
            elif says(query, report.fields, places_of(report.fields)):
                found.append(report)
            if len(found) > limit:
                break
        return Found(tuple(found[:limit]), len(found) > limit, is_partial)

    def _standing(self, groups: list[Any]) -> Iterator[ListedReport]:
        """Yield all reports that stand and have a key of each group, those that were added last first."""
        now_us, before_us = self._desk.parts.clock.now_us(), 0
        while rows := self._rows.find(groups, now_us, _READ, before_us):
            yield from rows
            before_us = rows[-1].added_us

    def _added(self, after_us: int, limit: int) -> list[Shelved]:
        rows = self._rows.added(after_us, limit)
        return [self._opened(row) or self._withdrawn(row) for row in rows]

    def _one(self, report_id: str) -> Shelved:
        now_us, store = self._desk.parts.clock.now_us(), self._desk.store
        named = (*self._of_group(report_id), *store.find_thread(ExchangeId(report_id)))
        for thread in (one for one in named if self._id_of(one) == report_id):
            row = self._rows.report(thread.key)
            report = self._opened(row) if row is not None and now_us < row.until_us else None
            if report is not None:
                return report
        raise unknown_report(report_id)

    def _of_group(self, group_id: str) -> list[Thread]:
        """Return the threads with reports that call themselves so, ours first, then in the order of their coming."""
        me = self._desk.parts.member
        found = self._desk.store.threads(kinds=(ThreadKind.REPORT,), group_id=group_id)
        mine = (one for one in found if one.key.peer == me or not one.opener)
        return sorted(mine, key=lambda one: (one.key.peer != me, one.opened_us, one.key))

    def _id_of(self, thread: Thread) -> str:
        """Return the id of a report here: that of its thread where another one has called itself so before.

        Its author chooses what it calls itself. So no report takes the place of another member's.
        """
        first = next(iter(self._of_group(thread.group_id)), None) if thread.group_id else None
        is_first = first is not None and first.key == thread.key
        return thread.group_id if is_first else thread.key.thread_id

    def _opened(self, row: ListedReport) -> Shelved | None:
        """Return a report that stands, with its text; None for one that was withdrawn, or cannot be read."""
        if row.withdrawn_us:
            return None
        try:
            return self._own(row) if row.key.peer == self._desk.parts.member else self._taken(row)
        except StorageBroken:
            raise
        except LiaisonError:
            return None

    def _own(self, row: ListedReport) -> Shelved:
        report, parts = REPORTS.read(self._desk.store.thread(row.key)), self._desk.parts
        return self._shelved(
            row,
            report,
            fields=report.fields,
            lang=report.lang,
            marking=release_marking(report).as_json(),
            label=own_label(report, parts.member, frozenset(parts.trust().members)),
        )

    def _shelved(self, row: ListedReport, report: OwnReport, **more: Any) -> Shelved:
        return Shelved(
            report.id,
            self._desk.parts.member,
            report.author.agency,
            row.key,
            row.added_us,
            row.version,
            row.until_us,
            row.withdrawn_us,
            first_us=self._first_us(row),
            **more,
        )

    def _taken(self, row: ListedReport) -> Shelved | None:
        """Return the report of a counterpart, verified as of when we took it."""
        found = self._notice(row.key)
        if found is None:
            return None
        notice, record = found
        body, thread = notice.body, self._desk.store.thread(row.key)
        assert isinstance(body, Report)
        return Shelved(
            self._id_of(thread) if thread is not None else row.key.thread_id,
            row.key.peer,
            record.agency,
            row.key,
            row.added_us,
            row.version,
            row.until_us,
            fields=record.fields,
            lang=body.lang,
            marking=record.marking,
            label=label(record.marking),
            first_us=self._first_us(row),
        )

    def _withdrawn(self, row: ListedReport) -> Shelved:
        """Return a report of which nothing is left but that it was withdrawn."""
        thread = self._desk.store.thread(row.key)
        name = self._id_of(thread) if thread is not None else row.key.thread_id
        agency = thread.agency if thread is not None and thread.opener else ""
        return Shelved(
            name,
            row.key.peer,
            agency,
            row.key,
            row.added_us,
            row.version,
            row.until_us,
            row.withdrawn_us or row.added_us,
            first_us=self._first_us(row),
        )

    def _first_us(self, row: ListedReport) -> int:
        thread = self._desk.store.thread(row.key)
        return thread.opened_us if thread is not None else row.added_us

    def _notice(self, key: ThreadKey) -> tuple[Notice, VerifiedRecord] | None:
        rows = [row for row in self._desk.store.notices(key) if row.placed.type is NoticeType.REPORT and row.envelope]
        if not rows:
            return None
        notice, parts = parse_notice(rows[0].envelope), self._desk.parts
        assert isinstance(notice.body, Report)
        record = verified(parts, notice.body.record, key.peer, parts.member, key.thread_id, rows[0].time_us)
        return notice, record

    def _is_read(self, key: ThreadKey) -> bool:
        return any(row.side is Side.OTHER and row.code == StatusCode.READ for row in self._desk.store.placed(key))

    async def _tell(self, actor: Actor, key: ThreadKey, code: StatusCode, reason: str = "", text: str = "") -> None:
        found = await asyncio.to_thread(self._notice, key)
        if found is None:
            raise unknown_report(key.thread_id)
        head, officer = found[0].head, actor.officer
        requester = officer.as_requester(self._desk.pseudonym(officer.person, key.peer))
        status = Status(head.notice_id, code, reason, text)
        await self._desk.author.post(key, Post.under(head, status, requester, officer))
