"""A member that tells and signs very much keeps out nothing of another: heads, evidence, and forks that are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.audit.tree.checkpoint import Checkpoint, Signer, origin
from gateway.clock import SystemClock
from gateway.gossip.greetings import ThirdHeads
from gateway.gossip.holdings import MAX_FORKS, holdings
from gateway.model.documents import Kind
from gateway.model.evidence.witness import HeadEvidence
from gateway.model.names import MemberId
from gateway.trust.documents.kept_lines import MAX_KEPT, Conflicts
from gateway.trust.documents.status import parse_status, sign_status
from tests.support.federation import make_federation

CLOCK = SystemClock()
TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")


class Noted:
    """Stands for the memory of heads: it lists what was noted."""

    def __init__(self) -> None:
        self.heads: list[Checkpoint] = []

    def note_head(self, head: Checkpoint) -> None:
        self.heads.append(head)


def test_a_speaker_of_very_many_heads_pushes_out_its_own_ones_only(tmp_path: Path) -> None:
    federation = make_federation(tmp_path)
    noted: Any = Noted()
    heads = ThirdHeads(noted, federation.view, CLOCK, TH)
    signer = Signer(origin("kh", "exchange", 1), federation["kh"].key("log"))
    honest = signer.sign(7, bytes(32))
    heads.hear(VN, [honest])
    for number in range(1_000):
        heads.hear(KH, [b"nonsense %d" % number])
    heads.verify()
    assert [head.data for head in noted.heads] == [honest]


def test_heads_that_come_in_while_others_are_verified_end_no_round(tmp_path: Path) -> None:
    federation = make_federation(tmp_path)
    noted: Any = Noted()

    class Flooded(ThirdHeads):
        more: Sequence[bytes] = [b"more of it %d" % number for number in range(300)]

        def signed(self, data: bytes) -> Checkpoint | None:
            self.hear(KH, self.more)  # as the loop does beside this thread
            self.more = []
            return super().signed(data)

    heads = Flooded(noted, federation.view, CLOCK, TH)
    honest = Signer(origin("kh", "exchange", 1), federation["kh"].key("log")).sign(7, bytes(32))
    heads.hear(VN, [honest])
    heads.hear(KH, [b"nonsense %d" % number for number in range(300)])
    heads.verify()
    assert [head.data for head in noted.heads] == [honest]


@pytest.mark.long
def test_evidence_of_one_member_keeps_out_none_of_another(tmp_path: Path) -> None:
    federation = make_federation(tmp_path / "fed", ("th", "vn", "kh"))
    kept = Conflicts(tmp_path / "conflicts")

    def keep(member: str, second: int, version: int = 1) -> bytes:
        held = federation.view("th").status(member)
        assert held is not None
        other = replace(held, expires_us=held.expires_us - second * 1_000_000, descriptor_version=version)
        status = parse_status(sign_status(other, federation[member].key("status")))[0]
        kept.keep(status)
        return status.hash

    for second in range(1, 3 * MAX_KEPT):
        keep("kh", second)
    assert len(kept.hashes()) == MAX_KEPT
    assert keep("vn", 1) in kept.hashes()
    assert keep("kh", 99, version=2) in kept.hashes(), "what is about a newer version takes the place of an old one"
    assert len(kept.hashes()) == MAX_KEPT + 1
    (tmp_path / "conflicts" / "copy of an old one.json").write_bytes(b"{}\n")
    assert len(kept.hashes()) == MAX_KEPT + 1


@pytest.mark.long
def test_forks_of_one_member_hide_none_of_another(tmp_path: Path) -> None:
    federation = make_federation(tmp_path, ("th", "vn"))
    forks = [HeadEvidence(f"kh.exchange.{n % 9}", "fork", b"a%d" % n, b"b", 0) for n in range(3_000)]
    held = holdings(federation.view(), [], [*forks, HeadEvidence("vn.exchange.1", "fork", b"c", b"d", 0)])
    assert sum(line.kind is Kind.FORK for line in held.lines) == MAX_FORKS + 1
