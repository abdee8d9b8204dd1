"""Tell a search as JSON: one line for each counterpart. What is silent, partial or not searched is never `no_hit`.

Codes are the same for every reader; `text` and `sentence` are in the reader's language. The REST API and the console
show the same.
"""

from __future__ import annotations

from typing import Any

from gateway.clock import rfc3339
from gateway.language.languages import Language
from gateway.language.sentences import refusal_text
from gateway.matching.explain import explain
from gateway.model.exchange import Outcome, Refusal
from gateway.model.hit import OWN_AGENCY
from gateway.model.search import Line, Search, ShownHit, ShownRecord


def search_value(search: Search, language: Language = Language.EN) -> dict[str, Any]:
    """Return a search as JSON shows it."""
    return {
        "id": search.id,
        "officer": search.officer,
        "started": rfc3339(search.started_us),
        "done": search.done,
        "waiting_for": list(search.waiting_for),
        "awaiting_late": list(search.awaiting_late),
        "lines": [_line(search.id, line, language) for line in search.lines],
        "problem": _refusal(search.failed, language) if search.failed else None,
    }


def _line(search_id: str, line: Line, language: Language) -> dict[str, Any]:
    return {
        "member": line.member,
        "outcome": line.outcome,
        "partial": bool(line.missing) and line.outcome not in (Outcome.NOT_SEARCHED, Outcome.SUSPENDED),
        "missing": list(line.missing),
        "suspended": list(line.suspended),
        "searched": [
            {"kind": one.kind, "as_of": rfc3339(one.as_of_us) if one.as_of_us else None} for one in line.searched
        ],
        "capped": line.capped,
        "hits": [_hit(hit, _follow_up(search_id, line, at), language) for at, hit in enumerate(line.hits)],
        "refusal": _refusal(line.refusal, language) if line.refusal else None,
        "withheld_count": line.withheld_count,
        "last_seen": rfc3339(line.last_seen_us) if line.last_seen_us else None,
        "silent_since": rfc3339(line.silent_since_us) if line.silent_since_us else None,
        "late": line.late,
        "exchange_id": line.exchange_id,
        "entry": line.entry_index,
        "log_forked": line.log_forked,
    }


def _refusal(refusal: Refusal, language: Language) -> dict[str, Any]:
    text = refusal_text(refusal.code, refusal.reason, refusal.text, language)
    return {"reason": refusal.reason, "code": refusal.code, "text": text}


def _follow_up(search_id: str, line: Line, at: int) -> str:
    """Return the command that asks the owner of a hit for more; none for a hit of our own agencies or desk."""
    if OWN_AGENCY in line.hits[at].rules or not line.exchange_id:
        return ""
    return f"liaison followup --search {search_id} --from {line.member} --hit {at}"


def _hit(hit: ShownHit, follow_up: str, language: Language) -> dict[str, Any]:
    sentences = explain(hit.rules, language)
    return {
        "reference": hit.reference,
        "quality": hit.quality,
        "record_type": hit.record_type,
        "rules": [{"word": word, "sentence": text} for word, text in zip(hit.rules, sentences, strict=True)],
        "action": hit.action,
        "record": _record(hit.record) if hit.record else None,
        "next": follow_up,
    }


def _record(record: ShownRecord) -> dict[str, Any]:
    return {
        "owner": record.owner,
        "signed_by": "own" if record.own_key else "held-by-node",
        "fields": record.fields,
        "marking": record.marking,
        "undisclosed": record.undisclosed,
        "sd_jwt": record.compact,
    }
