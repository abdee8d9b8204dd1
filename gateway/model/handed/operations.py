"""An operation as an officer opens it, more members for it, entries of it, and words about its end."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.language.languages import Language
from gateway.model.desk.notices import MAX_WORDS, Urgency
from gateway.model.desk.rooms import MAX_TITLE, RoomRole
from gateway.model.faces.fields import Among, Id, Member, Moment, Pairs, Said, Several, Text
from gateway.model.handed.basis import CaseOrTicket, ForOffence, ForPurpose, Ticket
from gateway.model.names import MemberId


class Invited(msgspec.Struct, frozen=True):
    """A member that is invited; without offices all of its offices take part. An observer writes nothing."""

    member: Annotated[MemberId, Member()]
    offices: Annotated[tuple[Annotated[str, Id()], ...], Several(64)] = ()
    role: Annotated[RoomRole, Among((RoomRole.PARTNER, RoomRole.OBSERVER))] = RoomRole.PARTNER


class Invite(msgspec.Struct, frozen=True, kw_only=True):
    """More members for an operation."""

    to: Annotated[tuple[Invited, ...], Several(31, least=1, label="Who takes part")]


class OpenRoom(Invite, frozen=True, kw_only=True):
    """An operation as an officer hands it in; it is opened once another person has approved it."""

    title: Annotated[
        str, Text(MAX_TITLE, label="What it is called", help="What it is called: all its members read it.")
    ]
    template: Annotated[str, Id(label="Form of the entries", help="The form of its entries (policy/operations).")] = ""
    start_us: Annotated[int, Moment(help="When it begins; by default now.")] = 0
    end_us: Annotated[
        int, Moment(label="Its last day; then it seals itself", help="When it seals itself: within 180 days.")
    ]
    purpose: ForPurpose
    offence: ForOffence
    case: CaseOrTicket = ""
    ticket: Ticket = ""
    urgency: Annotated[Urgency, Said(help="How soon it is to be answered.")] = Urgency.PRIORITY


class RoomWords(msgspec.Struct, frozen=True):
    """Words for the other members, if any."""

    text: Annotated[
        str, Text(MAX_WORDS, label="Words for its members, if needed", help="Words for its members.", long=True)
    ] = ""


class SealRoom(RoomWords, frozen=True):
    """The end of an operation."""

    called_off: Annotated[bool, Said(help="It does not take place.")] = False


class WriteEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry for all members, with values of the operation's template."""

    language: Annotated[Language, Said(help="The language of the words.")] = Language.EN
    text: Annotated[str, Text(MAX_WORDS, label="What happened", long=True)]
    values: Annotated[tuple[tuple[str, str], ...], Pairs(64, MAX_WORDS, help="Values of the template.")] = ()
