"""Let duty officers act on alerts of counterparts."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from msgspec.structs import replace

from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import check_person
from gateway.desk.acts import Act
from gateway.desk.alerts.book import HeldAlert
from gateway.desk.alerts.gate import AlertGate
from gateway.desk.delivery.authoring import Post
from gateway.desk.delivery.effects import Effects
from gateway.desk.entries import desk_act
from gateway.desk.raising import from_opening
from gateway.desk.roles import Matter, matter_by, may
from gateway.errors import Forbidden, Malformed, Stale, Unknown
from gateway.model.desk.codes import NotExecuted
from gateway.model.desk.notices import REACTIONS, Alert, Body, Notice, NoticeType, OutcomeReport, Status, StatusCode
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.desk.work import Role, WorkKind
from gateway.ports.desk import Thread, Work, WorkFilter
from gateway.ports.journal import EntryDraft
from gateway.statements.notices.notice import parse_notice

OUTCOME = "OUTCOME"
_SAID = "said-already"


class TakenAlerts:
    """The use cases of counterparts' alerts."""

    def __init__(self, desk: DeskParts, gate: AlertGate) -> None:
        self._desk = desk
        self._gate = gate

    async def all(self, actor: Actor) -> list[HeldAlert]:
        """Return the counterparts' alerts that warn now and that this person may read."""
        now_us, me = self._desk.parts.clock.now_us(), self._desk.parts.member
        found = await asyncio.to_thread(lambda: list(self._gate.alerts))
        return [alert for alert in found if alert.owner != me and _may_read(actor, alert, now_us)]

    async def read(self, actor: Actor, key: ThreadKey) -> HeldAlert:
        """Return a counterpart's alert to a person; the owner is told once that it was read. Raises `Unknown`."""
        found = [alert for alert in await self.all(actor) if alert.key == key]
        if not found:
            raise unknown_alert()
        notice = await asyncio.to_thread(self._newest, key)
        await self._desk.pen.write(self._desk.parts.member, key, lambda: _opened(actor, notice))
        if not await asyncio.to_thread(self._is_read, key):
            await self._author_post(actor, key, notice, Status(notice.head.notice_id, StatusCode.READ))
        return found[0]

    async def tell(self, actor: Actor, key: ThreadKey, code: StatusCode, reason: str = "", text: str = "") -> None:
        """Tell the owner what becomes of an alert here. NOT_EXECUTED needs a reason in law (`NotExecuted`)."""
        if code not in REACTIONS:
            raise Malformed("an alert is not answered so", code="bad-reaction", where="code")
        if code is StatusCode.NOT_EXECUTED and reason not in list(NotExecuted):
            raise Malformed(
                "the reason in law is missing",
                code="reason-missing",
                where="reason",
                remedy="one of {codes}",
                codes=", ".join(NotExecuted),
            )
        alert = await asyncio.to_thread(self._newest, key)
        await self._post(actor, key, alert, Status(alert.head.notice_id, code, reason, text))

    async def report(self, actor: Actor, key: ThreadKey, outcome: OutcomeReport) -> None:
        """Tell the owner what came of an alert."""
        alert = await asyncio.to_thread(self._newest, key)
        await self._post(actor, key, alert, outcome)

    def acts(self, actor: Actor, alert: HeldAlert) -> frozenset[str]:
        """Return the codes of the answers that this person may give to an alert, and `OUTCOME` for what came of it."""
        now_us = self._desk.parts.clock.now_us()
        acts = set[str]()
        with suppress(Forbidden):
            _check(actor, alert.offices, is_outcome=False, now_us=now_us)
            acts.update(REACTIONS)
        with suppress(Forbidden):
            _check(actor, alert.offices, is_outcome=True, now_us=now_us)
            acts.add(OUTCOME)
        return frozenset(acts)

    # ------------------------------------------------------------ parts

    def _newest(self, key: ThreadKey) -> Notice:
        """Return the newest notice of a counterpart's alert that is in a thread."""
        thread = self._desk.store.thread(key)
        rows = self._desk.store.notices(key) if thread is not None and thread.kind is ThreadKind.ALERT else []
        found = [row for row in rows if row.placed.type is NoticeType.ALERT and row.envelope]
        if thread is None or thread.opener or not found:
            raise unknown_alert()
        return parse_notice(found[-1].envelope)

    async def _post(self, actor: Actor, key: ThreadKey, alert: Notice, body: Body) -> None:
        check_person(actor)
        assert isinstance(alert.body, Alert)
        now_us = self._desk.parts.clock.now_us()
        _check(actor, alert.body.scope, is_outcome=isinstance(body, OutcomeReport), now_us=now_us)
        try:
            await self._author_post(actor, key, alert, body)
        except Stale as error:
            if error.code != _SAID:
                raise

    async def _author_post(self, actor: Actor, key: ThreadKey, alert: Notice, body: Body) -> None:
        officer = actor.officer
        post = Post.under(
            alert.head, body, officer.as_requester(self._desk.pseudonym(officer.person, key.peer)), officer
        )

        def also(_before: Thread | None, after: Thread, _notice: Notice) -> Effects:
            if self._last(key) == body:
                raise Stale("this was said already", code=_SAID, where="alert")
            return Effects(works=self._answered(after, alert, body, actor, self._desk.parts.clock.now_us()))

        await self._desk.author.post(key, post, also)

    def _answered(self, thread: Thread, alert: Notice, body: Body, actor: Actor, now_us: int) -> tuple[Work, ...]:
        """Return the acknowledgements that this answer gives, and the questions for an outcome that it raises."""
        code = body.code.value if isinstance(body, Status | OutcomeReport) else ""
        works = self._desk.store.works(WorkFilter(key=thread.key, open_only=False))
        done = [
            replace(work, done_us=now_us, by=actor.officer.person, result=code)
            for work in works
            if not work.done_us and _is_answered(work, body, actor)
        ]
        if not isinstance(body, Status) or body.code is not StatusCode.ACTING:
            return tuple(done)
        own = replace(thread, agency=actor.officer.agency, office=actor.officer.office)
        known = {work.id for work in works}
        asked = from_opening(own, alert.head.notice_id, actor.officer.person, now_us)
        return (*done, *(work for work in asked if work.id not in known))

    def _last(self, key: ThreadKey) -> Body | None:
        """Return the last that we said of an alert, other than that it was read."""
        rows = [row for row in self._desk.store.notices(key) if row.placed.side is Side.OTHER and row.envelope]
        said = [row for row in rows if row.placed.code != StatusCode.READ]
        return parse_notice(said[-1].envelope).body if said else None

    def _is_read(self, key: ThreadKey) -> bool:
        """Tell whether the owner was told that its newest notice was read."""
        rows = self._desk.store.notices(key)
        newest = max(row.placed.seq for row in rows if row.placed.side is Side.OPENER)
        own = [row.placed for row in rows if row.placed.side is Side.OTHER and row.placed.code == StatusCode.READ]
        return any(placed.seen >= newest for placed in own)


def _office(scope: tuple[str, ...], office: str) -> str:
    """Return the office that an answer is for: the officer's own where it is in scope, or any where all are."""
    if not scope:
        return ""
    return office if office in scope else scope[0]


def _may_read(actor: Actor, alert: HeldAlert, now_us: int) -> bool:
    office = actor.officer.office
    place = office if alert.is_for(office) else alert.offices[0]
    with suppress(Forbidden):
        may(actor.person, Act.SEE_ALERT, Matter("", place if alert.offices else ""), now_us)
        return True
    return False


def _opened(actor: Actor, notice: Notice) -> EntryDraft:
    key = ThreadKey(notice.head.sender, notice.head.thread_id)
    return desk_act(actor.officer, "read-alert", key, notice=notice.head.notice_id)


def unknown_alert() -> Unknown:
    """Return the error for an alert that is not there for a person."""
    return Unknown("there is no such alert of a counterpart", code="no-such-alert", where="alert")


def _check(actor: Actor, scope: tuple[str, ...], *, is_outcome: bool, now_us: int) -> None:
    """Raise unless this person may answer: a duty officer whom it is for, of an outcome also who acted on it."""
    officer = actor.officer
    addressed = Matter("", _office(scope, officer.office))
    if is_outcome:
        own = matter_by(officer)
        with suppress(Forbidden):
            return may(actor.person, Act.OUTCOME, own, now_us)
    return may(actor.person, Act.ACKNOWLEDGE, addressed, now_us)


def _is_answered(work: Work, body: Body, actor: Actor) -> bool:
    """Tell whether this work is done by an answer: of its own office, or of the national desk for all."""
    if isinstance(body, OutcomeReport):
        return work.kind is WorkKind.OUTCOME
    if not isinstance(body, Status) or body.code not in REACTIONS:
        return False
    is_ours = work.office in ("", actor.officer.office) or Role.NATIONAL_DESK in actor.person.roles
    return work.kind is WorkKind.ACKNOWLEDGE and is_ours
