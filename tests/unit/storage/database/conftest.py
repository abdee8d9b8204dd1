"""A home on PostgreSQL that soon gives up connecting; a file of tests may have one of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.storage.database import postgres_address
from tests.support.audit_logs import LogHome
from tests.support.databases import Server, server


@pytest.fixture
def postgres() -> Server:
    return server("postgresql")


@pytest.fixture
def home(tmp_path: Path, postgres: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogHome]:
    before, LogHome.engine = LogHome.engine, "postgresql"
    monkeypatch.setitem(postgres_address._KEEPALIVE, "connect_timeout", 2)
    yield LogHome(tmp_path)
    LogHome.engine = before
