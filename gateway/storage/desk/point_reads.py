"""The reads of the desk that each notice needs, compiled once to the driver's own form."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    Integer,
    Select,
    Text,
    bindparam,
    exists,
    literal_column,
    select,
    union_all,
)

from gateway.storage.database.desk_tables import WAITING, desk_delivery, desk_notice, desk_thread, desk_work
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared
from gateway.storage.desk.rows import RANKS

_T, _N, _D = desk_thread.c, desk_notice.c, desk_delivery.c
_PEER, _THREAD, _NOTICE = (bindparam(f"the_{name}", type_=Text) for name in ("peer", "thread", "notice"))
_NONE: ColumnClause[int] = literal_column("0")
"""The offset that SQLite wants with each limit, as a word and not as a parameter."""
_ENVELOPE = (
    select(_N.peer, _N.envelope)
    .join(desk_delivery, (_D.peer == _N.peer) & (_D.notice_id == _N.notice_id))
    .where(_D.notice_id == _NOTICE)
)

Read = Callable[..., Sequence[Any]]


class PointReads:
    """Compiled reads of one database; each takes its values by name and returns rows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.thread = self._read(_THREAD_OF)
        self.threads_named = self._read(_THREADS_NAMED)
        self.notice = self._read(_NOTICE_OF)
        self.notices = self._read(_NOTICES)
        self.placed = self._read(_PLACED)
        self.places = self._read(_PLACES)
        self.envelope = self._read(_ENVELOPE)
        self.delivery = self._read(_DELIVERY)
        self.work = self._read(_WORK)
        self.due = self._read(_DUE)
        self.next_due = self._read(_NEXT_DUE)
        self.next_due_of = self._read(_NEXT_DUE_OF)

    def _read(self, statement: Select[Any]) -> Read:
        prepared, database = Prepared(statement, self._database.engine.dialect), self._database

        def read(**values: Any) -> Sequence[Any]:
            with database.read("desk") as connection:
                return prepared.rows(connection, _given(values))

        return read


def _given(values: Mapping[str, Any]) -> Mapping[str, Any]:
    return {f"the_{name}": value for name, value in values.items()}


def _in_order(statement: Select[Any]) -> Select[Any]:
    """Return the reading of a thread's notices in the order of the versions that they made."""
    here = (_N.peer == _PEER, _N.thread_id == _THREAD)
    return statement.where(*here).order_by(_N.version, _N.time_us, _N.notice_id)


def _lowest() -> Select[Any]:
    """Return the reading of those deliveries that are the lowest of their thread."""
    lower = desk_delivery.alias("lower")
    same = (lower.c.peer == _D.peer, lower.c.thread_id == _D.thread_id, lower.c.state == literal_column("'waiting'"))
    return select(desk_delivery).where(WAITING, ~exists().where(*same, lower.c.seq < _D.seq).correlate(desk_delivery))


def _due() -> Select[Any]:
    """Return the reading of due deliveries: those of each urgency come from the index in their order."""
    now, count = bindparam("the_now_us", type_=BigInteger), bindparam("the_count", type_=Integer)
    parts = [
        _lowest()
        .where(_D.peer == _PEER, _D.urgency == literal_column(str(rank)), _D.due_us <= now)
        .order_by(_D.due_us, _D.notice_id)
        .limit(count)
        .offset(_NONE)
        .subquery()
        for rank in RANKS.values()
    ]
    found = union_all(*(select(part) for part in parts)).subquery()
    return select(found).order_by(found.c.urgency, found.c.due_us, found.c.notice_id).limit(count).offset(_NONE)


def _next_due_of() -> Select[Any]:
    """Return the reading of a counterpart's next delivery, from the first ones of each urgency."""
    parts = [
        _next_due().where(_D.peer == _PEER, _D.urgency == literal_column(str(rank))).subquery()
        for rank in RANKS.values()
    ]
    found = union_all(*(select(part) for part in parts)).subquery()
    return select(found).order_by(found.c.due_us).limit(literal_column("1")).offset(_NONE)


def _next_due() -> Select[Any]:
    return _lowest().with_only_columns(_D.due_us).order_by(_D.due_us).limit(literal_column("1")).offset(_NONE)


_THREAD_OF = select(desk_thread).where(_T.peer == _PEER, _T.thread_id == _THREAD)
_THREADS_NAMED = select(desk_thread).where(_T.thread_id == _THREAD).order_by(_T.peer)
_NOTICE_OF = select(desk_notice).where(_N.peer == _PEER, _N.notice_id == _NOTICE)
_NOTICES = _in_order(select(desk_notice))
_PLACED = _in_order(select(_N.side, _N.seq, _N.seen, _N.type, _N.code, _N.urgency, _N.issued_us, _N.expires_us)).where(
    _N.seq > literal_column("0")
)
_PLACES = _in_order(select(_N.log, _N.entry, _N.notice_id))
_DELIVERY = select(desk_delivery).where(_D.notice_id == _NOTICE)
_WORK = select(desk_work).where(desk_work.c.id == bindparam("the_work", type_=Text))
_DUE = _due()
_NEXT_DUE = _next_due()
_NEXT_DUE_OF = _next_due_of()
