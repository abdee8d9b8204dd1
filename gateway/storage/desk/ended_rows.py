"""The rows of the desk that have come to their end: which they are, and how they are deleted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Select, bindparam, delete, exists, func, select, tuple_

from gateway.model.desk.threads import ThreadKey, ThreadState
from gateway.model.desk.work import HoldingState
from gateway.model.names import ExchangeId, MemberId
from gateway.storage.database.desk_tables import (
    CLOSED,
    ENDING,
    ENDS,
    OF_THREADS,
    OPEN,
    WAITING,
    desk_delivery,
    desk_holding,
    desk_thread,
    desk_work,
)
from gateway.storage.database.engine import Database

Rows = Sequence[Any]
_OVER = (ThreadState.ENDED.value, ThreadState.EXPIRED.value)


class EndedRows:
    """The part of the desk's rows that looks for what is over, and forgets it. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def _list(self, statement: Select[Any]) -> Rows:
        with self._database.snapshot("desk") as connection:
            return connection.execute(statement).all()

    def ending(self, now_us: int, limit: int) -> list[ThreadKey]:
        """Return threads whose clock is over by now, and whose rows do not say so yet, the first over first."""
        t = desk_thread.c
        over = select(t.peer, t.thread_id).where(ENDS, t.closed_us <= now_us).order_by(t.closed_us).limit(limit)
        return [ThreadKey(MemberId(peer), ExchangeId(thread)) for peer, thread in self._list(over)]

    def working_peers(self) -> list[MemberId]:
        """Return the counterparts with whom some thread has work: each is one step in the index."""
        found: list[MemberId] = []
        after = select(func.min(desk_work.c.peer)).where(desk_work.c.peer > bindparam("last"))
        with self._database.snapshot("desk") as connection:
            while (peer := connection.scalar(after, {"last": found[-1] if found else ""})) is not None:
                found.append(MemberId(peer))
        return found

    def ended(self, before_us: int) -> list[ThreadKey]:
        """Return threads that were closed before a time, and in which nothing waits: no delivery, no work."""
        t = desk_thread.c
        waits = [
            exists().where(condition, table.c.peer == t.peer, table.c.thread_id == t.thread_id)
            for table, condition in ((desk_delivery, WAITING), (desk_work, OPEN))
        ]
        over = (CLOSED, t.closed_us < before_us, t.state.in_(_OVER))
        statement = select(t.peer, t.thread_id).where(*over, *(~one for one in waits))
        return [ThreadKey(MemberId(peer), ExchangeId(thread)) for peer, thread in self._list(statement)]

    def forget(self, keys: Sequence[ThreadKey]) -> None:
        """Delete threads with all their rows, in one transaction; their entries stay in the log."""
        pairs = [(key.peer, key.thread_id) for key in keys]
        with self._database.write("forget threads") as connection:
            for table in OF_THREADS:
                connection.execute(delete(table).where(tuple_(table.c.peer, table.c.thread_id).in_(pairs)))

    def forget_copies(self, now_us: int, limit: int) -> int:
        """Delete up to `limit` copies that may not be there any more; return their number. A copy whose end is not
        confirmed stays."""
        h = desk_holding.c
        key = (h.jti, h.direction, h.holder, h.owner)
        settled = [HoldingState.HELD.value, HoldingState.HIDDEN.value, HoldingState.ENDED.value]
        over = select(*key).where(ENDING, h.expires_us <= now_us, h.state.in_(settled)).limit(limit)
        with self._database.write("forget copies") as connection:
            found = [tuple(row) for row in connection.execute(over)]
            if found:
                connection.execute(delete(desk_holding).where(tuple_(*key).in_(found)))
        return len(found)
