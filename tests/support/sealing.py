"""Keys, samples and forgeries for tests of statements and records, without a federation around them."""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from liaison.exchange.v1 import envelope_pb2
from liaison.exchange.v1 import statements_pb2 as pb

from gateway.clock import to_us
from gateway.errors import BadSignature
from gateway.model.exchange import Answer, Outcome, Receipt, Request
from gateway.model.hit import Hit, IssuedRecord, Quality, SourceRecord
from gateway.model.marking import Level, Marking, Onward, ReleaseMarking, UseCode
from gateway.model.names import ExchangeId, MemberId
from gateway.model.purpose import Offence, Purpose
from gateway.model.query import PersonQuery
from gateway.model.requester import Requester
from gateway.model.values import NameForm, PartialDate, Sex
from gateway.records.sdjwt import RecordIssuer, base64url, issue
from gateway.records.verify import VerifiedRecord, verify_record
from gateway.signing.dsse import pae
from gateway.signing.keys import SigningKey, VerifyKey

TH, VN, KH = MemberId("th"), MemberId("vn"), MemberId("kh")
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
NOW = to_us(NOON)
SECOND = 1_000_000
HOUR = 3600 * SECOND
EXCHANGE = ExchangeId("00112233445566778899aabbccddeeff")
REQUEST_HASH = hashlib.sha256(b"a request").digest()


def new_key() -> SigningKey:
    """A fresh P-256 key."""
    return SigningKey(ec.generate_private_key(ec.SECP256R1()))


@dataclass
class ListedKeys:
    """Keys as members list them: (member, key id, use) with the times in which they count."""

    statements: dict[tuple[str, str, str], tuple[VerifyKey, int, int]] = field(default_factory=dict)
    records: dict[tuple[str, str, bytes], tuple[VerifyKey, bool]] = field(default_factory=dict)

    def add(self, member: str, key: SigningKey, use: str = "statement", start: int = 0, stop: int = 2**62) -> None:
        """List a key."""
        self.statements[(member, key.key_id, use)] = (key.verify_key(), start, stop)

    def add_agency(self, issuer: RecordIssuer, key: SigningKey, own: bool = True) -> None:
        """List an agency's key by its certificate."""
        self.records[(issuer.member, issuer.agency, issuer.certificate_der)] = (key.verify_key(), own)

    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        """The key, or `BadSignature`."""
        key, start, stop = self.statements.get((member, key_id, use), (None, 0, 0))
        if key is None or not start <= at_us < stop:
            raise BadSignature("not listed", code="not-listed")
        return key

    def record_key(self, member: str, agency: str, certificate_der: bytes, at_us: int) -> tuple[VerifyKey, bool]:
        """The agency's key, or `BadSignature`."""
        found = self.records.get((member, agency, certificate_der))
        if found is None:
            raise BadSignature("not listed", code="not-listed")
        return found


REQUEST = Request(
    exchange_id=EXCHANGE,
    sender=TH,
    recipient=VN,
    issued_us=NOW,
    expires_us=NOW + 60 * SECOND,
    purpose=Purpose.BORDER_CHECK,
    offence=Offence.TIP,
    case="TH/2026-0042",
    ticket="",
    agreement="gms-border-2026",
    requester=Requester("blo-officer", "th.blo.aranyaprathet", "police", "o-5f2a"),
    token_commitment=b"\1" * 32,
    query=PersonQuery((NameForm("สมชาย ใจดี", "Thai", "th"),), PartialDate("1980"), Sex.MALE, "THA"),
    trust_hash=b"\2" * 32,
    policy_hash=b"\3" * 32,
)

HIT = Hit("aGl0LXJlZmVyZW5jZQ", Quality.STRONG, "Person", ("name: same after folding", "birth year"), "", "")

ANSWER = Answer(
    exchange_id=EXCHANGE,
    sender=VN,
    recipient=TH,
    request_hash=REQUEST_HASH,
    issued_us=NOW,
    outcome=Outcome.NO_HIT,
    withheld_commitment=b"\4" * 32,
)

RECEIPT = Receipt(
    sender=TH,
    recipient=VN,
    first=1,
    through=9,
    exchanges_hash=b"\5" * 32,
    gaps=(3, 5),
    previous=b"",
    issued_us=NOW,
)


def envelope_of(payload: bytes, payload_type: str, key: SigningKey, **changes: Any) -> bytes:
    """An envelope with a proper signature, of which `changes` (`sig`, `keyid`) replace parts."""
    signature: dict[str, Any] = {"sig": key.sign(pae(payload_type, payload)), "keyid": key.key_id} | changes
    envelope = envelope_pb2.Envelope(
        payload=payload, payload_type=payload_type, signatures=[envelope_pb2.Signature(**signature)]
    )
    return envelope.SerializeToString()


def payload_of(envelope: bytes) -> bytes:
    """The payload inside an envelope."""
    return envelope_pb2.Envelope.FromString(envelope).payload


def request_message(envelope: bytes) -> pb.Request:
    """The payload of a request, to be changed."""
    return pb.Request.FromString(payload_of(envelope))


PERSON: dict[str, Any] = {
    "names": [
        {"text": "สมชาย ใจดี", "script": "Thai", "lang": "th"},
        {"text": "SOMCHAI JAIDEE", "script": "Latn"},
    ],
    "birth": {"value": "1980-02-03", "calendar": "BE", "original": "03/02/2523"},
    "sex": "M",
    "nationalities": ["THA"],
    "national_ids": [{"scheme": "THA-PIN", "issuer": "THA", "number": "1100000000000"}],
    "documents": [{"doc_code": "P", "issuer": "THA", "number": "ZZ0000001"}],
    "addresses": ["99/9 ถนนตัวอย่าง"],
    "warnings": ["ARMED"],
    "status": "WANTED",
}

RECORD = SourceRecord("kh.customs.declarations", "row-1", "Person", "kh.customs", PERSON, Marking())

MARKING = ReleaseMarking(
    level=Level.OFFICIAL,
    use=frozenset({UseCode.NOT_ONWARD}),
    caveats=frozenset(),
    onward=Onward.ASK,
    purposes=frozenset({"BORDER_CHECK"}),
    not_after=NOON + timedelta(days=30),
)


class Agency:
    """An agency with a listed key that issues, and that can be made to issue what it should not."""

    def __init__(self, member: MemberId = KH, agency: str = "customs", own: bool = True) -> None:
        self.key = new_key()
        self.issuer = RecordIssuer(self.key, f"certificate of {member}.{agency}".encode(), member, agency)
        self.keys = ListedKeys()
        self.keys.add_agency(self.issuer, self.key, own)

    def issue(self, record: SourceRecord = RECORD, **changes: Any) -> IssuedRecord:
        """A record for Thailand."""
        values: dict[str, Any] = {
            "audience": TH,
            "request_hash": REQUEST_HASH,
            "marking": MARKING,
            "now_us": NOW,
        } | changes
        return issue(record, issuer=self.issuer, **values)

    def verify(self, text: str, **changes: Any) -> VerifiedRecord:
        """Verify as Thailand would."""
        values: dict[str, Any] = {"member": KH, "audience": TH, "request_hash": REQUEST_HASH, "now_us": NOW} | changes
        keys = values.pop("keys", self.keys)
        return verify_record(text, keys, **values)

    def forge(
        self,
        header: dict[str, Any] | str | None = None,
        payload: dict[str, Any] | str | None = None,
        disclosures: tuple[str, ...] = (),
    ) -> str:
        """A properly signed record with another header, other members of the payload, or other disclosures.

        A dict is merged (a value of None drops the member); a text is taken as the exact JSON.
        """
        head, body, _ = self.issue().jwt.split(".")
        parts = [_changed(head, header), _changed(body, payload)]
        signature = self.key.sign(".".join(parts).encode())
        return "~".join([".".join([*parts, base64url(signature)]), *disclosures, ""])


def disclosure(name: Any, value: Any, salt: Any = "c2FsdHNhbHRzYWx0c2FsdA") -> str:
    """A disclosure as it travels."""
    return base64url(json.dumps([salt, name, value]).encode())


def decoded(part: str) -> dict[str, Any]:
    """A part of a JWT as JSON."""
    claims: dict[str, Any] = json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def _changed(part: str, change: dict[str, Any] | str | None) -> str:
    if change is None:
        return part
    if isinstance(change, str):
        return base64url(change.encode())
    merged = {name: value for name, value in (decoded(part) | change).items() if value is not None}
    return base64url(json.dumps(merged).encode())
