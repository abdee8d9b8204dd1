"""Let humans act on reports of ours: write, look for persons in them, approve or decline, withdraw, look at them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar

from msgspec.structs import replace

from gateway.desk.acting.home import Stand, approval
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import OnDuty, done
from gateway.desk.acts import Act
from gateway.desk.entries import asked_by, desk_act
from gateway.desk.own.acts import Changed, OwnActs
from gateway.desk.reports.checks import FILES, all_traces, check_command, check_fields, places_of, readers, told
from gateway.desk.reports.issuing import issued_for
from gateway.desk.reports.names import NAME, NamesAsked
from gateway.desk.reports.spread import ReportSpread
from gateway.desk.reports.traces import outermost, traces
from gateway.desk.reports.values import (
    LIFE_US,
    WIDENS,
    Draft,
    OwnReport,
)
from gateway.errors import Malformed, Stale
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.matching.method_reports import report_keys, texts_of
from gateway.model.desk.codes import ReportReason
from gateway.model.desk.threads import ThreadState
from gateway.model.handed.reports import WriteReport
from gateway.model.names import ExchangeId, MemberId, new_exchange_id
from gateway.ports.desk import ReportRow, Thread
from gateway.statements.notices.texts import optional_text

Walls = Callable[[], Sequence[Bulkhead]]
"""Returns our own sources, whose names are looked for in a report."""


class OwnReports(OwnActs[OwnReport]):
    """The use cases of reports of ours."""

    widens = WIDENS
    raising: ClassVar = (Act.WRITE_REPORT, "write-report")
    changing: ClassVar = Act.CHANGE_REPORT
    tells: ClassVar = ("id", "fields", "lang", "level", "to", "left", "until_us", "stand")

    def __init__(self, desk: DeskParts, spread: ReportSpread, on_duty: OnDuty, walls: Walls) -> None:
        super().__init__(desk, spread.home, on_duty, spread.bring_up)
        self._walls = walls
        self._names = NamesAsked(desk.parts)

    async def publish(self, actor: Actor, command: WriteReport, report_id: ExchangeId | None = None) -> ExchangeId:
        """Write a report down for its approval; return its id. Raises `Forbidden` for one with traces of persons.

        A `report_id` that this officer has used names the first report, which stays as it is.
        """

        async def make(name: ExchangeId) -> Changed[OwnReport]:
            draft = await self.check(actor, command, name)
            if draft.traces:
                raise told(list(draft.traces))
            return Changed(draft.report, told={"unchecked": list(draft.unchecked)})

        return await self._raise(actor, report_id, make)

    async def check(self, actor: Actor, command: WriteReport, name: ExchangeId | None = None) -> Draft:
        """Return a report as it would be written, who would get it, and what in it may tell who a person is.

        Names in it are looked up (`NamesAsked`): the entry of that is durable before anything is told.
        """
        now_us, officer, name = self._desk.parts.clock.now_us(), actor.officer, name or new_exchange_id()
        self._may_raise(actor)
        report = await asyncio.to_thread(self._report, actor, command, name, now_us)
        self._names.check_allowed(officer, command)
        draft = await asyncio.to_thread(self._looked_through, report)
        found = [f"{one.field}:{one.start}-{one.end}" for one in draft.traces if one.kind == NAME]
        said = {"purpose": command.purpose.value, "offence": command.offence.value, "case": command.case}
        content = self._told(Changed(report)) | said | {"names": found, "unchecked": list(draft.unchecked)}
        await self._write(name, lambda: desk_act(officer, "check-report", self._key(name), content=content))
        return draft

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

        def change(report: OwnReport, thread: Thread) -> Changed[OwnReport]:
            if not report.is_alive:
                raise self.not_now("this report is over")
            now_us, work = self._now_us, approval(self._desk.store, thread.key)
            rows = (ReportRow(thread.key, 2, report.until_us, now_us),) if report.stand is Stand.PUBLISHED else ()
            ended = (done(work, actor, "withdrawn", now_us),) if work is not None else ()
            return Changed(replace(report, stand=Stand.WITHDRAWN, reason=reason, text=text), ended, rows)

        await self._change(actor, report_id, "withdraw-report", reason, change)

    # ------------------------------------------------------------ what a kind says

    def state(self, value: OwnReport, thread: Thread) -> ThreadState:
        """Return the state at home: open while counterparts are to be told."""
        if value.stand is Stand.WAITING:
            return ThreadState.NEW
        was_sent = value.stand is Stand.WITHDRAWN and thread.state is not ThreadState.NEW
        return ThreadState.OPEN if value.stand is Stand.PUBLISHED or was_sent else ThreadState.ENDED

    def not_now(self, text: str = "") -> Stale:
        """Return the refusal of an act that is not possible now."""
        text = text or "nothing of this report waits for an approval"
        return Stale(text, code="not-now", where="report", remedy="read it again: `liaison report show`")

    def open_to(self, value: OwnReport) -> set[str]:
        """Return the changes that are possible now."""
        return {"withdraw"} if value.is_alive else set()

    def decided(self, actor: Actor, value: OwnReport, *, approves: bool, reason: str) -> Changed[OwnReport]:
        """Return a report as it is in the library, for those that may have it now; or as declined: nothing leaves."""
        if not approves:
            return Changed(replace(value, stand=Stand.DECLINED, text=reason))
        command = WriteReport(
            value.fields, value.lang, value.purpose, value.offence, value.level, value.case, value.wanted
        )
        to, left = readers(self._desk.parts, value.author, command, self._now_us)
        after = replace(value, stand=Stand.PUBLISHED, approver=actor.officer, to=to, left=left)
        keys = report_keys(after.fields, places_of(after.fields), self._desk.parts.member)
        rows = (ReportRow(self._key(value.id), 1, after.until_us, keys=keys),)
        return Changed(after, reports=rows, told=asked_by("write-report", value.author))

    # ------------------------------------------------------------ parts

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
            stand=Stand.WAITING,
        )
        issued_for(parts, report, parts.member, name)
        return report

    def _looked_through(self, report: OwnReport) -> Draft:
        files = [each.name for each in report.attachments]
        texts = [*texts_of(report.fields), *((FILES, name) for name in files)]
        names, unchecked = self._names.traces(report.author, texts, self._walls())
        return Draft(report, tuple(outermost([*all_traces(report.fields, files), *names])), unchecked)
