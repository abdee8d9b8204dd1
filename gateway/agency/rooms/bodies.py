"""The bodies of calls about operations, and how an operation is shown."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from gateway.agency.bodies import patterns
from gateway.agency.bodies.closed import Closed
from gateway.agency.bodies.handed import Handed
from gateway.agency.desk.bodies import MAX_TEXT
from gateway.language.languages import Language
from gateway.model.desk.notices import Note
from gateway.model.handed.operations import Invite, OpenRoom, RoomWords, SealRoom
from gateway.model.values import text_value

ROOM_ID = r"^[a-z]{2}\.[0-9a-f]{32}$"
_Value = Annotated[str, Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=patterns.TEXT)]


_EXAMPLE: dict[str, Any] = {
    "to": [{"member": "la"}, {"member": "vn", "role": "OBSERVER"}],
    "title": "Mekong night",
    "template": "joint-operation",
    "end": "2026-12-20T00:00:00Z",
    "purpose": "INVESTIGATION",
    "offence": "NARC",
    "case": "TH-2026-17",
}
OPEN = Handed(OpenRoom, "OpenBody", example=_EXAMPLE, more={"anyOf": patterns.CASE_OR_TICKET})
INVITE = Handed(Invite, "InviteBody", example={"to": [{"member": "la"}]})
SEAL = Handed(SealRoom, "SealBody")
WORDS = Handed(RoomWords, "WordsBody")


class RoomNoteBody(Closed):
    """An entry for all members, with values of the operation's template."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"language": "en", "text": "a lorry was seen", "values": {"what": "sighting"}}]}
    )

    language: Language = Language.EN
    text: Annotated[str, Field(min_length=1, max_length=MAX_TEXT, json_schema_extra=patterns.TEXT)]
    values: Annotated[dict[Annotated[str, Field(max_length=64)], _Value], Field(max_length=64)] = Field(
        default_factory=dict
    )

    def as_model(self) -> Note:
        """Return the entry as a value of the model; raise `Malformed` for a bad one."""
        values = tuple((name, text_value(value, "values", MAX_TEXT)) for name, value in self.values.items())
        return Note(self.language.value, text_value(self.text, "text", MAX_TEXT), values)


class OperationBody(BaseModel):
    """An operation in a list. `stand` is `invited`, `waiting` (for its approval), `on`, `sealed`, `called-off`, `left`,
    `declined`, `lapsed` or `over` (its time ran out, and it has sealed itself)."""

    id: str
    owner: str
    title: str
    stand: str
    members: list[str]
    start: str
    end: str
    urgency: str


class OperationListBody(BaseModel):
    """Operations that the caller may read, the newest first; `next` is the `after` of the next page, or empty."""

    operations: list[OperationBody]
    next: str


class OperationPartBody(BaseModel):
    """The part of a member. `missing` says why entries of it may not be here, since `since`: `suspended`, `removed`,
    `no-agreement`, `takes-no-rooms`, `refused`, `out-of-reach` or `no-word`; empty where none is known to be missing.

    `lacks` counts entries that the owner had of it when it sealed the operation, and that are not here.
    """

    member: str
    role: str
    offices: list[str]
    standing: str
    entries: int
    missing: str
    since: str
    lacks: int


class OperationEntryBody(BaseModel):
    """An entry: a note or an outcome. `kind` is `erased` where its content is not kept any more."""

    member: str
    office: str
    author: str
    at: str
    kind: str
    language: str
    text: str
    values: dict[str, str]
    outcome: str
    substance: str
    grams: int
    units: int
    persons: int
    late: bool


class OperationResultBody(BaseModel):
    """The results of an operation at one member, summed up."""

    member: str
    outcome: str
    substance: str
    times: int
    grams: int
    units: int
    persons: int


class OperationContentBody(OperationBody):
    """An operation with its entries and results; `acts` are what the caller may do now.

    `invites` are members that are to be invited, as `invites_by` asks; another person must approve it. `opened_by` and
    `approved_by` are persons of ours, empty where another member owns it.
    """

    template: str
    purpose: str
    offence: str
    case: str
    role: str
    parts: list[OperationPartBody]
    entries: list[OperationEntryBody]
    results: list[OperationResultBody]
    acts: list[str]
    text: str
    owner_missing: str
    opened_by: str
    approved_by: str
    invites: list[str]
    invites_by: str


class OperationEvidenceBody(BaseModel):
    """A notice of the operation for the formal way: its exchange, the hash of its payload, its entry in our log."""

    member: str
    ours: bool
    says: str
    at: str
    exchange: str
    thread: str
    payload_hash: str
    log: str
    entry: int


class OperationPackBody(OperationContentBody):
    """An operation with its list of evidence, and as one page (HTML) to be printed, in the caller's language."""

    evidence: list[OperationEvidenceBody]
    page: str
