"""The ceremony behind `liaison trust draft|sign|accept|show|verify|publish`: documents in, documents out.

Founding: `draft` (from the members' cards) → `sign` by each authority in its own folder → `import_document` at each
node, the first time with the fingerprint → `publish_descriptor` and `publish_status` at each node → each hands its
documents to the others, who import them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from certs.hsm.places import has_key
from certs.names import Holder
from certs.profile import Leaf, read_leaf
from gateway.clock import Clock, from_us, to_us
from gateway.errors import Malformed, Misconfigured
from gateway.model.desk.offices import ANY_OFFICE, Addressable, Contact
from gateway.model.names import MemberId
from gateway.signing import strict_json
from gateway.signing.dsse import MAX_DOCUMENT, add_signature, is_signed_by
from gateway.signing.keys import SigningKey, load_signing_key
from gateway.signing.public_files import load_public_key
from gateway.signing.witness_keys import load_witness_signing_key
from gateway.trust.ceremony.auditors import auditor_keys
from gateway.trust.ceremony.charter_changes import Changes
from gateway.trust.ceremony.gone_keys import noted_removals, replaced_keys
from gateway.trust.ceremony.listing import listed_leaf, listed_online_ca, next_keys, plain_key
from gateway.trust.ceremony.member_card import MemberCard
from gateway.trust.ceremony.witness_card import witness_cards
from gateway.trust.documents.appointment import APPOINTMENT_TYPE, parse_appointment
from gateway.trust.documents.charter import MAX_CHARTER, check_shape, draft_charter, parse_charter, sign_charter
from gateway.trust.documents.descriptor import (
    DESCRIPTOR_TYPE,
    PERSONS,
    Descriptor,
    KeyUse,
    ListedKey,
    agency_use,
    parse_descriptor,
    sign_descriptor,
)
from gateway.trust.documents.folder import Accepted, TrustDocuments
from gateway.trust.documents.members import CharterMember, MemberStatus
from gateway.trust.documents.removals import next_sequence, still_removed
from gateway.trust.documents.source_kinds import SourceKind, united
from gateway.trust.documents.statement_versions import READS, TAKES
from gateway.trust.documents.status import MAX_LIFE, STATUS_TYPE, Status, parse_status, sign_status

PERSON_FOLDERS = {use: f"{use}s" for use in PERSONS}
"""Folders of a home with the public keys (`*.pub`) of persons, by their uses."""

_PERSON_REMEDY = "`liaison trust person` makes key and public key"

CERTIFICATES = "certificates"
"""Folder of a home with the certificates (`*.pem`) of keys that agencies hold themselves."""

_SIGNED = b'{"payload"'
"""The first bytes of every signed document but a charter."""

_KINDS = ((DESCRIPTOR_TYPE, "descriptor"), (STATUS_TYPE, "status"), (APPOINTMENT_TYPE, "appointment"))
_CERTIFIED_FILES = ("tls", "statement", "status")
_WITNESS_FILES = ("witness", "witness-mldsa")


def draft(
    cards: Sequence[MemberCard],
    federation: str,
    threshold: int,
    clock: Clock,
    *,
    days: int = 365,
    previous: bytes = b"",
    changes: Changes = Changes(),  # noqa: B008 - it never changes
) -> bytes:
    """Return an unsigned charter of these members: the first one, or the successor of `previous`.

    Members of `previous` without a card stay as they are, but for the `changes`. The threshold 0 is the one before.
    """
    members: dict[str, CharterMember] = {}
    version = 1
    if previous:
        before = parse_charter(previous).charter
        federation, version, threshold = before.federation, before.version + 1, threshold or before.threshold
        members.update(before.members)
    for card in cards:
        if card.member in members and not previous:
            raise Malformed("there are two cards of `{member}`", code="two-cards", member=card.member)
        members[card.member] = CharterMember(card.member, MemberStatus.ACTIVE, (card.ca_pem,), (card.authority,))
    members = changes.applied(members)
    return draft_charter(federation, members, threshold, version=version, issued=clock.now(), days=days)


def sign(data: bytes, authority: Path) -> bytes:
    """Return the charter, descriptor or appointment with one more signature: that of the authority in this folder.

    An authority signs only a charter that has its key; raises `BadSignature` otherwise.
    """
    key = authority_key(authority)
    kind = kind_of(data)
    if kind == "charter":
        return sign_charter(data, key)
    _, document = parse_appointment(data) if kind == "appointment" else parse_descriptor(data)
    return add_signature(document, key)


def authority_key(folder: Path) -> SigningKey:
    """Return the key of the authority in `folder`. Raises `Misconfigured` for a folder without one."""
    file = folder / "authority.key"
    if not has_key(file):
        raise Misconfigured(
            "this is no authority's folder: it has no `authority.key`",
            code="no-authority",
            where=str(folder),
            remedy="name the folder that `liaison init --authority` made, with authority.key, ca.key, ca.pem and "
            "member.json; it is kept offline, and is not the node's home",
        )
    return load_signing_key(file)


def kind_of(data: bytes) -> str:
    """Return `charter`, `descriptor`, `status` or `appointment`, by the content of a document. Raises `Malformed`."""
    if data.startswith(_SIGNED):
        strict_json.check_items(data)
    else:
        check_shape(data)
    value = strict_json.loads(data.rstrip(b"\n"), max(MAX_CHARTER, MAX_DOCUMENT))
    if isinstance(value, dict) and "signed" in value:
        return "charter"
    for payload_type, kind in _KINDS:
        if isinstance(value, dict) and value.get("payloadType") == payload_type:
            return kind
    raise Malformed(
        "this is neither a charter nor a descriptor nor a status nor an appointment", code="unknown-document"
    )


def import_document(trust: Path, data: bytes, clock: Clock, fingerprint: str | None = None) -> list[Accepted]:
    """Take documents, one a line, into a trust folder; return the result for each. Stops at the first refused one.

    Raises what `TrustDocuments.accept_…` raises.
    """
    documents = TrustDocuments(trust)
    lines = [line for line in data.split(b"\n") if line.strip()]
    if not lines:
        raise Malformed("there is no document", code="unknown-document")
    return [import_line(documents, line, clock, fingerprint) for line in lines]


def publish_descriptor(
    home: Path,
    authority: Path,
    clock: Clock,
    *,
    endpoints: Sequence[str],
    offices: Sequence[str],
    agencies: Sequence[str],
    sources: Sequence[SourceKind] | None = None,
    compromised: Mapping[str, int] | None = None,
    restored: Collection[str] = (),
    addressable: Addressable | None = None,
    contacts: Sequence[Contact] = (),
) -> bytes:
    """Make, sign and accept the next descriptor of the home's member, and return it.

    It lists the keys of the home, the kinds of `sources`, which offices are `addressable` by which, and `contacts` of
    offices (None and an empty one: those of the version before). When it would equal the one held, and this
    authority signed that one, that one is returned. Keys that were listed before and have left the home stay listed, so
    that their signatures can be verified. When the charter demands more than one signature of
    the authority, the document is returned and not yet accepted: `sign` adds signatures, `import_document` accepts.
    `compromised` maps key ids to the time (microseconds since 1970) from which they prove nothing. Keys that the status
    removed are marked so, too: from the time that the home noted (`removal_notes`), else from that of the status. Those
    in `restored` are brought back.
    """
    key = authority_key(authority)
    documents = TrustDocuments(home / "trust")
    charter = documents.charter(clock)
    member = member_of(home)
    if member not in charter.members:
        raise Misconfigured(
            "`{member}` is not in the charter", code="not-a-member", remedy="accept the right charter", member=member
        )
    if key.key_id not in {listed.key_id for listed in charter.members[member].authority_keys}:
        raise Misconfigured(
            "the charter does not list this key as one of the authority of `{member}`",
            code="other-authority",
            where=str(authority / "authority.key"),
            remedy="give the folder of the authority of `{member}`",
            member=member,
        )
    before, now = documents.held_descriptor(member), clock.now_us()
    mine = home_keys(home, agencies, now)
    gone = replaced_keys(before, charter, mine) | noted_removals(documents, before, restored) | dict(compromised or {})
    descriptor = Descriptor(
        member=member,
        version=before.version + 1 if before else 1,
        federation=charter.federation,
        issued_us=now,
        endpoints=tuple(endpoints),
        offices=tuple(offices),
        agencies=tuple(dict.fromkeys([*agencies, *own_agencies(home), *(before.agencies if before else ())])),
        keys=next_keys(mine, before, gone),
        previous=before.hash.hex() if before else "",
        reads=READS,
        takes=TAKES,
        sources=united(sources) if sources is not None else before.sources if before else (),
        addressable=addressable if addressable is not None else before.addressable if before else ANY_OFFICE,
        contacts=tuple(contacts) or (before.contacts if before else ()),
    )
    if (
        before
        and _says_the_same(descriptor, before)
        and is_signed_by(parse_descriptor(before.data)[1], key.verify_key())
    ):
        return before.data
    data = sign_descriptor(descriptor, [key])
    if charter.members[member].authority_threshold == 1:
        documents.accept_descriptor(data, member, clock)
    return data


def publish_status(home: Path, clock: Clock, *, removed: Sequence[str] = (), life: timedelta = MAX_LIFE) -> bytes:
    """Make, sign (with the home's status key) and accept the member's next status, and return it.

    A key that an earlier status removed stays removed until a descriptor that was issued later (`removals`).
    """
    documents = TrustDocuments(home / "trust")
    charter = documents.charter(clock)
    member = member_of(home)
    descriptor = documents.descriptor(member, charter) if member in charter.members else None
    if descriptor is None:
        raise Misconfigured(
            "there is no descriptor of `{member}` yet",
            code="no-descriptor",
            remedy="`liaison trust publish`",
            member=member,
        )
    key = load_signing_key(home / "keys" / "status.key")
    with documents.locked():
        held, now = documents.statuses(descriptor), clock.now_us()
        status = Status(
            member=member,
            federation=charter.federation,
            sequence=next_sequence(held, descriptor, now),
            issued_us=now,
            expires_us=to_us(from_us(now) + life),
            descriptor_version=descriptor.version,
            descriptor_hash=descriptor.hash.hex(),
            removed=tuple(still_removed(held, descriptor) | frozenset(removed)),
        )
        data = sign_status(status, key)
        documents.accept_status(data, member, clock)
    return data


def home_keys(home: Path, agencies: Sequence[str], now_us: int) -> list[ListedKey]:
    """Return the keys of a home for its descriptor; an agency without a certificate in the home has none here.

    Raises `Misconfigured` for files that are missing or do not fit.
    """
    keys = home / "keys"
    files = [*_CERTIFIED_FILES, *(f"agency-{name}" for name in agencies if (keys / f"agency-{name}.pem").exists())]
    certified = [certified_key(keys / f"{file}.pem") for file in files]
    for file, key in zip(files, certified, strict=True):
        expected = file if file in _CERTIFIED_FILES else agency_use(file.removeprefix("agency-"))
        if key.use != expected:
            raise Misconfigured("the certificate is for `{use}`", code="bad-key-file", where=f"{file}.pem", use=key.use)
    own = [plain_key(load_signing_key(keys / "log.key"), KeyUse.LOG, now_us)]
    own += [
        plain_key(load_witness_signing_key(keys / f"{file}.key").public, KeyUse.WITNESS, now_us)
        for file in _WITNESS_FILES
        if file == "witness" or has_key(keys / f"{file}.key")  # a home of an earlier version has one kind
    ]
    persons = [
        plain_key(load_public_key(path, _PERSON_REMEDY), use, now_us)
        for use, folder in PERSON_FOLDERS.items()
        for path in sorted((home / folder).glob("*.pub"))
    ]
    domestic = [
        plain_key(key, KeyUse.DOMESTIC_WITNESS, now_us)
        for card in witness_cards(home, member_of(home))
        for key in card.keys
    ]
    auditors = auditor_keys(home / "trust", member_of(home))
    online = [listed_online_ca(path.read_bytes(), member_of(home)) for path in keys.glob("online-ca.pem")]
    return certified + own_agency_keys(home) + own + online + persons + domestic + auditors


def own_agency_keys(home: Path) -> list[ListedKey]:
    """Return the keys that agencies hold themselves, from the certificates handed in. Raises `Misconfigured`."""
    return [_own_agency_key(path) for path in sorted((home / CERTIFICATES).glob("*.pem"))]


def own_agencies(home: Path) -> list[str]:
    """Return the agencies that hold their key themselves."""
    return [key.leaf().name.name for key in own_agency_keys(home)]


def _own_agency_key(path: Path) -> ListedKey:
    key = certified_key(path)
    if key.leaf().name.held is not Holder.OWN:
        raise Misconfigured(
            "this is no certificate of an agency's own key, but for `{use}`",
            code="bad-key-file",
            where=str(path),
            remedy="hand in the record.pem that `liaison source init` made",
            use=key.use,
        )
    return key


def _says_the_same(new: Descriptor, held: Descriptor) -> bool:
    return held == replace(
        new, version=held.version, issued_us=held.issued_us, previous=held.previous, hash=held.hash, data=held.data
    )


def certified_key(path: Path) -> ListedKey:
    """Return the listing of the key of a certificate. Raises `Misconfigured`."""
    return listed_leaf(leaf_of(path))


def member_of(home: Path) -> MemberId:
    """Return the member of a home, by its statement certificate."""
    return leaf_of(home / "keys" / "statement.pem").name.member


def leaf_of(path: Path) -> Leaf:
    """Return the certificate in a file of a home. Raises `Misconfigured`."""
    try:
        return read_leaf(path.read_bytes())
    except (OSError, Malformed) as error:
        raise Misconfigured(
            "cannot be used: {error}",
            code="bad-key-file",
            where=str(path),
            remedy="`liaison init` makes it",
            error=error,
        ) from error


def import_line(documents: TrustDocuments, line: bytes, clock: Clock, fingerprint: str | None = None) -> Accepted:
    """Take one document into a trust folder. Raises what `TrustDocuments.accept_…` raises."""
    kind = kind_of(line)
    if kind == "charter":
        return documents.accept_charter(line, clock, fingerprint)
    if kind == "appointment":
        return documents.accept_appointment(line, clock)
    if kind == "descriptor":
        return documents.accept_descriptor(line, parse_descriptor(line)[0].member, clock)
    return documents.accept_status(line, parse_status(line)[0].member, clock)
