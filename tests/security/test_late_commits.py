"""A machine that is cut off from the database holds up no other one, and what it sent before comes too late."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.log.log import AuditLog
from gateway.ports.journal import Logged
from gateway.storage.database.engine import Database
from gateway.storage.database.postgres import open_postgres
from gateway.storage.log.log_store import SqlLogStore
from tests.support import schemas
from tests.support.audit_logs import LogHome, answered
from tests.support.databases import PASSWORD, server
from tests.support.link import Link

pytestmark = pytest.mark.process

FAIL_OVER_S = 2.0


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogHome]:
    server("postgresql").execute("", [f"ALTER ROLE postgres PASSWORD '{PASSWORD}'"])
    monkeypatch.setattr(LogHome, "engine", "postgresql")
    made = LogHome(tmp_path)
    with made.database():
        yield made


def log_on(home: LogHome, database: Database) -> AuditLog:
    store = SqlLogStore(database, home.keystore)
    return AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)


def keepalive(database: Database) -> object:
    with database.read("settings") as connection:
        return connection.exec_driver_sql("SHOW tcp_keepalives_idle").scalar()


async def test_h8_a_commit_that_the_network_delivers_late_is_refused_and_holds_no_other_up(home: LogHome) -> None:
    link, aside = Link(server("postgresql").port), asyncio.to_thread
    proxy = await asyncio.start_server(link.serve, "127.0.0.1", 0)
    address = f"127.0.0.1:{proxy.sockets[0].getsockname()[1]}/postgres"
    options = f"options=-csearch_path%3D{schemas.schema(home.folder)}"
    far = await aside(open_postgres, f"postgresql://postgres:{PASSWORD}@{address}?{options}")
    near = home.open()
    cut_off, other = await aside(log_on, home, far), await aside(log_on, home, near)
    await aside(cut_off.append, [answered()])
    link.stall()
    late = asyncio.create_task(aside(cut_off.append, [answered()]))
    async with asyncio.timeout(FAIL_OVER_S):
        (between,) = await aside(other.append, [answered()])
    assert not late.done()
    link.restore()
    (after,) = await late
    assert isinstance(between, Logged)
    assert isinstance(after, Logged)
    assert [(place.index, place.number) for place in (between, after)] == [(1, 2), (2, 3)]
    assert await aside(keepalive, far) == "5"  # so the server knows when a machine is gone, and lets another one lead
    for log, database in ((cut_off, far), (other, near)):
        await aside(log.close)
        await aside(database.close)
    proxy.close()
    link.cut()
