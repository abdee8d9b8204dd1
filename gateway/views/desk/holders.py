"""Describe the ledger of copies in lines: who holds what of ours, and what they have confirmed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from gateway.language.catalogue import Sentences, tell
from gateway.language.languages import Language
from gateway.views.lines import Line

_STATES: Sentences = {
    "held": "held",
    "hidden": "hidden",
    "changing": "not confirmed yet",
    "objected": "the holder objects",
    "ended": "gone, and confirmed",
}
_STYLES = {"ended": "good", "hidden": "good", "changing": "warn", "objected": "warn"}


def holders_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the copies of records, and how many changes are confirmed."""
    for record in found["records"]:
        yield f"{record['record']}  {record['agency']}", "title"
        for copy in record["copies"]:
            state = tell(language, _STATES[copy["state"]]) if copy["state"] in _STATES else copy["state"]
            if copy["out_of_reach"]:
                state = tell(language, "out of reach: it has left the federation")
            holder = f"{copy['through']} → {copy['holder']}" if copy["through"] else copy["holder"]
            yield f"  → {holder}  {copy['type']}  v{copy['version']}  {state}", _STYLES.get(copy["state"], "")
    if not found["records"]:
        yield tell(language, "nobody holds a copy of a record of ours"), "dim"
    facts = {"confirmed": found["confirmed"], "total": found["changed"]}
    yield tell(language, "{confirmed} of {total} changes are confirmed", **facts), "dim"
    if (others := found["waited"] - found["changed"] + found["confirmed"]) > 0:
        yield tell(language, "of copies that are not listed here, {count} are not confirmed yet", count=others), "warn"
    if found["next"]:
        command = f"liaison desk holders --after {found['next']}"
        if found["left"] is None:
            yield tell(language, "there are more: {command}", command=command), "warn"
        else:
            yield tell(language, "{count} copies are left: {command}", count=found["left"], command=command), "warn"


def told_lines(found: dict[str, Any], language: Language = Language.EN) -> Iterator[Line]:
    """Yield the holders that are told of a change."""
    for thread in found["threads"]:
        yield f"{thread['thread']}  → {thread['member']}", "good"
    for member in found["out_of_reach"]:
        yield f"{member}  " + tell(language, "out of reach: it has left the federation"), "warn"
    for record in found.get("still_there", ()):
        yield f"{record}  " + tell(language, "its source still has it: held back until its row is another one"), "warn"


def held_back_lines(found: dict[str, Any], language: Language = Language.EN, *, lifted: bool = False) -> Iterator[Line]:
    """Yield what is held back, or was until now."""
    for each in found["held"]:
        if lifted:
            yield f"{each['record']}  " + tell(language, "is given again"), "good"
        else:
            whom = each["holder"] or tell(language, "all countries")
            since = tell(language, "held back from {whom} since {time}", whom=whom, time=each["since"])
            yield f"{each['record']}  {since}", "warn"
    if not found["held"]:
        yield tell(language, "nothing is held back"), "dim"
