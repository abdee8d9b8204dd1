"""Report on a lost key: what it signed, and which of that a witness's cosignature shows to be from before the loss.

A thief can date a statement back, so a time in a statement or an entry shows nothing. A head that a witness cosigned
before the loss does: every entry under it was there. So each thing that the key signed is one of three:

- `covered`: its entry is under a head that was cosigned before the loss; it is the owner's.
- `claimed`: its entry says that it is from before, and no cosignature from before shows it.
- `after`: its entry is from after the loss.

For the last two, the first cosignature of a head over the entry is told as well: by then it existed. A log key signs
heads and no statements: all entries beyond the covered ones are under heads that it can have signed.
"""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import orjson

from gateway.audit.reading.opened import Opened, OpenedLogs, hits_of, records_of
from gateway.audit.tree.checkpoint import Checkpoint, key_id, parse_checkpoint, raw_key
from gateway.audit.tree.cosignature import Witness, verify_cosignatures
from gateway.clock import SECOND_US
from gateway.errors import LiaisonError
from gateway.model.evidence.witness import CosignedHead
from gateway.statements.envelope import signer_of
from gateway.trust.documents.descriptor import KeyUse, ListedKey

Progress = Callable[[int, int], None]

_STEP = 8_192


class Proof(StrEnum):
    """The evidence that something was signed before the loss."""

    COVERED = "covered"
    CLAIMED = "claimed"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class LostKey:
    """A key, as descriptors list it: its member, and every certificate that it ever had."""

    member: str
    key_id: str
    use: str
    spki: bytes
    certificates: frozenset[bytes]


@dataclass(frozen=True, slots=True)
class Signed:
    """Something that the key signed: its kind (`what`), its entry, and when a witness first cosigned that (seconds
    since 1970; 0: never)."""

    what: str
    log: str
    index: int
    time_us: int
    kind: str
    peer: str
    exchange_id: str
    proof: Proof
    cosigned_s: int


@dataclass(slots=True)
class KeyReport:
    """The result. `covered` gives for each log how many entries were there before the loss, and when that was cosigned;
    `counts` are by kind and proof; `suspects` are not covered, oldest first, up to the limit; `closed` counts entries
    that cannot be opened, and `lost` those of them whose key is lost."""

    key: LostKey
    since_us: int
    covered: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: Counter[tuple[str, Proof]] = field(default_factory=Counter)
    suspects: list[Signed] = field(default_factory=list)
    closed: int = 0
    lost: int = 0


class Coverage:
    """The entries of a log that were under cosigned heads, and by when. Only cosignatures that verify count."""

    def __init__(self, heads: Iterable[CosignedHead], witnesses: Sequence[Witness], now_us: int) -> None:
        found = []
        for head in heads:
            try:
                checkpoint = parse_checkpoint(head.checkpoint)
            except LiaisonError:
                continue
            times = [item.time_s for item in verify_cosignatures(checkpoint, head.lines, witnesses, now_us)]
            if times and checkpoint.size == head.size:
                found.append((head.size, min(times)))
        self._heads = sorted(found)
        self._sizes = [size for size, _ in self._heads]
        # The first time at which any head at least as large was cosigned: the smallest from here to the end.
        self._first = [time_s for _, time_s in self._heads]
        for at in range(len(self._first) - 2, -1, -1):
            self._first[at] = min(self._first[at], self._first[at + 1])

    def before(self, time_us: int) -> tuple[int, int]:
        """Return size and time of the largest head that was cosigned before `time_us`; 0 where there is none."""
        early = [(size, time_s) for size, time_s in self._heads if time_s * SECOND_US < time_us]
        return max(early, default=(0, 0))

    def first(self, index: int) -> int:
        """Return when an entry was first under a cosigned head; 0 where it never was."""
        at = bisect_right(self._sizes, index)
        return self._first[at] if at < len(self._first) else 0


def lost_key(name: str, own: str, descriptors: Mapping[str, Iterable[Sequence[ListedKey]]]) -> list[LostKey]:
    """Return the keys that `name` can mean: `statement` (our own), `vn/statement`, or 8 or more digits of a key id."""
    found: dict[str, tuple[str, ListedKey, set[bytes]]] = {}
    for member, versions in descriptors.items():
        for keys in versions:
            for key in keys:
                named = name in (f"{member}/{key.use}", key.use if member == own else "")
                if named or (len(name) >= 8 and key.key_id.startswith(name)):
                    found.setdefault(key.key_id, (member, key, set()))[2].add(key.certificate)
    return [
        LostKey(member, key.key_id, key.use, key.spki, frozenset(certificates - {b""}))
        for member, key, certificates in found.values()
    ]


def key_report(
    logs: OpenedLogs,
    key: LostKey,
    since_us: int,
    coverage: Mapping[str, Coverage],
    limit: int,
    *,
    own: str,
    progress: Progress | None = None,
) -> KeyReport:
    """Read every entry of a home, and report what the key signed. Raises `Contradicted`, `Malformed`."""
    report = KeyReport(key, since_us)
    bounds = {log: logs.bounds(log) for log in logs.logs()}
    total, done = sum(stop - start for start, stop in bounds.values()), 0
    for log, (start, stop) in bounds.items():
        size, time_s = coverage[log].before(since_us) if log in coverage else (0, 0)
        report.covered[log] = (size, time_s)
        for first in range(start, stop, _STEP):
            for opened in logs.rows(log, first, min(stop, first + _STEP)):
                report.closed += opened.private is None
                report.lost += opened.lost
                for what in signed_by(opened, key, own):
                    _note(report, what, log, opened, size, coverage.get(log), limit)
            done += min(stop, first + _STEP) - first
            if progress is not None:
                progress(done, total)
    return report


def _note(
    report: KeyReport, what: str, log: str, opened: Opened, covered: int, coverage: Coverage | None, limit: int
) -> None:
    entry = opened.entry
    if entry.index < covered:
        proof = Proof.COVERED
    else:
        proof = Proof.CLAIMED if entry.time_us < report.since_us else Proof.AFTER
    report.counts[(what, proof)] += 1
    if proof is not Proof.COVERED and len(report.suspects) < limit:
        cosigned_s = coverage.first(entry.index) if coverage else 0
        place = (log, entry.index, entry.time_us, entry.kind, entry.peer, entry.exchange_id)
        report.suspects.append(Signed(what, *place, proof, cosigned_s))


def signed_by(opened: Opened, key: LostKey, own: str) -> Iterator[str]:
    """Yield the kinds of things in an entry that the key signed, by its content, verified when it was logged."""
    if key.use == KeyUse.LOG:
        if key.member == own:
            yield "entry"
        elif _their_head_by(opened, key):
            yield "head"
        return
    if key.use.startswith("agency/"):
        yield from ("record" for certificate in _certificates(opened) if certificate in key.certificates)
        return
    for what, data in (("request", opened.request), ("answer", opened.answer), ("statement", _statement(opened))):
        if data and signer_of(data) == key.key_id:
            yield what


def _their_head_by(opened: Opened, key: LostKey) -> bool:
    text = opened.private.get("their_checkpoint") if opened.private else None
    if not isinstance(text, str):
        return False
    try:
        head: Checkpoint = parse_checkpoint(text.encode())
        known_as = key_id(head.origin, raw_key(key.spki))
    except LiaisonError:
        return False
    return any((line.name, line.key_id) == (head.origin, known_as) for line in head.signatures)


def _statement(opened: Opened) -> bytes:
    """Return the statement that an entry keeps in its private part; empty where there is none."""
    text: Any = opened.private.get("statement") if opened.private else None
    try:
        return base64.b64decode(text, validate=True) if isinstance(text, str) else b""
    except (binascii.Error, ValueError):
        return b""


def _certificates(opened: Opened) -> Iterator[bytes]:
    """Yield the certificates in the records of an answer, and of a notice."""
    for record in (*(hit.record for hit in hits_of(opened.answer)), *records_of(opened.request)):
        head = record.partition(".")[0]
        try:
            chain = orjson.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))["x5c"] if head else []
            yield from (base64.b64decode(item) for item in chain[:1])
        except (ValueError, KeyError, TypeError, binascii.Error):
            continue
