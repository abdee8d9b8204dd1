"""The envelope that every record carries (domain, section 2.1): the owner, the times, the certainty, and the end.

It stands beside the fields, not among them. A part of it travels today as claims that are always disclosed; `x-carried`
says which (`claim`), which stays at the owner and decides there (`home`), and which no record carries yet (`later`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints
from pydantic.fields import FieldInfo

from gateway.model.marking import Caveat, Level, Onward, SubjectCategory, UseCode
from gateway.model.purpose import Offence, Purpose
from gateway.records.base import MAX_ITEMS, RecordModel
from gateway.records.words import Certainty, LinkType, RecordStatus

Member = Annotated[str, StringConstraints(pattern="^[a-z]{2}$")]
Instant = Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})$")]
Hash = Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
Evaluation = Annotated[str, StringConstraints(pattern="^[ABCX][1-4]$")]
Audience = Annotated[list[str], Field(max_length=MAX_ITEMS)]


def carried(where: Literal["claim", "home", "later"], doc: str) -> Any:
    """Return a part of the envelope, with the place where it is carried today, and its meaning."""
    return FieldInfo(default=None, description=doc, json_schema_extra={"x-carried": where})


class EnvelopeMarking(RecordModel):
    """The marking as the owner says it; what leaves is the release marking that policy makes of it."""

    level: Level | None = carried("claim", "nothing above RESTRICTED is accepted")
    use: Annotated[list[UseCode], Field(max_length=MAX_ITEMS)] | None = carried("claim", "what the recipient may do")
    caveats: Annotated[list[Caveat], Field(max_length=MAX_ITEMS)] | None = carried(
        "claim", "why it needs more care; SRC and OPHIDE stay at home"
    )
    releasable_to: Audience | None = carried("home", "members, or agencies of members; empty means nobody")
    withhold_from: Audience | None = carried("home", "members that must not learn of the record")
    onward: Onward | None = carried("claim", "how far the recipient may pass it on")
    evaluation: Evaluation | None = carried("claim", "source (A, B, C, X) and information (1 to 4)")
    purposes: Annotated[list[Purpose], Field(max_length=MAX_ITEMS)] | None = carried(
        "claim", "what it may be used for; absent where policy and agreement alone say"
    )
    offences: Annotated[list[Offence], Field(max_length=MAX_ITEMS)] | None = carried(
        "home", "offences that it may be used for; the owner decides by them"
    )
    keep_hours: Annotated[int, Field(ge=1, le=2**31)] | None = carried("claim", "part of `not_after`")
    delete_after_use: bool | None = carried("claim", "whether it goes as soon as it was used")


class Link(RecordModel):
    """That two records belong together, as somebody asserts."""

    type: LinkType | None = carried("later", "how; SAME_AS is only ever said by a human")
    target: str | None = carried("later", "record id of the other one")
    confidence: Annotated[str, StringConstraints(pattern="^[1-4]$")] | None = carried("later", "1 sure to 4 unknown")
    asserted_by: str | None = carried("later", "agency or person id that says so")


class RecordEnvelope(RecordModel):
    """What stands around the fields of every record."""

    record_id: str | None = carried("later", "URN with the node's name and a UUIDv7; `jti` names one issue only")
    version: Annotated[int, Field(ge=1, le=2**31)] | None = carried("later", "a correction is a new version")
    prev_hash: Hash | None = carried("later", "SHA-256 of the version before")
    record_type: str | None = carried("claim", "`vct`, with the version of its schema")
    origin_country: Member | None = carried("claim", "`iss`, first part")
    owner_agency: str | None = carried("claim", "`iss` and `owner`; the only writer")
    owner_unit: str | None = carried("later", "unit or border liaison office of the owner")
    collected_by: str | None = carried("later", "agency that collected it")
    source_system: str | None = carried("home", "adapter that found it")
    source_record_ref: str | None = carried("home", "the source's own key; it never leaves")
    legal_basis_ref: str | None = carried("claim", "agreement that the request cites; it stands in both statements")
    created_at: Instant | None = carried("claim", "`iat`: when it was issued for this answer")
    observed_at: Instant | None = carried("later", "when it was observed")
    valid_until: Instant | None = carried("claim", "`exp` and the marking's `not_after`: by then it is deleted")
    review_at: Instant | None = carried("later", "when the owner looks at it again")
    status: RecordStatus | None = carried("later", "where it stands; what is withdrawn or expired is not found at all")
    marking: EnvelopeMarking | None = carried("claim", "handling rules that travel with it")
    subject_category: SubjectCategory | None = carried("home", "who the subject is to the owner; policy decides by it")
    certainty: Certainty | None = carried("later", "whether the owner knows it or thinks it")
    links: Annotated[list[Link], Field(max_length=MAX_ITEMS)] | None = carried("later", "records that belong together")

    def check(self) -> None:
        """Refuse a record without an owner or an end (domain, section 2.1: `valid_until` is mandatory)."""
        for name in ("record_type", "origin_country", "owner_agency", "valid_until"):
            if getattr(self, name) is None:
                raise self.refuse("an envelope needs it", name)
