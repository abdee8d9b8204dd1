"""What becomes an entry becomes a count and a log line; nothing private comes along."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from gateway.app.watched_journal import WatchedJournal, watch_node
from gateway.clock import ManualClock, SystemClock
from gateway.model.exchange import LogProof
from gateway.model.names import ExchangeId, MemberId
from gateway.ports import events
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.peers import PeerStatus
from gateway.telemetry import Counters, Gauge, Metric, configure_logging
from tests.support.cli import Liaison

PROOF = LogProof(0, (), b"")


class ListJournal:
    """Keeps drafts in a list; a draft of the kind `duplicate` has lost its claim."""

    def __init__(self) -> None:
        self.drafts: list[EntryDraft] = []

    def append(self, drafts: Sequence[EntryDraft]) -> list[Logged | StoredAnswer]:
        self.drafts += drafts
        return [
            StoredAnswer(b"", b"", b"", 0) if draft.event is events.DUPLICATE else Logged(7, b"", None, PROOF)
            for draft in drafts
        ]

    def stored_answers(
        self, claims: Sequence[tuple[MemberId, ExchangeId]]
    ) -> Mapping[tuple[MemberId, ExchangeId], StoredAnswer]:
        return {claim: StoredAnswer(b"", b"", b"", 1) for claim in claims}

    def proof(self, index: int, origin: str = "") -> LogProof:
        return LogProof(index, (), b"")


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    configure_logging("info", text)
    yield text
    configure_logging("error", io.StringIO())


def test_entries_are_counted_by_kind_peer_and_outcome(stream: io.StringIO) -> None:
    counters = Counters()
    journal = WatchedJournal("exchange", ListJournal(), counters)
    draft = events.RECEIVED.draft(peer="vn", outcome="hit", officer="th.o.1042")
    assert len(journal.append([draft, draft, events.DUPLICATE.draft(peer="vn")])) == 3
    assert counters.value(Metric.ENTRIES, log="exchange", kind="received", peer="vn", outcome="hit") == 2
    assert counters.value(Metric.ENTRIES) == 2
    assert stream.getvalue() == ""  # the exchange log is for the level debug


def test_an_operation_is_a_log_line_without_its_private_part(stream: io.StringIO) -> None:
    journal = WatchedJournal("operations", ListJournal(), Counters())
    journal.append([events.DENIED.draft(officer="th.o.1042", case="TH-1", question={"outcome": "th.o.1042"})])
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["kind"], line["entry"], line["log"]) == ("entry", "denied", 7, "operations")
    assert "1042" not in stream.getvalue()


def test_the_rest_is_the_journal_behind_it() -> None:
    journal = WatchedJournal("exchange", ListJournal(), Counters())
    claim = (MemberId("vn"), ExchangeId("0" * 32))
    assert journal.stored_answers([claim])[claim].index == 1
    assert journal.proof(5).index == 5


def test_gauges_tell_sizes_days_and_peers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    liaison = Liaison(capsys)
    assert liaison("init", "--member", "th", "--home", tmp_path / "th", "--authority", tmp_path / "a").code == 0
    (tmp_path / "th" / "keys" / "broken.pem").write_text("no certificate")
    counters = Counters()
    watch_node(
        counters,
        ManualClock(SystemClock().now() + timedelta(days=7)),
        log_sizes={"exchange": lambda: 12},
        certificates=tmp_path / "th" / "keys",
        counterparts=lambda: [PeerStatus(MemberId("vn"), True, 0), PeerStatus(MemberId("kh"), False, 0)],
        debts=(lambda: {"vn": 3.0}, lambda: {"vn": 61.5}),
    )
    read = {gauge: call() for gauge, call in counters.gauges().items()}
    assert read[Gauge.LOG_SIZE] == {(("log", "exchange"),): 12}
    assert read[Gauge.RECEIPT_DEBT] == {(("peer", "vn"),): 3.0}
    assert read[Gauge.RECEIPT_DEBT_SECONDS] == {(("peer", "vn"),): 61.5}
    assert read[Gauge.PEER_CONNECTED] == {(("peer", "vn"),): 1.0, (("peer", "kh"),): 0.0}
    days = {labels[0][1]: left for labels, left in read[Gauge.CERTIFICATE_DAYS].items()}
    assert 389 < days["tls"] < 390
    assert days["broken"] != days["broken"]
