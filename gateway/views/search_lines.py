"""A search in plain words: one line for each counterpart. Silence is never shown as no hit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.language.refusals import REFUSALS
from gateway.records.types import RECORD_TYPES
from gateway.views.lines import Line

_QUALITY = {
    "EXACT_ID": "exact match of an identifier",
    "STRONG": "strong match",
    "POSSIBLE": "possible match",
}

_OTHER_TIME = {
    "from-the-future": "their clock is ahead of ours, so their answer is not believed; tell our node's operators",
}


def all_answered(search: dict[str, Any]) -> bool:
    """Return whether every line says hit or no hit, and none is incomplete for want of an answer."""
    return all(line["outcome"] in ("hit", "no_hit") for line in search["lines"]) and not search["waiting_for"]


def search_lines(search: dict[str, Any], own: str) -> Iterator[Line]:
    """Tell a search: what each counterpart said, and each hit."""
    for line in search["lines"]:
        yield headline(line, own)
        if line.get("exchange_id"):
            yield f"      exchange {line['exchange_id']}", "dim"
        for hit in line["hits"]:
            yield from (f"      {detail}" for detail in hit_lines(hit))
    yield from (f"  {member}  still waiting" for member in search["waiting_for"])
    yield f"  search {search['id']}", "dim"


def headline(line: dict[str, Any], own: str) -> tuple[str, str]:
    """Tell what one counterpart said, in one sentence, with its style."""
    who = f"  {line['member']}  " + ("our own agencies: " if line["member"] == own else "")
    late = " (it came late)" if line["late"] else ""
    if line["outcome"] == "hit":
        return f"{who}{_count(line['hits'])}{_incomplete(line)}{late}", "good"
    if line["outcome"] == "no_hit":
        return f"{who}no hit{_incomplete(line)}{late}", ""
    if line["outcome"] == "silent":
        code = (line["refusal"] or {"code": ""})["code"]
        if code in _OTHER_TIME:
            return f"{who}silent: {_OTHER_TIME[code]}. This does not mean no hit.", "warn"
        seen = f"last seen {line['last_seen']}" if line["last_seen"] else "never seen since this node started"
        return f"{who}silent: no answer in time, {seen}. This does not mean no hit.", "warn"
    refusal = line["refusal"] or {"code": "", "text": ""}
    code = refusal["code"] or line["outcome"]
    why = refusal["text"] or REFUSALS.get(code) or refusal["code"] or "no reason was given"
    if code == "receipts-due":  # what their node said is for the operators, our own sentence for the officer
        why = f"{REFUSALS[code]} (their node: {refusal['text']})"
    return f"{who}{line['outcome']}: {why}{late}", "warn"


def hit_lines(hit: dict[str, Any]) -> list[str]:
    """Tell a hit: what matched and why, what was released, who signed it, what must be obeyed."""
    why = "; ".join(rule["sentence"] for rule in hit["rules"])
    lines = [f"{hit['record_type']}: {_QUALITY.get(hit['quality'], hit['quality'])}" + (f" ({why})" if why else "")]
    record = hit["record"]
    if record is None:
        lines.append(f"reference {hit['reference']}; {hit['action'] or 'the record needs a follow-up'}")
        return lines
    kind = RECORD_TYPES.get(hit["record_type"])
    total = f" of {kind.total(record['fields'])}" if kind else ""
    signed = (
        "signed by the agency" if record["signed_by"] == "own" else "signed with the agency's key, held by its node"
    )
    lines.append(f"{len(record['fields'])}{total} fields released by {record['owner']}, {signed}, verified")
    lines += [f"  {name}: {value_text(value)}" for name, value in record["fields"].items()]
    return [*lines, *_obey(record["marking"])]


def _count(hits: list[dict[str, Any]]) -> str:
    return "1 hit" if len(hits) == 1 else f"{len(hits)} hits"


def _incomplete(line: dict[str, Any]) -> str:
    parts = []
    if line["missing"]:
        parts.append(f"incomplete: {', '.join(line['missing'])} did not answer")
    if line["capped"]:
        parts.append("there are more; ask more precisely")
    if line["withheld_count"]:
        parts.append(f"{line['withheld_count']} fields withheld by policy")
    return f" ({'; '.join(parts)})" if parts else ""


def _obey(marking: dict[str, Any]) -> list[str]:
    shown = [
        f"{key.replace('_', ' ')} {value_text(value)}" for key, value in marking.items() if value not in ("", [], None)
    ]
    return [f"handling: {', '.join(shown)}"] if shown else []


def value_text(value: Any) -> str:
    """Tell a field's value."""
    if isinstance(value, dict):
        if "text" in value:
            return str(value["text"])
        return " ".join(
            value_text(part) for key, part in value.items() if key not in ("calendar", "original", "script", "lang")
        )
    if isinstance(value, list):
        return ", ".join(value_text(part) for part in value)
    return str(value)
