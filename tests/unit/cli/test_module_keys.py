"""Homes, authorities and persons whose keys lie in a security module, by the commands that make and use them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from certs.keyfiles import load_key
from tests.support.cli import Liaison
from tests.support.security_module import Token, shared_token

pytestmark = pytest.mark.process

P256 = ("ca", "authority", "statement", "status", "agency-police")
ED25519 = ("log", "witness")
NATIONAL = Path("policy/national/th")


@pytest.fixture
def liaison(capsys: pytest.CaptureFixture[str]) -> Liaison:
    return Liaison(capsys)


@pytest.fixture(scope="module")
def token() -> Token:
    token = shared_token()
    for name in P256:
        token.make(f"init-{name}")
    for name in ED25519:
        token.make(f"init-{name}", ed25519_key=True)
    return token


def options(token: Token, *names: str) -> list[str]:
    given = ["--module", token.library, "--pin-source", token.pin_source]
    return given + [part for name in names for part in ("--key-uri", f"{name}={token.uri(f'init-{name}')}")]


def test_a_home_and_its_authority_with_all_keys_in_the_module(liaison: Liaison, token: Token, tmp_path: Path) -> None:
    home, authority = tmp_path / "la", tmp_path / "la-authority"
    places = ("--member", "la", "--home", home, "--authority", authority)
    ran = liaison("init", *places, *options(token, *P256, *ED25519))
    assert ran.code == 0, ran.err
    held = {path.stem for path in home.rglob("*.key")} | {path.stem for path in authority.rglob("*.key")}
    assert held == {"tls", "client-cli", "client-console", "console", "token-issuer", "witness-mldsa"}
    assert "pin_source" in (authority / "keys.toml").read_text()
    assert "4711" not in (authority / "keys.toml").read_text() + (home / "node.toml").read_text()
    again = liaison("init", *places)
    assert "nothing was changed" in again.out
    assert "nothing was changed" in liaison("init", *places, *options(token, *P256, *ED25519)).out

    charter = tmp_path / "charter.json"
    draft = ("trust", "draft", "--federation", "gms", "--threshold", "1", "--out", charter, authority)
    assert liaison(*draft).code == 0
    signed = liaison("trust", "sign", charter, "--authority", authority, "--json")
    assert signed.code == 0, signed.err
    fingerprint = signed.value["fingerprint"]
    assert liaison("trust", "accept", charter, "--home", home, "--fingerprint", fingerprint).code == 0
    published = liaison("trust", "publish", "--home", home, "--authority", authority)
    assert published.code == 0, published.err
    doctor = liaison("doctor", "--home", home)
    assert "does not list" not in doctor.out, doctor.out
    assert "`statement` signs in the module" in doctor.out

    uri, keys = token.make("init-statement-2"), ("--home", home, "--authority", authority)
    assert liaison("cert", "rotate", "statement", "log", *keys, "--key-uri", uri).code == 2
    rotated = liaison("cert", "rotate", "statement", *keys, "--key-uri", uri, "--assume-held")
    assert rotated.code == 0, rotated.err
    assert f'write into [keys]: statement = "{uri}"' in liaison("doctor", "--home", home).out

    moved = tmp_path / "elsewhere"
    shutil.move(authority, moved)
    certified = liaison("source", "init", "--member", "la", "--agency", "customs", "--out", tmp_path / "s")
    assert certified.code == 0, certified.err
    made = ("source", "certify", tmp_path / "s" / "record.csr", "--authority", moved, "--out", tmp_path / "c")
    assert liaison(*made).code == 0


def test_another_key_than_that_of_the_home_is_refused(liaison: Liaison, token: Token, tmp_path: Path) -> None:
    places = ("--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "la-authority")
    assert liaison("init", *places).code == 0
    ran = liaison("init", *places, *options(token, "statement"))
    assert ran.code == 1
    assert "write it into [keys] there" in ran.err
    ran = liaison("init", *places, *options(token, "ca"))
    assert ran.code == 0 or "other" in ran.err


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("statment=pkcs11:token=a;object=b", "did you mean `statement`"),
        ("statement", "NAME=URI"),
        ("statement=file:/x", "begin with `pkcs11:`"),
        ("statement=pkcs11:token=a;object=b?pin-value=1", "holds a PIN"),
    ],
)
def test_what_names_no_key_is_wrong_usage(liaison: Liaison, tmp_path: Path, given: str, told: str) -> None:
    places = ("--member", "la", "--home", tmp_path / "la", "--authority", tmp_path / "la-authority")
    ran = liaison("init", *places, "--key-uri", given)
    assert ran.code == 2
    assert told in ran.err
    assert not (tmp_path / "la").exists()


def test_homes_of_source_and_witness(liaison: Liaison, token: Token, tmp_path: Path) -> None:
    source = ("source", "init", "--member", "la", "--agency", "police", "--out", tmp_path / "source")
    ran = liaison(*source, *options(token), "--key-uri", f"record={token.uri('init-statement')}")
    assert ran.code == 0, ran.err
    assert not (tmp_path / "source" / "keys" / "record.key").exists()
    assert load_key(tmp_path / "source" / "keys" / "record.key")
    ran = liaison("witness", "init", "--member", "la", "--out", tmp_path / "witness", *options(token, "witness"))
    assert ran.code == 0, ran.err
    assert {path.stem for path in (tmp_path / "witness" / "keys").glob("*.key")} == {"witness-mldsa", "tls"}
    ran = liaison("witness", "init", "--member", "la", "--out", tmp_path / "other", *options(token, "log"))
    assert ran.code == 2


def test_an_approver_signs_policy_with_a_key_in_the_module(
    liaison: Liaison, token: Token, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LIAISON_KEYS_MODULE", "LIAISON_KEYS_PIN_SOURCE"):
        monkeypatch.setenv(name, token.environment[name])
    uri = token.make("approver")
    made = liaison("policy", "approver", "--out", tmp_path, "--name", "a", "--key-uri", uri, "--json")
    assert made.code == 0, made.err
    assert made.value["key"] == uri
    assert not (tmp_path / "a.key").exists()
    assert (tmp_path / "a.pub").exists()
    sign = ("policy", "sign", NATIONAL, "--version", "3", "--key", uri, "--out", tmp_path / "th-3.json", "--json")
    signed = liaison(*sign)
    assert signed.code == 0, signed.err
    assert signed.value["signatures"] == 1
    ran = liaison("policy", "sign", NATIONAL, "--version", "3", "--key", "pkcs11:token=x", "--out", tmp_path / "x")
    assert ran.code == 2
    assert "names no token" in ran.err
