"""Contents of entries at rest: what was sealed comes back to the byte, in less than half the room."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.entries.entry import encode_private
from gateway.clock import to_us
from gateway.errors import Contradicted
from gateway.ports.content_keys import EncryptedContent, Retention
from gateway.storage.keys.common_text import COMMON
from gateway.storage.keys.content_form import FORM, pack, squeeze, unpack
from gateway.storage.keys.keystore import KeyStore
from tests.support.audit_logs import NOON

NOW = to_us(NOON)
LOG = "exchange/1"


def header(certificate: bytes) -> bytes:
    """The header of a signed record."""
    text = {"alg": "ES256", "typ": "liaison-record+sd-jwt", "x5c": [base64.b64encode(certificate).decode()]}
    return base64.urlsafe_b64encode(json.dumps(text, separators=(",", ":")).encode()).rstrip(b"=")


DIGITS = st.binary(min_size=32, max_size=32).map(lambda value: value.hex().encode())
RECORD = st.binary(min_size=1, max_size=70).map(lambda value: header(value) + b".eyJ9.sig~")
PIECE = st.one_of(
    st.binary(max_size=40),
    DIGITS,
    DIGITS.map(bytes.upper),
    RECORD,
    st.sampled_from(
        [b'"hash":"', b'"token":"', b'_salt":"', b"  ", b"\0" * 90, b"\x80", b"eyJhbGciOiJFUzI1NiIsInR5cCI6Imxp", b"."]
    ),
)
PART = st.lists(PIECE, max_size=6).map(b"".join)


@given(PART, PART, PART)
def test_every_content_comes_back_to_the_byte(private: bytes, request: bytes, answer: bytes) -> None:
    packed = pack(private, request, answer)
    assert unpack(packed) == (private, request, answer)
    assert len(packed) in {256, 320, 384, 448, 512, 640, 768, 896, 1024, 1280, 1536, 1792, 2048}


@given(st.binary(max_size=300))
def test_what_is_not_a_content_is_refused(data: bytes) -> None:
    for changed in (data, data + b"\x80", pack(b"a", b"b", b"c")[:20] + data + b"\x80"):
        try:
            unpack(changed)
        except ValueError:
            continue


def answered(hits: list[str]) -> tuple[bytes, bytes, bytes]:
    """A content as a node makes it: words of ours between random bytes, and the padding of the wire."""
    private = {
        "purpose": "INVESTIGATION", "offence": "NARC", "case": "VN-2026-0007", "ticket": "", "agreement": "mekong-2026",
        "requester": ["officer", "vn.blo.laocai", "police", os.urandom(12).hex()], "query": "person",
        "outcome": "hit" if hits else "no_hit", "missing": [],
        "decision": {
            "policies": ["base/question", "national/th-answer"], "hash": os.urandom(32).hex(),
            "attributes": {"counterpart": "vn", "role": "officer", "agency": "police", "office": "vn.blo.laocai"},
        },
        "sources": [{"id": "th.police.persons", "state": "ok", "hits": len(hits), "suppressed": [], "denied": []}],
        "hits": hits, "withheld": [], "withheld_salt": os.urandom(32).hex(),
    }  # fmt: skip
    record = b""
    if hits:
        digests = [base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") for _ in range(12)]
        body = base64.urlsafe_b64encode(json.dumps({"iss": "th.police", "_sd": digests}).encode())
        record = header(os.urandom(530)) + b"." + body + b"."
        record += b"".join(base64.urlsafe_b64encode(os.urandom(40)) + b"~" for _ in range(9))
    key = os.urandom(32).hex().encode()
    request = os.urandom(220) + b"application/vnd.liaison.request.v1+protobuf" + os.urandom(64) + b"\x12@" + key
    answer = (os.urandom(130) + record).ljust(4096 if hits else 2048, b"\0") + os.urandom(64) + b"\x12@" + key
    return encode_private(private, os.urandom(32)), request, answer


@pytest.mark.parametrize(("hits", "share"), [([], 0.55), (["reference"], 0.8)])
def test_a_content_takes_far_less_room_than_its_parts(hits: list[str], share: float) -> None:
    private, request, answer = answered(hits)
    before = len(private) + len(request) + len(squeeze(answer))
    assert len(pack(private, request, answer)) < share * before


def test_the_common_text_never_changes() -> None:
    """Contents that were written with it could not be read any more: another text is another form."""
    assert hashlib.sha256(COMMON).hexdigest() == "4fb1997a3afa79a96cfe24d61e793ccca899723ff80999306fd6fca5d5f2ad0a"


def of_form_1(keys: KeyStore, tmp_path: Path, index: int, *parts: bytes) -> EncryptedContent:
    """The content of an entry as version 0.1.0 wrote it."""
    place, key, nonce = f"{LOG}:{index}".encode(), os.urandom(32), os.urandom(12)
    key_id = keys.current(Retention.HIT, NOW)
    sealed = keys._month_key(key_id).encrypt(nonce, key, place)
    shapes = (parts[0], parts[1], squeeze(parts[2]))
    nonces = (bytes([number]) + bytes(11) for number in (1, 2, 3))
    encrypted = [AESGCM(key).encrypt(at, part, place) for at, part in zip(nonces, shapes, strict=True)]
    return EncryptedContent(key_id, nonce + sealed, *encrypted)


def test_contents_of_both_forms_are_read_and_wrapped_anew(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    parts = (b"private  ", b"request", b"answer" + bytes(200) + b"end")
    old, new = of_form_1(keys, tmp_path, 7, *parts), keys.seal_content(Retention.HIT, NOW, LOG, 7, *parts)
    assert (len(old.wrapped_key), new.wrapped_key[:1]) == (60, FORM)
    to = keys.retire("hit/2026-11")
    for content in (old, new):
        assert keys.open_content(LOG, 7, content) == parts
        wrapped = keys.rewrap(content.key_id, content.wrapped_key, LOG, 7, to)
        again = EncryptedContent(to, wrapped, content.private, content.request, content.answer)
        assert keys.open_content(LOG, 7, again) == parts


def test_a_form_of_a_later_version_or_the_other_form_is_no_content(tmp_path: Path) -> None:
    keys = KeyStore(tmp_path / "keystore")
    new = keys.seal_content(Retention.HIT, NOW, LOG, 7, b"private", b"request", b"answer")
    for wrapped in (b"\x03" + new.wrapped_key[1:], new.wrapped_key[1:], b"", new.wrapped_key[:9]):
        changed = EncryptedContent(new.key_id, wrapped, new.private, b"", b"")
        with pytest.raises(Contradicted):
            keys.open_content(LOG, 7, changed)
