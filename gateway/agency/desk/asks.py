"""The bodies of asks: a follow-up to a hit, a question without one, a form. Each becomes a draft that is approved."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, RootModel, create_model

from gateway.agency.bodies.handed import Handed
from gateway.clock import to_us
from gateway.model.handed.asks import FollowUp, Question, Reasons
from gateway.model.handed.work import Confirm, Mark, Verdict

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
