"""A pass over all rows ends when the server says nothing any more: rows that are streamed are watched like others."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.sql.connection.connect import Connection
from adapters.sql.connection.watchdog import GRACE_SECONDS
from adapters.sql.tables import Wanted, _close
from gateway.clock import SystemClock
from gateway.errors import LiaisonError
from tests.support.databases import wait_until
from tests.support.load import waiting
from tests.support.sql_agencies import KINDS, SqlAgency, sql_agency

CLOCK = SystemClock()


@pytest.fixture(params=KINDS[1:])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    return sql_agency(request.param, tmp_path)


def stop(process: int) -> None:
    """Stop a process, and return when each of its threads stands still: until then it may answer."""
    os.kill(process, signal.SIGSTOP)
    wait_until(lambda: all(_stands_still(task) for task in Path(f"/proc/{process}/task").iterdir()), "it does not stop")


def _stands_still(task: Path) -> bool:
    return (task / "stat").read_text().rpartition(")")[2].split()[0] in "tT"


@pytest.fixture
def stopped(served: SqlAgency, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A source whose server stops as soon as a connection for streamed rows is open."""
    assert served.server is not None
    assert served.server.process is not None
    source = served.rows(CLOCK)
    processes = [served.server.process.pid]

    class Stopping(Connection):
        def stream(self, *arguments: Any) -> Iterator[Any]:
            if served.kind == "postgresql":
                processes.append(self.driver.execute("SELECT pg_backend_pid()").fetchone()[0])
            for process in processes:
                stop(process)
            return super().stream(*arguments)

    monkeypatch.setattr("adapters.sql.tables.Connection", Stopping)
    yield source
    for process in processes:
        if Path(f"/proc/{process}").exists():
            os.kill(process, signal.SIGCONT)
    source.close()


def test_a_server_that_stops_while_rows_are_streamed_costs_the_deadline(stopped: Any) -> None:
    failures: list[LiaisonError] = []

    def read() -> None:
        try:
            list(
                stopped._tables.stream(Wanted(stopped.catalogue.place("cars"), ("plate",)), (), CLOCK.monotonic() + 0.2)
            )
        except LiaisonError as error:
            failures.append(error)

    reader = threading.Thread(target=read, daemon=True)
    with waiting() as watch:
        reader.start()
        reader.join(30)
    assert watch.seconds < 0.2 + GRACE_SECONDS + 2
    assert not reader.is_alive()
    assert len(failures) == 1


def test_a_server_that_stops_before_a_connection_is_given_back_costs_little(served: SqlAgency) -> None:
    """Giving it back asks the server to roll back, which nobody would wait for otherwise."""
    assert served.server is not None
    assert served.server.process is not None
    source = served.rows(CLOCK)
    tables = source._tables
    connection = Connection(tables.engine, CLOCK, tables._watchdog)
    connection.fetch("SELECT 1", (), CLOCK.monotonic() + 5)
    processes = [served.server.process.pid]
    if served.kind == "postgresql":
        connection.driver.autocommit = False
        processes.append(connection.fetch("SELECT pg_backend_pid()", (), CLOCK.monotonic() + 5)[0][0])
    closing = threading.Thread(target=_close, args=(connection,), daemon=True)
    try:
        for process in processes:
            stop(process)
        with waiting() as watch:
            closing.start()
            closing.join(30)
        assert not closing.is_alive()
        assert watch.seconds < 1 + GRACE_SECONDS + 2
    finally:
        for process in processes:
            os.kill(process, signal.SIGCONT)
        source.close()
