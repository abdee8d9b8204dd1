"""After a lost key: what it signed, and only a cosignature from before the loss shows that something is from before."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from certs.keyfiles import Algorithm
from gateway.audit.reading.opened import HomeLogs
from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import Cosigner, Witness, read_lines, witness_name
from gateway.audit.verify.key_report import Coverage, KeyReport, LostKey, Proof, key_report, lost_key
from gateway.clock import ManualClock
from gateway.model.evidence.witness import CosignedHead
from gateway.signing.witness_keys import WitnessSigningKey
from gateway.trust.documents.descriptor import ListedKey
from tests.bench.questions import Questions
from tests.support.audit_logs import NOON, LogHome
from tests.support.questions import POOLS

LOG = "exchange/1"
US = 1_000_000
HOUR = 3600
KEY = WitnessSigningKey(Ed25519PrivateKey.generate())
NAME = witness_name("vn")
WITNESS = Witness(NAME, "vn", False, KEY.public, 0, 2**63)
NOON_S = int(NOON.timestamp())
FAR_US = (NOON_S + 10_000 * HOUR) * US


class _Log:
    """A log of twenty hours with an exchange in each, and its signed heads."""

    def __init__(self, folder: Path) -> None:
        clock = ManualClock(NOON)
        self.home = LogHome(folder, clock=clock)
        self.questions = Questions(POOLS, 3)
        self.heads: list[tuple[int, bytes]] = []
        with self.home.log() as log:
            for _ in range(20):
                log.append(self.questions.exchange(clock.now_us()))
                clock.advance(timedelta(hours=1))
        with self.home.store() as store:
            for head in store.checkpoints(LOG):
                self.heads.append((parse_checkpoint(head).size, head))

    @property
    def key(self) -> LostKey:
        key = self.questions.key
        return LostKey("th", key.key_id, "statement", key.spki, frozenset())

    def cosigned(self, place: int, hour: int, cosigner: Cosigner | None = None) -> CosignedHead:
        """Head number `place`, cosigned so many hours after noon."""
        size, head = self.heads[place]
        time_s = NOON_S + hour * HOUR
        lines = read_lines((cosigner or Cosigner(NAME, [KEY])).cosign(parse_checkpoint(head), time_s))
        return CosignedHead(size, head, tuple(lines), time_s * US)

    def report(self, lost_hour: float, *heads: CosignedHead, key: LostKey | None = None) -> KeyReport:
        coverage = {LOG: Coverage(heads, [WITNESS], FAR_US)}
        with self.home.store() as store:
            logs = HomeLogs(store, self.home.keystore)
            since_us = int((NOON_S + lost_hour * HOUR) * US)
            return key_report(logs, key or self.key, since_us, coverage, 1_000, own="th")


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> _Log:
    return _Log(tmp_path_factory.mktemp("lost"))


def _sum(report: KeyReport, proof: Proof) -> int:
    return sum(count for (_, kind), count in report.counts.items() if kind is proof)


def test_without_witnesses_nothing_is_shown_to_be_from_before(log: _Log) -> None:
    report = log.report(10.5)
    assert _sum(report, Proof.COVERED) == 0
    assert _sum(report, Proof.CLAIMED) > 10
    assert _sum(report, Proof.AFTER) > 10
    assert len(report.suspects) == _sum(report, Proof.CLAIMED) + _sum(report, Proof.AFTER)
    assert all(item.cosigned_s == 0 for item in report.suspects)


def test_what_a_head_from_before_covers_is_the_owners(log: _Log) -> None:
    early = log.cosigned(4, 6)
    report = log.report(10.5, early)
    assert report.covered[LOG] == (early.size, NOON_S + 6 * HOUR)
    assert _sum(report, Proof.COVERED) > 5
    assert {item.proof for item in report.suspects} == {Proof.CLAIMED, Proof.AFTER}
    assert min(item.index for item in report.suspects) == early.size
    whole = log.report(10.5)
    assert sum(report.counts.values()) == sum(whole.counts.values())


def test_a_cosignature_from_after_the_loss_covers_nothing_and_says_when_it_was_seen(log: _Log) -> None:
    late = log.cosigned(4, 15)
    report = log.report(10.5, late)
    assert report.covered[LOG] == (0, 0)
    assert _sum(report, Proof.COVERED) == 0
    seen = {item.index: item.cosigned_s for item in report.suspects}
    assert all((time_s == NOON_S + 15 * HOUR) == (index < late.size) for index, time_s in seen.items())


def test_a_cosignature_that_does_not_verify_counts_for_nothing(log: _Log) -> None:
    stranger = Cosigner(NAME, [WitnessSigningKey(Ed25519PrivateKey.generate())])
    assert log.report(10.5, log.cosigned(4, 6, stranger)).covered[LOG] == (0, 0)
    good = log.cosigned(4, 6)
    moved = CosignedHead(good.size + 5, good.checkpoint, good.lines, good.time_us)
    assert log.report(10.5, moved).covered[LOG] == (0, 0)
    other = CosignedHead(log.heads[8][0], log.heads[8][1], good.lines, good.time_us)
    assert log.report(10.5, other).covered[LOG] == (0, 0)


def test_the_first_time_that_anybody_saw_an_entry_is_told(log: _Log) -> None:
    heads = [log.cosigned(4, 16), log.cosigned(8, 12), log.cosigned(12, 14)]
    coverage = Coverage(heads, [WITNESS], FAR_US)
    assert coverage.first(0) == coverage.first(heads[1].size - 1) == NOON_S + 12 * HOUR
    assert coverage.first(heads[1].size) == NOON_S + 14 * HOUR
    assert coverage.first(heads[2].size) == 0
    assert coverage.before((NOON_S + 13 * HOUR) * US) == (heads[1].size, NOON_S + 12 * HOUR)


def test_a_log_key_has_signed_every_entry_that_is_not_covered(log: _Log) -> None:
    spki = log.home.key.spki
    key = LostKey("th", "0" * 64, "log", spki, frozenset())
    early = log.cosigned(4, 6)
    report = log.report(10.5, early, key=key)
    assert report.counts[("entry", Proof.COVERED)] == early.size
    assert {what for what, _ in report.counts} == {"entry"}


def test_another_key_has_signed_nothing(log: _Log) -> None:
    key = LostKey("th", "f" * 64, "statement", b"", frozenset())
    assert not log.report(10.5, key=key).counts


def test_a_key_is_named_by_its_use_or_id() -> None:
    ours = ListedKey("a" * 64, "statement", Algorithm.P256, b"1", b"c1", 0, 1)
    renewed = ListedKey("a" * 64, "statement", Algorithm.P256, b"1", b"c2", 1, 2)
    theirs = ListedKey("b" * 64, "statement", Algorithm.P256, b"2", b"", 0, 1)
    listed = {"th": [[ours], [renewed]], "vn": [[theirs]]}
    for name in ("statement", "th/statement", "a" * 8):
        (found,) = lost_key(name, "th", listed)
        assert (found.member, found.certificates) == ("th", frozenset((b"c1", b"c2")))
    assert [key.member for key in lost_key("vn/statement", "th", listed)] == ["vn"]
    assert lost_key("a" * 7, "th", listed) == lost_key("kh/statement", "th", listed) == []
