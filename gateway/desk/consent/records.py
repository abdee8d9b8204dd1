"""The record that an ask for consent is about, as it left us."""

from __future__ import annotations

from typing import Any

from gateway.audit.reading.kept_answers import KeptAnswers
from gateway.errors import Forbidden, Refused
from gateway.model.desk.notices import RecordPlace
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.records.verify import read_own_record
from gateway.statements.answer import read_signed


def find_record(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> tuple[str, bytes]:
    """Return a record of our answer to this very counterpart, and the hash of its question.

    Raises `Unknown` where our log has no such answer, `Forbidden` where it was another one.
    """
    found = kept.at(
        f"exchange/{place.log_number}",
        place.entry_index,
        peer=peer,
        exchange_id=place.exchange_id,
        kinds=events.kinds(events.ANSWERED),
    )
    if found.entry.answer_hash != place.answer_hash:
        raise Forbidden("our answer was another one", code="wrong-answer", where="hit.answer_hash")
    for hit in read_signed(found.answer).hits:
        if hit.reference == place.reference and hit.record:
            return hit.record, found.entry.request_hash
    raise Forbidden("our answer has no such record", code="wrong-record", where="hit.record_id")


def described_record(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> dict[str, Any]:
    """Return type, owner, fields and marking of a record as the counterpart has it; empty where our log lost it."""
    try:
        compact, _ = find_record(kept, peer, place)
        return read_own_record(compact)
    except Refused:
        return {"type": "", "owner": "", "fields": {}, "marking": {}}
