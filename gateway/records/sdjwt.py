"""Issuing the signed record: an SD-JWT (RFC 9901) with ES256 and the agency's certificate in `x5c`.

A record is issued for one answer: it names its recipient and the hash of the request, and its salts are fresh,
so two issues of the same record cannot be linked by their bytes. Each field is one disclosure; filtering only leaves
disclosures out. Decoys fill the digests up to the fixed number of the record type, so that withheld fields cannot be
counted. `verify.py` holds the other direction.
"""

from __future__ import annotations

import os
from base64 import b64encode
from binascii import b2a_base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256

import msgspec

from gateway.errors import Misconfigured
from gateway.model.hit import Disclosure, IssuedRecord, SourceRecord
from gateway.model.marking import ReleaseMarking
from gateway.model.names import MemberId
from gateway.records.types import compact_json, record_type
from gateway.signing.multi_buffer.batch import Signs, sign_batch

TYP = "liaison-record+sd-jwt"
"""The `typ` of a record's header."""

_SALT_BYTES = 18
_SALT_CHARACTERS = 24
_DIGEST_BYTES = 32


@dataclass(frozen=True, slots=True)
class RecordIssuer:
    """An agency's key and certificate. The JWT header never changes, so it is encoded once."""

    key: Signs
    certificate_der: bytes
    member: MemberId
    agency: str
    header: str = field(init=False)

    def __post_init__(self) -> None:
        header = {"alg": "ES256", "typ": TYP, "x5c": [b64encode(self.certificate_der).decode()]}
        object.__setattr__(self, "header", base64url(compact_json(header).encode()))

    @property
    def name(self) -> str:
        """`<member>.<agency>`: the issuer and owner in the record."""
        return f"{self.member}.{self.agency}"


class UnsignedRecord(msgspec.Struct, frozen=True):
    """A record that is ready to be signed."""

    key: Signs
    signed: str
    disclosures: Mapping[str, Disclosure]


def issue(
    record: SourceRecord,
    *,
    issuer: RecordIssuer,
    audience: MemberId,
    request_hash: bytes,
    marking: ReleaseMarking,
    now_us: int,
) -> IssuedRecord:
    """Return `record` signed by its owner for `audience` and this one request. Raises like `prepare`."""
    prepared = prepare(
        record, issuer=issuer, audience=audience, request_hash=request_hash, marking=marking, now_us=now_us
    )
    (issued,) = sign_records([prepared])
    if isinstance(issued, Exception):
        raise issued
    return issued


def sign_records(records: Sequence[UnsignedRecord]) -> list[IssuedRecord | Exception]:
    """Return the records of a batch with their signatures; the error if a key could not sign."""
    signatures = sign_batch([(record.key, record.signed.encode()) for record in records])
    return [
        signature
        if isinstance(signature, Exception)
        else IssuedRecord(f"{record.signed}.{base64url(signature)}", record.disclosures)
        for record, signature in zip(records, signatures, strict=True)
    ]


def prepare(
    record: SourceRecord,
    *,
    issuer: RecordIssuer,
    audience: MemberId,
    request_hash: bytes,
    marking: ReleaseMarking,
    now_us: int,
) -> UnsignedRecord:
    """Return `record`, to be signed by its owner (`customs` or `kh.customs`) for `audience` and this one request.

    The record expires when the marking says that the recipient must have deleted it. Raises `Malformed` or
    `TooLarge` when the fields do not fit the record type, `Misconfigured` when another agency owns the record.
    """
    if record.owner not in (issuer.agency, issuer.name):
        raise Misconfigured(
            "`{issuer}` cannot sign a record that `{owner!a}` owns",
            code="not-the-owner",
            where=record.source,
            remedy="the owner in the mapping and the agency of the key must be the same",
            issuer=issuer.name,
            owner=record.owner[:64],
        )
    kind = record_type(record.record_type)
    disclosures, digests = _disclose(kind.encode(record.fields), kind.digests)
    named = '","'.join(digests)
    # Every value in it is an id, a number, or base64url: nothing needs escaping.
    payload = (
        f'{{"iss":"{issuer.name}","aud":"{audience}","iat":{now_us // 1_000_000}'
        f',"exp":{int(marking.not_after.timestamp())},"vct":"{kind.vct}","owner":"{issuer.name}"'
        f',"request":"{base64url(request_hash)}","jti":"{_fresh_id(now_us)}","marking":{_marking_json(marking)}'
        f',"_sd_alg":"sha-256","_sd":["{named}"]}}'
    )
    return UnsignedRecord(issuer.key, f"{issuer.header}.{base64url(payload.encode())}", disclosures)


def _fresh_id(now_us: int) -> str:
    """Return a new `jti`: 32 bits of the second that `iat` tells as well, then 96 random ones.

    Rows of copies lie in the order of their ids: each id that is all random would have a page of the table of its own.
    """
    return f"{now_us // 1_000_000 & 0xFFFFFFFF:08x}{os.urandom(12).hex()}"


def present(issued: IssuedRecord, fields: Iterable[str]) -> str:
    """Return the compact form with the disclosures of `fields` only, in the type's order; absent ones are skipped."""
    wanted = frozenset(fields)
    shown = [disclosure.encoded for name, disclosure in issued.disclosures.items() if name in wanted]
    return "~".join([issued.jwt, *shown, ""])


def digest_of(disclosure: str) -> str:
    """Return the digest that names `disclosure` (RFC 9901, 4.2.3): over its base64url text, not the decoded bytes."""
    return base64url(sha256(disclosure.encode()).digest())


def base64url(data: bytes) -> str:
    """Return base64url without padding (RFC 7515, 2)."""
    return _url_safe(b2a_base64(data, newline=False)).decode()


def _disclose(encoded: Sequence[tuple[str, str]], total: int) -> tuple[dict[str, Disclosure], list[str]]:
    """Return a disclosure for each field, and `total` digests: theirs and decoys, sorted to hide their order."""
    salts = base64url(os.urandom(_SALT_BYTES * len(encoded)))
    starts = range(0, _SALT_CHARACTERS * len(encoded), _SALT_CHARACTERS)
    joined = _url_safe(
        b"~".join(
            [
                b2a_base64(f'["{salts[start : start + _SALT_CHARACTERS]}","{name}",{value}]'.encode(), newline=False)
                for start, (name, value) in zip(starts, encoded, strict=True)
            ]
        )
    )
    raw = [sha256(piece).digest() for piece in joined.split(b"~")] if encoded else []
    decoys = os.urandom(_DIGEST_BYTES * (total - len(encoded)))
    raw += [decoys[start : start + _DIGEST_BYTES] for start in range(0, len(decoys), _DIGEST_BYTES)]
    digests = _digest_texts(raw)
    made = map(Disclosure, digests, joined.decode().split("~"))
    # Ends with the last field: the digests that are left are the decoys'.
    disclosures = dict(zip([name for name, _ in encoded], made, strict=False))
    digests.sort()
    return disclosures, digests


def _digest_texts(digests: Sequence[bytes]) -> list[str]:
    """Return `base64url` of each of `digests`, in one call.

    With a zero byte after it, each takes 44 characters, the last of which encodes only that zero.
    """
    text = base64url(b"\0".join([*digests, b""]))
    return [text[start : start + 43] for start in range(0, 44 * len(digests), 44)]


def _url_safe(text: bytes) -> bytes:
    """Return the alphabet of base64url, without padding; takes a sixth of a translation's time for a record."""
    return text.replace(b"+", b"-").replace(b"/", b"_").replace(b"=", b"")


@lru_cache(maxsize=1024)
def _marking_json(marking: ReleaseMarking) -> str:
    """Return a marking as JSON; cached, since all records of a minute have the same few markings."""
    return compact_json(marking.as_json())
