"""An alert as an officer hands it in, and what is said of it later: until when it stands, and why it is lifted."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from gateway.model.desk.codes import LiftReason
from gateway.model.desk.notices import MAX_REPEAT_S, Urgency
from gateway.model.faces.fields import Code, Id, Member, Moment, Said, Several, Whole
from gateway.model.handed.basis import Attachments, CaseOrTicket, ForOffence, ForPurpose, Reason, Ticket, WordsForThem
from gateway.model.names import MemberId


class Addressee(msgspec.Struct, frozen=True):
    """A counterpart that gets an alert; without offices all of its offices do."""

    member: Annotated[MemberId, Member()]
    offices: Annotated[tuple[Annotated[str, Id()], ...], Several(64)] = ()


class RaiseAlert(msgspec.Struct, frozen=True):
    """An alert as an officer hands it in. It is sent once another person has approved it, or `to_life` before that."""

    to: Annotated[tuple[Addressee, ...], Several(32, least=1, label="To whom it goes", help="Who gets it.")]
    fields: Annotated[dict[str, Any], Said(help="Fields of a record of the type `Alert`.")]
    purpose: ForPurpose
    offence: ForOffence
    case: CaseOrTicket = ""
    ticket: Ticket = ""
    urgency: Annotated[Urgency, Said(help="How soon it is to be acknowledged.")] = Urgency.FLASH
    until_us: Annotated[int, Moment(label="It holds for", help="Until when it stands; by default for 72 hours.")] = 0
    repeat_s: Annotated[
        int,
        Whole(
            1,
            MAX_REPEAT_S,
            label="Their alarm is repeated until somebody acknowledges it",
            help="Seconds between two alarms, until it is acknowledged.",
        ),
    ] = 120
    to_life: Annotated[
        bool,
        Said(label="Danger to life", help="A life is in danger: it is sent at once, and approved within an hour."),
    ] = False
    hidden_until_us: Annotated[
        int,
        Moment(
            label="Keep it at home until an operation is over",
            help="Keep it at home until an operation is over: for 48 hours at most.",
        ),
    ] = 0
    operation: Annotated[
        str, Id(35, help="Keep it at home until this operation of ours ends: for 48 hours at most.")
    ] = ""
    attachments: Attachments = ()


class RenewAlert(msgspec.Struct, frozen=True):
    """The time until which an alert is to stand."""

    until_us: Annotated[int, Moment(help="Until when it stands.")]
    reason: Reason = ""


class LiftAlert(msgspec.Struct, frozen=True):
    """Why an alert is lifted."""

    reason: Annotated[str, Code(LiftReason, help="Why, as a code: those who have it read it.")]
    text: WordsForThem = ""
