"""An entry: the leaf of an audit log.

The *public part* is one JSON object in exactly one form: these members in this order, no white space, base64url without
padding for hashes, `""` and `null` for absent values. It is hashed as written, so there is nothing to canonicalise, and
bytes of another form are not an entry.

The *private part* is 32 random bytes and a JSON object padded with spaces to 512, 1024, 2048 … bytes. The public part
commits to it by SHA-256 over all of its bytes: the random bytes make the commitment unguessable (CASE-G18), the padding
hides its length.
"""

from __future__ import annotations

import base64
import hashlib
import re
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import orjson

from gateway.errors import Malformed
from gateway.ports.entries.events import EVENTS
from gateway.ports.journal import EntryDraft
from gateway.signing import strict_json

SALT_BYTES: Final = 32
SMALLEST_BUCKET: Final = 512
LARGEST_PRIVATE: Final = 1 << 20
"""Bytes of the largest private part."""

_HASH_BYTES = 32
_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_DRAFT = re.compile(r"(?:[a-z]{2})?\n(?:[0-9a-f]{32})?", re.ASCII)
_HASH = rb"([A-Za-z0-9_-]{42}[AEIMQUYcgkosw048])"
_ENTRY = re.compile(
    rb'\{"v":1,"log":"([a-z0-9./-]{1,80})","seq":(0|[1-9][0-9]{0,17}),"t":(0|[1-9][0-9]{0,17}),"kind":"([a-z-]{1,40})"'
    rb',"peer":"((?:[a-z]{2})?)","n":(null|[1-9][0-9]{0,17}),"xid":"((?:[0-9a-f]{32})?)"'
    rb',"req":"' + _HASH + rb'?","ans":"' + _HASH + rb'?","priv":"' + _HASH + rb'"\}'
)


class Entry(msgspec.Struct, frozen=True):
    """A public part. `log` is the log's origin; an absent hash is empty; `number` is the channel's counter."""

    log: str
    index: int
    time_us: int
    kind: str
    peer: str
    number: int | None
    exchange_id: str
    request_hash: bytes
    answer_hash: bytes
    commitment: bytes


def build_entry(entry: Entry) -> bytes:
    """Return the exact bytes of `entry`, whose draft `check_draft` has checked."""
    number = "null" if entry.number is None else entry.number
    return (
        f'{{"v":1,"log":"{entry.log}","seq":{entry.index},"t":{entry.time_us},"kind":"{entry.kind}"'
        f',"peer":"{entry.peer}","n":{number},"xid":"{entry.exchange_id}","req":"{_encode(entry.request_hash)}"'
        f',"ans":"{_encode(entry.answer_hash)}","priv":"{_encode(entry.commitment)}"}}'
    ).encode()


def check_draft(draft: EntryDraft, log_name: str) -> None:
    """Raise `Malformed` unless `draft` can be an entry of the log: nothing unescaped ever enters an entry."""
    kind, event = draft.kind, draft.event
    if event.log != log_name or EVENTS.get(kind) is not event:
        raise Malformed(
            "`{kind!a}` is not a kind of the {log_name} log",
            code="bad-kind",
            where="entry.kind",
            kind=kind[:40],
            log_name=log_name,
        )
    if not _DRAFT.fullmatch(f"{draft.peer}\n{draft.exchange_id}"):
        raise Malformed("not a member id, or not an exchange id", code="bad-entry", where="entry.peer")
    if any(len(value) not in (0, _HASH_BYTES) for value in (draft.request_hash, draft.answer_hash)):
        raise Malformed("a hash has 32 bytes", code="bad-entry", where="entry.req")


def parse_entry(body: bytes) -> Entry:
    """Return the entry in `body`. Raises `Malformed` for another form or version, or an unknown kind."""
    match = _ENTRY.fullmatch(body)
    if match is None:
        raise Malformed("the bytes are not an entry of version 1", code="bad-entry", where="entry")
    log, index, time_us, kind, peer, number, exchange_id, request_hash, answer_hash, commitment = match.groups()
    if kind.decode() not in EVENTS:
        raise Malformed("`{kind}` is not a kind of entry", code="bad-kind", where="entry.kind", kind=kind.decode())
    return Entry(
        log.decode(),
        int(index),
        int(time_us),
        kind.decode(),
        peer.decode(),
        None if number == b"null" else int(number),
        exchange_id.decode(),
        _decode(request_hash),
        _decode(answer_hash),
        _decode(commitment),
    )


def encode_private(private: Mapping[str, Any], salt: bytes) -> bytes:
    """Return the private part's bytes. Raises `Malformed` when `private` is not JSON or is too large."""
    try:
        text = orjson.dumps(private)
    except (TypeError, ValueError, RecursionError) as error:
        raise Malformed(
            "the private part is not JSON: {error}", code="bad-private", where="entry.private", error=error
        ) from error
    if len(text) > LARGEST_PRIVATE:
        raise Malformed("the private part is over 1 MiB", code="bad-private", where="entry.private")
    return salt + text.ljust(max(SMALLEST_BUCKET, 1 << (len(text) - 1).bit_length()))


def commitment(private: bytes) -> bytes:
    """Return the hash by which an entry commits to its private part."""
    return hashlib.sha256(private).digest()


def decode_private(private: bytes) -> dict[str, Any]:
    """Return the JSON object of a private part. Raises `Malformed`."""
    value = strict_json.loads(private[SALT_BYTES:], 2 * LARGEST_PRIVATE)
    if not isinstance(value, dict):
        raise Malformed("a private part is an object", code="bad-private", where="entry.private")
    return value


def _encode(value: bytes) -> str:
    return b2a_base64(value, newline=False).translate(_URL_SAFE, b"=").decode()


def _decode(text: bytes | None) -> bytes:
    return base64.urlsafe_b64decode(text + b"=") if text else b""
