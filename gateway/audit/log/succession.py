"""The place where a log goes on under the next number, because entries of the one before are lost.

The first entry of number N + 1 tells of it. Its public part names two signed heads of number N by the SHA-256 of the
text under their signatures: in `req` the largest one that is known, which shows the loss, and in `ans` the one over the
kept entries, empty where none are kept. The person, the reason and both heads in full stand in its private part.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.entries.entry import Entry, parse_entry
from gateway.audit.tree.checkpoint import Checkpoint, parse_checkpoint, signed_head
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.errors import BadSignature, Malformed
from gateway.ports.entries.events import CONTINUED
from gateway.ports.log_store import LogStore
from gateway.signing import strict_json
from gateway.signing.keys import VerifyKey

_MAX: Final = 1024 * 1024
_MEMBERS = {"entry", "hashes", "head"}


def split_name(log: str) -> tuple[str, int]:
    """Return the name and number of a log (`exchange/1`). Raises `Malformed`."""
    name, _, number = log.partition("/")
    if not number.isdigit():
        raise Malformed("`{log!a}` is not the name of a log", where="log", log=log[:40])
    return name, int(number)


def neighbour(log: str, step: int) -> str:
    """Return the name of the log whose number is `step` further: `neighbour("exchange/1", 1)` is `exchange/2`."""
    name, number = split_name(log)
    return f"{name}/{number + step}"


def by_number(logs: Iterable[str]) -> list[str]:
    """Return the names of logs, ordered by name and number."""
    return sorted(logs, key=split_name)


def newest_logs(logs: Iterable[str]) -> list[str]:
    """Return the newest number of each log."""
    return list({split_name(log)[0]: log for log in by_number(logs)}.values())


def text_hash(head: Checkpoint) -> bytes:
    """Return the hash by which an entry names a head."""
    return hashlib.sha256(head.text).digest()


@dataclass(frozen=True, slots=True)
class Continued:
    """The first entry of the number after a log. `proof` and `head` show in an export that it is there."""

    entry: Entry
    body: bytes
    proof: tuple[bytes, ...] = ()
    head: bytes = b""

    @property
    def log(self) -> str:
        """The log's name and number, such as `exchange/2`."""
        return self.entry.log.partition("/")[2]

    def lost(self, heads: Iterable[Checkpoint]) -> Checkpoint | None:
        """Return the one of `heads` that shows the loss, or None."""
        return next((head for head in heads if text_hash(head) == self.entry.request_hash), None)

    def kept(self, heads: Iterable[Checkpoint]) -> Checkpoint | None:
        """Return the one of `heads` over the kept entries, or None."""
        return next((head for head in heads if text_hash(head) == self.entry.answer_hash), None)

    def data(self) -> bytes:
        """Return the bytes that an export carries."""
        value = {
            "entry": self.body.decode(),
            "hashes": [item.hex() for item in self.proof],
            "head": self.head.decode(),
        }
        return strict_json.dumps(value) + b"\n"


def continued_in(store: LogStore, log: str) -> Continued | None:
    """Return the first entry after `log`; None where it is the newest number, or the next one has no entry yet."""
    for _, body, _ in store.bodies(neighbour(log, 1), 0, 1):
        entry = parse_entry(body)
        return Continued(entry, body) if entry.kind in CONTINUED else None
    return None


def read_continued(data: bytes, origin: str, keys: Sequence[VerifyKey]) -> Continued:
    """Return the continuation in an export, if it is the first entry under a head of the next log, `origin`.

    Raises `Malformed`, `BadSignature` (no listed log key signed the head), `BadProof`.
    """
    value: Any = strict_json.loads(data, _MAX)
    if not isinstance(value, dict) or value.keys() != _MEMBERS or not isinstance(value["hashes"], list):
        raise _bad()
    try:
        body, note = str(value["entry"]).encode(), str(value["head"]).encode()
        proof = tuple(bytes.fromhex(item) for item in value["hashes"])
    except (TypeError, ValueError) as error:
        raise _bad() from error
    entry, head = parse_entry(body), _signed(note, origin, keys)
    if entry.kind not in CONTINUED or (entry.log, entry.index) != (origin, 0):
        raise _bad()
    verify_inclusion(leaf_hash(body), 0, head.size, list(proof), head.root)
    return Continued(entry, body, proof, note)


def _signed(note: bytes, origin: str, keys: Sequence[VerifyKey]) -> Checkpoint:
    parse_checkpoint(note)
    head = signed_head(note, origin, keys)
    if head is None:
        raise BadSignature("the head of the next number is not signed by a listed log key", where=origin)
    return head


def _bad() -> Malformed:
    return Malformed("this is not how a log goes on", code="bad-export", where="export")
