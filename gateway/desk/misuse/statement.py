"""The statement "not this person", as text that a person carries: `LN1.<payload>.<signature>`, about 400 characters.

The owner of a record signs that the holder of one of some documents is not the person of that record. It names no
person: the documents are in it as hashes with a salt, so that only the holder of a document can be compared with it.
It proves nothing else, hides no hit, and ends by itself.
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from base64 import urlsafe_b64decode
from typing import Any, Protocol

import msgspec

from gateway.errors import BadSignature, LiaisonError, Malformed
from gateway.matching.identifiers import asked_number
from gateway.model.handed.tokens import MAX_DOCUMENTS, MAX_TOKEN
from gateway.model.names import MemberId, identifier, member_id
from gateway.model.query import DocumentQuery
from gateway.records.sdjwt import base64url
from gateway.records.types import RECORD_TYPES
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey
from gateway.signing.multi_buffer.batch import Signs, sign_batch
from gateway.trust.documents.descriptor import KeyUse, agency_use

PREFIX = "LN1."
LONGEST_US = 366 * 86_400_000_000
"""The longest time for which a token holds."""

_CONTEXT = b"liaison not this person 1\n"
_SHAPE = re.compile(r"LN1\.([A-Za-z0-9_-]{1,1300})\.([A-Za-z0-9_-]{86})", re.ASCII)
_ID, _KEY = re.compile(r"[0-9a-f]{32}", re.ASCII), re.compile(r"[0-9a-f]{64}", re.ASCII)
_SALT, _DIGEST = re.compile(r"[A-Za-z0-9_-]{22}", re.ASCII), re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_ISSUER = re.compile(r"[A-Z]{3}", re.ASCII)
_MEMBERS = ("i", "a", "k", "j", "r", "s", "d", "n", "x")
_SKEW_S = 30


class ListedKeys(Protocol):
    """The listed keys of members; `gateway.trust.view.TrustView` implements it."""

    def verify_key(self, member: str, key_id: str, use: str, at_us: int) -> VerifyKey:
        """Return the key of an active member for exactly this use. Raises `BadSignature` if it is not listed."""


class NotThisPerson(msgspec.Struct, frozen=True):
    """The statement: who says it, about which type of record, for which documents. Times are seconds since 1970."""

    member: MemberId
    agency: str
    key_id: str
    id: str
    record_type: str
    salt: str
    documents: tuple[str, ...]
    issued: int
    expires: int

    def fits(self, number: str, issuer: str) -> bool:
        """Tell whether a document is one of those that it is about."""
        digest = document_digest(self.salt, number, issuer)
        return any(hmac.compare_digest(digest, one) for one in self.documents)


def document_digest(salt: str, number: str, issuer: str) -> str:
    """Return the hash of a document under a salt. Raises `Malformed` for an invalid number or issuer."""
    if not _ISSUER.fullmatch(issuer):
        raise Malformed(
            "a document has the code of the country that issued it",
            code="bad-issuer",
            where="issuer",
            remedy="three letters, such as THA",
        )
    key = asked_number(DocumentQuery(number, issuer)).key
    return base64url(hashlib.sha256(f"{salt}\n{issuer}\n{key}".encode()).digest())


def write_token(said: NotThisPerson, key: Signs) -> str:
    """Return the signed text. Raises what the key does."""
    value = {
        "i": said.member,
        "a": said.agency,
        "k": said.key_id,
        "j": said.id,
        "r": said.record_type,
        "s": said.salt,
        "d": list(said.documents),
        "n": said.issued,
        "x": said.expires,
    }
    payload = msgspec.json.encode(value)
    (signature,) = sign_batch([(key, _CONTEXT + payload)])
    if isinstance(signature, Exception):
        raise signature
    return f"{PREFIX}{base64url(payload)}.{base64url(signature)}"


def read_token(text: str, keys: ListedKeys, now_us: int) -> NotThisPerson:
    """Return the statement in a text that its owner's listed key signed; its time is for the caller to look at.

    Blanks and ends of lines, as a scanner or a print leaves them, are passed over. Raises `Malformed` for a text that
    is none, and `BadSignature` for one that is forged, or whose key is not listed any more.
    """
    compact = "".join(text[: 4 * MAX_TOKEN].split())
    match = _SHAPE.fullmatch(compact) if len(compact) <= MAX_TOKEN else None
    if match is None:
        raise _bad("it is not of the form LN1.….…")
    payload, signature = _decoded(match[1]), _decoded(match[2])
    said = _statement(strict_json.loads(payload, MAX_TOKEN))
    _verify(said, keys, payload, signature, now_us)
    if said.issued > now_us // 1_000_000 + _SKEW_S:
        raise _bad("it is from the future")
    return said


def _verify(said: NotThisPerson, keys: ListedKeys, payload: bytes, signature: bytes, now_us: int) -> None:
    """Verify the signature by the agency's key, or by its node's where the agency holds its own key elsewhere."""
    problem: LiaisonError | None = None
    for use in (agency_use(said.agency), KeyUse.STATEMENT):
        try:
            keys.verify_key(said.member, said.key_id, use, now_us).verify(signature, _CONTEXT + payload)
        except LiaisonError as error:
            problem = problem or error
        else:
            return
    raise BadSignature("no listed key of its owner signed it", code="forged-token", where="token") from problem


def _statement(value: Any) -> NotThisPerson:
    if not isinstance(value, dict) or tuple(value) != _MEMBERS:
        raise _bad("its members are others")
    documents, times = value["d"], (value["n"], value["x"])
    texts = [value[name] for name in ("i", "a", "k", "j", "r", "s")]
    if not all(type(text) is str for text in texts) or any(type(time) is not int for time in times):
        raise _bad("a member is of another type")
    forms = ((_KEY, value["k"]), (_ID, value["j"]), (_SALT, value["s"]))
    if not all(form.fullmatch(text) for form, text in forms) or value["r"] not in RECORD_TYPES:
        raise _bad("a member has another form")
    if not isinstance(documents, list) or not 1 <= len(documents) <= MAX_DOCUMENTS:
        raise _bad("it names one to four documents")
    if not all(type(one) is str and _DIGEST.fullmatch(one) for one in documents):
        raise _bad("a document has another form")
    if not 0 < times[0] < times[1] <= times[0] + LONGEST_US // 1_000_000:
        raise _bad("its time is none")
    member, agency = member_id(value["i"]), identifier(value["a"], "agency")
    return NotThisPerson(member, agency, value["k"], value["j"], value["r"], value["s"], tuple(documents), *times)


def _decoded(text: str) -> bytes:
    try:
        data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:  # a length that no bytes have
        data = b""
    if base64url(data) != text:
        raise _bad("a part is not base64url in its one spelling")
    return data


def _bad(why: str) -> Malformed:
    return Malformed(
        "this is no token `not this person`: {why}",
        code="bad-person-token",
        where="token",
        remedy="scan it again; the hit stands",
        why=why,
    )
