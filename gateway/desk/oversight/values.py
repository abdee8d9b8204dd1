"""Hold an incident as it is told to counterparts, and the threads at home in which matters of oversight stand."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from gateway.desk.acting.home import OwnKind
from gateway.desk.acts import Act
from gateway.desk.roles import Matter
from gateway.errors import Unknown
from gateway.model.desk.notices import Service, ServiceCode
from gateway.model.desk.threads import ThreadKey, ThreadKind
from gateway.model.names import ExchangeId, MemberId
from gateway.model.requester import NODE, Officer

MOST_WORDS = 16
"""So many notices are sent of one incident: the first one, what came since, and its end."""


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


def node_as_author(member: MemberId) -> Officer:
    """Return the author of words that a node says by itself: no person, with no purpose and no token."""
    return Officer(NODE, NODE, f"{member}.{NODE}", NODE, frozenset(), b"", NODE)


def _unknown(incident_id: str) -> Unknown:
    return Unknown(
        "there is no incident `{incident}` of ours",
        code="no-such-incident",
        where="incident",
        remedy="`liaison incident list` shows them",
        incident=incident_id[:64],
    )


INCIDENTS = OwnKind(
    kind=ThreadKind.SERVICE,
    value=OwnIncident,
    unknown=_unknown,
    see=Act.TELL_SERVICE,
    matter=lambda _: Matter(""),
)
"""Incidents of ours at home."""
