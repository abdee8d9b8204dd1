"""The originator's control at a node: the ledger of copies, changes that reach each holder, and their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.desks.second_step import agency_of
from gateway.app.rounds import UPKEEP_S, Round
from gateway.audit.log.numbers import kept_us
from gateway.desk.acting.parts import DeskParts
from gateway.desk.delivery.content import ContentDoor, Fetching
from gateway.desk.delivery.effects import EffectTable
from gateway.desk.originator.changing import Originator
from gateway.desk.originator.confirming import Alarms, Confirmations
from gateway.desk.originator.evidence import Evidence
from gateway.desk.originator.holders import HoldersView
from gateway.desk.originator.lost_copies import LostCopies
from gateway.desk.originator.obeying import Compliance, Erase, Obedience
from gateway.desk.originator.renewing import Renewal
from gateway.desk.originator.restoring import Recovery
from gateway.desk.originator.returning import Returns
from gateway.desk.originator.third_members import ThirdMembers
from gateway.desk.originator.watching import SourceWatch
from gateway.desk.originator.withdrawn import HoldingBack
from gateway.model.desk.notices import NoticeType
from gateway.model.names import MemberId
from gateway.node.client import Deliveries
from gateway.storage.keys.references import HitReferences

_COMPLY_S = 2.0
_RECOVER_S = 5.0
_TOLD_S = 2.0


@dataclass(frozen=True, slots=True)
class OriginatorDesk(Brought):
    """The use cases of owners and holders, and their rounds."""

    originator: Originator
    compliance: Compliance
    holders: HoldersView
    returns: Returns
    recovery: Recovery
    holding: HoldingBack


def confirmations(core: Core) -> Confirmations:
    """Return what confirmations of holders change."""
    return Confirmations(core.parts.member, core.desk)


def change_effects(core: Core) -> EffectTable:
    """Return what changes and their confirmations do beside their thread."""
    evidence = Evidence(core.kept, core.desk)
    return {
        NoticeType.CHANGE: Obedience(core.parts, evidence).effect,
        NoticeType.STATUS: confirmations(core).effect,
    }


def build_originator(
    core: Core,
    desk: DeskParts,
    erase: Erase,
    effects: EffectTable,
    reached: Callable[[MemberId], None],
    door: ContentDoor,
    fetching: Fetching,
) -> OriginatorDesk:
    """Put together the originator's control; nothing of it runs yet. `reached` sends what waits for a counterpart."""
    parts, evidence = core.parts, Evidence(core.kept, desk.store)
    owner = partial(agency_of, core.walls)
    holding = HoldingBack(desk, core.held_back, core.walls, owner)
    originator = Originator(desk, evidence, owner, Renewal(parts, core.walls, evidence), holding.hold)
    compliance = Compliance(desk, evidence, erase, ThirdMembers(desk))
    holders = HoldersView(parts.member, desk.store, lambda member: parts.trust().active(member), owner)
    references = HitReferences(core.resources.settings.keystore, core.resources.clock)
    log, store = core.resources.exchange_log.store_name, core.resources.store
    recovery = Recovery(
        parts,
        desk.store,
        desk.pen,
        Deliveries(core.peers, past_suspension=False),
        fetching,
        effects,
        core.heard,
        LostCopies(parts, desk.store, references.resolve, owner),
        lambda: kept_us(store, log),
        lambda: core.others,
        reached,
        holding.hold,
    )
    telling = frozenset(each.id for each in core.resources.settings.sources if each.tells_changes)

    def is_automatic(source: str) -> bool:
        """Tell whether holders are told at once; of a report too, since a human has withdrawn it."""
        return source in telling or any(wall.description.id == source for wall in core.library)

    watch = SourceWatch(desk, evidence, core.walls, is_automatic, originator.change_by_itself)
    rounds = [
        Round("rows behind copies", UPKEEP_S, watch.round),
        Round("rows that sources tell of", _TOLD_S, watch.told, leader_only=False),
        Round("rows that are held back", UPKEEP_S, holding.round),
        Round("what others hold back", _TOLD_S, holding.follow, leader_only=False),
        Round("lost notices", _RECOVER_S, recovery.round),
        Round("changes of counterparts", _COMPLY_S, compliance.round),
        Round("unconfirmed changes", UPKEEP_S, Alarms(desk).round),
    ]
    returns = Returns(desk, evidence, door)
    return OriginatorDesk(originator, compliance, holders, returns, recovery, holding, rounds=rounds)
