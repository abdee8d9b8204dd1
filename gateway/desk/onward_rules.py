"""The rules of a record's marking on its onward use, as code (domain, sections 3 and 3.1).

The recipient's own node obeys the owner's marking. A use that the marking rules out is refused here and cannot be asked
for. A use that it leaves to the owner needs the owner's consent. Nothing is ever wider than the marking.

==================  ==================================================================================
part                its meaning here
==================  ==================================================================================
not_after           from then on the record is gone
delete_after_use    only the officer who asked uses it, once
onward NONE         no other person gets it
onward SAME_…       within the unit, agency or country; further is refused
onward ASK          within the unit; further with consent
U1                  as evidence with consent
U2                  every other person, colleagues included: with consent, even where `onward` allows it
U3                  a lead: neither action nor evidence before the officer has spoken to the owner
purposes            another purpose with consent
==================  ==================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum, StrEnum
from typing import Any

from gateway.clock import to_us
from gateway.errors import Forbidden
from gateway.model.desk.consent import OnwardUse, Place, Use
from gateway.model.marking import Caveat, Level, Onward, ReleaseMarking, UseCode, code

_NOT_AFTER = "%Y-%m-%dT%H:%M:%SZ"


class Verdict(StrEnum):
    """The closed list of results."""

    ALLOWED = "allowed"
    REFUSED = "refused"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A result, with its code and a sentence for the officer.

    `needs` names the parts of the marking that leave the use to the owner; empty where consent is not the verdict.
    """

    verdict: Verdict
    code: str = ""
    text: str = ""
    remedy: str = ""
    needs: tuple[str, ...] = ()


class _Reach(IntEnum):
    """The distance from the officer who holds the record."""

    UNIT = 0
    AGENCY = 1
    COUNTRY = 2
    ABROAD = 3


_WIDEST: Mapping[Onward, _Reach | None] = {
    Onward.NONE: None,
    Onward.SAME_UNIT: _Reach.UNIT,
    Onward.SAME_AGENCY: _Reach.AGENCY,
    Onward.SAME_COUNTRY: _Reach.COUNTRY,
    Onward.ASK: _Reach.ABROAD,
}
"""The farthest that a record may go at all; beyond the own unit `ASK` needs consent."""


def rule(marking: ReleaseMarking, holder: Place, wanted: OnwardUse, now_us: int) -> Ruling:
    """Return the ruling of `marking` on a use that the officer at `holder` wants; a pure function."""
    refused = _refusal(marking, holder, wanted, now_us)
    if refused is not None:
        return refused
    needs = tuple(_needs(marking, holder, wanted))
    if needs:
        text = "the owner must consent: " + "; ".join(_SENTENCES[need] for need in needs)
        return Ruling(Verdict.CONSENT, "consent-needed", text, needs=needs)
    return Ruling(Verdict.ALLOWED)


def _refusal(marking: ReleaseMarking, holder: Place, wanted: OnwardUse, now_us: int) -> Ruling | None:
    """Return the refusal of a use that the marking rules out, or None."""
    moves = _moves(holder, wanted)
    if now_us >= to_us(marking.not_after):
        return _refused("record-expired", "the owner's time for this record is over", "ask again")
    if UseCode.LEAD_ONLY in marking.use and wanted.use is not Use.PASS_ON:
        remedy = "contact the owner's desk before you do anything"
        return _refused("lead-only", "this record is a lead: it bears neither action nor evidence", remedy)
    if marking.delete_after_use and (moves or wanted.use is Use.EVIDENCE):
        return _refused("single-use", "this record was for a single use by the officer who asked")
    widest = _WIDEST[marking.onward]
    if moves and (widest is None or _reach(holder, wanted.to) > widest):
        text = f"its marking says {marking.onward.value}: it does not go there"
        return _refused("outside-marking", text, "the other side asks the owner itself")
    return None


def _needs(marking: ReleaseMarking, holder: Place, wanted: OnwardUse) -> list[str]:
    """Return the parts of the marking that leave the use to the owner."""
    moves = _moves(holder, wanted)
    asks = moves and marking.onward is Onward.ASK and _reach(holder, wanted.to) > _Reach.UNIT
    found = {
        "U2": moves and UseCode.NOT_ONWARD in marking.use,
        "ASK": asks,
        "U1": wanted.use is Use.EVIDENCE and UseCode.NOT_EVIDENCE in marking.use,
        "purposes": wanted.purpose.value not in marking.purposes,
    }
    return [need for need, needed in found.items() if needed]


_SENTENCES: Mapping[str, str] = {
    "U2": "nobody else gets it without consent",
    "ASK": "it leaves the unit with consent only",
    "U1": "it is no evidence without consent",
    "purposes": "the purpose is not one that it was given for",
}


def _moves(holder: Place, wanted: OnwardUse) -> bool:
    """Tell whether another person gets the record: passing it on always counts, even to the holder's own place."""
    return wanted.use is Use.PASS_ON or wanted.to != holder


def _reach(holder: Place, to: Place) -> _Reach:
    """Return the distance of two places; an unknown agency or office counts as another one."""
    if to.member != holder.member:
        return _Reach.ABROAD
    if not to.agency or to.agency != holder.agency:
        return _Reach.COUNTRY
    return _Reach.UNIT if to.office and to.office == holder.office else _Reach.AGENCY


def _refused(word: str, text: str, remedy: str = "") -> Ruling:
    return Ruling(Verdict.REFUSED, word, text, remedy)


def read_release(marking: Mapping[str, Any]) -> ReleaseMarking:
    """Return the marking of a verified record; raise `Forbidden` for a missing or unknown value, since it denies."""
    try:
        return ReleaseMarking(
            level=code(Level, marking["level"]),
            use=frozenset(code(UseCode, value) for value in marking["use"]),
            caveats=frozenset(code(Caveat, value) for value in marking["caveats"]),
            onward=code(Onward, marking["onward"]),
            purposes=frozenset(marking["purposes"]),
            not_after=datetime.strptime(marking["not_after"], _NOT_AFTER).replace(tzinfo=UTC),
            evaluation=marking["evaluation"],
            delete_after_use=marking.get("delete_after_use", False) is not False,
        )
    except Exception as error:
        raise Forbidden("its marking cannot be read", code="unknown-marking", where="record.marking") from error
