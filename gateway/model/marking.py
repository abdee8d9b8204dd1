"""The marking: handling rules that travel with a record (design, section 6).

An unknown value is refused where a marking is read, so it can never widen a release. The *internal marking*
never leaves the node; `ReleaseMarking` is what the recipient must obey.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from gateway.errors import Misconfigured
from gateway.model.frozen import frozen


class Level(StrEnum):
    """Nothing above RESTRICTED is accepted."""

    OPEN = "OPEN"
    OFFICIAL = "OFFICIAL"
    RESTRICTED = "RESTRICTED"


class UseCode(StrEnum):
    """What the recipient may do; the codes add up."""

    LAW_ENFORCEMENT = "U0"
    NOT_EVIDENCE = "U1"
    NOT_ONWARD = "U2"
    LEAD_ONLY = "U3"


class Caveat(StrEnum):
    """Why a record needs more care."""

    PROTECT_SOURCE = "SRC"
    SAFETY = "SAFE"
    NO_TIP_OFF = "NOTIP"
    JUVENILE = "JUV"
    DO_NOT_DETAIN = "NODET"
    COURT_ORDER = "COURT"
    HIDDEN_FOR_OPERATION = "OPHIDE"


class Onward(StrEnum):
    """How far the recipient may pass it on; `ASK` means only with the owner's consent."""

    NONE = "NONE"
    SAME_UNIT = "SAME_UNIT"
    SAME_AGENCY = "SAME_AGENCY"
    SAME_COUNTRY = "SAME_COUNTRY"
    ASK = "ASK"


class SubjectCategory(StrEnum):
    """Who the subject is to the owner; victim classes force stricter policy."""

    SUSPECT = "SUSPECT"
    CONVICTED = "CONVICTED"
    WANTED = "WANTED"
    VICTIM = "VICTIM"
    POTENTIAL_VICTIM = "POTENTIAL_VICTIM"
    WITNESS = "WITNESS"
    MISSING = "MISSING"
    ASSOCIATE = "ASSOCIATE"
    TRAVELLER = "TRAVELLER"
    OWNER = "OWNER"
    UNKNOWN = "UNKNOWN"


@frozen
class Marking:
    """The internal marking of one record at its owner. Empty `releasable_to` means nobody.

    `withhold_from` names members (or `<member>.<agency>`) that must not learn that the record exists.
    """

    level: Level = Level.OFFICIAL
    use: frozenset[UseCode] = frozenset({UseCode.NOT_ONWARD})
    caveats: frozenset[Caveat] = frozenset()
    releasable_to: frozenset[str] = frozenset()
    withhold_from: frozenset[str] = frozenset()
    onward: Onward = Onward.ASK
    evaluation: str = "X4"

    def hidden_from(self, member: str) -> bool:
        """Whether `member` must not learn that the record exists."""
        return Caveat.HIDDEN_FOR_OPERATION in self.caveats or member in self.withhold_from


@frozen
class ReleaseMarking:
    """What the recipient of one record must obey; it is always disclosed and signed with the record."""

    level: Level
    use: frozenset[UseCode]
    caveats: frozenset[Caveat]
    onward: Onward
    purposes: frozenset[str]
    not_after: datetime
    evaluation: str = "X4"

    def as_json(self) -> dict[str, object]:
        """The JSON form that is signed into the record: sorted lists, RFC 3339 time."""
        return {
            "level": self.level.value,
            "use": sorted(self.use),
            "caveats": sorted(self.caveats),
            "onward": self.onward.value,
            "purposes": sorted(self.purposes),
            "not_after": self.not_after.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "evaluation": self.evaluation,
        }


PUBLIC_CAVEATS = frozenset(
    {Caveat.SAFETY, Caveat.NO_TIP_OFF, Caveat.JUVENILE, Caveat.DO_NOT_DETAIN, Caveat.COURT_ORDER}
)
"""Caveats that a recipient must obey and therefore sees; SRC and OPHIDE stay at home."""

_Code = TypeVar("_Code", bound=StrEnum)


def code(kind: type[_Code], value: str, where: str = "") -> _Code:
    """`value` as a member of the closed list `kind`; an unknown one is `Misconfigured`, never ignored."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(item.value for item in kind)
        raise Misconfigured(
            f"unknown value `{value[:40]!a}`", code="unknown-marking", where=where, remedy=f"one of {known}"
        ) from None
