"""Receipts: the asking side's book, and the answering side's check against its own log."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.audit.receipt import ChannelBook, Exchange, ReceiptBook, exchanges_hash
from gateway.clock import ManualClock
from gateway.errors import Contradicted, Malformed
from gateway.model.exchange import Receipt
from gateway.model.names import MemberId
from gateway.ports import EntryDraft
from gateway.storage.document_store import SqlDocumentStore
from gateway.storage.log_store import SqlLogStore
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
        self.receipts = ReceiptBook(documents, SqlLogStore(answering_database), "exchange/1")

    def new_book(self) -> ChannelBook:
        """The book as it is after a restart."""
        return ChannelBook(self.asking_documents, self.asking_store, "exchange/1", self.clock, VN)

    def exchange(self, arrives: bool = True) -> Exchange:
        """One answer of `th`; when it arrives, `vn` logs and notes it."""
        draft = answered()
        (place,) = logged(self.ours.append([draft]))
        assert place.number
        item = Exchange(place.number, draft.exchange_id, draft.request_hash, draft.answer_hash)
        if arrives:
            entry = EntryDraft(
                "received",
                "th",
                draft.exchange_id,
                draft.request_hash,
                draft.answer_hash,
                channel="out:th",
                number=place.number,
            )
            self.theirs.append([entry])
            self.book.received(TH, item)
        return item

    def deliver(self) -> Receipt:
        """The due receipt, taken by the other side."""
        receipt = self.book.due(TH)
        assert receipt
        hash_of_payload = secrets.token_bytes(32)
        self.receipts.check_receipt(receipt, hash_of_payload)
        self.book.sent(receipt, hash_of_payload)
        return receipt


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with ExitStack() as stack:
        yield Pair(tmp_path, stack)


def test_what_arrived_is_acknowledged_cumulatively(pair: Pair) -> None:
    first = [pair.exchange() for _ in range(3)]
    receipt = pair.deliver()
    assert (receipt.first, receipt.through, receipt.gaps, receipt.previous) == (1, 3, (), b"")
    assert receipt.exchanges_hash == exchanges_hash(first)
    assert pair.receipts.debt(VN) == 0
    pair.exchange()
    assert pair.receipts.debt(VN) == 1
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
    pair.clock.advance(timedelta(seconds=30))
    assert pair.book.due(TH) is None
    pair.clock.advance(timedelta(seconds=31))
    receipt = pair.deliver()
    assert (receipt.first, receipt.through, receipt.gaps) == (2, 3, (2,))
    assert receipt.exchanges_hash == exchanges_hash([third])
    assert pair.receipts.debt(VN) == 0


def test_a_receipt_that_was_not_taken_is_due_again(pair: Pair) -> None:
    pair.exchange()
    lost = pair.book.due(TH)
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
    pair.book.received(TH, pair.exchange())
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
    assert pair.receipts.check_receipt(receipt, secrets.token_bytes(32)) == 1
    assert pair.receipts.acknowledged(VN) == 1


def test_receipts_that_do_not_agree_with_the_log_are_refused(pair: Pair) -> None:
    pair.exchange()
    pair.exchange()
    good = pair.book.due(TH)
    assert good
    other = Exchange(1, new_id(), bytes(32), bytes(32))
    for bad, error in (
        (replace(good, through=3), Contradicted),
        (replace(good, exchanges_hash=exchanges_hash([other])), Contradicted),
        (replace(good, gaps=(2,)), Contradicted),
        (replace(good, first=2), Malformed),
        (replace(good, previous=bytes(32)), Malformed),
        (replace(good, through=10**6), Malformed),
    ):
        with pytest.raises(error):
            pair.receipts.check_receipt(bad, bytes(32))
    assert pair.receipts.debt(VN) == 2
    assert pair.receipts.check_receipt(good, bytes(32)) == 2
