"""CASE-N280: PostgreSQL that stands still, or that has ended a session which did, ends no node and loses nothing."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Delete, select

from gateway.audit.log.log import AuditLog
from gateway.errors import NotWritten, StorageAway, StorageBroken
from gateway.loop import SHARED, apart, run
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows
from gateway.ports.log_store import LogState, NewEntry
from gateway.storage.database import absence
from gateway.storage.database.absence import MOST_WAITING
from gateway.storage.database.engine import Database
from gateway.storage.database.tables import document
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered, logged
from tests.support.databases import Server, wait_until
from tests.support.desk_rows import a_thread, new_key

pytestmark = pytest.mark.process

STANDS_S = 1.0
"""In these tests a server stands once it has answered nothing for a second."""

AT_ONCE_S = 1.0
"""Within so long who comes later is refused, and other work is done, such as the health and metrics of a node."""


def failures(database: Database, monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """The attempts to connect that have failed from now on."""
    failed: list[Exception] = []
    connect = database.engine.dialect.connect

    def noted(*given: Any, **named: Any) -> Any:
        try:
            return connect(*given, **named)
        except Exception as error:
            failed.append(error)
            raise

    monkeypatch.setattr(database.engine.dialect, "connect", noted)
    return failed


def end_of(connection: Connection, postgres: Server, first: Delete | None = None) -> None:
    """Let the session of a transaction stand still, after a `first` statement, until the server has ended it."""
    if first is not None:
        connection.execute(first)
    pid = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar()
    connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = '20ms'")

    def is_over() -> bool:
        administrator = postgres.admin()
        found = administrator.execute("SELECT 1 FROM pg_stat_activity WHERE pid = %s", (pid,)).fetchone()
        administrator.close()
        return found is None

    wait_until(is_over, "the session does not end")


def test_n280_a_node_waits_for_a_connection_to_a_server_that_stands_still(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.database() as database:
        database.hold_open()
        failed = failures(database, monkeypatch)
        found: list[object] = []

        def read() -> None:
            with database.snapshot("test") as connection:
                found.append(connection.exec_driver_sql("SELECT 1").scalar())

        reader = threading.Thread(target=read)
        with postgres.frozen():
            reader.start()
            wait_until(lambda: bool(failed) or not reader.is_alive(), "no attempt fails")
            assert reader.is_alive()
        reader.join(20)
        assert found == [1]
        database.probe()


def test_n280_a_server_that_takes_no_connection_while_commits_go_on_does_not_stand_still(
    home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.database() as database:
        database.hold_open()

        connect = database.engine.dialect.connect
        monkeypatch.setattr(
            database.engine.dialect, "connect", lambda *given, **named: connect(*given, **named | {"port": "1"})
        )

        over = threading.Event()

        def commit() -> None:
            while not over.wait(0.05):
                database.probe()

        committing = threading.Thread(target=commit)
        committing.start()
        try:
            with pytest.raises(StorageBroken), database.snapshot("test"):
                pass
        finally:
            over.set()
            committing.join()


def test_n280_a_transaction_that_stood_still_is_not_written_and_the_next_one_is(
    postgres: Server, home: LogHome
) -> None:
    with home.database() as database:
        documents = SqlDocumentStore(database, home.keystore, home.clock)
        documents.put("kind", "other", b"value")
        with pytest.raises(NotWritten) as caught, database.write("test") as connection:
            end_of(connection, postgres, document.delete())
        assert caught.value.code == "not-written"
        documents.put("kind", "key", b"value")
        assert documents.get("kind", "key") == b"value"
        with database.read("test") as connection:
            assert len(connection.execute(select(document)).all()) == 2


def test_n280_a_session_that_has_ended_is_not_replaced_by_one_of_another_server(
    postgres: Server, home: LogHome
) -> None:
    """As after a fail-over: a node that starts anew compares its log first (CASE-H8)."""
    with home.database() as database:
        database.is_same = lambda _: False
        with pytest.raises(StorageBroken, match="another server"), database.write("test") as connection:
            end_of(connection, postgres)
        with pytest.raises(StorageBroken, match="failed before"):
            database.probe()


def test_n280_a_session_that_has_ended_is_not_replaced_by_one_that_commits_before_the_disk_has_it(
    postgres: Server, home: LogHome
) -> None:
    def commits(word: str, act: str) -> None:
        with closing(postgres.admin()) as administrator:
            administrator.execute(f"ALTER SYSTEM {act}")
            administrator.execute("SELECT pg_reload_conf()")

        def is_so() -> bool:
            with closing(postgres.admin()) as another:
                return bool(another.execute("SHOW synchronous_commit").fetchone() == (word,))

        wait_until(is_so, "new sessions do not commit so")

    with home.database() as database:
        commits("off", "SET synchronous_commit = off")
        try:
            with pytest.raises(StorageBroken) as caught, database.write("test") as connection:
                end_of(connection, postgres)
        finally:
            commits("on", "RESET synchronous_commit")
        assert caught.value.code == "weak-storage"
        with pytest.raises(StorageBroken, match="failed before"):
            database.probe()


@pytest.mark.parametrize("written", [False, True], ids=["before its rows", "before its commit"])
def test_n280_an_entry_whose_transaction_stood_still_is_written_once_and_so_is_its_claim(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    with home.log() as log:
        log.append([answered()])
        store = log._store
        commit, tries = store.commit, 0

        def stands_still(before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
            nonlocal tries
            tries += 1
            done = commit(before, after, entries) if written or tries > 1 else True
            if tries == 1:
                end_of(store._turns.connection, postgres)  # type: ignore[attr-defined]
                return done if written else commit(before, after, entries)
            return done

        monkeypatch.setattr(store, "commit", stands_still)
        draft = answered(rows=DeskRows(a_thread(new_key())))
        (place,) = logged(log.append([draft]))
        assert (tries, place.index, log.size) == (2, 1, 2)
        assert draft.claim
        claim = (MemberId(draft.claim.sender), ExchangeId(draft.claim.exchange_id))
        assert store.claimed([claim])[claim][1] == 1
        assert logged(log.append([answered()]))[0].index == 2
    with home.log() as log:  # which hashes all of it again
        assert log.size == 3


def test_n280_entries_that_are_never_written_end_the_log_and_not_its_patience(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.log() as log:
        log.append([answered()])
        store, tries = log._store, 0
        commit = store.commit

        def stands_still(*given: Any) -> bool:
            nonlocal tries
            tries += 1
            end_of(store._turns.connection, postgres)  # type: ignore[attr-defined]
            return commit(*given)

        monkeypatch.setattr(store, "commit", stands_still)
        with pytest.raises(StorageBroken, match="5 times"):
            log.append([answered(rows=DeskRows(a_thread(new_key())))])
        assert tries == 5


@contextmanager
def calls(home: LogHome, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Callable[[], object]]]:
    """What a node on a server has done in shared threads, by name."""
    monkeypatch.setattr(absence, "STANDS_S", STANDS_S)
    with home.database() as database:
        database.hold_open()
        documents = SqlDocumentStore(database, home.keystore, home.clock)
        store = SqlLogStore(database, home.keystore)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)

        def long_read() -> object:
            with database.snapshot("test") as connection:
                return connection.exec_driver_sql("SELECT 1").scalar()

        def sleep(seconds: float) -> object:
            with database.read("test") as connection:
                return connection.exec_driver_sql("SELECT pg_sleep(%s)", (seconds,)).scalar()

        made: dict[str, Callable[[], object]] = {
            "read": lambda: documents.keys("kind"),
            "write": lambda: documents.put("kind", "key", b"value"),
            "long read": long_read,
            "write to the log": lambda: log.append([answered()]),
            "slow read": lambda: sleep(STANDS_S / 2),
            "long statement": lambda: sleep(3 * STANDS_S),
            "commit": database.probe,
        }
        yield made
        log.close()


@pytest.mark.parametrize("doing", ["read", "write", "long read", "write to the log"])
def test_n317_while_many_wait_for_a_server_that_stands_a_loop_has_threads_for_other_work(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch, doing: str
) -> None:
    """Those who have a place wait until it goes on; the others are refused, and who comes later is at once."""

    async def work(call: Callable[[], object], still: ExitStack) -> None:
        loop = asyncio.get_running_loop()
        begun = [loop.run_in_executor(None, call) for _ in range(4 * MOST_WAITING)]
        with still:
            async with asyncio.timeout(5 * STANDS_S):
                while len(waiting := [each for each in begun if not each.done()]) > MOST_WAITING:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            async with asyncio.timeout(AT_ONCE_S):
                await asyncio.to_thread(threading.get_ident)
                with pytest.raises(StorageAway):
                    await asyncio.to_thread(call)
        assert {type(each.exception()) for each in begun if each not in waiting} == {StorageAway}
        assert len(await asyncio.gather(*waiting)) == MOST_WAITING
        await asyncio.to_thread(call)

    with calls(home, monkeypatch) as made, ExitStack() as still:
        made[doing]()
        still.enter_context(postgres.frozen())
        run(work(made[doing], still.pop_all()))


def test_n317_who_waits_long_for_a_server_that_answers_slowly_is_not_refused(
    home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All threads wait for more than twice as long as one that stands is waited for."""

    async def work(call: Callable[[], object]) -> None:
        await asyncio.gather(*(asyncio.to_thread(call) for _ in range(SHARED)))

    with calls(home, monkeypatch) as made:
        run(work(made["slow read"]))


def test_n317_who_waits_for_one_long_statement_is_not_refused_while_commits_go_on(
    home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(made: dict[str, Callable[[], object]]) -> None:
        waiting = [asyncio.create_task(asyncio.to_thread(made["long statement"]))]
        waiting += [asyncio.create_task(asyncio.to_thread(made["read"])) for _ in range(SHARED)]
        while not waiting[0].done():
            await apart(made["commit"])
        await asyncio.gather(*waiting)

    with calls(home, monkeypatch) as made:
        run(work(made))
