"""Make the threads with counterparts follow a report of ours: send it, withdraw it.

How a report should stand is written at home first, in one transaction. What is missing in a thread is written then, and
again in the next round where the process ended in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

from msgspec.structs import replace

from gateway.clock import DAY_US
from gateway.desk.acting.home import Stand, approval, home_key
from gateway.desk.delivery.authoring import Also, Author, Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.delivery.permission import check_notice
from gateway.desk.entries import desk_clock
from gateway.desk.pen import Pen
from gateway.desk.reports.issuing import issued_for
from gateway.desk.reports.values import REPORTS, SOURCE, Left, OwnReport, Reader
from gateway.errors import Forbidden, LiaisonError, Stale, Unknown, Unsupported
from gateway.exchange.parts import Parts
from gateway.model.desk.notices import Body, Change, ChangeCode, Notice, Urgency
from gateway.model.desk.reports import Report
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import Officer, Requester
from gateway.ports.desk import DeskRows, DeskStore, Thread, Work
from gateway.ports.journal import EntryDraft

_DELIVERED_US = 7 * DAY_US
_ATTEMPTS = 8
UNSETTLED = (ThreadState.NEW, ThreadState.OPEN)
"""The states of threads at home whose report waits for its approval, or is not where it should be yet."""


class Spread:
    """Brings reports of ours to counterparts. `pseudonym` makes an officer's name for one pair of countries."""

    def __init__(
        self, parts: Parts, store: DeskStore, pen: Pen, author: Author, pseudonym: Callable[[str, str], str]
    ) -> None:
        self._parts = parts
        self._store = store
        self._pen = pen
        self._author = author
        self._pseudonym = pseudonym

    async def bring_up(self, report_id: ExchangeId) -> None:
        """Write what is missing in the threads of one report; one reader that fails does not keep out the others.

        A reader to which it may not go any more is noted at home, with the reason.
        """
        key = home_key(self._parts.member, report_id)
        report = REPORTS.read(await asyncio.to_thread(self._store.thread, key), report_id)
        left: list[Left] = []
        problem: LiaisonError | None = None
        for to in report.to:
            try:
                await self._one(report, to)
            except (Forbidden, Unsupported, Unknown) as error:
                left.append(Left(to.member, error.code))
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem
        await self._pen.write_if_first(self._parts.member, key, lambda: self._settled(key, report, tuple(left)))

    async def round(self) -> None:
        """Look after the reports that were not approved in time, and those that are not where they should be."""
        now_us, problem = self._parts.clock.now_us(), None
        for thread in await asyncio.to_thread(self._unsettled):
            try:
                work = await asyncio.to_thread(approval, self._store, thread.key)
                if work is not None and work.due_us <= now_us:
                    await self._pen.write_if_first(
                        self._parts.member, thread.key, partial(self._lapsed, thread.key, work)
                    )
                elif thread.state is ThreadState.OPEN:
                    await self.bring_up(thread.key.thread_id)
            except LiaisonError as error:
                problem = problem or error
        if problem is not None:
            raise problem

    # ------------------------------------------------------------ parts

    def _unsettled(self) -> list[Thread]:
        me = self._parts.member
        found = self._store.threads(kinds=(ThreadKind.REPORT,), states=UNSETTLED, peer=me)
        return [one for one in found if one.draft]

    async def _one(self, report: OwnReport, to: Reader) -> None:
        """Write what is missing in one thread. A notice of the other side may come in between."""
        key = ThreadKey(to.member, to.thread_id)
        for _ in range(_ATTEMPTS):
            thread = await asyncio.to_thread(self._store.thread, key)
            body = await asyncio.to_thread(self._missing, report, to, thread)
            if body is None:
                return
            version = thread.version if thread is not None else 0
            try:
                await self._author.post(key, self._post(report, to, body), self._at(version))
            except Stale as error:
                if error.code != "not-now":
                    raise

    def _missing(self, report: OwnReport, to: Reader, thread: Thread | None) -> Body | None:
        """Return the notice that brings a thread to where the report should stand; None where it stands there."""
        if report.stand is Stand.PUBLISHED and thread is None:
            record = issued_for(self._parts, report, to.member, to.thread_id)
            return Report(record, report.until_us, report.lang)
        if report.stand is not Stand.WITHDRAWN or thread is None or thread.state is ThreadState.ENDED:
            return None
        held = self._store.holdings(record=f"{SOURCE}/{report.id}", holder=to.member)
        records = tuple(holding.jti for holding in held)
        return Change(ChangeCode.WITHDRAWN, records, of=to.thread_id, reason=report.reason, text=report.text)

    def _at(self, version: int) -> Also:
        """Return the check that the thread is still at this version, and that policy allows the notice."""

        def also(before: Thread | None, _after: Thread, notice: Notice) -> Effects:
            if (before.version if before is not None else 0) != version:
                raise _moved()
            check_notice(self._parts, notice, notice.issued_us)
            return Effects()

        return also

    def _post(self, report: OwnReport, to: Reader, body: Body) -> Post:
        author, approver = report.author, report.approver
        return Post(
            body,
            Urgency.ROUTINE,
            report.purpose,
            report.offence,
            self._named(author, to.member),
            case=report.case,
            agreement=to.agreement,
            expires_us=self._parts.clock.now_us() + _DELIVERED_US if isinstance(body, Report) else 0,
            group_id=report.id,
            approver=self._named(approver, to.member) if approver is not None else None,
            by=author,
            approved_by=approver,
            agency=author.agency,
            office=author.office,
            officer=author.person,
            attachments=report.attachments if isinstance(body, Report) else (),
        )

    def _named(self, officer: Officer, peer: MemberId) -> Requester:
        return officer.as_requester(self._pseudonym(officer.person, peer))

    # ------------------------------------------------------------ in the pen

    def _settled(self, key: ThreadKey, seen: OwnReport, left: tuple[Left, ...]) -> EntryDraft:
        """Return the entry of a report whose threads all stand where they should."""
        thread = self._store.thread(key)
        report = REPORTS.read(thread, key.thread_id)
        if thread is None or report.stand is not seen.stand or thread.state is not ThreadState.OPEN:
            raise _moved()
        gone = {one.member for one in left}
        kept = tuple(to for to in report.to if to.member not in gone) if report.stand is Stand.PUBLISHED else report.to
        after = replace(report, to=kept, left=(*report.left, *left) if report.stand is Stand.PUBLISHED else report.left)
        is_over = report.stand is Stand.WITHDRAWN
        state = ThreadState.ENDED if is_over else ThreadState.ANSWERED
        return self._clocked(thread, after, state, f"report-{report.stand}")

    def _lapsed(self, key: ThreadKey, work: Work) -> EntryDraft:
        thread, now = self._store.thread(key), self._store.work(work.id)
        if now is None or now.done_us or thread is None:
            raise _moved()
        after = replace(REPORTS.read(thread), stand=Stand.LAPSED, reason="not-approved")
        done = replace(now, done_us=self._parts.clock.now_us(), result="lapsed")
        return self._clocked(thread, after, ThreadState.ENDED, "draft-lapsed", (done,))

    def _clocked(
        self, thread: Thread, report: OwnReport, state: ThreadState, code: str, works: tuple[Work, ...] = ()
    ) -> EntryDraft:
        after = REPORTS.moved(thread, report, state, self._parts.clock.now_us())
        return desk_clock(thread.key, code, DeskRows(thread=after, before=thread.version, works=works))


def _moved() -> Stale:
    return Stale("the report has changed meanwhile", code="not-now", where="report", remedy="read it again")
