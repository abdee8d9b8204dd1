"""A batch of signatures has the outcome of each signature alone, in its place."""

from __future__ import annotations

import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import BadSignature, LiaisonError, Unavailable
from gateway.signing.keys import SIGNATURE_BYTES, SigningKey
from gateway.signing.multi_buffer.batch import sign_batch, verify_batch
from gateway.signing.multi_buffer.crypto_mb import multi_buffer
from tests.support.tables import table

KEYS = [SigningKey(ec.generate_private_key(ec.SECP256R1())) for _ in range(3)]
EDWARDS = SigningKey(ed25519.Ed25519PrivateKey.generate())
ALL = [*KEYS, EDWARDS]


class Rubbish:
    """A key whose module answers with something else."""

    def __init__(self, answer: object) -> None:
        self.answer = answer

    def sign(self, data: bytes) -> bytes:
        return self.answer  # type: ignore[return-value]  # what a module gives is untrusted


class Broken:
    """A key whose module does not answer."""

    def sign(self, data: bytes) -> bytes:
        raise Unavailable("the security module does not answer")

    def verify(self, signature: bytes, data: bytes) -> None:
        raise RuntimeError("a library stumbled")


@pytest.mark.long
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ALL), st.binary(max_size=100)), max_size=40))
def test_every_signature_of_a_batch_fits_its_own_data_and_key(work: list[tuple[SigningKey, bytes]]) -> None:
    made = sign_batch(work)
    assert len(made) == len(work)
    for (key, data), signature in zip(work, made, strict=True):
        assert isinstance(signature, bytes)
        assert len(signature) == SIGNATURE_BYTES
        key.verify_key().verify(signature, data)
    signed = zip(work, made, strict=True)
    checks = [(key.verify_key(), signature, data) for (key, data), signature in signed if isinstance(signature, bytes)]
    assert verify_batch(checks) == [None] * len(work)


WRONG = st.sampled_from(["data", "key", "kind of key", "signature", "short", "long", "empty", "zero", "order"])


def damaged(how: str, place: int) -> tuple[SigningKey, bytes, bytes]:
    key, data = KEYS[place % 3], b"data %d" % place
    signature = key.sign(data)
    order = bytes.fromhex("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551")
    return {
        "right": (key, signature, data),
        "data": (key, signature, data + b"!"),
        "key": (KEYS[(place + 1) % 3], signature, data),
        "kind of key": (EDWARDS, signature, data),
        "signature": (key, bytes([signature[0] ^ 1]) + signature[1:], data),
        "short": (key, signature[:-1], data),
        "long": (key, signature + b"\0", data),
        "empty": (key, b"", data),
        "zero": (key, bytes(32) + signature[32:], data),
        "order": (key, signature[:32] + order, data),
    }[how]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.one_of(st.just("right"), WRONG), max_size=30))
def test_what_does_not_fit_is_refused_in_its_place_and_in_the_words_of_one_alone(hows: list[str]) -> None:
    checks = [damaged(how, place) for place, how in enumerate(hows)]
    outcomes = verify_batch([(key.verify_key(), signature, data) for key, signature, data in checks])
    for how, (key, signature, data), outcome in zip(hows, checks, outcomes, strict=True):
        if how == "right":
            assert outcome is None
            continue
        with pytest.raises(BadSignature) as alone:
            key.verify_key().verify(signature, data)
        assert outcome is not None
        assert (type(outcome), str(outcome), outcome.code) == (BadSignature, str(alone.value), alone.value.code)


def test_a_key_that_does_not_answer_costs_the_others_nothing() -> None:
    work = [(Broken() if place == 4 else KEYS[0], b"%d" % place) for place in range(12)]
    made = sign_batch(work)
    assert isinstance(made[4], Unavailable)
    assert all(isinstance(signature, bytes) for place, signature in enumerate(made) if place != 4)
    checks = [
        (Broken() if place == 4 else KEYS[0].verify_key(), signature, b"%d" % place)
        for place, signature in enumerate(made)
        if isinstance(signature, bytes) or place == 4
    ]
    outcomes = verify_batch([(key, b"" if isinstance(sig, Exception) else sig, data) for key, sig, data in checks])
    assert isinstance(outcomes[4], BadSignature)
    assert [outcome for place, outcome in enumerate(outcomes) if place != 4] == [None] * 11


@table(
    "answer",
    [None, "text" * 16, b"", bytes(63), bytes(65), bytearray(64), 64],
    ids=lambda answer: type(answer).__name__,
)
def test_rubbish_is_no_signature_and_costs_the_others_nothing(answer: object) -> None:
    rubbish = Rubbish(answer)
    made = sign_batch([(rubbish if place == 4 else KEYS[0], b"%d" % place) for place in range(12)])
    assert isinstance(made[4], LiaisonError)
    assert all(isinstance(signature, bytes) for place, signature in enumerate(made) if place != 4)


def test_the_number_of_a_key_stays_where_it_is_unless_it_signs_with_others() -> None:
    key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
    sign_batch([(key, b"one"), (key, b"two")])
    assert key._scalar is None
    sign_batch([(key, b"%d" % place) for place in range(8)])
    assert (key._scalar is None) == (multi_buffer() is None)


ONCE = """
import sys
from cryptography.hazmat.primitives.asymmetric import ec
from gateway.signing.keys import SigningKey
from gateway.signing.multi_buffer.crypto_mb import _load
from gateway.signing.multi_buffer.batch import sign_batch, verify_batch
key = SigningKey(ec.generate_private_key(ec.SECP256R1()))
made = sign_batch([(key, b"one"), (key, b"two")])
assert verify_batch([(key.verify_key(), made[0], b"one"), (key.verify_key(), made[1], b"two")]) == [None, None]
print(_load.cache_info().misses, "importlib.metadata" in sys.modules)
"""


@pytest.mark.process
def test_who_signs_once_does_not_load_what_signs_eight_at_a_time() -> None:
    done = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "0 False\n"
