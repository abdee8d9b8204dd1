"""The marking: handling rules that travel with a record (design, section 6).

Readers of a marking refuse an unknown value, so that it can never widen a release. The *internal marking* never leaves
the node; the recipient must obey a `ReleaseMarking`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

import msgspec

from gateway.errors import Misconfigured
from gateway.model.purpose import Offence, Purpose

_Code = TypeVar("_Code", bound=StrEnum)
_T = TypeVar("_T")

EVALUATION = re.compile(r"[ABCX][1-4]", re.ASCII)
"""Reliability of the source (A to C, X unknown) and of the information (1 to 4)."""


class Level(StrEnum):
    """The level of confidentiality; nothing above RESTRICTED is accepted."""

    OPEN = "OPEN"
    OFFICIAL = "OFFICIAL"
    RESTRICTED = "RESTRICTED"


class UseCode(StrEnum):
    """The limits on the recipient's use; the codes add up."""

    LAW_ENFORCEMENT = "U0"
    NOT_EVIDENCE = "U1"
    NOT_ONWARD = "U2"
    LEAD_ONLY = "U3"


class Caveat(StrEnum):
    """A reason for more care with a record."""

    PROTECT_SOURCE = "SRC"
    SAFETY = "SAFE"
    NO_TIP_OFF = "NOTIP"
    JUVENILE = "JUV"
    DO_NOT_DETAIN = "NODET"
    COURT_ORDER = "COURT"
    HIDDEN_FOR_OPERATION = "OPHIDE"


class Onward(StrEnum):
    """The farthest that the recipient may pass it on; `ASK` means only with the owner's consent."""

    NONE = "NONE"
    SAME_UNIT = "SAME_UNIT"
    SAME_AGENCY = "SAME_AGENCY"
    SAME_COUNTRY = "SAME_COUNTRY"
    ASK = "ASK"


class SubjectCategory(StrEnum):
    """The subject's role for the owner; victim classes force stricter policy."""

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


_ONWARD_WIDTH = (Onward.NONE, Onward.ASK, Onward.SAME_UNIT, Onward.SAME_AGENCY, Onward.SAME_COUNTRY)
"""From the least to the most that is allowed without asking the owner."""


class Marking(msgspec.Struct, frozen=True):
    """The internal marking of one record at its owner. An empty `releasable_to` releases it to no member.

    `withhold_from` names members (or `<member>.<agency>`) that must not learn that the record exists. `purposes` and
    `offences` are those that the record may be used for, None where policy and agreement alone decide; `keep_hours` is
    the longest time that a recipient may keep it; with `delete_after_use` it goes as soon as it was used.
    """

    level: Level = Level.OFFICIAL
    use: frozenset[UseCode] = frozenset({UseCode.NOT_ONWARD})
    caveats: frozenset[Caveat] = frozenset()
    releasable_to: frozenset[str] = frozenset()
    withhold_from: frozenset[str] = frozenset()
    onward: Onward = Onward.ASK
    evaluation: str = "X4"
    purposes: frozenset[Purpose] | None = None
    offences: frozenset[Offence] | None = None
    keep_hours: int | None = None
    delete_after_use: bool = False

    def hidden_from(self, member: str) -> bool:
        """Tell whether `member` must not learn that the record exists."""
        return Caveat.HIDDEN_FOR_OPERATION in self.caveats or member in self.withhold_from

    def join(self, other: Marking) -> Marking:
        """Return the strictest of each part: the marking of a record that was made of two (RULE-MARKING-1)."""
        return Marking(
            level=max(self.level, other.level, key=_LEVELS.index),
            use=self.use | other.use,
            caveats=self.caveats | other.caveats,
            releasable_to=narrowest(self.releasable_to, other.releasable_to),
            withhold_from=self.withhold_from | other.withhold_from,
            onward=min(self.onward, other.onward, key=_ONWARD_WIDTH.index),
            evaluation="".join(max(pair) for pair in zip(self.evaluation, other.evaluation, strict=True)),
            purposes=_both(self.purposes, other.purposes),
            offences=_both(self.offences, other.offences),
            keep_hours=_shorter(self.keep_hours, other.keep_hours),
            delete_after_use=self.delete_after_use or other.delete_after_use,
        )

    def is_within(self, other: Marking) -> bool:
        """Tell whether this marking is nowhere wider than `other`: joining them changes nothing."""
        return self.join(other) == self.join(self)

    def as_json(self) -> dict[str, object]:
        """Return the JSON form for indexes and entries: sorted lists, without optional parts at their default."""
        kept: dict[str, object] = {
            "level": str(self.level),
            "use": _sorted(self.use),
            "caveats": _sorted(self.caveats),
            "releasable_to": sorted(self.releasable_to),
            "withhold_from": sorted(self.withhold_from),
            "onward": str(self.onward),
            "evaluation": self.evaluation,
        }
        if self.purposes is not None:
            kept["purposes"] = _sorted(self.purposes)
        if self.offences is not None:
            kept["offences"] = _sorted(self.offences)
        if self.keep_hours is not None:
            kept["keep_hours"] = self.keep_hours
        if self.delete_after_use:
            kept["delete_after_use"] = True
        return kept

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> Marking:
        """Return the marking that `as_json` wrote; raise `Misconfigured` for a missing or unknown part or value."""
        if not kept.keys() >= _KEPT or not kept.keys() <= _KEPT | _OPTIONAL:
            raise Misconfigured("parts of the marking are missing or unknown", code="unknown-marking")
        hours = kept.get("keep_hours")
        if hours is not None and (type(hours) is not int or hours < 0):
            raise Misconfigured("`keep_hours` is no number of hours", code="unknown-marking")
        return cls(
            level=code(Level, kept["level"]),
            use=_codes(UseCode, kept["use"]),
            caveats=_codes(Caveat, kept["caveats"]),
            releasable_to=_names(kept["releasable_to"]),
            withhold_from=_names(kept["withhold_from"]),
            onward=code(Onward, kept["onward"]),
            evaluation=_evaluation(kept["evaluation"]),
            purposes=_codes(Purpose, kept["purposes"]) if "purposes" in kept else None,
            offences=_codes(Offence, kept["offences"]) if "offences" in kept else None,
            keep_hours=hours,
            delete_after_use=kept.get("delete_after_use", False) is True,
        )


_KEPT = frozenset({"level", "use", "caveats", "releasable_to", "withhold_from", "onward", "evaluation"})
_OPTIONAL = frozenset({"purposes", "offences", "keep_hours", "delete_after_use"})
_LEVELS = tuple(Level)


def narrowest(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    """Return the names in both lists; `th` names all its agencies, so `th` and `th.police` give `th.police`."""
    kept = {name for name in one if _names_it(other, name)} | {name for name in other if _names_it(one, name)}
    return frozenset(kept)


def _names_it(names: frozenset[str], name: str) -> bool:
    return name in names or name.partition(".")[0] in names


def _both(one: frozenset[_T] | None, other: frozenset[_T] | None) -> frozenset[_T] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _shorter(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


class Tlp(StrEnum):
    """Traffic light labels (TLP 2.0): derived and shown, never enforced."""

    RED = "TLP:RED"
    AMBER_STRICT = "TLP:AMBER+STRICT"
    AMBER = "TLP:AMBER"
    GREEN = "TLP:GREEN"
    CLEAR = "TLP:CLEAR"


def tlp(marking: Marking, members: frozenset[str]) -> Tlp:
    """Return the label that comes nearest to a marking in a federation of `members` (RULE-MARKING-8).

    Named units and no onward use are RED, one agency is AMBER+STRICT, fewer than all members are AMBER, all are GREEN;
    an OPEN marking without a caveat and for all is CLEAR.
    """
    names = marking.releasable_to
    everyone = bool(members) and members <= names
    if everyone:
        is_open = marking.level is Level.OPEN and not marking.caveats
        return Tlp.CLEAR if is_open else Tlp.GREEN
    if not names or any(name.count(".") > 1 for name in names):
        return Tlp.RED
    if all("." in name for name in names):
        return Tlp.AMBER_STRICT
    return Tlp.AMBER


class ReleaseMarking(msgspec.Struct, frozen=True):
    """The rules for the recipient of one record; always disclosed and signed with the record."""

    level: Level
    use: frozenset[UseCode]
    caveats: frozenset[Caveat]
    onward: Onward
    purposes: frozenset[str]
    not_after: datetime
    evaluation: str = "X4"
    delete_after_use: bool = False

    def as_json(self) -> dict[str, object]:
        """Return the JSON form that is signed into the record: sorted lists, RFC 3339 time."""
        once = {"delete_after_use": True} if self.delete_after_use else {}
        return once | {
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
"""Caveats that a recipient must obey and therefore sees; SRC and OPHIDE stay in the node."""


def _sorted(values: frozenset[_Code]) -> list[str]:
    return sorted(str(item) for item in values)


def _codes(kind: type[_Code], values: Any) -> frozenset[_Code]:
    return frozenset(code(kind, value) for value in _names(values))


def _names(values: Any) -> frozenset[str]:
    if type(values) is not list or not all(type(value) is str for value in values):
        raise Misconfigured("a part of the marking is no list of texts", code="unknown-marking")
    return frozenset(values)


def _evaluation(value: Any) -> str:
    if type(value) is not str or not EVALUATION.fullmatch(value):
        raise Misconfigured("the evaluation is not A to C or X, and 1 to 4", code="unknown-marking")
    return value


def code(kind: type[_Code], value: str, where: str = "") -> _Code:
    """Return `value` as a member of the closed list `kind`; raise `Misconfigured` for an unknown one."""
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(item.value for item in kind)
        raise Misconfigured(
            "unknown value `{value!a}`",
            code="unknown-marking",
            where=where,
            remedy="one of {known}",
            value=value[:40],
            known=known,
        ) from None
