"""What a record says of itself is read without verifying it, whatever a counterpart sent."""

from __future__ import annotations

import base64
import json
from binascii import b2a_base64
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.records.claims import claims_of, disclosed
from tests.support.tables import table


def compact(payload: Any) -> str:
    """A record with this payload, signed by no one."""
    data = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return f"head.{base64.urlsafe_b64encode(data).rstrip(b'=').decode()}.sig~field~"


def test_the_id_and_the_end_are_read() -> None:
    claims = claims_of(compact({"iss": "vn.police", "jti": "ab" * 16, "exp": 1_795_521_600, "_sd": ["?>~"]}))
    assert claims is not None
    assert (claims.jti, claims.exp) == ("ab" * 16, 1_795_521_600)


@table(
    "text",
    [
        "",
        "x",
        "a.b.c~",
        "é.é.é~",
        compact(b"\xff\xfe"),
        compact([]),
        compact({"jti": "", "exp": 1}),
        compact({"jti": "a" * 33, "exp": 1}),
        compact({"jti": "\0" * 32, "exp": 1}),
        "\ud800.\ud800.x",
        compact({"jti": "ab" * 16, "exp": -1}),
        compact({"jti": "ab" * 16, "exp": 2**60}),
        compact({"jti": 1, "exp": 1}),
    ],
)
def test_what_is_no_record_has_no_claims(text: str) -> None:
    assert claims_of(text) is None


@given(st.text())
def test_no_text_raises(text: str) -> None:
    claims_of(text)


def test_the_disclosed_fields_of_an_own_record_are_read() -> None:
    parts = [b2a_base64(json.dumps(part).encode(), newline=False).decode().rstrip("=") for part in (
        ["c2FsdA", "status", "LOST"], ["c2FsdB", "names", ["A", "B"]],
    )]  # fmt: skip
    compact = "~".join(["e.e.e", *(part.translate(str.maketrans("+/", "-_")) for part in parts), ""])
    assert disclosed(compact) == {"status": "LOST", "names": ["A", "B"]}
    assert disclosed("e.e.e~") == {}
