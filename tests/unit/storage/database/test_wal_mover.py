"""What is committed is moved from SQLite's write-ahead log into the file, beside the commits."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from gateway.errors import StorageBroken
from gateway.storage.database.engine import EACH, Database, WalMover, open_database
from tests.support.waiting import MOST_S


def commit(database: Database, times: int) -> None:
    for _ in range(times):
        with database.write("test") as connection:
            connection.exec_driver_sql("INSERT INTO t VALUES (zeroblob(5000))")


def pages_in_file(path: Path) -> int:
    """Pages of the file itself, by its header, without what is in the log."""
    return int.from_bytes(path.read_bytes()[28:32], "big")


def open_with_table(path: Path) -> Database:
    database = open_database(path)
    with database.write("test") as connection:
        connection.exec_driver_sql("CREATE TABLE t (a)")
    return database


def mover_of(database: Database) -> WalMover:
    assert database._mover is not None
    return database._mover


def test_what_is_committed_reaches_the_file_without_a_commit_doing_it(tmp_path: Path) -> None:
    database = open_with_table(tmp_path / "d.sqlite")
    moved = threading.Event()

    def wait_for_move() -> None:
        while pages_in_file(tmp_path / "d.sqlite") < EACH // 4:
            if moved.wait(0.01):
                return
        moved.set()

    commit(database, EACH - 2)
    assert pages_in_file(tmp_path / "d.sqlite") <= 1, "nothing is moved before its time"
    commit(database, 1)
    waiter = threading.Thread(target=wait_for_move)
    waiter.start()
    assert moved.wait(MOST_S), "the log was not moved"
    waiter.join()
    database.close()
    assert not (tmp_path / "d.sqlite-wal").exists(), "the mover has let go of the database"


def test_a_log_that_cannot_be_moved_ends_all_writing(tmp_path: Path) -> None:
    database = open_with_table(tmp_path / "d.sqlite")
    failed = threading.Event()
    errors: list[BaseException] = []

    def note(error: BaseException) -> None:
        errors.append(error)
        database._moving_failed(error)
        failed.set()

    nowhere = create_engine(f"sqlite:///file:{tmp_path / 'none.sqlite'}?mode=rw&uri=true")
    mover = WalMover(nowhere, note)
    for _ in range(EACH):
        mover.committed()
    assert failed.wait(MOST_S)
    mover.stop()
    with pytest.raises(StorageBroken, match="failed before") as caught:
        commit(database, 1)
    assert caught.value.__cause__ is errors[0]
    database.close()


def test_who_cuts_the_log_waits_for_who_moves_it(tmp_path: Path) -> None:
    database = open_with_table(tmp_path / "d.sqlite")
    commit(database, 3)
    done = threading.Event()

    def cut() -> None:
        assert database.truncate_wal()
        done.set()

    with mover_of(database).turn:
        cutter = threading.Thread(target=cut)
        cutter.start()
        assert not done.is_set()
    assert done.wait(MOST_S)
    cutter.join()
    assert (tmp_path / "d.sqlite-wal").stat().st_size == 0
    database.close()
