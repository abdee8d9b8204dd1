"""Hold an incident as it is told to counterparts, and the threads at home in which matters of oversight stand."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gateway.conversion import converter
from gateway.errors import Unknown
from gateway.model.desk.notices import Service, ServiceCode, Urgency
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import NODE, Officer
from gateway.ports.desk import Thread

MAX_WORDS = 16
"""So many words are told of one incident: the first one, what came since, and its end."""


class Told(msgspec.Struct, frozen=True):
    """A counterpart that is told of an incident, with the thread in which it is."""

    member: MemberId
    thread_id: ExchangeId

    @property
    def key(self) -> ThreadKey:
        """The thread with this counterpart."""
        return ThreadKey(self.member, self.thread_id)


class OwnIncident(msgspec.Struct, frozen=True, tag_field="matter", tag="incident"):
    """An incident of ours, as every counterpart is to know it: the words about it, in their order, and who said each.

    The last word of one that is over is `RESUMED`.
    """

    id: ExchangeId
    to: tuple[Told, ...]
    words: tuple[Service, ...]
    authors: tuple[Officer, ...]
    told_us: int

    @property
    def code(self) -> ServiceCode:
        """The code of its first word."""
        return self.words[0].code

    @property
    def is_over(self) -> bool:
        """Tell whether its end was said."""
        return self.words[-1].code is ServiceCode.RESUMED

    def and_then(self, word: Service, author: Officer) -> OwnIncident:
        """Return the incident with one more word."""
        return replace(self, words=(*self.words, word), authors=(*self.authors, author))


class Standing(StrEnum):
    """The standing of a word about an incident at one counterpart."""

    NOT_TAKEN = "not-taken"
    """The counterpart takes no notices of this type, is not active, or has refused it: its desk is to be phoned."""
    WAITING = "waiting"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"


class IncidentStand(msgspec.Struct, frozen=True):
    """The standing of an incident of ours at one counterpart; `text` are the words of the person who acknowledged."""

    member: MemberId
    thread_id: ExchangeId
    standing: Standing
    time_us: int = 0
    text: str = ""


class IncidentItem(msgspec.Struct, frozen=True):
    """An incident of ours with its standing at each counterpart, and what this person may still do."""

    incident: OwnIncident
    stands: tuple[IncidentStand, ...]
    may_tell: bool

    @property
    def acknowledged(self) -> int:
        """The number of counterparts that have acknowledged its newest word."""
        return sum(one.standing is Standing.ACKNOWLEDGED for one in self.stands)


_own_incident = converter(OwnIncident)


def node_as_author(member: MemberId) -> Officer:
    """Return the author of words that a node says by itself: no person, with no purpose and no token."""
    return Officer(NODE, NODE, f"{member}.{NODE}", NODE, frozenset(), b"", NODE)


def read_incident(thread: Thread | None, incident_id: str = "") -> OwnIncident:
    """Return the incident that a thread at home holds. Raises `Unknown` where there is none."""
    value = msgspec.json.decode(thread.draft) if thread is not None and thread.draft else {}
    if thread is None or thread.kind is not ThreadKind.SERVICE or value.get("matter") != "incident":
        raise Unknown(
            "there is no incident `{incident}` of ours",
            code="no-such-incident",
            where="incident",
            remedy="`liaison incident list` shows them",
            incident=incident_id[:64],
        )
    return _own_incident(value)


def at_home(member: MemberId, name: ExchangeId, draft: bytes, now_us: int, urgency: Urgency) -> Thread:
    """Return a new thread that holds a matter at home, in which no counterpart takes part.

    It names no agency, office or person: those who may do its work read it there.
    """
    return Thread(
        ThreadKey(member, name),
        ThreadKind.SERVICE,
        opener=True,
        state=ThreadState.OPEN,
        urgency=urgency,
        version=0,
        opened_us=now_us,
        draft=draft,
    )


def moved(thread: Thread, now_us: int, *, draft: bytes | None = None, is_over: bool = False) -> Thread:
    """Return a thread at home as it stands after a change of its matter."""
    return replace(
        thread,
        version=thread.version + 1,
        draft=thread.draft if draft is None else draft,
        state=ThreadState.ENDED if is_over else thread.state,
        closed_us=(thread.closed_us or now_us) if is_over else thread.closed_us,
    )
