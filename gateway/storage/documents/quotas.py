"""Count by day, direction, counterpart and purpose, exactly, over all processes.

A take reads and writes in one transaction that no other one interleaves with (SQLite: `BEGIN IMMEDIATE`; PostgreSQL:
the row is locked), so parallel requests and several processes together never pass a limit, and never stop short of it.
What is counted often and need not be used to the last is spent from a part that was taken in advance.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, select, update

from gateway.clock import DAY_US
from gateway.ports.quotas import QuotaPlace, QuotaUse
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import quota_use
from gateway.storage.database.upsert import insert_for

_KEPT_DAYS = 92
"""Days of counts that are kept for reports."""

_PARTS = 128
"""The database is asked for a limit in so many parts; a process that ends leaves no more than one of them unused."""


@dataclass(slots=True)
class _Advance:
    """What is left of the parts of a limit that were taken in advance.

    `room` is what the database has beyond them at most, as far as it is known: what it counts grows only, in a day.
    """

    most: int
    room: int
    left: int = 0


class SqlQuotas:
    """The counts in the node's database. Thread-safe.

    Old days are deleted by `proved_us`, a time that somebody else vouches for (decision 0044), 0 without one: by a
    clock that is ahead, today would be long over, and its questions could be asked again. None believes the clock.
    """

    def __init__(self, database: Database, proved_us: Callable[[], int] | None = None) -> None:
        self._database = database
        self._proved_us = proved_us
        self._swept = -1
        self._lock = threading.Lock()
        self._day = -1
        self._advances: dict[QuotaPlace, _Advance] = {}

    def take(self, places: Sequence[QuotaPlace], limit: Callable[[QuotaPlace], int | None], now_us: int) -> list[bool]:
        """Count the questions of `places` that are within today's limit. Return for each of `places` whether it is.

        Places without a limit are never counted, and always within it. Raises `StorageBroken`.
        """
        limits = {place: limit(place) for place in set(places)}
        wanted = Counter(place for place in places if limits[place] is not None)
        if not wanted:
            return [True] * len(places)
        left = self._reserve({place: (number, limits[place] or 0) for place, number in wanted.items()}, now_us)
        return [limits[place] is None or _spend(left, place) for place in places]

    def spend(self, place: QuotaPlace, amount: int, most: int, now_us: int) -> bool:
        """Count an amount where `most` of today leaves room for all of it; tell whether it does.

        What does not fit takes nothing from what is smaller. Beyond what the database is known to have it is not asked
        any more. Raises `StorageBroken`.
        """
        with self._lock:
            if self._day != (day := now_us // DAY_US):
                self._day, self._advances = day, {}
            advance = self._advances.get(place)
            if advance is None or advance.most != most:
                advance = self._advances[place] = _Advance(most, most)
            needed = amount - advance.left
            if 0 < needed <= advance.room:
                wanted = max(needed, most // _PARTS)
                granted, advance.room = self._reserve_whole(place, needed, wanted, most, now_us)
                advance.left += granted
            if advance.left < amount:
                return False
            advance.left -= amount
            return True

    def used(self, day_us: int) -> list[QuotaUse]:
        """Return all counts of the day that `day_us` lies in."""
        table = quota_use.c
        query = select(table.direction, table.peer, table.purpose, table.used).where(table.day == day_us // DAY_US)
        with self._database.read("quotas") as connection:
            rows = connection.execute(query.order_by(table.direction, table.peer, table.purpose)).all()
        return [QuotaUse(QuotaPlace(row.direction, row.peer, row.purpose), row.used) for row in rows]

    def _reserve(self, wanted: dict[QuotaPlace, tuple[int, int]], now_us: int) -> dict[QuotaPlace, int]:
        granted: dict[QuotaPlace, int] = {}
        with self._database.write("quotas") as connection:
            # In the same order in every process, so that two never wait for each other.
            for place in sorted(wanted):
                number, most = wanted[place]
                granted[place], _ = self._counted(connection, place, (0, number), most, now_us)
        return granted

    def _reserve_whole(self, place: QuotaPlace, least: int, number: int, most: int, now_us: int) -> tuple[int, int]:
        """Return what is granted, nothing where that is less than `least`, and what the day has beyond it."""
        with self._database.write("quotas") as connection:
            return self._counted(connection, place, (least, number), most, now_us)

    def _counted(
        self, connection: Connection, place: QuotaPlace, span: tuple[int, int], most: int, now_us: int
    ) -> tuple[int, int]:
        """Count as much of a span, from the least to the number that is wanted, as a limit leaves room for.

        Return it, and the room that is left.
        """
        day, (least, number) = now_us // DAY_US, span
        self._sweep(connection, day if self._proved_us is None else self._proved_us() // DAY_US)
        key = {"day": day, "direction": place.direction, "peer": place.peer, "purpose": place.purpose}
        mine = [quota_use.c[name] == value for name, value in key.items()]
        locked = select(quota_use.c.used).where(*mine).with_for_update()
        used = connection.execute(locked).scalar()
        if used is None:
            # Another process may make the same row now: the second one waits for it, and counts on.
            made = insert_for(quota_use, shared=self._database.shared).values(**key, used=0)
            connection.execute(made.on_conflict_do_nothing())
            used = connection.execute(locked).scalar_one()
        room = max(0, most - used)
        granted = min(number, room) if room >= least else 0
        if granted:
            connection.execute(update(quota_use).where(*mine).values(used=used + granted))
        return granted, room - granted

    def _sweep(self, connection: Connection, day: int) -> None:
        """Delete days that are old on this day, once a day."""
        if self._swept < day:
            connection.execute(delete(quota_use).where(quota_use.c.day < day - _KEPT_DAYS))
            self._swept = day


def _spend(left: dict[QuotaPlace, int], place: QuotaPlace) -> bool:
    if not left[place]:
        return False
    left[place] -= 1
    return True
