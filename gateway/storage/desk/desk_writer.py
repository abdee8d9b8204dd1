"""Write the desk's rows in the transaction of the entries that they belong to: one statement for each table.

Writers of threads take turns. In one process that is a lock, held from the comparison of versions until the log's turn
ends. On a server's database it is one advisory lock for the whole desk, held until the transaction ends: row locks
would not hold a thread that two logs make at once, and upserts of two logs in another order would wait for each other
for ever. It is always taken before the log's own row, and after the lock of those who seal.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    case,
    delete,
    select,
    text,
    tuple_,
    update,
)
from sqlalchemy.sql.elements import ClauseElement

from gateway.model.desk.threads import ThreadKey
from gateway.model.desk.work import Direction, HoldingState
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows
from gateway.ports.log_store import NewEntry
from gateway.storage.database.desk_tables import (
    desk_attachment,
    desk_delivery,
    desk_holding,
    desk_notice,
    desk_thread,
    desk_work,
)
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import Prepared, run_together
from gateway.storage.database.upsert import insert_for
from gateway.storage.desk.reports import ReportWriter
from gateway.storage.desk.rows import delivery_row, file_row, holding_row, notice_row, thread_row, work_row
from gateway.storage.desk.sealing import DeskSeals
from gateway.storage.documents.document_store import SEALING
from gateway.storage.keys.keystore import KeyStore

_DESK = 0x6C6961_6465
_TURN = (
    "SELECT set_config('idle_in_transaction_session_timeout', '1500', true),"
    f" pg_advisory_xact_lock_shared({SEALING}), pg_advisory_xact_lock({_DESK})"
)
"""The server ends the turn of a process that stands still in it, before others have waited two seconds."""


class DeskWriter:
    """Writes the rows of one database. Thread-safe."""

    def __init__(self, database: Database, keystore: KeyStore) -> None:
        self._database = database
        self._seals = DeskSeals(keystore)
        self._lock = threading.Lock()
        self._held = threading.local()
        dialect, shared = database.engine.dialect, database.shared
        self._put_thread = Prepared(_upsert(desk_thread, shared=shared), dialect)
        self._put_notice = Prepared(_upsert(desk_notice, shared=shared, keep="version"), dialect)
        self._put_delivery = Prepared(_upsert(desk_delivery, shared=shared), dialect)
        self._put_work = Prepared(_upsert(desk_work, shared=shared), dialect)
        self._put_holding = Prepared(_upsert(desk_holding, shared=shared, state=_kept_state), dialect)
        self._put_file = Prepared(_upsert(desk_attachment, shared=shared), dialect)
        self._erase = Prepared(_ERASE, dialect)
        self._reports = ReportWriter(self._seals, dialect, shared=shared)
        self._erase_files = Prepared(_ERASE_FILES, dialect)
        self._version = Prepared(_VERSION, dialect)

    # ------------------------------------------------------------ turns

    def versions(self, keys: Collection[ThreadKey], turn: Connection | None) -> Mapping[ThreadKey, int]:
        """Return the versions of those threads that exist, which stay until `release`, or the end of `turn`."""
        if turn is not None:
            self._take_turn(turn)
            c = desk_thread.c
            found = select(c.peer, c.thread_id, c.version).where(tuple_(c.peer, c.thread_id).in_(_pairs(keys)))
            rows = turn.execute(found).all()
        else:
            self._lock.acquire()
            self._held.here = True
            with self._database.read("threads") as connection:
                named = ({"the_peer": key.peer, "the_thread": key.thread_id} for key in keys)
                rows = [row for values in named for row in self._version.rows(connection, values)]
        return {ThreadKey(MemberId(peer), ExchangeId(thread)): version for peer, thread, version in rows}

    def release(self) -> None:
        """Let other threads of this process write, where this one holds the lock."""
        if getattr(self._held, "here", False):
            self._held.here = False
            self._lock.release()

    def _take_turn(self, connection: Connection) -> None:
        connection.exec_driver_sql(_TURN)
        self._seals.keystore.look_again()

    # ------------------------------------------------------------ writing

    def write(self, connection: Connection, log: str, entries: Sequence[NewEntry]) -> None:
        """Write the rows of entries of `log`, in the transaction of `connection`."""
        if self._database.shared:
            self._take_turn(connection)
        batch = [(entry, entry.rows) for entry in entries if entry.rows is not None]
        seals = self._seals
        work = (
            (self._put_thread, [thread_row(x.thread, seals, entry.time_us) for entry, x in batch if x.thread]),
            (
                self._put_notice,
                [
                    notice_row(x.notice, seals, entry.time_us, _version(x), (log, entry.index))
                    for entry, x in batch
                    if x.notice
                ],
            ),
            (self._put_delivery, [delivery_row(delivery) for _, x in batch for delivery in x.deliveries]),
            (self._put_work, [work_row(item, seals, entry.time_us) for entry, x in batch for item in x.works]),
            (self._put_holding, [holding_row(copy, seals, entry.time_us) for entry, x in batch for copy in x.holdings]),
            (self._put_file, [file_row(file, seals, entry.time_us) for entry, x in batch for file in x.files]),
            (
                self._erase_files,
                [
                    self._erase_files.values({"the_peer": _peer(entry, x), "the_notice": notice_id})
                    for entry, x in batch
                    for notice_id in x.erased
                ],
            ),
            (
                self._erase,
                [
                    self._erase.values({"the_peer": _peer(entry, x), "the_notice": notice_id, "envelope": b""})
                    for entry, x in batch
                    for notice_id in x.erased
                ],
            ),
            *self._reports.work((entry.time_us, report) for entry, x in batch for report in x.reports),
        )
        if found := [(statement, rows) for statement, rows in work if rows]:
            run_together(connection, found)


def _version(rows: DeskRows) -> int:
    return rows.thread.version if rows.thread else 0


def _peer(entry: NewEntry, rows: DeskRows) -> str:
    """Return the counterpart whose notices rows erase: another's may have the same id."""
    return rows.thread.key.peer if rows.thread else entry.peer


def _pairs(keys: Collection[ThreadKey]) -> list[tuple[str, str]]:
    return [(key.peer, key.thread_id) for key in sorted(keys)]


def _kept_state(new: ColumnElement[str]) -> ColumnElement[str]:
    """Return the state of a copy from abroad: what its owner has changed is never shown again, whatever comes later."""
    old = desk_holding.c
    is_shown_again = and_(old.direction == text(f"'{Direction.IN.value}'"), new == text(f"'{HoldingState.HELD.value}'"))
    return case((is_shown_again, old.state), else_=new)


@cache
def _upsert(
    table: Table,
    *,
    shared: bool,
    keep: str = "",
    state: Callable[[ColumnElement[str]], ColumnElement[str]] | None = None,
) -> ClauseElement:
    """Return the insertion of a row that replaces the one with its key, but for the column `keep`.

    `state` returns what the column of this name becomes, from its new value.
    """
    statement = insert_for(table, shared=shared).values({column.name: bindparam(column.name) for column in table.c})
    same = [column.name for column in table.primary_key]
    new: dict[str, Any] = {
        column.name: statement.excluded[column.name]
        for column in table.c
        if not column.primary_key and column.name != keep
    }
    if state is not None:
        new["state"] = state(statement.excluded["state"])
    return statement.on_conflict_do_update(index_elements=same, set_=new)


_ERASE = (
    update(desk_notice)
    .where(desk_notice.c.peer == bindparam("the_peer"), desk_notice.c.notice_id == bindparam("the_notice"))
    .values(envelope=bindparam("envelope"))
)

_ERASE_FILES = delete(desk_attachment).where(
    desk_attachment.c.peer == bindparam("the_peer"), desk_attachment.c.notice_id == bindparam("the_notice")
)

_VERSION = select(desk_thread.c.peer, desk_thread.c.thread_id, desk_thread.c.version).where(
    desk_thread.c.peer == bindparam("the_peer"), desk_thread.c.thread_id == bindparam("the_thread")
)
"""One thread's version. On a file each is a call of the driver, which costs less than one statement for all of them."""
