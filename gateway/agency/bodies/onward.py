"""`POST /v1/searches/{id}/onward`: the bodies of requests and responses for the onward use of a record from abroad."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed, whole
from gateway.agency.bodies.requests import read_body
from gateway.clock import rfc3339
from gateway.errors import Malformed
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.consent import OnwardAnswer, OnwardCommand, OnwardUse, Place, Use
from gateway.model.names import exchange_id, identifier, member_id
from gateway.model.purpose import Purpose
from gateway.model.values import text_value

MAX_REASON = 500
"""Characters of an officer's reason; it goes to the owner with a request for consent."""


class PlaceBody(Closed):
    """The place that is to have it. An unknown agency or office stays empty, and counts as another one than yours."""

    member: Annotated[str, Field(max_length=2)] = Field(
        description="country", examples=["th"], json_schema_extra=patterns.MEMBER
    )
    agency: Annotated[str, Field(max_length=64)] = Field(
        "", examples=["customs"], json_schema_extra=patterns.IDENTIFIER_OR_NONE
    )
    office: Annotated[str, Field(max_length=64)] = Field(
        "", examples=["th.blo.chiang-khong"], json_schema_extra=patterns.IDENTIFIER_OR_NONE
    )

    def as_model(self) -> Place:
        """Return the place as a value of the model; raise `Malformed` for a bad one."""
        return Place(
            member_id(self.member),
            identifier(self.agency, "to.agency") if self.agency else "",
            identifier(self.office, "to.office") if self.office else "",
        )


_EXAMPLE: dict[str, Any] = {
    "exchange_id": "5f0c8a1be2d94c7f8a6b3d2e1f0a9b8c",
    "hit": 0,
    "to": {"member": "th", "agency": "customs"},
    "purpose": "INVESTIGATION",
    "use": "pass-on",
    "reason": "the container is in their yard",
}


class OnwardBody(Closed):
    """A use of one record of the search. Passing on names who is to have it."""

    model_config = ConfigDict(json_schema_extra={"anyOf": patterns.RECEIVER_OR_OTHER_USE, "examples": [_EXAMPLE]})

    exchange_id: Annotated[str, Field(max_length=32)] = Field(
        description="of the counterpart's line", json_schema_extra=patterns.EXCHANGE_ID
    )
    hit: Annotated[int, Field(ge=0, le=1000, strict=True), BeforeValidator(whole)] = Field(
        description="place among the line's hits, from 0"
    )
    to: PlaceBody | None = Field(None, description="who is to have it; empty: it stays in the officer's own office")
    purpose: Purpose
    use: Use
    reason: Annotated[str, Field(min_length=1, max_length=MAX_REASON)] = Field(
        description="why; it is logged, and goes to the owner with a request for consent",
        json_schema_extra=patterns.TEXT,
    )

    def as_command(self, search_id: str, own: Place) -> OnwardCommand:
        """Return the use as a value of the model; raise `Malformed` for a bad one. `own` is the officer's own place."""
        if self.to is None and self.use is Use.PASS_ON:
            raise Malformed("nobody is named", code="bad-onward", where="to", remedy="say who is to have it")
        reason = text_value(self.reason, "reason", MAX_REASON)
        wanted = OnwardUse(self.to.as_model() if self.to else own, self.purpose, self.use)
        return OnwardCommand(search_id, exchange_id(self.exchange_id), self.hit, wanted, reason)


class ConsentBody(BaseModel):
    """A request for the owner's consent. `waiting`: the owner's node has not taken it yet, and `problem` says why."""

    id: str
    state: str
    problem: str


class OnwardResponse(BaseModel):
    """The result: `allowed` (200) until that time, or `consent` (202): the owner must answer before that time.

    Ask again to learn whether it has.
    """

    decision: Literal["allowed", "consent"]
    text: str
    until: str
    consent: ConsentBody | None = None


def read_onward(value: Any) -> OnwardBody:
    """Return `value` (parsed JSON) as a use; raise `Malformed` that names the first wrong member, not its content."""
    return read_body(OnwardBody, value, "bad-onward")


def onward_response(answer: OnwardAnswer, language: Language = Language.EN) -> OnwardResponse:
    """Return an answer as JSON shows it."""
    consent = ConsentBody(id=answer.consent, state=answer.state, problem=answer.problem) if answer.consent else None
    return OnwardResponse(
        decision="allowed" if answer.allowed else "consent",
        text=_text(answer, language),
        until=rfc3339(answer.until_us),
        consent=consent,
    )


def _text(answer: OnwardAnswer, language: Language) -> str:
    """Return the reason in the officer's language; English names the parts of the marking that need consent."""
    if language is Language.EN:
        return answer.text
    if not answer.allowed:
        return tell(language, "the owner must consent")
    return tell(language, "the owner has consented") if answer.consent else tell(language, "its marking allows it")
