"""Connections that cannot write, one for each thread, with a deadline."""

from __future__ import annotations

from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Engine, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

from gateway.clock import Clock
from gateway.errors import Misconfigured

_STEPS_BETWEEN_CHECKS = 20_000
_POSTGRES_OPTIONS = "-c default_transaction_read_only=on -c statement_timeout=3000"


def read_only_engine(url: str) -> Engine:
    """An engine that cannot write; `Misconfigured` when `url` is not a database's address."""
    try:
        address = make_url(url)
        if address.get_backend_name() == "sqlite":
            return _sqlite_engine(address)
        options = _POSTGRES_OPTIONS if address.get_backend_name() == "postgresql" else ""
        arguments = {"options": options} if options else {}
        return sa.create_engine(
            address, poolclass=NullPool, connect_args=arguments, isolation_level="AUTOCOMMIT", hide_parameters=True
        )
    except (SQLAlchemyError, ImportError) as error:
        raise Misconfigured(
            "the source's address cannot be used", where="url", remedy="such as sqlite:////path/to/file.sqlite"
        ) from error


def _sqlite_engine(address: URL) -> Engine:
    if not address.database or address.database == ":memory:":
        raise Misconfigured("a source needs a database file", where="url", remedy="sqlite:////path/to/file.sqlite")
    plain = address.set(database=f"file:{quote(address.database)}", query={"mode": "ro", "uri": "true"})
    return sa.create_engine(
        plain, poolclass=NullPool, connect_args={"check_same_thread": False, "timeout": 1.0}, hide_parameters=True
    )


def _text(raw: bytes) -> str | bytes:
    """SQLite's texts are UTF-8 by its own rule; what is not was put there by another rule, the mapping's."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


class Connection:
    """One thread's connection. A statement that outlives `deadline` is interrupted (SQLite)."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._held = engine.raw_connection()
        self._clock = clock
        self.deadline = 0.0
        driver = self._held.driver_connection
        if engine.dialect.name == "sqlite" and driver is not None:
            driver.text_factory = _text
            driver.set_progress_handler(self._overdue, _STEPS_BETWEEN_CHECKS)
        self.cursor = self._held.cursor()

    def _overdue(self) -> int:
        return int(self._clock.monotonic() >= self.deadline)

    def close(self) -> None:
        """Give the connection back; it is not used afterwards."""
        self._held.close()
