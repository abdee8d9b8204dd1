"""The database: one file in SQLite, opened only with settings under which a commit is durable.

SQLite runs in WAL mode with `synchronous=FULL`, so that a commit survives a loss of power; anything weaker refuses to
start. One connection writes, one reads; both are held open, since taking one from a pool costs more than a point read.
PostgreSQL is opened by `gateway.storage.database.postgres`, and is the same `Database` from then on.

A failure of the database or the disk is `StorageBroken`, made in one place (`storage_errors`), with its cause as the
code (`gateway.host.failures`). After one in a write the database refuses every further write: a failed sync
may or may not have reached the disk, and only opening the files anew can tell. A lack of descriptors before the commit
began is `Unavailable`: nothing was written. A server holds open all that its commits need (`Database.hold_open`).
After a transaction that stood still until its server ended it (`NotWritten`), the next one has a session of its own,
if it is one of the same server. A node waits for a server whose connection is lost (`Database.wait_for_return`).
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, NullPool, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError, StatementError

from gateway.errors import LiaisonError, Malformed, Misconfigured, NotWritten, StorageAway, StorageBroken, Unavailable
from gateway.host.failures import LOST, can_wait, failure
from gateway.storage.database.absence import Absence, Places
from gateway.storage.database.prepared import COMPILED, driver_of

_FULL = {"FULL", "EXTRA"}
_AGAIN = "start the node again"
_IDLE = 2
"""Connections for long reads that stay open: each one that is opened reads the whole schema first."""


@dataclass(frozen=True, slots=True)
class SqliteSettings:
    """The settings under which the file is opened.

    `synchronous` is FULL or EXTRA. `busy_timeout_ms` is how long a write waits for a foreign lock. `wal_pages`: pages
    of write-ahead log from which on a commit moves the log into the file itself, if `WalMover` has not. `max_pages`
    limits the file (0 = no limit), for a disk that is shared with others. `cache_kib` is the page cache of the
    connection that writes, and of an audit; `reading_cache_kib` that of each other connection of a server.
    """

    synchronous: str = "FULL"
    busy_timeout_ms: int = 5_000
    page_size: int = 16_384
    wal_pages: int = 8_000
    cache_kib: int = 22_528
    reading_cache_kib: int = 4_096
    max_pages: int = 0

    def __post_init__(self) -> None:
        if self.synchronous.upper() not in _FULL:
            raise Misconfigured(
                "synchronous `{synchronous}` can lose committed entries when the power fails",
                code="weak-storage",
                where="database.synchronous",
                remedy="set it to `FULL`",
                synchronous=self.synchronous[:20],
            )


@contextmanager
def storage_errors(doing: str) -> Iterator[None]:
    """Turn foreign exceptions into ours: `Malformed` for a value that cannot be stored, else those of `failure`."""
    try:
        yield
    except (DataError, sqlite3.DataError, OverflowError, UnicodeError) as error:
        raise Malformed("a value cannot be stored", code="bad-data", where=doing) from error
    except StatementError as error:
        if not isinstance(error, DBAPIError):
            raise Malformed("a value cannot be stored", code="bad-data", where=doing) from error
        raise failure(doing, error.orig or error) from error
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        raise failure(doing, error) from error


@dataclass(frozen=True, slots=True)
class Ways:
    """The ways in which an engine reads and commits. `committed`: options of a connection whose statements each see the
    commits until then. `one_state`: of one whose reads all see one state, which begin with the statement `first`.
    `shared`: other processes may write to the same logs. `doubt` is asked after each commit, and says why it may be
    lost although the server called it done. `moves_log`: we have to move commits from a log into the file. `probe` is
    a statement whose commit is synced, and changes nothing."""

    committed: Mapping[str, Any]
    one_state: Mapping[str, Any]
    first: str = ""
    shared: bool = False
    doubt: Callable[[Connection], str] | None = None
    moves_log: bool = False
    probe: str = "PRAGMA user_version=0"


SQLITE = Ways({"begin": ""}, {"begin": "BEGIN"})


class Database:
    """One open database: a connection that writes, one that reads, each under a lock of its own."""

    def __init__(self, engine: Engine, ways: Ways = SQLITE, place: str = "open") -> None:
        """Connect to `engine`. An error names `place`, since SQLite does not say which file could not be opened."""
        self.engine = engine
        self._mover = WalMover(engine, self._moving_failed) if ways.moves_log else None
        self.shared = ways.shared
        self._committed = ways.committed
        self._one_state = ways.one_state
        self._first = ways.first
        self._doubt = ways.doubt
        self._probe = ways.probe
        self.after_commit: Callable[[], bool] = lambda: False
        """Called by the thread that committed; says whether the disk has so little room that the log is moved now."""
        self.is_same: Callable[[Connection], bool] = lambda _: True
        """Tells whether a new connection leads to the same server, in the same state of its history."""
        self.serves = False
        """Tells that a node runs on it, whose commits show each second whether it works."""
        self.absence = Absence()
        self.places = Places(self.absence.held, engine)
        self._began = 0.0
        self._committed_at = time.monotonic()
        self._write_lock, self._read_lock = threading.Lock(), threading.Lock()
        self._broken, self._code = False, ""
        self._cause: BaseException | None = None
        with storage_errors(place):
            self._writer = engine.connect()
            self._reader = engine.connect().execution_options(**ways.committed)

    @contextmanager
    def write(self, doing: str) -> Iterator[Connection]:
        """Yield a transaction that is durable when the block ends. Raises `StorageBroken`, then and ever after."""
        self.absence.require_here(doing, waits=True)
        with self.places.at(doing, self._write_lock), self.absence.held:
            self._require_whole(doing)
            committing = False
            self._began = time.monotonic()
            try:
                with self.guarded(doing), self._writer.begin():
                    yield self._writer
                    committing = True
                if self._doubt is not None and (why := self._doubt(self._writer)):
                    raise failure(doing, RuntimeError(why))
            except StorageAway:
                raise
            except StorageBroken as error:
                self._broken, self._code = True, error.code
                raise
            except NotWritten:
                self._renew_writer(doing)
                raise
            except Unavailable as error:
                if committing:  # then the commit may or may not be there
                    self._broken, self._code = True, error.code
                    raise StorageBroken(error.message, code=error.code, where=doing, remedy=error.remedy) from error
                raise
            finally:
                self._began = 0.0
            self._committed_at = time.monotonic()
            self.places.answered()
            is_low = self.after_commit()
            if self._mover is not None:
                self._mover.committed(at_once=is_low)

    def _renew_writer(self, doing: str) -> None:
        """Have another session in the place of one that has ended. Raises `StorageBroken` where none is to be had."""
        try:
            with suppress(DBAPIError):
                self._writer.close()
            with self.guarded(doing):
                self._writer = self._connected(doing)
        except StorageAway:
            raise
        except LiaisonError as error:
            self._broken, self._code = True, error.code
            raise

    def _connected(self, doing: str) -> Connection:
        """Return a new connection to the same server, that takes no lock. Raises `StorageBroken` for another server."""
        with storage_errors(doing), ExitStack() as unused:
            connection = unused.enter_context(self.engine.connect())
            is_same = self.is_same(connection)
            connection.rollback()
            if not is_same:
                raise StorageBroken(
                    "another server answers at the database's address", code="other-server", where=doing, remedy=_AGAIN
                )
            unused.pop_all()
            return connection

    def wait_for_return(self, compare: Callable[[], None]) -> None:
        """Wait for a server whose connection is lost, from now on; go on once `compare` finds that all is there.

        `compare` reads this database, and raises what a start would. Whatever was under way is `StorageAway`.
        """

        def look() -> None:
            # Connecting may take seconds: who waited for a lock meanwhile would keep its thread from all others.
            with ExitStack() as unused:
                writer, reader = (unused.enter_context(self._connected("reconnect")) for _ in range(2))
                with self._write_lock, self._read_lock:
                    unused.pop_all()
                    for lost in (self._writer, self._reader):
                        with suppress(DBAPIError):
                            lost.close()
                    self._writer, self._reader = writer, reader.execution_options(**self._committed)
            compare()
            self.probe()  # what had no word from its standby has it with the next commit

        self.absence.look = look

    @contextmanager
    def guarded(self, doing: str) -> Iterator[None]:
        """Turn exceptions into ours as `storage_errors` does; a lost connection is `StorageAway` where we wait."""
        try:
            with storage_errors(doing):
                yield
        except (Unavailable, StorageBroken) as error:
            # A connection that broke is lost, whatever is short beside it: its next use would take any server there.
            is_lost = error.code == LOST or self._writer.invalidated or self._reader.invalidated
            if self.absence.look is None or not is_lost:
                raise
            raise self.absence.begin(doing) from error

    def _require_whole(self, doing: str) -> None:
        self.absence.require_here(doing)
        if self._broken:
            raise StorageBroken(
                "the database failed before", code=self._code, where=doing, remedy=_AGAIN
            ) from self._cause

    def probe(self) -> None:
        """Commit without a change, so that a disk or server that hangs or fails shows. Raises `StorageBroken`."""
        with self.write("probe") as connection:
            connection.exec_driver_sql(self._probe)

    def hangs_s(self) -> float:
        """Return the seconds since the write that is under way began; 0.0 when none is. Never waits."""
        began = self._began
        return time.monotonic() - began if began else 0.0

    def stands(self, since: float) -> bool:
        """Tell whether a node's server stands: nothing was committed since then (monotonic), and no write has failed.

        One that is looked for does not. Nor does it for a thread that holds our locks: no commit would show it.
        """
        is_waited_for = self.absence.held.depth or self.absence.away_s()
        return self.serves and not self._broken and not is_waited_for and self._committed_at < since

    def idle_s(self) -> float:
        """Return the seconds since the last commit. Never waits."""
        return time.monotonic() - self._committed_at

    def _moving_failed(self, error: BaseException) -> None:
        """Refuse further writes: the disk could not take the log, and is not to be trusted."""
        self._cause, self._code = error, failure("checkpoint", error).code
        self._broken = True

    def hold_open(self) -> None:
        """Open what is otherwise opened when it is first needed: a server may have no descriptor for it by then."""
        self.serves, self.places.bounded = True, self.shared
        if self._mover is not None:
            with storage_errors("checkpoint"):
                self._mover.open()

    @contextmanager
    def read(self, doing: str) -> Iterator[Connection]:
        """Yield the connection that reads committed rows; not for long reads."""
        self.absence.require_here(doing, waits=True)
        with self.places.at(doing, self._read_lock), self.absence.held, self.guarded(doing):
            self.absence.require_here(doing)
            yield self._reader

    @contextmanager
    def snapshot(self, doing: str) -> Iterator[Connection]:
        """Yield a connection of its own whose reads all see one state, for long reads."""
        self.absence.require_here(doing, waits=True)
        with self.guarded(doing), ExitStack() as opened:
            with self.places.opening(doing):
                connection = opened.enter_context(self.engine.connect()).execution_options(**self._one_state)
                opened.enter_context(connection.begin())
                if self._first:
                    connection.exec_driver_sql(self._first)
            yield connection

    def truncate_wal(self) -> bool:
        """Move SQLite's write-ahead log into the file and cut it. False while a reader needs it; True for a server."""
        if self._mover is None:
            return True
        with storage_errors("checkpoint"):
            return self._mover.truncate()

    @property
    def file(self) -> Path | None:
        """The file of SQLite; None for a server's database."""
        if self.shared:
            return None
        with self.read("file") as connection:
            found = connection.exec_driver_sql("SELECT file FROM pragma_database_list WHERE name = 'main'").scalar()
            return Path(found) if found else None

    def connect_apart(self) -> Connection:
        """Return a connection of its own, each of whose statements is a transaction. The caller closes it."""
        self.absence.require_here("connect", waits=True)
        with self.guarded("connect"), self.places.opening("connect"):
            return self.engine.connect().execution_options(**self._committed)

    def close(self) -> None:
        """Close all connections except those of `connect_apart`."""
        if self._mover is not None:
            self._mover.stop()
        self.absence.end()
        with self._write_lock, self._read_lock, storage_errors("close"):
            for connection in (self._writer, self._reader):
                with suppress(DBAPIError):  # one that is lost has ended, and what it had not committed with it
                    connection.close()
            self.engine.dispose()


def open_database(path: Path, settings: SqliteSettings | None = None, *, read_only: bool = False) -> Database:
    """Open the SQLite file at `path`, made with mode 0600 where it does not exist.

    Raises `Misconfigured` when its settings are weaker than durable, `StorageBroken` when it cannot be opened.
    `read_only` opens an existing file for an audit and changes nothing.
    """
    settings = settings or SqliteSettings()
    with storage_errors(str(path)):
        if read_only and not path.exists():
            raise Misconfigured("no such database", where=str(path), remedy="name the home of a node")
        if not read_only:
            _keep_log(path)
            path.touch(mode=0o600, exist_ok=True)
    still = read_only and _lies_still(path)
    engine = _engine(path, settings, read_only=read_only, still=still)
    if read_only:
        return Database(engine, place=str(path))
    database = Database(engine, replace(SQLITE, doubt=_at_its_place(path), moves_log=True), str(path))
    try:
        driver_of(database._writer).execute(f"PRAGMA cache_size=-{settings.cache_kib:d}")
        with database.read("settings") as connection:
            require_durable(connection)
    except BaseException:
        database.close()
        raise
    return database


def _engine(path: Path, settings: SqliteSettings, *, read_only: bool, still: bool) -> Engine:
    mode = "ro&immutable=1" if still else "ro" if read_only else "rw"
    engine = create_engine(
        f"sqlite:///file:{path.resolve()}?mode={mode}&uri=true",
        connect_args={"check_same_thread": False},
        execution_options=COMPILED,
        **({"poolclass": NullPool} if read_only else {"pool_size": _IDLE, "max_overflow": -1}),
    )

    @event.listens_for(engine, "connect")
    def configure(connection: DBAPIConnection, _record: object) -> None:
        # The driver's own transaction handling is off: it would begin without a write lock and fail late.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _pragmas(settings, read_only=read_only):
            cursor.execute(pragma)
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # The reader begins no transaction: so each of its statements sees what is committed by then.
        if statement := connection.get_execution_options().get("begin", "BEGIN" if read_only else "BEGIN IMMEDIATE"):
            driver_of(connection).execute(statement)

    return engine


def _pragmas(settings: SqliteSettings, *, read_only: bool) -> list[str]:
    cache_kib = settings.cache_kib if read_only else settings.reading_cache_kib
    always = [f"PRAGMA busy_timeout={settings.busy_timeout_ms:d}", f"PRAGMA cache_size=-{cache_kib:d}"]
    if read_only:
        return [*always, "PRAGMA query_only=ON"]
    return [
        *always,
        f"PRAGMA page_size={settings.page_size:d}",
        "PRAGMA journal_mode=WAL",
        f"PRAGMA synchronous={settings.synchronous.upper()}",
        f"PRAGMA wal_autocheckpoint={settings.wal_pages:d}",
        "PRAGMA foreign_keys=ON",
        # Deleted and overwritten bytes become zeros: erased content must not stay in free pages.
        "PRAGMA secure_delete=ON",
        # A temporary file could not be opened when descriptors are short.
        "PRAGMA temp_store=MEMORY",
        *([f"PRAGMA max_page_count={settings.max_pages:d}"] if settings.max_pages else []),
    ]


# ------------------------------------------------------------ the place of the file


def _lies_still(path: Path) -> bool:
    """Tell whether the file is whole, in a folder that takes no writes: SQLite then reads it without a log.

    Raises `Misconfigured` for a log without its index: SQLite cannot read that without writing an index.
    """
    if os.access(path.parent, os.W_OK):
        return False
    log, index = (path.with_name(f"{path.name}-{kind}") for kind in ("wal", "shm"))
    if log.exists() and log.stat().st_size:
        if index.exists():
            return False
        raise Misconfigured(
            "the node was not stopped in order: commits lie in the write-ahead log, on a disk that takes no writes",
            code="log-not-moved",
            where=str(log),
            remedy="copy the home to a disk that takes writes, both files of the database together, and name that one",
        )
    return True


def _keep_log(path: Path) -> None:
    """Raise `Misconfigured` for a log without its file: SQLite would delete it, with the commits in it."""
    log = path.with_name(f"{path.name}-wal")
    if log.exists() and log.stat().st_size and not (path.exists() and path.stat().st_size):
        raise Misconfigured(
            "the file of the database is not there, but its write-ahead log is",
            code="database-missing",
            where=str(path),
            remedy="put the file back beside its log, then start again",
        )


def _at_its_place(path: Path) -> Callable[[Connection], str]:
    """Return the `doubt` of a file: a commit into one that was removed or replaced is durable, and lost with it.

    Two looks at names for each commit.
    """
    file = str(path.resolve())
    log = f"{file}-wal"
    opened = path.stat()

    def doubt(_: Connection) -> str:
        try:
            found = os.stat(file)  # noqa: PTH116 - a path object costs three times as much
            os.stat(log)  # noqa: PTH116
        except OSError as error:
            return f"`{error.filename}` is not there any more: {error.strerror}"
        if (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
            return f"another file lies in the place of `{file}`"
        return ""

    return doubt


def require_durable(connection: Connection) -> None:
    """Raise `Misconfigured` when the settings in force could lose a commit (CASE-H10)."""
    found = {
        name: str(connection.exec_driver_sql(f"PRAGMA {name}").scalar())
        for name in ("journal_mode", "synchronous", "foreign_keys")
    }
    wrong = [
        f"{name} is `{found[name]}`"
        for name, good in (("journal_mode", {"wal"}), ("synchronous", {"2", "3"}), ("foreign_keys", {"1"}))
        if found[name] not in good
    ]
    if wrong:
        raise Misconfigured(
            "the database is not durable: {wrong}",
            code="weak-storage",
            where="database",
            remedy="use journal_mode WAL and synchronous FULL on a local disk",
            wrong=", ".join(wrong),
        )


# ------------------------------------------------------------ the write-ahead log
# SQLite would do it inside a commit: then one batch in thirty waits for some eight megabytes and two syncs more, which
# made the slowest answers. A passive checkpoint holds up neither writers nor readers. Should the log ever be
# `SqliteSettings.wal_pages` long, since a reader kept it, a commit moves it after all, so that it stays bounded.
#
# A server opens the connection at its start (`open`), since later there may be no descriptor for it. A lack of those,
# or of room for what is moved, loses nothing: the log keeps it, and the next move tries again.


EACH = 24
"""Commits between two moves: with full batches they make some eight megabytes."""

_PASSES = 2
"""The second pass moves the few commits that came during the first: SQLite begins a log anew that is all moved."""

_STOP_S = 30.0


class WalMover:
    """Moves committed pages. The thread begins when there is something to move; `stop` ends it.

    `failed` gets the error of a failed move: later writes could be lost.
    """

    def __init__(self, engine: Engine, failed: Callable[[BaseException], None]) -> None:
        self._engine = engine
        self._failed = failed
        self.turn = threading.Lock()
        """Held while the log is moved: who cuts it waits for that."""
        self._connection: Connection | None = None
        self._commits = 0
        self._wanted = threading.Event()
        self._stopped = False
        self._thread: threading.Thread | None = None

    def open(self) -> None:
        """Open the connection. Raises the driver's error."""
        self._connection = self._engine.connect()

    def committed(self, *, at_once: bool = False) -> None:
        """Note a commit, and let the log be moved in its turn or `at_once`. The writer calls it, one at a time."""
        self._commits += 1
        if self._commits % EACH and not at_once:
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="wal-mover", daemon=True)
            self._thread.start()
        self._wanted.set()

    def truncate(self) -> bool:
        """Move the whole log and cut it. False while a reader needs it, which is not waited for: it would hold up the
        writer. Raises the driver's error."""
        with self.turn:
            cursor = self._opened().connection.cursor()
            cursor.execute("PRAGMA busy_timeout=0")
            return not cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]

    def stop(self) -> None:
        """End the thread, wait until it has finished, and close the connection."""
        self._stopped = True
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            if self._thread.is_alive():  # the disk hangs, and so would the closing
                return
        if self._connection is not None:
            self._connection.close()

    def _opened(self) -> Connection:
        if self._connection is None:
            self.open()
        assert self._connection is not None
        return self._connection

    def _run(self) -> None:
        try:
            while self._wanted.wait() and not self._stopped:
                self._wanted.clear()
                with self.turn:
                    self._move()
        except BaseException as error:  # noqa: BLE001 - it is raised at the next write, whose caller can act on it
            self._failed(error)

    def _move(self) -> None:
        try:
            cursor = self._opened().connection.cursor()
            for _ in range(_PASSES):
                cursor.execute("PRAGMA wal_checkpoint(PASSIVE)")
                cursor.fetchone()
        except (DBAPIError, sqlite3.Error) as error:
            if not can_wait(getattr(error, "orig", None) or error):
                raise
