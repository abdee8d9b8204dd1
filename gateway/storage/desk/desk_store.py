"""`DeskStore` in SQL: point reads over the open connection, lists over one of their own.

Lists are sorted by an index wherever a limit makes that worth while: the newest threads of each state, and the first
deliveries of each urgency, are looked up apart and merged.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnClause,
    ColumnElement,
    Integer,
    Row,
    Select,
    Text,
    bindparam,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    tuple_,
    union_all,
    update,
)

from gateway.errors import Unknown
from gateway.model.desk.notices import About, NoticeType, Urgency
from gateway.model.desk.threads import Placed, Side, ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import DeliveryState, HoldingState, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import Delivery, Holding, ListPlace, NoticeRow, Outbox, Thread, Work, WorkFilter
from gateway.storage.database.desk_tables import (
    ALARMED,
    CLOSED,
    ENDING,
    ENDS,
    GROUPED,
    OF_THREADS,
    OPEN,
    WAITING,
    desk_delivery,
    desk_holding,
    desk_notice,
    desk_thread,
    desk_work,
)
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared
from gateway.storage.desk.conditions import WAITED, is_any, is_parted, places, seen_at, unindexed, work_conditions
from gateway.storage.desk.rows import (
    ENVELOPE,
    RANKS,
    delivery_of,
    holding_of,
    notice_of,
    placed_of,
    thread_of,
    work_of,
)
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.keys.keystore import KeyStore

_AT_ONCE = 500
"""Threads that one statement reads rows of: a database takes so many values and not any number."""

_ON_ASKS = (WorkKind.DECIDE, WorkKind.CORRECT, WorkKind.DISTINGUISH)
"""The kinds of work that an ask raises here."""


_OVER = (ThreadState.ENDED.value, ThreadState.EXPIRED.value)

_Rows = Sequence[Any]


class SqlDeskStore:
    """The desk's rows of one node. Thread-safe."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._seals = DeskSeals(keystore)
        self._points = _PointReads(database)

    def _list(self, statement: Select[Any]) -> _Rows:
        with self._database.snapshot("desk") as connection:
            return connection.execute(statement).all()

    # ------------------------------------------------------------ threads and notices

    def thread(self, key: ThreadKey) -> Thread | None:
        """Return a thread, or None."""
        rows = self._points.thread(peer=key.peer, thread=key.thread_id)
        return thread_of(rows[0], self._seals) if rows else None

    def threads_of(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, Thread]:
        """Return those of some threads that there are."""
        t = desk_thread.c
        rows = self._among(keys, select(desk_thread), t.peer, t.thread_id)
        return {thread.key: thread for thread in (thread_of(row, self._seals) for row in rows)}

    def _among(
        self, keys: Collection[ThreadKey], statement: Select[Any], peer: ColumnElement[str], thread: ColumnElement[str]
    ) -> Iterator[Row[Any]]:
        """Yield the rows of some threads, those of each in the order of the statement."""
        pairs = list({(key.peer, key.thread_id) for key in keys})
        for start in range(0, len(pairs), _AT_ONCE):
            yield from self._list(statement.where(tuple_(peer, thread).in_(pairs[start : start + _AT_ONCE])))

    def threads(
        self,
        *,
        kinds: Collection[ThreadKind] = (),
        states: Collection[ThreadState] = (),
        agencies: Collection[str] = (),
        offices: Collection[str] = (),
        group_id: str = "",
        peer: str = "",
        opener: bool | None = None,
        behind: ListPlace | None = None,
        limit: int = 0,
    ) -> list[Thread]:
        """Return the threads that fit, the newest first; all of them with `limit` 0. What is empty leaves it open.

        `opener` tells those that this side opened from those of counterparts. With `behind` the list begins after that
        place.
        """
        t = desk_thread.c
        order = (t.opened_us.desc(), t.thread_id, t.peer)
        by_side = [unindexed(t.peer) == peer] if peer else []
        by_side += [t.opener.is_(opener)] if opener is not None else []
        if behind is not None:
            later = tuple_(t.thread_id, t.peer) > tuple_(behind.thread_id, behind.peer)
            by_side += [t.opened_us <= behind.opened_us, or_(t.opened_us < behind.opened_us, later)]
        if limit and offices and not group_id and len(kinds) != 1:
            here = [*([is_any(unindexed(t.kind), kinds)] if kinds else []), *by_side]
            rows = self._newest(places(offices, agencies, states or ThreadState, here), limit)
            return [thread_of(row, self._seals) for row in rows]
        by_kind = not group_id and (not limit or (states and len(kinds) == 1))
        kind_is = t.kind if by_kind else unindexed(t.kind)
        fitting: list[ColumnElement[bool]] = [*([is_any(kind_is, kinds)] if kinds else []), *by_side]
        fitting += [column.in_(names) for column, names in ((t.agency, agencies), (t.office, offices)) if names]
        if group_id:
            fitting += [GROUPED, t.group_id == group_id]
        if not limit or group_id or not states:
            if states:
                fitting.append(t.state.in_([state.value for state in states]))
            rows = self._list(select(desk_thread).where(*fitting).order_by(*order).limit(limit or None))
        else:
            rows = self._newest([(t.state == state.value, *fitting) for state in states], limit)
        return [thread_of(row, self._seals) for row in rows]

    def versions(
        self, kinds: Collection[ThreadKind], states: Collection[ThreadState]
    ) -> list[tuple[ThreadKey, str, int]]:
        """Return key, group id and version of all threads that fit, in the order of their keys, without content."""
        t = desk_thread.c
        fitting = (is_any(t.kind, kinds), t.state.in_([state.value for state in states]))
        found = select(t.peer, t.thread_id, t.group_id, t.version).where(*fitting).order_by(t.peer, t.thread_id)
        return [(ThreadKey(MemberId(peer), ExchangeId(name)), *rest) for peer, name, *rest in self._list(found)]

    def _newest(self, parts: Iterable[Sequence[ColumnElement[bool]]], limit: int) -> _Rows:
        """Return the newest threads of several parts: those of each come from an index in their order."""
        t = desk_thread.c
        found = union_all(
            *(
                select(
                    select(t.peer, t.thread_id, t.opened_us)
                    .where(*conditions)
                    .order_by(t.opened_us.desc(), t.thread_id, t.peer)
                    .limit(limit)
                    .subquery()
                )
                for conditions in parts
            )
        ).subquery()
        order = (found.c.opened_us.desc(), found.c.thread_id, found.c.peer)
        keys = select(found).order_by(*order).limit(limit).subquery()
        same = (t.peer == keys.c.peer) & (t.thread_id == keys.c.thread_id)
        return self._list(select(desk_thread).join(keys, same).order_by(t.opened_us.desc(), t.thread_id, t.peer))

    def find_thread(self, thread_id: ExchangeId) -> list[Thread]:
        """Return the threads with this id; two members may have used one id."""
        rows = self._points.threads_named(thread=thread_id)
        return [thread_of(row, self._seals) for row in rows]

    def notices(self, key: ThreadKey) -> list[NoticeRow]:
        """Return the notices of a thread, in the order in which we wrote them."""
        rows = self._points.notices(peer=key.peer, thread=key.thread_id)
        return [notice_of(row, self._seals) for row in rows]

    def statuses(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, list[NoticeRow]]:
        """Return the other sides' statuses in some threads, in the order in which we wrote them."""
        n, found = desk_notice.c, dict[ThreadKey, list[NoticeRow]]()
        wanted = select(desk_notice).where(n.side == Side.OTHER.value, n.type == NoticeType.STATUS.value)
        for row in self._among(keys, wanted.order_by(n.version, n.time_us, n.notice_id), n.peer, n.thread_id):
            notice = notice_of(row, self._seals)
            found.setdefault(notice.key, []).append(notice)
        return found

    def placed(self, key: ThreadKey) -> list[Placed]:
        """Return what the fold needs of the notices that are part of a thread, without opening them."""
        return [placed_of(row) for row in self._points.placed(peer=key.peer, thread=key.thread_id)]

    def places(self, key: ThreadKey) -> list[tuple[str, int, ExchangeId]]:
        """Return the log, index and exchange of each notice of a thread."""
        rows = self._points.places(peer=key.peer, thread=key.thread_id)
        return [(log, index, ExchangeId(notice_id)) for log, index, notice_id in rows]

    def asks(self, about: About, now_us: int) -> list[ThreadKey]:
        """Return the threads with an ask about this whose time is not over."""
        n = desk_notice.c
        asked = (n.type == NoticeType.ASK.value, n.code == about.value, n.expires_us > now_us)
        found = self._list(select(n.peer, n.thread_id).where(*asked).distinct().order_by(n.peer, n.thread_id))
        return [ThreadKey(MemberId(peer), ExchangeId(thread)) for peer, thread in found]

    def between(self, peer: MemberId, since: tuple[int, str], limit: int) -> list[NoticeRow]:
        """Return the notices of all threads with `peer` that come after a time and an id, in the order of both."""
        n = desk_notice.c
        order = (n.time_us, n.notice_id)
        rows = self._list(
            select(desk_notice).where(n.peer == peer, tuple_(*order) > tuple_(*since)).order_by(*order).limit(limit)
        )
        return [notice_of(row, self._seals) for row in rows]

    def notice(self, peer: MemberId, notice_id: ExchangeId) -> NoticeRow | None:
        """Return one notice of a thread with `peer`, or None."""
        rows = self._points.notice(peer=peer, notice=notice_id)
        return notice_of(rows[0], self._seals) if rows else None

    # ------------------------------------------------------------ deliveries

    def due(self, peer: MemberId, now_us: int, limit: int) -> list[Delivery]:
        """Return deliveries to `peer` that are due, one for each thread and its lowest, by urgency and time."""
        rows = self._points.due(peer=peer, now_us=now_us, count=limit)
        return [delivery_of(row) for row in rows]

    def next_due_us(self, peer: str = "") -> int | None:
        """Return when the next delivery (to `peer`) is due, None without any. Only the lowest of each thread counts."""
        rows = self._points.next_due_of(peer=peer) if peer else self._points.next_due()
        return int(rows[0][0]) if rows else None

    def deliveries(
        self, states: Collection[DeliveryState] = (DeliveryState.WAITING,), key: ThreadKey | None = None
    ) -> list[Delivery]:
        """Return deliveries in these states, of one thread or of all, by urgency and time."""
        d = desk_delivery.c
        statement = select(desk_delivery).where(d.state.in_([state.value for state in states]))
        if key is not None:
            statement = statement.where(d.peer == key.peer, d.thread_id == key.thread_id)
        return [delivery_of(row) for row in self._list(statement.order_by(d.urgency, d.due_us, d.notice_id))]

    def newest(self, keys: Collection[ThreadKey]) -> dict[ThreadKey, Delivery]:
        """Return the delivery of the newest notice of ours in each of some threads, where that has one."""
        d = desk_delivery.c
        rows = self._among(keys, select(desk_delivery).order_by(d.seq), d.peer, d.thread_id)
        return {delivery.key: delivery for delivery in map(delivery_of, rows)}

    def delivery(self, notice_id: ExchangeId) -> Delivery | None:
        """Return the delivery of a notice of ours, or None."""
        rows = self._points.delivery(notice=notice_id)
        return delivery_of(rows[0]) if rows else None

    def release(self, peer: MemberId, now_us: int) -> None:
        """Let everything that waits for `peer` be due now."""
        d = desk_delivery.c
        later = update(desk_delivery).where(WAITING, d.peer == peer, d.due_us > now_us).values(due_us=now_us)
        with self._database.write("deliveries") as connection:
            connection.execute(later)

    def waiting(self) -> list[MemberId]:
        """Return the members for whom a notice waits."""
        peers = select(desk_delivery.c.peer).where(WAITING).distinct()
        return [MemberId(row.peer) for row in self._list(peers)]

    def outboxes(self) -> list[Outbox]:
        """Return what waits for each member for whom a notice waits."""
        d, n = desk_delivery.c, desk_notice.c
        waiting = (
            select(d.peer, func.count(), func.min(n.time_us), func.min(d.due_us), func.max(d.problem))
            .join(desk_notice, (n.peer == d.peer) & (n.notice_id == d.notice_id))
            .where(WAITING)
            .group_by(d.peer)
            .order_by(d.peer)
        )
        return [Outbox(MemberId(row[0]), *row[1:]) for row in self._list(waiting)]

    def envelope(self, notice_id: ExchangeId) -> bytes:
        """Return the bytes of a notice of ours. Raises `Unknown` where it is erased, or never was."""
        for peer, sealed in self._points.envelope(notice=notice_id):
            if envelope := self._seals.open(sealed, ENVELOPE, peer, notice_id):
                return envelope
            raise Unknown("notice {notice} was erased", code="erased", where="desk", notice=notice_id)
        raise Unknown("there is no notice {notice} of ours", code="no-such-notice", where="desk", notice=notice_id)

    def note_try(self, delivery: Delivery) -> None:
        """Write how a try went that changed nothing else; nothing once the delivery waits no more."""
        changed = update(desk_delivery).where(WAITING, desk_delivery.c.notice_id == delivery.notice_id)
        values = {"tries": delivery.tries, "due_us": delivery.due_us, "problem": delivery.problem}
        with self._database.write("delivery") as connection:
            connection.execute(changed.values(values))

    # ------------------------------------------------------------ work

    def works(self, wanted: WorkFilter) -> list[Work]:
        """Return work, by clock; `ranked` by who waits for it, then by clock."""
        w, conditions = desk_work.c, work_conditions(wanted, self._seals)
        order = (*((WAITED,) if wanted.ranked else ()), w.due_us, w.id)
        if wanted.sight is not None and is_parted(wanted):
            parts = [
                select(w.id).where(*conditions, place).order_by(*order).limit(wanted.limit).subquery()
                for place in seen_at(wanted.sight)
            ]
            conditions = [w.id.in_(union_all(*(select(part.c.id) for part in parts)))]
        statement = select(desk_work).where(*conditions).order_by(*order).limit(wanted.limit or None)
        return [work_of(row, self._seals) for row in self._list(statement)]

    def work(self, work_id: str) -> Work | None:
        """Return one item of work."""
        rows = self._points.work(work=work_id)
        return work_of(rows[0], self._seals) if rows else None

    def due_work(self, now_us: int, limit: int = 1000) -> list[Work]:
        """Return open work whose half or whole time is over, and that was not escalated to that level, the first due
        first."""
        w = desk_work.c
        statement = select(desk_work).where(ALARMED, w.alarm_us <= now_us).order_by(w.alarm_us).limit(limit)
        return [work_of(row, self._seals) for row in self._list(statement)]

    def asks_waiting(self, peer: MemberId, urgency: Urgency, limit: int) -> int:
        """Return how much work on this counterpart's asks of an urgency waits here, `limit` at most."""
        w = desk_work.c
        mine = (OPEN, w.kind.in_([kind.value for kind in _ON_ASKS]), w.peer == peer, w.urgency == RANKS[urgency])
        found = select(literal_column("1")).where(*mine).limit(limit).subquery()
        (row,) = self._list(select(func.count().label("count")).select_from(found))
        return int(row.count)

    def count_theirs(self, kind: ThreadKind, states: Collection[ThreadState], peer: MemberId, limit: int) -> int:
        """Return how many threads of a kind in these states a counterpart has opened, `limit` at most."""
        t = desk_thread.c
        mine = (t.kind == kind.value, t.state.in_([one.value for one in states]), t.peer == peer, t.opener.is_(False))
        found = select(literal_column("1")).where(*mine).limit(limit).subquery()
        (row,) = self._list(select(func.count().label("count")).select_from(found))
        return int(row.count)

    # ------------------------------------------------------------ copies

    def holdings(
        self,
        *,
        jti: str = "",
        jtis: Collection[str] = (),
        record: str = "",
        records: Collection[str] = (),
        holder: str = "",
        direction: str = "",
        source: str = "",
        states: Collection[HoldingState] = (),
        after: str = "",
        limit: int = 0,
    ) -> list[Holding]:
        """Return copies, by record and by owner's key (one or several), holder, direction, the exchange that gave them,
        or state, all of them with `limit` 0; with a limit the first ones by their records' ids, `after` an id."""
        h = desk_holding.c
        statement = select(desk_holding)
        is_walk = limit and not (holder or record or source)  # along the primary key, not sorted from another index
        way = unindexed(h.direction) if is_walk else h.direction
        for column, value in ((h.jti, jti), (h.holder, holder), (way, direction), (h.source, source)):
            if value:
                statement = statement.where(column == value)
        if jtis:
            statement = statement.where(h.jti.in_(list(jtis)))
        if record:
            statement = statement.where(h.token == self._seals.token(record))
        if records:
            statement = statement.where(h.token.in_([self._seals.token(name) for name in records]))
        if states:
            statement = statement.where(h.state.in_([state.value for state in states]))
        if after:
            statement = statement.where(h.jti > after)
        if limit:
            statement = statement.order_by(h.jti).limit(limit)
        return [holding_of(row, self._seals) for row in self._list(statement)]

    def count_holdings(self, direction: str, after: str) -> int:
        """Return how many copies there are in a direction whose records' ids come after an id."""
        h = desk_holding.c
        statement = select(func.count()).where(unindexed(h.direction) == direction, h.jti > after)
        with self._database.snapshot("desk") as connection:
            return int(connection.scalar(statement) or 0)

    # ------------------------------------------------------------ what is over

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


# ------------------------------------------------------------ reads that each notice needs


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


class _PointReads:
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
