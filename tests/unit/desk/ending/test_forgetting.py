"""Threads and copies go when their time is over, but for those under a legal hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.audit.log.log import AuditLog
from gateway.audit.retention.holds import Hold
from gateway.desk.ending.forgetting import forget_ended
from gateway.model.desk.threads import ThreadState
from gateway.ports.desk import DeskRows
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import LogHome, answered
from tests.support.desk_rows import START_US, a_copy, a_notice, a_thread, new_key

HOUR_US = 3_600_000_000


@pytest.mark.parametrize("by", ["exchange", "entry"])
@pytest.mark.long
def test_ended_threads_go_and_held_ones_stay(tmp_path: Path, by: str) -> None:
    home = LogHome(tmp_path)
    keys = [new_key() for _ in range(250)]
    held, late = keys[3], keys[4]
    with home.database() as database:
        store, desk = SqlLogStore(database, home.keystore), SqlDeskStore(database, home.keystore)
        log = AuditLog(store, home.keystore, home.key, home.clock, "th", highwater=home.highwater)
        for key in keys:
            closed_us = START_US + (HOUR_US if key == late else 0)
            thread = a_thread(key, state=ThreadState.ENDED, closed_us=closed_us)
            copies = (a_copy(expires_us=START_US), a_copy())
            log.append([answered(key.thread_id, rows=DeskRows(thread, 0, a_notice(key), holdings=copies))])
        places = {"exchange/1": frozenset((3,))} if by == "entry" else {}
        exchanges = () if by == "entry" else (held.thread_id,)
        hold = Hold("hold-1", "a trial", places, frozenset(exchanges), START_US * 2, START_US, ("a", "b"))
        assert forget_ended(desk, [hold], START_US, START_US) == 250
        assert forget_ended(desk, [hold], START_US + 1, START_US) == 248
        assert {thread.key for thread in desk.threads()} == {held, late}
        assert forget_ended(desk, [], START_US + 10 * HOUR_US, START_US) == 2
        assert len(desk.holdings()) == 250
        log.close()
