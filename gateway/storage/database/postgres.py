"""A node's database on PostgreSQL, opened only where a commit is durable (CASE-H10).

The server must run with `fsync` and `full_page_writes`, the session with `synchronous_commit` of `on` or more, and the
server must not be a standby. The settings in force are checked, not those that an address asks for.

A process that stands still inside a transaction would hold its locks for all others, so the server ends such a
transaction (`SESSION` of `gateway.storage.database.postgres_address`), which is then made again. A process that waits
too long for the log fails, and ends. Long reads hold up no other process: between two of their statements a backup may
wait for its disk. A server that stands still ends no process: whatever needs it waits (decision 0129).
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Dialect, NullPool, create_engine, event

from gateway.errors import Misconfigured, StorageBroken
from gateway.host.descriptors import is_ready
from gateway.host.failures import is_refusal, met_by_driver
from gateway.storage.database.absence import UNREACHED
from gateway.storage.database.engine import Database, Ways
from gateway.storage.database.postgres_address import SESSION, WHERE, checked_address, connect_arguments, kept_query
from gateway.storage.database.prepared import COMPILED

_OLDEST = 140_000
_DURABLE = {
    "fsync": ({"on"}, "on"),
    "full_page_writes": ({"on"}, "on"),
    "synchronous_commit": ({"on", "remote_apply"}, "on"),
    "data_sync_retry": ({"off"}, "off"),
    "zero_damaged_pages": ({"off"}, "off"),
    "ignore_checksum_failure": ({"off"}, "off"),
}
_UNLOGGED = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'"
    " AND relpersistence <> 'p' ORDER BY relname"
)
_PATIENT = "SET LOCAL idle_in_transaction_session_timeout = '1h'"
_DOUBTS = "doubts"
_LOOK_S = 0.2
_REFUSED_S = 2.0
_ERROR_STATE = re.compile(rb'^[^\n]*\tErrorResponse\t.*? C "([0-9A-Z]{5})"', re.MULTILINE)
"""Finds the state in a line of the driver's account: `B 92 ErrorResponse S "FATAL" V "FATAL" C "3D000" M …`."""


@dataclass(frozen=True, slots=True)
class StorageIdentity:
    """A cluster of PostgreSQL, and its timeline: a promoted standby begins a new one."""

    system: str
    timeline: int

    def __str__(self) -> str:
        return f"PostgreSQL {self.system} timeline {self.timeline}"


def _doubt(connection: Connection) -> str:
    """Return why the last commit may not be where it has to be: PostgreSQL only warns, and calls it done."""
    return "; ".join(connection.info.get(_DOUBTS, ()))


POSTGRESQL = Ways(
    {"isolation_level": "AUTOCOMMIT"},
    {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True},
    first=_PATIENT,
    shared=True,
    doubt=_doubt,
    probe="SELECT pg_logical_emit_message(true, 'liaison', '')",
)


def open_postgres(address: str, *, read_only: bool = False, synchronous: bool = False) -> Database:
    """Open the database at `address` (`postgresql://…`); `synchronous` demands that commits wait for a standby.

    Raises `Misconfigured` when the address is wrong or the server's settings are weaker than durable,
    `StorageBroken` when the server cannot be reached. No error holds the password.
    """
    url = checked_address(address)
    arguments = connect_arguments(url, read_only=read_only)
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg", query=kept_query(url)),
            poolclass=NullPool,
            connect_args=arguments,
            execution_options=COMPILED,
            paramstyle="format",
        )
    except ImportError as error:
        raise Misconfigured(
            "the driver of PostgreSQL is not installed",
            where=WHERE,
            remedy="install the gateway with its extra `postgresql`",
        ) from error
    event.listen(engine, "connect", _configure)
    waiting = _Waiting()
    event.listen(engine, "do_connect", waiting.connect)
    try:
        database = Database(engine, POSTGRESQL)
    except StorageBroken as error:
        raise StorageBroken(error.message, code=error.code, where=WHERE, remedy=UNREACHED) from error
    try:
        with database.read("settings") as connection:
            require_server(connection)
            if not read_only:
                require_session(connection)
                require_durable_server(connection, synchronous=synchronous)
        if not read_only:
            known = identity(database)

            def is_same(connection: Connection) -> bool:
                # A session takes the settings of its own beginning, and they may be weaker by now.
                with _weaker_by_now():
                    require_session(connection)
                    require_durable_server(connection, synchronous=synchronous)
                return _identity(connection) == known

            database.is_same = is_same
    except BaseException:
        database.close()
        raise
    waiting.database = database
    return database


class _Waiting:
    """Has a node wait for further connections to a server that stands still, and does not take it for lost.

    Such a server neither takes a connection nor refuses it, and a node that runs has others that it holds open. Whether
    the server is lost shows there: those break when it ends or its machine is gone. So an attempt that fails counts as
    such only where commits have gone on meanwhile.
    """

    def __init__(self) -> None:
        self.database: Database | None = None
        self._refused = ("", "")

    def connect(self, dialect: Dialect, _record: object, given: Sequence[Any], named: dict[str, Any]) -> Any:
        """Return a connection of the driver. Raises as the driver does."""
        begun = time.monotonic()
        while True:
            try:
                return dialect.connect(*given, **named)
            except dialect.loaded_dbapi.Error as error:
                self._note_state(dialect.loaded_dbapi, error, given, named)
                if self.database is None or not self.database.stands(since=begun):
                    raise
                self.database.places.require("connect", begun)
            time.sleep(_LOOK_S)

    def _note_state(self, driver: Any, error: Any, given: Sequence[Any], named: dict[str, Any]) -> None:
        """Give the error of an attempt the state of SQL with which the server has refused it, asked for once a text."""
        text = str(error)
        if error.sqlstate is None and not met_by_driver(text):
            if self._refused[0] != text:
                self._refused = (text, "")
                with suppress(OSError, driver.Error):
                    self._refused = (text, _refusal(given, named))
            error.sqlstate = self._refused[1] or None


def _refusal(given: Sequence[Any], named: dict[str, Any]) -> str:
    """Return the state of SQL with which a server refuses a connection; an empty text where none is told.

    The driver has the words of a refusal only, and they are in the server's language. So we ask once more, and read
    the state in the driver's account of its messages, which is in memory: it can have a password.
    """
    from psycopg import pq
    from psycopg.conninfo import make_conninfo

    until = time.monotonic() + _REFUSED_S
    libpq: dict[str, Any] = {name: value for name, value in named.items() if isinstance(value, str | int)}
    with open(os.memfd_create("refusal"), "rb") as account:  # noqa: PTH123 - a descriptor
        connection = pq.PGconn.connect_start(make_conninfo(*given, **libpq).encode())
        try:
            connection.trace(account.fileno())
            while connection.status != pq.ConnStatus.BAD and time.monotonic() < until:
                step = connection.connect_poll()
                if step not in (pq.PollingStatus.READING, pq.PollingStatus.WRITING):
                    break
                is_ready(connection.socket, _LOOK_S, to_write=step == pq.PollingStatus.WRITING)
        finally:
            connection.untrace()
            connection.finish()
        account.seek(0)
        found = _ERROR_STATE.search(account.read())
    return found[1].decode() if found and is_refusal(found[1].decode()) else ""


def _configure(connection: Any, record: Any) -> None:
    """Note the warnings of a connection, and fix its `synchronous_commit`: a later reload must not weaken it."""
    connection.prepare_threshold = 2
    doubts = record.info[_DOUBTS] = []
    connection.add_notice_handler(lambda notice: doubts.append(_warning(notice)) if _warning(notice) else None)
    connection.autocommit = True
    connection.execute("SELECT set_config('synchronous_commit', current_setting('synchronous_commit'), false)")
    connection.autocommit = False


def _warning(notice: Any) -> str:
    return str(notice.message_primary) if notice.severity_nonlocalized == "WARNING" else ""


def require_server(connection: Connection) -> None:
    """Raise `Misconfigured` for a server that is too old, or whose texts are not UTF-8."""
    version = int(_show(connection, "server_version_num"))
    if version < _OLDEST:
        raise Misconfigured(
            "PostgreSQL {version} is too old",
            where=WHERE,
            remedy="use PostgreSQL 14 or newer",
            version=version // 10_000,
        )
    encoding = _show(connection, "server_encoding")
    if encoding != "UTF8":
        raise Misconfigured(
            "the database's encoding is `{encoding}`",
            where=WHERE,
            remedy="create it with ENCODING 'UTF8'",
            encoding=encoding,
        )


def require_session(connection: Connection) -> None:
    """Raise `Misconfigured` when the session's settings are not ours: a pooler is between us and the server."""
    for name, wanted in SESSION.items():
        found = _show(connection, name)
        if found != wanted:
            raise Misconfigured(
                "the session's {name} is `{found}` and not `{wanted}`",
                code="storage-pooler",
                where=WHERE,
                remedy="connect to the server itself: a pooler (such as PgBouncer) does not pass settings on, and "
                "hands one session to many",
                name=name,
                found=found,
                wanted=wanted,
            )


def require_durable_server(connection: Connection, *, synchronous: bool = False) -> None:
    """Raise `Misconfigured` when the settings in force could lose a commit, or prevent one."""
    found = {name: _show(connection, name) for name in _DURABLE}
    wrong = [name for name, (good, _) in _DURABLE.items() if found[name] not in good]
    if wrong:
        raise Misconfigured(
            "the database is not durable: {wrong}",
            code="weak-storage",
            where=WHERE,
            remedy="{advice}",
            wrong=", ".join(f"{name} is `{found[name]}`" for name in wrong),
            advice="as the server's administrator: "
            + " ".join(f"ALTER SYSTEM SET {name} = '{_DURABLE[name][1]}';" for name in wrong)
            + " SELECT pg_reload_conf(); also look at the server's command line, and at ALTER ROLE and ALTER DATABASE "
            "… SET",
        )
    if synchronous and not _show(connection, "synchronous_standby_names").strip():
        raise Misconfigured(
            "commits wait for no standby, and storage.synchronous demands it",
            code="weak-storage",
            where="storage.synchronous",
            remedy="name the standby as the server's administrator: ALTER SYSTEM SET synchronous_standby_names = "
            "'FIRST 1 (NAME)'; SELECT pg_reload_conf(); or set storage.synchronous = false",
        )
    unlogged = connection.exec_driver_sql(_UNLOGGED).scalars().all()
    if unlogged:
        raise Misconfigured(
            "a table is not written to the write-ahead log: {unlogged}",
            code="weak-storage",
            where=WHERE,
            remedy="{advice}",
            unlogged=", ".join(unlogged),
            advice=" ".join(f"ALTER TABLE {table} SET LOGGED;" for table in unlogged),
        )
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        raise Misconfigured(
            "the server is a standby: it takes no writes",
            code="storage-standby",
            where=WHERE,
            remedy="name the primary, or all servers: postgresql://…?host=a&host=b&target_session_attrs=read-write",
        )


def identity(database: Database) -> StorageIdentity | None:
    """Return the cluster and timeline of `database`; None where it is a file.

    The timeline is that of the write-ahead log and not of `pg_control_checkpoint`, which after a promotion shows the
    old one until the next checkpoint.
    """
    if not database.shared:
        return None
    with database.read("storage identity") as connection:
        return _identity(connection)


def _identity(connection: Connection) -> StorageIdentity:
    row = connection.exec_driver_sql(
        "SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8) FROM pg_control_system()"
    ).one()
    return StorageIdentity(row[0], int(row[1], 16))


def check_again(database: Database, before: StorageIdentity | None, *, synchronous: bool = False) -> None:
    """Check of a running node's database what `open_postgres` checked. Raises `StorageBroken` when it does not hold any
    more, or when the server is not `before`: a node that starts anew compares its log before it signs."""
    if before is None:
        return
    now = identity(database)
    if now != before:
        raise StorageBroken(
            "the database is now {now} and was {before}",
            where=WHERE,
            remedy="start the node again",
            now=now,
            before=before,
        )
    with _weaker_by_now(), database.read("settings") as connection:
        require_durable_server(connection, synchronous=synchronous)


@contextmanager
def _weaker_by_now() -> Iterator[None]:
    """Raise `StorageBroken` where settings of a running node's database do not fit any more."""
    try:
        yield
    except Misconfigured as error:
        raise StorageBroken(error.message, code=error.code, where=error.where, remedy=error.remedy) from error


def describe(database: Database) -> str:
    """Return a description of the engine and of the safety of a commit, for an administrator."""
    if not database.shared:
        return "SQLite, write-ahead log, every commit synced"
    with database.read("settings") as connection:
        version, standbys = _show(connection, "server_version"), _show(connection, "synchronous_standby_names").strip()
    found = identity(database)
    where = f"system {found.system}, timeline {found.timeline}" if found else ""
    waits = f"and on standby `{standbys}`" if standbys else "no standby is waited for"
    return f"PostgreSQL {version.partition(' ')[0]}, {where}; every commit synced, {waits}"


def _show(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar())
