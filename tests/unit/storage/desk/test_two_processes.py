"""Two processes of one home on PostgreSQL, by two logs each: one of them moves a thread, and none waits for ever."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.audit.log.log import AuditLog
from gateway.errors import LiaisonError, Outdated
from gateway.model.desk.threads import ThreadKey
from gateway.ports.desk import DeskRows, Work
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, LogName
from gateway.storage.database.engine import Database
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.databases import server
from tests.support.desk_rows import a_thread, new_key, some_work

pytestmark = pytest.mark.process

LOGS = (LogName.EXCHANGE, LogName.OPERATIONS)
ROUNDS = 40


class Process:
    """What one process has: a database, a keystore, and both logs."""

    def __init__(self, home: LogHome) -> None:
        keys = home.keystore
        self.database: Database = home.open()
        store = SqlLogStore(self.database, keys)
        self.desk = SqlDeskStore(self.database, keys)
        self.logs = {
            name: AuditLog(store, keys, home.key, home.clock, "th", name, highwater=home.highwater) for name in LOGS
        }

    def write(self, name: LogName, *batch: DeskRows) -> None:
        self.logs[name].append([draft(name, rows) for rows in batch])

    def close(self) -> None:
        for log in self.logs.values():
            log.close()
        self.database.close()


def draft(name: LogName, rows: DeskRows) -> EntryDraft:
    return answered(rows=rows) if name is LogName.EXCHANGE else events.STOP.draft(reason="test", rows=rows)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Process, Process]]:
    server("postgresql")
    before, LogHome.engine = LogHome.engine, "postgresql"
    home = LogHome(tmp_path)
    with home.database():
        pass
    made = Process(home), Process(home)
    yield made
    for process in made:
        process.close()
    LogHome.engine = before


def test_the_process_that_comes_second_is_outdated(two: tuple[Process, Process]) -> None:
    first, second = two
    key = new_key()
    first.write(LogName.EXCHANGE, DeskRows(a_thread(key)))
    for name in LOGS:
        with pytest.raises(Outdated):
            second.write(name, DeskRows(a_thread(key)))
    second.write(LogName.OPERATIONS, DeskRows(a_thread(key, 2), 1))
    with pytest.raises(Outdated):
        first.write(LogName.EXCHANGE, DeskRows(a_thread(key, 2), 1))
    thread = first.desk.thread(key)
    assert thread
    assert thread.version == 2


def test_writers_of_both_logs_in_two_processes_move_threads_once_each_and_never_wait_for_each_other(
    two: tuple[Process, Process],
) -> None:
    keys = [new_key() for _ in range(6)]
    won: Counter[ThreadKey] = Counter()
    lost = [0]
    failed: list[LiaisonError] = []
    counting = threading.Lock()

    def work(process: Process, name: LogName, seed: int) -> None:
        dice = random.Random(seed)
        try:
            for _ in range(ROUNDS):
                chosen = dice.sample(keys, 3)
                found = {key: process.desk.thread(key) for key in chosen}
                versions = {key: thread.version if thread else 0 for key, thread in found.items()}
                batch = [
                    DeskRows(a_thread(key, versions[key] + 1), versions[key], works=shuffled(dice, keys))
                    for key in chosen
                ]
                try:
                    process.write(name, *batch)
                except Outdated:
                    with counting:
                        lost[0] += 1
                    continue
                with counting:
                    won.update(chosen)
        except LiaisonError as error:
            failed.append(error)

    def shuffled(dice: random.Random, keys: list[ThreadKey]) -> tuple[Work, ...]:
        return tuple(some_work(key, key.thread_id) for key in dice.sample(keys, len(keys)))

    writers = [
        threading.Thread(target=work, args=(process, name, place * 2 + number))
        for place, process in enumerate(two)
        for number, name in enumerate(LOGS)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(100)
    assert not any(writer.is_alive() for writer in writers)
    assert failed == []
    assert sum(won.values()) + 3 * lost[0] == 4 * ROUNDS * 3
    found = [two[0].desk.thread(key) for key in keys]
    assert {thread.key: thread.version for thread in found if thread} == won
