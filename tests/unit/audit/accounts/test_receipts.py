"""Receipts: the asking side's book, and the answering side's check against its own log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit.accounts.receipts import ChannelBook, NumberedExchange, ReceiptBook, exchanges_hash
from gateway.audit.entries.entry import parse_entry
from gateway.clock import ManualClock
from gateway.errors import BadSignature, Contradicted, Malformed
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports.entries import events
from gateway.storage.documents.document_store import SqlDocumentStore
from gateway.storage.log.log_store import SqlLogStore
from tests.support.audit_logs import NOON, LogHome, answered, logged, new_id

TH, VN = MemberId("th"), MemberId("vn")


class Pair:
    """`vn` asks, `th` answers: both books over real stores."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.clock = ManualClock(NOON)
        asking, answering = (LogHome(folder / name, clock=self.clock) for name in ("vn", "th"))
        for home in (asking, answering):
            home.folder.mkdir()
        self.ours = stack.enter_context(answering.log())
        self.theirs = stack.enter_context(asking.log(member="vn"))
        asking_database = stack.enter_context(asking.database())
        answering_database = stack.enter_context(answering.database())
        self.asking_store = SqlLogStore(asking_database)
        self.asking_documents = SqlDocumentStore(asking_database, asking.keystore, self.clock)
        self.book = self.new_book()
        documents = SqlDocumentStore(answering_database, answering.keystore, self.clock)
        self.proved: list[NumberedExchange | None] = []
        self.receipts = ReceiptBook(documents, SqlLogStore(answering_database), "exchange/1")

    def new_book(self) -> ChannelBook:
        """The book as it is after a restart."""
        return ChannelBook(self.asking_documents, self.asking_store, "exchange/1", self.clock, VN)

    def exchange(self, arrives: bool = True) -> NumberedExchange:
        """One answer of `th`; when it arrives, `vn` logs and notes it."""
        draft = answered()
        (place,) = logged(self.ours.append([draft]))
        assert place.number
        item = NumberedExchange(place.number, draft.exchange_id, draft.request_hash, draft.answer_hash)
        if arrives:
            entry = events.RECEIVED.draft_of(
                {},
                peer="th",
                exchange_id=draft.exchange_id,
                request_hash=draft.request_hash,
                answer_hash=draft.answer_hash,
                channel="out:th",
                number=place.number,
            )
            self.theirs.append([entry])
            self.book.received(TH)
        return item

    def due(self) -> Receipt:
        """The receipt that is due now."""
        due = self.book.due(TH)
        assert due
        return due.receipt

    def debt(self) -> int:
        """How many answers `vn` has not acknowledged."""
        return self.receipts.given()[VN] - self.receipts.acknowledged(VN)

    def deliver(self) -> Receipt:
        """The due receipt, taken by the other side."""
        receipt = self.due()
        hash_of_payload = secrets.token_bytes(32)
        self.receipts.check_receipt(receipt, hash_of_payload, self.proved.append)
        self.book.sent(receipt, hash_of_payload)
        return receipt


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path, stack)


@pytest.mark.long
def test_what_arrived_is_acknowledged_cumulatively(pair: Pair) -> None:
    first = [pair.exchange() for _ in range(3)]
    receipt = pair.deliver()
    assert (receipt.first, receipt.through, receipt.gaps, receipt.previous) == (1, 3, (), b"")
    assert receipt.exchanges_hash == exchanges_hash(first)
    assert pair.debt() == 0
    pair.exchange()
    assert pair.debt() == 1
    pair.clock.advance(timedelta(seconds=1))
    second = pair.deliver()
    assert (second.first, second.through) == (4, 4)
    assert second.previous


def test_at_most_one_receipt_a_second_and_none_when_nothing_waits(pair: Pair) -> None:
    assert pair.book.due(TH) is None
    assert pair.book.peers() == []
    pair.exchange()
    assert pair.book.peers() == [TH]
    pair.deliver()
    pair.exchange()
    assert pair.book.due(TH) is None
    pair.clock.advance(timedelta(seconds=1))
    assert pair.book.due(TH)


def test_a_gap_holds_back_then_is_named(pair: Pair) -> None:
    pair.exchange()
    pair.exchange(arrives=False)
    third = pair.exchange()
    assert pair.deliver().through == 1
    pair.clock.advance(timedelta(seconds=1))
    assert pair.book.due(TH) is None
    pair.clock.advance(timedelta(seconds=19))
    assert pair.book.due(TH) is None
    pair.clock.advance(timedelta(seconds=1))
    receipt = pair.deliver()
    assert (receipt.first, receipt.through, receipt.gaps) == (2, 3, (2,))
    assert receipt.exchanges_hash == exchanges_hash([third])
    assert pair.debt() == 0


@pytest.mark.long
def test_a_receipt_that_was_not_taken_is_due_again(pair: Pair) -> None:
    pair.exchange()
    lost = pair.due()
    pair.clock.advance(timedelta(seconds=1))
    pair.exchange()
    receipt = pair.deliver()
    assert lost
    assert (receipt.first, receipt.through) == (1, 2)


def test_after_a_restart_the_book_knows_what_is_not_acknowledged(pair: Pair) -> None:
    pair.exchange()
    pair.deliver()
    pair.exchange()
    pair.exchange()
    pair.book = pair.new_book()
    pair.exchange()
    receipt = pair.deliver()
    assert (receipt.first, receipt.through, receipt.gaps) == (2, 4, ())


def test_counterparts_whose_answers_wait_since_before_a_restart_are_remembered(pair: Pair) -> None:
    pair.exchange()
    book = pair.new_book()
    book.resume([TH])
    assert book.peers() == [TH]


def test_the_same_receipt_again_changes_nothing(pair: Pair) -> None:
    pair.exchange()
    receipt = pair.deliver()
    with pytest.raises(Contradicted):
        pair.receipts.check_receipt(replace(receipt, exchanges_hash=bytes(32)), bytes(32), never)
    assert pair.receipts.check_receipt(receipt, secrets.token_bytes(32), never) == 1
    assert pair.receipts.acknowledged(VN) == 1


def test_receipts_that_do_not_agree_with_the_log_are_refused(pair: Pair) -> None:
    pair.exchange()
    pair.exchange()
    good = pair.due()
    other = NumberedExchange(1, new_id(), bytes(32), bytes(32))
    for bad, error in (
        (replace(good, through=3), Contradicted),
        (replace(good, exchanges_hash=exchanges_hash([other])), Contradicted),
        (replace(good, gaps=(2,)), Contradicted),
        (replace(good, gaps=(1,)), Contradicted),
        (replace(good, gaps=(1, 2)), Contradicted),
        (replace(good, first=2), Malformed),
        (replace(good, previous=bytes(32)), Malformed),
        (replace(good, through=10**6), Malformed),
    ):
        with pytest.raises(error):
            pair.receipts.check_receipt(bad, bytes(32), never)
    assert pair.debt() == 2
    assert pair.receipts.check_receipt(good, bytes(32), pair.proved.append) == 2
    assert [item.number for item in pair.proved if item] == [2]


def never(_: NumberedExchange | None) -> None:
    raise AssertionError("nothing is to be proved of this receipt")


def test_a_receipt_whose_sender_does_not_prove_its_own_entry_is_not_taken(pair: Pair) -> None:
    pair.exchange()
    receipt = pair.due()

    def no(_: NumberedExchange | None) -> None:
        raise BadSignature("no listed log key signed the checkpoint")

    with pytest.raises(BadSignature):
        pair.receipts.check_receipt(receipt, bytes(32), no)
    assert pair.debt() == 1


def test_the_entry_that_goes_with_a_receipt_is_our_own_of_the_last_answer_that_arrived(pair: Pair) -> None:
    items = [pair.exchange() for _ in range(3)]
    due = pair.book.due(TH)
    assert due
    assert due.entry
    index, body = due.entry
    entry = parse_entry(body)
    assert (index, entry.kind, entry.number, entry.exchange_id) == (2, "received", 3, items[2].exchange_id)


def test_a_sender_that_was_killed_before_it_noted_a_receipt_goes_on_from_the_one_before(pair: Pair) -> None:
    pair.exchange()
    pair.deliver()
    pair.exchange()
    pair.clock.advance(timedelta(seconds=1))
    taken = pair.due()
    pair.receipts.check_receipt(taken, secrets.token_bytes(32), pair.proved.append)  # and `sent` was never reached
    pair.exchange()
    pair.book = pair.new_book()
    pair.book.resume([TH])
    receipt = pair.deliver()
    assert (taken.first, taken.through, receipt.first, receipt.through) == (2, 2, 2, 3)
    assert pair.debt() == 0


def test_a_number_that_is_left_out_is_not_taken_as_acknowledged(pair: Pair) -> None:
    for _ in range(3):
        pair.exchange()
    receipt = pair.due()
    with pytest.raises(Malformed, match="does not follow"):
        pair.receipts.check_receipt(replace(receipt, first=2), bytes(32), never)
    assert pair.debt() == 3


@pytest.mark.long
def test_answers_of_before_a_restart_are_no_gaps_however_many_there_are(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.accounts.receipts.MAX_RANGE", 4)
    items = [pair.exchange() for _ in range(10)]
    pair.book = pair.new_book()
    pair.exchange()
    ranges = []
    for _ in range(3):
        receipt = pair.deliver()
        ranges.append((receipt.first, receipt.through, receipt.gaps))
        pair.clock.advance(timedelta(seconds=1))
    assert ranges == [(1, 4, ()), (5, 8, ()), (9, 11, ())]
    assert pair.debt() == 0
    assert [item.exchange_id for item in pair.proved if item][:2] == [items[3].exchange_id, items[7].exchange_id]


@pytest.mark.long
def test_more_lost_answers_than_a_receipt_can_name_are_named_in_several(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gateway.audit.accounts.receipts.MAX_RANGE", 6)
    monkeypatch.setattr("gateway.audit.accounts.receipts.MAX_GAPS", 4)
    for arrives in (*[False] * 9, True):
        pair.exchange(arrives=arrives)
    gaps: list[int] = []
    for _ in range(3):
        assert pair.book.due(TH) is None
        pair.clock.advance(timedelta(seconds=21))
        receipt = pair.deliver()
        assert len(receipt.gaps) <= 4
        gaps += receipt.gaps
        pair.clock.advance(timedelta(seconds=1))
    assert gaps == list(range(1, 10))
    assert [item and item.number for item in pair.proved] == [None, None, 10]
    assert pair.debt() == 0


@given(
    arrived=st.lists(st.booleans(), min_size=1, max_size=12),
    taken=st.lists(st.sampled_from(["taken", "lost", "restart"]), min_size=1, max_size=8),
)
@settings(max_examples=8)
@pytest.mark.long
def test_what_receipts_say_is_what_arrived(arrived: list[bool], taken: list[str]) -> None:
    with TemporaryDirectory() as folder, ExitStack() as stack:
        pair = Pair(Path(folder), stack)
        for number, arrives in enumerate(arrived):
            pair.exchange(arrives=arrives)
            _step(pair, taken[number % len(taken)])
        for _ in range(len(arrived) + 1):
            _step(pair, "taken")
        last = max((place for place, arrives in enumerate(arrived, 1) if arrives), default=0)
        assert pair.receipts.acknowledged(VN) == last


def _step(pair: Pair, fate: str) -> None:
    """A receipt, if one is due, that is taken, or whose sender does not learn of it, or is started anew before."""
    pair.clock.advance(timedelta(seconds=21))
    if fate == "restart":
        pair.book = pair.new_book()
        pair.book.resume([TH])
    for _ in range(2):  # a number that did not arrive has its time first
        due = pair.book.due(TH)
        if due is not None:
            payload = secrets.token_bytes(32)
            pair.receipts.check_receipt(due.receipt, payload, pair.proved.append)
            if fate == "taken":
                pair.book.sent(due.receipt, payload)
        pair.clock.advance(timedelta(seconds=21))
