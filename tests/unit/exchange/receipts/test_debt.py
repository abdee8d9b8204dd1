"""Receipt debt: when it is an alarm, when it limits service, and when it is over (CASE-G13)."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.accounts.receipts import NumberedExchange, ReceiptBook, exchanges_hash
from gateway.audit.entries.entry import decode_private, parse_entry
from gateway.clock import ManualClock
from gateway.errors import Unacknowledged
from gateway.exchange.receipts.receipts import DebtLimits, Debts
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.log.group_commit import LogWriter
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import NOON, LogHome, answered, logged
from tests.support.tables import table

TH, VN = MemberId("th"), MemberId("vn")
CASE, LIFE = "INVESTIGATION", "THREAT_TO_LIFE"


class Desk:
    """Thailand's node answers Viet Nam, whose receipts come when a test says so."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock = ManualClock(NOON)
        self.home = LogHome(folder, clock=self.clock)
        self.log = stack.enter_context(self.home.log())
        self.operations = stack.enter_context(self.home.log(name="operations"))
        database = stack.enter_context(self.home.database())
        self.store = SqlLogStore(database)
        self.documents = SqlDocumentStore(database, self.home.keystore, self.clock)
        self.book = ReceiptBook(self.documents, self.store, "exchange/1")
        self.writer = LogWriter(self.operations, "operations", stack.callback)  # type: ignore[arg-type]
        self.writer.start()
        stack.callback(self.writer.stop, 5)
        self.items: list[NumberedExchange] = []
        self.last = b""
        self.start()

    def start(self) -> None:
        """The node, as it is after a start."""
        self.debts = Debts(self.book, self.documents, self.clock, self.writer, lambda: [VN], DebtLimits(5, 600))

    def answer(self, count: int = 1) -> None:
        """Viet Nam asks, and is answered."""
        for _ in range(count):
            self.debts.check(VN, CASE, self.clock.monotonic())
            draft = answered()
            (place,) = logged(self.log.append([draft]))
            assert place.number
            self.items.append(NumberedExchange(place.number, draft.exchange_id, draft.request_hash, draft.answer_hash))

    def acknowledge(self, through: int) -> None:
        """A receipt comes."""
        first = self.book.acknowledged(VN) + 1
        covered = exchanges_hash(self.items[first - 1 : through])
        receipt = Receipt(VN, TH, first, through, covered, (), self.last, self.clock.now_us())
        self.last = secrets.token_bytes(32)
        self.book.check_receipt(receipt, self.last, lambda _: None)
        self.debts.advanced(VN, through)

    def round(self, seconds: float = 0) -> None:
        """Time passes, with the counterpart asking, and a round is made each half minute."""
        for _ in range(int(seconds // 30)):
            self.turn(30)
            self.ask(LIFE)
            asyncio.run(self.debts.round())
        self.turn(seconds % 30)
        asyncio.run(self.debts.round())

    def turn(self, seconds: float) -> None:
        """Time passes, and the node's loop turns."""
        for _ in range(int(seconds)):
            self.clock.advance(timedelta(seconds=1))
            self.debts._pauses.beat()  # a whole round costs a hundred times as much
        self.clock.advance(timedelta(seconds=seconds % 1))

    def stand(self, seconds: float) -> None:
        """The node stands still."""
        self.clock.advance(timedelta(seconds=seconds))

    def ask(self, purpose: str = CASE) -> None:
        """A question at the door."""
        self.debts.check(VN, purpose, self.clock.monotonic())

    @property
    def entries(self) -> list[tuple[str, dict[str, object]]]:
        """What the operations log says."""
        found = []
        for stored in self.store.entries("operations/1", 0, self.operations.size):
            assert stored.content
            private = self.home.keystore.open_content("operations/1", stored.index, stored.content)[0]
            found.append((parse_entry(stored.body).kind, decode_private(private)))
        return found


@contextmanager
def desk_in(folder: Path) -> Iterator[Desk]:
    with ExitStack() as stack:
        yield Desk(folder, stack)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    with desk_in(tmp_path) as made:
        yield made


@pytest.mark.long
def test_g13_debt_is_shown_refused_at_the_limit_and_cleared_by_a_late_receipt(desk: Desk) -> None:
    desk.round(60)
    desk.answer(5)
    desk.round()
    assert desk.debts.open_answers() == {VN: 5.0}
    desk.round(29)
    desk.ask()
    assert desk.entries == []
    desk.round(1)
    with pytest.raises(Unacknowledged) as caught:
        desk.ask()
    assert caught.value.message == "receipts are due for 5 answers of ours, from number 1 on"
    desk.ask(LIFE)  # humanitarian purposes are always served
    ((kind, private),) = desk.entries
    first_us = parse_entry(next(iter(desk.store.bodies("exchange/1", 0, 1)))[1]).time_us
    assert (kind, private) == ("receipts-overdue", {"open": 5, "first": 1, "since_us": first_us, "limited": True})
    desk.acknowledge(5)
    desk.ask()  # at once, without a round
    desk.round()
    desk.ask()
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue", "receipts-settled"]
    assert desk.debts.open_answers() == {VN: 0.0}


@pytest.mark.long
def test_one_answer_is_enough_after_ten_minutes(desk: Desk) -> None:
    desk.answer()
    desk.round()
    desk.round(590)
    desk.ask()
    desk.round(10)
    with pytest.raises(Unacknowledged, match="1 answer of ours, from number 1 on"):
        desk.ask()


@pytest.mark.long
def test_whoever_acknowledges_a_little_now_and_then_is_limited_all_the_same(desk: Desk) -> None:
    desk.answer(60)
    desk.round()
    for number in range(1, 21):
        desk.acknowledge(number)
        desk.round(30)
    desk.round(1)
    with pytest.raises(Unacknowledged, match="40 answers"):
        desk.ask()
    desk.acknowledge(21)  # not even for a moment
    with pytest.raises(Unacknowledged, match="40 answers"):
        desk.ask()
    desk.acknowledge(60)
    desk.ask()


def test_whoever_does_not_ask_is_not_limited_and_begins_anew_when_it_is_back(desk: Desk) -> None:
    desk.round(60)
    desk.answer(5)
    desk.turn(3 * 3600)
    desk.round()
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue"]  # an alarm all the same
    desk.ask()
    desk.round()
    desk.ask()
    desk.round(29)
    desk.ask()
    desk.round(1)
    with pytest.raises(Unacknowledged):
        desk.ask()


@pytest.mark.long
def test_an_alarm_outlives_a_restart_and_is_not_written_twice(desk: Desk) -> None:
    desk.answer(5)
    desk.round()
    desk.round(60)
    desk.start()
    desk.round(10)
    desk.round(60)
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue"]
    desk.acknowledge(5)
    desk.round()
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue", "receipts-settled"]


def test_a_clock_that_jumped_makes_nobody_a_debtor(desk: Desk) -> None:
    desk.answer()
    desk.round()
    desk.clock.jump(timedelta(hours=1))
    desk.round(1200)
    assert desk.entries == []
    desk.clock.jump(-timedelta(hours=1))
    desk.round()
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue"]


@pytest.mark.long
def test_a_flood_without_receipts_is_limited_within_seconds(desk: Desk) -> None:
    """Answers without end before the limit begins would be as many unacknowledged ones."""
    desk.answer(99)
    desk.round(3)
    desk.ask()
    desk.answer()
    desk.round(2)
    desk.round(1)
    with pytest.raises(Unacknowledged):
        desk.ask()
    desk.ask(LIFE)
    assert [kind for kind, _ in desk.entries] == ["receipts-overdue"]
    desk.acknowledge(100)
    desk.ask()


@pytest.mark.long
def test_a_flood_whose_receipts_advance_is_served(desk: Desk) -> None:
    for through in range(1, 8):
        desk.answer(120)
        desk.acknowledge(through)
        desk.round(2)
        desk.ask()
    assert desk.entries == []


@pytest.mark.long
@table("stood_s", [3, 10, 60, 700])
def test_n281_a_pause_of_ours_makes_no_debtor_of_a_busy_counterpart(tmp_path: Path, stood_s: int) -> None:
    """Receipts that would have come meanwhile come within seconds of it."""
    with desk_in(tmp_path / str(stood_s)) as desk:
        desk.answer()
        desk.round()
        desk.acknowledge(1)
        desk.round(60)
        desk.answer(120)
        desk.round(1)
        desk.stand(stood_s)
        desk.round()
        desk.ask()
        desk.round(2)
        desk.ask()
        assert desk.entries == []
        desk.acknowledge(121)
        desk.round(1)
        assert desk.entries == []


@pytest.mark.long
def test_n281_a_pause_of_ours_excuses_for_its_own_time_and_no_longer(desk: Desk) -> None:
    desk.answer(5)
    desk.round()
    desk.round(25)
    desk.stand(60)
    desk.round()
    desk.ask()
    desk.round(6)
    desk.ask()
    desk.round(3)
    with pytest.raises(Unacknowledged):
        desk.ask()


@pytest.mark.long
def test_n281_a_node_that_is_slow_for_ever_excuses_nobody(desk: Desk) -> None:
    desk.answer(5)
    desk.round()
    for _ in range(18):
        desk.stand(3)
        desk.ask(LIFE)
        asyncio.run(desk.debts.round())
    desk.stand(3)
    asyncio.run(desk.debts.round())
    with pytest.raises(Unacknowledged):
        desk.ask()
