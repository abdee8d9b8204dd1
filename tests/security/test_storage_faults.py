"""Faults of disk and process (CASE-H1 sampled, CASE-H2 in spirit, CASE-H3, CASE-H10): answered implies logged."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.log import AuditLog
from gateway.errors import Misconfigured, StorageBroken
from gateway.ports.journal import Logged, StoredAnswer
from gateway.ports.log_store import LogState, NewEntry
from gateway.storage.database.engine import SqliteSettings, open_database, require_durable
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered, logged
from tests.support.zygote import Zygote

KILLS = 15


# ---------------------------------------------------------------- CASE-H1


async def test_h1_after_kill_9_at_random_moments_what_was_answered_is_logged(tmp_path: Path) -> None:
    """A child appends and says each id only after `append` returned; it is killed, and everything is checked."""
    home = LogHome(tmp_path / "home")
    home.folder.mkdir()
    raw = home.key._ed25519.private_bytes_raw() if home.key._ed25519 else b""
    said: dict[str, int] = {}
    size = 0
    async with Zygote() as zygote:
        for kill in range(KILLS):
            said |= await run_and_kill(zygote, home, raw, lines=2 + kill * 3 % 11)
            with home.log() as log, home.store() as store:
                assert log.size >= size, "the log never gets shorter"
                size = log.size
                bodies = [parse_entry(body) for _, body, _ in store.bodies("exchange/1", 0, size)]
                ids = [entry.exchange_id for entry in bodies]
                assert len(set(ids)) == len(ids), "no exchange has two entries"
                for exchange, index in said.items():
                    assert ids[index] == exchange, "what was answered is logged, at the place that was said"
                assert [entry.number for entry in bodies] == list(range(1, size + 1))
    assert size > KILLS


async def run_and_kill(zygote: Zygote, home: LogHome, key: bytes, lines: int) -> dict[str, int]:
    pipe = home.folder.with_name("said")
    if not pipe.exists():
        os.mkfifo(pipe)
    child = await zygote.fork("tests.support.appender:append", str(home.folder), key.hex(), output=pipe)
    said: dict[str, int] = {}
    with pipe.open() as output:
        for line in output:
            if not line.endswith("\n"):
                break
            exchange, index = line.split()
            said[exchange] = int(index)
            if len(said) == lines:
                child.signal(signal.SIGKILL)
    assert await child.ended() == -signal.SIGKILL
    return said


@pytest.mark.parametrize("writer", ["gateway.host.durable.write_new", "gateway.storage.keys.keystore.create_key_file"])
def test_h1_half_of_a_key_file_never_has_its_name(tmp_path: Path, writer: str) -> None:
    """The disk takes five bytes of it, and the process dies when it writes the others."""
    module, _, function = writer.rpartition(".")
    path, limit = tmp_path / "keys" / "a.key", (5, 5)
    path.parent.mkdir()
    program = (
        f"import pathlib, resource, signal; from {module} import {function} as writer;"
        "signal.signal(signal.SIGXFSZ, signal.SIG_DFL);"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, {limit}); resource.setrlimit(resource.RLIMIT_CORE, (0, 0));"
        f"writer(pathlib.Path({str(path)!r}), bytes(32))"
    )
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    ended = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=False)
    assert ended.returncode != 0
    assert not path.exists()


# ---------------------------------------------------------------- CASE-H2


class FailingStore(SqlLogStore):
    """A store whose next commit fails, before or after it has reached the disk, as a failed sync may."""

    reaches_the_disk: bool | None = None

    def commit(self, before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        if self.reaches_the_disk is not None:
            if self.reaches_the_disk:
                super().commit(before, after, entries)
            raise StorageBroken("disk I/O error")
        return super().commit(before, after, entries)


@pytest.mark.parametrize("reaches_the_disk", [False, True])
def test_h2_after_a_failed_commit_nothing_is_signed_and_a_restart_tells_what_is_true(
    tmp_path: Path, reaches_the_disk: bool
) -> None:
    home = LogHome(tmp_path)
    draft = answered()
    with home.database() as database:
        store = FailingStore(database)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        log.append([answered()])
        head = log.checkpoint
        store.reaches_the_disk = reaches_the_disk
        with pytest.raises(StorageBroken):
            log.append([draft])
        store.reaches_the_disk = None
        with pytest.raises(StorageBroken):
            log.append([answered()])
        assert log.checkpoint == head
        log.close()
    with home.log() as log:
        assert log.size == (2 if reaches_the_disk else 1)
        (again,) = log.append([answered(draft.exchange_id, draft.request_hash)])
        if reaches_the_disk:  # recorded, never answered: the same request now gets that answer
            assert isinstance(again, StoredAnswer)
            assert again.answer == draft.answer
        else:
            assert isinstance(again, Logged)


class ForgetfulStore(SqlLogStore):
    """A store that gives back other bytes than it was given, like bad memory."""

    forgets = False

    def bodies(self, log: str, start: int, stop: int) -> Iterator[tuple[int, bytes, bytes]]:
        for index, body, leaf in super().bodies(log, start, stop):
            yield index, body.replace(b'"peer":"vn"', b'"peer":"kh"') if self.forgets else body, leaf


def test_what_reads_back_differently_is_never_signed(tmp_path: Path) -> None:
    """FACT-19: a log died of one flipped bit that it had signed."""
    home = LogHome(tmp_path)
    with home.database() as database:
        store = ForgetfulStore(database)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        head = log.checkpoint
        store.forgets = True
        with pytest.raises(StorageBroken, match="read back"):
            log.append([answered()])
        assert log.checkpoint == head
        log.close()


# ---------------------------------------------------------------- CASE-H3


def fill_until_broken(log: AuditLog) -> int:
    for _ in range(10_000):
        try:
            log.append([answered(request=os.urandom(8000)) for _ in range(4)])
        except StorageBroken:
            return log.size
    raise AssertionError("the disk never got full")


def check_recovery(home: LogHome, size: int) -> None:
    with home.log() as log:
        assert log.size == size
        assert len(logged(log.append([answered()]))) == 1


def test_h3_a_full_database_ends_writing_not_reading_and_recovers(tmp_path: Path) -> None:
    home = LogHome(tmp_path, settings=SqliteSettings(max_pages=200))
    with home.store() as store:
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        size = fill_until_broken(log)
        assert size > 0
        assert store.find("exchange/1", limit=2) == [size - 1, size - 2]
        assert len(list(store.entries("exchange/1", 0, 3))) == 3
        with pytest.raises(StorageBroken):
            log.append([answered()])
        log.close()
    home.settings = None
    check_recovery(home, size)


@contextlib.contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Writes beyond `limit` bytes of a file fail with EFBIG instead of ending the process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_h3_a_write_ahead_log_that_cannot_grow_ends_writing_and_recovers(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.store() as store:
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        log.append([answered()])
        with file_size_limit(400_000):
            size = fill_until_broken(log)
            assert store.find("exchange/1", limit=1) == [size - 1]
        log.close()
    check_recovery(home, size)


def test_h3_a_high_water_file_that_cannot_be_written_ends_the_log(tmp_path: Path) -> None:
    home = LogHome(tmp_path)
    with home.store() as store:
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        os.close(log._high_water._handle)
        log._high_water._handle = os.open("/dev/full", os.O_WRONLY)
        with pytest.raises(StorageBroken, match="high-water") as caught:
            log.append([answered()])
        assert os.strerror(errno.ENOSPC) in str(caught.value) or os.strerror(errno.ESPIPE) in str(caught.value)
        with pytest.raises(StorageBroken):
            log.append([answered()])
        log.close()


# ---------------------------------------------------------------- CASE-H7, CASE-H10


@pytest.mark.parametrize("weak", ["NORMAL", "OFF", "normal", "0", ""])
def test_h10_weak_settings_refuse_to_start(weak: str) -> None:
    with pytest.raises(Misconfigured, match="synchronous"):
        SqliteSettings(synchronous=weak)


@pytest.mark.parametrize(
    "pragma",
    ["PRAGMA synchronous=NORMAL", "PRAGMA synchronous=OFF", "PRAGMA journal_mode=DELETE", "PRAGMA foreign_keys=OFF"],
)
def test_h10_what_the_database_really_runs_with_is_checked(tmp_path: Path, pragma: str) -> None:
    database = open_database(tmp_path / "node.sqlite")
    database._writer.close()
    with database.read("test") as connection:
        require_durable(connection)
        connection.exec_driver_sql(pragma).close()
        with pytest.raises(Misconfigured, match="not durable"):
            require_durable(connection)
    database.close()


def test_a_database_locked_by_another_process_is_a_storage_failure(tmp_path: Path) -> None:
    home = LogHome(tmp_path, settings=SqliteSettings(busy_timeout_ms=50))
    with home.store() as store, home.database() as other:
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        with other.write("hold"), pytest.raises(StorageBroken, match="locked"):
            log.append([answered()])
        log.close()


def test_a_read_only_file_is_a_storage_failure(tmp_path: Path) -> None:
    (tmp_path / "node.sqlite").mkdir()
    with pytest.raises(StorageBroken):
        open_database(tmp_path / "node.sqlite")
