"""The kinds of database: how each is reached, kept from writing, and stopped at a deadline.

A session that is set up here is asked afterwards to confirm that it cannot write; where the server has no such
switch (SQL Server, Oracle) the administrator must have said that the account can only read. The options that a URL
may carry beside host and database are a closed list, so that none of them can undo this.
"""

from __future__ import annotations

import ipaddress
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from adapters.sql.connection.access import SqlAccess
from gateway.config.toml import nearest
from gateway.errors import Misconfigured

LOCK_SECONDS = 1
"""The longest that a statement waits for a lock of the agency's own work."""

_CONNECT_SECONDS = 3
_STEPS_BETWEEN_CHECKS = 20_000
_SQL_ASCII = "SQL_ASCII"


@dataclass(frozen=True, slots=True)
class Package:
    """The software that a kind needs: Python's package, the gateway's extra that has it, and system software."""

    name: str
    extra: str = ""
    system: str = ""

    @property
    def remedy(self) -> str:
        """The command that installs it."""
        wanted = f"liaison-gateway[{self.extra}]" if self.extra else self.name
        said = f"pip install '{wanted}'" + (f" (its extra brings {self.name})" if self.extra else "")
        return f"{said}; it also needs {self.system}" if self.system else said


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of database.

    `options` are the URL's allowed query keys. `arguments` makes the driver's own from address and access.
    `prepare` runs once for each connection and returns whether the session cannot write; without it the account's
    promise counts. `limit` sets the seconds after which the server ends a statement, None where the client does;
    `is_stop` knows the error that it then gives. `stream` runs a statement whose rows do not fit into memory and gives
    them in batches. `many` bounds the values of one statement.
    """

    name: str
    driver: str
    package: Package
    options: frozenset[str]
    arguments: Callable[[URL, SqlAccess], dict[str, Any]]
    prepare: Callable[[Any], bool] | None
    limit: Callable[[Any, float], None] | None
    is_stop: Callable[[BaseException], bool]
    stream: Callable[[Any, str, Any, int], Iterator[Sequence[Any]]]
    many: int = 2_000


def _fetched(driver: Any, sql: str, parameters: Any, size: int) -> Iterator[Sequence[Any]]:
    yield from _batches(driver.cursor(), sql, parameters, size)


def _batches(cursor: Any, sql: str, parameters: Any, size: int) -> Iterator[Sequence[Any]]:
    cursor.execute(sql, parameters)
    while batch := cursor.fetchmany(size):
        yield batch


# ---------------------------------------------------------------- SQLite


def _sqlite_arguments(_address: URL, _access: SqlAccess) -> dict[str, Any]:
    return {"check_same_thread": False, "timeout": float(LOCK_SECONDS)}


def _sqlite_text(raw: bytes) -> str | bytes:
    """Return the text, or the bytes if they are not UTF-8: another program wrote those, in the mapping's encoding."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _sqlite_prepare(driver: Any) -> bool:
    driver.text_factory = _sqlite_text
    driver.execute("PRAGMA query_only = ON")
    return bool(driver.execute("PRAGMA query_only").fetchone()[0] == 1)


def watch_sqlite(driver: Any, overdue: Callable[[], bool]) -> None:
    """Ask `overdue` repeatedly while a statement runs, and end the statement when it returns true."""
    driver.set_progress_handler(lambda: int(overdue()), _STEPS_BETWEEN_CHECKS)


# ---------------------------------------------------------------- PostgreSQL

_POSTGRES_SESSION = (
    "-c default_transaction_read_only=on"
    f" -c lock_timeout={LOCK_SECONDS * 1000}"
    " -c idle_in_transaction_session_timeout=60000"
    " -c datestyle=ISO"
)
_POSTGRES_AS_TEXT = ("date", "timestamp", "timestamptz", "time", "timetz", "interval")


def _postgres_arguments(address: URL, access: SqlAccess) -> dict[str, Any]:
    made: dict[str, Any] = {
        "options": _POSTGRES_SESSION,
        "connect_timeout": _CONNECT_SECONDS,
        "application_name": "liaison",
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "tcp_user_timeout": 10_000,
        "client_encoding": "utf8",
    }
    if not is_local(address) or access.ssl_ca:
        # Without a file of their own the operating system's authorities are asked (libpq 16 and newer).
        made |= {"sslmode": "verify-full", "sslrootcert": access.ssl_ca or "system"}
    if access.ssl_cert:
        made |= {"sslcert": access.ssl_cert, "sslkey": access.ssl_key}
    return made


def _postgres_prepare(driver: Any) -> bool:
    from adapters.sql.connection.postgres import TimeAsText

    for name in _POSTGRES_AS_TEXT:
        driver.adapters.register_loader(name, TimeAsText)
    if driver.info.server_version >= 140_000:
        # The server ends a statement when the node that asked has gone.
        driver.execute("SET client_connection_check_interval = 1000")
    return bool(driver.execute("SHOW transaction_read_only").fetchone()[0] == "on")


def read_bytes(driver: Any) -> None:
    """Make the server give texts as bytes if it does not know their encoding; the mapping's `encoding` does."""
    if driver.info.parameter_status("server_encoding") == _SQL_ASCII:
        driver.execute(f"SET client_encoding = '{_SQL_ASCII}'")


def _postgres_limit(driver: Any, seconds: float) -> None:
    driver.execute(f"SET statement_timeout = {max(1, round(seconds * 1000))}")


def _postgres_stream(driver: Any, sql: str, parameters: Any, size: int) -> Iterator[Sequence[Any]]:
    rows = driver.cursor().stream(sql, parameters, size=size)
    while batch := list(islice(rows, size)):
        yield batch


def _postgres_stopped(error: BaseException) -> bool:
    return getattr(error, "sqlstate", "") == "57014"


# ---------------------------------------------------------------- MariaDB and MySQL


def _mysql_arguments(address: URL, access: SqlAccess) -> dict[str, Any]:
    from pymysql.constants import FIELD_TYPE
    from pymysql.converters import conversions

    made: dict[str, Any] = {
        "charset": "utf8mb4",
        "connect_timeout": _CONNECT_SECONDS,
        "local_infile": False,
        "program_name": "liaison",
        "conv": conversions | {FIELD_TYPE.BIT: lambda raw: int.from_bytes(raw), FIELD_TYPE.TIME: str},
    }
    if not is_local(address) or access.ssl_ca:
        context = ssl.create_default_context(cafile=access.ssl_ca or None)
        if access.ssl_cert:
            context.load_cert_chain(access.ssl_cert, access.ssl_key)
        made["ssl"] = context
    return made


def _mysql_prepare(driver: Any) -> bool:
    is_mariadb = "mariadb" in str(driver.get_server_info()).lower()
    with driver.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION READ ONLY")
        cursor.execute(f"SET SESSION lock_wait_timeout = {LOCK_SECONDS}, innodb_lock_wait_timeout = {LOCK_SECONDS}")
        # MySQL has a name of its own for it since 8.0; MariaDB keeps the older one.
        cursor.execute(f"SELECT @@SESSION.{'tx_read_only' if is_mariadb else 'transaction_read_only'}")
        return bool(cursor.fetchone()[0] == 1)


def _mysql_limit(driver: Any, seconds: float) -> None:
    is_mariadb = "mariadb" in str(driver.get_server_info()).lower()
    text = f"max_statement_time = {seconds:.3f}" if is_mariadb else f"max_execution_time = {round(seconds * 1000)}"
    with driver.cursor() as cursor:
        cursor.execute(f"SET SESSION {text}")


def _mysql_stream(driver: Any, sql: str, parameters: Any, size: int) -> Iterator[Sequence[Any]]:
    from pymysql.cursors import SSCursor

    yield from _batches(driver.cursor(SSCursor), sql, parameters, size)


def _mysql_stopped(error: BaseException) -> bool:
    # 1969: MariaDB's statement time; 3024: MySQL's; 1317: the statement was interrupted.
    return bool(error.args) and error.args[0] in (1969, 3024, 1317)


# ---------------------------------------------------------------- SQL Server and Oracle


def _mssql_arguments(address: URL, _access: SqlAccess) -> dict[str, Any]:
    made: dict[str, Any] = {"timeout": _CONNECT_SECONDS, "ApplicationIntent": "ReadOnly"}
    return made if is_local(address) else made | {"Encrypt": "yes", "TrustServerCertificate": "no"}


def _mssql_limit(driver: Any, seconds: float) -> None:
    driver.timeout = max(1, round(seconds))


def _oracle_arguments(_address: URL, _access: SqlAccess) -> dict[str, Any]:
    return {"tcp_connect_timeout": float(_CONNECT_SECONDS)}


def _oracle_limit(driver: Any, seconds: float) -> None:
    driver.call_timeout = max(1, round(seconds * 1000))


def _never(_error: BaseException) -> bool:
    return False


# ---------------------------------------------------------------- the table

_MYSQL_OPTIONS = frozenset({"unix_socket"})
_MYSQL = (_MYSQL_OPTIONS, _mysql_arguments, _mysql_prepare, _mysql_limit, _mysql_stopped, _mysql_stream)

KINDS: Mapping[str, Kind] = {
    "sqlite": Kind(
        "sqlite", "sqlite", Package(""), frozenset(), _sqlite_arguments, _sqlite_prepare, None, _never, _fetched
    ),
    "postgresql": Kind(
        "postgresql",
        "postgresql+psycopg",
        Package("psycopg[binary]", "postgresql"),
        frozenset({"host", "port"}),
        _postgres_arguments,
        _postgres_prepare,
        _postgres_limit,
        _postgres_stopped,
        _postgres_stream,
    ),
    "mysql": Kind("mysql", "mysql+pymysql", Package("pymysql", "mariadb"), *_MYSQL),
    "mariadb": Kind("mariadb", "mariadb+pymysql", Package("pymysql", "mariadb"), *_MYSQL),
    "mssql": Kind(
        "mssql",
        "mssql+pyodbc",
        Package("pyodbc", system="unixODBC (Debian: unixodbc) and Microsoft's ODBC driver for SQL Server"),
        frozenset({"driver"}),
        _mssql_arguments,
        None,
        _mssql_limit,
        _never,
        _fetched,
        1_000,
    ),
    "oracle": Kind(
        "oracle",
        "oracle+oracledb",
        Package("oracledb"),
        frozenset({"service_name"}),
        _oracle_arguments,
        None,
        _oracle_limit,
        _never,
        _fetched,
        900,
    ),
}
"""By the URL's scheme. The last two were written from their documents and not run (docs/guides/databases.md)."""


def is_local(address: URL) -> bool:
    """Tell whether the address is a socket or a loopback address, so that nothing crosses a network."""
    if "unix_socket" in address.query:
        return True
    named = [address.host or "", *_texts(address.query.get("host"))]
    # libpq takes a list, and goes on to the next host when one does not answer.
    return all(_is_loopback(host.strip()) for text in named for host in text.split(","))


def _texts(value: Any) -> list[str]:
    return [] if value is None else [value] if isinstance(value, str) else list(value)


def _is_loopback(host: str) -> bool:
    if not host or host.startswith("/") or host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address_of(url: str, access: SqlAccess) -> tuple[Kind, URL]:
    """Return the kind of database and the address for its driver.

    Raises `Misconfigured` if `url` is not a database's address, has an option that is not allowed or a second user or
    password, or if the account's promise is missing. No message holds the URL itself.
    """
    try:
        address = make_url(url)
    except (ArgumentError, ValueError):
        remedy = "such as postgresql://host:5432/database (the port is a number) or sqlite:////path/to/file.sqlite"
        raise _bad("the source's address cannot be used", remedy) from None
    scheme, _, driver = address.drivername.partition("+")
    kind = KINDS.get(scheme)
    if kind is None:
        raise _bad(f"no database is called `{scheme}`", nearest(scheme, KINDS))
    if driver and address.drivername != kind.driver:
        raise _bad(f"the driver `{driver}` is not served", f"write `{scheme}://`; {kind.driver} is used")
    for option in sorted(address.query):
        if option not in kind.options:
            raise _bad(f"the option `{option}` is not allowed in the address", _options_advice(kind, option))
    _check_account(kind, address, access)
    if "driver" in kind.options and not address.query.get("driver"):
        raise _bad(f"the address of {kind.name} names no ODBC driver", "add ?driver=ODBC+Driver+18+for+SQL+Server")
    if scheme == "sqlite":
        return kind, _sqlite_address(address)
    address = address.set(drivername=kind.driver)
    if access.user:
        address = address.set(username=access.user)
    return kind, address.set(password=access.password) if access.password else address


def _sqlite_address(address: URL) -> URL:
    if not address.database or address.database == ":memory:":
        raise _bad(
            "a source needs a database file",
            "sqlite:////path/to/file.sqlite, or sqlite:///file.sqlite in this folder: three strokes, then the path",
        )
    return address.set(database=f"file:{quote(address.database)}", query={"mode": "ro", "uri": "true"})


def _check_account(kind: Kind, address: URL, access: SqlAccess) -> None:
    if (access.user and address.username) or (access.password and address.password):
        raise _bad("user and password stand in the address and in the access file", "take them out of the address")
    if kind.prepare is None and not access.account_is_read_only:
        raise _bad(
            f"a session of {kind.name} cannot be kept from writing",
            "give the node an account that can only read, then set `account_is_read_only = true` under [sql] "
            "in the source's access file",
        )


def _options_advice(kind: Kind, option: str) -> str:
    if option.startswith("ssl"):
        return "certificates stand in the access file, under [sql]"
    return f"only {', '.join(sorted(kind.options))}" if kind.options else "leave it away"


def _bad(message: str, remedy: str) -> Misconfigured:
    return Misconfigured(message, code="bad-address", where="url", remedy=remedy)
