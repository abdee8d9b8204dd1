"""Put together what erases a running node's content."""

from __future__ import annotations

from functools import partial

from gateway.app.ground import Ground
from gateway.ops.orders.erasure_orders import ErasureDesk
from gateway.ops.orders.erasure_parts import erasure_desk, require_timely
from gateway.ports.journal import Journal


def node_desk(ground: Ground, operations: Journal) -> ErasureDesk:
    """The desk of a running node."""

    def settle() -> None:
        ground.exchange_log.settle()
        ground.operations_log.settle()

    timely = partial(require_timely, ground.clock, ground.member, lambda: ground.trust.view)
    return erasure_desk(
        ground.settings, ground.clock, ground.database, ground.store, ground.keystore, operations, settle, timely
    )
