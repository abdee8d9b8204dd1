"""A small log of many kinds of questions, for searches and reports."""

from __future__ import annotations

from gateway.model.names import MemberId
from tests.bench.questions import Pools, Questions
from tests.support.audit_logs import LogHome

OFFICERS = ("th.o.1042", "th.o.1043", "th.o.7")
CASES = ("TH-2026-0001", "TH-2026-0002", "TH-2026-0003")
AGREEMENTS = ("gms-border-2026", "th-vn-2019")
NAMES = ("สมชาย ใจดี", "Somchai Jaidee", "NGUYEN VAN AN", "Nguyễn Văn An", "陈小明", "Sok Dara")
NUMBERS = ("AB1234567", "C 765-4321", "กข 1234")
CODES = ("no-agreement", "quota", "bad-signature")
REFERENCES = ("reference-one", "reference-two")
POOLS = Pools(
    peers=(MemberId("vn"), MemberId("kh")),
    officers=OFFICERS,
    pseudonyms=("a" * 24, "b" * 24),
    cases=CASES,
    agreements=AGREEMENTS,
    names=NAMES,
    numbers=NUMBERS[:2],
    plates=NUMBERS[2:],
    codes=CODES,
    references=REFERENCES,
    hits=0.25,
    refusals=0.25,
)


def fill(home: LogHome, count: int, seed: int = 1, batch: int = 8) -> None:
    """Append the entries of `count` exchanges to the exchange log and a few to the operations log of `home`."""
    questions = Questions(POOLS, seed)
    with home.log() as log, home.log("operations") as operations:
        for first in range(0, count, batch):
            now_us = home.clock.now_us()
            several = [questions.exchange(now_us) for _ in range(min(batch, count - first))]
            log.append([draft for drafts in several for draft in drafts])
            refused = [questions.denied() for _ in several if questions.some()]
            if refused:
                operations.append(refused)
