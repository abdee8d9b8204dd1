"""CASE-H10 on PostgreSQL: what is weaker than durable is refused at the start with its remedy, and while a node
runs."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from gateway.config import load_settings
from gateway.errors import Misconfigured, StorageBroken
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.open import open_storage
from gateway.storage.database.postgres import check_again, identity, open_postgres, require_session
from tests.support.audit_logs import LogHome, answered
from tests.support.cli import Liaison
from tests.support.databases import PASSWORD, READER, Server, server, wait_until

pytestmark = pytest.mark.process


@pytest.fixture
def postgres() -> Server:
    return server("postgresql")


@pytest.fixture
def home(tmp_path: Path, postgres: Server) -> Iterator[LogHome]:
    before, LogHome.engine = LogHome.engine, "postgresql"
    made = LogHome(tmp_path)
    with made.database():
        yield made
    LogHome.engine = before


@contextmanager
def system(postgres: Server, **settings: str) -> Iterator[None]:
    """These settings of the whole server, for a while."""
    try:
        for name, value in settings.items():
            reload(postgres, f"ALTER SYSTEM SET {name} = '{value}'", name, value)
        yield
    finally:
        connection = postgres.admin()
        before = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in settings}
        connection.close()
        for name, value in before.items():
            reload(postgres, f"ALTER SYSTEM RESET {name}", name, value, other=True)


def reload(postgres: Server, statement: str, name: str, value: str, *, other: bool = False) -> None:
    """Change a setting and wait until new sessions have it."""
    postgres.execute("", [statement, "SELECT pg_reload_conf()"])

    def arrived() -> bool:
        connection = postgres.admin()
        found = connection.execute(f"SHOW {name}").fetchone()[0]
        connection.close()
        return bool((found == value) is not other)

    wait_until(arrived, f"{name} does not change")


@contextmanager
def role(postgres: Server, *settings: str) -> Iterator[str]:
    """An ordinary account with these settings of its own, and a schema; its address."""
    postgres.execute(
        "",
        [
            "CREATE ROLE plain LOGIN",
            "CREATE SCHEMA plain AUTHORIZATION plain",
            *(f"ALTER ROLE plain SET {setting}" for setting in settings),
        ],
    )
    try:
        yield postgres.url("postgres").replace("postgres@", "plain@") + "&options=-csearch_path%3Dplain"
    finally:
        postgres.execute("", ["DROP SCHEMA plain CASCADE", "DROP OWNED BY plain", "DROP ROLE plain"])


def refused(address: str, **more: Any) -> Misconfigured:
    with pytest.raises(Misconfigured) as caught:
        open_postgres(address, **more)
    assert caught.value.remedy
    return caught.value


@pytest.mark.parametrize("value", ["off", "local", "remote_write"])
def test_h10_a_commit_that_does_not_wait_for_the_disk_is_refused(postgres: Server, value: str) -> None:
    with role(postgres, f"synchronous_commit = {value}") as address:
        error = refused(address)
    assert error.code == "weak-storage"
    assert f"synchronous_commit is `{value}`" in error.message
    assert "SET synchronous_commit = 'on'" in error.remedy


@pytest.mark.parametrize("name", ["fsync", "full_page_writes"])
def test_h10_a_server_that_does_not_sync_is_refused(postgres: Server, home: LogHome, name: str) -> None:
    with home.database() as running:
        before = identity(running)
        check_again(running, before)
        with system(postgres, **{name: "off"}):
            error = refused(home.url)
            assert f"{name} is `off`" in error.message
            assert f"ALTER SYSTEM SET {name} = 'on'" in error.remedy
            with pytest.raises(StorageBroken, match=f"{name} is `off`"):
                check_again(running, before)
        check_again(running, before)


def test_h10_a_reload_does_not_make_the_commits_of_a_running_node_weaker(postgres: Server, home: LogHome) -> None:
    with home.database() as running:
        with system(postgres, synchronous_commit="off"), running.write("test") as connection:
            assert connection.exec_driver_sql("SHOW synchronous_commit").scalar() == "on"
        assert identity(running)


def test_h10_a_table_outside_the_write_ahead_log_is_refused(home: LogHome) -> None:
    home.sql("ALTER TABLE document SET UNLOGGED")
    assert "document" in refused(home.url).message


def test_an_ordinary_role_is_enough_and_its_own_settings_do_not_reach_ours(postgres: Server) -> None:
    settings = ("default_transaction_isolation = serializable", "statement_timeout = '1s'", "lock_timeout = '1s'")
    with role(postgres, *settings, "default_transaction_read_only = on") as address:
        database = open_postgres(address)
        migrate(database)
        with database.write("test") as connection:
            assert connection.exec_driver_sql("SHOW transaction_isolation").scalar() == "read committed"
            assert connection.exec_driver_sql("SHOW statement_timeout").scalar() == "0"
        found = identity(database)
        assert found
        assert found.system.isdigit()
        assert found.timeline == 1
        database.close()


def test_only_a_long_read_may_stand_still_for_longer_than_others_can_wait(home: LogHome) -> None:
    """A backup waits for the disk that it writes to, or a busy machine gives a command no turn: no one waits for it."""
    show = "SHOW idle_in_transaction_session_timeout"
    with home.database() as database, database.snapshot("test") as reading, database.write("test") as writing:
        assert (reading.exec_driver_sql(show).scalar(), writing.exec_driver_sql(show).scalar()) == ("1h", "10s")
        with pytest.raises(DBAPIError, match=r"read-only"):
            reading.exec_driver_sql("DELETE FROM document")


def test_a_session_that_is_not_ours_is_refused(postgres: Server) -> None:
    """As behind a pooler, which does not pass settings on."""
    engine = create_engine(postgres.url("postgres").replace("postgresql:", "postgresql+psycopg:"))
    with engine.connect() as connection, pytest.raises(Misconfigured, match="lock_timeout is `0`") as caught:
        require_session(connection)
    engine.dispose()
    assert caught.value.code == "storage-pooler"


def test_a_database_without_a_synchronous_standby_is_refused_where_the_settings_demand_one(home: LogHome) -> None:
    error = refused(home.url, synchronous=True)
    assert "wait for no standby" in error.message
    assert error.where == "storage.synchronous"


def test_a_commit_whose_wait_for_the_standby_is_cancelled_is_no_commit(postgres: Server, home: LogHome) -> None:
    """PostgreSQL calls it done, with a warning: the entry may be lost with the primary, so nothing is signed."""
    with home.log() as log:
        log.append([answered()])
        failed: list[BaseException] = []

        def append() -> None:
            try:
                log.append([answered()])
            except StorageBroken as error:
                failed.append(error)

        with system(postgres, synchronous_standby_names="nobody"):
            writer = threading.Thread(target=append)
            writer.start()
            wait_until(lambda: cancel_waiting(postgres), "nothing waits for the standby")
            writer.join(20)
    assert "canceling wait for synchronous replication" in str(failed[0])
    with home.log() as log:  # it is in the database all the same: what was not signed is now
        assert log.size == 2


def cancel_waiting(postgres: Server) -> bool:
    connection = postgres.admin()
    statement = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    found = connection.execute(statement).fetchall()
    connection.close()
    return bool(found)


def test_a_broken_database_takes_no_more_writes(postgres: Server, home: LogHome) -> None:
    with home.database() as database:
        kill_sessions(postgres)
        for _ in range(2):
            with pytest.raises(StorageBroken), database.write("test") as connection:
                connection.exec_driver_sql("SELECT 1")


def kill_sessions(postgres: Server) -> None:
    connection = postgres.admin()
    connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'liaison'")
    connection.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://db.example/liaison?sslmode=disable", "does not prove which server"),
        ("postgresql://db.example/liaison?sslmode=require", "does not prove which server"),
        ("postgresql:///liaison?hostaddr=192.0.2.7&sslmode=prefer", "does not prove which server"),
        ("postgresql:///liaison?service=other&sslmode=prefer", "does not prove which server"),
        ("postgresql:///liaison?host=/tmp&host=db.example&sslmode=disable", "does not prove which server"),
        ("mysql://localhost/liaison", "names no database"),
        ("postgresql://localhost", "names no database"),
        ("postgresql", "no address"),
    ],
)
def test_an_address_that_would_let_anybody_be_the_server_is_refused(address: str, said: str) -> None:
    assert said in refused(address).message


def settings_of(folder: Path, url: str, more: str = "") -> Path:
    (folder / "node.toml").write_text(f'[node]\nmember = "th"\n[storage]\nurl = "{url}"\n{more}\n')
    return folder


def test_a_password_in_the_settings_is_refused_and_one_in_a_file_is_used(tmp_path: Path, postgres: Server) -> None:
    address = f"postgresql://{READER}:{PASSWORD}@127.0.0.1:{postgres.port}/postgres"
    with pytest.raises(Misconfigured, match="password of the database stands in the settings") as caught:
        open_storage(load_settings(settings_of(tmp_path, address)))
    assert "passfile" in caught.value.remedy
    assert PASSWORD not in str(caught.value)
    wrong = f"postgresql://{READER}@127.0.0.1:{postgres.port}/postgres?passfile={tmp_path / 'pass'}"
    (tmp_path / "pass").write_text(f"127.0.0.1:*:*:{READER}:{PASSWORD}x\n")
    (tmp_path / "pass").chmod(0o600)
    with pytest.raises(StorageBroken, match="password authentication failed") as unreached:
        open_storage(load_settings(settings_of(tmp_path, wrong)))
    assert unreached.value.where == "storage.url"
    assert PASSWORD not in str(unreached.value)
    (tmp_path / "pass").write_text(f"127.0.0.1:*:*:{READER}:{PASSWORD}\n")
    database: Database = open_storage(load_settings(settings_of(tmp_path, wrong)))
    database.close()


def test_init_and_doctor_with_postgresql(tmp_path: Path, postgres: Server, capsys: pytest.CaptureFixture[str]) -> None:
    liaison, home, authority = Liaison(capsys), tmp_path / "la", tmp_path / "authority"
    with role(postgres) as address:
        init = ("init", "--member", "la", "--home", home, "--authority", authority, "--database")
        refused = liaison(*init, address.replace("plain@", "plain:secret@"))
        assert refused.code == 1
        assert "password of the database" in refused.err
        assert "secret" not in refused.err
        assert not home.exists()
        made = liaison(*init, address)
        assert made.code == 0, made.err
        assert "tables in PostgreSQL" in made.out
        again = liaison(*init, address)
        assert "nothing was changed" in again.out
        other = liaison(*init, address + "&application_name=other")
        assert "this home has another database" in other.err
        found = liaison("doctor", "--home", home).out
        assert "PostgreSQL 18" in found
        assert "every commit synced, no standby is waited for" in found
        assert not (home / "node.sqlite").exists()


def test_a_standby_is_not_demanded_of_a_file(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="a file of SQLite has no standby"):
        open_storage(load_settings(settings_of(tmp_path, "", "synchronous = true")))
