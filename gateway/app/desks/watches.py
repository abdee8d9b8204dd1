"""The parts of a node that ask for watches, and look after those that are here, with their rounds."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.desks.brought import Brought
from gateway.app.rounds import WATCH_S, Round
from gateway.desk.acting.parts import DeskParts
from gateway.desk.watches.book import LiveWatch
from gateway.desk.watches.looking import Looker, own_question
from gateway.desk.watches.own import OwnWatches
from gateway.desk.watches.spread import WatchSpread
from gateway.desk.watches.standing import Standing
from gateway.desk.watches.telling import Telling
from gateway.desk.watches.values import WATCHES, WhyPaused
from gateway.desk.watches.watching import Watching
from gateway.model.desk.threads import ThreadKind

_SPREAD_S = 15.0


@dataclass(frozen=True, slots=True)
class Watches(Brought):
    """The use cases of watches, and those that are here."""

    own: OwnWatches
    standing: Standing
    watching: Watching


def build_watches(core: Core, desk: DeskParts) -> Watches:
    """Put together the watches' parts; nothing of it runs yet."""
    people, walls, watching = core.people, core.resources.walls, build_watching(core, desk)

    def why_paused(person: str, now_us: int) -> WhyPaused | None:
        if people.bars(person):
            return WhyPaused.ACCOUNT_BARRED
        listed = people.person(person)
        return None if listed is None or listed.is_trained(now_us) else WhyPaused.TRAINING_OVER

    spread = WatchSpread(desk, why_paused)
    rounds = [
        Round("watches of ours", _SPREAD_S, spread.round),
        Round("changed rows", WATCH_S, watching.told),
        Round("watches", WATCH_S, watching.round),
    ]
    own = OwnWatches(desk, spread, watching.looker, walls, people.is_anybody_on_duty)
    decides, wakes = {ThreadKind.WATCH: own}, (watching.changed,)
    return Watches(own, Standing(desk), watching, rounds=rounds, decides=decides, wakes=wakes)


def build_watching(core: Core, desk: DeskParts) -> Watching:
    """Put together what looks after the watches that are here."""

    def allowed(watch: LiveWatch) -> bool:
        own = WATCHES.of(desk.store.thread(watch.key))
        if own is None:
            return False
        asked = own_question(own.author, own.subject, own.purpose.value, own.offence.value, own.case)
        return core.parts.policy().may_ask(asked, core.parts.clock.now_us()).allow

    looker, held_back = Looker(core.parts), core.held_back
    return Watching(desk, core.resources.walls, looker, Telling(desk), allowed, lambda: held_back.ended)
