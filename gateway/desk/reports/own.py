"""Let humans act on reports of ours: write, look for persons in them, approve or decline, withdraw, look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.audit.acts.desk_acts import needs_of
from gateway.desk.acting.home import Stand, approval, home_key, written_by
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, check_person, done
from gateway.desk.acts import Act
from gateway.desk.entries import asked_by, desk_act
from gateway.desk.listing import USUAL_LISTED, Slice
from gateway.desk.raising import Raising, from_draft
from gateway.desk.reports.checks import FILES, all_traces, check_command, check_fields, places_of, readers, told
from gateway.desk.reports.issuing import issued_for
from gateway.desk.reports.names import NAME, NamesAsked
from gateway.desk.reports.spread import ReportSpread
from gateway.desk.reports.traces import outermost, traces
from gateway.desk.reports.values import (
    LIFE_US,
    REPORTS,
    WIDENS,
    Draft,
    OwnReport,
)
from gateway.desk.roles import matter_by, may, refusal
from gateway.desk.widening import check_alone
from gateway.errors import Malformed, Stale
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.matching.method_reports import report_keys, texts_of
from gateway.model.desk.codes import ReportReason
from gateway.model.desk.notices import Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Role
from gateway.model.handed.reports import WriteReport
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import DeskRows, ReportRow, Thread, Work
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.texts import optional_text

Walls = Callable[[], Sequence[Bulkhead]]
"""Returns our own sources, whose names are looked for in a report."""


class OwnReports:
    """The use cases of reports of ours."""

    def __init__(self, desk: DeskParts, spread: ReportSpread, on_duty: OnDuty, walls: Walls) -> None:
        self._desk = desk
        self._spread = spread
        self._on_duty = on_duty
        self._walls = walls
        self._names = NamesAsked(desk.parts)

    async def publish(self, actor: Actor, command: WriteReport, report_id: ExchangeId | None = None) -> ExchangeId:
        """Write a report down for its approval; return its id. Raises `Forbidden` for one with traces of persons.

        A `report_id` that this officer has used names the first report, which stays as it is.
        """
        name = report_id or new_exchange_id()
        key = home_key(self._desk.parts.member, name)
        first = await asyncio.to_thread(self._desk.store.thread, key)
        if first is not None and first.officer == actor.officer.person:
            return name
        draft = await self.check(actor, command, name)
        if draft.traces:
            raise told(list(draft.traces))
        now_us = draft.report.written_us
        await self._write(key, lambda: self._written(key, actor, draft, now_us))
        return name

    async def check(self, actor: Actor, command: WriteReport, name: ExchangeId | None = None) -> Draft:
        """Return a report as it would be written, who would get it, and what in it may tell who a person is.

        Names in it are looked up (`NamesAsked`): the entry of that is durable before anything is told.
        """
        now_us, officer, name = self._desk.parts.clock.now_us(), actor.officer, name or new_exchange_id()
        check_person(actor)
        may(actor.person, Act.WRITE_REPORT, matter_by(officer), now_us)
        report = await asyncio.to_thread(self._report, actor, command, name, now_us)
        self._names.check_allowed(officer, command)
        draft = await asyncio.to_thread(self._looked_through, report)
        found = [f"{one.field}:{one.start}-{one.end}" for one in draft.traces if one.kind == NAME]
        said = {"purpose": command.purpose.value, "offence": command.offence.value, "case": command.case}
        content = _told(report) | said | {"names": found, "unchecked": list(draft.unchecked)}
        key = home_key(self._desk.parts.member, name)
        await self._write(key, lambda: desk_act(officer, "check-report", key, content=content))
        return draft

    async def approve(self, actor: Actor, report_id: ExchangeId, reason: str, work: str) -> None:
        """Approve a report: it stands in the library from now on, and is sent. Its author can never do this."""

        def change(report: OwnReport, now_us: int) -> OwnReport:
            command = WriteReport(
                report.fields, report.lang, report.purpose, report.offence, report.level, report.case, report.wanted
            )
            to, left = readers(self._desk.parts, report.author, command, now_us)
            return replace(report, stand=Stand.PUBLISHED, approver=actor.officer, to=to, left=left)

        await self._decide(actor, report_id, "approve-report", reason, change, work)

    async def decline(self, actor: Actor, report_id: ExchangeId, reason: str, work: str) -> None:
        """Decline a report: nothing leaves, and its author sees why."""
        await self._decide(
            actor,
            report_id,
            "decline-report",
            reason,
            lambda report, _: replace(report, stand=Stand.DECLINED, text=reason),
            work,
        )

    async def withdraw(self, actor: Actor, report_id: ExchangeId, reason: str, text: str = "") -> None:
        """Withdraw a report from all who have it, with `reason`, a code (`ReportReason`), and `text`, words for them.

        Raises `Malformed` for another code, and `Forbidden` for words with traces of persons.
        """
        if reason not in list(ReportReason):
            codes = ", ".join(ReportReason)
            raise Malformed(
                "this is no reason", code="unknown-code", where="reason", remedy="one of {codes}", codes=codes
            )
        if found := traces("text", optional_text(text, "text")):
            raise told(found)
        key = home_key(self._desk.parts.member, report_id)

        def make() -> EntryDraft:
            thread, report = REPORTS.found(self._desk, actor, Act.CHANGE_REPORT, report_id)
            if report.stand not in (Stand.PUBLISHED, Stand.WAITING):
                raise _not_now("this report is over")
            now_us, work = self._desk.parts.clock.now_us(), approval(self._desk.store, key)
            after = replace(report, stand=Stand.WITHDRAWN, reason=reason, text=text)
            rows = (ReportRow(key, 2, report.until_us, now_us),) if report.stand is Stand.PUBLISHED else ()
            ended = (done(work, actor, "withdrawn", now_us),) if work is not None else ()
            return self._acted(actor, "withdraw-report", thread, after, reason, ended, rows, now_us)

        await self._write(key, make)
        await self._spread.bring_up(report_id)

    async def show(self, actor: Actor, report_id: ExchangeId) -> OwnReport:
        """Return a report of ours, with its standing, to a person who may read it. Raises `Unknown`."""
        return (await asyncio.to_thread(REPORTS.found, self._desk, actor, Act.SEE_REPORT, report_id))[1]

    async def all(self, actor: Actor, *, limit: int = USUAL_LISTED, after: str = "") -> Slice[OwnReport]:
        """Return reports of ours, whatever became of them, as far as this person may read them, the newest first.

        The page begins behind the place `after`.
        """
        now_us = self._desk.parts.clock.now_us()

        def fits(report: OwnReport) -> OwnReport | None:
            return report if REPORTS.sees(actor.person, report, now_us) else None

        return await asyncio.to_thread(REPORTS.page, self._desk, tuple(ThreadState), fits, limit, after)

    async def acts(self, actor: Actor, report: OwnReport) -> tuple[Work | None, frozenset[str]]:
        """Return the work of a report's approval, and what this person may do with it: `approve`, `withdraw`."""
        now_us, acts = self._desk.parts.clock.now_us(), set[str]()
        work, decides = await asyncio.to_thread(
            REPORTS.decides, self._desk, actor.person, Act.APPROVE, report.id, self._on_duty
        )
        if decides:
            acts.add("approve")
        is_alive = report.stand in (Stand.WAITING, Stand.PUBLISHED)
        if is_alive and not refusal(actor.person, Act.CHANGE_REPORT, matter_by(report.author), now_us):
            acts.add("withdraw")
        return work, frozenset(acts)

    # ------------------------------------------------------------ parts

    async def _write(self, key: ThreadKey, make: Callable[[], EntryDraft]) -> None:
        await self._desk.pen.write(self._desk.parts.member, key, make)

    def _report(self, actor: Actor, command: WriteReport, name: ExchangeId, now_us: int) -> OwnReport:
        parts, officer = self._desk.parts, actor.officer
        check_command(officer, command, now_us)
        fields = check_fields(command.fields | {"offence": command.offence.value})
        to, left = readers(parts, officer, command, now_us)
        report = OwnReport(
            id=name,
            author=officer,
            fields=fields,
            lang=command.lang,
            purpose=command.purpose,
            offence=command.offence,
            level=command.level,
            case=command.case,
            wanted=tuple(MemberId(name) for name in command.to),
            written_us=now_us,
            until_us=command.until_us or now_us + LIFE_US,
            to=to,
            left=left,
            attachments=command.attachments,
        )
        issued_for(parts, report, parts.member, name)
        return report

    def _looked_through(self, report: OwnReport) -> Draft:
        files = [each.name for each in report.attachments]
        texts = [*texts_of(report.fields), *((FILES, name) for name in files)]
        names, unchecked = self._names.traces(report.author, texts, self._walls())
        return Draft(report, tuple(outermost([*all_traces(report.fields, files), *names])), unchecked)

    def _written(self, key: ThreadKey, actor: Actor, draft: Draft, now_us: int) -> EntryDraft:
        officer, report = actor.officer, draft.report
        thread = written_by(officer, ThreadKind.REPORT, key, Urgency.ROUTINE, now_us)
        given = Raising(on_duty=self._on_duty(officer.agency, officer.office, Role.SUPERVISOR, now_us))
        work = from_draft(thread, report.id, now_us, given=given)
        rows = DeskRows(thread=REPORTS.moved(thread, report, ThreadState.NEW, now_us), works=(work,))
        content = _told(report) | {"unchecked": list(draft.unchecked)}
        return desk_act(officer, "write-report", key, work=work, content=content, rows=rows)

    async def _decide(
        self,
        actor: Actor,
        report_id: ExchangeId,
        act: str,
        reason: str,
        change: Callable[[OwnReport, int], OwnReport],
        read: str,
    ) -> None:
        key = home_key(self._desk.parts.member, report_id)

        def make() -> EntryDraft:
            idle = _not_now("nothing of this report waits for an approval")
            thread, report, work = REPORTS.to_decide(
                self._desk, actor, Act.APPROVE, report_id, read, self._on_duty, idle
            )
            now_us = self._desk.parts.clock.now_us()
            after = change(report, now_us)
            keys = report_keys(after.fields, places_of(after.fields), self._desk.parts.member)
            rows = (ReportRow(key, 1, after.until_us, keys=keys),) if after.stand is Stand.PUBLISHED else ()
            return self._acted(actor, act, thread, after, reason, (done(work, actor, act, now_us),), rows, now_us)

        await self._write(key, make)
        report = REPORTS.read(await asyncio.to_thread(self._desk.store.thread, key), report_id)
        if report.stand is Stand.PUBLISHED:
            await self._spread.bring_up(report_id)

    def _acted(
        self,
        actor: Actor,
        act: str,
        thread: Thread,
        report: OwnReport,
        reason: str,
        works: tuple[Work, ...],
        reports: tuple[ReportRow, ...],
        now_us: int,
    ) -> EntryDraft:
        check_alone(act, WIDENS, REPORTS.read(thread), report)
        is_sent = report.stand is Stand.PUBLISHED or (report.stand is Stand.WITHDRAWN and bool(reports))
        state = ThreadState.OPEN if is_sent else ThreadState.ENDED
        after = REPORTS.moved(thread, report, state, now_us)
        rows = DeskRows(thread=after, before=thread.version, works=works, reports=reports)
        work = works[0] if works else None
        content = _told(report) | (asked_by("write-report", report.author) if needs_of(act).approves else {})
        return desk_act(actor.officer, act, thread.key, work=work, reason=reason, content=content, rows=rows)


def _told(report: OwnReport) -> dict[str, Any]:
    """Return what the entry of an act says of a report."""
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return {name: plain[name] for name in ("id", "fields", "lang", "level", "to", "left", "until_us", "stand")}


def _not_now(text: str) -> Stale:
    return Stale(text, code="not-now", where="report", remedy="read it again: `liaison report show`")
