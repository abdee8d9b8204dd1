"""The rows of figures: whole threads of a period, what both sides have alone, and memory that does not grow."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from gateway.model.desk.notices import Urgency
from gateway.model.desk.work import DeliveryState, WorkKind
from gateway.storage.database.desk_tables import desk_delivery, desk_notice, desk_thread
from gateway.storage.database.engine import Database
from gateway.storage.desk.figure_rows import SqlFigureRows
from gateway.storage.desk.rows import delivery_row, notice_row, thread_row
from gateway.storage.desk.sealing import DeskSeals
from tests.support.audit_logs import LogHome
from tests.support.desk_rows import START_US, a_delivery, a_notice, a_thread, new_key

DAY_US = 86_400_000_000


def filled(home: LogHome, database: Database, count: int, **delivery: Any) -> None:
    """Write threads of ours with two notices, the second one day later."""
    seals, tables = DeskSeals(home.keystore), (desk_thread, desk_notice, desk_delivery)
    rows: dict[Any, list[Any]] = {table: [] for table in tables}
    for _ in range(count):
        key = new_key()
        rows[desk_thread].append(thread_row(a_thread(key, 2), seals, START_US))
        for seq in (1, 2):
            notice = a_notice(key, seq, urgency=Urgency.FLASH)
            row = list(notice_row(notice, seals, START_US, seq, ("exchange/1", seq)))
            row[10] = START_US + (seq - 1) * DAY_US
            rows[desk_notice].append(tuple(row))
            rows[desk_delivery].append(delivery_row(a_delivery(notice, **delivery)))
    with database.write("test") as connection:
        for table, made in rows.items():
            names = [column.name for column in table.c]
            connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in made])


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    return LogHome(tmp_path)


def test_threads_of_a_period_come_whole_and_without_what_was_not_taken(home: LogHome) -> None:
    with home.database() as database:
        rows = SqlFigureRows(database, home.keystore)
        filled(home, database, 3)
        assert not list(rows.threads("vn", START_US, START_US + DAY_US)), "they are still on their way"
        filled(home, database, 4, state=DeliveryState.TAKEN)
        found = list(rows.threads("vn", START_US + DAY_US, START_US + 2 * DAY_US))
        assert [len(thread.notices) for thread in found] == [2] * 4, "also what was said before the period"
        assert all(notice.ours and notice.envelope() for thread in found for notice in thread.notices)
        assert not list(rows.threads("la", START_US, START_US + 2 * DAY_US))
        assert not list(rows.threads("vn", START_US + 2 * DAY_US, START_US + 3 * DAY_US))
        assert len(list(rows.threads("", START_US, START_US + DAY_US))) == 4
        assert not list(rows.works(WorkKind.OUTCOME, "vn", START_US, START_US + DAY_US))


@pytest.mark.long
def test_memory_does_not_grow_with_the_period(home: LogHome) -> None:
    with home.database() as database:
        rows, peaks = SqlFigureRows(database, home.keystore), []
        for more in (1_500, 4_500):
            filled(home, database, more, state=DeliveryState.TAKEN)
            tracemalloc.start()
            count = sum(1 for _ in rows.threads("vn", START_US, START_US + DAY_US))
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        assert count == 6_000
        assert peaks[1] < 1.5 * peaks[0], peaks


def test_the_notices_of_a_period_are_found_by_their_time(home: LogHome) -> None:
    """With one counterpart, too: a home holds years of notices with it, and a pack reads one month."""
    with home.database() as database:
        filled(home, database, 5, state=DeliveryState.TAKEN)
        asked: list[tuple[str, Any]] = []
        event.listen(database.engine, "before_cursor_execute", lambda *said: asked.append((said[2], said[3])))
        assert len(list(SqlFigureRows(database, home.keystore).threads("vn", START_US, START_US + DAY_US))) == 5
        (statement, values) = next(one for one in asked if "desk_delivery" in one[0])
        with database.snapshot("plan") as connection:
            plan = [str(row) for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
    assert any("desk_notice_issued (issued_us>? AND issued_us<?)" in line for line in plan), plan
