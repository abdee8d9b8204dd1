"""CASE-N285: a connection to PostgreSQL that is lost ends no node: it waits, compares, and writes nothing twice."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from typing import Any

import pytest

from gateway.audit.log.examine import examine_log
from gateway.audit.log.log import _MOST_TRIES, AuditLog
from gateway.errors import Contradicted, LiaisonError, StorageAway, StorageBroken
from gateway.host import descriptors
from gateway.host.failures import what_was_met
from gateway.loop import run
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import DeskRows
from gateway.ports.journal import EntryDraft
from gateway.ports.log_store import LogState, NewEntry
from gateway.storage.database.absence import MOST_WAITING
from gateway.storage.database.engine import Database
from gateway.storage.database.leader import Leader
from gateway.storage.database.migrate import migrate
from gateway.storage.database.postgres import open_postgres
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.log.lease import ALONE
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered, logged
from tests.support.databases import Server, new_postgres, wait_until
from tests.support.desk_rows import a_thread, new_key
from tests.support.waiting import MOST_S

pytestmark = pytest.mark.process


def waiting(database: Database, home: LogHome) -> None:
    """Let the database wait for its server as a node's does, and compare the log."""

    def compare() -> None:
        examine_log(SqlLogStore(database), home.key, "th", "exchange", home.highwater)

    database.wait_for_return(compare)


@contextmanager
def log_that_waits(home: LogHome) -> Iterator[AuditLog]:
    with home.log() as log:
        waiting(log._store._database, home)  # type: ignore[attr-defined]
        yield log


def end_sessions(postgres: Server) -> None:
    """End the sessions of all nodes, as an administrator does, and those of a server that crashes."""
    with closing(postgres.admin()) as administrator:
        ours = "FROM pg_stat_activity WHERE application_name = 'liaison'"
        administrator.execute(f"SELECT pg_terminate_backend(pid) {ours}")

        def are_over() -> bool:
            return administrator.execute(f"SELECT 1 {ours}").fetchone() is None

        wait_until(are_over, "the sessions do not end")


def test_n285_after_its_sessions_were_ended_a_node_reads_writes_and_leads_again(
    postgres: Server, home: LogHome
) -> None:
    with home.database() as database, closing(Leader(database)) as leader:
        waiting(database, home)
        documents = SqlDocumentStore(database, home.keystore, home.clock)
        documents.put("kind", "key", b"value")
        assert leader.leads()
        for work in (lambda: documents.get("kind", "key"), database.probe, leader.leads):
            end_sessions(postgres)
            with pytest.raises(StorageAway):
                work()
            assert documents.get("kind", "key") == b"value"
            assert database.absence.away_s() == 0
        assert leader.leads()
        assert leader.processes() == 1


def test_n285_a_connection_that_breaks_while_descriptors_are_short_is_lost_all_the_same(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.database() as database, closing(Leader(database)) as leader, closing(Leader(database)) as other:
        waiting(database, home)
        documents = SqlDocumentStore(database, home.keystore, home.clock)
        assert leader.leads()

        def are_short(_error: BaseException | None = None) -> bool:
            return True

        def listed() -> None:
            documents.keys("kind")

        for returns, work in enumerate((database.probe, listed), start=1):
            with monkeypatch.context() as short:
                short.setattr(descriptors, "is_exhausted", are_short)
                end_sessions(postgres)
                with pytest.raises(StorageAway):
                    work()
            assert documents.keys("kind") == []
            assert database.absence.returns == returns
        with monkeypatch.context() as short:
            short.setattr(descriptors, "is_exhausted", are_short)
            with pytest.raises(LiaisonError):
                leader.leads()
        assert other.leads()
        assert not leader.leads()


def test_n285_what_the_look_for_a_server_meets_is_said(postgres: Server, home: LogHome) -> None:
    """A server that refuses us is waited for as one that is away, and somebody has to mend it."""
    with home.database() as database, closing(postgres.admin()) as administrator:
        waiting(database, home)
        assert database.absence.met() is None
        administrator.execute("ALTER ROLE postgres NOLOGIN")
        try:
            administrator.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liaison'"
            )
            with pytest.raises(StorageAway):
                database.probe()

            def says_why() -> bool:
                met = database.absence.met()
                return met is not None and "not permitted" in met.message and what_was_met(met) == "not-admitted"

            wait_until(says_why, "the cause is not said")
        finally:
            administrator.execute("ALTER ROLE postgres LOGIN")
        with database.read("back"):
            assert database.absence.met() is None


def be_away(log: AuditLog, _postgres: Server) -> None:
    """Have the server away until somebody needs it again."""
    absence = log._store._database.absence  # type: ignore[attr-defined]
    needed, require_here, look = threading.Event(), absence.require_here, absence.look

    def required(doing: str, **how: bool) -> None:
        needed.set()
        require_here(doing, **how)

    def looked() -> None:
        assert needed.wait(MOST_S)
        look()

    absence.require_here, absence.look = required, looked
    raise absence.begin("test")


LOST: dict[str, Callable[[AuditLog, Server], None]] = {
    "with its sessions": lambda _log, postgres: end_sessions(postgres),
    "after its commit": be_away,
}


@pytest.mark.parametrize("written", [False, True], ids=["before its rows", "after its rows"])
@pytest.mark.parametrize("rows", [False, True], ids=["alone", "with rows of the desk"])
@pytest.mark.parametrize("how", LOST)
def test_n285_an_entry_whose_connection_was_lost_is_written_once_and_so_is_its_claim(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch, written: bool, rows: bool, how: str
) -> None:
    with log_that_waits(home) as log:
        before_it = ALONE + 1 if rows else 1  # after so many it holds the lease, and asks for it no more
        for _ in range(before_it):
            log.append([answered()])
        store = log._store
        commit, tries = store.commit, 0

        def lost(before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
            nonlocal tries
            tries += 1
            done = commit(before, after, entries) if written or tries > 1 else True
            if tries == 1:
                LOST[how](log, postgres)
                return done if written else commit(before, after, entries)
            return done

        monkeypatch.setattr(store, "commit", lost)
        drafts: list[EntryDraft] = [answered(rows=DeskRows(a_thread(new_key())) if rows else None), answered()]
        places = logged(log.append(drafts))
        assert [place.index for place in places] == [before_it, before_it + 1]
        assert log.size == before_it + 2
        claim = drafts[0].claim
        assert claim
        key = (MemberId(claim.sender), ExchangeId(claim.exchange_id))
        assert store.claimed([key])[key][1] == before_it
        assert log.proof(before_it) == places[0].proof
        assert logged(log.append([answered()]))[0].index == before_it + 2
    with home.log() as log:  # which hashes all of it again
        assert log.size == before_it + 3


def test_n285_a_server_that_goes_away_many_times_within_one_entry_is_waited_for_each_time(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with log_that_waits(home) as log:
        store, losses = log._store, 2 * _MOST_TRIES
        commit, tries = store.commit, 0

        def lost(before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
            nonlocal tries
            if (tries := tries + 1) <= losses:
                end_sessions(postgres)
            return commit(before, after, entries)

        monkeypatch.setattr(store, "commit", lost)
        assert logged(log.append([answered()]))[0].index == 0
        assert tries == losses + 1
        assert log.size == 1


def test_n285_who_waits_for_a_server_that_is_away_is_told_at_once_when_the_database_is_closed(
    postgres: Server, home: LogHome
) -> None:
    looking, answers = threading.Event(), threading.Event()

    def look() -> None:
        looking.set()
        assert answers.wait(30)

    with home.database() as database:
        store = SqlLogStore(database, home.keystore)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        database.absence.look = look
        end_sessions(postgres)
        with pytest.raises(StorageAway):
            database.probe()
        with ThreadPoolExecutor(2) as threads:
            writing = threads.submit(log.append, [answered()])
            wait_until(lambda: bool(database.absence._changed._waiters), "nobody waits")  # type: ignore[attr-defined]
            assert looking.wait(MOST_S)
            closing_it = threads.submit(database.close)
            try:
                error = writing.exception(10)
            finally:
                answers.set()
            closing_it.result(MOST_S)
        assert type(error) is StorageBroken


def test_n285_a_database_that_lacks_a_signed_entry_is_refused_for_ever_and_nothing_is_signed(
    postgres: Server, home: LogHome
) -> None:
    with home.database() as database:
        waiting(database, home)
        store = SqlLogStore(database, home.keystore)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        log.append([answered()])
        old = store.state("exchange/1")
        assert old
        log.append([answered()])
        home.sql(
            "DELETE FROM log_content WHERE seq = 1",
            "DELETE FROM log_entry WHERE seq = 1",
            f"UPDATE log_state SET size = 1, root = '\\x{old.root.hex()}', checkpoint = '\\x{old.checkpoint.hex()}'",
        )
        signed = log.checkpoint
        end_sessions(postgres)
        with pytest.raises(StorageBroken) as caught:
            log.append([answered()])
        assert caught.value.code == "log-changed"
        assert not isinstance(caught.value, StorageAway)
        works: tuple[Callable[[], object], ...] = (database.probe, lambda: store.state("exchange/1"), log.follow)
        for work in works:
            with pytest.raises(StorageBroken) as caught:
                work()
        assert log.checkpoint == signed
    with pytest.raises(Contradicted) as contradicted, home.log():
        pass
    assert contradicted.value.code == "log-changed"


def test_n285_who_needs_a_server_that_is_away_waits_but_for_one_who_holds_what_the_look_for_it_needs(
    postgres: Server,
) -> None:
    own = new_postgres()
    try:
        with closing(open_postgres(own.url("postgres"))) as database:
            database.wait_for_return(lambda: None)
            database.hold_open()
            own.kill()
            with pytest.raises(StorageAway), database.write("test") as connection:
                connection.exec_driver_sql("SELECT 1")
            found: list[object] = []

            def read() -> None:
                with database.snapshot("test") as connection:
                    found.append(connection.exec_driver_sql("SELECT 1").scalar())

            reader = threading.Thread(target=read)
            reader.start()
            assert database.absence.away_s() > 0
            own.start()
            reader.join(MOST_S)
            assert found == [1]
            database.probe()
    finally:
        own.kill()


def test_n285_who_waits_for_a_server_that_is_away_holds_no_lock_that_a_writer_needs(postgres: Server) -> None:
    own = new_postgres()
    try:
        with closing(open_postgres(own.url("postgres"))) as database:
            migrate(database)
            database.wait_for_return(lambda: None)
            store = SqlLogStore(database)
            own.kill()
            with pytest.raises(StorageAway):
                database.probe()
            reader = threading.Thread(target=store.claimed, args=([(MemberId("vn"), ExchangeId("0" * 32))],))
            reader.start()
            wait_until(lambda: bool(database.absence._changed._waiters), "nobody waits")  # type: ignore[attr-defined]
            writer = threading.Thread(target=store._claims.read_again)
            writer.start()
            writer.join(MOST_S)
            assert not writer.is_alive()
            own.start()
            reader.join(20)
            assert not reader.is_alive()
    finally:
        own.kill()


@pytest.mark.parametrize("writes", [False, True], ids=["read", "write to the log"])
def test_n285_while_many_wait_for_a_server_that_is_away_a_loop_has_threads_for_other_work(
    postgres: Server, home: LogHome, writes: bool
) -> None:
    """Officers' calls that were under way need the database, and all blocking work of the loop shares its threads."""
    own, calls = new_postgres(), 4 * MOST_WAITING

    async def work(call: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        begun = [loop.run_in_executor(None, call) for _ in range(calls)]
        try:
            async with asyncio.timeout(1):
                await asyncio.to_thread(threading.get_ident)
                while len(waiting := [each for each in begun if not each.done()]) > MOST_WAITING:
                    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await loop.run_in_executor(apart, own.start)
        assert {type(each.exception()) for each in begun if each not in waiting} == {StorageAway}
        assert len(await asyncio.gather(*waiting)) == MOST_WAITING

    try:
        with closing(open_postgres(own.url("postgres"))) as database, ThreadPoolExecutor(2) as apart:
            migrate(database)
            database.wait_for_return(lambda: None)
            store = SqlLogStore(database, home.keystore)
            log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
            documents = SqlDocumentStore(database, home.keystore, home.clock)
            own.kill()
            with pytest.raises(StorageAway):
                database.probe()
            first = apart.submit(log.append, [answered()])  # the log's own thread waits, too
            wait_until(lambda: bool(database.absence._changed._waiters), "nobody waits")  # type: ignore[attr-defined]
            run(work((lambda: log.append([answered()])) if writes else (lambda: documents.keys("kind"))))
            assert logged(first.result(20))
            assert log.size == 1 + writes * MOST_WAITING
    finally:
        own.kill()


def test_n285_a_look_for_a_server_holds_no_lock_while_it_connects(
    postgres: Server, home: LogHome, monkeypatch: pytest.MonkeyPatch
) -> None:
    with home.database() as database:
        waiting(database, home)
        connect, connecting, goes_on = database.engine.dialect.connect, threading.Event(), threading.Event()

        def slow(*given: Any, **named: Any) -> Any:
            connecting.set()
            assert goes_on.wait(MOST_S)
            return connect(*given, **named)

        monkeypatch.setattr(database.engine.dialect, "connect", slow)
        end_sessions(postgres)
        with pytest.raises(StorageAway):
            database.probe()
        assert connecting.wait(MOST_S)
        try:
            for lock in (database._write_lock, database._read_lock):
                assert lock.acquire(timeout=1)
                lock.release()
        finally:
            goes_on.set()
        database.probe()


def test_n285_a_thread_that_holds_the_writer_does_not_wait_for_a_connection_that_only_a_commit_would_show(
    postgres: Server, home: LogHome
) -> None:
    with home.database() as database:
        database.hold_open()
        with (
            pytest.raises(StorageBroken),
            database.write("test"),
            postgres.frozen(),
            database.snapshot("test"),
        ):
            raise AssertionError
