"""The parts of a node that raise, spread and take alerts, with their rounds."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial

from gateway.app.asking_parts import Asking
from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.alerts.gate import AlertGate, Contacts
from gateway.desk.alerts.own import OwnAlerts
from gateway.desk.alerts.spread import AlertSpread
from gateway.desk.alerts.taken import TakenAlerts
from gateway.desk.packs.shelf import Shelf
from gateway.model.desk.threads import ThreadKind

_LOAD_S = 30.0
_COPIES_S = 5.0


@dataclass(frozen=True, slots=True)
class Alerts(Brought):
    """The use cases of alerts, and the source that finds them at the gate."""

    own: OwnAlerts
    taken: TakenAlerts
    gate: AlertGate
    contacts: Contacts

    def load(self) -> None:
        """Read the last words of counterparts, and the alerts that stand. It blocks."""
        self.contacts.keep()
        self.gate.load()


def build_alerts(desk: DeskParts, asking: Asking, core: Core) -> Alerts:
    """Put together the alerts' parts. Where several processes share a database, each looks for the others' alerts."""
    spread = AlertSpread(desk)
    taken = TakenAlerts(desk, asking.gate)
    gate, contacts, shared = asking.gate, asking.contacts, core.resources.database.shared
    shelf = Shelf(desk, gate, core.resources.home.offices)
    rounds = [
        Round("alerts of ours", WATCH_S, spread.round),
        Round("alerts", WATCH_S if shared else _LOAD_S, partial(asyncio.to_thread, gate.load), leader_only=False),
        Round("copies for offices", _COPIES_S, partial(shelf.write_copies, core.note)),
        Round("look-ups of offices", WATCH_S, shelf.take_in),
        Round("contacts", UPKEEP_S, partial(asyncio.to_thread, contacts.keep), leader_only=False, line=UPKEEP),
    ]
    own = OwnAlerts(desk, spread.home, core.people.is_anybody_on_duty, spread.bring_up)
    decides, wakes = {ThreadKind.ALERT: own}, (gate.changed,)
    return Alerts(own, taken, gate, contacts, rounds=rounds, decides=decides, wakes=wakes)
