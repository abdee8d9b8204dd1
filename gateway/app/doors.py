"""The doors of a node: one for each row of the table of methods, beside the exchanges that `NodeServer` serves."""

from __future__ import annotations

from collections.abc import Callable

from gateway.app.node_parts import NodeParts
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.rpc.contract import Call, Door


def node_doors(node: NodeParts, serving: Callable[[], bool]) -> list[Door[MemberId]]:
    """Return the doors at which `node` serves; `serving` says whether it answers exchanges."""

    async def health(_call: Call[MemberId], _request: None) -> bool:
        return serving()

    return [
        methods.ACKNOWLEDGE.door(lambda call, receipt: node.receipts.take(call.who, receipt)),
        methods.CONSENT.door(lambda call, envelope: node.consents.take(call.who, envelope)),
        methods.COMPARE_DAY.door(lambda call, envelope: node.days.take(call.who, envelope)),
        methods.ADD_CHECKPOINT.door(lambda call, head: node.witness.cosign(call.who, *head)),
        methods.LARGEST_HEAD.door(lambda call, origin: node.witness.largest_head(call.who, origin)),
        methods.HEALTH_CHECK.door(health),
    ]
