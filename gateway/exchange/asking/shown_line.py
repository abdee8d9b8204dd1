"""Turn a verified answer into the line that the officer sees (step 7 of asking)."""

from __future__ import annotations

from functools import partial

from gateway.errors import LiaisonError
from gateway.exchange.asking.check_answer import Checked
from gateway.exchange.asking.turns import Turns
from gateway.exchange.parts import Parts
from gateway.model.exchange import Answer, Verified
from gateway.model.hit import Hit
from gateway.model.search import Line, ShownHit, ShownRecord
from gateway.records.verify import verify_record


async def show_line(parts: Parts, checked: Checked, entry_index: int, turns: Turns) -> Line:
    """Return one line for a counterpart's answer. A record that does not verify is not shown, and its hit says so."""
    answer = checked.answer.value
    hits = [await turns.take(partial(_hit, parts, checked.answer, hit)) for hit in answer.hits]
    return Line(
        member=answer.sender,
        outcome=answer.outcome,
        hits=tuple(hits),
        refusal=answer.refusal,
        missing=answer.missing,
        capped=answer.capped,
        withheld_count=answer.withheld_count,
        last_seen_us=parts.clock.now_us(),
        exchange_id=answer.exchange_id,
        entry_index=entry_index,
    )


def _hit(parts: Parts, answer: Verified[Answer], hit: Hit) -> ShownHit:
    record = _record(parts, answer, hit) if hit.record else None
    rules = hit.rules if record is not None or not hit.record else (*hit.rules, "record-not-verified")
    return ShownHit(hit.reference, hit.quality, hit.record_type, rules, hit.action, record)


def _record(parts: Parts, answer: Verified[Answer], hit: Hit) -> ShownRecord | None:
    """Return the record as far as it was disclosed; None when it does not verify, since it is then no evidence."""
    value = answer.value
    try:
        record = verify_record(
            hit.record,
            parts.trust(),
            member=value.sender,
            audience=parts.member,
            request_hash=value.request_hash,
            now_us=parts.clock.now_us(),
        )
    except LiaisonError:
        return None
    return ShownRecord(record.owner, record.own_key, record.fields, record.marking, record.undisclosed, hit.record)
