"""Show the alerts of one node to its people: which warn here, what became of each, and that something has changed.

A list names no person or thing of an alert: its content is shown once the entry of that reading is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from functools import partial

import msgspec

from gateway.desk.acting.home import home_key
from gateway.desk.acting.parts import Actor, DeskParts
from gateway.desk.acting.persons import may_read
from gateway.desk.alerts.book import HeldAlert
from gateway.desk.alerts.gate import KIND, AlertGate
from gateway.desk.alerts.own import OwnAlerts
from gateway.desk.alerts.standing import AlertStand, stands
from gateway.desk.alerts.taken import TakenAlerts, unknown_alert
from gateway.desk.alerts.values import OwnAlert
from gateway.desk.changes import Change
from gateway.desk.entries import desk_act
from gateway.desk.raising import warning_work
from gateway.model.desk.notices import REACTIONS, Alert, Notice, NoticeType, OutcomeReport, Status, Urgency
from gateway.model.desk.notices import Change as ChangeNotice
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.search import Search
from gateway.ports.desk import NoticeRow, Work, WorkFilter
from gateway.statements.notices.notice import parse_notice

LOOK_S = 2.0
"""Alerts whose time is over, and what other processes write, are looked for so often by those who follow."""

_PAUSE_S = 0.2


class TakenLine(msgspec.Struct, frozen=True):
    """A counterpart's alert that warns here, with the acknowledgements of our offices that are still missing."""

    alert: HeldAlert
    waits: tuple[Work, ...]


class AlertStep(msgspec.Struct, frozen=True):
    """A notice in the thread of an alert, without the record: who said what, and when we wrote it."""

    time_us: int
    ours: bool
    type: NoticeType
    code: str = ""
    reason: str = ""
    text: str = ""
    outcome: OutcomeReport | None = None


class TakenAlert(msgspec.Struct, frozen=True):
    """A counterpart's alert with all that was said of it; `acts` are the codes by which this person may answer."""

    alert: HeldAlert
    urgency: Urgency
    to_life: bool
    repeat_s: int
    steps: tuple[AlertStep, ...]
    works: tuple[Work, ...]
    acts: frozenset[str]


class OwnStand(msgspec.Struct, frozen=True):
    """An alert of ours with its standing at each counterpart and what was said there; `acts` are those of this person.

    `approval` is the work of the person who must approve it.
    """

    alert: OwnAlert
    stands: tuple[AlertStand, ...]
    steps: Mapping[MemberId, tuple[AlertStep, ...]]
    approval: Work | None
    acts: frozenset[str]


class AlertBoard:
    """What people see of alerts. Each method checks the person's roles, or leaves that to the use case it calls."""

    def __init__(self, desk: DeskParts, own: OwnAlerts, taken: TakenAlerts, gate: AlertGate) -> None:
        self._desk = desk
        self._own = own
        self._taken = taken
        self._gate = gate

    @property
    def missing(self) -> tuple[MemberId, ...]:
        """Return the counterparts whose alerts cannot be told now: what they seek is not known here."""
        return tuple(MemberId(name.removeprefix(f"{KIND} ")) for name in self._gate.missing)

    async def to_confirm(self, search: Search) -> dict[tuple[str, int], str]:
        """Return the open work of marking the counterparts' alerts that a search has found.

        It stands by the search and the number of the hit, which is one of the line of our own agencies.
        """
        return await asyncio.to_thread(self._to_confirm, search)

    async def taken(self, actor: Actor) -> list[TakenLine]:
        """Return the counterparts' alerts that warn now and that this person may read."""
        alerts = await self._taken.all(actor)
        waiting: dict[ThreadKey, list[Work]] = {}
        for work in await asyncio.to_thread(self._desk.store.works, WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,))):
            waiting.setdefault(work.key, []).append(work)
        return [TakenLine(alert, tuple(waiting.get(alert.key, ()))) for alert in alerts]

    def _to_confirm(self, search: Search) -> dict[tuple[str, int], str]:
        line = next((line for line in search.lines if line.member == self._desk.parts.member), None)
        found: dict[tuple[str, int], str] = {}
        for at, hit in enumerate(line.hits if line is not None else ()):
            for key in self._gate.of_counterparts((hit,)):
                work = self._desk.store.work(warning_work(key, search.id))
                if work is not None and not work.done_us:
                    found[search.id, at] = work.id
        return found

    async def answers(self, keys: Iterable[ThreadKey]) -> dict[ThreadKey, str]:
        """Return the code of our last answer to each of some counterparts' alerts; it tells no content."""
        wanted = tuple(keys)
        return await asyncio.to_thread(lambda: {key: self._answer(key) for key in wanted})

    async def read_taken(self, actor: Actor, key: ThreadKey) -> TakenAlert:
        """Return a counterpart's alert to a person; its owner is told once that it was read. Raises `Unknown`."""
        alert = await self._taken.read(actor, key)
        return await asyncio.to_thread(self._taken_alert, actor, alert)

    async def read_over(self, actor: Actor, key: ThreadKey) -> tuple[AlertStep, ...]:
        """Return what was said of a counterpart's alert that warns here no more, without its record.

        Raises `Unknown` for one that this person may not read.
        """
        now_us = self._desk.parts.clock.now_us()
        thread = await asyncio.to_thread(self._desk.store.thread, key)
        is_alert = thread is not None and thread.kind is ThreadKind.ALERT and not thread.opener
        if thread is None or not is_alert or may_read(actor.person, thread, now_us):
            raise unknown_alert()
        rows = await asyncio.to_thread(self._desk.store.notices, key)
        return _steps(rows, ours=Side.OTHER)

    async def standing(self, alerts: Iterable[OwnAlert]) -> list[tuple[AlertStand, ...]]:
        """Return how some alerts of ours stand at each counterpart."""
        now_us, wanted = self._desk.parts.clock.now_us(), tuple(alerts)
        return await asyncio.to_thread(stands, self._desk.store, self._desk.parts.trust(), wanted, now_us)

    async def unanswered(self) -> frozenset[tuple[str, MemberId]]:
        """Return the alerts of ours that stand and that a counterpart has not answered, each with that counterpart."""
        states, me = (ThreadState.OPEN,), self._desk.parts.member
        threads = await asyncio.to_thread(self._desk.store.threads, kinds=(ThreadKind.ALERT,), states=states)
        return frozenset((one.group_id, one.key.peer) for one in threads if one.opener and one.key.peer != me)

    async def read_own(self, actor: Actor, alert_id: ExchangeId) -> OwnStand:
        """Return an alert of ours to a person who may read it, once the entry of that is durable. Raises `Unknown`."""
        alert = await self._own.show(actor, alert_id)
        me = self._desk.parts.member
        key = home_key(me, alert_id)
        await self._desk.pen.write(me, key, lambda: desk_act(actor.officer, "read-alert", key))
        return await asyncio.to_thread(self._own_stand, actor, alert)

    async def find_taken(self, actor: Actor, thread_id: ExchangeId) -> ThreadKey | None:
        """Return the key of the one counterpart's alert in this thread that the person may read."""
        found = [alert.key for alert in await self._taken.all(actor) if alert.key.thread_id == thread_id]
        return found[0] if len(found) == 1 else None

    async def follow(self, about: str = "") -> AsyncGenerator[None, None]:
        """Yield each time that alerts have changed, or the time of one is over; `about` is the id of one alert."""
        concerns, look = partial(_concerns, about=about), partial(self._seen, about)
        async for _ in self._desk.changes.looks(concerns, look, LOOK_S):
            yield None

    # ------------------------------------------------------------ in a thread of its own

    def _seen(self, about: str) -> object:
        """Return what changes with the alerts: their versions, and which of them are in force."""
        if about:
            threads = [*self._desk.store.find_thread(ExchangeId(about)), *self._desk.store.threads(group_id=about)]
            return [(one.key, one.version) for one in threads]
        return {(alert.key, alert.version) for alert in self._gate.alerts}

    def _answer(self, key: ThreadKey) -> str:
        own = [one for one in self._desk.store.placed(key) if one.side is Side.OTHER]
        told = [one.code for one in own if one.type is NoticeType.OUTCOME or one.code in REACTIONS]
        return told[-1] if told else ""

    def _taken_alert(self, actor: Actor, alert: HeldAlert) -> TakenAlert:
        store, key = self._desk.store, alert.key
        rows = store.notices(key)
        newest = next(
            notice.body for notice in map(_notice, reversed(rows)) if notice and isinstance(notice.body, Alert)
        )
        thread = store.thread(key)
        works = store.works(WorkFilter(key=key, kinds=(WorkKind.ACKNOWLEDGE, WorkKind.OUTCOME), open_only=False))
        return TakenAlert(
            alert,
            thread.urgency if thread is not None else Urgency.FLASH,
            newest.to_life,
            newest.repeat_s,
            _steps(rows, ours=Side.OTHER),
            tuple(works),
            self._taken.acts(actor, alert),
        )

    def _own_stand(self, actor: Actor, alert: OwnAlert) -> OwnStand:
        store = self._desk.store
        keys = {to.member: ThreadKey(to.member, to.thread_id) for to in alert.to}
        approval, acts = self._own.acts(actor, alert)
        (standing,) = stands(store, self._desk.parts.trust(), [alert], self._desk.parts.clock.now_us())
        return OwnStand(
            alert,
            standing,
            {member: _steps(store.notices(key), ours=Side.OPENER) for member, key in keys.items()},
            approval,
            acts,
        )


def _concerns(change: Change, about: str) -> bool:
    """Tell whether rows are of an alert, or of the one that is meant; a watcher that lost some looks again."""
    thread, works = change.rows.thread, change.works
    is_alert = thread is not None and thread.kind is ThreadKind.ALERT
    if not about:
        return change.missed or is_alert or any(work.kind is WorkKind.ACKNOWLEDGE for work in works)
    named: set[str] = {work.key.thread_id for work in works}
    if thread is not None:
        named |= {thread.key.thread_id, thread.group_id}
    return change.missed or about in named


def _notice(row: NoticeRow) -> Notice | None:
    return parse_notice(row.envelope) if row.envelope else None


def _steps(rows: Sequence[NoticeRow], *, ours: Side) -> tuple[AlertStep, ...]:
    return tuple(_step(row, ours) for row in rows)


def _step(row: NoticeRow, ours: Side) -> AlertStep:
    notice = _notice(row)
    body = notice.body if notice is not None else None
    first = AlertStep(row.time_us, row.placed.side is ours, row.placed.type, row.placed.code)
    if isinstance(body, Status | ChangeNotice):
        return msgspec.structs.replace(first, reason=body.reason, text=body.text)
    if isinstance(body, OutcomeReport):
        return msgspec.structs.replace(first, text=body.text, outcome=body)
    return first
