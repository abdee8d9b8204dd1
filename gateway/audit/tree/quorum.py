"""The cosignatures on an export's heads: they show by when how much of a log stood as it is.

A line by an unlisted key means nothing. A line that names a listed key, and does not verify, is evidence against the
party that carries it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gateway.audit.tree.checkpoint import Checkpoint
from gateway.audit.tree.cosignature import FUTURE_S, Cosigned, Witness, cosignature_key_id, verify_cosignature
from gateway.clock import SECOND_US, rfc3339
from gateway.errors import LiaisonError
from gateway.model.evidence.witness import CosignedHead

MAX_LINES = 30
"""Cosignatures that are carried with a head; a note has 32 signatures at most."""


@dataclass(frozen=True, slots=True)
class Witnessed:
    """A head with the cosignatures that verify and count now."""

    head: Checkpoint
    by: tuple[Cosigned, ...]

    @property
    def counterparts(self) -> frozenset[str]:
        """The members whose nodes cosigned it."""
        return frozenset(item.member for item in self.by if not item.domestic)

    def reaches(self, quorum: int) -> bool:
        """Tell whether the domestic witness or at least `quorum` counterparts cosigned it."""
        return any(item.domestic for item in self.by) or len(self.counterparts) >= quorum

    def describe(self) -> str:
        """Return a sentence that names the cosigners, and the time by which all had signed."""
        names = sorted({item.member if not item.domestic else f"{item.member} (domestic)" for item in self.by})
        latest = rfc3339(max(item.time_s for item in self.by) * SECOND_US)
        return f"the first {self.head.size} entries stood by {latest}: cosigned by {', '.join(names)}"


def witnessed(
    heads: Iterable[Checkpoint], witnesses: Sequence[Witness], now_us: int
) -> tuple[list[Witnessed], list[str]]:
    """Return the cosigned heads, in the order of `heads`, and the faults of other lines by listed keys."""
    known: dict[tuple[str, bytes], Witness] = {
        (witness.name, cosignature_key_id(witness.name, witness.key)): witness for witness in witnesses
    }
    found, wrong = [], []
    for head in heads:
        by = []
        for signature, line in zip(head.signatures, lines_of(head.data), strict=True):
            witness = known.get((signature.name, signature.key_id))
            if witness is None:
                continue
            try:
                cosigned = verify_cosignature(head, line, witness)
            except LiaisonError as error:
                wrong.append(f"a cosignature of `{witness.name}` over {head.size} entries: {error.message}")
                continue
            if cosigned.time_s * SECOND_US <= now_us + FUTURE_S * SECOND_US:
                by.append(cosigned)
        if by:
            found.append(Witnessed(head, tuple(by)))
    return found, wrong


def lines_of(note: bytes) -> list[bytes]:
    """Return the signature lines of a signed note that was parsed, each with its newline."""
    return note.rpartition(b"\n\n")[2].splitlines(keepends=True)


def with_cosignatures(head: CosignedHead) -> bytes:
    """Return a head of our own as a note that carries its cosignatures."""
    return head.checkpoint + b"".join(head.lines[:MAX_LINES])
