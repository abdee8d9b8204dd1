"""The record that an ask for consent is about, as it left us."""

from __future__ import annotations

from typing import Any

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.desk.evidence.own_answers import own_answer
from gateway.errors import Forbidden, Refused
from gateway.model.desk.notices import RecordPlace
from gateway.model.marking import Caveat
from gateway.model.names import MemberId
from gateway.records.verify import read_own_record

_TWO = frozenset({Caveat.SAFETY, Caveat.JUVENILE})
"""That a source is protected does not leave us: the record at its source tells (`Fresh.persons`)."""


def find_record(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> tuple[str, bytes]:
    """Return a record of our answer to this very counterpart, and the hash of its question.

    Raises `Unknown` where our log has no such answer, `Forbidden` where it was another one.
    """
    found = own_answer(kept, peer, place)
    if found.hit is not None and found.hit.record:
        return found.hit.record, found.question_hash
    raise Forbidden("our answer has no such record", code="wrong-record", where="hit.record_id")


def described_record(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> dict[str, Any]:
    """Return type, owner, fields and marking of a record as the counterpart has it; empty where our log lost it."""
    try:
        compact, _ = find_record(kept, peer, place)
        return read_own_record(compact)
    except Refused:
        return {"type": "", "owner": "", "fields": {}, "marking": {}}


def marked_for_two(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> bool:
    """Tell whether the marking of a record that we gave demands two persons for a consent to its onward use."""
    marking = described_record(kept, peer, place)["marking"]
    return not _TWO.isdisjoint(marking.get("caveats", ()))
