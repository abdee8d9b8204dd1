"""Show where an entry stands: its leaf, the path to a signed head, and the witnesses who cosigned that head."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.audit.log.log import AuditLog
from gateway.audit.tree.checkpoint import Checkpoint
from gateway.audit.tree.cosignature import Cosigned, verify_cosignatures, witnesses_of
from gateway.audit.tree.merkle import leaf_hash, verify_inclusion
from gateway.clock import Clock
from gateway.errors import Contradicted, LiaisonError, Unknown
from gateway.model.evidence.witness import CosignedHead
from gateway.model.names import MemberId
from gateway.ports.log_store import LogStore
from gateway.trust.view import TrustView

_HEADS = 50
"""Cosigned heads that are looked at, the newest first."""


@dataclass(frozen=True, slots=True)
class Placed:
    """The proof of one entry: hashed together with `path`, its `leaf` gives the root of `head`. `cosigned` verified."""

    log: str
    index: int
    leaf: bytes
    path: Sequence[bytes]
    head: Checkpoint
    cosigned: Sequence[Cosigned]


@dataclass(frozen=True, slots=True)
class Places:
    """Proves entries of the logs that this process has open."""

    member: MemberId
    logs: Sequence[AuditLog]
    store: LogStore
    recent: Callable[[str, int], Sequence[CosignedHead]]
    view: Callable[[], TrustView]
    clock: Clock

    def of(self, log: str, index: int) -> Placed:
        """Return the proof of an entry under the newest head that witnesses cosigned, else under the newest head.

        The entry is hashed anew. Raises `Unknown` for a log that goes on under another number by now, `Contradicted`
        where the proof does not lead to the head.
        """
        opened = next((item for item in self.logs if item.store_name == log), None)
        body = next((body for _, body, _ in self.store.bodies(log, index, index + 1)), None)
        if opened is None or body is None:
            raise Unknown(
                "this log goes on under another number: verify it as a whole",
                code="log-continued",
                where=log,
                remedy="liaison audit verify",
            )
        head, cosigned = self._cosigned(opened, index)
        if head is None:
            head = opened.verified(opened.proof(index).checkpoint)
        leaf, path = leaf_hash(body), opened.inclusion(index, head.size)
        try:
            verify_inclusion(leaf, index, head.size, path, head.root)
        except LiaisonError as error:
            raise Contradicted(
                "entry {index} is not in the tree of the signed head",
                code="not-in-log",
                where=log,
                remedy="verify the log: liaison audit verify",
                index=index,
            ) from error
        return Placed(log, index, leaf, path, head, cosigned)

    def _cosigned(self, log: AuditLog, index: int) -> tuple[Checkpoint | None, Sequence[Cosigned]]:
        witnesses, now_us = witnesses_of(self.view(), self.member), self.clock.now_us()
        for item in self.recent(log.store_name, _HEADS):
            if item.size <= index:
                break
            head = log.verified(item.checkpoint)
            if found := verify_cosignatures(head, item.lines, witnesses, now_us):
                return head, found
        return None, ()
