"""The descriptor: a member's description of itself, signed by its own authority (design, section 3).

A DSSE document over JSON with closed fields. A key that is not listed is refused, whatever certificate it has. Keys
stay listed after their use, so that old evidence can be verified.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from cryptography.x509 import Certificate

from certs.keyfiles import Algorithm
from certs.names import CertificateUse, label
from certs.profile import Leaf, read_leaf, read_online_ca, spki_of_certificate
from gateway.errors import BadSignature, Malformed
from gateway.model.desk.notices import NoticeType
from gateway.model.desk.offices import ANY_OFFICE, Addressable, Contact
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.query import OF_AGENCIES, QUERIES, QueryKind
from gateway.signing import strict_json
from gateway.signing.dsse import Document, decode64, encode64, parse_document, sign_document, verify_threshold
from gateway.signing.keys import SigningKey, VerifyKey
from gateway.signing.witness_keys import WitnessKey
from gateway.trust.documents.fields import Fields, format_time
from gateway.trust.documents.members import CharterMember
from gateway.trust.documents.office_fields import offices_as_json, read_addressable, read_contacts
from gateway.trust.documents.source_kinds import SourceKind, read_source_kinds
from gateway.trust.documents.statement_versions import versions_in

DESCRIPTOR_TYPE = "application/vnd.liaison.descriptor.v1+json"

MAX_KEYS = 256
MAX_ENDPOINTS = 32
MAX_UNITS = 4_096

_ENDPOINT = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:]{2,39}\]):([1-9][0-9]{0,4})", re.ASCII)
_OPTIONAL = ("contacts", "facing", "national_desks", "reads", "sources", "takes")
_REQUIRED = ("agencies", "endpoints", "federation", "issued", "keys", "member", "offices", "previous", "version")
_KEY_REQUIRED = ("algorithm", "key_id", "not_after", "not_before", "spki", "use")
_HASH = re.compile(r"[0-9a-f]{64}", re.ASCII)


class KeyUse(StrEnum):
    """The use of a listed key; agencies' keys have `agency/<agency>` instead (`agency_use`)."""

    TLS = "tls"
    STATEMENT = "statement"
    LOG = "log"
    WITNESS = "witness"
    DOMESTIC_WITNESS = "domestic-witness"
    STATUS = "status"
    ONLINE_CA = "online-ca"
    APPROVER = "approver"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"
    DATA_OFFICER = "data-officer"


CERTIFIED = {CertificateUse.NODE: "tls", CertificateUse.STATEMENT: "statement", CertificateUse.STATUS: "status"}
"""The descriptor's word for the use that a certificate names; agencies have `agency/<agency>`."""

WITNESSES = frozenset((KeyUse.WITNESS, KeyUse.DOMESTIC_WITNESS))
"""Uses of keys that cosign heads: of the node for other countries' logs, of the auditor's machine for our own."""

PERSONS = (KeyUse.APPROVER, KeyUse.ADMINISTRATOR, KeyUse.DATA_OFFICER)
"""Uses of keys of persons that a home hands to its authority as public keys; an auditor is appointed instead."""


_MAX_VERSIONS = 64
_VERSION = re.compile(r"[a-z][a-z-]{0,31}\.v[1-9][0-9]{0,3}", re.ASCII)
_AGENCY = "agency/"


def agency_use(agency: str) -> str:
    """Return the use of an agency's record-signing key."""
    return f"{_AGENCY}{agency}"


@dataclass(frozen=True, slots=True)
class ListedKey:
    """A key that a member allows for one use. `certificate` (DER) is given for P-256 keys with a certified use, and for
    its online CA.

    It may be used from `start_us` until before `stop_us`; from `compromised_us` on it proves nothing (None: not
    compromised). Microseconds since 1970, whole seconds in the document.
    """

    key_id: str
    use: str
    algorithm: Algorithm
    spki: bytes
    certificate: bytes
    start_us: int
    stop_us: int
    compromised_us: int | None = None

    def leaf(self) -> Leaf:
        """Return the certificate, which must certify this key for this use. Raises `Malformed`."""
        leaf = read_leaf(self.certificate)
        if leaf.spki != self.spki or certified_use(leaf) != self.use:
            raise Malformed(
                "the certificate of key `{key_id}` is for another key or use", code="bad-key", key_id=self.key_id[:16]
            )
        return leaf

    def online_ca(self, member: str) -> Certificate:
        """Return the certificate of the member's online CA, which must be of this key. Raises `Malformed`."""
        certificate = read_online_ca(self.certificate, member)
        if spki_of_certificate(certificate) != self.spki:
            raise Malformed("the certificate is for another key", code="bad-key", where="descriptor.keys")
        return certificate


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A descriptor. `hash` is SHA-256 of its exact payload, `data` the signed document.

    `previous` is the hash of the version before, empty for the first. `reads` names the versions of statements that the
    member reads, and says nothing of a statement that it does not name (`trust.statement_versions`); names that we do
    not know are kept. `sources` are the kinds of sources that it can be asked about; empty: it does not say (decision
    0046). `takes` are the types of notices that it takes, with their
    versions; empty: none (decision 0071). `addressable` says which offices may be addressed by which (decision 0082),
    `contacts` whom humans phone there (decision 0084).
    """

    member: MemberId
    version: int
    federation: str
    issued_us: int
    endpoints: tuple[str, ...]
    offices: tuple[str, ...]
    agencies: tuple[str, ...]
    keys: tuple[ListedKey, ...]
    previous: str
    hash: bytes = b""
    data: bytes = b""
    reads: tuple[str, ...] = ()
    sources: tuple[SourceKind, ...] = ()
    takes: tuple[str, ...] = ()
    addressable: Addressable = ANY_OFFICE
    contacts: tuple[Contact, ...] = ()

    def can_take(self, notice: NoticeType) -> bool:
        """Tell whether the member takes notices of this type, in any version."""
        return any(each.rpartition(".")[0] == notice for each in self.takes)

    def can_be_asked(self, query: str) -> bool:
        """Tell whether a source takes queries of this kind, as far as the member says; or its library, for reports."""
        if query not in OF_AGENCIES:
            return bool(versions_in(self.reads, QUERIES[QueryKind(query)].part))
        return not self.sources or any(query in source.queries for source in self.sources)


def certified_use(leaf: Leaf) -> str:
    """Return the descriptor's word for the use of a certificate."""
    name = leaf.name
    return agency_use(name.name) if name.use is CertificateUse.AGENCY else CERTIFIED.get(name.use, name.use.value)


def sign_descriptor(descriptor: Descriptor, keys: Sequence[SigningKey]) -> bytes:
    """Return the signed document of a descriptor, after reading it back."""
    data = sign_document(DESCRIPTOR_TYPE, strict_json.dumps(_as_json(descriptor)), keys)
    parse_descriptor(data)
    return data


def parse_descriptor(data: bytes) -> tuple[Descriptor, Document]:
    """Return a descriptor with closed fields, its signatures not yet verified. Raises `Malformed`, `BadSignature`."""
    data = data.rstrip(b"\n")
    document = parse_document(data, DESCRIPTOR_TYPE)
    value = strict_json.loads(document.payload, len(document.payload))
    return _read(value, document.payload, data), document


def verify_descriptor(data: bytes, member: CharterMember, federation: str) -> Descriptor:
    """Return a descriptor that the member's own authority signed, under the charter's threshold:

    1. it parses, with closed fields;
    2. it is this member's, and of this federation (CASE-J7);
    3. enough different keys of the authority signed (CASE-J1, CASE-J2).

    `check_keys` admits its keys once, when it is accepted; a view admits each again at first use.
    """
    descriptor, document = parse_descriptor(data)
    if descriptor.federation != federation:
        raise BadSignature(
            "a descriptor for another federation, `{federation}`",
            code="other-federation",
            federation=descriptor.federation,
        )
    if descriptor.member != member.member:
        raise BadSignature(
            "a descriptor of `{member}`, not of `{other_member}`",
            code="other-member",
            member=descriptor.member,
            other_member=member.member,
        )
    verify_threshold(document, member.authority_keys, member.authority_threshold)
    return descriptor


def fits_log(key: ListedKey) -> bool:
    """Tell whether a key, if it is listed for heads of logs, is of the only kind that signs them."""
    return key.use != KeyUse.LOG or key.algorithm is Algorithm.ED25519


def check_keys(descriptor: Descriptor) -> None:
    """Admit every key; certificates must be of this member, key, use and time. Raises `BadSignature`, `Malformed`."""
    for listed in descriptor.keys:
        if not fits_log(listed):
            raise BadSignature(
                "key `{key_id}` is listed for `log`, and only Ed25519 keys sign heads of logs",
                code="key-not-admitted",
                key_id=listed.key_id[:16],
            )
        key = WitnessKey.admit(listed.spki) if listed.use in WITNESSES else VerifyKey.admit(listed.spki)
        if key.key_id != listed.key_id or key.algorithm is not listed.algorithm:
            raise BadSignature(
                "key `{key_id}` is not what its entry says", code="key-not-admitted", key_id=listed.key_id[:16]
            )
        if listed.use == KeyUse.ONLINE_CA:
            listed.online_ca(descriptor.member)
        elif listed.certificate and listed.leaf().name.member != descriptor.member:
            raise BadSignature(
                "the certificate of key `{key_id}` is another member's", code="other-member", key_id=listed.key_id[:16]
            )


def _as_json(descriptor: Descriptor) -> dict[str, Any]:
    value: dict[str, Any] = {
        "agencies": list(descriptor.agencies),
        "endpoints": list(descriptor.endpoints),
        "federation": descriptor.federation,
        "issued": format_time(descriptor.issued_us),
        "keys": [_key_as_json(key) for key in descriptor.keys],
        "member": descriptor.member,
        "offices": list(descriptor.offices),
        "previous": descriptor.previous,
        "version": descriptor.version,
    }
    if descriptor.reads:
        value["reads"] = list(descriptor.reads)
    if descriptor.sources:
        value["sources"] = [source.as_json() for source in descriptor.sources]
    if descriptor.takes:
        value["takes"] = list(descriptor.takes)
    return value | offices_as_json(descriptor.addressable, descriptor.contacts)


def _key_as_json(key: ListedKey) -> dict[str, Any]:
    value: dict[str, Any] = {
        "algorithm": key.algorithm.value,
        "key_id": key.key_id,
        "not_after": format_time(key.stop_us),
        "not_before": format_time(key.start_us),
        "spki": encode64(key.spki),
        "use": key.use,
    }
    if key.certificate:
        value["certificate"] = encode64(key.certificate)
    if key.compromised_us is not None:
        value["compromised_since"] = format_time(key.compromised_us)
    return value


def _read(value: Any, payload: bytes, data: bytes) -> Descriptor:
    fields = Fields(value, "descriptor", _REQUIRED, _OPTIONAL)
    previous = fields.text("previous")
    version = fields.number("version")
    if (previous != "" and not _HASH.fullmatch(previous)) or (version == 1) != (previous == ""):
        raise Malformed("every version but the first names the hash of the one before", code="bad-descriptor")
    descriptor = Descriptor(
        member=member_id(fields.text("member")),
        version=version,
        federation=identifier(fields.text("federation"), "descriptor.federation"),
        issued_us=fields.time_us("issued"),
        endpoints=tuple(endpoint(text) for text in fields.texts("endpoints", MAX_ENDPOINTS)),
        offices=tuple(identifier(text, "descriptor.offices") for text in fields.texts("offices", MAX_UNITS)),
        agencies=tuple(label(text, "descriptor.agencies") for text in fields.texts("agencies", MAX_UNITS)),
        keys=tuple(_read_key(item) for item in fields.items("keys", MAX_KEYS)),
        previous=previous,
        hash=hashlib.sha256(payload).digest(),
        data=data,
        reads=_read_versions(fields, "reads"),
        sources=read_source_kinds(fields) if fields.has("sources") else (),
        takes=_read_versions(fields, "takes"),
        addressable=read_addressable(fields),
        contacts=read_contacts(fields),
    )
    if not descriptor.addressable.offices | {each.office for each in descriptor.contacts} <= set(descriptor.offices):
        raise Malformed(
            "a national desk, facing office or office with a contact is one of the offices", code="bad-descriptor"
        )
    if len({key.key_id for key in descriptor.keys}) != len(descriptor.keys):
        raise Malformed("a key is listed once, for one use", code="bad-descriptor")
    _check_uses(descriptor.keys, descriptor.agencies)
    return descriptor


def _read_versions(fields: Fields, name: str) -> tuple[str, ...]:
    """Return a list of versions of statements; none where the descriptor has no such member."""
    if not fields.has(name):
        return ()
    versions = fields.texts(name, _MAX_VERSIONS)
    if not versions or not all(_VERSION.fullmatch(text) for text in versions):
        raise Malformed("not versions of statements", code="bad-field", where=f"descriptor.{name}")
    return versions


def endpoint(text: str) -> str:
    """Return `text` when it is `host:port` (an IPv6 address in brackets), else raise `Malformed`."""
    match = _ENDPOINT.fullmatch(text)
    if not match or int(match.group(1)) > 65_535:
        raise Malformed(
            "`{text!a}` is not an endpoint",
            code="bad-endpoint",
            remedy="host:port, such as 192.0.2.7:7443",
            text=text[:80],
        )
    return text


def _read_key(value: Any) -> ListedKey:
    fields = Fields(value, "descriptor.keys", _KEY_REQUIRED, ("certificate", "compromised_since"))
    spki = decode64(fields.text("spki"))
    if fields.text("key_id") != hashlib.sha256(spki).hexdigest():
        raise Malformed("a key's id is the hash of the key", code="bad-key", where="descriptor.keys")
    try:
        algorithm = Algorithm(fields.text("algorithm"))
    except ValueError as error:
        raise Malformed("an unknown algorithm", code="bad-key", where="descriptor.keys") from error
    key = ListedKey(
        key_id=fields.text("key_id"),
        use=fields.text("use"),
        algorithm=algorithm,
        spki=spki,
        certificate=decode64(fields.text("certificate")) if fields.has("certificate") else b"",
        start_us=fields.time_us("not_before"),
        stop_us=fields.time_us("not_after"),
        compromised_us=fields.time_us("compromised_since") if fields.has("compromised_since") else None,
    )
    if key.start_us >= key.stop_us:
        raise Malformed("a key's time ends before it begins", code="bad-key", where="descriptor.keys")
    return key


def _check_uses(keys: Iterable[ListedKey], agencies: Sequence[str]) -> None:
    """Refuse unknown uses; a certified use needs a P-256 key with its certificate."""
    certified = {*CERTIFIED.values(), KeyUse.ONLINE_CA, *(agency_use(agency) for agency in agencies)}
    for key in keys:
        if key.use not in certified and key.use not in frozenset(KeyUse):
            raise Malformed("`{use!a}` is not a use", code="unknown-use", where="descriptor.keys", use=key.use[:80])
        if key.use in certified and (key.algorithm is not Algorithm.P256 or not key.certificate):
            raise Malformed(
                "a key for `{use}` is P-256 and certified", code="bad-key", where="descriptor.keys", use=key.use
            )
        if key.algorithm is Algorithm.MLDSA44 and key.use not in WITNESSES:
            raise Malformed("an ML-DSA key is a witness's, and nothing else", code="bad-key", where="descriptor.keys")
        if key.use not in certified and key.certificate:
            raise Malformed(
                "a key for `{use}` has no certificate", code="bad-key", where="descriptor.keys", use=key.use
            )


def mark_compromised(key: ListedKey, since_us: int) -> ListedKey:
    """Return the key as not trusted from `since_us` on; an earlier time that is known stays."""
    return replace(key, compromised_us=min(since_us, key.compromised_us or since_us))
