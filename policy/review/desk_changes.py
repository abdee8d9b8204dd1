"""Tell what changes in the rules of the desk, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policy.bundle.desk import Asked, Clock, DeskRules, Limit

_LIMITS: Mapping[Limit, str] = {
    Limit.ERASE: "a copy that was withdrawn is erased within",
    Limit.ALERT: "an alert is in force for",
    Limit.HIDDEN: "an alert may be hidden for an operation for",
}


def desk_words(old: DeskRules, new: DeskRules) -> Iterator[str]:
    """Yield one sentence for each rule of the desk that differs."""
    yield from clock_words("the desk", old.clocks, new.clocks)
    for limit, said in _LIMITS.items():
        before, after = old.limits.get(limit), new.limits.get(limit)
        if before != after:
            yield f"{said} {_time(after, 'hours')} instead of {_time(before, 'hours')}"
    marked = ((old.caveats, new.caveats), (old.categories, new.categories))
    for before_all, after_all in marked:
        if added := sorted(after_all - before_all):
            yield f"records marked {', '.join(added)} now take two persons"
        if gone := sorted(before_all - after_all):
            yield f"records marked {', '.join(gone)} no longer take two persons"
    if old.passkey != new.passkey:
        yield f"a decision {'now' if new.passkey else 'no longer'} needs a passkey in any case"
    if old.bare_pictures != new.bare_pictures:
        yield f"pictures {'now' if new.bare_pictures else 'no longer'} lose camera, place and time in any case"


def clock_words(whose: str, old: Mapping[Asked, Clock], new: Mapping[Asked, Clock]) -> Iterator[str]:
    """Yield one sentence for each clock that differs."""
    for asked in Asked:
        before, after = old.get(asked, {}), new.get(asked, {})
        for urgency in sorted(before.keys() | after.keys()):
            if before.get(urgency) != after.get(urgency):
                changed = f"{_time(after.get(urgency), 'minutes')} instead of {_time(before.get(urgency), 'minutes')}"
                yield f"{whose} gives a human {changed} for a {urgency} {asked.value}"


def _time(number: int | None, unit: str) -> str:
    return "no time of its own" if number is None else f"{number} {unit}"
