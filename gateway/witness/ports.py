"""The Protocols of witnessing: a witness's memory, and the way to our own witnesses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from gateway.model.evidence.witness import CosignedHead, HeadEvidence, WitnessedHead
from gateway.model.names import MemberId
from gateway.signing.keys import VerifyKey


class WitnessStore(Protocol):
    """A witness's memory, and the cosignatures of our heads. Failures are `StorageBroken`."""

    def witnessed(self, origin: str) -> WitnessedHead | None:
        """Return the newest head of a log that we cosigned, or None."""

    def origins(self) -> list[WitnessedHead]:
        """Return the newest head of every log that we cosigned."""

    def advance(self, before: WitnessedHead | None, head: WitnessedHead) -> bool:
        """Make `head` the newest, durably, while `before` still is. Return whether it did."""

    def keep_evidence(self, evidence: HeadEvidence, most: int) -> bool:
        """Keep two heads, unless they are kept or there are `most` of this log. Return whether it did."""

    def evidence(self) -> list[HeadEvidence]:
        """Return all evidence, the oldest first."""

    def seen(self, origin: str) -> bytes | None:
        """Return the largest head of a log that was seen signed, with or without our cosignature."""

    def put_seen(self, origin: str, size: int, checkpoint: bytes) -> None:
        """Keep a head as seen, unless a larger one is kept."""

    def put_cosignatures(self, log: str, size: int, checkpoint: bytes, lines: Sequence[bytes], time_us: int) -> None:
        """Keep signature lines of a head of our own log. Skips lines of a key that has one there already."""

    def cosignatures(self, log: str, size: int) -> list[bytes]:
        """Return the signature lines of the head of this size, each with its newline."""

    def cosigned(self, log: str, since: int = 0) -> list[CosignedHead]:
        """Return all cosigned heads of our own log from size `since` on, by size."""

    def recent(self, log: str, most: int) -> list[CosignedHead]:
        """Return the newest cosigned heads of our own log, at most so many, newest first."""

    def thin(self, before_us: int, every_us: int) -> int:
        """Delete heads cosigned before a time, except the first of each stretch of `every_us`. Return their number."""


class Evidence(Protocol):
    """The part of a witness's memory in which heads that contradict each other are kept."""

    def keep_evidence(self, evidence: HeadEvidence, most: int, /) -> bool:
        """Keep two heads, unless they are kept or there are `most` of this log. Return whether it did."""

    def evidence(self) -> list[HeadEvidence]:
        """Return all evidence, the oldest first."""


class ComparedLog(Protocol):
    """A log of ours that is compared with its witnesses; `gateway.audit.log.log.AuditLog` says what each part is."""

    @property
    def store_name(self) -> str:
        """Its name in the database."""

    @property
    def origin(self) -> str:
        """Its name in checkpoints."""

    @property
    def moved(self) -> str:
        """Words that say so when the newest head was signed on another database; else an empty text."""

    @property
    def checkpoint(self) -> bytes:
        """The newest signed head."""

    def root(self, size: int) -> bytes:
        """Return the root over the first `size` entries. Raises `Malformed` when there are not so many."""

    def follow(self) -> None:
        """Take up the entries of other processes."""


class WitnessedLogs(Protocol):
    """The logs that are witnessed here, and their owners."""

    def keys(self, caller: MemberId, origin: str) -> list[VerifyKey]:
        """Return the keys that may sign heads of this log now.

        Raises `Unknown` for a log that is not witnessed here, `Forbidden` for one that is not the caller's.
        """


class WitnessPeers(Protocol):
    """The way to the witnesses of our heads. `witness` is a member, or empty for the domestic witness."""

    async def add_checkpoint(self, witness: str, body: bytes, cosigned: bytes) -> bytes:
        """Return signature lines for the head in `body` (C2SP tlog-witness). `cosigned` is the largest head of that log
        that we hold with this witness's own cosignature, or empty.

        Raises `HeadConflict` with the size that the witness has, `BadProof` when it says that the proof does not hold,
        another `LiaisonError` when it cannot be asked or refuses.
        """

    async def remembered_head(self, witness: str, origin: str) -> bytes:
        """Return the largest head of our log that a witness remembers which was restored itself, and waits as we do.

        Raises `LiaisonError` when it cannot be asked, or does not wait.
        """

    async def largest_head(self, witness: str, origin: str) -> bytes:
        """Return the largest signed head of our log that the witness has seen; empty when there is none.

        Raises `LiaisonError` when it cannot be asked.
        """
