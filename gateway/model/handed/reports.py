"""A report on methods and routes as an officer hands it in, its withdrawal, and an objection to a counterpart's."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from gateway.model.desk.codes import ReportReason
from gateway.model.desk.notices import MAX_WORDS
from gateway.model.faces.fields import Code, Matching, Member, Moment, Reference, Said, Several, Text
from gateway.model.handed.basis import MAX_REASON, Attachments, ForOffence, ForPurpose
from gateway.model.marking import Level
from gateway.model.names import MemberId


class WriteReport(msgspec.Struct, frozen=True):
    """A report as an officer hands it in."""

    fields: Annotated[dict[str, Any], Said(help="Fields of a record of the type `ModusOperandiReport`.")]
    lang: Annotated[
        str,
        Matching(
            r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,4}$",
            label="Language of the texts",
            help="The language of the texts (BCP 47).",
        ),
    ]
    purpose: ForPurpose
    offence: ForOffence
    level: Annotated[Level, Said(label="Who may read it", help="Who may read it: OPEN is for anybody.")] = (
        Level.OFFICIAL
    )
    case: Annotated[
        str,
        Reference(
            label="Case number", help="Names in the report are looked up in our own sources under it.", hint=True
        ),
    ] = ""
    to: Annotated[
        tuple[Annotated[MemberId, Member()], ...],
        Several(32, help="Only these members; by default all that may have it."),
    ] = ()
    until_us: Annotated[int, Moment(help="Until when it is kept; by default for two years.")] = 0
    attachments: Attachments = ()


class WithdrawReport(msgspec.Struct, frozen=True):
    """The reason of a report's withdrawal."""

    reason: Annotated[str, Code(ReportReason, help="Why, as a code: those who have it read it.")]
    text: Annotated[str, Text(MAX_WORDS, label="In words, for those who have it", long=True)] = ""


class ObjectToReport(msgspec.Struct, frozen=True):
    """An objection to a counterpart's report."""

    text: Annotated[
        str,
        Text(
            MAX_REASON,
            label="What should not be there",
            help="What should not be there, in words that repeat nothing of the report.",
            long=True,
        ),
    ] = ""
