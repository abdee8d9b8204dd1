"""Look through our own officers' questions beside the exchanges: pick some for a review, and count them by the rules.

The pick is made with a key of the node: no one can tell it beforehand, and the same question is picked or not however
often it is looked at. Raising a review or a finding twice is raising it once, so nothing is remembered over a start:
the newest hours of the log are read again.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from gateway.clock import HOUR_US
from gateway.config.file_marks import FileMarks
from gateway.desk.acting.parts import DeskParts
from gateway.desk.oversight.counting import AlertSince, Counting, Lists, OffShift, Use
from gateway.desk.oversight.matters import finding_id, finding_of, sample_id, sample_of
from gateway.desk.oversight.raised import found, put, sampled
from gateway.desk.oversight.reading import UseReader
from gateway.desk.oversight.rules import LISTED, RULES, Listed, Ruled, packaged, read_rules
from gateway.desk.oversight.targets import target_keys
from gateway.errors import LiaisonError
from gateway.model.names import ExchangeId
from gateway.model.purpose import Purpose
from gateway.ports.journal import EntryDraft

_AT_ONCE = 512
"""Entries that are opened in one round of a log."""

_SAMPLED_HOURS = 24
"""A question is picked for a review within this time after it, also where the node was down meanwhile."""

_WHOLE = 1 << 64


def is_picked(key: bytes, search: str, percent: float) -> bool:
    """Tell whether a question is picked for a review: so many percent are, by a code that only this node can make."""
    number = int.from_bytes(hmac.digest(key, f"sample\n{search}".encode(), hashlib.sha256)[:8], "big")
    return number < percent / 100 * _WHOLE


class OwnLogWatch:
    """The round of the leader over the questions of our own officers.

    `logs` returns the names of the logs that are written now, `percent` the share that is reviewed. Rules with a
    mistake leave those before in force.
    """

    def __init__(
        self,
        desk: DeskParts,
        folder: Path,
        key: bytes,
        logs: Callable[[], Sequence[str]],
        percent: Callable[[], float],
        off_shift: OffShift,
        alert_since: AlertSince,
    ) -> None:
        self._desk = desk
        self._folder = folder
        self._key = key
        self._logs = logs
        self._percent = percent
        self._off_shift = off_shift
        self._alert_since = alert_since
        self._marks = FileMarks(desk.parts.clock.monotonic)
        self._reader = UseReader(desk.kept, key)
        self._counting = self._counted(Ruled(tuple(packaged().values())))

    async def round(self) -> None:
        """Look at the next questions. A rule file with a mistake is raised once all were looked at."""
        problem: LiaisonError | None = None
        try:
            await asyncio.to_thread(self._look)
        except LiaisonError as error:
            problem = error
        for name, draft in await asyncio.to_thread(self._drafts):
            await put(self._desk, name, draft)
        if problem is not None:
            raise problem

    def _look(self) -> None:
        """Read the rules again where their files have changed; what was counted begins anew then."""
        if not self._marks.look([self._folder / RULES, self._folder / LISTED]):
            return
        try:
            ruled = read_rules(self._folder, self._desk.parts.member)
        except LiaisonError:
            self._marks.failed()
            raise
        self._marks.read()
        self._counting = self._counted(ruled)
        self._reader = UseReader(self._desk.kept, self._key)

    def _counted(self, ruled: Ruled) -> Counting:
        return Counting(ruled, self._lists(ruled.listed), self._off_shift, self._alert_since)

    def _lists(self, listed: Sequence[Listed]) -> Lists:
        lists: dict[str, dict[bytes, set[str]]] = defaultdict(lambda: defaultdict(set))
        for one in listed:
            for key in target_keys(self._key, one.query):
                lists[one.list][key].add(one.officer)
        return {name: {key: frozenset(who) for key, who in keys.items()} for name, keys in lists.items()}

    def _drafts(self) -> list[tuple[ExchangeId, EntryDraft]]:
        now_us, made = self._desk.parts.clock.now_us(), []
        since_us = now_us - max(_SAMPLED_HOURS, self._counting.hours) * HOUR_US
        for log in self._logs():
            self._reader.begin(log, since_us)
            for use in self._reader.next(log, _AT_ONCE):
                made += self._of(use, now_us)
        return made

    def _of(self, use: Use, now_us: int) -> list[tuple[ExchangeId, EntryDraft]]:
        me, made = self._desk.parts.member, []
        is_new = use.time_us >= now_us - _SAMPLED_HOURS * HOUR_US
        is_real = not use.denied and use.purpose != Purpose.TRAINING
        if is_new and is_real and is_picked(self._key, use.search, self._percent()):
            name = sample_id(use.search)
            made.append((name, sampled(me, name, sample_of(use), now_us)))
        for counted in self._counting.count(use):
            name = finding_id(self._key, counted)
            made.append((name, found(me, name, finding_of(counted), now_us)))
        return made
