"""Issuing, presenting and verifying; one test for each number in `verify_record`'s docstring."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jwcrypto.jwk import JWK
from msgspec.structs import replace
from sd_jwt.verifier import SDJWTVerifier

from gateway.errors import BadSignature, Forbidden, Malformed, Misconfigured, Stale, TooLarge
from gateway.records.sdjwt import base64url, digest_of, present
from gateway.records.types import RECORD_TYPES
from gateway.records.verify import MAX_COMPACT, SKEW_US
from tests.support.sealing import (
    KH,
    MARKING,
    NOON,
    NOW,
    PERSON,
    RECORD,
    SECOND,
    TH,
    VN,
    Agency,
    decoded,
    disclosure,
)
from tests.support.tables import table

AGENCY = Agency()


def members(jwt: str) -> dict[str, object]:
    return decoded(jwt.split(".")[1])


@given(st.sets(st.sampled_from(list(PERSON))))
def test_any_part_of_a_record_verifies(fields: set[str]) -> None:
    verified = AGENCY.verify(present(AGENCY.issue(), fields))
    assert verified.fields == {name: PERSON[name] for name in fields}
    assert verified.undisclosed == len(RECORD_TYPES["Person"].fields) - len(fields)
    assert (verified.type, verified.owner, verified.agency) == ("Person", "kh.customs", "customs")
    assert verified.marking == MARKING.as_json()


def test_the_verifier_says_whose_word_it_is() -> None:
    assert AGENCY.verify(present(AGENCY.issue(), PERSON)).own_key
    held = Agency(own=False)
    assert not held.verify(present(held.issue(), PERSON)).own_key


@given(st.sets(st.sampled_from(list(PERSON))))
def test_another_implementation_verifies_the_same(fields: set[str]) -> None:
    """RFC 9901 by the `sd-jwt` package: what we leave out, it does not miss."""
    key = AGENCY.key.verify_key().raw
    jwk = JWK(kty="EC", crv="P-256", x=base64url(key[1:33]), y=base64url(key[33:]))
    seen = SDJWTVerifier(present(AGENCY.issue(), fields), lambda issuer, header: jwk).get_verified_payload()
    assert {name: seen[name] for name in PERSON if name in seen} == {name: PERSON[name] for name in fields}
    assert seen["owner"] == "kh.customs"
    assert seen["marking"]["level"] == "OFFICIAL"


def test_the_number_of_digests_tells_nothing_of_the_record() -> None:
    for fields in (PERSON, {"sex": "M"}, {}):
        digests = members(AGENCY.issue(replace(RECORD, fields=fields)).jwt)["_sd"]
        assert isinstance(digests, list)
        assert len(set(digests)) == RECORD_TYPES["Person"].digests
        assert digests == sorted(digests)


def test_two_issues_of_a_record_share_nothing_that_could_link_them() -> None:
    first, second = AGENCY.issue(), AGENCY.issue()
    assert not set(members(first.jwt)["_sd"]) & set(members(second.jwt)["_sd"])  # type: ignore[call-overload]
    ids = [str(members(issue.jwt)["jti"]) for issue in (first, second)]
    assert ids[0] != ids[1]
    assert {int(jti[:8], 16) for jti in ids} == {members(first.jwt)["iat"]}  # no finer time than the record tells
    assert ids[0][8:] != ids[1][8:]


def test_what_must_be_obeyed_cannot_be_left_out() -> None:
    """T14: marking, owner, type and validity are signed in the open."""
    bare = members(present(AGENCY.issue(), ()).split("~")[0])
    assert {"iss", "aud", "iat", "exp", "vct", "owner", "request", "jti", "marking"} < bare.keys()


def test_disclosures_leave_in_the_order_of_the_type() -> None:
    issued = AGENCY.issue()
    assert present(issued, ["status", "names"]) == present(issued, ["names", "status"])
    assert present(issued, ["names", "plate"]) == present(issued, ["names"])


@table("owner", ["police", "kh.police", "th.customs", ""])
def test_an_agency_does_not_sign_what_another_owns(owner: str) -> None:
    with pytest.raises(Misconfigured) as error:
        AGENCY.issue(replace(RECORD, owner=owner))
    assert error.value.code == "not-the-owner"


@pytest.mark.parametrize("owner", ["customs", "kh.customs"])
def test_the_owner_is_named_with_its_country(owner: str) -> None:
    assert AGENCY.verify(present(AGENCY.issue(replace(RECORD, owner=owner)), PERSON)).owner == "kh.customs"


def test_a_source_that_returns_rubbish_gets_no_signature() -> None:
    with pytest.raises(Malformed):
        AGENCY.issue(replace(RECORD, fields={"names": object()}))


# ---------------------------------------------------------------- the numbered checks


@table("text", ["", "~", "a.b.c", "a.b~", "a.b.c~x", "a.b.c~~", "a.b.=~", "a..c~", "a.b.c~ä~"])
def test_check_1_only_an_sd_jwt_without_key_binding_is_taken(text: str) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(text)


def test_check_1_a_record_over_the_limit_is_not_even_split() -> None:
    with pytest.raises(TooLarge):
        AGENCY.verify("~" * (MAX_COMPACT + 1))


@table(
    "header",
    [
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "ES384"},
        {"typ": "JWT"},
        {"typ": None},
        {"crit": ["b64"], "b64": False},
        {"crit": []},
        {"kid": "../../etc/passwd"},
        {"jwk": {"kty": "EC"}},
        {"x5u": "https://example.org/key"},
        {"x5c": []},
        {"x5c": ["YQ==", "YQ=="]},
        {"x5c": [7]},
        {"x5c": "YQ=="},
    ],
)
def test_check_2_only_our_own_header_is_taken(header: dict[str, object]) -> None:
    with pytest.raises(BadSignature):
        AGENCY.verify(AGENCY.forge(header=header))


def test_check_2_a_certificate_that_is_not_base64_is_malformed() -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(header={"x5c": ["*"]}))


@table(
    "payload",
    [
        {"nbf": 1},
        {"cnf": {}},
        {"iat": None},
        {"iat": "1"},
        {"iat": True},
        {"exp": 1e12},
        {"aud": ["th", "vn"]},
        {"marking": []},
        {"_sd_alg": "sha-512"},
        {"jti": "x"},
        {"_sd": {}},
        "[]",
        "{",
    ],
)
def test_check_3_members_are_exactly_ours(payload: dict[str, object] | str) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(payload=payload))


@table(
    "payload",
    [
        {"vct": "liaison:Person:2"},
        {"vct": "liaison:Alert:1"},
        {"_sd": ["A" * 43] * 12},
        {"_sd": [f"{'A' * 41}{number}" for number in range(10, 22)] + ["B" * 43]},
        {"_sd": []},
        {"_sd": [7] * 12},
        {"_sd": ["A" * 42] * 12},
    ],
)
def test_check_4_type_and_number_of_digests_are_fixed(payload: dict[str, object]) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(payload=payload))


def test_check_5_the_issuer_is_an_agency_of_the_member_that_answered() -> None:
    with pytest.raises(BadSignature):
        AGENCY.verify(present(AGENCY.issue(), PERSON), member=VN)
    with pytest.raises(Malformed):
        AGENCY.verify(AGENCY.forge(payload={"iss": "customs", "owner": "customs"}))


def test_check_5_the_issuer_owns_the_record() -> None:
    with pytest.raises(BadSignature) as refusal:
        AGENCY.verify(AGENCY.forge(payload={"owner": "kh.police"}))
    assert refusal.value.code == "not-the-owner"


def test_check_6_a_key_that_is_not_listed_signs_nothing() -> None:
    """CASE-F9: a record without a listed agency's signature is refused."""
    with pytest.raises(BadSignature):
        Agency().verify(present(AGENCY.issue(), PERSON), keys=Agency(TH, "police").keys)


def test_check_7_another_key_under_a_listed_certificate_is_refused() -> None:
    impostor = Agency()
    with pytest.raises(BadSignature):
        AGENCY.verify(present(impostor.issue(), PERSON))


def test_check_8_a_record_for_somebody_else_is_refused() -> None:
    with pytest.raises(Forbidden) as refusal:
        AGENCY.verify(present(AGENCY.issue(), PERSON), audience=VN)
    assert refusal.value.code == "wrong-audience"


def test_check_8_a_record_that_answers_another_request_is_refused() -> None:
    with pytest.raises(Forbidden) as refusal:
        AGENCY.verify(present(AGENCY.issue(), PERSON), request_hash=b"\0" * 32)
    assert refusal.value.code == "wrong-request"


def test_check_9_a_record_lives_until_its_marking_says() -> None:
    text = present(AGENCY.issue(marking=replace(MARKING, not_after=NOON + timedelta(days=1))), PERSON)
    last = NOW + 86_400 * SECOND
    assert AGENCY.verify(text, now_us=last - 1)
    with pytest.raises(Stale):
        AGENCY.verify(text, now_us=last)


def test_check_9_a_record_from_the_future_is_refused() -> None:
    text = present(AGENCY.issue(), PERSON)
    assert AGENCY.verify(text, now_us=NOW - SKEW_US)
    with pytest.raises(Stale):
        AGENCY.verify(text, now_us=NOW - SKEW_US - 1)


def test_check_9_a_record_that_ends_before_it_begins_is_refused() -> None:
    """CASE-E11."""
    issued = NOW // SECOND
    with pytest.raises(Stale):
        AGENCY.verify(AGENCY.forge(payload={"iat": issued + 20, "exp": issued + 20}))


@table(
    "change",
    [
        {"level": "SECRET"},
        {"use": ["U9"]},
        {"use": "U2"},
        {"caveats": ["OPHIDE"]},
        {"caveats": ["SRC"]},
        {"onward": "ANY"},
        {"purposes": ["CURIOSITY"]},
        {"not_after": "tomorrow"},
        {"not_after": None},
        {"evaluation": "Z9"},
        {"releasable_to": ["la"]},
    ],
)
def test_check_10_an_unknown_marking_denies(change: dict[str, object]) -> None:
    with pytest.raises(Forbidden):
        AGENCY.verify(AGENCY.forge(payload={"marking": MARKING.as_json() | change}))


def test_check_10_a_marking_without_a_member_denies() -> None:
    marking = MARKING.as_json()
    del marking["caveats"]
    with pytest.raises(Forbidden):
        AGENCY.verify(AGENCY.forge(payload={"marking": marking}))


def test_check_11_a_disclosure_that_no_digest_names_is_refused() -> None:
    """RFC 9901, 7.1: the second-opinion library lets this pass."""
    text = present(AGENCY.issue(), ["sex"]) + disclosure("status", "INNOCENT") + "~"
    with pytest.raises(BadSignature) as refusal:
        AGENCY.verify(text)
    assert refusal.value.code == "foreign-disclosure"


def test_check_11_a_digest_is_used_once() -> None:
    issued = AGENCY.issue()
    text = present(issued, ["sex"])
    with pytest.raises(BadSignature):
        AGENCY.verify(f"{text}{issued.disclosures['sex'].encoded}~")


def signed_with(*disclosures: str) -> str:
    digests = [digest_of(item) for item in disclosures]
    decoys = [base64url(bytes([number]) * 32) for number in range(RECORD_TYPES["Person"].digests - len(digests))]
    return AGENCY.forge(payload={"_sd": digests + decoys}, disclosures=disclosures)


@table(
    "bad",
    [
        disclosure("sex", "M", salt="short"),
        disclosure("sex", "M", salt=7),
        disclosure(7, "M"),
        disclosure("plate", "X"),
        disclosure("iss", "th.police"),
        disclosure("_sd", []),
        base64url(b'["c2FsdHNhbHRzYWx0c2FsdA","sex"]'),
        base64url(b'{"sex":"M"}'),
        base64url(b"\xff"),
    ],
)
def test_check_11_a_signed_disclosure_of_another_form_is_refused(bad: str) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(signed_with(bad))


def test_check_11_a_field_comes_once() -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(signed_with(disclosure("sex", "M"), disclosure("sex", "F")))
    assert AGENCY.verify(signed_with(disclosure("sex", "M"))).fields == {"sex": "M"}


@table("value", [None, 7, ["M"], {"_sd": []}, "a\nb"])
def test_check_12_a_signed_value_of_another_form_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        AGENCY.verify(signed_with(disclosure("sex", value)))


def test_owner_and_member_are_what_the_certificate_says() -> None:
    verified = AGENCY.verify(present(AGENCY.issue(), PERSON))
    assert verified.member == KH
    assert json.dumps(verified.fields, ensure_ascii=False, sort_keys=True)
