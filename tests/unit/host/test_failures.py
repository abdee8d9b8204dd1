"""Each failure of the storage has the code of its cause, and a lack of descriptors is none."""

from __future__ import annotations

import errno
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gateway.errors import StorageBroken, Unavailable
from gateway.host import descriptors
from gateway.host.failures import cause_of, failure
from gateway.storage.database.engine import Database, SqliteSettings, open_database
from tests.support.tables import table


@contextmanager
def no_descriptors() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


def write(database: Database, *statements: str) -> None:
    with database.write("test") as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


@table(
    ("number", "code"),
    [
        (errno.ENOSPC, "storage-full"),
        (errno.EDQUOT, "storage-full"),
        (errno.EIO, "storage-io"),
        (errno.EROFS, "storage-read-only"),
        (errno.EACCES, "storage-permission"),
        (errno.ENOENT, "storage"),
    ],
)
def test_an_error_of_the_system_has_its_code_and_a_remedy(number: int, code: str) -> None:
    error = failure("append", OSError(number, os.strerror(number)))
    assert isinstance(error, StorageBroken)
    assert (error.code, error.where) == (code, "append")
    assert error.remedy


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE])
def test_a_lack_of_descriptors_is_a_refusal(number: int) -> None:
    error = failure("append", OSError(number, os.strerror(number)))
    assert isinstance(error, Unavailable)
    assert error.code == "no-descriptors"


def test_a_full_a_locked_a_damaged_and_a_read_only_file_of_sqlite_are_told_apart(tmp_path: Path) -> None:
    codes = []

    def broken(path: Path, settings: SqliteSettings, statement: str) -> None:
        database = open_database(path, settings)
        with pytest.raises(StorageBroken) as caught:
            write(database, "CREATE TABLE IF NOT EXISTS t (a)", statement)
        codes.append(caught.value.code)
        with pytest.raises(StorageBroken, match="failed before") as again:
            database.probe()
        assert again.value.code == caught.value.code, "it still says why"
        database.close()

    broken(tmp_path / "full", SqliteSettings(max_pages=10), "INSERT INTO t VALUES (zeroblob(10000000))")
    holder = open_database(tmp_path / "locked")
    with holder.write("hold"):
        broken(tmp_path / "locked", SqliteSettings(busy_timeout_ms=10), "INSERT INTO t VALUES (1)")
    holder.close()
    (tmp_path / "damaged").write_bytes(os.urandom(65536))
    with pytest.raises(StorageBroken) as damaged:
        open_database(tmp_path / "damaged")
    assert [*codes, damaged.value.code] == ["storage-full", "storage-locked", "storage-damaged"]


class _Lost(Exception):
    """An error of a driver of PostgreSQL."""

    sqlstate: str | None = None


@table(
    ("state", "code"),
    [("53100", "storage-full"), ("57P01", "storage-lost"), ("08006", "storage-lost"), ("58030", "storage-io")],
)
def test_a_state_of_postgresql_has_its_code(state: str, code: str) -> None:
    error = _Lost("the server said so")
    error.sqlstate = state
    assert cause_of(error).code == code


def test_sqlite_that_cannot_open_a_file_for_want_of_descriptors_is_a_refusal(tmp_path: Path) -> None:
    database = open_database(tmp_path / "d.sqlite")
    with no_descriptors():
        with pytest.raises(Unavailable) as caught, database.snapshot("export"):
            pass
        assert descriptors.free() == 0
        with pytest.raises(sqlite3.Error):
            sqlite3.connect(tmp_path / "e.sqlite").execute("CREATE TABLE t (a)")
    assert caught.value.code == "no-descriptors"
    with database.snapshot("export"):
        pass
    database.close()


@pytest.mark.long
def test_commits_go_on_without_descriptors_from_the_first_one(tmp_path: Path) -> None:
    """More commits than lie between two moves of the log, by a server and by a command that holds nothing open."""
    for held in (True, False):
        database = open_database(tmp_path / f"{held}.sqlite")
        if held:
            database.hold_open()
        write(database, "CREATE TABLE t (a)")
        with no_descriptors():
            for _ in range(100):
                write(database, "INSERT INTO t VALUES (zeroblob(70000))")
        with database.read("test") as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM t").scalar() == 100
        database.probe()
        database.close()
        assert not (tmp_path / f"{held}.sqlite-wal").exists()
