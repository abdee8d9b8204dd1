"""The national CA, its certificates, and key files."""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority import create_authority, issue, load_authority
from certs.keyfiles import Algorithm, create_key, load_key
from certs.names import parse_uri
from certs.profile import read_ca, read_leaf
from gateway.clock import ManualClock
from gateway.errors import Misconfigured
from gateway.host.durable import replace
from tests.support.tables import table

CLOCK = ManualClock(datetime(2026, 11, 24, 9, 0, tzinfo=UTC))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_a_key_file_is_private_and_comes_back(tmp_path: Path, algorithm: Algorithm) -> None:
    path = tmp_path / "a.key"
    os.umask(0o022)
    key = create_key(path, algorithm)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_key(path).public_key() == key.public_key()


def test_a_key_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.key"
    create_key(path)
    before = path.read_bytes()
    with pytest.raises(Misconfigured, match="not overwritten"):
        create_key(path)
    assert path.read_bytes() == before


@table("mode", [0o640, 0o604, 0o660, 0o777])
def test_a_key_that_others_can_read_is_refused_with_a_remedy(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "a.key"
    create_key(path)
    path.chmod(mode)
    with pytest.raises(Misconfigured) as caught:
        load_key(path)
    assert caught.value.remedy == f"chmod 600 {path}"


def test_other_kinds_of_private_keys_are_refused(tmp_path: Path) -> None:
    """CASE-C9."""
    keys: list[rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = [
        rsa.generate_private_key(65537, 2048),
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP384R1()),
    ]
    for number, key in enumerate(keys):
        path = tmp_path / f"{number}.key"
        path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        path.chmod(0o600)
        with pytest.raises(Misconfigured, match="kind of key"):
            load_key(path)


def test_rubbish_folders_and_missing_files_are_no_keys(tmp_path: Path) -> None:
    rubbish = tmp_path / "a.key"
    rubbish.write_bytes(b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
    rubbish.chmod(0o600)
    for path in (rubbish, tmp_path, tmp_path / "missing.key"):
        with pytest.raises(Misconfigured):
            load_key(path)


def test_an_authority_is_made_once_and_loads(tmp_path: Path) -> None:
    made = create_authority(tmp_path, "th", CLOCK)
    assert load_authority(tmp_path).pem == made.pem
    assert read_ca(made.pem) == made.certificate
    with pytest.raises(Misconfigured):
        create_authority(tmp_path, "th", CLOCK)


def test_key_and_certificate_of_an_authority_must_belong_together(tmp_path: Path) -> None:
    create_authority(tmp_path / "a", "th", CLOCK)
    other = create_authority(tmp_path / "b", "th", CLOCK)
    (tmp_path / "a" / "ca.pem").write_bytes(other.pem)
    with pytest.raises(Misconfigured, match="belong together"):
        load_authority(tmp_path / "a")


@pytest.mark.parametrize(
    ("uri", "usages", "names"),
    [
        (
            "spiffe://liaison/th/node/n1",
            {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH},
            ["n1.th.liaison.internal"],
        ),
        ("spiffe://liaison/th/client/cli", {ExtendedKeyUsageOID.CLIENT_AUTH}, []),
        ("spiffe://liaison/th/agency/police/own", {x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")}, []),
    ],
)
def test_a_certificate_has_one_use_and_all_identifiers(
    tmp_path: Path, uri: str, usages: set[x509.ObjectIdentifier], names: list[str]
) -> None:
    ca = create_authority(tmp_path, "th", CLOCK)
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = read_leaf(issue(ca, key.public_key(), parse_uri(uri), CLOCK, days=30))
    extensions = leaf.certificate.extensions
    assert leaf.name.uri == uri
    assert set(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == usages
    san = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert san.get_values_for_type(x509.DNSName) == names
    assert extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value.key_identifier == (
        x509.SubjectKeyIdentifier.from_public_key(ca.key.public_key()).digest
    )
    assert (leaf.stop_us - leaf.start_us) == 30 * 86_400_000_000


def test_replacing_a_file_leaves_nothing_behind(tmp_path: Path) -> None:
    replace(tmp_path / "a", b"1")
    replace(tmp_path / "a", b"2")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"2"
