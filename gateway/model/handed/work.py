"""Describe what people hand in about work and threads of the desk: who does it, why, verdicts, outcomes, words."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from gateway.language.languages import Language
from gateway.model.desk.codes import FindingResult, NotExecuted, ReviewResult
from gateway.model.desk.notices import MAX_WORDS, REACTIONS, OutcomeReport, StatusCode
from gateway.model.faces.fields import (
    Among,
    Code,
    Id,
    Matching,
    Member,
    Said,
    Text,
    Whole,
    Within,
    Written,
)
from gateway.model.handed.basis import MAX_REASON, Attachments, ProvedReason, Reason, WordsForThem

SearchId = Annotated[
    str,
    Matching(
        r"^[A-Za-z0-9._-]{1,64}$", least=1, most=64, name="search", help="The search's id, as `liaison ask` shows it."
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
_Compared = Annotated[
    str, Text(MAX_REASON, label="What you compared", help="What you compared; it is logged.", long=True)
]


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

    agency: Annotated[str, Id(label="Agency", help="The agency of ours that is to do it.")]
    reason: Reason


class Assign(msgspec.Struct, frozen=True):
    """The person who is to do the work, and the reason."""

    person: Annotated[str, Id(label="Person on duty", help="The person who is to do it.")]
    reason: Reason = ""


class Sign(msgspec.Struct, frozen=True):
    """A decision of the second person, or one that a passkey signs: `assertion` is what the browser returned."""

    reason: ProvedReason
    assertion: Annotated[dict[str, Any] | None, Said(help="What the browser returned for the challenge.")] = None


class React(msgspec.Struct, frozen=True):
    """Word on a counterpart's alert; NOT_EXECUTED needs a reason in law."""

    answer: Annotated[StatusCode, Among(REACTIONS, label="What you do", help="What becomes of it here.")] = (
        StatusCode.ACKNOWLEDGED
    )
    reason: Annotated[
        str,
        Code(NotExecuted, label="The reason in law, if it is not executed", help="Of NOT_EXECUTED: why in law."),
    ] = ""
    text: WordsForThem = ""


class HitOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of a hit of a search of the caller."""

    search_id: SearchId
    peer: FromMember
    hit: HitNumber = 0
    outcome: Annotated[OutcomeReport, Within(help="What came of it.")]


class Review(msgspec.Struct, frozen=True):
    """A supervisor's verdict. `not-in-order` needs words, and puts it to the security officer."""

    result: Annotated[ReviewResult, Said(label="What you found")]
    text: Annotated[
        str, Text(MAX_REASON, label="In your words", help="In words; needed where it is not in order.", long=True)
    ] = ""


class Settle(msgspec.Struct, frozen=True):
    """A security officer's verdict on a finding or on an incident of ours; `misuse` needs words."""

    result: Annotated[FindingResult, Said(label="What you found")]
    text: Annotated[str, Text(MAX_REASON, label="In your words", help="In words; needed for misuse.", long=True)] = ""


class WriteNote(msgspec.Struct, frozen=True, kw_only=True):
    """Words for the humans of the other side, in `language`: they answer nothing that was asked."""

    language: Annotated[Language, Said(help="The language of the words.")] = Language.EN
    text: Annotated[str, Text(MAX_WORDS, label="A note to the other side", help="The words.", long=True)]
    attachments: Attachments = ()


class GiveReason(msgspec.Struct, frozen=True):
    """The reason of an act; it is logged."""

    reason: Reason


class Approve(msgspec.Struct, frozen=True):
    """The word of the second person on what waits for them. The reason is needed to decline it."""

    reason: Annotated[
        str, Text(MAX_REASON, label="Reason; needed to decline", help="Why; it is logged.", long=True)
    ] = ""
