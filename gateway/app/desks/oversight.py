"""The parts of a node that look after the desk itself: incidents, reviews, and the watch over our own log."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.asking_parts import Asking
from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.desks.second_step import own_answers
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.budget import KeepingBudget
from gateway.desk.misuse.issuing import MisuseDesk, TokenSpread
from gateway.desk.oversight.freezing import FreezeDesk
from gateway.desk.oversight.incidents import IncidentDesk
from gateway.desk.oversight.outages import Outages
from gateway.desk.oversight.raised import OverBudget
from gateway.desk.oversight.reviewing import ReviewDesk
from gateway.desk.oversight.spreading import IncidentSpread
from gateway.desk.oversight.watching import OwnLogWatch
from gateway.model.desk.threads import ThreadKind

_INCIDENTS_S = 5.0


@dataclass(frozen=True, slots=True)
class Oversight(Brought):
    """The use cases of oversight, and their rounds."""

    incidents: IncidentDesk
    freezes: FreezeDesk
    reviews: ReviewDesk
    misuse: MisuseDesk
    outages: Outages


def build_oversight(core: Core, desk: DeskParts, asking: Asking, budget: KeepingBudget) -> Oversight:
    """Put together the oversight; nothing of it runs yet."""
    resources, spread, tokens = core.resources, IncidentSpread(desk), TokenSpread(desk)
    watch = OwnLogWatch(
        desk,
        resources.home.oversight,
        core.pseudonyms.key_for("oversight"),
        lambda: (resources.exchange_log.store_name, resources.operations_log.store_name),
        lambda: core.resources.settings.oversight.review_percent,
        core.people.off_shift,
        asking.gate.told_since_us,
    )
    outages = Outages(desk, spread, lambda: core.leadership.processes, tells_stops=resources.settings.node.production)
    rounds = [
        Round("outages of ours", UPKEEP_S, outages.round),
        Round("incidents of ours", _INCIDENTS_S, spread.round),
        Round("withdrawn tokens", UPKEEP_S, tokens.round, line=UPKEEP),
        Round("our own questions", WATCH_S, watch.round),
        Round("budgets", WATCH_S, OverBudget(desk, budget).round, leader_only=False),
    ]
    freezes = FreezeDesk(desk, core.people.is_anybody_on_duty, core.freeze)
    misuse = MisuseDesk(desk, own_answers(core), tokens)
    incidents, decides = IncidentDesk(desk, spread), {ThreadKind.SERVICE: freezes}
    return Oversight(incidents, freezes, ReviewDesk(desk), misuse, outages, rounds=rounds, decides=decides)
