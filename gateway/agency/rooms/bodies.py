"""The bodies of calls about operations, and how an operation is shown."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from gateway.agency.bodies import patterns
from gateway.agency.bodies.answers import answer, many
from gateway.agency.bodies.handed import Handed
from gateway.desk.rooms.page import Evidence, Result, RoomLine, RoomPage
from gateway.desk.rooms.pairs import Part
from gateway.model.handed.operations import Invite, OpenRoom, RoomWords, SealRoom, WriteEntry

ROOM_ID = r"^[a-z]{2}\.[0-9a-f]{32}$"


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
ENTRY = Handed(
    WriteEntry,
    "RoomNoteBody",
    example={"language": "en", "text": "a lorry was seen", "values": {"what": "sighting"}},
)


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


OPERATION = answer(
    "OperationBody",
    """An operation in a list. `stand` is `invited`, `waiting` (for its approval), `on`, `sealed`, `called-off`, `left`,
`declined`, `lapsed` or `over` (its time ran out, and it has sealed itself).""",
    RoomLine,
    stand=str,
)
OPERATION_LIST = answer(
    "OperationListBody",
    "Operations that the caller may read, the newest first; `next` is the `after` of the next page, or empty.",
    operations=many(OPERATION),
    next=str,
)
_PART = answer(
    "OperationPartBody",
    """The part of a member. `missing` says why entries of it may not be here, since `since`: `suspended`, `removed`,
`no-agreement`, `takes-no-rooms`, `refused`, `out-of-reach` or `no-word`; empty where none is known to be missing.

`lacks` counts entries that the owner had of it when it sealed the operation, and that are not here.""",
    Part,
)
_RESULT = answer("OperationResultBody", "The results of an operation at one member, summed up.", Result)
_EVIDENCE = answer(
    "OperationEvidenceBody",
    "A notice of the operation for the formal way: its exchange, the hash of its payload, its entry in our log.",
    Evidence,
)
CONTENT = answer(
    "OperationContentBody",
    """An operation with its entries and results; `acts` are what the caller may do now.

`invites` are members that are to be invited, as `invites_by` asks; another person must approve it. `opened_by` and
`approved_by` are persons of ours, empty where another member owns it.""",
    RoomPage,
    base=OPERATION,
    leave=("line", "own", "said", "evidence"),
    role=str,
    parts=many(_PART),
    entries=many(OperationEntryBody),
    results=many(_RESULT),
)
PACK = answer(
    "OperationPackBody",
    "An operation with its list of evidence, and as one page (HTML) to be printed, in the caller's language.",
    base=CONTENT,
    evidence=many(_EVIDENCE),
    page=str,
)
