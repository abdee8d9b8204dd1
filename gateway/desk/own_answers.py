"""Find what a counterpart names in our own answer to it: both a follow-up and an ask for consent begin there."""

from __future__ import annotations

from gateway.audit.reading.kept_answers import KeptAnswer, KeptAnswers
from gateway.errors import Forbidden
from gateway.model.desk.notices import RecordPlace
from gateway.model.hit import Hit
from gateway.model.names import MemberId
from gateway.ports import events
from gateway.statements.answer import read_signed


def own_answer(kept: KeptAnswers, peer: MemberId, place: RecordPlace) -> tuple[KeptAnswer, Hit | None]:
    """Return our answer to this very counterpart that a place names, and its hit; None where it has no such hit.

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
    hits = (each for each in read_signed(found.answer).hits if each.reference == place.reference)
    return found, next(hits, None)
