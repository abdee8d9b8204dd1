"""A watch as an officer asks for it, the word that it is still needed, and its end."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.desk.watches import Subject
from gateway.model.faces.fields import Member, Moment, Said, Several, Text
from gateway.model.handed.basis import MAX_REASON, CaseNumber, ForOffence, ForPurpose, Reason
from gateway.model.names import MemberId


class AddWatch(msgspec.Struct, frozen=True, kw_only=True):
    """A watch as an officer hands it in."""

    subject: Annotated[Subject, Said(name="query", label="What is watched")]
    to: Annotated[
        tuple[Annotated[MemberId, Member()], ...],
        Several(32, label="Who watches", help="Who watches; without it our own agencies' records are."),
    ] = ()
    purpose: ForPurpose
    offence: ForOffence
    case: CaseNumber
    until_us: Annotated[
        int, Moment(label="How long it stands", help="Until when it stands: 90 days at most, by default 30.")
    ] = 0
    no_tip_off: Annotated[
        bool,
        Said(label="Who is shown it there", help="No person there is shown it; their node answers it all the same."),
    ] = False


class RenewWatch(msgspec.Struct, frozen=True):
    """The time until which a watch is needed."""

    until_us: Annotated[int, Moment(help="Until when: 90 days from now at most, by default 30.")] = 0
    reason: Annotated[
        str, Text(MAX_REASON, label="Why it is still needed", help="Why it is still needed; it is logged.", long=True)
    ] = ""


class EndWatch(msgspec.Struct, frozen=True):
    """The reason for which a watch ends."""

    reason: Reason = ""
