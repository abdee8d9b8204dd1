"""Memories that a member can fill: none of them refuses who is new, and none forgets what others brought."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from adapters.remote.reference import Reference
from adapters.remote.reference_memory import ReferenceMemory
from certs.authority import issue, load_authority
from certs.names import CertificateName, CertificateUse
from gateway.errors import Replayed
from gateway.exchange.answering import repeated_subjects
from gateway.exchange.answering.repeated_subjects import Subjects
from gateway.model.names import MemberId, new_exchange_id
from gateway.model.purpose import Purpose
from gateway.model.query import DocumentQuery
from gateway.ports.sources import Occasion
from gateway.trust import view as trust_view
from policy.cache import ALWAYS, DecisionCache
from policy.engine import memory as policy_memory
from policy.engine.memory import PRINCIPAL, Accepted, Memory, Shared, slices_of
from tests.support.federation import make_federation

TH, VN = MemberId("th"), MemberId("vn")


def test_a_flood_of_subjects_does_not_hide_what_another_member_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeated_subjects, "MOST", 100)
    memory, now_us = Subjects(), 10 * repeated_subjects.HALF_A_DAY_US
    asked = DocumentQuery("AB123456", "VNM")
    memory.note(TH, asked, Purpose.BORDER_CHECK, now_us)
    for number in range(1_000):
        memory.note(VN, DocumentQuery(f"C{number:07}"), Purpose.BORDER_CHECK, now_us)
    assert memory.note(TH, asked, Purpose.INVESTIGATION, now_us) == (Purpose.BORDER_CHECK, Purpose.INVESTIGATION)


def test_a_flood_of_values_does_not_undo_the_decisions_for_another_member(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policy_memory, "LIMIT", 20)
    memory = Memory([], Shared(slices_of({"a": {"x": None, PRINCIPAL: None}}, {"x": ""}), Accepted({"x": ""})))
    memory.keep(TH, {"x": "office"}, ["a"])
    for number in range(1_000):
        memory.keep(VN, {"x": f"office {number}"}, [])
    assert memory.recall(TH, {"x": "office"}) == ["a"]
    assert memory.recall(VN, {"x": "office 999"}) == [], "the newest is always kept"


def test_a_flood_of_questions_does_not_undo_the_kept_decisions_for_another_member() -> None:
    cache: DecisionCache[str, str] = DecisionCache(20)
    cache.put("th asks", "yes", ALWAYS, TH)
    for number in range(1_000):
        cache.put(f"vn asks {number}", "no", ALWAYS, VN)
    assert cache.get("th asks", 1) == "yes"
    assert cache.get("vn asks 999", 1) == "no"
    assert len(cache) == 20


def test_a_source_takes_new_references_however_many_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.remote.reference_memory.MAX_REFERENCES", 20)
    memory = ReferenceMemory()
    mine = _reference(0, TH)
    memory.begin(mine, 1)
    memory.found(mine, [("Person", "1")])
    for number in range(1, 1_000):
        memory.begin(_reference(number, VN), 1)
    memory.take(mine, "Person", "1")
    with pytest.raises(Replayed):
        memory.begin(mine, 1)


def _reference(number: int, asker: MemberId) -> Reference:
    occasion = Occasion(new_exchange_id(), asker, Purpose.INVESTIGATION, bytes(32))
    return Reference(occasion, bytes(32), 1_000_000, number.to_bytes(32), "key", b"")


def test_certificates_without_end_do_not_push_out_those_of_another_member(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A member's own authority can certify its listed key as often as it likes."""
    monkeypatch.setattr(trust_view, "_MAX_CACHE", 4)
    federation = make_federation(tmp_path, ("th", "vn"))
    view, vn = federation.view(), federation["vn"]
    authority, key = load_authority(vn.authority), x509.load_pem_x509_certificate(vn.certificate("tls")).public_key()
    assert isinstance(key, EllipticCurvePublicKey)
    view.peer(federation["th"].certificate("tls"))
    for _ in range(12):
        certificate = issue(authority, key, CertificateName(VN, CertificateUse.NODE, "node1"), federation.clock)
        assert view.peer(certificate).member == VN
        assert certificate in view._peers, "who is new is remembered"
    assert federation["th"].certificate("tls") in view._peers
    assert len(view._peers) == 4
