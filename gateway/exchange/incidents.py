"""Faults of callers that a human has to look at, counted by cause: at most 21 entries a minute, even in a flood.

Requests beyond a limit of a member are of no interest one by one: there is one entry for each member, limit and minute,
which is written when the minute is over or the node stops.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, NamedTuple

from gateway.clock import Clock
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft

LIMITS = frozenset(
    {
        *("rate-limit", "fault-limit", "in-flight-limit", "stream-limit", "call-limit", "call-rate", "document-rate"),
        *("budget-kept", "budget-told", "budget-open", "fetch-rate"),
    }
)
"""Codes of the limits beyond which a member's requests are turned away without a signed answer."""

QUOTAS = frozenset({"recovery-quota", "file-quota"})
"""Codes of quotas of a day, which an honest member does not reach: each is an alarm."""

MINUTE_S = 60.0

_PROMPT = 20
"""Entries of one cause in a minute that do not wait for its end."""

_MOST_CAUSES = 4_096
_OTHERS = "and others"


class _Cause(NamedTuple):
    """The member (empty for callers who did not prove who they are), the code, and the detail."""

    member: str
    code: str
    detail: str


@dataclass(slots=True)
class _Minute:
    """The incidents of one cause since `since` (monotonic) of which no entry tells yet."""

    since: float
    written: int = 0
    count: int = 0
    first_us: int = 0
    last_us: int = 0
    exchange_id: str = ""


class Incidents:
    """Incidents that no entry tells of yet. Thread-safe, and of bounded size."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._minutes: dict[_Cause, _Minute] = {}
        self._lock = threading.Lock()

    def note(
        self, member: str, code: str, detail: str = "refused by the transport", exchange_id: str = "", count: int = 1
    ) -> None:
        """Count incidents of one cause. The entry names the exchange of the last one."""
        now_us = self._clock.now_us()
        with self._lock:
            cause = _Cause(member, code, "" if code in LIMITS else detail)
            if cause not in self._minutes and len(self._minutes) >= _MOST_CAUSES:
                cause = _Cause(member, code, _OTHERS)
            minute = self._minutes.get(cause)
            if minute is None:
                minute = self._minutes[cause] = _Minute(self._clock.monotonic())
            minute.first_us = minute.first_us or now_us
            minute.last_us = now_us
            minute.count += count
            minute.exchange_id = exchange_id

    def drafts(self, *, ending: bool = False) -> list[EntryDraft]:
        """Return the entries that are due. When the node is `ending`, everything that was counted is due."""
        found = []
        with self._lock:
            now = self._clock.monotonic()
            for cause, minute in list(self._minutes.items()):
                is_over = ending or now - minute.since >= MINUTE_S
                if minute.count and (is_over or (cause.code not in LIMITS and minute.written < _PROMPT)):
                    found.append(_draft(cause, minute))
                    minute.written += 1
                    minute.count = minute.first_us = 0
                if is_over:
                    del self._minutes[cause]
        return found


def _draft(cause: _Cause, minute: _Minute) -> EntryDraft:
    if cause.code in LIMITS:
        times: dict[str, Any] = {"first_us": minute.first_us, "last_us": minute.last_us}
        return events.TURNED_AWAY.draft(peer=cause.member, code=cause.code, count=minute.count, **times)
    event = events.ALARM if cause.member else events.AUTH_FAILED
    return event.draft(
        peer=cause.member,
        exchange_id=minute.exchange_id,
        code=cause.code,
        count=minute.count,
        detail=cause.detail,
    )
