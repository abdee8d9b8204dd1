"""Find the entries of a period, so that one month of a long log is read and not all of it."""

from __future__ import annotations

from gateway.audit.reading.opened import OpenedLogs

MARGIN = 4_096
"""So many entries more are read on either side: a clock may have jumped, and an outage may reach over the bounds."""


def period_of(logs: OpenedLogs, log: str, since_us: int, until_us: int) -> tuple[int, int]:
    """Return the bounds of the entries of a period with a margin; 0 is no bound."""
    start, stop = logs.bounds(log)
    first = _first_from(logs, log, start, stop, since_us) if since_us else start
    last = _first_from(logs, log, first, stop, until_us) if until_us else stop
    return max(start, first - MARGIN), min(stop, last + MARGIN)


def _first_from(logs: OpenedLogs, log: str, start: int, stop: int, time_us: int) -> int:
    """Return the index of the first entry from a time on, by halves; where entries are missing, an earlier one."""
    while start < stop:
        middle = (start + stop) // 2
        found = next(logs.rows(log, middle, middle + 1), None)
        if found is None:
            return start
        if found.entry.time_us < time_us:
            start = middle + 1
        else:
            stop = middle
    return start
