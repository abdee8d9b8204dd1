"""A node's database on PostgreSQL, opened only where a commit is durable (threats.md, H10).

The server must run with `fsync` and `full_page_writes`, the session with `synchronous_commit` of `on` or more, and
the server must not be a standby. What it really runs with is checked, not what an address asks for.

A process that stands still inside a transaction would hold the log for all others, so the server ends such a
transaction after `_IDLE_MS`, and who waits longer than `_LOCK_MS` fails. Both end that process, never the log.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import URL, Connection, NullPool, create_engine, event, make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError

from gateway.errors import Misconfigured
from gateway.storage.engine import Database, Ways

POSTGRESQL = Ways(
    {"isolation_level": "AUTOCOMMIT"}, {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}, shared=True
)

_IDLE_MS = 10_000
_LOCK_MS = 20_000
_CONNECT_S = 10
_OLDEST = 140_000
_SESSION = (
    f"-c lock_timeout={_LOCK_MS} -c idle_in_transaction_session_timeout={_IDLE_MS} -c default_transaction_read_only="
)
_KEEPALIVE: Mapping[str, Any] = {
    "connect_timeout": _CONNECT_S,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 2,
    "tcp_user_timeout": 10_000,
    "client_encoding": "utf8",
    "application_name": "liaison",
}
_DURABLE = {
    "fsync": ({"on"}, "on"),
    "full_page_writes": ({"on"}, "on"),
    "synchronous_commit": ({"on", "remote_apply"}, "on"),
}
_LOOPBACK = ("", "localhost", "127.0.0.1", "::1")
_WHERE = "storage.url"


@dataclass(frozen=True, slots=True)
class StorageIdentity:
    """Which cluster of PostgreSQL this is, and on which timeline: a promoted standby begins a new one."""

    system: str
    timeline: int


def open_postgres(address: str, *, read_only: bool = False) -> Database:
    """Open the database at `address` (`postgresql://…`).

    Raises `Misconfigured` when the address is wrong or the server's settings are weaker than durable,
    `StorageBroken` when the server cannot be reached. No error holds the password.
    """
    url = _checked(address)
    arguments = _arguments(url, read_only=read_only)
    try:
        engine = create_engine(
            url.set(drivername="postgresql+psycopg", query=_kept(url)),
            poolclass=NullPool,
            connect_args=arguments,
            paramstyle="format",
        )
    except ImportError as error:
        raise Misconfigured(
            "the driver of PostgreSQL is not installed",
            where=_WHERE,
            remedy="install the gateway with its extra `postgresql`",
        ) from error

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        connection.prepare_threshold = 2

    database = Database(engine, POSTGRESQL)
    try:
        with database.read("settings") as connection:
            require_server(connection)
            if not read_only:
                require_durable_server(connection)
    except BaseException:
        database.close()
        raise
    return database


def require_server(connection: Connection) -> None:
    """Raise `Misconfigured` for a server that is too old, or whose texts are not UTF-8."""
    version = int(_show(connection, "server_version_num"))
    if version < _OLDEST:
        raise Misconfigured(
            f"PostgreSQL {version // 10_000} is too old", where=_WHERE, remedy="use PostgreSQL 14 or newer"
        )
    encoding = _show(connection, "server_encoding")
    if encoding != "UTF8":
        raise Misconfigured(
            f"the database's encoding is `{encoding}`", where=_WHERE, remedy="create it with ENCODING 'UTF8'"
        )


def require_durable_server(connection: Connection) -> None:
    """Check what the session really runs with; `Misconfigured` when a commit could be lost, or cannot be made."""
    found = {name: _show(connection, name) for name in _DURABLE}
    wrong = [name for name, (good, _) in _DURABLE.items() if found[name] not in good]
    if wrong:
        raise Misconfigured(
            f"the database is not durable: {', '.join(f'{name} is `{found[name]}`' for name in wrong)}",
            code="weak-storage",
            where=_WHERE,
            remedy="as the server's administrator: "
            + " ".join(f"ALTER SYSTEM SET {name} = '{_DURABLE[name][1]}';" for name in wrong)
            + " SELECT pg_reload_conf(); also look at ALTER ROLE and ALTER DATABASE … SET",
        )
    if connection.exec_driver_sql("SELECT pg_is_in_recovery()").scalar():
        raise Misconfigured(
            "the server is a standby: it takes no writes",
            code="storage-standby",
            where=_WHERE,
            remedy="name the primary, or all servers: postgresql://…?host=a&host=b&target_session_attrs=read-write",
        )


def identity(database: Database) -> StorageIdentity | None:
    """What `database` runs on; None where it is a file.

    The timeline is that of the write-ahead log and not of `pg_control_checkpoint`, which after a promotion shows
    the old one until the next checkpoint.
    """
    if not database.shared:
        return None
    with database.read("storage identity") as connection:
        row = connection.exec_driver_sql(
            "SELECT system_identifier::text, left(pg_walfile_name(pg_current_wal_insert_lsn()), 8)"
            " FROM pg_control_system()"
        ).one()
    return StorageIdentity(row[0], int(row[1], 16))


def _show(connection: Connection, name: str) -> str:
    return str(connection.exec_driver_sql(f"SHOW {name}").scalar())


def _checked(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise Misconfigured("this is no address of a database", where=_WHERE, remedy=_FORM) from error
    if url.drivername not in ("postgresql", "postgresql+psycopg") or not url.database:
        raise Misconfigured("the address names no database of PostgreSQL", where=_WHERE, remedy=_FORM)
    return url


_FORM = "postgresql://USER@HOST/DATABASE, without a password"


def _arguments(url: URL, *, read_only: bool) -> dict[str, Any]:
    given = {name: value for name, value in url.query.items() if isinstance(value, str)}
    made = dict(_KEEPALIVE)
    # Ours come last, and the last one counts.
    made["options"] = f"{given.get('options', '')} {_SESSION}{'on' if read_only else 'off'}".strip()
    if any(not _is_local(host) for host in _hosts(url)):
        if given.get("sslmode", "verify-full") != "verify-full":
            raise Misconfigured(
                f"sslmode `{given['sslmode'][:20]}` does not prove which server answers",
                code="weak-storage",
                where=_WHERE,
                remedy="leave sslmode out, and name the authority of the server's certificate: ?sslrootcert=FILE",
            )
        made |= {"sslmode": "verify-full", "sslrootcert": given.get("sslrootcert", "system")}
    return made


def _kept(url: URL) -> dict[str, Any]:
    return {name: value for name, value in url.query.items() if name != "options"}


def _hosts(url: URL) -> list[str]:
    named = url.query.get("host", ())
    hosts = [named] if isinstance(named, str) else list(named)
    return [host for text in hosts for host in text.split(",")] or [url.host or os.environ.get("PGHOST", "")]


def _is_local(host: str) -> bool:
    name = host.rpartition(":")[0] if host.count(":") == 1 else host
    return name.startswith("/") or name in _LOOPBACK
