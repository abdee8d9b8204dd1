"""The bodies of asks: a follow-up to a hit, a question without one, a form. Each becomes a draft that is approved."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, RootModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed, whole
from gateway.agency.desk.bodies import MAX_REASON, MAX_TEXT, FileIds, OutcomeBody, Reason
from gateway.clock import to_us
from gateway.desk.outcomes.telling import HitOutcome
from gateway.desk.second_step.commands import FollowUp, Question, Reasons
from gateway.desk.second_step.marking import Confirm, Mark, Verdict
from gateway.model.desk.notices import Urgency
from gateway.model.marking import SubjectCategory
from gateway.model.names import identifier, member_id, reference
from gateway.model.purpose import Offence, Purpose
from gateway.model.values import text_value

Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=patterns.TEXT)]
TextOrNone = Annotated[str, Field(max_length=MAX_TEXT, json_schema_extra=patterns.TEXT_OR_NONE)]
IdOrNone = Annotated[str, Field(max_length=64, json_schema_extra=patterns.IDENTIFIER_OR_NONE)]
ReferenceOrNone = Annotated[str, Field(max_length=64, json_schema_extra=patterns.REFERENCE_OR_NONE)]
Member = Annotated[str, Field(max_length=2, json_schema_extra=patterns.MEMBER)]

SearchName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]{1,64}$")]
HitNumber = Annotated[int, Field(ge=0, le=1000, strict=True), BeforeValidator(whole)]


class ReasonsBody(Closed):
    """Reasons for the human who decides (Directive (EU) 2023/977, article 4, asks for the same)."""

    facts: Text
    urgency: Urgency = Urgency.PRIORITY
    why_you: TextOrNone = ""
    link: TextOrNone = Field("", description="how the person and the purpose belong together")
    urgency_reason: TextOrNone = ""
    category: SubjectCategory = SubjectCategory.UNKNOWN
    held_until: AwareDatetime | None = Field(None, description="until when a person is held")
    attachments: FileIds = Field(default_factory=list)

    def reasons(self) -> Reasons:
        """Return the reasons as a value of the desk; raise `Malformed` for bad ones."""
        return Reasons(
            facts=text_value(self.facts, "facts", MAX_TEXT),
            urgency=self.urgency,
            why_you=_text(self.why_you, "why_you"),
            link=_text(self.link, "link"),
            urgency_reason=_text(self.urgency_reason, "urgency_reason"),
            category=self.category,
            held_until_us=time_us(self.held_until),
        )


class FollowUpBody(ReasonsBody):
    """A follow-up to a hit of a search of the caller. What is empty is as the search had it."""

    about: Literal["hit"]
    search: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    member: Member = Field(alias="from", description="whose hit it is")
    hit: Annotated[int, Field(ge=0, le=1000, strict=True), BeforeValidator(whole)] = 0
    fields: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=64)] = Field(
        [], description="those wanted; empty: all that may be given"
    )
    purpose: Purpose | None = None
    offence: Offence | None = None
    case: ReferenceOrNone = ""
    agreement: IdOrNone = ""
    to_office: IdOrNone = ""

    def as_command(self) -> FollowUp:
        """Return the follow-up as a value of the desk; raise `Malformed` for a bad one."""
        return FollowUp(
            search_id=self.search,
            peer=member_id(self.member),
            hit=self.hit,
            reasons=self.reasons(),
            fields=tuple(self.fields),
            purpose=self.purpose,
            offence=self.offence,
            case=reference(self.case, "case") if self.case else "",
            agreement=_id(self.agreement, "agreement"),
            to_office=_id(self.to_office, "to_office"),
        )


class QuestionBody(ReasonsBody):
    """A question without a hit, with a coded topic; or a form with its values."""

    about: Literal["question", "form"]
    to: Member
    topic: IdOrNone = ""
    form: IdOrNone = ""
    values: Annotated[dict[str, Annotated[str, Field(max_length=MAX_TEXT)]], Field(max_length=128)] = Field(
        default_factory=dict
    )
    purpose: Purpose
    offence: Offence
    case: ReferenceOrNone = ""
    ticket: ReferenceOrNone = ""
    agreement: IdOrNone = ""
    to_office: IdOrNone = ""

    def as_command(self) -> Question:
        """Return the question as a value of the desk; raise `Malformed` for a bad one."""
        return Question(
            peer=member_id(self.to),
            reasons=self.reasons(),
            purpose=self.purpose,
            offence=self.offence,
            topic=_id(self.topic, "topic"),
            form=_id(self.form, "form") if self.about == "form" else "",
            values=tuple(sorted(self.values.items())),
            case=reference(self.case, "case") if self.case else "",
            ticket=reference(self.ticket, "ticket") if self.ticket else "",
            agreement=_id(self.agreement, "agreement"),
            to_office=_id(self.to_office, "to_office"),
        )


_EXAMPLE: dict[str, Any] = {
    "about": "hit",
    "search": "5f0c8a1be2d94c7f8a6b3d2e1f0a9b8c",
    "from": "kh",
    "hit": 0,
    "facts": "the driver carried 12 kg in the spare wheel",
    "fields": ["names", "birth"],
    "urgency": "FLASH",
    "held_until": "2026-11-28T14:30:00+07:00",
}


class AskBody(RootModel[Annotated[FollowUpBody | QuestionBody, Field(discriminator="about")]]):
    """An ask to a counterpart's human."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})


class ConfirmBody(Closed):
    """A verdict on what an item of work is about; `reason` says what was compared."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"verdict": "SAME", "reason": "the national id"}]})

    verdict: Verdict
    reason: Reason

    def as_command(self, work_id: str) -> Confirm:
        """Return the verdict as a value of the desk."""
        return Confirm(work=work_id, verdict=self.verdict, reason=self.reason)


class MarkBody(Closed):
    """A mark on a hit of a search of the caller; `reason` says what was compared."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"search": "5f0c8a1b", "from": "kh", "verdict": "NOT_SAME", "reason": "the scar is missing"}]
        }
    )

    search: SearchName
    member: Member = Field(alias="from", description="whose hit it is")
    hit: HitNumber = 0
    verdict: Verdict
    reason: Reason

    def as_command(self) -> Mark:
        """Return the mark as a value of the desk; raise `Malformed` for a bad one."""
        return Mark(
            search_id=self.search,
            peer=member_id(self.member),
            hit=self.hit,
            verdict=self.verdict,
            reason=text_value(self.reason, "reason", MAX_REASON),
        )


class HitOutcomeBody(OutcomeBody):
    """The outcome of a hit of a search of the caller."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"search": "5f0c8a1b", "from": "kh", "outcome": "LOCATED", "persons": 1}]}
    )

    search: SearchName
    member: Member = Field(alias="from", description="whose hit it is")
    hit: HitNumber = 0

    def as_command(self) -> HitOutcome:
        """Return the outcome as a value of the desk; raise `Malformed` for a bad one."""
        return HitOutcome(search_id=self.search, peer=member_id(self.member), hit=self.hit, outcome=self.as_model())


class MarkedBody(BaseModel):
    """A mark that is written. `thread` is where the owner is told of another person; empty otherwise."""

    verdict: Verdict
    thread: str


class DraftedBody(BaseModel):
    """A draft that waits for its approval: the thread, and the work of the one who approves, until `due`."""

    thread: str
    peer: str
    work: str
    due: str
    approver: str


def time_us(at: datetime | None) -> int:
    """Return a time in microseconds; 0 for none."""
    return to_us(at) if at is not None else 0


def _text(text: str, field: str) -> str:
    return text_value(text, field, MAX_TEXT) if text else ""


def _id(text: str, field: str) -> str:
    return identifier(text, field) if text else ""
