"""Checkpoints are C2SP signed notes, and only those (CASE-G11)."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.tree.checkpoint import (
    MAX_SIGNATURES,
    Signer,
    key_id,
    origin,
    parse_checkpoint,
    verify_checkpoint,
    vkey,
)
from gateway.errors import BadSignature, Malformed
from gateway.signing.keys import SigningKey
from tests.support.tables import table

ORIGIN = origin("th", "exchange", 1)
ROOT = bytes(range(32))
KEY = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
SIGNED = Signer(ORIGIN, KEY).sign(7, ROOT)
LINE = SIGNED.split(b"\n\n")[1]


def note(text: str, lines: bytes = LINE) -> bytes:
    """A note whose signature is over `text`."""
    raw = base64.b64encode(key_id(ORIGIN, KEY.verify_key().raw) + KEY.sign(text.encode())).decode()
    return f"{text}\n".encode() + f"— {ORIGIN} {raw}\n".encode() + lines.replace(LINE, b"")


def test_a_signed_head_verifies_and_has_the_form_of_the_specification() -> None:
    assert ORIGIN == "th.liaison.internal/exchange/1"
    text, lines = SIGNED.decode().split("\n\n")
    assert text == f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}"
    assert lines.startswith(f"— {ORIGIN} ")
    checkpoint = verify_checkpoint(SIGNED, ORIGIN, KEY.verify_key())
    assert (checkpoint.size, checkpoint.root, checkpoint.extensions) == (7, ROOT, ())


def test_the_key_id_is_the_one_of_a_published_key() -> None:
    """The verifier key that the checksum database of Go publishes."""
    published = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    public = base64.b64decode(published.rpartition("+033de0ae+")[2])[1:]
    assert vkey("sum.golang.org", public) == published


def test_signing_the_same_head_twice_gives_the_same_bytes() -> None:
    assert Signer(ORIGIN, KEY).sign(7, ROOT) == SIGNED


def test_an_extension_line_is_kept_and_signed() -> None:
    extended = note(f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\nextra 1\n")
    assert verify_checkpoint(extended, ORIGIN, KEY.verify_key()).extensions == ("extra 1",)
    with pytest.raises(BadSignature):
        verify_checkpoint(extended.replace(b"extra 1", b"extra 2"), ORIGIN, KEY.verify_key())


@table(
    ("case", "text"),
    [
        ("leading zero", f"{ORIGIN}\n07\n{base64.b64encode(ROOT).decode()}\n"),
        ("sign", f"{ORIGIN}\n+7\n{base64.b64encode(ROOT).decode()}\n"),
        ("no number", f"{ORIGIN}\nseven\n{base64.b64encode(ROOT).decode()}\n"),
        ("other digits", f"{ORIGIN}\n٧\n{base64.b64encode(ROOT).decode()}\n"),
        ("31 bytes", f"{ORIGIN}\n7\n{base64.b64encode(ROOT[:31]).decode()}\n"),
        ("33 bytes", f"{ORIGIN}\n7\n{base64.b64encode(ROOT + b'x').decode()}\n"),
        ("second origin", f"{ORIGIN}\n{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\n"),
        ("two lines", f"{ORIGIN}\n7\n"),
        ("empty origin", f"\n7\n{base64.b64encode(ROOT).decode()}\n"),
        ("empty extension", f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\n\nx\n"),
        ("tab", f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\nx\ty\n"),
        ("carriage return", f"{ORIGIN}\r\n7\r\n{base64.b64encode(ROOT).decode()}\r\n"),
        ("NUL", f"{ORIGIN}\n7\n{base64.b64encode(ROOT).decode()}\nx\0\n"),
    ],
)
def test_g11_other_forms_are_refused(case: str, text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(note(text))


@table(("count", "accepted"), [(15, True), (16, True), (MAX_SIGNATURES, False), (99, False)])
def test_g11_the_number_of_signatures_is_limited(count: int, accepted: bool) -> None:
    foreign = "— other.example {}\n"
    lines = "".join(
        foreign.format(base64.b64encode(number.to_bytes(4, "big") + bytes(64)).decode()) for number in range(count)
    )
    data = SIGNED + lines.encode()
    if accepted:
        assert verify_checkpoint(data, ORIGIN, KEY.verify_key()).size == 7
    else:
        with pytest.raises(Malformed):
            parse_checkpoint(data)


def test_no_signature_and_a_broken_line_are_refused() -> None:
    text = SIGNED.split(b"\n\n")[0]
    for tail in (
        b"\n",
        b"\n\n",
        b"\n\n- " + ORIGIN.encode() + b" AAAA\n",
        b"\n\n" + LINE.rstrip(b"\n"),
        b"\n\n" + LINE + b"x\n",
    ):
        with pytest.raises(Malformed):
            parse_checkpoint(text + tail)


def test_a_head_of_another_log_or_key_is_refused() -> None:
    with pytest.raises(BadSignature):
        verify_checkpoint(SIGNED, origin("th", "operations", 1), KEY.verify_key())
    with pytest.raises(BadSignature):
        verify_checkpoint(SIGNED, ORIGIN, SigningKey(Ed25519PrivateKey.generate()).verify_key())


def test_a_changed_head_is_refused_bit_by_bit() -> None:
    for position in range(0, len(SIGNED), 7):
        changed = bytearray(SIGNED)
        changed[position] ^= 1
        with pytest.raises((BadSignature, Malformed)):
            verify_checkpoint(bytes(changed), ORIGIN, KEY.verify_key())
