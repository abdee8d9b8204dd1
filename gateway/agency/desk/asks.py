"""The bodies of asks: a follow-up to a hit, a question without one, a form. Each becomes a draft that is approved."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, create_model

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import whole
from gateway.agency.bodies.handed import Handed
from gateway.agency.desk.bodies import OutcomeBody
from gateway.clock import to_us
from gateway.desk.outcomes.telling import HitOutcome
from gateway.model.handed.asks import FollowUp, Question, Reasons
from gateway.model.handed.work import Confirm, Mark, Verdict
from gateway.model.names import member_id

Member = Annotated[str, Field(max_length=2, json_schema_extra=patterns.MEMBER)]

SearchName = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9._-]{1,64}$")]
HitNumber = Annotated[int, Field(ge=0, le=1000, strict=True), BeforeValidator(whole)]


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


REASONS = Handed(Reasons, "ReasonsBody")
FOLLOW_UP = Handed(FollowUp, "FollowUpBody", beside={"about": Literal["hit"]})
QUESTION = Handed(Question, "QuestionBody", beside={"about": Literal["question", "form"]})
_either: Any = FOLLOW_UP.model | QUESTION.model
AskBody = create_model(
    "AskBody",
    __base__=RootModel[Any],
    __doc__="An ask to a counterpart's human.",
    __module__=__name__,
    __cls_kwargs__={"json_schema_extra": {"examples": [_EXAMPLE]}},
    root=(_either, Field(discriminator="about")),
)


CONFIRM = Handed(Confirm, "ConfirmBody", example={"verdict": "SAME", "reason": "the national id"}, path=("work",))
MARK = Handed(
    Mark,
    "MarkBody",
    example={"search": "5f0c8a1b", "from": "kh", "verdict": "NOT_SAME", "reason": "the scar is missing"},
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
