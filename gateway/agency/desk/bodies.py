"""The bodies of calls of the desk: typed and closed (an unknown member is refused)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, ConfigDict, Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed, OneOf, whole
from gateway.agency.bodies.handed import Handed
from gateway.desk.alerts.values import NotExecuted
from gateway.model.desk.attachments import MAX_FILES
from gateway.model.desk.notices import OutcomeCode, OutcomeReport
from gateway.model.handed.asks import Decide
from gateway.model.handed.work import GiveReason, PassOn
from gateway.model.values import text_value

MAX_REASON = 500
MAX_TEXT = 2_000


Person = Annotated[str, Field(min_length=1, max_length=64, json_schema_extra=patterns.IDENTIFIER)]
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON, json_schema_extra=patterns.TEXT)]
ReasonOrNone = Annotated[str, Field(max_length=MAX_REASON, json_schema_extra=patterns.TEXT_OR_NONE)]


FileIds = Annotated[
    list[Annotated[str, Field(max_length=32, json_schema_extra=patterns.EXCHANGE_ID)]],
    Field(max_length=MAX_FILES, description="ids of files that the caller has brought: `POST /v1/attachments`"),
]


class AssignBody(Closed):
    """The person who is to do the work, and the reason."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"person": "vn.d.8", "reason": "end of my shift"}]})

    person: Person
    reason: ReasonOrNone = ""


PASS_ON = Handed(PassOn, "PassOnBody", example={"agency": "customs", "reason": "their seizure"})
REASON = Handed(GiveReason, "ReasonBody")
DECIDE = Handed(
    Decide,
    "DecideBody",
    example={"answer": "PARTLY", "reason": "same person, same case", "fields": ["names", "birth"]},
    path=("work",),
)


class SignBody(Closed):
    """A decision of the second person, or one that a passkey signs: `assertion` is what the browser returned."""

    reason: Reason
    assertion: dict[str, Any] | None = None


class ReactionBody(Closed):
    """Word on a counterpart's alert; NOT_EXECUTED needs a reason in law."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"answer": "ACKNOWLEDGED"}]})

    answer: Literal["ACKNOWLEDGED", "ACTING", "CANNOT", "NOT_EXECUTED"] = "ACKNOWLEDGED"
    reason: Annotated[str, OneOf(NotExecuted)] = ""
    text: Annotated[str, Field(max_length=MAX_TEXT, json_schema_extra=patterns.TEXT_OR_NONE)] = ""


class OutcomeBody(Closed):
    """The outcome: with a seizure the substance and its weight or units, else how many persons."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"outcome": "SEIZED", "substance": "meth", "grams": 9}]})

    outcome: OutcomeCode
    substance: Annotated[str, Field(max_length=64, json_schema_extra=patterns.TEXT_OR_NONE)] = ""
    grams: Annotated[int, Field(ge=0, le=10**9, strict=True), BeforeValidator(whole)] = 0
    units: Annotated[int, Field(ge=0, le=10**9, strict=True), BeforeValidator(whole)] = 0
    persons: Annotated[int, Field(ge=0, le=10**6, strict=True), BeforeValidator(whole)] = 0
    text: Annotated[str, Field(max_length=MAX_TEXT, json_schema_extra=patterns.TEXT_OR_NONE)] = ""

    def as_model(self) -> OutcomeReport:
        """Return the outcome as a value of the model."""
        text = text_value(self.text, "text", MAX_TEXT) if self.text else ""
        substance = text_value(self.substance, "substance", 64) if self.substance else ""
        return OutcomeReport(self.outcome, substance, self.grams, self.units, self.persons, text)
