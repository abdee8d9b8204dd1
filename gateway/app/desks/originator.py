"""The originator's control at a node: the ledger of copies, changes that reach each holder, and their end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.rounds import UPKEEP_S, Round
from gateway.desk.delivery.effects import EffectTable
from gateway.desk.originator.changing import Originator
from gateway.desk.originator.confirming import Alarms, Confirmations
from gateway.desk.originator.evidence import Evidence
from gateway.desk.originator.holders import HoldersView
from gateway.desk.originator.obeying import Compliance, Erase, Obedience
from gateway.desk.originator.renewing import Renewal
from gateway.desk.parts import DeskParts
from gateway.model.desk.notices import NoticeType

_COMPLY_S = 2.0


@dataclass(frozen=True, slots=True)
class OriginatorDesk:
    """The use cases of owners and holders, and their rounds."""

    originator: Originator
    compliance: Compliance
    holders: HoldersView
    rounds: Sequence[Round]


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


def build_originator(core: Core, desk: DeskParts, erase: Erase) -> OriginatorDesk:
    """Put together the originator's control; nothing of it runs yet."""
    parts, evidence = core.parts, Evidence(core.kept, desk.store)
    walls = core.resources.walls

    def agency_of(source: str) -> str:
        return next((wall.description.agency for wall in walls if wall.description.id == source), "")

    originator = Originator(desk, evidence, agency_of, Renewal(parts, walls, evidence))
    compliance = Compliance(desk, evidence, erase)
    holders = HoldersView(parts.member, desk.store, lambda member: parts.trust().active(member), agency_of)
    rounds = [
        Round("changes of counterparts", _COMPLY_S, compliance.round),
        Round("unconfirmed changes", UPKEEP_S, Alarms(desk).round),
    ]
    return OriginatorDesk(originator, compliance, holders, rounds)
