"""Cosignatures are those of C2SP tlog-cosignature, and count only by a listed key in its time (CASE-E12, CASE-J10)."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.mldsa import MLDSA44PrivateKey, MLDSA44PublicKey
from hypothesis import given
from hypothesis import strategies as st

from certs.keyfiles import Algorithm, spki
from gateway.audit.tree.checkpoint import Signer, origin, parse_checkpoint
from gateway.audit.tree.cosignature import (
    FUTURE_S,
    Cosigner,
    Witness,
    cosignature_key_id,
    cosignature_vkey,
    domestic_name,
    reaches_quorum,
    read_lines,
    subtree_message,
    verify_cosignature,
    verify_cosignatures,
    witness_name,
)
from gateway.errors import BadSignature, Malformed
from gateway.signing.keys import SigningKey
from gateway.signing.witness_keys import WitnessKey, WitnessSigningKey
from tests.support.tables import table

VECTORS = json.loads((Path(__file__).parents[3] / "support" / "vectors" / "witness.json").read_text("utf-8"))
LOG = SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEAD = parse_checkpoint(Signer(origin("th", "exchange", 1), LOG).sign(7, bytes(range(32))))
KEYS = (
    WitnessSigningKey(Ed25519PrivateKey.from_private_bytes(bytes(reversed(range(32))))),
    WitnessSigningKey(MLDSA44PrivateKey.from_seed_bytes(bytes(32))),
)
NAME = witness_name("vn")
NOW_S = 1_790_000_000
ALWAYS = (0, 2**63)
COSIGNER = Cosigner(NAME, KEYS)
LINES = read_lines(COSIGNER.cosign(HEAD, NOW_S))


def witness(key: WitnessSigningKey, name: str = NAME, start: int = ALWAYS[0], stop: int = ALWAYS[1]) -> Witness:
    """A witness by its key."""
    return Witness(name, "vn", False, key.public, start, stop)


BOTH = [witness(key) for key in KEYS]


def test_an_mldsa_cosignature_of_another_implementation_verifies() -> None:
    vector = VECTORS["subtree"]
    name, known_as, material = vector["vkey"].split("+", 2)
    raw = base64.b64decode(material)
    key = WitnessKey.admit(spki(MLDSA44PublicKey.from_public_bytes(raw[1:])))
    assert raw[:1] == b"\x06"
    assert cosignature_key_id(name, key).hex() == known_as
    assert cosignature_vkey(name, key) == vector["vkey"]
    signature = base64.b64decode(vector["line"].split(" ")[2])
    assert (signature[:4].hex(), len(signature)) == (known_as, 4 + 8 + 2_420)
    root = base64.b64decode(vector["root"])
    message = subtree_message(name, 0, vector["origin"], vector["start"], vector["end"], root)
    key.verify(signature[12:], message)
    other = subtree_message(name, 0, vector["origin"], vector["start"], vector["end"] - 1, root)
    with pytest.raises(BadSignature):
        key.verify(signature[12:], other)


def test_the_key_id_of_a_published_ed25519_witness() -> None:
    name, known_as, material = VECTORS["vkeys"]["ed25519"].split("+", 2)
    raw = base64.b64decode(material)
    key = WitnessKey.admit(spki(Ed25519PublicKey.from_public_bytes(raw[1:])))
    assert raw[:1] == b"\x04"
    assert cosignature_key_id(name, key).hex() == known_as
    assert cosignature_vkey(name, key) == VECTORS["vkeys"]["ed25519"]


def test_the_time_of_a_published_cosignature() -> None:
    raw = base64.b64decode(VECTORS["timestamp"]["raw"])
    assert int.from_bytes(raw[4:12], "big") == VECTORS["timestamp"]["time_s"]


def test_the_example_message_of_the_specification() -> None:
    """tlog-cosignature, "Ed25519 signed message"."""
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    note = parse_checkpoint(f"{text}\n— example.com/behind-the-sofa {base64.b64encode(bytes(68)).decode()}\n".encode())
    line = Cosigner("witness.example.com/w1", KEYS[:1]).cosign(note, 1679315147)
    signature = base64.b64decode(line.split()[-1])
    KEYS[0].public.verify(signature[12:], f"cosignature/v1\ntime 1679315147\n{text}".encode())


@pytest.mark.parametrize("place", [0, 1], ids=["ed25519", "ml-dsa-44"])
def test_a_cosignature_says_who_cosigned_and_when(place: int) -> None:
    found = verify_cosignature(HEAD, LINES[place], BOTH[place])
    assert (found.witness, found.member, found.time_s) == (NAME, "vn", NOW_S)
    assert found.algorithm is (Algorithm.ED25519, Algorithm.MLDSA44)[place]


@pytest.mark.parametrize("place", [0, 1], ids=["ed25519", "ml-dsa-44"])
@given(data=st.data())
def test_2_to_4_any_changed_byte_of_a_cosignature_is_refused(place: int, data: st.DataObject) -> None:
    raw = bytearray(base64.b64decode(LINES[place].split()[-1]))
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    line = f"— {NAME} {base64.b64encode(raw).decode()}\n".encode()
    with pytest.raises(BadSignature):
        verify_cosignature(HEAD, line, BOTH[place])


@pytest.mark.parametrize("place", [0, 1], ids=["ed25519", "ml-dsa-44"])
def test_4_a_cosignature_is_over_one_head_of_one_log(place: int) -> None:
    for log, size, root in (("exchange", 8, HEAD.root), ("operations", 7, HEAD.root), ("exchange", 7, bytes(32))):
        other = parse_checkpoint(Signer(origin("th", log, 1), LOG).sign(size, root))
        with pytest.raises(BadSignature):
            verify_cosignature(other, LINES[place], BOTH[place])


@table(
    ("line", "error"),
    [
        (b"", Malformed),
        (LINES[0] + LINES[1], Malformed),
        (LINES[0][:-1], Malformed),
        (b"- vn x\n", Malformed),
        (LINES[0].replace(b" ", b"  "), Malformed),
        (LINES[0].replace(b"/witness", b"/other"), BadSignature),
        (LINES[1], BadSignature),
        (f"— {NAME} {base64.b64encode(cosignature_key_id(NAME, KEYS[0].public) + bytes(71)).decode()}\n".encode(),
         BadSignature),
    ],
)  # fmt: skip
def test_1_what_is_not_one_line_of_this_key_is_refused(line: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        verify_cosignature(HEAD, line, BOTH[0])


def test_3_a_key_counts_in_its_time_only() -> None:
    start, stop = NOW_S * 1_000_000, (NOW_S + 1) * 1_000_000
    verify_cosignature(HEAD, LINES[0], witness(KEYS[0], start=start, stop=stop))
    for wrong in (witness(KEYS[0], start=start + 1), witness(KEYS[0], stop=start)):
        with pytest.raises(BadSignature, match="did not count"):
            verify_cosignature(HEAD, LINES[0], wrong)


def test_e12_a_cosignature_from_the_future_does_not_count() -> None:
    early = (NOW_S - FUTURE_S) * 1_000_000
    assert len(verify_cosignatures(HEAD, LINES, BOTH, early)) == 2
    assert verify_cosignatures(HEAD, LINES, BOTH, early - 1_000_000) == []


def test_lines_of_unknown_keys_mean_nothing() -> None:
    assert [item.line for item in verify_cosignatures(HEAD, [b"nonsense\n", *LINES], BOTH[:1], NOW_S * 1_000_000)] == [
        LINES[0]
    ]


def test_a_quorum_counts_members_and_not_lines_and_the_domestic_witness_is_enough() -> None:
    one = verify_cosignatures(HEAD, LINES, BOTH, NOW_S * 1_000_000)
    assert len(one) == 2
    assert reaches_quorum(one, 1)
    assert not reaches_quorum(one, 2)
    assert reaches_quorum([*one, replace(one[0], member="kh", witness=witness_name("kh"))], 2)
    assert reaches_quorum([replace(one[0], member="th", witness=domestic_name("th"), domestic=True)], 2)
    assert not reaches_quorum([], 0)


@table("data", [b"", b"\n", b"x", b"a\nb", b"\n" * 65])
def test_ill_formed_answers_of_witnesses(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_lines(data)
