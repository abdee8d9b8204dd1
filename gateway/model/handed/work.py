"""What people hand in about work of the desk: who is to do it, why, and a verdict on what was shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import msgspec

from gateway.model.faces.fields import Id, Matching, Member, Said, Text, Whole, Written
from gateway.model.handed.basis import Reason

MAX_WORK_REASON = 300
"""The most characters of the reason for which work is passed on, or of what was compared."""

SearchId = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9._-]{1,64}$",
        least=1,
        most=64,
        name="search",
        help="The search's id, as `liaison ask` shows it.",
    ),
]
FromMember = Annotated[str, Member(name="from", help="The country whose hit it is.")]
HitNumber = Annotated[int, Whole(0, 1000, help="Which hit of its line, from 0.")]


class Verdict(StrEnum):
    """The verdict of an officer on a hit, after a second identifier was compared."""

    SAME = "SAME"
    NOT_SAME = "NOT_SAME"
    CANNOT_TELL = "CANNOT_TELL"


_Said = Annotated[Verdict, Said(help="What you say of it.")]
_Compared = Annotated[str, Text(MAX_WORK_REASON, help="What you compared; it is logged.", long=True)]


class Mark(msgspec.Struct, frozen=True, kw_only=True):
    """A mark on a hit of a search of the caller."""

    search_id: SearchId
    peer: FromMember
    hit: HitNumber = 0
    verdict: _Said
    reason: _Compared


class Confirm(msgspec.Struct, frozen=True, kw_only=True):
    """A verdict on what an item of work is about."""

    work: Annotated[str, Written(200, help="The work of confirming it.")]
    verdict: _Said
    reason: _Compared


class PassOn(msgspec.Struct, frozen=True):
    """The agency of ours that is to do the work."""

    agency: Annotated[str, Id(help="The agency of ours that is to do it.")]
    reason: Annotated[str, Text(MAX_WORK_REASON, help="Why; it is logged.", long=True)]


class GiveReason(msgspec.Struct, frozen=True):
    """The reason of an act; it is logged."""

    reason: Reason
