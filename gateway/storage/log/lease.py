"""Lease a log of a server's database to one process of a node at a time (decision 0098).

A row for each log holds the epoch of its lease. Taking the lease adds one. A batch is written only under the epoch
that its writer took, so a process that was suspended can never write after its lease has ended. The row is `busy`
from the taking to the end of the first batch, and until then others wait. After that they may take the lease at any
moment, and a process that loses it so builds its batch again. Lest that happens often, a process takes the lease anew
for each batch until it has found `ALONE` times in a row that no other had it. One that stands still while it is busy
loses its lease, too, when another has waited `PATIENCE_S` and has seen nothing move. No machine's clock is compared
with another's.

A process that stands still between two of its statements keeps their locks, and the server's own limit does not end
that where the statements travel together: it waits for the next one as for the rest of one message. So who waits for
the log has such a session ended, whose client has said nothing for `_SILENT_S`.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from gateway.clock import steady_ns
from gateway.errors import StorageBroken
from gateway.pauses import OwnPauses
from gateway.storage.database.engine import Database
from gateway.storage.database.prepared import in_one_trip

PATIENCE_S = 0.5
"""Seconds that a process waits for one that is busy and does not move. Doubled each time that it lost its own lease
before a batch was written, so that slow machines do not take the lease from each other for ever."""

ALONE = 8
"""Times in a row that a process finds that no other has had the lease, after which it writes without asking."""

_MOST_PATIENCE_S = 4.0
_SILENT_S = 2
_GIVES_UP_S = 20.0
_PAUSES_S = (0.001, 0.002, 0.004, 0.008)

# Whether the taking is on disk does not matter: a server that forgets it has also forgotten the sessions of before, and
# the next batch puts it on disk. A row that a commit has locked is tried again, so that readers do not wait behind it.
_TAKE = """
UPDATE log_lease SET epoch = epoch + 1, busy = true WHERE log_id = (
    SELECT log_id FROM log_lease WHERE log_id = %s AND (NOT busy OR epoch = %s) FOR UPDATE SKIP LOCKED
) RETURNING epoch, set_config('synchronous_commit', 'off', true)
"""
_SEEN = """
SELECT log_state.*, log_lease.epoch FROM log_state LEFT JOIN log_lease ON log_lease.log_id = log_state.id
WHERE log_state.id = %s
"""
_MAKE = "INSERT INTO log_lease (log_id, epoch, busy) VALUES (%s, 0, false) ON CONFLICT DO NOTHING"
_REST = """
UPDATE log_lease SET busy = false WHERE log_id = %s AND epoch = %s
RETURNING set_config('synchronous_commit', 'off', true)
"""
_END_SILENT = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = current_user AND datname = current_database()
AND wait_event = 'ClientRead' AND state_change < clock_timestamp() - make_interval(secs => %s) AND pid IN (
    SELECT pid FROM pg_locks WHERE relation = 'log_lease'::regclass AND mode IN ('RowShareLock', 'RowExclusiveLock')
    AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
)
"""
_NONE = -1


@dataclass(slots=True)
class _Lease:
    """The lease of one log: its epoch, `_NONE` where we hold none, and the last one that we have had.

    `lost` counts losses since our last batch, `alone` the times that no other has had the lease since we had it.
    `returns` is how often the server had come back when we took it: one that was away may have forgotten the taking.
    """

    epoch: int = _NONE
    last: int = _NONE
    busy: bool = False
    lost: int = 0
    alone: int = 0
    returns: int = 0


class Leases:
    """The leases of this process. Each log has one thread at a time that uses its lease."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._leases: dict[int, _Lease] = {}

    def holds(self, log_id: int) -> bool:
        """Tell whether the lease is ours, as far as we know, or was before the server was away."""
        lease = self._leases.get(log_id)
        return lease is not None and lease.epoch != _NONE

    def asks(self, log_id: int) -> bool:
        """Tell whether the lease has to be taken for the next batch: others may have had it, or may want it."""
        lease = self._leases.get(log_id)
        return lease is None or self.epoch(log_id) == _NONE or lease.alone < ALONE

    def epoch(self, log_id: int) -> int:
        """Return the epoch of our lease, as far as we know; one that no lease has where we hold none."""
        lease = self._leases.get(log_id)
        return lease.epoch if lease and lease.returns == self._database.absence.returns else _NONE

    def take(self, log_id: int) -> Any:
        """Take the lease, from another process if need be. Return the log's row, which stays while we hold the lease.

        Raises `StorageBroken` when the row is locked for too long.
        """
        lease = self._leases.setdefault(log_id, _Lease())
        patience_s = min(_MOST_PATIENCE_S, PATIENCE_S * 2**lease.lost)
        seen, since_ns, looks, pauses = None, steady_ns(), 0, chain(_PAUSES_S, repeat(_PAUSES_S[-1]))
        stood = OwnPauses()  # also with the database, where a transaction does not end either
        while True:
            stood.beat()
            waited_s = (steady_ns() - since_ns) / 1e9
            returns = self._database.absence.returns
            taken, row = self._try(log_id, seen[0] if seen and waited_s >= patience_s else _NONE)
            if taken is not None:
                lease.alone = lease.alone + 1 if taken == lease.last + 1 else 0
                lease.epoch = lease.last = taken
                lease.returns = returns
                lease.busy = True
                return row
            if (row.epoch, row.size) != seen:
                seen, since_ns, looks = (row.epoch, row.size), steady_ns(), 0
            elif stood.over(waited_s, _GIVES_UP_S):
                raise StorageBroken(
                    "a transaction of another process holds the log, and does not end",
                    code="storage-locked",
                    where="append",
                    remedy="look for it in pg_stat_activity at the server, then start the node again",
                )
            elif waited_s >= _SILENT_S * (looks + 1):
                looks += 1
                with self._database.read("lease") as connection:
                    connection.exec_driver_sql(_END_SILENT, (_SILENT_S,))
            time.sleep(next(pauses))

    def _try(self, log_id: int, stalled: int) -> tuple[int | None, Any]:
        """Try to take the lease once. Return its new epoch, None where it is not to be had, and the log's row."""
        with self._database.read("lease") as connection:
            taken, (row,) = in_one_trip(connection, (_TAKE, (log_id, stalled)), (_SEEN, (log_id,)))
            if row.epoch is None:
                connection.exec_driver_sql(_MAKE, (log_id,))
        return (taken[0].epoch if taken else None), row

    def written(self, log_id: int) -> None:
        """Note that a batch was written, which ended our being busy."""
        lease = self._leases[log_id]
        lease.busy, lease.lost = False, 0

    def lost(self, log_id: int) -> None:
        """Note that another process has taken the lease."""
        lease = self._leases[log_id]
        lease.epoch, lease.busy, lease.lost, lease.alone = _NONE, False, lease.lost + 1, 0

    def rest(self, log_id: int) -> None:
        """Let others take the lease now, where we are still busy."""
        lease = self._leases[log_id]
        if lease.busy:
            lease.busy = False
            with self._database.read("lease") as connection:
                connection.exec_driver_sql(_REST, (log_id, lease.epoch))

    def settle(self, log_id: int) -> None:
        """Take the lease and give it up: whatever others had built under theirs is written by now, or refused."""
        self.take(log_id)
        self.rest(log_id)
        self._leases[log_id].epoch = _NONE
