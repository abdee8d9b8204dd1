"""Bring the words about an incident of ours to every counterpart."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from gateway.desk.delivery.authoring import Post
from gateway.desk.oversight.values import INCIDENTS, IncidentStand, OwnIncident, Standing, Told, node_as_author
from gateway.desk.own.spread import Clocked, Spread
from gateway.errors import Stale
from gateway.model.desk.notices import Notice, NoticeType, Service, ServiceCode, Status, StatusCode, Urgency
from gateway.model.desk.threads import ThreadState
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.names import MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.requester import node_itself
from gateway.ports.desk import NoticeRow, Thread, WorkFilter
from gateway.statements.notices.notice import parse_notice

ACKNOWLEDGED = "acknowledged-by-all"
_URGENT = frozenset({ServiceCode.INCIDENT, ServiceCode.OUTAGE})


def urgency_of(incident: OwnIncident) -> Urgency:
    """Return how urgent the words about an incident are: a drill is not."""
    return Urgency.URGENT if incident.code in _URGENT else Urgency.ROUTINE


class IncidentSpread(Spread[OwnIncident, Told]):
    """Brings the words about incidents of ours to counterparts."""

    home = INCIDENTS

    def changed(self) -> Stale:
        """Return the refusal of what was drafted before the incident changed."""
        return Stale("the incident has changed meanwhile", code="not-now", where="incident")

    def to(self, value: OwnIncident) -> Iterable[Told]:
        """Return the counterparts that are to know of an incident."""
        return value.to

    def missing(self, value: OwnIncident, to: Told, thread: Thread | None) -> Post | None:
        """Return the next word for a counterpart; its thread may have ended by a refusal of the first one."""
        if not self.takes(to.member):
            return None
        said = sum(one.type is NoticeType.SERVICE for one in self._desk.store.placed(to.key))
        is_refused = thread is not None and thread.state is ThreadState.ENDED and not said
        if is_refused or said >= len(value.words):
            return None
        author, me = value.authors[said], self._desk.parts.member
        is_person = author != node_as_author(me)
        return Post(
            value.words[said],
            urgency_of(value),
            Purpose.PREVENTION,
            Offence.OTHER,
            self.named(author, to.member) if is_person else node_itself(me, ""),
            ticket=value.id,
            group_id=value.id,
            by=author if is_person else None,
        )

    def settled(self, thread: Thread, value: OwnIncident) -> Clocked[OwnIncident] | None:
        """End our own work on an incident that all have acknowledged, and its thread where its end was said to all."""
        if thread.state is ThreadState.ENDED:
            return None
        waiting = self._desk.store.works(WorkFilter(key=thread.key, kinds=(WorkKind.INCIDENT,)))
        stands = () if value.is_over else self.stands(value)
        all_know = bool(stands) and all(one.standing is Standing.ACKNOWLEDGED for one in stands)
        if not value.is_over and not (waiting and all_know):
            return None
        why, state = ("closed", ThreadState.ENDED) if value.is_over else (ACKNOWLEDGED, thread.state)
        works = tuple(replace(work, done_us=self._now_us, result=why) for work in waiting)
        return Clocked(value, f"incident-{why}", state, works)

    def takes(self, member: MemberId) -> bool:
        """Tell whether a counterpart takes such words now."""
        view = self._desk.parts.trust()
        return view.active(member) and view.descriptor(member).can_take(NoticeType.SERVICE)

    def stands(self, incident: OwnIncident) -> tuple[IncidentStand, ...]:
        """Return the state of an incident at each counterpart. It reads the store."""
        return tuple(self._stand(to) for to in incident.to)

    def _stand(self, to: Told) -> IncidentStand:
        thread = self._desk.store.thread(to.key)
        stand = IncidentStand(to.member, to.thread_id, Standing.WAITING)
        if thread is None or not thread.ours:
            waits = thread is not None and thread.state is not ThreadState.ENDED
            return stand if waits or (thread is None and self.takes(to.member)) else _not_taken(stand)
        rows = self._desk.store.notices(to.key)
        if (said := _acknowledged(rows, thread)) is not None:
            return said_by(stand, said)
        sent = self._desk.store.deliveries(tuple(DeliveryState), key=to.key)
        last = max(sent, key=lambda each: each.seq, default=None)
        if last is None or last.state is DeliveryState.TAKEN:
            return replace(stand, standing=Standing.DELIVERED)
        return stand if last.state is DeliveryState.WAITING else _not_taken(stand)


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
    """Return the newest notice of a counterpart about itself in these rows; None where it is erased."""
    for row in reversed(rows):
        if row.placed.type is NoticeType.SERVICE and row.envelope:
            notice = parse_notice(row.envelope)
            if isinstance(notice.body, Service):
                return notice
    return None
