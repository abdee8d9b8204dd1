"""Tell operations as plain values: what the REST API returns, and what lines and pages are made of."""

from __future__ import annotations

from typing import Any

from gateway.clock import rfc3339
from gateway.desk.rooms.page import RoomLine, RoomPage, Said
from gateway.model.desk.notices import Note, OutcomeReport
from gateway.model.faces.told import told


def line_told(line: RoomLine) -> dict[str, Any]:
    """Return an operation as a list shows it."""
    return told(line) | {"stand": line.stand.value if line.stand is not None else "invited"}


def room_told(page: RoomPage) -> dict[str, Any]:
    """Return an operation as JSON shows it, without its evidence."""
    return line_told(page.line) | {
        "template": page.template,
        "purpose": page.purpose,
        "offence": page.offence,
        "case": page.case,
        "role": page.own.role.value,
        "parts": [told(part) for part in page.parts],
        "entries": [_entry(said) for said in page.said],
        "results": [told(result) for result in page.results],
        "acts": sorted(page.acts),
        "text": page.text,
        "owner_missing": page.owner_missing,
        "opened_by": page.opened_by,
        "approved_by": page.approved_by,
        "invites": list(page.invites),
        "invites_by": page.invites_by,
    }


def pack_told(page: RoomPage) -> dict[str, Any]:
    """Return an operation with its evidence."""
    return room_told(page) | {"evidence": [told(each) for each in page.evidence]}


def _entry(said: Said) -> dict[str, Any]:
    note = said.body if isinstance(said.body, Note) else None
    outcome = said.body if isinstance(said.body, OutcomeReport) else None
    return {
        "member": said.member,
        "office": said.office,
        "author": said.author,
        "at": rfc3339(said.at_us),
        "kind": "note" if note is not None else "outcome" if outcome is not None else "erased",
        "language": note.lang if note is not None else "",
        "text": said.body.text if said.body is not None else "",
        "values": dict(note.values) if note is not None else {},
        "outcome": outcome.code.value if outcome is not None else "",
        "substance": outcome.substance if outcome is not None else "",
        "grams": outcome.grams if outcome is not None else 0,
        "units": outcome.units if outcome is not None else 0,
        "persons": outcome.persons if outcome is not None else 0,
        "late": said.late,
    }
