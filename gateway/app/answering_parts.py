"""The parts of a node that answer counterparts: answers, their receipts, and the accounts of a day."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.app.core import Core
from gateway.app.rounds import UPKEEP_S, WATCH, WATCH_S, Round
from gateway.audit.accounts.receipts import ReceiptBook
from gateway.config.schema import Limits
from gateway.exchange.answering.admission import AdmissionLimits
from gateway.exchange.answering.answer import Answerer
from gateway.exchange.answering.gather import Gatherer
from gateway.exchange.answering.inbound import ReplySink
from gateway.exchange.receipts.days import DayAccounts
from gateway.exchange.receipts.receipts import DebtLimits, Debts, ReceiptTaker
from gateway.model.names import MemberId
from gateway.rpc import methods
from gateway.rpc.contract import Door


class ReplyRelease:
    """Hands replies from the threads of the stages over to the event loop of the server."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def start(self) -> None:
        """Release to the running loop."""
        self._loop = asyncio.get_running_loop()

    def release(self, packed: list[tuple[ReplySink, list[bytes], int]]) -> None:
        """Deliver messages to their streams, in the loop; call it from any thread."""

        def deliver() -> None:
            for sink, messages, count in packed:
                sink.deliver(messages, count)

        # At the end of a process stages may still have replies, and the streams for them are gone.
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(deliver)


@dataclass(slots=True)
class Answering:
    """The parts that answer, with their rounds and doors."""

    answerer: Answerer
    release: ReplyRelease
    receipts: ReceiptTaker
    debts: Debts
    days: DayAccounts
    rounds: Sequence[Round]

    @property
    def doors(self) -> list[Door[MemberId]]:
        """The doors for counterparts' other messages than exchanges."""
        return [
            methods.ACKNOWLEDGE.door(lambda call, receipt: self.receipts.take(call.who, receipt)),
            methods.COMPARE_DAY.door(lambda call, envelope: self.days.take(call.who, envelope)),
        ]


def build_answering(core: Core) -> Answering:
    """Put together the parts that answer counterparts; none of them runs yet."""
    resources, parts, operations = core.resources, core.parts, core.writers.operations
    bounds, log = resources.settings.limits, resources.exchange_log.store_name
    book = ReceiptBook(parts.documents, resources.store, log)
    debts = Debts(book, parts.documents, resources.clock, operations, lambda: core.others, debt_limits(bounds))
    release = ReplyRelease()
    answerer = Answerer(
        parts,
        Gatherer(parts, core.walls),
        release.release,
        core.fatal,
        admission_limits(bounds),
        bounds.source_timeout_ms / 1000,
        resources.turn,
        debts.check,
        core.incidents,
        lambda: core.leadership.processes,
    )
    receipts = ReceiptTaker(parts, book, operations, debts.advanced)
    days = DayAccounts(
        parts,
        resources.store,
        log,
        core.peers,
        operations,
        lambda: [member for member in core.others if parts.trust().active(member)],
    )
    rounds = [
        Round("receipt debt", WATCH_S, lambda: debts.round(core.leadership.leads), leader_only=False, line=WATCH),
        Round("days", UPKEEP_S, days.round),
    ]
    return Answering(answerer, release, receipts, debts, days, rounds)


def admission_limits(bounds: Limits) -> AdmissionLimits:
    """Return the limits of what counterparts can ask."""
    return AdmissionLimits(bounds.in_flight_per_member, bounds.queue, bounds.rate_per_member, bounds.burst_per_member)


def debt_limits(bounds: Limits) -> DebtLimits:
    """Return the limits of what counterparts may owe."""
    return DebtLimits(bounds.receipt_debt, bounds.receipt_debt_s)
