"""Rows of the desk are forgotten with their keys, with their exchange, and when their thread's time is over."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.retention.erase_key import ErasureReason
from gateway.clock import ManualClock
from gateway.errors import Unknown
from gateway.model.desk.threads import ThreadState
from gateway.ops.backup.restore_target import empty_destroyed
from gateway.ports.content_keys import Retention
from gateway.ports.desk import DeskRows
from gateway.storage.database.dump import dump, load
from gateway.storage.desk.desk_store import SqlDeskStore
from tests.support.audit_logs import NOON, LogHome, answered, logged
from tests.support.desk_rows import a_copy, a_delivery, a_notice, a_thread, new_key, opening, some_work
from tests.support.erasing import Open, opened

pytestmark = pytest.mark.usefixtures("engine")

WHY = ErasureReason("age", "liaison", reason="retention")


def desk_of(it: Open) -> SqlDeskStore:
    return SqlDeskStore(it.store._database, it.keys)


def test_what_is_still_needed_is_sealed_anew_and_its_old_key_goes(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    home = LogHome(tmp_path / "home", clock=clock)
    key = new_key()
    thread, notice = a_thread(key, draft=b"a draft"), a_notice(key, receipt=b"a receipt")
    work, copy = some_work(key, result="a result"), a_copy()
    with opened(home) as it:
        it.exchange.append([answered(rows=DeskRows(thread, 0, notice, (a_delivery(notice),), (work,), (copy,)))])
        old = it.keys.current(Retention.DESK, clock.now_us())
        clock.advance(timedelta(days=200))
        (erased,) = it.eraser.by_age({Retention.DESK: clock.now_us()}, WHY)
        assert (erased.key_id, erased.kept) == (old, 6)
        assert it.keys.is_destroyed(old)
        desk = desk_of(it)
        assert desk.thread(key) == thread
        assert desk.envelope(key.thread_id) == notice.envelope
        assert desk.notices(key)[0].receipt == b"a receipt"
        assert (desk.work(work.id), desk.holdings()) == (work, [copy])


@pytest.mark.long
def test_a_notice_goes_with_the_entry_of_its_exchange_and_open_work_stays_closed_to_its_author(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    key, other = new_key(), new_key()
    with opened(home) as it:
        drafts = [answered(one.thread_id, rows=opening(one)) for one in (key, other)]
        places = logged(it.exchange.append(drafts))
        it.eraser.entries({"exchange/1": [places[0].index]}, ErasureReason("entry", "A. Clerk", "asked in error"))
        desk = desk_of(it)
        with pytest.raises(Unknown, match="erased"):
            desk.envelope(key.thread_id)
        assert desk.envelope(other.thread_id)
        found = desk.work(f"decide-{key.thread_id}")
        assert found
        assert found.not_by == "th.o.1042"


@pytest.mark.long
def test_a_restored_database_holds_the_desk_and_nothing_that_was_forgotten_since(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    key, other = new_key(), new_key()
    with opened(home) as it:
        drafts = [answered(one.thread_id, rows=opening(one, holdings=(a_copy(),))) for one in (key, other)]
        places = logged(it.exchange.append(drafts))
        dump(it.store._database, tmp_path / "before")
        it.eraser.entries({"exchange/1": [places[0].index]}, ErasureReason("entry", "A. Clerk", "asked in error"))
        dump(it.store._database, tmp_path / "after")
        for name in ("before", "after"):
            with LogHome(tmp_path / name[:3]).database() as database:
                load(tmp_path / name, database)
                if name == "before":
                    empty_destroyed(database, it.tombstones, it.keys)
                desk = SqlDeskStore(database, it.keys)
                assert {thread.key for thread in desk.threads()} == {key, other}
                assert len(desk.holdings()) == len(desk.deliveries()) == 2
                with pytest.raises(Unknown, match="erased"):
                    desk.envelope(key.thread_id)
                if name == "after":
                    assert desk.envelope(other.thread_id)
                    assert desk.holdings(record=a_copy().record)


def test_a_value_in_a_closed_thread_is_in_no_page_once_the_thread_is_forgotten(tmp_path: Path) -> None:
    home = LogHome(tmp_path / "home")
    key = new_key()
    with opened(home) as it:
        it.exchange.append([answered(rows=opening(key, works=(), deliveries=()))])
        it.exchange.append([answered(rows=DeskRows(a_thread(key, 2, state=ThreadState.ENDED, closed_us=5), 1))])
        desk = desk_of(it)
        assert desk.ended(6) == [key]
        desk.forget([key])
        assert it.one.content.wipe()
        assert key.thread_id.encode() not in home.raw()
