"""`POST /v1/searches/{id}/onward`: the bodies of requests and responses for the onward use of a record from abroad."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.handed import Handed
from gateway.clock import rfc3339
from gateway.language.catalogue import tell
from gateway.language.languages import Language
from gateway.model.desk.consent import OnwardAnswer
from gateway.model.handed.onward import UseOnward

_EXAMPLE: dict[str, Any] = {
    "exchange_id": "5f0c8a1be2d94c7f8a6b3d2e1f0a9b8c",
    "hit": 0,
    "to": {"member": "th", "agency": "customs"},
    "purpose": "INVESTIGATION",
    "use": "pass-on",
    "reason": "the container is in their yard",
}


ONWARD = Handed(
    UseOnward, "OnwardBody", example=_EXAMPLE, more={"anyOf": patterns.RECEIVER_OR_OTHER_USE}, path=("search",)
)


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
