"""A subject with a fifth of a long log is found, held and erased in one pass, on both engines (CASE-N227).

In the small form the log has a few thousand entries; LIAISON_AUDIT_ENTRIES sets another number.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, update
from sqlalchemy.engine import Engine

from gateway.audit.acts.table import ActKind
from gateway.audit.entries.entry import parse_entry
from gateway.audit.reading.opened import HomeLogs
from gateway.audit.retention.holds import HoldAction
from gateway.clock import HOUR_US, SystemClock, rfc3339
from gateway.config import Home, load_settings
from gateway.ops.acts.carry import bring, carry_out
from gateway.ops.acts.draft import draft
from gateway.ops.acts.mailbox import Mailbox, Order
from gateway.ops.homes.lock import only_one
from gateway.ops.homes.open_home import open_home
from gateway.ports.content_keys import Retention
from gateway.storage.database.open import open_storage
from gateway.storage.database.tables import document
from tests.federation.test_several_processes import on_postgres
from tests.support.audit_logs import answered
from tests.support.cli import Liaison
from tests.support.exchange import sample_world
from tests.support.persons import person_key, signed
from tests.support.subject_log import EVERY, OTHER, SUBJECT, fill_log, logs_of
from tests.support.waiting import wait_until

ENTRIES = int(os.environ.get("LIAISON_AUDIT_ENTRIES", "3000"))
ABOUT = len(range(0, ENTRIES, EVERY))
LONG_S = 3_600

pytestmark = pytest.mark.timeout(7200)


@pytest.fixture(scope="module")
def home(engine: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = sample_world(tmp_path_factory.mktemp("subjects"), ("th", "vn"))
    made = on_postgres(world, "th") if engine == "postgresql" else world.home("th")
    assert fill_log(made, ENTRIES) == ABOUT
    return made


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@contextmanager
def statements() -> Iterator[list[str]]:
    """Yield the statements that databases are asked meanwhile, beside those of the hot path."""
    asked: list[str] = []

    def note(*arguments: Any) -> None:
        asked.append(arguments[2])

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(Engine, "before_cursor_execute", note)


def readable(home: Path) -> set[int]:
    """Indexes of the entries whose content can be opened."""
    with open_home(home) as evidence:
        logs = HomeLogs(evidence.store, evidence.keys)
        return {row.entry.index for row in logs.rows("exchange/1", *logs.bounds("exchange/1")) if row.private}


def audit(liaison: Liaison, *arguments: object) -> Any:
    ran = liaison("audit", *map(str, arguments), "--json")
    assert ran.code == 0, ran.err
    return ran.value


def test_n227_a_subject_is_found_in_one_pass_and_held_by_two(home: Path, liaison: Liaison, tmp_path: Path) -> None:
    audit(liaison, "index", "--home", home)
    with statements() as asked:
        planned = audit(liaison, "erase", "--home", home, "--number", SUBJECT, *signed(home), "--dry-run")
    assert planned["erased"] == ABOUT
    assert len(asked) < ABOUT / 2, "each entry asks the database"
    every = audit(liaison, "erase", "--home", home, "--number", SUBJECT, *signed(home), "--dry-run", "--complete")
    assert every["erased"] == ABOUT
    if ABOUT > 80_000:
        return
    one, two = (str(person_key(home, name)) for name in ("data1", "data2"))
    said = (
        "--until",
        rfc3339(SystemClock().now_us() + 300 * 24 * HOUR_US),
        "--reason",
        "case 7",
        "--key",
        one,
        "--out",
        str(tmp_path / "h"),
    )
    drafted = audit(liaison, "hold", "draft", "--home", home, "--number", SUBJECT, "--entry", "exchange/1:1", *said)
    assert drafted["entries"] == {"exchange/1": sorted({1, *range(0, ENTRIES, EVERY)})}
    assert drafted["action"] == HoldAction.PLACE
    audit(liaison, "hold", "sign", tmp_path / "h", "--key", two, "--out", tmp_path / "h")
    audit(liaison, "hold", "bring", tmp_path / "h", "--home", home)
    held = liaison("audit", "erase", "--home", home, "--number", SUBJECT, *signed(home), "--json")
    assert (held.code, held.value["error"]["code"]) == (1, "held")
    lift = ("--hold", drafted["hold"], "--reason", "closed", "--key", one, "--out", str(tmp_path / "l"))
    audit(liaison, "hold", "lift", "--home", home, *lift)
    audit(liaison, "hold", "sign", tmp_path / "l", "--key", two, "--out", tmp_path / "l")
    audit(liaison, "hold", "bring", tmp_path / "l", "--home", home)
    assert len(readable(home)) == ENTRIES


def test_n291_entries_whose_key_is_lost_are_told_of_whoever_erases_or_holds_a_subject(
    home: Path, liaison: Liaison, tmp_path: Path
) -> None:
    month = SystemClock().now().strftime("%Y-%m")
    keys = [path for path in (home / "keystore").glob(f"*/{month}.key") if path.parent.name in ("hit", "nohit")]
    for path in keys:
        path.rename(path.with_suffix(".away"))
    try:
        erase = ("audit", "erase", "--home", home, "--number", SUBJECT, *map(str, signed(home)), "--json")
        for more in ((), ("--complete",)):
            planned = liaison(*map(str, erase), "--dry-run", *more)
            assert (planned.code, planned.value["erased"], planned.value["unread"]) == (3, 0, ENTRIES)
            assert planned.value["lost_keys"] == {f"nohit/{month}": ENTRIES}
        act = tmp_path / "act"
        drafted = liaison(*map(str, erase), "--out", act)
        assert (drafted.code, drafted.value["detail"]["unread"]) == (3, ENTRIES)
        until = rfc3339(SystemClock().now_us() + 300 * 24 * HOUR_US)
        said = ("--until", until, "--reason", "case 7", "--key", person_key(home, "data1"), "--out", tmp_path / "h")
        hold = ("audit", "hold", "draft", "--home", home, "--number", SUBJECT, *said, "--json")
        refused = liaison(*hold)
        assert (refused.code, refused.value["error"]["code"]) == (1, "subject-unreadable")
        held = liaison(*hold, "--entry", "exchange/1:1")
        assert held.code == 3
        assert held.value["reason"] == f"case 7 ({ENTRIES} entries unread: their keys are lost)"
    finally:
        for path in keys:
            path.with_suffix(".away").rename(path)


def _dies(home: Path, data: bytes) -> None:
    """Carry out an act, and end as `kill -9` does once a part of the rest is kept."""

    def progress(step: str, done: int, total: int) -> None:
        if step.startswith("keeping") and done >= total // 2:
            os.kill(os.getpid(), signal.SIGKILL)

    bring(home, data, progress)


def test_n227_an_erasure_that_is_killed_in_the_middle_goes_on_with_the_next_act(home: Path, liaison: Liaison) -> None:
    act = home.parent / "act"
    audit(liaison, "erase", "--home", home, "--number", SUBJECT, *signed(home), "--out", act)
    assert f"exchange/1 {ABOUT:,} entries, 0 to " in liaison("act", "show", str(act)).out
    data = act.read_bytes()
    child = multiprocessing.get_context("spawn").Process(target=_dies, args=(home, data))
    child.start()
    child.join(LONG_S)
    assert child.exitcode == -signal.SIGKILL
    assert len(readable(home)) == ENTRIES  # keys are destroyed once all that stays is kept
    assert len(list(Home(home).acts.glob("long-*.json"))) == 1
    done = audit(liaison, "erase", "--home", home, "--number", SUBJECT, *signed(home))
    assert done["erased"] == 0  # the act that was cut off was carried out first
    assert readable(home) == set(range(ENTRIES)) - set(range(0, ENTRIES, EVERY))
    assert not list(Home(home).acts.glob("long-*.[jp]*"))
    assert liaison("audit", "verify", "--home", str(home), "--without-statements").code == 0


def test_n295_a_lost_key_beside_the_time_of_an_erasure_stops_nothing_and_documents_count(
    home: Path, liaison: Liaison
) -> None:
    with open_home(home) as evidence:
        (stored,) = evidence.store.entries("exchange/1", 1, 2)
        until = rfc3339(SystemClock().now_us())
    with logs_of(home) as (log, documents):  # another entry of the same exchange, later and in another class
        why = answered(exchange_id=parse_entry(stored.body).exchange_id, retention=Retention.JUSTIFICATION)
        log.append([why])
        documents.put("search", "old", b"")
    lost = update(document).where(document.c.key == "old").values(value=b"docs/2020-01\nsealed")
    with closing(open_storage(load_settings(home))) as database, database.write("a lost key") as connection:
        connection.execute(lost)
    kept = home / "keystore" / "why"
    kept.rename(away := home / "why")
    try:
        about = ("--number", f"{OTHER}0001", "--before", until, *map(str, signed(home)), "--json", "--dry-run")
        planned = liaison("audit", "erase", "--home", str(home), *about)
        assert (planned.code, planned.value["erased"], planned.value["unread"]) == (3, len(range(1, ENTRIES, 200)), 2)
        assert set(planned.value["lost_keys"].values()) == {1}
    finally:
        away.rename(kept)


def test_n227_how_far_an_act_is_at_a_running_node_is_told_to_whoever_waits_for_it(home: Path) -> None:
    told: list[tuple[str, int, int]] = []
    order = Order(ActKind.SEEK, document=draft(home, ActKind.SEEK, "a drill", {}, [person_key(home, "data1")]).decode())
    mailbox = Mailbox(Home(home).acts)

    def node() -> None:
        """Take the act as a node does whose work is long."""
        wait_until(lambda: mailbox.place(order).exists(), "the act")

        def effect(taken: Order) -> dict[str, Any]:
            for done in (1, 2):
                mailbox.progress_of(taken)("keeping the rest", done, 2)
                wait_until(partial(told.__contains__, ("keeping the rest", done, 2)), "the progress")
            return {"done": True}

        mailbox.run(order.lane, effect)

    with only_one(Home(home).lock):
        thread = threading.Thread(target=node)
        thread.start()
        result = carry_out(home, order, progress=lambda step, done, total: told.append((step, done, total)))
        thread.join()
    assert result == {"done": True}
    assert told == [("keeping the rest", 1, 2), ("keeping the rest", 2, 2)]
    assert mailbox.progress(order) is None
    assert not list(mailbox.folder.glob("*.progress"))
