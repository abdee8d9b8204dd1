"""`ReportLibrary` in SQL, and the writing of its rows: a report is found by keyed hashes of its words and codes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Dialect, Select, bindparam, case, delete, func, literal_column, select
from sqlalchemy.sql.elements import ClauseElement

from gateway.model.desk.threads import ThreadKey
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import ListedReport, ReportRow
from gateway.storage.database.desk_tables import desk_report, desk_report_key
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared
from gateway.storage.database.upsert import insert_for
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.keys.keystore import KeyStore

_R, _K = desk_report.c, desk_report_key.c
_STANDS = _R.withdrawn_us == literal_column("0")

_APART_US = 1_000
"""The least time between the rows of two reports, also where the clock was set back."""

Batch = list[tuple[Prepared, list[tuple[Any, ...]]]]


class ReportWriter:
    """Returns the statements that write reports, for the transaction of their entries."""

    def __init__(self, seals: DeskSeals, dialect: Dialect, *, shared: bool) -> None:
        self._seals = seals
        self._put = Prepared(_put(shared=shared), dialect)
        self._forget = Prepared(_FORGET, dialect)
        self._put_key = Prepared(_put_key(shared=shared), dialect)

    def work(self, reports: Iterable[tuple[int, ReportRow]]) -> Batch:
        """Return the statements with their rows. Each report comes with the time of its entry."""
        written = list(reports)
        if not written:
            return []
        keys = [self._key(row, key) for _, row in written for key in row.keys]
        gone = [self._forget.values({"the_peer": row.key.peer, "the_thread": row.key.thread_id}) for _, row in written]
        rows = [
            self._put.values(
                {
                    "peer": row.key.peer,
                    "thread_id": row.key.thread_id,
                    "now_us": at_us,
                    "version": row.version,
                    "withdrawn_us": row.withdrawn_us,
                    "until_us": row.until_us,
                }
            )
            for at_us, row in written
        ]
        return [(self._forget, gone), (self._put, rows), (self._put_key, keys)]

    def _key(self, row: ReportRow, key: str) -> tuple[Any, ...]:
        place = {"peer": row.key.peer, "thread_id": row.key.thread_id}
        return self._put_key.values(place | {"token": _token(self._seals, key)})


class SqlReports:
    """The library of one node. Thread-safe."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._seals = DeskSeals(keystore)

    def find(self, groups: Sequence[Collection[str]], now_us: int, limit: int, before: int = 0) -> list[ListedReport]:
        """Return the reports that stand, were added before a time, and have a key of each group, the newest first."""
        wanted = select(desk_report).where(_STANDS, _R.until_us > now_us)
        if before:
            wanted = wanted.where(_R.added_us < before)
        for group in groups:
            tokens = [_token(self._seals, key) for key in group]
            wanted = wanted.where(
                select(_K.token).where(_K.token.in_(tokens), _K.peer == _R.peer, _K.thread_id == _R.thread_id).exists()
            )
        return self._list(wanted.order_by(_R.added_us.desc()).limit(limit))

    def mark(self, peer: MemberId) -> tuple[int, int]:
        """Return the number of the reports of threads with a member, and when the newest of their states was added."""
        counted = select(func.count(), func.coalesce(func.max(_R.added_us), literal_column("0"))).where(_R.peer == peer)
        with self._database.snapshot("reports") as connection:
            count, newest_us = connection.execute(counted).one()
        return count, newest_us

    def of(self, peer: MemberId) -> list[ListedReport]:
        """Return the reports of threads with a member that were not withdrawn, those that were added last first."""
        return self._list(select(desk_report).where(_STANDS, _R.peer == peer).order_by(_R.added_us.desc()))

    def added(self, after_us: int, limit: int) -> list[ListedReport]:
        """Return the reports that were added, or withdrawn, after a time, in the order of that."""
        return self._list(select(desk_report).where(_R.added_us > after_us).order_by(_R.added_us).limit(limit))

    def report(self, key: ThreadKey) -> ListedReport | None:
        """Return one report, or None."""
        found = self._list(select(desk_report).where(_R.peer == key.peer, _R.thread_id == key.thread_id))
        return found[0] if found else None

    def _list(self, statement: Select[Any]) -> list[ListedReport]:
        with self._database.snapshot("reports") as connection:
            rows = connection.execute(statement).all()
        return [
            ListedReport(ThreadKey(MemberId(peer), ExchangeId(thread)), added, version, withdrawn, until)
            for peer, thread, added, version, withdrawn, until in rows
        ]


def _token(seals: DeskSeals, key: str) -> bytes:
    return seals.token(f"report {key}") or b""


_FORGET = delete(desk_report_key).where(_K.peer == bindparam("the_peer"), _K.thread_id == bindparam("the_thread"))


@cache
def _put_key(*, shared: bool) -> ClauseElement:
    named: dict[str, Any] = {column.name: bindparam(column.name) for column in desk_report_key.c}
    return insert_for(desk_report_key, shared=shared).values(named).on_conflict_do_nothing()


@cache
def _put(*, shared: bool) -> ClauseElement:
    """Return the insertion of a report, or of its new state. No two rows have one time: who reads on misses none.

    They are some way apart, since a bridge gives each object of a report a time of its own behind its row's.
    """
    newest = select(func.max(_R.added_us)).scalar_subquery()
    now_us = bindparam("now_us", type_=_R.added_us.type)
    following = newest + literal_column(str(_APART_US))
    added_us = case((following > now_us, following), else_=now_us)
    named: dict[str, Any] = {column.name: bindparam(column.name) for column in desk_report.c}
    statement = insert_for(desk_report, shared=shared).values(named | {"added_us": added_us})
    same = [column.name for column in desk_report.primary_key]
    new = {column.name: statement.excluded[column.name] for column in desk_report.c if not column.primary_key}
    return statement.on_conflict_do_update(index_elements=same, set_=new)
