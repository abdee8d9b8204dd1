"""Make the threads with counterparts follow a report of ours: send it, withdraw it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand, approval
from gateway.desk.delivery.authoring import Post
from gateway.desk.own.spread import Clocked, Spread
from gateway.desk.reports.issuing import issued_for
from gateway.desk.reports.values import REPORTS, SOURCE, Left, OwnReport, Reader
from gateway.errors import Forbidden, LiaisonError, Stale, Unknown, Unsupported
from gateway.model.desk.notices import Body, Change, ChangeCode
from gateway.model.desk.reports import Report
from gateway.model.desk.threads import ThreadState
from gateway.ports.desk import Thread

_DELIVERED_US = 7 * DAY_US


class ReportSpread(Spread[OwnReport, Reader]):
    """Brings reports of ours to counterparts. A reader to which one may not go any more is noted, with the reason."""

    home = REPORTS

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before the report changed."""
        return Stale("the report has changed meanwhile", code="not-now", where="report", remedy="read it again")

    def to(self, value: OwnReport) -> Iterable[Reader]:
        """Return the readers of a report that has left, or is to leave."""
        return value.to if value.stand in (Stand.PUBLISHED, Stand.WITHDRAWN) else ()

    def missing(self, value: OwnReport, to: Reader, thread: Thread | None) -> Post | None:
        """Return a report for one reader, or its withdrawal."""
        body = self._body(value, to, thread)
        if body is None:
            return None
        post = self.post(to.member, body, value.author, value.approver, value.purpose, value.offence)
        is_first = isinstance(body, Report)
        return dataclasses.replace(
            post,
            case=value.case,
            agreement=to.agreement,
            expires_us=self._now_us + _DELIVERED_US if is_first else 0,
            group_id=value.id,
            attachments=value.attachments if is_first else (),
        )

    def _body(self, report: OwnReport, to: Reader, thread: Thread | None) -> Body | None:
        if report.stand is Stand.PUBLISHED and thread is None:
            record = issued_for(self._desk.parts, report, to.member, to.thread_id)
            return Report(record, report.until_us, report.lang)
        if report.stand is not Stand.WITHDRAWN or thread is None or thread.state is ThreadState.ENDED:
            return None
        held = self._desk.store.holdings(record=f"{SOURCE}/{report.id}", holder=to.member)
        records = tuple(holding.jti for holding in held)
        return Change(ChangeCode.WITHDRAWN, records, of=to.thread_id, reason=report.reason, text=report.text)

    def without(self, value: OwnReport, to: Reader, error: LiaisonError) -> OwnReport | None:
        """Return a report with a note that one reader does not get it, and why; a withdrawn one stays as it is."""
        if not isinstance(error, (Forbidden, Unsupported, Unknown)):
            return None
        if value.stand is not Stand.PUBLISHED:
            return value
        kept = tuple(one for one in value.to if one.member != to.member)
        return replace(value, to=kept, left=(*value.left, Left(to.member, error.code)))

    def settled(self, thread: Thread, value: OwnReport) -> Clocked[OwnReport] | None:
        """Note that a report is where it should be; close the thread at home of one that is withdrawn from all."""
        if thread.state is not ThreadState.OPEN:
            return None
        state = ThreadState.ENDED if value.stand is Stand.WITHDRAWN else ThreadState.ANSWERED
        return Clocked(value, f"report-{value.stand}", state)

    def due(self, thread: Thread, value: OwnReport, now_us: int) -> Clocked[OwnReport] | None:
        """Return a report that was not approved in time as lapsed."""
        work = approval(self._desk.store, thread.key)
        if work is None or work.due_us > now_us:
            return None
        done = replace(work, done_us=now_us, result="lapsed")
        after = replace(value, stand=Stand.LAPSED, reason="not-approved")
        return Clocked(after, "draft-lapsed", ThreadState.ENDED, (done,))
