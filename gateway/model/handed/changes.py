"""A change by the owner of what was given, as a data officer hands it in, and the answer of one who holds a copy."""

from __future__ import annotations

from typing import Annotated

import msgspec

from gateway.model.desk.codes import ChangeReason, Objection
from gateway.model.desk.notices import MAX_WORDS, ChangeCode
from gateway.model.faces.fields import Code, Id, Member, Said, Several, Text, Written
from gateway.model.handed.basis import WordsForThem

MAX_RECORD = 256

_Record = Annotated[
    str,
    Text(
        MAX_RECORD,
        label="Record: source and key",
        help="The record: its source's id and the row's key, `police/4711`.",
    ),
]


class ChangeCommand(msgspec.Struct, frozen=True, kw_only=True):
    """A change of what was given: of a record, of copies by their ids, or of what one exchange gave."""

    code: Annotated[ChangeCode, Said(name="change", help="What is done.")]
    record: _Record = ""
    records: Annotated[
        tuple[Annotated[str, Written(64)], ...], Several(256, help="Copies by their ids, as the ledger shows them.")
    ] = ()
    source: Annotated[str, Written(32, help="The exchange that gave it: all that it gave.")] = ""
    holder: Annotated[str, Member(help="Only what this country holds; CUT needs it.")] = ""
    office: Annotated[str, Id(help="Of CUT: the office that is cut off.")] = ""
    reason: Annotated[str, Code(ChangeReason, help="Why, as a code for the holders.")] = ""
    text: Annotated[
        str, Text(MAX_WORDS, label="Words for the holders, if needed", help="Words for the holders.", long=True)
    ] = ""


class FreeRecord(msgspec.Struct, frozen=True):
    """A record of ours that is to be held back no longer, although its row is as it was withdrawn."""

    record: _Record


class Comply(msgspec.Struct, frozen=True):
    """Erase what a change is about, now; or object."""

    objection: Annotated[str, Code(Objection, label="The reason, if you object", help="Object instead, as a code.")] = (
        ""
    )
    text: WordsForThem = ""
