"""PKCS#11 URIs: what RFC 7512 names, and nothing that hides a PIN or names no key."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certs.hsm.uri import MAX_URI, KeyUri, is_uri, parse_uri
from gateway.errors import Malformed
from tests.support.tables import table


def test_a_uri_names_a_key_of_a_token() -> None:
    text = "pkcs11:token=National%20HSM;object=statement;id=%01%ff?module-path=/usr/lib/m.so&pin-source=file:/run/pin"
    uri = parse_uri(text)
    assert uri == KeyUri(
        text,
        token="National HSM",
        object="statement",
        id=b"\x01\xff",
        module_path="/usr/lib/m.so",
        pin_source="file:/run/pin",
    )
    assert str(uri) == text


@table(
    ("text", "found"),
    [
        ("pkcs11:token=a;object=b;type=private", "b"),
        ("PKCS11:serial=00ff;object=b", "b"),
        ("pkcs11:token=a;object=%E0%B8%81", "ก"),
        ("pkcs11:token=a;model=x;manufacturer=y;object=a=b&c", "a=b&c"),
    ],
)
def test_other_forms_of_uris(text: str, found: str) -> None:
    assert parse_uri(text).object == found


@table(
    ("text", "why"),
    [
        ("", "begin with"),
        ("pkcs12:token=a;object=b", "begin with"),
        ("pkcs11:", "no attribute"),
        ("pkcs11:token=a", "names no token"),
        ("pkcs11:object=b", "names no token"),
        ("pkcs11:token=;object=b", "names no token"),
        ("pkcs11:token=a;object=b;", "no attribute"),
        ("pkcs11:token=a;token=b;object=c", "twice"),
        ("pkcs11:token=a;object=b;slot-id=1", "no attribute"),
        ("pkcs11:token=a;object=b;type=public", "not `private`"),
        ("pkcs11:token=a;object=b?pin-value=1234", "holds a PIN"),
        ("pkcs11:token=a;object=b?pin-source=|/bin/sh", "written as"),
        ("pkcs11:token=a;object=b?x=y", "no attribute"),
        ("pkcs11:token=a b;object=b", "written as"),
        ("pkcs11:token=%zz;object=b", "written as"),
        ("pkcs11:token=%ff;object=b", "not UTF-8"),
        ("pkcs11:token=%00;object=b", "must not be there"),
        ("pkcs11:token=a;object=" + "b" * MAX_URI, "more than"),
    ],
)
def test_what_is_no_uri_of_a_key(text: str, why: str) -> None:
    with pytest.raises(Malformed, match=why) as refused:
        parse_uri(text)
    assert refused.value.code == "bad-key-uri"


def test_a_pin_in_a_uri_is_not_told_again() -> None:
    with pytest.raises(Malformed) as refused:
        parse_uri("pkcs11:token=a;object=b?pin-value=81234567")
    assert "81234567" not in str(refused.value.message) + str(refused.value)


@given(st.text(max_size=200))
def test_any_text_is_a_uri_or_refused(text: str) -> None:
    for each in (text, f"pkcs11:{text}", f"pkcs11:token=a;object={text}"):
        try:
            uri = parse_uri(each)
        except Malformed:
            continue
        assert is_uri(each)
        assert uri.object or uri.id


@pytest.mark.timed
def test_a_long_text_costs_no_more_than_its_length() -> None:
    def cost(text: str) -> float:
        begun = time.thread_time()
        for _ in range(20):
            with pytest.raises(Malformed):
                parse_uri(text)
        return time.thread_time() - begun

    head = "pkcs11:token=a;object="
    hostile = head + "%41" * ((MAX_URI - len(head) - 1) // 3) + "|"
    assert cost(hostile) < 0.2
    assert cost(head + "a" * 10_000_000) < 0.2
