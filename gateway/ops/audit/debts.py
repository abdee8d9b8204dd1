"""How receipts stand with each counterpart, as `liaison audit debt` shows it."""

from __future__ import annotations

from typing import Any

from gateway.audit.accounts.receipts import Standing, standing
from gateway.clock import rfc3339
from gateway.exchange.receipts.days import GIVEN, TAKEN, DayState
from gateway.exchange.receipts.debt import OVERDUE
from gateway.model.names import member_id
from gateway.ops.homes.open_home import Evidence

_SHOWN = 5


def debts(evidence: Evidence) -> list[dict[str, Any]]:
    """All counterparts, by name: what they owe us, what we owe them, and since when there is an alarm."""
    log = newest_log(evidence)
    peers = [member_id(name) for name in sorted(evidence.descriptors) if name != evidence.member]
    found = standing(evidence.documents, evidence.store, log, peers) if log else []
    return [_value(evidence, item) for item in found]


def newest_log(evidence: Evidence) -> str:
    """The name of the newest exchange log, or empty."""
    names = [name for name in evidence.store.logs() if name.startswith("exchange/")]
    return max(names, key=lambda name: int(name.partition("/")[2]), default="")


def debt_lines(value: dict[str, Any]) -> list[tuple[str, str]]:
    """One counterpart in words, with the style of each line."""
    theirs, ours = value["they_owe"], value["we_owe"]
    lines = [
        (
            f"{value['member']}: we answered {theirs['given']}, they acknowledged {theirs['acknowledged']}; "
            f"they answered {ours['arrived']}, we acknowledged {ours['acknowledged']}",
            "",
        )
    ]
    if theirs["open"]:
        text = f"  they owe receipts for {theirs['open']}, the oldest of {theirs['oldest']}"
        lines.append((text, "bad" if theirs["alarm_since"] else "warn"))
    if theirs["alarm_since"]:
        lines.append((f"  alarm since {theirs['alarm_since']}: call their operators", "bad"))
    if ours["open"]:
        text = f"  we owe receipts through number {ours['arrived']}, and sent them through {ours['acknowledged']}"
        lines.append((text, "warn"))
    for side, whose in (("given", "what we answered"), ("taken", "what they answered")):
        lines += _day_lines(value["days"][side], whose)
    return lines


def _day_lines(day: dict[str, Any], whose: str) -> list[tuple[str, str]]:
    """How the last comparison of a day went."""
    if not day["day"]:
        return []
    if not day["differs"]:
        return [(f"  {whose}: both logs hold the same, through number {day['through']} ({day['day']})", "good")]
    ids, more = day["exchanges"][:_SHOWN], max(0, len(day["exchanges"]) - _SHOWN)
    named = f", exchange{'s' if len(ids) > 1 else ''} {', '.join(ids)}" if ids else ""
    text = f"  {whose} on {day['day']}: the logs differ{named}{f' and {more} more' if more else ''}"
    return [(text, "bad"), ("  compare the exports of that day: liaison audit reconcile", "bad")]


def _value(evidence: Evidence, item: Standing) -> dict[str, Any]:
    begun = evidence.documents.get(OVERDUE, item.peer)
    return {
        "member": item.peer,
        "they_owe": {
            "given": item.given,
            "acknowledged": item.acknowledged,
            "open": max(0, item.given - item.acknowledged),
            "oldest": _time(item.oldest_us),
            "alarm_since": _time(int(begun or 0)),
        },
        "we_owe": {
            "arrived": item.arrived,
            "acknowledged": item.sent,
            "open": max(0, item.arrived - item.sent),
        },
        "days": {"given": _day(evidence, GIVEN, item.peer), "taken": _day(evidence, TAKEN, item.peer)},
    }


def _day(evidence: Evidence, kind: str, peer: str) -> dict[str, Any]:
    state = DayState.read(evidence.documents, kind, peer)
    return {"day": state.day, "through": state.through, "differs": state.differs, "exchanges": state.exchanges}


def _time(us: int) -> str | None:
    return rfc3339(us) if us else None
