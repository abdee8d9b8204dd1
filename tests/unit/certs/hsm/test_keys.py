"""Keys in SoftHSM sign what keys in files sign: certificates, requests, statements, heads and cosignatures."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA384
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from certs.authority import certify_authority, issue
from certs.hsm import token as module
from certs.hsm.keys import ModuleP256Key, load_module_key, self_test
from certs.hsm.uri import parse_uri
from certs.keyfiles import Algorithm, load_key, load_witness_key
from certs.names import CertificateName, CertificateUse
from certs.profile import check_issued, read_leaf
from certs.requests import build_request, read_request
from gateway.clock import SystemClock
from gateway.errors import LiaisonError, Misconfigured
from gateway.model.names import member_id
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.signing.multi_buffer.batch import sign_batch
from gateway.signing.witness_keys import load_witness_signing_key
from tests.support.security_module import Token, shared_token

NAME = CertificateName(member_id("th"), CertificateUse.STATEMENT, "1")


@pytest.fixture
def token() -> Token:
    return shared_token()


def p256(token: Token, name: str) -> ModuleP256Key:
    token.make(name)
    key = load_key(parse_uri(token.full_uri(name)))
    assert isinstance(key, ModuleP256Key)
    return key


@pytest.mark.process
def test_a_ca_in_the_module_certifies_a_key_in_the_module(token: Token, tmp_path: Path) -> None:
    ca, key = p256(token, "ca"), p256(token, "certified")
    authority = certify_authority(tmp_path, "th", ca, SystemClock())
    public, name = read_request(build_request(key, NAME))
    leaf = read_leaf(issue(authority, public, name, SystemClock()))
    check_issued(leaf, [x509.load_pem_x509_certificate(authority.pem)])
    assert leaf.spki == SigningKey(key).spki


@pytest.mark.process
def test_signing_keys_sign_in_the_module(token: Token) -> None:
    token.make("statement")
    token.make("log", ed25519_key=True)
    for name, algorithm in (("statement", Algorithm.P256), ("log", Algorithm.ED25519)):
        key = load_signing_key(parse_uri(token.full_uri(name)))
        assert (key.algorithm, key.is_in_module, key.scalar, key.is_exportable) == (algorithm, True, None, False)
        for signature, data in zip(key.sign_each([b"a", b"b"]), (b"a", b"b"), strict=True):
            key.verify_key().verify(signature, data)
        key.verify_key().verify(key.sign(b"c"), b"c")


@pytest.mark.process
def test_a_witness_cosigns_in_the_module(token: Token) -> None:
    token.make("witness", ed25519_key=True)
    key = load_witness_signing_key(parse_uri(token.full_uri("witness")))
    key.public.verify(key.sign(b"head"), b"head")
    token.make("no-witness")
    with pytest.raises(Misconfigured):
        load_witness_key(parse_uri(token.full_uri("no-witness")))


@pytest.mark.process
def test_a_batch_takes_one_turn_of_each_key_in_the_module(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    token.make("batch-a")
    token.make("batch-b")
    keys = [load_signing_key(parse_uri(token.full_uri(f"batch-{name}"))) for name in "ab"]
    keys.append(SigningKey(ec.generate_private_key(ec.SECP256R1())))
    turns: list[int] = []
    sign = module.TokenKey.sign

    def counted(self: module.TokenKey, items: list[tuple[bytes, bytes]], verifies: module.Verifies) -> list[bytes]:
        turns.append(len(items))
        return sign(self, items, verifies)

    monkeypatch.setattr(module.TokenKey, "sign", counted)
    work = [(keys[number % 3], b"%d" % number) for number in range(24)]
    for (key, data), signature in zip(work, sign_batch(work), strict=True):
        assert isinstance(signature, bytes)
        key.verify_key().verify(signature, data)
    assert turns == [8, 8]


@pytest.mark.process
def test_many_threads_share_one_module(token: Token) -> None:
    """With several threads inside it, SoftHSM damages its heap: the module has a thread of its own."""
    key, failed = SigningKey(p256(token, "threads")), []

    def work() -> None:
        try:
            for number in range(40):
                key.verify_key().verify(key.sign(b"%d" % number), b"%d" % number)
        except BaseException as error:  # noqa: BLE001 - told by the test
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    self_test()


@pytest.mark.parametrize(
    "use",
    [
        lambda key: key.private_numbers(),
        lambda key: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda key: key.exchange(ec.ECDH(), key.public_key()),
        lambda key: key.sign(b"x", ec.ECDSA(SHA384())),
    ],
)
@pytest.mark.process
def test_a_key_in_the_module_does_nothing_but_sign(token: Token, use: Callable[[ModuleP256Key], object]) -> None:
    token.make("only-signs") if not _there(token, "only-signs") else None
    with pytest.raises(Misconfigured) as refused:
        use(p256_at(token, "only-signs"))
    assert refused.value.code == "key-in-module"


def _there(token: Token, name: str) -> bool:
    try:
        load_module_key(parse_uri(token.full_uri(name)))
    except Misconfigured:
        return False
    return True


def p256_at(token: Token, name: str) -> ModuleP256Key:
    key = load_module_key(parse_uri(token.full_uri(name)))
    assert isinstance(key, ModuleP256Key)
    assert copy.deepcopy(key) is copy.copy(key) is key
    return key


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("object=there", "object=gone"), "key-not-usable"),
        (("token=liaison", "token=other"), "key-not-usable"),
        (("softhsm2.so", "none.so"), "no-module"),
        (("?module-path", "?pin-source=fd:99&module-path"), "bad-key-uri"),
    ],
)
@pytest.mark.process
def test_what_cannot_be_used_is_told(token: Token, change: tuple[str, str], code: str) -> None:
    if not _there(token, "there"):
        token.make("there")
    with pytest.raises(LiaisonError) as refused:
        load_key(parse_uri(token.full_uri("there").replace(*change)))
    assert refused.value.code == code
    assert refused.value.remedy
