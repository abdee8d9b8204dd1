"""Strict JSON: one reading for each document, or none (CASE-B4, CASE-B9, CASE-C12)."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import Malformed, TooLarge
from gateway.signing.strict_json import dumps, loads
from tests.support.load import effort
from tests.support.tables import table

_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | _TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_TEXT, inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.long
@given(_VALUES)
def test_what_was_written_is_read_back_and_written_the_same(value: object) -> None:
    data = dumps(value)
    assert loads(data, 1_000_000) == value
    assert dumps(loads(data, 1_000_000)) == data


@given(st.binary(max_size=200))
def test_random_bytes_give_a_value_or_a_refusal(data: bytes) -> None:
    try:
        loads(data, 100)
    except (Malformed, TooLarge):
        return
    assert json.loads(data) is not NotImplemented


@table(
    "data",
    [
        b"",
        b"{",
        b"{} x",
        b'{"a":1,"a":2}',
        b'{"x":{"a":1,"b":2,"a":1}}',
        b'{"a":1,"\\u0061":2}',
        b"NaN",
        b"[Infinity]",
        b"[-Infinity]",
        b"1e999",
        b"9007199254740993",
        b"-9007199254740993",
        b"1" * 5000,
        b"0." + b"1" * 5000,
        b'"\xff"',
        b'"\xc0\x80"',
        b"\xef\xbb\xbf{}",
        b'"\\ud800"',
        b'{"\\udfff":1}',
        b'[["\\ud83d"]]',
        b"[01]",
        b"'a'",
        b"[1,]",
        b'"\n"',
        "[1]".encode("utf-16"),
    ],
)
def test_freedoms_of_json_are_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        loads(data, 100_000)


def test_b9_a_duplicate_member_is_named() -> None:
    with pytest.raises(Malformed, match="`'amount'` occurs twice"):
        loads(b'{"amount":1,"to":2,"amount":3}', 100)


def test_whole_characters_above_the_basic_plane_are_fine() -> None:
    assert loads(b'"\\ud83d\\ude00"', 100) == "\U0001f600"


def test_the_size_limit_is_exact() -> None:
    assert loads(b'"abc"', 5) == "abc"
    with pytest.raises(TooLarge):
        loads(b'"abc"', 4)


@pytest.mark.parametrize("depth", [1, 31, 32])
def test_the_allowed_depth_is_allowed(depth: int) -> None:
    loads(b"[" * depth + b"]" * depth, 1_000)
    loads(b'{"a":' * depth + b"1" + b"}" * depth, 1_000)
    loads(b"[" + b"[]," * 5_000 + b"[]]", 100_000)


@pytest.mark.timed
@pytest.mark.parametrize("depth", [33, 101, 900, 5_000, 400_000])
def test_b4_deep_nesting_is_refused_quickly(depth: int) -> None:
    with effort() as spent:
        with pytest.raises(Malformed):
            loads(b"[" * depth + b"]" * depth, 1_000_000)
        with pytest.raises(Malformed):
            loads(b'{"a":' * depth, 10_000_000)
    assert spent.seconds < 0.5


@table("value", [float("nan"), float("inf"), {1, 2}, "\ud800", object(), b"x"])
def test_what_json_cannot_say_is_not_written(value: object) -> None:
    with pytest.raises(Malformed):
        dumps(value)
