"""Onward use of a record from abroad, and the consent that its owner is asked for (domain, sections 3 and 5.2)."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

import msgspec

from gateway.model.exchange import Refusal
from gateway.model.faces.fields import Id, Member
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Purpose
from gateway.model.requester import Requester


class Use(StrEnum):
    """The use of a record: given to others, put before a court, or acted upon."""

    PASS_ON = "pass-on"  # noqa: S105 - no secret
    EVIDENCE = "evidence"
    ACTION = "action"


class Place(msgspec.Struct, frozen=True):
    """The place of a record, now or in future. An agency or office that is not known is empty, and equals no other."""

    member: Annotated[MemberId, Member(help="The country.", examples=("th",))]
    agency: Annotated[str, Id(examples=("customs",))] = ""
    office: Annotated[str, Id(examples=("th.blo.chiang-khong",))] = ""


class OnwardUse(msgspec.Struct, frozen=True):
    """A wanted use: the recipient, the purpose, and the use itself."""

    to: Place
    purpose: Purpose
    use: Use

    def as_json(self) -> dict[str, Any]:
        """Return the use in the form of entries and commands."""
        to = {"to": self.to.member, "to_agency": self.to.agency, "to_office": self.to.office}
        return to | {"purpose": self.purpose.value, "use": self.use.value}


class ConsentRequest(msgspec.Struct, frozen=True):
    """A request for consent as its payload holds it; times are microseconds since 1970.

    It is about one record of one answer: `answer_hash` is SHA-256 of the answer's payload, `reference` that of the hit,
    `record` the record's `jti`; `log_number` and `entry_index` are the place of the owner's entry of that answer.
    `justification` is the officer's text for the owner to read.
    """

    id: str
    sender: MemberId
    recipient: MemberId
    issued_us: int
    expires_us: int
    exchange_id: ExchangeId
    answer_hash: bytes
    reference: str
    record: str
    asked: OnwardUse
    requester: Requester
    case: str
    justification: str
    log_number: int
    entry_index: int


class ConsentState(StrEnum):
    """The state of a request for consent, as the owner's node tells it."""

    TAKEN = "taken"
    GRANTED = "granted"
    REFUSED = "refused"
    NOT_TAKEN = "not-taken"


class ConsentAnswer(msgspec.Struct, frozen=True):
    """The owner's answer to a request for consent.

    `taken`: a human will decide. `granted`: for exactly what was asked, until `until_us`. `refused`: a human said no.
    `not-taken`: the request was not accepted; `refusal` gives a coarse reason.
    """

    id: str
    sender: MemberId
    recipient: MemberId
    request_hash: bytes
    issued_us: int
    state: ConsentState
    until_us: int = 0
    refusal: Refusal | None = None


class OnwardAnswer(msgspec.Struct, frozen=True):
    """The result: allowed at once or under a consent (`consent` is its id), or the owner was asked.

    `state` of a request for consent: `waiting` until the owner's node has taken it, then the owner's answer. `problem`
    is the reason why it still waits. `until_us` is the end of what was allowed.
    """

    allowed: bool
    text: str
    until_us: int
    consent: str = ""
    state: str = ""
    problem: str = ""
