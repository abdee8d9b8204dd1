"""The parts of a node that ask: officers' searches, our receipts of answers, and the copies that officers keep."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.rounds import UPKEEP, UPKEEP_S, WATCH_S, Round
from gateway.audit.accounts.receipts import ChannelBook
from gateway.desk.alerts.gate import AlertGate, Contacts
from gateway.desk.raising import from_hits, from_warning
from gateway.exchange.asking.abandoned import LostQuestions
from gateway.exchange.asking.ask import Asker
from gateway.exchange.asking.breaker import Breakers
from gateway.exchange.asking.copies import Copies
from gateway.exchange.asking.entries import Confirming
from gateway.exchange.asking.inquiry import Asked, Inquiry
from gateway.exchange.asking.own_agencies import AlertSource, OwnSources
from gateway.exchange.asking.searches import OfficerSearches
from gateway.exchange.receipts.receipts import Acknowledger
from gateway.exchange.sources.bulkhead import Bulkhead
from gateway.model.desk.threads import ThreadKey
from gateway.model.search import ShownHit
from gateway.ports.desk import Work

_REACH_S = 1.5
"""Seconds in which a counterpart that was silent must answer a call to count as reached."""


@dataclass(slots=True)
class Asking:
    """The parts that ask, with their rounds; they serve no message."""

    asker: Asker
    searches: OfficerSearches
    acknowledger: Acknowledger
    gate: AlertGate
    contacts: Contacts
    alert_wall: Bulkhead
    rounds: Sequence[Round]


def build_asking(core: Core) -> Asking:
    """Put together the parts that ask counterparts; none of them runs yet."""
    resources, parts, writers = core.resources, core.parts, core.writers
    log = resources.exchange_log.store_name
    book = ChannelBook(parts.documents, resources.store, log, parts.clock, parts.member)
    acknowledger = Acknowledger(parts, book, core.peers, writers.operations)
    contacts = Contacts(parts.documents, parts.clock, core.counterparts.signed_us)
    gate = AlertGate(parts, core.desk, contacts)
    wall = Bulkhead(gate, parts.clock, 1, resources.turn)
    own = OwnSources(
        parts.member,
        core.walls,
        parts.suspensions,
        parts.clock,
        parts.make_reference,
        alerts=AlertSource(wall, gate),
    )
    budget_s = resources.settings.limits.budget_ms / 1000
    asker = Asker(
        parts, own, core.peers, writers, acknowledger.received, core.pseudonyms.make, budget_s, _confirming(gate)
    )
    searches = OfficerSearches(
        parts,
        asker,
        resources.reserve.check,
        shared=resources.database.shared,
        heard=core.counterparts.answered,
        filtered=core.ledger.filtered,
        forked=core.heads.is_forked,
    )
    rounds = _rounds(core, acknowledger, asker.breakers)
    return Asking(asker, searches, acknowledger, gate, contacts, wall, rounds)


def _confirming(gate: AlertGate) -> Confirming:
    """Return what raises the work of confirming hits, and alerts of counterparts that our own gate has found."""

    def answered(asked: Asked, count: int) -> tuple[Work, ...]:
        inquiry, key = asked.inquiry, ThreadKey(asked.member, asked.request.exchange_id)
        return from_hits(inquiry.officer, key, count, inquiry.search_id, inquiry.begun_us)

    def warned(inquiry: Inquiry, hits: Sequence[ShownHit]) -> tuple[Work, ...]:
        found = gate.of_counterparts(hits)
        return tuple(from_warning(inquiry.officer, key, inquiry.search_id, inquiry.begun_us) for key in found)

    return Confirming(answered, warned)


def _rounds(core: Core, acknowledger: Acknowledger, breakers: Breakers) -> list[Round]:
    resources, documents, shared = core.resources, core.parts.documents, core.resources.database.shared
    copies = Copies(documents)
    questions = LostQuestions(
        resources.store, resources.exchange_log.store_name, documents, resources.clock, core.is_notice
    )

    async def receipts() -> None:
        if shared:
            acknowledger.resume(core.others)  # the other processes received, and this one acknowledges
        await acknowledger.round()

    async def lost() -> None:
        # A process alone finds them at its start; of several, one may have ended while the others went on.
        if shared:
            for draft in await asyncio.to_thread(questions.find):
                await core.writers.exchange.write(draft)
            await asyncio.to_thread(questions.noted)

    async def reach() -> None:
        silent = breakers.open
        reached = await asyncio.gather(*(core.peers.reaches(member, _REACH_S) for member in silent))
        for member in (each for each, found in zip(silent, reached, strict=True) if found):
            breakers.reached(member)

    return [
        Round("silent counterparts", WATCH_S, reach, leader_only=False),
        Round("receipts", WATCH_S, receipts),
        Round("copies", UPKEEP_S, lambda: copies.delete_over(core.proved.now_us(), core.note), line=UPKEEP),
        Round("lost questions", UPKEEP_S, lost, line=UPKEEP),
    ]
