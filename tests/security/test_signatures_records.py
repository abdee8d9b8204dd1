"""CASE-C and CASE-F9 for records."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from certs.profile import read_leaf
from gateway.clock import ManualClock
from gateway.errors import BadSignature, Refused
from gateway.model.names import MemberId
from gateway.records.sdjwt import RecordIssuer, base64url, issue, present
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.signing.keys import VerifyKey
from tests.support.federation import Federation, make_federation
from tests.support.sealing import (
    KH,
    MARKING,
    NOON,
    NOW,
    PERSON,
    RECORD,
    REQUEST_HASH,
    TH,
    VN,
    Agency,
    ListedKeys,
    decoded,
)

AGENCY = Agency()
TEXT = present(AGENCY.issue(), PERSON)


@given(st.integers(0, len(TEXT) - 1), st.integers(0, 6))
def test_c1_a_record_with_one_bit_changed_is_refused(position: int, bit: int) -> None:
    changed = TEXT[:position] + chr(ord(TEXT[position]) ^ 1 << bit) + TEXT[position + 1 :]
    with pytest.raises(Refused):
        AGENCY.verify(changed)


def test_c2_the_signature_of_another_record_is_refused() -> None:
    head, body, _ = AGENCY.issue().jwt.split(".")
    other = AGENCY.issue().jwt.split(".")[2]
    with pytest.raises(BadSignature):
        AGENCY.verify(f"{head}.{body}.{other}~")


def test_c2_disclosures_of_another_issue_are_refused() -> None:
    first, second = AGENCY.issue(), AGENCY.issue()
    with pytest.raises(BadSignature):
        AGENCY.verify("~".join([first.jwt, second.disclosures["sex"].encoded, ""]))


@pytest.mark.parametrize("raw", [b"\1" * 63, b"\1" * 65, b"\1" * 72, b"\0" * 64, b"\0" * 32 + b"\1" * 32])
def test_c7_a_signature_that_is_not_r_and_s_is_refused(raw: bytes) -> None:
    head, body, _ = AGENCY.issue().jwt.split(".")
    with pytest.raises(BadSignature):
        AGENCY.verify(f"{head}.{body}.{base64url(raw)}~")


def test_c7_a_signature_has_one_spelling() -> None:
    """The last character of 64 bytes in base64url has four spare bits."""
    jwt = AGENCY.issue().jwt
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    spare = alphabet[alphabet.index(jwt[-1]) + 1]
    assert AGENCY.verify(f"{jwt}~")
    with pytest.raises(Refused):
        AGENCY.verify(f"{jwt[:-1]}{spare}~")


def test_c10_the_key_of_customs_does_not_sign_a_police_record() -> None:
    """Customs' listed key and certificate, and a record that says it is the police's."""
    customs = Agency(KH, "customs")
    police = RecordIssuer(customs.key, customs.issuer.certificate_der, KH, "police")
    issued = issue(
        replace(RECORD, owner="kh.police"),
        issuer=police,
        audience=TH,
        request_hash=REQUEST_HASH,
        marking=MARKING,
        now_us=NOW,
    )
    with pytest.raises(BadSignature):
        customs.verify(present(issued, PERSON))


def test_f9_a_record_without_a_signature_is_refused() -> None:
    head, body, _ = AGENCY.issue().jwt.split(".")
    for text in (f"{head}.{body}.~", f"{head}.{body}~", f"{body}~"):
        with pytest.raises(Refused):
            AGENCY.verify(text)


def test_f9_a_key_that_no_member_lists_is_refused() -> None:
    with pytest.raises(BadSignature):
        AGENCY.verify(TEXT, keys=ListedKeys())


class Stumbling(ListedKeys):
    def record_key(self, member: str, agency: str, certificate_der: bytes, at_us: int) -> tuple[VerifyKey, bool]:
        raise ZeroDivisionError


def test_c14_an_unexpected_exception_is_a_refusal() -> None:
    with pytest.raises(BadSignature):
        AGENCY.verify(TEXT, keys=Stumbling())


def test_c12_the_same_claims_in_another_layout_are_refused() -> None:
    """Line endings, a byte order mark or other white space under an old signature."""
    head, body, signature = AGENCY.issue().jwt.split(".")
    claims = decoded(body)
    for text in (json.dumps(claims, indent=1), json.dumps(claims) + "\r\n", "\ufeff" + json.dumps(claims)):
        with pytest.raises(Refused):
            AGENCY.verify(f"{head}.{base64url(text.encode())}.{signature}~")


# ---------------------------------------------------------------- against real certificates and descriptors


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(NOON))


def issuer_of(federation: Federation, member: MemberId, agency: str, file: str = "") -> RecordIssuer:
    """`agency` of `member`, with the key and certificate of `file` (its own unless said otherwise)."""
    file = file or f"agency-{agency}"
    der = read_leaf(federation[member].certificate(file)).der
    return RecordIssuer(federation[member].key(file), der, member, agency)


def checked(federation: Federation, issuer: RecordIssuer) -> VerifiedRecord:
    issued = issue(
        replace(RECORD, owner=issuer.name),
        issuer=issuer,
        audience=VN,
        request_hash=REQUEST_HASH,
        marking=MARKING,
        now_us=NOW,
    )
    return verify_record(
        present(issued, PERSON),
        federation.view("vn"),
        member=issuer.member,
        audience=VN,
        request_hash=REQUEST_HASH,
        now_us=NOW,
    )


def test_a_listed_agency_signs_its_records(federation: Federation) -> None:
    verified = checked(federation, issuer_of(federation, KH, "customs"))
    assert (verified.owner, verified.own_key) == ("kh.customs", False)


@pytest.mark.parametrize("file", ["agency-immigration", "statement", "tls"])
def test_c10_no_other_key_of_the_member_signs_a_police_record(federation: Federation, file: str) -> None:
    assert checked(federation, issuer_of(federation, TH, "police"))
    with pytest.raises(BadSignature):
        checked(federation, issuer_of(federation, TH, "police", file))


def test_c10_a_certificate_of_another_member_is_refused(federation: Federation) -> None:
    customs = issuer_of(federation, KH, "customs")
    with pytest.raises(BadSignature):
        checked(federation, RecordIssuer(customs.key, customs.certificate_der, TH, "customs"))


def test_f9_a_certified_key_that_is_not_listed_is_refused(federation: Federation, tmp_path: Path) -> None:
    """The CA's word alone is not enough."""
    other = make_federation(tmp_path, clock=ManualClock(NOON))
    with pytest.raises(BadSignature):
        checked(federation, issuer_of(other, KH, "customs"))
