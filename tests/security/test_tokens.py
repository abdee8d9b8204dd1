"""Officer tokens (CASE-D): a token says who asks, or no one does."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from gateway.agency.officer_tokens.tokens import FUTURE_S, MAX_LIFETIME_S, OfficerTokens
from gateway.clock import ManualClock, to_us
from gateway.errors import Misconfigured, Reason, Unauthenticated
from gateway.model.desk.work import Role
from gateway.signing.jws import MAX_TOKEN
from tests.support.tables import table

START = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
NOW = to_us(START) // 1_000_000
KEY = ec.derive_private_key(1042, ec.SECP256R1())
OTHER_KEY = ec.derive_private_key(1043, ec.SECP256R1())
THUMBPRINT = base64.urlsafe_b64encode(hashlib.sha256(b"the client's certificate").digest()).rstrip(b"=").decode()
HEAD = {"alg": "ES256", "typ": "liaison-officer+jwt", "kid": "idp-1"}


def claims(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "aud": "liaison:th",
        "iat": NOW,
        "exp": NOW + 300,
        "sub": "th.o.1042",
        "role": "border-officer",
        "office": "th.blo.aranyaprathet",
        "agency": "police",
        "purposes": ["BORDER_CHECK", "INVESTIGATION"],
        "cnf": {"x5t#S256": THUMBPRINT},
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not ...}


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def sign(head: Any, body: Any, key: ec.EllipticCurvePrivateKey = KEY) -> str:
    """A token over `head` and `body`: values, or exact bytes."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (head, body)]
    text = ".".join(b64(part) for part in parts)
    return f"{text}.{b64(jwt.get_algorithm_by_name('ES256').sign(text.encode(), key))}"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(START)


@pytest.fixture
def tokens(clock: ManualClock) -> OfficerTokens:
    return OfficerTokens("th", {"idp-1": KEY.public_key()}, clock)


def refusal(tokens: OfficerTokens, token: str, thumbprint: str = THUMBPRINT) -> str:
    """The code with which `token` is refused."""
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(token, thumbprint, "records-desk")
    assert caught.value.reason is Reason.UNAUTHENTICATED
    return caught.value.code


def test_a_good_token_names_its_officer(tokens: OfficerTokens) -> None:
    token = sign(HEAD, claims(on_behalf_of="th.o.7", iss="idp", jti="1"))
    officer = tokens.verify(token, THUMBPRINT, "records-desk")
    assert (officer.person, officer.role, officer.office) == ("th.o.1042", "border-officer", "th.blo.aranyaprathet")
    assert (officer.agency, officer.client, officer.on_behalf_of) == ("police", "records-desk", "th.o.7")
    assert officer.purposes == {"BORDER_CHECK", "INVESTIGATION"}
    assert officer.token_hash == hashlib.sha256(token.encode()).digest()


# ------------------------------------------------------------ 1 size and form


def test_check_1_a_token_over_8_kib_is_refused_before_it_is_read(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign(HEAD, claims(jti="x" * MAX_TOKEN))) == "token-too-large"
    assert refusal(tokens, "a" * 2_000_000) == "token-too-large"


@table("token", ["", ".", "..", "a.b", "a.b.c.d", "a b.c.d", "a.b.c\n", "é.b.c", "a=.b.c", "\ud800"])
def test_check_1_what_is_not_three_parts_is_refused(tokens: OfficerTokens, token: str) -> None:
    assert refusal(tokens, token) == "bad-token"


def test_check_1_a_part_in_another_spelling_of_base64_is_refused(tokens: OfficerTokens) -> None:
    text, _, signature = sign(HEAD, claims()).rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    # 64 bytes end in a character of which four bits do not count.
    other = signature[:-1] + alphabet[alphabet.index(signature[-1]) + 1]
    assert refusal(tokens, f"{text}.{other}") == "bad-token"


# ------------------------------------------------------------ 2 head


@table("algorithm", ["none", "None", "NONE", "nOnE", "", None, 0, "ES384", "RS256", "es256", ["ES256"]])
def test_d1_a_token_without_the_one_algorithm_is_refused(tokens: OfficerTokens, algorithm: object) -> None:
    assert refusal(tokens, sign({**HEAD, "alg": algorithm}, claims())) == "token-algorithm"


def test_d1_an_unsigned_token_is_refused(tokens: OfficerTokens) -> None:
    unsigned = jwt.encode(claims(), "", "none", headers={"typ": HEAD["typ"], "kid": "idp-1"})
    assert refusal(tokens, unsigned) == "bad-token"
    head, body, _ = sign(HEAD, claims()).split(".")
    assert refusal(tokens, f"{head}.{body}.AA") == "token-signature"


def test_d2_the_public_key_is_no_shared_secret(tokens: OfficerTokens) -> None:
    secret = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for algorithm in ("HS256", "ES256"):
        text = ".".join(b64(json.dumps(part).encode()) for part in ({**HEAD, "alg": algorithm}, claims()))
        forged = f"{text}.{b64(hmac.digest(secret, text.encode(), 'sha256'))}"
        assert refusal(tokens, forged) in ("token-algorithm", "token-signature")


@table("kid", ["../../etc/passwd", "idp-1' OR '1'='1", "idp-2", "", "IDP-1", "idp-1\x00", 1, None, ["idp-1"], {"a": 1}])
def test_d3_a_key_id_is_looked_up_in_the_list_and_nowhere_else(tokens: OfficerTokens, kid: object) -> None:
    assert refusal(tokens, sign({**HEAD, "kid": kid}, claims())) == "token-key"


@table("name", ["jwk", "jku", "x5u", "x5c", "x5t", "x5t#S256"])
def test_d3_a_token_brings_no_key(tokens: OfficerTokens, name: str) -> None:
    public = OTHER_KEY.public_key().public_numbers()
    jwk = {"kty": "EC", "crv": "P-256", "x": b64(public.x.to_bytes(32, "big")), "y": b64(public.y.to_bytes(32, "big"))}
    assert refusal(tokens, sign({**HEAD, name: jwk}, claims(), OTHER_KEY)) == "token-head"


@table(
    "extra",
    [{"crit": ["exp"]}, {"crit": ["new"], "new": 1}, {"crit": []}, {"b64": False}, {"b64": False, "crit": ["b64"]},
     {"zip": "DEF"}, {"cty": "JWT"}, {"enc": "A256GCM"}],
)  # fmt: skip
def test_d4_a_head_with_anything_else_is_refused(tokens: OfficerTokens, extra: dict[str, object]) -> None:
    assert refusal(tokens, sign({**HEAD, **extra}, claims())) == "token-head"


@table("kind", ["JWT", "at+jwt", "liaison-officer", "LIAISON-OFFICER+JWT", "", None, 7])
def test_d5_another_type_is_refused(tokens: OfficerTokens, kind: object) -> None:
    assert refusal(tokens, sign({**HEAD, "typ": kind}, claims())) == "token-type"


def test_d5_a_head_without_type_or_key_is_refused(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign({"alg": "ES256", "kid": "idp-1"}, claims())) == "token-type"
    assert refusal(tokens, sign({"alg": "ES256", "typ": HEAD["typ"]}, claims())) == "token-head"


@table(
    "head",
    [
        b'{"alg":"none","alg":"ES256","typ":"liaison-officer+jwt","kid":"idp-1"}',
        b'\xef\xbb\xbf{"alg":"ES256","typ":"liaison-officer+jwt","kid":"idp-1"}',
        b"[1]",
        b"null",
        b"{",
        b"\xff",
    ],
)
def test_b9_a_head_with_two_readings_is_refused(tokens: OfficerTokens, head: bytes) -> None:
    assert refusal(tokens, sign(head, claims())) == "bad-token"


# ------------------------------------------------------------ 4 signature


def test_check_4_another_key_is_refused(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign(HEAD, claims(), OTHER_KEY)) == "token-signature"


def test_check_4_a_signature_in_der_is_refused(tokens: OfficerTokens) -> None:
    text, _, _ = sign(HEAD, claims()).rpartition(".")
    assert refusal(tokens, f"{text}.{b64(KEY.sign(text.encode(), ec.ECDSA(SHA256())))}") == "token-signature"


def test_check_4_zero_and_out_of_range_numbers_are_refused(tokens: OfficerTokens) -> None:
    text, _, _ = sign(HEAD, claims()).rpartition(".")
    one = (1).to_bytes(32, "big")
    for raw in (bytes(64), bytes(32) + one, one + bytes(32), b"\xff" * 64, bytes(63), bytes(65)):
        assert refusal(tokens, f"{text}.{b64(raw)}") in ("token-signature", "bad-token")
    assert encode_dss_signature(1, 1)  # a form that only the raw one may take


@given(st.data())
def test_check_4_any_changed_character_is_refused(data: st.DataObject) -> None:
    tokens = OfficerTokens("th", {"idp-1": KEY.public_key()}, ManualClock(START))
    token = sign(HEAD, claims())
    place = data.draw(st.integers(0, len(token) - 1))
    drawn = data.draw(st.sampled_from("ABCxyz019-_."))
    character = drawn if drawn != token[place] else "~"  # a signature is another one each time: it decides no draw
    refusal(tokens, token[:place] + character + token[place + 1 :])


def test_check_3_a_key_that_is_not_p256_is_not_listed(clock: ManualClock) -> None:
    for key in (
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
    ):
        with pytest.raises(Misconfigured):
            OfficerTokens("th", {"idp-1": key}, clock)  # type: ignore[dict-item]


# ------------------------------------------------------------ 5 claims


@table("name", ["aud", "iat", "exp", "sub", "role", "office", "agency", "purposes"])
def test_check_5_every_claim_is_required(tokens: OfficerTokens, name: str) -> None:
    assert refusal(tokens, sign(HEAD, claims(**{name: ...}))) == "token-claims"


@pytest.mark.parametrize("name", ["nbf", "admin", "scope", "act"])
def test_check_5_an_unknown_claim_is_refused(tokens: OfficerTokens, name: str) -> None:
    assert refusal(tokens, sign(HEAD, claims(**{name: "x"}))) == "token-claims"


@table(
    "changes",
    [
        {"exp": str(NOW + 60)}, {"exp": 10**30}, {"exp": NOW + 60.0}, {"exp": True}, {"exp": None}, {"exp": -1},
        {"iat": str(NOW)}, {"iat": 1e300}, {"iat": [NOW]}, {"sub": 1042}, {"sub": None}, {"role": ["officer"]},
        {"purposes": "BORDER_CHECK"}, {"purposes": []}, {"purposes": [1]}, {"purposes": None},
        {"purposes": ["EVERYTHING"]}, {"purposes": ["BORDER_CHECK", "BORDER_CHECK"]}, {"on_behalf_of": 7},
    ],
)  # fmt: skip
def test_check_5_a_claim_of_another_type_is_refused(tokens: OfficerTokens, changes: dict[str, object]) -> None:
    assert refusal(tokens, sign(HEAD, claims(**changes))) in ("token-claims", "bad-token")


@pytest.mark.parametrize("member", ["sub", "exp", "aud", "cnf"])
def test_b9_a_claim_that_occurs_twice_is_refused(tokens: OfficerTokens, member: str) -> None:
    text = json.dumps(claims())
    twice = text[:-1] + f", {json.dumps(member)}: {json.dumps(claims()[member])}" + "}"
    assert refusal(tokens, sign(HEAD, twice.encode())) == "bad-token"


@table("payload", [b"[]", b'"x"', b"null", b"{", b"\xff\xfe", b'{"a":NaN}', b"[" * 3000])
def test_check_5_claims_that_are_no_object_are_refused(tokens: OfficerTokens, payload: bytes) -> None:
    assert refusal(tokens, sign(HEAD, payload)) == "bad-token"


# ------------------------------------------------------------ 6 audience


@table("audience", ["liaison:vn", "liaison", "liaison:th ", "LIAISON:TH", "th", "liaison:th.gw1"])
def test_check_6_a_token_for_another_node_is_refused(tokens: OfficerTokens, audience: str) -> None:
    assert refusal(tokens, sign(HEAD, claims(aud=audience))) == "token-audience"


def test_check_6_a_list_of_audiences_is_refused(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign(HEAD, claims(aud=["liaison:th", "liaison:vn"]))) == "token-claims"


# ------------------------------------------------------------ 7 time


def test_e11_a_token_ends_exactly_at_exp(tokens: OfficerTokens, clock: ManualClock) -> None:
    token = sign(HEAD, claims())
    clock.advance(timedelta(seconds=300, microseconds=-1))
    tokens.verify(token, THUMBPRINT, "cli")
    clock.advance(timedelta(microseconds=1))
    assert refusal(tokens, token) == "token-expired"


@pytest.mark.parametrize(
    ("issued", "expires"),
    [(NOW, NOW), (NOW, NOW - 1), (NOW, NOW + MAX_LIFETIME_S + 1), (NOW - 3600, NOW + 60), (0, 253_402_300_799)],
)
def test_e11_a_token_lives_between_one_second_and_ten_minutes(tokens: OfficerTokens, issued: int, expires: int) -> None:
    assert refusal(tokens, sign(HEAD, claims(iat=issued, exp=expires))) == "token-time"


def test_check_7_a_token_from_the_future_is_refused(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign(HEAD, claims(iat=NOW + FUTURE_S + 1, exp=NOW + 60))) == "token-time"
    tokens.verify(sign(HEAD, claims(iat=NOW + FUTURE_S, exp=NOW + 60)), THUMBPRINT, "cli")


# ------------------------------------------------------------ 8 binding


def test_d9_a_token_with_another_systems_certificate_is_refused(tokens: OfficerTokens) -> None:
    token = sign(HEAD, claims())
    other = b64(hashlib.sha256(b"another certificate").digest())
    assert refusal(tokens, token, other) == "token-binding"
    tokens.verify(token, THUMBPRINT, "cli")
    assert refusal(tokens, token, other) == "token-binding"
    assert refusal(tokens, token, "") == "token-binding"


def test_d9_the_officer_is_noted_with_the_system_that_the_token_is_bound_to(tokens: OfficerTokens) -> None:
    """The system that showed it first, without being bound to it, is in no record of the bound one's work."""
    token, other = sign(HEAD, claims()), b64(hashlib.sha256(b"another certificate").digest())
    for _ in range(2):
        with pytest.raises(Unauthenticated):
            tokens.verify(token, other, "thief")
        assert tokens.verify(token, THUMBPRINT, "records-desk").client == "records-desk"
    renamed = tokens.verify(token, THUMBPRINT, "renamed")
    assert (renamed.client, tokens.verify(token, THUMBPRINT, "records-desk").client) == ("renamed", "records-desk")


def test_d9_tokens_that_are_shown_by_strangers_push_none_out_of_the_cache(tokens: OfficerTokens) -> None:
    token = sign(HEAD, claims())
    first = tokens.verify(token, THUMBPRINT, "cli")
    for number in range(5):
        refusal(tokens, token, f"{number}")
    assert tokens.verify(token, THUMBPRINT, "cli") is first
    assert len(tokens._cache) == 1


@table(
    ("cnf", "code"),
    [
        (..., "token-claims"),
        (None, "token-binding"),
        ({}, "token-binding"),
        (THUMBPRINT, "token-binding"),
        ({"jkt": "x"}, "token-binding"),
        ({"x5t#S256": THUMBPRINT, "jwk": {}}, "token-binding"),
        ({"x5t#S256": [THUMBPRINT]}, "token-binding"),
        ({"x5t#S256": THUMBPRINT + "="}, "token-binding"),
        ({"x5t#s256": THUMBPRINT}, "token-binding"),
    ],
)
def test_d10_a_token_without_its_binding_is_refused(tokens: OfficerTokens, cnf: object, code: str) -> None:
    assert refusal(tokens, sign(HEAD, claims(cnf=cnf))) == code


# ------------------------------------------------------------ 9 person


@table("name", ["sub", "role", "office", "agency"])
@table(
    "value",
    ["", " th.x", "th.x ", "th.É", "th.О", "th.x\u200d", "th.\u202ex", "TH.X", "th.\uff11", "th.\x00", "t" * 65],
)
def test_b12_an_id_that_only_looks_like_one_is_refused(tokens: OfficerTokens, name: str, value: str) -> None:
    assert refusal(tokens, sign(HEAD, claims(**{name: value}))) in ("bad-token", "token-office")


def test_check_9_an_office_of_another_member_is_refused(tokens: OfficerTokens) -> None:
    assert refusal(tokens, sign(HEAD, claims(office="vn.blo.moc-bai"))) == "token-office"


# ------------------------------------------------------------ cache and the rest


def test_a_cached_token_is_still_checked_for_time_and_trust(clock: ManualClock) -> None:
    epoch = [1]
    tokens = OfficerTokens("th", {"idp-1": KEY.public_key()}, clock, lambda: epoch[0])
    token = sign(HEAD, claims())
    first = tokens.verify(token, THUMBPRINT, "cli")
    assert tokens.verify(token, THUMBPRINT, "cli") is first
    epoch[0] = 2
    assert tokens.verify(token, THUMBPRINT, "cli") is not first
    clock.advance(timedelta(minutes=6))
    assert refusal(tokens, token) == "token-expired"


def test_a_refused_token_is_refused_again(tokens: OfficerTokens) -> None:
    token = sign(HEAD, claims(aud="liaison:vn"))
    assert refusal(tokens, token) == refusal(tokens, token) == "token-audience"


def test_c14_an_unforeseen_failure_is_a_refusal(clock: ManualClock) -> None:
    class Broken(dict[str, Any]):
        def __contains__(self, key: object) -> bool:
            raise RuntimeError

    tokens = OfficerTokens("th", {"idp-1": KEY.public_key()}, clock)
    tokens._keys = Broken(tokens._keys)
    assert refusal(tokens, sign(HEAD, claims())) == "bad-token"


def test_the_refusal_does_not_repeat_the_token(tokens: OfficerTokens) -> None:
    token = sign(HEAD, claims(sub="TH SECRET"))
    with pytest.raises(Unauthenticated) as caught:
        tokens.verify(token, THUMBPRINT, "cli")
    assert token not in str(caught.value)


@given(st.text(max_size=400))
def test_no_text_breaks_the_reader(text: str) -> None:
    refusal(OfficerTokens("th", {"idp-1": KEY.public_key()}, ManualClock(START)), text)


# ------------------------------------------------------------ 11 training and duty


def test_check_11_training_that_has_run_out_is_refused_from_that_second_on(
    tokens: OfficerTokens, clock: ManualClock
) -> None:
    token = sign(HEAD, claims(training_until=NOW + 10))
    assert tokens.verify(token, THUMBPRINT, "records-desk").person == "th.o.1042"
    clock.advance(timedelta(seconds=10))
    assert refusal(tokens, token) == "training-over"
    assert refusal(tokens, sign(HEAD, claims(training_until=NOW))) == "training-over"
    assert refusal(tokens, sign(HEAD, claims(training_until=0))) == "training-missing"


@table("until", ["2027-01-01", 1.5, True, -1, None, [NOW]])
def test_check_11_training_of_another_type_is_refused(tokens: OfficerTokens, until: object) -> None:
    assert refusal(tokens, sign(HEAD, claims(training_until=until))) == "token-claims"


@table(
    "duty",
    [
        "duty",
        {},
        {"roles": ["duty"]},
        {"roles": [], "until": NOW + 60},
        {"roles": ["chief"], "until": NOW + 60},
        {"roles": [["duty"]], "until": NOW + 60},
        {"roles": ["duty"], "until": NOW},
        {"roles": ["duty"], "until": NOW + 86_401},
        {"roles": ["duty"], "until": True},
        {"roles": ["duty"], "until": NOW + 60, "office": "vn.blo.other"},
    ],
)
def test_duty_of_another_form_is_refused(tokens: OfficerTokens, duty: object) -> None:
    assert refusal(tokens, sign(HEAD, claims(duty=duty))) == "token-claims"


def test_duty_is_told_once_for_a_token_and_never_for_one_that_is_refused(clock: ManualClock) -> None:
    told: list[tuple[str, frozenset[Role], int]] = []
    tokens = OfficerTokens(
        "th",
        {"idp-1": KEY.public_key()},
        clock,
        on_duty=lambda officer, roles, until_us: told.append((officer.person, roles, until_us)),
    )
    token = sign(HEAD, claims(duty={"roles": ["duty", "supervisor"], "until": NOW + 3600}))
    for _ in range(2):
        tokens.verify(token, THUMBPRINT, "records-desk")
    assert told == [("th.o.1042", frozenset({Role.DUTY, Role.SUPERVISOR}), (NOW + 3600) * 1_000_000)]
    late = claims(sub="th.o.9", training_until=NOW - 1, duty={"roles": ["duty"], "until": NOW + 60})
    assert refusal(tokens, sign(HEAD, late)) == "training-over"
    assert len(told) == 1
