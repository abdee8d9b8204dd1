"""An entry has one form."""

from __future__ import annotations

import json
import secrets
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entries.entry import (
    SMALLEST_BUCKET,
    Entry,
    build_entry,
    check_draft,
    commitment,
    decode_private,
    encode_private,
    parse_entry,
)
from gateway.errors import Malformed
from gateway.ports.content_keys import Retention
from gateway.ports.entries import events
from gateway.ports.journal import Event, LogName
from tests.support.tables import table

ENTRY = Entry(
    "th.liaison.internal/exchange/1",
    3,
    1_795_521_600_000_000,
    "answered",
    "vn",
    4,
    "00112233445566778899aabbccddeeff",
    sha256(b"request").digest(),
    sha256(b"answer").digest(),
    sha256(b"private").digest(),
)
hashes = st.one_of(st.just(b""), st.binary(min_size=32, max_size=32))


@given(
    st.integers(0, 10**17),
    st.integers(0, 10**17),
    st.sampled_from(["", "vn", "kh"]),
    st.one_of(st.none(), st.integers(1, 10**17)),
    hashes,
    hashes,
    st.binary(min_size=32, max_size=32),
)
def test_what_is_built_parses_to_the_same(
    index: int, time_us: int, peer: str, number: int | None, request: bytes, answer: bytes, private: bytes
) -> None:
    entry = Entry(ENTRY.log, index, time_us, "refused", peer, number, ENTRY.exchange_id, request, answer, private)
    body = build_entry(entry)
    assert parse_entry(body) == entry
    assert list(json.loads(body)) == ["v", "log", "seq", "t", "kind", "peer", "n", "xid", "req", "ans", "priv"]


@table(
    ("old", "new"),
    [
        ('"v":1', '"v":2'),
        ('"v":1', '"v": 1'),
        ('"seq":3', '"seq":03'),
        ('"seq":3', '"seq":-3'),
        ('"seq":3', '"seq":3,"seq":3'),
        ('"kind":"answered"', '"kind":"invented"'),
        ('"kind":"answered"', '"kind":"Answered"'),
        ('"peer":"vn"', '"peer":"VN"'),
        ('"n":4', '"n":0'),
        ('"n":4', '"n":"4"'),
        ('"xid":"0', '"xid":"g'),
        ('"}', '","more":1}'),
        ('"}', '"}\n'),
        ("{", " {"),
    ],
)
def test_b9_b10_any_other_form_is_refused(old: str, new: str) -> None:
    body = build_entry(ENTRY).decode()
    assert old in body
    with pytest.raises(Malformed):
        parse_entry(body.replace(old, new, 1).encode())


def test_a_hash_has_one_spelling() -> None:
    body = build_entry(ENTRY)
    last = body[-3:-2]
    for other in b"BCDFGHJKL":
        if bytes([other]) != last:
            with pytest.raises(Malformed):
                parse_entry(body[:-3] + bytes([other]) + body[-2:])


@table(
    ("event", "peer", "exchange", "value"),
    [
        (events.START, "", "", b""),
        (Event("invented", LogName.EXCHANGE, "", (), Retention.NO_HIT), "", "", b""),
        (Event("answered", LogName.EXCHANGE, "", (), Retention.NO_HIT), "", "", b""),
        (events.ANSWERED, 'v"', "", b""),
        (events.ANSWERED, "vn\n", "", b""),
        (events.ANSWERED, "vn", "XY", b""),
        (events.ANSWERED, "vn", "", b"short"),
    ],
)
def test_fields_that_could_not_stand_in_an_entry_are_refused(
    event: Event, peer: str, exchange: str, value: bytes
) -> None:
    with pytest.raises(Malformed):
        check_draft(event.draft(peer=peer, exchange_id=exchange, answer_hash=value), "exchange")


@given(st.text(max_size=3000))
def test_a_private_part_is_padded_and_comes_back(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    salt = secrets.token_bytes(32)
    private = encode_private({"name": text}, salt)
    length = len(private) - 32
    assert length >= SMALLEST_BUCKET
    assert length & (length - 1) == 0
    assert decode_private(private) == {"name": text}


def test_private_parts_of_one_bucket_have_one_length() -> None:
    salt = bytes(32)
    assert len(encode_private({}, salt)) == len(encode_private({"officer": "th.o.1042" * 40}, salt))


@table("value", [object(), {"a", "b"}, "\ud800", b"bytes"])
def test_what_is_not_json_is_refused(value: object) -> None:
    with pytest.raises(Malformed):
        encode_private({"value": value}, bytes(32))


def test_g18_a_birth_date_cannot_be_guessed_from_a_leaf_but_could_without_the_salt() -> None:
    """The control: the same search finds the date at once when nothing random is under the hash."""
    dates = [
        f"{year}-{month:02d}-{day:02d}" for year in range(1980, 1990) for month in range(1, 13) for day in range(1, 29)
    ]
    secret = "1985-06-17"
    salt = secrets.token_bytes(32)
    salted = commitment(encode_private({"birth": secret}, salt))
    unsalted = commitment(encode_private({"birth": secret}, b""))
    guesses = {commitment(encode_private({"birth": date}, b"")): date for date in dates}
    assert guesses.get(unsalted) == secret
    assert salted not in guesses
    wrong_salt = secrets.token_bytes(32)
    assert salted not in {commitment(encode_private({"birth": date}, wrong_salt)) for date in dates}
