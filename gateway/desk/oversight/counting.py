"""Count the questions of officers by the rules over the own log, in bounded memory. Pure: the reader hands them in."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping

import msgspec

from gateway.clock import HOUR_US
from gateway.desk.oversight.rules import Rule, Ruled
from gateway.model.query import Query

MOST_GROUPS = 20_000
"""So many groups of questions are counted at a time, over all rules; the one counted longest ago goes first."""


class Asked(msgspec.Struct, frozen=True):
    """A question of an officer, by its entry in the log `log` at `index`."""

    search: str
    person: str
    office: str
    agency: str
    time_us: int
    purpose: str
    offence: str
    case: str
    ticket: str
    kind: str
    log: str
    index: int


class Use(Asked, frozen=True):
    """A question as rules look at it. `keys` are those of what was asked for."""

    keys: tuple[bytes, ...] = ()
    query: Query | None = None
    denied: bool = False


class Counted(msgspec.Struct, frozen=True):
    """A rule that was met: the questions that met it, the last one among them. `group` is what they have in common."""

    rule: Rule
    group: bytes
    uses: tuple[Use, ...]


OffShift = Callable[[str, int], bool]
"""Tells whether a person's shifts are listed around a time, and none covers it."""

AlertSince = Callable[[Query], int]
"""Returns when the newest alert of a counterpart came whose subject is that of a question; 0 without any."""

Lists = Mapping[str, Mapping[bytes, frozenset[str]]]
"""For each list the officers for whom a key counts; an empty name stands for all."""


class Counting:
    """Counts by the rules that are in force. For one thread at a time."""

    def __init__(self, ruled: Ruled, lists: Lists, off_shift: OffShift, alert_since: AlertSince) -> None:
        self._rules = ruled.rules
        self._lists = lists
        self._off_shift = off_shift
        self._alert_since = alert_since
        self._groups: OrderedDict[tuple[str, str, bytes], deque[Use]] = OrderedDict()

    @property
    def hours(self) -> int:
        """The hours of the rule that looks back the longest."""
        return max((rule.hours for rule in self._rules), default=0)

    def count(self, use: Use) -> Iterator[Counted]:
        """Count one question; yield each rule that it meets. What has met a rule is counted anew from then on."""
        for rule in self._rules:
            if not self._holds(rule, use):
                continue
            for group in _groups(rule, use):
                if (met := self._put(rule, group, use)) is not None:
                    yield met
                    break

    def _put(self, rule: Rule, group: bytes, use: Use) -> Counted | None:
        key = (rule.id, use.person, group)
        seen = self._groups.setdefault(key, deque(maxlen=rule.count))
        self._groups.move_to_end(key)
        while seen and seen[0].time_us < use.time_us - rule.hours * HOUR_US:
            seen.popleft()
        if all(one.search != use.search for one in seen):
            seen.append(msgspec.structs.replace(use, query=None))
        while len(self._groups) > MOST_GROUPS:
            self._groups.popitem(last=False)
        if len(seen) < rule.count:
            return None
        del self._groups[key]
        return Counted(rule, group, tuple(seen))

    def _holds(self, rule: Rule, use: Use) -> bool:
        """Tell whether all conditions of a rule hold for a question, the cheap ones first."""
        return (
            rule.denied == use.denied
            and (not rule.purposes or use.purpose in rule.purposes)
            and (not rule.kinds or use.kind in rule.kinds)
            and not (rule.without_case and use.case)
            and (not rule.listed or self._is_listed(rule.listed, use))
            and (not rule.off_shift or self._off_shift(use.person, use.time_us))
            and (not rule.after_alert_hours or self._is_after_alert(rule, use))
        )

    def _is_listed(self, name: str, use: Use) -> bool:
        known = self._lists.get(name, {})
        return any(officers & {"", use.person} for key in use.keys if (officers := known.get(key)))

    def _is_after_alert(self, rule: Rule, use: Use) -> bool:
        since_us = self._alert_since(use.query) if use.query is not None else 0
        return 0 < since_us <= use.time_us <= since_us + rule.after_alert_hours * HOUR_US


def _groups(rule: Rule, use: Use) -> tuple[bytes, ...]:
    """Return what a question is counted under: for a target each of its keys, so that no spelling escapes."""
    if rule.same == "target":
        return use.keys
    return ((use.case or use.ticket).encode(),) if rule.same == "case" else (b"",)
