"""Several processes of one member write to one log on PostgreSQL: one tree, one head of each size, one answer."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.audit.entries.entry import parse_entry
from gateway.audit.log.highwater import read_heads
from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.merkle import Tree
from gateway.clock import ManualClock
from gateway.errors import Contradicted, StorageBroken
from gateway.exchange.asking.abandoned import GRACE_US, LostQuestions
from gateway.ports.desk import DeskRows
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.log_store import LogState, NewEntry
from gateway.signing.keys import SigningKey
from gateway.storage.database.engine import Database
from gateway.storage.database.migrate import migrate
from gateway.storage.log.lease import ALONE
from gateway.storage.log.log_store import SqlLogStore
from tests.support import schemas
from tests.support.audit_logs import NOON, VN, LogHome, answered, logged, new_id
from tests.support.databases import server
from tests.support.desk_rows import a_thread, new_key
from tests.support.load import waiting
from tests.support.waiting import wait_until
from tests.support.zygote import Zygote

pytestmark = pytest.mark.process

WRITERS, BATCHES = 3, 20
FAIL_OVER_S = 2.0


@pytest.fixture
def home(tmp_path: Path) -> Iterator[LogHome]:
    """A home on PostgreSQL whose key other processes can load."""
    server("postgresql")
    before, LogHome.engine = LogHome.engine, "postgresql"
    key = Ed25519PrivateKey.generate()
    made = LogHome(tmp_path, SigningKey(key))
    with made.database():
        pass
    (tmp_path / "log.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (tmp_path / "log.key").chmod(0o600)
    yield made
    LogHome.engine = before


def start(home: LogHome, name: str, batches: int = BATCHES) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.racing_writer", str(home.folder), name, str(batches)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def race(home: LogHome, names: str, kill: str = "") -> list[list[str]]:
    """What each of the processes said; `kill` names one that is killed in the middle."""
    processes = {name: start(home, name, 50 * BATCHES if name == kill else BATCHES) for name in names}
    for process in processes.values():
        assert process.stdout
        assert process.stdin
        if process.stdout.readline() != "ready\n":
            pytest.fail("it did not start")
    for process in processes.values():
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    said = []
    for name, process in processes.items():
        assert process.stdout
        text = ""
        if name == kill:
            text = "".join(process.stdout.readline() for _ in range(20))
            process.kill()
        text += process.stdout.read()
        assert process.wait(60) == (-signal.SIGKILL if name == kill else 0)
        said.append(text[: text.rfind("\n") + 1].splitlines())
    return said


def check(home: LogHome, said: list[list[str]]) -> Tree:
    """INVARIANT-1 to INVARIANT-3, over all processes together; the tree."""
    tree = Tree()
    exchanges: Counter[str] = Counter()
    numbers = []
    with home.store() as store:
        state = store.state("exchange/1")
        assert state
        for _, body, leaf in store.bodies("exchange/1", 0, state.size):
            tree.append(leaf)
            exchanges[parse_entry(body).exchange_id] += 1
            numbers.append(parse_entry(body).number)
    assert set(exchanges.values()) == {1}
    assert numbers == list(range(1, state.size + 1))
    answers: dict[str, str] = {}
    for line in (line for lines in said for line in lines):
        word, first, second = line.split(" ")
        if word == "head":
            assert tree.root(int(first)).hex() == second, f"two heads over {first} entries"
        elif word == "won":
            assert answers.setdefault(first, second) == second
    for line in (line for lines in said for line in lines if line.startswith("lost ")):
        _, exchange, answer = line.split(" ")
        assert answers.get(exchange, answer) == answer
        assert exchanges[exchange] == 1
    return tree


def test_processes_that_race_sign_one_head_of_each_size_and_answer_once(home: LogHome) -> None:
    said = race(home, "abc"[:WRITERS])
    tree = check(home, said)
    won = [sum(line.startswith("won") for line in lines) for lines in said]
    lost = [sum(line.startswith("lost") for line in lines) for lines in said]
    assert sum(won) == tree.size
    assert all(won)
    assert sum(lost) > 0
    batches = -(-BATCHES // 5) * (1 + 2 + 3 + 4 + 5)
    assert [one + other for one, other in zip(won, lost, strict=True)] == [batches] * WRITERS
    with home.log() as log:  # and the log opens again
        assert log.size == tree.size


def test_a_process_that_is_killed_in_the_race_takes_nothing_of_the_others_with_it(home: LogHome) -> None:
    said = race(home, "ab", kill="b")
    check(home, said)
    with home.log() as log:
        logged(log.append([answered()]))


def opened(home: LogHome) -> tuple[AuditLog, Database]:
    database = home.open()
    return AuditLog(
        SqlLogStore(database, home.keystore), home.keystore, home.key, home.clock, "th", highwater=home.highwater
    ), database


def test_two_logs_of_one_home_follow_each_other(home: LogHome) -> None:
    (one, first), (other, second) = opened(home), opened(home)
    draft = answered()
    (place,) = logged(one.append([draft]))
    other.follow()
    assert other.size == 1
    assert other.checkpoint == place.proof.checkpoint
    (repeated,) = other.append([draft])
    assert isinstance(repeated, StoredAnswer)
    assert repeated.answer == draft.answer
    (third,) = other.append([answered()])
    assert isinstance(third, Logged)
    assert third.number == 2
    heads = [parse_checkpoint(head).size for head in read_heads(home.highwater / "exchange-1")]
    assert max(heads) == 2
    for log, database in ((one, first), (other, second)):
        log.close()
        database.close()


def test_e1_an_answer_of_another_process_is_known_before_anything_is_executed(home: LogHome) -> None:
    """Nothing has to be appended first: the stage that recognises repeated requests looks at the database."""
    (one, first), (other, second) = opened(home), opened(home)
    draft = answered()
    one.append([draft])
    assert draft.claim
    claim = (draft.claim.sender, draft.claim.exchange_id)
    assert other.stored_answers([claim])[claim].answer == draft.answer
    for log, database in ((one, first), (other, second)):
        log.close()
        database.close()


def test_what_another_process_wrote_is_hashed_again_before_it_is_signed(home: LogHome) -> None:
    log, database = opened(home)
    with home.log() as other:
        other.append([answered(), answered()])
    home.sql("UPDATE log_entry SET body = body || '\\x20'::bytea WHERE seq = 1")
    with pytest.raises(StorageBroken, match="entry 1 is bad"):
        log.append([answered()])
    with pytest.raises(StorageBroken, match="failed before"):
        log.append([answered()])
    log.close()
    database.close()


def test_h8_a_database_that_goes_back_while_a_node_runs_ends_it(home: LogHome) -> None:
    log, database = opened(home)
    log.append([answered()])
    behind = home.copy(home.folder.parent / "behind")
    log.append([answered()])
    home.sql("DELETE FROM log_entry WHERE seq = 1", "UPDATE log_state SET size = 1")
    with pytest.raises(StorageBroken, match="gone back: it holds 1 entries, and a head over 2"):
        log.append([answered()])
    log.close()
    database.close()
    shutil.rmtree(behind.highwater)
    shutil.copytree(home.highwater, behind.highwater)
    with pytest.raises(Contradicted, match="a head over 2 entries was signed"):
        behind.log().__enter__()


def test_the_high_water_file_says_on_which_database_a_head_was_signed(home: LogHome) -> None:
    with home.log() as log:
        log.append([answered()])
        assert log.database.startswith("PostgreSQL ")
        assert log.database.endswith(" timeline 1")
        assert not log.moved
    with home.log() as log:
        assert not log.moved
    for file in home.highwater.iterdir():
        file.write_bytes(file.read_bytes().replace(b"timeline 1", b"timeline 7"))
    with home.log() as log:  # nothing is missing: it goes on, and a comparison with a witness tells why
        assert "timeline 7" in log.moved
    for file in home.highwater.iterdir():
        file.write_bytes(file.read_bytes().replace(b"timeline 1", b"timeline 7"))
    home.sql("DELETE FROM log_entry", "UPDATE log_state SET size = 0, root = sha256(''), checkpoint = ''")
    with pytest.raises(Contradicted, match=r"missing: a head over 1 .*timeline 7, and the log is now on .*timeline 1"):
        home.log().__enter__()


async def test_migrations_of_two_processes_at_once_are_one(tmp_path: Path, home: LogHome) -> None:
    fresh = LogHome(tmp_path / "fresh", home.key)
    assert fresh.url
    async with Zygote() as zygote:
        children = [await zygote.fork("tests.support.at_once:migrate", str(fresh.folder)) for _ in range(3)]
        assert [await child.ended(60) for child in children] == [0, 0, 0]
    database = fresh.open()
    migrate(database)
    database.close()


def test_questions_of_a_process_that_is_gone_are_abandoned_once_and_no_others(home: LogHome) -> None:
    clock = ManualClock(NOON)
    home.clock = clock
    with home.log() as log, home.documents() as documents, home.store() as store:
        lost, ended = asked(), asked()
        log.append([lost, ended, answered(), silent(ended)])
        clock.advance(timedelta(microseconds=GRACE_US // 2))
        waiting = asked()
        log.append([waiting])
        questions = LostQuestions(store, "exchange/1", documents, clock)
        assert questions.find() == []
        questions.noted()
        clock.advance(timedelta(microseconds=GRACE_US // 2 + 1_000_000))
        (draft,) = LostQuestions(store, "exchange/1", documents, clock).find()
        assert (draft.kind, draft.exchange_id, draft.peer) == ("abandoned", lost.exchange_id, "vn")
        log.append([draft])
        questions.find()
        questions.noted()
        clock.advance(timedelta(microseconds=GRACE_US))
        (draft,) = questions.find()  # a later leader goes on from there
        assert draft.exchange_id == waiting.exchange_id


def asked() -> EntryDraft:
    return events.ASKED.draft(peer=VN, exchange_id=new_id(), request_hash=secrets.token_bytes(32), case="TH-2026-0417")


def silent(question: EntryDraft) -> EntryDraft:
    return events.SILENT.draft(
        peer=VN, exchange_id=question.exchange_id, request_hash=question.request_hash, code="timed-out"
    )


def test_a_process_that_stands_still_in_its_turn_loses_it_and_the_log_goes_on(home: LogHome) -> None:
    (one, first), (other, second) = opened(home), opened(home)
    one.settle()  # which leaves the log to the next process
    with waiting() as watch, one._store.turn(one._head.state) as current:
        logged(other.append([answered()]))  # it waits, and takes the log
        assert 0.5 < watch.seconds < FAIL_OVER_S
        after = msgspec.structs.replace(current, checkpoint=b"")
        assert one._store.commit(current, after, []) is False
    (place,) = logged(one.append([answered()]))  # and its next batch follows what the other has written
    assert (place.index, other.proof(1).index) == (1, 1)
    for log, database in ((one, first), (other, second)):
        log.close()
        database.close()


def locked(database: Database) -> bool:
    query = "SELECT count(*) FROM pg_locks WHERE relation = 'log_lease'::regclass AND mode = 'RowShareLock'"
    with database.read("locks") as connection:
        return bool(connection.exec_driver_sql(query).scalar())


def test_n286_a_process_that_stands_still_between_two_statements_that_travel_together_is_cut_off(
    home: LogHome,
) -> None:
    """The server's own limits end nothing there: for it the client is in the middle of sending."""
    log, database = opened(home)
    log.append([answered()])
    connection = psycopg.connect(schemas.address(home.folder, make=False))
    with suppress(psycopg.OperationalError), connection, connection.pipeline():
        connection.execute("SELECT * FROM log_lease FOR UPDATE")
        wait_until(lambda: locked(database), "the server has run the first statement")
        with waiting() as watch:
            (place,) = logged(log.append([answered()]))
        assert place.index == 1
        assert 1.5 < watch.seconds < 2 * FAIL_OVER_S
        connection.execute("SELECT 1")
    assert connection.closed
    log.close()
    database.close()


@pytest.mark.parametrize("desk", [False, True])
def test_what_was_built_before_another_settled_is_refused_and_built_anew_though_nothing_was_written(
    home: LogHome, monkeypatch: pytest.MonkeyPatch, desk: bool
) -> None:
    """So no content stays under a key that an erasure retires: the epoch counts, not only what is in the log."""
    (one, first), (other, second) = opened(home), opened(home)
    commit = one._store.commit
    built: list[list[str]] = []

    def settled_meanwhile(before: LogState | None, after: LogState, entries: Sequence[NewEntry]) -> bool:
        if not built:
            other.settle()
        built.append([entry.content.key_id for entry in entries])
        return commit(before, after, entries)

    monkeypatch.setattr(one._store, "commit", settled_meanwhile)
    rows = DeskRows(a_thread(new_key())) if desk else None
    (place,) = logged(one.append([answered(rows=rows)]))
    assert len(built) == 2
    assert (place.index, one.size) == (0, 1)
    for log, database in ((one, first), (other, second)):
        log.close()
        database.close()


def test_a_lone_process_keeps_the_log_and_one_that_comes_to_an_idle_one_has_it_at_once(home: LogHome) -> None:
    (one, first), (other, second) = opened(home), opened(home)
    for _ in range(2 * ALONE):
        one.append([answered()])
    taken = epoch(home)
    for _ in range(5):
        one.append([answered()])
    assert epoch(home) == taken
    for _ in range(2):  # each of these comes to a process that is idle
        other.append([answered()])
        one.append([answered()])
    assert one.size == 2 * ALONE + 9
    assert taken < epoch(home) <= taken + 4
    for log, database in ((one, first), (other, second)):
        log.close()
        database.close()


def epoch(home: LogHome) -> int:
    with schemas.connect(home.folder) as server:
        found = server.execute("SELECT max(epoch) FROM log_lease").fetchone()
    assert found
    return int(found[0])
