"""Orders and retention of a home: what a node does by itself, and what it does not by a clock that is wrong."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.retention.holds import HoldAction, HoldOrder, placed_entry, read_holds
from gateway.clock import ManualClock
from gateway.config.schema import RetentionMonths
from gateway.errors import Forbidden
from gateway.model.names import MemberId
from gateway.ops.orders.erasure_orders import ErasureDesk
from gateway.ops.orders.mailbox import Order, Orders
from gateway.ports.content_keys import Retention
from tests.support.audit_logs import NOON, LogHome, answered
from tests.support.erasing import Open, opened

TH = MemberId("th")


@pytest.fixture
def home(tmp_path: Path) -> LogHome:
    made = LogHome(tmp_path / "home", clock=ManualClock(NOON))
    made.folder.mkdir()
    with made.log() as log:
        log.append([answered(private={"case": "old"}, retention=Retention.HIT) for _ in range(3)])
    return made


def desk(it: Open, *, timely: bool = True) -> ErasureDesk:
    def check() -> None:
        if not timely:
            raise Forbidden("the clock", code="time-not-proved")

    orders = Orders(it.home.folder / "orders")
    return ErasureDesk(it.one, orders, TH, RetentionMonths(), list, lambda: None, check)


def later(home: LogHome, days: int) -> None:
    assert isinstance(home.clock, ManualClock)
    home.clock.advance(timedelta(days=days))


def test_a_node_erases_by_itself_after_three_years_and_not_before(home: LogHome) -> None:
    later(home, 3 * 365)
    with opened(home) as it:
        desk(it).round()
        assert it.erased() == set()
        later(home, 10)
        desk(it).round()
        assert it.erased() == {0, 1, 2}


def test_nothing_is_erased_by_age_by_a_clock_that_is_not_proved(home: LogHome) -> None:
    later(home, 10_000)
    with opened(home) as it:
        with pytest.raises(Forbidden, match="the clock"):
            desk(it, timely=False).round()
        assert it.erased() == set()
        orders = Orders(home.folder / "orders")
        order = Order("age", "A. Clerk", "x", "", "age", {"before": {"hit": home.clock.now_us()}})
        orders.give(order)
        desk(it, timely=False).run_orders()
        refused = orders.result(order)
        assert refused is not None
        assert refused["error"]["code"] == "time-not-proved"
        assert it.erased() == set()


def test_a_hold_whose_time_is_over_gets_its_entry_and_holds_nothing(home: LogHome) -> None:
    with opened(home) as it:
        until = home.clock.now_us() + 86_400_000_000
        place = {"exchange/1": (0,)}
        order = HoldOrder(TH, HoldAction.PLACE, "hold-0123456789ab", "case 7", place, (), until)
        it.operations.append([placed_entry(order)])
        later(home, 3 * 365 + 10)
        desk(it).round()
        assert [hold.ended for hold in read_holds(it.store, it.keys)] == ["lapsed"]
        assert it.erased() == {0, 1, 2}


@pytest.mark.parametrize(
    "order",
    [
        Order("unknown"),
        Order("age", "x", "x", detail={}),
        Order("age", "x", "x", detail={"before": {"proof": 1}}),
        Order("age", "x", "x", detail={"before": {"hit": "1"}}),
        Order("entries", "x", "x", detail={"entries": {"exchange/1": "1"}}),
        Order("entries", "x", "x", detail={"entries": {"exchange/1": [True]}}),
        Order("entries", "x\x1b[2J", "x", detail={"entries": {"exchange/1": [0]}}),
        Order("hold", detail={"document": "e30="}),
        Order("hold", detail={}),
    ],
)
def test_an_order_that_is_none_is_answered_and_changes_nothing(home: LogHome, order: Order) -> None:
    with opened(home) as it:
        orders = Orders(home.folder / "orders")
        orders.give(order)
        desk(it).run_orders()
        refused = orders.result(order)
        assert refused is not None
        assert refused["error"]["code"]
        assert it.erased() == set()
        assert it.operations.size == 0


def test_rubbish_in_the_folder_of_orders_does_not_stop_the_orders_behind_it(home: LogHome) -> None:
    with opened(home) as it:
        folder = home.folder / "orders"
        orders = Orders(folder)
        order = Order("entries", "A. Clerk", "x", "", "entry", {"entries": {"exchange/1": [1]}})
        folder.mkdir(mode=0o700)
        (folder / "0.json").write_bytes(b"\x00{")
        orders.give(order)
        desk(it).round()
        assert it.erased() == {1}
        assert orders.waiting() == []


def test_an_order_that_another_process_takes_between_two_looks_does_not_wait(tmp_path: Path) -> None:
    orders, order = Orders(tmp_path / "orders"), Order("seek")
    orders.give(order)
    (orders.folder / "taken.json").symlink_to("nowhere")  # named in the folder, and gone when it is looked at
    assert orders.waiting() == [orders.place(order)]
