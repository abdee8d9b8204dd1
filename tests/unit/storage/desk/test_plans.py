"""Reads of the desk that rounds repeat all the time find their rows by an index, however much is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from sqlalchemy import event

from gateway.clock import SystemClock
from gateway.desk.alerts.standing import stands
from gateway.desk.alerts.values import OwnAddressee
from gateway.desk.clocks import sight_of
from gateway.model.desk.order import WorkPlace
from gateway.model.desk.threads import ThreadKey, ThreadKind, ThreadState
from gateway.model.desk.work import Direction, HoldingState, Role, WorkKind
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.desk import ListPlace, WorkFilter
from gateway.storage.database.engine import Database
from gateway.storage.desk.desk_store import SqlDeskStore
from gateway.trust.view import TrustView
from tests.support.audit_logs import LogHome
from tests.unit.desk.test_widening import ALERT

VN = MemberId("vn")
NOW_US = 1_795_521_600_000_000
Read = Callable[[SqlDeskStore], object]

READS: dict[str, tuple[Read, str]] = {
    "alerts that live": (
        lambda desk: desk.threads(kinds=(ThreadKind.ALERT,), states=(ThreadState.NEW, ThreadState.OPEN)),
        "desk_thread_kind",
    ),
    "changes that are open": (
        lambda desk: desk.threads(kinds=(ThreadKind.CHANGE,), states=(ThreadState.OPEN,)),
        "desk_thread_kind",
    ),
    "alerts that nobody acknowledged": (
        lambda desk: desk.works(WorkFilter(kinds=(WorkKind.ACKNOWLEDGE,), opened_after_us=NOW_US)),
        "desk_work_kind (kind=? AND opened_us>?)",
    ),
    "changes to be obeyed": (lambda desk: desk.works(WorkFilter(kinds=(WorkKind.COMPLY,))), "desk_work_kind"),
    "work of a kind in a thread": (
        lambda desk: desk.works(WorkFilter(key=ThreadKey(VN, ExchangeId("a" * 32)), kinds=(WorkKind.COMPLY,))),
        "desk_work_thread (peer=? AND thread_id=?)",
    ),
    "a page of work of a kind": (
        lambda desk: desk.works(WorkFilter(kinds=(WorkKind.DECIDE,), limit=100)),
        "desk_work_open",
    ),
    "a page of an agency's work of a kind": (
        lambda desk: desk.works(WorkFilter(agency="police", kinds=(WorkKind.DECIDE,), limit=100)),
        "desk_work_agency",
    ),
    "a page of threads of some kinds": (
        lambda desk: desk.threads(kinds=(ThreadKind.ASK, ThreadKind.ALERT), states=(ThreadState.OPEN,), limit=100),
        "desk_thread_state (state=?)",
    ),
    "a page of threads of a kind": (
        lambda desk: desk.threads(kinds=(ThreadKind.ASK,), limit=100),
        "desk_thread_newest",
    ),
    "a group's threads of a kind": (
        lambda desk: desk.threads(kinds=(ThreadKind.ALERT,), group_id="a" * 32),
        "desk_thread_group (group_id=?)",
    ),
    "a page of threads of an office": (
        lambda desk: desk.threads(offices=("poipet-blo", ""), agencies=("police", ""), limit=100),
        "desk_thread_place (office=? AND agency=? AND state=?)",
    ),
    "a page of our own threads of a kind": (
        lambda desk: desk.threads(kinds=(ThreadKind.WATCH,), states=(ThreadState.OPEN,), peer="th", limit=100),
        "desk_thread_kind (kind=? AND state=?)",
    ),
    "a later page of our own threads of a kind": (
        lambda desk: desk.threads(
            kinds=(ThreadKind.SERVICE,),
            states=(ThreadState.OPEN,),
            peer="th",
            behind=ListPlace(NOW_US, ExchangeId("a" * 32), VN),
            limit=100,
        ),
        "desk_thread_kind (kind=? AND state=? AND opened_us<?)",
    ),
    "a page of counterparts' threads of a kind": (
        lambda desk: desk.threads(kinds=(ThreadKind.WATCH,), states=(ThreadState.OPEN,), opener=False, limit=100),
        "desk_thread_kind (kind=? AND state=?)",
    ),
    "work that a person has taken": (
        lambda desk: desk.works(WorkFilter(agency="police", offices=("poipet-blo",), assignee="th.o.1", limit=100)),
        "desk_work_assignee (assignee=?)",
    ),
    "the first escalated work of all agencies that a national desk sees": (
        lambda desk: desk.works(WorkFilter(sight=sight_of([Role.NATIONAL_DESK]), limit=128)),
        "desk_work_level (level=? AND kind=?)",
    ),
    "the first work of all agencies that names a person": (
        lambda desk: desk.works(WorkFilter(sight=sight_of([Role.NATIONAL_DESK]), limit=128)),
        "desk_work_people",
    ),
    "a list of an office in the order of who waits": (
        lambda desk: desk.works(
            WorkFilter(
                agency="police",
                offices=("poipet-blo",),
                sight=sight_of([Role.OFFICER]),
                reader="th.o.1",
                ranked=True,
                behind=WorkPlace(2, NOW_US, "decide"),
                limit=128,
            )
        ),
        "desk_work_office (office=? AND agency=?)",
    ),
    "a list of all agencies in the order of who waits": (
        lambda desk: desk.works(
            WorkFilter(sight=sight_of([Role.NATIONAL_DESK]), reader="th.n.1", ranked=True, limit=128)
        ),
        "desk_work_role (role=?)",
    ),
    "work of administrators": (
        lambda desk: desk.works(WorkFilter(roles=(Role.ADMINISTRATOR,), limit=50)),
        "desk_work_role (role=?)",
    ),
    "threads by their keys": (
        lambda desk: desk.threads_of([ThreadKey(VN, ExchangeId("a" * 32)), ThreadKey(VN, ExchangeId("b" * 32))]),
        "sqlite_autoindex_desk_thread_1 (peer=? AND thread_id=?)",
    ),
    "statuses in some threads": (
        lambda desk: desk.statuses([ThreadKey(VN, ExchangeId("a" * 32)), ThreadKey(VN, ExchangeId("b" * 32))]),
        "desk_notice_thread (peer=? AND thread_id=?)",
    ),
    "the newest deliveries of some threads": (
        lambda desk: desk.newest([ThreadKey(VN, ExchangeId("a" * 32)), ThreadKey(VN, ExchangeId("b" * 32))]),
        "desk_delivery_thread (peer=? AND thread_id=?)",
    ),
    "clocks that are due": (lambda desk: desk.due_work(NOW_US), "desk_work_alarm"),
    "what waits": (lambda desk: desk.waiting(), "desk_delivery_"),
    "copies of a record": (lambda desk: desk.holdings(record="source/1"), "desk_holding_token"),
    "copies of an exchange": (lambda desk: desk.holdings(source="a" * 32), "desk_holding_source"),
    "the next copies": (
        lambda desk: desk.holdings(direction=Direction.OUT, states=(HoldingState.HELD,), after="j", limit=100),
        "sqlite_autoindex_desk_holding_1 (jti>?)",
    ),
    "the first copies": (
        lambda desk: desk.holdings(direction=Direction.OUT, limit=100),
        "sqlite_autoindex_desk_holding_1",
    ),
    "a thread by its id": (lambda desk: desk.find_thread(ExchangeId("a" * 32)), "desk_thread_id"),
    "copies that are over": (lambda desk: desk.forget_copies(NOW_US, 100), "desk_holding_over"),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    with LogHome(tmp_path / "home").database() as opened:
        yield opened


@pytest.mark.long
@pytest.mark.parametrize("name", READS)
def test_a_read_that_is_repeated_uses_its_index(database: Database, tmp_path: Path, name: str) -> None:
    read, index = READS[name]
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    desk = SqlDeskStore(database, LogHome(tmp_path / "home").keystore)
    prepared: list[tuple[str, Any]] = []
    event.listen(database.engine, "before_cursor_execute", note)
    with database.read("plans") as connection:
        driver: Any = connection.connection.driver_connection
        driver.set_trace_callback(lambda text: prepared.append((text, ())))  # point reads go straight to the driver
    read(desk)
    with database.read("plans"):
        driver.set_trace_callback(None)
    statements = asked or [each for each in prepared if each[0].startswith("SELECT")]
    assert statements
    with database.read("plans"):
        plans = [
            row[3]
            for text, values in statements
            for row in driver.execute(f"EXPLAIN QUERY PLAN {text}", values).fetchall()
        ]
    assert any(index in plan for plan in plans), plans
    assert not any(plan.startswith("SCAN desk_") and "USING" not in plan for plan in plans), plans
    assert "SCAN desk_work USING INDEX desk_work_open" not in plans or "page" in name, "all open work is looked at"


def test_how_a_page_of_alerts_stands_is_read_at_once_and_not_alert_by_alert(database: Database, tmp_path: Path) -> None:
    to = tuple(OwnAddressee(MemberId(f"m{at}"), (), ExchangeId(f"{at}" * 32), "mou") for at in range(9))
    page = [replace(ALERT, id=ExchangeId(f"{number:032}"), to=to) for number in range(40)]
    desk, asked = SqlDeskStore(database, LogHome(tmp_path / "home").keystore), list[str]()
    event.listen(database.engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    standing = stands(desk, TrustView(None, {}, {}, SystemClock()), page, NOW_US)
    assert [[each.state for each in alert] for alert in standing] == [["new"] * 9] * 40
    assert len([each for each in asked if each.startswith("SELECT")]) == 3
