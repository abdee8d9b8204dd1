"""The token "not this person": written, read, and each way in which one is no token."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.desk.misuse.checking import Verdict, verdict_of
from gateway.desk.misuse.statement import PREFIX, NotThisPerson, document_digest, read_token, write_token
from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.model.handed.tokens import MAX_TOKEN
from gateway.model.names import MemberId
from gateway.records.sdjwt import base64url
from gateway.signing.keys import SigningKey, VerifyKey
from tests.support.tables import table

NOW_S = 1_800_000_000
NOW = NOW_S * 1_000_000
DAY_S = 86_400
SALT = "AAAAAAAAAAAAAAAAAAAAAA"
KEY, OTHER = (SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))


class Keys:
    """Viet Nam's immigration has one key listed."""

    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        if (member, key_id, use) != ("vn", KEY.key_id, "agency/immigration") or not at_us:
            raise BadSignature("not listed", code="not-listed")
        return VerifyKey.admit(KEY.spki)


def said(**changes: Any) -> NotThisPerson:
    documents = (document_digest(SALT, "P 4471209", "THA"),)
    made = NotThisPerson(
        MemberId("vn"), "immigration", KEY.key_id, "ab" * 16, "Person", SALT, documents, NOW_S, NOW_S + 90 * DAY_S
    )
    return replace(made, **changes)


def token(key: SigningKey = KEY, **changes: Any) -> str:
    return write_token(said(**changes), key)


def verdict(text: str, number: str = "P4471209", issuer: str = "THA", now_us: int = NOW, gone: bool = False) -> Verdict:
    return verdict_of(text, number, issuer, Keys(), now_us, lambda _said: gone).verdict


def test_it_holds_for_its_document_however_it_is_written_and_for_no_other() -> None:
    text = token()
    assert len(text) < 700, "a QR code that a phone reads"
    assert read_token(text, Keys(), NOW) == said()
    for number in ("P4471209", "p 4471-209", " P4471209 "):
        assert verdict(text, number) is Verdict.NOT_THIS_PERSON
    assert verdict("\n".join(text[at : at + 60] for at in range(0, len(text), 60))) is Verdict.NOT_THIS_PERSON
    for number, issuer in (("P4471208", "THA"), ("P4471209", "LAO")):
        assert verdict(text, number, issuer) is Verdict.OTHER_DOCUMENT
    assert verdict(text, now_us=NOW + 90 * DAY_S * 1_000_000) is Verdict.EXPIRED
    assert verdict(text, gone=True) is Verdict.WITHDRAWN
    assert "4471209" not in urlsafe_b64decode(text.split(".")[1] + "==").decode()


@table(
    "forged",
    [
        token(OTHER),
        token(OTHER, key_id=OTHER.key_id),
        token(member=MemberId("kh")),
        token(agency="police"),
        token(issued=NOW_S + 3_600),
        token(expires=NOW_S + 367 * DAY_S),
        token(expires=NOW_S),
        token(record_type="Nothing"),
        token(documents=()),
        token(documents=(SALT,)),
        token(salt="short"),
        token(id="AB" * 16),
        token()[:-1],
        token() + "A",
        token().replace("LN1.", "LN2."),
        "",
        PREFIX,
        "x" * 10_000,
    ],
)
def test_what_its_owner_did_not_sign_so_is_none(forged: str) -> None:
    assert verdict(forged) is Verdict.FORGED
    with pytest.raises((BadSignature, Malformed)):
        read_token(forged, Keys(), NOW)


def test_another_spelling_of_the_same_value_is_none() -> None:
    _, payload, _ = token().split(".")
    value = json.loads(urlsafe_b64decode(payload + "=="))
    for changed in (value | {"z": 1}, dict(reversed(value.items())), value | {"n": str(NOW_S)}, value | {"d": SALT}):
        data = json.dumps(changed, separators=(",", ":")).encode()
        signed = KEY.sign(b"liaison not this person 1\n" + data)
        assert verdict(f"{PREFIX}{base64url(data)}.{base64url(signed)}") is Verdict.FORGED
    plain = urlsafe_b64decode(payload + "==")
    assert verdict(f"{PREFIX}{payload}.{base64url(KEY.sign(plain))}") is Verdict.FORGED, "a signature for another use"


def test_each_changed_character_is_noticed() -> None:
    text = token()
    for at in range(0, len(text), 7):
        swapped = "B" if text[at] != "B" else "C"
        assert verdict(text[:at] + swapped + text[at + 1 :]) is Verdict.FORGED


@table("size", range(1, 14))
def test_a_token_of_any_length_is_forged_and_stops_no_gate(size: int) -> None:
    assert verdict(f"{PREFIX}{'A' * size}.{'A' * 86}") is Verdict.FORGED
    assert verdict(f"{PREFIX}{'A' * (1_287 + size)}.{'A' * 86}") is Verdict.FORGED


@given(st.text(max_size=MAX_TOKEN))
def test_any_text_has_a_verdict(text: str) -> None:
    assert verdict(text) is Verdict.FORGED
    assert verdict(PREFIX + text) is Verdict.FORGED


@table(("number", "issuer"), [("", "THA"), ("---", "THA"), ("P1", "TH"), ("P1", "th1")])
def test_a_document_that_is_none_is_refused(number: str, issuer: str) -> None:
    with pytest.raises(LiaisonError):
        verdict(token(), number, issuer)
