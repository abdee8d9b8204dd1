"""Heads in the memory of witnesses, and cosignatures of our own heads."""

from __future__ import annotations

import msgspec


class WitnessedHead(msgspec.Struct, frozen=True):
    """The newest head of a log that we cosigned as its witness: `checkpoint` is the log's signed note."""

    origin: str
    size: int
    root: bytes
    checkpoint: bytes
    time_us: int


class HeadEvidence(msgspec.Struct, frozen=True):
    """Two signed heads of one log that contradict each other; `code` says how (`fork`, `behind`)."""

    origin: str
    code: str
    known: bytes
    offered: bytes
    time_us: int


class CosignedHead(msgspec.Struct, frozen=True):
    """A head of our own with the signature lines of its witnesses."""

    size: int
    checkpoint: bytes
    lines: tuple[bytes, ...]
    time_us: int
