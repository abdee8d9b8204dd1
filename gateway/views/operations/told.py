"""Tell operations as plain values: what the REST API returns, and what lines and pages are made of."""

from __future__ import annotations

from typing import Any

from gateway.clock import rfc3339
from gateway.desk.rooms.page import Evidence, Result, RoomLine, RoomPage, Said
from gateway.desk.rooms.pairs import Part
from gateway.model.desk.notices import Note, OutcomeReport


def line_told(line: RoomLine) -> dict[str, Any]:
    """Return an operation as a list shows it."""
    return {
        "id": line.id,
        "owner": line.owner,
        "title": line.title,
        "stand": line.stand.value if line.stand is not None else "invited",
        "members": list(line.members),
        "start": rfc3339(line.start_us),
        "end": rfc3339(line.end_us),
        "urgency": line.urgency,
    }


def room_told(page: RoomPage) -> dict[str, Any]:
    """Return an operation as JSON shows it, without its evidence."""
    return line_told(page.line) | {
        "template": page.template,
        "purpose": page.purpose,
        "offence": page.offence,
        "case": page.case,
        "role": page.own.role.value,
        "parts": [_part(part) for part in page.parts],
        "entries": [_entry(said) for said in page.said],
        "results": [_result(result) for result in page.results],
        "acts": sorted(page.acts),
        "text": page.text,
        "owner_missing": page.owner_missing,
        "opened_by": page.opened_by,
        "approved_by": page.approved_by,
        "invites": list(page.invites),
        "invites_by": page.invites_by,
    }


def evidence_told(found: Evidence) -> dict[str, Any]:
    """Return an item of the list of evidence."""
    return {
        "member": found.member,
        "ours": found.ours,
        "says": found.says,
        "at": rfc3339(found.at_us),
        "exchange": found.exchange_id,
        "thread": found.thread,
        "payload_hash": found.payload_hash,
        "log": found.log,
        "entry": found.index,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "member": part.member,
        "role": part.role.value,
        "offices": list(part.offices),
        "standing": part.standing.value,
        "entries": part.entries,
        "missing": part.missing,
        "since": rfc3339(part.since_us) if part.since_us else "",
        "lacks": part.lacks,
    }


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


def _result(result: Result) -> dict[str, Any]:
    return {
        "member": result.member,
        "outcome": result.code,
        "substance": result.substance,
        "times": result.times,
        "grams": result.grams,
        "units": result.units,
        "persons": result.persons,
    }
