"""Put together what carries out acts at a running node."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from gateway.app.ground import Ground
from gateway.config.suspensions import Switch
from gateway.ops.acts.parts import Desks, OfficerOf, Stands, desks_on
from gateway.ports.journal import Journal


def node_desks(
    ground: Ground, operations: Journal, switches: Callable[[], Sequence[Switch]], officer_of: OfficerOf
) -> Desks:
    """Return the desks of a running node."""

    def settle() -> None:
        ground.exchange_log.settle()
        ground.operations_log.settle()

    return desks_on(
        Stands(
            ground.settings,
            ground.clock,
            ground.database,
            ground.store,
            ground.keystore,
            operations,
            ground.operations_log.store_name,
            settle,
            lambda: ground.trust.view,
            switches,
            officer_of,
        )
    )
