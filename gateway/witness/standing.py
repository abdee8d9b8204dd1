"""The state of a log's witnessing: the newest head with a quorum, and how old it is (also from a store alone)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from gateway.audit.tree.checkpoint import parse_checkpoint
from gateway.audit.tree.cosignature import Cosigned, Witness, reaches_quorum, verify_cosignatures
from gateway.pauses import OWN
from gateway.witness.ports import WitnessStore

LOST_US = 15 * 60 * 1_000_000
"""An entry that has been under no head with a quorum for longer than this is an alarm."""

_LOOKED_AT = 16


class Standing(msgspec.Struct, frozen=True):
    """One log: its size, the newest head with a quorum (size 0 and no cosignatures: there is none), when that head
    was the newest, and since when (microseconds since 1970) there have been entries beyond it; 0 when there are none.
    """

    log: str
    size: int
    covered: int
    covered_us: int
    open_us: int
    cosigned: tuple[Cosigned, ...]

    def age_s(self, now_us: int) -> int:
        """Return how long entries have been waiting for a quorum, in seconds; 0 when all are under one."""
        return max(0, now_us - self.open_us) // 1_000_000 if self.open_us else 0

    def lost(self, now_us: int) -> bool:
        """Tell whether entries have been waiting for too long."""
        return self.open_us > 0 and OWN.over((now_us - self.open_us) / 1e6, LOST_US / 1e6)


def standing(
    store: WitnessStore,
    log: str,
    size: int,
    witnesses: Sequence[Witness],
    quorum: int,
    now_us: int,
    time_of: Callable[[int], int],
    begun_us: int = 0,
) -> Standing:
    """Return the standing of `log` with `size` entries, whose times `time_of` returns.

    Entries wait since the first of them was written: of a log in which nothing was written for long, nothing waits.
    `begun_us` counts where no head ever had a quorum.
    """
    for head in store.recent(log, _LOOKED_AT):
        found = verify_cosignatures(parse_checkpoint(head.checkpoint), head.lines, witnesses, now_us)
        if reaches_quorum(found, quorum):
            open_us = max(head.time_us, time_of(head.size)) if size > head.size else 0
            return Standing(log, size, head.size, head.time_us, open_us, tuple(found))
    return Standing(log, size, 0, 0, begun_us if size else 0, ())
