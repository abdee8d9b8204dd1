"""Sessions are rows that hold no readable name, that end in time, and that processes share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import select, update

from gateway.ports.sessions import Remembered, Session
from gateway.storage.console.session_store import SqlSessions
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import migrate
from gateway.storage.database.tables import console_session
from gateway.storage.keys.keystore import KeyStore
from tests.support.audit_logs import LogHome
from tests.support.policies import NOW_US

pytestmark = pytest.mark.usefixtures("engine")

MINUTE = 60_000_000
SESSION = Session(
    "a" * 64, "th.o.1042", "oidc", "dev", "officer.token.text", NOW_US + MINUTE, "refresh", "th",
    NOW_US, NOW_US, NOW_US + 720 * MINUTE,
)  # fmt: skip


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = LogHome(tmp_path).open()
    migrate(opened)
    return opened


@pytest.fixture
def keystore(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "session-keys")


@pytest.fixture
def sessions(database: Database, keystore: KeyStore) -> SqlSessions:
    return SqlSessions(database, keystore)


def test_a_session_is_found_as_it_was_kept_and_no_other_is(sessions: SqlSessions) -> None:
    sessions.begin(SESSION, 3)
    assert sessions.find(SESSION.id) == SESSION
    assert sessions.find("b" * 64) is None


def test_the_row_names_nobody_and_holds_no_token(sessions: SqlSessions, database: Database) -> None:
    sessions.begin(SESSION, 3)
    with database.read("test") as connection:
        row = connection.execute(select(console_session)).one()
    told = b" ".join(str(value).encode() if not isinstance(value, bytes) else value for value in row)
    assert not any(text in told for text in (b"th.o.1042", b"officer.token", b"refresh"))


def test_another_process_finds_it_and_sees_its_changes(
    sessions: SqlSessions, database: Database, tmp_path: Path
) -> None:
    other = SqlSessions(database, KeyStore(tmp_path / "session-keys"))
    sessions.begin(SESSION, 3)
    other.see(SESSION.id, NOW_US + MINUTE)
    other.change(SESSION.id, lambda one: replace(one, remembered=Remembered(case="C-1"), language="lo"))
    found = sessions.find(SESSION.id)
    assert found is not None
    assert (found.seen_us, found.remembered.case, found.language) == (NOW_US + MINUTE, "C-1", "lo")


def test_a_session_that_has_ended_is_not_changed_into_being(sessions: SqlSessions) -> None:
    sessions.begin(SESSION, 3)
    assert sessions.end(SESSION.id)
    assert not sessions.end(SESSION.id)
    assert sessions.change(SESSION.id, lambda one: one) is None
    assert sessions.find(SESSION.id) is None


def test_changes_at_once_lose_nothing(sessions: SqlSessions) -> None:
    sessions.begin(SESSION, 3)

    def set_one(change: Callable[[Session], Session]) -> None:
        for _ in range(5):
            sessions.change(SESSION.id, change)

    changes: list[Callable[[Session], Session]] = [
        lambda one: replace(one, language="lo"),
        lambda one: replace(one, token="new"),
        lambda one: replace(one, renewal="next"),
    ]
    threads = [threading.Thread(target=set_one, args=(change,)) for change in changes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = sessions.find(SESSION.id)
    assert found is not None
    assert (found.language, found.token, found.renewal) == ("lo", "new", "next")


def test_one_session_more_than_a_person_may_have_ends_the_oldest_of_that_person(sessions: SqlSessions) -> None:
    sessions.begin(replace(SESSION, id="0" * 64, person="th.o.2"), 2)
    ended = [
        sessions.begin(replace(SESSION, id=str(number) * 64, started_us=NOW_US + number), 2) for number in range(1, 5)
    ]
    assert ended == [0, 0, 1, 1]
    assert [sessions.find(str(number) * 64) is not None for number in range(5)] == [True, False, False, True, True]


def test_one_caller_renews_a_token_until_it_has_or_its_time_is_over(sessions: SqlSessions) -> None:
    sessions.begin(SESSION, 3)
    until = NOW_US + MINUTE
    assert sessions.claim_renewal(SESSION.id, NOW_US, until)
    assert not sessions.claim_renewal(SESSION.id, NOW_US + 1, until)
    assert sessions.claim_renewal(SESSION.id, until, until + MINUTE)
    sessions.change(SESSION.id, lambda one: one)
    assert sessions.claim_renewal(SESSION.id, until, until + MINUTE)
    assert not sessions.claim_renewal("b" * 64, NOW_US, until)


@pytest.mark.parametrize(
    ("now_us", "is_over"),
    [
        (NOW_US + 14 * MINUTE, False),
        (NOW_US + 15 * MINUTE, True),
        (NOW_US + 720 * MINUTE, True),
        (NOW_US - 20_000_000, False),
        (NOW_US - 10 * MINUTE, True),
    ],
    ids=["in time", "idle", "shift over", "clocks differ a little", "from the future"],
)
def test_sessions_end_when_their_time_is_over(sessions: SqlSessions, now_us: int, is_over: bool) -> None:
    sessions.begin(SESSION, 3)
    assert sessions.end_over(now_us, 15 * MINUTE) == is_over
    assert (sessions.find(SESSION.id) is None) == is_over


def test_a_row_that_another_hand_changed_lets_nobody_in(sessions: SqlSessions, database: Database) -> None:
    sessions.begin(SESSION, 3)
    with database.write("test") as connection:
        connection.execute(update(console_session).values(id="b" * 64))
    assert sessions.find("b" * 64) is None
    assert sessions.change("b" * 64, lambda one: one) is None
