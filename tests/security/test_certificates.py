"""Hostile certificates (CASE-A4 to CASE-A10): each is refused before a member's name counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from certs.authority import Authority, create_authority, issue, load_authority
from certs.names import parse_uri
from gateway.clock import ManualClock, SystemClock
from gateway.errors import BadSignature, Malformed, Unauthenticated
from gateway.trust.ceremony.ceremony import publish_descriptor, publish_status
from gateway.trust.documents.descriptor import check_keys, parse_descriptor
from gateway.trust.view import TrustView
from tests.support.federation import Federation, make_federation

NODE = "spiffe://liaison/vn/node/node1"
DNS = "node1.vn.liaison.internal"


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Federation:
    return make_federation(tmp_path_factory.mktemp("federation"), clock=ManualClock(SystemClock().now()))


@pytest.fixture
def federation(founded: Federation, tmp_path: Path) -> Federation:
    """One that the test may change."""
    return founded.copy(tmp_path, ManualClock(founded.clock.now()))


def forge(
    ca: Authority,
    clock: ManualClock,
    *,
    key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey | None = None,
    names: list[x509.GeneralName] | None = None,
    usages: list[x509.ObjectIdentifier] | None = None,
    common_name: str = "node1",
    edit: Callable[[x509.CertificateBuilder], x509.CertificateBuilder] = lambda builder: builder,
    ca_leaf: bool = False,
    hash_algorithm: SHA256 | SHA384 | None = None,
) -> bytes:
    """A certificate under the right CA, for the key of the real node, with one thing changed."""
    public = key or ec.generate_private_key(ec.SECP256R1()).public_key()
    names = [x509.UniformResourceIdentifier(NODE), x509.DNSName(DNS)] if names is None else names
    usages = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH] if usages is None else usages
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)]))
        .issuer_name(ca.certificate.subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(hours=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca_leaf, path_length=None), critical=True)
        .add_extension(x509.KeyUsage(True, *[False] * 8), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usages:
        builder = builder.add_extension(x509.ExtendedKeyUsage(usages), critical=False)
    return edit(builder).sign(ca.key, hash_algorithm or SHA256()).public_bytes(Encoding.PEM)


def real_key(federation: Federation) -> ec.EllipticCurvePublicKey:
    key = x509.load_pem_x509_certificate(federation["vn"].certificate("tls")).public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def refused(view: TrustView, pem: bytes, code: str = "") -> None:
    with pytest.raises(Unauthenticated) as caught:
        view.peer(pem)
    assert not code or caught.value.code == code


def test_the_real_certificate_and_a_renewed_one_for_the_same_key_are_known(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    view = federation.view("th")
    assert view.peer(federation["vn"].certificate("tls")).member == "vn"
    again = forge(load_authority(federation["vn"].authority), clock, key=real_key(federation))
    assert view.peer(again).member == "vn"


def uri(text: str) -> x509.UniformResourceIdentifier:
    return x509.UniformResourceIdentifier(text)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"usages": []}, id="CASE-A8-no-extended-key-usage"),
        pytest.param({"usages": [ExtendedKeyUsageOID.SERVER_AUTH]}, id="CASE-A7-server-only"),
        pytest.param({"usages": [ExtendedKeyUsageOID.CLIENT_AUTH]}, id="client-only"),
        pytest.param({"usages": [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE]}, id="any-usage"),
        pytest.param({"names": [], "common_name": "vn"}, id="CASE-A9-no-san-common-name-of-a-member"),
        pytest.param({"names": [x509.DNSName(DNS)]}, id="no-uri"),
        pytest.param({"names": [uri(NODE)]}, id="no-dns"),
        pytest.param({"names": [uri(NODE), uri("spiffe://liaison/th/node/node1"), x509.DNSName(DNS)]}, id="two-uris"),
        pytest.param({"names": [uri(NODE), x509.DNSName(DNS), x509.DNSName("x.test")]}, id="two-dns-names"),
        pytest.param({"names": [uri(NODE), x509.DNSName("node1.th.liaison.internal")]}, id="dns-of-another-member"),
        pytest.param(
            {"names": [uri("spiffe://liaison/th/node/node1"), x509.DNSName("node1.th.liaison.internal")]},
            id="other-member",
        ),
        pytest.param({"names": [uri("spiffe://liaison/vn/statement/1")]}, id="other-use"),
        pytest.param({"ca_leaf": True}, id="a-ca"),
        pytest.param({"hash_algorithm": SHA384()}, id="other-hash"),
    ],
)
def test_a_certificate_that_does_not_fit_is_nobody(federation: Federation, change: dict[str, object]) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    ca = load_authority(federation["vn"].authority)
    refused(federation.view("th"), forge(ca, clock, key=real_key(federation), **change))  # type: ignore[arg-type]


def test_an_unknown_critical_extension_is_refused(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    odd = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.3.6.1.4.1.55555.1"), b"\x05\x00")
    pem = forge(
        load_authority(federation["vn"].authority),
        clock,
        key=real_key(federation),
        edit=lambda builder: builder.add_extension(odd, critical=True),
    )
    refused(federation.view("th"), pem, "bad-certificate")


def test_a4_another_authority_with_the_same_name_certifies_nothing(federation: Federation, tmp_path: Path) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    twin = create_authority(tmp_path / "twin", "vn", clock)
    refused(federation.view("th"), forge(twin, clock, key=real_key(federation)), "wrong-authority")


def test_a4_the_authority_of_another_member_certifies_nothing_for_this_one(federation: Federation) -> None:
    """Threat T1: Thailand's CA names a node of Viet Nam."""
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    pem = forge(load_authority(federation["th"].authority), clock, key=real_key(federation))
    refused(federation.view("kh"), pem, "wrong-authority")


def test_a5_a6_a_certificate_counts_in_its_time_only(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    ca = load_authority(federation["vn"].authority)
    view = federation.view("th")
    early = issue(ca, real_key(federation), parse_uri(NODE), clock, not_before=clock.now() + timedelta(hours=1))
    refused(view, early, "certificate-expired")
    short = issue(ca, real_key(federation), parse_uri(NODE), clock, days=1)
    assert view.peer(short).member == "vn"
    clock.advance(timedelta(days=1))
    refused(view, short, "certificate-expired")


def test_a10_a_certificate_that_is_not_listed_is_nobody(federation: Federation) -> None:
    clock = federation.clock
    assert isinstance(clock, ManualClock)
    refused(federation.view("th"), forge(load_authority(federation["vn"].authority), clock), "not-listed")


def test_a11_a_removed_key_is_nobody(federation: Federation) -> None:
    vn = federation["vn"]
    removed = federation.view("th").peer(vn.certificate("tls")).key_id
    federation.share(publish_status(vn.home, federation.clock, removed=[removed]))
    refused(federation.view("th"), vn.certificate("tls"), "not-listed")
    # What was removed stays removed when the status is renewed.
    federation.share(publish_status(vn.home, federation.clock))
    refused(federation.view("th"), vn.certificate("tls"), "not-listed")


def test_a_compromised_key_is_nobody_from_then_on(federation: Federation) -> None:
    vn, clock = federation["vn"], federation.clock
    key = federation.view("th").peer(vn.certificate("tls")).key_id
    federation.share(
        publish_descriptor(
            vn.home,
            vn.authority,
            clock,
            endpoints=["127.0.0.1:7444"],
            offices=[],
            agencies=vn.agencies,
            compromised={key: clock.now_us()},
        )
    )
    refused(federation.view("th"), vn.certificate("tls"), "certificate-expired")


@pytest.mark.parametrize("data", [b"", b"rubbish", b"-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n"])
def test_what_is_no_certificate_is_nobody(federation: Federation, data: bytes) -> None:
    refused(federation.view("th"), data, "bad-certificate")
    refused(federation.view("th"), federation["vn"].certificate("tls") * 2, "bad-certificate")
    refused(federation.view("th"), b"0" * 100_000, "bad-certificate")


def test_certificates_for_other_uses_do_not_open_the_door(federation: Federation) -> None:
    view = federation.view("th")
    for file in ("statement", "status", "client-cli", "agency-immigration"):
        refused(view, federation["vn"].certificate(file))


def test_only_a_client_certificate_of_the_own_country_is_a_client(federation: Federation) -> None:
    view = federation.view("th")
    assert view.client("th", federation["th"].certificate("client-cli")) == "cli"
    for member, file in (("vn", "client-cli"), ("th", "tls"), ("th", "statement")):
        with pytest.raises(Unauthenticated):
            view.client("th", federation[member].certificate(file))


def test_c10_the_agency_of_a_record_key_must_be_the_records_own(federation: Federation) -> None:
    """Key of another agency, another member, or another use: refused."""
    now = federation.clock.now_us()
    view = federation.view("kh")
    der = x509.load_pem_x509_certificate(federation["th"].certificate("agency-police")).public_bytes(Encoding.DER)
    key, own = view.record_key("th", "police", der, now)
    assert (key.key_id, own) == (federation["th"].key("agency-police").key_id, False)
    for member, agency in (("th", "immigration"), ("vn", "police"), ("th", "Police"), ("xx", "police")):
        with pytest.raises(BadSignature):
            view.record_key(member, agency, der, now)
    statement = x509.load_pem_x509_certificate(federation["th"].certificate("statement")).public_bytes(Encoding.DER)
    for wrong in (statement, b"", b"rubbish"):
        with pytest.raises(BadSignature):
            view.record_key("th", "police", wrong, now)
    with pytest.raises(BadSignature):
        view.record_key("th", "police", der, now + 400 * 86_400_000_000)


def test_a_descriptor_with_anothers_certificate_is_not_accepted(federation: Federation) -> None:
    """The authority of Thailand lists a certificate that Viet Nam's CA gave: refused at acceptance."""
    th = parse_descriptor(federation.view("th").descriptor("th").data)[0]
    vn = parse_descriptor(federation.view("th").descriptor("vn").data)[0]
    foreign = next(key for key in vn.keys if key.use == "tls")
    with pytest.raises(BadSignature, match="another member"):
        check_keys(replace(th, keys=(foreign,)))
    own, log = (next(key for key in th.keys if key.use == use) for use in ("tls", "statement"))
    with pytest.raises(Malformed, match="another key or use"):
        check_keys(replace(th, keys=(replace(own, certificate=log.certificate),)))
