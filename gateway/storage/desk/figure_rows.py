"""Read the rows of figures: one pass over the threads of a period, in their own order, a batch of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import groupby
from typing import Any

from sqlalchemy import and_, or_, select, tuple_

from gateway.model.desk.counted import CountedNotice, CountedThread, CountedWork
from gateway.model.desk.threads import Side, ThreadKey, ThreadKind
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.storage.database.desk_tables import desk_delivery, desk_notice, desk_thread, desk_work
from gateway.storage.database.engine import Database
from gateway.storage.desk.rows import ENVELOPE, placed_of, work_of
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.keys.keystore import KeyStore

_AT_ONCE = 512
_SIDE, _SEALED = 5, 13


class SqlFigureRows:
    """The desk's rows of one home, for figures."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._seals = DeskSeals(keystore)

    def threads(self, peer: str, since_us: int, until_us: int) -> Iterator[CountedThread]:
        """Yield the threads in which something was said in a period, whole: of ours only what was taken."""
        n, t, d = desk_notice.c, desk_thread.c, desk_delivery.c
        key = (n.peer, n.thread_id)
        said = select(*key).where(n.issued_us >= since_us, n.issued_us < until_us)
        if peer:
            said = said.where(n.peer.concat("") == peer)  # the period is the better index
        both = or_(d.state == DeliveryState.TAKEN.value, and_(d.state.is_(None), n.seq > 0))
        found = (
            select(
                *key, n.notice_id, t.kind, t.opener,
                n.side, n.seq, n.seen, n.type, n.code, n.urgency, n.issued_us, n.expires_us, n.envelope,
            )
            .join(desk_thread, (t.peer == n.peer) & (t.thread_id == n.thread_id))
            .outerjoin(desk_delivery, d.notice_id == n.notice_id)
            .where(tuple_(*key).in_(said), n.seq > 0, both)
            .order_by(*key, n.version)
        )  # fmt: skip
        with self._database.snapshot("figures") as connection:
            rows = connection.execution_options(yield_per=_AT_ONCE).execute(found)
            for _, group in groupby(rows, key=lambda row: (row[0], row[1])):
                yield self._thread(list(group))

    def _thread(self, rows: list[Any]) -> CountedThread:
        peer, thread_id, _, kind, opener, *_ = rows[0]
        notices = tuple(
            CountedNotice(
                (row[_SIDE] == Side.OPENER.value) == bool(opener),
                placed_of(row[_SIDE:_SEALED]),
                partial(self._seals.open, row[_SEALED], ENVELOPE, peer, row[2]),
            )
            for row in rows
        )
        return CountedThread(ThreadKey(MemberId(peer), ExchangeId(thread_id)), ThreadKind(kind), bool(opener), notices)

    def works(self, kind: WorkKind, peer: str, since_us: int, until_us: int) -> Iterator[CountedWork]:
        """Yield the work of a kind that began in a period."""
        w = desk_work.c
        wanted = select(desk_work).where(w.kind == kind.value, w.opened_us >= since_us, w.opened_us < until_us)
        if peer:
            wanted = wanted.where(w.peer == peer)
        with self._database.snapshot("figures") as connection:
            for row in connection.execution_options(yield_per=_AT_ONCE).execute(wanted):
                work = work_of(row, self._seals)
                yield CountedWork(work.kind, work.key.peer, work.office, bool(work.done_us and work.by))
