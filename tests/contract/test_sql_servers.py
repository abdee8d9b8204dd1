"""Real servers of three kinds keep one contract: found alike, read-only, bounded in time, and mute about themselves."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from adapters.base import MAX_CANDIDATES
from adapters.check.conformance import Expectation, check_adapter, check_closing
from adapters.sql.connection.connect import Connection, read_only_engine
from adapters.sql.connection.watchdog import GRACE_SECONDS
from gateway.clock import ManualClock, SystemClock
from gateway.errors import LiaisonError, TimedOut, Unavailable, Unknown
from gateway.model.query import DocumentQuery, PersonQuery, VehicleQuery
from gateway.model.values import NameForm
from tests.support.load import waiting
from tests.support.sql_agencies import KINDS, SqlAgency, sql_agency

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
CLOCK = ManualClock(NOON)


def soon() -> float:
    """A deadline three seconds from now."""
    return CLOCK.monotonic() + 3


@pytest.fixture(params=KINDS)
def agency(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    return sql_agency(request.param, tmp_path)


@pytest.fixture(params=KINDS[1:])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> SqlAgency:
    """Where a server of its own runs."""
    return sql_agency(request.param, tmp_path)


def number(text: str) -> DocumentQuery:
    return DocumentQuery(text)


# ---------------------------------------------------------------- one contract


def test_every_kind_of_database_keeps_the_contract(agency: SqlAgency) -> None:
    source = agency.open(SystemClock())
    expectation = Expectation(
        found=[number("AA1234567"), VehicleQuery("กข 1234"), PersonQuery((NameForm("สมชาย ใจดี"),))],
        not_found=[number("ZZ9999999"), VehicleQuery("ฮฮ 1"), number("N0000001")],
    )
    many = [(f"X{number}", "คค 1", "", "N") for number in range(MAX_CANDIDATES + 5)]
    agency.insert("cars", many)
    source.refresh()
    expectation = replace(expectation, many=[VehicleQuery("คค 1")])
    assert check_adapter(source, SystemClock(), expectation) == []
    assert check_closing(source, SystemClock(), expectation) == []


def test_every_kind_of_database_gives_the_same_records(agency: SqlAgency) -> None:
    source = agency.open(CLOCK)
    person = source.fetch("1", "Person", soon())
    assert [name["text"] for name in person.fields["names"]] == ["สมชาย ใจดี", "SOMCHAI JAIDEE"]
    assert person.fields["birth"] == {"value": "1962-01-17", "calendar": "GREG"}
    assert person.fields["sex"] == "M"
    assert [item["number"] for item in person.fields["documents"]] == ["AA 1234567", "AA7654321"]
    assert source.fetch("2", "Person", soon()).category.value == "WANTED"
    assert source.fetch("C1", "Vehicle", soon()).fields["status"] == "STOLEN"
    for gone in ("3", "4", "77", "01", " 1", "1\x00", "999999999999999999", "x"):
        with pytest.raises(Unknown):
            source.fetch(gone, "Person", soon())
    # MariaDB compares without case and trailing blanks; a key is a key.
    for near in ("c1", "C1 ", "C2"):
        with pytest.raises(Unknown):
            source.fetch(near, "Vehicle", soon())
    source.close()


# ---------------------------------------------------------------- never writing

WRITES = (
    "INSERT INTO states VALUES ('X', 'X')",
    "UPDATE persons SET latin = 'X'",
    "DELETE FROM persons",
    "DROP TABLE papers",
    "CREATE TABLE mine (a INTEGER)",
    "CREATE INDEX mine ON papers (number)",
    "ALTER TABLE papers ADD COLUMN mine INTEGER",
)
SERVER_WRITES = ("TRUNCATE TABLE papers", "SELECT * FROM persons FOR UPDATE", "CREATE TEMPORARY TABLE mine (a INTEGER)")


def test_nothing_can_be_written_over_the_adapters_own_connection(agency: SqlAgency) -> None:
    before = agency.select("SELECT count(*) FROM persons, papers, states")
    engine = read_only_engine(agency.url)
    writes = WRITES + (SERVER_WRITES if agency.server else ())
    if agency.kind == "postgresql":
        # Temporary tables are the session's own and reach nothing of the agency's.
        writes = tuple(text for text in writes if "TEMPORARY" not in text)
    for text in writes:
        connection = Connection(engine, CLOCK)
        connection.deadline = soon()
        with pytest.raises(Exception, match=r"(?i)read.?only"):
            connection.cursor.execute(text)
        connection.close()
    assert agency.select("SELECT count(*) FROM persons, papers, states") == before
    assert agency.select("SELECT latin FROM persons WHERE id = 1") == [("SOMCHAI JAIDEE",)]


def test_what_an_account_is_set_to_does_not_open_the_session_for_writing(served: SqlAgency) -> None:
    if served.kind == "postgresql":
        served.execute("ALTER ROLE postgres SET default_transaction_read_only = off")
    connection = Connection(read_only_engine(served.url), CLOCK)
    asked = "SHOW transaction_read_only" if served.kind == "postgresql" else "SELECT @@tx_read_only"
    assert connection.fetch(asked, (), soon())[0][0] in ("on", 1)
    connection.close()


# ---------------------------------------------------------------- deadlines

SLOW = (
    "CREATE TABLE n (i INTEGER)",
    "INSERT INTO n WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r WHERE i < 900) SELECT i FROM r",
    "ALTER TABLE cars RENAME TO real_cars",
    "CREATE VIEW cars AS SELECT code, plate, province, (SELECT CASE WHEN count(*) = 1 THEN '' ELSE p.state END "
    "FROM n a, n b, n c, n d WHERE a.i + b.i + c.i + d.i > c.i * 2) AS state FROM real_cars p",
)


def make_slow(agency: SqlAgency) -> None:
    """The agency's table becomes a view that never ends."""
    agency.execute(*SLOW)


def test_a_statement_that_outlives_its_deadline_ends_and_the_connection_stays(agency: SqlAgency) -> None:
    clock = SystemClock()
    source = agency.rows(clock)
    held = source._tables._connection()
    make_slow(agency)
    with waiting() as watch, pytest.raises(TimedOut):
        source.read("Vehicle", "C1", {}, clock.monotonic() + 0.2)
    assert watch.seconds < 2
    assert source.read("Person", "1", {}, clock.monotonic() + 3)[0][0] == 1
    if agency.server:
        assert source._tables._connection() is held
    source.close()


@pytest.fixture
def frozen(served: SqlAgency) -> Iterator[tuple[SqlAgency, Any]]:
    """A server that takes connections in its kernel and says nothing any more."""
    assert served.server is not None
    assert served.server.process is not None
    source = served.rows(SystemClock())
    stopped = [served.server.process.pid]
    if served.kind == "postgresql":
        held = source._tables._connection()
        stopped.append(held.connection.fetch("SELECT pg_backend_pid()", (), SystemClock().monotonic() + 60)[0][0])
    for process in stopped:
        os.kill(process, signal.SIGSTOP)
    yield served, source
    for process in stopped:
        with_gone_ones_left(process)
    source.close()


def with_gone_ones_left(process: int) -> None:
    try:
        os.kill(process, signal.SIGCONT)
    except ProcessLookupError:
        return


@pytest.mark.timed
def test_a_server_that_says_nothing_any_more_costs_its_deadline_and_no_thread(frozen: tuple[SqlAgency, Any]) -> None:
    _, source = frozen
    clock = SystemClock()
    with waiting() as watch, pytest.raises(TimedOut):
        source.read("Person", "1", {}, clock.monotonic() + 0.2)
    assert watch.seconds < 0.2 + GRACE_SECONDS + 1


# ---------------------------------------------------------------- lost connections


def test_a_server_that_was_started_again_between_two_calls_is_asked_again(served: SqlAgency) -> None:
    clock = SystemClock()
    source = served.open(clock)
    assert source.fetch("1", "Person", clock.monotonic() + 3).key == "1"
    assert served.server is not None
    served.server.restart()
    assert source.fetch("1", "Person", clock.monotonic() + 3).key == "1"
    assert source.health() == ""
    source.close()


def test_a_server_that_is_down_is_unavailable_and_found_again_when_it_is_back(served: SqlAgency) -> None:
    clock = SystemClock()
    source = served.open(clock)
    source.fetch("1", "Person", clock.monotonic() + 3)
    assert served.server is not None
    served.server.stop()
    try:
        with pytest.raises(Unavailable):
            source.fetch("1", "Person", clock.monotonic() + 3)
        assert source.health() == "the source cannot be read"
        assert source.search(number("AA1234567"), clock.monotonic() + 3).candidates
    finally:
        served.server.start()
    assert source.fetch("1", "Person", clock.monotonic() + 3).key == "1"
    source.close()


def test_a_table_that_was_altered_under_prepared_statements_is_read_on(agency: SqlAgency) -> None:
    source = agency.rows(CLOCK)
    for _ in range(8):
        source.read("Person", "1", {}, soon())
    agency.execute("ALTER TABLE persons ADD COLUMN note VARCHAR(10)")
    assert source.read("Person", "1", {}, soon())[0][0] == 1
    source.close()


def test_several_threads_read_at_once_and_lost_connections_hurt_one_call_each_at_most(served: SqlAgency) -> None:
    clock = SystemClock()
    source = served.rows(clock)
    assert served.server is not None
    failures: list[BaseException] = []
    begun, again = threading.Barrier(5), threading.Barrier(5)

    def work() -> None:
        try:
            for _ in range(20):
                source.read("Person", "1", {}, clock.monotonic() + 3)
            begun.wait(20)
            again.wait(20)
            for _ in range(20):
                source.read("Person", "1", {}, clock.monotonic() + 3)
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    begun.wait(20)
    served.server.restart()
    again.wait(20)
    for thread in threads:
        thread.join()
    assert failures == []
    source.close()


# ---------------------------------------------------------------- CASE-K10


@pytest.mark.parametrize("damage", ["DROP TABLE papers", "ALTER TABLE papers RENAME COLUMN number TO secret_number"])
def test_k10_no_kind_of_database_speaks_through_the_source(agency: SqlAgency, damage: str) -> None:
    source = agency.open(CLOCK)
    agency.execute(damage)
    with pytest.raises(LiaisonError) as caught:
        source.fetch("1", "Person", soon())
    shown = f"{caught.value} {caught.value.code} {source.health()}"
    for word in ("papers", "number", "SELECT", "exist", str(agency.file)):
        assert word not in shown
    source.close()


def test_k10_a_refused_account_is_not_explained(served: SqlAgency) -> None:
    assert served.server is not None
    with pytest.raises(Unavailable) as caught:
        served.open(CLOCK, url=served.server.url("agency", "nobody:secret@127.0.0.1"))
    for word in ("nobody", "secret", "password", "127.0.0.1"):
        assert word not in f"{caught.value}"
