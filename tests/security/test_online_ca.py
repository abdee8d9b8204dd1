"""A member's online CA in wrong hands: it lengthens the certificate of a listed TLS key, and nothing else (CASE-A5)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

from certs.authority import DOCUMENT_SIGNING, ONLINE_DAYS, Authority, issue, load_authority, online_ca, online_names
from certs.keyfiles import load_key
from certs.names import CertificateName, CertificateUse, parse_uri
from certs.profile import read_leaf, read_online_ca
from certs.tls import TlsIdentity, channel_credentials, server_credentials
from gateway.clock import ManualClock, SystemClock
from gateway.config import Home
from gateway.errors import BadSignature, LiaisonError, Malformed, Unauthenticated
from gateway.model.names import MemberId
from gateway.ops.keys.requests import KeyDesk
from gateway.trust.ceremony.ceremony import authority_key
from gateway.trust.ceremony.listing import listed_online_ca
from gateway.trust.documents.descriptor import ListedKey, check_keys, parse_descriptor, sign_descriptor
from gateway.trust.view import TrustView
from tests.support.federation import Federation, make_federation

VN = MemberId("vn")


@dataclass(frozen=True)
class Stolen:
    """A federation whose member Viet Nam has an online CA, with the key that was stolen."""

    federation: Federation
    ca: Authority

    @property
    def tls(self) -> ec.EllipticCurvePrivateKey:
        key = load_key(self.federation["vn"].home / "keys" / "tls.key")
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return key

    def issue(self, uri: str, key: ec.EllipticCurvePrivateKey | None = None, by: Authority | None = None) -> bytes:
        return issue(by or self.ca, (key or self.tls).public_key(), parse_uri(uri), self.federation.clock, days=90)

    def refused(self, pem: bytes, code: str = "") -> None:
        with pytest.raises(Unauthenticated) as caught:
            self.federation.view("th").peer(pem)
        assert not code or caught.value.code == code


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    made = make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))
    vn = made["vn"]
    made.share(KeyDesk(Home(vn.home), vn.clock).make_online_ca(vn.authority, None).documents)
    return made


@pytest.fixture
def stolen(founded: Federation, tmp_path: Path) -> Stolen:
    federation = founded.copy(tmp_path, ManualClock(founded.clock.now()))
    keys = federation["vn"].home / "keys"
    key = load_key(keys / "online-ca.key")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return Stolen(federation, Authority(key, x509.load_pem_x509_certificate((keys / "online-ca.pem").read_bytes())))


@pytest.fixture
def name(stolen: Stolen) -> str:
    return read_leaf(stolen.federation["vn"].certificate("tls")).name.uri


def test_it_renews_a_listed_key(stolen: Stolen, name: str) -> None:
    assert stolen.federation.view("th").peer(stolen.issue(name)).member == "vn"


def test_it_certifies_no_new_key(stolen: Stolen, name: str) -> None:
    stolen.refused(stolen.issue(name, ec.generate_private_key(ec.SECP256R1())), "wrong-authority")


@pytest.mark.parametrize("use", ["statement/1", "status/1", "client/cli", "source/police", "agency/police/own"])
def test_it_certifies_for_no_other_use(stolen: Stolen, use: str) -> None:
    pem = stolen.issue(f"spiffe://liaison/vn/{use}")
    stolen.refused(pem, "wrong-certificate")
    with pytest.raises(Unauthenticated):
        stolen.federation.view("vn").client("vn", pem)


def test_its_client_certificates_are_refused_at_home(stolen: Stolen) -> None:
    pem = stolen.issue("spiffe://liaison/vn/client/cli", load_p256(stolen.federation["vn"].home, "client-cli"))
    with pytest.raises(Unauthenticated, match="not issued"):
        stolen.federation.view("vn").client("vn", pem)


def test_its_certificates_for_records_are_refused(stolen: Stolen) -> None:
    key = load_p256(stolen.federation["vn"].home, "agency-immigration")
    der = read_leaf(stolen.issue("spiffe://liaison/vn/agency/immigration/held-by-node", key)).der
    with pytest.raises(BadSignature, match="not issued"):
        stolen.federation.view("th").record_key("vn", "immigration", der, stolen.federation.clock.now_us())


def test_a_renewal_has_the_name_that_is_listed(stolen: Stolen) -> None:
    stolen.refused(stolen.issue("spiffe://liaison/vn/node/other"), "wrong-authority")


def test_it_speaks_for_no_other_member(stolen: Stolen) -> None:
    th = read_leaf(stolen.federation["th"].certificate("tls"))
    stolen.refused(stolen.issue(th.name.uri, load_p256(stolen.federation["th"].home, "tls")), "wrong-authority")


def test_another_one_that_is_not_listed_counts_nothing(stolen: Stolen, name: str) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = Authority(key, online_ca(key, "vn", stolen.federation.clock))
    stolen.refused(stolen.issue(name, by=own), "wrong-authority")


def test_a_certificate_below_one_that_it_issued_is_refused(stolen: Stolen, name: str) -> None:
    """The chain would be too long: leaf, made-up CA, online CA."""
    key = ec.generate_private_key(ec.SECP256R1())
    below = Authority(key, forged(key, "vn", stolen.federation.clock, signer=stolen.ca))
    stolen.refused(stolen.issue(name, by=below), "wrong-authority")
    stolen.refused(below.pem, "bad-certificate")
    stolen.refused(stolen.issue(name) + below.pem, "bad-certificate")


def test_a_ca_s_certificate_is_no_leaf(stolen: Stolen) -> None:
    stolen.refused(stolen.ca.pem, "bad-certificate")
    tls = forged(stolen.tls, "vn", stolen.federation.clock, signer=stolen.ca)
    stolen.refused(tls.public_bytes(Encoding.PEM), "bad-certificate")


def test_it_ends_with_its_listing(stolen: Stolen, name: str) -> None:
    clock = stolen.federation.clock
    assert isinstance(clock, ManualClock)
    key = load_p256(stolen.federation["vn"].home, "tls")
    pem = issue(stolen.ca, key.public_key(), parse_uri(name), clock, days=2 * ONLINE_DAYS)
    clock.advance(timedelta(days=ONLINE_DAYS - 1))
    view = stolen.federation.view("th")
    assert view.peer(pem).member == "vn"
    clock.advance(timedelta(days=1))
    stolen.refused(pem, "certificate-expired")
    assert stolen.ca.pem not in view.ca_pem("vn")


def test_a_key_listed_by_its_certificate_alone_is_not_taken(stolen: Stolen, name: str) -> None:
    """Also an authority that lists a key without its national CA gains nothing."""
    key = ec.generate_private_key(ec.SECP256R1())
    leaf = read_leaf(stolen.issue(name, key))
    listed = next(each for each in descriptor_keys(stolen) if each.use == "tls")
    fresh = replace(listed, key_id=leaf.key_id, spki=leaf.spki, certificate=leaf.der)
    with pytest.raises(Unauthenticated, match="not issued by that member's authority"):
        view_of(stolen, (*descriptor_keys(stolen), fresh)).peer(stolen.issue(name, key))


# ------------------------------------------------------------ certificates that are no online CA


def forged(
    key: ec.EllipticCurvePrivateKey,
    member: str,
    clock: ManualClock | object,
    *,
    signer: Authority | None = None,
    without: Iterable[type[x509.ExtensionType]] = (),
    instead: Iterable[tuple[x509.ExtensionType, bool]] = (),
    days: int = 90,
) -> x509.Certificate:
    """Return an online CA's certificate with some of its extensions changed."""
    assert isinstance(clock, ManualClock)
    model, new = online_ca(key, member, clock), list(instead)
    gone = {*without, *(type(value) for value, _ in new)}
    builder = (
        x509.CertificateBuilder()
        .subject_name(model.subject)
        .issuer_name(signer.certificate.subject if signer else model.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(model.not_valid_before_utc)
        .not_valid_after(model.not_valid_before_utc + timedelta(days=days))
    )
    kept = [(each.value, each.critical) for each in model.extensions if type(each.value) not in gone]
    for value, critical in [*kept, *new]:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(signer.key if signer else key, SHA256())


ANY = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH, DOCUMENT_SIGNING])
DEEP = x509.BasicConstraints(ca=True, path_length=1)
NO_CA = x509.BasicConstraints(ca=False, path_length=None)
ODD = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
WIDE = x509.NameConstraints([x509.DNSName("liaison.internal"), x509.UniformResourceIdentifier("liaison")], None)

CHANGES = [
    pytest.param({"without": [x509.NameConstraints]}, id="without-constraints"),
    pytest.param({"instead": [(WIDE, True)]}, id="constraints-of-all-members"),
    pytest.param({"instead": [(online_names("th"), True)]}, id="constraints-of-another-member"),
    pytest.param({"instead": [(online_names("vn"), False)]}, id="constraints-not-critical"),
    pytest.param({"instead": [(DEEP, True)]}, id="path-length-1"),
    pytest.param({"instead": [(NO_CA, True)]}, id="no-ca"),
    pytest.param({"without": [x509.ExtendedKeyUsage]}, id="for-any-use"),
    pytest.param({"instead": [(ANY, False)]}, id="for-documents-too"),
    pytest.param({"instead": [(ODD, False)]}, id="another-extension"),
    pytest.param({"days": ONLINE_DAYS + 1}, id="valid-for-too-long"),
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_is_no_online_ca_is_not_listed_and_is_no_root(
    stolen: Stolen, name: str, change: dict[str, object]
) -> None:
    clock = stolen.federation.clock
    certificate = forged(stolen.ca.key, "vn", clock, **change)  # type: ignore[arg-type]
    refused_as_online_ca(stolen, certificate, name)


def test_an_online_ca_of_another_member_is_none_of_ours(stolen: Stolen, name: str) -> None:
    refused_as_online_ca(stolen, online_ca(stolen.ca.key, "th", stolen.federation.clock), name)


def test_an_online_ca_that_another_key_signed_is_none(stolen: Stolen, name: str) -> None:
    national = load_authority(stolen.federation["vn"].authority)
    refused_as_online_ca(stolen, forged(stolen.ca.key, "vn", stolen.federation.clock, signer=national), name)


def test_the_national_ca_is_no_online_ca(stolen: Stolen) -> None:
    with pytest.raises(Malformed):
        read_online_ca(load_authority(stolen.federation["vn"].authority).pem, "vn")


def test_a_listing_is_of_the_certified_key(stolen: Stolen) -> None:
    keys = descriptor_keys(stolen)
    other = listed_online_ca(online_ca(stolen.tls, "vn", stolen.federation.clock).public_bytes(Encoding.PEM), "vn")
    odd = [replace(key, certificate=other.certificate) if key.use == "online-ca" else key for key in keys]
    with pytest.raises(Malformed, match="another key"):
        check_keys(parse_descriptor(signed(stolen, tuple(odd)))[0])


def refused_as_online_ca(stolen: Stolen, certificate: x509.Certificate, name: str) -> None:
    """Check that it does not parse, is not accepted in a descriptor, and counts nothing in a view that has it."""
    der = certificate.public_bytes(Encoding.DER)
    with pytest.raises(Malformed):
        read_online_ca(der, "vn")
    keys = tuple(replace(key, certificate=der) if key.use == "online-ca" else key for key in descriptor_keys(stolen))
    with pytest.raises(LiaisonError):
        check_keys(parse_descriptor(signed(stolen, keys))[0])
    view = view_of(stolen, keys)
    assert view.ca_pem("vn").count(b"-----BEGIN") == 1
    with pytest.raises(Unauthenticated) as caught:
        view.peer(stolen.issue(name))
    assert caught.value.code == "wrong-authority"


def load_p256(home: Path, file: str) -> ec.EllipticCurvePrivateKey:
    key = load_key(home / "keys" / f"{file}.key")
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


def descriptor_keys(stolen: Stolen) -> tuple[ListedKey, ...]:
    return stolen.federation.view("th").descriptor("vn").keys


def signed(stolen: Stolen, keys: tuple[ListedKey, ...]) -> bytes:
    held = stolen.federation.view("th").descriptor("vn")
    return sign_descriptor(replace(held, keys=keys), [authority_key(stolen.federation["vn"].authority)])


def view_of(stolen: Stolen, keys: tuple[ListedKey, ...]) -> TrustView:
    """Return a view with a descriptor that lists these keys, past the check at its acceptance."""
    held = stolen.federation.view("th")
    status = held.status("vn")
    assert status
    descriptor = parse_descriptor(signed(stolen, keys))[0]
    return TrustView(held.charter, {"vn": descriptor}, {"vn": status}, stolen.federation.clock)


# ------------------------------------------------------------ BoringSSL heeds the constraints, too


@contextmanager
def server(identity: TlsIdentity, roots: bytes) -> Iterator[int]:
    made = grpc.server(ThreadPoolExecutor(1))
    port = made.add_secure_port("127.0.0.1:0", server_credentials(lambda: identity, lambda: roots, print))
    made.start()
    try:
        yield port
    finally:
        made.stop(0).wait()


@pytest.mark.parametrize(
    ("dns", "is_reached"),
    [
        ("node1.vn.liaison.internal", True),
        ("node1.th.liaison.internal", False),
        ("vn.liaison.internal.example", False),
    ],
)
def test_channels_take_its_certificates_for_names_of_the_member_only(
    stolen: Stolen, dns: str, is_reached: bool
) -> None:
    clock = SystemClock()
    key = ec.generate_private_key(ec.SECP256R1())
    ca = Authority(stolen.ca.key, online_ca(stolen.ca.key, "vn", clock))
    name = CertificateName(VN, CertificateUse.NODE, "node1")
    pem = issue(ca, key.public_key(), _Named(name, dns), clock, days=90)  # type: ignore[arg-type]
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    identity = TlsIdentity(private, pem)
    roots = load_authority(stolen.federation["vn"].authority).pem + ca.pem
    options = [("grpc.ssl_target_name_override", dns)]
    with (
        server(identity, roots) as port,
        grpc.secure_channel(f"127.0.0.1:{port}", channel_credentials(identity, roots), options) as channel,
        pytest.raises(grpc.RpcError) as caught,
    ):
        channel.unary_unary("/liaison/None", bytes, bytes)(b"", timeout=20)
    reached = grpc.StatusCode.UNIMPLEMENTED
    assert (caught.value.code() is reached) == is_reached


class _Named:
    """A name with another DNS name than its own."""

    def __init__(self, name: CertificateName, dns: str) -> None:
        self.name, self.use, self.uri, self.dns = name.name, name.use, name.uri, dns
