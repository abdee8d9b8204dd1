"""A stop whose database is away waits for nothing that cannot come."""

from __future__ import annotations

import os

import pytest

from gateway.app.serve import end_without_database
from gateway.errors import StorageBroken
from gateway.host.ending import BROKEN
from gateway.host.failures import LOST
from gateway.storage.database.absence import Absence
from tests.support.waiting import until


async def test_n285_a_stop_ends_once_its_database_stays_away_and_says_what_was_met(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refused() -> None:
        raise StorageBroken("password authentication failed", code=LOST)

    absence = Absence()
    absence.look = refused
    absence.begin("test")
    codes: list[int] = []
    said: list[BaseException] = []
    monkeypatch.setattr(os, "_exit", codes.append)
    try:
        await until(absence.met, "nobody looks for the server")
        await end_without_database(absence, said.append, 0.05)
    finally:
        absence.end()
    assert codes == [BROKEN]
    assert [getattr(error, "code", "") for error in said] == ["storage-away"]
    assert str(said[0]).endswith("password authentication failed")
