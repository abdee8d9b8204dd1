"""The layout of an export in its folder, shared by its writer and its readers.

::

    export.json              the manifest: member, time, range, mandate, logs, SHA-256 of every other file
    export.sig               a signed note over the manifest's hash, by the log key
    trust/…                  charter, descriptors, statuses and the auditor's appointment: carried for convenience, and
                             verified under the auditor's own charter
    policies/<hash>.json     the policies that decided
    names/<table>.tsv        the member's own rows of the tables of names
    <log>-<number>/checkpoint          the newest head (C2SP tlog-checkpoint)
    <log>-<number>/heads.jsonl         {"head":…}: earlier heads, at most one for each 256 entries
    <log>-<number>/continued.json      where the log goes on under the next number because entries are lost: the first
                                       entry of that number, with its proof under that number's newest head
    <log>-<number>/tile/…              C2SP tlog-tiles: hashes and bundles of entries; where the export is of a time,
                                       hashes of level 1 and above are of the whole log, the others of its part
    <log>-<number>/openings/<first>.jsonl     for each segment of 16,384 entries:
                                       {"index":…,"private":base64}, {"index":…,"erased":key id},
                                       {"index":…,"lost":key id}, {"index":…,"withheld":ground} or
                                       {"index":…,"problem":code}
    <log>-<number>/statements/<first>.jsonl   {"index":…,"request":base64,"answer":base64}
    export.part              while it is being written: the plan, and what is finished

Every line has exactly the form above, so that large files need no JSON parser.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from gateway.audit.reading.evidence import Row
from gateway.audit.tree.tiles import WIDTH
from gateway.errors import Malformed
from gateway.signing import strict_json

VERSION: Final = 2
MANIFEST: Final = "export.json"
SIGNATURE: Final = "export.sig"
PART: Final = "export.part"
CHECKPOINT: Final = "checkpoint"
HEADS: Final = "heads.jsonl"
CONTINUED: Final = "continued.json"
CHARTER: Final = "trust/charter.jsonl"
APPOINTMENT: Final = "trust/appointment.json"
OPENINGS: Final = "openings"
STATEMENTS: Final = "statements"
POLICIES: Final = "policies"
NAMES: Final = "names"

_BASE64 = rb"([A-Za-z0-9+/]*={0,2})"
_INDEX = rb'\{"index":(0|[1-9][0-9]{0,17}),'
_PRIVATE = re.compile(_INDEX + rb'"private":"' + _BASE64 + rb'"\}\n')
_CLOSED = re.compile(_INDEX + rb'"(erased|lost|withheld|problem)":"([A-Za-z0-9./-]{1,80})"\}\n')
_STATEMENT = re.compile(_INDEX + rb'"request":"' + _BASE64 + rb'","answer":"' + _BASE64 + rb'"\}\n')
_WHYS: Final = (b"erased", b"withheld", b"problem", b"lost")
_CLOSED_WORD = re.compile(r"[A-Za-z0-9./-]{1,80}", re.ASCII)


@dataclass(frozen=True, slots=True)
class LogRange:
    """The part of a log that an export holds: of `size` entries those in [first, stop), shown are [low, high).

    `first` and `stop` are at the edges of bundles. Where the log goes on, the export also holds the entries beside the
    shown ones: their times prove that nothing of the requested time is left out.
    """

    size: int
    first: int
    stop: int
    low: int
    high: int

    @staticmethod
    def whole(size: int, pruned: int = 0) -> LogRange:
        """Return the range of all entries of a log, of which the first `pruned` are gone."""
        return LogRange(size, pruned, size, pruned, size)

    @staticmethod
    def between(size: int, low: int, high: int, *, all_entries: bool, pruned: int = 0) -> LogRange:
        """Return the range of the bundles around the shown entries; with `all_entries` that of all bundles."""
        if all_entries:
            return LogRange(size, pruned, size, low, high)
        first = max(pruned, max(0, low - 1) // WIDTH * WIDTH)
        stop = min(size, -(-(high + 1) // WIDTH) * WIDTH)
        return LogRange(size, first, stop, low, high)

    def check(self) -> None:
        """Raise `Malformed` for a range that no export has."""
        ordered = 0 <= self.first <= self.low <= self.high <= self.stop <= self.size
        if not ordered or self.first % WIDTH or (self.stop % WIDTH and self.stop != self.size):
            raise Malformed("a log's range is none", code="bad-export", where="export")


def export_origin(member: str) -> str:
    """Return the name of the note that signs a member's exports."""
    return f"{member}.liaison.internal/export"


def log_folder(log: str) -> str:
    """Return the folder of a log, such as `exchange-1`."""
    return log.replace("/", "-")


def lines_name(kind: str, start: int) -> str:
    """Return the name of the file with the openings or statements of the segment that begins at `start`."""
    return f"{kind}/{start:012d}.jsonl"


def opening_line(index: int, private: bytes) -> bytes:
    """Return the line of a private part that is shown."""
    return b'{"index":%d,"private":"%b"}\n' % (index, base64.b64encode(private))


def closed_line(index: int, why: str, word: str) -> bytes:
    """Return the line of a hidden private part. `why` is `erased` or `lost` (`word`: key), `withheld` (ground) or
    `problem` (code)."""
    fitting = word if _CLOSED_WORD.fullmatch(word) else "unknown"
    return b'{"index":%d,"%b":"%b"}\n' % (index, why.encode(), fitting.encode())


def statement_line(index: int, request: bytes, answer: bytes) -> bytes:
    """Return the line of an entry's statements."""
    return b'{"index":%d,"request":"%b","answer":"%b"}\n' % (
        index,
        base64.b64encode(request),
        base64.b64encode(answer),
    )


def head_line(head: bytes) -> bytes:
    """Return the line of a signed head."""
    return strict_json.dumps({"head": head.decode()}) + b"\n"


@dataclass(frozen=True, slots=True)
class Opening:
    """A private part in an export, or why it is not there."""

    private: bytes | None = None
    erased: str = ""
    withheld: str = ""
    problem: str = ""
    lost: str = ""


def read_opening(line: bytes) -> tuple[int, Opening]:
    """Return the index and the opening in a line. Raises `Malformed`."""
    if found := _PRIVATE.fullmatch(line):
        return int(found[1]), Opening(_decode(found[2]))
    if closed := _CLOSED.fullmatch(line):
        word = closed[3].decode()
        return int(closed[1]), Opening(None, *(word if why == closed[2] else "" for why in _WHYS))
    raise _bad_line("an opening")


def read_statement(line: bytes) -> tuple[int, tuple[bytes, bytes]]:
    """Return the index, request and answer in a line. Raises `Malformed`."""
    found = _STATEMENT.fullmatch(line)
    if found is None:
        raise _bad_line("a pair of statements")
    return int(found[1]), (_decode(found[2]), _decode(found[3]))


def read_head(line: bytes, limit: int) -> bytes:
    """Return the head in a line. Raises `Malformed`."""
    value: Any = strict_json.loads(line, limit)
    if not isinstance(value, Mapping) or set(value) != {"head"} or not isinstance(value["head"], str):
        raise _bad_line("a head")
    return value["head"].encode()


def row_of(index: int, body: bytes, leaf: bytes, opening: Opening | None, kept: tuple[bytes, bytes] | None) -> Row:
    """Return the row of an entry with its opening and its statements in an export."""
    request, answer = kept or (b"", b"")
    found = opening or Opening()
    why = {"erased": found.erased, "problem": found.problem, "withheld": found.withheld, "lost": found.lost}
    return Row(index, body, leaf, found.private, request, answer, **why)


def _decode(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise _bad_line("base64") from error


def _bad_line(what: str) -> Malformed:
    return Malformed(
        "a line is not {what}", code="bad-export", where="export", remedy="get the whole export again", what=what
    )
