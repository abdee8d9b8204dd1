"""Describe in lines who owes whom receipts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from gateway.views.lines import Line

_SHOWN = 5


def debt_lines(found: Sequence[dict[str, Any]]) -> Iterator[Line]:
    """Yield how receipts stand with all counterparts."""
    for value in found:
        yield from _counterpart_lines(value)
    if not any(value[side]["open"] for value in found for side in ("they_owe", "we_owe")):
        yield "nobody owes a receipt", "good"


def _counterpart_lines(value: dict[str, Any]) -> list[Line]:
    theirs, ours = value["they_owe"], value["we_owe"]
    lines: list[Line] = [
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


def _day_lines(day: dict[str, Any], whose: str) -> list[Line]:
    """Return the result of the last comparison of a day."""
    if not day["day"]:
        return []
    if not day["differs"]:
        return [(f"  {whose}: both logs hold the same, through number {day['through']} ({day['day']})", "good")]
    ids, more = day["exchanges"][:_SHOWN], max(0, len(day["exchanges"]) - _SHOWN)
    named = f", exchange{'s' if len(ids) > 1 else ''} {', '.join(ids)}" if ids else ""
    text = f"  {whose} on {day['day']}: the logs differ{named}{f' and {more} more' if more else ''}"
    return [(text, "bad"), ("  compare the exports of that day: liaison audit reconcile", "bad")]
