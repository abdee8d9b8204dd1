"""A job tells what was there when it was closed, in every step from there on."""

from __future__ import annotations

import sys
from queue import SimpleQueue

from cryptography.hazmat.primitives.asymmetric import ec

from gateway.clock import SystemClock
from gateway.exchange.answering.answer import Deadlines
from gateway.exchange.answering.job import Findings, Job, UnsignedHit, sign_findings
from gateway.model.exchange import Outcome
from gateway.model.hit import Hit, Quality
from gateway.records.sdjwt import UnsignedRecord
from gateway.signing.keys import SigningKey
from tests.support.inbound import inbound
from tests.support.waiting import MOST_S


def job(*sources: str) -> Job:
    made = Job(inbound("th"), 0.0, 1.0)
    made.expected = tuple((source, "records") for source in sources)
    return made


def hit(source: str) -> Findings:
    return Findings(source, "records", hits=[Hit("ref", Quality.EXACT_ID, "Person")])


def test_the_last_source_sends_the_job_on() -> None:
    made = job("a", "b")
    assert not made.found(hit("a"))
    assert made.found(hit("b"))
    assert made.complete


def test_a_source_that_answers_after_the_closing_is_told_nowhere() -> None:
    made = job("a", "b")
    made.note(Findings("a", "records", "suspended"))
    assert made.finish()
    made.close()
    assert not made.found(hit("b"))
    assert [found.source for found in made.findings] == ["a"]
    assert made.outcome is Outcome.NOT_SEARCHED


def test_until_it_is_closed_everything_counts() -> None:
    made = job("a", "b")
    made.found(hit("a"))
    assert made.outcome is Outcome.HIT
    made.close()
    assert made.findings is made.findings


def test_whoever_looks_after_a_job_lets_go_of_it_once_it_is_finished() -> None:
    made = job("a")
    ticket = made.ticket()
    assert list(ticket) == [made]
    assert made.finish()
    assert not ticket
    assert not made.finish()
    assert sys.getrefcount(made) == 2


def test_the_timekeeper_sends_on_what_is_late_and_keeps_nothing_else() -> None:
    clock = SystemClock()
    late: SimpleQueue[Job] = SimpleQueue()
    keeper = Deadlines(clock, late.put)
    quick, slow, slower = job("a"), job("a"), job("a")
    slow.deadline, slower.deadline = clock.monotonic() + 0.05, clock.monotonic() + 0.1
    keeper.start()
    try:
        keeper.watch([quick, slow, slower])
        assert quick.found(hit("a"))
        assert sys.getrefcount(quick) == 2
        assert [late.get(timeout=MOST_S), late.get(timeout=MOST_S)] == [slow, slower]
    finally:
        keeper.stop()
    assert slow.complete
    assert slower.complete
    assert late.empty()


def test_a_record_that_has_no_hit_costs_its_source_and_no_other() -> None:
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    both = [hit("a"), hit("b")]
    for place, found in enumerate(both):
        found.unsigned.append(UnsignedHit(5 * place, UnsignedRecord(key, "header.payload", {}), ()))
    sign_findings(both)
    assert [found.state for found in both] == ["ok", "failed"]
    assert both[0].hits[0].record.startswith("header.payload.")
    assert both[1].hits == []
