"""CASE-B for records: whatever comes in, the answer is a refusal with a code."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, Refused
from gateway.records.sdjwt import base64url, digest_of, present
from tests.support.load import effort
from tests.support.sealing import PERSON, Agency, decoded
from tests.support.tables import table

AGENCY = Agency()


@given(st.text(max_size=400))
def test_b1_any_text_is_refused(text: str) -> None:
    with pytest.raises(Refused):
        AGENCY.verify(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(), lambda s: st.lists(s)))
def test_b1_any_signed_payload_is_refused_without_a_crash(value: object) -> None:
    with pytest.raises(Refused):
        AGENCY.verify(AGENCY.forge(payload=json.dumps(value)))


@given(st.sampled_from(sorted(decoded(AGENCY.issue().jwt.split(".")[1]))), st.none() | st.integers() | st.text())
def test_b1_any_member_of_another_value_is_refused_or_is_the_same(name: str, value: object) -> None:
    if name in ("iat", "exp") and isinstance(value, int):
        value = -abs(value) if name == "exp" else abs(value) + 10**12
    with pytest.raises(Refused):
        AGENCY.verify(AGENCY.forge(payload={name: value}))


@pytest.mark.timed
@pytest.mark.parametrize("depth", [101, 4_000])
def test_b4_nesting_is_refused_at_once(depth: int) -> None:
    text = base64url(b'["c2FsdHNhbHRzYWx0c2FsdA","sex",' + b"[" * depth + b"]" * depth + b"]")
    decoys = [base64url(bytes([number]) * 32) for number in range(11)]
    record = AGENCY.forge(payload={"_sd": [digest_of(text), *decoys]}, disclosures=(text,))
    with effort() as spent, pytest.raises(Malformed):
        AGENCY.verify(record)
    assert spent.seconds < 0.05


@pytest.mark.timed
def test_b5_many_empty_disclosures_are_refused_at_once() -> None:
    with effort() as spent:
        with pytest.raises(Refused):
            AGENCY.verify(AGENCY.issue().jwt + "~" * 1_000_000)
        with pytest.raises(Refused):
            AGENCY.verify(AGENCY.issue().jwt + "~W10" * 4_000 + "~")
    assert spent.seconds < 0.05


def test_b9_a_member_that_occurs_twice_is_refused() -> None:
    head, body, _ = AGENCY.issue().jwt.split(".")
    for part in ("header", "payload"):
        claims = json.dumps(decoded(head if part == "header" else body))
        first = claims[1:].split(",")[0]
        twice = f"{{{first},{claims[1:]}"
        with pytest.raises(Malformed):
            AGENCY.verify(AGENCY.forge(header=twice) if part == "header" else AGENCY.forge(payload=twice))


def test_b9_a_name_in_a_value_that_occurs_twice_is_refused() -> None:
    text = base64url(b'["c2FsdHNhbHRzYWx0c2FsdA","names",[{"text":"A","text":"B"}]]')
    decoys = [base64url(bytes([number]) * 32) for number in range(11)]
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(payload={"_sd": [digest_of(text), *decoys]}, disclosures=(text,)))


@table(
    "issuer",
    ["kh.ｃustoms", "kh.сustoms", "kh.cus\u200dtoms", "\u212ah.customs", "kh.customs ", "kh.customs\0", "KH.customs"],
)
def test_b12_an_issuer_in_another_spelling_is_refused(issuer: str) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(payload={"iss": issuer, "owner": issuer}))


def test_b13_names_keep_their_characters() -> None:
    assert AGENCY.verify(present(AGENCY.issue(), PERSON)).fields["names"] == PERSON["names"]
