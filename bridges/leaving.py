"""Decide which records may leave by a bridge, and how far: by their type first, then by their marking.

A label of the traffic light protocol is derived from the marking, as the design's rule 8 on markings says, and each
reader gets what is labelled for its audience. An unknown word in a marking keeps the report at home.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

from gateway.errors import Forbidden, Unsupported

REPORT = "ModusOperandiReport"
LEAVING = frozenset({REPORT, "SeizureStatistics", "OutcomeCounts"})
"""The types that can leave. Each record of a person, thing, case or alert stays with the node, whatever its marking."""


class Audience(IntEnum):
    """The readers at the other end, from the narrowest to the widest."""

    AGENCY = 0
    COUNTRY = 1
    PARTNERS = 2
    PUBLIC = 3


class Label(StrEnum):
    """The labels of TLP 2.0 that can leave. RED is for named persons, so it never does."""

    AMBER_STRICT = "amber+strict"
    AMBER = "amber"
    GREEN = "green"
    CLEAR = "clear"


_AUDIENCES = {
    Label.AMBER_STRICT: Audience.AGENCY,
    Label.AMBER: Audience.COUNTRY,
    Label.GREEN: Audience.PARTNERS,
    Label.CLEAR: Audience.PUBLIC,
}

USES = {
    "U0": "for law enforcement only",
    "U1": "not as evidence",
    "U2": "not to be passed on without the owner's consent",
    "U3": "as a lead only",
}
"""The codes that limit what a recipient may do, in words for who does not know them."""

_ONWARD = {"SAME_AGENCY": Label.AMBER_STRICT, "SAME_COUNTRY": Label.AMBER}
_LIMITS = frozenset({"NONE", "ASK", "SAME_UNIT", *_ONWARD})
_TLP = {f"TLP:{label.value.upper()}": label for label in Label}


def check_type(name: str, wanted: frozenset[str] = LEAVING) -> None:
    """Raise `Unsupported` for a type that does not leave by a bridge that hands out the `wanted` ones."""
    if name not in wanted:
        raise Unsupported(
            "the type `{type}` does not leave by a bridge",
            code="type-stays",
            remedy="these can: {types}",
            type=name[:40],
            types=", ".join(sorted(wanted)),
        )


def reach_of(marking: Mapping[str, object], tlp: str, *, is_own: bool) -> tuple[Label, Audience]:
    """Return the label of a report, and the widest audience that may read it.

    `tlp` is the label that the node derived, and `is_own` says that our own country wrote the report: then the node
    knows who else has it, and the limits of its marking bind those who got it from us, and not us. An open report of
    another country with a code of use goes no farther than its owner lets it. Raises `Forbidden` where nothing leaves.
    """
    level, onward = marking.get("level"), marking.get("onward")
    uses = uses_of(marking)
    if marking.get("caveats") != [] or marking.get("delete_after_use", False) is not False:
        raise _stays("a caveat")
    if level not in ("OPEN", "OFFICIAL"):
        raise _stays("the level")
    if onward not in _LIMITS:
        raise _stays("an unknown limit on passing it on")
    label = _own_label(str(onward), tlp) if is_own else _received_label(str(onward), uses)
    if level == "OPEN":
        return Label.CLEAR, _AUDIENCES[label] if uses and not is_own else Audience.PUBLIC
    return label, _AUDIENCES[label]


def _own_label(onward: str, tlp: str) -> Label:
    label = _TLP.get(tlp) if tlp else _ONWARD.get(onward, Label.AMBER if onward == "ASK" else None)
    if label is None:
        raise _stays("the label")
    return label


def _received_label(onward: str, uses: tuple[str, ...]) -> Label:
    label = None if "U2" in uses else _ONWARD.get(onward)
    if label is None:
        raise _stays("the limit on passing it on")
    return label


def uses_of(marking: Mapping[str, object]) -> tuple[str, ...]:
    """Return the codes of use, sorted. Raises `Forbidden` for an unknown one."""
    uses = marking.get("use")
    if not isinstance(uses, list) or not all(isinstance(code, str) and code in USES for code in uses):
        raise _stays("an unknown limit on its use")
    return tuple(sorted(set(uses)))


def _stays(why: str) -> Forbidden:
    return Forbidden(
        "{why} of its marking keeps it at home",
        code="marking-stays",
        remedy="only the owner can lower a marking",
        why=why,
    )
