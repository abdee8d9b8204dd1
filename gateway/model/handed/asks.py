"""An ask as an officer hands it in, with or without a hit, and the decision of the human who answers it."""

from __future__ import annotations

from typing import Annotated, TypeVar

import msgspec
from msgspec.structs import replace

from gateway.model.desk.attachments import Attachment
from gateway.model.desk.codes import AnswerReason
from gateway.model.desk.notices import MAX_WORDS, ReplyCode, Urgency
from gateway.model.faces.fields import (
    Code,
    Exchange,
    Id,
    Member,
    Moment,
    Pairs,
    Reference,
    Said,
    Several,
    Text,
    Whole,
    Within,
    Written,
)
from gateway.model.handed.basis import (
    Agreement,
    Attachments,
    CaseNumber,
    ForOffence,
    ForPurpose,
    ProvedReason,
    Ticket,
    WordsForThem,
)
from gateway.model.handed.work import FromMember, HitNumber, SearchId
from gateway.model.marking import SubjectCategory
from gateway.model.names import ExchangeId
from gateway.model.purpose import Offence, Purpose

_Wanted = Annotated[
    tuple[Annotated[str, Written(64)], ...],
    Several(64, label="Fields wanted", help="The fields that are wanted; by default all that may be given."),
]
_Office = Annotated[str, Id(label="The office there", help="An office there, such as the one across the river.")]


class Reasons(msgspec.Struct, frozen=True, kw_only=True):
    """Reasons for the human who decides (Directive (EU) 2023/977, article 4, asks for the same)."""

    facts: Annotated[
        str,
        Text(
            MAX_WORDS,
            label="Facts",
            help="What has happened, in short. The officer on the other side reads it.",
            hint=True,
            long=True,
        ),
    ]
    urgency: Annotated[Urgency, Said(label="Urgency", help="How soon it is needed.")] = Urgency.PRIORITY
    why_you: Annotated[str, Text(MAX_WORDS, label="Why the other side should hold it", long=True)] = ""
    link: Annotated[str, Text(MAX_WORDS, label="How the person and the purpose belong together", long=True)] = ""
    urgency_reason: Annotated[str, Text(MAX_WORDS, label="Why it is so urgent", long=True)] = ""
    category: Annotated[SubjectCategory, Said(label="Who it is about")] = SubjectCategory.UNKNOWN
    held_until_us: Annotated[int, Moment(label="The person is held until", help="Until when a person is held.")] = 0
    attachments: Attachments = ()


class FollowUp(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up to a hit of a search of the caller. What is empty is as the search had it."""

    search_id: SearchId
    peer: FromMember
    hit: HitNumber = 0
    reasons: Annotated[Reasons, Within(help="Why the human there should give it.")]
    fields: _Wanted = ()
    purpose: Annotated[Purpose | None, Said(label="Purpose", help="By default that of the search.")] = None
    offence: Annotated[Offence | None, Said(help="By default that of the search.")] = None
    case: Annotated[str, Reference(help="By default that of the search.")] = ""
    agreement: Annotated[str, Id(help="By default that of the search.")] = ""
    to_office: _Office = ""


class FollowWatch(msgspec.Struct, frozen=True, kw_only=True):
    """A follow-up to hit number `hit` of a notice that told of one. Purpose, case and agreement are the watch's."""

    peer: FromMember
    watch: Annotated[ExchangeId, Exchange(help="The thread of the watch with that country.")]
    notice_id: Annotated[ExchangeId, Exchange(name="notice", help="The notice that told of it (`liaison watch show`).")]
    hit: Annotated[int, Whole(0, 1000, help="Which hit of it, from 0.")] = 0
    reasons: Annotated[Reasons, Within(help="Why the human there should give it.")]
    fields: _Wanted = ()
    to_office: _Office = ""


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question without a hit, with a coded topic; or a form with its values."""

    peer: Annotated[str, Member(name="to", label="Whom you ask", help="The country that is asked.")]
    reasons: Annotated[Reasons, Within(help="Why the human there should answer.")]
    topic: Annotated[str, Id(label="What is asked", help="What the question is about.")] = ""
    form: Annotated[str, Id(help="Or the form that is sent (policy/forms).")] = ""
    values: Annotated[tuple[tuple[str, str], ...], Pairs(128, MAX_WORDS, help="The values of the form.")] = ()
    purpose: ForPurpose
    offence: ForOffence
    case: CaseNumber = ""
    ticket: Ticket = ""
    agreement: Agreement = ""
    to_office: _Office = ""


_Command = TypeVar("_Command", FollowUp, FollowWatch, Question)


def with_files(command: _Command, files: tuple[Attachment, ...]) -> _Command:
    """Return a command whose ask names these files."""
    return replace(command, reasons=replace(command.reasons, attachments=files)) if files else command


class Decide(msgspec.Struct, frozen=True, kw_only=True):
    """A human's decision on an ask."""

    work: Annotated[str, Written(200, help="The work of deciding.")]
    answer: Annotated[ReplyCode, Said(label="Answer", help="What they are told.")]
    reason: ProvedReason
    fields: Annotated[
        tuple[Annotated[str, Written(64)], ...] | None,
        Several(64, help="What is released of what was wanted; by default all that policy allows a human."),
    ] = None
    code: Annotated[str, Code(AnswerReason, label="Why it is refused", help="Why, as a code, for them.")] = ""
    text: WordsForThem = ""
    challenge: Annotated[
        bool, Said(help="The caller can have a passkey sign: where the person has one, the answer is its challenge.")
    ] = False
    attachments: Attachments = ()
