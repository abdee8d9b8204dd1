"""Verifying a signed record (SD-JWT, RFC 9901, section 7.1), in a profile without options.

Everything that the RFC leaves open is closed here: one algorithm, one header, one list of members, one
certificate, flat disclosures. Content that another library would ignore is refused.
"""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from gateway.errors import BadSignature, Forbidden, Malformed, Refused, Stale, TooLarge
from gateway.model.marking import PUBLIC_CAVEATS, Level, Onward, UseCode
from gateway.model.names import MemberId
from gateway.model.purpose import Purpose
from gateway.records.sdjwt import TYP, base64url, digest_of
from gateway.records.types import BY_VCT, RecordType
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey

MAX_COMPACT = 24 * 1024
"""Characters of a record as it travels: fields, certificate and signature in base64."""

SKEW_US = 30_000_000
"""The largest difference between clocks, in microseconds."""

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_DIGEST = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_SALT = re.compile(r"[A-Za-z0-9_-]{22,64}", re.ASCII)
_ISSUER = re.compile(r"([a-z]{2})\.([a-z0-9](?:[a-z0-9._-]{0,58}[a-z0-9])?)", re.ASCII)
_JTI = re.compile(r"[0-9a-f]{32}", re.ASCII)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_EVALUATION = re.compile(r"[ABCX][1-4]", re.ASCII)

_MEMBERS: Mapping[str, type] = {
    "iss": str,
    "aud": str,
    "iat": int,
    "exp": int,
    "vct": str,
    "owner": str,
    "request": str,
    "jti": str,
    "marking": dict,
    "_sd_alg": str,
    "_sd": list,
}
_MARKING_LISTS: Mapping[str, frozenset[str]] = {
    "use": frozenset(UseCode),
    "caveats": frozenset(PUBLIC_CAVEATS),
    "purposes": frozenset(Purpose),
}
_MARKING_CODES: Mapping[str, type[StrEnum]] = {"level": Level, "onward": Onward}


class RecordKeys(Protocol):
    """The listed keys of agencies; `gateway.trust.view.TrustView` implements it."""

    def record_key(self, member: MemberId, agency: str, certificate_der: bytes, at_us: int) -> tuple[VerifyKey, bool]:
        """Return the certificate's key, and true if it is the agency's own. Raises `BadSignature` if not listed."""


@dataclass(frozen=True, slots=True)
class VerifiedRecord:
    """A record that passed all checks: only the disclosed fields, and the marking that must be obeyed.

    `own_key` is False when the node held the agency's key: then the record is the node's word. `undisclosed`
    counts fields of the type that are not shown, withheld or unknown to the owner. `iat` and `exp` are seconds since
    1970.
    """

    type: str
    owner: str
    member: MemberId
    agency: str
    own_key: bool
    fields: dict[str, Any]
    undisclosed: int
    marking: dict[str, Any]
    jti: str
    iat: int
    exp: int


def verify_record(
    text: str, keys: RecordKeys, *, member: MemberId, audience: MemberId, request_hash: bytes, now_us: int
) -> VerifiedRecord:
    """Return the record in `text`, when every check holds:

    1. size, and the parts of an SD-JWT without key binding
    2. the header is ours: `ES256`, our `typ`, one certificate, and nothing else (no `crit`, no other key)
    3. the payload has exactly our members, each of its type, and `sha-256` digests
    4. the record type is known, and has its fixed number of distinct digests
    5. the issuer is an agency of `member`, and owns the record
    6. the certificate's key is listed for this very agency at `now_us`
    7. the signature is that key's
    8. the record is for us, and answers our request
    9. it is not expired, and not from the future
    10. the marking holds known values only
    11. each disclosure is named by one digest, each digest is used once, each field comes once
    12. each field belongs to the type, and its value fits

    Nothing of the content is believed before 7. Raises `Malformed`, `TooLarge`, `BadSignature`, `Forbidden` or
    `Stale`; any other fault inside is `BadSignature`, never a pass.
    """
    try:
        return _verify(text, keys, member, audience, request_hash, now_us)
    except Refused:
        raise
    except Exception as error:
        raise BadSignature("the record could not be verified", where="record") from error


def claimed_id(text: str) -> str:
    """Return the id (`jti`) of a record of our own, whose signature is not verified. Raises `Malformed`."""
    _, body, _, _ = _split(text)
    return str(_payload(body)["jti"])


def read_own_record(text: str) -> dict[str, Any]:
    """Return type, owner, fields and marking of a record in our own log, whose signature is not verified.

    Raises `Malformed`, `BadSignature`.
    """
    _, body, _, disclosures = _split(text)
    payload = _payload(body)
    kind = _kind(payload)
    fields = _disclosed(disclosures, payload["_sd"], kind)
    return {"type": kind.name, "owner": payload["owner"], "fields": fields, "marking": payload["marking"]}


def _verify(
    text: str, keys: RecordKeys, member: MemberId, audience: MemberId, request_hash: bytes, now_us: int
) -> VerifiedRecord:
    header, body, signature, disclosures = _split(text)  # 1
    certificate = _certificate(header)  # 2
    payload = _payload(body)  # 3
    kind = _kind(payload)  # 4
    agency = _agency(payload, member)  # 5
    key, own = keys.record_key(member, agency, certificate, now_us)  # 6
    key.verify(_raw_signature(signature), f"{header}.{body}".encode())  # 7
    _check_audience(payload, audience, request_hash)  # 8
    _check_time(payload, now_us)  # 9
    _check_marking(payload["marking"])  # 10
    fields = _disclosed(disclosures, payload["_sd"], kind)  # 11
    kind.encode(fields)  # 12
    return VerifiedRecord(
        type=kind.name,
        owner=payload["owner"],
        member=member,
        agency=agency,
        own_key=own,
        fields=fields,
        undisclosed=len(kind.fields) - len(fields),
        marking=payload["marking"],
        jti=payload["jti"],
        iat=payload["iat"],
        exp=payload["exp"],
    )


def _split(text: str) -> tuple[str, str, str, list[str]]:
    if len(text) > MAX_COMPACT:
        raise TooLarge("more than {limit} characters", code="record-too-large", where="record", limit=MAX_COMPACT)
    jwt, *disclosures, end = text.split("~") if "~" in text else (text, "?")
    parts = jwt.split(".")
    if end or len(parts) != 3 or not all(map(_BASE64URL.fullmatch, (*parts, *disclosures))):
        raise _malformed("not an SD-JWT without key binding")
    return parts[0], parts[1], parts[2], disclosures


def _certificate(header: str) -> bytes:
    members = _object(header)
    if members.keys() != {"alg", "typ", "x5c"} or members["alg"] != "ES256" or members["typ"] != TYP:
        raise BadSignature("the header is not that of a record", code="bad-record-header", where="record.header")
    chain = members["x5c"]
    if type(chain) is not list or len(chain) != 1 or type(chain[0]) is not str:
        raise BadSignature("not exactly one certificate", code="bad-record-header", where="record.header.x5c")
    try:
        return b64decode(chain[0], validate=True)
    except (Base64Error, ValueError) as error:
        raise _malformed("the certificate is not base64") from error


def _payload(body: str) -> dict[str, Any]:
    payload = _object(body)
    if payload.keys() != _MEMBERS.keys():
        raise _malformed("members are missing or unknown", "record.payload")
    for name, kind in _MEMBERS.items():
        if type(payload[name]) is not kind:
            raise _malformed("a value has another type", f"record.payload.{name}")
    if payload["_sd_alg"] != "sha-256" or not _JTI.fullmatch(payload["jti"]):
        raise _malformed("unknown digest algorithm or id", "record.payload")
    return payload


def _kind(payload: Mapping[str, Any]) -> RecordType:
    kind = BY_VCT.get(payload["vct"])
    if kind is None:
        raise Malformed("unknown record type", code="unknown-record-type", where="record.payload.vct")
    digests = payload["_sd"]
    if len(digests) != kind.digests or not all(type(item) is str and _DIGEST.fullmatch(item) for item in digests):
        raise _malformed(f"not {kind.digests} digests", "record.payload._sd")
    if len(set(digests)) != kind.digests:
        raise _malformed("a digest stands twice", "record.payload._sd")
    return kind


def _agency(payload: Mapping[str, Any], member: MemberId) -> str:
    issuer = _ISSUER.fullmatch(payload["iss"])
    if issuer is None:
        raise _malformed("not `<member>.<agency>`", "record.payload.iss")
    if issuer[1] != member or payload["owner"] != payload["iss"]:
        raise BadSignature("the signer does not own the record", code="not-the-owner", where="record.payload.iss")
    return issuer[2]


def _raw_signature(text: str) -> bytes:
    raw = _bytes(text)
    if len(raw) != 64:
        raise BadSignature("not 64 bytes of r and s", where="record.signature")
    return raw


def _check_audience(payload: Mapping[str, Any], audience: MemberId, request_hash: bytes) -> None:
    if payload["aud"] != audience:
        raise Forbidden("the record is for somebody else", code="wrong-audience", where="record.payload.aud")
    if payload["request"] != base64url(request_hash):
        raise Forbidden("the record answers another request", code="wrong-request", where="record.payload.request")


def _check_time(payload: Mapping[str, Any], now_us: int) -> None:
    issued, expires = payload["iat"] * 1_000_000, payload["exp"] * 1_000_000
    if issued > now_us + SKEW_US:
        raise Stale("the record is from the future", code="from-the-future", where="record.payload.iat")
    if expires <= now_us or expires <= issued:
        raise Stale("the record is expired", code="expired", where="record.payload.exp")


def _check_marking(marking: Mapping[str, Any]) -> None:
    once = marking.get("delete_after_use", True)
    if marking.keys() - {"delete_after_use"} != {*_MARKING_LISTS, *_MARKING_CODES, "not_after", "evaluation"}:
        raise _marking_refused("members are missing or unknown")
    if once is not True:
        raise _marking_refused("unknown value of `delete_after_use`")
    for name, known in _MARKING_LISTS.items():
        if not _are_texts(marking[name]) or not known.issuperset(marking[name]):
            raise _marking_refused(f"unknown value of `{name}`")
    for name, codes in _MARKING_CODES.items():
        if marking[name] not in [code.value for code in codes]:
            raise _marking_refused(f"unknown value of `{name}`")
    texts = (marking["not_after"], marking["evaluation"])
    if not _are_texts(texts) or not _MOMENT.fullmatch(texts[0]) or not _EVALUATION.fullmatch(texts[1]):
        raise _marking_refused("unknown time or evaluation")


def _are_texts(values: Any) -> bool:
    return isinstance(values, list | tuple) and all(type(value) is str for value in values)


def _disclosed(disclosures: Sequence[str], digests: Sequence[str], kind: RecordType) -> dict[str, Any]:
    unused = set(digests)
    fields: dict[str, Any] = {}
    for text in disclosures:
        digest = digest_of(text)
        if digest not in unused:
            raise BadSignature("no digest names a disclosure", code="foreign-disclosure", where="record")
        unused.remove(digest)
        triple = strict_json.loads(_bytes(text), MAX_COMPACT)
        if type(triple) is not list or len(triple) != 3 or not _are_texts(triple[:2]):
            raise _malformed("a disclosure is not `[salt, name, value]`")
        salt, name, value = triple
        if not _SALT.fullmatch(salt):
            raise _malformed("a disclosure has no proper salt")
        if name in fields or name not in kind.by_name:
            raise Malformed(
                "`{name!a}` is not a field of {kind}, or comes twice",
                code="unknown-field",
                where="record",
                name=name[:40],
                kind=kind.name,
            )
        fields[name] = value
    return fields


def _object(text: str) -> dict[str, Any]:
    value = strict_json.loads(_bytes(text), MAX_COMPACT)
    if type(value) is not dict:
        raise _malformed("not a JSON object")
    return value


def _bytes(text: str) -> bytes:
    """Return the bytes of base64url in its only spelling: no padding, and no bits left over (RFC 4648, 3.5)."""
    try:
        data = b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
    except (Base64Error, ValueError) as error:
        raise _malformed("not base64url") from error
    if base64url(data) != text:
        raise _malformed("not base64url")
    return data


_STANDARD = str.maketrans("-_", "+/")


def _malformed(message: str, where: str = "record") -> Malformed:
    return Malformed(message, code="bad-record", where=where)


def _marking_refused(message: str) -> Forbidden:
    return Forbidden(message, code="unknown-marking", where="record.payload.marking")
