"""What becomes an entry becomes a count and a log line; nothing private comes along."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from certs.authority import ONLINE_DAYS, online_ca
from gateway.app.watched_journal import WatchedJournal, watch_node
from gateway.clock import ManualClock, SystemClock
from gateway.model.exchange import LogProof
from gateway.model.names import ExchangeId, MemberId
from gateway.ports.entries import events
from gateway.ports.journal import EntryDraft, Logged, StoredAnswer
from gateway.ports.peers import PeerStatus
from gateway.telemetry import Counters, Gauge, LogLine, Metric, Recorder, configure_logging
from gateway.telemetry.names import FIELDS
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


def idle(counters: Counters | None = None) -> Recorder:
    clock = SystemClock()
    return Recorder(counters or Counters(), clock.now_us, clock.monotonic)


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    text = io.StringIO()
    configure_logging("info", text)
    yield text
    configure_logging("error", io.StringIO())


def test_entries_are_counted_by_kind_peer_and_outcome(stream: io.StringIO) -> None:
    counters = Counters()
    journal = WatchedJournal("exchange", ListJournal(), idle(counters))
    draft = events.RECEIVED.draft(peer="vn", outcome="hit", officer="th.o.1042")
    assert len(journal.append([draft, draft, events.DUPLICATE.draft(peer="vn")])) == 3
    assert counters.value(Metric.ENTRIES, log="exchange", kind="received", peer="vn", outcome="hit") == 2
    assert counters.value(Metric.ENTRIES) == 2
    assert len(stream.getvalue().splitlines()) == 2


def test_each_exchange_is_one_line_without_personal_data(stream: io.StringIO) -> None:
    """The question that leaves makes none: its answer, or its silence, does."""
    who: dict[str, Any] = {"officer": "th.o.1042", "case": "TH-2026-17", "search": "s1"}
    journal = WatchedJournal("exchange", ListJournal(), idle())
    query = {"kind": "person", "names": ["Somchai"]}
    journal.append(
        [
            events.ASKED.draft(peer="vn", exchange_id="a" * 32, purpose="BORDER_CHECK", **who),
            events.RECEIVED.draft(peer="vn", exchange_id="a" * 32, outcome="refused", refusal="no-agreement", **who),
            events.ANSWERED.draft(
                peer="kh", exchange_id="b" * 32, outcome="hit", purpose="BORDER_CHECK", query=query, ticket="T-1"
            ),
            events.SILENT.draft(peer="vn", exchange_id="c" * 32, code="timed-out", detail="Somchai Jaidee", **who),
        ]
    )
    told = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert [(line["kind"], line["peer"], line["outcome"], line["code"], line["purpose"]) for line in told] == [
        ("received", "vn", "refused", "no-agreement", ""),
        ("answered", "kh", "hit", "", "BORDER_CHECK"),
        ("silent", "vn", "", "timed-out", ""),
    ]
    assert {line["event"] for line in told} == {"exchange"}
    assert all(line["level"] == "info" and line["entry"] == 7 and line["time"].endswith("Z") for line in told)
    for private in ("Somchai", "th.o.1042", "TH-2026-17", "T-1", "s1"):
        assert private not in stream.getvalue()
    assert all(set(line) <= FIELDS | {"event", "level", "time"} for line in told)
    assert set(LogLine.EXCHANGE.labels) <= set(told[0])


@pytest.mark.parametrize("code", ["Somchai Jaidee", "x" * 41, "a\nb", "C1234567", 7, ["x"]])
def test_a_counterpart_writes_no_text_of_its_own_into_the_log(stream: io.StringIO, code: object) -> None:
    journal = WatchedJournal("exchange", ListJournal(), idle())
    journal.append([events.RECEIVED.draft(peer="vn", outcome="Somchai", refusal=code)])
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["code"], line["outcome"]) == ("", "")


def test_lines_of_exchanges_are_for_the_level_info(stream: io.StringIO) -> None:
    configure_logging("warning", stream)
    WatchedJournal("exchange", ListJournal(), idle()).append([events.RECEIVED.draft(peer="vn", outcome="hit")])
    assert stream.getvalue() == ""


@pytest.mark.timed
def test_a_line_of_an_exchange_costs_little_beside_the_exchange(stream: io.StringIO) -> None:
    """An exchange takes some 600 µs; the lines of a batch are made and written together."""
    drafts = [events.ANSWERED.draft(peer="vn", exchange_id="a" * 32, outcome="hit", purpose="BORDER_CHECK")] * 64
    quiet, told = (WatchedJournal("exchange", ListJournal(), idle()) for _ in range(2))

    def least(journal: WatchedJournal) -> float:
        costs = []
        for _ in range(30):
            began = time.thread_time()
            journal.append(drafts)
            costs.append(time.thread_time() - began)
        return min(costs) / len(drafts)

    with_lines = least(told)
    configure_logging("warning", stream)
    assert with_lines - least(quiet) < 15e-6


def test_an_operation_is_a_log_line_without_its_private_part(stream: io.StringIO) -> None:
    journal = WatchedJournal("operations", ListJournal(), idle())
    journal.append([events.DENIED.draft(officer="th.o.1042", case="TH-1", question={"outcome": "th.o.1042"})])
    (line,) = [json.loads(text) for text in stream.getvalue().splitlines()]
    assert (line["event"], line["kind"], line["entry"], line["log"]) == ("entry", "denied", 7, "operations")
    assert "1042" not in stream.getvalue()


def test_the_rest_is_the_journal_behind_it() -> None:
    journal = WatchedJournal("exchange", ListJournal(), idle())
    claim = (MemberId("vn"), ExchangeId("0" * 32))
    assert journal.stored_answers([claim])[claim].index == 1
    assert journal.proof(5).index == 5


def test_gauges_tell_sizes_days_and_peers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    liaison = Liaison(capsys)
    assert liaison("init", "--member", "th", "--home", tmp_path / "th", "--authority", tmp_path / "a").code == 0
    (tmp_path / "th" / "keys" / "broken.pem").write_text("no certificate")
    online = online_ca(ec.generate_private_key(ec.SECP256R1()), "th", SystemClock())
    (tmp_path / "th" / "keys" / "online-ca.pem").write_bytes(online.public_bytes(Encoding.PEM))
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
    assert ONLINE_DAYS - 8 < days["online-ca"] < ONLINE_DAYS - 7, "the certificate of a CA has an end, too"
    assert days["broken"] != days["broken"]
