"""Delete threads and copies whose time is over; a node does it in its rounds. Their entries stay in the log."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from gateway.audit.retention.holds import Hold, holding
from gateway.model.desk.threads import ThreadKey
from gateway.ports.desk import DeskStore

_BATCH = 100


def forget_ended(store: DeskStore, holds: Sequence[Hold], before_us: int, now_us: int) -> int:
    """Delete threads that were closed before a time, and copies that may not be there any more. Return their number.

    A thread stays while something of it waits, and while one of `holds`, all of them in force, covers one of its
    notices.
    """
    ended = (key for key in store.ended(before_us) if not _is_held(store, key, holds))
    count = 0
    while batch := list(islice(ended, _BATCH)):
        store.forget(batch)
        count += len(batch)
    while gone := store.forget_copies(now_us, _BATCH):
        count += gone
    return count


def _is_held(store: DeskStore, key: ThreadKey, holds: Sequence[Hold]) -> bool:
    if not holds:
        return False
    return any(holding(holds, log, index, exchange) is not None for log, index, exchange in store.places(key))
