"""The parts of a node that bring humans' acts into effect: consent, onward use, inspections, erasures and holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.app.core import Core
from gateway.app.rounds import WATCH, WATCH_S, Round
from gateway.desk.consent_outbox import ConsentOutbox
from gateway.desk.consent_requests import ConsentDesk
from gateway.desk.onward import OnwardDesk
from gateway.model.names import MemberId
from gateway.ops.orders.erasure_orders import ErasureDesk
from gateway.ops.orders.erasure_parts import erasure_desk, require_timely
from gateway.ops.orders.inspection_home import inspection_desk
from gateway.ports.officers import Searches
from gateway.rpc import methods
from gateway.rpc.contract import Door

_INSPECTIONS_S = 0.2


@dataclass(slots=True)
class Desk:
    """What waits for humans and what they decided, with its rounds and what it serves."""

    consents: ConsentDesk
    outbox: ConsentOutbox
    onward: OnwardDesk
    rounds: Sequence[Round]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """Return what serves counterparts that ask for consent."""
        return [methods.CONSENT.door(lambda call, envelope: self.consents.take(call.who, envelope))]


def build_desk(core: Core, searches: Searches) -> Desk:
    """Put together the desk; nothing of it runs yet."""
    resources, parts, operations = core.resources, core.parts, core.writers.operations
    consents = ConsentDesk(parts, core.kept, operations)
    outbox = ConsentOutbox(parts, core.peers, operations, shared=resources.database.shared)
    log, pseudonym = resources.exchange_log.store_name, core.pseudonyms.make
    onward = OnwardDesk(parts, searches, core.kept, outbox, operations, log, pseudonym)
    inspections = inspection_desk(
        resources.home,
        resources.member,
        resources.clock,
        resources.store,
        resources.keystore,
        resources.operations_log,
    )
    rounds = [
        Round("decisions", WATCH_S, consents.round, line=WATCH),
        Round("consents", WATCH_S, outbox.round),
        Round("erasures", WATCH_S, partial(asyncio.to_thread, node_erasures(core).round)),
        Round("inspections", _INSPECTIONS_S, partial(asyncio.to_thread, inspections.run)),
    ]
    return Desk(consents, outbox, onward, rounds)


def node_erasures(core: Core) -> ErasureDesk:
    """Put together what erases a running node's content."""
    resources = core.resources

    def settle() -> None:
        resources.exchange_log.settle()
        resources.operations_log.settle()

    return erasure_desk(
        resources.settings,
        resources.clock,
        resources.database,
        resources.store,
        resources.keystore,
        core.parts.operations,
        settle,
        partial(require_timely, resources.clock, resources.member, lambda: resources.trust.view),
    )
