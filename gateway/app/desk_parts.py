"""The parts of a node that bring humans' acts into effect: consent, onward use, inspections, erasures and holds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from gateway.agency.token_keys import handed_in
from gateway.app.core import Core
from gateway.app.rounds import WATCH, WATCH_S, Round
from gateway.desk.consent_outbox import ConsentOutbox
from gateway.desk.consent_requests import ConsentDesk
from gateway.desk.onward import OnwardDesk
from gateway.errors import Unsupported
from gateway.model.desk.notices import NoticeMessage
from gateway.model.exchange import AnswerMessage
from gateway.model.names import MemberId
from gateway.ops.acts.parts import Desks, Stands, desks_on
from gateway.ports.officers import Searches
from gateway.rpc import methods
from gateway.rpc.contract import Call, Door

_QUICK_ACTS_S = 0.2


@dataclass(slots=True)
class Desk:
    """The parts that hold requests and decisions of humans, with their rounds and doors."""

    consents: ConsentDesk
    outbox: ConsentOutbox
    onward: OnwardDesk
    acts: Desks
    rounds: Sequence[Round]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """The doors for counterparts that ask for consent, and that deliver notices."""
        return [
            methods.CONSENT.door(lambda call, envelope: self.consents.take(call.who, envelope)),
            methods.DELIVER_NOTICE.door(_take_no_notice),
        ]


async def _take_no_notice(call: Call[MemberId], _: NoticeMessage) -> AnswerMessage:
    """Refuse a notice: no descriptor of ours lists a type that we take."""
    raise Unsupported("this member takes no notices", where=call.who)


def build_desk(core: Core, searches: Searches) -> Desk:
    """Put together the desk; nothing of it runs yet."""
    resources, parts, operations = core.resources, core.parts, core.writers.operations
    consents = ConsentDesk(parts, core.kept, operations)
    outbox = ConsentOutbox(parts, core.peers, operations, shared=resources.database.shared)
    log, pseudonym = resources.exchange_log.store_name, core.pseudonyms.make
    onward = OnwardDesk(parts, searches, core.kept, outbox, operations, log, pseudonym)
    acts = node_desks(core)
    rounds = [
        Round("switches", WATCH_S, partial(asyncio.to_thread, acts.switches.log), line=WATCH),
        Round("decisions", WATCH_S, consents.round, line=WATCH),
        Round("consents", WATCH_S, outbox.round),
        Round("erasures", WATCH_S, partial(asyncio.to_thread, acts.long.round)),
        Round("acts", _QUICK_ACTS_S, partial(asyncio.to_thread, acts.quick.run)),
    ]
    return Desk(consents, outbox, onward, acts, rounds)


def node_desks(core: Core) -> Desks:
    """Put together the parts that carry out acts at a running node."""
    resources = core.resources

    def settle() -> None:
        resources.exchange_log.settle()
        resources.operations_log.settle()

    return desks_on(
        Stands(
            resources.settings,
            resources.clock,
            resources.database,
            resources.store,
            resources.keystore,
            core.parts.operations,
            resources.operations_log.store_name,
            settle,
            lambda: resources.trust.view,
            lambda: core.parts.suspensions.switches,
            handed_in(resources.settings, resources.clock, core.tokens, core.parts.suspensions),
            lambda: core.proved.now_us() > 0,
        )
    )
