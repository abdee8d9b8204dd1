"""Turn a verified answer into the line that the officer sees (step 7 of asking)."""

from __future__ import annotations

from gateway.errors import LiaisonError
from gateway.exchange.asking.check_answer import Checked
from gateway.exchange.parts import Parts
from gateway.matching.confirm import judge
from gateway.matching.explain import RULES
from gateway.model.exchange import Answer, Verified
from gateway.model.hit import OWN_AGENCY, UNRELEASED, Hit, Verdict
from gateway.model.query import Query
from gateway.model.search import Line, ShownHit, ShownRecord
from gateway.records.verify import verify_record
from policy.explain import POLICY_DENIES

_DENIED = f"{UNRELEASED}{POLICY_DENIES}"


def show_line(parts: Parts, checked: Checked, entry_index: int, query: Query) -> Line:
    """Return one line for a counterpart's answer.

    A record that does not verify is not shown, and its hit says so. The hit of a record about another subject than
    that of `query` says so, too.
    """
    answer = checked.answer.value
    hits = tuple(_hit(parts, checked.answer, hit, query) for hit in answer.hits)
    return Line(
        member=answer.sender,
        outcome=answer.outcome,
        hits=hits,
        refusal=answer.refusal,
        missing=answer.missing,
        suspended=answer.suspended,
        searched=answer.searched,
        capped=answer.capped,
        withheld_count=answer.withheld_count,
        last_seen_us=parts.clock.now_us(),
        exchange_id=answer.exchange_id,
        entry_index=entry_index,
        log=checked.shown.head.origin,
    )


def _hit(parts: Parts, answer: Verified[Answer], hit: Hit, query: Query) -> ShownHit:
    record = _record(parts, answer, hit) if hit.record else None
    rules = shown_rules(hit)
    if hit.record and record is None:
        rules = (*rules, "record-not-verified")
    elif record is not None and _is_of_another(query, hit.record_type, record):
        rules = (*rules, "record-does-not-fit")
    return ShownHit(hit.reference, hit.quality, hit.record_type, rules, hit.action, record)


def shown_rules(hit: Hit) -> tuple[str, ...]:
    """Return the rules of a counterpart's hit; one reason at most for a record that did not come, and a known one.

    A word that only our own node may say, or that we do not know, counts as a refusal without a reason.
    """
    told = tuple(rule for rule in hit.rules if not rule.startswith(UNRELEASED))
    if hit.record or len(told) == len(hit.rules):
        return told
    reason = hit.rules[-1]
    return (*told, reason if reason in RULES and reason.startswith(UNRELEASED) and reason != OWN_AGENCY else _DENIED)


def _is_of_another(query: Query, record_type: str, record: ShownRecord) -> bool:
    """Tell whether the disclosed fields contradict the question; one that they leave open is no contradiction."""
    try:
        return judge(query, record_type, record.fields, whole=not record.undisclosed) is Verdict.OTHER
    except LiaisonError:  # the officer's own question has nothing to compare
        return False


def _record(parts: Parts, answer: Verified[Answer], hit: Hit) -> ShownRecord | None:
    """Return the record as far as it was disclosed; None when it is no evidence of the hit.

    That is so when it does not verify, and when its owner signed it as one of another type.
    """
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
    if record.type != hit.record_type:
        return None
    return ShownRecord(record.owner, record.own_key, record.fields, record.marking, record.undisclosed, hit.record)
