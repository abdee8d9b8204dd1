"""A stop whose database is away waits for nothing that cannot come, and one whose database is slow keeps its loop."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from gateway.app.run.serve import end_without_database
from gateway.errors import StorageBroken
from gateway.host.ending import BROKEN
from gateway.host.failures import LOST
from gateway.storage.database.absence import Absence
from tests.federation.test_several_processes import on_postgres
from tests.support.databases import server
from tests.support.exchange import sample_world, stopping
from tests.support.waiting import MOST_S, until

HELD_S = 2.0


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


@pytest.mark.process
async def test_n285_the_loop_turns_while_a_stop_waits_for_a_connection_that_the_server_keeps(tmp_path: Path) -> None:
    server("postgresql")
    world = sample_world(tmp_path, ("th", "vn"))
    on_postgres(world, "th")
    async with stopping(world):
        node = await world.start("th")
        resources, loop, turns = node.resources, asyncio.get_running_loop(), list[bool]()
        close, reading, read_whole = resources.operations_log.close, threading.Event(), threading.Event()

        def read() -> None:
            with resources.database.read("test") as connection:
                reading.set()
                connection.exec_driver_sql(f"SELECT pg_sleep({HELD_S})")
                read_whole.set()

        def closed() -> None:
            close()
            threading.Thread(target=read).start()
            assert reading.wait(MOST_S)
            loop.call_soon_threadsafe(turn)

        def turn() -> None:
            turns.append(read_whole.is_set())
            turning.append(loop.call_later(0.05, turn))

        turning: list[asyncio.TimerHandle] = []
        resources.operations_log.close = closed  # type: ignore[method-assign]
        await world.stop("th")
        turning[-1].cancel()
        assert read_whole.is_set(), "the stop did not wait"
    assert turns.count(False) > 2, "the loop stood while the stop waited"
